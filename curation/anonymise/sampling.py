"""A sample of anonymised records for people to read, and what their reading proves.

Records are drawn in proportion from strata (which types were replaced in them), so every kind of record is
read. What people miss nothing in still leaves a risk: the exact one-sided bound of Clopper and Pearson says
how large it may be. 300 records without a fault: at most 1.0 % of the records have one, at 95 %.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from curation.anonymise.columns import columns_of
from curation.anonymise.policy import TYPES
from curation.anonymise.spans import Pattern
from curation.errors import InputError, UsageError
from curation.files import sha256
from curation.intervals import upper_bound
from curation.strict import nearest

CONFIDENCE = 0.95
FILE, DRAWN, ROW, ID, FOUND = "of", "drawn", "row", "id", "found"
READ_BY, MISSED, NOTE = "read_by", "missed", "note"
"""Columns of the sheet. Readers fill in the last three: their initials, types they still see, a remark."""

_DIGITS = 16
_DIGEST = Pattern(rf"[0-9a-f]{{{_DIGITS}}}")


def draw(output: Path, sheet: Path, *, spans: Path, count: int, text_fields: Sequence[str] = ()) -> int:
    """Write a sheet with a sample of an anonymised file, all its columns; the same file, the same sample.

    Args:
        spans: what `anonymise` wrote about it.
        count: records, or all where there are fewer.

    Returns:
        Records in the sheet.

    Raises:
        UsageError: a file that cannot be read or written, or a text that does not fit into a cell.
    """
    from curation.ingest import tables

    if count < 1:
        raise UsageError(f"-n {count}: at least 1")
    read = tables.read_rows(output, text_fields)
    columns = columns_of(read, text_fields, output)
    names = [
        row.get(columns.id, number) if columns.id else number
        for number, row in zip(read.numbers, read.rows, strict=True)
    ]
    found = _found(spans, len(names))
    strata = [found.get(record, "") for record in range(1, len(names) + 1)]
    digest = sha256(output)
    others = [column for column in read.columns if column not in columns.text]
    drawn = _drawn(strata, count, digest)
    rows = [
        {
            FILE: digest[:_DIGITS],
            DRAWN: len(drawn),
            ROW: read.numbers[index],
            ID: names[index],
            FOUND: strata[index],
            **{f"text: {column}": read.rows[index].get(column) or "" for column in columns.text},
            **{f"column: {column}": _seen(read.rows[index].get(column)) for column in others},
            READ_BY: "",
            MISSED: "",
            NOTE: "",
        }
        for index in drawn
    ]
    if not rows:
        raise UsageError(f"{output}: no record to draw")
    tables.write_rows(sheet, tables.Rows(tuple(rows[0]), rows))
    return len(rows)


def bounds(sheet: Path) -> dict[str, Any]:
    """What a sheet that people have filled in says, per document and per type.

    Raises:
        UsageError: no such sheet, or a row nobody has read, or an unknown type under `missed`; a sheet that
            does not hold every record that was drawn, once.
    """
    from curation.ingest import tables

    rows = tables.read_rows(sheet, [READ_BY]).rows
    if not rows or any(name not in rows[0] for name in (FILE, DRAWN, ROW, READ_BY, MISSED)):
        raise UsageError(f"{sheet}: not a sheet of `govtune anonymise-review`")
    missed = [_missed(row, number, sheet) for number, row in enumerate(rows, start=2)]
    if len({row[FILE] for row in rows}) > 1:
        raise UsageError(f"{sheet}: rows of several files in one sheet")
    _complete(rows, sheet)
    count = len(rows)
    by_type = Counter(kind for one in missed for kind in one)
    return {
        "of": rows[0][FILE],
        "confidence": CONFIDENCE,
        "method": "Clopper-Pearson, one-sided",
        "readers": len({row[READ_BY] for row in rows}),
        "documents": _share(sum(map(bool, missed)), count),
        "types": {kind: _share(by_type[kind], count) for kind in TYPES},
    }


def _share(faults: int, count: int) -> dict[str, Any]:
    return {"read": count, "missed": faults, "upper_95": float(upper_bound(faults, count, 1 - CONFIDENCE))}


def _complete(rows: Sequence[Mapping[str, Any]], sheet: Path) -> None:
    """Refuse a sheet that is not the one that was drawn: a bound speaks for a whole sample alone."""
    seen: set[str] = set()
    for number, row in enumerate(rows, start=2):
        if not _DIGEST.fullmatch(str(row[FILE] or "")):
            said = f"not the first {_DIGITS} digits of a SHA-256"
            raise InputError(said, file=sheet.name, row=number, field=FILE)
        if (own := str(row[ROW])) in seen:
            raise InputError("stands twice in the sheet", file=sheet.name, row=number, field=ROW)
        seen.add(own)
        if str(row[DRAWN]) != str(len(rows)):
            said = f"{len(rows)} records in the sheet, not as many as were drawn"
            raise InputError(said, file=sheet.name, row=number, field=DRAWN)


def _missed(row: Mapping[str, Any], number: int, sheet: Path) -> set[str]:
    if not str(row[READ_BY] or "").strip():
        raise InputError("nobody has read this record yet", file=sheet.name, row=number, field=READ_BY)
    said = str(row[MISSED] or "").replace("，", ",").replace(";", ",").replace("；", ",")
    kinds = {kind.strip().upper() for kind in said.split(",") if kind.strip()}
    for kind in sorted(kinds):
        if kind not in TYPES:
            close = nearest(kind, TYPES) if kind.isascii() else ""
            raise InputError(f"unknown type{close}", file=sheet.name, row=number, field=MISSED)
    return kinds


def _seen(value: Any) -> str:
    """A value of any column as a reader sees it."""
    from curation.ingest.precision import display

    if isinstance(value, (dict, list, tuple)):
        return json.dumps(value, ensure_ascii=False, default=str)
    return value.decode(errors="replace") if isinstance(value, bytes) else display(value) or ""


def _found(spans: Path, records: int) -> dict[int, str]:
    """By number of a record in the output, the types found in it."""
    from curation.ingest import jsonl

    found: dict[int, set[str]] = defaultdict(set)
    try:
        for number, line in jsonl.rows(spans):
            if not isinstance(line.get("spans"), list) or "record" not in line:
                raise InputError("not a line of --spans", file=spans.name, row=number)
            if (record := line["record"]) is None:  # held back
                continue
            if not isinstance(record, int) or not 0 < record <= records:
                raise InputError("spans of another file", file=spans.name, row=number, field="record")
            found[record].update(span["type"] for span in line["spans"])
    except OSError as error:
        raise UsageError(f"{spans}: cannot be read: {error.strerror}") from None
    return {record: " ".join(sorted(types)) for record, types in found.items()}


def _drawn(strata: Sequence[str], count: int, seed: str) -> list[int]:
    """Rows of the sample, in order: from each stratum its share, the largest remainders rounded up."""
    members: dict[str, list[int]] = defaultdict(list)
    for index, stratum in enumerate(strata):
        members[stratum].append(index)
    total = len(strata)
    count = min(count, total)
    shares = {name: divmod(len(rows) * count, total) for name, rows in members.items()} if total else {}
    sizes = {name: whole for name, (whole, _) in shares.items()}
    by_rest = sorted(shares, key=lambda name: (-shares[name][1], name))
    for name in by_rest[: count - sum(sizes.values())]:
        sizes[name] += 1

    def order(index: int) -> bytes:
        return hashlib.sha256(json.dumps([seed, index]).encode()).digest()

    return sorted(row for name, rows in members.items() for row in sorted(rows, key=order)[: sizes[name]])
