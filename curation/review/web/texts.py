"""What the page says, in both languages: `texts.yaml`."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from curation.lang import Lang
from curation.strict import read_yaml

LANGUAGES: tuple[Lang, ...] = ("zh", "en")
FILE = Path(__file__).with_name("texts.yaml")


@cache
def texts(lang: Lang) -> dict[str, Any]:
    """All texts in one language, in groups as in the file."""
    return {key: _of(said, lang) for key, said in read_yaml(FILE).items()}


def _of(said: dict[str, Any], lang: Lang) -> Any:
    """A pair of texts is a text; a group of them is a group."""
    if set(said) == set(LANGUAGES):
        return said[lang]
    return {key: _of(inner, lang) for key, inner in said.items()}
