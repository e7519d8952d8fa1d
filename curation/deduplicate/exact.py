"""Which texts are the same, code point by code point."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from curation.deduplicate import runs
from curation.deduplicate.verdict import Rows, Standing, Summary, Verdict

DIGEST_BYTES = 16


def judge_exact(summary: Summary, rank: Rows) -> Verdict:
    """The verdict where only identical texts are duplicates; of these the smallest rank survives."""
    same = distinct(summary, rank)
    return same.spread(Standing.alone(len(same.best)))


def digests(texts: Sequence[str]) -> NDArray[np.uint64]:
    """128-bit digest of each text, shape (texts, 2)."""
    joined = b"".join(
        [hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:DIGEST_BYTES] for text in texts]
    )
    return np.frombuffer(joined, np.uint64).reshape(-1, 2)


@dataclass(frozen=True)
class Distinct:
    """The distinct texts among many, in the order of their digests: an order the input's has no part in.

    Attributes:
        of: for each text, its distinct text.
        best: for each distinct text, the row that the rank prefers.
    """

    of: Rows
    best: Rows

    def spread(self, standing: Standing) -> Verdict:
        """The verdict over all texts from the one over the distinct ones."""
        best = self.best[self.of]
        survivor = standing.survivor[self.of]
        goes = (best != np.arange(len(best))) | (survivor != self.of)
        variant = standing.variant[self.of]
        varies = ~goes & (variant >= 0)
        relation = np.full(len(best), None, object)
        relation[goes], relation[varies] = "duplicate_of", "variant_of"
        return Verdict(
            relation=relation,
            ref=np.where(goes, self.best[survivor], np.where(varies, self.best[variant], -1)),
            exact=goes & (survivor == self.of),
            score=np.where(goes, standing.score[self.of], standing.variant_score[self.of]),
            cluster=self.best[standing.cluster[self.of]],
        )


def distinct(summary: Summary, rank: Rows) -> Distinct:
    """Group equal texts; in each group the row with the smallest rank is the best. Empty texts stay alone."""
    high, low = summary.digests.T
    order = np.lexsort((rank, low, high))
    opens = runs.opens(high[order], low[order]) | (summary.lengths[order] == 0)
    of = np.empty(len(order), np.int64)
    of[order] = np.cumsum(opens) - 1
    return Distinct(of=of, best=order[opens])
