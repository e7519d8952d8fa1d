from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from curation.label.agreement import Agreement, Confusion, LabelAgreement, agreement

Said = Sequence[Sequence[str | None]]
"""Per person what was said of each text."""


def agree(said: Said, draws: int = 200, seed: int = 0) -> Agreement:
    table = [
        (f"u{unit}", f"p{person}", value) for person, row in enumerate(said) for unit, value in enumerate(row)
    ]
    units, people, values = zip(*table, strict=True)
    return agreement(units, people, values, draws=draws, seed=seed)


def rows(*lines: str) -> Said:
    return [[None if value == "." else value for value in line.split()] for line in lines]


@pytest.mark.parametrize(
    ("said", "alpha"),
    [
        # Krippendorff, Computing Krippendorff's Alpha-Reliability (2011), examples A to C
        (rows("0 1 0 0 0 0 0 0 1 0", "1 1 1 0 0 1 0 0 0 0"), 0.095),
        (rows("a a b b d c c c e d d a", "b a b b b c c c e d d d"), 0.692),
        (
            rows(
                "1 2 3 3 2 1 4 1 2 . . .",
                "1 2 3 3 2 2 4 1 2 5 . 3",
                ". 3 3 3 2 3 4 2 2 5 1 .",
                "1 2 3 3 2 4 4 1 2 5 1 .",
            ),
            0.743,
        ),
    ],
)
def test_published_examples(said: Said, alpha: float) -> None:
    assert agree(said).alpha == pytest.approx(alpha, abs=0.0005)


def test_a_text_with_one_answer_says_nothing() -> None:
    """The last text of Krippendorff's example C has one answer."""
    found = agree(rows("1 2 3 . .", "1 2 . 4 .", "1 3 3 . ."))
    assert (found.units, found.alone) == (3, 1)
    without = agree(rows("1 2 3", "1 2 .", "1 3 3"))
    assert (found.alpha, found.percent, found.labels) == (without.alpha, without.percent, without.labels)


tables = st.integers(2, 4).flatmap(
    lambda people: st.lists(
        st.lists(st.sampled_from(["a", "b", "c", None]), min_size=people, max_size=people),
        min_size=2,
        max_size=12,
    )
)


@given(tables)
def test_alpha_is_one_minus_disagreement_within_texts_over_that_of_any_two_answers(by_unit: Said) -> None:
    """Pair by pair, as the definition says, instead of by counts."""
    answers = [[value for value in unit if value is not None] for unit in by_unit]
    answers = [unit for unit in answers if len(unit) > 1]
    everything = [value for unit in answers for value in unit]
    found = agree(list(zip(*by_unit, strict=True)), draws=1)
    if len(set(everything)) < 2:
        assert found.alpha is None
        assert found.lacking
        return
    within = sum(
        (one != other) / (len(unit) - 1) for unit in answers for one, other in itertools.permutations(unit, 2)
    ) / len(everything)
    pairs = list(itertools.permutations(everything, 2))
    assert found.alpha == pytest.approx(1 - within / np.mean([one != other for one, other in pairs]))


@given(tables, st.permutations(range(4)), st.randoms())
@settings(max_examples=50)
def test_names_of_labels_and_order_of_people_and_texts_do_not_matter(
    by_unit: Said, order: list[int], lot: object
) -> None:
    found = agree(list(zip(*by_unit, strict=True)))
    shuffled = list(by_unit)
    lot.shuffle(shuffled)  # type: ignore[attr-defined]
    again = agree(
        list(zip(*([unit[at] for at in order if at < len(unit)] for unit in shuffled), strict=True))
    )
    assert (again.alpha, again.interval, again.percent) == (found.alpha, found.interval, found.percent)
    assert (again.labels, again.confused) == (found.labels, found.confused)
    other = {"a": "丙", "b": "甲", "c": "\ud800", None: None}
    renamed = agree([[other[value] for value in row] for row in zip(*by_unit, strict=True)])
    assert renamed.alpha == pytest.approx(found.alpha)
    assert {(each.label, each.said) for each in renamed.labels} == {
        (other[each.label], each.said) for each in found.labels
    }


@given(st.lists(st.sampled_from("abc"), min_size=2, max_size=20), st.integers(2, 4))
def test_perfect_agreement_is_one_and_has_nothing_to_draw_from(truth: list[str], people: int) -> None:
    assume(len(set(truth)) > 1)
    found = agree([truth] * people)
    assert (found.alpha, found.percent, found.interval, found.confused) == (1, 1, None, ())
    assert found.kappa == (1 if people == 2 else None)
    assert found.unbounded == "nobody disagreed, so there is nothing to draw from"
    assert {each.agreement for each in found.labels} == {1}


@pytest.mark.parametrize("people", [2, 3, 5])
def test_answers_by_lot_agree_no_more_than_chance(people: int) -> None:
    rng = np.random.default_rng(people)
    found = agree(rng.choice(list("aaabbc"), (people, 3000)).tolist())
    assert found.alpha == pytest.approx(0, abs=0.04)
    assert found.interval is not None
    assert found.interval[0] < 0 < found.interval[1]
    assert found.percent is not None
    assert found.percent > 0.35
    assert found.verdict == "unreliable"


def test_one_label_for_all_texts_is_no_agreement_and_no_error() -> None:
    found = agree(rows("a a a", "a a a"))
    assert (found.alpha, found.interval, found.kappa, found.percent) == (None, None, None, 1)
    assert found.lacking is not None
    assert "one label" in found.lacking
    assert found.verdict is None
    assert any(line.startswith("Krippendorff's alpha: none: one label") for line in found.lines())


@pytest.mark.parametrize("said", [rows("a b . .", ". . a b"), rows("a b c"), rows(". .", ". .")])
def test_without_a_text_that_two_people_answered_there_is_no_figure(said: Said) -> None:
    found = agree(said)
    assert (found.units, found.alpha, found.percent, found.kappa) == (0, None, None, None)
    assert found.lacking == "no text was answered by two people"
    assert (found.labels, found.confused) == ((), ())


def test_an_empty_table_is_no_error() -> None:
    assert agreement([], [], []).lacking == "no text was answered by two people"


def test_the_interval_is_seeded_holds_alpha_and_narrows_with_more_texts() -> None:
    rng = np.random.default_rng(0)

    def said(texts: int) -> Said:
        truth = rng.choice(list("abcd"), texts)
        return [np.where(rng.random(texts) < 0.8, truth, "a").tolist() for _ in range(3)]

    few, many = said(40), said(2000)
    assert agree(few, seed=1).interval == agree(few, seed=1).interval != agree(few, seed=2).interval
    wide, narrow = agree(few), agree(many)
    for found in (wide, narrow):
        assert found.interval is not None
        assert found.alpha is not None
        assert found.interval[0] < found.alpha < found.interval[1]
    assert wide.interval and narrow.interval
    assert narrow.interval[1] - narrow.interval[0] < (wide.interval[1] - wide.interval[0]) / 3


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(7)

    def said(texts: int) -> Said:
        truth = rng.choice(list("abc"), texts, p=[0.6, 0.3, 0.1])
        return [
            np.where(rng.random(texts) < 0.85, truth, rng.choice(list("abc"), texts)).tolist()
            for _ in range(2)
        ]

    true = agree(said(100_000), draws=1).alpha
    assert true is not None
    intervals = [agree(said(100), draws=200).interval for _ in range(150)]
    holds = np.mean([each is not None and each[0] <= true <= each[1] for each in intervals])
    assert 0.88 <= holds <= 0.99


def test_a_label_that_hardly_occurs_gives_no_interval() -> None:
    said = [["a"] * 49 + ["b"], ["a"] * 50]
    found = agree(said)
    assert (found.alpha, found.interval) == (0, None)
    assert found.unbounded == "too few texts have another label than the commonest"


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=30)
def test_kappa_is_cohens(seed: int) -> None:
    from sklearn.metrics import cohen_kappa_score

    rng = np.random.default_rng(seed)
    one, other = rng.choice(list("abc"), (2, 30), p=[0.5, 0.3, 0.2])
    other = np.where(rng.random(30) < 0.5, one, other)
    found = agree([[*one.tolist(), "a", None], [*other.tolist(), None, "c"]], draws=1)
    assert found.kappa == pytest.approx(cohen_kappa_score(one, other))


def test_which_label_is_said_against_which() -> None:
    found = agree(rows("a a a b b c", "a b b b b c", "a a b b . c"))
    assert found.confused == (Confusion("a", "b", 4),)
    assert found.labels == (
        LabelAgreement("a", 6, pytest.approx(8 / 12)),
        LabelAgreement("b", 8, pytest.approx(10 / 14)),
        LabelAgreement("c", 3, 1.0),
    )
    assert found.kappa is None
    assert found.percent == pytest.approx(1 - 4 / 16)


def test_of_several_answers_of_one_person_the_last_counts() -> None:
    found = agreement(["1", "1", "2", "2", "1"], ["x", "y", "x", "y", "x"], ["a", "b", "b", "b", "b"])
    assert found.percent == 1
    gone = agreement(["1", "1", "2", "2", "1"], ["x", "y", "x", "y", "x"], ["a", "b", "b", "b", None])
    assert (gone.units, gone.alone) == (1, 1)


def test_the_words_go_by_krippendorffs_bounds() -> None:
    rng = np.random.default_rng(3)
    seen = {}
    for keep in (0.7, 0.87, 0.96):
        truth = rng.choice(list("abcd"), 5000)
        said = [
            np.where(rng.random(5000) < keep, truth, rng.choice(list("abcd"), 5000)).tolist()
            for _ in range(2)
        ]
        found = agree(said)
        assert found.alpha is not None
        seen[found.verdict] = found.alpha
    assert set(seen) == {"unreliable", "tentative", "reliable"}
    assert seen["unreliable"] < 0.667 <= seen["tentative"] < 0.8 <= seen["reliable"]


def test_the_lines_tell_the_figures() -> None:
    told = "\n".join(agree(rows("a b c a b c a b", "a b c a b b b b")).lines())
    assert "8  texts with answers of two people or more, of 2 people" in told
    assert "Krippendorff's alpha: 0." in told
    assert "at 95% confidence" in told
    assert "equal answers: 75.0%" in told
    assert "1  a against b" in told
