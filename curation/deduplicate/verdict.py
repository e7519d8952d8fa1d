"""What is said of each text."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Verdict:
    """What is said of each text; every array has one entry per text.

    Attributes:
        relation: `duplicate_of` (goes), `variant_of` (stays) or None (stays).
        ref: row of the kept text that the relation means, -1 without one.
        exact: whether the text is identical to `ref`.
        contained: whether the text stands in `ref`, longer and not similar as a whole.
        score: exact similarity to `ref`, NaN without one; where contained, the share that stands in `ref`.
        cluster: row of the best-ranked text of the cluster, the text's own row when it is alone. Duplicates
            and variants of each other are in one cluster.
    """

    relation: NDArray[np.object_]
    ref: Rows
    exact: NDArray[np.bool_]
    contained: NDArray[np.bool_]
    score: NDArray[np.float64]
    cluster: Rows

    def behind(self, rows: int) -> Verdict:
        """What is said of all texts but the first ones."""
        return Verdict(*(getattr(self, field.name)[rows:] for field in dataclasses.fields(self)))


@dataclass(frozen=True)
class Among:
    """The verdict over the records of an index and new ones behind them.

    Attributes:
        verdict: what it says of an old record means something only where a new one refers to it.
        ids: of all.
        old: how many are the index's.
    """

    verdict: Verdict
    ids: pa.Array
    old: int

    @property
    def new(self) -> Verdict:
        """What is said of the new records; what they refer to is still counted over all."""
        return self.verdict.behind(self.old)

    def superseded(self) -> list[str]:
        """Old records that would go if a new one could take their place."""
        goes = (self.verdict.relation == "duplicate_of") & (self.verdict.ref >= self.old)
        goes[self.old :] = False
        told: list[str] = [self.ids[row].as_py() for row in np.flatnonzero(goes).tolist()]
        return told


@dataclass(frozen=True)
class Standing:
    """A verdict over distinct texts, one entry per distinct text.

    Attributes:
        survivor: the distinct text that stands for this one, itself if it is kept.
        score: similarity to the survivor; where contained, the share that stands in it.
        contained: whether the survivor is one that contains this text.
        variant: the kept text that this kept one is a variant of, -1 without one.
        variant_score: similarity to it.
        cluster: the best-ranked distinct text of the cluster.
    """

    survivor: Rows
    score: NDArray[np.float64]
    contained: NDArray[np.bool_]
    variant: Rows
    variant_score: NDArray[np.float64]
    cluster: Rows

    @classmethod
    def alone(cls, texts: int) -> Standing:
        """Every text stands for itself."""
        return cls(
            survivor=np.arange(texts),
            score=np.ones(texts),
            contained=np.zeros(texts, bool),
            variant=np.full(texts, -1),
            variant_score=np.full(texts, np.nan),
            cluster=np.arange(texts),
        )
