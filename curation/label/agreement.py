"""How far people who label the same texts agree: Krippendorff's alpha for labels without an order.

Any number of people, each of whom may leave out any text. A text with fewer than two answers says nothing and
is only counted. The interval is a bootstrap over texts, not over pairs of answers: the answers to one text
hang together.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

RELIABLE, TENTATIVE = 0.8, 0.667
"""Smallest alpha of labels to rely on, and of labels for tentative conclusions (Krippendorff 2004)."""

CONFIDENCE = 0.95
"""Of the interval."""

DRAWS = 1000

_UNDEFINED = 0.05
"""Share of draws without an alpha from which on the others give no interval."""

_AT_ONCE = 1 << 22
"""Numbers drawn at once."""


@dataclass(frozen=True)
class LabelAgreement:
    """One label.

    Attributes:
        said: answers that gave it, on texts with another answer.
        agreement: where one person gave it, how often another one did, too.
    """

    label: str
    said: int
    agreement: float


@dataclass(frozen=True)
class Confusion:
    """Two labels that were given to the same text: by how many pairs of people, over all texts."""

    one: str
    other: str
    pairs: int


@dataclass(frozen=True)
class Agreement:
    """How far people agree.

    Attributes:
        people: who answered, sorted.
        units: texts that two people or more have answered; all figures are about these.
        alone: texts that one person has answered.
        percent: share of equal pairs among all pairs of answers to one text.
        alpha: Krippendorff's alpha, 1 for perfect agreement, 0 for what chance gives; None: see `lacking`.
        interval: of alpha, at a confidence of `CONFIDENCE`; None: see `unbounded`.
        kappa: Cohen's kappa; None where there are not exactly two people, or where it is not defined.
        labels: each label that was given, the one with least agreement first.
        confused: pairs of labels that were given to the same text, the most frequent first.
        lacking: why there is no alpha.
        unbounded: why there is no interval.
    """

    people: tuple[str, ...]
    units: int
    alone: int
    percent: float | None
    alpha: float | None
    interval: tuple[float, float] | None
    kappa: float | None
    labels: tuple[LabelAgreement, ...]
    confused: tuple[Confusion, ...]
    lacking: str | None = None
    unbounded: str | None = None

    @property
    def verdict(self) -> str | None:
        """What such an alpha is good for; None without one."""
        if self.alpha is None:
            return None
        if self.alpha >= RELIABLE:
            return "reliable"
        return "tentative" if self.alpha >= TENTATIVE else "unreliable"

    def lines(self, most: int = 10) -> list[str]:
        """The figures as text, with so many labels and pairs of labels at the most."""
        told = [f"{self.units:>7,}  texts with answers of two people or more, of {len(self.people)} people"]
        if self.alone:
            told.append(f"{self.alone:>7,}  texts with one answer say nothing")
        if self.alpha is None:
            told.append(f"Krippendorff's alpha: none: {self.lacking}")
        else:
            alpha = f"Krippendorff's alpha: {self.alpha:.3f} ({self.verdict})"
            if self.interval is None:
                told.append(f"{alpha}; no interval: {self.unbounded}")
            else:
                low, high = self.interval
                told.append(f"{alpha}, between {low:.3f} and {high:.3f} at {CONFIDENCE:.0%} confidence")
        if self.percent is not None:
            told.append(f"equal answers: {self.percent:.1%}")
        if self.kappa is not None:
            told.append(f"Cohen's kappa: {self.kappa:.3f}")
        told += [
            f"{each.said:>7,}  {each.label}: agreement {each.agreement:.2f}" for each in self.labels[:most]
        ]
        told += [f"{each.pairs:>7,}  {each.one} against {each.other}" for each in self.confused[:most]]
        return told


def agreement(
    units: Sequence[str],
    people: Sequence[str],
    values: Sequence[str | None],
    *,
    draws: int = DRAWS,
    seed: int = 0,
) -> Agreement:
    """How far people agree; the order of the answers does not matter, except where one is given again.

    Args:
        units, people, values: columns of a table of answers: of which text, by whom, which label. None is no
            answer. Of several answers of one person to one text the last counts.
        draws: of the bootstrap; `seed` decides them.
    """
    said = {
        (unit, person): value for unit, person, value in zip(units, people, values, strict=True)
    }  # the last one stays
    answers = {key: value for key, value in said.items() if value is not None}
    names = sorted(set(answers.values()))
    code = {name: number for number, name in enumerate(names)}
    given: dict[str, list[int]] = defaultdict(list)
    for (unit, _), value in answers.items():
        given[unit].append(code[value])
    found = Counter(tuple(sorted(codes)) for codes in given.values() if len(codes) > 1)
    table = _Table.of(found, len(names))
    who = tuple(sorted({person for _, person in answers}))
    alpha, interval, lacking, unbounded = None, None, table.lacking, None
    if lacking is None:
        alpha = float(table.alpha(table.times[None, :])[0])
        interval, unbounded = _interval(table, draws, seed)
    return Agreement(
        people=who,
        units=int(table.times.sum()),
        alone=sum(len(codes) == 1 for codes in given.values()),
        percent=table.percent,
        alpha=alpha,
        interval=interval,
        kappa=_kappa(answers, who, code) if len(who) == 2 else None,
        labels=_per_label(table, names),
        confused=_confused(table, names),
        lacking=lacking,
        unbounded=unbounded,
    )


@dataclass(frozen=True)
class _Table:
    """Texts by what was said of them. Texts of which the same was said are one row: they draw alike.

    Attributes:
        counts: how often each label was given, sparse, of shape (rows, labels).
        times: how many texts the row stands for.
        answers: per text of the row.
        disagreement: ordered pairs of different answers to such a text, divided by its answers less one.
    """

    counts: Any
    times: NDArray[np.int64]
    answers: NDArray[np.int64]
    disagreement: NDArray[np.float64]

    @classmethod
    def of(cls, found: Counter[tuple[int, ...]], labels: int) -> _Table:
        from scipy.sparse import csr_matrix

        rows = sorted(found)
        answers = np.array([len(row) for row in rows], np.int64)
        columns = np.fromiter(chain.from_iterable(rows), np.int64, int(answers.sum()))
        place = np.repeat(np.arange(len(rows)), answers)
        ones = np.ones(len(columns), np.int64)
        counts = csr_matrix((ones, (place, columns)), shape=(len(rows), labels))  # sums what stands twice
        alike = np.asarray(counts.multiply(counts).sum(axis=1)).ravel()
        times = np.array([found[row] for row in rows], np.int64)
        return cls(counts, times, answers, (answers**2 - alike) / (answers - 1))

    @property
    def lacking(self) -> str | None:
        """Why there is no alpha."""
        if not len(self.times):
            return "no text was answered by two people"
        if np.count_nonzero(self.counts.sum(axis=0)) < 2:
            return "one label was given to all texts, so that nobody can tell agreement from habit"
        return None

    @property
    def percent(self) -> float | None:
        pairs = self.times @ (self.answers * (self.answers - 1))
        different = self.times @ (self.disagreement * (self.answers - 1))
        return float(1 - different / pairs) if pairs else None

    def alpha(self, times: NDArray[np.int64]) -> NDArray[np.float64]:
        """Alpha for each row of numbers of texts; not a number where only one label was given."""
        answers = times @ self.answers
        observed = times @ self.disagreement
        per_label = np.asarray(self.counts.T @ times.T, np.float64)
        expected = (answers.astype(np.float64) ** 2 - (per_label**2).sum(axis=0)) / (answers - 1)
        with np.errstate(invalid="ignore", divide="ignore"):
            alphas: NDArray[np.float64] = np.where(expected > 0, 1 - observed / expected, np.nan)
        return alphas


def _interval(table: _Table, draws: int, seed: int) -> tuple[tuple[float, float] | None, str | None]:
    """The interval, or why there is none."""
    if not table.disagreement.any():
        return None, "nobody disagreed, so there is nothing to draw from"
    rng = np.random.default_rng(seed)
    texts = int(table.times.sum())
    shares = table.times / texts
    block = max(1, _AT_ONCE // len(shares))
    sizes = [min(block, draws - start) for start in range(0, draws, block)]
    alphas = np.concatenate([table.alpha(rng.multinomial(texts, shares, size)) for size in sizes])
    defined = alphas[~np.isnan(alphas)]
    if len(defined) < (1 - _UNDEFINED) * draws:
        return None, "too few texts have another label than the commonest"
    low, high = np.quantile(defined, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return (float(low), float(high)), None


def _kappa(answers: dict[tuple[str, str], str], who: Sequence[str], code: dict[str, int]) -> float | None:
    """Of the texts that both people answered; None where both gave one and the same label to all."""
    one, other = who
    both = [
        (code[value], code[answers[unit, other]])
        for (unit, person), value in answers.items()
        if person == one and (unit, other) in answers
    ]
    if not both:
        return None
    first, second = np.array(both).T
    equal = np.mean(first == second)
    shares = [np.bincount(each, minlength=len(code)) / len(both) for each in (first, second)]
    chance = shares[0] @ shares[1]
    return None if chance == 1 else float((equal - chance) / (1 - chance))


def _per_label(table: _Table, names: Sequence[str]) -> tuple[LabelAgreement, ...]:
    said = table.times @ table.counts
    with_another = (table.times * (table.answers - 1)) @ table.counts
    alike = table.times @ (table.counts.multiply(table.counts) - table.counts)
    labels = [
        LabelAgreement(name, int(said[at]), float(alike[at] / with_another[at]))
        for at, name in enumerate(names)
        if said[at]
    ]
    return tuple(sorted(labels, key=lambda each: (each.agreement, -each.said)))


def _confused(table: _Table, names: Sequence[str]) -> tuple[Confusion, ...]:
    from scipy.sparse import triu

    pairs = triu(table.counts.T @ table.counts.multiply(table.times[:, None]), k=1).tocoo()
    found = [
        Confusion(names[one], names[other], int(count))
        for one, other, count in zip(*pairs.coords, pairs.data, strict=True)
    ]
    return tuple(sorted(found, key=lambda each: -each.pairs))
