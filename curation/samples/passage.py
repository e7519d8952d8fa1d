"""Text that knows which of its characters are personal data, and the slots it is filled from.

A passage is a row of pieces, each plain or of an entity type. Offsets are counted only when a passage is
read, so passages can be joined, reworded and renumbered without any arithmetic.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable
from random import Random
from typing import NamedTuple

QUANTITY = "QUANTITY"
"""The type of a piece that says how many: what a variant of a text changes. Not an entity."""

PUBLIC = frozenset({"PERSON_MASKED", "CN_OFFICE_PHONE"})
"""Entity types that may be published as they stand."""

_SLOT = re.compile(r"\{(\w+)(?::(\d+)-(\d+))?\}")
_QUARTERS = "一二三四"


class Piece(NamedTuple):
    """A stretch of text; `type` is None for plain text."""

    text: str
    type: str | None = None


class Span(NamedTuple):
    """Characters `start` to `end` (exclusive, code points) are an entity of this type."""

    start: int
    end: int
    type: str


@dataclasses.dataclass(frozen=True)
class Passage:
    """Pieces in order."""

    pieces: tuple[Piece, ...] = ()

    @classmethod
    def of(cls, text: str, type: str | None = None) -> Passage:
        """A passage of one piece."""
        return cls((Piece(text, type),))

    @classmethod
    def join(cls, passages: Iterable[Passage]) -> Passage:
        """The passages in order."""
        return cls(tuple(piece for passage in passages for piece in passage.pieces))

    @property
    def text(self) -> str:
        """What is written."""
        return "".join(piece.text for piece in self.pieces)

    @property
    def spans(self) -> list[Span]:
        """The entities, in order."""
        found, start = [], 0
        for piece in self.pieces:
            if piece.type not in (None, QUANTITY):
                found.append(Span(start, start + len(piece.text), str(piece.type)))
            start += len(piece.text)
        return found

    @property
    def values(self) -> list[str]:
        """What must not be published, as it is written here."""
        return [piece.text for piece in self.pieces if piece.type not in (None, QUANTITY, *PUBLIC)]

    def __add__(self, other: Passage) -> Passage:
        return Passage(self.pieces + other.pieces)

    def reworded(self, old: str, new: str) -> Passage:
        """`old` replaced by `new` in plain text only."""
        return Passage(
            tuple(piece if piece.type else Piece(piece.text.replace(old, new)) for piece in self.pieces)
        )

    def renumbered(self, rng: Random) -> Passage:
        """One to three of the quantities changed wherever they stand, nothing else."""
        told = sorted({piece.text for piece in self.pieces if piece.type == QUANTITY})
        new = {each: _another(rng, each) for each in rng.sample(told, min(len(told), rng.randint(1, 3)))}
        return Passage(
            tuple(
                Piece(new.get(piece.text, piece.text), QUANTITY) if piece.type == QUANTITY else piece
                for piece in self.pieces
            )
        )


def fill(rng: Random, template: str, slot: Callable[[str], Passage]) -> Passage:
    """The template with every `{name}` replaced by `slot(name)` and every `{n:3-20}` by such a quantity."""
    pieces: list[Piece] = []
    end = 0
    for match in _SLOT.finditer(template):
        if match.start() > end:
            pieces.append(Piece(template[end : match.start()]))
        name, low, high = match.groups()
        if low:
            pieces.append(Piece(str(rng.randint(int(low), int(high))), QUANTITY))
        elif name == "quarter":
            pieces.append(Piece(rng.choice(_QUARTERS), QUANTITY))
        else:
            pieces += slot(name).pieces
        end = match.end()
    if end < len(template):
        pieces.append(Piece(template[end:]))
    return Passage(tuple(pieces))


def shingles(text: str) -> frozenset[str]:
    """The set of code-point 5-grams, as the design defines similarity; a shorter text is one shingle."""
    return frozenset(text[i : i + 5] for i in range(max(1, len(text) - 4)))


def jaccard(left: frozenset[str], right: frozenset[str]) -> float:
    """Share of common shingles."""
    common = len(left & right)
    return common / (len(left) + len(right) - common)


def _another(rng: Random, quantity: str) -> str:
    if quantity in _QUARTERS:
        return rng.choice(_QUARTERS.replace(quantity, ""))
    return str(int(quantity) + rng.randint(1, 9))
