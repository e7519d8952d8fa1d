"""The form in which texts are compared with evaluation items, and its runs of 13 code points.

Full width, case, white space, punctuation and symbols are writing, not content: NFKC, then letters, numbers
and marks alone, then case folding. Done on code points with a table; the few texts that need more than one
code point at a time go through `unicodedata`.
"""

from __future__ import annotations

import functools
import itertools
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import regex
from numpy.typing import NDArray

SIZE = 13
"""Code points of a gram, as in the reports of GPT-3 and its successors."""

SHORT = 2 * SIZE
"""With fewer code points one change leaves hardly a gram whole."""

_AT_ONCE = 1 << 20
"""Code points looked at at once."""

_TABLE_SIZE = 0x10000
_DROPPED, _SLOW = 0, 0xFFFFFFFF
_BASE = 0x9E3779B97F4A7C15
_FINISH = np.uint64(0xD6E8FEB86659FD93)
_HALF = np.uint64(32)
_BETWEEN = regex.compile(r"[\p{P}\p{Z}\p{C}]+")
_NO_CONTENT = regex.compile(r"[^\p{L}\p{N}\p{M}]+")


@dataclass(frozen=True)
class Plain:
    """Texts in the form in which they are compared.

    Attributes:
        codes: the code points of all texts, one text after the other.
        lengths: of each text.
    """

    codes: NDArray[np.uint32]
    lengths: NDArray[np.int64]

    @property
    def starts(self) -> NDArray[np.int64]:
        """Where each text begins in `codes`."""
        return np.cumsum(self.lengths) - self.lengths

    def keys(self) -> list[bytes]:
        """For each text its content, equal where two texts are the same in this form."""
        whole, starts = self.codes.tobytes(), (4 * self.starts).tolist()
        return [
            whole[start : start + 4 * length]
            for start, length in zip(starts, self.lengths.tolist(), strict=True)
        ]

    def texts(self, which: NDArray[np.int64]) -> list[str]:
        """Some of the texts as strings."""
        starts, lengths = self.starts[which].tolist(), self.lengths[which].tolist()
        return [
            self.codes[start : start + length].tobytes().decode("utf-32-le", "surrogatepass")
            for start, length in zip(starts, lengths, strict=True)
        ]

    def grams(self) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
        """Hash and text of every window of `SIZE` code points, in order, as often as it occurs."""
        if self.codes.size < SIZE:
            return np.empty(0, np.uint64), np.empty(0, np.int64)
        owner = np.repeat(np.arange(self.lengths.size), self.lengths)
        whole = owner[: 1 - SIZE] == owner[SIZE - 1 :]  # not a window over the border of two texts
        return _hash_windows(self.codes, SIZE)[whole], owner[: 1 - SIZE][whole]

    def parts(self) -> Iterator[tuple[int, Plain]]:
        """The texts again, a bounded number of code points at once, each part with the index of its first."""
        for part in slices(self.lengths):
            begin = int(self.lengths[: part.start].sum())
            lengths = self.lengths[part]
            yield part.start, Plain(self.codes[begin : begin + int(lengths.sum())], lengths)


def slices(lengths: NDArray[np.int64]) -> Iterator[slice]:
    """Neighbouring texts of about `_AT_ONCE` code points; without any text, one empty slice."""
    opens = np.flatnonzero(np.diff(np.cumsum(lengths) // _AT_ONCE)) + 1
    bounds = [0, *opens.tolist(), len(lengths)]
    for start, stop in itertools.pairwise(bounds):
        yield slice(start, stop)


def plain(texts: Sequence[str]) -> Plain:
    """The texts in the form in which they are compared."""
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    parts = [_plain(texts[part]) for part in slices(lengths)]
    return Plain(
        np.concatenate([part.codes for part in parts]), np.concatenate([part.lengths for part in parts])
    )


def _plain(texts: Sequence[str]) -> Plain:
    codes, owner = _encoded(texts)
    targets = _table()[np.minimum(codes, _TABLE_SIZE - 1)]
    slow = np.zeros(len(texts), bool)
    slow[owner[targets == _SLOW]] = True
    if slow.any():
        texts = [_slowly(text) if is_slow else text for text, is_slow in zip(texts, slow, strict=True)]
        codes, owner = _encoded(texts)
        targets = np.where(slow[owner], codes, _table()[np.minimum(codes, _TABLE_SIZE - 1)])
    kept = targets != _DROPPED
    return Plain(targets[kept], np.bincount(owner[kept], minlength=len(texts)).astype(np.int64))


def _encoded(texts: Sequence[str]) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """All code points, and the text of each."""
    # Half of a surrogate pair is no valid text, but files hold it.
    codes = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), np.uint32)
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    return codes, np.repeat(np.arange(len(texts)), lengths)


@functools.cache
def _table() -> NDArray[np.uint32]:
    """What becomes of each code point that is normalised without its neighbours."""
    return np.fromiter(map(_target, range(_TABLE_SIZE)), np.uint32, _TABLE_SIZE)


def _target(code: int) -> int:
    char = chr(code)
    said = unicodedata.normalize("NFKC", char)
    # A mark or a part of a Hangul syllable may melt with what stands before it.
    joins = unicodedata.category(said[0])[0] == "M" or 0x1100 <= ord(said[0]) < 0x1200
    if joins or code == _TABLE_SIZE - 1:  # the last one stands for all beyond the table
        return _SLOW
    made = _NO_CONTENT.sub("", said).casefold()
    return _DROPPED if not made else ord(made) if len(made) == 1 else _SLOW


def _slowly(text: str) -> str:
    """The form of one text. What stands between letters goes first: it would keep a mark off."""
    content: str = _NO_CONTENT.sub("", unicodedata.normalize("NFKC", _BETWEEN.sub("", text)))
    return content.casefold()


def _hash_windows(codes: NDArray[np.uint32], size: int) -> NDArray[np.uint64]:
    """Hash of every window: a polynomial modulo 2^64, put together from windows of 1, 2, 4 ..."""
    block, span = codes.astype(np.uint64), 1
    windows, width = np.zeros(codes.size, np.uint64), 0
    while True:
        if size & span:
            windows = windows[: block.size - width] * _power(span) + block[width:]
            width += span
        if width == size:
            break
        block = block[:-span] * _power(span) + block[span:]
        span *= 2
    windows ^= windows >> _HALF
    windows *= _FINISH
    windows ^= windows >> _HALF
    return windows


def _power(exponent: int) -> np.uint64:
    return np.uint64(pow(_BASE, exponent, 2**64))
