"""What the sections of the report are made of: headings, paragraphs, tables, chips and figures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from curation.writing.html import inline, marked_table
from curation.writing.markdown import NONE, number
from curation.writing.words import Words
from data_cards.figures.drawing import Drawing


def section(key: str, title: str, words: Words, *parts: str) -> str:
    """A section with its heading; `key` is what links go to."""
    return f'<section id="{key}-{words.lang}"><h2>{escape(title)}</h2>{"".join(parts)}</section>'


def heading(text: str) -> str:
    return f"<h3>{escape(text)}</h3>"


def paragraph(text: str) -> str:
    """Text in which `code` may stand."""
    return f"<p>{inline(text)}</p>"


def note(text: str) -> str:
    """A remark in smaller letters; nothing where there is none."""
    return text and f'<p class="note">{inline(text)}</p>'


def items(lines: Iterable[str]) -> str:
    """A list of texts in which `code` may stand."""
    return f"<ul>{''.join(f'<li>{inline(line)}</li>' for line in lines)}</ul>"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of HTML under names of plain text."""
    return marked_table([escape(name) for name in header], rows)


def named(words: Words, group: str, value: str) -> str:
    """A code by its name, as HTML."""
    return inline(words.name(group, value))


def chip(text: str) -> str:
    """A placeholder as people see it."""
    return f'<mark class="chip">{escape(text)}</mark>'


def figure(drawing: Drawing | None) -> str:
    return f"<figure>{drawing.inline()}</figure>" if drawing else ""


def beside(*parts: str) -> str:
    """Parts that stand beside each other where there is room."""
    return f'<div class="figures beside">{"".join(parts)}</div>'


def details(name: str, content: str) -> str:
    """What is opened by those who want to see it, and is open on paper."""
    return f"<details><summary>{escape(name)}</summary>{content}</details>"


def percent(value: float | None) -> str:
    return NONE if value is None else f"{100 * value:.2f}%"


def count(value: float | None) -> str:
    return number(value)


def why_not(metrics: Mapping[str, Any], key: str, words: Words) -> str:
    """That something was not measured; and why, where it is known of the key or of what holds it."""
    reasons = metrics["unmeasured"]
    parts = key.split(".")
    known = (".".join(parts[:size]) for size in range(len(parts), 0, -1))
    code = next((reasons[each] for each in known if each in reasons), None)
    if code is None:
        return words.say("未测量。", "Not measured.")
    reason = words.name("unmeasured", code)
    return words.say(f"未测量：{reason}。", f"Not measured: {reason}.")
