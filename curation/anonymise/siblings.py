"""The columns that are neither text nor about a person: they come back as they were, except for what is
replaced in the text or the private columns of the same row. Else one column tells what another one hides."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from curation.anonymise import name_shapes
from curation.anonymise.columns import seen
from curation.anonymise.detect import BETWEEN_DIGITS, LONG, Detection, Fields, telling, written
from curation.anonymise.layout import keys, leaves
from curation.anonymise.policy import Rules
from curation.anonymise.spans import Span, occurrences, resolve, view


class Unreplaceable(Exception):  # noqa: N818 - of a value, and told as an InputError
    """A value that would have to be replaced and cannot be."""


class Leaf(NamedTuple):
    """A value in which something stands that is replaced elsewhere in its row.

    Attributes:
        path: the way to it within a column that holds a list or an object.
        value: as it is, where it is no string; `text` is how it is shown.
        key: whether it is the key at the end of the way, and not what the key leads to.
    """

    column: str
    path: tuple[str | int, ...]
    text: str
    value: Any
    spans: list[Span]
    key: bool = False


def find(
    row: Mapping[str, Any], columns: Iterable[str], fields: Fields, detected: Detection, rules: Rules
) -> list[Leaf]:
    """What has to be replaced in other columns of a row.

    Args:
        columns: the other columns.
        fields, detected: the text fields of the row and what was found in them.

    Raises:
        Unreplaceable: bytes that are no UTF-8, in which nothing can be found, or a value in a column's name.
    """
    values = dict(_values(fields, detected, rules))
    if not values:
        return []
    longest_first = sorted(values, key=lambda value: (-len(value), value))
    bare = {value.translate(BETWEEN_DIGITS): kind for value, kind in values.items()}
    found = []
    for column in columns:
        if row.get(column) is not None and _spans(column, longest_first, values):
            raise Unreplaceable("the name of a column holds what is replaced in this row; rename it")
        for path, value in leaves(row.get(column)):
            text = _shown(value)
            if not text:
                continue
            prose = isinstance(value, (str, bytes))
            spans = _spans(text, longest_first, values) if prose else _number(text, bare)
            if spans:
                found.append(Leaf(column, path, text, None if isinstance(value, str) else value, spans))
        for path in keys(row.get(column)):
            text = str(path[-1])
            if spans := _spans(text, longest_first, values):
                found.append(Leaf(column, path, text, None, spans, key=True))
    return found


def _values(fields: Fields, detected: Detection, rules: Rules) -> Iterator[tuple[str, str]]:
    """Every value that is replaced in the row, and its type."""
    for field, spans in detected.spans.items():
        plain = view(fields[field] or "")
        for span in spans:
            value = plain[span.start : span.end]
            if rules[span.type].changes and telling(value):
                yield value, span.type
    for _, kind, value in detected.values:
        if telling(value) and (kind != "PERSON" or name_shapes.is_name(value)):
            yield value, kind


def _shown(value: Any) -> str | None:
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            raise Unreplaceable("bytes that are no UTF-8, beside personal data; leave them out") from None
    return seen(value) if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool) else None


def _number(text: str, bare: Mapping[str, str]) -> list[Span]:
    """A number that is one of the values, however the text groups its digits; a short one is a count or an
    amount that only looks the same."""
    kind = bare.get(text) if len(text) >= LONG else None
    return [Span(0, len(text), kind, 0.9, "repeated")] if kind else []


def _spans(text: str, longest_first: list[str], kinds: Mapping[str, str]) -> list[Span]:
    plain = view(text)
    return resolve(
        Span(start, end, kinds[value], 0.9, "repeated")
        for value in longest_first
        for start, end in (*_within(value, plain), *written(value, plain))
    )


def _within(value: str, plain: str) -> Iterator[tuple[int, int]]:
    """Where a long number stands even inside a longer one, as in the number of a disability card."""
    return occurrences(value, plain) if value.isdigit() and len(value) >= LONG else iter(())
