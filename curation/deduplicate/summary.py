"""What is kept of each text until the verdict: some two hundred bytes, whatever its length.

One Arrow table is the summary everywhere: an exchange's keys, a worker's answer, the rows of an index.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from curation.deduplicate.exact import digests
from curation.deduplicate.minhash import band_keys

Item = TypeVar("Item", bound=np.generic)

FACTS = pa.schema(
    [("id", pa.string()), ("moment", pa.int64()), ("quality", pa.float64()), ("source", pa.string())]
)
"""What the survivor policies may ask of a record besides its text. `moment`: see `keep.moments`; null in any
of them where the record does not say."""


def summarise(texts: Sequence[str], facts: pa.Table, threshold: float | None) -> pa.Table:
    """The summary of some texts.

    Args:
        facts: columns of `FACTS`, all or some.
        threshold: of near duplicates; None where only identical texts are looked for.

    Returns:
        The facts, `digest` (16 bytes, see `exact.digests`), `length` in code points and, with a threshold,
        `bands` (four bytes each, see `minhash.band_keys`).
    """
    columns = {name: facts[name] for name in facts.column_names}
    columns["digest"] = packed(digests(texts))
    columns["length"] = np.fromiter(map(len, texts), np.int64, len(texts))
    if threshold is not None:
        columns["bands"] = packed(band_keys(texts, threshold))
    return pa.table(columns)


def packed(rows: NDArray[Any]) -> pa.Array:
    """A matrix as fixed-size binary, one value per row."""
    width = rows.shape[1] * rows.itemsize
    buffer = pa.py_buffer(np.ascontiguousarray(rows))
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(width), len(rows), [None, buffer])


def unpacked(column: pa.ChunkedArray | pa.Array, kind: type[Item]) -> NDArray[Item]:
    """The matrix of which `packed` made a column."""
    width = column.type.byte_width
    chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    parts = [
        np.frombuffer(chunk.buffers()[1], np.uint8, len(chunk) * width, chunk.offset * width)
        for chunk in chunks
        if len(chunk)
    ]
    joined = parts[0] if len(parts) == 1 else np.concatenate(parts or [np.empty(0, np.uint8)])
    return joined.view(kind).reshape(len(column), width // np.dtype(kind).itemsize)
