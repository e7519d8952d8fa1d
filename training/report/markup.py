"""The Markdown that the model card is written in, as HTML: headings, tables, lists, paragraphs and code."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape
from itertools import groupby

_CODE = re.compile(r"`([^`]*)`")
_ESCAPED = re.compile(r"\\([\\`*_\[\]<>&|!$~])")
_CELLS = re.compile(r"(?<!\\)\|")


def html(lines: Iterable[str]) -> str:
    """Lines of the card; equal kinds that follow each other belong together."""
    parts = []
    for kind, group in groupby((line for each in lines for line in each.split("\n")), _kind):
        these = list(group)
        if kind == "heading":
            parts += [f"<h2>{inline(line.lstrip('# '))}</h2>" for line in these]
        elif kind == "table":
            cells = [[inline(cell.strip()) for cell in _CELLS.split(line)[1:-1]] for line in these]
            parts.append(_table(cells[0], cells[2:]))
        elif kind == "list":
            parts.append("<ul>" + "".join(f"<li>{inline(line[2:])}</li>" for line in these) + "</ul>")
        elif kind == "code":
            parts.append(f"<pre><code>{escape(chr(10).join(these).strip('`'))}</code></pre>")
        elif kind == "text":
            parts.append(f"<p>{inline(' '.join(these))}</p>")
    return "".join(parts)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of plain text."""
    return _table([escape(each) for each in head], [[escape(cell) for cell in row] for row in rows])


def inline(text: str) -> str:
    """Text with code in it; nothing of it becomes markup."""
    parts = _CODE.split(text)
    return "".join(
        f"<code>{escape(part)}</code>" if number % 2 else escape(_ESCAPED.sub(r"\1", part))
        for number, part in enumerate(parts)
    )


def _kind(line: str) -> str:
    starts = {"#": "heading", "|": "table", "- ": "list", "`" * 3: "code"}
    return next((kind for start, kind in starts.items() if line.startswith(start)), "text" if line else "")


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    top = "".join(f"<th>{each}</th>" for each in head)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="wide"><table><tr>{top}</tr>{body}</table></div>'
