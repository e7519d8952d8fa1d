"""Entities of a text: as people mark them, as labels of tokens, and how many of them were found."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from training.encoded import IGNORED
from training.evaluate.intervals import share


class Span(NamedTuple):
    """Characters from `start` up to `end`, and what they name."""

    start: int
    end: int
    type: str


def checked(given: Sequence[Any], text: str) -> tuple[Span, ...]:
    """Spans as a row gives them, in order.

    Raises:
        ValueError: what is wrong with them.
    """
    found = []
    for each in given:
        if not isinstance(each, dict) or not each.keys() >= {*Span._fields}:
            raise ValueError("a span is not an object with start, end and type")
        span = Span(each["start"], each["end"], each["type"])
        if not isinstance(span.type, str) or not re.fullmatch(r"[^\s-]+", span.type):
            raise ValueError("the type of a span is not a name without dash and space")
        if not all(type(place) is int for place in (span.start, span.end)):
            raise ValueError("start and end of a span are not whole numbers")
        if not 0 <= span.start < span.end <= len(text):
            raise ValueError(f"a span from {span.start} to {span.end} is not within the text's {len(text)}")
        found.append(span)
    found.sort()
    if any(one.end > other.start for one, other in pairwise(found)):
        raise ValueError("two spans overlap")
    return tuple(found)


def encoded(offsets: Sequence[tuple[int, int]], spans: Sequence[Span]) -> list[str | None]:
    """A label for each token: of the first span that it shares a character with; None for a token that stands
    for no character.

    Args:
        spans: in order, none over another.
    """
    labels: list[str | None] = []
    place, begun = 0, False
    for start, end in offsets:
        if start == end:
            labels.append(None)
            continue
        while place < len(spans) and spans[place].end <= start:
            place, begun = place + 1, False
        inside = place < len(spans) and end > spans[place].start
        labels.append(f"{'I' if begun else 'B'}-{spans[place].type}" if inside else "O")
        begun = begun or inside
    return labels


def decoded(offsets: Sequence[tuple[int, int]], tags: Sequence[int], labels: Sequence[str]) -> list[Span]:
    """The spans that labels of tokens tell: neighbours of one type, unless one begins anew."""
    found: list[Span] = []
    last = ""
    for (start, end), tag in zip(offsets, tags, strict=True):
        if start == end or tag == IGNORED:
            continue
        place, _, type = labels[tag].partition("-")
        if type and type == last and place == "I":
            found[-1] = found[-1]._replace(end=end)
        elif type:
            found.append(Span(start, end, type))
        last = type
    return found


def score(found: Sequence[Sequence[Span]], truth: Sequence[Sequence[Span]]) -> dict[str, Any]:
    """Precision, recall and F1 over all texts; a span is right if type, start and end are."""
    right = Counter(span.type for said, true in zip(found, truth, strict=True) for span in {*said} & {*true})
    given = Counter(span.type for said in found for span in said)
    wanted = Counter(span.type for true in truth for span in true)
    hits, said, all_wanted = right.total(), given.total(), wanted.total()
    return {
        "n": len(truth),
        "precision": share(hits, said),
        "recall": share(hits, all_wanted),
        "f1": _f1(hits, said, all_wanted),
        "by_type": {
            type: {
                "n": wanted[type],
                "found": given[type],
                "right": right[type],
                "f1": _f1(right[type], given[type], wanted[type]),
            }
            for type in sorted({*given, *wanted})
        },
    }


def _f1(right: int, found: int, wanted: int) -> float:
    return 2 * right / (found + wanted) if found + wanted else 0.0
