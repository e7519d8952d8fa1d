"""What the lead of a guess over the second best label is worth as a probability that the guess is right.

A logistic curve (Platt 1999) through what was right in cross-validation. It never falls, so it changes no
order: thresholds that were chosen by leads hold for probabilities.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from curation.label.selective import Point

_FLATTEST = 1e-3
"""Slope of the curve at least, so that it rises even where a greater lead was no better."""

BINS = 10
"""Bars of a reliability table."""


@dataclasses.dataclass(frozen=True)
class Calibration:
    """Probability `1 / (1 + exp(-(slope * lead + offset)))`."""

    slope: float
    offset: float

    def confidence(self, leads: NDArray[np.float64]) -> NDArray[np.float64]:
        """Probabilities, with six decimals so that every machine compares the same numbers."""
        from scipy.special import expit

        found: NDArray[np.float64] = np.round(expit(self.slope * leads + self.offset), 6)
        return found

    def of_point(self, point: Point) -> Point:
        """A point whose threshold is a lead, with the probability that this is."""
        return dataclasses.replace(point, threshold=float(self.confidence(np.array([point.threshold]))[0]))


def fit(leads: NDArray[np.float64], right: NDArray[np.bool_]) -> Calibration:
    """The curve that makes the outcomes most likely; a few are believed to be either, as Platt has it."""
    from scipy.optimize import minimize

    wins, losses = int(right.sum()), int((~right).sum())
    target = np.where(right, (wins + 1) / (wins + 2), 1 / (losses + 2))

    def loss(curve: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        logit = curve[0] * leads + curve[1]
        off = 1 / (1 + np.exp(-np.clip(logit, -500, 500))) - target
        worth = float(np.mean(np.logaddexp(0, logit) - target * logit))
        return worth, np.array([np.mean(off * leads), np.mean(off)])

    found = minimize(loss, [1.0, 0.0], jac=True, method="L-BFGS-B", bounds=[(_FLATTEST, None), (None, None)])
    return Calibration(*(float(np.round(each, 6)) for each in found.x))


@dataclasses.dataclass(frozen=True)
class Bar:
    """Guesses whose confidence lies between two bounds: their number, mean confidence and share right."""

    low: float
    high: float
    n: int
    confidence: float
    right: float


@dataclasses.dataclass(frozen=True)
class Reliability:
    """How far confidences can be taken for probabilities.

    Attributes:
        error: mean distance of confidence and share right (expected calibration error), by guesses.
        bars: those that have a guess.
    """

    error: float
    bars: tuple[Bar, ...]


def reliability(leads: NDArray[np.float64], right: NDArray[np.bool_], folds: int = 5) -> Reliability:
    """Reliability of confidences, each from a curve that its own outcome has not helped to fit."""
    fold = np.arange(len(leads)) % folds
    confidence = np.empty(len(leads))
    for held_out in range(folds):
        out = fold == held_out
        confidence[out] = fit(leads[~out], right[~out]).confidence(leads[out])
    at = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
    bars = tuple(
        Bar(
            bar / BINS,
            (bar + 1) / BINS,
            int(here.sum()),
            float(confidence[here].mean()),
            float(right[here].mean()),
        )
        for bar in range(BINS)
        if (here := at == bar).any()
    )
    return Reliability(sum(bar.n * abs(bar.confidence - bar.right) for bar in bars) / len(leads), bars)
