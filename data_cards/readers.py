"""Reading the data files of a folder that is no run, a bounded number of rows at a time.

JSON lines are read by Arrow, column by column. A file that Arrow does not take (values of several types in a
column, another encoding) is read line by line, more slowly, with the same result.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import orjson
import pyarrow as pa
import pyarrow.json
import pyarrow.parquet as pq

from curation.errors import InputError
from curation.ingest import jsonl
from curation.ingest.problem import UnreadableError
from curation.ingest.tables import read_rows

Format = Literal["parquet", "jsonl", "arrow", "csv", "json"]

SUFFIXES: dict[str, Format] = {
    ".parquet": "parquet",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".arrow": "arrow",
    ".csv": "csv",
    ".tsv": "csv",
    ".json": "json",
}

ROWS = 10_000
"""Rows of a table at most, as far as the format says where they end."""

_BLOCK = 1 << 23
"""Bytes of JSON lines that are read at once."""

_MIXED = {b"mixed": b"1"}


def schema(kind: Format, path: Path) -> tuple[pa.Schema, bool]:
    """Columns of a file, and whether Arrow can read it.

    Raises:
        InputError: it cannot be read.
    """
    if kind == "parquet":
        with _parquet(path) as file:
            return file.schema_arrow, True
    if kind == "arrow":
        with _stream(path) as stream:
            return stream.schema, True
    if kind == "jsonl":
        try:
            return joined([_textual(table.schema) for table in _json_tables(path, None)]), True
        except pa.ArrowException:
            return joined([table.schema for table in _row_tables(_lines(path))]), False
    return joined([table.schema for table in _row_tables(_rows(path))]), False


def tables(kind: Format, path: Path, columns: pa.Schema, irregular: bool) -> Iterator[pa.Table]:
    """These columns of a file.

    Args:
        irregular: `schema` said that Arrow cannot read it.

    Raises:
        InputError: it cannot be read, or lacks a column.
    """
    if kind == "parquet":
        yield from _parquet_tables(path, columns.names)
    elif kind == "arrow":
        yield from _stream_tables(path, columns.names)
    elif irregular:
        yield from _row_tables(_lines(path) if kind == "jsonl" else _rows(path), columns)
    else:
        try:
            yield from _json_tables(path, columns)
        except pa.ArrowException:
            raise InputError("changed while it was read", file=_short(path)) from None


def joined(schemas: Sequence[pa.Schema]) -> pa.Schema:
    """The columns of several tables; a column of several types holds what JSON it is written as."""
    fields = []
    for name in dict.fromkeys(name for one in schemas for name in one.names):
        parts = [one.field(name) for one in schemas if name in one.names]
        try:
            whole = pa.unify_schemas([pa.schema([part]) for part in parts], promote_options="permissive")
            fields.append(next((part for part in parts if is_mixed(part)), whole.field(name)))
        except (pa.ArrowInvalid, pa.ArrowTypeError):
            fields.append(pa.field(name, pa.string(), metadata=_MIXED))
    return pa.schema(fields, next((one.metadata for one in schemas if one.metadata), None))


def is_mixed(field: pa.Field) -> bool:
    """Whether a column holds values of several types, and is read as JSON text."""
    return _MIXED.keys() <= (field.metadata or {}).keys()


def _parquet(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path)
    except (pa.ArrowException, OSError):
        raise InputError("is not a readable Parquet file", file=_short(path)) from None


def _parquet_tables(path: Path, columns: list[str]) -> Iterator[pa.Table]:
    with _parquet(path) as file:
        names = file.schema_arrow.names
        if lacking := set(columns) - set(names):
            raise InputError(f"has no column {min(lacking)}, which another file has", file=_short(path))
        try:
            for batch in file.iter_batches(ROWS, columns=columns):
                batch.validate(full=True)
                yield pa.Table.from_batches([batch])
        except (pa.ArrowException, OSError):
            raise InputError("is not a readable Parquet file", file=_short(path)) from None


def _stream(path: Path) -> pa.RecordBatchStreamReader:
    try:
        return pa.ipc.open_stream(pa.memory_map(str(path)))
    except (pa.ArrowException, OSError):
        raise InputError("is not a readable Arrow stream", file=_short(path)) from None


def _stream_tables(path: Path, columns: list[str]) -> Iterator[pa.Table]:
    waiting: list[pa.RecordBatch] = []
    with _stream(path) as stream:
        try:
            for batch in stream:
                batch.validate(full=True)
                waiting.append(batch.select(columns))
                if sum(one.num_rows for one in waiting) >= ROWS:
                    yield pa.Table.from_batches(waiting).combine_chunks()
                    waiting = []
        except (pa.ArrowException, OSError, KeyError):
            raise InputError("is not a readable Arrow stream", file=_short(path)) from None
    if waiting:
        yield pa.Table.from_batches(waiting).combine_chunks()


def _json_tables(path: Path, columns: pa.Schema | None) -> Iterator[pa.Table]:
    """The rows of JSON lines, by Arrow.

    Args:
        columns: None: all, of the types that the values have.

    Raises:
        pa.ArrowException: Arrow cannot read it.
    """
    options = pa.json.ParseOptions(
        explicit_schema=columns,
        newlines_in_values=False,
        unexpected_field_behavior="infer" if columns is None else "ignore",
    )
    for block in _blocks(path):
        reading = pa.json.ReadOptions(use_threads=False, block_size=len(block) + 1)
        table = pa.json.read_json(pa.BufferReader(block), reading, options)
        table.validate(full=True)  # Arrow takes any bytes for UTF-8
        yield table


def _blocks(path: Path) -> Iterator[bytes]:
    """The file in pieces that end with a line."""
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                block += file.readline()
                if block.strip():
                    yield block
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", file=_short(path)) from None


def _textual(schema: pa.Schema) -> pa.Schema:
    """The types in JSON: Arrow takes a string for a time where it looks like one."""
    return pa.schema([field.with_type(_textual_type(field.type)) for field in schema])


def _textual_type(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_temporal(kind):
        return pa.string()
    if pa.types.is_list(kind):
        return pa.list_(_textual_type(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(_textual_type(field.type)) for field in kind])
    return kind


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    try:
        for _, row in jsonl.rows(path):
            yield row
    except UnreadableError as error:
        raise InputError(str(error), file=_short(path)) from None
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", file=_short(path)) from None


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    yield from read_rows(path).rows


def _row_tables(rows: Iterable[dict[str, Any]], columns: pa.Schema | None = None) -> Iterator[pa.Table]:
    """Rows as tables, of the types that the values have or of those that are asked for."""
    remaining = iter(rows)
    while part := list(itertools.islice(remaining, ROWS)):
        names = dict.fromkeys(name for row in part for name in row) if columns is None else columns.names
        made, fields = [], []
        for name in names:
            wanted = columns.field(name) if columns is not None else None
            field, values = _column(name, [row.get(name) for row in part], wanted)
            made.append(values)
            fields.append(field)
        yield pa.table(made, schema=pa.schema(fields))


def _column(name: str, values: list[Any], wanted: pa.Field | None) -> tuple[pa.Field, pa.Array]:
    if wanted is None or not is_mixed(wanted):
        try:
            found = pa.array(values, wanted and wanted.type)
            return pa.field(name, found.type), found
        except (pa.ArrowException, OverflowError, UnicodeEncodeError):
            pass
    texts = [value if value is None or isinstance(value, str) else _as_json(value) for value in values]
    # JSON may hold half of a surrogate pair, which is no text
    whole = [text and text.encode("utf-8", "replace").decode() for text in texts]
    strings = all(value is None or isinstance(value, str) for value in values)
    return pa.field(name, pa.string(), metadata=None if strings else _MIXED), pa.array(whole, pa.string())


def _short(path: Path) -> str:
    """Folder and name: enough to find a file, and no machine's path."""
    return f"{path.parent.name}/{path.name}"


def _as_json(value: Any) -> str:
    return orjson.dumps(value, default=str).decode()
