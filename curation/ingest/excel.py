"""XLSX and XLS, sheet by sheet; every cell as the string that a person sees in it.

Formulas are not evaluated: what counts is the value that was saved. Error values are empty. Cells merged
downwards all have the value of the topmost; to the right they stay empty, or a note across the whole table
would fill every column.
"""

from __future__ import annotations

import io
import warnings
import zipfile
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import regex

from curation.ingest.batch import Batch, Cells, Failure, below_header, tabulate
from curation.ingest.mapping import Settings
from curation.ingest.precision import display_stored
from curation.ingest.problem import UnreadableError, guarded

CELL_CHARACTERS = 32_767
"""What one cell can hold."""

EXPANDED_BYTES = 2 << 30
EXPANSION = 200
EXPANSION_FROM = 50_000_000
"""A workbook that unpacks to more than `EXPANDED_BYTES`, or to more than `EXPANSION` times its size once that
is more than `EXPANSION_FROM` bytes, is a bomb and is refused."""

_MERGE = regex.compile(rb'<(?:\w+:)?mergeCell\s[^>]*?ref="([A-Z]{1,3})([0-9]{1,7}):[A-Z]{1,3}([0-9]{1,7})"')
_CHUNK = 1 << 20
_TAG = 256  # longer than any mergeCell element

_ESCAPED = regex.compile(r"_x(?![Dd][89A-Fa-f])([0-9A-Fa-f]{4})_")  # half a surrogate pair is no character

Merges = dict[int, list[tuple[int, int]]]
"""Cells merged downwards: first row, from 1, to columns, from 0, and last rows."""


@dataclass(frozen=True)
class Sheet:
    """A sheet; `rows` starts at row 1 and can be gone through once, before the next sheet is asked for."""

    name: str
    rows: Iterator[Cells]


def read(path: Path, settings: Settings) -> Iterator[Batch | Failure]:
    """The rows of every sheet, each with a header of its own. Empty sheets are passed over."""
    for sheet in sheets(path):
        found = below_header(sheet.rows, settings)
        if found is not None:
            yield from tabulate(*found, settings, sheet=sheet.name)


def sheets(path: Path) -> Generator[Sheet, None, None]:
    """The sheets of a workbook, by what the file is and not by its extension.

    Raises:
        UnreadableError: neither XLSX nor XLS, damaged, encrypted, or a bomb.
    """
    with path.open("rb") as file:
        packed = file.read(4) == b"PK\3\4"
    for name, rows in guarded(_xlsx(path) if packed else _xls(path)):
        yield Sheet(name, (tuple(row) for row in guarded(rows)))


def escape(text: str) -> str:
    """Text as XLSX stores it: `_xHHHH_` for a carriage return, which XML would turn into a line feed."""
    return str(_ESCAPED.sub(r"_x005F\g<0>", text)).replace("\r", "_x000D_")


def unescape(text: str) -> str:
    """What `escape` hides (ECMA-376-1, 22.9.2.19 ST_Xstring)."""
    return str(_ESCAPED.sub(lambda match: chr(int(match[1], 16)), text))


def _xlsx(path: Path) -> Iterator[tuple[str, Iterator[Cells]]]:
    from openpyxl import load_workbook
    from openpyxl.utils import column_index_from_string

    warnings.filterwarnings("ignore", module="openpyxl")  # they quote the cells
    with path.open("rb") as file, zipfile.ZipFile(file) as archive:
        _refuse_bomb(archive, path.stat().st_size)
        book = load_workbook(file, read_only=True, data_only=True, keep_links=False)
        try:
            for sheet in book.worksheets:
                merges: Merges = {}
                # openpyxl knows the merged cells only after the last row
                with archive.open(sheet._worksheet_path) as xml:
                    for column, first, last in _merged(xml):
                        merges.setdefault(first, []).append((column_index_from_string(column) - 1, last))
                sheet.reset_dimensions()  # a declared size of a million rows would be padded out
                yield sheet.title, _filled((map(_xlsx_cell, row) for row in sheet.iter_rows()), merges)
        finally:
            book.close()


def _refuse_bomb(archive: zipfile.ZipFile, size: int) -> None:
    expanded = sum(entry.file_size for entry in archive.infolist())
    if expanded > EXPANDED_BYTES or (expanded > EXPANSION_FROM and expanded > EXPANSION * size):
        raise UnreadableError("unreadable_file", "zip_bomb")


def _merged(xml: IO[bytes]) -> Iterator[tuple[str, int, int]]:
    """Column, first and last row of the merged ranges of a worksheet that span several rows."""
    rest = b""
    while chunk := xml.read(_CHUNK):
        data = rest + chunk
        end = 0
        for match in _MERGE.finditer(data):
            end = match.end()
            column, first, last = match.groups()
            if int(last) > int(first):
                yield column.decode(), int(first), int(last)
        rest = data[max(end, len(data) - _TAG) :]


def _filled(rows: Iterable[Iterable[str | None]], merges: Merges) -> Iterator[Cells]:
    """Rows without trailing empty cells, those merged downwards filled in."""
    active: dict[int, tuple[int, str | None]] = {}
    for number, cells in enumerate(rows, start=1):
        row = list(cells)
        while row and not row[-1]:
            row.pop()
        if active and row:
            active = {column: span for column, span in active.items() if number <= span[0]}
            for column, (_, value) in active.items():
                row += [None] * (column + 1 - len(row))
                row[column] = row[column] or value
        for column, last in merges.get(number, ()):
            active[column] = (last, row[column] if column < len(row) else None)
        yield row


def _xlsx_cell(cell: Any) -> str | None:
    value = cell.value
    if isinstance(value, str):
        if cell.data_type == "e":
            return None
        return unescape(value) if "_x" in value else value
    return None if value is None else display_stored(value, cell.number_format)


def _xls(path: Path) -> Iterator[tuple[str, Iterator[Cells]]]:
    import xlrd

    with xlrd.open_workbook(path, logfile=io.StringIO(), formatting_info=True) as book:
        for sheet in book.sheets():
            merges: Merges = {}
            for first, stop, column, _ in sheet.merged_cells:
                if stop - first > 1:
                    merges.setdefault(first + 1, []).append((column, stop))
            yield sheet.name, _filled((_xls_row(book, row) for row in sheet.get_rows()), merges)


def _xls_row(book: Any, row: Iterable[Any]) -> Iterator[str | None]:
    import xlrd

    for cell in row:
        if cell.ctype == xlrd.XL_CELL_TEXT:
            yield cell.value
        elif cell.ctype == xlrd.XL_CELL_NUMBER:
            number_format = book.format_map[book.xf_list[cell.xf_index].format_key].format_str
            yield display_stored(cell.value, number_format)
        elif cell.ctype == xlrd.XL_CELL_DATE:
            yield display_stored(xlrd.xldate_as_datetime(cell.value, book.datemode))
        elif cell.ctype == xlrd.XL_CELL_BOOLEAN:
            yield display_stored(bool(cell.value))
        else:
            yield None
