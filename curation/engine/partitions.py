"""What one worker does: read a unit of input into partitions, or run a pass over one partition.

Every finished partition is a file under a key made of all that decides its content, so work that was done
is found again: by a run that was killed, by a run with other workers, by a run after a small change.
"""

from __future__ import annotations

import dataclasses
import json
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from curation import ingest, parquet, records
from curation.files import whole_file
from curation.ingest.files import Unit
from curation.stage import ContractError, Exchange, Expand, Stage, run, run_exchange, run_expand

READERS = 1
"""Version of what the readers give; part of every cache key."""


@dataclasses.dataclass(frozen=True)
class Part:
    """A partition: its key in the store and its number of records."""

    key: str
    rows: int


class Store:
    """Finished partitions by key: the `records`, and the `keys` of an exchange. Whole files or none."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, key: str, what: str = "records") -> Path:
        return self.folder / f"{key}.{what}.parquet"

    def read(self, key: str, columns: list[str] | None = None, what: str = "records") -> pa.Table:
        return parquet.read(self.path(key, what), columns)

    def write(self, key: str, table: pa.Table, what: str = "records") -> None:
        parquet.write(table, self.path(key, what))

    def find(self, key: str) -> Part | None:
        """The finished partition; one that a crash of the machine has damaged counts as missing."""
        try:
            return Part(key, parquet.rows(self.path(key)))
        except (OSError, pa.ArrowInvalid):
            return None

    def keep_only(self, used: set[str]) -> None:
        """Remove what the finished run did not need, and what killed runs left half written."""
        for path in self.folder.iterdir():
            if path.name.partition(".")[0].partition("-")[0] not in used:
                path.unlink(missing_ok=True)


@dataclasses.dataclass(frozen=True)
class Segment:
    """What runs in one pass: an exchange's verdict first, row-wise stages, the next exchange's keys last.

    Attributes:
        prints: fingerprints of the stages in this order.
    """

    opening: Exchange | None
    stages: tuple[Stage, ...]
    closing: Exchange | None
    prints: tuple[str, ...]

    @property
    def name(self) -> str:
        names = [stage.name for stage in (self.opening, *self.stages) if stage]
        return " + ".join(names) or "identify"


@dataclasses.dataclass(frozen=True)
class ReadTask:
    """Read one unit of the input."""

    key: str
    store: Store
    unit: Unit
    settings: ingest.Settings


@dataclasses.dataclass(frozen=True)
class PassTask:
    """Run one segment over one partition.

    Attributes:
        repeated: ids that stand more than once in the input; None when the ids are settled.
        verdict: what the opening exchange said about this partition's records.
    """

    key: str
    store: Store
    part: Part
    segment: Segment
    repeated: pa.Array | None
    verdict: pa.Table | None


@dataclasses.dataclass(frozen=True)
class Done:
    """The partitions of a task, the CPU seconds by stage, and whether they were there already."""

    parts: list[Part]
    seconds: dict[str, float]
    reused: bool


def read_unit(task: ReadTask) -> Done:
    """Read a unit into partitions with the extra column `own_id`."""
    listing = task.store.folder / f"{task.key}.json"
    if listing.exists():
        found = [task.store.find(key) for key in json.loads(listing.read_text())]
        if all(found):
            return Done([part for part in found if part], {}, True)
    started = time.process_time()
    parts = []
    for number, table in enumerate(ingest.read(task.unit, task.settings)):
        key = f"{task.key}-{number:05d}"
        task.store.write(key, table)
        parts.append(Part(key, table.num_rows))
    with whole_file(listing) as unfinished:
        unfinished.write_text(json.dumps([part.key for part in parts]))
    return Done(parts, {"ingest": time.process_time() - started}, False)


def run_pass(task: PassTask) -> Done:
    """Run a segment over a partition; the keys of the closing exchange are written before the records."""
    if found := task.store.find(task.key):
        return Done([found], {}, True)
    seconds: dict[str, float] = {}
    started = time.process_time()

    def spent(name: str) -> None:
        nonlocal started
        now = time.process_time()
        seconds[name] = seconds.get(name, 0.0) + now - started
        started = now

    segment, table = task.segment, task.store.read(task.part.key)
    if task.repeated is not None:
        table = settle_ids(table, task.repeated)
    spent("engine")
    ready = iter(
        [_ready(stage, print_) for stage, print_ in zip(_stages(segment), segment.prints, strict=True)]
    )
    if segment.opening:
        opening = next(ready)
        assert isinstance(opening, Exchange) and task.verdict is not None
        table = run_exchange(opening, table, task.verdict)
        spent(opening.name)
    for _ in segment.stages:
        stage = next(ready)
        table = run_expand(stage, table) if isinstance(stage, Expand) else run(stage, table)
        spent(stage.name)
    if segment.closing:
        closing = next(ready)
        assert isinstance(closing, Exchange)
        living = table.filter(records.alive(table)).combine_chunks()
        keys = closing.keys(living)
        if keys.num_rows != living.num_rows or not keys["id"].equals(living["id"]):
            raise ContractError(f"stage {closing.name} did not give one key per living record")
        task.store.write(task.key, keys, "keys")
        spent(closing.name)
    task.store.write(task.key, table)
    spent("engine")
    return Done([Part(task.key, table.num_rows)], seconds, False)


def settle_ids(table: pa.Table, repeated: pa.Array) -> pa.Table:
    """A record keeps the input's own id where that is unique in the run, else its digest; `own_id` goes."""
    own = table["own_id"]
    unique = pc.and_(pc.is_valid(own), pc.invert(pc.is_in(own, repeated)))
    table = records.with_columns(table, {"id": pc.if_else(unique, own, table["id"])})
    return table.drop_columns("own_id").combine_chunks()


_setups: dict[str, Stage] = {}
"""Stages that this worker has set up, by fingerprint."""


def _ready(stage: Stage, print_: str) -> Stage:
    if print_ not in _setups:
        stage.setup()
        _setups[print_] = stage
    return _setups[print_]


def _stages(segment: Segment) -> list[Stage]:
    return [stage for stage in (segment.opening, *segment.stages, segment.closing) if stage]
