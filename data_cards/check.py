"""Whether a run is what its card says: every number and digest computed again and compared.

An edit by hand of the card, the metrics, the data or the ledger is found even where the lock was patched to
match, because nothing is believed that can be measured.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson
import pyarrow.compute as pc

from curation import parquet, records
from curation.errors import InputError
from curation.files import canonical_json
from curation.run import LOCK, Run, describe
from data_cards.card import CARD, METRICS, render
from data_cards.columns import group_counts, tables, value_counts
from data_cards.measure import FROM_LEDGER, SCHEMA, measure, measure_published, read_lock


@dataclasses.dataclass(frozen=True)
class CheckResult:
    """What is wrong, one line each, and what could not be looked at."""

    problems: list[str]
    notes: list[str]


def check(run: Path, private: Path | None) -> CheckResult:
    """Compare a run with its lock, its metrics and its card.

    Args:
        private: the run's private folder, or None for a published copy: what comes from the ledger is then
            taken from `metrics.json` unchecked, and a note says so.

    Raises:
        UsageError: `run` is not a run folder.
    """
    published = Run(run, private)
    lock = read_lock(published)
    notes = []
    if private is None:
        notes.append(f"no private folder: {', '.join(FROM_LEDGER)} could not be computed again")
    try:
        problems = [*_files(run, lock), *_columns(published, lock), *_ids(published)]
        if private:
            problems += _ledger(published)
        measured = measure(published) if private else measure_published(published)
    except InputError as error:
        return CheckResult([str(error)], notes)
    try:
        stated = orjson.loads((run / METRICS).read_bytes())
    except (OSError, orjson.JSONDecodeError):
        stated = None
    if not isinstance(stated, dict):
        return CheckResult([*problems, f"{METRICS}: missing or not a JSON object"], notes)
    if private is None:
        measured |= {key: stated.get(key) for key in FROM_LEDGER}
        counted = stated.get("records")  # the lock knows the fates even so
        measured["records"] = {**(counted if isinstance(counted, Mapping) else {}), **lock["records"]}
    problems += _totals(measured, lock)
    problems += _metrics(run, stated, measured)
    problems += _card(run, measured, lock)
    return CheckResult(problems, notes)


def _files(run: Path, lock: Mapping[str, Any]) -> Iterator[str]:
    """Data files against the lock: which, and what is in them."""
    there = {path.relative_to(run).as_posix() for path in (run / "data").rglob("*") if path.is_file()}
    for name in sorted(there - set(lock["files"])):
        yield f"{name}: not in the lock"
    for name, stated in sorted(lock["files"].items()):
        if name not in there:
            yield f"{name}: in the lock but missing"
            continue
        for key, value in describe(run / name).items():
            if stated.get(key) != value:
                yield f"{name}: {key} is {value}, the lock says {stated.get(key)}"


def _columns(run: Run, lock: Mapping[str, Any]) -> Iterator[str]:
    """Nothing but the columns that may be published, whatever fields the lock claims for its recipe."""
    allowed = set(records.public_schema(lock["recipe"]["fields"]).names)
    allowed -= {*records.PRIVATE.names, *records.FATE.names}
    for path in run.data:
        with parquet.opened(path) as file:
            names = file.schema_arrow.names
        for name in names:
            if name not in allowed:
                yield f"data/{path.name}: column {name} may not be published"


def _ids(run: Run) -> Iterator[str]:
    """Each record is published once."""
    if twice := sum(times > 1 for times in value_counts(run.data, "id").values()):
        yield f"data: {twice} ids stand more than once"


def _ledger(run: Run) -> Iterator[str]:
    """Exactly the records that the ledger keeps are published, and the findings say the same of each."""
    published = value_counts(run.data, "id")
    known: Counter[str] = Counter()
    kept: set[str] = set()
    parents: set[str] = set()
    for part in tables(run.ledger, ["id", "parent", "fate"]):
        known.update(part["id"].to_pylist())
        living = part.filter(pc.equal(part["fate"], "kept"))
        kept.update(living["id"].to_pylist())
        parents.update(living["parent"].drop_null().to_pylist())
    if twice := sum(times > 1 for times in known.values()):
        yield f"ledger: {twice} ids stand more than once"
    if strangers := len(published.keys() - kept):
        yield f"data: {strangers} records are not kept by the ledger"
    if lost := len(kept - published.keys()):
        yield f"data: {lost} records that the ledger keeps are missing"
    found = group_counts(tables(run.findings, ["id", "kept"])).keys()
    if unknown := len({record for record, _ in found} - known.keys()):
        yield f"findings: {unknown} records are not in the ledger"
    shown = kept | parents  # what was found in a parent is published with what was made from it
    if contrary := len({record for record, said in found if record in known and said != (record in shown)}):
        yield f"findings: {contrary} records are kept in one and not in the other of findings and ledger"


def _totals(measured: Mapping[str, Any], lock: Mapping[str, Any]) -> Iterator[str]:
    """The counts in the lock against those of data and ledger."""
    counted = {**measured["records"], "kept": measured["published"]["records"]}
    for fate, stated in sorted(lock["records"].items()):
        if counted.get(fate) != stated:
            yield f"{LOCK}: records.{fate} is {stated}, counted {counted.get(fate)}"


def _metrics(run: Path, stated: Mapping[str, Any], measured: Mapping[str, Any]) -> Iterator[str]:
    """`metrics.json` against what was measured now, key by key."""
    old, new = dict(_leaves(stated)), dict(_leaves(measured))
    different = [key for key in sorted(old.keys() | new.keys()) if old.get(key) != new.get(key)]
    for key in different:
        yield f"{METRICS}: {key} is {old.get(key, 'absent')}, measured {new.get(key, 'absent')}"
    if not different and (run / METRICS).read_bytes() != canonical_json(measured).encode():
        yield f"{METRICS}: the values are right but not as govtune writes them"


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """The values that are not containers, as JSON, each with its dotted path; empty containers too."""
    if isinstance(value, Mapping) and value:
        for key in value:
            yield from _leaves(value[key], f"{path}.{key}" if path else key)
    else:
        yield path, json.dumps(value, ensure_ascii=False)


def _card(run: Path, metrics: Mapping[str, Any], lock: Mapping[str, Any]) -> Iterator[str]:
    """`README.md` against the same card rendered now, in the language it says it is in."""
    try:
        stated = (run / CARD).read_bytes().decode()
    except (OSError, UnicodeDecodeError):
        yield f"{CARD}: missing or not UTF-8"
        return
    mark = re.search(r"^<!-- govtune card (zh|en) -->$", stated, re.MULTILINE)
    if mark is None:
        yield f"{CARD}: not a card of govtune"
        return
    try:
        rendered = render(metrics, lock, mark[1])
    except (AttributeError, KeyError, TypeError, ValueError):
        yield f"{CARD}: cannot be compared, {METRICS} is not of schema {SCHEMA}"
        return
    if stated == rendered:
        return
    pairs = itertools.zip_longest(rendered.split("\n"), stated.split("\n"))
    for line, (right, found) in enumerate(pairs, 1):
        if right != found:
            yield f"{CARD}: line {line} should be: {right if right is not None else 'absent'}"
            return
