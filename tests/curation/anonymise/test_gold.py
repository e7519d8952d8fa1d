"""What is found in 330 hand-written documents of thirty kinds, by hands that saw neither rules nor models.

The floors are below what was measured when this was committed (see the closing note of issue 4), by the width
of a few documents: they catch a broken rule or model, not a changed decimal.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from curation.anonymise import marked, policy, scores, tagger
from curation.anonymise.scores import IDENTIFIERS, Spans

GOLD = [one for path in sorted(Path(__file__).parent.glob("gold/*.txt")) for one in marked.read(path)]
RULES = policy.load("letters").of(None)


@pytest.fixture(scope="module")
def found() -> list[Spans]:
    return scores.found(GOLD, RULES, tagger.load("lac"))


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
    agreement = scores.agreement([one.spans for one in GOLD], found, kinds)
    assert agreement.recall >= recall
    assert agreement.precision >= precision


def test_few_other_characters_are_replaced(found: list[Spans]) -> None:
    needless = scores.needless(GOLD, found, RULES)
    assert needless.part / needless.whole <= 0.02


def test_most_documents_without_personal_data_come_back_as_they_were(found: list[Spans]) -> None:
    """Of 30 at most 2, and those with one finding that changes."""
    changed = [
        sum(RULES[span[2]].changes for span in spans)
        for one, spans in zip(GOLD, found, strict=True)
        if not [span for span in one.spans if RULES[span[2]].changes]
    ]
    assert len(changed) >= 8 and max(changed) <= 1 and sum(changed) <= len(changed) // 6


def test_how_many_documents_keep_a_value_that_is_not_even_touched(found: list[Spans]) -> None:
    """The issue asks for 15 %; see its closing note for what is there."""
    left = scores.left(GOLD, found, RULES)
    assert left.part / left.whole <= 0.42
