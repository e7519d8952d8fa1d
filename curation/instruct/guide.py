"""What a service guide says under which heading, and what may be asked about it.

A guide's text has a line `heading：value` per heading, as `curation.ingest` composes it; a value may itself
hold line ends and colons.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import regex
from pydantic import BaseModel, ConfigDict, Field, field_validator

from curation.instruct.template import require_placeholders

_HEADING = regex.compile(
    r"^[^\S\n]*+"
    r"(?![(（[【]?[\p{N}一二三四五六七八九十]+[.．、)）\]】]|第[\p{N}一二三四五六七八九十]+[步条项款类])"
    r"(?=[^：:\n]*\p{Han})([^\s：:，。；,;]{2,12})[：:]",
    regex.MULTILINE,
)
"""What looks like a heading: a few characters and a colon, not numbered and no part of a sentence."""


class GuideField(BaseModel):
    """Something people ask about.

    Attributes:
        name: what it is called in an answer.
        headings: the headings that answer it.
        questions: ways to ask, `{title}` is the service item's name.
        ask_absent: whether it is asked, too, where the guide does not say it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1)
    headings: list[str] = Field(min_length=1)
    questions: list[str] = Field(min_length=1)
    ask_absent: bool = True

    @field_validator("questions")
    @classmethod
    def _known_placeholders(cls, questions: list[str]) -> list[str]:
        return [require_placeholders(question, ["title"]) for question in questions]

    def may_be_absent(self, text: str) -> bool:
        """Whether to ask it of a guide that does not say it: none that speaks of it anywhere."""
        return self.ask_absent and not any(word in text for word in (self.name, *self.headings))

    def quote(self, said: Mapping[str, str]) -> str:
        """The guide's own lines on this, empty where there are none."""
        return "\n".join(f"{heading}：{said[heading]}" for heading in self.headings if heading in said)


class Guide(NamedTuple):
    """What a guide says.

    Attributes:
        said: heading to value, in the order of the text, where it is certain which lines the value has.
        unclear: headings whose value holds a line that looks like a heading of its own, or that begin a line
            under another heading again: what stands there may be something else, or not all.
        whole: whether every line that looks like a heading is one of those asked for, each standing once.
    """

    said: dict[str, str]
    unclear: frozenset[str]
    whole: bool


def read_guide(text: str, headings: Iterable[str]) -> Guide:
    """The values of a guide.

    A line begins a value only if it begins with one of `headings`, and only the first time; a value that
    repeats its own heading goes on.
    """
    known = "|".join(sorted(map(regex.escape, headings), key=len, reverse=True))
    first: dict[str, regex.Match[str]] = {}
    again: list[regex.Match[str]] = []
    for found in regex.finditer(rf"^({known})[：:]", text, regex.MULTILINE):
        if first.setdefault(found[1], found) is not found:
            again.append(found)
    begins = {found.start() for found in first.values()}
    strays = [*again, *(found for found in _HEADING.finditer(text) if found.start() not in begins)]
    stops = [*(found.start() for found in first.values()), len(text)]
    whole = not any(stray.start() < stops[0] for stray in strays)
    said, unclear = {}, set()
    for (heading, found), stop in zip(first.items(), stops[1:], strict=True):
        inside = {stray[1] for stray in strays if found.end() <= stray.start() < stop} - {heading}
        if inside:
            unclear |= {heading, *inside & first.keys()}
        # Some sources write the heading into the cell once more.
        value = text[found.end() : stop].strip().removeprefix(f"{heading}：").strip()
        if value:
            said[heading] = value
    certain = {heading: value for heading, value in said.items() if heading not in unclear}
    return Guide(certain, frozenset(unclear), whole and not unclear)


def choose(wordings: Sequence[str], *key: str) -> str:
    """One of the wordings, always the same one for a key."""
    return wordings[place(*key) % len(wordings)]


def place(*key: str) -> int:
    """A number that depends on the key alone and looks like chance."""
    text = "\0".join(key).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8, person=b"govtune.ask").digest(), "big")
