"""What may still be in the output: the second detector, canaries, small groups, the sample people read."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from curation.anonymise import policy, tagger
from curation.anonymise.canaries import Canaries, read_canaries
from curation.anonymise.files import Also, LeftOverError, anonymise_file
from curation.anonymise.groups import quasi_identifiers
from curation.anonymise.record import anonymise_fields
from curation.anonymise.risk import Suspect, second_engine, suspects
from curation.anonymise.sampling import bounds, draw
from curation.errors import UsageError
from curation.ingest import tables
from curation.intervals import upper_bound

Command = Callable[..., Any]


def second_look(text: str, first: str = "none", second: str = "lac") -> list[Suspect]:
    letters = policy.load("letters")
    rows = [{"text": text}]
    results = anonymise_fields(rows, [{}], tagger=tagger.load(first), policy=letters)
    return suspects(rows, results, [letters.of(None)], tagger=tagger.load(second))[0]


def test_what_the_first_detector_overlooked_is_suspect_at_its_place_in_the_input() -> None:
    text = "电话13812345678，昨天上午，\n张志红\n也打0739--6341845。"
    letters = policy.load("letters")
    rows = [{"text": text}]
    [result] = anonymise_fields(rows, [{}], tagger=tagger.load("none"), policy=letters)
    phone = [one for one in result.found if one.span.type == "CN_MOBILE"]
    result = replace(result, fields={"text": text.replace("13812345678", "[手机号]")}, found=phone)
    [found] = suspects(rows, [result], [letters.of(None)], tagger=tagger.load("lac"))
    assert {text[one.start : one.end] for one in found} == {"张志红", "0739--6341845"}


def test_replaced_and_kept_values_are_no_suspects() -> None:
    text = "我叫覃水生，电话13812345678，邮箱a.b@qq.com，单位热线12345，承办人陈某。"
    assert second_look(text) == []
    assert second_look("路灯坏了半个月，请尽快修理，谢谢！") == []


def test_what_stands_within_a_sentence_is_not_believed_of_the_second_engine() -> None:
    assert second_look("垃圾日清运量约为50余吨，严重影响交通，尤其是早晨。", first="none", second="crf") == []


def test_the_second_engine_is_another_one() -> None:
    assert [second_engine(first) for first in ("lac", "crf", "none", "hf:model")] == [
        "crf",
        "lac",
        "lac",
        "lac",
    ]


def test_few_real_letters_are_suspected(shared: Path) -> None:
    with (shared / "letters" / "replies.jsonl").open(encoding="utf-8") as file:
        rows = [json.loads(line) for _, line in zip(range(200), file, strict=False)]
    fields = [{name: row[name] for name in ("title", "text", "reply")} for row in rows]
    letters = policy.load("letters")
    results = anonymise_fields(fields, [{}] * len(fields), tagger=tagger.load("lac"), policy=letters)
    found = suspects(fields, results, [letters.of(None)] * len(fields), tagger=tagger.load("crf"))
    assert sum(map(bool, found)) / len(found) < 0.05


def test_canaries_are_seen_in_every_column_at_any_depth_and_with_spaces() -> None:
    canaries = Canaries(["覃水生", "欧阳 锋", "甲"])
    assert len(canaries) == 2
    row = {"a": "覃 水生", "b": {"x": [1, {"欧阳锋": None}]}, "c": "覃水", "d": 3, "e": "找欧阳锋"}
    assert canaries.columns(row) == ["a", "b", "e"]


def test_canaries_come_from_lines_or_a_column(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("覃水生\n\n欧阳锋\n", encoding="utf-8")
    (tmp_path / "b.csv").write_text("编号,姓名\n1,覃水生\n2,欧阳锋\n", encoding="utf-8")
    (tmp_path / "c.csv").write_text("覃水生\n欧阳锋\n", encoding="utf-8")
    assert {read_canaries(tmp_path / name).values for name in ("a.txt", "b.csv", "c.csv")} == {
        frozenset(("覃水生", "欧阳锋"))
    }
    (tmp_path / "d.txt").write_text("\n", encoding="utf-8")
    for name in ("d.txt", "absent.txt"):
        with pytest.raises(UsageError):
            read_canaries(tmp_path / name)


def test_a_canary_stops_the_file_unless_its_row_is_held_back(tmp_path: Path) -> None:
    source, output, names = tmp_path / "in.jsonl", tmp_path / "out.jsonl", tmp_path / "names.txt"
    source.write_text('{"text": "路灯不亮"}\n{"text": "路灯", "x": ["莫问天"]}\n', encoding="utf-8")
    names.write_text("莫问天", encoding="utf-8")
    with pytest.raises(LeftOverError, match="row 2") as raised:
        anonymise_file(source, output, names="none", also=Also(canaries=names))
    assert "莫" not in str(raised.value) and not output.exists()
    review = tmp_path / "review.jsonl"
    done = anonymise_file(source, output, names="none", also=Also(canaries=names, review=review))
    assert (done.rows, done.held) == (1, 1)
    assert output.read_text(encoding="utf-8") == '{"text": "路灯不亮"}\n'
    [held] = map(json.loads, review.read_text(encoding="utf-8").splitlines())
    assert (held["row"], held["suspects"][0]["type"], held["suspects"][0]["field"]) == (2, "CANARY", "x")
    assert "莫问天" not in review.read_text(encoding="utf-8")


def test_no_surrogate_is_a_canary(tmp_path: Path) -> None:
    source, output, names = tmp_path / "in.jsonl", tmp_path / "out.jsonl", tmp_path / "names.txt"
    source.write_text('{"text": "我叫覃水生，"}\n', encoding="utf-8")
    key = b"a surrogate key, long enough"
    anonymise_file(source, output, names="none", key=key)
    first = json.loads(output.read_text(encoding="utf-8"))["text"]
    names.write_text(first[2:-1], encoding="utf-8")
    anonymise_file(source, output, names="none", key=key, also=Also(canaries=names))
    assert json.loads(output.read_text(encoding="utf-8"))["text"] != first


def test_groups_of_what_is_left_about_a_person() -> None:
    same = {"text": "临江县居民，男，45岁，反映路灯", "受理时间": "2024-05-03", "诉求分类": "城建"}
    other = {"text": "临江县居民，女，83岁，反映路灯", "受理时间": "2024年5月", "诉求分类": "城建"}
    groups = quasi_identifiers([same] * 9 + [other, {"text": "无"}], ["text"])
    assert groups.attributes == ("county", "age_band", "sex", "case_type", "month")
    assert (groups.smallest, groups.small, groups.records) == (1, 1, 10)
    assert quasi_identifiers([], []).smallest == 0


@pytest.mark.parametrize(
    ("faults", "count", "expected"), [(0, 300, 0.00994), (0, 1000, 0.00299), (11, 114, 0.1547), (5, 5, 1.0)]
)
def test_the_bound_is_exact(faults: int, count: int, expected: float) -> None:
    assert upper_bound(faults, count, 0.05) == pytest.approx(expected, abs=2e-4)


@pytest.fixture
def done(tmp_path: Path) -> Path:
    """A folder with an anonymised file of 400 rows, its spans and its manifest."""
    rows = [{"id": n, "text": f"我叫覃水生，电话138{n:08}" if n % 4 else f"路灯{n}不亮"} for n in range(400)]
    source = tmp_path / "in.jsonl"
    source.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    also = Also(
        spans=tmp_path / "spans.jsonl", manifest=tmp_path / "m.json", review=tmp_path / "review.jsonl"
    )
    summary = anonymise_file(source, tmp_path / "out.jsonl", names="none", also=also)
    assert summary.rows + summary.held == 400
    return tmp_path


def filled_in(sheet: Path, missed: dict[int, str]) -> None:
    read = tables.read_rows(sheet)
    rows = [row | {"read_by": "审", "missed": missed.get(at, "")} for at, row in enumerate(read.rows)]
    tables.write_rows(sheet, tables.Rows(read.columns, rows))


def test_a_sample_is_drawn_in_proportion_and_its_reading_bounds_the_risk(done: Path) -> None:
    sheet = done / "sample.xlsx"
    assert draw(done / "out.jsonl", sheet, spans=done / "spans.jsonl", count=300) == 300
    found = [row["found"] for row in tables.read_rows(sheet).rows]
    assert sorted(map(found.count, ("", "CN_MOBILE PERSON"))) == [75, 225]
    with pytest.raises(UsageError, match="nobody has read"):
        bounds(sheet)
    filled_in(sheet, {})
    assert bounds(sheet)["documents"]["upper_95"] == pytest.approx(0.00994, abs=1e-4)
    filled_in(sheet, {3: "PERSON，ADDRESS", 9: "person"})
    said = bounds(sheet)
    assert said["documents"]["missed"] == 2
    assert (said["types"]["PERSON"]["missed"], said["types"]["ADDRESS"]["missed"]) == (2, 1)
    filled_in(sheet, {3: "PERSN"})
    with pytest.raises(UsageError, match="row 5, field missed: unknown type; did you mean PERSON"):
        bounds(sheet)


def test_anonymisation_is_never_claimed_and_may_be_only_after_a_reading(govtune: Command, done: Path) -> None:
    sheet, manifest = done / "sample.csv", done / "m.json"
    told = json.loads(manifest.read_text(encoding="utf-8"))
    assert (told["processing"], told["anonymisation"]["claimed"]) == ("去标识化", False)
    assert told["anonymisation"]["open"] == ["no sample was read by people"]
    person = told["types"]["PERSON"]
    assert (person["term"], person["found"], person["kept"], person["treated"]) == ("直接标识符", 300, 0, 300)
    draw(done / "out.jsonl", sheet, spans=done / "spans.jsonl", count=300)
    filled_in(sheet, {})
    result = govtune("anonymise-bound", sheet, "--manifest", manifest)
    assert result.code == 0 and "0.99%" in result.out
    after = json.loads(manifest.read_text(encoding="utf-8"))["anonymisation"]
    assert (after["claimed"], after["may_be_claimed_after_review"], after["open"]) == (False, True, [])
    filled_in(sheet, {0: "PERSON"})
    result = govtune("anonymise-bound", sheet, "--manifest", manifest)
    assert (result.code, len(result.errors)) == (1, 1)
    after = json.loads(manifest.read_text(encoding="utf-8"))["anonymisation"]
    assert after["open"] == ["the bound from the sample is too high"]


def test_a_sample_of_another_file_is_refused(done: Path, govtune: Command) -> None:
    sheet, manifest = done / "sample.csv", done / "m.json"
    result = govtune(
        "anonymise-review", done / "out.jsonl", "--spans", done / "spans.jsonl", "-n", 10, "-o", sheet
    )
    assert result.code == 0
    filled_in(sheet, {})
    told = json.loads(manifest.read_text(encoding="utf-8"))
    told["output"]["sha256"] = "0" * 64
    manifest.write_text(json.dumps(told), encoding="utf-8")
    result = govtune("anonymise-bound", sheet, "--manifest", manifest)
    assert (result.code, len(result.errors)) == (2, 1)


def test_the_manifest_names_the_second_engine_that_ran(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("curation.anonymise.taggers.lac.available", lambda: False)
    source = tmp_path / "in.jsonl"
    source.write_text('{"text": "路灯不亮"}\n', encoding="utf-8")
    also = Also(manifest=tmp_path / "m.json")
    anonymise_file(source, tmp_path / "out.jsonl", names="none", also=also)
    told = json.loads((tmp_path / "m.json").read_text(encoding="utf-8"))
    assert told["engine"]["second"] == "none"
    assert "the second look had no name engine" in told["anonymisation"]["open"]


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [("of", "12", "SHA-256"), ("row", "1", "twice"), ("drawn", "4", "as were drawn")],
)
def test_a_sheet_that_is_not_the_one_drawn_is_refused(done: Path, column: str, value: str, said: str) -> None:
    sheet = done / "sample.csv"
    draw(done / "out.jsonl", sheet, spans=done / "spans.jsonl", count=5)
    filled_in(sheet, {})
    read = tables.read_rows(sheet)
    rows = read.rows[1:] if column == "drawn" else [row | {column: value} for row in read.rows]
    tables.write_rows(sheet, tables.Rows(read.columns, rows))
    with pytest.raises(UsageError, match=said):
        bounds(sheet)


def test_strata_are_those_of_the_rows_written_and_readers_see_all_columns(tmp_path: Path) -> None:
    source, names = tmp_path / "in.jsonl", tmp_path / "names.txt"
    texts = {"路灯": "莫问天", "我叫覃水生，": 1, "路灯不亮": 1}
    lines = [json.dumps({"text": text, "x": {"a": [value]}}) for text, value in texts.items()]
    source.write_text("\n".join(lines), encoding="utf-8")
    names.write_text("莫问天\n", encoding="utf-8")
    also = Also(spans=tmp_path / "s.jsonl", review=tmp_path / "r.jsonl", canaries=names)
    assert anonymise_file(source, tmp_path / "out.jsonl", names="none", also=also).rows == 2
    draw(tmp_path / "out.jsonl", tmp_path / "a.csv", spans=tmp_path / "s.jsonl", count=9)
    rows = tables.read_rows(tmp_path / "a.csv").rows
    assert [(row["found"], row["drawn"], row["column: x"]) for row in rows] == [
        ("PERSON", "2", '{"a": [1]}'),
        ("", "2", '{"a": [1]}'),
    ]


def test_an_age_is_one_however_a_table_holds_it() -> None:
    rows = [{"年龄": age} for age in (45.0, 45, "45", "45.0", "45岁")]
    assert quasi_identifiers(rows, []).smallest == 5
