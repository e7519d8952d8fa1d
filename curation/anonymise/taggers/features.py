"""What a small tagger sees of each character of a line: hashed n-grams of what stands around it.

Everything is computed for all lines at once, a few numpy operations per feature.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from curation.anonymise import lexicon

BITS = 20
"""A feature is one of 2^20 numbers."""

EDGE = 6
"""Empty places around each line, so that no window reaches into the next one."""

_CHARACTERS = (
    (0,),
    (-1,),
    (1,),
    (-2,),
    (2,),
    (-1, 0),
    (0, 1),
    (-2, -1),
    (1, 2),
    (-1, 0, 1),
    (-2, -1, 0),
    (0, 1, 2),
    (1, 2, 3),
    (-3, -2, -1),
    (-1, 1),
)
_SHAPES = ((-2, -1, 0, 1, 2), (-3, -2, -1, 0), (0, 1, 2, 3))
_KINDS = (
    (0,),
    (0, 1),
    (0, 1, 2),
    (-1, 0),
    (-2, -1, 0),
    (-1, 0, 1),
    (-1, 0, 1, 2),
    (-1, 0, 1, 2, 3),
    (-2, -1, 0, 1),
)
_WORDS = ((0,), (-1, 0), (0, 1), (-1, 0, 1), (0, 1, 2), (-2, -1, 0, 1))
_CHANCES = ((0,), (-1, 0), (0, 1), (-1, 0, 1), (0, 1, 2), (-1, 0, 1, 2))
_TAGS = ((0,), (-1,), (1,), (-1, 0), (0, 1), (-1, 0, 1), (-2, -1), (1, 2), (2, 3))
"""Windows over the characters, their shapes, what they are in names, the words they are in, and the tags of
another tagger."""

_MIX = np.uint64(0x9E3779B97F4A7C15)


class Lines:
    """Lines laid end to end with `EDGE` empty places around each.

    Attributes:
        codes: code points, 0 in the empty places.
        starts: where each line begins in `codes`.
    """

    def __init__(self, lines: Sequence[str]) -> None:
        self.lengths = np.fromiter(map(len, lines), np.intp, len(lines))
        gap = "\0" * EDGE
        text = gap + gap.join(lines) + gap
        self.codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
        self.starts = EDGE + np.cumsum(self.lengths + EDGE) - (self.lengths + EDGE)

    def spread(self, values: NDArray[np.int64]) -> NDArray[np.int64]:
        """Values of all characters of all lines, laid out as `codes` are; 0 in the empty places."""
        out: NDArray[np.int64] = np.zeros(len(self.codes), np.int64)
        out[self.inside()] = values
        return out

    def inside(self) -> NDArray[np.intp]:
        """Where the characters stand in `codes`, line after line."""
        offsets = np.arange(self.lengths.sum()) - np.repeat(
            np.cumsum(self.lengths) - self.lengths, self.lengths
        )
        places: NDArray[np.intp] = np.repeat(self.starts, self.lengths) + offsets
        return places


def hashed(lines: Lines, tags: NDArray[np.int64] | None = None) -> NDArray[np.int32]:
    """Feature numbers, shape (features, characters of all lines).

    Args:
        tags: LAC's tag and chance of each character of all lines, as `Lac.tags` says.
    """
    at = lines.inside()
    codes = lines.codes.astype(np.uint64)
    columns = [_ngram(codes, at, window, seed) for seed, window in enumerate(_CHARACTERS)]
    shapes = _shape(lines.codes).astype(np.uint64)
    columns += [_ngram(shapes, at, window, 32 + seed) for seed, window in enumerate(_SHAPES)]
    kinds = _KIND_OF[lines.codes & 0xFFFF].astype(np.uint64)
    columns += [_ngram(kinds, at, window, 128 + seed) for seed, window in enumerate(_KINDS)]
    words = _words(codes).astype(np.uint64)
    columns += [_ngram(words, at, window, 160 + seed) for seed, window in enumerate(_WORDS)]
    both = words + (kinds << np.uint64(8))
    columns += [_ngram(both, at, window, 192 + seed) for seed, window in enumerate(((0,), (-1, 0), (0, 1)))]
    if tags is not None:
        spread = lines.spread(tags + 8).astype(np.uint64)
        tag, chance = spread >> np.uint64(3), spread & np.uint64(7)
        columns += [_ngram(tag, at, window, 64 + seed) for seed, window in enumerate(_TAGS)]
        columns += [_ngram(chance, at, window, 224 + seed) for seed, window in enumerate(_CHANCES)]
        for start, both in (
            (96, codes + (tag << np.uint64(24))),
            (100, kinds + (chance << np.uint64(8))),
            (104, words + (chance << np.uint64(8))),
            (108, tag + (chance << np.uint64(8))),
        ):
            columns += [_ngram(both, at, (offset,), start + seed) for seed, offset in enumerate((0, -1, 1))]
    return np.stack(columns)


def _ngram(
    values: NDArray[np.uint64], at: NDArray[np.intp], window: tuple[int, ...], seed: int
) -> NDArray[np.int32]:
    state = np.full(len(values), seed + 1, np.uint64) * _MIX
    for offset in window:
        state = (state ^ np.roll(values, -offset)) * _MIX
        state ^= state >> np.uint64(29)
    return ((state * _MIX) >> np.uint64(64 - BITS)).astype(np.int32)[at]


def _words(codes: NDArray[np.uint64]) -> NDArray[np.uint8]:
    """Which ordinary words each character is in: begins one of 2, 3 or 4, goes on in one of 2, 3 or 4."""
    known = _known_words()
    flags = np.zeros(len(codes), np.uint8)
    for length in (2, 3, 4):
        begins = known[_slots(codes, length)]
        flags |= begins.astype(np.uint8) << (length - 2)
        for offset in range(1, length):
            flags |= np.roll(begins, offset).astype(np.uint8) << (length + 1)
    return flags


def _slots(codes: NDArray[np.uint64], length: int) -> NDArray[np.int64]:
    """Number of the string of so many characters that begins at each place, of 2^23."""
    state = np.full(len(codes), length, np.uint64)
    for offset in range(length):
        state = (state ^ np.roll(codes, -offset)) * _MIX
        state ^= state >> np.uint64(31)
    return (state >> np.uint64(41)).astype(np.int64)


@functools.cache
def _known_words() -> NDArray[np.bool_]:
    table = np.zeros(1 << 23, np.bool_)
    by_length: dict[int, list[str]] = {}
    for word in lexicon.common_words():
        by_length.setdefault(len(word), []).append(word)
    for length, words in by_length.items():
        codes = np.frombuffer("".join(words).encode("utf-32-le"), np.uint32).astype(np.uint64)
        table[_slots(codes, length)[::length]] = True
    return table


def _shape(codes: NDArray[np.uint32]) -> NDArray[np.uint8]:
    """Kind of each character: none, digit, capital, small letter, Han, space, punctuation by its code."""
    kind = np.full(len(codes), 6, np.uint8)
    kind[(codes >= 0x4E00) & (codes < 0xA000)] = 4
    ascii_ = codes < 128
    kind[ascii_] = _ASCII[codes[ascii_]]
    return kind


def _kinds_in_names() -> NDArray[np.uint8]:
    """What each character is in names: surname usual, rare or a word of its own; given name."""
    kinds = np.zeros(1 << 16, np.uint8)
    kinds[0x4E00:0xA000] = 1
    for text, weight in (
        (lexicon.COMMON_SURNAMES, 4),
        (lexicon.RARE_SURNAMES, 8),
        ("".join(lexicon.COMPOUND_SURNAMES), 12),
        (lexicon.AMBIGUOUS_SURNAMES, 16),
        (lexicon.GIVEN_CHARS[:200], 32),
        (lexicon.GIVEN_CHARS[200:], 64),
        (lexicon.TRANSLITERATION, 128),
    ):
        points = [ord(char) for char in set(text)]
        kinds[points] |= weight
    return kinds


_KIND_OF = _kinds_in_names()


def _ascii_kinds() -> NDArray[np.uint8]:
    kinds = np.arange(128, dtype=np.uint8) + 8
    for start, stop, kind in ((48, 58, 1), (65, 91, 2), (97, 123, 3), (9, 14, 5), (32, 33, 5), (0, 1, 0)):
        kinds[start:stop] = kind
    return kinds


_ASCII = _ascii_kinds()
