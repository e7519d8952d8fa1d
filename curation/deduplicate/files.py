"""One file without its duplicates, and the ledger of what happened to each of its rows."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pydantic import ValidationError

from curation import ledger as ledgers
from curation import parquet, records
from curation.deduplicate.rows import FileRows, open_rows
from curation.deduplicate.stage import Deduplicate, DeduplicateParams, said
from curation.deduplicate.verdict import Rows, Summary, Verdict
from curation.deduplicate.veto import VETOES
from curation.errors import InputError, UsageError
from curation.files import sha256, whole_file
from curation.ingest.batch import record_id
from curation.ingest.mapping import Columns, Settings, compose, find_columns, map_columns
from curation.ingest.precision import display
from curation.strict import first_fault, require_known

LEDGER = pa.schema([*ledgers.SCHEMA, ("cluster", pa.string())])
"""One row per row of the input, kept or not."""

_BATCH = 1 << 21
"""Code points summarised at once."""


@dataclass(frozen=True)
class DeduplicateSummary:
    """What happened to the rows of a file.

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


def deduplicate_file(
    source: Path,
    output: Path,
    *,
    threshold: float = 0.8,
    veto: Sequence[str] = (),
    ledger: Path | None = None,
    text_fields: Sequence[str] = (),
    keep: Sequence[str] = ("longest",),
    method: str = "near",
) -> DeduplicateSummary:
    """Write the rows of `source` that are no duplicates to `output`, unchanged and in order.

    Formats go by extension. Where both are JSON lines, in UTF-8, kept lines are copied byte for byte.

    Args:
        threshold, veto, keep, method: as in `DeduplicateParams`.
        ledger: Parquet file with the fate of every row.
        text_fields: the columns that hold text, instead of title, text and reply under their known headers.

    Raises:
        UsageError: an option out of range, no text column, a file that cannot be read or written.
        InputError: a file or a row that cannot be read. Nothing is written.
    """
    params = _params(threshold=threshold, veto=list(veto), keep=list(keep), method=method)
    rows, layout = open_rows(source, output, text_fields), _Layout(source.name, tuple(text_fields))
    listed = _list(rows, layout, params)
    verdict = params.judge(
        listed.summary, listed.times, lambda wanted: [layout.text(*row) for row in rows.fetch(wanted)]
    )
    goes = verdict.relation == "duplicate_of"
    with contextlib.ExitStack() as both:  # both files get their names at the end, or neither
        rows.write(both.enter_context(whole_file(output)), np.flatnonzero(~goes))
        if ledger is not None:
            both.enter_context(parquet.writing(ledger, LEDGER)).write(_ledger(source, listed, verdict))
    return DeduplicateSummary(
        rows=len(goes),
        kept=int((~goes).sum()),
        exact=int((goes & verdict.exact).sum()),
        near=int((goes & ~verdict.exact).sum()),
        variants=int((verdict.relation == "variant_of").sum()),
        clusters=int((np.bincount(verdict.cluster) > 1).sum()),
    )


def _params(**options: Any) -> DeduplicateParams:
    for name in options["veto"]:
        require_known(name, VETOES, "veto", "kind of difference")
    try:
        return DeduplicateParams.model_validate(options)
    except ValidationError as error:
        raise UsageError(first_fault(error, DeduplicateParams)) from None


@dataclass(frozen=True)
class _Plan:
    """The columns of a row that deduplication reads."""

    texts: tuple[str, ...]
    guide: tuple[str, ...]  # composed to a text
    id: str | None
    time: str | None


class _Layout:
    """Which columns of a row are read. Rows of JSON lines may differ in their columns."""

    def __init__(self, file: str, text_fields: tuple[str, ...]) -> None:
        self._file, self._text_fields = file, text_fields
        self._plans: dict[tuple[str, ...], _Plan] = {}

    def plan(self, row: dict[str, Any]) -> _Plan:
        headers = tuple(row)
        if headers not in self._plans:
            self._plans[headers] = self._make(map_columns(headers, Settings()), headers)
        return self._plans[headers]

    def text(self, number: int, row: dict[str, Any]) -> str:
        """The text of a row, as `record_texts` has it for a record."""
        plan = self.plan(row)
        texts = [self._value(number, row, column) for column in plan.texts]
        if plan.guide:
            texts.append(compose((column, row[column]) for column in plan.guide) or "")
        return texts[0] if len(texts) == 1 else "\n".join(filter(None, texts))

    def check(self) -> None:
        """After all rows: refuse a file without a column of text."""
        headers = {header for headers in self._plans for header in headers}
        if missing := [name for name in self._text_fields if not find_columns(headers, [name])]:
            raise UsageError(f"{self._file}: no column {missing[0]}; see `govtune inspect`")
        if not any(plan.texts or plan.guide for plan in self._plans.values()):
            raise UsageError(f"{self._file}: no column with text was found; name it with --text-field")

    def _make(self, columns: Columns, headers: tuple[str, ...]) -> _Plan:
        texts = tuple(headers[position] for position in find_columns(headers, self._text_fields))
        guide: tuple[str, ...] = ()
        if not self._text_fields and columns.has_text:
            texts = tuple(columns.fields[name] for name in records.TEXT_FIELDS if name in columns.fields)
            guide = columns.guide
        return _Plan(texts, guide, columns.fields.get("id"), columns.fields.get("original_time"))

    def _value(self, number: int, row: dict[str, Any], column: str) -> str:
        value = row[column]
        if value is None or isinstance(value, str):
            return value or ""
        if isinstance(value, (bool, list, dict)):
            raise InputError("neither a string nor a number", file=self._file, row=number, field=column)
        return display(value) or ""


@dataclass(frozen=True)
class _Listed:
    """What is kept of each row."""

    summary: Summary
    numbers: Rows
    ids: list[str | None]
    times: list[str | None]


def _list(rows: FileRows, layout: _Layout, params: DeduplicateParams) -> _Listed:
    numbers: list[int] = []
    ids: list[str | None] = []
    times: list[str | None] = []
    parts: list[Summary] = []
    texts: list[str] = []
    waiting = 0
    for number, row in rows:
        plan = layout.plan(row)
        text = layout.text(number, row)
        texts.append(text)
        numbers.append(number)
        ids.append(_as_string(row, plan.id))
        times.append(_as_string(row, plan.time))
        waiting += len(text)
        if waiting > _BATCH:
            parts.append(params.summarise(texts))
            texts, waiting = [], 0
    layout.check()
    parts.append(params.summarise(texts))
    summary = Summary(
        digests=np.concatenate([part.digests for part in parts]),
        lengths=np.concatenate([part.lengths for part in parts]),
        bands=np.concatenate([part.bands for part in parts]),
    )
    return _Listed(summary, np.array(numbers, np.int64), ids, times)


def _as_string(row: dict[str, Any], column: str | None) -> str | None:
    if column is None:
        return None
    value = row[column]
    if isinstance(value, str):
        return value or None
    return str(value) if isinstance(value, (int, float)) else None


def _ledger(source: Path, listed: _Listed, verdict: Verdict) -> pa.Table:
    rows = len(listed.ids)
    ids = pa.array(_unique_ids(source, listed), pa.string())
    columns = said(verdict, ids)
    goes = verdict.relation == "duplicate_of"
    details = [pa.array([source.name] * rows, pa.string()), pa.nulls(rows, pa.string()), listed.numbers]
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


def _unique_ids(source: Path, listed: _Listed) -> list[str]:
    """The rows' own ids where they are unique, else digests of file and row."""
    digest = sha256(source)
    count = Counter(listed.ids)
    return [
        own if own is not None and count[own] == 1 else record_id(digest, 0, None, number)
        for own, number in zip(listed.ids, listed.numbers.tolist(), strict=True)
    ]
