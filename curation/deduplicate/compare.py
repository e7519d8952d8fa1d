"""Exact similarities of pairs of texts, a bounded number of code points in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from curation.deduplicate import runs
from curation.deduplicate.shingles import jaccard, shingle_sets
from curation.deduplicate.verdict import Rows

FetchTexts = Callable[[Rows], Sequence[str]]
"""The texts of some rows, in their order; asked for at most `_HELD` code points at a time."""

Pairs = NDArray[np.int64]
"""Shape (pairs, 2)."""

_AT_ONCE = 1 << 21
"""Code points compared at once."""

_HELD = 1 << 27
"""Code points of candidates held in memory, two bytes each for Chinese."""


class Similarities:
    """Exact similarities of pairs of texts, each computed once.

    Attributes:
        pairs: all pairs known, smaller index first, sorted.
        scores: their similarities.
    """

    def __init__(self, texts: Texts) -> None:
        self._texts = texts
        self._keys = np.empty(0, np.int64)
        self.scores = np.empty(0)

    @property
    def pairs(self) -> Pairs:
        return np.stack(np.divmod(self._keys, max(len(self._texts), 1)), axis=1)

    def add(self, pairs: Pairs) -> None:
        """Compare the pairs that are not known yet."""
        new = self._unknown(runs.unique(self._key(pairs)))
        pairs = np.stack(np.divmod(new, max(len(self._texts), 1)), axis=1)
        scores = self._compare(pairs)
        keys = np.concatenate((self._keys, new))
        order = np.argsort(keys)
        self._keys, self.scores = keys[order], np.concatenate((self.scores, scores))[order]

    def of(self, pairs: Pairs) -> NDArray[np.float64]:
        """The similarities of these pairs, compared now where not known."""
        self.add(pairs)
        return self.scores[np.searchsorted(self._keys, self._key(pairs))]

    def _unknown(self, keys: NDArray[np.int64]) -> NDArray[np.int64]:
        place = np.searchsorted(self._keys, keys)
        known = np.append(self._keys, -1)[place] == keys
        unknown: NDArray[np.int64] = keys[~known]
        return unknown

    def _key(self, pairs: Pairs) -> NDArray[np.int64]:
        keys: NDArray[np.int64] = pairs.min(axis=1) * len(self._texts) + pairs.max(axis=1)
        return keys

    def _compare(self, pairs: Pairs) -> NDArray[np.float64]:
        scores = np.empty(len(pairs))
        self._texts.hold(runs.unique(pairs.ravel()))
        # Neighbours in the graph of pairs one after the other, so that a text is fetched about once.
        order = np.argsort(components(len(self._texts), pairs)[pairs[:, 0]], kind="stable")
        for batch in self._texts.batches(pairs[order]):
            nodes = runs.unique(pairs[order[batch]].ravel())
            place = np.searchsorted(nodes, pairs[order[batch]])
            sets = shingle_sets(self._texts[nodes])
            scores[order[batch]] = [jaccard(sets[a], sets[b]) for a, b in place.tolist()]
        return scores


class Texts:
    """The distinct texts by index, fetched a bounded number of code points at a time.

    Those asked for once are held, up to `_HELD` code points: every fetch goes through the whole input.
    """

    def __init__(self, rows: Rows, lengths: Rows, fetch: FetchTexts) -> None:
        self._rows, self._lengths, self._fetch = rows, lengths, fetch
        self._held: dict[int, str] = {}

    def hold(self, nodes: Rows) -> None:
        """Fetch these texts at once, if with those held already they are not too many."""
        held = np.fromiter(self._held, np.int64, len(self._held))
        new = np.setdiff1d(nodes, held)
        if len(new) and self._lengths[new].sum() + self._lengths[held].sum() <= _HELD:
            self._held.update(zip(new.tolist(), self._fetch(self._rows[new]), strict=True))

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, nodes: Rows) -> Sequence[str]:
        if all(node in self._held for node in nodes.tolist()):
            return [self._held[node] for node in nodes.tolist()]
        return self._fetch(self._rows[nodes])

    def batches(self, nodes: Rows) -> Iterator[slice]:
        """Slices of `nodes`, texts or pairs of texts, that may be fetched at once."""
        sizes = self._lengths[nodes]
        return runs.slices(np.cumsum(sizes if sizes.ndim == 1 else sizes.sum(axis=1)) // _AT_ONCE)


def components(count: int, pairs: Pairs) -> Rows:
    """The smallest member of each one's connected component."""
    label = np.arange(count)
    one, other = pairs[:, 0], pairs[:, 1]
    while one.size:
        low = np.minimum(label[one], label[other])
        np.minimum.at(label, label[one], low)
        np.minimum.at(label, label[other], low)
        while (label != (root := label[label])).any():
            label = root
        apart = label[one] != label[other]
        one, other = one[apart], other[apart]
    return label
