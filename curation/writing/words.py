"""How a card or a report says things: Chinese or English sentences, names of codes, numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, get_args

from curation.errors import UsageError
from curation.lang import Lang
from curation.writing.markdown import code, number

Terms = Mapping[str, Mapping[str, Mapping[str, str]]]
"""Group, code and language to the name that people read."""


class Words:
    """The words of one language.

    Args:
        lang: the language.
        terms: names of codes; a code that has none is shown as itself.

    Raises:
        UsageError: the language is neither `zh` nor `en`.
    """

    def __init__(self, lang: Lang, terms: Terms | None = None) -> None:
        if lang not in get_args(Lang):
            raise UsageError(f"--lang {lang}: valid are {', '.join(get_args(Lang))}")
        self.lang: Lang = lang
        self._terms = terms or {}

    def say(self, zh: str, en: str) -> str:
        """The one of two renderings of a sentence that is in this language."""
        return zh if self.lang == "zh" else en

    def join(self, parts: Iterable[str]) -> str:
        """An enumeration."""
        return self.say("、", ", ").join(parts)

    def term(self, group: str, value: str) -> str:
        """A code of a group (`stage`, `reason`, `type` …) with its name; an unknown code as itself."""
        name = self.name(group, value)
        return name if name == code(value) else f"{name} {code(value)}"

    def name(self, group: str, value: str) -> str:
        """The name alone; an unknown code as itself."""
        return self._terms.get(group, {}).get(value, {}).get(self.lang) or code(value)

    @property
    def unmeasured(self) -> str:
        return self.say("未测量", "not measured")

    def number(self, value: Any) -> str:
        """A number as in a table; words where there is none."""
        return self.unmeasured if value is None else number(value)

    def interval(self, value: float, limits: Sequence[float]) -> str:
        """A share or a mean with its 95 % interval."""
        return f"{value:.3f} [{limits[0]:.3f}, {limits[1]:.3f}]"
