"""The one schema every record has on its way through the stages: `records/1`.

Field names follow TC609-5-2025-02 (high-quality data set, format requirements) where it has one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

VERSION = "records/1"

KINDS = ("letter", "work_order", "service_item", "document", "law", "question_answer", "text")
"""Values of the column `kind`."""

SPLITS = ("train", "validation", "test")
"""Values of the column `split`."""

ROLES = ("system", "user", "assistant")
"""Who can say a message."""

TEXT_FIELDS = ("title", "text", "reply")
"""What people wrote. Every stage that reads or edits text handles all of them."""

PRIVATE_FIELDS = ("person", "phone", "address", "id_number")
"""A work order's columns about a person: never published, and looked for in the record's text."""

INPUT, PERSON = "input", "person"
"""Methods of labels that people gave: with the record, and in a review."""

BY_PEOPLE = (INPUT, PERSON)

LABEL = pa.struct(
    [
        ("scheme", pa.string()),
        ("value", pa.string()),
        ("confidence", pa.float64()),
        ("method", pa.string()),
        ("abstained", pa.bool_()),
        ("annotator", pa.string()),
        ("reviewer", pa.string()),
    ]
)
MESSAGE = pa.struct([("role", pa.string()), ("content", pa.string()), ("weight", pa.float64())])
QUALITY = pa.struct([("metric", pa.string()), ("value", pa.float64())])
SOURCE_DETAILS = pa.struct(
    [("file", pa.string()), ("sheet", pa.string()), ("row", pa.int64()), ("page", pa.int64())]
)
PII = pa.struct(
    [
        ("field", pa.string()),
        ("start", pa.int32()),
        ("end", pa.int32()),
        ("type", pa.string()),
        ("score", pa.float32()),
        ("recogniser", pa.string()),
        ("action", pa.string()),
    ]
)

PUBLIC = pa.schema(
    [
        ("id", pa.string()),
        ("parent", pa.string()),
        ("kind", pa.string()),
        ("title", pa.string()),
        ("text", pa.string()),
        ("reply", pa.string()),
        ("messages", pa.list_(MESSAGE)),
        ("labels", pa.list_(LABEL)),
        ("quality", pa.list_(QUALITY)),
        ("source", pa.string()),
        ("license", pa.string()),
        ("original_time", pa.string()),
        ("generated", pa.bool_()),
        ("cluster", pa.string()),
        ("split", pa.string()),
    ]
)
"""The allow-list of `RUN/data`; a recipe may add category fields of its own."""

PRIVATE = pa.schema(
    [
        ("source_details", SOURCE_DETAILS),
        ("person", pa.string()),
        ("phone", pa.string()),
        ("address", pa.string()),
        ("id_number", pa.string()),
        ("meta", pa.string()),  # unmapped columns, one JSON object
        ("pii", pa.list_(PII)),  # offsets in the text as the anonymise stage received it
        ("content", pa.string()),  # digest of title, text and reply as the anonymise stage received them
    ]
)
"""What stays in `RUN.private`."""

FATE = pa.schema(
    [
        ("fate", pa.string()),  # null while the record is alive, else `dropped` or `expanded`
        ("stage", pa.string()),
        ("reason", pa.string()),
        ("evidence", pa.string()),
        ("ref_id", pa.string()),
        ("relation", pa.string()),  # duplicate_of | variant_of
        ("score", pa.float64()),
    ]
)
"""What a stage says about a record instead of removing it. `ref_id`, `relation` and `score` may also
stand on a living record (a variant is kept and names the record it varies)."""


_NAMES = frozenset([*PUBLIC.names, *PRIVATE.names, *FATE.names])


def schema(fields: Sequence[str] = ()) -> pa.Schema:
    """The working schema: public, recipe's own category `fields` (strings), private and fate columns."""
    own = [pa.field(name, pa.string()) for name in fields]
    return pa.schema([*PUBLIC, *own, *PRIVATE, *FATE])


def public_schema(fields: Sequence[str] = ()) -> pa.Schema:
    """The columns that may be published, in order."""
    return pa.schema([*PUBLIC, *(pa.field(name, pa.string()) for name in fields)])


def own_fields(columns: pa.Schema) -> list[str]:
    """The recipe's category fields among the columns of a table."""
    return [name for name in columns.names if name not in _NAMES]


def table(columns: Mapping[str, Any], fields: Sequence[str] = ()) -> pa.Table:
    """A table in the working schema from some of its columns; the others are null.

    Raises:
        KeyError: a column is not part of the schema.
    """
    wanted = schema(fields)
    if unknown := set(columns) - set(wanted.names):
        raise KeyError(f"not in {VERSION}: {', '.join(sorted(unknown))}")
    rows = len(next(iter(columns.values()))) if columns else 0
    return pa.table(
        [
            _column(columns[field.name], field.type) if field.name in columns else pa.nulls(rows, field.type)
            for field in wanted
        ],
        schema=wanted,
    )


def alive(records: pa.Table) -> pa.ChunkedArray:
    """Boolean mask of the records without a fate."""
    return pc.is_null(records["fate"])


def with_columns(records: pa.Table, columns: Mapping[str, Any]) -> pa.Table:
    """The table with these columns replaced, types as the schema has them."""
    for name, values in columns.items():
        index = records.schema.get_field_index(name)
        field = records.schema.field(index)
        records = records.set_column(index, field, _column(values, field.type))
    return records


def drop(
    records: pa.Table,
    mask: Any,
    *,
    stage: str,
    reason: Any,
    evidence: Any = None,
    ref_id: Any = None,
    relation: Any = None,
    score: Any = None,
) -> pa.Table:
    """Give the records under the boolean `mask` the fate `dropped`; nothing is removed.

    Args:
        mask: one boolean per record (array or sequence).
        reason, evidence, ref_id, relation, score: one value for all, or one per record.
    """
    mask = _column(mask, pa.bool_())
    said = {
        "fate": "dropped",
        "stage": stage,
        "reason": reason,
        "evidence": evidence,
        "ref_id": ref_id,
        "relation": relation,
        "score": score,
    }
    columns = {}
    for name, value in said.items():
        kind = FATE.field(name).type
        new = (
            pa.scalar(value, kind)
            if value is None or isinstance(value, (str, float))
            else _column(value, kind)
        )
        columns[name] = pc.if_else(mask, new, records[name])
    return with_columns(records, columns)


def _column(values: Any, kind: pa.DataType) -> Any:
    if isinstance(values, (pa.Array, pa.ChunkedArray)):
        return values.cast(kind)
    return pa.array(values, kind)
