"""Which vectors are linked by pairs whose cosine reaches a threshold, exactly and in little memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curation.deduplicate.encoder import Vectors

Rows = NDArray[np.int64]

BLOCK = 1024
EXACT = 4096
"""Rows of vectors that are multiplied, and that are computed exactly, at once."""


def cosine_clusters(vectors: Vectors, threshold: float, ranked: Rows) -> Iterator[Rows]:
    """The rows of each cluster of two or more that pairs at or above the threshold link, by rank."""
    living = ranked[vectors[ranked].any(axis=1)]
    if not len(living):
        return
    packed = np.ascontiguousarray(vectors[living]).view(np.dtype((np.void, 2 * vectors.shape[1])))[:, 0]
    _, first, same = np.unique(packed, return_index=True, return_inverse=True)
    roots = _linked(vectors[living[first]], threshold)[same]
    for rows in apart(living, roots):
        if len(rows) > 1:
            yield rows


def apart(rows: Rows, label: NDArray[np.integer[Any]]) -> list[Rows]:
    """The rows apart by label, each part in the given order."""
    order = np.argsort(label, kind="stable")
    ordered = label[order]
    return np.split(rows[order], np.flatnonzero(ordered[1:] != ordered[:-1]) + 1)


def to_first(vectors: Vectors, rows: Rows) -> NDArray[np.float64]:
    """The cosine of each of these rows and the first of them."""
    parts = [rows[at : at + EXACT] for at in range(0, len(rows), EXACT)]
    return np.concatenate([cosines(vectors[part], vectors[rows[:1]]) for part in parts])


def cosines(one: Vectors, other: Vectors) -> NDArray[np.float64]:
    """Row by row. Products of half precision are multiples of 2**-48, so their sums in double precision are
    exact in any order: the same two vectors have the same cosine everywhere."""
    a, b = one.astype(np.float64), other.astype(np.float64)
    dot = np.einsum("ij,ij->i", a, np.broadcast_to(b, a.shape))
    lengths = np.einsum("ij,ij->i", a, a) * np.einsum("ij,ij->i", b, b)
    cosines: NDArray[np.float64] = np.minimum(dot / np.sqrt(lengths), 1.0)
    return cosines


def _linked(vectors: Vectors, threshold: float) -> Rows:
    """For each vector one that stands for its cluster. Memory holds one block of pairs at a time."""
    parent = np.arange(len(vectors))
    margin = (vectors.shape[1] + 8) * float(np.finfo(np.float32).eps)  # more than float32 sums can be off
    starts = range(0, len(vectors), BLOCK)
    for start in starts:
        left = _unit(vectors[start : start + BLOCK])
        for other in starts[start // BLOCK :]:
            right = _unit(vectors[other : other + BLOCK])
            close = left @ right.T
            pairs = close >= threshold - margin
            here, there = np.arange(start, start + len(left)), np.arange(other, other + len(right))
            pairs &= _roots(parent, here)[:, None] != _roots(parent, there)
            one, two = np.nonzero(pairs)
            certain = close[one, two] >= threshold + margin
            _join(parent, here, there, one[certain], two[certain])
            one, two = one[~certain], two[~certain]
            for at in range(0, len(one), EXACT):
                a, b = one[at : at + EXACT], two[at : at + EXACT]
                linked = cosines(vectors[here[a]], vectors[there[b]]) >= threshold
                _join(parent, here, there, a[linked], b[linked])
    return _roots(parent, np.arange(len(vectors)))


def _roots(parent: Rows, rows: Rows) -> Rows:
    found = parent[rows]
    while (parent[found] != found).any():
        found = parent[found]
    parent[rows] = found
    return found


def _join(parent: Rows, here: Rows, there: Rows, one: Rows, two: Rows) -> None:
    """Link `here[one]` to `there[two]`: the first of the roots that become one is the root of all."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if not len(one):
        return
    ids, ends = np.unique(_roots(parent, np.concatenate((here, there))), return_inverse=True)
    edges = (ends[one], ends[len(here) + two])
    graph = coo_array((np.ones(len(one), bool), edges), shape=(len(ids), len(ids)))
    _, label = connected_components(graph, directed=False)
    parent[ids] = ids[np.unique(label, return_index=True)[1]][label]


def _unit(vectors: Vectors) -> NDArray[np.float32]:
    rows = vectors.astype(np.float32)
    rows /= np.sqrt((rows * rows).sum(axis=1, keepdims=True))
    return rows
