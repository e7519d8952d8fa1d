"""Which texts may be similar: MinHash sketches, cut into bands, and the texts that share a band.

One-permutation hashing (Li, Owen, Zhang 2012) with optimal densification (Shrivastava 2017): each shingle
falls into one of 128 bins, a bin keeps its smallest hash, an empty bin borrows from a full one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from curation.deduplicate import runs
from curation.deduplicate.shingles import cached, shingle_hashes

BINS = 128
RECALL = 0.999
SMALL_BUCKET = 32

_AT_ONCE = 1 << 16
"""Pairs."""

_EMPTY = np.uint32(0xFFFFFFFF)
_TO_BIN = np.uint64(64 - 7)
_TO_VALUE = np.uint64(64 - 7 - 32)
_LOW = np.uint64(0xFFFFFFFF)
_SHIFT = np.uint64(32)


def band_keys(texts: Sequence[str], threshold: float) -> NDArray[np.uint32]:
    """One key per text and band, shape (texts, bands): texts with an equal key in a band are candidates."""
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    return keys_of_shingles(
        (shingle_hashes(texts[chunk]) for chunk in cached(lengths)), len(texts), threshold
    )


def keys_of_shingles(
    parts: Iterable[tuple[NDArray[np.uint64], NDArray[np.int64]]], texts: int, threshold: float
) -> NDArray[np.uint32]:
    """The band keys of texts whose shingles are known.

    Args:
        parts: of some texts after others, their hashes and where each text's end; see `shingle_hashes`.
        texts: how many these are together.
    """
    rows, bands = rows_per_band(threshold), band_count(threshold)
    sketches = np.full((texts, BINS), _EMPTY, np.uint32)
    start = 0
    for hashes, ends in parts:
        counts = np.diff(ends, prepend=0)
        place = np.repeat(np.arange(counts.size, dtype=np.int64) * BINS, counts)
        place += (hashes >> _TO_BIN).view(np.int64)
        part = sketches[start : start + counts.size].reshape(-1)
        np.minimum.at(part, place, (hashes >> _TO_VALUE).astype(np.uint32))
        start += counts.size
    _densify(sketches)
    bins = sketches[:, : bands * rows].reshape(texts, bands, rows)
    # Multilinear hashing (Dietzfelbinger 1996): the high half of a sum of products with random odd numbers.
    keys = np.full((texts, bands), _FACTORS[-1], np.uint64)
    for row in range(rows):
        keys += bins[:, :, row] * _FACTORS[row]
    return (keys >> _SHIFT).astype(np.uint32)


def rows_per_band(threshold: float) -> int:
    """The most selective band that still finds a pair of similarity `threshold` with probability RECALL.

    Two sketches agree in a bin with probability s, so in one of b bands of r bins with 1 - (1 - s^r)^b.
    """
    for rows in range(BINS, 1, -1):
        if 1 - (1 - threshold**rows) ** (BINS // rows) >= RECALL:
            return rows
    return 1


def band_count(threshold: float) -> int:
    """Keys of a text."""
    return BINS // rows_per_band(threshold)


def candidate_pairs(keys: NDArray[np.uint32], threshold: float) -> NDArray[np.int64]:
    """Pairs of rows that may have the similarity `threshold`; shape (pairs, 2), smaller row first, each once.

    They have at least `common_bands` in common. In a bucket of at most SMALL_BUCKET texts all are paired; in
    a larger one each with the first and with the previous one, so a bucket of a million texts gives two
    million pairs, not its square.
    """
    found = np.empty(0, np.uint64)
    for band in keys.T:
        found = runs.unique(np.concatenate((found, *_pairs_in_buckets(band))))
    pairs = np.stack((found >> _SHIFT, found & _LOW), axis=1).astype(np.int64)
    parts = np.split(pairs, range(_AT_ONCE, len(pairs), _AT_ONCE))
    common = [np.count_nonzero(keys[part[:, 0]] == keys[part[:, 1]], axis=1) for part in parts]
    return pairs[np.concatenate(common) >= common_bands(threshold)]


def common_bands(threshold: float) -> int:
    """The bands that a pair of similarity `threshold` has in common with probability RECALL, at least one."""
    bands, agrees = band_count(threshold), threshold ** rows_per_band(threshold)
    missed, number = 0.0, 0
    while missed <= 1 - RECALL:
        missed += math.comb(bands, number) * agrees**number * (1 - agrees) ** (bands - number)
        number += 1
    return max(number - 1, 1)


def _pairs_in_buckets(band: NDArray[np.uint32]) -> Iterator[NDArray[np.uint64]]:
    """The pairs of one band, packed into one number each."""
    places = np.arange(len(band))
    entries = np.sort(band.astype(np.uint64) << _SHIFT | places.view(np.uint64))
    key, row = entries >> _SHIFT, entries & _LOW
    first = runs.first(key)
    size = np.bincount(first, minlength=len(band))[first]
    later = np.flatnonzero(first != places)
    yield row[first[later]] << _SHIFT | row[later]
    yield row[later - 1] << _SHIFT | row[later]
    small = later[size[later] <= SMALL_BUCKET]
    for back in range(2, SMALL_BUCKET):
        small = small[small - back > first[small]]
        yield row[small - back] << _SHIFT | row[small]


def _densify(sketches: NDArray[np.uint32]) -> None:
    """Fill every empty bin from the first full one in its own fixed order of the bins."""
    flat = sketches.reshape(-1)
    empty = np.flatnonzero(flat == _EMPTY)
    lent = np.full(len(empty), _EMPTY)
    text, own = empty // BINS * BINS, empty % BINS
    waiting = np.arange(len(empty))
    for step in range(BINS):
        if not waiting.size:
            break
        found = flat[text[waiting] + _PROBES[own[waiting], step]]
        lent[waiting] = found
        waiting = waiting[found == _EMPTY]
    flat[empty] = lent


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finaliser of SplitMix64."""
    values = (values ^ values >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ values >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    return values ^ values >> np.uint64(31)


_PROBES = np.argsort(_mixed(np.arange(1, BINS**2 + 1, dtype=np.uint64)).reshape(BINS, BINS), axis=1)
"""For each bin, all bins in an order of its own."""

_FACTORS = _mixed(np.arange(1, BINS + 2, dtype=np.uint64)) | np.uint64(1)
