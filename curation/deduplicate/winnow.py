"""Which texts may stand whole in a longer one: fingerprints, and the texts that share a rare one.

Winnowing (Schleimer, Wilkerson, Aiken 2003): of each WINDOW shingles in a row the smallest hash is a
fingerprint, so texts with SHORTEST code points in common share one. A formula that all letters end with gives
each of them a bounded number of candidates, never the square of their number.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from curation.deduplicate import runs
from curation.deduplicate.compare import Pairs
from curation.deduplicate.shingles import SIZE, cached, shingle_hashes
from curation.deduplicate.verdict import Rows

WINDOW = 16
SHORTEST = WINDOW + SIZE - 1
"""In code points; a shorter text has no fingerprint."""

RAREST = 4
"""So many of a text's fingerprints, the ones that the fewest other texts have, name its candidates."""

NEIGHBOURS = 4
"""So many texts with that fingerprint, the next longer ones and as many of the longest, are candidates."""

PROBES = 16
"""So many fingerprints of a text are looked for in each of its candidates."""

COMPARED = 8
"""So many candidates of a text are left, the ones that seem to contain the most of it."""

_AT_ONCE = 1 << 20
_PARTS_BITS = 4
_LOW_BITS = np.uint64(32)
_LOW = np.uint64(0xFFFFFFFF)
_SPREAD = np.uint64(0xBF58476D1CE4E5B9)


def fingerprints(texts: Sequence[str]) -> pa.Array:
    """The distinct fingerprints of each text, sorted, as lists of 32 bits: some twelve per 100 shingles."""
    parts, counts = [np.empty(0, np.uint32)], [np.empty(0, np.int64)]
    for chunk in cached(np.fromiter(map(len, texts), np.int64, len(texts))):
        found = _winnowed(*shingle_hashes(texts[chunk]))
        parts.append(found.astype(np.uint32))
        counts.append(np.bincount((found >> _LOW_BITS).view(np.int64), minlength=len(texts[chunk])))
    ends = np.cumsum(np.concatenate(([0], *counts)))
    return pa.LargeListArray.from_arrays(pa.array(ends, pa.int64()), pa.array(np.concatenate(parts)))


def candidate_pairs(lists: pa.LargeListArray, lengths: Rows, share: float) -> Pairs:
    """Pairs of a text and a longer one that may have this share of its shingles.

    Args:
        lists: the fingerprints of each text.
    """
    counts = pc.list_value_length(lists).to_numpy()
    order = np.argsort(lengths, kind="stable")
    by_length = np.empty(len(order), np.uint64)
    by_length[order] = np.arange(len(order))
    shared = _shared(lists.flatten().to_numpy(), np.repeat(by_length, counts))
    lengths, counts = lengths[order], counts[order]
    least = _least_hits(share)
    # A text of which hardly any fingerprint stands in another one is not contained.
    own = np.bincount((shared & _LOW).view(np.int64), minlength=len(counts))
    pairs = _by_rarest(shared, lengths, (own > 0) & (own >= least * counts))
    seems = _seems(pairs, shared, own / np.maximum(counts, 1))
    pairs, seems = pairs[seems >= least], seems[seems >= least]
    best = np.lexsort((-pairs[:, 1], -seems, pairs[:, 0]))
    place = np.arange(len(best)) - runs.first(pairs[best, 0])
    return order[pairs[best[place < COMPARED]]]


def _winnowed(hashes: NDArray[np.uint64], ends: Rows) -> NDArray[np.uint64]:
    """The distinct fingerprints, sorted, each below the number of its text."""
    if len(hashes) < WINDOW:
        return np.empty(0, np.uint64)
    least = hashes
    for width in (1, 2, 4, 8):  # the smallest of 2, 4, 8, 16 in a row
        least = np.minimum(least[:-width], least[width:])
    text = np.repeat(np.arange(len(ends)), np.diff(ends, prepend=0))
    whole = text[: len(least)] == text[WINDOW - 1 :]  # not a window over the border of two texts
    least, text = least[whole], text[: len(whole)][whole]
    new = runs.opens(least, text)
    # Smallest hashes are all small: mixed, so that few different ones look alike in 32 bits.
    mixed = least[new] * _SPREAD >> _LOW_BITS
    return runs.unique(text[new].view(np.uint64) << _LOW_BITS | mixed)


def _least_hits(share: float) -> float:
    """The share of a contained text's fingerprints that the longer one has: two thirds of what one expects.

    A missing shingle is one of four or more in a row, and takes the windows around them along.
    """
    return max((1 - (1 - share) * (1 + (WINDOW - 1) / (SIZE - 1))) * 2 / 3, 0.01)


def _shared(values: NDArray[np.uint32], text: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The fingerprints that several texts have, sorted, each above the number of its text."""
    parts = [np.empty(0, np.uint64)]
    for part in range(1 << _PARTS_BITS):  # a part at a time: most stand in one text only and are not kept
        some = values >> np.uint32(32 - _PARTS_BITS) == part
        keys = values[some].astype(np.uint64) << _LOW_BITS | text[some]
        keys.sort()
        first = runs.opens(keys >> _LOW_BITS)
        alone = first & np.append(first[1:], True)
        parts.append(keys[~alone])
    return np.concatenate(parts)


def _by_rarest(shared: NDArray[np.uint64], lengths: Rows, worth: NDArray[np.bool_]) -> Pairs:
    """Longer texts with one of the rarest fingerprints of each text that is worth it.

    Args:
        shared, lengths: of texts in the order of their lengths.
    """
    text = (shared & _LOW).view(np.int64)
    begin, same = runs.first(shared >> _LOW_BITS), runs.first(shared >> _LOW_BITS, lengths[text])
    end = begin + np.bincount(begin, minlength=len(begin))[begin]
    longer = same + np.bincount(same, minlength=len(same))[same]
    asking = np.flatnonzero(worth[text] & (longer < end))
    asking = asking[np.lexsort((end[asking] - begin[asking], text[asking]))]
    asking = asking[np.arange(len(asking)) - runs.first(text[asking]) < RAREST]
    longer, end, own = longer[asking], end[asking], text[asking].view(np.uint64) << _LOW_BITS
    found = np.empty(0, np.uint64)
    for step in range(NEIGHBOURS):
        some = longer + step < end
        next_longer = own[some] | shared[longer[some] + step] & _LOW
        longest = own[some] | shared[end[some] - 1 - step] & _LOW
        found = runs.unique(np.concatenate((found, next_longer, longest)))
    return np.stack((found >> _LOW_BITS, found & _LOW), axis=1).view(np.int64)


def _seems(pairs: Pairs, shared: NDArray[np.uint64], known: NDArray[np.float64]) -> NDArray[np.float64]:
    """The share of each first text's fingerprints that the second has, judged by PROBES of them.

    Args:
        known: the share of each text's fingerprints that are among the shared ones.
    """
    # The fingerprints of each text, smallest first: they are hashes, so the first ones are any.
    by_text = np.sort(shared << _LOW_BITS | shared >> _LOW_BITS)
    bounds = np.searchsorted(by_text >> _LOW_BITS, np.arange(len(known) + 1, dtype=np.uint64))
    seems = np.empty(len(pairs))
    for begin in range(0, len(pairs), _AT_ONCE):
        one, other = pairs[begin : begin + _AT_ONCE].T
        start, size = bounds[one], np.minimum(bounds[one + 1] - bounds[one], PROBES)
        hits = np.zeros(len(one), np.int64)
        for probe in range(PROBES):
            some = np.flatnonzero(probe < size)
            key = by_text[start[some] + probe] << _LOW_BITS | other[some].view(np.uint64)
            place = np.minimum(np.searchsorted(shared, key), len(shared) - 1)
            hits[some] += shared[place] == key
        seems[begin : begin + _AT_ONCE] = hits / size * known[one]
    return seems
