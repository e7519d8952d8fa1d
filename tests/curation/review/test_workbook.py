"""What leaves as a workbook can be filled in, moved about and read back; the rest of it is locked."""

from __future__ import annotations

import contextlib
import re
import zipfile
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curation.errors import InputError
from curation.ingest import excel
from curation.label import taxonomy
from curation.label.taxonomy import Taxonomy
from curation.review.cases import Suggestion
from curation.review.exchange import answers, workbook
from curation.review.exchange.outgoing import Outgoing, Row, plain

LETTERS = taxonomy.load("letters")
HEADERS = [
    "id",
    "content",
    "taxonomy",
    "reason",
    "序号",
    "标题",
    "正文",
    "回复",
    "标签",
    "标注人",
    "审核标签",
    "审核人",
]  # fmt: skip
FILLED = {"标签": "交通运输", "标注人": "甲", "审核标签": "环境保护", "审核人": "乙"}


def row(key: str, text: str = "路口红灯太长", **texts: str) -> Row:
    suggestion = Suggestion("交通运输", 0.77, "classifier", False)
    return Row(key, "c" * 32, "audit", {"title": "", "text": text, "reply": "", **texts}, suggestion)


def write(path: Path, *rows: Row, lang: answers.Lang = "zh", labels: Taxonomy = LETTERS) -> Path:
    workbook.write(path, Outgoing(labels, list(rows), 0, 0), lang)
    return path


def fill(path: Path, cells: dict[str, str], number: int = 2) -> Path:
    """Fill in a row, columns by header."""
    book = openpyxl.load_workbook(path)
    sheet = book.worksheets[0]
    for header, value in cells.items():
        sheet.cell(number, headers(sheet).index(header) + 1).value = value
    book.save(path)
    return path


def headers(sheet: Any) -> list[Any]:
    return [cell.value for cell in sheet[1]]


def read(path: Path, **options: Any) -> list[tuple[str, str, str, str]]:
    found = workbook.read(path, **{"by": None, "role": None, **options})
    assert found.faults == []
    return [(one.id, one.role, one.by, one.label) for one in found.answers]


def test_only_the_answers_can_be_filled_in(tmp_path: Path) -> None:
    book = openpyxl.load_workbook(write(tmp_path / "f.xlsx", row("1"), row("2")))
    sheet = book.worksheets[0]
    assert headers(sheet) == HEADERS
    assert all(each.protection.sheet for each in book.worksheets)
    unlocked = {
        (cell.row, headers(sheet)[cell.column - 1])
        for line in sheet.iter_rows()
        for cell in line
        if not cell.protection.locked
    }
    assert unlocked == {(number, header) for number in (2, 3) for header in FILLED}
    hidden = {name for at, name in enumerate(HEADERS) if sheet.column_dimensions["ABCDEFGHIJKL"[at]].hidden}
    assert hidden == {*workbook.HIDDEN, "标题", "回复"}  # no row has a title or a reply
    assert [sheet.cell(number, HEADERS.index("序号") + 1).value for number in (2, 3)] == ["1", "2"]
    assert sheet.freeze_panes == "G2"
    assert sheet["G2"].alignment.wrap_text


def test_the_list_holds_the_labels_and_that_nobody_can_tell(tmp_path: Path) -> None:
    book = openpyxl.load_workbook(write(tmp_path / "f.xlsx", row("1"), row("2")))
    (choice,) = book.worksheets[0].data_validations.dataValidation
    assert str(choice.sqref) == "I2:I3 K2:K3"
    assert choice.formula1 == "'标签说明'!$A$2:$A$9"
    listed = [book["标签说明"].cell(number, 1).value for number in range(2, 10)]
    assert listed == [*LETTERS.values, "无法判断"]
    assert book["标签说明"]["A10"].value is None
    explained = [cell.value for cell in book["标签说明"][2]]
    leaf = LETTERS.leaves[0]
    assert explained[1] == leaf.code
    assert leaf.definition is not None
    assert explained[4] == leaf.definition.zh
    assert explained[5].split("\n") == list(leaf.includes)


def test_a_tree_of_hundreds_of_labels_has_its_list(tmp_path: Path) -> None:
    deep = tree(300)
    path = write(tmp_path / "f.xlsx", row("1"), labels=deep)
    book = openpyxl.load_workbook(path)
    (choice,) = book.worksheets[0].data_validations.dataValidation
    assert choice.formula1 == "'标签说明'!$A$2:$A$302"
    fill(path, {"标签": deep.values[-1], "标注人": "甲"})
    assert read(path) == [("1", "annotator", "甲", deep.values[-1])]


def tree(leaves: int) -> Taxonomy:
    """Of three levels; the last leaf shares its name with another."""
    labels: list[dict[str, Any]] = [
        {"code": "a", "name": {"zh": "城建", "en": "Building"}},
        {"code": "b", "name": {"zh": "环保", "en": "Environment"}},
        {"code": "a1", "parent": "a", "name": {"zh": "市政", "en": "Utilities"}},
        {"code": "b1", "parent": "b", "name": {"zh": "噪声", "en": "Noise"}},
    ]
    labels += [
        {"code": f"a1-{n}", "parent": "a1", "name": {"zh": f"市政事项{n}", "en": f"Utility {n}"}}
        for n in range(leaves - 2)
    ]
    labels += [
        {"code": f"{top}-other", "parent": top, "name": {"zh": "其他", "en": "Other"}} for top in ("a1", "b1")
    ]
    return Taxonomy.model_validate(
        {"schema": "taxonomy/1", "name": "tree", "title": {"zh": "树", "en": "Tree"}, "labels": labels}
    )


def test_the_suggestion_is_not_in_the_file(tmp_path: Path) -> None:
    path = write(tmp_path / "f.xlsx", row("1"))
    book = openpyxl.load_workbook(path)
    seen = [cell.value for line in book.worksheets[0].iter_rows() for cell in line]
    assert "交通运输" not in seen
    with zipfile.ZipFile(path) as archive:
        everything = b"".join(archive.read(name) for name in archive.namelist())
    assert b"classifier" not in everything and b"0.77" not in everything


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "=cmd|' /C calc'!A0"])
def test_a_text_is_never_a_formula(tmp_path: Path, start: str) -> None:
    text = f'{start}HYPERLINK("http://evil.example","点")'
    path = write(tmp_path / "f.xlsx", row("1", text, title=text, reply=text))
    with zipfile.ZipFile(path) as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in sheet
    cell = openpyxl.load_workbook(path).worksheets[0]["F2"]
    assert (cell.data_type, cell.value) == ("s", text)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.characters(codec=None, exclude_categories=()), max_size=30))
def test_any_text_reads_as_it_was_or_with_a_mark_in_place(tmp_path: Path, text: str) -> None:
    shown, replaced = plain(text)
    path = write(tmp_path / "any.xlsx", row("1", shown, reply="已办结"))
    with contextlib.closing(excel.sheets(path)) as sheets:
        cells = list(next(sheets).rows)[1]
    assert (cells[6] or "") == shown
    assert len(shown) == len(text.replace("\r\n", "\n"))
    assert shown.count("\ufffd") == text.count("\ufffd") + replaced


@pytest.mark.parametrize("text", ["长" * 40_000, "😀" * 20_000, "_x0041_" * 4_000])
def test_what_a_cell_cannot_hold_is_cut_and_says_so(tmp_path: Path, text: str) -> None:
    leaving = Outgoing(LETTERS, [row("1", text), row("2")], 0, 0)
    assert workbook.write(tmp_path / "f.xlsx", leaving, "zh") == 1
    shown = openpyxl.load_workbook(tmp_path / "f.xlsx").worksheets[0]["G2"].value
    assert len(shown.encode("utf-16-le")) // 2 <= 32_767
    assert shown.endswith("截去）")


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    order=st.permutations(range(len(HEADERS))),
    lines=st.permutations(range(3)),
    above=st.integers(0, 3),
    lang=st.sampled_from(["zh", "en"]),
)
def test_moved_rows_and_columns_do_not_matter(
    tmp_path: Path, order: list[int], lines: list[int], above: int, lang: answers.Lang
) -> None:
    path = write(tmp_path / "f.xlsx", row("1"), row("2"), row("3"), lang=lang)
    sheet = openpyxl.load_workbook(path).worksheets[0]
    table = [[cell.value for cell in line] for line in sheet.iter_rows()]
    for number in (1, 2, 3):
        table[number][8:] = [answers.shown(LETTERS, lang)["交通运输"], f"甲{number}", None, None]
    book = openpyxl.Workbook()
    for _ in range(above):
        book.worksheets[0].append(["请在周五前填好"])
    for line in [table[0], *(table[1 + at] for at in lines)]:
        book.worksheets[0].append([line[at] for at in order])
    book.save(path)
    found = read(path)
    known = answers.readings(LETTERS)
    assert {(key, role, by, known[label]) for key, role, by, label in found} == {
        (str(n), "annotator", f"甲{n}", "交通运输") for n in (1, 2, 3)
    }


def test_inline_strings_of_other_programs_are_read(tmp_path: Path) -> None:
    values = ["1", "c" * 32, "t", "audit", "1", "", "正文", "", "交通运输", "甲", "", ""]
    path = tmp_path / "f.xlsx"
    write_inline(path, [HEADERS, values])
    assert read(path) == [("1", "annotator", "甲", "交通运输")]


def write_inline(path: Path, rows: list[list[str]]) -> None:
    """A workbook as programs write it that keep no table of strings."""
    lines = "".join(
        f'<row r="{r}">'
        + "".join(
            f'<c r="{"ABCDEFGHIJKLM"[c]}{r}" t="inlineStr"><is><t>{escape(value)}</t></is></c>'
            for c, value in enumerate(values)
            if value
        )
        + "</row>"
        for r, values in enumerate(rows, start=1)
    )
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    sheet = f'<worksheet xmlns="{main}"><sheetData>{lines}</sheetData></worksheet>'
    book = (
        f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets>'
        '<sheet name="a" sheetId="1" r:id="r1"/></sheets></workbook>'
    )
    types = (
        f'<Types xmlns="{package}/content-types"><Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        '<Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument'
        '.spreadsheetml.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType='
        '"application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/></Types>'
    )

    def relation(kind: str, target: str) -> str:
        return (
            f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" '
            f'Type="{office}/{kind}" Target="{target}"/></Relationships>'
        )

    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("[Content_Types].xml", types)
        archive.writestr("_rels/.rels", relation("officeDocument", "xl/workbook.xml"))
        archive.writestr("xl/workbook.xml", book)
        archive.writestr("xl/_rels/workbook.xml.rels", relation("worksheet", "worksheets/sheet1.xml"))
        archive.writestr("xl/worksheets/sheet1.xml", sheet)


def test_a_reviewer_who_saw_the_label_is_known_as_such(tmp_path: Path) -> None:
    path = fill(write(tmp_path / "f.xlsx", row("1"), row("2")), FILLED)
    fill(path, {"审核标签": "环境保护", "审核人": "乙"}, number=3)
    found = workbook.read(path, by=None, role=None).answers
    assert [(one.id, one.role, one.by, one.shown.other) for one in found] == [
        ("1", "annotator", "甲", False),
        ("1", "reviewer", "乙", True),
        ("2", "reviewer", "乙", False),
    ]
    assert not any(one.shown.suggestion for one in found)
    assert {one.shown.reason for one in found} == {"audit"}


def test_a_second_opinion_stands_in_the_column_of_labels(tmp_path: Path) -> None:
    path = fill(write(tmp_path / "f.xlsx", row("1")), {"标签": "交通运输", "标注人": "甲"})
    assert read(path, role="reviewer") == [("1", "reviewer", "甲", "交通运输")]
    assert read(path, role="reviewer", by="丙") == [("1", "reviewer", "丙", "交通运输")]
    found = workbook.read(fill(path, FILLED), by=None, role="reviewer")
    (fault,) = found.faults
    assert str(fault).startswith("f.xlsx, sheet 标注, row 2, field 审核标签: must be empty")


def test_rows_left_empty_are_counted(tmp_path: Path) -> None:
    path = fill(write(tmp_path / "f.xlsx", row("1"), row("2"), row("3")), {"标注人": "甲"})
    found = workbook.read(path, by=None, role=None)
    assert (found.answers, found.open) == ([], 3)


def test_english_labels_stand_for_the_same(tmp_path: Path) -> None:
    labels = tree(10)
    known = answers.readings(labels)
    for lang in ("zh", "en"):
        shown = answers.shown(labels, lang)
        assert {known[shown[value]] for value in labels.values} == set(labels.values)
        assert len(set(answers.choices(labels, lang))) == len(labels.values) + 1
        assert known[answers.CANNOT_TELL[lang]] is None
    assert answers.shown(labels, "en")["环保/噪声/其他"] == "Environment/Noise/Other"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda names: names[:8] + names[9:], "sheet Sheet, row 1: the column 标签 / Label is missing"),
        (lambda names: [*names, "Label"], "row 1, field Label: the column stands twice; delete one"),
        (lambda names: ["编号", *names[1:]], "no workbook of `govtune review-export`"),
        (lambda names: [], "no workbook of `govtune review-export`"),
    ],
)
def test_another_table_is_told_from_ours(tmp_path: Path, change: Any, told: str) -> None:
    book = openpyxl.Workbook()
    book.worksheets[0].append(change(HEADERS))
    book.save(tmp_path / "f.xlsx")
    with pytest.raises(InputError, match=re.escape(told)) as error:
        workbook.read(tmp_path / "f.xlsx", by=None, role=None)
    assert str(error.value).startswith("f.xlsx")


def test_a_damaged_workbook_is_one_line(tmp_path: Path) -> None:
    path = write(tmp_path / "f.xlsx", row("1"))
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(InputError, match="cannot be read: the file is damaged"):
        workbook.read(path, by=None, role=None)
