"""Which figures of a draft nobody gave: they stand neither in the letter nor in the instructions.

A reply that names a date, a phone number or a document nobody has told the model is made up, and a person who
signs it may not notice. Figures are read as `deduplicate` reads them: 三百户 and 300 户 are the same.
"""

from __future__ import annotations

from typing import NamedTuple

from curation.deduplicate.veto.figures import Figures, read


class Invented(NamedTuple):
    """What a draft says and its prompt does not, as values."""

    numbers: frozenset[str]
    dates: frozenset[str]
    document_numbers: frozenset[str]


def invented(draft: str, given: str) -> Invented:
    """The figures of a draft that the text before it does not hold; phone numbers are numbers."""
    ours, theirs = _sets(read(draft)), _sets(read(given))
    return Invented(*(said - told for said, told in zip(ours, theirs, strict=True)))


def _sets(figures: Figures) -> tuple[frozenset[str], ...]:
    return frozenset(figures.numbers), frozenset(figures.dates), frozenset(figures.document_numbers)
