"""Boilerplate paragraphs: which ones they are, what marking and removing do, in a run and without one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from curation import Run, UsageError, curate, parquet, records, stage
from curation.deduplicate.paragraphs import (
    Boilerplate,
    BoilerplateParams,
    Paragraph,
    boilerplate_paragraphs,
)
from curation.recipe import parse

FORM = "感谢您对我们工作的理解与支持，祝您生活愉快！"
QUESTIONS = [
    f"{road}的路灯坏了很久，请问由哪个单位负责维修？" for road in ("人民路", "建设路", "中山路", "解放路")
]


def run(columns: dict[str, Sequence[Any]], cut: int = 1, **params: Any) -> list[dict[str, Any]]:
    table = records.table(columns)
    boilerplate = Boilerplate(BoilerplateParams(**params))
    keys = pa.concat_tables([boilerplate.keys(table.slice(0, cut)), boilerplate.keys(table.slice(cut))])
    verdict = boilerplate.decide(keys.combine_chunks(), lambda ids, names: table.slice(0, 0))
    rows: list[dict[str, Any]] = stage.run_exchange(boilerplate, table, verdict).to_pylist()
    return rows


def letters(texts: Sequence[str | None], **params: Any) -> list[dict[str, Any]]:
    return run({"id": [str(number) for number in range(len(texts))], "text": texts}, **params)


def shares(rows: list[dict[str, Any]]) -> list[float]:
    return [metric["value"] for row in rows for metric in row["quality"] if metric["metric"] == "boilerplate"]


def test_a_paragraph_of_many_different_records_is_marked_and_the_text_stays() -> None:
    texts = [f"{question}\n\n　{FORM} " for question in QUESTIONS[:3]] + [QUESTIONS[3]]
    rows = letters(texts, min_records=3)
    share = len(FORM) / (len(QUESTIONS[0]) + len(FORM))
    assert shares(rows) == pytest.approx([share] * 3 + [0])
    assert [row["text"] for row in rows] == texts
    assert [row["fate"] for row in rows] == [None] * 4
    assert [row["evidence"] for row in rows] == [None] * 4


def test_one_record_fewer_is_not_enough() -> None:
    assert shares(letters([f"{question}\n{FORM}" for question in QUESTIONS], min_records=5)) == [0] * 4


def test_copies_of_one_notice_do_not_make_its_paragraphs_boilerplate() -> None:
    notice = f"关于停水的通知，请各位居民提前储水。\n{FORM}"
    copies = [notice] * 5 + [notice.replace("\n", "\r\n  ")]  # other white space is no other text
    assert shares(letters(copies, min_records=2)) == [0] * 6
    assert shares(letters([*copies, f"{QUESTIONS[0]}\n{FORM}"], min_records=2))[-1] > 0


def test_a_record_that_repeats_a_paragraph_counts_once() -> None:
    texts = [f"{FORM}\n{FORM}\n{FORM}", f"{QUESTIONS[0]}\n{FORM}"]
    assert shares(letters(texts, min_records=3)) == [0, 0]
    assert shares(letters(texts, min_records=2))[0] == 1


def test_a_short_paragraph_never_is_boilerplate() -> None:
    texts = [f"您好：\n{question}" for question in QUESTIONS]
    assert shares(letters(texts, min_records=2)) == [0] * 4
    assert shares(letters(texts, min_records=2, min_length=3)) != [0] * 4


def test_all_text_fields_are_read_each_by_itself() -> None:
    columns = {
        "id": ["a", "b", "c"],
        "title": [FORM, "咨询", None],
        "text": [QUESTIONS[0], FORM, QUESTIONS[2]],
        "reply": [None, "好的", f"{QUESTIONS[3]}\n{FORM}"],
    }
    rows = run(columns, min_records=3, action="remove")
    assert [row["title"] for row in rows] == ["", "咨询", None]
    assert [row["text"] for row in rows] == [QUESTIONS[0], "", QUESTIONS[2]]
    assert [row["reply"] for row in rows] == [None, "好的", QUESTIONS[3]]
    assert [row["evidence"] for row in rows] == [f"1 paragraph removed, {len(FORM)} code points"] * 3


def test_removing_leaves_one_empty_line_and_tells_the_share_of_the_text_before() -> None:
    rows = letters(
        [f"{QUESTIONS[0]}\n\n{FORM}\n\n请答复\n\n\n{FORM}\n", f"{FORM}\n{QUESTIONS[1]}", QUESTIONS[2]],
        min_records=2,
        action="remove",
    )
    assert [row["text"] for row in rows] == [f"{QUESTIONS[0]}\n\n请答复", QUESTIONS[1], QUESTIONS[2]]
    assert shares(rows)[0] == pytest.approx(2 * len(FORM) / (2 * len(FORM) + len(QUESTIONS[0]) + 3))
    assert [row["evidence"] for row in rows] == [
        f"2 paragraphs removed, {2 * len(FORM)} code points",
        f"1 paragraph removed, {len(FORM)} code points",
        None,
    ]


def test_a_record_with_nothing_left_is_dropped_and_keeps_its_text() -> None:
    rows = letters([f" {FORM}\n", f"{FORM}\n{QUESTIONS[0]}", "", None], min_records=2, action="remove")
    assert [row["fate"] for row in rows] == ["dropped", None, None, None]
    assert (rows[0]["stage"], rows[0]["reason"]) == ("boilerplate", "only_boilerplate")
    assert rows[0]["text"] == f" {FORM}\n"
    assert rows[0]["evidence"] == f"1 paragraph removed, {len(FORM)} code points"
    assert shares(rows)[0] == 1


def test_sentences_are_found_inside_one_long_line() -> None:
    texts = [f"您的来信已经收悉！经核实，{question}{FORM}谢谢" for question in QUESTIONS]
    assert shares(letters(texts, min_records=4)) == [0] * 4
    rows = letters(texts, min_records=4, unit="sentence", action="remove")
    # The comma belongs to its sentence; 您的来信已经收悉！ is shorter than ten code points.
    assert [row["text"] for row in rows] == [
        f"您的来信已经收悉！经核实，{question}谢谢" for question in QUESTIONS
    ]
    assert rows[0]["evidence"] == f"1 sentence removed, {len(FORM)} code points"


def test_an_ascii_mark_ends_a_sentence_of_chinese_only() -> None:
    texts = [
        f"<!-- INFO of the page -->见 http://a.cn/?id={number}某某业务办理指南!好" for number in range(3)
    ]
    found = boilerplate_paragraphs(texts, min_records=2, min_length=1, unit="sentence")
    assert found == [Paragraph("好", 3)]


def test_metrics_that_are_there_stay() -> None:
    other = {"metric": "length", "value": 3.0}
    columns = {"id": ["a", "b"], "text": ["甲", "乙"], "quality": [[other], None]}
    rows = run(columns)
    assert rows[0]["quality"] == [other, {"metric": "boilerplate", "value": 0.0}]
    assert rows[1]["quality"] == [{"metric": "boilerplate", "value": 0.0}]


def test_the_function_lists_the_most_frequent_first() -> None:
    texts = [f"{FORM}\n{question}\n\ud800 half a surrogate pair\0" for question in QUESTIONS]
    texts += [
        texts[0],
        "",
        f"第二种套话，也在两封不同的信里出现。\n{FORM}\r\n第二种套话，也在两封不同的信里出现。",
    ]
    texts.append("第二种套话，也在两封不同的信里出现。")
    found = boilerplate_paragraphs(texts, min_records=2)
    assert found == [
        Paragraph(FORM, 5),
        Paragraph("\ud800 half a surrogate pair\0", 4),
        Paragraph("第二种套话，也在两封不同的信里出现。", 2),
    ]
    assert boilerplate_paragraphs([]) == []


def test_no_record_and_a_very_long_one_are_no_trouble() -> None:
    assert letters([], cut=0) == []
    long = "字" * 5_000_000
    rows = letters([f"{long}\n{FORM}", f"{long}一\n{FORM}"], min_records=2, action="remove")
    assert [row["text"] for row in rows] == [long, long + "一"]


LINES = st.lists(st.sampled_from(["甲甲", "乙乙", "丙", " 甲甲", "", "🚧🚧", "丁丁。戊戊！"]), max_size=6)


@given(st.lists(st.lists(LINES.map("\n".join), min_size=3, max_size=3), max_size=9), st.data())
def test_the_verdict_is_the_definition_whatever_the_order_and_the_partitions(
    texts: list[list[str]], data: st.DataObject
) -> None:
    def paragraphs(fields: Sequence[str]) -> list[str]:
        return [line.strip() for field in fields for line in field.split("\n") if line.strip()]

    different = {tuple(paragraphs(fields)) for fields in texts}
    long = {line for lines in different for line in lines if len(line) >= 2}
    common = {line for line in long if sum(line in lines for lines in different) >= 2}
    expected = [
        sum(len(line) for line in paragraphs(fields) if line in common)
        / (sum(map(len, paragraphs(fields))) or 1)
        for fields in texts
    ]
    order = data.draw(st.permutations(range(len(texts))))
    columns: dict[str, Sequence[Any]] = {"id": [str(number) for number in order]}
    columns |= {
        name: [texts[number][field] for number in order] for field, name in enumerate(records.TEXT_FIELDS)
    }
    cut = data.draw(st.integers(0, len(texts)))
    rows = run(columns, cut=cut, min_records=2, min_length=2)
    assert shares(rows) == pytest.approx([expected[number] for number in order])
    gone = run(columns, cut=cut, min_records=2, min_length=2, action="remove")
    for row in gone:
        left = [] if row["fate"] else paragraphs([row[name] for name in records.TEXT_FIELDS])
        before = paragraphs(texts[int(row["id"])])
        assert left == [line for line in before if line not in common]


def recipe(options: dict[str, Any], *after: str) -> Any:
    stages: list[dict[str, Any]] = [{"clean": {}}, {"boilerplate": options}, *({name: {}} for name in after)]
    return parse({"schema": "curation/1", "name": "small", "kind": "letter", "stages": stages})


def kept(run: Path) -> list[dict[str, Any]]:
    return [
        row for path in sorted((run / "data").glob("*.parquet")) for row in parquet.read(path).to_pylist()
    ]


def test_a_run_marks_and_removes_whatever_the_workers_and_the_files(tmp_path: Path) -> None:
    rows = [{"text": f"{question}\n{FORM}", "reply": FORM} for question in QUESTIONS] + [{"text": FORM}]
    folder = tmp_path / "in"
    folder.mkdir()
    for number, row in enumerate(rows):
        line = json.dumps({"id": f"n{number}", **row}, ensure_ascii=False)
        (folder / f"{number}.jsonl").write_text(line + "\n", encoding="utf-8")
    options = {"min_records": 4, "action": "remove"}
    for name, workers in (("one", 1), ("two", 2)):
        curate(recipe(options), [folder], tmp_path / name, workers=workers)
    assert sorted(row["text"] for row in kept(tmp_path / "one")) == sorted(QUESTIONS)
    assert {row["reply"] for row in kept(tmp_path / "one")} == {""}
    assert kept(tmp_path / "one") == kept(tmp_path / "two")
    ledger = [row for path in Run(tmp_path / "one").ledger for row in parquet.read(path).to_pylist()]
    assert {row["id"]: row["reason"] for row in ledger if row["fate"] == "dropped"} == {
        "n4": "only_boilerplate"
    }
    assert {row["evidence"] for row in ledger if row["fate"] == "kept"} == {
        f"2 paragraphs removed, {2 * len(FORM)} code points"
    }

    curate(recipe({"min_records": 4}), [folder], tmp_path / "marked")
    assert len(kept(tmp_path / "marked")) == 5
    for row in kept(tmp_path / "marked"):
        (metric,) = row["quality"]
        assert metric["metric"] == "boilerplate"
        others = len(row["text"].replace(FORM, "").strip())
        form = len(FORM) * (2 if others else 1)
        assert metric["value"] == pytest.approx(form / (form + others))
        assert FORM in row["text"]


def test_only_marking_may_follow_anonymise() -> None:
    stages: list[dict[str, Any]] = [
        {"anonymise": {"policy": "letters", "names": "none"}},
        {"boilerplate": {}},
    ]
    content = {"schema": "curation/1", "name": "small", "stages": stages}
    parse(content)
    stages[1]["boilerplate"] = {"action": "remove"}
    with pytest.raises(UsageError, match="boilerplate edits text and must stand before anonymise"):
        parse(content)


@pytest.mark.parametrize(
    "params", [{"min_records": 1}, {"min_length": 0}, {"action": "hide"}, {"unit": "page"}]
)
def test_impossible_options_are_refused(params: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        BoilerplateParams(**params)
