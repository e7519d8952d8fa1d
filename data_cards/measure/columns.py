"""The data files and their columns: rows, types, and how often a value is missing."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from curation.files import sha256
from data_cards.dataset import Dataset, Part
from data_cards.readers import is_mixed


class Columns:
    """`files` and `columns`. Pictures, sound and other bytes are columns, too, but nobody opens them."""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self.columns = [field.name for field in dataset.schema if not _holds_bytes(field.type)]
        self._rows: Counter[Path] = Counter()
        self._missing: Counter[str] = Counter()

    def add(self, part: Part) -> None:
        self._rows[part.path] += part.table.num_rows
        for name in self.columns:
            self._missing[name] += _missing(part.table[name])

    def result(self) -> dict[str, Any]:
        files = self._dataset.files
        return {
            "files": {
                path.relative_to(self._dataset.folder).as_posix(): {
                    "sha256": sha256(path),
                    "bytes": path.stat().st_size,
                    "rows": self._rows[path],
                    "split": split,
                }
                for split, paths in files.items()
                for path in paths
            },
            "columns": {
                field.name: {
                    "type": "mixed" if is_mixed(field) else str(field.type),
                    "missing": self._missing[field.name] if field.name in self.columns else None,
                }
                for field in self._dataset.schema
            },
        }


def _missing(values: pa.ChunkedArray) -> int:
    """Null, or a string of nothing but white space, or an empty list."""
    kind = values.type
    if values.null_count == len(values):
        return int(values.null_count)
    if pa.types.is_string(kind):
        said = pc.match_substring_regex(values, r"[^\s\p{Z}]")
        return int(len(values) - (pc.sum(said).as_py() or 0))
    if pa.types.is_list(kind):
        empty = pc.sum(pc.equal(pc.list_value_length(values), 0)).as_py() or 0
        return int(values.null_count + empty)
    return int(values.null_count)


def _holds_bytes(kind: pa.DataType) -> bool:
    if pa.types.is_nested(kind):
        return any(_holds_bytes(kind.field(place).type) for place in range(kind.num_fields))
    return bool(
        pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_fixed_size_binary(kind)
        or pa.types.is_binary_view(kind)
    )
