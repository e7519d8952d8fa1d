"""What two texts have in common: their code-point 5-grams, as 64-bit hashes.

A text shorter than five code points is one shingle. Hashes are equal for equal shingles; two different
shingles share one with probability 2^-64.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from curation.deduplicate import runs

SIZE = 5

_BASE = 0x9E3779B97F4A7C15
_BASE_1 = np.uint64(_BASE)
_BASE_2 = np.uint64(_BASE**2 % 2**64)
_FINISH = np.uint64(0xD6E8FEB86659FD93)
_HALF = np.uint64(32)

_NO_CODE_POINT = 0x110000
"""Fills short texts up: no code point, so that `ab` and `ab` with NUL behind it stay different."""

_CHUNK = 40_000
"""Code points."""


def similarity(one: str, other: str) -> float:
    """Jaccard index of the two texts' shingle sets, 0 to 1; 0 if a text is empty."""
    if not one or not other:
        return 0.0
    return jaccard(*shingle_sets([one, other]))


def shingle_sets(texts: Sequence[str]) -> list[NDArray[np.uint64]]:
    """The distinct shingle hashes of each text, sorted."""
    hashes, ends = shingle_hashes(texts)
    return [runs.unique(hashes[start:end]) for start, end in pairwise([0, *ends])]


def jaccard(one: NDArray[np.uint64], other: NDArray[np.uint64]) -> float:
    """Jaccard index of two sorted arrays without repetition."""
    both = np.concatenate((one, other))
    both.sort(kind="stable")  # merges two sorted runs, three times faster than sorting anew
    common = int(np.count_nonzero(both[1:] == both[:-1]))
    return common / (both.size - common)


def shingle_hashes(texts: Sequence[str]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """The shingle hashes of some texts, one text after the other, a shingle as often as it occurs.

    Returns:
        The hashes, and for each text where its own end.
    """
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    parts = [np.empty(0, np.uint64)]
    for chunk in cached(lengths):
        padded = np.maximum(lengths[chunk], SIZE)
        windows = _hash_windows(_code_points(texts[chunk], lengths[chunk]))
        ends = np.cumsum(padded)
        whole = np.ones(windows.size, bool)  # not a window over the border of two texts
        for back in range(1, SIZE):
            whole[ends[:-1] - back] = False
        parts.append(windows[whole])
    hashes = parts[1] if len(parts) == 2 else np.concatenate(parts)
    return hashes, np.cumsum(np.maximum(lengths - (SIZE - 1), 1))


def cached(lengths: NDArray[np.int64]) -> Iterator[slice]:
    """Neighbouring texts that are worked on at once: what fits into a core's second-level cache, five times
    faster than more."""
    return runs.slices(np.cumsum(lengths) // _CHUNK)


def _code_points(texts: Sequence[str], lengths: NDArray[np.int64]) -> NDArray[np.uint64]:
    """The texts' code points one after the other, each text filled up to the size of a shingle."""
    short = lengths.min() < SIZE
    joined = "".join([text.ljust(SIZE, "\0") for text in texts] if short else texts)
    # Half of a surrogate pair is no valid text, but files hold it: it counts as a code point.
    codes = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.uint64)
    ends = np.cumsum(np.maximum(lengths, SIZE))
    for back in range(1, SIZE + 1):
        codes[ends[lengths <= SIZE - back] - back] = _NO_CODE_POINT
    return codes


def _hash_windows(codes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Hash of every window of five: a polynomial modulo 2^64 built from pairs, mixed into the high bits."""
    pairs = codes[:-1] * _BASE_1
    pairs += codes[1:]
    fours = pairs[:-2] * _BASE_2
    fours += pairs[2:]
    windows = fours[:-1] * _BASE_1
    windows += codes[4:]
    high = windows >> _HALF
    windows ^= high
    windows *= _FINISH
    return windows
