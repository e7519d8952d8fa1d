"""Labels where too few records have one: labelling functions vote, and a label model weighs the votes.

How often they are right is not known here. On real letters the label model's own probabilities are too high
(.81 right where it believes .95), so they order the guesses and decide nothing: a label holds where `AGREE`
functions say it and none says another.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from curation.label import functions, label_model
from curation.label.functions import LabellingFunction, Record, RuleFunction
from curation.label.taxonomy import Taxonomy

AGREE = 2
"""Functions that must say a label for it to hold."""

SAMPLE = 50_000
"""Records from which the label model learns what each function is worth; drawn at random from more."""


@dataclass(frozen=True)
class Weighed:
    """What the votes come to.

    Attributes:
        label: index of the best label, -1 where nobody votes or two are equally probable.
        probability: of the best label, as the label model believes it.
        holds: `AGREE` functions say the best label and none says another.
    """

    label: NDArray[np.int64]
    probability: NDArray[np.float64]
    holds: NDArray[np.bool_]


def vote(
    taxonomy: Taxonomy, own: Sequence[LabellingFunction], batches: Iterable[Sequence[Record]]
) -> NDArray[np.int16]:
    """What a taxonomy's rules, each by itself, and people's own functions say of records.

    Returns:
        Index of the label each one votes for, -1 where it abstains, shape (records, functions).
    """
    asked: list[RuleFunction | LabellingFunction] = []
    asked += functions.from_taxonomy(taxonomy, each_rule=True)
    asked += own
    said = [functions.apply(asked, taxonomy, batch).matrix.astype(np.int16) for batch in batches]
    return np.concatenate([np.empty((0, len(asked)), np.int16), *said])


def weigh(votes: NDArray[np.int16], labels: int, seed: int = 0) -> Weighed:
    """One label for each record from the votes about it.

    Args:
        labels: how many labels may be given.
        seed: of the sample that the label model is fitted to.
    """
    rows = np.arange(len(votes))
    if len(votes) > SAMPLE:
        rows = np.sort(np.random.default_rng(seed).choice(len(votes), SAMPLE, replace=False))
    fitted = label_model.fit(votes[rows].astype(np.int64), labels)
    parts = [
        _weighed(fitted, part.astype(np.int64)) for part in np.array_split(votes, len(votes) // SAMPLE + 1)
    ]
    return Weighed(
        np.concatenate([part.label for part in parts]),
        np.concatenate([part.probability for part in parts]),
        np.concatenate([part.holds for part in parts]),
    )


def _weighed(fitted: label_model.DawidSkene, votes: NDArray[np.int64]) -> Weighed:
    best = fitted.predict(votes)
    speaks = votes >= 0
    same = (votes == best[:, None]) & speaks
    return Weighed(
        best,
        fitted.predict_proba(votes).max(axis=1),
        (same.sum(axis=1) >= AGREE) & (same.sum(axis=1) == speaks.sum(axis=1)),
    )
