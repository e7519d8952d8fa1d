from __future__ import annotations

import datetime
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curation.ingest import encoding, excel
from curation.ingest.problem import UnreadableError

Read = Callable[..., pa.Table]
Write = Callable[..., Path]

HEADER = [
    "工单编号",
    "来电人",
    "联系电话",
    "诉求标题",
    "诉求内容",
    "受理时间",
    "诉求分类",
    "承办单位",
    "处理结果",
]
ROW = [
    "GD0001",
    "欧阳小禾",
    "13900139000",
    "路灯",
    "东湖路的路灯坏了",
    "2024-03-05 10:20:00",
    "城乡建设",
    "城管局",
    "已修",
]

SIMPLIFIED = [
    "您好，我们小区的电梯经常停运，请有关部门尽快处理。",
    "路灯不亮",
    "公交车班次太少，建议增加",
    "物业费",
    "咨询医保报销",
]
TRADITIONAL = [
    "您好，我們社區的電梯經常停運，請有關部門儘快處理。",
    "路燈不亮",
    "公車班次太少，建議增加",
    "請問如何辦理戶籍",
    "垃圾車噪音擾民",
]


def places(table: pa.Table) -> list[tuple[str | None, int | None]]:
    return [(place["sheet"], place["row"]) for place in table["source_details"].to_pylist()]


@pytest.mark.parametrize("name", ["来信.csv", "来信.tsv"])
@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-16-le", "utf-16-be"])
def test_known_headers_are_mapped_in_every_encoding(
    write_csv: Write, read_all: Read, name: str, codec: str
) -> None:
    record = read_all(write_csv([HEADER, ROW], name, codec)).to_pylist()[0]
    expected = {
        "own_id": "GD0001", "person": "欧阳小禾", "phone": "13900139000", "title": "路灯", "reply": "已修",
        "text": "东湖路的路灯坏了", "original_time": "2024-03-05 10:20:00", "meta": '{"承办单位":"城管局"}',
        "kind": "text", "fate": None, "generated": False,
    }  # fmt: skip
    assert {name: record[name] for name in expected} == expected
    assert [(label["scheme"], label["value"]) for label in record["labels"]] == [("input", "城乡建设")]


@pytest.mark.parametrize("text", TRADITIONAL)
def test_big5_is_told_from_gb18030(text: str) -> None:
    assert encoding.decode(text.encode("big5")) == encoding.Decoded(text, "big5")


@pytest.mark.parametrize("text", [*SIMPLIFIED, *TRADITIONAL])
def test_gb18030_is_told_from_big5(text: str) -> None:
    assert encoding.decode(text.encode("gb18030")) == encoding.Decoded(text, "gb18030")


def test_undecodable_bytes_are_one_dropped_record(tmp_path: Path, read_all: Read) -> None:
    for name in ("a.csv", "b.txt"):
        (tmp_path / name).write_bytes("内容\n好".encode() + b"\xff\xff\x80")
    assert read_all(tmp_path)["reason"].to_pylist() == ["unreadable_file"] * 2


hanzi = st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5)
cells = st.text(hanzi | st.sampled_from(list("aZ09,;\t\"' \n\r，。《》：")), min_size=1, max_size=20)


@given(text=cells.filter(str.strip), codec=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "gb18030"]))
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_survives_csv(write_csv: Write, read_all: Read, text: str, codec: str) -> None:
    rows = [HEADER, [*ROW[:4], text, *ROW[5:]], ROW]
    # enough known text around it for the choice between GB18030 and Big5, which one odd cell must not decide
    table = read_all(write_csv([*rows, *([*ROW[:4], said, *ROW[5:]] for said in SIMPLIFIED)], encoding=codec))
    assert table["text"].to_pylist()[:2] == [text, ROW[4]]
    assert places(table)[:3] == [(None, 2), (None, 3), (None, 4)]


@given(text=cells.filter(str.strip))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_survives_json_lines(write_jsonl: Write, read_all: Read, text: str) -> None:
    assert read_all(write_jsonl([{"正文": text}]))["text"].to_pylist() == [text]


def test_json_lines_in_gb18030_are_read(tmp_path: Path, read_all: Read) -> None:
    path = tmp_path / "old.jsonl"
    path.write_bytes(
        "".join(json.dumps({"text": t}, ensure_ascii=False) + "\n" for t in SIMPLIFIED).encode("gb18030")
    )
    assert read_all(path)["text"].to_pylist() == SIMPLIFIED


def test_json_that_is_nested_without_end_is_broken(tmp_path: Path, read_all: Read) -> None:
    path = tmp_path / "deep.jsonl"
    path.write_text("\n".join(f'{{"text": "甲", "x": {"[" * deep + "]" * deep}}}' for deep in (100, 900)))
    assert read_all(path)["reason"].to_pylist() == [None, "broken_json"]


def test_one_broken_byte_costs_one_line_of_json(tmp_path: Path, read_all: Read) -> None:
    lines = [json.dumps({"text": text}, ensure_ascii=False).encode() for text in SIMPLIFIED]
    lines[1] = lines[1].replace("路".encode(), b"\xb7")
    path = tmp_path / "letters.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + b"\r\n".join(lines))
    assert read_all(path)["reason"].to_pylist() == [None, "broken_json", None, None, None]


def test_titles_above_the_header_and_blank_rows_are_no_records(write_csv: Write, read_all: Read) -> None:
    rows = [
        ["12345热线工单（三月）"],
        [],
        ["  联 系 电 话 ", "*诉求内容（必填）：", "备注"],
        ["", "", ""],
        ["021-1", "漏水", "急"],
    ]
    table = read_all(write_csv(rows))
    assert places(table) == [(None, 5)]
    assert table["phone"].to_pylist() == ["021-1"]
    assert table["meta"].to_pylist() == ['{"备注":"急"}']


def test_an_unclosed_quote_does_not_swallow_rows_silently(tmp_path: Path, read_all: Read) -> None:
    path = tmp_path / "a.csv"
    path.write_text('编号,内容\n1,好\n2,"没有结束\n3,丢失\n', "utf-8")
    assert read_all(path)["reason"].to_pylist() == [None, "unclosed_quote"]


def test_an_unquoted_comma_is_not_cut_off(tmp_path: Path, read_all: Read) -> None:
    path = tmp_path / "a.csv"
    path.write_text("编号,内容\n1,好\n2,前半,后半\n", "utf-8")
    assert read_all(path)["reason"].to_pylist() == [None, "too_many_cells"]


def test_map_goes_before_the_known_headers_and_can_switch_a_field_off(
    write_csv: Write, read_all: Read
) -> None:
    path = write_csv([["标题", "内容", "原文"], ["甲", "乙", "丙"]])
    table = read_all(path, map={"text": ("原文",), "title": ()})
    assert table["text"].to_pylist() == ["丙"]
    assert table["title"].to_pylist() == [None]
    assert json.loads(table["meta"][0].as_py()) == {"标题": "甲", "内容": "乙"}


def test_repeated_headers_keep_both_values(write_csv: Write, read_all: Read) -> None:
    table = read_all(write_csv([["内容", "备注", "备注", ""], ["甲", "一", "二", "三"]]))
    assert json.loads(table["meta"][0].as_py()) == {"备注": "一", "备注_2": "二", "column_4": "三"}


def test_a_service_guide_without_a_text_column_is_composed(
    write_jsonl: Write, write_csv: Write, read_all: Read
) -> None:
    row = {
        "事项名称": "居住证申领",
        "事项编码": "SX1",
        "受理条件": "居住半年以上",
        "办理地点": "一楼大厅",
        "收费标准": "无",
        "url": "x",
    }
    for path in (write_jsonl([row]), write_csv([list(row), list(row.values())])):
        record = read_all(path).to_pylist()[0]
        assert record["kind"] == "service_item"
        assert record["title"] == "居住证申领"
        assert record["text"] == "受理条件：居住半年以上\n办理地点：一楼大厅"
        assert json.loads(record["meta"]) == {"url": "x"}


@pytest.mark.parametrize(
    ("value", "published"),
    [
        ("W-2024_7", True), ("20190315000123", True), (188006, True),
        ("编号7", False), ("a" * 65, False), ("", False),
        ("13812345678", False), ("GD13812345678-1", False), ("2024031513812345678", False),
        ("11010119900307461X", False),
    ],
)  # fmt: skip
def test_own_ids_are_published_only_when_nothing_personal_is_in_them(
    write_jsonl: Write,
    read_all: Read,
    value: Any,
    published: bool,
) -> None:
    table = read_all(write_jsonl([{"id": value, "text": "甲"}]))
    assert table["own_id"].to_pylist() == [str(value) if published else None]


def test_only_a_time_is_published_as_time(write_jsonl: Write, read_all: Read) -> None:
    said = ["2024年3月5日 上午10时", "2024-03-05T10:00:00Z", "问过张三", "13812345678"]
    table = read_all(write_jsonl([{"text": "甲", "时间": value} for value in said]))
    assert table["original_time"].to_pylist() == [*said[:2], None, None]
    assert [value and json.loads(value) for value in table["meta"].to_pylist()[2:]] == [
        {"时间": "问过张三"}, {"时间": "13812345678"},
    ]  # fmt: skip


def test_kind_column_counts_only_when_valid(write_jsonl: Write, read_all: Read) -> None:
    rows = [{"text": "甲", "kind": "law"}, {"text": "乙", "kind": "诗"}, {"text": "丙"}]
    assert read_all(write_jsonl(rows), kind="letter")["kind"].to_pylist() == ["law", "letter", "letter"]


def test_bytes_in_parquet_are_text_where_they_are_utf_8(tmp_path: Path, read_all: Read) -> None:
    pq.write_table(pa.table({"text": ["路灯坏了".encode(), b"\xff\xfe"]}), tmp_path / "a.parquet")
    table = read_all(tmp_path / "a.parquet")
    assert table["text"].to_pylist() == ["路灯坏了", None]
    assert table["reason"].to_pylist() == [None, "not_text"]


def test_every_sheet_has_its_own_header(write_xlsx: Write, read_all: Read) -> None:
    path = write_xlsx({
        "一月": [["东城区热线工单"], HEADER, ROW],
        "二月": [["编号", "问题描述"], [7, "井盖松动"], [None, None], [8, "  "]],
        "说明": [["联系人", "部门"], ["甲", "乙"]],
        "空": [],
    })  # fmt: skip
    table = read_all(path)
    assert list(zip(places(table), table["reason"].to_pylist(), strict=True)) == [
        (("一月", 3), None), (("二月", 2), None), (("二月", 4), "no_text"),
        (("说明", 2), "no_text_column"),
    ]  # fmt: skip
    assert table["own_id"].to_pylist()[1] == "7"


def excel_rows() -> list[list[Any]]:
    return [
        ["编号", "电话", "身份证号", "时间", "内容", "是否", "金额"],
        [12, 13900139000, "11010119900307461X", datetime.datetime(2024, 3, 5), "甲", True, 0.1 + 0.2],
        [13, 13900139000.0, 440803199001010000, datetime.datetime(2024, 3, 5, 8, 30), "乙", False, 3.0],
        [14, "1.39E+10", "", datetime.date(2024, 3, 6), "丙", None, 2],
        [15, "1.3900139000E+10", "4.40803E+17", None, "丁", None, 2],
        [16, "", "", None, 2024, None, 6225880212345678],
    ]


def check_excel(table: pa.Table) -> None:
    assert table["own_id"].to_pylist() == ["000012", "13", "14", "15", "16"]
    assert table["phone"].to_pylist() == ["13900139000", "13900139000", "1.39E+10", "13900139000", None]
    assert table["original_time"].to_pylist() == [
        "2024-03-05",
        "2024-03-05 08:30:00",
        "2024-03-06",
        None,
        None,
    ]
    assert list(zip(table["reason"].to_pylist(), table["evidence"].to_pylist(), strict=True)) == [
        (None, None), ("precision_lost", "id_number"), ("precision_lost", "phone"),
        ("precision_lost", "id_number"), (None, None),
    ]  # fmt: skip
    assert table["text"].to_pylist() == ["甲", "乙", "丙", "丁", "2024"]
    assert json.loads(table["meta"][0].as_py()) == {"是否": "TRUE", "金额": "0.3"}
    assert json.loads(table["meta"][4].as_py()) == {"金额": "6225880212345678"}


def test_xlsx_numbers_come_back_as_written_or_not_at_all(tmp_path: Path, read_all: Read) -> None:
    from openpyxl import Workbook

    book = Workbook()
    for row in excel_rows():
        book.active.append(row)
    book.active["A2"].number_format = "000000"
    book.save(tmp_path / "a.xlsx")
    check_excel(read_all(tmp_path / "a.xlsx"))


def test_xls_numbers_come_back_as_written_or_not_at_all(tmp_path: Path, read_all: Read) -> None:
    import xlwt

    book = xlwt.Workbook()
    sheet = book.add_sheet("工单")
    styles = {
        datetime.datetime: xlwt.easyxf(num_format_str="yyyy-mm-dd hh:mm"),
        datetime.date: xlwt.easyxf(num_format_str="yyyy-mm-dd"),
    }
    for number, row in enumerate(excel_rows()):
        for column, value in enumerate(row):
            style = styles.get(type(value), xlwt.easyxf())
            sheet.write(number, column, value, xlwt.easyxf(num_format_str="000000") if value == 12 else style)
    book.save(str(tmp_path / "a.xls"))
    check_excel(read_all(tmp_path / "a.xls"))


def test_cells_merged_downwards_all_have_the_value(tmp_path: Path, read_all: Read) -> None:
    import xlwt
    from openpyxl import Workbook

    book = Workbook()
    for row in [
        ["标题", "内容"],
        ["路灯", "一号路"],
        [None, "二号路"],
        ["井盖", "三号路"],
        ["以上共三件", None],
    ]:
        book.active.append(row)
    book.active.merge_cells("A2:A3")
    book.active.merge_cells("A5:B5")
    book.save(tmp_path / "a.xlsx")
    old = xlwt.Workbook()
    sheet = old.add_sheet("工单")
    sheet.write_merge(1, 2, 0, 0, "路灯")
    for row, column, value in [
        (0, 0, "标题"),
        (0, 1, "内容"),
        (1, 1, "一号路"),
        (2, 1, "二号路"),
        (3, 0, "井盖"),
        (3, 1, "三号路"),
    ]:
        sheet.write(row, column, value)
    sheet.write_merge(4, 4, 0, 1, "以上共三件")
    old.save(str(tmp_path / "a.xls"))
    for name in ("a.xlsx", "a.xls"):
        table = read_all(tmp_path / name)
        assert table["title"].to_pylist() == ["路灯", "路灯", "井盖", "以上共三件"]
        assert table["reason"].to_pylist() == [None, None, None, "no_text"]


def test_errors_are_empty_and_formulas_are_not_run(write_xlsx: Write, read_all: Read) -> None:
    path = write_xlsx({"一": [["标题", "内容"], ["#N/A", "甲"], ["=1+1", "乙"]]})
    assert read_all(path)["title"].to_pylist() == [None, None]


@pytest.mark.parametrize(
    "text", ["甲\r\n乙", "=SUM(A1)", "_x000D_", "_xD800_", "  两端有空格  ", "表情😀与生僻字𠮷"]
)
def test_texts_survive_xlsx(tmp_path: Path, read_all: Read, text: str) -> None:
    from curation.ingest.tables import Rows, read_rows, write_rows

    path = tmp_path / "a.xlsx"
    write_rows(path, Rows(("内容",), [{"内容": text}]))
    assert read_all(path)["text"].to_pylist() == [text]
    assert read_rows(path).rows == [{"内容": text}]


def broken_workbooks() -> dict[str, Callable[[bytes], bytes]]:
    return {
        "truncated": lambda data: data[: len(data) // 2],
        "no_zip": lambda data: b"PK\x03\x04" + b"x" * 100,
        "damaged": lambda data: data[:200] + bytes(200) + data[400:],
        "html": lambda data: b"<html><table><tr><td>1</td></tr></table></html>",
        "empty": lambda data: b"",
    }


@pytest.mark.parametrize("fault", sorted(broken_workbooks()))
@pytest.mark.parametrize("suffix", [".xlsx", ".xls"])
def test_a_damaged_workbook_is_one_dropped_record(
    write_xlsx: Write, read_all: Read, fault: str, suffix: str
) -> None:
    path: Path = write_xlsx({"一": [HEADER, ROW]}, name=f"坏{suffix}")
    path.write_bytes(broken_workbooks()[fault](path.read_bytes()))
    table = read_all(path)
    assert table["reason"].to_pylist() == ["unreadable_file"]
    assert places(table) == [(None, None)]


def test_a_workbook_that_unpacks_without_end_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read_all: Read
) -> None:
    monkeypatch.setattr(excel, "EXPANSION_FROM", 100_000)
    path = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", bytes(1_000_000))
    table = read_all(path)
    assert (table["reason"].to_pylist(), table["evidence"].to_pylist()) == (["unreadable_file"], ["zip_bomb"])


def test_a_declared_size_of_a_million_rows_is_not_believed(
    write_xlsx: Write, read_all: Read, tmp_path: Path
) -> None:
    path = write_xlsx({"一": [HEADER, ROW]})
    huge = tmp_path / "huge.xlsx"
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(huge, "w") as target:
        for name in source.namelist():
            data = source.read(name)
            if name.endswith("sheet1.xml"):
                assert b'ref="A1:I2"' in data
                data = data.replace(b'ref="A1:I2"', b'ref="A1:XFD1048576"')
            target.writestr(name, data)
    assert list(read_all(huge)["reason"].to_pylist()) == [None]
    assert sum(1 for sheet in excel.sheets(huge) for _ in sheet.rows) == 2


def test_workbook_kind_is_told_by_its_bytes(write_xlsx: Write, read_all: Read) -> None:
    path: Path = write_xlsx({"一": [HEADER, ROW]})
    renamed = path.rename(path.with_suffix(".xls"))
    assert read_all(renamed)["text"].to_pylist() == [ROW[4]]


def test_parquet_columns_of_any_type_are_read(tmp_path: Path, read_all: Read) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(
        pa.table({
            "编号": pa.array([7, 8], pa.int64()),
            "身份证号": pa.array([4.408e17, None], pa.float64()),
            "内容": pa.array(["甲", "乙"]).dictionary_encode(),
            "时间": pa.array([datetime.datetime(2024, 3, 5, 8), datetime.datetime(2024, 3, 6)]),
            "标记": pa.array([[1, 2], None]),
        }),
        path,
    )  # fmt: skip
    table = read_all(path)
    assert table["own_id"].to_pylist() == ["7", "8"]
    assert table["text"].to_pylist() == ["甲", "乙"]
    assert table["original_time"].to_pylist() == ["2024-03-05 08:00:00", "2024-03-06"]
    assert table["reason"].to_pylist() == ["precision_lost", None]
    assert json.loads(table["meta"][0].as_py()) == {"标记": [1, 2]}


def test_a_damaged_parquet_file_is_one_dropped_record(tmp_path: Path, read_all: Read) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": ["甲"]}), path)
    path.write_bytes(path.read_bytes()[:-20])
    assert read_all(path)["reason"].to_pylist() == ["unreadable_file"]


def test_encoding_error_is_no_python_error() -> None:
    with pytest.raises(UnreadableError):
        encoding.decode(b"\xff\xff\x80")


@given(flips=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=8))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_flipped_bytes_never_make_reading_raise(
    tmp_path: Path, read_all: Read, flips: list[tuple[int, int]]
) -> None:
    import xlwt

    book = xlwt.Workbook()
    for row, text in enumerate(["内容", *SIMPLIFIED]):
        (book.add_sheet("工单") if row == 0 else book.get_sheet(0)).write(row, 0, text)
    book.save(str(tmp_path / "a.xls"))
    pq.write_table(pa.table({"text": SIMPLIFIED}), tmp_path / "a.parquet")
    for name in ("a.xls", "a.parquet"):
        data = bytearray((tmp_path / name).read_bytes())
        for place, byte in flips:
            data[place % len(data)] = byte
        (tmp_path / name).write_bytes(data)
        read_all(tmp_path / name).validate(full=True)
