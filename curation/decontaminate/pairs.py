"""Hashes and pairs of numbers as sorted arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from curation.deduplicate import runs

Rows = NDArray[np.int64]
Hashes = NDArray[np.uint64]


@dataclass(frozen=True)
class Found:
    """Pairs of a record and an item's text, and how much of it."""

    record: Rows
    field: Rows
    score: NDArray[np.float64]


def distinct_pairs(hashes: Hashes, owners: Rows) -> tuple[Hashes, Rows]:
    """Each pair once, sorted."""
    order = np.lexsort((owners, hashes))
    hashes, owners = hashes[order], owners[order]
    opens = runs.opens(hashes, owners)
    return hashes[opens], owners[opens]


def among(hashes: Hashes, values: Hashes) -> NDArray[np.bool_]:
    """Whether each is one of the sorted values."""
    if not values.size:
        return np.zeros(hashes.size, bool)
    place = np.minimum(np.searchsorted(values, hashes), values.size - 1)
    answer: NDArray[np.bool_] = values[place] == hashes
    return answer


def spread(starts: Rows, values: Rows, places: Rows) -> tuple[Rows, Rows]:
    """All values of the runs at these places, and for each the index of its place."""
    counts = starts[places + 1] - starts[places]
    which = np.repeat(np.arange(places.size), counts)
    offset = np.arange(which.size) - runs.first(which)
    return values[starts[places][which] + offset], which


def counted(field: Rows, record: Rows) -> tuple[Rows, Rows, Rows]:
    """Each pair once, and how often it stands there."""
    order = np.lexsort((field, record))
    field, record = field[order], record[order]
    opens = runs.opens(field, record)
    starts = np.flatnonzero(opens)
    return field[opens], record[opens], np.diff(np.append(starts, field.size))
