"""Intervals against published values, against each other, and by how often they hold the truth."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.intervals import exact, lower_bound, upper_bound
from training.evaluate.intervals import mean, paired_difference, share, wilson


@pytest.mark.parametrize(
    ("method", "successes", "n", "low", "high"),
    [  # Newcombe 1998, Statistics in Medicine 17, 857-872, table I
        (exact, 81, 263, 0.2527, 0.3676),
        (exact, 15, 148, 0.0578, 0.1617),
        (exact, 0, 20, 0.0, 0.1684),
        (exact, 1, 29, 0.0009, 0.1776),
        (wilson, 81, 263, 0.2553, 0.3662),
        (wilson, 15, 148, 0.0624, 0.1605),
        (wilson, 0, 20, 0.0, 0.1611),
        (wilson, 1, 29, 0.0061, 0.1718),
    ],
)
def test_intervals_of_a_share_are_the_published_ones(
    method: Callable[[int, int], tuple[float, float]], successes: int, n: int, low: float, high: float
) -> None:
    assert method(successes, n) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ((36, 12, 2, 0), (0.2, 0.0569, 0.3404)),  # Newcombe 1998, 17, 2635-2650, method 10
        ((59, 6, 16, 80), (-0.0621, -0.1186, -0.0046)),  # Cavo et al. 2012 in R contingencytables
    ],
)
def test_the_interval_of_a_paired_difference_is_the_published_one(
    table: tuple[int, int, int, int], expected: tuple[float, float, float]
) -> None:
    assert paired_difference(*table) == pytest.approx(expected, abs=5e-5)


def test_nothing_measured_says_nothing() -> None:
    assert exact(0, 0) == (0.0, 1.0)
    assert wilson(0, 0) == (0.0, 1.0)
    assert paired_difference(0, 0, 0, 0) == (0.0, -1.0, 1.0)


def test_a_share_of_nothing_is_no_number() -> None:
    assert share(0, 0) == {"share": None, "n": 0, "interval": [0.0, 1.0]}
    assert share(3, 6) == {"share": 0.5, "n": 6, "interval": pytest.approx([0.1181, 0.8819], abs=1e-4)}


@pytest.mark.parametrize("counts", [(-1, 5), (6, 5)])
def test_counts_out_of_range_are_refused(counts: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="negative"):
        exact(*counts)


@pytest.mark.parametrize("confidence", [0.0, 1.0, 95])
def test_a_confidence_out_of_range_is_refused(confidence: float) -> None:
    with pytest.raises(ValueError, match="confidence"):
        paired_difference(1, 1, 1, 1, confidence)


counts = st.integers(min_value=0, max_value=400)


@given(counts, counts, counts, counts)
def test_a_paired_interval_holds_its_difference_and_mirrors(a: int, b: int, c: int, d: int) -> None:
    difference, low, high = paired_difference(a, b, c, d)
    assert -1 <= low <= difference + 1e-12
    assert difference - 1e-12 <= high <= 1
    assert paired_difference(a, c, b, d) == pytest.approx((-difference, -high, -low), abs=1e-9)
    assert paired_difference(d, b, c, a) == pytest.approx((difference, low, high), abs=1e-9)


@given(successes=counts, failures=counts)
def test_the_exact_interval_is_wider_with_more_confidence(successes: int, failures: int) -> None:
    n = successes + failures
    low, high = exact(successes, n)
    wider_low, wider_high = exact(successes, n, 0.99)
    assert 0 <= wider_low <= low <= (successes / n if n else 0.5) <= high <= wider_high <= 1


@given(successes=counts, failures=counts, risk=st.sampled_from([0.01, 0.05, 0.2]))
def test_the_bounds_mirror_and_are_scipys(successes: int, failures: int, risk: float) -> None:
    from scipy.stats import beta

    n = successes + failures
    low, high = float(lower_bound(successes, n, risk)), float(upper_bound(successes, n, risk))
    assert high == pytest.approx(1 - float(lower_bound(failures, n, risk)))
    assert low == pytest.approx(beta.ppf(risk, successes, failures + 1) if successes else 0)
    assert high == pytest.approx(beta.ppf(1 - risk, successes + 1, failures) if failures else 1)


def test_the_mean_of_equal_values_is_certain_and_of_others_as_far_as_n_says() -> None:
    assert mean([0.25] * 7, seed=1) == (0.25, 0.25, 0.25)
    values = [0.0, 1.0] * 200
    middle, low, high = mean(values, seed=1)
    assert middle == 0.5
    assert (low, high) == pytest.approx((0.5 - 1.96 * 0.025, 0.5 + 1.96 * 0.025), abs=0.006)
    assert mean(values, seed=1) == (middle, low, high)
    assert mean(values, seed=2) != (middle, low, high)
    with pytest.raises(ValueError, match="negative"):
        mean([], seed=1)


@pytest.mark.parametrize("share", [0.02, 0.1, 0.37, 0.5, 0.93])
def test_the_exact_interval_holds_the_truth_at_least_as_often_as_it_says(share: float) -> None:
    n = 40
    held = sum(
        math.comb(n, k) * share**k * (1 - share) ** (n - k)
        for k in range(n + 1)
        if exact(k, n)[0] <= share <= exact(k, n)[1]
    )
    assert held >= 0.95


@pytest.mark.parametrize(
    "cells", [(0.5, 0.3, 0.1, 0.1), (0.7, 0.2, 0.05, 0.05), (0.3, 0.2, 0.2, 0.3), (0.05, 0.8, 0.05, 0.1)]
)
def test_the_paired_interval_holds_the_truth_about_as_often_as_it_says(
    cells: tuple[float, float, float, float],
) -> None:
    n, truth = 14, cells[1] - cells[2]
    held = 0.0
    for table in tables(n):
        _, low, high = paired_difference(*table)
        if low <= truth <= high:
            held += math.factorial(n) * math.prod(
                share**k / math.factorial(k) for share, k in zip(cells, table, strict=True)
            )
    assert 0.93 <= held <= 0.99


def tables(n: int) -> Iterator[tuple[int, int, int, int]]:
    """Every table of n pairs."""
    for both in range(n + 1):
        for first in range(n - both + 1):
            for second in range(n - both - first + 1):
                yield both, first, second, n - both - first - second
