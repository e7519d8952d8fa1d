from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

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
    assert selective.lower_bound(np.array([right]), np.array([n]))[0] == pytest.approx(bound)


def test_the_bound_solves_the_binomial_tail() -> None:
    bound = selective.lower_bound(np.array([18]), np.array([20]))[0]
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
