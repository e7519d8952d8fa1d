"""What is found in one record as a whole: what one field gives away counts in all of them.

Detection per field, the record's private columns looked for in its text, overlaps resolved, and every value
that will be changed found wherever else it stands, so that no field keeps what another one loses.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from curation.anonymise import addresses, identifiers, lexicon, name_shapes, names
from curation.anonymise.policy import Rules
from curation.anonymise.spans import Pattern, Span, occurrences, overlaps, resolve, view
from curation.anonymise.tagger import Entity, NoNames, Tagger

Fields = Mapping[str, str | None]

LONG = 7
"""A number this long is changed wherever it stands, a shorter one not within a longer one."""

BETWEEN_DIGITS = dict.fromkeys(map(ord, " -"))
"""What people write between the digits of a number, for `str.translate` to take away."""


class Private(NamedTuple):
    """A single value of a private column, as its view; `type` is an entity type."""

    column: str
    type: str
    value: str


@dataclass(frozen=True)
class Detection:
    """What was found in a record: spans per text field, offsets in the text as given; its private values."""

    spans: dict[str, list[Span]]
    values: list[Private]


def detect(
    rows: Sequence[Fields], private: Sequence[Fields], rules: Sequence[Rules], *, tagger: Tagger
) -> list[Detection]:
    """Detect in a batch of records; the name engine sees all their lines at once.

    Args:
        rows: text fields of each record.
        private: its columns `person`, `phone`, `address`, `id_number`; a name may carry more behind a colon
            where several columns are of one kind (`person:2`).
        rules: what will be done with each type in each record; where a value is changed, it is found
            everywhere.
    """
    plain = [{field: view(text) for field, text in row.items() if text} for row in rows]
    tagged = _tag(plain, tagger)
    values = [list(_private_values(columns)) for columns in private]
    return [
        Detection(_everywhere(views, _detect(views, entities, known), actions), known)
        for views, entities, known, actions in zip(plain, tagged, values, rules, strict=True)
    ]


def _tag(plain: Sequence[Mapping[str, str]], tagger: Tagger) -> list[dict[str, list[Entity]]]:
    """The name engine's entities per record and field, offsets in the field; nothing where there is none."""
    if isinstance(tagger, NoNames):
        return [{} for _ in plain]
    found = iter(names.entities([text for views in plain for text in views.values()], tagger))
    return [{field: next(found) for field in views} for views in plain]


def _detect(
    plain: Mapping[str, str], tagged: Mapping[str, Sequence[Entity]], values: Sequence[Private]
) -> dict[str, list[Span]]:
    numbers = {field: identifiers.find(text) for field, text in plain.items()}
    people = names.find(plain, tagged, numbers)
    sought = [(kind, value) for _, kind, value in values if _worth_seeking(kind, value)]
    return {
        field: resolve(
            [
                *numbers[field],
                *people[field],
                *addresses.find(text),
                *(
                    Span(start, end, label, 0.84 if label == "ADDRESS" else 0.3, "engine")
                    for start, end, label, score in tagged.get(field, ())
                    if label in ("LOCATION", "ORGANIZATION") or (label == "ADDRESS" and score >= 0.5)
                ),
                *(
                    Span(start, end, kind, 0.99, "private_column")
                    for kind, value in sought
                    for start, end in written(value, text)
                ),
            ]
        )
        for field, text in plain.items()
    }


def _everywhere(
    plain: Mapping[str, str], spans: Mapping[str, list[Span]], rules: Rules
) -> dict[str, list[Span]]:
    """Every value that is changed once is changed wherever it stands in the record."""
    kinds: dict[str, Span] = {}
    for field, found in spans.items():
        for span in found:
            value = plain[field][span.start : span.end]
            if rules[span.type].changes and len(value) >= 2:
                kinds.setdefault(value, span)
    if not kinds:
        return dict(spans)
    longest_first = sorted(kinds, key=lambda value: (-len(value), value))
    result = {}
    for field, text in plain.items():
        kept = [span for span in spans[field] if not rules[span.type].changes]
        certain = [span for span in spans[field] if rules[span.type].changes]
        again = resolve(
            Span(start, end, kinds[value].type, kinds[value].score, "repeated")
            for value in longest_first
            for start, end in occurrences(value, text)
            if len(value) >= LONG or not value.isascii() or _stands_alone(text, start, end)
        )
        free = [span for span in again if not overlaps(span, certain)]
        taken = sorted([*certain, *free])
        result[field] = sorted([*taken, *(span for span in kept if not overlaps(span, taken))])
    return result


_PRIVATE_TYPES = {"phone": "CN_MOBILE", "address": "ADDRESS", "id_number": "CN_RESIDENT_ID"}
_BETWEEN_VALUES = Pattern(r"[,;/、|\r\n]+|(?<=\d{7})\s+(?=\+?\d{2})")
_NOBODY = frozenset(
    (
        *("匿名", "匿名用户", "网友", "用户", "游客", "市民", "群众", "居民", "业主", "村民", "先生", "女士"),
        *("先生/女士", "当事人", "来电人", "无名氏", "某某", "未知", "保密", "不详", "null", "None", "nan"),
    )
)
"""What stands in a person column when nobody is named."""


def _private_values(private: Fields) -> Iterator[Private]:
    """Column, type and value (on the view) of every single value of the private columns."""
    for column, text in private.items():
        for part in _BETWEEN_VALUES.split(view(text or "")):
            if value := part.strip():
                yield Private(column, _private_type(column.partition(":")[0], value), value)


@functools.lru_cache(1 << 14)
def _private_type(column: str, value: str) -> str:
    if column == "person":
        found = names.find({"value": value}, {}, {})["value"]
        return next((span.type for span in found if (span.start, span.end) == (0, len(value))), "PERSON")
    if column in ("phone", "id_number"):
        found = identifiers.find(value)
        return next(
            (span.type for span in found if span.end - span.start == len(value)), _PRIVATE_TYPES[column]
        )
    return _PRIVATE_TYPES[column]


def _worth_seeking(kind: str, value: str) -> bool:
    """Whether a value of a private column tells somebody wherever it stands: no 暂无, no 小区, no 12."""
    if value in _NOBODY:
        return False
    if kind == "ADDRESS":
        return len(value) >= 4 and not addresses.is_administrative(value)
    if kind == "PERSON" and not value.isascii():
        named = len(value) >= 2 and bool(name_shapes.surname(value))
        return named or (len(value) >= 3 and value not in lexicon.common_words())
    return telling(value)


def telling(value: str) -> bool:
    """Whether a value is long enough to mean the same wherever it stands."""
    return len(value) >= (5 if value.isdigit() else 3 if value.isascii() else 2)


def written(value: str, text: str) -> Iterator[tuple[int, int]]:
    """Where a value stands as people write it elsewhere: in either case, with or without a space between two
    characters, or a hyphen between two digits."""
    number = value[:-1].translate(BETWEEN_DIGITS).isdigit()
    separators = BETWEEN_DIGITS if number else _SPACES
    wanted, squeezed = value.translate(BETWEEN_DIGITS).lower(), text.translate(separators).lower()
    at = squeezed.find(wanted)
    if at < 0 or not wanted:
        return
    places = [place for place, char in enumerate(text) if ord(char) not in separators]
    if len(places) != len(squeezed):  # a letter whose small form is two
        return
    while at >= 0:
        last = at + len(wanted) - 1
        close = all(b - a <= 2 for a, b in itertools.pairwise(places[at : last + 1]))
        start, end = places[at], places[last] + 1
        if close and not (number and (text[start - 1 : start].isdigit() or text[end : end + 1].isdigit())):
            yield start, end
        at = squeezed.find(wanted, at + 1)


_SPACES = dict.fromkeys([ord(" ")])


def _stands_alone(text: str, start: int, end: int) -> bool:
    """Whether a short number is not part of a longer one."""
    return not (text[start - 1 : start].isascii() and text[start - 1 : start].isalnum()) and not (
        text[end : end + 1].isascii() and text[end : end + 1].isalnum()
    )
