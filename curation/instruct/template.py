"""What a template's placeholders become. A template is text with `{name}` in it, filled once: what a record
says is never read as a template, and braces that hold no name stay as they are."""

from __future__ import annotations

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
