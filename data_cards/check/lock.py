"""Whether the lock is the one that the run wrote, and the data files are those that it names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from curation.decisions import read as read_decisions
from curation.derive import Remembered
from curation.errors import UsageError
from curation.files import sha256
from curation.pipeline import digest
from curation.run import LOCK, Run, describe


def faults(run: Run, lock: Mapping[str, Any], known: Remembered | None, stated: str | None) -> Iterator[str]:
    """The lock against its own digest, where that is written down.

    Args:
        stated: the digest that people wrote down at sign-off.
    """
    found = sha256(run.folder / LOCK)
    if stated is not None and found != stated.strip().lower():
        yield f"{LOCK}: its SHA-256 is {found}, not the one that was written down"
    if known and known.lock and found != known.lock:
        yield f"{LOCK}: not the lock that the run wrote"
    decided = lock.get("decisions")
    if known and isinstance(decided, Mapping) and "sha256" in decided:
        yield from _decisions(run, decided)


def files(run: Path, lock: Mapping[str, Any]) -> Iterator[str]:
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


def totals(measured: Mapping[str, Any], lock: Mapping[str, Any]) -> Iterator[str]:
    """The counts in the lock against those of data and ledger."""
    counted = {**(measured["records"] or {}), "kept": measured["published"]["records"]}
    for fate, stated in sorted(lock["records"].items()):
        known = fate == "kept" or measured["records"] is not None  # a copy may be without what is not kept
        if known and counted.get(fate) != stated:
            yield f"{LOCK}: records.{fate} is {stated}, counted {counted.get(fate)}"


def _decisions(run: Run, stated: Mapping[str, Any]) -> Iterator[str]:
    """The decisions that the run knew, kept beside it, against their digest in the lock."""
    try:
        said = read_decisions(run.decided, needed=False)
    except UsageError as error:
        yield str(error)
        return
    found = digest([one.model_dump(mode="json") for one in said]) if said else None
    if found != stated["sha256"]:
        yield f"{run.decided.name}: not the decisions that the run used"
