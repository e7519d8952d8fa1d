"""One file anonymised: every row back in order, text columns anonymised, all other columns unchanged."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curation import records
from curation.anonymise import policy as policies
from curation.anonymise import tagger
from curation.anonymise.record import Result, anonymise_fields
from curation.anonymise.surrogates import Placeholders, Surrogates
from curation.errors import UsageError

if TYPE_CHECKING:
    from curation.ingest.tables import Rows

BATCH = 2000
"""Rows whose lines the name engine sees at once."""


@dataclass(frozen=True)
class FileSummary:
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
) -> FileSummary:
    """Anonymise the text columns of a file and replace its private columns; formats by extension.

    Args:
        spans: where to write the findings as JSON lines `{"id", "field", "spans"}`: offsets in the input, no
            text; `id` is the row's own, else its number from 1.
        text_fields: columns that hold text, where no header says so.

    Raises:
        UsageError: no column is known to hold text, or an unknown policy, engine or format.
        InputError: the input cannot be read.
    """
    from curation.ingest.tables import read_rows, write_rows

    rules = policies.load(policy)
    engine = tagger.load(names)
    replacer = Placeholders(rules) if key is None else Surrogates(key)
    read = read_rows(source)
    text = _text_columns(read.columns, text_fields, source)
    private = _private_columns(read.columns, text)
    results: list[Result] = []
    for at in range(0, len(read.rows), BATCH):
        batch = read.rows[at : at + BATCH]
        results += anonymise_fields(
            [{column: _string(row.get(column)) for column in text} for row in batch],
            [{field: _written(row.get(column)) for field, column in private.items()} for row in batch],
            tagger=engine,
            policy=rules,
            replacer=replacer,
        )
    rows = [_row(row, result, private) for row, result in zip(read.rows, results, strict=True)]
    write_rows(output, replace(read, rows=rows))
    if spans is not None:
        _write_spans(spans, read, results)
    counts = Counter(
        found.span.type for result in results for found in result.found if found.action == "replace"
    )
    return FileSummary(rows=len(rows), counts=dict(sorted(counts.items())))


def _text_columns(columns: Sequence[str], text_fields: Sequence[str], source: Path) -> list[str]:
    from curation.ingest.mapping import ALIASES

    if missing := [name for name in text_fields if name not in columns]:
        raise UsageError(f"{source.name}: no column {missing[0]}; there are {', '.join(columns)}")
    known = {header.casefold() for field in records.TEXT_FIELDS for header in ALIASES[field]}
    text = [column for column in columns if column in text_fields or _header(column) in known]
    if not text:
        raise UsageError(
            f"{source.name}: name the text column with --text-field; there are {', '.join(columns)}"
        )
    return text


def _private_columns(columns: Sequence[str], text: Sequence[str]) -> dict[str, str]:
    """Columns about a person: `person`, then `person:1` where there is more than one."""
    from curation.ingest.mapping import ALIASES

    found: dict[str, str] = {}
    for field in records.PRIVATE_FIELDS:
        known = {header.casefold() for header in ALIASES[field]}
        for column in columns:
            if column not in text and _header(column) in known:
                found[f"{field}:{len(found)}"] = column
    return found


def _header(column: str) -> str:
    return "".join(column.split()).casefold()


def _string(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _written(value: Any) -> str | None:
    """A private value as a string; a phone number may be a JSON number."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def _row(row: dict[str, Any], result: Result, private: dict[str, str]) -> dict[str, Any]:
    changed = {column: text for column, text in result.fields.items() if text is not None}
    changed |= {private[field]: text for field, text in result.private.items() if text is not None}
    return {column: changed.get(column, value) for column, value in row.items()}


def _write_spans(path: Path, read: Rows, results: Sequence[Result]) -> None:
    import orjson

    own = _id_column(read)
    lines = []
    for number, (row, result) in enumerate(zip(read.rows, results, strict=True), start=1):
        for field in dict.fromkeys(found.field for found in result.found):
            found = [one.span._asdict() for one in result.found if one.field == field]
            said = {"id": row.get(own, number) if own else number, "field": field, "spans": found}
            lines.append(orjson.dumps(said, default=str) + b"\n")
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_bytes(b"".join(lines))
        temporary.replace(path)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from None
    finally:
        temporary.unlink(missing_ok=True)


def _id_column(read: Rows) -> str | None:
    from curation.ingest.mapping import ALIASES

    known = {header.casefold() for header in ALIASES["id"]}
    return next((column for column in read.columns if _header(column) in known), None)
