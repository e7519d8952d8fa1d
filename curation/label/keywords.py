"""Labelling functions made of a taxonomy's keywords: each that a text says is a vote for its label."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import regex
from numpy.typing import NDArray

if TYPE_CHECKING:
    from curation.label.taxonomy import Taxonomy

_BETWEEN = "\n"
"""Stands between two texts while they are searched together; no keyword holds it."""


def votes(taxonomy: Taxonomy, texts: Sequence[str]) -> NDArray[np.int64]:
    """How many distinct keywords of each label every text holds, shape (texts, labels that may be given).

    Matches are found from left to right, the longest first, and do not overlap: in 社区医院 the keyword
    医院 counts only if 社区医院 is none.
    """
    keywords = [(each, at) for at, label in enumerate(taxonomy.leaves) for each in label.keywords]
    counts = np.zeros((len(texts), len(taxonomy.leaves)), np.int64)
    if not keywords or not texts:
        return counts
    numbers = {keyword: number for number, (keyword, _) in enumerate(keywords)}
    label_of = np.array([at for _, at in keywords])
    longest_first = sorted(numbers, key=lambda keyword: (-len(keyword), keyword))
    pattern = regex.compile("|".join(map(regex.escape, longest_first)))
    starts = np.cumsum([0, *(len(text) + len(_BETWEEN) for text in texts)])
    matches = [(match.start(), numbers[match.group()]) for match in pattern.finditer(_BETWEEN.join(texts))]
    if not matches:
        return counts
    places, hit = np.array(matches).T
    rows = np.searchsorted(starts, places, side="right") - 1
    pairs = np.unique(rows * len(keywords) + hit)
    np.add.at(counts, (pairs // len(keywords), label_of[pairs % len(keywords)]), 1)
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
