"""Parquet, row group by row group. Strings stay in Arrow; only other types pass through Python."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from curation.ingest.batch import ROWS, Batch, Failure
from curation.ingest.mapping import Settings, compose, map_columns
from curation.ingest.problem import guarded


def groups(path: Path) -> list[tuple[int, int]]:
    """Rows and bytes of each row group.

    Raises:
        UnreadableError: not a Parquet file, or a damaged one.
    """
    return list(guarded(_groups(path)))


def read(
    path: Path, settings: Settings, *, start: int, stop: int, first_row: int
) -> Iterator[Batch | Failure]:
    """The rows of the row groups `start` to `stop` (not included); all of them when `stop` is 0.

    Args:
        first_row: number of the first row of group `start`, from 1.

    Raises:
        UnreadableError: as `groups`.
    """
    return guarded(_read(path, settings, start, stop, first_row))


def _groups(path: Path) -> Iterator[tuple[int, int]]:
    import pyarrow.parquet as pq

    metadata = pq.read_metadata(path)
    for index in range(metadata.num_row_groups):
        group = metadata.row_group(index)
        yield group.num_rows, group.total_byte_size


def _read(path: Path, settings: Settings, start: int, stop: int, first_row: int) -> Iterator[Batch | Failure]:
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        headers = tuple(file.schema_arrow.names)
        columns = map_columns(headers, settings)
        number = first_row
        for part in file.iter_batches(ROWS, row_groups=list(range(start, stop or file.num_row_groups))):
            part.validate(full=True)
            values: dict[str, Any] = {
                name: _strings(part.column(header)) for name, header in columns.fields.items()
            }
            if columns.guide:
                guide = part.select(columns.guide).to_pylist()
                values["text"] = [compose(row.items()) for row in guide]
            yield Batch(
                rows=range(number, number + part.num_rows),
                values=values,
                meta=part.select(columns.rest).to_pylist(),
                guide=[bool(columns.guide)] * part.num_rows,
                broken={} if columns.has_text else dict.fromkeys(range(part.num_rows), "no_text_column"),
                headers=headers,
                mapping=columns.fields,
                rest=columns.rest,
            )
            number += part.num_rows


def _strings(column: pa.Array) -> Any:
    """Strings and integers as Arrow strings; anything else as Python values."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.dictionary_decode(), kind.value_type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_integer(kind):
        return column.cast(pa.string())
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return [_decoded(value) for value in column.to_pylist()]
    return column.to_pylist()


def _decoded(value: bytes | None) -> Any:
    """UTF-8 as a string; other bytes as a list, which is no text."""
    if value is None:
        return None
    try:
        return value.decode()
    except UnicodeDecodeError:
        return list(value)
