"""One record rewritten: what happens to each finding, in its text fields and its private columns.

To rewrite is whatever a policy may do with a value; to replace is its one action of this name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from curation.anonymise import dates, masks, officials
from curation.anonymise.detect import Detection, Fields, detect
from curation.anonymise.generalise import generalise
from curation.anonymise.policy import Policy, Rule, Rules
from curation.anonymise.spans import Span, view
from curation.anonymise.surrogates import Surrogates, spelling
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
        kinds: each record's kind, where it has one: a policy may have other rules for some kinds.
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


def replaced(row: Fields, detected: Detection, rules: Rules) -> set[tuple[str, str]]:
    """What `Surrogates.apart` has to know of a record: what gets a surrogate, and every full name."""
    found = set(_values(_plain(row, detected), detected))
    known = {(kind, value) for kind, value in found if kind == "PERSON" or rules[kind].action == "replace"}
    return known | {(kind, value) for _, kind, value in detected.values}


def rewrite(
    row: Fields, private: Fields, detected: Detection, rules: Rules, surrogates: Surrogates | None
) -> Result:
    """The record with every finding rewritten as the rules say.

    Args:
        surrogates: those of the corpus, from `Surrogates.apart`; without them, placeholders.
    """
    plain = _plain(row, detected)
    rewriter = _Rewriter(row, plain, detected, rules, surrogates)
    fields: dict[str, str | None] = dict(row)
    found: list[Found] = []
    for field, spans in detected.spans.items():
        text = row[field] or ""
        parts: list[str] = []
        at, subject = 0, ""
        for span in spans:
            old, value = text[span.start : span.end], plain[field][span.start : span.end]
            if span.type == "PERSON":
                subject = value
            action, new = rewriter(span.type, value, subject)
            new = old if action == "keep" else _as_written(old, value, new) if action == "mask" else new
            parts += text[at : span.start], new
            at = span.end
            found.append(Found(field, span, action, new))
        fields[field] = "".join([*parts, text[at:]])
    columns = dict(private)
    for column, kind, value in detected.values:
        columns[column] = _swap(columns[column] or "", value, rewriter.private(kind, value))
    return Result(fields, columns, found)


def _plain(row: Fields, detected: Detection) -> dict[str, str]:
    return {field: view(row[field] or "") for field in detected.spans}


def _values(plain: Mapping[str, str], detected: Detection) -> Iterable[tuple[str, str]]:
    """Type and value of every finding, in the order of the text."""
    for field, spans in detected.spans.items():
        for span in spans:
            yield span.type, plain[field][span.start : span.end]


class _Rewriter:
    """Says what becomes of each value of a record, the same wherever the value stands in it."""

    def __init__(
        self,
        row: Fields,
        plain: Mapping[str, str],
        detected: Detection,
        rules: Rules,
        surrogates: Surrogates | None,
    ) -> None:
        self._rules, self._surrogates = rules, surrogates
        private = [(kind, value) for _, kind, value in detected.values]
        found = [*dict.fromkeys(_values(plain, detected))]
        self._officials: frozenset[str] = frozenset()
        if any(rule.keep_officials for rule in rules.values()):
            self._officials = officials.acting(plain, detected.spans) - {value for _, value in private}
        rewritten = [(kind, value) for kind, value in found if self._action(kind, value) != "keep"]
        self._own = _Parts(value for _, value in (*rewritten, *private) if len(value) >= 2)
        kept = {value for kind, value in found if kind == "PERSON_MASKED" and (kind, value) not in rewritten}
        self._courtly = _court([*private, *rewritten], rules, kept)
        names = (value for kind, value in (*private, *found) if kind == "PERSON")
        self._subject = next(names, None) or "\n".join(text or "" for text in row.values())
        self._births = self._surrogate_births([*private, *rewritten])
        self._done: dict[tuple[str, str, str], tuple[str, str]] = {}

    def __call__(self, kind: str, value: str, subject: str = "") -> tuple[str, str]:
        """What is done with a value found in a text, and what stands in its place.

        Args:
            subject: whose the value is, where it matters: the dates of a person move by the same days.
        """
        action = self._action(kind, value)
        if action == "keep":
            return action, value
        whose = subject if action == "shift" else ""
        known = self._done.get((kind, value, whose))
        if known is None:
            known = self._done[kind, value, whose] = self._rewrite(kind, value, action, whose)
        return known

    def private(self, kind: str, value: str) -> str:
        """What stands in place of a value of a private column, which never stays."""
        action = self._rules[kind].action
        return self._rewrite(kind, value, "replace" if action == "keep" else action)[1]

    def _action(self, kind: str, value: str) -> str:
        rule = self._rules[kind]
        return "keep" if rule.keep_officials and value in self._officials else rule.action

    def _rewrite(self, kind: str, value: str, action: str, subject: str = "") -> tuple[str, str]:
        if action == "replace":
            return action, self._replace(kind, value)
        new = self._otherwise(kind, value, action, self._rules[kind], subject)
        return ("replace", self._rules[kind].placeholder) if new is None else (action, new)

    def _otherwise(self, kind: str, value: str, action: str, rule: Rule, subject: str) -> str | None:
        """A value masked, made coarse, moved or dropped; none where that cannot be."""
        if action == "drop":
            return ""
        if action == "mask":
            return self._courtly[value] if rule.style == "court" else masks.mask(kind, value)
        if action == "generalise":
            return generalise(kind, value, rule.level)
        if self._surrogates is None:
            return None
        return dates.shift(value, self._surrogates.days("".join((subject or self._subject).split())))

    def _replace(self, kind: str, value: str) -> str:
        """A surrogate; the placeholder where there is none, or where it would show a value of this record."""
        new = self._surrogate(kind, value)
        return self._rules[kind].placeholder if new is None or self._own.within(new) else new

    def _surrogate(self, kind: str, value: str) -> str | None:
        if self._surrogates is None:
            return None
        if kind != "DATE_OF_BIRTH":
            return self._surrogates(kind, value)
        written = dates.read(value)
        if written is None:
            return None
        born = self._births.get(_birth(written.day, written.exact))
        return written.write(born) if born else self._surrogates(kind, value)

    def _surrogate_births(self, values: Iterable[tuple[str, str]]) -> dict[tuple[int, ...], date]:
        """What a day of birth becomes in the surrogates of the record's identity numbers."""
        births: dict[tuple[int, ...], date] = {}
        if self._surrogates is None or self._rules["DATE_OF_BIRTH"].action != "replace":
            return births
        for kind, value in values:
            if kind not in ("CN_RESIDENT_ID", "CN_SOCIAL_SECURITY") or self._rules[kind].action != "replace":
                continue
            old, new = (_birth_of(kind, one) for one in (value, self._surrogates(kind, value)))
            if old and new:
                for exact in (True, False):
                    births.setdefault(_birth(old, exact), new)
        return births


class _Parts:
    """Tells whether one of many values stands within a text, as fast for many as for few."""

    def __init__(self, values: Iterable[str]) -> None:
        self._values = frozenset(values)
        self._lengths = sorted({len(value) for value in self._values})

    def within(self, text: str) -> bool:
        for length in self._lengths:
            if length > len(text):
                break
            if any(text[at : at + length] in self._values for at in range(len(text) - length + 1)):
                return True
        return False


def _birth(day: date, exact: bool) -> tuple[int, ...]:
    return (day.year, day.month, day.day) if exact else (day.year, day.month)


def _birth_of(kind: str, value: str) -> date | None:
    """The day of birth in an identity number of 18 characters; none where it is in no calendar."""
    spelt = spelling.read(kind, view(value))
    born = dates.read(spelt.core[6:14]) if spelt.maker == "resident_id" else None
    return born.day if born else None


def _as_written(old: str, plain: str, masked: str) -> str:
    """A masked value of the same length, what is seen of it written as in the text and not as on the view."""
    if len(masked) != len(old):
        return masked
    return "".join(was if new == seen else new for was, seen, new in zip(old, plain, masked, strict=True))


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
