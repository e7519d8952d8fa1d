"""What a fit says of itself: figures from cross-validation, on examples that the model had not seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from curation.label import calibration, classifier, keywords, selective

if TYPE_CHECKING:
    from curation.label.classifier import Examples, HeldOut
    from curation.label.labeller import Labeller

SHOWN = (0.95, 0.9, 0.8, 0.7)
"""Precisions whose coverage the summary of a fit tells."""

_FITTED = 20_000
"""Examples that the repeated cross-validation goes through, more or less: the more there are, the fewer
repeats are needed to know the figures."""

_REPEATS = 10


@dataclass(frozen=True)
class Class:
    """How a label fares, nothing abstained."""

    label: str
    n: int
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True)
class OfLabel:
    """`selective.PerLabel` by name, for the precision `LabelFitSummary.promised` or .95."""

    label: str
    accepted: int
    right: int
    bound: float
    promised: selective.Point | None
    missing: int | None


@dataclass(frozen=True)
class LabelFitSummary:
    """What a labeller was fitted to, and how well it does on examples that it has not seen.

    Attributes:
        taxonomy: its name.
        gold: label to number of examples.
        pool: texts without a label, those of the gold files with them.
        empty: rows without text, which were left out.
        distinct: judged examples that are no near duplicates of each other; all figures are of these.
        unjudged: examples that were chosen because they are hard: they train, and count in no figure.
        repeats: cross-validations, each with other folds.
        accuracy, macro_f1: of the full answer in 5-fold cross-validation, nothing abstained: the mean.
        macro_f1_spread: standard deviation of the repeats.
        macro_f1_without_pool: the mean without the pool; None where there is none.
        classes: how each label fares.
        confusion: row the right label, column the guess, by number.
        operating_points: precision asked for to the point that keeps it, None where no point does.
        curve: coverage against precision, the most confident examples first.
        per_label: each label beside the others at the promised precision.
        reliability: whether confidences are probabilities.
        keywords: how the taxonomy's rules alone do on all of the gold.
    """

    taxonomy: str
    gold: dict[str, int]
    pool: int
    empty: int
    distinct: int
    unjudged: int
    repeats: int
    accuracy: float
    macro_f1: float
    macro_f1_spread: float
    macro_f1_without_pool: float | None
    classes: list[Class]
    confusion: list[list[int]]
    operating_points: dict[float, selective.Point | None]
    curve: list[selective.Point]
    per_label: list[OfLabel]
    reliability: calibration.Reliability
    keywords: keywords.KeywordSummary

    @property
    def promised(self) -> float | None:
        """The highest of `SHOWN` that some point keeps; None where no point keeps any."""
        return max((asked for asked, point in self.operating_points.items() if point), default=None)

    def lines(self) -> list[str]:
        """The summary as text."""
        told = [f"{count:>7,}  {label}" for label, count in self.gold.items()]
        told.append(f"{sum(self.gold.values()):>7,}  labelled, {self.pool:,} without a label")
        if self.empty:
            told.append(f"{self.empty:>7,}  rows without text left out")
        if self.unjudged:
            told.append(f"{self.unjudged:>7,}  chosen because they are hard: they train and are not measured")
        told.append(
            f"cross-validated: accuracy {self.accuracy:.3f}, macro-F1 {self.macro_f1:.3f} "
            f"± {self.macro_f1_spread:.3f} ({self.distinct:,} distinct texts, {classifier.FOLDS} folds, "
            f"{self.repeats} times)"
        )
        if self.macro_f1_without_pool is not None:
            told.append(f"without the pool: macro-F1 {self.macro_f1_without_pool:.3f}")
        said = self.keywords
        right = "none decided" if said.accuracy is None else f"accuracy {said.accuracy:.3f} where they decide"
        told.append(
            f"keywords alone: coverage {said.coverage:.0%}, conflict {said.conflict:.0%}, "
            f"decided {said.decided:.0%}, {right}"
        )
        told.append(f"confidence: off by {self.reliability.error:.3f} in the mean")
        for precision, point in self.operating_points.items():
            asked = f"precision {precision:g}: "
            if point is None:
                told.append(f"{asked}cannot be promised with these examples; every label would abstain")
            else:
                told.append(
                    f"{asked}{point.coverage:.0%} labelled, {point.precision:.3f} of them rightly "
                    f"(at least {point.bound:.3f} at {selective.CONFIDENCE:.0%} confidence)"
                )
        alone = [each.label for each in self.per_label if each.promised]
        told.append(
            f"for a label by itself it is promised for: {', '.join(alone) or 'none'}; the report says what "
            "the others lack"
        )
        told.append("a precision is promised for texts like the labelled ones, drawn in the same way")
        return told


def measure(
    fitted: Labeller,
    examples: Examples,
    without_pool: Examples,
    rules: keywords.KeywordSummary,
    *,
    empty: int,
    held_out: HeldOut,
    seed: int,
) -> LabelFitSummary:
    """The figures of a fitted model.

    Args:
        examples: what it was fitted to; `without_pool` are the same.
        empty: rows that were left out.
        held_out: what the model's thresholds come from.
    """
    repeats = range(seed, seed + int(np.clip(_FITTED // len(examples.labels), 1, _REPEATS)))
    runs = [classifier.out_of_fold(examples, each) for each in repeats]
    bare = [classifier.out_of_fold(without_pool, each).macro_f1 for each in repeats if examples.pool]
    confusion = np.mean([_confusion(run, len(examples.values)) for run in runs], axis=0)
    points = {precision: fitted.operating_point(precision) for precision in SHOWN}
    asked = max((precision for precision, point in points.items() if point), default=SHOWN[0])
    own = selective.per_label(
        fitted.leads, fitted.right, fitted.guesses, labels=len(fitted.labels), precision=asked
    )
    return LabelFitSummary(
        taxonomy=fitted.taxonomy,
        gold=dict(zip(fitted.labels, fitted.gold, strict=True)),
        pool=examples.pool,
        empty=empty,
        distinct=len(held_out.labels),
        unjudged=int((~examples.judged).sum()),
        repeats=len(repeats),
        accuracy=float(np.mean([run.right.mean() for run in runs])),
        macro_f1=float(np.mean([run.macro_f1 for run in runs])),
        macro_f1_spread=float(np.std([run.macro_f1 for run in runs])),
        macro_f1_without_pool=float(np.mean(bare)) if bare else None,
        classes=_classes(fitted.labels, confusion),
        confusion=_confusion(held_out, len(examples.values)).astype(int).tolist(),
        operating_points=points,
        curve=[fitted.calibration.of_point(each) for each in selective.curve(fitted.leads, fitted.right)],
        per_label=[
            OfLabel(
                label=fitted.labels[each.label],
                accepted=each.accepted,
                right=each.right,
                bound=each.bound,
                promised=each.promised and fitted.calibration.of_point(each.promised),
                missing=each.missing,
            )
            for each in own
            if fitted.gold[each.label]
        ],
        reliability=calibration.reliability(held_out.leads, held_out.right),
        keywords=rules,
    )


def _confusion(run: HeldOut, labels: int) -> NDArray[np.float64]:
    """How many of each label (row) were given which (column)."""
    pairs = np.bincount(run.labels * labels + run.guesses, minlength=labels * labels)
    return pairs.reshape(labels, labels).astype(float)


def _classes(values: tuple[str, ...], confusion: NDArray[np.float64]) -> list[Class]:
    found = []
    for number, label in enumerate(values):
        hit, given, there = confusion[number, number], confusion[:, number].sum(), confusion[number].sum()
        if there:
            precision = float(hit / given) if given else 0.0
            recall = float(hit / there)
            found.append(Class(label, round(there), precision, recall, float(2 * hit / (given + there))))
    return found
