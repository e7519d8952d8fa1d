"""One record anonymised as a whole: what is found in one field counts in all of them.

Detection per field, the record's private columns looked for in its text, overlaps resolved, and every
replaced value replaced wherever else it stands, so that no field keeps what another one lost.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import regex

from curation.anonymise import addresses, identifiers, names
from curation.anonymise.policy import Policy
from curation.anonymise.spans import Pattern, Span, occurrences, overlaps, resolve, view
from curation.anonymise.surrogates import Placeholders, Replacer
from curation.anonymise.tagger import Entity, Tagger

Fields = Mapping[str, str | None]


LONG = 7
"""A number this long is replaced wherever it stands, a shorter one not within a longer one."""


class Found(NamedTuple):
    """A finding in a field, and what became of it: `keep` or `replace`."""

    field: str
    span: Span
    action: str


@dataclass(frozen=True)
class Result:
    """A record after anonymising: its text fields, its private columns, and what was found in the former."""

    fields: dict[str, str | None]
    private: dict[str, str | None]
    found: list[Found]


def anonymise_fields(
    rows: Sequence[Fields],
    private: Sequence[Fields],
    *,
    tagger: Tagger,
    policy: Policy,
    replacer: Replacer,
) -> list[Result]:
    """Anonymise a batch of records; the name engine sees all their lines at once.

    Args:
        rows: text fields of each record.
        private: its columns `person`, `phone`, `address`, `id_number`; a name may carry more behind a colon
            where several columns are of one kind (`person:2`).
    """
    plain = [{field: view(text) for field, text in row.items() if text} for row in rows]
    tagged = _tag(plain, tagger)
    values = [list(_private_values(columns)) for columns in private]
    spans = [
        _everywhere(views, _detect(views, entities, known), policy)
        for views, entities, known in zip(plain, tagged, values, strict=True)
    ]
    people = _people(plain, spans, values)
    return [
        _replace(row, views, found, columns, known, policy, _Guarded(replacer, Placeholders(policy), people))
        for row, views, found, columns, known in zip(rows, plain, spans, private, values, strict=True)
    ]


def _tag(plain: Sequence[Mapping[str, str]], tagger: Tagger) -> list[dict[str, list[Entity]]]:
    """The name engine's entities per record and field, offsets in the field."""
    cut = [{field: names.lines(text) for field, text in views.items()} for views in plain]
    answers = iter(tagger.tag([line for fields in cut for lines in fields.values() for _, line in lines]))
    return [
        {
            field: [
                Entity(offset + start, offset + end, label)
                for offset, _ in lines
                for start, end, label in next(answers)
            ]
            for field, lines in fields.items()
        }
        for fields in cut
    ]


def _people(
    plain: Sequence[Mapping[str, str]],
    spans: Sequence[Mapping[str, list[Span]]],
    values: Sequence[Sequence[tuple[str, str, str]]],
) -> frozenset[str]:
    """Every full name of the batch: no surrogate may be one of them."""
    written = {
        views[field][span.start : span.end]
        for views, fields in zip(plain, spans, strict=True)
        for field, found in fields.items()
        for span in found
        if span.type == "PERSON"
    }
    return frozenset(written.union(value for known in values for _, kind, value in known if kind == "PERSON"))


def _replace(
    row: Fields,
    plain: Mapping[str, str],
    spans: Mapping[str, list[Span]],
    private: Fields,
    values: Sequence[tuple[str, str, str]],
    policy: Policy,
    replace: _Guarded,
) -> Result:
    replace.own = {
        plain[field][span.start : span.end]
        for field, found in spans.items()
        for span in found
        if policy.replaces(span.type)
    } | {value for _, _, value in values}
    fields = {
        field: _rewrite(text, plain[field], spans[field], policy, replace) if text else text
        for field, text in row.items()
    }
    columns = dict(private)
    for column, kind, value in values:
        columns[column] = _swap(columns[column] or "", value, replace(kind, value))
    found = [Found(field, span, policy.types[span.type].action) for field in spans for span in spans[field]]
    return Result(fields, columns, found)


def _detect(
    plain: Mapping[str, str], tagged: Mapping[str, Sequence[Entity]], values: Sequence[tuple[str, str, str]]
) -> dict[str, list[Span]]:
    numbers = {field: identifiers.find(text) for field, text in plain.items()}
    people = names.find(plain, tagged, numbers)
    sought = [(kind, value) for _, kind, value in values if _worth_seeking(value)]
    return {
        field: resolve(
            [
                *numbers[field],
                *people[field],
                *addresses.find(text),
                *(
                    Span(start, end, kind, 0.99, "private_column")
                    for kind, value in sought
                    for start, end in _anywhere(value, text)
                ),
            ]
        )
        for field, text in plain.items()
    }


def _everywhere(
    plain: Mapping[str, str], spans: Mapping[str, list[Span]], policy: Policy
) -> dict[str, list[Span]]:
    """Every value that is replaced once is replaced wherever it stands in the record."""
    kinds: dict[str, Span] = {}
    for field, found in spans.items():
        for span in found:
            value = plain[field][span.start : span.end]
            if policy.replaces(span.type) and len(value) >= 2:
                kinds.setdefault(value, span)
    if not kinds:
        return dict(spans)
    longest_first = sorted(kinds, key=lambda value: (-len(value), value))
    result = {}
    for field, text in plain.items():
        kept = [span for span in spans[field] if not policy.replaces(span.type)]
        certain = [span for span in spans[field] if policy.replaces(span.type)]
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


def _rewrite(text: str, plain: str, spans: Sequence[Span], policy: Policy, replace: Replacer) -> str:
    parts: list[str] = []
    at = 0
    for span in spans:
        if policy.replaces(span.type):
            parts += text[at : span.start], replace(span.type, plain[span.start : span.end])
            at = span.end
    return "".join([*parts, text[at:]])


class _Guarded:
    """A replacer that falls back on the placeholder where a surrogate would name somebody.

    Attributes:
        own: what is replaced in this record; a surrogate may not even contain it.
    """

    def __init__(self, replacer: Replacer, placeholders: Placeholders, people: frozenset[str]) -> None:
        self._replacer, self._placeholders, self._people = replacer, placeholders, people
        self.own: set[str] = set()

    def __call__(self, kind: str, value: str) -> str:
        new = self._replacer(kind, value)
        if new in self._people or any(len(old) >= 2 and old in new for old in self.own):
            return self._placeholders(kind, value)
        return new


_PRIVATE_TYPES = {"phone": "CN_MOBILE", "address": "ADDRESS", "id_number": "CN_RESIDENT_ID"}
_BETWEEN_VALUES = Pattern(r"[,;/、|\r\n]+|(?<=\d{7})\s+(?=\+?\d{2})")
_NOBODY = frozenset(
    (
        *("匿名", "匿名用户", "网友", "用户", "游客", "市民", "群众", "居民", "业主", "村民", "先生", "女士"),
        *("先生/女士", "当事人", "来电人", "无名氏", "某某", "未知", "保密", "不详", "null", "None", "nan"),
    )
)
"""What stands in a person column when nobody is named."""


def _private_values(private: Fields) -> Iterator[tuple[str, str, str]]:
    """Column, type and value (on the view) of every single value of the private columns."""
    for column, text in private.items():
        for part in _BETWEEN_VALUES.split(view(text or "")):
            if value := part.strip():
                yield column, _private_type(column.partition(":")[0], value), value


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


def _worth_seeking(value: str) -> bool:
    return value not in _NOBODY and len(value) >= (5 if value.isdigit() else 3 if value.isascii() else 2)


def _anywhere(value: str, text: str) -> Iterator[tuple[int, int]]:
    """Where a value stands as people write it elsewhere, with or without separators between characters."""
    chars = regex.sub(r"[\s\-]", "", value)
    number = chars[:-1].isdigit()
    if not set(chars[:-1]) <= set(text):  # nearly always so, and a pattern per value is dear
        return
    between = "[ -]?" if number else "[ ]?"
    pattern = between.join(map(regex.escape, chars))
    for match in regex.finditer(rf"(?<!\d){pattern}(?!\d)" if number else pattern, text, regex.IGNORECASE):
        yield match.start(), match.end()


def _stands_alone(text: str, start: int, end: int) -> bool:
    """Whether a short number is not part of a longer one."""
    return not (text[start - 1 : start].isascii() and text[start - 1 : start].isalnum()) and not (
        text[end : end + 1].isascii() and text[end : end + 1].isalnum()
    )


def _swap(text: str, value: str, new: str) -> str:
    """The column with one of its values replaced, found on its view."""
    at = view(text).find(value)
    return text if at < 0 else text[:at] + new + text[at + len(value) :]
