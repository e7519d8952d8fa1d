"""How far a measured share, or the difference of two shares over the same examples, may be chance."""

from __future__ import annotations

import math
from statistics import NormalDist


def exact(successes: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Two-sided exact interval of a binomial share (Clopper and Pearson 1934, Biometrika 26, 404-413).

    Returns:
        Lower and upper limit; (0, 1) for no trials, of which nothing is known.

    Raises:
        ValueError: counts or confidence out of range.
    """
    _check(confidence, successes, n - successes)
    from scipy.stats import beta

    tail = (1 - confidence) / 2
    low = beta.ppf(tail, successes, n - successes + 1) if successes else 0.0
    high = beta.isf(tail, successes + 1, n - successes) if successes < n else 1.0
    return float(low), float(high)


def wilson(successes: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Score interval of a binomial share (Wilson 1927); (0, 1) for no trials.

    Raises:
        ValueError: counts or confidence out of range.
    """
    _check(confidence, successes, n - successes)
    if n == 0:
        return 0.0, 1.0
    z = _normal_quantile(confidence)
    share, square = successes / n, z * z / n
    middle = share + square / 2
    half = math.sqrt(square * (share * (1 - share) + square / 4))
    low = (middle - half) / (1 + square) if successes else 0.0
    high = (middle + half) / (1 + square) if successes < n else 1.0
    return low, high


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


def _normal_quantile(confidence: float) -> float:
    return NormalDist().inv_cdf((1 + confidence) / 2)


def _check(confidence: float, *counts: int) -> None:
    if not 0 < confidence < 1:
        raise ValueError(f"confidence {confidence}: above 0 and below 1")
    if min(counts) < 0:
        raise ValueError("a count is negative")
