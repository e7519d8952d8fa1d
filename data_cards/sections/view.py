"""What every section is written from, and the small things that sections share."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from typing import Any

from curation.writing.markdown import cell, number, table
from curation.writing.words import Words
from data_cards.answers import Answers
from data_cards.facts import Facts
from data_cards.questions import QUESTIONS

_NAMES = {question.field: (question.zh, question.en) for question in QUESTIONS}


@dataclasses.dataclass(frozen=True)
class View:
    """Facts, told in one language.

    Attributes:
        beside: name of the card in the other language.
        figures: title of each figure that there is, by name.
    """

    facts: Facts
    words: Words
    beside: str
    figures: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @property
    def metrics(self) -> Mapping[str, Any]:
        return self.facts.metrics

    @property
    def lock(self) -> Mapping[str, Any] | None:
        return self.facts.lock

    @property
    def answers(self) -> Answers:
        return self.facts.answers

    def say(self, zh: str, en: str) -> str:
        return self.words.say(zh, en)

    @property
    def colon(self) -> str:
        return self.say("：", ": ")

    @property
    def not_stated(self) -> str:
        return self.say("未填写", "not stated")

    def reason(self, key: str) -> str | None:
        """Why something was not measured: what is said of it, or of what it is part of."""
        unmeasured = self.metrics["unmeasured"]
        while key and key not in unmeasured:
            key = key.rpartition(".")[0]
        return self.words.name("unmeasured", unmeasured[key]) if key else None

    def unmeasured(self, key: str) -> str:
        """`not measured`, and why."""
        reason = self.reason(key)
        because = self.say(f"（{reason}）", f" ({reason})") if reason else ""
        return self.words.unmeasured + because

    def named(self, field: str) -> str:
        """Name of a question."""
        return self.say(*_NAMES[field])

    def stated(self, *fields: str) -> list[str]:
        """What people answered, a point per question; what nobody answered is named as missing."""
        lines = []
        for field in fields:
            name, said = self.named(field), getattr(self.answers, field)
            texts = [_inline(text) for text in said.lines(self.words.lang)] if said else [self.not_stated]
            if len(texts) == 1:
                lines.append(f"- **{name}**{self.colon}{texts[0]}")
            else:
                lines += [f"- **{name}**{self.colon.rstrip()}", *(f"  - {text}" for text in texts)]
        return lines

    def figure(self, name: str) -> list[str]:
        """A figure in its own paragraph, where there is one."""
        if name not in self.figures:
            return []
        return ["", f"![{cell(self.figures[name])}](figures/{name}.{self.words.lang}.svg)"]

    def table(self, header: Sequence[tuple[str, str]], rows: Sequence[Sequence[str]]) -> list[str]:
        return table([self.say(*pair) for pair in header], rows)

    def spread(self, name: str, counts: Mapping[str, Any], most: int | None = None) -> list[str]:
        """A table of the values of a field by frequency, then those counted together, then the missing.

        Args:
            most: how many values stand by themselves; default: all that the metrics name.
        """
        ranked = by_frequency(counts["values"])
        apart = ranked[:most]
        rows = [[cell(value), number(count)] for value, count in apart]
        values = counts["others"]["values"] + len(ranked) - len(apart)
        if values:
            records = counts["others"]["records"] + sum(count for _, count in ranked[len(apart) :])
            rows.append([self.say(f"其他 {number(values)} 种", f"Others: {number(values)}"), number(records)])
        if counts["missing"]:
            rows.append([self.say("未注明", "None given"), number(counts["missing"])])
        return table([name, self.say("条数", "Records")], rows)


def _inline(text: str) -> str:
    """What people wrote, at the beginning of a point without starting a heading or a list."""
    return re.sub(r"^([#+-])", r"\\\1", cell(text))


def by_frequency(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """Codes with their counts, the most frequent first."""
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))
