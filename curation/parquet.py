"""How our Parquet files are written and read. Equal tables give equal bytes: combined chunks, no schema
metadata, fixed row groups and compression. A file appears whole or not at all."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from curation.errors import InputError
from curation.files import whole_file

ROW_GROUP = 10_000
"""Rows per row group, whatever the tables that were written."""


@contextlib.contextmanager
def writing(path: Path, schema: pa.Schema) -> Iterator[Writer]:
    """A writer of one file, which appears when the block ends well.

    Raises:
        UsageError: the file cannot be written.
    """
    schema = schema.remove_metadata()
    with (
        whole_file(path) as unfinished,
        pq.ParquetWriter(unfinished, schema, compression="zstd", compression_level=3) as file,
    ):
        writer = Writer(path, schema, file)
        yield writer
        writer.flush()


class Writer:
    """Takes tables one after the other and cuts them anew into row groups of `ROW_GROUP` rows."""

    def __init__(self, path: Path, schema: pa.Schema, file: pq.ParquetWriter) -> None:
        self.path, self.rows = path, 0
        self._schema, self._file = schema, file
        self._waiting: list[pa.Table] = []

    def write(self, table: pa.Table) -> None:
        """Append the rows of a table that has the writer's columns."""
        self._waiting.append(table.replace_schema_metadata(None).cast(self._schema))
        self.rows += table.num_rows
        if sum(part.num_rows for part in self._waiting) >= ROW_GROUP:
            waiting = pa.concat_tables(self._waiting)
            full = waiting.num_rows - waiting.num_rows % ROW_GROUP
            self._write_groups(waiting.slice(0, full))
            self._waiting = [waiting.slice(full)]

    def flush(self) -> None:
        """Write what does not fill a row group."""
        if self._waiting:
            self._write_groups(pa.concat_tables(self._waiting))
            self._waiting = []

    def _write_groups(self, table: pa.Table) -> None:
        if table.num_rows:
            self._file.write_table(table.combine_chunks(), row_group_size=ROW_GROUP)


def write(table: pa.Table, path: Path) -> None:
    """Write one table as one file."""
    with writing(path, table.schema) as writer:
        writer.write(table)


def read(path: Path, columns: list[str] | None = None) -> pa.Table:
    """The whole file, one chunk per column. (`pq.read_table` costs seconds of start-up for imports.)"""
    with pq.ParquetFile(path) as file:
        return file.read(columns).combine_chunks()


def tables(path: Path, columns: Sequence[str]) -> Iterator[pa.Table]:
    """These columns of the file, row group by row group.

    Raises:
        InputError: the file is damaged or lacks a column.
    """
    with opened(path) as file:
        if lacking := set(columns) - set(file.schema_arrow.names):
            raise InputError(f"has no column {min(lacking)}", file=_short(path))
        for group in range(file.num_row_groups):
            yield file.read_row_group(group, list(columns))


def rows(path: Path) -> int:
    """The number of rows, from the footer alone."""
    with pq.ParquetFile(path) as file:
        return int(file.metadata.num_rows)


@contextlib.contextmanager
def opened(path: Path) -> Iterator[pq.ParquetFile]:
    """A file of a finished run, its footer read.

    Raises:
        InputError: it is missing or damaged.
    """
    try:
        with pq.ParquetFile(path) as file:
            yield file
    except (pa.ArrowException, OSError):
        raise InputError("is not a readable Parquet file", file=_short(path)) from None


def _short(path: Path) -> str:
    """Folder and name: enough to find a file within a run, and no machine's path."""
    return f"{path.parent.name}/{path.name}"
