"""A review as an XLSX workbook: a row per record, of which people can fill in the answers and nothing else.

The machine's suggestion is not in it. Rows and columns are found again by what they hold, not by where they
stand: people sort, filter and move them, in Excel, WPS or LibreOffice.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from curation import records
from curation.decisions import Role, Shown
from curation.errors import InputError
from curation.files import whole_file
from curation.ingest import excel
from curation.ingest.batch import Cells
from curation.ingest.problem import UnreadableError
from curation.label.taxonomy import Label, Taxonomy
from curation.lang import Lang
from curation.review.exchange import answers
from curation.review.exchange.incoming import Answer, Place, Returned
from curation.review.exchange.outgoing import Outgoing, Row

HIDDEN = ("id", "content", "taxonomy", "reason")
"""Columns that people do not see."""

_ANSWERS = ("label", "annotator", "review", "reviewer")

_HEADERS: dict[str, dict[Lang, str]] = {
    "number": {"zh": "序号", "en": "No."},
    "title": {"zh": "标题", "en": "Title"},
    "text": {"zh": "正文", "en": "Text"},
    "reply": {"zh": "回复", "en": "Reply"},
    "label": {"zh": "标签", "en": "Label"},
    "annotator": {"zh": "标注人", "en": "Annotator"},
    "review": {"zh": "审核标签", "en": "Reviewed label"},
    "reviewer": {"zh": "审核人", "en": "Reviewer"},
}
_WIDTHS = {
    "number": 6,
    "title": 24,
    "text": 70,
    "reply": 50,
    "label": 24,
    "annotator": 12,
    "review": 24,
    "reviewer": 12,
}

_SHEETS: dict[Lang, tuple[str, str]] = {"zh": ("标注", "标签说明"), "en": ("Review", "Labels")}
_EXPLAINED: dict[Lang, tuple[str, ...]] = {
    "zh": ("标签", "编码", "上级", "名称", "定义", "包括", "不包括", "例子"),
    "en": ("Label", "Code", "Path", "Name", "Definition", "Includes", "Excludes", "Examples"),
}
_EXPLAINED_WIDTHS = (24, 10, 30, 24, 50, 50, 50, 60)
_NOBODY_CAN: dict[Lang, str] = {
    "zh": "看不出应归哪一类，或各类都不适合。",
    "en": "It cannot be told which label fits, or none does.",
}
_REFUSED: dict[Lang, str] = {
    "zh": "请从下拉列表中选择标签。",
    "en": "Choose a label from the list.",
}
_CUT: dict[Lang, str] = {"zh": "……（过长，以下截去）", "en": " … (too long, cut here)"}

_HEADER_WITHIN = 20
"""Rows at the top of a sheet among which the header is looked for; people put a title above it."""


def write(path: Path, leaving: Outgoing, lang: Lang) -> int:
    """Write a workbook; how many texts had to be cut is returned.

    Raises:
        UsageError: the file cannot be written.
    """
    from openpyxl import Workbook
    from openpyxl.worksheet.datavalidation import DataValidation

    book = Workbook()
    sheet, labels = book.active, book.create_sheet(_SHEETS[lang][1])
    sheet.title = _SHEETS[lang][0]
    columns = [*HIDDEN, *_HEADERS]
    _fill(sheet, 1, [*HIDDEN, *(names[lang] for names in _HEADERS.values())], bold=True)
    empty = [field for field in records.TEXT_FIELDS if not any(row.texts[field] for row in leaving.rows)]
    cut = 0
    for number, row in enumerate(leaving.rows, start=2):
        values, count = _cells(row, number - 1, leaving.taxonomy.digest, lang)
        _fill(sheet, number, values)
        cut += count
        for name in _ANSWERS:
            _open(sheet.cell(number, columns.index(name) + 1))
    for at, name in enumerate(columns, start=1):
        width = sheet.column_dimensions[_letter(at)]
        width.hidden, width.width = name in HIDDEN or name in empty, _WIDTHS.get(name, 8)
    said = answers.choices(leaving.taxonomy, lang)
    _explain(labels, leaving.taxonomy, said, lang)
    choice = DataValidation(
        type="list", formula1=f"'{labels.title}'!$A$2:$A${len(said) + 1}", allow_blank=True
    )
    choice.error, choice.showErrorMessage = _REFUSED[lang], True
    for name in ("label", "review"):
        letter = _letter(columns.index(name) + 1)
        choice.add(f"{letter}2:{letter}{len(leaving.rows) + 1}")
    sheet.add_data_validation(choice)
    sheet.auto_filter.ref = f"A1:{_letter(len(columns))}{len(leaving.rows) + 1}"
    sheet.freeze_panes = f"{_letter(columns.index('text') + 1)}2"  # number and title stay in view
    labels.freeze_panes = "B2"
    for each in (sheet, labels):
        each.protection.sheet = True
        # openpyxl names here what is forbidden
        each.protection.autoFilter = each.protection.sort = each.protection.formatColumns = False
        each.protection.formatRows = False
    with whole_file(path, mode=0o600) as unfinished, unfinished.open("wb") as file:
        book.save(file)
    return cut


def read(path: Path, *, by: str | None, role: Role | None) -> Returned:
    """The answers in a workbook that people have filled in.

    Args:
        by: who gave the answers of the column of labels, instead of the annotator that stands beside each.
        role: in which role they were given; as a reviewer's they are a second opinion, given without seeing
            the first, and the reviewer's own columns must be empty.

    Raises:
        InputError: a damaged file, or no workbook of `review-export`.
    """
    found = Returned()
    known = False
    try:
        with contextlib.closing(excel.sheets(path)) as sheets:
            for sheet in sheets:
                rows = enumerate(sheet.rows, start=1)
                columns = _header(rows, path.name, sheet.name)
                if columns:
                    known = True
                    for number, cells in rows:
                        _take(_Line(sheet.name, number, columns, cells), path.name, by, role, found)
    except UnreadableError as error:
        raise InputError(str(error), file=path.name) from None
    if not known:
        raise InputError("no workbook of `govtune review-export`: no sheet has its columns", file=path.name)
    return found


def _cells(row: Row, number: int, taxonomy: str, lang: Lang) -> tuple[list[str], int]:
    texts, cut = [], 0
    for field in records.TEXT_FIELDS:
        text = _fitting(row.texts[field], lang)
        cut += text != row.texts[field]
        texts.append(text)
    return [row.id, row.content, taxonomy, row.reason, str(number), *texts, *[""] * len(_ANSWERS)], cut


def _fitting(text: str, lang: Lang) -> str:
    """The text, or as much of it as a cell holds, in UTF-16 units; escaping at most doubles it."""
    most = excel.CELL_CHARACTERS if excel.escape(text) == text else excel.CELL_CHARACTERS // 2
    if 2 * len(text) <= most or len(units := text.encode("utf-16-le")) <= 2 * most:
        return text
    room = most - len(_CUT[lang])
    return units[: 2 * room].decode("utf-16-le", "ignore") + _CUT[lang]


def _fill(sheet: Any, row: int, values: Sequence[str], *, bold: bool = False) -> None:
    from openpyxl.styles import Alignment, Font

    for column, value in enumerate(values, start=1):
        cell = sheet.cell(row, column)
        if value:
            cell.value = excel.escape(value)
            cell.data_type = "s"  # a text that begins with = is no formula
        cell.alignment = Alignment(wrap_text=True, vertical="top")
        if bold:
            cell.font = Font(bold=True)


def _open(cell: Any) -> None:
    """A cell that people fill in, always as text: a name such as 007 keeps its zeros."""
    from openpyxl.styles import PatternFill, Protection

    cell.protection = Protection(locked=False)
    cell.number_format = "@"
    cell.fill = PatternFill("solid", fgColor="FFF8DC")


def _letter(column: int) -> str:
    from openpyxl.utils import get_column_letter

    return str(get_column_letter(column))


def _explain(sheet: Any, taxonomy: Taxonomy, said: Sequence[str], lang: Lang) -> None:
    """A row per choice, in the order of `said`: its first column is the list that people choose from."""
    _fill(sheet, 1, _EXPLAINED[lang], bold=True)
    for number, (leaf, shown) in enumerate(zip(taxonomy.leaves, said, strict=False), start=2):
        _fill(sheet, number, _fitted([shown, *_explanation(taxonomy, leaf, lang)], lang))
    if len(said) > len(taxonomy.leaves):
        _fill(sheet, len(said) + 1, [said[-1], "", "", "", _NOBODY_CAN[lang]])
    for at, width in enumerate(_EXPLAINED_WIDTHS, start=1):
        sheet.column_dimensions[_letter(at)].width = width


def _explanation(taxonomy: Taxonomy, leaf: Label, lang: Lang) -> list[str]:
    definition = leaf.definition.in_(lang) if leaf.definition else ""
    lists = ("\n".join(said) for said in (leaf.includes, leaf.excludes, leaf.examples))
    return [leaf.code, answers.path(taxonomy, leaf, lang), leaf.name.in_(lang), definition, *lists]


def _fitted(values: Sequence[str], lang: Lang) -> list[str]:
    return [_fitting(value, lang) for value in values]


@dataclass(frozen=True)
class _Column:
    """Where a column stands in a sheet, and what its header says there."""

    at: int
    header: str


@dataclass(frozen=True)
class _Line:
    """A row below the header."""

    sheet: str
    number: int
    columns: dict[str, _Column]
    cells: Cells

    def __getitem__(self, name: str) -> str:
        at = self.columns[name].at
        return ((self.cells[at] if at < len(self.cells) else None) or "").strip()

    def place(self, name: str, file: str) -> Place:
        return Place(file, self.sheet, self.number, self.columns[name].header)


def _header(rows: Iterator[tuple[int, Cells]], file: str, sheet: str) -> dict[str, _Column] | None:
    """The columns, the rows read up to the header; None for a sheet that has no such header."""
    names = {name: name for name in HIDDEN}
    names |= {said.casefold(): name for name, each in _HEADERS.items() for said in each.values()}
    for number, cells in rows:
        headers = [(cell or "").strip() for cell in cells]
        found = [
            (names[header.casefold()], _Column(at, header))
            for at, header in enumerate(headers)
            if header.casefold() in names
        ]
        columns = dict(found)
        if "id" in columns and "content" in columns:
            for name in (*HIDDEN, *_ANSWERS):
                if name not in columns:
                    said = " / ".join(_HEADERS.get(name, {"zh": name}).values())
                    raise InputError(f"the column {said} is missing", file=file, sheet=sheet, row=number)
                if sum(name == other for other, _ in found) > 1:
                    place = Place(file, sheet, number, columns[name].header)
                    raise place.fault("the column stands twice; delete one")
            return columns
        if number >= _HEADER_WITHIN:
            break
    return None


def _take(line: _Line, file: str, by: str | None, role: Role | None, found: Returned) -> None:
    """Add the answers of a row to what was found."""
    first, second = bool(line["label"]), bool(line["review"])
    if not first and not second:
        found.open += any(line[name] != "" for name in HIDDEN)
        return
    if second and role is not None:
        said = f"must be empty: --role tells the role of the answers under {line.columns['label'].header}"
        found.faults.append(line.place("review", file).fault(said))
        return
    if first:
        found.answers.append(_answer(line, file, "label", "annotator", role or "annotator", by, other=False))
    if second:
        found.answers.append(_answer(line, file, "review", "reviewer", "reviewer", None, other=first))


def _answer(
    line: _Line, file: str, label: str, person: str, role: Role, by: str | None, *, other: bool
) -> Answer:
    return Answer(
        place=line.place(label, file),
        person_place=line.place(person, file),
        id=line["id"],
        content=line["content"],
        role=role,
        by=line[person] if by is None else by,
        label=line[label],
        shown=Shown(suggestion=False, other=other, reason=line["reason"], taxonomy=line["taxonomy"]),
    )
