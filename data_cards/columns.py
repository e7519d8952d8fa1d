"""Counting over Parquet files column by column, one row group in memory at a time."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from curation import parquet

SHARED_BY = 5
"""A label, category or source is named from this many records on, so that a column of free text never puts
one person's words on the card."""

NAMED_VALUES = 20
"""How many values of a column are named; the others are counted together."""


def tables(files: Iterable[Path], columns: Sequence[str]) -> Iterator[pa.Table]:
    """These columns of all the files, a row group at a time.

    Raises:
        InputError: a file is damaged or lacks a column.
    """
    return itertools.chain.from_iterable(parquet.tables(path, columns) for path in files)


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
