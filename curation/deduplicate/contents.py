"""What the comparison asks of the texts: shingles and what the vetoes read, a bounded part in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from curation.deduplicate.shingles import shingle_hashes
from curation.deduplicate.verdict import Rows
from curation.deduplicate.veto import signatures

FetchTexts = Callable[[Rows], Sequence[str]]
"""The texts of some rows, in their order. Each call may go through the whole input."""

HELD = 1 << 28
"""Bytes of what is held in memory."""


class Contents(Protocol):
    """Texts by index.

    Attributes:
        lengths: of each text, in code points.
        sizes: bytes it takes to hold what is known of each text.
    """

    lengths: Rows
    sizes: Rows

    def hold(self, nodes: Rows) -> None:
        """Make ready what is asked of these texts next; they are sorted, and of at most HELD bytes."""

    def shingles(self, nodes: Rows) -> tuple[NDArray[np.uint64], Rows]:
        """The shingle hashes of these texts, one text after the other, repeated or not; where each ends."""

    def signatures(self, nodes: Rows, vetoes: Sequence[str]) -> NDArray[np.uint64]:
        """What these vetoes read in these texts, see `veto.signatures`."""


class Texts:
    """Contents of texts that lie elsewhere, by row.

    Args:
        rows: the row of each text.
    """

    def __init__(self, rows: Rows, lengths: Rows, fetch: FetchTexts) -> None:
        self.lengths, self.sizes = lengths, 2 * lengths
        self._rows, self._fetch = rows, fetch
        self._held: dict[int, str] = {}
        self._size = 0

    def hold(self, nodes: Rows) -> None:
        new = np.array([node for node in nodes.tolist() if node not in self._held], np.int64)
        if not len(new):
            return
        if self._size + self.sizes[new].sum() > HELD:
            self._held, self._size, new = {}, 0, nodes
        self._held.update(zip(new.tolist(), self._fetch(self._rows[new]), strict=True))
        self._size += int(self.sizes[new].sum())

    def shingles(self, nodes: Rows) -> tuple[NDArray[np.uint64], Rows]:
        return shingle_hashes([self._held[node] for node in nodes.tolist()])

    def signatures(self, nodes: Rows, vetoes: Sequence[str]) -> NDArray[np.uint64]:
        return signatures([self._held[node] for node in nodes.tolist()], vetoes)
