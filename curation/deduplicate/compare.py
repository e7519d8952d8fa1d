"""Exact similarities of pairs of texts, many pairs at a time and a bounded number of texts in memory.

Pairs are cut into pieces of few texts. All shingles of a piece are sorted once, which texts hold a shingle
becomes a bit mask, and the shingles two texts share are those whose mask has both bits.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from curation.deduplicate import runs
from curation.deduplicate.contents import HELD, Contents
from curation.deduplicate.verdict import Rows

Pairs = NDArray[np.int64]
"""Shape (pairs, 2)."""

ALL_PAIRS = 128
ALL_PAIRS_SIZE = 1 << 19
"""Up to so many distinct texts, of so many code points together, every pair is a candidate: the verdict on a
small input is complete."""

MEMBERS = 32
"""Texts of a piece at the most: the bits of a mask."""

_AT_ONCE = 1 << 16
"""Code points sorted at once: what fits into a core's second-level cache."""

_PIECE = 1 << 20
"""Code points of a piece that could be cut."""

_MANY = 8
"""From so many pairs of a piece on, one product of matrices counts them all faster than one at a time."""

_PLACE_BITS = np.uint64(5)
_PLACES = np.uint64(MEMBERS - 1)
_PLACES_32 = np.uint32(MEMBERS - 1)
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
    common, one, other = overlaps(pairs, contents).T
    scores: NDArray[np.float64] = common / (one + other - common)
    return scores


def overlaps(pairs: Pairs, contents: Contents) -> NDArray[np.int64]:
    """Of each pair of different texts: distinct shingles of both, of the first, of the second."""
    counts = np.empty((len(pairs), 3), np.int64)
    if not len(pairs):
        return counts
    texts = len(contents.lengths)
    order, piece = _pieces(pairs, contents.lengths)
    pairs = pairs[order]
    # One entry for each text of each piece; which of the piece's texts it is.
    entries = runs.unique((piece[:, None] * texts + pairs).ravel())
    piece_of, text_of = np.divmod(entries, texts)
    place = np.arange(len(entries)) - runs.first(piece_of)
    ends = np.cumsum(contents.lengths[text_of])
    with threadpool_limits(1, "blas"):  # small matrices: other threads would only wait, at full speed
        for block in _whole_pieces(piece_of, np.cumsum(contents.sizes[text_of]) // HELD):
            contents.hold(runs.unique(text_of[block]))
            for batch in _whole_pieces(piece_of[block], ends[block] // _AT_ONCE):
                here = slice(block.start + batch.start, block.start + batch.stop)
                some = slice(*np.searchsorted(piece, (piece_of[here][0], piece_of[here][-1] + 1)).tolist())
                members = np.searchsorted(entries[here], piece[some, None] * texts + pairs[some])
                hashes, stops = contents.shingles(text_of[here])
                counts[order[some]] = _overlaps(hashes, stops, piece_of[here], place[here], members)
    return counts


def are_few(lengths: Rows) -> bool:
    """Whether every pair of these texts is a candidate."""
    return len(lengths) <= ALL_PAIRS and int(lengths.sum()) <= ALL_PAIRS_SIZE


def all_pairs(nodes: Rows) -> Pairs:
    """Every pair of these texts."""
    pairs: Pairs = nodes[np.stack(np.triu_indices(len(nodes), 1), axis=1)]
    return pairs


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
    # A text that many pairs in a row have counts once: a law and its thousand articles are few pieces.
    new = np.ones((len(order), 2), bool)
    new[1:] = pairs[order[1:]] != pairs[order[:-1]]
    few = np.cumsum(new.sum(axis=1)) // (MEMBERS - 2)
    short = np.cumsum(np.where(new, lengths[pairs[order]], 0).sum(axis=1)) // _PIECE
    opens = runs.opens(part, np.where(large, few, 0), np.where(large, short, 0))
    return order, np.cumsum(opens) - 1


def _whole_pieces(piece: Rows, level: Rows) -> Iterator[slice]:
    """The entries of neighbouring pieces whose beginnings are on one level."""
    return runs.slices(level[runs.first(piece)])


def _overlaps(
    hashes: NDArray[np.uint64], stops: Rows, piece: Rows, place: Rows, pairs: Pairs
) -> NDArray[np.int64]:
    """What pairs of texts of the same piece each have in common and each for itself, see `overlaps`.

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
    sizes = np.diff(stops, prepend=0)
    keys = hashes >> np.uint64(bits) + _PLACE_BITS
    keys <<= _PLACE_BITS
    keys |= np.repeat(tag, sizes)
    keys.sort()
    change = keys[1:] ^ keys[:-1]
    starts = np.concatenate(([0], np.flatnonzero(change >= MEMBERS) + 1))  # of the keys of one shingle each
    again = keys[np.flatnonzero(change == 0)]  # a shingle that its text has more than once
    first = np.searchsorted(piece, np.arange(piece[-1] + 2))  # of the texts of each piece
    piece_again = (again >> np.uint64(63 - bits) >> _ONE).view(np.int64)
    sizes -= np.bincount(first[piece_again] + (again & _PLACES).view(np.int64), minlength=len(sizes))
    holders = np.bitwise_or.reduceat(_BIT << (keys.astype(np.uint32) & _PLACES_32), starts)
    bounds = np.searchsorted(starts, np.concatenate(([0], stops))[first])
    common = np.empty(len(pairs), np.int64)
    of = piece[pairs[:, 0]]
    for some in runs.slices(of):
        start, stop = bounds[of[some.start]], bounds[of[some.start] + 1]
        common[some] = _common(holders[start:stop], place[pairs[some]])
    return np.column_stack((common, sizes[pairs]))


def _common(holders: NDArray[np.uint32], pairs: Pairs) -> NDArray[np.int64]:
    """How many shingles have both texts of each pair among their holders.

    Args:
        holders: of each shingle of a piece, a bit for each text that has it.
        pairs: places of two texts in the piece.
    """
    if len(pairs) < _MANY or len(holders) > _AT_ONCE:
        masks = np.bitwise_or(*(_BIT << pairs.astype(np.uint32)).T)
        return np.array([np.count_nonzero(holders & mask == mask) for mask in masks])
    has = (holders[:, None] >> np.arange(pairs.max() + 1, dtype=np.uint32) & _BIT).astype(np.float32)
    counts: NDArray[np.int64] = (has.T @ has)[pairs[:, 0], pairs[:, 1]].astype(np.int64)
    return counts
