"""Whether data, ledger and findings are what the run's partitions give: derived again by the code that
published them, and compared; where the partitions are gone, whether the three agree with each other."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from curation import parquet, records
from curation.derive import Remembered, derive
from curation.files import sha256
from curation.pipeline import PACKAGES, versions
from curation.run import LOCK, Run
from data_cards.columns import group_counts, tables, value_counts

GONE = (
    "partitions: gone or damaged, so the texts in data/ could not be derived again: data, ledger and "
    "findings were only compared with each other; govtune curate makes them anew"
)


def faults(run: Run, lock: Mapping[str, Any], known: Remembered | None, notes: list[str]) -> Iterator[str]:
    """What is not as the partitions say.

    Args:
        notes: takes what could not be looked at.
    """
    yield from columns(run, lock)
    with tempfile.TemporaryDirectory(prefix="govtune-check-") as folder:
        made = derive(run, known, Path(folder)) if known else None
        if made is None:
            notes.append(GONE)
            yield from ids(run)
            yield from _ledger(run)
            return
        same_writer = lock["packages"].get("pyarrow") == versions(PACKAGES)["pyarrow"]
        for name, right, stated in (
            ("data", made.folder / "run" / "data", run.folder / "data"),
            ("ledger", made.folder / "ledger", run.private / "ledger"),
            ("pii", made.folder / "pii", run.private / "pii"),
        ):
            yield from _compare(name, right, stated, same_writer)
        counted = Counter[str]()
        for fate, _, _, number in made.published.fates:
            counted[fate] += number
        for fate, said in sorted(lock["records"].items()):
            if counted[fate] != said:
                yield f"{LOCK}: records.{fate} is {said}, the partitions hold {counted[fate]}"


def columns(run: Run, lock: Mapping[str, Any]) -> Iterator[str]:
    """Nothing but the columns that may be published, whatever fields the lock claims for its recipe."""
    allowed = set(records.public_schema(lock["recipe"]["fields"]).names)
    allowed -= {*records.PRIVATE.names, *records.FATE.names}
    for path in run.data:
        with parquet.opened(path) as file:
            names = file.schema_arrow.names
        for name in names:
            if name not in allowed:
                yield f"data/{path.name}: column {name} may not be published"


def ids(run: Run) -> Iterator[str]:
    """Each record is published once."""
    if twice := sum(times > 1 for times in value_counts(run.data, "id").values()):
        yield f"data: {twice} ids stand more than once"


def _compare(name: str, right: Path, stated: Path, same_writer: bool) -> Iterator[str]:
    """The Parquet files of two folders: by their bytes, and where these differ, by their values."""
    wanted, there = ({path.name for path in folder.glob("*")} for folder in (right, stated))
    for file in sorted(there - wanted):
        yield f"{name}/{file}: does not come from the run"
    for file in sorted(wanted - there):
        yield f"{name}/{file}: missing"
    for file in sorted(wanted & there):
        if sha256(right / file) == sha256(stated / file):
            continue
        found = list(_values(right / file, stated / file))
        if not found and same_writer:
            found = ["the rows are right but not as govtune writes them"]
        yield from (f"{name}/{file}: {problem}" for problem in found)


def _values(right: Path, stated: Path) -> Iterator[str]:
    """What differs between two files, never a value; a column at a time, so that memory stays bounded."""
    with parquet.opened(right) as wanted, parquet.opened(stated) as found:
        names = [schema.names for schema in (wanted.schema_arrow, found.schema_arrow)]
        if names[0] != names[1]:
            yield f"the columns are {', '.join(names[1])}, should be {', '.join(names[0])}"
            return
        rows = [int(file.metadata.num_rows) for file in (wanted, found)]
        if rows[0] != rows[1]:
            yield f"{rows[1]} rows, the partitions give {rows[0]}"
            return
        for name in names[0]:
            if differing := _differing(wanted, found, name):
                yield f"column {name} differs in {differing} rows from what the partitions give"


def _differing(wanted: pq.ParquetFile, found: pq.ParquetFile, name: str) -> int:
    right, stated = (file.read([name])[name].combine_chunks() for file in (wanted, found))
    if right.type != stated.type:
        return len(right)
    if right.equals(stated):
        return 0
    return sum(a != b for a, b in zip(right.to_pylist(), stated.to_pylist(), strict=True))


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
