"""The command line as a user meets it: exit codes, one line per error, nothing half written."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from govtune.cli import app

SECRET = "本人家住城东街道的具体情况不便透露"


Command = Callable[..., Any]


def letters(path: Path, *texts: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        "".join(json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in texts), encoding="utf-8"
    )
    return path


def curate(govtune: Command, source: Path, run: Path, *more: object) -> Any:
    return govtune(
        "curate", "--input", source, "--output", run, "--workers", 1, "--set", "anonymise.names=none", *more
    )


def truncated(path: Path) -> None:
    from openpyxl import Workbook

    book = Workbook()
    book.active.append(["诉求内容"])
    book.active.append([SECRET])
    book.save(path)
    path.write_bytes(path.read_bytes()[:-400])


BAD_FILES: dict[str, tuple[str, Callable[[Path], object], list[str]]] = {
    "truncated workbook": ("orders.xlsx", truncated, ["orders.xlsx"]),
    "line that is not an object": ("a.jsonl", lambda p: p.write_text(f'["{SECRET}"]\n'), ["a.jsonl, row 1"]),
    "line that is not JSON": ("a.jsonl", lambda p: p.write_text('{"text": "' + SECRET), ["a.jsonl, row 1"]),
    "null text": ("a.jsonl", lambda p: letters(p, None), ["a.jsonl, row 1, field text"]),
    "no text column": ("a.csv", lambda p: p.write_text(f"甲,乙\n{SECRET},2\n"), ["a.csv", "--map"]),
    "lost precision": (
        "a.csv",
        lambda p: p.write_text(f"身份证号,诉求内容\n4.40803E+17,{SECRET}\n"),
        ["a.csv, row 2, field id_number"],
    ),
    "undecodable text": ("a.txt", lambda p: p.write_bytes(b"\xff\xff\xff\x80" * 9), ["a.txt"]),
    "empty file": ("a.jsonl", lambda p: p.write_text(""), []),
    "header alone": ("a.csv", lambda p: p.write_text("诉求内容,来电人\n"), []),
    "unknown format": ("a.psd", lambda p: p.write_bytes(b"8BPS"), []),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_input_of_which_nothing_can_be_used_is_one_line_and_two(
    case: str, govtune: Command, tmp_path: Path
) -> None:
    name, make, words = BAD_FILES[case]
    (tmp_path / "in").mkdir()
    make(tmp_path / "in" / name)
    result = curate(govtune, tmp_path / "in", tmp_path / "run")
    assert result.code == 2
    assert len(result.errors) == 1
    assert all(word in result.errors[0] for word in words)
    assert SECRET[:6] not in result.err + result.out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in"]


@pytest.mark.parametrize("case", BAD_FILES)
def test_a_bad_file_among_good_ones_is_listed_and_the_run_goes_on(
    case: str, govtune: Command, tmp_path: Path
) -> None:
    name, make, words = BAD_FILES[case]
    (tmp_path / "in").mkdir()
    make(tmp_path / "in" / name)
    letters(tmp_path / "in" / "good.jsonl", "楼道里的灯坏了三天没有人修")
    result = curate(govtune, tmp_path / "in", tmp_path / "run")
    assert result.code == 0
    assert len(result.errors) == 1
    assert all(word in result.errors[0] for word in (name, *words))
    assert SECRET[:6] not in result.err + result.out
    strict = curate(govtune, tmp_path / "in", tmp_path / "strict", "--strict")
    assert strict.code == 2
    assert len(strict.errors) == 1
    assert not (tmp_path / "strict").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["--set", "deduplicate.threshold=7"],
            "deduplicate: threshold: input should be less than or equal to 1",
        ),
        (["--set", "deduplicate.treshold=0.7"], "did you mean threshold?"),
        (["--set", "dedupe.threshold=0.7"], "unknown stage of this recipe dedupe"),
        (["--set", "kind=leter"], "kind: input should be"),
        (["--map", "txt=a"], "did you mean text?"),
        (["--workers", "0"], "at least 1"),
        (["--key-file", "nosuch.key"], "nosuch.key: key file cannot be read"),
    ],
)
def test_a_wrong_option_is_one_line_and_two(
    arguments: list[str], words: str, govtune: Command, tmp_path: Path
) -> None:
    source = letters(tmp_path / "in.jsonl", SECRET)
    result = govtune("curate", "--input", source, "--output", tmp_path / "run", *arguments)
    assert result.code == 2
    assert len(result.errors) == 1
    assert words in result.errors[0]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.jsonl"]


def test_a_recipe_that_cleans_after_anonymising_is_refused(govtune: Command, tmp_path: Path) -> None:
    recipe = tmp_path / "late.yaml"
    recipe.write_text(
        "schema: curation/1\nname: late\nstages: [{anonymise: {}}, {clean: {}}]\n", encoding="utf-8"
    )
    source = letters(tmp_path / "in.jsonl", SECRET)
    result = govtune("curate", recipe, "--input", source, "--output", tmp_path / "run")
    assert (result.code, len(result.errors)) == (2, 1)
    assert result.errors[0].startswith("govtune: late.yaml: stage clean edits text")


def test_an_empty_folder_and_a_missing_one_are_told(govtune: Command, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for source in ("in", "nosuch"):
        result = curate(govtune, tmp_path / source, tmp_path / "run")
        assert (result.code, len(result.errors)) == (2, 1)
        assert source in result.errors[0]


def test_an_output_that_cannot_be_written_is_told(govtune: Command, tmp_path: Path) -> None:
    source = letters(tmp_path / "in.jsonl", SECRET)
    result = curate(govtune, source, source / "run")
    assert (result.code, len(result.errors)) == (2, 1)
    assert "in.jsonl" in result.errors[0]


def test_several_inputs_may_follow_one_option(govtune: Command, tmp_path: Path) -> None:
    sources = [
        letters(tmp_path / f"{name}.jsonl", text) for name, text in (("a", "路灯坏了"), ("b", "井盖丢了"))
    ]
    result = govtune(
        "curate",
        "default",
        "--input",
        *sources,
        "--output",
        tmp_path / "run",
        "--workers",
        1,
        "--json",
        "--set",
        "anonymise.names=none",
    )
    assert result.code == 0
    assert json.loads(result.out)["rows"] == 2


def test_curate_without_input_says_what_it_needs(govtune: Command) -> None:
    result = govtune("curate", "letters")
    assert (result.code, len(result.errors)) == (2, 1)


def test_explain_tells_where_a_dropped_record_came_from_and_why(govtune: Command, tmp_path: Path) -> None:
    rows = [{"id": name, "text": "小区门口的路灯坏了半个月没有人来修"} for name in ("first", "second")]
    source = tmp_path / "in.jsonl"
    source.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    assert curate(govtune, source, tmp_path / "run").code == 0
    told = govtune("explain", tmp_path / "run", "second").out
    assert "file in.jsonl, row 2" in told
    assert "duplicate_of first, similarity 1.000" in told
    assert "dropped by deduplicate: exact_duplicate" in told
    assert "路灯" not in told
    assert "stands for 1 dropped: second" in govtune("explain", tmp_path / "run", "first").out
    assert json.loads(govtune("explain", tmp_path / "run", "first", "--json").out)["split"] in (
        "train",
        "test",
        "validation",
    )
    assert govtune("explain", tmp_path / "run", "third").code == 2
    assert govtune("explain", tmp_path, "first").code == 2


def test_plan_reads_no_record_and_lists_the_passes(govtune: Command, tmp_path: Path) -> None:
    source = letters(tmp_path / "in.jsonl", SECRET)
    told = govtune("plan", "letters", "--input", source)
    assert told.code == 0
    assert "read; clean + screen; deduplicate; anonymise + split" in told.out
    assert "1 files" in told.out
    assert json.loads(govtune("plan", "--json").out)["recipe"] == "default"
    assert "instruct (task=reply)\n     needs split\n     fills or edits messages\n     makes new" in (
        govtune("plan", "curation/reply").out
    )


def test_inspect_shows_the_mapping_and_never_the_text(govtune: Command, tmp_path: Path) -> None:
    source = tmp_path / "orders.csv"
    source.write_text(f"工单编号,诉求内容,来电人\n1,{SECRET},李晓芳\n", encoding="gb18030")
    told = govtune("inspect", source)
    assert told.code == 0
    for word in ("orders.csv", "gb18030", "诉求内容"):
        assert word in told.out
    assert SECRET[:6] not in told.out
    assert "李晓芳" not in told.out
    report = json.loads(govtune("inspect", source, "--json").out)
    assert report[0]["fields"]["text"]["header"] == "诉求内容"
    mapped = json.loads(govtune("inspect", source, "--json", "--map", "text=来电人").out)
    assert mapped[0]["fields"]["text"]["header"] == "来电人"


def test_recipes_can_be_listed_shown_copied_and_validated(govtune: Command, tmp_path: Path) -> None:
    names = json.loads(govtune("recipes", "list", "--json").out)
    listed = govtune("recipes", "list").out
    for name in (
        "curation/letters",
        "training/dispatch",
        "tasks/reply",
        "taxonomies/letters",
        "policies/strict",
    ):
        assert name in names
        assert name in listed
        assert govtune("recipes", "show", name).out.startswith("# ")
    mine = tmp_path / "mine.yaml"
    assert govtune("recipes", "copy", "curation/letters", mine).code == 0
    assert govtune("recipes", "copy", "curation/letters", mine).code == 2
    assert govtune("recipes", "validate", mine, *names).code == 0
    mine.write_text(mine.read_text(encoding="utf-8").replace("clean:", "claen:"), encoding="utf-8")
    assert "did you mean clean?" in govtune("recipes", "validate", mine).errors[0]


def test_a_bare_name_is_enough_where_it_stands_once(govtune: Command, tmp_path: Path) -> None:
    assert govtune("recipes", "validate", "default", "strict", "scenarios").code == 0
    (line,) = govtune("recipes", "show", "letters").errors
    assert line.endswith("letters: which one? curation/letters, policies/letters, taxonomies/letters")
    assert "did you mean policies/strict?" in govtune("recipes", "show", "policies/strickt").errors[0]
    assert "nosuch.yaml: no such file" in govtune("recipes", "validate", "nosuch.yaml").errors[0]


@pytest.mark.parametrize(
    ("name", "right", "wrong", "words"),
    [
        ("tasks/reply", "user:", "usr:", "usr: unknown key; did you mean user?"),
        ("taxonomies/letters", "name: letters", "nam: letters", "nam: unknown key; did you mean name?"),
        ("policies/letters", "  QQ:", "  QR:", "unknown type QR"),
        ("training/dispatch", "task:", "taks:", "taks: unknown key; did you mean task?"),
        ("curation/reply", "schema: curation/1", "schema: curation/2", "did you mean curation/1?"),
    ],
)
def test_validate_knows_a_file_by_its_schema(
    name: str, right: str, wrong: str, words: str, govtune: Command, tmp_path: Path
) -> None:
    mine = tmp_path / "mine.yaml"
    govtune("recipes", "copy", name, mine)
    assert govtune("recipes", "validate", mine).code == 0
    mine.write_text(mine.read_text(encoding="utf-8").replace(right, wrong, 1), encoding="utf-8")
    told = govtune("recipes", "validate", mine)
    assert told.code == 2
    assert words in told.errors[0]


def test_anonymise_gives_every_row_back_with_other_columns_unchanged(
    govtune: Command, tmp_path: Path
) -> None:
    rows: list[dict[str, Any]] = [
        {"n": 1, "text": "请回电13912345678谢谢", "meta": {"a": [1, None, 2.5]}, "ok": True},
        {"text": "没有个人信息", "n": 12345678901234567890, "meta": "x"},
    ]
    source = tmp_path / "in.jsonl"
    source.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    out, spans = tmp_path / "out.jsonl", tmp_path / "spans.jsonl"
    result = govtune("anonymise", source, "-o", out, "--names", "none", "--spans", spans)
    assert result.code == 0
    after = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert "13912345678" not in out.read_text(encoding="utf-8")
    assert [{k: v for k, v in row.items() if k != "text"} for row in after] == [
        {k: v for k, v in row.items() if k != "text"} for row in rows
    ]
    assert after[1] == rows[1]
    found = json.loads(spans.read_text(encoding="utf-8").splitlines()[0])
    assert rows[0]["text"][found["spans"][0]["start"] : found["spans"][0]["end"]] == "13912345678"
    assert not [value for value in ("13912345678", "回电") if value in spans.read_text(encoding="utf-8")]


def test_deduplicate_keeps_rows_in_order_byte_for_byte(govtune: Command, tmp_path: Path) -> None:
    lines = [
        '{"text":  "路灯坏了半个月没有人来修理",  "n": 1.0}',
        '{"text": "井盖丢了"}',
        '{"n":2,"text":"路灯坏了半个月没有人来修理"}',
    ]
    source = tmp_path / "in.jsonl"
    source.write_text("\n".join(lines) + "\n", encoding="utf-8")
    out, ledger = tmp_path / "out.jsonl", tmp_path / "ledger.parquet"
    result = govtune(
        "deduplicate", source, "-o", out, "--threshold", "0.8", "--veto", "none", "--ledger", ledger, "--json"
    )
    assert result.code == 0
    assert out.read_text(encoding="utf-8").splitlines() == lines[:2]
    from curation import parquet

    assert [row["fate"] for row in parquet.read(ledger).to_pylist()] == ["kept", "kept", "dropped"]
    assert govtune("deduplicate", source, "-o", out, "--threshold", 7).code == 2
    assert govtune("deduplicate", source, "-o", out, "--veto", "number").code == 2


def test_every_command_has_help_with_an_example() -> None:
    root: Any = get_command(app)
    for name, command in root.commands.items():
        for each in getattr(command, "commands", {name: command}).values():
            assert "Example: govtune" in (each.help or ""), each.name
