"""What a template's placeholders become. A template is text with `{name}` in it, filled once: what a record
says is never read as a template, and braces that hold no name stay as they are."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping

from curation.strict import nearest

_PLACEHOLDER = re.compile(r"\{(\w+)\}")


def fill(template: str, values: Mapping[str, str]) -> str:
    """The template with its placeholders replaced.

    A line that has placeholders, all of them empty, is left out: `标题：{title}` of a letter without a title.
    """
    lines = []
    for line in template.splitlines():
        names = _PLACEHOLDER.findall(line)
        if not names or any(values[name] for name in names):
            lines.append(_PLACEHOLDER.sub(lambda found: values[found[1]], line))
    return "\n".join(lines)


def read_back(template: str, text: str) -> dict[str, str] | None:
    """What the placeholders of a template became in a text that `fill` made, None where it did not.

    A placeholder that has a line to itself takes as much as it can, one within a line as little. Lines are
    taken to be there as far as that is possible; the placeholders of one that was left out are empty.
    """
    lines = template.splitlines()
    empty = dict.fromkeys(_PLACEHOLDER.findall(template), "")
    may_lack = [number for number, line in enumerate(lines) if _PLACEHOLDER.search(line)]
    for count in range(len(may_lack) + 1):
        for lacking in itertools.combinations(may_lack, count):
            there = [line for number, line in enumerate(lines) if number not in lacking]
            if found := re.fullmatch(_as_pattern("\n".join(there)), text, re.DOTALL):
                return {**empty, **found.groupdict()}
    return None


def _as_pattern(template: str) -> str:
    """A regular expression for what the template can become."""
    pattern = ""
    for line in template.splitlines(keepends=True):
        parts = _PLACEHOLDER.split(line)  # literal, name, literal, name, ..., literal
        much = "" if len(parts) == 3 and not (parts[0] + parts[2]).strip("\n") else "?"
        for place, part in enumerate(parts):
            if place % 2 == 0:
                pattern += re.escape(part)
            else:
                pattern += f"(?P={part})" if f"(?P<{part}>" in pattern else f"(?P<{part}>.*{much})"
    return pattern


def require_placeholders(template: str, known: Iterable[str]) -> str:
    """The template, if it names nothing but `known` placeholders.

    Raises:
        ValueError: it names another one; the message says which is nearest.
    """
    valid = list(known)
    for name in _PLACEHOLDER.findall(template):
        if name not in valid:
            raise ValueError(f"unknown placeholder {{{name}}}{nearest(name, valid)}")
    return template
