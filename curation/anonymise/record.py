"""One record rewritten: what happens to each finding, in its text fields and its private columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from curation.anonymise.detect import Detection, Fields, detect
from curation.anonymise.policy import Policy, Rules
from curation.anonymise.spans import Span, view
from curation.anonymise.surrogates import Placeholders, Replacer, Surrogates
from curation.anonymise.tagger import Tagger


class Found(NamedTuple):
    """A finding in a field, and what became of it: an action of the policy."""

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
    surrogates: Surrogates | None = None,
    kinds: Sequence[str | None] = (),
) -> list[Result]:
    """Detect and rewrite a batch of records, as one corpus.

    Args:
        rows, private: as `detect` takes them.
        surrogates: how values are replaced; without them, by placeholders.
        kinds: each record's kind, where it has one: a policy may treat kinds differently.
    """
    rules = [policy.of(kind) for kind in kinds or [None] * len(rows)]
    detected = detect(rows, private, rules, tagger=tagger)
    people = frozenset(name for pair in zip(rows, detected, strict=True) for name in full_names(*pair))
    return [
        rewrite(*record, surrogates, people) for record in zip(rows, private, detected, rules, strict=True)
    ]


def full_names(row: Fields, detected: Detection) -> set[str]:
    """Every full name of a record, as its view: no surrogate of its corpus may be one of them."""
    named = {value for _, kind, value in detected.values if kind == "PERSON"}
    for field, spans in detected.spans.items():
        plain = view(row[field] or "")
        named.update(plain[span.start : span.end] for span in spans if span.type == "PERSON")
    return named


def rewrite(
    row: Fields,
    private: Fields,
    detected: Detection,
    rules: Rules,
    surrogates: Surrogates | None,
    people: frozenset[str],
) -> Result:
    """The record with every finding treated as the rules say.

    Args:
        people: full names of the corpus.
    """
    plain = {field: view(row[field] or "") for field in detected.spans}
    placeholders = Placeholders(rules)
    replace = _Guarded(surrogates or placeholders, placeholders, people, _changed(plain, detected, rules))
    fields = {
        field: _rewrite(text, plain[field], detected.spans[field], rules, replace) if text else text
        for field, text in row.items()
    }
    columns = dict(private)
    for column, kind, value in detected.values:
        columns[column] = _swap(columns[column] or "", value, replace(kind, value))
    found = [
        Found(field, span, rules[span.type].action)
        for field, spans in detected.spans.items()
        for span in spans
    ]
    return Result(fields, columns, found)


def _changed(plain: Mapping[str, str], detected: Detection, rules: Rules) -> set[str]:
    """Every value of the record that must not be seen any more."""
    written = {
        plain[field][span.start : span.end]
        for field, spans in detected.spans.items()
        for span in spans
        if rules[span.type].changes
    }
    return written | {value for _, _, value in detected.values}


def _rewrite(text: str, plain: str, spans: Iterable[Span], rules: Rules, replace: Replacer) -> str:
    parts: list[str] = []
    at = 0
    for span in spans:
        if rules[span.type].changes:
            parts += text[at : span.start], replace(span.type, plain[span.start : span.end])
            at = span.end
    return "".join([*parts, text[at:]])


class _Guarded:
    """A replacer that falls back on the placeholder where a surrogate would name somebody.

    Args:
        people: full names of the corpus.
        own: what is replaced in this record; a surrogate may not even contain it.
    """

    def __init__(
        self, replacer: Replacer, placeholders: Placeholders, people: frozenset[str], own: set[str]
    ) -> None:
        self._replacer, self._placeholders, self._people, self._own = replacer, placeholders, people, own

    def __call__(self, kind: str, value: str) -> str:
        new = self._replacer(kind, value)
        if new in self._people or any(len(old) >= 2 and old in new for old in self._own):
            return self._placeholders(kind, value)
        return new


def _swap(text: str, value: str, new: str) -> str:
    """The column with one of its values replaced, found on its view."""
    at = view(text).find(value)
    return text if at < 0 else text[:at] + new + text[at + len(value) :]
