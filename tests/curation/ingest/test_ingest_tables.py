from __future__ import annotations

import datetime
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from curation.errors import InputError, UsageError
from curation.ingest.tables import Rows, read_rows, write_rows

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(
    rows=st.lists(
        st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=5), json_values, max_size=4),
        max_size=4,
    )
)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_json_values_come_back_unchanged(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    source, target = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    write_rows(target, read_rows(source))
    back = [json.loads(line) for line in target.read_text("utf-8").split("\n")[:-1]]
    assert back == rows
    assert [list(row) for row in back] == [list(row) for row in rows]


def test_integers_of_any_length_stay_exact(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "甲", "n": 123456789012345678901234567890, "f": [1.0, 1e5]}\n')
    write_rows(path, read_rows(path))
    assert json.loads(path.read_text())["n"] == 123456789012345678901234567890
    assert json.loads(path.read_text())["f"] == [1.0, 100000.0]


@pytest.mark.parametrize("line", ['{"text": NaN}', "[1]", '"text"', "{", '{"text": "\\ud800}'])
def test_a_line_that_cannot_be_read_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(f'{{"text": "甲"}}\n\n{line}\n', "utf-8")
    with pytest.raises(InputError) as raised:
        read_rows(path)
    assert (raised.value.file, raised.value.row) == ("a.jsonl", 3)


@pytest.mark.parametrize("deep", [400, 100_000])
def test_json_that_is_nested_without_end_is_refused(tmp_path: Path, deep: int) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(f'{{"text": "\\ud83d", "x": {"[" * deep + "]" * deep}}}\n')
    with pytest.raises(InputError, match=r"a\.jsonl, row 1"):
        read_rows(path)


def test_half_of_a_surrogate_pair_survives_json_and_is_refused_elsewhere(tmp_path: Path) -> None:
    source = tmp_path / "a.jsonl"
    source.write_bytes(b'{"\\uDC00": ["a\\ud83d"], "pair": "\\ud83d\\ude00"}\n')
    rows = read_rows(source)
    write_rows(tmp_path / "b.jsonl", rows)
    assert read_rows(tmp_path / "b.jsonl").rows == rows.rows == [{"\udc00": ["a\ud83d"], "pair": "😀"}]
    half = Rows(("text",), [{"text": "a\ud83d"}])
    for name in ("c.csv", "c.xlsx", "c.parquet", "c.txt"):
        with pytest.raises(InputError, match=f"^{name}: half of a surrogate pair"):
            write_rows(tmp_path / name, half)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.jsonl", "b.jsonl"]


def test_half_of_a_surrogate_pair_in_a_record_becomes_a_replacement_character(
    tmp_path: Path, read_all: Callable[[Path], pa.Table]
) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"text": "a\\ud83d", "x": "\\udc00"}\n{"text": "\\ud83d\\ude00"}\n')
    table = read_all(path)
    assert table["text"].to_pylist() == ["a\ufffd", "😀"]
    assert table["reason"].to_pylist() == [None, None]


def test_json_lines_are_read_in_the_encodings_that_curate_reads(tmp_path: Path) -> None:
    said = [{"text": "小区门口的路灯坏了三天没有人来修"}, {"text": "自来水一直是黄的，请派人看看"}]
    lines = "\n".join(json.dumps(row, ensure_ascii=False) for row in said)
    for codec in ("gb18030", "utf-16", "utf-8-sig"):
        (tmp_path / "a.jsonl").write_bytes(lines.encode(codec))
        assert read_rows(tmp_path / "a.jsonl").rows == said


def test_an_array_in_a_json_file_is_told_how_to_be_written(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('[\n  {"text": "甲"}\n]\n', "utf-8")
    with pytest.raises(InputError, match=r"row 1: .*write one object per line"):
        read_rows(path)


@pytest.mark.parametrize(
    ("name", "content", "numbers"),
    [
        ("a.csv", "\n标题,内容\n\n甲,乙\n,\n丙,丁\n", [4, 6]),
        ("a.jsonl", '{"a": 1}\n\n \n{"a": 2}\n', [1, 4]),
        ("a.txt", "甲", [1]),
    ],
)
def test_rows_keep_their_numbers(tmp_path: Path, name: str, content: str, numbers: list[int]) -> None:
    path = tmp_path / name
    path.write_text(content, "utf-8")
    rows = read_rows(path)
    assert list(rows.numbers) == numbers
    assert list(rows.take([len(numbers) - 1]).numbers) == numbers[-1:]


def workbook(path: Path, sheets: dict[str, list[list[str]]]) -> Path:
    book = Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


def test_a_second_sheet_with_cells_is_refused_and_an_empty_one_is_not(tmp_path: Path) -> None:
    rows = [["内容"], ["甲"]]
    path = workbook(tmp_path / "a.xlsx", {"空": [], "一": rows, "空的": [[""]]})
    assert read_rows(path).rows == [{"内容": "甲"}]
    path = workbook(tmp_path / "b.xlsx", {"一": rows, "空": [], "二": rows})
    with pytest.raises(InputError, match="curate") as raised:
        read_rows(path)
    assert (raised.value.file, raised.value.sheet) == ("b.xlsx", "二")


def test_rows_above_the_header_are_refused_with_the_place_of_the_header(tmp_path: Path) -> None:
    lines = [["热线工单（三月）"], [], ["标题", "诉求内容"], ["路灯", "坏了"]]
    workbook(tmp_path / "a.xlsx", {"一": lines})
    (tmp_path / "a.csv").write_text("\n".join(",".join(line) for line in lines), "utf-8")
    for name in ("a.csv", "a.xlsx"):
        with pytest.raises(InputError, match="delete the rows above") as raised:
            read_rows(tmp_path / name)
        assert raised.value.row == 3


def test_a_named_text_column_makes_its_row_the_header(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("甲,乙\n内容,一\n二,三\n", "utf-8")
    assert read_rows(path, ["甲"]).rows[0] == {"甲": "内容", "乙": "一"}


def test_a_column_is_found_by_all_the_ways_its_header_is_written(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("*联系电话,联系电话（必填）,联系电话,联系电话\n1,2,3,4\n", "utf-8")
    rows = read_rows(path)
    assert rows.find(["联系电话"]) == list(rows.columns)


def test_nan_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        write_rows(tmp_path / "a.jsonl", Rows(("x",), [{"x": float("nan")}]))
    assert list(tmp_path.iterdir()) == []


cells = st.text(
    st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5) | st.sampled_from(list(',;"\r\n\t a1')),
    max_size=8,
)


@given(
    rows=st.lists(st.tuples(cells, cells).filter(any), max_size=5), suffix=st.sampled_from([".csv", ".tsv"])
)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_cells_survive_csv(tmp_path: Path, rows: list[tuple[str, str]], suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    given_rows = Rows(("标题", "内容"), [{"标题": title, "内容": text} for title, text in rows])
    write_rows(path, given_rows)
    assert read_rows(path).rows == given_rows.rows


@pytest.mark.parametrize(
    ("codec", "bom"), [("utf-8", False), ("utf-8-sig", True), ("gb18030", True), ("utf-16", True)]
)
def test_csv_is_written_so_that_its_program_reads_it(tmp_path: Path, codec: str, bom: bool) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("编号,备注,备注\r\n1,甲,乙\r\n".encode(codec))
    rows = read_rows(path)
    write_rows(path, rows)
    assert path.read_bytes() == ("编号,备注,备注\r\n1,甲,乙\r\n").encode("utf-8-sig" if bom else "utf-8")


def test_a_csv_row_that_is_too_long_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("内容\n甲\n乙,丙\n", "utf-8")
    with pytest.raises(InputError) as raised:
        read_rows(path)
    assert raised.value.row == 3


def test_parquet_keeps_the_types_of_the_other_columns(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    table = pa.table({
        "text": pa.array(["甲", "乙", "丙"], pa.large_string()),
        "day": pa.array([datetime.date(2024, 3, 5), None, None], pa.date32()),
        "small": pa.array([1, 2, None], pa.int8()),
        "list": pa.array([[1.5], [], None], pa.list_(pa.float32())),
    })  # fmt: skip
    pq.write_table(table, path)
    rows = read_rows(path).take([2, 0])
    rows.rows[0]["text"] = "改"
    write_rows(path, rows)
    expected = table.take([2, 0]).set_column(0, "text", pa.array(["改", "甲"], pa.large_string()))
    assert pq.read_table(path).equals(expected)


def test_a_parquet_column_that_cannot_hold_its_new_values_is_written_as_strings(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    floats = pa.array([1.5, float("nan"), None])
    table = pa.table({
        "phone": pa.array([13812345678.0, 10.0, None]),
        "word": pa.array(["甲", "乙", "甲"]).dictionary_encode(),
        "float": floats,
    })  # fmt: skip
    pq.write_table(table, path)
    rows = read_rows(path)
    rows.rows[0] |= {"phone": "[手机号]", "word": "改"}
    write_rows(path, rows)
    after = pq.read_table(path)
    assert after["phone"].to_pylist() == ["[手机号]", "10", None]
    assert after["word"].to_pylist() == ["改", "乙", "甲"]
    assert after["word"].type == table["word"].type
    assert after["float"].combine_chunks().to_pylist()[0] == 1.5
    assert after["float"].type == floats.type


def test_parquet_columns_of_one_name_stay_apart(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    table = pa.Table.from_arrays([pa.array(["甲"]), pa.array(["乙"])], names=["a", "a"])
    pq.write_table(table, path)
    rows = read_rows(path)
    assert list(rows.rows[0].values()) == ["甲", "乙"]
    write_rows(path, rows)
    assert pq.ParquetFile(path).read().equals(table)


def test_a_text_file_is_one_row(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes("第一行\r\n第二行".encode("gb18030"))
    rows = read_rows(path)
    assert rows.rows == [{"text": "第一行\r\n第二行"}]
    write_rows(path, rows)
    assert path.read_bytes() == "第一行\r\n第二行".encode()


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.xlsx"])
def test_formats_can_be_changed_on_the_way(tmp_path: Path, name: str) -> None:
    source = tmp_path / "a.jsonl"
    source.write_text('{"text": "甲", "tags": ["一", 2]}\n{"text": "乙"}\n', "utf-8")
    write_rows(tmp_path / name, read_rows(source))
    assert read_rows(tmp_path / name).rows == [
        {"text": "甲", "tags": '["一", 2]'},
        {"text": "乙", "tags": ""},
    ]


@pytest.mark.parametrize("value", ["a\x01b", "字" * 32_768])
def test_what_xlsx_cannot_hold_is_refused_and_nothing_is_left(tmp_path: Path, value: str) -> None:
    with pytest.raises(InputError) as raised:
        write_rows(tmp_path / "a.xlsx", Rows(("text",), [{"text": value}]))
    assert raised.value.row == 2
    assert value not in str(raised.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a.docx", "a"])
def test_an_extension_that_is_not_supported_names_those_that_are(tmp_path: Path, name: str) -> None:
    for call in (lambda: read_rows(tmp_path / name), lambda: write_rows(tmp_path / name, Rows((), []))):
        with pytest.raises(UsageError, match=r"\.jsonl.*\.parquet"):
            call()


def test_missing_and_unwritable_files_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        read_rows(tmp_path / "a.csv")
    with pytest.raises(UsageError, match="cannot be written"):
        write_rows(tmp_path / "no" / "a.csv", Rows((), []))


def test_damaged_files_are_one_line(tmp_path: Path) -> None:
    for name in ("a.xlsx", "a.parquet"):
        (tmp_path / name).write_bytes(b"PK\x03\x04")
        with pytest.raises(InputError, match=f"^{name}: cannot be read"):
            read_rows(tmp_path / name)
