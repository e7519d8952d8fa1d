"""The ledger: one row for every record that came in or was made, with its fate. Private, because source
files and rows identify people; its counts are in the card."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from curation import records

SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("parent", pa.string()),
        ("source", pa.string()),
        ("source_details", records.SOURCE_DETAILS),
        *records.FATE,
    ]
)
"""`fate` is kept, dropped or expanded; held for people is dropped with reason `review`."""

FINDINGS = pa.schema([("id", pa.string()), ("kept", pa.bool_()), *records.PII])
"""Personal data that was found: one row per span, offsets only, never the text. `kept` says whether the
record was published, itself or in a record that was made from it."""


def rows(table: pa.Table) -> pa.Table:
    """The ledger rows of records in the working schema, in the same order."""
    table = records.with_columns(table, {"fate": pc.fill_null(table["fate"], "kept")})
    return table.select(SCHEMA.names).cast(SCHEMA)


def findings(table: pa.Table) -> pa.Table:
    """The rows of the `pii` column, flattened, in the order of the records.

    Args:
        table: records with all that was made from them.
    """
    spans = table["pii"].combine_chunks()
    parents = pc.list_parent_indices(spans)
    flat = pc.list_flatten(spans)
    living = table.filter(records.alive(table))
    published = pa.chunked_array([*living["id"].chunks, *living["parent"].chunks], pa.string()).drop_null()
    kept = pc.is_in(table["id"].combine_chunks(), published)
    return pa.table(
        [
            table["id"].combine_chunks().take(parents),
            kept.take(parents),
            *(flat.field(index) for index in range(flat.type.num_fields)),
        ],
        schema=FINDINGS,
    )


def counts(ledger: pa.Table) -> list[tuple[str, str | None, str | None, int]]:
    """How many records per (fate, stage, reason), sorted; kept records count under their fate alone."""
    kept = pc.equal(ledger["fate"], "kept")
    stage = pc.if_else(kept, pa.scalar(None, pa.string()), ledger["stage"])
    reason = pc.if_else(kept, pa.scalar(None, pa.string()), ledger["reason"])
    grouped = (
        pa.table({"fate": ledger["fate"], "stage": stage, "reason": reason})
        .group_by(["fate", "stage", "reason"])
        .aggregate([([], "count_all")])
    )
    found = [(row["fate"], row["stage"], row["reason"], row["count_all"]) for row in grouped.to_pylist()]
    return sorted(found, key=order)


def order(count: tuple[str, str | None, str | None, int]) -> tuple[bool, str, str, str]:
    """Sorting key of counts: kept first, then by fate, stage and reason."""
    fate, stage, reason, _ = count
    return (fate != "kept", fate, stage or "", reason or "")
