"""How far a measured share may be chance: exact bounds (Clopper and Pearson 1934, Biometrika 26, 404-413)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


def exact(successes: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Two-sided interval of a share.

    Returns:
        Lower and upper limit; (0, 1) for no trials, of which nothing is known.

    Raises:
        ValueError: counts or confidence out of range.
    """
    check(confidence, successes, n - successes)
    risk = (1 - confidence) / 2
    return float(lower_bound(successes, n, risk)), float(upper_bound(successes, n, risk))


def lower_bound(successes: ArrayLike, n: ArrayLike, risk: float) -> NDArray[np.float64]:
    """One-sided lower limit of each share: the truth is below it with a probability of at most `risk`."""
    from scipy.special import betaincinv

    k, trials = _counts(successes, n)
    some = np.maximum(k, 1)
    bound: NDArray[np.float64] = betaincinv(some, np.maximum(trials, some) - some + 1, risk)
    return np.where(k > 0, bound, 0.0)


def upper_bound(successes: ArrayLike, n: ArrayLike, risk: float) -> NDArray[np.float64]:
    """One-sided upper limit of each share: the truth is above it with a probability of at most `risk`."""
    k, trials = _counts(successes, n)
    return 1 - lower_bound(trials - k, trials, risk)


def check(confidence: float, *counts: int) -> None:
    """Refuse what is no confidence or no count.

    Raises:
        ValueError: a confidence out of range, or a negative count.
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence {confidence}: above 0 and below 1")
    if min(counts) < 0:
        raise ValueError("a count is negative")


def _counts(successes: ArrayLike, n: ArrayLike) -> tuple[NDArray[Any], NDArray[Any]]:
    return np.asarray(successes), np.asarray(n)
