"""How far a measured share, or the difference of two shares over the same examples, may be chance."""

from __future__ import annotations

import math
from typing import Literal


def exact(successes: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Two-sided exact interval of a binomial share (Clopper and Pearson 1934, Biometrika 26, 404-413).

    Returns:
        Lower and upper limit; (0, 1) for no trials, of which nothing is known.

    Raises:
        ValueError: counts or confidence out of range.
    """
    return _proportion(successes, n, confidence, "exact")


def wilson(successes: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Score interval of a binomial share (Wilson 1927); (0, 1) for no trials.

    Raises:
        ValueError: counts or confidence out of range.
    """
    return _proportion(successes, n, confidence, "wilson")


def paired_difference(
    both: int, first_only: int, second_only: int, neither: int, confidence: float = 0.95
) -> tuple[float, float, float]:
    """Share of the first minus share of the second, both measured on the same examples.

    Square-and-add of Wilson limits with the correlation phi corrected for continuity: method 10 of Newcombe
    1998, Statistics in Medicine 17, 2635-2650.

    Args:
        both, first_only, second_only, neither: examples by who had them right.

    Returns:
        Difference, lower and upper limit; (0, -1, 1) for no examples.

    Raises:
        ValueError: counts or confidence out of range.
    """
    _check(confidence, both, first_only, second_only, neither)
    n = both + first_only + second_only + neither
    if n == 0:
        return 0.0, -1.0, 1.0
    first, second = (both + first_only) / n, (both + second_only) / n
    low_1, high_1 = wilson(both + first_only, n, confidence)
    low_2, high_2 = wilson(both + second_only, n, confidence)
    phi = _phi(both, first_only, second_only, neither)

    def distance(one: float, other: float) -> float:
        return math.sqrt(max(0.0, one * one - 2 * phi * one * other + other * other))

    difference = first - second
    low = difference - distance(first - low_1, high_2 - second)
    high = difference + distance(high_1 - first, second - low_2)
    return difference, max(-1.0, low), min(1.0, high)


def _proportion(
    successes: int, n: int, confidence: float, method: Literal["exact", "wilson"]
) -> tuple[float, float]:
    _check(confidence, successes, n - successes)
    if n == 0:
        return 0.0, 1.0
    from scipy.stats import binomtest

    interval = binomtest(successes, n).proportion_ci(confidence, method)
    return float(interval.low), float(interval.high)


def _phi(both: int, first_only: int, second_only: int, neither: int) -> float:
    """Correlation of the two, where positive moved towards zero by half an observation; 0 where a margin is
    empty."""
    margins = (both + first_only) * (second_only + neither) * (both + second_only) * (first_only + neither)
    if margins == 0:
        return 0.0
    n = both + first_only + second_only + neither
    covariance: float = both * neither - first_only * second_only
    if covariance > 0:
        covariance = max(0.0, covariance - n / 2)
    return covariance / math.sqrt(margins)


def _check(confidence: float, *counts: int) -> None:
    if not 0 < confidence < 1:
        raise ValueError(f"confidence {confidence}: above 0 and below 1")
    if min(counts) < 0:
        raise ValueError("a count is negative")
