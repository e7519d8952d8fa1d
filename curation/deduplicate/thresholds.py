"""The verdict at many thresholds for little more than one.

Candidates are looked for once, from the lowest threshold on; every pair is compared once and every text read
by the vetoes once. A further threshold only settles anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from curation.deduplicate.compare import Pairs, Similarities
from curation.deduplicate.containment import Containment
from curation.deduplicate.contents import Contents
from curation.deduplicate.exact import Distinct
from curation.deduplicate.keep import Preferences
from curation.deduplicate.near import candidates, settle
from curation.deduplicate.normalise import Normalisation
from curation.deduplicate.verdict import Rows, Verdict

LOWEST = 0.6


def lowest(threshold: float | None) -> float:
    """From where on candidates are looked for, given a run's own threshold."""
    return LOWEST if threshold is None else min(LOWEST, threshold)


@dataclass(frozen=True)
class Material:
    """What verdicts at other thresholds are made of.

    Attributes:
        contents: the distinct texts.
        bands: of them, for `lowest`; see `minhash.band_keys`.
        normalise: differences that do not count.
    """

    same: Distinct
    contents: Contents
    bands: NDArray[np.uint32]
    preferences: Preferences
    vetoes: Sequence[str]
    containment: Containment | None
    lowest: float
    normalise: Sequence[Normalisation] = ()

    @cached_property
    def compared(self) -> tuple[Similarities, Similarities]:
        """The candidates, and the store of everything that is ever compared."""
        store = Similarities(_Remembered(self.contents))
        candidate = _Candidates(store)
        candidate.add(candidates(self.bands, self.contents.lengths, self.lowest))
        return candidate, store

    def verdict(self, threshold: float) -> Verdict:
        """The verdict at a threshold, whichever others were asked for before."""
        candidate, store = self.compared
        known = _Candidates(store)
        known.add(candidate.pairs)
        standing = settle(
            known,
            self.preferences,
            threshold=threshold,
            vetoes=self.vetoes,
            containment=self.containment,
        )
        return self.same.spread(standing)


class _Candidates(Similarities):
    """Similarities that take from a store what was ever compared, and add to it what was not.

    What one threshold compares besides the candidates is known to the next one for nothing, but is no edge
    there: else the verdict would depend on the thresholds asked for before.
    """

    def __init__(self, store: Similarities) -> None:
        super().__init__(store.contents)
        self._store = store

    def add(self, pairs: Pairs) -> None:
        scores = self._store.of(pairs)
        keys = np.concatenate((self._keys, self._key(pairs)))
        self._keys, first = np.unique(keys, return_index=True)
        self.scores = np.concatenate((self.scores, scores))[first]


class _Remembered:
    """Contents whose signatures are made once; a text is fetched when something is asked of it."""

    def __init__(self, contents: Contents) -> None:
        self.lengths, self.sizes = contents.lengths, contents.sizes
        self._contents = contents
        self._next: Rows | None = None
        self._known = np.zeros(len(self.lengths), bool)
        self._signatures = np.zeros(len(self.lengths), np.uint64)

    def hold(self, nodes: Rows) -> None:
        self._next = nodes

    def shingles(self, nodes: Rows) -> tuple[NDArray[np.uint64], Rows]:
        if self._next is not None:
            self._contents.hold(self._next)
            self._next = None
        return self._contents.shingles(nodes)

    def signatures(self, nodes: Rows, vetoes: Sequence[str]) -> NDArray[np.uint64]:
        """Of the same vetoes at every call."""
        new = nodes[~self._known[nodes]]
        if len(new):
            self._contents.hold(new)
            self._signatures[new] = self._contents.signatures(new, vetoes)
            self._known[new] = True
        return self._signatures[nodes]
