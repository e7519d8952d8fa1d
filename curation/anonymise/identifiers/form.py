"""One way of writing one type of identifier, and how a place in a text is judged by it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from curation.anonymise.identifiers import checks
from curation.anonymise.identifiers.labels import Label
from curation.anonymise.identifiers.page import Page
from curation.anonymise.identifiers.phones import judged, types
from curation.anonymise.spans import Span

Check = Callable[[str], bool | None]
"""Judges a value without its separators: true, false, or unknown (`None`)."""

_CERTAIN = frozenset(
    {
        checks.resident_id,
        checks.disability_card,
        checks.bank_card,
        checks.credit_code,
        checks.vin_ok,
        checks.ipv4,
        checks.mac,
    }
)
"""Checks that need no label where they say true."""

_MOBILE = re.compile("1[3-9][0-9]{9}")
_ONE_CELL = re.compile(r"(?!(?:19|20)[0-9]{2}-)[0-9A-Za-z\-()]{7,}")
_SEPARATORS = re.compile(r"[\s\-·.,()]+")


class Shape:
    """A regular expression of the standard library, compiled when first used."""

    def __init__(self, source: str) -> None:
        self.source = source
        self._compiled: re.Pattern[str] | None = None

    def match(self, text: str, start: int) -> re.Match[str] | None:
        """The shape at exactly this place; look-behinds see what stands before it."""
        if self._compiled is None:
            self._compiled = re.compile(self.source)
        return self._compiled.match(text, start)

    def before(self, text: str, start: int, reach: int = 40) -> int:
        """How many characters up to `start` match; the shape must end in `$`."""
        if self._compiled is None:
            self._compiled = re.compile(self.source)
        found = self._compiled.search(text[max(0, start - reach) : start])
        return len(found[0]) if found else 0


@dataclass(frozen=True, slots=True)
class Form:
    """A number of a certain shape, judged by its checksum and its label.

    Attributes:
        type, name: entity type, and this recogniser's own name.
        shape: matched where a number begins.
        source: where shape and checksum are laid down.
        labels: kinds of label (`labels.py`) that name this identifier.
        check: judges the value.
        alone: score without a label where `check` does not know; 0: never found so.
        labelled: score beside its label.
        slip: score beside its label where `check` says false; 0: never found so.
        certain: score where `check` says true.
        lead: what in front of the shape belongs to the value (`(`, `+`, a plate's province); ends in `$`.
        needs_lead: found only with its lead.
        misread: matched where letters that scanners take for digits have become digits.
        near: the label must stand beside the number, with a word for number (`号`) unless the value is long.
        topic: words of which one within 300 characters before stands for a label.
        first: characters it may begin with, `A` for any letter.
        least: characters that the shape has at least.
        bare: `check` gets the value without separators.
    """

    type: str
    name: str
    shape: Shape
    source: str
    labels: frozenset[str] = frozenset()
    check: Check = lambda value: None
    alone: float = 0.0
    labelled: float = 0.9
    slip: float = 0.0
    certain: float = 0.95
    lead: Shape | None = None
    needs_lead: bool = False
    misread: bool = True
    near: bool = False
    topic: tuple[str, ...] = ()
    first: str = "0123456789A"
    least: int = 5
    bare: bool = True

    def find(self, page: Page) -> list[Span]:
        """Findings of this form alone."""
        found = (self.at(page, start) for start, room in page.starts if room >= self.least)
        return [span for span in found if span]

    @property
    def types(self) -> tuple[str, ...]:
        """What its findings may be."""
        return types(self.type)

    @property
    def free(self) -> bool:
        """May be found where no label names it."""
        return self.alone > 0 or bool(self.topic) or self.check in _CERTAIN

    def at(self, page: Page, start: int) -> Span | None:
        """The finding that begins with the number at `start`, if any."""
        match = self.shape.match(page.digits if self.misread else page.plain, start)
        if not match:
            return None
        begin, end = start, match.end()
        if self.lead:
            length = self.lead.before(page.plain, start)
            if self.needs_lead and not length:
                return None
            begin -= length
        score = self._score(
            page, begin, end, _SEPARATORS.sub("", match[0]).upper() if self.bare else match[0]
        )
        return judged(page.plain, Span(begin, end, self.type, score, self.name)) if score >= 0.5 else None

    def _score(self, page: Page, start: int, end: int, value: str) -> float:
        verdict = self.check(value)
        if verdict:
            return self.certain
        if verdict is False and not self.slip:
            return 0.0
        label = page.label(start, end)
        if self._named(label, value):
            return self.labelled if verdict is None else self.slip
        if label.far and self._in_column(page, start, end):
            return (self.labelled if verdict is None else self.slip) - 0.1
        if verdict is False or ("other" in label.kinds and not label.gap):
            return 0.0
        if self.topic and any(word in page.plain[max(0, start - 300) : start] for word in self.topic):
            return max(self.alone, 0.7)
        return self.alone

    def _in_column(self, page: Page, start: int, end: int) -> bool:
        """Under a head that names it; where the cells do not line up, only a number in one piece."""
        head = page.column(start)
        if not head.kinds & self.labels:
            return False
        return bool(head.word) or _ONE_CELL.fullmatch(page.plain, start, end) is not None

    def _named(self, label: Label, value: str) -> bool:
        if not label.kinds & self.labels:
            return False
        if _MOBILE.fullmatch(value) and self.type != "CN_MOBILE":
            return label.numbered and not label.gap and "phone" not in label.kinds
        if not self.near:
            return True
        if label.far and len(value) < 10:
            return False
        if label.numbered:
            return True
        return len(label.gap) <= 1 and len(value) >= 6 and (len(value) >= 10 or not value.isdigit())
