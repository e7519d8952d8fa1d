"""One file as rows, and rows as one file, for the commands that give every column back as it was.

Unlike `read`, nothing is mapped, dropped or restored here: what could not be given back is refused.
"""

from __future__ import annotations

import contextlib
import csv
import datetime
import io
import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

from curation.errors import InputError, UsageError
from curation.files import whole_file
from curation.ingest import delimited, encoding, excel, jsonl, precision
from curation.ingest.batch import Cells
from curation.ingest.mapping import HEADER_ROWS, Settings, find_columns, header_row, unique
from curation.ingest.problem import UnreadableError

Row = dict[str, Any]

FORMATS = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".xlsx", ".parquet", ".txt", ".md")


@dataclass(frozen=True)
class Rows:
    """The rows of one file.

    Args:
        columns: names of the columns, each once; JSON lines: in the order of first appearance.
        rows: a dict per row; rows of JSON lines have only the keys they came with.
        numbers: of each row, as the file's own program shows it; empty for rows that come from no file.
        headers: the columns' names as the file writes them, where two of them may be the same.
        bom: whether CSV is written with a byte order mark, without which Excel misreads it.
        arrow: the Parquet table the rows were read from, for the types of its columns.
    """

    columns: tuple[str, ...]
    rows: list[Row]
    numbers: Sequence[int] = ()
    headers: tuple[str, ...] | None = None
    bom: bool = False
    arrow: pa.Table | None = None

    def take(self, indices: Sequence[int]) -> Rows:
        """These rows, in this order."""
        arrow = None if self.arrow is None else self.arrow.take(pa.array(indices, pa.int64()))
        return replace(
            self,
            rows=[self.rows[index] for index in indices],
            numbers=[self.numbers[index] for index in indices] if self.numbers else (),
            arrow=arrow,
        )

    def find(self, wanted: Iterable[str]) -> list[str]:
        """All the columns that the file calls by one of these names, as `map_columns` compares them."""
        return [self.columns[position] for position in find_columns(self.headers or self.columns, wanted)]


def read_rows(path: Path, text_fields: Sequence[str] = ()) -> Rows:
    """All rows of a file, its format by extension.

    JSON values are as in the file. CSV and XLSX cells are strings, as displayed; the header is the row that
    `header_row` finds. A text file is one row with the column `text`.

    Args:
        text_fields: columns that hold text, where no known header says so.

    Raises:
        UsageError: no such file, or an extension that is not supported.
        InputError: a file or a row that cannot be read; rows above the header or a second sheet with cells,
            which could not be given back.
    """
    reader: Callable[[Path, Settings], Rows] = _by_suffix(path, _READERS)
    try:
        return reader(path, Settings(map={"text": tuple(text_fields)} if text_fields else {}))
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
    write = writer(path)
    with whole_file(path) as aside:
        write(aside, rows)


def writer(path: Path) -> Callable[[Path, Rows], None]:
    """What writes rows to any place in the format of `path`; its errors name `path`.

    Raises:
        UsageError: an extension that is not supported.
    """
    write_format: Callable[[IO[bytes], Rows, Path], None] = _by_suffix(path, _WRITERS)

    def write(aside: Path, rows: Rows) -> None:
        try:
            with aside.open("wb") as file:
                write_format(file, rows, path)
        except UnicodeEncodeError:
            raise InputError("half of a surrogate pair, which only JSON can hold", file=path.name) from None

    return write


def json_line(value: Row) -> bytes:
    """A row of JSON lines.

    Raises:
        ValueError: NaN or infinity, which JSON does not have.
    """
    line = json.dumps(value, ensure_ascii=False, allow_nan=False, default=_plain)
    return line.encode("utf-8", "backslashreplace") + b"\n"  # JSON's own escape for half of a surrogate pair


def _by_suffix(path: Path, functions: dict[str, Any]) -> Any:
    try:
        return functions[path.suffix.lower()]
    except KeyError:
        raise UsageError(f"{path}: format not supported; supported: {', '.join(FORMATS)}") from None


def _read_jsonl(path: Path, settings: Settings) -> Rows:
    numbers, rows = [], []
    columns: dict[str, None] = {}
    for number, row in jsonl.rows(path):
        numbers.append(number)
        rows.append(row)
        columns.update(dict.fromkeys(row))
    return Rows(tuple(columns), rows, numbers)


def _read_delimited(path: Path, settings: Settings) -> Rows:
    decoded = encoding.decode(path.read_bytes())
    records = enumerate(delimited.records(decoded.text, path.suffix.lower()), start=1)
    return replace(_strings(records, settings, path), bom=decoded.encoding != "utf-8")


def _read_excel(path: Path, settings: Settings) -> Rows:
    found = Rows((), [])
    with contextlib.closing(excel.sheets(path)) as sheets:
        for sheet in sheets:
            if not found.columns:
                found = _strings(enumerate(sheet.rows, start=1), settings, path)
            elif any(map(any, sheet.rows)):
                raise InputError(
                    "a second sheet; save each sheet by itself, or give the workbook to `curate`",
                    file=path.name,
                    sheet=sheet.name,
                )
    return found


def _strings(numbered: Iterable[tuple[int, Cells]], settings: Settings, path: Path) -> Rows:
    """Rows of strings below their header; empty rows are none."""
    filled: Iterator[tuple[int, Cells]] = ((number, cells) for number, cells in numbered if any(cells))
    top = list(itertools.islice(filled, HEADER_ROWS))
    if not top:
        return Rows((), [])
    header = header_row([cells for _, cells in top], settings)
    if header:
        raise InputError(
            "the header stands here; delete the rows above it, or give the file to `curate`",
            file=path.name,
            row=top[header][0],
        )
    headers = tuple(cell or "" for cell in top[0][1])
    columns = unique(headers)
    numbers, rows = [], []
    for number, cells in itertools.chain(top[1:], filled):
        if any(cells[len(columns) :]):
            raise UnreadableError("too_many_cells", row=number)
        said = (cell or "" for cell in cells)
        numbers.append(number)
        rows.append(dict(itertools.zip_longest(columns, itertools.islice(said, len(columns)), fillvalue="")))
    return Rows(columns, rows, numbers, headers=headers)


def _read_parquet(path: Path, settings: Settings) -> Rows:
    import pyarrow.parquet as pq

    try:
        table = pq.ParquetFile(path).read()
        table.validate(full=True)
    except FileNotFoundError:
        raise
    except Exception:  # a damaged file raises more than pyarrow's own
        raise UnreadableError("unreadable_file") from None
    columns = unique(table.column_names)
    rows = table.rename_columns(list(columns)).to_pylist()
    headers = tuple(table.column_names)
    return Rows(columns, rows, range(1, len(rows) + 1), headers=headers, arrow=table)


def _read_text(path: Path, settings: Settings) -> Rows:
    decoded = encoding.decode(path.read_bytes())
    return Rows(("text",), [{"text": decoded.text}], [1])


def _write_jsonl(file: IO[bytes], rows: Rows, path: Path) -> None:
    for number, row in enumerate(rows.rows, start=1):
        try:
            line = json_line(row)
        except ValueError:
            raise InputError(
                "NaN or infinity, which JSON does not have", file=path.name, row=number
            ) from None
        file.write(line)


def _write_delimited(file: IO[bytes], rows: Rows, path: Path) -> None:
    text = io.TextIOWrapper(file, "utf-8-sig" if rows.bom else "utf-8", newline="")
    writer = csv.writer(text, delimiter="\t" if path.suffix.lower() == ".tsv" else ",", lineterminator="\r\n")
    writer.writerow(rows.headers or rows.columns)
    for row in rows.rows:
        writer.writerow([_cell(row.get(column)) for column in rows.columns])
    text.flush()
    text.detach()


def _write_excel(file: IO[bytes], rows: Rows, path: Path) -> None:
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    lines = [list(rows.headers or rows.columns)]
    lines += [[_cell(row.get(column)) for column in rows.columns] for row in rows.rows]
    for number, line in enumerate(lines, start=1):
        "".join(line).encode()  # openpyxl writes half of a surrogate pair, and a file nobody can open
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


def _write_parquet(file: IO[bytes], rows: Rows, path: Path) -> None:
    import pyarrow.parquet as pq

    try:
        pq.write_table(_arrow(rows), file)
    except pa.ArrowException:
        raise InputError("a column whose values have no common type", file=path.name) from None


def _arrow(rows: Rows) -> pa.Table:
    if rows.arrow is None:
        return pa.table({name: pa.array([row.get(name) for row in rows.rows]) for name in rows.columns})
    table = rows.arrow
    for index, name in enumerate(rows.columns):
        values = [row[name] for row in rows.rows]
        if values != table.column(index).to_pylist():
            array = _as_before(values, table.field(index).type)
            table = table.set_column(index, table.field(index).with_type(array.type), array)
    return table


def _as_before(values: list[Any], kind: pa.DataType) -> pa.Array:
    """Changed values in the type they had; as strings where it cannot hold them."""
    try:
        return pa.array(values, kind)
    except pa.ArrowException:
        return pa.array([precision.display(value) for value in values], pa.string())


def _write_text(file: IO[bytes], rows: Rows, path: Path) -> None:
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


_READERS: dict[str, Callable[[Path, Settings], Rows]] = {
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
_WRITERS: dict[str, Callable[[IO[bytes], Rows, Path], None]] = {
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
