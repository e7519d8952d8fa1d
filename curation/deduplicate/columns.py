"""Arrow columns as numpy arrays and back, without copies where that is possible.

pyarrow's own conversions (`pa.array` of a list or an array, `to_numpy`) load pandas when first called,
which takes as long as deduplicating ten thousand records.
"""

from __future__ import annotations

from typing import Any, TypeAlias, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Item = TypeVar("Item", bound=np.generic)
Column: TypeAlias = "pa.ChunkedArray | pa.Array"


def packed(rows: NDArray[Any]) -> pa.Array:
    """A matrix as fixed-size binary, one value per row."""
    width = rows.shape[1] * rows.itemsize
    buffer = pa.py_buffer(np.ascontiguousarray(rows))
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(width), len(rows), [None, buffer])


def unpacked(column: Column, kind: type[Item]) -> NDArray[Item]:
    """The matrix of which `packed` made a column."""
    width = column.type.byte_width
    return _bytes(column, width).view(kind).reshape(len(column), width // np.dtype(kind).itemsize)


def integers(values: NDArray[np.int64]) -> pa.Array:
    """A column of whole numbers."""
    return pa.Array.from_buffers(pa.int64(), len(values), [None, pa.py_buffer(values)])


def numbers(column: Column) -> NDArray[Any]:
    """A column of numbers without nulls."""
    return _bytes(column, column.type.byte_width).view(column.type.to_pandas_dtype())


def strings(values: list[str]) -> pa.Array:
    """A column of strings, null for an empty one; half of a surrogate pair, which is no text, becomes `?`."""
    encoded = [value.encode("utf-8", "replace") for value in values]
    lengths = np.fromiter(map(len, encoded), np.int64, len(encoded))
    offsets = np.concatenate(([0], np.cumsum(lengths))).astype(np.int32)
    valid = np.packbits(lengths > 0, bitorder="little")
    buffers = [pa.py_buffer(each) for each in (valid, offsets, b"".join(encoded))]
    return pa.Array.from_buffers(pa.string(), len(values), buffers)


def string_bytes(column: pa.Array) -> NDArray[np.int32]:
    """The length of each string in UTF-8, 0 where there is none."""
    offsets = np.frombuffer(column.buffers()[1], np.int32, len(column) + 1, column.offset * 4)
    return np.diff(offsets) if len(column) else np.empty(0, np.int32)


def _bytes(column: Column, width: int) -> NDArray[np.uint8]:
    chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    parts = [
        np.frombuffer(chunk.buffers()[1], np.uint8, len(chunk) * width, chunk.offset * width)
        for chunk in chunks
        if len(chunk)
    ]
    return parts[0] if len(parts) == 1 else np.concatenate(parts or [np.empty(0, np.uint8)])
