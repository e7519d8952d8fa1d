"""People read a sample of what a run publishes and say what personal data they still see.

`govtune card sample RUN` draws it into a sheet, `govtune card build RUN --audit SHEET` takes the sheet that
they filled in. What is kept of it (`RUN.private/audit.jsonl`) holds no text, so that a check can count again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from curation import parquet, records
from curation.anonymise import sampling
from curation.errors import UsageError
from curation.ingest import tables
from curation.run import Run, describe
from data_cards import dataset as datasets
from data_cards.measure.sample import drawn, seed, taken

AUDIT = "audit.jsonl"
"""What a run keeps of a sheet, in its private folder."""

READ = 300
"""Records in a sheet: without a fault among them, at most 1 % of all have one, at 95 %."""

_KEPT = (sampling.FILE, sampling.DRAWN, sampling.ROW, sampling.ID, sampling.READ_BY, sampling.MISSED)


def draw(run: Run, sheet: Path, count: int = READ) -> int:
    """Write a sheet with a sample of the published records, drawn at random; the same data, the same sample.

    No reader can tell a surrogate from a person. Where there are any, the sheet shows the original texts with
    placeholders for what was found in them: what is left to see is what was missed.

    Returns:
        Records in the sheet.

    Raises:
        UsageError: not a run, one with surrogates whose originals are not there, or a sheet that cannot be
            written.
    """
    if count < 1:
        raise UsageError(f"-n {count}: at least 1")
    data = datasets.of_run(run)
    total, number = _total(run), seed(_files(run))
    if not total:
        raise UsageError(f"{run.folder}: no record to draw")
    rows = drawn(total, count, number)
    lock = run.lock()
    fields = lock["recipe"]["fields"]
    columns = ["id", *records.TEXT_FIELDS, "messages", *fields]
    found = pa.concat_tables(taken(data, columns, rows)).to_pylist()
    shown = _masked(run, found) if lock["key"] else [_published(record) for record in found]
    lines = [
        {
            sampling.FILE: f"{number:016x}",
            sampling.DRAWN: len(rows),
            sampling.ROW: int(row) + 1,
            sampling.ID: record["id"],
            **{f"text: {field}": text for field, text in texts.items()},
            **{f"column: {field}": record[field] or "" for field in fields},
            sampling.READ_BY: "",
            sampling.MISSED: "",
            sampling.NOTE: "",
        }
        for row, record, texts in zip(rows, found, shown, strict=True)
    ]
    tables.write_rows(sheet, tables.Rows(tuple(lines[0]), lines))
    return len(lines)


def keep(run: Run, sheet: Path) -> None:
    """Take a sheet that people filled in.

    Raises:
        UsageError: no such sheet, one of other data, or other records than were drawn.
        InputError: a row that nobody has read, or an unknown type.
    """
    said = sampling.bounds(sheet)
    rows = tables.read_rows(sheet, [sampling.READ_BY]).rows
    if said["of"] != f"{seed(_files(run)):016x}":
        raise UsageError(f"{sheet}: a sample of other data than {run.folder}; draw one: govtune card sample")
    expected = drawn(_total(run), len(rows), int(said["of"], 16)) + 1
    given = sorted(int(row[sampling.ROW]) for row in rows if str(row[sampling.ROW]).isdigit())
    if given != expected.tolist():
        raise UsageError(f"{sheet}: holds other records than govtune card sample draws")
    kept: Sequence[dict[str, Any]] = [{name: row[name] for name in _KEPT} for row in rows]
    tables.write_rows(run.private / AUDIT, tables.Rows(_KEPT, list(kept)))


def read(run: Run, number: int) -> tuple[dict[str, Any] | None, str | None]:
    """What people found in a sample of these data, as `sampling.bounds` says it, or why there is nothing.

    Args:
        number: what decides the sample, `sample.seed`.

    Raises:
        InputError, UsageError: what was kept is damaged.
    """
    path = run.private / AUDIT
    if not path.is_file():
        return None, "not_read_by_people"
    said = sampling.bounds(path)
    return (said, None) if said["of"] == f"{number:016x}" else (None, "other_version")


def _files(run: Run) -> dict[str, dict[str, Any]]:
    return {path.name: describe(path) for path in run.data}


def _total(run: Run) -> int:
    return sum(parquet.rows(path) for path in run.data)


def _published(record: Mapping[str, Any]) -> dict[str, str]:
    said = "\n".join(f"{one['role']}: {one['content'] or ''}" for one in record["messages"] or ())
    return {**{field: record[field] or "" for field in records.TEXT_FIELDS}, "messages": said}


def _masked(run: Run, found: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """The originals with what was replaced masked.

    Raises:
        UsageError: the run keeps no originals, or has records that it made of others.
    """
    from curation.review import cases

    try:
        originals = cases.load(run.folder).cases([record["id"] for record in found])
    except KeyError:
        raise UsageError(
            f"{run.folder}: holds surrogates in records that were made of others, so nobody can tell what is "
            "left; curate without a key for people to read"
        ) from None
    return [{field: case.masked.get(field, "") for field in records.TEXT_FIELDS} for case in originals]
