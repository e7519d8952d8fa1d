"""What changed between two versions of a data set: by record, by distribution, by figure.

Records are compared by content (`curation.versions`); distributions by the Jensen-Shannon divergence of
their shares, 0 for equal and 1 for nothing in common. No text of a record is told.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from curation import versions
from data_cards.columns import group_counts
from data_cards.dataset import Dataset, open_folder
from data_cards.metrics import CLUSTER_EDGES, LENGTH_EDGES, SCHEMA
from data_cards.options import Options
from data_cards.outputs import METRICS, gather

MISSING, OTHERS = "(missing)", "(others)"
"""In a distribution: records without a value, and values that are not named."""

_DISTRIBUTIONS = ("document_types", "regions", "issuers", "licenses", "sources")
_BY_VALUE = (*_DISTRIBUTIONS, "labels", "fields", "kinds", "splits", "columns", "files", "time")
"""Metrics that are compared as distributions, or are told by records and columns already."""

_LINES = 40
"""Of the text output, at most."""


@dataclasses.dataclass(frozen=True)
class Records:
    """Records of two versions.

    Attributes:
        by_column: in how many of the changed ones a column differs.
        moves: (split before, split now, records) of those that moved.
        by_id: False where records have no ids and were told apart by content.
    """

    old: int
    new: int
    added: int
    removed: int
    changed: int
    by_column: dict[str, int]
    moves: list[tuple[str, str, int]]
    by_id: bool

    @property
    def same(self) -> int:
        return self.new - self.added - self.changed


@dataclasses.dataclass(frozen=True)
class Shift:
    """A distribution in two versions: shares of the records by value."""

    key: str
    old: dict[str, float]
    new: dict[str, float]
    divergence: float


@dataclasses.dataclass(frozen=True)
class Figure:
    """A figure that is another now; null where it was not measured."""

    key: str
    old: float | str | bool | None
    new: float | str | bool | None


@dataclasses.dataclass(frozen=True)
class Difference:
    """Two versions beside each other.

    Attributes:
        labels: by scheme, records by value before and value now, of records that stand in both.
        shifts: all distributions that both have, the most different first.
        personal_data: figures of personal data that are others.
        columns_added, columns_removed: of the data files.
    """

    records: Records
    labels: dict[str, list[tuple[str, str, int]]]
    shifts: list[Shift]
    figures: list[Figure]
    personal_data: list[Figure]
    columns_added: list[str]
    columns_removed: list[str]

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return dataclasses.asdict(self)


def diff(old: Path, new: Path, options: Options | None = None) -> Difference:
    """Compare two versions: runs, published copies, or folders that are no runs.

    Args:
        options: how a folder that is no run is read.

    Raises:
        UsageError, InputError: a folder is no data set, or a file cannot be read.
    """
    options = options or Options()
    before, after = (open_folder(folder, options) for folder in (old, new))
    earlier, later = (_metrics(each, options) for each in (before, after))
    sides = [_version(each) for each in (before, after)]
    figures = list(_figures(earlier, later))
    return Difference(
        _records(versions.differences(sides[0], sides[1]), sides, earlier, later),
        _transitions(before, after, sides),
        shifts(earlier, later),
        [each for each in figures if not each.key.startswith("pii.")],
        [each for each in figures if each.key.startswith("pii.")],
        sorted(set(sides[1].columns) - set(sides[0].columns)),
        sorted(set(sides[0].columns) - set(sides[1].columns)),
    )


def shifts(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Shift]:
    """The distributions that two metrics have in common, the most different first."""
    before, after = dict(_distributions(old)), dict(_distributions(new))
    found = []
    for key in sorted(before.keys() & after.keys()):
        was, now = _shares(before[key]), _shares(after[key])
        if was and now:
            found.append(Shift(key, was, now, divergence(was, now)))
    return sorted(found, key=lambda shift: (-shift.divergence, shift.key))


def divergence(old: Mapping[str, float], new: Mapping[str, float]) -> float:
    """Jensen-Shannon divergence, base 2 (Lin 1991, IEEE Trans. Inf. Theory 37, 145-151)."""
    total = 0.0
    for value in sorted(old.keys() | new.keys()):
        p, q = old.get(value, 0.0), new.get(value, 0.0)
        middle = (p + q) / 2
        total += sum(share / 2 * math.log2(share / middle) for share in (p, q) if share)
    return float(f"{min(max(total, 0.0), 1.0):.6g}")


def _metrics(dataset: Dataset, options: Options) -> Mapping[str, Any]:
    """What the folder's metrics.json says; measured now where there is none of this schema."""
    try:
        stated = orjson.loads((dataset.folder / METRICS).read_bytes())
    except (OSError, orjson.JSONDecodeError):
        stated = None
    if isinstance(stated, dict) and stated.get("schema") == SCHEMA:
        return stated
    return gather(dataset, options).metrics


def _version(dataset: Dataset) -> versions.Version:
    if dataset.run:
        return versions.of_run(dataset.run)
    names = tuple(dataset.schema.names)

    def tables(columns: Any, split: str) -> Iterable[pa.Table]:
        return dataset.tables(columns, split)

    return versions.Version(names, tuple(dataset.files), tables, "id" if "id" in names else None)


def _records(
    found: pa.Table, sides: list[versions.Version], old: Mapping[str, Any], new: Mapping[str, Any]
) -> Records:
    number = dict.fromkeys(("added", "removed", "changed"), 0) | {
        change: times for (change,), times in group_counts([found.select(["change"])]).items()
    }
    columns = group_counts([pa.table({"column": pc.list_flatten(found["columns"])})])
    changed = found.filter(pc.equal(found["change"], "changed"))
    moved = changed.filter(pc.not_equal(changed["split_old"], changed["split_new"]))
    moves = group_counts([moved.select(["split_old", "split_new"])])
    return Records(
        old["published"]["records"],
        new["published"]["records"],
        **number,
        by_column={name: times for (name,), times in sorted(columns.items())},
        moves=sorted((*pair, times) for pair, times in moves.items()),
        by_id=all(side.id for side in sides),
    )


def _transitions(
    before: Dataset, after: Dataset, sides: list[versions.Version]
) -> dict[str, list[tuple[str, str, int]]]:
    """Per scheme, value before and value now of the records in both; equal ones are left out."""
    if not all(side.id for side in sides):
        return {}
    old, new = (_labels(each) for each in (before, after))
    joined = old.join(new, keys=["id", "scheme"], join_type="full outer", right_suffix="_new")
    both = joined.filter(
        pc.and_(
            pc.is_in(joined["id"], old["id"].combine_chunks()),
            pc.is_in(joined["id"], new["id"].combine_chunks()),
        )
    )
    both = both.select(["scheme", "value", "value_new"])
    counts = group_counts([both])
    found: dict[str, list[tuple[str, str, int]]] = {}
    for (scheme, was, now), times in sorted(counts.items(), key=lambda item: tuple(map(str, item[0]))):
        if was != now:
            found.setdefault(scheme, []).append((was or MISSING, now or MISSING, times))
    return found


def _labels(dataset: Dataset) -> pa.Table:
    """The first value that holds of each record and scheme, as `id`, `scheme`, `value`."""
    schema = pa.schema([("id", pa.string()), ("scheme", pa.string()), ("value", pa.string())])
    parts = [schema.empty_table()]
    if dataset.run:
        for table in dataset.tables(["id", "labels"]):
            lists = table["labels"].combine_chunks()
            labels, rows = pc.list_flatten(lists), pc.list_parent_indices(lists)
            flat = pa.table(
                {
                    "id": table["id"].combine_chunks().take(rows),
                    "scheme": pc.fill_null(pc.struct_field(labels, "scheme"), ""),
                    "value": pc.struct_field(labels, "value"),
                }
            )
            holds = pc.and_not(
                pc.is_valid(flat["value"]), pc.fill_null(pc.struct_field(labels, "abstained"), False)
            )
            parts.append(flat.filter(holds))
    else:
        for field in dataset.label_fields:
            for table in dataset.tables(["id", field]):
                named = table.rename_columns(["id", "value"])
                scheme = pa.array([field] * table.num_rows, pa.string())
                parts.append(named.append_column("scheme", scheme).select(schema.names).cast(schema))
    joined = pa.concat_tables(parts).combine_chunks()
    first = joined.group_by(["id", "scheme"], use_threads=False).aggregate([("value", "first")])
    return first.rename_columns({"value_first": "value"}).select(schema.names)


def _distributions(metrics: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, int]]]:
    """Every spread of records or texts over values, with the counts."""
    named = {key: metrics.get(key) for key in _DISTRIBUTIONS}
    named |= {
        f"{group}.{name}": each for group in ("labels", "fields") for name, each in metrics[group].items()
    }
    for key, spread in named.items():
        if spread:
            counts = dict(spread["values"])
            counts |= {OTHERS: spread["others"]["records"], MISSING: spread["missing"]}
            yield key, counts
    for field, lengths in metrics["lengths"].items():
        if lengths.get("classes"):
            yield f"lengths.{field}", _classes(LENGTH_EDGES, lengths["classes"])
    yield "splits", {name: split["records"] for name, split in metrics["splits"].items()}
    if metrics.get("kinds"):
        yield "kinds", dict(metrics["kinds"])
    if metrics.get("time"):
        yield "time.by_year", dict(metrics["time"]["by_year"])
    if metrics.get("clusters") and metrics["clusters"].get("sizes"):
        yield "clusters.sizes", _classes(CLUSTER_EDGES, metrics["clusters"]["sizes"])


def _classes(edges: Sequence[int], counts: Sequence[int]) -> dict[str, int]:
    """Counts by class, named by its lower edge."""
    return {f">={edge}": times for edge, times in zip(edges, counts, strict=True)}


def _shares(counts: Mapping[str, int]) -> dict[str, float]:
    total = sum(counts.values())
    return {value: times / total for value, times in sorted(counts.items()) if times} if total else {}


def _figures(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Figure]:
    """Single figures that are others now; digests and what is told elsewhere are left out."""
    before, after = dict(_single(old)), dict(_single(new))
    for key in sorted(before.keys() | after.keys()):
        top = key.partition(".")[0]
        if before.get(key) != after.get(key) and top not in (*_BY_VALUE, "lock", "unmeasured"):
            yield Figure(key, before.get(key), after.get(key))


def _single(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for name in value:
            yield from _single(value[name], f"{path}.{name}" if path else name)
    elif not isinstance(value, list):
        yield path, value
