"""Runs of equal values in ordered arrays."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Number = TypeVar("Number", bound=np.number[Any])


def opens(*columns: NDArray[np.number[Any]]) -> NDArray[np.bool_]:
    """Whether a run begins here: the first position, or a value differs from the one before."""
    mask = np.zeros(len(columns[0]), bool)
    mask[:1] = True
    for column in columns:
        mask[1:] |= column[1:] != column[:-1]
    return mask


def first(*columns: NDArray[np.number[Any]]) -> NDArray[np.int64]:
    """For each position, where its run begins."""
    return np.maximum.accumulate(np.where(opens(*columns), np.arange(len(columns[0])), 0))


def slices(column: NDArray[np.number[Any]]) -> Iterator[slice]:
    """Each run."""
    starts = np.flatnonzero(opens(column)).tolist()
    for start, stop in zip(starts, [*starts[1:], len(column)], strict=False):
        yield slice(start, stop)


def unique(values: NDArray[Number]) -> NDArray[Number]:
    """The distinct values, sorted. (`np.unique` hashes first, which takes ten times as long here.)"""
    values = np.sort(values)
    return values[opens(values)]
