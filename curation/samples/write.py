"""Files as offices keep them, the same bytes on every machine."""

from __future__ import annotations

import csv
import datetime
import io
import json
import re
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from curation.samples.passage import Passage
from curation.samples.tables import Row, Table

_EPOCH = datetime.datetime(2024, 12, 31, 9)
_MODIFIED = re.compile(rb"(<dcterms:modified[^>]*>)[^<]*")


def workbook(path: Path, sheets: Sequence[tuple[Table, Sequence[Row]]]) -> None:
    """An XLSX file, one sheet per table: times as dates, a third of the phones as numbers."""
    from openpyxl import Workbook

    book = Workbook()
    book.remove(book.active)
    book.properties.creator, book.properties.created = "govtune", _EPOCH
    for table, rows in sheets:
        sheet = book.create_sheet(table.sheet)
        for number, line in enumerate(table.above, 1):
            sheet.cell(number, 1, line or None)
        if table.above:
            sheet.merge_cells(start_row=1, end_row=1, start_column=1, end_column=len(table.columns))
        for column, (header, field) in enumerate(table.columns.items(), 1):
            sheet.cell(len(table.above) + 1, column, header)
            for row in rows:
                sheet.cell(row.place.row, column, _stored(field, row.cells[header].text, row.place.row or 0))
    saved = io.BytesIO()
    book.save(saved)
    path.write_bytes(_canonical(saved.getvalue()))


def delimited(path: Path, table: Table, rows: Iterable[Row], *, encoding: str) -> None:
    """A CSV file as Excel saves it: CRLF between records, cells quoted where they hold line breaks."""
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.writer(file)
        writer.writerow(table.columns)
        writer.writerows([row.cells[header].text for header in table.columns] for row in rows)


def json_lines(path: Path, objects: Iterable[Mapping[str, Any]]) -> None:
    """One JSON object a line, UTF-8."""
    lines = (json.dumps(each, ensure_ascii=False) + "\n" for each in objects)
    path.write_text("".join(lines), encoding="utf-8", newline="\n")


def text(path: Path, passage: Passage) -> None:
    """A text file, UTF-8."""
    path.write_text(passage.text, encoding="utf-8", newline="\n")


def _stored(field: str, text: str, row: int) -> str | int | datetime.datetime | None:
    if field == "phone" and row % 3 == 0 and text.isascii() and text.isdigit():
        return int(text)
    if field == "time":
        return datetime.datetime.fromisoformat(text)
    return text or None


def _canonical(archive: bytes) -> bytes:
    """The same workbook without the clock, the compressor or the XML library that made it."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as source, zipfile.ZipFile(out, "w") as target:
        for name in sorted(source.namelist(), key=lambda name: (name != "[Content_Types].xml", name)):
            stamp = _EPOCH.strftime("%Y-%m-%dT%H:%M:%SZ").encode()
            data = _MODIFIED.sub(rb"\g<1>" + stamp, source.read(name))
            info = zipfile.ZipInfo(name)  # 1980-01-01, stored: compressed bytes differ between zlib builds
            info.create_system = 0
            target.writestr(info, ElementTree.canonicalize(data.decode("utf-8")))
    return out.getvalue()
