"""One text by itself, for a notebook or a program that has no records."""

from __future__ import annotations

import functools

from curation.anonymise import policy, tagger
from curation.anonymise.detect import detect
from curation.anonymise.spans import Span
from curation.anonymise.tagger import Tagger


def detect_text(text: str, names: str = "lac") -> list[Span]:
    """Everything personal in a text, in text order and without overlaps.

    A value that is found once is found wherever it stands, as under the policy `strict`.

    Args:
        names: the name engine, one of `tagger.NAMES`.

    Raises:
        UsageError: as `tagger.load`.
    """
    engine = tagger.load(names) if ":" in names else _shipped(names)  # a file may be another one next time
    (found,) = detect([{"text": text}], [{}], [_strict().of(None)], tagger=engine)
    return found.spans.get("text", [])


@functools.lru_cache
def _shipped(names: str) -> Tagger:
    return tagger.load(names)


@functools.lru_cache
def _strict() -> policy.Policy:
    return policy.load("strict")
