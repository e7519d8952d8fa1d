"""Files without their duplicates, and the ledger of what happened to each row."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
from curation.deduplicate.stage import FACT_OF, Deduplicate, DeduplicateParams, said
from curation.deduplicate.summary import FACTS
from curation.deduplicate.verdict import Among, Rows
from curation.deduplicate.veto import VETOES
from curation.engine.local import LocalEngine
from curation.errors import InputError, UsageError
from curation.files import not_onto_itself, sha256, whole_file
from curation.ingest import tables
from curation.ingest.batch import record_id
from curation.strict import first_fault, require_known

if TYPE_CHECKING:
    from curation.deduplicate.index.store import Store
    from curation.deduplicate.report import Study

LEDGER = pa.schema([*ledgers.SCHEMA, ("cluster", pa.string())])
"""One row per row of the input, kept or not."""

_FACT_NAMES = {"moment": "time", "quality": "quality", "source": "source"}


@dataclass(frozen=True)
class DeduplicateSummary:
    """What happened to the rows of the files.

    Attributes:
        rows: rows of the input.
        kept: rows of the output; `variants` of them name another kept row.
        exact, near, contained: rows that were dropped.
        clusters: clusters of more than one row.
        superseded: ids of an index that would go if one of these rows could still take their place.
    """

    rows: int
    kept: int
    exact: int
    near: int
    contained: int
    variants: int
    clusters: int
    superseded: list[str]


def deduplicate_files(
    inputs: Sequence[Path],
    output: Path,
    *,
    ledger: Path | None = None,
    against: Path | None = None,
    save_index: Path | None = None,
    text_fields: Sequence[str] = (),
    workers: int = 1,
    report: Callable[[Study], None] | None = None,
    **options: Any,
) -> DeduplicateSummary:
    """Write the rows of `inputs` that are no duplicates to `output`, unchanged and in order.

    Formats go by extension. From JSON lines in UTF-8 to JSON lines, kept lines are copied byte for byte.

    Args:
        ledger: Parquet file with the fate of every row.
        against: folder of an index; the rows get the verdict they would get together with those it knows.
        save_index: folder of an index that is told of the rows, made where there is none.
        text_fields: the columns that hold text, instead of title, text and reply under their known headers.
        workers: processes; the result is the same for any number.
        report: is given what was done, to look at, once the files are written.
        options: as in `DeduplicateParams`, but without vetoes where none is named.

    Raises:
        UsageError: an option out of range, no text column, a file that cannot be read or written.
        InputError: a file or a row that cannot be read. Nothing is written.
    """
    params = _params(options)
    for path in (*inputs, *([ledger] if ledger is not None else [])):
        not_onto_itself(path, output)
        if ledger is not None and path != ledger:
            not_onto_itself(path, ledger)
    for written in filter(None, (output, ledger)):
        if any(folder and written.resolve().parent == folder.resolve() for folder in (against, save_index)):
            raise UsageError(f"{written}: lies in an index; write it elsewhere")
    write = tables.writer(output)
    sources = [open_source(path, text_fields) for path in inputs]
    if against is not None and params.containment is not None:
        raise UsageError("--containment looks for no text in an index; leave --against or --containment out")
    studied = None
    if report is not None:
        from curation.deduplicate.report import Studied

        if against is not None:
            raise UsageError("--report compares texts, an index holds none; leave --report or --against out")
        params = studied = Studied.model_validate(params.model_dump())
    known = None if against is None else _index(against, params)
    told = known if save_index == against else None
    if save_index is not None and told is None and _is_index(save_index):
        told = _index(save_index, params)
    indices = [store for store in (known, None if told is known else told) if store is not None]
    if told is not None:
        _check_new(inputs, told)
    indexed = known is not None or save_index is not None
    with LocalEngine(workers) as engine:
        facts = set(FACTS.names) if indexed else params.facts
        listed = _listed(sources, tuple(text_fields), params, facts, engine)
    if indexed or ledger is not None:
        listed = _with_ids(listed, indices)
    _require_facts(params, listed.summary)
    among = _judge(listed, params, known)
    verdict = among.new
    goes = verdict.relation == "duplicate_of"
    with contextlib.ExitStack() as files:  # all get their names at the end, or none; the index comes last
        if save_index is not None:
            files.enter_context(_adding(save_index, listed, params))
        aside = files.enter_context(whole_file(output))
        if output.suffix.lower() in JSON_LINES:
            listed.write(aside, np.flatnonzero(~goes))
        else:
            kept = np.flatnonzero(~goes).tolist()
            write(aside, join([source.table() for source in sources]).take(kept))
        if ledger is not None:
            files.enter_context(parquet.writing(ledger, LEDGER)).write(_ledger(listed, among))
    if report is not None and studied is not None:
        report(studied.study(listed.summary, listed.fetch, verdict, listed.place))
    return DeduplicateSummary(
        rows=len(goes),
        kept=int((~goes).sum()),
        exact=int((goes & verdict.exact).sum()),
        near=int((goes & ~verdict.exact & ~verdict.contained).sum()),
        contained=int((goes & verdict.contained).sum()),
        variants=int((verdict.relation == "variant_of").sum()),
        clusters=int((np.bincount(among.verdict.cluster)[np.unique(verdict.cluster)] > 1).sum()),
        superseded=among.superseded(),
    )


def _is_index(folder: Path) -> bool:
    from curation.deduplicate.index.store import MANIFEST

    return (folder / MANIFEST).exists()


def _index(folder: Path, params: DeduplicateParams) -> Store:
    from curation.deduplicate.index.against import require_comparable
    from curation.deduplicate.index.store import Store

    store = Store(folder)
    require_comparable(store, params)
    return store


def _check_new(inputs: Sequence[Path], index: Store) -> None:
    """Refuse to add what an index knows already."""
    known = index.inputs
    for path in inputs:
        if known and sha256(path) in known:
            raise UsageError(
                f"{path}: {index.folder} knows this file already; to do it over, take an index from before, "
                "or forget its records with `govtune index remove`"
            )


def _require_facts(params: DeduplicateParams, summary: pa.Table) -> None:
    """Refuse a policy that can decide nothing."""
    for policy, fact in FACT_OF.items():
        if policy in params.keep and summary.num_rows and summary[fact].null_count == summary.num_rows:
            raise UsageError(f"keep: {policy}: no row says its {_FACT_NAMES[fact]}; see `govtune inspect`")


def _judge(listed: _Listed, params: DeduplicateParams, known: Store | None) -> Among:
    if known is None:
        return Among(params.judge(listed.summary, listed.fetch), listed.ids, 0)
    from curation.deduplicate.index.against import judge_against

    return judge_against(known, params, listed.known_rows(), params.normalised(listed.fetch))


def _adding(folder: Path, listed: _Listed, params: DeduplicateParams) -> AbstractContextManager[None]:
    from curation.deduplicate.index.against import adding, manifest
    from curation.deduplicate.index.store import Store

    digests = [sha256(source.path) for source in listed.sources]
    store = Store.create(folder, manifest(params))
    return adding(store, listed.known_rows(), params.normalised(listed.fetch), digests)


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
    facts: set[str]


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
        summary: its `id` is null where the row has none that is unique.
        ids: unique ones for all, where they are wanted.
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
    ids: pa.Array | None = None

    def known_rows(self) -> pa.Table:
        """The summary as an index holds it."""
        own = pc.is_valid(self.summary["id"])
        place = self.summary.column_names.index("id")
        return self.summary.set_column(place, "id", self.ids).append_column("own", own)

    def fetch(self, rows: Rows) -> list[str]:
        """The texts of these rows."""
        texts = np.empty(len(rows), object)
        for some, index, own in self._by_source(rows):
            layout = self.layouts[index]
            found = self.sources[index].fetch(own, self.places[index], layout)
            texts[some] = layout.texts(found, own.tolist())
        return list(texts)

    def place(self, row: int) -> tuple[str, int]:
        """The file of a row, and its number there."""
        index = int(np.searchsorted(self.starts, row, side="right")) - 1
        return self.sources[index].path.name, int(self.numbers[row])

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
    sources: Sequence[Source],
    text_fields: tuple[str, ...],
    params: DeduplicateParams,
    facts: set[str],
    engine: LocalEngine,
) -> _Listed:
    summaries: list[pa.Table] = []
    numbers: list[Rows] = []
    places: list[Rows | None] = []
    counts: list[int] = []
    layouts = [Layout(source.path.name, text_fields) for source in sources]
    for source in sources:
        file = source.path.name
        tasks = [_Task(part, file, text_fields, params, facts) for part in source.parts()]
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
        if headers:
            require_text(file, headers, has_text, text_fields)
        counts.append(sum(done.summary.num_rows for done in parts))
        places.append(_joined([done.places for done in parts]))
    if not any(counts):
        raise UsageError(f"{sources[0].path.name}: has no row")
    summary = pa.concat_tables(summaries).combine_chunks()
    place = summary.column_names.index("id")
    return _Listed(
        sources,
        layouts,
        summary.set_column(place, "id", _unique(summary["id"].combine_chunks())),
        np.concatenate(numbers),
        np.cumsum([0, *counts]),
        places,
    )


def _unique(ids: pa.Array) -> pa.Array:
    """Null where an id stands twice."""
    counts = ids.drop_null().value_counts()
    if len(counts) == len(ids) - ids.null_count:
        return ids
    repeated = counts.filter(pc.greater(counts.field("counts"), 1)).field("values")
    return pc.if_else(pc.is_in(ids, repeated), None, ids)


def _joined(parts: Sequence[Rows | None]) -> Rows | None:
    found = [part for part in parts if part is not None]
    return np.concatenate(found) if found else None


def _summarise(task: _Task) -> _Done:
    """In any process."""
    layout = Layout(task.file, task.text_fields)
    read = task.part.read(layout)
    summary = task.params.summarise(
        layout.texts(read.rows, read.numbers), layout.facts(read.rows, task.facts)
    )
    numbers = np.array(read.numbers, np.int64)
    return _Done(summary, numbers, read.places, read.lines, layout.headers, layout.has_text)


def _with_ids(listed: _Listed, indices: Sequence[Store]) -> _Listed:
    """With the rows' own ids where no other row or record of an index has them; else digests of the place."""
    own = listed.summary["id"].combine_chunks()
    for store in indices:
        own = pc.if_else(pc.is_in(own, store.rows()["id"].combine_chunks()), None, own)
    lacking = np.flatnonzero(pc.is_null(own))
    of = np.searchsorted(listed.starts, lacking, side="right") - 1
    digests = {index: sha256(listed.sources[index].path) for index in np.unique(of).tolist()}
    copies = {index: [*digests.values()][:at].count(digests[index]) for at, index in enumerate(digests)}
    places = zip(of.tolist(), listed.numbers[lacking].tolist(), strict=True)
    made = [record_id(digests[index], copies[index], None, number) for index, number in places]
    ids = pc.replace_with_mask(own, pc.is_null(own), pa.array(made, pa.string()))
    place = listed.summary.column_names.index("id")
    return dataclasses.replace(listed, ids=ids, summary=listed.summary.set_column(place, "id", own))


def _ledger(listed: _Listed, among: Among) -> pa.Table:
    rows = listed.summary.num_rows
    columns = said(among.new, among.ids)
    goes = among.new.relation == "duplicate_of"
    files = np.repeat([source.path.name for source in listed.sources], np.diff(listed.starts))
    details = [pa.array(files, pa.string()), pa.nulls(rows, pa.string()), listed.numbers]
    columns |= {
        "id": listed.ids,
        "source_details": pa.StructArray.from_arrays(
            [*details, pa.nulls(rows, pa.int64())], fields=list(records.SOURCE_DETAILS)
        ),
        "fate": pa.array(np.where(goes, "dropped", "kept")),
        "stage": pa.array(np.full(rows, Deduplicate.name), mask=~goes),
    }
    return pa.table(
        [columns.get(column.name, pa.nulls(rows, column.type)) for column in LEDGER], schema=LEDGER
    )
