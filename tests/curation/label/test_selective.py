from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.intervals import lower_bound
from curation.label import selective


def examples(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Confidences that are the very probability of being right."""
    scores = rng.beta(4, 1, n)
    return scores, rng.random(n) < scores


@pytest.mark.parametrize(
    ("right", "n", "bound"),
    [(45, 45, 0.05 ** (1 / 45)), (1, 1, 0.05), (0, 7, 0.0)],
)
def test_the_bound_is_clopper_and_pearson_s(right: int, n: int, bound: float) -> None:
    assert lower_bound(right, n, 0.05) == pytest.approx(bound)


def test_the_bound_solves_the_binomial_tail() -> None:
    bound = lower_bound(18, 20, 0.05)
    tail = sum(math.comb(20, k) * bound**k * (1 - bound) ** (20 - k) for k in (18, 19, 20))
    assert tail == pytest.approx(0.05)


def test_the_promise_is_kept_as_often_as_said() -> None:
    rng = np.random.default_rng(0)
    population, _ = examples(rng, 200_000)
    population.sort()
    above = np.cumsum(population[::-1])[::-1] / np.arange(len(population), 0, -1)
    kept = chosen = 0
    for _ in range(400):
        point = selective.choose(*examples(rng, 600), 0.9)
        if point is not None:
            chosen += 1
            kept += above[np.searchsorted(population, point.threshold)] >= 0.9
    assert chosen > 200
    assert kept / 400 + (400 - chosen) / 400 >= 0.88  # .90 less two standard errors


def test_labels_that_are_wrong_everywhere_alike_do_not_end_the_search_at_the_top() -> None:
    right = np.arange(800) % 25 != 3
    point = selective.choose(np.linspace(1, 0.5, 800), right, 0.9)
    assert point is not None
    assert point.coverage == 1
    assert point.bound > 0.94


def test_nothing_is_promised_on_too_few_or_on_wrong_examples() -> None:
    assert selective.choose(np.linspace(0.5, 1, 40), np.ones(40, bool), 0.95) is None
    assert selective.choose(np.linspace(0.5, 1, 400), np.zeros(400, bool), 0.5) is None
    assert selective.choose(np.empty(0), np.empty(0, bool), 0.5) is None


def test_everything_is_let_through_where_everything_is_right() -> None:
    point = selective.choose(np.linspace(0.5, 1, 400), np.ones(400, bool), 0.95)
    assert point is not None
    assert (point.threshold, point.coverage, point.precision) == (0.5, 1.0, 1.0)


@given(st.lists(st.tuples(st.sampled_from([0.2, 0.5, 0.9]), st.booleans()), min_size=1, max_size=300))
def test_a_chosen_point_counts_all_examples_of_its_confidence(made: list[tuple[float, bool]]) -> None:
    scores, right = np.array([each for each, _ in made]), np.array([each for _, each in made])
    for point in [*selective.curve(scores, right), selective.choose(scores, right, 0.6)]:
        if point is not None:
            passed = scores >= point.threshold
            assert point.coverage == pytest.approx(passed.mean())
            assert point.precision == pytest.approx(right[passed].mean())


def test_a_label_is_promised_by_itself_only_where_its_own_examples_suffice() -> None:
    guesses = np.repeat([0, 1, 2], [200, 30, 100])
    right = np.concatenate([np.ones(230, bool), np.arange(100) % 2 == 0])
    scores = np.concatenate([np.linspace(1, 0.5, 200), np.linspace(1, 0.5, 30), np.linspace(0.4, 0, 100)])
    first, second, third, never = selective.per_label(scores, right, guesses, labels=4, precision=0.95)
    assert first.promised is not None
    assert first.missing == 0
    assert second.promised is None and second.accepted == second.right and 25 < second.accepted <= 30
    assert second.missing is not None
    enough = second.accepted + second.missing
    assert selective.choose(np.linspace(1, 0.5, enough), np.ones(enough, bool), 0.95) is not None
    assert second.bound == pytest.approx(0.1 ** (1 / second.accepted))
    assert third.accepted < 30 and third.promised is None
    assert (never.accepted, never.bound, never.promised) == (0, 0.0, None)


def test_a_few_wrong_gold_labels_at_the_top_do_not_take_an_easy_promise_away() -> None:
    right = np.ones(560, bool)
    right[[3, 9, 17, 30, 41, 58, 77, 120, 200, 270]] = False
    point = selective.choose(np.linspace(1, 0, 560), right, 0.95)
    assert point is not None and point.coverage == 1


def test_many_wrong_guesses_of_a_label_are_not_mended_by_more_of_them() -> None:
    (only,) = selective.per_label(
        np.linspace(1, 0, 300), np.arange(300) % 3 > 0, np.zeros(300, np.int64), labels=1, precision=0.95
    )
    assert (only.promised, only.missing) == (None, None)


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.8, 0.9, 0.95]))
def test_a_promise_is_no_bolder_than_all_of_the_risk_allows(seed: int, precision: float) -> None:
    scores, right = examples(np.random.default_rng(seed), 400)
    point = selective.choose(scores, right, precision)
    if point is not None:
        n = round(point.coverage * 400)
        k = round(point.precision * n)
        assert point.bound >= precision
        assert point.bound <= lower_bound(k, n, 0.1) + 1e-12
