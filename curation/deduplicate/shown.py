"""What is shown of a deduplication: steps of the curve, pairs, clusters."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from curation.deduplicate.difference import Piece, difference
from curation.deduplicate.verdict import Rows, Verdict
from curation.lang import Lang

Relation = Literal["duplicate_of", "variant_of"]


@dataclass(frozen=True)
class Step:
    """What one threshold does: `dropped` is `exact`, `near` and `contained` together.

    Attributes:
        threshold: None where only identical texts go.
        variants: of the kept, those that a veto keeps apart from another one.
        own: whether it is the threshold of this run.
    """

    threshold: float | None
    dropped: int
    kept: int
    exact: int
    near: int
    contained: int
    variants: int
    own: bool


@dataclass(frozen=True, repr=False)
class Pair:
    """A text and the kept one that it is related to. The `repr` tells no text, so that none gets into a log.

    Attributes:
        row, ref: of the text and of the kept one; `name` and `ref_name` are their ids or places.
        relation: `duplicate_of` or `variant_of`.
        contained: whether the score is the share of the text that stands in the kept one.
        apart: the vetoes that see a difference.
    """

    row: int
    ref: int
    name: str
    ref_name: str
    relation: Relation
    score: float
    contained: bool
    apart: tuple[str, ...]
    text: str
    ref_text: str
    lang: Lang

    def __repr__(self) -> str:
        return f"<Pair: {self.name} {self.relation} {self.ref_name}, {self.score:.3f}>"

    def __str__(self) -> str:
        from curation.deduplicate.display import pair_text

        return pair_text(self)

    def _repr_html_(self) -> str:
        from curation.deduplicate.display import pair_html

        return pair_html(self)

    @cached_property
    def difference(self) -> list[Piece]:
        """What the kept text has alone is `delete`, what the other one has alone is `insert`."""
        return difference(self.ref_text, self.text)


class Shown(tuple[Pair, ...]):
    """Pairs that a notebook shows one below the other."""

    def _repr_html_(self) -> str:
        return "".join(pair._repr_html_() for pair in self)


@dataclass(frozen=True)
class Cluster:
    """Texts that hang together.

    Attributes:
        rows: of its members, the best-ranked first; `names` are the first ones' ids or places.
        kept, exact, near, contained: together the size; `variants` of the kept name another kept one.
    """

    rows: list[int] = field(repr=False)
    names: list[str]
    kept: int
    exact: int
    near: int
    contained: int
    variants: int

    @property
    def size(self) -> int:
        return len(self.rows)


def step_of(verdict: Verdict, threshold: float | None, own: float | None, rows: Rows | None = None) -> Step:
    """What a verdict says of these rows, of all if none are given."""
    some: Rows | slice = slice(None) if rows is None else rows
    relation, exact, contained = verdict.relation[some], verdict.exact[some], verdict.contained[some]
    goes = relation == "duplicate_of"
    return Step(
        threshold=threshold,
        dropped=int(goes.sum()),
        kept=int((~goes).sum()),
        exact=int((goes & exact).sum()),
        near=int((goes & ~exact & ~contained).sum()),
        contained=int((goes & contained).sum()),
        variants=int((relation == "variant_of").sum()),
        own=threshold == own,
    )
