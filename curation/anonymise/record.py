"""One record rewritten: what happens to each finding, in its text fields and its private columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from curation.anonymise import dates, masks, officials
from curation.anonymise.detect import Detection, Fields, detect
from curation.anonymise.generalise import generalise
from curation.anonymise.policy import Policy, Rule, Rules
from curation.anonymise.spans import Span, view
from curation.anonymise.surrogates import Placeholders, Surrogates
from curation.anonymise.tagger import Tagger

BATCH = 2000
"""Records whose lines the name engine sees at once."""


class Found(NamedTuple):
    """A finding in a field, and what became of it.

    Attributes:
        action: what was really done, an action of the policy: `keep` for an official that the policy leaves,
            `replace` where a placeholder had to stand in.
        new: what stands in its place.
    """

    field: str
    span: Span
    action: str
    new: str = ""


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
    """Detect and rewrite records that are a whole corpus: no surrogate is the name of anybody in it.

    Args:
        rows, private: as `detect` takes them.
        surrogates: how values are replaced; without them, by placeholders.
        kinds: each record's kind, where it has one: a policy may treat kinds differently.
    """
    rules = [policy.of(kind) for kind in kinds or [None] * len(rows)]
    detected: list[Detection] = []
    for at in range(0, len(rows), BATCH):
        some = slice(at, at + BATCH)
        detected += detect(rows[some], private[some], rules[some], tagger=tagger)
    if surrogates is not None:
        surrogates = surrogates.apart(
            value for each in zip(rows, detected, rules, strict=True) for value in replaced(*each)
        )
    return [rewrite(*record, surrogates) for record in zip(rows, private, detected, rules, strict=True)]


def full_names(row: Fields, detected: Detection) -> set[str]:
    """Every full name of a record, as its view: no surrogate of its corpus may be one of them."""
    named = {value for _, kind, value in detected.values if kind == "PERSON"}
    return named | {value for kind, value in _values(_plain(row, detected), detected) if kind == "PERSON"}


def replaced(row: Fields, detected: Detection, rules: Rules) -> set[tuple[str, str]]:
    """What `Surrogates.apart` has to know of a record: what gets a surrogate, and every full name."""
    found = set(_values(_plain(row, detected), detected))
    known = {(kind, value) for kind, value in found if kind == "PERSON" or rules[kind].action == "replace"}
    return known | {(kind, value) for _, kind, value in detected.values}


def rewrite(
    row: Fields,
    private: Fields,
    detected: Detection,
    rules: Rules,
    surrogates: Surrogates | None,
    people: frozenset[str] = frozenset(),
) -> Result:
    """The record with every finding treated as the rules say.

    Args:
        surrogates: those of the corpus, from `Surrogates.apart`; without them, placeholders.
        people: names that no surrogate may be, where `apart` was not told of them.
    """
    plain = _plain(row, detected)
    treat = _Treatment(row, plain, detected, rules, surrogates, people)
    fields: dict[str, str | None] = dict(row)
    found: list[Found] = []
    for field, spans in detected.spans.items():
        text = row[field] or ""
        parts: list[str] = []
        at = 0
        for span in spans:
            old = text[span.start : span.end]
            action, new = treat(span.type, plain[field][span.start : span.end])
            new = old if action == "keep" else new
            parts += text[at : span.start], new
            at = span.end
            found.append(Found(field, span, action, new))
        fields[field] = "".join([*parts, text[at:]])
    columns = dict(private)
    for column, kind, value in detected.values:
        columns[column] = _swap(columns[column] or "", value, treat.private(kind, value))
    return Result(fields, columns, found)


def _plain(row: Fields, detected: Detection) -> dict[str, str]:
    return {field: view(row[field] or "") for field in detected.spans}


def _values(plain: Mapping[str, str], detected: Detection) -> Iterable[tuple[str, str]]:
    """Type and value of every finding, in the order of the text."""
    for field, spans in detected.spans.items():
        for span in spans:
            yield span.type, plain[field][span.start : span.end]


class _Treatment:
    """Says what becomes of each value of a record, the same wherever the value stands in it."""

    def __init__(
        self,
        row: Fields,
        plain: Mapping[str, str],
        detected: Detection,
        rules: Rules,
        surrogates: Surrogates | None,
        people: frozenset[str],
    ) -> None:
        self._rules, self._surrogates, self._people = rules, surrogates, people
        self._placeholders = Placeholders(rules)
        private = [(kind, value) for _, kind, value in detected.values]
        found = [*dict.fromkeys(_values(plain, detected))]
        self._officials: frozenset[str] = frozenset()
        if any(rule.keep_officials for rule in rules.values()):
            self._officials = officials.acting(plain, detected.spans) - {value for _, value in private}
        changed = [(kind, value) for kind, value in found if self._action(kind, value) != "keep"]
        self._own = {value for _, value in (*changed, *private) if len(value) >= 2}
        kept = {value for kind, value in found if kind == "PERSON_MASKED" and (kind, value) not in changed}
        self._courtly = _court([*private, *changed], rules, kept)
        names = (value for kind, value in (*private, *found) if kind == "PERSON")
        self._subject = next(names, None) or "\n".join(text or "" for text in row.values())
        self._done: dict[tuple[str, str], tuple[str, str]] = {}

    def __call__(self, kind: str, value: str) -> tuple[str, str]:
        """What is done with a value found in a text, and what stands in its place."""
        known = self._done.get((kind, value))
        if known is None:
            action = self._action(kind, value)
            known = (action, value) if action == "keep" else self._treat(kind, value, action)
            self._done[kind, value] = known
        return known

    def private(self, kind: str, value: str) -> str:
        """What stands in place of a value of a private column, which never stays."""
        action = self._rules[kind].action
        return self._treat(kind, value, "replace" if action == "keep" else action)[1]

    def _action(self, kind: str, value: str) -> str:
        rule = self._rules[kind]
        return "keep" if rule.keep_officials and value in self._officials else rule.action

    def _treat(self, kind: str, value: str, action: str) -> tuple[str, str]:
        if action == "replace":
            return action, self._replace(kind, value)
        new = self._changed(kind, value, action, self._rules[kind])
        return ("replace", self._placeholders(kind, value)) if new is None else (action, new)

    def _changed(self, kind: str, value: str, action: str, rule: Rule) -> str | None:
        """A value masked, made coarse, moved or dropped; none where that cannot be."""
        if action == "drop":
            return ""
        if action == "mask":
            return self._courtly[value] if rule.style == "court" else masks.mask(kind, value)
        if action == "generalise":
            return generalise(kind, value, rule.level)
        return dates.shift(value, self._surrogates.days(self._subject)) if self._surrogates else None

    def _replace(self, kind: str, value: str) -> str:
        """A surrogate; the placeholder where there is none, or where it would show a value of this record."""
        new = self._surrogates(kind, value) if self._surrogates else None
        if new is None or new in self._people or any(old in new for old in self._own):
            return self._placeholders(kind, value)
        return new


def _court(values: Iterable[tuple[str, str]], rules: Rules, kept: set[str]) -> dict[str, str]:
    """Surname and 某 for every name to be written so; a number behind it where two people would be the same.

    Args:
        kept: masked names that stay as they are.
    """
    forms = {name: masks.court(kind, name) for kind, name in values if rules[kind].style == "court"}
    people = {"".join(name.split()): form for name, form in forms.items()}
    alike = Counter([*people.values(), *kept])
    numbers: Counter[str] = Counter()
    written: dict[str, str] = {}
    for person, form in people.items():
        numbers[form] += 1
        written[person] = f"{form}{numbers[form]}" if alike[form] > 1 else form
    return {name: written["".join(name.split())] for name in forms}


def _swap(text: str, value: str, new: str) -> str:
    """The column with one of its values replaced, found on its view."""
    at = view(text).find(value)
    return text if at < 0 else text[:at] + new + text[at + len(value) :]
