"""How a model card says things: sentences in one of two languages, numbers, Markdown tables."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from curation.lang import Lang


@dataclass(frozen=True)
class Words:
    """The words of one language."""

    lang: Lang

    def say(self, zh: str, en: str) -> str:
        """The one of two renderings of a sentence that is in this language."""
        return zh if self.lang == "zh" else en

    def join(self, parts: Iterable[str]) -> str:
        """An enumeration."""
        return self.say("、", ", ").join(parts)

    @property
    def unmeasured(self) -> str:
        return self.say("未测量", "not measured")

    def number(self, value: Any) -> str:
        """A number with thousands separators and at most four significant decimals."""
        if value is None:
            return self.unmeasured
        return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}"

    def interval(self, value: float, limits: Sequence[float]) -> str:
        """A share or a mean with its 95 % interval."""
        return f"{value:.3f} [{limits[0]:.3f}, {limits[1]:.3f}]"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A Markdown table."""
    return [f"| {' | '.join(line)} |" for line in (header, ["---"] * len(header), *rows)]


def cell(value: str) -> str:
    """Words of people as harmless Markdown: one line, no markup, HTML or link."""
    return re.sub(r"([\\`*_\[\]<>&|!$~])", r"\\\1", " ".join(value.split()))


def code(value: object) -> str:
    """A name or a digest as it stands in files."""
    return "`" + re.sub(r"[`|\s]+", " ", str(value)) + "`"
