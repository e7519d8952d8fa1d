"""How a card says things: Chinese or English sentences, names of codes, numbers and Markdown tables."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Sequence
from importlib import resources
from typing import get_args

import yaml

from curation.errors import UsageError
from curation.lang import Lang

NONE = "–"
"""Shown where there is no value."""

_NUMERIC = re.compile(rf"[\d.,]+%?|{NONE}")


class Words:
    """The words of one language.

    Raises:
        UsageError: the language is neither `zh` nor `en`.
    """

    def __init__(self, lang: str) -> None:
        if lang not in get_args(Lang):
            raise UsageError(f"--lang {lang}: valid are {', '.join(get_args(Lang))}")
        self.lang = lang

    def say(self, zh: str, en: str) -> str:
        """The one of two renderings of a sentence that is in this language."""
        return zh if self.lang == "zh" else en

    def join(self, parts: Iterable[str]) -> str:
        """An enumeration."""
        return self.say("、", ", ").join(parts)

    def term(self, group: str, value: str) -> str:
        """A code of a group (`stage`, `reason`, `type` …) with its name; an unknown code as itself."""
        name = self.name(group, value)
        return name if name == code(value) else f"{name} {code(value)}"

    def name(self, group: str, value: str) -> str:
        """The name alone; an unknown code as itself."""
        name: str | None = _terms().get(group, {}).get(value, {}).get(self.lang)
        return name or code(value)


def number(value: float | None) -> str:
    """A number with thousands separators."""
    return NONE if value is None else f"{value:,}"


def share(part: int, whole: int) -> str:
    """A part of a whole in per cent."""
    return f"{100 * part / whole:.1f}%" if whole else NONE


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A Markdown table; columns of numbers stand on the right, the first column and words on the left."""
    columns = [[row[place] for row in rows] for place in range(1, len(header))]
    rules = ["---:" if all(map(_NUMERIC.fullmatch, column)) else "---" for column in columns]
    return [f"| {' | '.join(line)} |" for line in (header, ["---", *rules], *rows)]


def cell(value: str) -> str:
    """A value from the data as harmless Markdown: one line, no markup, HTML or link."""
    return re.sub(r"([\\`*_\[\]<>&|!$~])", r"\\\1", " ".join(value.split()))


def code(value: str) -> str:
    """A code as it stands in the data and in recipes."""
    plain = re.sub(r"[`|\s]+", " ", value)
    return f"`{plain}`" if plain else NONE


@functools.cache
def _terms() -> dict[str, dict[str, dict[str, str]]]:
    text = resources.files("data_cards").joinpath("terms.yaml").read_text(encoding="utf-8")
    terms: dict[str, dict[str, dict[str, str]]] = yaml.safe_load(text)
    return terms
