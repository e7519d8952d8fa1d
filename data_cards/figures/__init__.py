"""The figures of a card: what is measured, as bars in SVG. A figure without data is not there."""

from __future__ import annotations

from typing import get_args

from curation.lang import Lang
from data_cards.facts import Facts
from data_cards.figures.charts import CHARTS
from data_cards.figures.drawing import Drawing
from data_cards.terms import words as words_of

FOLDER = "figures"


def drawings(facts: Facts, lang: Lang) -> dict[str, Drawing]:
    """The figures that there is data for, by name, in the order in which they are shown."""
    words = words_of(lang)
    found = {}
    for name, (title, draw) in CHARTS.items():
        if panels := [panel for panel in draw(facts, words) if panel.rows]:
            found[name] = Drawing(name, words.say(*title), panels, lang)
    return found


def paths(ending: str) -> set[str]:
    """Where figures may stand, with data or without."""
    return {f"{FOLDER}/{name}.{lang}{ending}" for name in CHARTS for lang in get_args(Lang)}


def files(facts: Facts) -> dict[str, str]:
    """The text of every figure in both languages, by path in the folder."""
    return {
        f"{FOLDER}/{name}.{lang}.svg": drawing.file()
        for lang in get_args(Lang)
        for name, drawing in drawings(facts, lang).items()
    }
