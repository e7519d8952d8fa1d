from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

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


@pytest.mark.parametrize("line", ['{"text": NaN}', "[1]", '"text"', "{", '{"text": "\\ud800"}'])
def test_a_line_that_cannot_be_read_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(f'{{"text": "甲"}}\n\n{line}\n', "utf-8")
    with pytest.raises(InputError) as raised:
        read_rows(path)
    assert (raised.value.file, raised.value.row) == ("a.jsonl", 3)


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
