"""The records of which more is asked than counting: drawn at random, and the same whenever the data are.

One pass over the data draws them with all their columns, and beside them the contents among which equal ones
are looked for.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from data_cards.measure.columns import Columns

if TYPE_CHECKING:
    from data_cards.dataset import Dataset

RECORDS = 20_000
"""Records that are drawn, at most."""

COMPARED = 100_000
"""Records among which equal contents are looked for, about."""

SPLIT = "\0split"
"""Column of the sample with the split that a record's file belongs to."""


@dataclasses.dataclass(frozen=True)
class Sample:
    """Records of a data set.

    Attributes:
        total: records that there are.
        rows: numbers of the drawn ones, in order; all where there are not more.
        drawn: the drawn ones, all columns but those with bytes, and `SPLIT`.
        compared: other ones, all with the same length of content if any of them: only what may be content, a
            label, and `SPLIT`.
    """

    total: int
    seed: int
    rows: NDArray[np.int64]
    drawn: pa.Table
    compared: pa.Table

    def fewer(self, most: int) -> pa.Table:
        """So many of the drawn records, themselves drawn at random."""
        return self.drawn.take(pa.array(np.searchsorted(self.rows, drawn(self.total, most, self.seed))))

    @property
    def is_all(self) -> bool:
        return len(self.rows) == self.total


def take(dataset: Dataset, files: Mapping[str, Mapping[str, Any]]) -> Sample:
    """Draw from a data set.

    Args:
        files: `metrics.files`: its digests decide which records are drawn.
    """
    total, number = sum(file["rows"] for file in files.values()), seed(files)
    rows = drawn(total, RECORDS, number)
    content, labels = contents(dataset), labelled(dataset)
    names = list(dict.fromkeys((*content, *labels)))
    columns = Columns(dataset).columns
    found: list[pa.Table] = []
    compared: list[pa.Table] = []
    start = 0
    for part in dataset.parts(columns):
        table = part.table.append_column(SPLIT, pa.repeat(pa.scalar(part.split), part.table.num_rows))
        end = start + table.num_rows
        here = rows[np.searchsorted(rows, start) : np.searchsorted(rows, end)]
        found.append(table.take(pa.array(here - start)))
        alike = _compared(table, content, dataset, total)
        compared.append(table.select([*names, SPLIT]).filter(alike))
        start = end
    known = [dataset.schema.field(name) for name in columns]
    empty = pa.schema([*known, pa.field(SPLIT, pa.string())]).empty_table()
    return Sample(
        total,
        number,
        rows,
        pa.concat_tables(found).combine_chunks() if found else empty,
        pa.concat_tables(compared).combine_chunks() if found else empty.select([*names, SPLIT]),
    )


def taken(dataset: Dataset, columns: Sequence[str], rows: NDArray[np.int64]) -> Iterator[pa.Table]:
    """These columns of these records, in order."""
    start = 0
    for table in dataset.tables(columns):
        here = rows[np.searchsorted(rows, start) : np.searchsorted(rows, start + table.num_rows)]
        yield table.take(pa.array(here - start))
        start += table.num_rows


def seed(files: Mapping[str, Mapping[str, Any]]) -> int:
    """What decides which records are drawn: the content of the data files, whatever their names."""
    digests = sorted(file["sha256"] for file in files.values())
    return int(hashlib.sha256("".join(digests).encode()).hexdigest()[:16], 16)


def drawn(total: int, most: int, seed: int) -> NDArray[np.int64]:
    """Numbers of records drawn without replacement, in order; all where there are not more.

    Of a smaller sample all are in the larger one.
    """
    if total <= most:
        return np.arange(total)
    return np.sort(np.argsort(_mixed(np.arange(total, dtype=np.uint64), seed), kind="stable")[:most])


def contents(dataset: Dataset) -> list[str]:
    """Columns with what a record asks or tells, not with what is answered."""
    told = [dataset.roles.columns[role] for role in ("title", "text") if role in dataset.roles.columns]
    chat = [dataset.chat.column] if dataset.chat else []
    return [*(told or dataset.text_fields), *chat]


def labelled(dataset: Dataset) -> list[str]:
    """Columns with labels."""
    return ["labels"] if dataset.run else list(dataset.label_fields)


def _compared(table: pa.Table, content: Sequence[str], dataset: Dataset, total: int) -> pa.Array:
    """Records whose length of content is one of those that are looked at: equal contents stay together."""
    if total <= COMPARED:
        return pa.repeat(pa.scalar(True), table.num_rows)
    lengths = [_length(table[name].combine_chunks(), dataset, name) for name in content]
    bytes_ = functools.reduce(np.add, lengths).astype(np.uint64)
    return pa.array(_mixed(bytes_, 0) % np.uint64(-(-total // COMPARED)) == 0)


def _length(column: pa.Array, dataset: Dataset, name: str) -> NDArray[np.int64]:
    if dataset.chat is None or name != dataset.chat.column:
        return np.asarray(pc.fill_null(pc.binary_length(column), 0)).astype(np.int64)
    said = pc.fill_null(pc.binary_length(pc.list_flatten(column).field(dataset.chat.content)), 0)
    total = np.zeros(len(column), np.int64)
    np.add.at(total, np.asarray(pc.list_parent_indices(column)), np.asarray(said))
    return total


def _mixed(numbers: NDArray[np.uint64], seed: int) -> NDArray[np.uint64]:
    """SplitMix64 (Steele, Lea, Flood 2014): the same with every version of numpy."""
    with np.errstate(over="ignore"):
        key = np.uint64(seed) + (numbers + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        key = (key ^ (key >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        key = (key ^ (key >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return key ^ (key >> np.uint64(31))
