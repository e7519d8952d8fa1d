"""How well findings agree with a gold file: what is missed, what is found too much, what would be left.

A gold span is found where a finding of its type overlaps it; identifiers taken together also where the
finding is of another identifier's type.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from curation.anonymise.detect import detect
from curation.anonymise.marked import Marked
from curation.anonymise.policy import PEOPLE, TYPES, Rules
from curation.anonymise.tagger import Tagger

Spans = list[tuple[int, int, str]]
"""Start, end and type of what stands, or was found, in one document."""

IDENTIFIERS = frozenset(TYPES) - {*PEOPLE, "ADDRESS", "LOCATION", "ORGANIZATION"}


class Agreement(NamedTuple):
    """How many spans the gold file has, how many of them are overlapped and how many found exactly; how many
    findings there are, and how many of them overlap gold."""

    gold: int
    overlapped: int
    exact: int
    found: int
    right: int

    @property
    def recall(self) -> float:
        return ratio(self.overlapped, self.gold)

    @property
    def precision(self) -> float:
        return ratio(self.right, self.found)


class Share(NamedTuple):
    """So many of so many."""

    part: int
    whole: int


def found(documents: Sequence[Marked], rules: Rules, tagger: Tagger) -> list[Spans]:
    """What is found in each document."""
    rows = [{"text": one.text} for one in documents]
    detected = detect(rows, [{}] * len(rows), [rules] * len(rows), tagger=tagger)
    return [[span[:3] for span in one.spans.get("text", [])] for one in detected]


def agreement(gold: Iterable[Spans], found: Iterable[Spans], kinds: Iterable[str]) -> Agreement:
    """Gold and findings of some types, document by document."""
    wanted, sums = frozenset(kinds), [0] * len(Agreement._fields)
    for truth, guess in zip(gold, found, strict=True):
        truth = [span for span in truth if span[2] in wanted]
        guess = [span for span in guess if span[2] in wanted]
        of_document = (
            len(truth),
            sum(touched(span, guess) for span in truth),
            len({span[:2] for span in truth} & {span[:2] for span in guess}),
            len(guess),
            sum(touched(span, truth) for span in guess),
        )
        sums = [total + more for total, more in zip(sums, of_document, strict=True)]
    return Agreement(*sums)


def left(documents: Sequence[Marked], found: Sequence[Spans], rules: Rules) -> Share:
    """Documents in which a value that must go is not even touched by what goes."""
    count = 0
    for one, spans in zip(documents, found, strict=True):
        gone = [span for span in spans if rules[span[2]].changes]
        count += any(
            (span[2] not in rules or rules[span[2]].changes) and not touched(span, gone) for span in one.spans
        )
    return Share(count, len(documents))


def needless(documents: Sequence[Marked], found: Sequence[Spans], rules: Rules) -> Share:
    """Characters that go though they are in no gold span, of all that are in none."""
    gone = free = 0
    for one, spans in zip(documents, found, strict=True):
        personal = {at for start, end, _ in one.spans for at in range(start, end)}
        free += len(one.text) - len(personal)
        gone += len(
            {at for start, end, kind in spans if rules[kind].changes for at in range(start, end)} - personal
        )
    return Share(gone, free)


def touched(span: tuple[int, int, str], others: Spans) -> bool:
    """Whether a span shares a character with one of the others."""
    return any(start < span[1] and span[0] < end for start, end, _ in others)


def ratio(part: int, whole: int) -> float:
    """Not a number where there is nothing."""
    return part / whole if whole else float("nan")
