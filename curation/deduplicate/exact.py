"""Which texts are the same, code point by code point."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from curation.deduplicate import runs
from curation.deduplicate.columns import integers, numbers, string_bytes
from curation.deduplicate.keep import Preferences
from curation.deduplicate.verdict import Rows, Standing, Verdict

DIGEST_BYTES = 16


def digests(texts: Sequence[str]) -> NDArray[np.uint64]:
    """128 bits of SHA-256 of each text in UTF-8, shape (texts, 2)."""
    joined = b"".join(
        [hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:DIGEST_BYTES] for text in texts]
    )
    return np.frombuffer(joined, np.uint64).reshape(-1, 2)


@dataclass(frozen=True)
class Distinct:
    """The distinct texts among many, in the order of their digests: an order the input's has no part in.

    Attributes:
        of: for each text, its distinct text.
        best: for each distinct text, the row that is preferred.
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
            contained=standing.contained[self.of],
            score=np.where(goes, standing.score[self.of], standing.variant_score[self.of]),
            cluster=self.best[standing.cluster[self.of]],
        )


def distinct(
    digests: NDArray[np.uint64], lengths: Rows, preferences: Preferences, ids: pa.Array | None = None
) -> Distinct:
    """Group equal texts; empty texts stay alone.

    Args:
        digests: shape (texts, 2).
        ids: decide where the preferences do not, 9 before 10; then the order of the texts does.
    """
    high, low = digests.T
    order = np.lexsort((low, high))
    opens = runs.opens(high[order], low[order]) | (lengths[order] == 0)
    of = np.empty(len(order), np.int64)
    of[order] = np.cumsum(opens) - 1
    best = order[opens]
    several = np.flatnonzero(np.bincount(of, minlength=len(best))[of] > 1)
    by = [of[several], *(preference[several] for preference in preferences)]
    if ids is not None:  # the shorter first, so that 9 comes before 10
        own = ids.take(integers(several))
        length = string_bytes(own)
        by += [
            np.where(length > 0, length, np.iinfo(np.int32).max),
            numbers(pc.rank(own, tiebreaker="dense")),
        ]
    chosen = several[np.lexsort(by[::-1])]
    chosen = chosen[runs.opens(of[chosen])]
    best[of[chosen]] = chosen
    return Distinct(of=of, best=best)
