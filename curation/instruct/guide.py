"""What a service guide says under which heading, and what may be asked about it.

A guide's text has a line `heading：value` per heading, as `curation.ingest` composes it; a value may itself
hold line ends and colons.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence

from pydantic import BaseModel, ConfigDict, Field, field_validator

from curation.instruct.template import require_placeholders


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

    def quote(self, said: Mapping[str, str]) -> str:
        """The guide's own lines on this, empty where there are none."""
        return "\n".join(f"{heading}：{said[heading]}" for heading in self.headings if heading in said)


def read_guide(text: str, headings: Iterable[str]) -> dict[str, str]:
    """Heading to value, in the order of the text.

    A line begins a value only if it begins with one of `headings`, and only the first time: all else belongs
    to the value before it.
    """
    known = "|".join(sorted(map(re.escape, headings), key=len, reverse=True))
    first: dict[str, re.Match[str]] = {}
    for found in re.finditer(rf"^({known})[：:]", text, re.MULTILINE):
        first.setdefault(found[1], found)
    stops = [*(found.start() for found in first.values()), len(text)][1:]
    said = {}
    for (heading, found), stop in zip(first.items(), stops, strict=True):
        # Some sources write the heading into the cell once more.
        value = text[found.end() : stop].strip().removeprefix(f"{heading}：").strip()
        if value:
            said[heading] = value
    return said


def choose(wordings: Sequence[str], *key: str) -> str:
    """One of the wordings, always the same one for a key."""
    return wordings[place(*key) % len(wordings)]


def place(*key: str) -> int:
    """A number that depends on the key alone and looks like chance."""
    text = "\0".join(key).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8, person=b"govtune.ask").digest(), "big")
