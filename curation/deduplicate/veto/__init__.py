"""What makes two similar texts different documents: their numbers, dates, document numbers and regions.

Each veto reads a text as a set of values: it matters neither how, where nor how often one is said. Two texts
are variants of each other, not duplicates, if the sets differ. 三百户 says 300, 壹万元 says 10000.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

Veto = Literal["numbers", "dates", "document_number", "region"]
VETOES: tuple[Veto, ...] = get_args(Veto)

MARKS_VERSION = 1
"""Marks of another version must not be compared with these: raise it when a text may be read otherwise."""

_FACTORS = (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB, 0xD6E8FEB86659FD93)


def signatures(texts: Sequence[str], vetoes: Sequence[str]) -> NDArray[np.uint64]:
    """One value per text: equal where no veto keeps two texts apart.

    Args:
        vetoes: names out of VETOES in any order; without one all values are equal.
    """
    return combine(marks(texts), vetoes) if vetoes else np.zeros(len(texts), np.uint64)


def marks(texts: Sequence[str]) -> NDArray[np.uint64]:
    """One row per text, one column per veto in the order of VETOES: what `combine` makes signatures of.

    A mark depends on the text alone, the same in every process, so it can be stored; it tells nothing of the
    text but that another one says the same.
    """
    from curation.deduplicate.veto import (  # whose patterns take a third of a second to compile
        figures,
        regions,
    )

    columns = np.empty((len(texts), len(VETOES)), np.uint64)
    for row, text in enumerate(texts):
        said = figures.read(text)
        columns[row] = (
            _mark(said.numbers),
            _mark(said.dates),
            _mark(said.document_numbers),
            _mark(regions.read(text)),
        )
    return columns


def combine(marks: NDArray[np.uint64], vetoes: Sequence[str]) -> NDArray[np.uint64]:
    """The signatures under these vetoes, out of stored marks.

    Args:
        marks: as `marks` gave them, shape (texts, len(VETOES)).
    """
    together = np.zeros(len(marks), np.uint64)
    for column, veto in enumerate(VETOES):
        if veto in vetoes:
            together = (together ^ marks[:, column]) * np.uint64(_FACTORS[column])
            together ^= together >> np.uint64(32)
    return together


def _mark(values: Iterable[str]) -> int:
    said = "\n".join(sorted(set(values)))
    return int.from_bytes(
        hashlib.blake2b(said.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little"
    )
