"""From input files to a run folder: read, run the recipe's stages partition by partition, publish.

Partitions are cut by the input alone, so the result depends neither on the number of workers nor on the
order of the files. Row-wise stages that follow each other are fused into one pass; an exchange ends a pass
with the keys of all records, decides once, and its verdict opens the next pass.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.metadata
import io
import json
import platform
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curation import ingest, records, shipped
from curation import recipe as recipes
from curation.decisions import NAME, Decision, Tally
from curation.decisions import read as read_decisions
from curation.engine.local import LocalEngine
from curation.engine.partitions import (
    READERS,
    Done,
    Part,
    PassTask,
    ReadTask,
    Segment,
    Store,
    read_unit,
    run_pass,
)
from curation.errors import InputError, UnusableInputError
from curation.files import canonical_json, sha256, whole_file
from curation.key import fingerprint as key_fingerprint
from curation.recipe import Recipe
from curation.run import LOCK, Card, Published, Run, publish, workplace
from curation.stage import ContractError, Exchange, Fetch, Stage, align

PACKAGES = ("govtune", "pyarrow", "numpy", "orjson", "openpyxl", "xlrd", "regex")
"""Distributions whose version joins every cache key, and the lock."""

REVIEW = "review.json"
"""Where a run tells what people may review, in its private folder; schema `review/1`."""


class Progress(Protocol):
    """Told when a phase begins and as its tasks finish; never told a record's text."""

    def __call__(self, phase: str, done: int, total: int) -> None: ...


def silent(phase: str, done: int, total: int) -> None:
    """No progress."""


@dataclasses.dataclass(frozen=True)
class Summary:
    """What a run did.

    Attributes:
        rows: records that came in; kept + dropped + expanded = rows + children.
        children: records that stages made.
        fates: (fate, stage, reason, count), kept first.
        variants: kept records that differ from a similar one in a number, a date or a document number.
        findings: personal data as (type, action, count).
        problems: what could not be used of the input.
        seconds: CPU seconds by stage, of what was computed anew.
        reused: tasks whose partitions an earlier or interrupted run had left, of all `tasks`.
        decisions: by stage, what became of people's decisions.
        notes: what stages had to say.
    """

    rows: int
    children: int
    fates: list[tuple[str, str | None, str | None, int]]
    variants: int
    findings: list[tuple[str, str, int]]
    problems: list[InputError]
    seconds: dict[str, float]
    reused: int
    tasks: int
    decisions: dict[str, Tally]
    notes: list[str]

    def lines(self) -> list[str]:
        """The run as text: rows in, fates by reason, personal data by type."""
        told = [f"{self.rows:>9,}  rows in"]
        if self.children:
            told.append(f"{self.children:>9,}  made by stages")
        for fate, stage, reason, count in self.fates:
            by = f" by {stage}: {reason}" if reason else f" by {stage}" if stage else ""
            told.append(f"{count:>9,}  {fate}{by}")
            if fate == "kept" and self.variants:
                told.append(f"{self.variants:>9,}    variants of another, kept")
        if self.findings:
            told.append(f"{sum(count for *_, count in self.findings):>9,}  personal data found")
        told += [f"{count:>9,}    {kind}, {action}" for kind, action, count in self.findings]
        told += [tally.line(stage) for stage, tally in self.decisions.items()]
        return told + self.notes


def curate(
    recipe: Recipe,
    inputs: Sequence[Path],
    output: Path,
    *,
    workers: int = 1,
    key: bytes | None = None,
    decisions: Path | None = None,
    strict: bool = False,
    card: Card | None = None,
    progress: Progress = silent,
) -> Summary:
    """Run a recipe over files and folders: `output` may be published, `output.private` may not.

    Args:
        workers: processes; the result is the same for any number.
        key: for consistent surrogates; without one, placeholders.
        decisions: what people decided; by default those of an earlier run to the same `output`.
        strict: the first file or row that cannot be used is an error.
        card: writes the card into the run before the run is put in place.

    Raises:
        UsageError: wrong usage, or not one readable record. Nothing is published then.
    """
    target = Run(output)
    files = ingest.find_inputs(inputs)
    target.check_writable(inputs)
    decided = target.private / NAME if decisions is None else decisions
    said = read_decisions(decided, needed=decisions is not None)
    stages = recipes.build(recipe, key=key, decisions=said)
    with LocalEngine(workers) as engine, workplace(target) as private:
        for stage in stages:
            if isinstance(stage, Exchange):
                stage.private = private
        work = _Passes(Store(private / "partitions"), engine, progress)
        parts = work.read(ingest.units(files), recipe.settings())
        rows, fated = sum(part.rows for part in parts), work.fated(parts)
        problems = ingest.problems(fated)
        if strict and problems:
            raise UnusableInputError(str(problems[0]))
        if fated.num_rows == rows:
            raise UnusableInputError(f"not one readable record: {problems[0]}")
        read: Sequence[Part] | None = None
        for segment in segments(stages):
            parts = work.run(segment, parts)
            if segment.closing and segment.closing.name == "anonymise":
                read = parts
        progress("publish", 0, 1)
        lock = _lock(recipe, files, stages, key, said)
        published = publish(target, work.stream(parts), recipe.fields, lock, said, card)
        own = len(said) if decided == target.private / NAME else 0
        _remember(target, read, parts, stages, own)
        progress("publish", 1, 1)
        work.store.keep_only(work.used)
    children = sum(part.rows for part in parts) - rows
    _account(published, rows + children)
    return Summary(
        rows,
        children,
        published.fates,
        published.variants,
        published.findings,
        problems,
        dict(work.seconds),
        work.reused,
        work.tasks,
        _tallies(stages),
        [note for stage in stages if isinstance(stage, Exchange) for note in stage.notes],
    )


def segments(stages: Sequence[Stage]) -> list[Segment]:
    """The stages cut into passes at the exchanges."""
    cut: list[Segment] = []
    opening: Exchange | None = None
    waiting: list[Stage] = []
    for stage in [*stages, None]:
        if stage is not None and not isinstance(stage, Exchange):
            waiting.append(stage)
            continue
        prints = tuple(fingerprint(each) for each in (opening, *waiting, stage) if each)
        cut.append(Segment(opening, tuple(waiting), stage, prints))
        opening, waiting = stage, []
    return cut


def fingerprint(stage: Stage) -> str:
    """Digest of all that decides a stage's results besides its input."""
    return digest(
        stage.name,
        stage.version,
        stage.options(),
        [sha256(path) for path in stage.files()],
        versions(stage.packages),
        key_fingerprint(stage.key),
    )


def versions(packages: Iterable[str]) -> dict[str, str]:
    """Installed versions of distributions, and of Python, whose Unicode tables decide too."""
    found = {name: importlib.metadata.version(name) for name in packages}
    return dict(sorted({**found, "python": platform.python_version()}.items()))


def digest(*values: Any) -> str:
    """32 hexadecimal digits of plain values."""
    text = json.dumps(values, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


class _Passes:
    """The passes of one run over the store, and what they cost."""

    def __init__(self, store: Store, engine: LocalEngine, progress: Progress) -> None:
        self.store, self.engine, self.progress = store, engine, progress
        self.seconds: Counter[str] = Counter()
        self.used: set[str] = set()
        self.reused = self.tasks = 0
        self._repeated: list[pa.Array | None] = []
        self._verdicts: list[pa.Table | None] = []

    def read(self, units: Sequence[ingest.Unit], given: ingest.Settings) -> list[Part]:
        base = digest(READERS, versions(PACKAGES), dataclasses.asdict(given))
        tasks = [ReadTask(digest(base, _identity(unit)), self.store, unit, given) for unit in units]
        parts = self._map("read", read_unit, tasks)
        self._repeated = list(self._own_ids_that_repeat(parts))
        self._verdicts = [None] * len(parts)
        return parts

    def fated(self, parts: Sequence[Part]) -> pa.Table:
        """Where the records stood that have a fate already, and which one, over all partitions."""
        tables = self.stream(parts)(["source_details", *records.FATE.names])
        return pa.concat_tables([table.filter(pc.is_valid(table["fate"])) for table in tables])

    def run(self, segment: Segment, parts: Sequence[Part]) -> list[Part]:
        tasks = [
            PassTask(
                digest(part.key, segment.prints, _content(repeated), _content(verdict)),
                self.store,
                part,
                segment,
                repeated,
                verdict,
            )
            for part, repeated, verdict in zip(parts, self._repeated, self._verdicts, strict=True)
        ]
        done = self._map(segment.name, run_pass, tasks)
        self._repeated = [None] * len(done)
        if segment.closing:
            self._verdicts = self._decide(segment.closing, done)
        return done

    def stream(self, parts: Sequence[Part]) -> Callable[[list[str] | None], Iterator[pa.Table]]:
        return lambda columns: (self.store.read(part.key, columns) for part in parts)

    def _map(self, phase: str, function: Callable[[Any], Done], tasks: Sequence[Any]) -> list[Part]:
        parts: list[Part] = []
        self.progress(phase, 0, len(tasks))
        for number, done in enumerate(self.engine.map(function, tasks), 1):
            parts += done.parts
            self.reused += done.reused
            self.seconds.update(done.seconds)
            self.progress(phase, number, len(tasks))
        self.tasks += len(tasks)
        self.used |= {task.key for task in tasks}
        return parts

    def _own_ids_that_repeat(self, parts: Sequence[Part]) -> Iterator[pa.Array]:
        """Per partition, those of its ids that stand more than once in the whole input."""
        own = [self.store.read(part.key, ["own_id"])["own_id"] for part in parts]
        counts = pa.chunked_array(own, pa.string()).drop_null().value_counts() if own else pa.array([])
        repeated = (
            counts.filter(pc.greater(counts.field("counts"), 1)).field("values") if len(counts) else None
        )
        for ids in own:
            here = ids.filter(pc.is_in(ids, repeated)) if repeated is not None else ids.slice(0, 0)
            yield pa.chunked_array([here.combine_chunks()]).unique()

    def _decide(self, stage: Exchange, parts: Sequence[Part]) -> list[pa.Table | None]:
        """The verdict on all records, cut into the partitions' shares."""
        self.progress(f"{stage.name} (decide)", 0, 1)
        keys = [self.store.read(part.key, what="keys") for part in parts]
        verdict = stage.decide(pa.concat_tables(keys).combine_chunks(), self._fetch(parts, keys))
        aligned = align(verdict, pa.chunked_array([table["id"].combine_chunks() for table in keys]))
        self.progress(f"{stage.name} (decide)", 1, 1)
        starts = np.cumsum([0, *(table.num_rows for table in keys)])
        shares = [aligned.slice(start, table.num_rows) for start, table in zip(starts, keys, strict=False)]
        return [share.filter(pc.is_valid(share["id"])).combine_chunks() for share in shares]

    def _fetch(self, parts: Sequence[Part], keys: Sequence[pa.Table]) -> Fetch:
        owner = {
            id_: part for part, table in zip(parts, keys, strict=True) for id_ in table["id"].to_pylist()
        }

        def fetch(wanted: Sequence[str], columns: Sequence[str]) -> pa.Table:
            ids = pa.array(wanted, pa.string())
            found = [parts[0], *dict.fromkeys(owner[id_] for id_ in wanted)]
            tables = [self.store.read(part.key, ["id", *columns]) for part in found]
            return align(
                pa.concat_tables([table.filter(pc.is_in(table["id"], ids)) for table in tables]), ids
            )

        return fetch


def _remember(
    run: Run,
    read: Sequence[Part] | None,
    finished: Sequence[Part],
    stages: Sequence[Stage],
    decided: int,
) -> None:
    """Write down where people who review find the records: finished, and as `anonymise` received them if it
    ran; and which lock was published with them.

    Args:
        decided: how many lines of the run's own decisions it knew.
    """
    named = [stage for stage in stages if stage.name in ("label", "anonymise")]
    where = {
        "schema": "review/1",
        "read": None if read is None else [part.key for part in read],
        "finished": [part.key for part in finished],
        "decided": decided,
        "lock": sha256(run.folder / LOCK),
        "stages": {stage.name: _lasting(stage) for stage in named},
        "files": {str(path.resolve()): sha256(path) for stage in named for path in stage.files()},
    }
    with whole_file(run.private / REVIEW) as unfinished:
        unfinished.write_text(canonical_json(where), encoding="utf-8")


def _lasting(stage: Stage) -> dict[str, Any]:
    """The stage's options, files so named that it holds from any working directory."""
    options = stage.params.model_dump(mode="json")
    own = {name: shipped.own_file(value) for name, value in options.items() if isinstance(value, str)}
    return {**options, **{name: str(path.resolve()) for name, path in own.items() if path}}


def _tallies(stages: Iterable[Stage]) -> dict[str, Tally]:
    """By stage, what became of people's decisions; nothing of stages about which nobody decided."""
    exchanges = [stage for stage in stages if isinstance(stage, Exchange)]
    return {stage.name: stage.tally for stage in exchanges if stage.tally}


def _lock(
    recipe: Recipe,
    files: Sequence[ingest.SourceFile],
    stages: Sequence[Stage],
    key: bytes | None,
    said: Sequence[Decision],
) -> dict[str, Any]:
    packages = {*PACKAGES, *(name for stage in stages for name in stage.packages)}
    return {
        "schema": "lock/1",
        "govtune": importlib.metadata.version("govtune"),
        "records_schema": records.VERSION,
        "recipe": {
            **recipe.model_dump(by_alias=True),
            "stages": [{stage.name: stage.options()} for stage in stages],
        },
        "stages": {stage.name: fingerprint(stage) for stage in stages},
        "inputs": sorted(
            ({"sha256": file.digest, "bytes": file.size} for file in files), key=lambda f: f["sha256"]
        ),
        "decisions": {
            "sha256": digest([one.model_dump(mode="json") for one in said]) if said else None,
            "lines": len(said),
            "stages": {name: dataclasses.asdict(tally) for name, tally in _tallies(stages).items()},
        },
        "packages": versions(packages),
        "key": key_fingerprint(key) if any(stage.keyed for stage in stages) else None,
    }


def _identity(unit: ingest.Unit) -> list[Any]:
    """What tells a unit from others: the content and name of its files and the cut, not where it lies."""
    return [[(file.digest, file.name, file.copy) for file in unit.files], unit.start, unit.stop]


def _account(published: Published, rows: int) -> None:
    """Nothing disappears: every record that came in or was made has exactly one fate."""
    if sum(count for *_, count in published.fates) != rows:
        raise ContractError("kept + dropped + expanded is not rows in + children")


def _content(data: pa.Table | pa.Array | None) -> str | None:
    """Digest of an Arrow value by its content."""
    if data is None:
        return None
    table = data if isinstance(data, pa.Table) else pa.table({"value": data})
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table.combine_chunks())
    return hashlib.sha256(sink.getvalue()).hexdigest()[:32]
