"""The file command: every row back, text columns anonymised, all else untouched, nothing half written."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curation.anonymise.files import Also, anonymise_file
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
    anonymise_file(source, tmp_path / "out.jsonl", names="none", also=Also(spans=spans))
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
    source.write_text(f"内容,*备注,说明,电话\n路灯不亮,{TEXT},{TEXT},13812345678\n", encoding="utf-8")
    anonymise_file(source, output, names="none", text_fields=["备注", "说明"])
    gone = "我叫[姓名]，电话[手机号]。"
    after = list(csv.reader(output.read_text(encoding="utf-8").splitlines()))
    assert after[1] == ["路灯不亮", gone, gone, "[手机号]"]


def test_half_of_a_surrogate_pair_comes_back(tmp_path: Path) -> None:
    source, output = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text(json.dumps({"id": "\ud83d", "text": TEXT + "\ud83d"}) + "\n")
    anonymise_file(source, output, names="none", also=Also(spans=tmp_path / "spans.jsonl"))
    assert json.loads(output.read_text())["text"] == "我叫[姓名]，电话[手机号]。\ud83d"
    assert json.loads((tmp_path / "spans.jsonl").read_text())["id"] == "\ud83d"


def test_nothing_is_written_where_one_of_both_files_cannot_be(tmp_path: Path) -> None:
    source = tmp_path / "in.jsonl"
    source.write_text(json.dumps({"text": TEXT}), encoding="utf-8")
    with pytest.raises(UsageError, match=r"spans\.jsonl: cannot be written"):
        anonymise_file(
            source, tmp_path / "out.jsonl", names="none", also=Also(spans=tmp_path / "absent" / "spans.jsonl")
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


def test_what_is_replaced_in_a_row_is_replaced_in_its_other_columns(tmp_path: Path) -> None:
    source, output = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    row = {
        "text": TEXT,
        "n": 13812345678,
        "meta": {"who": ["覃水生", {"again": "找覃水生（138）"}], "k": 138, "ok": True},
        "id": "a-13812345678",
    }
    source.write_text(json.dumps(row, ensure_ascii=False) + "\n", encoding="utf-8")
    anonymise_file(source, output, names="none", also=Also(spans=tmp_path / "spans.jsonl"))
    after = json.loads(output.read_text(encoding="utf-8"))
    assert after["meta"] == {"who": ["[姓名]", {"again": "找[姓名]（138）"}], "k": 138, "ok": True}
    assert (after["n"], after["id"]) == ("[手机号]", "a-[手机号]")
    assert "13812345678" not in (tmp_path / "spans.jsonl").read_text(encoding="utf-8")


def test_a_value_of_one_row_says_nothing_about_another(tmp_path: Path) -> None:
    source, output = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    lines = [json.dumps({"text": TEXT}), json.dumps({"text": "无事", "x": "覃水生"}, ensure_ascii=False)]
    source.write_text("\n".join(lines), encoding="utf-8")
    anonymise_file(source, output, names="none")
    assert output.read_text(encoding="utf-8").splitlines()[1] == lines[1]


def test_spans_of_rows_with_the_same_id_can_be_told_apart(tmp_path: Path) -> None:
    source, spans = tmp_path / "in.jsonl", tmp_path / "spans.jsonl"
    rows = [{"id": 2, "text": TEXT}, {"text": TEXT}, {"id": 1, "text": TEXT}]
    source.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    anonymise_file(source, tmp_path / "out.jsonl", names="none", also=Also(spans=spans))
    said = [json.loads(line) for line in spans.read_text(encoding="utf-8").splitlines()]
    assert [(one["id"], one.get("row")) for one in said] == [(2, 1), (2, 2), (1, None)]


@pytest.mark.parametrize("key", [None, b"0123456789abcdef"])
def test_any_number_of_workers_writes_the_same_bytes(
    tmp_path: Path, key: bytes | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("curation.anonymise.rows.BATCH", 7)
    source = tmp_path / "in.jsonl"
    rows = [{"text": f"我叫覃水生，同事王小明，电话138{n:08}", "id": n} for n in range(40)]
    source.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    written = []
    for workers in (1, 2):
        also = Also(*(tmp_path / f"{name}{workers}" for name in ("spans", "review", "manifest")))
        output = tmp_path / f"out{workers}.jsonl"
        anonymise_file(source, output, key=key, workers=workers, also=also)
        files = (output, also.spans, also.review, also.manifest)
        written.append([path.read_bytes() for path in files if path])
    assert written[0] == written[1]


@pytest.mark.parametrize("option", ["spans", "review", "manifest", "vault"])
def test_no_file_is_written_over_an_input_or_another_output(tmp_path: Path, option: str) -> None:
    source, output = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text(json.dumps({"text": TEXT}), encoding="utf-8")
    before = source.read_bytes()
    link = tmp_path / "link.jsonl"
    link.symlink_to(source)
    for path in (source, link, output, tmp_path, tmp_path / "absent" / "x"):
        with pytest.raises(UsageError) as raised:
            anonymise_file(source, output, names="none", also=Also(**{option: path}, vault_key=b"k" * 16))
        assert "\n" not in str(raised.value)
    assert source.read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} == {"in.jsonl", "link.jsonl"}


def test_no_personal_value_is_in_anything_that_is_written(sample: Path, tmp_path: Path) -> None:
    """Every value of the generated work orders, in any column of any file, the sealed one included."""
    truth = [json.loads(line) for line in (sample / "truth" / "truth.jsonl").open(encoding="utf-8")]
    for source in sorted((sample / "data").rglob("*.csv")) + sorted((sample / "data").rglob("*.jsonl")):
        records = [one for one in truth if one["file"] == source.name or one["file"].endswith(source.name)]
        values = {value for one in records for value in one["values"] if len(value) > 1}
        written = [tmp_path / name for name in ("spans", "review", "manifest", "vault")]
        also = Also(*written[:3], vault=written[3], vault_key=b"a vault key of thirty-two bytes!")
        output = tmp_path / f"out{source.suffix}"
        written[3].unlink(missing_ok=True)
        anonymise_file(source, output, also=also)
        if not values:  # service guides
            continue
        for path in (output, *written):
            text = path.read_bytes().decode("utf-8", "replace")
            assert sum(value in text for value in values) == 0, path.name


def test_a_value_written_otherwise_goes_from_the_other_columns_and_from_keys(tmp_path: Path) -> None:
    source, output = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    row = {
        "text": TEXT + "身份证号11010119900307293X",
        "phone": "139-1111-2222",
        "x": ["138-1234-5678", "138 1234 5678", "覃 水生", "11010119900307293x", "a13911112222", 13911112222],
        "y": {"覃水生": {"138-1234-5678": 1}, "覃 水生": 2},
    }
    source.write_text(json.dumps(row, ensure_ascii=False) + "\n", encoding="utf-8")
    anonymise_file(source, output, names="none")
    after = json.loads(output.read_text(encoding="utf-8"))
    assert after["x"][:3] == ["[手机号]", "[手机号]", "[姓名]"]
    assert not any("2222" in str(value) or "1990" in str(value) for value in after["x"])
    assert len(after["y"]) == 2
    assert not any(value in str(after["y"]) for value in ("水生", "1234"))


@pytest.mark.parametrize("name", ["覃水生", "b"])
def test_what_cannot_be_replaced_is_refused_in_one_line(tmp_path: Path, name: str) -> None:
    source = tmp_path / "in.parquet"
    pq.write_table(pa.table({"text": [TEXT], name: [b"\xff\xfe"]}), source)
    with pytest.raises(InputError, match="row") as raised:
        anonymise_file(source, tmp_path / "out.parquet", names="none")
    assert "覃" not in str(raised.value)
    assert not (tmp_path / "out.parquet").exists()


def test_the_engine_s_own_model_is_not_written_over(tmp_path: Path) -> None:
    source, model = tmp_path / "in.jsonl", tmp_path / "model.jsonl"
    source.write_text(json.dumps({"text": TEXT}), encoding="utf-8")
    model.write_text("model", encoding="utf-8")
    with pytest.raises(UsageError, match="is an input itself"):
        anonymise_file(source, model, names=f"crf:{model}")
