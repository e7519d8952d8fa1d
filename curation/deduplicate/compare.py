"""Exact similarities of pairs of texts, many pairs at a time and a bounded number of texts in memory.

Pairs are cut into pieces of few texts. All shingles of a piece are sorted once, which texts hold a shingle
becomes a bit mask, and the shingles two texts share are those whose mask has both bits.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from curation.deduplicate import runs
from curation.deduplicate.contents import HELD, Contents
from curation.deduplicate.verdict import Rows

Pairs = NDArray[np.int64]
"""Shape (pairs, 2)."""

MEMBERS = 32
"""Texts of a piece at the most: the bits of a mask."""

_AT_ONCE = 1 << 16
"""Code points sorted at once: what fits into a core's second-level cache."""

_PIECE = 1 << 20
"""Code points of a piece that could be cut."""

_WIDE = 1 << 18
"""Shingles looked at at once, each as often as there are pairs that want to know."""

_PLACE_BITS = np.uint64(5)
_PLACES = np.uint64(MEMBERS - 1)
_ONE = np.uint64(1)
_BIT = np.uint32(1)


class Similarities:
    """Exact similarities of pairs of texts, each computed once.

    Attributes:
        contents: the texts.
        pairs: all pairs known, smaller index first, sorted.
        scores: their similarities.
    """

    def __init__(self, contents: Contents) -> None:
        self.contents = contents
        self._texts = max(len(contents.lengths), 1)
        self._keys = np.empty(0, np.int64)
        self.scores = np.empty(0)

    @property
    def pairs(self) -> Pairs:
        return np.stack(np.divmod(self._keys, self._texts), axis=1)

    def add(self, pairs: Pairs) -> None:
        """Compare the pairs that are not known yet."""
        new = self._unknown(runs.unique(self._key(pairs)))
        scores = similarities(np.stack(np.divmod(new, self._texts), axis=1), self.contents)
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
        keys: NDArray[np.int64] = pairs.min(axis=1) * self._texts + pairs.max(axis=1)
        return keys


def similarities(pairs: Pairs, contents: Contents) -> NDArray[np.float64]:
    """The Jaccard index of each pair of different texts."""
    scores = np.empty(len(pairs))
    if not len(pairs):
        return scores
    texts = len(contents.lengths)
    order, piece = _pieces(pairs, contents.lengths)
    pairs = pairs[order]
    # One entry for each text of each piece; which of the piece's texts it is.
    entries = runs.unique((piece[:, None] * texts + pairs).ravel())
    piece_of, text_of = np.divmod(entries, texts)
    place = np.arange(len(entries)) - runs.first(piece_of)
    ends = np.cumsum(contents.lengths[text_of])
    for block in _whole_pieces(piece_of, ends // HELD):
        contents.hold(runs.unique(text_of[block]))
        for batch in _whole_pieces(piece_of[block], ends[block] // _AT_ONCE):
            here = slice(block.start + batch.start, block.start + batch.stop)
            some = slice(*np.searchsorted(piece, (piece_of[here][0], piece_of[here][-1] + 1)).tolist())
            members = np.searchsorted(entries[here], piece[some, None] * texts + pairs[some])
            hashes, stops = contents.shingles(text_of[here])
            scores[order[some]] = _jaccard(hashes, stops, piece_of[here], place[here], members)
    return scores


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


def _pieces(pairs: Pairs, lengths: Rows) -> tuple[Rows, Rows]:
    """An order of the pairs, and in it the number of each one's piece.

    The texts that hang together are a piece; where they are too many or too long, a few of their pairs are.
    """
    part = components(len(lengths), pairs)
    texts = runs.unique(pairs.ravel())
    members = np.bincount(part[texts], minlength=len(lengths))
    sizes = np.bincount(part[texts], lengths[texts], minlength=len(lengths))
    part = part[pairs[:, 0]]
    order = np.argsort(part, kind="stable")
    part = part[order]
    large = (members[part] > MEMBERS) | (sizes[part] > _PIECE)
    few = (np.arange(len(order)) - runs.first(part)) // (MEMBERS // 2)
    short = np.cumsum(lengths[pairs[order]].sum(axis=1)) // _PIECE
    opens = runs.opens(part, np.where(large, few, 0), np.where(large, short, 0))
    return order, np.cumsum(opens) - 1


def _whole_pieces(piece: Rows, level: Rows) -> Iterator[slice]:
    """The entries of neighbouring pieces whose beginnings are on one level."""
    return runs.slices(level[runs.first(piece)])


def _jaccard(
    hashes: NDArray[np.uint64], stops: Rows, piece: Rows, place: Rows, pairs: Pairs
) -> NDArray[np.float64]:
    """The similarities of pairs of texts of the same piece each.

    Args:
        hashes: of all texts, one after the other; `stops` says where each text's own end.
        piece, place: the piece of each text, and its place there.
        pairs: indices of two texts each.
    """
    piece = piece - piece[0]
    bits = int(piece[-1]).bit_length()
    # A key is the piece, as many bits of the hash as there is room for, and the text's place in the piece.
    # Few bits of the hash are lost where the texts are many, none to speak of where they are long: that two
    # different shingles among all those of a batch share a key has a probability below 2^-24.
    tag = piece.astype(np.uint64) << np.uint64(63 - bits) << _ONE | place.astype(np.uint64)
    keys = hashes >> np.uint64(bits) + _PLACE_BITS << _PLACE_BITS
    keys |= np.repeat(tag, np.diff(stops, prepend=0))
    keys.sort()
    starts = np.flatnonzero(runs.opens(keys >> _PLACE_BITS))
    holders = np.bitwise_or.reduceat(_BIT << (keys & _PLACES).astype(np.uint32), starts)
    bounds = np.searchsorted(keys[starts] >> np.uint64(63 - bits) >> _ONE, np.arange(piece[-1] + 2))
    of = piece[pairs[:, 0]]
    both = np.bitwise_or(*(_BIT << place[pairs].astype(np.uint32)).T)
    width = bounds[of + 1] - bounds[of]
    scores = np.empty(len(pairs))
    ends = np.cumsum(width)
    for some in runs.slices(ends // _WIDE):
        begin = ends[some] - width[some] - (ends[some][0] - width[some][0])
        shingle = np.arange(begin[-1] + width[some][-1]) + np.repeat(bounds[of[some]] - begin, width[some])
        mask = np.repeat(both[some], width[some])
        held = holders[shingle] & mask
        common = np.add.reduceat(held == mask, begin, dtype=np.int64)
        scores[some] = common / np.add.reduceat(held != 0, begin, dtype=np.int64)
    return scores
