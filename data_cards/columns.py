"""Counting over Parquet files column by column, some ten thousand rows in memory at a time."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curation.errors import InputError

NAMED_VALUES = 20
"""How many values of a column are named; the others are counted together."""


def tables(files: Iterable[Path], columns: Sequence[str]) -> Iterator[pa.Table]:
    """These columns of the files, in pieces.

    Raises:
        InputError: a file is damaged or lacks a column.
    """
    for path in files:
        file = open_parquet(path)
        if lacking := set(columns) - set(file.schema_arrow.names):
            raise InputError(f"has no column {min(lacking)}", file=short_name(path))
        try:
            for batch in file.iter_batches(columns=list(columns)):
                yield pa.Table.from_batches([batch])
        except (pa.ArrowException, OSError):
            raise InputError("is not a readable Parquet file", file=short_name(path)) from None


def value_counts(
    files: Iterable[Path], column: str, prepare: Callable[[pa.Array], pa.Array] | None = None
) -> Counter[Any]:
    """How often each value of a column occurs, null among them.

    Args:
        prepare: makes of the column what is counted.
    """
    total: Counter[Any] = Counter()
    for table in tables(files, [column]):
        values = table[column].combine_chunks()
        total.update(count(prepare(values) if prepare else values))
    return total


def count(values: pa.Array | pa.ChunkedArray) -> dict[Any, int]:
    """How often each value occurs."""
    counted = pc.value_counts(values)
    return dict(zip(counted.field("values").to_pylist(), counted.field("counts").to_pylist(), strict=True))


def group_counts(parts: Iterable[pa.Table]) -> Counter[tuple[Any, ...]]:
    """How often each combination of the columns of some tables occurs."""
    total: Counter[tuple[Any, ...]] = Counter()
    for part in parts:
        grouped = part.group_by(part.column_names).aggregate([([], "count_all")])
        keys = zip(*(grouped[name].to_pylist() for name in part.column_names), strict=True)
        total.update(dict(zip(keys, grouped["count_all"].to_pylist(), strict=True)))
    return total


def distribution(counts: Counter[Any], named_from: int = 1) -> dict[str, Any]:
    """The most frequent values by name, the rest counted together; blank is missing.

    Args:
        named_from: a value in fewer records than this is not named.
    """
    known = {value: number for value, number in counts.items() if value is not None and value.strip()}
    ranked = sorted(known.items(), key=lambda item: (-item[1], item[0]))
    named = [(value, number) for value, number in ranked[:NAMED_VALUES] if number >= named_from]
    return {
        "values": dict(sorted(named)),
        "others": {
            "values": len(known) - len(named),
            "records": sum(known.values()) - sum(number for _, number in named),
        },
        "missing": sum(counts.values()) - sum(known.values()),
    }


def describe_file(path: Path) -> dict[str, Any]:
    """Digest, size in bytes and number of rows of a Parquet file, as the lock states them."""
    return {"sha256": sha256(path), "bytes": path.stat().st_size, "rows": rows(path)}


def rows(path: Path) -> int:
    """Number of rows of a Parquet file."""
    return int(open_parquet(path).metadata.num_rows)


def open_parquet(path: Path) -> pq.ParquetFile:
    """The file, its footer read.

    Raises:
        InputError: it is not Parquet.
    """
    try:
        return pq.ParquetFile(path)
    except (pa.ArrowException, OSError):
        raise InputError("is not a readable Parquet file", file=short_name(path)) from None


def short_name(path: Path) -> str:
    """Folder and name, enough to find a file within a run."""
    return f"{path.parent.name}/{path.name}"


def sha256(path: Path) -> str:
    """Digest of a file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
