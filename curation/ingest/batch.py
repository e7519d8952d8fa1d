"""What every reader hands over, and how it becomes a table of records with the first fates."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from curation import records
from curation.ingest import precision
from curation.ingest.mapping import (
    HEADER_ROWS,
    Columns,
    Settings,
    compose,
    header_row,
    map_columns,
    unique,
)

ROWS = 500
"""Rows of one batch."""

OWN_ID = pa.field("own_id", pa.string())
"""The last column of what `read` yields: the input's own id, where it may be published."""

_ID = r"^[A-Za-z0-9_.:/()-]{1,64}$"
_MOBILE = r"1[3-9][0-9]{9}"
_PERSONAL_ID = (
    # Ids are often a date and a telephone number glued together, so one boundary is enough.
    rf"(?:^|[^0-9]){_MOBILE}|{_MOBILE}(?:$|[^0-9])"
    r"|(?:^|[^0-9])0[0-9]{2,3}-?[2-9][0-9]{6,7}(?:$|[^0-9])"
    r"|[1-9][0-9]{5}(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])[0-9]{3}[0-9Xx]"
)
_LABEL = r"^[^\n]{1,40}$"
_TIME = r"^[0-9年月日号时點点分秒上下午晚凌晨星期周一二三四五六天\s:：/.,，+TZtzAPMapm-]{4,40}$"


@dataclass(frozen=True)
class Batch:
    """Up to `ROWS` rows of one sheet.

    Args:
        rows: the number of each row as the file's own program shows it; None for a whole document.
        values: by field, one raw value per row.
        meta: by row, the unmapped columns.
        guide: by row, whether the text was composed of a service guide's columns.
        broken: row index to reason, for rows that cannot be read.
        headers: all columns seen.
        mapping: field to header, as read.
        rest: the columns that go to `meta`.
        encoding: of a text format.
    """

    rows: Sequence[int | None]
    values: Mapping[str, Sequence[Any] | pa.Array]
    meta: Sequence[Mapping[str, Any]]
    guide: Sequence[bool]
    broken: Mapping[int, str] = field(default_factory=dict)
    headers: Sequence[str] = ()
    mapping: Mapping[str, str] = field(default_factory=dict)
    rest: Sequence[str] = ()
    sheet: str | None = None
    encoding: str | None = None


@dataclass(frozen=True)
class Failure:
    """A file or a sheet that gives no rows; it stands in the ledger as one row."""

    reason: str
    evidence: str | None = None
    sheet: str | None = None


@dataclass(frozen=True)
class Broken:
    """A row that cannot be read, in the place of its cells."""

    reason: str


Cells = Sequence[str | None]


def below_header(
    rows: Iterable[Cells | Broken], settings: Settings
) -> tuple[tuple[str, ...], Iterator[tuple[int, Cells | Broken]]] | None:
    """The header of a sheet, and the numbered rows below it; None when every row is empty."""
    numbered = itertools.dropwhile(
        lambda item: not isinstance(item[1], Broken) and not any(item[1]), enumerate(rows, start=1)
    )
    top = list(itertools.islice(numbered, HEADER_ROWS))
    header = header_row([() if isinstance(row, Broken) else row for _, row in top], settings)
    if header is None:
        return None
    names = unique(row for row in top[header][1])  # type: ignore[union-attr]  # not a broken row
    return names, itertools.chain(top[header + 1 :], numbered)


def tabulate(
    headers: Sequence[str],
    numbered: Iterable[tuple[int, Cells | Broken]],
    settings: Settings,
    *,
    sheet: str | None = None,
    encoding: str | None = None,
) -> Iterator[Batch | Failure]:
    """Batches of a sheet's rows under one header; rows whose cells are all empty are no rows.

    Args:
        headers: the header's cells, each name once.
        numbered: row number and cells, below the header. Cells beyond the header go to `meta`.
    """
    columns = map_columns(headers, settings)
    rows = (item for item in numbered if isinstance(item[1], Broken) or any(item[1]))
    while part := list(itertools.islice(rows, ROWS)):
        cells = [() if isinstance(row, Broken) else row for _, row in part]
        values, meta = _by_field(headers, columns, cells)
        yield Batch(
            rows=[number for number, _ in part],
            values=values,
            meta=meta,
            guide=[bool(columns.guide)] * len(part),
            broken={
                index: row.reason if isinstance(row, Broken) else "no_text_column"
                for index, (_, row) in enumerate(part)
                if isinstance(row, Broken) or not columns.has_text
            },
            headers=headers,
            mapping=columns.fields,
            rest=columns.rest,
            sheet=sheet,
            encoding=encoding,
        )


def assemble(item: Batch | Failure, settings: Settings, *, file: str, digest: str, copy: int) -> pa.Table:
    """A batch as records in the working schema with `own_id` behind; what is unusable is dropped.

    A file or sheet that gave no rows is one dropped record.

    Args:
        file, digest, copy: name, SHA-256 and number of the file's copy, of which the ids are made.
    """
    batch = item if isinstance(item, Batch) else Batch([None], {}, [{}], [False], sheet=item.sheet)
    fields, reasons = _fields(batch)
    if isinstance(item, Failure):
        reasons = [(item.reason, item.evidence)]
    nothing = pa.nulls(len(batch.rows), pa.string())
    own_id, label, time, kind, source, license_ = (
        fields.pop(name, nothing) for name in ("id", "label", "original_time", "kind", "source", "license")
    )
    # What is published without being anonymised must have the form of what it is said to be.
    is_time = _matches(time, _TIME, otherwise=_PERSONAL_ID)
    label = pc.if_else(_matches(label, _LABEL, otherwise=_PERSONAL_ID), label, nothing)
    is_id = _matches(own_id, _ID, otherwise=_PERSONAL_ID)
    table = records.table(
        {
            **fields,
            "id": [record_id(digest, copy, batch.sheet, row) for row in batch.rows],
            "kind": _kinds(kind, batch.guide, settings.kind),
            "labels": [None if value is None else [_input_label(value)] for value in label.to_pylist()],
            "source": pc.coalesce(source, pa.scalar(settings.source, pa.string())),
            "license": pc.coalesce(license_, pa.scalar(settings.license, pa.string())),
            "original_time": pc.if_else(is_time, time, nothing),
            "generated": pa.repeat(False, len(batch.rows)),
            "source_details": [
                {"file": file, "sheet": batch.sheet, "row": row, "page": None} for row in batch.rows
            ],
            "meta": _meta(batch, pc.if_else(is_time, nothing, time)),
        },
        settings.fields,
    )
    table = records.drop(
        table,
        [reason is not None for reason in reasons],
        stage="ingest",
        reason=[reason and reason[0] for reason in reasons],
        evidence=[reason and reason[1] for reason in reasons],
    )
    return table.append_column(OWN_ID, pc.if_else(is_id, own_id, nothing))


def record_id(digest: str, copy: int, sheet: str | None, row: int | None) -> str:
    """The id of a record that has none of its own: 32 hexadecimal digits, the same wherever the file lies."""
    place = "\0".join((digest, str(copy), sheet or "", "" if row is None else str(row)))
    return hashlib.sha256(place.encode()).hexdigest()[:32]


def _by_field(
    headers: Sequence[str], columns: Columns, cells: Sequence[Cells]
) -> tuple[dict[str, list[str | None]], list[dict[str, str | None]]]:
    """The values of each field, and by row what no field took."""
    position = {header: index for index, header in enumerate(headers)}
    width = len(headers)
    padded = [(*row[:width], *[None] * (width - len(row))) for row in cells]
    values = {name: [row[position[header]] for row in padded] for name, header in columns.fields.items()}
    if columns.guide:
        guide = [(header, position[header]) for header in columns.guide]
        values["text"] = [compose((header, row[index]) for header, index in guide) for row in padded]
    rest = [(header, position[header]) for header in columns.rest]
    meta = [{header: row[index] for header, index in rest if row[index]} for row in padded]
    for said, row in zip(meta, cells, strict=True):
        for index in range(width, len(row)):
            if row[index]:
                said[f"column_{index + 1}"] = row[index]
    return values, meta


Reason = tuple[str, str | None]
"""A reason and its evidence."""


def _fields(batch: Batch) -> tuple[dict[str, pa.Array], list[Reason | None]]:
    """The values of each field as strings, and by row why it is unusable; faults of the text go first."""
    reasons: list[Reason | None] = [None] * len(batch.rows)
    for index, reason in batch.broken.items():
        reasons[index] = (reason, None)
    fields: dict[str, pa.Array] = {"text": pa.nulls(len(batch.rows), pa.string())}
    for name in sorted(
        batch.values, key=lambda name: (name != "text", name not in records.TEXT_FIELDS, name)
    ):
        fields[name], faults = _strings(name, batch.values[name])
        for index, reason in faults.items():
            reasons[index] = reasons[index] or (reason, name)
    for index in _indices(fields["text"].is_null()):
        reasons[index] = reasons[index] or ("no_text", "text")
    return fields, reasons


def _strings(name: str, values: Sequence[Any] | pa.Array) -> tuple[pa.Array, dict[int, str]]:
    """A field's values as strings, null where blank; and the index and reason of those that are unusable."""
    faults: dict[int, str] = {}
    if not isinstance(values, pa.Array):
        if not set(map(type, values)) <= {str, type(None)}:
            values = [_string(name, index, value, faults) for index, value in enumerate(values)]
        values = pa.array(values, pa.string())
    strings = values.cast(pa.string())
    scientific = pc.match_substring_regex(strings, precision.SCIENTIFIC).fill_null(False)
    if pc.any(scientific).as_py():
        restored = strings.to_pylist()
        for index in _indices(scientific):
            restored[index] = precision.restore(restored[index])
            if isinstance(restored[index], precision.Lost):
                faults.setdefault(index, "precision_lost")
        strings = pa.array(restored, pa.string())
    trimmed = pc.utf8_trim_whitespace(strings)
    kept = strings if name in records.TEXT_FIELDS else trimmed
    return pc.if_else(pc.equal(trimmed, ""), pa.scalar(None, pa.string()), kept), faults


def _string(name: str, index: int, value: Any, faults: dict[int, str]) -> str | None:
    text: str | None
    if isinstance(value, (dict, list, bool)):
        if name in records.TEXT_FIELDS:
            faults[index] = "not_text"
            return None
        text = _json(value)
    else:
        text = precision.display(value)
    if isinstance(text, precision.Lost):
        faults[index] = "precision_lost"
    return text


def _matches(strings: pa.Array, pattern: str, *, otherwise: str) -> pa.Array:
    """Whether a value has the form of `pattern` and nothing of the form of `otherwise` in it."""
    good = pc.match_substring_regex(strings, pattern)
    bad = pc.match_substring_regex(strings, otherwise)
    return pc.and_(good, pc.invert(bad)).fill_null(False)


def _kinds(column: pa.Array, guide: Sequence[bool], default: str) -> pa.Array:
    fallback = pc.if_else(pa.array(guide, pa.bool_()), "service_item", default)
    valid = pc.is_in(column, pa.array(records.KINDS))
    return pc.if_else(valid, column, fallback)


def _input_label(value: str) -> dict[str, Any]:
    return {"scheme": "input", "value": value, "method": "input", "abstained": False}


def _meta(batch: Batch, no_time: pa.Array) -> list[str | None]:
    """The unmapped columns as JSON, with what stood in the column of the time and is none."""
    said = [dict(row) for row in batch.meta]
    for index in _indices(no_time.is_valid()):
        said[index][batch.mapping["original_time"]] = no_time[index].as_py()
    return [_json(row) if row else None for row in said]


def _indices(mask: pa.Array) -> list[int]:
    return [int(index) for index in np.flatnonzero(mask.to_numpy(zero_copy_only=False))]


def _json(value: Any) -> str:
    try:
        return orjson.dumps(value, default=str).decode()
    except TypeError:  # an integer of more than 64 bits
        return json.dumps(value, ensure_ascii=False, default=str)
