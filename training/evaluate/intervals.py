"""How far a mean, or the difference of two shares over the same examples, may be chance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from curation.intervals import check, exact

_RESAMPLES = 2000


def mean(values: Sequence[float], seed: int, confidence: float = 0.95) -> tuple[float, float, float]:
    """Mean of some examples with its bootstrap interval (Efron 1979, percentiles).

    Of a paired difference, give the differences: the examples are drawn, not the answers to them.

    Returns:
        Mean, lower and upper limit.

    Raises:
        ValueError: no values, or a confidence out of range.
    """
    check(confidence, len(values) - 1)
    said, draw = np.asarray(values, np.float64), np.random.default_rng(seed)
    means = [said[draw.integers(len(said), size=len(said))].mean() for _ in range(_RESAMPLES)]
    low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(said.mean()), float(low), float(high)


def share(successes: int, n: int) -> dict[str, Any]:
    """A share as a result file holds it: None of nothing, with its exact 95 % interval."""
    return {"share": successes / n if n else None, "n": n, "interval": list(exact(successes, n))}


def wilson(successes: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Score interval of a binomial share (Wilson 1927); (0, 1) for no trials.

    Raises:
        ValueError: counts or confidence out of range.
    """
    check(confidence, successes, n - successes)
    if n == 0:
        return 0.0, 1.0
    from scipy.stats import binomtest

    interval = binomtest(successes, n).proportion_ci(confidence, "wilson")
    return float(interval.low), float(interval.high)


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
    check(confidence, both, first_only, second_only, neither)
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
