"""Two versions of a data set, record by record: which came, which went, and in which columns the others
differ. Compared by content, column by column; no text is kept or told."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from curation import parquet, records
from curation.run import Run

SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("change", pa.string()),  # added | removed | changed
        ("columns", pa.list_(pa.string())),  # those that differ, of a changed record
        ("split_old", pa.string()),
        ("split_new", pa.string()),
    ]
)
"""One row for each record that is not the same in both versions."""

Digests = NDArray[np.uint64]

_SALT = np.uint64(0x9E3779B97F4A7C15)
"""Keeps 0 and the empty text apart from null, whose digest is 0."""


@dataclasses.dataclass(frozen=True)
class Version:
    """A data set, as far as it is compared.

    Attributes:
        tables: `tables(columns, split)` streams these columns of a split.
        id: column that names a record; None where there is none, and records are told apart by content.
    """

    columns: tuple[str, ...]
    splits: tuple[str, ...]
    tables: Callable[[Sequence[str], str], Iterable[pa.Table]]
    id: str | None = "id"


def compare(old: Run, new: Run, columns: Sequence[str] | None = None) -> pa.Table:
    """The records that are not the same in two runs, as `SCHEMA`, sorted by id.

    Args:
        columns: those that are looked at; default: all that both have.

    Raises:
        UsageError, InputError: not a run, or a file that cannot be read.
    """
    return differences(of_run(old), of_run(new), columns)


def of_run(run: Run) -> Version:
    """What a run publishes."""
    columns = records.public_schema(run.lock()["recipe"]["fields"]).names
    files = run.data

    def tables(wanted: Sequence[str], split: str) -> Iterator[pa.Table]:
        for path in files:
            if path.name.partition("-")[0] == split:
                yield from parquet.tables(path, wanted)

    return Version(tuple(columns), tuple(sorted({path.name.partition("-")[0] for path in files})), tables)


def differences(old: Version, new: Version, columns: Sequence[str] | None = None) -> pa.Table:
    """As `compare`, of any two versions; without ids, a record that was changed is one removed and one added,
    and is named by its row."""
    named = old.id == new.id and old.id is not None
    compared = [name for name in new.columns if name in old.columns and (columns is None or name in columns)]
    before, after = (_read(version, compared, named) for version in (old, new))
    if not (named and before.unique and after.unique):
        before, after = before.by_content(), after.by_content()
    place = pc.index_in(after.keys, before.keys)
    known = np.asarray(place.is_valid())
    here = np.flatnonzero(known)
    there = np.asarray(place.drop_null()).astype(np.int64)
    other = before.digests[there] != after.digests[here]
    moved = _differ(before.split.take(pa.array(there)), after.split.take(pa.array(here)))
    if columns is None and "split" not in compared:
        other, compared = np.column_stack([other, moved]), [*compared, "split"]
    changed = other.any(axis=1)
    gone = np.ones(len(before.names), bool)
    gone[there] = False
    parts = [
        _part(after, np.flatnonzero(~known), "added"),
        _part(before, np.flatnonzero(gone), "removed"),
        _changed(before, after, there[changed], here[changed], other[changed], compared),
    ]
    return pa.concat_tables(parts).combine_chunks().sort_by([("id", "ascending"), ("change", "ascending")])


@dataclasses.dataclass(frozen=True)
class _Side:
    """A version in memory: what a record is called and found by, its split, a digest of each column."""

    names: pa.Array
    keys: pa.Array
    split: pa.Array
    digests: Digests

    @property
    def unique(self) -> bool:
        return not self.keys.null_count and pc.count_distinct(self.keys).as_py() == len(self.keys)

    def by_content(self) -> _Side:
        """The records found by their content and, among equal ones, by their number."""
        content = _mix(self.digests)
        order = np.argsort(content, kind="stable")
        ranked = content[order]
        first = np.r_[True, ranked[1:] != ranked[:-1]] if len(ranked) else np.zeros(0, bool)
        starts = np.maximum.accumulate(np.where(first, np.arange(len(ranked)), 0))
        number = np.empty(len(ranked), np.uint64)
        number[order] = (np.arange(len(ranked)) - starts).astype(np.uint64)
        return dataclasses.replace(self, keys=pa.array(_mix(np.column_stack([content, number]))))


def _read(version: Version, columns: Sequence[str], named: bool) -> _Side:
    ids: list[pa.Array] = []
    splits: list[pa.Array] = []
    digests: list[Digests] = [np.zeros((0, len(columns)), np.uint64)]
    rows = 0
    wanted = list(dict.fromkeys([*columns, *([version.id] if named and version.id else [])]))
    for split in version.splits:
        for table in version.tables(wanted, split):
            table = table.combine_chunks()
            if named:
                ids.append(_flat(table[version.id]).cast(pa.string()))
            else:
                numbers = pa.array(np.arange(rows + 1, rows + 1 + table.num_rows))
                ids.append(pc.binary_join_element_wise("#", numbers.cast(pa.string()), ""))
            splits.append(pa.array([split], pa.string()).take(pa.array(np.zeros(table.num_rows, np.int64))))
            found = [column_digests(_flat(table[name])) for name in columns]
            digests.append(np.column_stack(found) if found else np.zeros((table.num_rows, 0), np.uint64))
            rows += table.num_rows
    names = pa.concat_arrays(ids) if ids else pa.array([], pa.string())
    split_of = pa.concat_arrays(splits) if splits else pa.array([], pa.string())
    return _Side(names, names, split_of, np.concatenate(digests))


def column_digests(values: pa.Array) -> Digests:
    """A number for each value, equal for equal values; only within this process."""
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    rows, kind = len(values), values.type
    if values.null_count == rows:
        return np.zeros(rows, np.uint64)
    if pa.types.is_struct(kind):
        digests = _mix(np.column_stack([column_digests(child) for child in values.flatten()]))
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        digests = _list_digests(values)
    elif pa.types.is_integer(kind) or pa.types.is_boolean(kind):
        digests = np.asarray(pc.fill_null(values.cast(pa.int64(), safe=False), 0)).view(np.uint64) ^ _SALT
    elif pa.types.is_floating(kind):
        digests = np.asarray(pc.fill_null(values, 0).cast(pa.float64())).view(np.uint64) ^ _SALT
    else:
        digests = np.fromiter(map(hash, values.to_pylist()), np.int64, rows).view(np.uint64) ^ _SALT
    if values.null_count:
        digests = np.where(np.asarray(values.is_valid()), digests, np.uint64(0))
    return digests


def _list_digests(values: pa.Array) -> Digests:
    """Of lists: the sum over their items, each mixed with its place, and of how many there are."""
    items = column_digests(pc.list_flatten(values))
    parents = np.asarray(pc.list_parent_indices(values)).astype(np.int64)
    lengths = np.asarray(pc.fill_null(pc.list_value_length(values), 0)).astype(np.uint64)
    starts = np.cumsum(lengths) - lengths
    place = np.arange(len(items), dtype=np.uint64) - starts[parents]
    total = np.zeros(len(values), np.uint64)
    np.add.at(total, parents, _mix(np.column_stack([items, place])))
    return _mix(np.column_stack([total, lengths]))


def _mix(columns: Digests) -> Digests:
    """One number of several, in their order (the finaliser of SplitMix64)."""
    mixed = np.full(len(columns), _SALT, np.uint64)
    with np.errstate(over="ignore"):
        for column in columns.T:
            mixed = (mixed ^ column) * np.uint64(0xBF58476D1CE4E5B9)
            mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            mixed ^= mixed >> np.uint64(31)
    return mixed


def _part(side: _Side, rows: NDArray[np.int64], change: str) -> pa.Table:
    ids, splits = side.names.take(pa.array(rows)), side.split.take(pa.array(rows))
    nothing = pa.nulls(len(rows), pa.string())
    old, new = (nothing, splits) if change == "added" else (splits, nothing)
    empty = pa.ListArray.from_arrays(np.zeros(len(rows) + 1, np.int32), pa.array([], pa.string()))
    return pa.table([ids, _said(change, len(rows)), empty, old, new], schema=SCHEMA)


def _changed(
    before: _Side,
    after: _Side,
    there: NDArray[np.int64],
    here: NDArray[np.int64],
    other: NDArray[np.bool_],
    columns: Sequence[str],
) -> pa.Table:
    ends = np.concatenate([[0], np.cumsum(other.sum(axis=1))]).astype(np.int32)
    names = pa.array(list(columns), pa.string()).take(pa.array(np.nonzero(other)[1]))
    values: list[Any] = [after.names.take(pa.array(here)), _said("changed", len(here))]
    values += [pa.ListArray.from_arrays(ends, names)]
    values += [before.split.take(pa.array(there)), after.split.take(pa.array(here))]
    return pa.table(values, schema=SCHEMA)


def _said(change: str, rows: int) -> pa.Array:
    return pa.array([change], pa.string()).take(pa.array(np.zeros(rows, np.int64)))


def _differ(left: pa.Array, right: pa.Array) -> NDArray[np.bool_]:
    return np.asarray(pc.not_equal(left, right))


def _flat(column: pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
