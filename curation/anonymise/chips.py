"""What was found in a text, to look at in a notebook: every finding a coloured chip that bears its type.

A colour tells a family of types (Okabe and Ito's colours, which the colour-blind tell apart), the words in a
chip tell the type. A chip brings its own background and ink, so it reads alike on a light and on a dark page.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple

from curation.anonymise import policy
from curation.anonymise.spans import Pattern, Span

if TYPE_CHECKING:
    from curation.anonymise.record import Result


class Chips:
    """A text with its findings as chips: the last line of a notebook's cell shows it.

    `print` shows the text marked as `{{TYPE|the exact text}}`. The `repr` tells no text, so that none gets
    into a log.

    Args:
        text: as the offsets count it.
        spans: findings, or at least their start, end and type; in any order.

    Raises:
        ValueError: a span is empty, not within the text, or overlaps another.
    """

    def __init__(self, text: str, spans: Iterable[Span | Sequence[Any]]) -> None:
        self._text = text
        self._chips = sorted(_chip(*span) for span in spans)
        at = 0
        for chip in self._chips:
            if not at <= chip.start < chip.end <= len(text):
                raise ValueError(
                    f"span {chip.start} to {chip.end} of {len(text)}: empty, outside, or overlaps another"
                )
            at = chip.end

    @classmethod
    def after(cls, result: Result, field: str = "text") -> Chips:
        """A field of an anonymised record: what now stands where something was found, and what was done."""
        from curation.anonymise.pieces import changes

        found = [one for one in result.found if one.field == field]
        made = cls(result.fields.get(field) or "", ())
        made._chips = [
            _Chip(at.new_start, at.new_end, one.span.type, one.action, one.span.recogniser)
            for one, at in zip(found, changes(found, field), strict=True)
            if one.new
        ]
        return made

    def __repr__(self) -> str:
        return f"<Chips: {len(self._text)} characters, findings: {len(self._chips)}>"

    def __str__(self) -> str:
        return "".join(
            part if chip is None else f"{{{{{chip.type}|{part}}}}}" for part, chip in self._parts()
        )

    def _repr_html_(self) -> str:
        body = "".join(
            _clean(part) if chip is None else _mark(chip, part, self._note(chip))
            for part, chip in self._parts()
        )
        return (
            f'<div class="tex2jax_ignore mathjax_ignore" lang="zh" style="{_PAGE}">'
            f'<div style="white-space:pre-wrap">{body}</div>{self._legend()}</div>'
        )

    def _parts(self) -> Iterator[tuple[str, _Chip | None]]:
        """The text cut into what lies between the chips and what they hold."""
        at = 0
        for chip in self._chips:
            yield self._text[at : chip.start], None
            yield self._text[chip.start : chip.end], chip
            at = chip.end
        yield self._text[at:], None

    def _note(self, chip: _Chip) -> str:
        return f"{chip.type} {chip.action}" if chip.action else chip.type

    def _legend(self) -> str:
        """Each type that is there: its chip, how often, and its Chinese name."""
        counts = Counter(chip.type for chip in self._chips)
        if not counts:
            return f'<div style="{_LEGEND}">0</div>'
        words = _words()
        entries = (
            _mark(_Chip(0, 0, kind, "", ""), words.get(kind, ""), kind) + f"&nbsp;×&nbsp;{counts[kind]}"
            for kind in sorted(counts, key=lambda kind: (_family(kind), kind))
        )
        return f'<div style="{_LEGEND}">{" &ensp; ".join(entries)}</div>'


class _Chip(NamedTuple):
    """A stretch of the text; `action` is what was done with it, if anything was."""

    start: int
    end: int
    type: str
    action: str
    why: str


def _chip(start: int, end: int, kind: str, score: float | None = None, recogniser: str = "") -> _Chip:
    return _Chip(start, end, kind, "", recogniser if score is None else f"{recogniser} {score:.2f}".strip())


FAMILIES = (
    ("#56b4e9", "#000000", policy.PEOPLE),
    ("#e69f00", "#000000", ("ADDRESS", "GPS")),
    ("#0072b2", "#ffffff", ("CN_MOBILE", "CN_LANDLINE", "EMAIL_ADDRESS", "QQ", "WECHAT")),
    (
        "#cc79a7",
        "#000000",
        (
            *("CN_RESIDENT_ID", "CN_PASSPORT", "CN_HKMO_PERMIT", "CN_TW_PERMIT", "CN_MILITARY_ID"),
            *("CN_DRIVER_FILE", "DATE_OF_BIRTH"),
        ),
    ),
    ("#009e73", "#000000", ("CN_BANK_CARD", "CN_PLATE", "VIN", "CN_USCC")),
    ("#f0e442", "#000000", ("CN_SOCIAL_SECURITY", "CN_MEDICAL_RECORD", "CN_CASE_NUMBER")),
    ("#d55e00", "#000000", ("IP_ADDRESS", "MAC_ADDRESS")),
    ("#d9d9d9", "#000000", ("LOCATION", "ORGANIZATION", "CN_OFFICE_PHONE")),
)
"""Background, ink and types: people, homes, ways to reach them, papers, property, files, devices; and what is
about offices and places. A type that is in none has the last colours."""

SHORT = 20
"""Characters. A longer chip may go on in the next line."""

_PAGE = "line-height:2.1;overflow-wrap:anywhere"
_LEGEND = "margin-top:.6em;font-size:.85em"
_CHIP = (
    "border-radius:.4em;padding:.15em .35em;border:1px solid #767676;unicode-bidi:isolate;"
    "-webkit-box-decoration-break:clone;box-decoration-break:clone"
)
_NOTE = "margin-left:.4em;font:600 .72em/1 ui-monospace,monospace;color:inherit;user-select:none"


def _family(kind: str) -> int:
    last = len(FAMILIES) - 1
    return next((number for number, (_, _, kinds) in enumerate(FAMILIES) if kind in kinds), last)


def _mark(chip: _Chip, value: str, note: str) -> str:
    paper, ink, _ = FAMILIES[_family(chip.type)]
    title = f' title="{_clean(chip.why)}"' if chip.why else ""
    whole = ";white-space:nowrap" if len(value) <= SHORT and "\n" not in value else ""
    return (
        f'<mark style="background:{paper};color:{ink};{_CHIP}{whole}"{title}>{_clean(value)}'
        f'<span style="{_NOTE}">{_clean(note)}</span></mark>'
    )


_UNSHOWABLE = Pattern(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


def _clean(text: str) -> str:
    """The text for HTML; what a page cannot hold shows as �."""
    return escape(_UNSHOWABLE.sub("\ufffd", text))


@functools.lru_cache
def _words() -> dict[str, str]:
    """Types in Chinese, as the shipped policies word their placeholders."""
    rules = policy.load("letters").types
    return {kind: rule.placeholder.strip("[]") for kind, rule in rules.items()}
