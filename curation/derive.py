"""A run's data, ledger and findings once more, from its finished partitions and by the code that published
them: whoever edits the one without the other is found."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa

from curation import parquet, records
from curation.engine.partitions import Store
from curation.errors import InputError
from curation.pipeline import REVIEW
from curation.run import Published, Run, write_tables


@dataclasses.dataclass(frozen=True)
class Derived:
    """What a run's partitions give.

    Attributes:
        folder: holds `run/data`, `ledger` and `pii`.
        files: the data files, as the lock states them.
    """

    folder: Path
    published: Published
    files: dict[str, dict[str, Any]]


@dataclasses.dataclass(frozen=True)
class Remembered:
    """What a run wrote down about itself when it was put in place.

    Attributes:
        finished: keys of its finished partitions.
        lock: digest of the lock; None where an earlier version of govtune made the run.
    """

    finished: tuple[str, ...]
    lock: str | None


def remembered(run: Run) -> Remembered | None:
    """What the private folder tells of the finished run; None where it tells nothing."""
    try:
        said = orjson.loads((run.private / REVIEW).read_bytes())
        return Remembered(tuple(map(str, said["finished"])), said.get("lock"))
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def derive(run: Run, known: Remembered, folder: Path) -> Derived | None:
    """Write data, ledger and findings of a run into a folder, as `publish` did.

    Returns:
        None where a partition is gone, is damaged, or lacks a column that the lock's recipe names.
    """
    store = Store(run.private / "partitions")
    public = records.public_schema(run.lock()["recipe"]["fields"])

    def parts(columns: list[str] | None) -> Iterator[pa.Table]:
        return (store.read(key, columns) for key in known.finished)

    try:
        for key in known.finished:
            with parquet.opened(store.path(key)) as file:
                if not set(public.names) <= set(file.schema_arrow.names):
                    return None
        published, files = write_tables(folder, parts, public)
    except (OSError, InputError, pa.ArrowException):
        return None
    return Derived(folder, published, files)
