"""What a finding is, and the view of a text that patterns are matched on."""

from __future__ import annotations

import bisect
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import regex


class Span(NamedTuple):
    """One finding.

    Attributes:
        start, end: code-point offsets in the text as given, half open.
        type: entity type, a key of the policy.
        score: how sure, 0 to 1.
        recogniser: what found it.
    """

    start: int
    end: int
    type: str
    score: float
    recogniser: str


class Pattern:
    """A regular expression that is compiled when it is first used: importing a stage compiles nothing."""

    def __init__(self, source: str, flags: int = 0) -> None:
        self._source, self._flags = source, flags

    def __getattr__(self, name: str) -> Any:
        """A method of the compiled pattern, kept, so that only the first use pays."""
        if name.startswith("__"):
            raise AttributeError(name)
        method = getattr(regex.compile(self._source, self._flags), name)
        setattr(self, name, method)
        return method


def view(text: str) -> str:
    """The text with full-width ASCII, odd digits, spaces and dashes as plain ASCII, offset for offset."""
    if text.isascii():
        return text
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    return _PLAIN[codes].tobytes().decode("utf-32-le", "surrogatepass")


def occurrences(value: str, text: str) -> Iterator[tuple[int, int]]:
    """Where a value stands in a text, literally, left to right without overlaps."""
    start = text.find(value)
    while start >= 0:
        yield start, start + len(value)
        start = text.find(value, start + len(value))


def resolve(spans: Iterable[Span]) -> list[Span]:
    """Non-overlapping spans in text order: the higher score wins, then the longer, then the earlier."""
    chosen: list[Span] = []  # in text order, never overlapping
    for span in sorted(set(spans), key=lambda s: (-s.score, s.start - s.end, s)):
        if not overlaps(span, chosen):
            bisect.insort(chosen, span)
    return chosen


def overlaps(span: Span, chosen: Sequence[Span]) -> bool:
    """Whether a span shares a code point with one of `chosen`, which are in text order and do not overlap."""
    at = bisect.bisect_left(chosen, span)
    return (at > 0 and chosen[at - 1].end > span.start) or (at < len(chosen) and span.end > chosen[at].start)


def _plain_table() -> np.ndarray[tuple[int], np.dtype[np.uint32]]:
    table = np.arange(0x110000, dtype=np.uint32)
    planes = np.r_[0:0xD800, 0xE000:0x20000].astype(np.uint32).tobytes().decode("utf-32-le")
    for digit in filter(str.isdecimal, planes):
        table[ord(digit)] = ord("0") + unicodedata.decimal(digit)
    table[0xFF01:0xFF5F] = np.arange(0x21, 0x7F)
    for char in "\u3000\u00a0\u2002\u2003\u2009\u202f":
        table[ord(char)] = ord(" ")
    for char in "‐‑‒–—―−﹣─ー":
        table[ord(char)] = ord("-")
    for char in "•‧・∙⋅":
        table[ord(char)] = ord("·")
    return table


_PLAIN = _plain_table()
