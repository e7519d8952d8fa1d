"""Which labels had better be looked at again: those that are probably wrong, and near duplicates that differ.

How many labels are wrong is estimated by confident learning (cleanlab) from what classifiers say that have
seen neither the text nor a near duplicate of it. So many are named, those first whose own label is the least
probable. Measured on 494 real letters with 49 errors planted at random, five times: .88 of the errors are
named, .63 of what is named is planted (31 labels are named where nothing is). Where the planted label is the
next best guess, .63 and .49. Other ways to choose as many find fewer: confident learning's own pairs .60
instead of .83, the margin to the best guess .72.
"""

from __future__ import annotations

import importlib.util
import warnings
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from curation.errors import UsageError
from curation.label import classifier

REPEATS = 3
"""Cross-validations, each cut otherwise, whose probabilities are averaged."""

THRESHOLD = 0.8
"""Similarity of near duplicates, as in deduplication."""

_SHARPNESS = 0.15
"""A lead of so much in the margin is worth odds of e to 1. The order hardly depends on it, the number of
labels held for wrong does. Probabilities fit best at about .2; but then a quarter of the errors planted in
generated letters is not named, and to look at a label costs a person little."""


@dataclass(frozen=True)
class Doubts:
    """What is doubted of given labels; every array has one entry per example.

    Attributes:
        wrong: whether the label is probably wrong.
        suggested: index of the most probable other label.
        score: probability of the given label, 0 to 1; the smaller, the sooner to be looked at.
    """

    wrong: NDArray[np.bool_]
    suggested: NDArray[np.int64]
    score: NDArray[np.float64]


@dataclass(frozen=True)
class Differing:
    """Near duplicates that do not all have the same label.

    Attributes:
        cluster: the first of the members, which names them all.
        members: places in the input, rising.
        labels: of each member.
    """

    cluster: int
    members: tuple[int, ...]
    labels: tuple[str, ...]


def find_errors(labels: NDArray[np.int64], probabilities: NDArray[np.float64]) -> Doubts:
    """Labels that are probably wrong.

    Args:
        labels: of each example, shape (n,); of two different ones at least.
        probabilities: of each label for each example, from a classifier that has not seen the example;
            shape (n, labels), rows sum to 1.

    Raises:
        UsageError: cleanlab is not installed.
    """
    require_cleanlab()
    from cleanlab.count import num_label_issues

    score = probabilities[np.arange(len(labels)), labels]
    others = probabilities.copy()
    others[np.arange(len(labels)), labels] = -1
    suggested = others.argmax(axis=1)
    expected = num_label_issues(labels, probabilities)
    wrong = np.zeros(len(labels), bool)
    wrong[np.argsort(score, kind="stable")[:expected]] = True
    wrong &= others.max(axis=1) > score  # whatever the estimate, a label that is the best guess stands
    return Doubts(wrong, suggested, score)


def held_out(
    values: Sequence[str],
    documents: Sequence[str],
    labels: Sequence[str],
    cluster: NDArray[np.int64],
    seed: int = 0,
) -> NDArray[np.float64]:
    """Probability of each label for each document, by classifiers that have seen nothing of its cluster.

    Where no other text has the document's label, it is not a number. The order of the documents does not
    matter.

    Args:
        values: the labels that may be given.
        documents: made by `features.document`, each with a label.
        cluster: as `near_duplicates` gives it.
        seed: decides the folds.

    Raises:
        UsageError: too few labels.
    """
    order = sorted(range(len(documents)), key=lambda at: (documents[at], labels[at]))
    place: dict[int, int] = {}  # of the first member of each cluster, in this order
    for number, at in enumerate(order):
        place.setdefault(int(cluster[at]), number)
    examples = classifier.prepare(
        values,
        [documents[at] for at in order],
        [labels[at] for at in order],
        groups=[f"{place[int(cluster[at])]:09}" for at in order],
    )
    if examples.lacking:
        raise UsageError(f"too few labels to audit them: {examples.lacking}")
    cuts = [_one_cut(examples, seed * REPEATS + each) for each in range(REPEATS)]
    found = np.empty_like(cuts[0])
    found[order] = np.round(np.mean(cuts, axis=0), 6)  # every machine compares the same numbers
    return found


def near_duplicates_with_different_labels(
    texts: Sequence[str], labels: Sequence[str], *, threshold: float = THRESHOLD
) -> list[Differing]:
    """Exact and near duplicates whose labels differ, in the order of their first members."""
    return differing(near_duplicates(texts, threshold), labels)


def near_duplicates(texts: Sequence[str], threshold: float = THRESHOLD) -> NDArray[np.int64]:
    """Of each text the first of its near duplicates, itself where it has none; an empty text has none."""
    from curation.deduplicate import find_duplicates

    return find_duplicates(texts, threshold=threshold).cluster


def differing(cluster: NDArray[np.int64], labels: Sequence[str]) -> list[Differing]:
    """The clusters whose members do not all have the same label."""
    members: dict[int, list[int]] = defaultdict(list)
    for at, of in enumerate(cluster.tolist()):
        members[of].append(at)
    return [
        Differing(rows[0], tuple(rows), tuple(labels[at] for at in rows))
        for rows in members.values()
        if len({labels[at] for at in rows}) > 1
    ]


def require_cleanlab() -> None:
    """Refuse to go on without cleanlab.

    Raises:
        UsageError: it is not installed.
    """
    if importlib.util.find_spec("cleanlab") is None:
        raise UsageError("the audit of labels needs cleanlab: pip install 'govtune[audit]'")


def _one_cut(examples: classifier.Examples, seed: int) -> NDArray[np.float64]:
    from scipy.special import softmax
    from sklearn.model_selection import StratifiedKFold

    found = np.full((len(examples.labels), len(examples.values)), np.nan)
    first = examples.labels[examples.distinct]
    folds = StratifiedKFold(classifier.FOLDS, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a label with fewer examples than folds is no fault
        for _, away in folds.split(first, first):
            out = np.isin(examples.groups, away)
            linear = classifier.train(examples.only(np.flatnonzero(~out)), seed)
            told = softmax(linear.margins(examples.counted[out]) / _SHARPNESS, axis=1)
            told[~np.isin(examples.labels[out], examples.labels[~out])] = np.nan
            found[out] = told
    return found
