"""Chinese identifiers: which strings belong to a person, decided by shape, checksum and label.

Numbers come first, patterns second: `page` finds the few places of a text where a number begins, `labels`
says what the words beside it call it, `forms` and `search` hold one object per way of writing. Patterns are
matched on `spans.view`, so full-width digits need no pattern of their own, and are bounded in length, so time
is linear in the text. Nothing here needs presidio; `recognisers` wraps the same objects for it.
"""

from __future__ import annotations

from curation.anonymise.identifiers.checks import (
    luhn_check,
    luhn_ok,
    resident_id_check,
    resident_id_ok,
    uscc_check,
    uscc_ok,
    vin_ok,
)
from curation.anonymise.identifiers.form import Form, Shape
from curation.anonymise.identifiers.forms import FORMS
from curation.anonymise.identifiers.page import Page, Start
from curation.anonymise.identifiers.search import SEARCHES, SPOKEN, WRITTEN, Search
from curation.anonymise.spans import Span, resolve

__all__ = [
    "IDENTIFIERS",
    "Identifier",
    "Page",
    "candidates",
    "find",
    "luhn_check",
    "luhn_ok",
    "resident_id_check",
    "resident_id_ok",
    "uscc_check",
    "uscc_ok",
    "vin_ok",
]

Identifier = Form | Search
IDENTIFIERS: tuple[Identifier, ...] = (*FORMS, *SEARCHES)
"""Every way of writing every type."""


def _free(first: str) -> tuple[tuple[Form, ...], Shape]:
    """Forms that need no label and may begin so, and one pattern that matches where any of them does."""
    forms = tuple(form for form in FORMS if form.free and first in form.first)
    return forms, Shape(
        "|".join(
            form.shape.source.replace("?P<", f"?P<{form.name}_").replace("?P=", f"?P={form.name}_")
            for form in forms
        )
    )


_FREE = {digit: _free(digit) for digit in "0123456789"}
_FREE_LETTER = _free("A")
_BOUND = tuple(form for form in FORMS if not form.free)
"""Forms that only a label can make: skipped where none is near."""
_ANY_BOUND = Shape("|".join(form.shape.source for form in _BOUND))
"""Matches where any of them does, so that labels are read only where one can matter."""


def find(text: str) -> list[Span]:
    """All identifiers of a text, overlaps resolved, offsets in the text as given."""
    found = candidates(text)
    return resolve(found) if found else found


def candidates(text: str) -> list[Span]:
    """What each identifier finds on its own; findings of different types may overlap."""
    page = Page(text)
    found = [span for start in page.starts for span in _at(page, start)]
    for search in WRITTEN:
        if search.gate(page):
            found += search.find(page)
    if page.spoken:
        for search in SPOKEN:
            found += search.find(page)
    return found


def _at(page: Page, start: Start) -> list[Span]:
    """What all forms find where one number begins, those left out that cannot find anything."""
    found: list[Span | None] = []
    first = page.digits[start.at]
    forms, gate = _FREE.get(first, _FREE_LETTER)
    if page.digits is not page.plain or gate.match(page.plain, start.at):
        found = [form.at(page, start.at) for form in forms if start.room >= form.least]
    named = page.digits is not page.plain or _ANY_BOUND.match(page.plain, start.at)
    if named and (kinds := page.kinds(start)):
        found += [
            form.at(page, start.at)
            for form in _BOUND
            if start.room >= form.least and not kinds.isdisjoint(form.labels)
        ]
    return [span for span in found if span]
