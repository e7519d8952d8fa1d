"""The page of `govtune review` without a browser: who is let in, what is told and when, what is written."""

from __future__ import annotations

import dataclasses
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from curation import decisions
from curation.anonymise.policy import TYPES
from curation.review import desk as desks
from curation.review.cases import Case, Reviewable, Suggestion
from curation.review.turns import Why
from curation.run import Run

pytest.importorskip("fastapi", reason="the extra `review` is not installed")
httpx = pytest.importorskip("httpx")
from starlette.testclient import TestClient  # noqa: E402

from curation.review.web import app as pages  # noqa: E402
from curation.review.web.security import HEADERS, Gate  # noqa: E402
from curation.review.web.texts import FILE, LANGUAGES, texts  # noqa: E402

PORT = 8137
HERE = f"http://127.0.0.1:{PORT}"


@pytest.fixture
def desk(run: Path) -> desks.Desk:
    return desks.opened(run, size=6)


@pytest.fixture
def gate(desk: desks.Desk) -> Gate:
    return Gate(pages.create(desk), PORT, "zh")


def browser(gate: Gate, name: str = "", role: str = "annotator") -> TestClient:
    """A browser that has opened the printed address and, if there is a name, said who sits at it."""
    client = TestClient(gate, base_url=HERE)
    assert client.get(gate.address).status_code == 200
    if name:
        assert client.post("/start", data={"name": name, "role": role}).status_code == 200
    return client


def record(client: TestClient) -> dict[str, Any]:
    found = client.get("/api/record").json()["record"]
    assert isinstance(found, dict)
    return found


def answer(client: TestClient, one: dict[str, Any], value: str | None, seconds: float = 1.5) -> Any:
    said = {"id": one["id"], "content": one["content"], "value": value, "seconds": seconds}
    return client.post("/api/answer", json=said)


def spanned(client: TestClient, one: dict[str, Any], spans: list[dict[str, Any]]) -> Any:
    said = {"id": one["id"], "content": one["content"], "spans": spans, "seconds": 2}
    return client.post("/api/spans", json=said)


def written(run: Path) -> list[decisions.Decision]:
    return decisions.read(Run(run).private / decisions.NAME)


def with_case(desk: desks.Desk, id_: str, **changes: Any) -> None:
    desk._cases[id_] = dataclasses.replace(desk._cases[id_], **changes)


# Who is let in


@pytest.mark.parametrize(
    "path", ["/", "/api/record", "/static/work.js", "/nowhere", "/?token=wrong", "/?token="]
)
def test_without_the_token_nothing_is_told(gate: Gate, path: str) -> None:
    answered = TestClient(gate, base_url=HERE).get(path)
    assert answered.status_code == 403
    assert answered.text.count("\n") == 1


def test_without_the_token_nothing_is_written(gate: Gate, run: Path) -> None:
    said = {"id": "x", "content": "x", "value": None, "seconds": 1}
    assert TestClient(gate, base_url=HERE).post("/api/answer", json=said).status_code == 403
    assert written(run) == []


def test_the_token_becomes_a_cookie_that_scripts_and_other_sites_do_not_get(gate: Gate) -> None:
    client = TestClient(gate, base_url=HERE)
    answered = client.get(gate.address, follow_redirects=False)
    assert answered.status_code == 303 and answered.headers["location"] == "/"
    cookie = answered.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie and gate.token not in cookie
    assert client.get("/").status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8137", "127.0.0.1:9", "127.0.0.1", "127.0.0.1.nip.io:8137"]
)
def test_another_host_name_is_refused_even_with_the_cookie(gate: Gate, host: str) -> None:
    client = browser(gate, "王")
    assert client.get("/api/record", headers={"Host": host}).status_code == 403
    assert client.get("/api/record", headers={"Host": f"localhost:{PORT}"}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "http://127.0.0.1:9"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": HERE},
        {"Sec-Fetch-Site": "same-origin", "Origin": "https://evil.example"},
    ],
)
def test_an_answer_from_another_site_is_refused(gate: Gate, run: Path, headers: dict[str, str]) -> None:
    client = browser(gate, "王")
    one = record(client)
    said = {"id": one["id"], "content": one["content"], "value": None, "seconds": 1}
    assert client.post("/api/answer", json=said, headers=headers).status_code == 403
    assert written(run) == []


@pytest.mark.parametrize(
    "headers",
    [{}, {"Origin": HERE}, {"Sec-Fetch-Site": "same-origin", "Origin": "null"}],
)
def test_an_answer_from_the_page_is_taken(gate: Gate, run: Path, headers: dict[str, str]) -> None:
    client = browser(gate, "王")
    one = record(client)
    said = {"id": one["id"], "content": one["content"], "value": None, "seconds": 1}
    assert client.post("/api/answer", json=said, headers=headers).status_code == 200
    assert len(written(run)) == 1


def test_every_response_carries_the_headers(gate: Gate) -> None:
    client = browser(gate, "王")
    stranger = TestClient(gate, base_url=HERE)
    answered = [client.get(path) for path in ("/", "/api/record", "/static/review.css", "/nowhere")]
    for one in (*answered, stranger.get("/"), client.post("/api/answer", json={})):
        assert {name: one.headers[name] for name in HEADERS} == HEADERS
    assert "unsafe" not in HEADERS["Content-Security-Policy"]


def test_there_is_no_list_of_addresses(gate: Gate) -> None:
    client = browser(gate, "王")
    assert {client.get(path).status_code for path in ("/docs", "/redoc", "/openapi.json")} == {404}


def test_pages_have_no_script_or_style_of_their_own(gate: Gate) -> None:
    for page in (browser(gate).get("/").text, browser(gate, "王").get("/").text):
        assert not re.search(
            r"<script(?! type=\"module\" src=\"/static/)|<style|\sstyle=|\son\w+=|https?://", page
        )


# Who sits there


def test_a_name_is_kept_as_text_and_in_one_form(gate: Gate, run: Path) -> None:
    client = browser(gate, "  Ｗang <b>x</b>\u3000 Li ")
    assert "Wang &lt;b&gt;x&lt;/b&gt; Li" in client.get("/").text
    assert answer(client, record(client), None).status_code == 200
    assert written(run)[0].by == "Wang <b>x</b> Li"


@pytest.mark.parametrize("said", [{"name": " "}, {"name": "王" * 65}, {"name": "王", "role": "boss"}, {}])
def test_who_must_be_said_first(gate: Gate, said: dict[str, str]) -> None:
    client = browser(gate)
    assert client.post("/start", data={"role": "annotator", **said}).status_code == 400
    assert client.get("/api/record").json() == {"error": texts("zh")["who_first"]}


def test_the_language_can_be_switched(gate: Gate) -> None:
    client = browser(gate, "王")
    assert texts("zh")["label"] in client.get("/").text
    assert client.post("/language").status_code == 200
    assert texts("en")["label"] in client.get("/").text
    assert client.get("/api/desk").json()["labels"][0]["name"] == "Urban and rural construction"


# What is told, and when


def test_the_suggestion_is_nowhere_before_the_answer(gate: Gate, desk: desks.Desk) -> None:
    """What the browser gets is the same to the byte whatever the machine suggests."""
    client = browser(gate, "王")
    one = record(client)
    paths = ("/", "/api/desk", "/api/record", f"/api/personal?id={one['id']}")
    values = [label["value"] for label in client.get("/api/desk").json()["labels"]]
    told = set()
    for value in values[:3]:
        with_case(desk, one["id"], suggestion=Suggestion(value, 0.87654, "classifier", False))
        told.add(b"".join(client.get(path).content for path in paths))
    assert len(told) == 1
    revealed = answer(client, one, values[0]).json()["revealed"]
    assert revealed["suggestion"] == {
        "value": values[2],
        "confidence": 0.87654,
        "method": "classifier",
        "abstained": False,
    }


def test_checking_personal_data_reveals_no_label(gate: Gate, desk: desks.Desk) -> None:
    client = browser(gate, "王")
    one = record(client)
    told = spanned(client, one, [])
    assert told.status_code == 200
    assert "revealed" not in told.json() and "classifier" not in told.text
    assert told.json()["record"]["asked"] == {"label": True, "personal": False}
    assert record(client)["id"] == one["id"]


def test_a_change_after_the_suggestion_is_written_down_as_such(
    gate: Gate, desk: desks.Desk, run: Path
) -> None:
    client = browser(gate, "王")
    one = record(client)
    with_case(desk, one["id"], suggestion=Suggestion("环境保护", 0.5, "classifier", True))
    for value in ("城乡建设", "环境保护"):
        assert answer(client, one, value).status_code == 200
    client.post("/api/undo")
    answer(client, one, None, seconds=7)
    said = [one for one in written(run) if not one.withdraws]
    assert [one.value for one in said] == ["城乡建设", "环境保护", None]
    assert [one.shown.suggestion for one in said] == [False, True, True]
    assert [one.seconds for one in said] == [1.5, 1.5, 7]
    assert {(one.by, one.role, bool(one.at), bool(one.shown.reason)) for one in said} == {
        ("王", "annotator", True, True)
    }


def test_personal_data_is_told_only_when_asked_for(run: Path) -> None:
    desk = desks.opened(run, size=40)
    client = browser(Gate(pages.create(desk), PORT, "zh"), "王")
    hidden = 0
    for _ in desk.items:
        told = client.get("/api/record")
        one = told.json()["record"]
        case = desk.look(one["id"])
        for field in one["fields"]:
            hidden_here = [mark for mark in case.marks if mark.instead and mark.field == field["field"]]
            shown = "".join(part.get("text", f"[{part.get('chip')}]") for part in field["parts"])
            assert shown == case.masked[field["field"]]
            assert sum("chip" in part for part in field["parts"]) == len(hidden_here)
            hidden += len(hidden_here)
        original = client.get("/api/personal", params={"id": one["id"]}).json()
        assert {field["field"]: field["text"] for field in original["fields"]} == case.texts
        client.post("/api/skip", json={"id": one["id"]})
    assert hidden


def test_corrected_spans_are_what_everybody_sees_from_then_on(
    gate: Gate, desk: desks.Desk, run: Path
) -> None:
    client = browser(gate, "王")
    one = record(client)
    span = {"field": "text", "start": 0, "end": 2, "type": "PERSON"}
    assert spanned(client, one, [span]).status_code == 200
    text = next(field for field in record(client)["fields"] if field["field"] == "text")
    assert text["parts"][0] == {"chip": "姓名"}
    assert answer(client, one, None).status_code == 200
    reviewer = browser(gate, "李", "reviewer")
    theirs = record(reviewer)
    assert theirs["id"] == one["id"] and theirs["corrected"] == {"by": "王", "own": False}
    assert theirs["asked"] == {"label": True, "personal": True}
    assert reviewer.get("/api/personal", params={"id": one["id"]}).json()["spans"] == [span]
    spanned(reviewer, theirs, [])
    said = [one for one in written(run) if one.stage == "anonymise"]
    assert [(one.by, one.shown.other) for one in said] == [("王", False), ("李", True)]


def test_a_record_held_for_its_personal_data_asks_for_that_and_the_label(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = Reviewable.cases

    def held(records: Reviewable, ids: list[str]) -> list[Case]:
        return [
            dataclasses.replace(case, held="anonymise", suspected=("PERSON",)) for case in read(records, ids)
        ]

    monkeypatch.setattr(Reviewable, "cases", held)
    client = browser(Gate(pages.create(desks.opened(run, size=6)), PORT, "zh"), "王")
    one = record(client)
    assert one["held"] and one["suspected"] == ["姓名"]
    assert one["asked"] == {"label": True, "personal": True}
    answer(client, one, None)
    again = record(client)
    assert again["id"] == one["id"] and again["asked"] == {"label": False, "personal": True}
    assert spanned(client, one, []).json()["progress"]["annotated"] == 1
    assert record(client)["id"] != one["id"]


def test_without_a_taxonomy_only_personal_data_is_asked(run: Path) -> None:
    whole = desks.opened(run, size=4)
    bare = desks.Desk(dataclasses.replace(whole.records, taxonomy=None), whole.items)
    client = browser(Gate(pages.create(bare), PORT, "zh"), "王")
    assert client.get("/api/desk").json()["labels"] == []
    one = record(client)
    assert one["asked"] == {"label": False, "personal": True}
    assert spanned(client, one, []).status_code == 200
    assert record(client)["id"] != one["id"]


def test_without_a_policy_no_type_can_be_marked(run: Path) -> None:
    whole = desks.opened(run, size=4)
    bare = desks.Desk(dataclasses.replace(whole.records, policy=None), whole.items)
    client = browser(Gate(pages.create(bare), PORT, "zh"), "王")
    one = record(client)
    assert one["types"] == []
    assert spanned(client, one, []).json()["why"] == "type"


# Two people


def test_a_reviewer_sees_the_annotator_s_answer_only_after_their_own(gate: Gate, run: Path) -> None:
    annotator, reviewer = browser(gate, "王"), browser(gate, "李", "reviewer")
    assert reviewer.get("/api/record").json()["record"] is None
    one = record(annotator)
    answer(annotator, one, "教育文体")
    theirs = reviewer.get("/api/record")
    assert theirs.json()["record"]["id"] == one["id"] and "教育文体" not in theirs.text
    told = answer(reviewer, one, "卫生计生").json()["revealed"]
    assert told["others"] == [{"by": "王", "value": "教育文体"}]
    answer(reviewer, one, "教育文体")
    assert [one.shown.other for one in written(run)] == [False, False, True]
    refused = answer(annotator, one, None)
    assert (refused.status_code, refused.json()["why"]) == (409, "reviewed")
    assert annotator.post("/api/undo").json()["why"] == "reviewed"


def test_one_s_own_answer_cannot_be_reviewed(gate: Gate) -> None:
    client = browser(gate, "王")
    one = record(client)
    answer(client, one, None)
    client.post("/leave")
    client.post("/start", data={"name": "王 ", "role": "reviewer"})
    assert client.get("/api/record").json()["record"] is None
    refused = answer(client, one, None)
    assert (refused.status_code, refused.json()["error"]) == (409, texts("zh")["why"]["own"])


def test_a_reviewer_cannot_be_the_first(gate: Gate) -> None:
    one = record(browser(gate, "王"))
    assert answer(browser(gate, "李", "reviewer"), one, None).json()["why"] == "early"


def test_two_annotators_get_different_records_and_cannot_answer_the_same(gate: Gate) -> None:
    first, second = browser(gate, "王"), browser(gate, "李")
    one, other = record(first), record(second)
    assert one["id"] != other["id"]
    answer(first, one, None)
    assert answer(second, one, None).json()["why"] == "taken"
    assert record(second)["id"] == other["id"]


# Going on


def test_skip_gives_the_record_to_others_and_undo_brings_the_last_one_back(gate: Gate) -> None:
    client = browser(gate, "王")
    one = record(client)
    second = client.post("/api/skip", json={"id": one["id"]}).json()["record"]
    assert second["id"] != one["id"]
    assert record(browser(gate, "李"))["id"] == one["id"]
    assert client.post("/api/undo").json()["undone"] is False
    answer(client, second, None)
    assert record(client)["id"] != second["id"]
    back = client.post("/api/undo").json()
    assert back["undone"] and back["record"]["id"] == second["id"] and back["progress"]["annotated"] == 0
    assert record(client)["id"] == second["id"]


def test_undo_takes_back_the_label_first_and_then_the_spans(gate: Gate, run: Path) -> None:
    client = browser(gate, "王")
    one = record(client)
    spanned(client, one, [])
    answer(client, one, None)
    client.post("/api/undo")
    assert [said.stage for said in decisions.in_force(written(run))] == ["anonymise"]
    client.post("/api/undo")
    assert decisions.in_force(written(run)) == []


def test_an_opened_page_goes_on_behind_the_last_answer(gate: Gate, run: Path) -> None:
    client = browser(gate, "王")
    client.post("/api/skip", json={"id": record(client)["id"]})
    answer(client, record(client), None)
    before = record(client)
    reopened = Gate(pages.create(desks.opened(run, size=6)), PORT, "zh")
    assert record(browser(reopened, "王"))["id"] == before["id"]


def test_the_end_is_told(gate: Gate) -> None:
    client = browser(gate, "王")
    for _ in range(6):
        one = record(client)
        answer(client, one, None)
    told = client.get("/api/record").json()
    assert told == {
        "record": None,
        "progress": {"total": 6, "annotated": 6, "reviewed": 0, "mine": 6, "left": 0},
    }


# What goes wrong


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"value": "秘密"},
        {"id": "a", "content": "b", "value": None, "seconds": -1},
        {"id": "a", "content": "b", "value": None, "seconds": "秘密"},
        {"id": "a", "content": "b", "value": None, "seconds": 1, "suggestion": False},
    ],
)
def test_a_faulty_request_is_told_in_one_line_without_what_it_said(gate: Gate, said: dict[str, Any]) -> None:
    answered = browser(gate, "王").post("/api/answer", json=said)
    assert answered.status_code == 422
    assert answered.json() == {"error": texts("zh")["faulty"]}


def test_half_a_character_is_no_record(gate: Gate) -> None:
    body = r'{"id": "\ud800", "content": "0", "value": null, "seconds": 1}'
    headers = {"Content-Type": "application/json"}
    answered = browser(gate, "王").post("/api/answer", content=body, headers=headers)
    assert (answered.status_code, answered.json()["why"]) == (409, "absent")


def test_refusals_are_told_in_the_language_of_the_page(gate: Gate, run: Path) -> None:
    client = browser(gate, "王")
    client.post("/language")
    one = record(client)
    length = sum(len(part.get("text", "  ")) for part in one["fields"][-1]["parts"])
    span = {"field": one["fields"][-1]["field"], "start": 0, "end": length + 500, "type": "PERSON"}
    for answered, why in (
        (answer(client, {**one, "id": "没有"}, None), "absent"),
        (answer(client, {**one, "content": "0"}, None), "changed"),
        (answer(client, one, "没有"), "label"),
        (spanned(client, one, [span]), "span"),
        (spanned(client, one, [{**span, "end": 1, "type": "X"}]), "type"),
    ):
        assert answered.status_code == 409
        assert answered.json() == {"error": texts("en")["why"][why], "why": why}
    overlapping = [{**span, "end": 2}, {**span, "start": 1, "end": 3}]
    assert spanned(client, one, overlapping).status_code == 422
    assert written(run) == []


def test_more_personal_data_than_a_page_can_show_is_told(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    client = browser(gate, "王")
    one = record(client)
    monkeypatch.setattr(pages, "MOST", -1)
    assert client.get("/api/personal", params={"id": one["id"]}).json()["why"] == "many"


def test_an_unforeseen_error_shows_nothing_of_a_record(
    gate: Gate, desk: desks.Desk, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def fails(*_: object) -> None:
        raise ValueError("王小明 13812345678")

    client = browser(gate, "王")
    monkeypatch.setattr(desk, "current", fails)
    answered = client.get("/api/record")
    assert (answered.status_code, answered.json()) == (500, {"error": texts("zh")["internal"]})
    told = capfd.readouterr().err
    assert told.startswith("govtune: internal error: ValueError in test_web.py") and "王小明" not in told


def test_every_text_is_there_in_both_languages() -> None:
    def pairs(said: dict[str, Any]) -> Iterator[dict[str, str]]:
        for one in said.values():
            if isinstance(one.get("zh"), str):
                yield one
            else:
                yield from pairs(one)

    for pair in pairs(yaml.safe_load(FILE.read_text(encoding="utf-8"))):
        assert set(pair) == set(LANGUAGES) and all(pair.values())
        assert len({tuple(sorted(re.findall(r"\{\w+\}", text))) for text in pair.values()}) == 1
    for lang in LANGUAGES:
        assert set(texts(lang)["types"]) == set(TYPES)
        assert set(texts(lang)["why"]) == set(get_args(Why))


def test_every_text_that_the_page_names_exists_and_none_is_left_over() -> None:
    sources = {path.name: path.read_text(encoding="utf-8") for path in pages.HERE.rglob("*.[hj]*")}
    used = set(re.findall(r"(?<!/)\btexts\.(\w+)", "".join(sources.values())))
    used |= set(re.findall(r"\bt\.(\w+)", "".join(text for name, text in sources.items() if "html" in name)))
    python = "".join(path.read_text(encoding="utf-8") for path in pages.HERE.glob("*.py"))
    known = set(texts("en"))
    assert used <= known
    computed = {"annotator", "reviewer", "annotator_hint", "reviewer_hint", "keys"}
    computed |= {"progress_annotator", "progress_reviewer"}
    assert known - used - computed == {name for name in known - used - computed if f'"{name}"' in python}


# The command


COMMAND = "import typer; from curation.review.cli import review; typer.run(review)"


def started(run: Path) -> tuple[subprocess.Popen[str], str]:
    """The command in a process of its own, and the address that it prints."""
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, str(run), "--port", "0", "--size", "6"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3]), "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("open: http://127.0.0.1:"), process.communicate()[1]
    return process, line.removeprefix("open: ").strip()


def visitor(address: str, name: str) -> Any:
    client = httpx.Client(base_url=address.split("/?")[0], follow_redirects=True, trust_env=False)
    client.get(address)
    client.post("/start", data={"name": name, "role": "annotator"})
    return client


def test_killing_the_server_loses_no_saved_answer_and_ctrl_c_says_what_is_next(run: Path) -> None:
    process, address = started(run)
    try:
        client = visitor(address, "王")
        done = [
            record(client) for _ in range(3) if answer(client, record(client), "城乡建设").status_code == 200
        ]
        process.send_signal(signal.SIGKILL)
        process.wait(20)
    finally:
        process.kill()
    assert len(written(run)) == len(done) == 3
    with (Run(run).private / decisions.NAME).open("ab") as file:
        file.write(b'{"schema":"decision/1","id')  # as a kill in the middle of a line leaves it
    process, address = started(run)
    try:
        client = visitor(address, "王")
        assert client.get("/api/record").json()["progress"]["mine"] == 3
        assert answer(client, record(client), None).status_code == 200
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    finally:
        process.kill()
    assert process.returncode == 0 and err == ""
    last = out.splitlines()[-1]
    assert last.startswith("4 decisions in ") and "1 of them new; next: govtune curate" in last
    assert "token" not in out + err
    assert len(written(run)) == 4


def test_a_taken_port_is_told_in_one_line(govtune: Any, run: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = govtune("review", run, "--port", port)
    assert ended.code == 2
    assert ended.errors == [f"govtune: --port {port}: Address already in use; --port 0 takes a free one"]


def test_what_has_to_be_installed_is_told_in_one_line(
    govtune: Any, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "curation.review.web.serve", raising=False)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    ended = govtune("review", run)
    assert ended.code == 2 and ended.errors == [
        "govtune: review needs uvicorn: pip install 'govtune[review]'"
    ]


def test_a_folder_that_is_no_run_is_told_in_one_line(govtune: Any, tmp_path: Path) -> None:
    ended = govtune("review", tmp_path)
    assert ended.code == 2 and len(ended.errors) == 1 and "not a finished run" in ended.errors[0]
