"""The file command: every row back, text columns anonymised, all else untouched, nothing half written."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curation.anonymise.files import anonymise_file
from curation.errors import InputError, UsageError

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


@pytest.mark.parametrize("kind", [pa.int64(), pa.float64(), pa.string()])
def test_phones_of_parquet_go_whatever_their_type(tmp_path: Path, kind: pa.DataType) -> None:
    source, output = tmp_path / "in.parquet", tmp_path / "out.parquet"
    phones = pa.array([13812345678, None]).cast(kind)
    days = pa.array([1, 2], pa.date32())
    pq.write_table(pa.table({"联系电话": phones, "诉求内容": [TEXT, None], "日": days}), source)
    anonymise_file(source, output, names="none")
    after = pq.ParquetFile(output).read()
    assert after["联系电话"].to_pylist() == ["[手机号]", None]
    assert after["诉求内容"].to_pylist() == ["我叫[姓名]，电话[手机号]。", None]
    assert after["日"].combine_chunks() == days


def test_numbers_are_taken_as_they_are_shown(tmp_path: Path) -> None:
    source, output = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    rows = [{"phone": 13812345678.0, "text": "请回13812345678"}, {"text": 13812345678}, {"text": 12.50}]
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    anonymise_file(source, output, names="none")
    after = [json.loads(line) for line in output.read_text(encoding="utf-8").splitlines()]
    assert after == [{"phone": "[手机号]", "text": "请回[手机号]"}, {"text": "[手机号]"}, {"text": 12.5}]


@pytest.mark.parametrize("field", ["text", "phone"])
@pytest.mark.parametrize("value", ['["13812345678"]', '{"a": "13812345678"}', "true"])
def test_what_is_neither_text_nor_number_is_named(tmp_path: Path, field: str, value: str) -> None:
    source = tmp_path / "in.jsonl"
    source.write_text(f'{{"text": "甲"}}\n\n{{"text": "乙", "{field}": {value}}}\n', encoding="utf-8")
    with pytest.raises(InputError) as raised:
        anonymise_file(source, tmp_path / "out.jsonl", names="none")
    assert (raised.value.file, raised.value.row, raised.value.field) == ("in.jsonl", 3, field)
    assert "138" not in str(raised.value)
    assert [path.name for path in tmp_path.iterdir()] == ["in.jsonl"]


def test_headers_are_known_as_curate_knows_them(tmp_path: Path) -> None:
    source, output = tmp_path / "in.csv", tmp_path / "out.csv"
    header = "*联系电话,手机号（必填）,联系电话,联系电话,*诉求内容（必填）"
    source.write_text(f"{header}\n13812345678,13912345678,13712345678,13612345678,{TEXT}\n", "utf-8")
    anonymise_file(source, output, names="none")
    after = list(csv.reader(output.read_text(encoding="utf-8").splitlines()))
    assert after == [header.split(","), ["[手机号]"] * 4 + ["我叫[姓名]，电话[手机号]。"]]


def test_a_service_guide_is_text_in_all_its_columns(tmp_path: Path) -> None:
    source, output = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    guide = {"事项名称": "居住证", "受理条件": TEXT}
    lines = [json.dumps(row, ensure_ascii=False) for row in (guide, {"text": TEXT})]
    source.write_text("\n".join(lines), encoding="utf-8")
    anonymise_file(source, output, names="none")
    assert "13812345678" not in output.read_text(encoding="utf-8")


def test_a_title_alone_is_not_enough_to_know_the_text(tmp_path: Path) -> None:
    source = tmp_path / "in.csv"
    source.write_text(f"标题,说了什么\n路灯,{TEXT}\n", encoding="utf-8")
    with pytest.raises(UsageError, match="--text-field"):
        anonymise_file(source, tmp_path / "out.csv", names="none")


def test_a_file_without_a_header_shows_no_record_in_the_error(tmp_path: Path) -> None:
    source = tmp_path / "in.csv"
    source.write_text(f"1,{TEXT}\n2,{TEXT}\n", encoding="utf-8")
    for named in ([], ["正文"]):
        with pytest.raises(UsageError) as raised:
            anonymise_file(source, tmp_path / "out.csv", names="none", text_fields=named)
        assert "覃水生" not in str(raised.value)


def test_named_text_columns_stand_instead_of_the_known_ones(tmp_path: Path) -> None:
    source, output = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text(f"内容,*备注,说明,电话\n{TEXT},{TEXT},{TEXT},13812345678\n", encoding="utf-8")
    anonymise_file(source, output, names="none", text_fields=["备注", "说明"])
    gone = "我叫[姓名]，电话[手机号]。"
    after = list(csv.reader(output.read_text(encoding="utf-8").splitlines()))
    assert after[1] == [TEXT, gone, gone, "[手机号]"]


def test_half_of_a_surrogate_pair_comes_back(tmp_path: Path) -> None:
    source, output = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text(json.dumps({"id": "\ud83d", "text": TEXT + "\ud83d"}) + "\n")
    anonymise_file(source, output, names="none", spans=tmp_path / "spans.jsonl")
    assert json.loads(output.read_text())["text"] == "我叫[姓名]，电话[手机号]。\ud83d"
    assert json.loads((tmp_path / "spans.jsonl").read_text())["id"] == "\ud83d"


def test_nothing_is_written_where_one_of_both_files_cannot_be(tmp_path: Path) -> None:
    source = tmp_path / "in.jsonl"
    source.write_text(json.dumps({"text": TEXT}), encoding="utf-8")
    with pytest.raises(UsageError, match=r"spans\.jsonl: cannot be written"):
        anonymise_file(
            source, tmp_path / "out.jsonl", names="none", spans=tmp_path / "absent" / "spans.jsonl"
        )
    assert [path.name for path in tmp_path.iterdir()] == ["in.jsonl"]


def test_a_key_gives_surrogates_and_a_text_file_is_one_row(tmp_path: Path) -> None:
    source, output = tmp_path / "in.txt", tmp_path / "out.txt"
    source.write_text(TEXT, encoding="utf-8")
    anonymise_file(source, output, names="none", key=b"0123456789abcdef")
    written = output.read_text(encoding="utf-8")
    assert "覃水生" not in written and "13812345678" not in written and "[" not in written


def test_unknown_text_column_is_asked_for_by_name(tmp_path: Path) -> None:
    source = tmp_path / "in.jsonl"
    source.write_text('{"甲": "我叫覃水生，", "乙": 1}\n', encoding="utf-8")
    with pytest.raises(UsageError, match="--text-field"):
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
