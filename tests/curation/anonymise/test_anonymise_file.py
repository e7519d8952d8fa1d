"""The file command: every row back, text columns anonymised, all else untouched, nothing half written."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from curation.anonymise.files import anonymise_file
from curation.errors import UsageError

TEXT = "我叫覃水生，电话13812345678。"


def test_json_lines_keep_other_values_and_the_order_of_keys(tmp_path: Path) -> None:
    source, output = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    lines = [
        f'{{"n": 12345678901234567890123, "诉求内容": "{TEXT}", "x": {{"深": [1.50, null, "13"]}}, "id": 7}}',
        '{"诉求内容": null, "n": 2.50}',
    ]
    source.write_text("\n".join(lines) + "\n", encoding="utf-8")
    done = anonymise_file(source, output, names="none")
    first, second = output.read_text(encoding="utf-8").splitlines()
    assert list(json.loads(first)) == ["n", "诉求内容", "x", "id"]
    assert json.loads(first) == json.loads(lines[0]) | {"诉求内容": "我叫[姓名]，电话[手机号]。"}
    assert "12345678901234567890123" in first
    assert json.loads(second) == json.loads(lines[1])
    assert (done.rows, done.counts) == (2, {"CN_MOBILE": 1, "PERSON": 1})


def test_csv_private_columns_are_replaced_and_sought(tmp_path: Path) -> None:
    source, output = tmp_path / "in.csv", tmp_path / "out.csv"
    rows = "工单编号,来电人,联系电话,诉求内容,区\n1,时光,13812345678,时光说路灯不亮,城东\n"
    source.write_bytes(rows.encode("gb18030"))
    anonymise_file(source, output, names="none")
    written = list(csv.reader(output.read_text(encoding="utf-8-sig").splitlines()))
    assert written == [
        ["工单编号", "来电人", "联系电话", "诉求内容", "区"],
        ["1", "[姓名]", "[手机号]", "[姓名]说路灯不亮", "城东"],
    ]


def test_spans_hold_offsets_and_no_text(tmp_path: Path) -> None:
    source, spans = tmp_path / "in.jsonl", tmp_path / "spans.jsonl"
    source.write_text(json.dumps({"id": "a7", "text": TEXT}) + "\n" + json.dumps({"text": TEXT}) + "\n")
    anonymise_file(source, tmp_path / "out.jsonl", names="none", spans=spans)
    first, second = map(json.loads, spans.read_text(encoding="utf-8").splitlines())
    assert (first["id"], first["field"], second["id"]) == ("a7", "text", 2)
    assert [TEXT[span["start"] : span["end"]] for span in first["spans"]] == ["覃水生", "13812345678"]
    assert all(set(span) == {"start", "end", "type", "score", "recogniser"} for span in first["spans"])
    assert "13812345678" not in spans.read_text(encoding="utf-8")


def test_a_key_gives_surrogates_and_a_text_file_is_one_row(tmp_path: Path) -> None:
    source, output = tmp_path / "in.txt", tmp_path / "out.txt"
    source.write_text(TEXT, encoding="utf-8")
    anonymise_file(source, output, names="none", key=b"0123456789abcdef")
    written = output.read_text(encoding="utf-8")
    assert "覃水生" not in written and "13812345678" not in written and "[" not in written


def test_unknown_text_column_is_asked_for_by_name(tmp_path: Path) -> None:
    source = tmp_path / "in.jsonl"
    source.write_text('{"甲": "我叫覃水生，", "乙": 1}\n', encoding="utf-8")
    with pytest.raises(UsageError, match="甲, 乙"):
        anonymise_file(source, tmp_path / "out.jsonl", names="none")
    assert not (tmp_path / "out.jsonl").exists()
    anonymise_file(source, tmp_path / "out.jsonl", names="none", text_fields=["甲"])
    assert json.loads((tmp_path / "out.jsonl").read_text(encoding="utf-8"))["甲"] == "我叫[姓名]，"
    with pytest.raises(UsageError, match="丙"):
        anonymise_file(source, tmp_path / "out.jsonl", names="none", text_fields=["丙"])


def test_an_output_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    source = tmp_path / "in.txt"
    source.write_text(TEXT, encoding="utf-8")
    with pytest.raises(UsageError) as raised:
        anonymise_file(source, tmp_path / "none" / "out.txt", names="none")
    assert "\n" not in str(raised.value)
