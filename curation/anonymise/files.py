"""One file anonymised: every row back in order, text columns anonymised, all other columns unchanged."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curation import records
from curation.anonymise import policy as policies
from curation.anonymise import tagger
from curation.anonymise.record import Result, anonymise_fields
from curation.anonymise.surrogates import Surrogates
from curation.errors import InputError, UsageError
from curation.files import whole_file

if TYPE_CHECKING:
    from curation.ingest.tables import Rows

BATCH = 2000
"""Rows whose lines the name engine sees at once."""


@dataclass(frozen=True)
class AnonymiseSummary:
    """What was done: rows written, and how many findings of each type were replaced."""

    rows: int
    counts: dict[str, int]


def anonymise_file(
    source: Path,
    output: Path,
    *,
    spans: Path | None = None,
    names: str = "lac",
    key: bytes | None = None,
    text_fields: Sequence[str] = (),
    policy: str = "letters",
) -> AnonymiseSummary:
    """Anonymise the text columns of a file and replace its private columns; formats by extension.

    Headers are known as `curate` knows them, except that all columns of a kind count and not only the first.
    Numbers in these columns are taken as they are shown.

    Args:
        spans: where to write the findings as JSON lines `{"id", "field", "spans"}`: offsets in the input, no
            text; `id` is the row's own, else its number as the file's program shows it.
        text_fields: the columns that hold text, instead of the known ones; private columns stay private.

    Raises:
        UsageError: no column is known to hold text, an unknown policy, engine or format, or a file that
            cannot be written.
        InputError: the input cannot be read, or a text or private column holds neither strings nor numbers.
            Nothing is written.
    """
    from curation.ingest import tables

    write = tables.writer(output)
    rules = policies.load(policy)
    engine = tagger.load(names)
    surrogates = None if key is None else Surrogates(key)
    read = tables.read_rows(source, text_fields)
    text = _text_columns(read, text_fields, source)
    private = _private_columns(read, text)
    shown = _shown(read, [*text, *private.values()], source)
    results: list[Result] = []
    for at in range(0, len(shown), BATCH):
        batch = shown[at : at + BATCH]
        results += anonymise_fields(
            [{column: row[column] for column in text} for row in batch],
            [{field: row[column] for field, column in private.items()} for row in batch],
            tagger=engine,
            policy=rules,
            surrogates=surrogates,
        )
    rows = [_row(*each, private) for each in zip(read.rows, shown, results, strict=True)]
    with contextlib.ExitStack() as both:  # both files get their names at the end, or neither
        write(both.enter_context(whole_file(output)), replace(read, rows=rows))
        if spans is not None:
            lines = b"".join(map(tables.json_line, _spans(read, results)))
            both.enter_context(whole_file(spans)).write_bytes(lines)
    counts = Counter(
        found.span.type for result in results for found in result.found if found.action != "keep"
    )
    return AnonymiseSummary(rows=len(rows), counts=dict(sorted(counts.items())))


def _text_columns(read: Rows, text_fields: Sequence[str], source: Path) -> list[str]:
    from curation.ingest.mapping import ALIASES

    # The columns are not listed: where a file has no header, they are the first record.
    if missing := [name for name in text_fields if not read.find([name])]:
        raise UsageError(f"{source.name}: no column {missing[0]}; see `govtune inspect`")
    if text_fields:
        return read.find(text_fields)
    guide = _guide_columns(read)
    if not guide and not read.find(ALIASES["text"]):
        raise UsageError(f"{source.name}: no column with text was found; name it with --text-field")
    known = [*guide, *read.find(alias for field in records.TEXT_FIELDS for alias in ALIASES[field])]
    return [column for column in read.columns if column in known]


def _guide_columns(read: Rows) -> set[str]:
    """The columns that `curate` composes the text of a service guide of; rows may differ in their columns."""
    from curation.ingest.mapping import ALIASES, Settings, map_columns

    private = read.find(alias for field in records.PRIVATE_FIELDS for alias in ALIASES[field])
    layouts = {tuple(row) for row in read.rows}
    guide = {column for layout in layouts for column in map_columns(layout, Settings()).guide}
    return guide.difference(private)


def _private_columns(read: Rows, text: Sequence[str]) -> dict[str, str]:
    """Columns about a person, under their field and a number, since a field may have several."""
    from curation.ingest.mapping import ALIASES

    found: dict[str, str] = {}
    for field in records.PRIVATE_FIELDS:
        for column in read.find(ALIASES[field]):
            if column not in text:
                found[f"{field}:{len(found)}"] = column
    return found


def _shown(read: Rows, columns: Sequence[str], source: Path) -> list[dict[str, str | None]]:
    """The values of the columns as a person sees them, who may have typed a phone number as a number."""
    from curation.ingest.precision import display

    shown = []
    for number, row in zip(read.numbers, read.rows, strict=True):
        for column in columns:
            if isinstance(row.get(column), (bool, bytes, dict, list)):
                raise InputError("neither a string nor a number", file=source.name, row=number, field=column)
        shown.append({column: display(row.get(column)) for column in columns})
    return shown


def _row(
    row: dict[str, Any], shown: dict[str, str | None], result: Result, private: dict[str, str]
) -> dict[str, Any]:
    after = result.fields | {private[field]: text for field, text in result.private.items()}
    return row | {column: text for column, text in after.items() if text != shown[column]}


def _spans(read: Rows, results: Sequence[Result]) -> Iterator[dict[str, Any]]:
    from curation.ingest.mapping import Settings, map_columns

    own = map_columns(read.columns, Settings()).fields.get("id")
    for number, row, result in zip(read.numbers, read.rows, results, strict=True):
        for field in dict.fromkeys(found.field for found in result.found):
            found = [one.span._asdict() for one in result.found if one.field == field]
            yield {"id": row.get(own, number) if own else number, "field": field, "spans": found}
