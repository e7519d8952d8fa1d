"""One file as rows, and rows as one file, for the commands that give every column back as it was.

Unlike `read`, nothing is mapped, dropped or restored here.
"""

from __future__ import annotations

import contextlib
import csv
import datetime
import io
import itertools
import json
import os
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from curation.errors import InputError, UsageError
from curation.ingest import delimited, encoding, excel, jsonl
from curation.ingest.batch import Cells
from curation.ingest.mapping import unique
from curation.ingest.problem import UnreadableError

Row = dict[str, Any]

FORMATS = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".xlsx", ".parquet", ".txt", ".md")


@dataclass(frozen=True)
class Rows:
    """The rows of one file.

    Args:
        columns: names of the columns, each once; JSON lines: in the order of first appearance.
        rows: a dict per row; rows of JSON lines have only the keys they came with.
        headers: the columns' names as the file writes them, where two of them are the same.
        bom: whether CSV is written with a byte order mark, without which Excel misreads it.
        arrow: the Parquet table the rows were read from; its columns that are not strings are written back
            from here.
    """

    columns: tuple[str, ...]
    rows: list[Row]
    headers: tuple[str, ...] | None = None
    bom: bool = False
    arrow: pa.Table | None = None

    def take(self, indices: Sequence[int]) -> Rows:
        """These rows, in this order."""
        arrow = None if self.arrow is None else self.arrow.take(pa.array(indices, pa.int64()))
        return replace(self, rows=[self.rows[index] for index in indices], arrow=arrow)


def read_rows(path: Path) -> Rows:
    """All rows of a file, its format by extension.

    JSON values are as in the file. CSV and XLSX (first sheet) cells are strings, as displayed; the first row
    that is not empty is the header. A text file is one row with the column `text`.

    Raises:
        UsageError: no such file, or an extension that is not supported.
        InputError: a file or a row that cannot be read.
    """
    reader: Callable[[Path], Rows] = _by_suffix(path, _READERS)
    try:
        return reader(path)
    except UnreadableError as error:
        raise InputError(str(error), file=path.name, row=error.row) from error
    except FileNotFoundError as error:
        raise UsageError(f"{path}: no such file") from error
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error


def write_rows(path: Path, rows: Rows) -> None:
    """Write rows as a file, its format by extension; it appears complete or not at all.

    Raises:
        UsageError: an extension that is not supported, or a path that cannot be written.
        InputError: a value that the format cannot hold.
    """
    writer = _by_suffix(path, _WRITERS)
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from error
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            writer(file, rows, path)
            file.flush()
            os.fsync(file.fileno())
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o666 & ~mask)  # mkstemp's 0600 is not what a file written plainly has
        temporary.replace(path)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from error
    finally:
        temporary.unlink(missing_ok=True)


def _by_suffix(path: Path, functions: dict[str, Any]) -> Any:
    try:
        return functions[path.suffix.lower()]
    except KeyError:
        raise UsageError(f"{path}: format not supported; supported: {', '.join(FORMATS)}") from None


def _read_jsonl(path: Path) -> Rows:
    rows = []
    columns: dict[str, None] = {}
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            line = line.removeprefix(encoding.UTF8_BOM) if number == 1 else line
            if not line.strip():
                continue
            try:
                row = jsonl.loads(line)
            except ValueError:
                raise UnreadableError("broken_json", row=number) from None
            if not isinstance(row, dict):
                raise UnreadableError("not_an_object", row=number)
            rows.append(row)
            columns.update(dict.fromkeys(row))
    return Rows(tuple(columns), rows)


def _read_delimited(path: Path) -> Rows:
    decoded = encoding.decode(path.read_bytes())
    bom = decoded.encoding != "utf-8"
    return _strings(enumerate(delimited.records(decoded.text, path.suffix.lower()), start=1), bom)


def _read_excel(path: Path) -> Rows:
    with contextlib.closing(excel.sheets(path)) as sheets:
        return _strings(enumerate(next(sheets).rows, start=1), bom=False)


def _strings(numbered: Iterable[tuple[int, Cells]], bom: bool) -> Rows:
    """Rows of strings under the first row that is not empty."""
    columns: tuple[str, ...] | None = None
    headers: tuple[str, ...] = ()
    rows = []
    for number, cells in numbered:
        if not any(cells):
            continue
        if columns is None:
            headers = tuple(cell or "" for cell in cells)
            columns = unique(headers)
            continue
        if any(cells[len(columns) :]):
            raise UnreadableError("too_many_cells", row=number)
        said = (cell or "" for cell in cells)
        rows.append(dict(itertools.zip_longest(columns, itertools.islice(said, len(columns)), fillvalue="")))
    return Rows(columns or (), rows, headers=headers, bom=bom)


def _read_parquet(path: Path) -> Rows:
    import pyarrow.parquet as pq

    try:
        table = pq.ParquetFile(path).read()
        table.validate(full=True)
    except FileNotFoundError:
        raise
    except Exception:  # a damaged file raises more than pyarrow's own
        raise UnreadableError("unreadable_file") from None
    return Rows(tuple(table.column_names), table.to_pylist(), arrow=table)


def _read_text(path: Path) -> Rows:
    decoded = encoding.decode(path.read_bytes())
    return Rows(("text",), [{"text": decoded.text}])


def _write_jsonl(file: io.BufferedWriter, rows: Rows, path: Path) -> None:
    for number, row in enumerate(rows.rows, start=1):
        try:
            line = json.dumps(row, ensure_ascii=False, allow_nan=False, default=_plain)
        except ValueError:
            raise InputError(
                "NaN or infinity, which JSON does not have", file=path.name, row=number
            ) from None
        file.write(line.encode() + b"\n")


def _write_delimited(file: io.BufferedWriter, rows: Rows, path: Path) -> None:
    text = io.TextIOWrapper(file, "utf-8-sig" if rows.bom else "utf-8", newline="")
    writer = csv.writer(text, delimiter="\t" if path.suffix.lower() == ".tsv" else ",", lineterminator="\r\n")
    writer.writerow(rows.headers or rows.columns)
    for row in rows.rows:
        writer.writerow([_cell(row.get(column)) for column in rows.columns])
    text.flush()
    text.detach()


def _write_excel(file: io.BufferedWriter, rows: Rows, path: Path) -> None:
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    lines = [list(rows.headers or rows.columns)]
    lines += [[_cell(row.get(column)) for column in rows.columns] for row in rows.rows]
    for number, line in enumerate(lines, start=1):
        if any(len(text) > excel.CELL_CHARACTERS or ILLEGAL_CHARACTERS_RE.search(text) for text in line):
            raise InputError("a value that an XLSX cell cannot hold", file=path.name, row=number)
    book = Workbook(write_only=True)
    sheet = book.create_sheet()
    for line in lines:
        cells = [WriteOnlyCell(sheet, excel.escape(text)) for text in line]
        for cell in cells:
            cell.data_type = "s"  # a text that begins with = is no formula
        sheet.append(cells)
    book.save(file)


def _write_parquet(file: io.BufferedWriter, rows: Rows, path: Path) -> None:
    import pyarrow.parquet as pq

    try:
        pq.write_table(_arrow(rows), file)
    except pa.ArrowException:
        raise InputError("a column whose values have no common type", file=path.name) from None


def _arrow(rows: Rows) -> pa.Table:
    if rows.arrow is None:
        return pa.table({name: pa.array([row.get(name) for row in rows.rows]) for name in rows.columns})
    table = rows.arrow
    for index, column in enumerate(table.schema):
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            values = pa.array([row[column.name] for row in rows.rows], column.type)
            table = table.set_column(index, column, values)
    return table


def _write_text(file: io.BufferedWriter, rows: Rows, path: Path) -> None:
    if len(rows.rows) != 1 or rows.columns != ("text",):
        raise UsageError(f"{path}: a text file holds one text; write these rows as JSON lines or CSV")
    file.write(rows.rows[0]["text"].encode())


def _cell(value: Any) -> str:
    """A value as CSV and XLSX show it; what has no form of its own is written as JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=_plain)


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, (datetime.date, datetime.time)) else str(value)


_READERS: dict[str, Callable[[Path], Rows]] = {
    ".jsonl": _read_jsonl,
    ".ndjson": _read_jsonl,
    ".json": _read_jsonl,
    ".csv": _read_delimited,
    ".tsv": _read_delimited,
    ".xlsx": _read_excel,
    ".parquet": _read_parquet,
    ".txt": _read_text,
    ".md": _read_text,
}
_WRITERS: dict[str, Callable[[io.BufferedWriter, Rows, Path], None]] = {
    ".jsonl": _write_jsonl,
    ".ndjson": _write_jsonl,
    ".json": _write_jsonl,
    ".csv": _write_delimited,
    ".tsv": _write_delimited,
    ".xlsx": _write_excel,
    ".parquet": _write_parquet,
    ".txt": _write_text,
    ".md": _write_text,
}
