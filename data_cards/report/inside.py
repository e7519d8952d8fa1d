"""What the internal report shows besides the public one, read by `data_cards.report.private`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

COLUMNS = (
    *("id", "file", "sheet", "row", "page", "fate", "stage", "reason", "relation", "ref", "score", "split"),
    *("found", "parent", "made_by"),
)
"""What is told of a record, in this order: `found` is a list of (type, number, action)."""

NAMED = {"stage": "stage", "reason": "reason", "split": "split", "made_by": "stage"}
"""Columns whose codes have names, and the group that these stand in."""


@dataclass(frozen=True)
class Piece:
    """A piece of a published text: its digits are masked, and a placeholder stands by itself."""

    text: str
    placeholder: bool = False


@dataclass(frozen=True)
class Published:
    """The beginning or a place of a published text, anonymised, masked and shortened."""

    id: str
    pieces: tuple[Piece, ...]


@dataclass(frozen=True)
class Dropped:
    """A record that was dropped: never a word of its text.

    Attributes:
        survivor: the published record that it is a duplicate of.
    """

    id: str
    score: float | None
    survivor: Published | None


@dataclass(frozen=True)
class Inside:
    """What is known of single records.

    Attributes:
        records: of the ledger.
        lives: those that are told here, the dropped ones first; each has the values of `COLUMNS`.
        texts: names of files, sheets, stages, reasons and so on; `lives` holds their places, 0 is none.
        dropped: examples by stage and reason.
        found: published places in which something was replaced, by placeholder.
        looked_at: published records that were searched for such places.
    """

    records: int
    lives: list[list[Any]]
    texts: list[str]
    dropped: dict[tuple[str, str], list[Dropped]] = field(default_factory=dict)
    found: dict[str, list[Published]] = field(default_factory=dict)
    looked_at: int = 0
