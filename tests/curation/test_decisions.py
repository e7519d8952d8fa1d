"""What people decided: nothing is lost, nothing stale is applied, and the last word of each role holds."""

from __future__ import annotations

import multiprocessing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from curation import decisions, records
from curation.decisions import Decision, Marked, Shown
from curation.errors import UsageError

texts = st.none() | st.text(st.characters(), max_size=8)


def label(id_: str = "r1", value: str | None = "甲", by: str = "王", **more: Any) -> Decision:
    said = {
        "id": id_,
        "stage": "label",
        "content": "c",
        "by": by,
        "scheme": "letters",
        "value": value,
        **more,
    }
    return Decision(**said)


def test_what_is_appended_is_read_again(tmp_path: Path) -> None:
    said = [label(), label("r2", None, shown=Shown(reason="audit"), seconds=2.5)]
    spans = (Marked(field="text", start=0, end=2, type="PERSON"),)
    said.append(Decision(id="r1", stage="anonymise", content="c", by="李", role="reviewer", spans=spans))
    path = tmp_path / "run.private" / decisions.NAME
    decisions.append(path, said[:1])
    decisions.append(path, said[1:])
    assert decisions.read(path) == said
    assert path.stat().st_mode & 0o777 == 0o600 and path.parent.stat().st_mode & 0o777 == 0o700


def test_a_line_that_a_killed_writer_left_does_not_count_and_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / decisions.NAME
    decisions.append(path, [label()])
    with path.open("ab") as file:
        file.write(b'{"schema": "decision/1", "id": "r')
    assert [one.id for one in decisions.read(path)] == ["r1"]
    decisions.append(path, [label("r2")])
    assert [one.id for one in decisions.read(path)] == ["r1", "r2"]


def test_a_last_line_without_an_end_counts_where_it_is_whole_and_is_told_where_it_breaks_off(
    tmp_path: Path,
) -> None:
    path = tmp_path / "edited.jsonl"
    decisions.append(path, [label(), label("r2")])
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    assert [one.id for one in decisions.read(path)] == ["r1", "r2"]
    decisions.append(path, [label("r3")])
    assert [one.id for one in decisions.read(path)] == ["r1", "r2", "r3"]
    path.write_bytes(whole[:-9])
    with pytest.raises(UsageError, match=r"edited\.jsonl, row 2: not valid JSON"):
        decisions.read(path, needed=True)


def test_several_processes_append_at_once(tmp_path: Path) -> None:
    path = tmp_path / decisions.NAME
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        pool.starmap(_append_many, [(path, by) for by in ("王", "李")])
    said = decisions.read(path)
    assert sorted((one.by, one.id) for one in said) == sorted(
        (by, f"r{at}") for by in ("王", "李") for at in range(30)
    )


def _append_many(path: Path, by: str) -> None:
    for at in range(30):
        decisions.append(path, [label(f"r{at}", by=by)])


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("{", "not valid JSON"),
        ('{"id": "r1"}', "no decision"),
        ('{"schema":"decision/1","id":"r","stage":"label","content":"c","by":" ","scheme":"s"}', "by"),
    ],
)
def test_a_damaged_line_is_named_without_its_content(tmp_path: Path, line: str, fault: str) -> None:
    path = tmp_path / decisions.NAME
    decisions.append(path, [label()])
    path.write_bytes(path.read_bytes() + line.encode() + b"\n")
    with pytest.raises(UsageError, match=rf"decisions.jsonl, row 2: .*{fault}"):
        decisions.read(path)


def test_a_file_that_was_named_must_be_there(tmp_path: Path) -> None:
    assert decisions.read(tmp_path / "none.jsonl") == []
    with pytest.raises(UsageError, match="no such file"):
        decisions.read(tmp_path / "none.jsonl", needed=True)


@pytest.mark.parametrize(
    "wrong",
    [
        {"stage": "label", "scheme": None, "value": "甲"},
        {"stage": "label", "spans": ()},
        {"stage": "anonymise", "scheme": None, "value": None},
        {"stage": "anonymise", "spans": ()},
        {"withdraws": "x"},
        {"role": "boss"},
        {"unknown": 1},
    ],
)
def test_a_decision_says_one_thing(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        label(**wrong)


def test_spans_do_not_overlap() -> None:
    spans = [Marked(field="text", start=at, end=at + 3, type="PERSON") for at in (4, 0, 2)]
    with pytest.raises(ValidationError, match="overlap"):
        Decision(id="r", stage="anonymise", content="c", by="王", spans=tuple(spans))
    with pytest.raises(ValidationError, match="end must be greater"):
        Marked(field="text", start=3, end=3, type="PERSON")


def test_the_last_word_of_each_role_holds() -> None:
    first, second = label(value="甲"), label(value="乙")
    review = label(value="丙", by="李", role="reviewer")
    held = decisions.standing([first, review, second], "label", "letters")["r1"]
    assert held.annotator == second and held.reviewer == review and held.final == review
    held = decisions.standing([first, second, review, review.withdrawal()], "label", "letters")["r1"]
    assert held.reviewer is None and held.final == second
    assert not decisions.standing([first, first.withdrawal()], "label", "letters")
    assert not decisions.standing([first], "label", "another")


def test_annotators_who_differ_leave_it_to_a_reviewer() -> None:
    both = [label(value="甲"), label(value="乙", by="李")]
    held = decisions.standing(both, "label", "letters")
    assert held["r1"].disputed
    fit, tally = decisions.applicable(both, "label", ["r1"], ["c"], scheme="letters")
    assert not fit and tally == decisions.Tally(0, 0, 0, 1) and "1 disputed" in tally.line("label")
    decided = decisions.standing([*both, label(value="丙", by="赵", role="reviewer")], "label", "letters")
    assert not decided["r1"].disputed and decided["r1"].final.value == "丙"
    changed = decisions.standing([*both, label(value="乙")], "label", "letters")
    assert not changed["r1"].disputed


def test_what_was_said_of_another_text_does_not_stand_against_what_is_said_of_this_one() -> None:
    said = [label(content="old"), label(value="乙", by="李", role="reviewer", content="old"), label(by="赵")]
    fit, tally = decisions.applicable(said, "label", ["r1"], ["c"], scheme="letters")
    assert fit["r1"].final.by == "赵" and fit["r1"].reviewer is None
    assert tally == decisions.Tally(1, 0, 0)


def test_what_was_judged_is_another_now_or_gone() -> None:
    said = [label("a"), label("b", content="old"), label("c")]
    fit, tally = decisions.applicable(said, "label", ["a", "b"], ["c", "c"], scheme="letters")
    assert list(fit) == ["a"] and tally == decisions.Tally(1, 1, 1)
    assert "1 applied, 1 stale" in tally.line("label") and "not there" in tally.line("label")
    assert not decisions.Tally(0, 0, 0)


@given(st.tuples(texts, texts, texts), st.tuples(texts, texts, texts))
def test_equal_digests_mean_equal_content(one: tuple[str | None, ...], other: tuple[str | None, ...]) -> None:
    assert (decisions.content_digest(*one) == decisions.content_digest(*other)) == (one == other)


def test_the_content_is_that_before_anonymising() -> None:
    table = records.table({"id": ["a", "b"], "text": ["甲", "乙"], "content": ["kept", None]})
    assert decisions.contents(table) == ["kept", decisions.content_digest(None, "乙", None)]


def test_only_pseudonyms_are_published() -> None:
    said = [label(by=name) for name in ("王 小明", "Li", "王小明", " ＬＩ ")]
    found = decisions.pseudonyms(said)
    assert found == {"王 小明": "person-1", "Li": "person-2", "王小明": "person-1", "LI": "person-2"}
