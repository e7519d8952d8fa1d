"""The columns that are neither text nor about a person: they come back as they were, except for what is
replaced in the text or the private columns of the same row. Else one column tells what another one hides."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from curation.anonymise import names
from curation.anonymise.detect import Detection, Fields
from curation.anonymise.layout import leaves
from curation.anonymise.policy import Rules
from curation.anonymise.spans import Span, occurrences, resolve, view
from curation.ingest.precision import display

LONG_NUMBER = 7
"""Digits. A shorter number in a column of numbers is a count or an amount that only looks the same."""


class Leaf(NamedTuple):
    """A value in which something stands that is replaced elsewhere in its row.

    Attributes:
        path: the way to it within a column that holds a list or an object.
        number: the value, where it is a number; `text` is how it is shown.
    """

    column: str
    path: tuple[str | int, ...]
    text: str
    number: int | float | None
    spans: list[Span]


def find(
    row: Mapping[str, Any], columns: Iterable[str], fields: Fields, detected: Detection, rules: Rules
) -> list[Leaf]:
    """What has to be replaced in other columns of a row.

    Args:
        columns: the other columns.
        fields, detected: the text fields of the row and what was found in them.
    """
    values = dict(_values(fields, detected, rules))
    if not values:
        return []
    longest_first = sorted(values, key=lambda value: (-len(value), value))
    found = []
    for column in columns:
        for path, value in leaves(row.get(column)):
            text = _shown(value)
            if text and (spans := _spans(text, longest_first, values, whole=not isinstance(value, str))):
                found.append(Leaf(column, path, text, None if isinstance(value, str) else value, spans))
    return found


def _values(fields: Fields, detected: Detection, rules: Rules) -> Iterator[tuple[str, str]]:
    """Every value that is replaced in the row, and its type."""
    for field, spans in detected.spans.items():
        plain = view(fields[field] or "")
        for span in spans:
            value = plain[span.start : span.end]
            if rules[span.type].changes and _telling(value):
                yield value, span.type
    for _, kind, value in detected.values:
        if _telling(value) and (kind != "PERSON" or names.is_name(value)):
            yield value, kind


def _telling(value: str) -> bool:
    """Whether a value means the same wherever it stands."""
    return len(value) >= (5 if value.isdigit() else 3 if value.isascii() else 2)


def _shown(value: Any) -> str | None:
    if isinstance(value, str):
        return value
    return display(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _spans(text: str, longest_first: list[str], kinds: Mapping[str, str], *, whole: bool) -> list[Span]:
    plain = view(text)
    if whole:
        kind = kinds.get(plain) if len(plain) >= LONG_NUMBER else None
        return [Span(0, len(plain), kind, 0.9, "repeated")] if kind else []
    return resolve(
        Span(start, end, kinds[value], 0.9, "repeated")
        for value in longest_first
        if value in plain
        for start, end in occurrences(value, plain)
        if not value.isdigit() or len(value) >= LONG_NUMBER or _apart(plain, start, end)
    )


def _apart(plain: str, start: int, end: int) -> bool:
    return not plain[start - 1 : start].isdigit() and not plain[end : end + 1].isdigit()
