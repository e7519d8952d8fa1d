"""What the browser is told, as JSON: of a record no more than its person may see at that moment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from curation.anonymise.policy import Policy
from curation.decisions import Decision, Role
from curation.label.taxonomy import Label, Taxonomy
from curation.lang import Lang
from curation.review.cases import Case, Mark, Suggestion
from curation.review.desk import Desk, Revealed
from curation.review.web.texts import texts

_GROUPS = {
    "person": ("PERSON", "PERSON_HONORIFIC", "PERSON_MASKED", "DATE_OF_BIRTH"),
    "place": ("ADDRESS", "LOCATION", "ORGANIZATION", "GPS"),
    "contact": ("CN_MOBILE", "CN_LANDLINE", "CN_OFFICE_PHONE", "EMAIL_ADDRESS", "QQ", "WECHAT"),
}
"""Types that look alike on the page; all others are numbers."""


def standing(desk: Desk, by: str, role: Role, found: Case | None, lang: Lang) -> dict[str, Any]:
    """The record before a person, if there is one, and how far the queue is."""
    return {
        "record": None if found is None else _record(desk, by, role, found, lang),
        "progress": vars(desk.progress(by, role)),
    }


def personal(case: Case) -> dict[str, Any]:
    """The original texts of a record with the places of its personal data."""
    return {
        "fields": [{"field": field, "text": text} for field, text in case.texts.items()],
        "spans": [
            {"field": mark.field, "start": mark.start, "end": mark.end, "type": mark.type}
            for mark in case.marks
        ],
    }


def revealed(told: Revealed | None) -> dict[str, Any] | None:
    """What a person may see once they have given the label."""
    if told is None:
        return None
    return {
        "suggestion": _suggestion(told.suggestion),
        "others": [{"by": one.by, "value": one.value} for one in told.others],
    }


def labels(taxonomy: Taxonomy | None, lang: Lang) -> list[dict[str, Any]]:
    """The labels that may be given, in the order of the tree, with those above them and what finds them."""
    if taxonomy is None:
        return []
    return [
        _label(taxonomy, leaf, value, voters, lang)
        for leaf, value, voters in zip(taxonomy.leaves, taxonomy.values, taxonomy.voters, strict=True)
    ]


def types(policy: Policy | None, kind: str, lang: Lang) -> list[dict[str, Any]]:
    """The types of personal data, those first that do not stay as they are."""
    if policy is None:
        return []
    rules = policy.of(kind)
    return [
        {
            "type": name,
            "name": _type(name, lang),
            "group": next((group for group, names in _GROUPS.items() if name in names), "number"),
            "stays": not rules[name].changes,
        }
        for name in sorted(rules, key=lambda name: not rules[name].changes)
    ]


def _record(desk: Desk, by: str, role: Role, case: Case, lang: Lang) -> dict[str, Any]:
    asked = desk.turns.asked(case.id, role)
    corrected = desk.answers.last(case.id, "anonymise")
    return {
        "id": case.id,
        "content": case.content,
        "asked": {"label": "label" in asked, "personal": "anonymise" in asked},
        "fields": [{"field": field, "parts": _parts(case, field, lang)} for field in case.texts],
        "types": types(desk.records.policy, case.kind, lang),
        "suspected": [_type(name, lang) for name in case.suspected] if corrected is None else [],
        "corrected": _who(corrected, by),
        "held": case.held == "anonymise",
    }


def _parts(case: Case, field: str, lang: Lang) -> list[dict[str, str]]:
    """A text in pieces: `text` as it is, `chip` for what readers do not see."""
    parts, at, text = [], 0, case.texts[field]
    for mark in _hidden(case.marks, field):
        parts += [{"text": text[at : mark.start]}, {"chip": _type(mark.type, lang)}]
        at = mark.end
    return [part for part in [*parts, {"text": text[at:]}] if part != {"text": ""}]


def _hidden(marks: Sequence[Mark], field: str) -> list[Mark]:
    return [mark for mark in marks if mark.field == field and mark.instead is not None]


def _who(corrected: Decision | None, by: str) -> dict[str, Any] | None:
    return None if corrected is None else {"by": corrected.by, "own": corrected.by == by}


def _suggestion(said: Suggestion | None) -> dict[str, Any] | None:
    return None if said is None else vars(said)


def _label(
    taxonomy: Taxonomy, leaf: Label, value: str, voters: Sequence[Label], lang: Lang
) -> dict[str, Any]:
    line = taxonomy.lines[leaf.code]
    terms = [term for label in (*reversed(line), *voters) for term in (label.name.zh, label.name.en)]
    terms += [term for label in voters for term in (*label.keywords, *label.includes)]
    return {
        "value": value,
        "code": leaf.code,
        "name": leaf.name.in_(lang),
        "above": [label.name.in_(lang) for label in line[:-1]],
        "definition": leaf.definition and leaf.definition.in_(lang),
        "includes": leaf.includes,
        "excludes": leaf.excludes,
        "examples": leaf.examples,
        "terms": [term for term in dict.fromkeys(terms) if term],
    }


def _type(name: str, lang: Lang) -> str:
    return str(texts(lang)["types"].get(name, name))
