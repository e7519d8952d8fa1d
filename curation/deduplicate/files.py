"""Files without their duplicates, and the ledger of what happened to each row."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import ValidationError

from curation import ledger as ledgers
from curation import parquet, records
from curation.deduplicate.keep import POLICIES
from curation.deduplicate.layout import Layout, require_text
from curation.deduplicate.normalise import NORMALISATIONS
from curation.deduplicate.sources import JSON_LINES, Part, Source, join, open_source
from curation.deduplicate.stage import Deduplicate, DeduplicateParams, said
from curation.deduplicate.verdict import Rows, Verdict
from curation.deduplicate.veto import VETOES
from curation.engine.local import LocalEngine
from curation.errors import InputError, UsageError
from curation.files import not_onto_itself, sha256, whole_file
from curation.ingest import tables
from curation.ingest.batch import record_id
from curation.strict import first_fault, require_known

LEDGER = pa.schema([*ledgers.SCHEMA, ("cluster", pa.string())])
"""One row per row of the input, kept or not."""


@dataclass(frozen=True)
class DeduplicateSummary:
    """What happened to the rows of the files.

    Attributes:
        rows: rows of the input.
        kept: rows of the output; `variants` of them name another kept row.
        exact, near: rows that were dropped.
        clusters: clusters of more than one row.
    """

    rows: int
    kept: int
    exact: int
    near: int
    variants: int
    clusters: int


def deduplicate_files(
    inputs: Sequence[Path],
    output: Path,
    *,
    ledger: Path | None = None,
    text_fields: Sequence[str] = (),
    workers: int = 1,
    **options: Any,
) -> DeduplicateSummary:
    """Write the rows of `inputs` that are no duplicates to `output`, unchanged and in order.

    Formats go by extension. From JSON lines in UTF-8 to JSON lines, kept lines are copied byte for byte.

    Args:
        ledger: Parquet file with the fate of every row.
        text_fields: the columns that hold text, instead of title, text and reply under their known headers.
        workers: processes; the result is the same for any number.
        options: as in `DeduplicateParams`, but without vetoes where none is named.

    Raises:
        UsageError: an option out of range, no text column, a file that cannot be read or written.
        InputError: a file or a row that cannot be read. Nothing is written.
    """
    params = _params(options)
    for path in inputs:
        for written in filter(None, (output, ledger)):
            not_onto_itself(path, written)
    write = tables.writer(output)
    sources = [open_source(path, text_fields) for path in inputs]
    with LocalEngine(workers) as engine:
        listed = _listed(sources, tuple(text_fields), params, engine)
    verdict = params.judge(listed.summary, listed.fetch)
    goes = verdict.relation == "duplicate_of"
    with contextlib.ExitStack() as both:  # both files get their names at the end, or neither
        aside = both.enter_context(whole_file(output))
        if output.suffix.lower() in JSON_LINES:
            listed.write(aside, np.flatnonzero(~goes))
        else:
            kept = np.flatnonzero(~goes).tolist()
            write(aside, join([source.table() for source in sources]).take(kept))
        if ledger is not None:
            both.enter_context(parquet.writing(ledger, LEDGER)).write(_ledger(listed, verdict))
    return DeduplicateSummary(
        rows=len(goes),
        kept=int((~goes).sum()),
        exact=int((goes & verdict.exact).sum()),
        near=int((goes & ~verdict.exact).sum()),
        variants=int((verdict.relation == "variant_of").sum()),
        clusters=int((np.bincount(verdict.cluster) > 1).sum()),
    )


def _params(options: dict[str, Any]) -> DeduplicateParams:
    options = {"veto": [], **options}
    for name in options["veto"]:
        require_known(name, VETOES, "veto", "kind of difference")
    for name in options.get("keep", ()):
        require_known(name, POLICIES, "keep", "policy")
    for name in options.get("normalise", ()):
        require_known(name, NORMALISATIONS, "normalise", "normalisation")
    try:
        return DeduplicateParams.model_validate(options)
    except ValidationError as error:
        raise UsageError(first_fault(error, DeduplicateParams)) from None


@dataclass(frozen=True)
class _Task:
    """A part of a file to be read and summarised."""

    part: Part
    file: str
    text_fields: tuple[str, ...]
    params: DeduplicateParams


@dataclass(frozen=True)
class _Done:
    """What is kept of a part; `numbers` count from its beginning."""

    summary: pa.Table
    numbers: Rows
    places: Rows | None
    lines: int
    headers: set[str]
    has_text: bool


@dataclass(frozen=True)
class _Listed:
    """What is kept of the rows of all files, one file after the other.

    Attributes:
        numbers: each row's number in its file.
        starts: where each file's rows begin, and where the last one's end.
        places: of each file, see `sources.Read`.
    """

    sources: Sequence[Source]
    layouts: Sequence[Layout]
    summary: pa.Table
    numbers: Rows
    starts: Rows
    places: Sequence[Rows | None]

    def fetch(self, rows: Rows) -> list[str]:
        """The texts of these rows."""
        texts = np.empty(len(rows), object)
        for some, index, own in self._by_source(rows):
            layout = self.layouts[index]
            found = self.sources[index].fetch(own, self.places[index], layout)
            texts[some] = layout.texts(found, own.tolist())
        return list(texts)

    def write(self, aside: Path, rows: Rows) -> None:
        """These rows, in order, as JSON lines."""
        with aside.open("w+b") as out:
            for _, index, own in self._by_source(rows):
                if out.tell() and out.seek(-1, os.SEEK_END) is not None and out.read() != b"\n":
                    out.write(b"\n")  # the last line of the file before has no line end
                self.sources[index].write(out, own, self.places[index])

    def _by_source(self, rows: Rows) -> Iterator[tuple[Rows, int, Rows]]:
        """Positions in `rows`, the file that they are of, and the rows' indices in it."""
        of = np.searchsorted(self.starts, rows, side="right") - 1
        for index in range(len(self.sources)):
            some = np.flatnonzero(of == index)
            if len(some):
                yield some, index, rows[some] - self.starts[index]


def _listed(
    sources: Sequence[Source], text_fields: tuple[str, ...], params: DeduplicateParams, engine: LocalEngine
) -> _Listed:
    summaries: list[pa.Table] = []
    numbers: list[Rows] = []
    places: list[Rows | None] = []
    counts = []
    layouts = [Layout(source.path.name, text_fields) for source in sources]
    for source in sources:
        file = source.path.name
        tasks = [_Task(part, file, text_fields, params) for part in source.parts()]
        headers: set[str] = set()
        has_text, lines, parts = False, 0, []
        results = engine.map(_summarise, tasks)
        while True:
            try:
                done = next(results, None)
            except InputError as error:
                row = None if error.row is None else error.row + lines
                raise InputError(error.problem, file=file, row=row, field=error.field) from None
            if done is None:
                break
            parts.append(done)
            summaries.append(done.summary)
            numbers.append(done.numbers + lines)
            lines += done.lines
            headers |= done.headers
            has_text |= done.has_text
        require_text(file, headers, has_text, text_fields)
        counts.append(sum(done.summary.num_rows for done in parts))
        places.append(_joined([done.places for done in parts]))
    return _Listed(
        sources,
        layouts,
        pa.concat_tables(summaries).combine_chunks(),
        np.concatenate(numbers),
        np.cumsum([0, *counts]),
        places,
    )


def _joined(parts: Sequence[Rows | None]) -> Rows | None:
    found = [part for part in parts if part is not None]
    return np.concatenate(found) if found else None


def _summarise(task: _Task) -> _Done:
    """In any process."""
    layout = Layout(task.file, task.text_fields)
    read = task.part.read(layout)
    summary = task.params.summarise(
        layout.texts(read.rows, read.numbers), layout.facts(read.rows, task.params.facts)
    )
    numbers = np.array(read.numbers, np.int64)
    return _Done(summary, numbers, read.places, read.lines, layout.headers, layout.has_text)


def _ledger(listed: _Listed, verdict: Verdict) -> pa.Table:
    ids = _unique_ids(listed)
    rows = len(ids)
    columns = said(verdict, ids)
    goes = verdict.relation == "duplicate_of"
    files = np.repeat([source.path.name for source in listed.sources], np.diff(listed.starts))
    details = [pa.array(files, pa.string()), pa.nulls(rows, pa.string()), listed.numbers]
    columns |= {
        "id": ids,
        "source_details": pa.StructArray.from_arrays(
            [*details, pa.nulls(rows, pa.int64())], fields=list(records.SOURCE_DETAILS)
        ),
        "fate": pa.array(np.where(goes, "dropped", "kept")),
        "stage": pa.array(np.full(rows, Deduplicate.name), mask=~goes),
    }
    return pa.table(
        [columns.get(column.name, pa.nulls(rows, column.type)) for column in LEDGER], schema=LEDGER
    )


def _unique_ids(listed: _Listed) -> pa.Array:
    """The rows' own ids where they are unique, else digests of file and row."""
    own = listed.summary["id"].combine_chunks()
    counts = own.drop_null().value_counts()
    repeated = counts.filter(pc.greater(counts.field("counts"), 1)).field("values")
    lacking = np.flatnonzero(pc.or_(pc.is_null(own), pc.is_in(own, repeated)))
    of = np.searchsorted(listed.starts, lacking, side="right") - 1
    digest = functools.cache(lambda index: sha256(listed.sources[index].path))
    places = zip(of.tolist(), listed.numbers[lacking].tolist(), strict=True)
    made = [record_id(digest(index), 0, None, number) for index, number in places]
    mask = np.zeros(len(own), bool)
    mask[lacking] = True
    return pc.replace_with_mask(own, pa.array(mask), pa.array(made, pa.string()))
