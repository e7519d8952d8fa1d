"""What is in a run, measured: every number of the card is computed here, from the published data and the
private ledger.

The metrics hold no record text and no file name of an input. What has no meaning for a run (personal data
where nothing looked for it) is null, never zero. What a record holds in its column `pii` stands flat in the
run's `pii/` as findings, one row per span; the metrics count them under `personal_data`.
"""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ValidationError

from curation import records
from curation.errors import InputError, UsageError
from curation.files import sha256
from curation.run import LOCK, Run, describe
from data_cards.columns import count, distribution, group_counts, tables, value_counts

SCHEMA = "metrics/1"

FROM_LEDGER = ("records", "funnel", "duplicates", "personal_data")
"""Keys of the metrics that need `RUN.private`; the others can be measured again on a published copy."""

SHARED_BY = 5
"""A label, category or source is named from this many records on, so that a column of free text never puts
one person's words on the card."""

_DATE = (
    r"^\s*(?P<year>(?:19|20)[0-9]{2})(?:\s*[-/.年]\s*(?P<month>1[0-2]|0?[1-9])"
    r"(?:\s*[-/.月]\s*(?P<day>3[01]|[12][0-9]|0?[1-9])(?:[^0-9]|$))?)?"
)
_COMPACT_DATE = (
    r"^\s*(?P<year>(?:19|20)[0-9]{2})(?P<month>1[0-2]|0[1-9])(?P<day>3[01]|[12][0-9]|0[1-9])(?:[^0-9]|$)"
)


class _LockedRecipe(BaseModel):
    name: str
    fields: list[str]
    stages: list[dict[str, Any]]


class _LockedInput(BaseModel):
    sha256: str
    bytes: int


class _Lock(BaseModel):
    """What the card reads of a lock; it may hold more."""

    govtune: str
    recipe: _LockedRecipe
    inputs: list[_LockedInput]
    packages: dict[str, str]
    key: str | None
    files: dict[str, dict[str, Any]]
    records: dict[str, int]


def measure(run: Run) -> dict[str, Any]:
    """All metrics of a run, as JSON data.

    Counts are exact. Lengths are in characters (Unicode code points); median and 95th percentile are
    lengths that occur (nearest rank); means are rounded to six significant digits.

    Raises:
        UsageError: `run` is not a finished run.
        InputError: a file of the run is missing or cannot be read.
    """
    return {**measure_published(run), **_measure_private(run)}


def measure_published(run: Run) -> dict[str, Any]:
    """The metrics that a published copy is enough for: all but `FROM_LEDGER`.

    Raises:
        UsageError, InputError: as `measure`.
    """
    lock = read_lock(run)
    files = run.data
    sizes = {path: _sizes(path) for path in files}
    splits = _splits(sizes)
    return {
        "schema": SCHEMA,
        "lock": {"sha256": sha256(run.folder / LOCK)},
        "inputs": {"files": len(lock["inputs"]), "bytes": sum(file["bytes"] for file in lock["inputs"])},
        "processing": _processing(lock),
        "files": {f"data/{path.name}": describe(path) for path in files},
        "splits": splits,
        "published": {
            unit: sum(split[unit] for split in splits.values()) for unit in ("records", "characters")
        },
        "lengths": {
            field: _length_statistics(_total(size.fields[field] for size in sizes.values()))
            for field in records.TEXT_FIELDS
        },
        "chat": _chat(sizes.values()),
        "kinds": {kind or "": number for kind, number in value_counts(files, "kind").items()},
        "generated": value_counts(files, "generated")[True],
        "labels": _labels(files),
        "fields": {
            field: distribution(value_counts(files, field), named_from=SHARED_BY)
            for field in lock["recipe"]["fields"]
        },
        "clusters": _clusters(value_counts(files, "cluster")),
        "time": _time_span(files),
        "licenses": distribution(value_counts(files, "license")),
        "sources": distribution(value_counts(files, "source"), named_from=SHARED_BY),
    }


def read_lock(run: Run) -> dict[str, Any]:
    """The lock of a run.

    Raises:
        UsageError: there is none, or it is not one of ours.
    """
    lock = run.lock()
    try:
        _Lock.model_validate(lock)
    except ValidationError:
        raise UsageError(f"{run.folder}: {LOCK} lacks what a card is made of") from None
    return lock


def stages(lock: Mapping[str, Any]) -> list[str]:
    """Names of a run's stages in their order; reading the input comes first."""
    return ["ingest", *(name for stage in lock["recipe"]["stages"] for name in stage)]


@dataclasses.dataclass(frozen=True)
class _Sizes:
    """How large the texts of some records are.

    Attributes:
        fields: per text field, how many texts have which length; length 0 is an empty or missing text.
        roles: the same of the messages of chat examples, per role.
        turns: how many chat examples have how many messages.
    """

    fields: dict[str, Counter[int]]
    roles: dict[str, Counter[int]]
    turns: Counter[int]

    @property
    def records(self) -> int:
        return sum(self.fields["text"].values())

    @property
    def characters(self) -> int:
        counters = (*self.fields.values(), *self.roles.values())
        return sum(length * times for counts in counters for length, times in counts.items())


def _sizes(path: Path) -> _Sizes:
    found = _Sizes({field: Counter() for field in records.TEXT_FIELDS}, {}, Counter())
    for table in tables([path], [*records.TEXT_FIELDS, "messages"]):
        for field, counts in found.fields.items():
            counts.update(count(pc.fill_null(pc.utf8_length(table[field]), 0)))
        messages = table["messages"].combine_chunks()
        found.turns.update(count(pc.list_value_length(messages.drop_null())))
        said = pc.list_flatten(messages)
        lengths = pa.table(
            {"role": said.field("role"), "length": pc.fill_null(pc.utf8_length(said.field("content")), 0)}
        )
        for (role, length), number in group_counts([lengths]).items():
            found.roles.setdefault(role or "", Counter())[length] += number
    return found


def _splits(sizes: Mapping[Path, _Sizes]) -> dict[str, dict[str, int]]:
    """Per split its records and the characters of all its texts."""
    splits: dict[str, dict[str, int]] = {}
    for path, size in sizes.items():
        name = path.name.partition("-")[0]
        split = splits.setdefault(name, {"records": 0, "characters": 0})
        split["records"] += size.records
        split["characters"] += size.characters
    return splits


def _chat(sizes: Iterable[_Sizes]) -> dict[str, Any] | None:
    """Chat examples: how many, messages per example, and lengths of the messages per role."""
    all_sizes = list(sizes)
    turns = _total(size.turns for size in all_sizes)
    if not turns:
        return None
    roles = sorted({role for size in all_sizes for role in size.roles})
    return {
        "examples": turns.total(),
        "messages": _length_statistics(turns),
        "roles": {
            role: _length_statistics(_total(size.roles.get(role, Counter()) for size in all_sizes))
            for role in roles
        },
    }


def _total(counters: Iterable[Counter[int]]) -> Counter[int]:
    return sum(counters, Counter())


def _length_statistics(counts: Counter[int]) -> dict[str, Any]:
    lengths = sorted(length for length in counts if length)
    if not lengths:
        return {"texts": 0, **dict.fromkeys(("min", "median", "mean", "p95", "max"))}
    cumulative = np.cumsum([counts[length] for length in lengths])
    texts = int(cumulative[-1])

    def percentile(share: float) -> int:
        return lengths[int(np.searchsorted(cumulative, math.ceil(share * texts)))]

    return {
        "texts": texts,
        "min": lengths[0],
        "median": percentile(0.5),
        "mean": float(f"{sum(length * counts[length] for length in lengths) / texts:.6g}"),
        "p95": percentile(0.95),
        "max": lengths[-1],
    }


def _labels(files: Sequence[Path]) -> dict[str, Any]:
    """Per scheme, in how many records a value holds, how often which value was given, by which method, and
    how often the labeller abstained."""
    given: dict[str, Counter[str]] = {}
    methods: dict[str, Counter[str]] = {}
    abstained: Counter[str] = Counter()
    labelled: Counter[str] = Counter()
    for table in map(_flat_labels, tables(files, ["labels"])):
        holding = table.filter(table["holds"]).select(["scheme", "row"])
        labelled.update(count(holding.group_by(["scheme", "row"]).aggregate([])["scheme"]))
        for (scheme, value, method, without, holds), number in group_counts(
            [table.drop_columns(["row"])]
        ).items():
            values = given.setdefault(scheme, Counter())
            by = methods.setdefault(scheme, Counter())
            if without:
                abstained[scheme] += number
            else:
                values[value] += number
            if holds:
                by[method] += number
    return {
        scheme: {
            **distribution(values, named_from=SHARED_BY),
            "records": labelled[scheme],
            "methods": dict(methods[scheme]),
            "abstained": abstained[scheme],
        }
        for scheme, values in given.items()
    }


def _flat_labels(table: pa.Table) -> pa.Table:
    """One row per label: of which row of the table it is, and whether it holds, a value and not abstained."""
    lists = table["labels"].combine_chunks()
    labels = pc.list_flatten(lists)
    value = pc.struct_field(labels, "value")
    abstained = pc.fill_null(pc.struct_field(labels, "abstained"), False)
    has_value = pc.fill_null(pc.not_equal(pc.utf8_trim_whitespace(value), ""), False)
    return pa.table(
        {
            "scheme": pc.fill_null(pc.struct_field(labels, "scheme"), ""),
            "value": value,
            "method": pc.fill_null(pc.struct_field(labels, "method"), ""),
            "abstained": abstained,
            "holds": pc.and_not(has_value, abstained),
            "row": pc.list_parent_indices(lists),
        }
    )


def _clusters(sizes: Counter[str | None]) -> dict[str, int]:
    """Clusters of similar records among the published; one without a cluster is a cluster by itself."""
    alone = sizes.pop(None, 0)
    return {
        "number": len(sizes) + alone,
        "largest": max([*sizes.values(), min(alone, 1)]),
        "records_in_shared": sum(size for size in sizes.values() if size > 1),
    }


def _time_span(files: Sequence[Path]) -> dict[str, Any]:
    """First and last `original_time`, as exact as it was written, and records per year."""
    dates = value_counts(files, "original_time", _iso_date)
    unreadable = dates.pop(None, 0)
    missing = value_counts(files, "original_time", pc.is_null)[True]
    years: Counter[str] = Counter()
    for date, number in dates.items():
        years[date[:4]] += number
    return {
        "first": min(dates, default=None),
        "last": max(dates, default=None),
        "by_year": dict(years),
        "unreadable": unreadable - missing,
        "missing": missing,
    }


def _iso_date(written: pa.Array) -> pa.Array:
    """`2024`, `2024-03` or `2024-03-05` of what begins with such a date, else null."""
    parts = pc.coalesce(pc.extract_regex(written, _COMPACT_DATE), pc.extract_regex(written, _DATE))
    iso = pc.struct_field(parts, "year")
    for name in ("month", "day"):
        part = pc.struct_field(parts, name)
        padded = pc.binary_join_element_wise(iso, pc.utf8_lpad(part, 2, "0"), "-")
        iso = pc.if_else(pc.equal(part, ""), iso, padded)
    return iso


def _processing(lock: Mapping[str, Any]) -> dict[str, Any]:
    ran = stages(lock)
    replacement = "surrogate" if lock["key"] else "placeholder"
    return {
        "screened": "screen" in ran,
        "deduplicated": "deduplicate" in ran,
        "anonymised": "anonymise" in ran,
        "replacement": replacement if "anonymise" in ran else None,
    }


def _measure_private(run: Run) -> dict[str, Any]:
    lock = read_lock(run)
    ledger = _present(run.ledger, "ledger")
    ran = _processing(lock)
    return {
        "records": _records(ledger),
        "funnel": _funnel(ledger, stages(lock)),
        "duplicates": _duplicates(ledger) if ran["deduplicated"] else None,
        "personal_data": _personal_data(run, lock, ledger) if ran["anonymised"] else None,
    }


def _records(ledger: Sequence[Path]) -> dict[str, int]:
    """Records that came in, were made of others, and what became of them."""
    made = value_counts(ledger, "parent", pc.is_valid)
    fates = value_counts(ledger, "fate")
    return {
        "input": made[False],
        "made": made[True],
        **{fate: fates[fate] for fate in ("kept", "dropped", "expanded")},
    }


def _funnel(ledger: Sequence[Path], ran: Sequence[str]) -> dict[str, Any]:
    """Per stage: records dropped by reason, records expanded, records made of these."""
    funnel: dict[str, Any] = {stage: {"dropped": {}, "expanded": 0, "made": 0} for stage in ran}
    ends = group_counts(tables(ledger, ["fate", "stage", "reason"]))
    for (fate, stage, reason), number in ends.items():
        if fate == "kept":
            continue
        entry = funnel.setdefault(stage or "", {"dropped": {}, "expanded": 0, "made": 0})
        if fate == "dropped":
            entry["dropped"][reason or ""] = number
        else:
            entry["expanded"] += number
    for stage, number in _made(ledger).items():
        funnel[stage]["made"] += number
    return funnel


def _made(ledger: Sequence[Path]) -> Counter[str]:
    """Children per stage that made them."""
    stage_of: dict[str, str] = {}
    for part in tables(ledger, ["id", "fate", "stage"]):
        expanded = _where(part, fate="expanded")
        stage_of.update(zip(expanded["id"].to_pylist(), expanded["stage"].to_pylist(), strict=True))
    parents, stage = pa.array(stage_of, pa.string()), pa.array(stage_of.values(), pa.string())
    made = value_counts(ledger, "parent", lambda parent: stage.take(pc.index_in(parent, parents)))
    del made[None]
    return made


def _duplicates(ledger: Sequence[Path]) -> dict[str, int]:
    reasons = value_counts(ledger, "reason")
    copies: Counter[str] = Counter()
    variants = 0
    for part in tables(ledger, ["fate", "relation", "ref_id"]):
        copies.update(count(_where(part, fate="dropped", relation="duplicate_of")["ref_id"]))
        varying = _where(part, relation="variant_of")
        variants += varying.num_rows - _where(varying, fate="dropped").num_rows
    return {
        "exact": reasons["exact_duplicate"],
        "near": reasons["near_duplicate"],
        "groups": len(copies),
        "largest_group": max(copies.values()) + 1 if copies else 0,
        "variants": variants,
    }


def _personal_data(run: Run, lock: Mapping[str, Any], ledger: Sequence[Path]) -> dict[str, Any]:
    """Findings in published records by type; those in records dropped later are one number."""
    files = _present(run.findings, "pii")
    total = {"found": 0, "replaced": 0, "kept": 0}
    by_type: dict[str, dict[str, int]] = {}
    elsewhere = 0
    for (published, kind, action), number in group_counts(tables(files, ["kept", "type", "action"])).items():
        if not published:
            elsewhere += number
            continue
        for counts in (total, by_type.setdefault(kind, {"found": 0, "replaced": 0, "kept": 0})):
            counts["found"] += number
            counts["kept" if action == "keep" else "replaced"] += number
    touched: set[str] = set()
    changed: set[str] = set()
    for part in tables(files, ["id", "kept", "action"]):
        part = _where(part, kept=True)
        touched.update(part["id"].unique().to_pylist())
        changed.update(part.filter(pc.not_equal(part["action"], "keep"))["id"].unique().to_pylist())
    return {
        **total,
        "by_type": by_type,
        "records_with_findings": len(touched),
        "records_changed": len(changed),
        "found_in_dropped_records": elsewhere,
        "held_for_review": _held(lock, ledger),
    }


def _held(lock: Mapping[str, Any], ledger: Sequence[Path]) -> int | None:
    """Records in which a second look suspected something left; null where there was none."""
    options = {name: said for stage in lock["recipe"]["stages"] for name, said in stage.items()}
    if options["anonymise"].get("residual", "none") == "none":
        return None
    return sum(
        int(_where(part, stage="anonymise", reason="review").num_rows)
        for part in tables(ledger, ["stage", "reason"])
    )


def _where(table: pa.Table, **values: Any) -> pa.Table:
    for column, value in values.items():
        table = table.filter(pc.equal(table[column], value))
    return table


def _present(files: list[Path], folder: str) -> list[Path]:
    if not files:
        raise InputError("is missing", file=folder)
    return files
