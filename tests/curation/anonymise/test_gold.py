"""What is found in 330 hand-written documents of thirty kinds, by hands that saw neither rules nor models.

The floors are below what was measured when this was committed (see the closing note of issue 4), by the width
of a few documents: they catch a broken rule or model, not a changed decimal.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from curation.anonymise import marked, policy, tagger
from curation.anonymise.detect import detect

GOLD = [one for path in sorted(Path(__file__).parent.glob("gold/*.txt")) for one in marked.read(path)]
OTHERS = ("PERSON", "PERSON_HONORIFIC", "PERSON_MASKED", "ADDRESS", "LOCATION", "ORGANIZATION")
IDENTIFIERS = frozenset(policy.TYPES) - set(OTHERS)
RULES = policy.load("letters")

Spans = list[tuple[int, int, str]]


@pytest.fixture(scope="module")
def found() -> list[Spans]:
    rules = [RULES.of(None)] * len(GOLD)
    rows = [{"text": one.text} for one in GOLD]
    detected = detect(rows, [{}] * len(GOLD), rules, tagger=tagger.load("lac"))
    return [[span[:3] for span in one.spans["text"]] for one in detected]


def touched(span: tuple[int, int, str], others: Spans) -> bool:
    return any(start < span[1] and span[0] < end for start, end, _ in others)


@pytest.mark.parametrize(
    ("kinds", "recall", "precision"),
    [
        (IDENTIFIERS, 0.92, 0.97),
        ({"PERSON"}, 0.90, 0.89),
        ({"PERSON_HONORIFIC"}, 0.82, 0.89),
        ({"PERSON_MASKED"}, 0.90, 0.85),
        ({"ADDRESS"}, 0.88, 0.90),
    ],
    ids=["identifiers", "person", "honorific", "masked", "address"],
)
def test_recall_and_precision_by_overlap(
    kinds: set[str], recall: float, precision: float, found: list[Spans]
) -> None:
    gold = [[span for span in one.spans if span[2] in kinds] for one in GOLD]
    said = [[span for span in spans if span[2] in kinds] for spans in found]
    hits = [touched(span, guess) for truth, guess in zip(gold, said, strict=True) for span in truth]
    right = [touched(span, truth) for truth, guess in zip(gold, said, strict=True) for span in guess]
    assert sum(hits) / len(hits) >= recall
    assert sum(right) / len(right) >= precision


def test_few_other_characters_are_replaced(found: list[Spans]) -> None:
    needless = free = 0
    for one, spans in zip(GOLD, found, strict=True):
        personal = {at for start, end, _ in one.spans for at in range(start, end)}
        gone = [span for span in spans if RULES.of(None)[span[2]].changes]
        needless += len({at for start, end, _ in gone for at in range(start, end)} - personal)
        free += len(one.text) - len(personal)
    assert needless / free <= 0.02


def test_most_documents_without_personal_data_come_back_as_they_were(found: list[Spans]) -> None:
    """Of 30 at most 2, and those with one finding that changes."""
    changed = [
        sum(RULES.of(None)[span[2]].changes for span in spans)
        for one, spans in zip(GOLD, found, strict=True)
        if not [span for span in one.spans if RULES.of(None)[span[2]].changes]
    ]
    assert len(changed) >= 8 and max(changed) <= 1 and sum(changed) <= len(changed) // 6


def test_how_many_documents_keep_a_value_that_is_not_even_touched(found: list[Spans]) -> None:
    """The issue asks for 15 %; see its closing note for what is there."""
    left = 0
    for one, spans in zip(GOLD, found, strict=True):
        gone = [span for span in spans if RULES.of(None)[span[2]].changes]
        left += any(RULES.of(None)[span[2]].changes and not touched(span, gone) for span in one.spans)
    assert left / len(GOLD) <= 0.42
