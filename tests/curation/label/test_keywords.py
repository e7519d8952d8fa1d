from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.label import keywords
from curation.label.taxonomy import Taxonomy


def taxonomy(**words: list[str]) -> Taxonomy:
    """Labels with these keywords."""
    said = {"zh": "说", "en": "said"}
    labels = [
        {"code": name, "name": {"zh": name, "en": name}, "definition": said, "keywords": each}
        for name, each in words.items()
    ]
    return Taxonomy.model_validate({"schema": "taxonomy/1", "name": "t", "title": said, "labels": labels})


MINE = taxonomy(a=["医院", "医生"], b=["医院路", "公交"], c=[])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("医院里的医生", [2, 0, 0]),
        ("医院，医院，还是医院", [1, 0, 0]),
        ("公交停在医院路", [0, 2, 0]),
        ("公交停在医院", [1, 1, 0]),
        ("医", [0, 0, 0]),
        ("", [0, 0, 0]),
    ],
)
def test_distinct_keywords_vote_and_a_longer_one_swallows_a_shorter(text: str, expected: list[int]) -> None:
    assert keywords.votes(MINE, [text]).tolist() == [expected]


@given(st.lists(st.text("医院路生公交 \n\0a", max_size=12), max_size=6))
def test_a_text_s_votes_do_not_depend_on_its_neighbours(texts: list[str]) -> None:
    alone = [keywords.votes(MINE, [text])[0].tolist() for text in texts]
    assert keywords.votes(MINE, texts).tolist() == alone


def test_few_keywords_or_those_of_another_label_leave_a_best_guess_that_is_not_sure() -> None:
    won = keywords.winner(np.array([[2, 1, 0], [1, 1, 0], [0, 0, 0], [0, 3, 0], [1, 3, 0]]))
    assert won.label.tolist() == [0, 0, -1, 1, 1]
    assert won.sure.tolist() == [False, False, False, True, False]


def test_a_taxonomy_without_keywords_never_votes() -> None:
    assert keywords.votes(taxonomy(a=[], b=[]), ["医院"]).tolist() == [[0, 0]]


def test_the_summary_counts_coverage_overlap_conflict_and_accuracy() -> None:
    counts = np.array([[3, 0], [1, 1], [0, 0], [0, 3]])
    said = keywords.summarise(counts, np.array([0, 0, 0, 0]))
    assert said == keywords.KeywordSummary(
        coverage=0.75, overlap=0.75, conflict=0.25, decided=0.5, accuracy=0.5
    )
    assert keywords.summarise(counts, np.full(4, -1)).accuracy is None
