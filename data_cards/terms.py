"""The words of a data card: a language with the names of all codes that stand in data, ledger and metrics."""

from __future__ import annotations

import functools
from importlib import resources

import yaml

from curation.lang import Lang
from curation.writing.words import Terms, Words


def words(lang: Lang) -> Words:
    """The words of a language.

    Raises:
        UsageError: it is neither `zh` nor `en`.
    """
    return Words(lang, _terms())


@functools.cache
def _terms() -> Terms:
    text = resources.files("data_cards").joinpath("terms.yaml").read_text(encoding="utf-8")
    terms: Terms = yaml.safe_load(text)
    return terms
