"""A run's two folders: RUN, which may be published, and RUN.private, which may not.

RUN is a Hugging Face data set repository that `datasets.load_dataset(RUN)` reads by file names alone.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
import math
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel

from curation import ledger, parquet, records
from curation.errors import UnusableInputError, UsageError
from curation.files import canonical_json, sha256

if TYPE_CHECKING:
    from pandas import DataFrame

LOCK = "govtune.lock.json"
MANAGED = (
    "data",
    "figures",
    "README.md",
    "README.en.md",
    "README.zh-CN.md",
    "croissant.json",
    "lineage.jsonl",
    "metrics.json",
    "previous.json",
    "report.html",
)
"""What a run owns in its folder besides the lock; whatever else stands there is left alone."""

MANAGED_PRIVATE = ("ledger", "pii", "decided.jsonl", "report.html", "card.json")
"""The same in its private folder, as far as it is put in place with the run."""

KEPT = ("card.yaml", "card.json", "audit.jsonl")
"""What people said about the card, beside the run and in its private folder: a new run goes by it too."""

SHARD = 500_000
"""Records per file in `data/`."""

Card = Callable[[Path, Path], object]
"""Writes the card into a run folder: `card(run, private)`."""


@dataclasses.dataclass(frozen=True)
class Run:
    """A run by the path of its public folder.

    Attributes:
        aside: the private folder of a run that is not in place yet; else it lies beside the public one.
    """

    folder: Path
    aside: Path | None = None

    @classmethod
    def load(cls, path: Path | str) -> Run:
        """The finished run in a folder, to look at: `Run.load("run").funnel()`.

        Its published part alone is enough where a method does not say otherwise.

        Raises:
            UsageError: the folder is not a finished run.
        """
        run = cls(Path(path))
        run.lock()
        return run

    @property
    def private(self) -> Path:
        if self.aside:
            return self.aside
        folder = self.folder.resolve() if self.folder.name in ("", "..") else self.folder
        return folder.with_name(folder.name + ".private")

    @property
    def data(self) -> list[Path]:
        return sorted((self.folder / "data").glob("*.parquet"))

    @property
    def ledger(self) -> list[Path]:
        return sorted((self.private / "ledger").glob("*.parquet"))

    @property
    def decided(self) -> Path:
        """The decisions that the run knew; no file where there were none."""
        return self.private / "decided.jsonl"

    @property
    def findings(self) -> list[Path]:
        return sorted((self.private / "pii").glob("*.parquet"))

    def lock(self) -> dict[str, Any]:
        """The run's lock.

        Raises:
            UsageError: the folder is not a finished run.
        """
        return lock_in(self.folder, "lock/1", "run", "curate")

    def stages(self) -> list[str]:
        """Names of the stages that records went through, reading them first.

        Raises:
            UsageError: the folder is not a finished run.
        """
        return ["ingest", *(name for stage in self.lock()["recipe"]["stages"] for name in stage)]

    def funnel(self) -> DataFrame:
        """What each stage did, in order.

        Returns:
            A row per stage: `stage`; `came_in`, `dropped`, `expanded`, `made`, `went_on`: records (`made` of
            those that were expanded); `reasons`: why records were dropped and how many, in words.

        Raises:
            UsageError: neither the ledger nor `metrics.json` is there.
        """
        from curation import frames

        return frames.funnel(self)

    def personal_data(self) -> DataFrame:
        """What was found in published records, the most frequent first.

        Returns:
            A row per type: `type`; `found`, `replaced`, `kept`: how often, `kept` by policy.

        Raises:
            UsageError: nothing looked for it, or neither the findings nor `metrics.json` are there.
        """
        from curation import frames

        return frames.personal_data(self)

    def dropped(self, reason: str | None = None) -> DataFrame:
        """Which records were dropped, or those for one reason. Needs the private folder.

        Returns:
            A row per record: `id`; `stage`, `reason`, `evidence`; `ref_id`, `relation`, `score`: the record
            it was compared with; `source`; `file`, `sheet`, `row`, `page`: where it came from.

        Raises:
            UsageError: there is no ledger, or no record was dropped for this reason.
        """
        from curation import frames

        return frames.dropped(self, reason)

    def trace(self, record: str) -> DataFrame:
        """A record's life. Needs the private folder.

        Returns:
            A row per event, in order: `stage`; `event`: read, made, passed, what was done with personal data,
            kept, dropped, expanded, duplicate_of, variant_of, published, stands for, became; `detail`;
            `record`: the other record it is about; `count`: findings; `score`: how alike the two are.

        Raises:
            UsageError: there is no ledger, or no such record.
        """
        from curation import frames

        return frames.trace(self, record)

    def diff(self, other: Run | Path | str) -> DataFrame:
        """What is published here and was not, or not so, in an older run.

        Returns:
            A row per record that differs: `id`; `change`: added, removed or changed; `columns`: names of
            those that differ, with commas between; `split_old`, `split_new`.

        Raises:
            UsageError: one of the two is not a finished run.
        """
        from curation import frames

        return frames.diff(self, other if isinstance(other, Run) else Run.load(other))

    def _repr_html_(self) -> str | None:
        from curation import frames

        return frames.html(self)

    def check_writable(self, inputs: Sequence[Path]) -> None:
        """Refuse to write over what is not a run, or into an input folder.

        Raises:
            UsageError: which of the two, in one line.
        """
        for path in inputs:
            if path.is_dir() and self.folder.resolve().is_relative_to(path.resolve()):
                raise UsageError(
                    f"{self.folder}: lies inside the input {path}, so a second run would read the first"
                )
        if self.folder.is_file():
            raise UsageError(f"{self.folder}: is a file; --output names a folder")
        ours = (self.folder / LOCK).exists() or (self.private / "partitions").exists()
        for folder in (self.folder, self.private):
            if folder.is_dir() and any(folder.iterdir()) and not ours:
                raise UsageError(f"{folder}: holds other files and is not a run; choose another --output")


def lock_in(folder: Path, schema: str, what: str, command: str) -> dict[str, Any]:
    """The lock in a folder.

    Args:
        what, command: what the folder should be, and the command that makes such.

    Raises:
        UsageError: there is no lock, or one of another schema.
    """
    try:
        lock = json.loads((folder / LOCK).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise UsageError(
            f"{folder}: not a finished {what} (no {LOCK}); make one with govtune {command}"
        ) from None
    if not isinstance(lock, dict) or lock.get("schema") != schema:
        raise UsageError(f"{folder}: {LOCK} is not of schema {schema}")
    return lock


@dataclasses.dataclass(frozen=True)
class Published:
    """Counts of what was published: records in all, by fate, variants among the kept, and personal data by
    type and action."""

    records: int
    fates: list[tuple[str, str | None, str | None, int]]
    variants: int
    findings: list[tuple[str, str, int]]


@contextlib.contextmanager
def workplace(run: Run) -> Iterator[Path]:
    """RUN.private for the length of one run: made (0700), held against a second run, and taken away again
    when it is new and the run came to nothing.

    Raises:
        UsageError: it cannot be written, or another run holds it.
    """
    private, new = run.private, not run.private.exists()
    try:
        private.parent.mkdir(parents=True, exist_ok=True)
        private.mkdir(mode=0o700, exist_ok=True)
        private.chmod(0o700)
        (private / "partitions").mkdir(exist_ok=True)
        held = (private / ".lock").open("w")
    except OSError as error:
        raise UsageError(f"{private}: cannot be written: {error.strerror}") from None
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        held.close()
        raise UsageError(f"{run.folder}: another run is writing it") from None
    try:
        yield private
    except UnusableInputError:
        if new:
            shutil.rmtree(private, ignore_errors=True)
        raise
    finally:
        held.close()


def publish(
    run: Run,
    parts: Callable[[list[str] | None], Iterator[pa.Table]],
    fields: Sequence[str],
    lock: dict[str, Any],
    decided: Sequence[BaseModel],
    card: Card | None,
) -> Published:
    """Write data, ledger, findings, lock and card aside, then put them in place; the lock comes last, so
    a folder with a lock is complete.

    Args:
        parts: `parts(columns)` streams the finished partitions, in order.
        fields: the recipe's own category fields.
        lock: all but the digests and counts, which are added here.
        decided: what people decided about records of this run.
    """
    staging = run.private / "staging"
    shutil.rmtree(staging, ignore_errors=True)
    published, files = write_tables(staging, parts, records.public_schema(fields))
    fates = Counter[str]()
    for fate, _, _, count in published.fates:
        fates[fate] += count
    lock = {
        **lock,
        "files": files,
        "records": {fate: fates[fate] for fate in ("kept", "dropped", "expanded")},
    }
    (staging / "run" / LOCK).write_text(canonical_json(lock), encoding="utf-8")
    if decided:
        lines = "".join(one.model_dump_json(by_alias=True) + "\n" for one in decided)
        (staging / "decided.jsonl").write_text(lines, encoding="utf-8")
    for name in KEPT:
        for old, new in ((run.folder, staging / "run"), (run.private, staging)):
            if (old / name).is_file():
                shutil.copyfile(old / name, new / name)
    if card:
        card(staging / "run", staging)
    _put_in_place(run, staging)
    return published


def write_tables(
    staging: Path, parts: Callable[[list[str] | None], Iterator[pa.Table]], public: pa.Schema
) -> tuple[Published, dict[str, dict[str, Any]]]:
    """Data, ledger and findings of finished partitions, under `run/data`, `ledger` and `pii` of a folder;
    with their counts, and the data files as the lock states them."""
    for name in ("run/data", "ledger", "pii"):
        (staging / name).mkdir(parents=True)
    totals = Counter[str]()
    for table in parts(["fate", "split"]):
        totals.update(_by_split(table))
    fates, spans = Counter[tuple[str, str | None, str | None]](), Counter[tuple[str, str]]()
    writers: dict[str, list[parquet.Writer]] = {}
    variants = 0
    with contextlib.ExitStack() as stack:

        def writer(path: Path, schema: pa.Schema) -> parquet.Writer:
            return stack.enter_context(parquet.writing(path, schema))

        entries = writer(staging / "ledger" / "part-00000.parquet", ledger.SCHEMA)
        findings = writer(staging / "pii" / "part-00000.parquet", ledger.FINDINGS)
        for split, total in sorted(totals.items()):
            count = math.ceil(total / SHARD)
            names = [f"{split}-{number:05d}-of-{count:05d}.parquet" for number in range(count)]
            writers[split] = [writer(staging / "run" / "data" / name, public) for name in names]
        for table in parts(None):
            rows, found = ledger.rows(table), ledger.findings(table)
            entries.write(rows)
            findings.write(found)
            fates.update({row[:3]: row[3] for row in ledger.counts(rows)})
            variants += rows["relation"].to_pylist().count("variant_of")
            spans.update(_by_action(found))
            living = table.filter(records.alive(table)).select(public.names)
            for split in _by_split(table):
                _write_shards(writers[split], living.filter(pc.equal(_split(living), split)))
    files = {
        f"data/{shard.path.name}": describe(shard.path) for shards in writers.values() for shard in shards
    }
    counted = sorted(((*fate, count) for fate, count in fates.items()), key=ledger.order)
    found_by_type = sorted((*key, count) for key, count in spans.items())
    return Published(entries.rows, counted, variants, found_by_type), files


def _write_shards(shards: Sequence[parquet.Writer], table: pa.Table) -> None:
    """Fill the shards one after the other, `SHARD` records each."""
    for shard in shards:
        room = min(SHARD - shard.rows, table.num_rows)
        if room:
            shard.write(table.slice(0, room))
            table = table.slice(room)


def _by_split(table: pa.Table) -> dict[str, int]:
    living = table.filter(records.alive(table))
    return {entry["values"]: entry["counts"] for entry in _split(living).value_counts().to_pylist()}


def _split(table: pa.Table) -> pa.ChunkedArray:
    return pc.fill_null(table["split"], "train")


def _by_action(findings: pa.Table) -> dict[tuple[str, str], int]:
    grouped = findings.group_by(["type", "action"]).aggregate([([], "count_all")])
    return {(row["type"], row["action"]): row["count_all"] for row in grouped.to_pylist()}


def describe(path: Path) -> dict[str, Any]:
    """Digest, size in bytes and number of rows of a data file, as the lock states them.

    Raises:
        InputError: it is not a readable Parquet file.
    """
    with parquet.opened(path) as file:
        rows = int(file.metadata.num_rows)
    return {"sha256": sha256(path), "bytes": path.stat().st_size, "rows": rows}


def _put_in_place(run: Run, staging: Path) -> None:
    (run.folder / LOCK).unlink(missing_ok=True)
    for name in MANAGED_PRIVATE:
        _replace(staging / name, run.private / name)
    if not run.folder.exists():
        run.folder.parent.mkdir(parents=True, exist_ok=True)
        (staging / "run").rename(run.folder)
    else:
        for name in (*MANAGED, LOCK):
            _replace(staging / "run" / name, run.folder / name)
    shutil.rmtree(staging)


def _replace(new: Path, old: Path) -> None:
    """Put a file or folder in the place of another; what has no successor goes."""
    if old.is_dir():
        shutil.rmtree(old)
    else:
        old.unlink(missing_ok=True)
    if new.exists():
        new.rename(old)
