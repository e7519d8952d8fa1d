"""What was replaced in a file, place by place, and how to put it back.

Text files come back byte for byte: the way a cell was written is kept beside its value where the value does
not tell it (escapes, spaces within an object, the digits of a number). Workbooks and tables come back value
by value.
"""

from __future__ import annotations

import base64
import codecs
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import BaseModel, ConfigDict

from curation.anonymise.layout import Layout, lay_out, leaf, splice, with_leaf
from curation.errors import UsageError

if TYPE_CHECKING:
    import pyarrow as pa

    from curation.anonymise.record import Found
    from curation.ingest.tables import Rows


class Piece(NamedTuple):
    """What was replaced in one value of the anonymised file.

    Attributes:
        row: number of the row in the anonymised file, from 0.
        path: the way to the value within a column that holds a list or an object.
        spans: start and end in the anonymised value, and what stood there.
        value: the value itself, where it was a number, or the whole column, where a key in it was replaced.
    """

    row: int
    column: str
    path: tuple[str | int, ...]
    spans: tuple[tuple[int, int, str], ...]
    value: Any = None


class Content(BaseModel):
    """What a vault seals.

    Attributes:
        text_fields: the columns that were said to hold text, so that the same row is taken for the header.
        raw: row, column and how the cell was written, where that does not follow from its value.
        lines: by row, how a whole row was written, where no cell of it can be replaced by itself.
        whole: the file as base64, where nothing less gives it back.
        encoding, mark: of the text of the file; the byte order mark as hexadecimal digits.
        schema_: of a Parquet file, as base64.
    """

    model_config = ConfigDict(extra="forbid")

    rows: int
    text_fields: list[str]
    pieces: list[Piece]
    raw: list[tuple[int, str, str]] = []
    lines: dict[int, str] = {}
    whole: str | None = None
    encoding: str | None = None
    mark: str = ""
    schema_: str | None = None

    @property
    def values(self) -> int:
        """How many stretches of text were replaced."""
        return sum(len(piece.spans) for piece in self.pieces)


class Change(NamedTuple):
    """Where a finding is in a field as it was, and where in the field as it is now."""

    start: int
    end: int
    new_start: int
    new_end: int
    action: str


def changes(found: Iterable[Found], field: str) -> list[Change]:
    """Where the findings of a field went, those that stay included."""
    made: list[Change] = []
    shift = 0
    for one in found:
        if one.field == field:
            start = one.span.start + shift
            made.append(Change(*one.span[:2], start, start + len(one.new), one.action))
            shift += len(one.new) - (one.span.end - one.span.start)
    return made


def content(
    source: Path,
    written: Path,
    *,
    output: Path,
    before: Rows,
    layout: Layout | None,
    pieces: Sequence[Piece],
    held: frozenset[int],
    text_fields: Sequence[str],
) -> Content:
    """What a vault has to hold so that the file comes back; that it does was tried.

    Args:
        written: the anonymised file, which has not got its name `output` yet.
        before: the rows of the source; `layout`: where they stand in it, if the source is text.
        held: rows that are not in the anonymised file, and do not come back.
    """
    kept = [index for index in range(len(before.rows)) if index not in held]
    made = Content(rows=len(kept), text_fields=list(text_fields), pieces=list(pieces))
    if before.arrow is not None:
        made.schema_ = base64.b64encode(before.arrow.schema.serialize().to_pybytes()).decode()
    with tempfile.TemporaryDirectory() as folder:
        named = Path(folder) / output.name  # readers go by the ending
        named.symlink_to(written.resolve())
        try:
            if layout is None:
                same = _same(rows_again(named, made), before.take(kept))
            else:
                wanted = _without(source.read_bytes(), layout, held, made)
                _note_how_written(named, made, layout, kept)
                same = bytes_again(named, made) == wanted
        except (ValueError, KeyError, IndexError, UsageError):
            same = False
    if not same:
        if held:
            raise UsageError(f"{source.name}: a vault cannot give this file back without the rows held back")
        made = Content(rows=len(kept), text_fields=list(text_fields), pieces=list(pieces))
        made.whole = base64.b64encode(source.read_bytes()).decode()
    return made


def bytes_again(output: Path, made: Content) -> bytes:
    """A text file as it was."""
    layout = _layout(output, made)
    edits = [layout.replaced_line(row, line) for row, line in made.lines.items()]
    raw = {(row, column): how for row, column, how in made.raw}
    for (row, column), value in _values(output, made).items():
        how = raw.get((row, column))
        how = layout.written(row, column, value) if how is None else how
        edits.append((*layout.cells[row][column], how))
    assert made.encoding is not None
    return bytes.fromhex(made.mark) + splice(layout.text, edits).encode(made.encoding)


def rows_again(output: Path, made: Content) -> Rows:
    """The rows of a workbook or a table as they were."""
    from dataclasses import replace

    from curation.ingest import tables

    read = tables.read_rows(output, made.text_fields)
    rows = [dict(row) for row in read.rows]
    for (row, column), value in _values(output, made).items():
        rows[row][column] = value
    if made.schema_ is None:
        return replace(read, rows=rows)
    arrow = _typed(rows, read.columns, base64.b64decode(made.schema_))
    for name, column in zip(read.columns, arrow.columns, strict=True):
        for restored, value in zip(rows, column.to_pylist(), strict=True):
            restored[name] = value
    return replace(read, rows=rows, arrow=arrow)


def _without(data: bytes, layout: Layout, held: frozenset[int], made: Content) -> bytes:
    """The source without the rows held back; notes its encoding."""
    made.encoding, mark = _encoding(data)
    made.mark = mark.hex()
    assert made.encoding is not None
    if not held:
        return data
    return mark + splice(layout.text, [(*layout.lines[row], "") for row in held]).encode(made.encoding)


def _encoding(data: bytes) -> tuple[str, bytes]:
    """Codec and byte order mark of a text file that has been read."""
    from curation.ingest import encoding

    found = encoding.decode(data).encoding
    marks = {"utf-8-sig": ("utf-8", codecs.BOM_UTF8), "utf-16": ("utf-16-le", codecs.BOM_UTF16_LE)}
    if found == "utf-16" and data.startswith(codecs.BOM_UTF16_BE):
        return "utf-16-be", codecs.BOM_UTF16_BE
    return marks.get(found, (found, b""))


def _note_how_written(output: Path, made: Content, before: Layout, kept: Sequence[int]) -> None:
    """Notes cells and rows whose writing does not follow from their values."""
    after = _layout(output, made)
    for row, source_row in enumerate(kept):
        if after.line(row) != before.line(source_row) and not before.cells[source_row]:
            made.lines[row] = before.line(source_row)
    made.pieces = [piece for piece in made.pieces if piece.row not in made.lines]
    for (row, column), value in _values(output, made).items():
        how = before.raw(kept[row], column)
        if after.written(row, column, value) != how:
            made.raw.append((row, column, how))


def _values(output: Path, made: Content) -> dict[tuple[int, str], Any]:
    """By row and column of the anonymised file, the values as they were."""
    from curation.ingest import tables

    rows = tables.read_rows(output, made.text_fields).rows
    values: dict[tuple[int, str], Any] = {}
    for piece in made.pieces:
        place = piece.row, piece.column
        value = values.get(place, rows[piece.row][piece.column])
        values[place] = with_leaf(value, piece.path, _old(leaf(value, piece.path), piece))
    return values


def _old(value: Any, piece: Piece) -> Any:
    if piece.value is not None:
        return piece.value
    if isinstance(value, bytes):
        return splice(value.decode(), piece.spans).encode()
    return splice(value, piece.spans)


def _layout(output: Path, made: Content) -> Layout:
    from curation.ingest import tables

    text = output.read_bytes().decode("utf-8-sig")
    layout = lay_out(text, output.suffix.lower(), tables.read_rows(output, made.text_fields))
    if layout is None:
        raise UsageError(f"{output}: its cells cannot be found again")
    return layout


def _typed(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], schema: bytes) -> pa.Table:
    """The rows in the types they had; a column that became text is read again."""
    import pyarrow as pa

    from curation.ingest.precision import display

    fields = pa.ipc.read_schema(pa.py_buffer(schema))
    arrays = []
    for name, field in zip(columns, fields, strict=True):
        values = [row[name] for row in rows]
        try:
            arrays.append(pa.array(values, field.type))
        except pa.ArrowException:
            arrays.append(pa.array([display(value) for value in values], pa.string()).cast(field.type))
    return pa.Table.from_arrays(arrays, schema=fields)


def _same(rows: Rows, before: Rows) -> bool:
    if before.arrow is not None:
        return bool(rows.arrow is not None and rows.arrow.equals(before.arrow))
    return rows.rows == before.rows and rows.headers == before.headers
