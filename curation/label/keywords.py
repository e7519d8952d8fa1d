"""What a taxonomy's rules alone say of a text: a best guess, and whether it can be trusted."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from curation.label import rules

if TYPE_CHECKING:
    from curation.label.taxonomy import Taxonomy


def votes(
    taxonomy: Taxonomy, texts: Sequence[str], columns: Mapping[str, Sequence[Any]] | None = None
) -> NDArray[np.int64]:
    """How many distinct rules of each label hold for every text, shape (texts, labels that may be given).

    Args:
        columns: name of a column to its values, for rules with a condition; without it they do not vote.
    """
    all_rules = rules.of(taxonomy)
    counts = np.zeros((len(texts), len(taxonomy.leaves)), np.int64)
    found = rules.in_favour(all_rules, rules.match(all_rules, texts, columns))
    labels = np.array([rule.label for rule in all_rules], np.int64)
    np.add.at(counts, (found.rows, labels[found.rules]), 1)
    return counts


@dataclasses.dataclass(frozen=True)
class Winner:
    """What the votes say of each text.

    Attributes:
        label: the label with most votes, of equal ones the first in the taxonomy; -1 without any vote.
        sure: at least `SURE` keywords, and none of any other label; keywords abstain else.
    """

    label: NDArray[np.int64]
    sure: NDArray[np.bool_]


SURE = 3
"""Distinct keywords of one label, with none of another, that decide where there is nothing to measure by."""


def winner(counts: NDArray[np.int64]) -> Winner:
    """Who won each row of `votes`."""
    most = counts.max(axis=1)
    return Winner(
        label=np.where(most > 0, counts.argmax(axis=1), -1),
        sure=(most >= SURE) & (counts.sum(axis=1) == most),
    )


@dataclasses.dataclass(frozen=True)
class KeywordSummary:
    """How a taxonomy's keywords do on texts, as shares of all texts.

    Attributes:
        coverage: some keyword votes.
        overlap: more than one keyword votes.
        conflict: keywords of different labels vote.
        decided: the winner is sure; keywords abstain from the others.
        accuracy: of the texts with a known label that were decided, those decided rightly; None without any.
    """

    coverage: float
    overlap: float
    conflict: float
    decided: float
    accuracy: float | None


def summarise(counts: NDArray[np.int64], gold: NDArray[np.int64]) -> KeywordSummary:
    """Coverage, overlap, conflict and accuracy of votes.

    Args:
        counts: as from `votes`, at least one row.
        gold: index of the right label of each text, -1 where it is not known.
    """
    won = winner(counts)
    judged = won.sure & (gold >= 0)
    return KeywordSummary(
        coverage=float((won.label >= 0).mean()),
        overlap=float((counts.sum(axis=1) > 1).mean()),
        conflict=float(((counts > 0).sum(axis=1) > 1).mean()),
        decided=float(won.sure.mean()),
        accuracy=float((won.label == gold)[judged].mean()) if judged.any() else None,
    )
