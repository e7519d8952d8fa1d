"""The stage `screen`: a record with a secrecy or internal mark in any text field is dropped."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from curation import records
from curation.screen.marks import INTERNAL, SUSPECT, Mark, find_mark
from curation.stage import Stage


class Screen(Stage):
    """Drop documents that must not be used: reason `secrecy_mark`, else `internal_mark`.

    The evidence names the mark, the field and the offset (`机密★ in text at 12`), no other text.
    """

    name = "screen"

    def apply(self, table: pa.Table) -> pa.Table:
        found: dict[int, tuple[Mark, str]] = {}
        for field in records.TEXT_FIELDS:
            suspects = pc.indices_nonzero(pc.match_substring_regex(table[field], SUSPECT))
            for row, text in zip(suspects.to_pylist(), table[field].take(suspects).to_pylist(), strict=True):
                mark = find_mark(text)
                if mark is not None and (row not in found or found[row][0].reason == INTERNAL):
                    found[row] = (mark, field)
        marks = [found.get(row) for row in range(table.num_rows)]
        return records.drop(
            table,
            [hit is not None for hit in marks],
            stage=self.name,
            reason=[hit and hit[0].reason for hit in marks],
            evidence=[hit and f"{hit[0].level} in {hit[1]} at {hit[0].start}" for hit in marks],
        )
