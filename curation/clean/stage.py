"""The stage `clean`: every text field without noise; a record with nothing left is dropped."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from curation import records
from curation.clean.text import SUSPECT, clean_text
from curation.stage import Stage


class Clean(Stage):
    """Clean `title`, `text`, `reply` and the recipe's category fields; drop a record that has no text
    afterwards (`empty_after_clean`)."""

    name = "clean"
    adds = pa.schema([records.PUBLIC.field(name) for name in records.TEXT_FIELDS])

    def apply(self, table: pa.Table) -> pa.Table:
        names = [*records.TEXT_FIELDS, *records.own_fields(table.schema)]
        table = records.with_columns(table, {name: clean_column(table[name]) for name in names})
        empty = pa.array([True] * table.num_rows)
        for name in records.TEXT_FIELDS:
            empty = pc.and_(empty, pc.equal(pc.fill_null(table[name], ""), ""))
        return records.drop(table, empty, stage=self.name, reason="empty_after_clean")


def clean_column(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """`clean_text` over a column; null stays null. Only texts that may hold noise leave Arrow."""
    suspect = pc.fill_null(pc.match_substring_regex(texts, SUSPECT), False)
    cleaned = pa.array([clean_text(text) for text in texts.filter(suspect).to_pylist()], texts.type)
    return pc.replace_with_mask(texts, suspect.combine_chunks(), cleaned)
