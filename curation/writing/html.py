"""The Markdown that cards are written in, as HTML: headings, tables, lists, paragraphs and code."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from html import escape
from itertools import groupby

_CODE = re.compile(r"`([^`]*)`")
_ESCAPED = re.compile(r"\\([\\`*_\[\]<>&|!$~])")
_NUMERIC = re.compile(r"[-\d.,:%\s/–−+±×→\[\]()]*")
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
            parts.append(marked_table(cells[0], cells[2:]))
        elif kind == "list":
            parts.append("<ul>" + "".join(f"<li>{inline(line[2:])}</li>" for line in these) + "</ul>")
        elif kind == "code":
            parts.append(f"<pre><code>{escape(chr(10).join(these).strip('`'))}</code></pre>")
        elif kind == "text":
            parts.append(f"<p>{inline(' '.join(these))}</p>")
    return "".join(parts)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of plain text."""
    return marked_table([escape(each) for each in head], [[escape(cell) for cell in row] for row in rows])


def marked_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that are HTML already: columns of numbers stand on the right, words on the left. It
    scrolls by itself where it is too wide, by keyboard too."""
    rows = list(rows)
    kinds = [_alignment(row[place] for row in rows if place < len(row)) for place in range(len(head))]
    top = "".join(f'<th scope="col"{kind}>{each}</th>' for each, kind in zip(head, kinds, strict=True))
    body = "".join(
        "<tr>" + "".join(f"<td{kind}>{cell}</td>" for cell, kind in zip(row, kinds, strict=False)) + "</tr>"
        for row in rows
    )
    return f'<div class="wide" tabindex="0"><table><tr>{top}</tr>{body}</table></div>'


def _alignment(cells: Iterable[str]) -> str:
    return "" if all(map(_NUMERIC.fullmatch, cells)) else ' class="words"'


def matrix(names: Sequence[str], counts: Sequence[tuple[str, Sequence[int]]]) -> str:
    """Counts that two people, or a program and a person, gave the same things: a row for each name of the
    one, a column for each of the other. The more of its row a cell has, the stronger its colour.

    Args:
        names: of the columns.
        counts: name of a row, and its counts.
    """
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
    rows = ""
    for name, row in counts:
        total = max(1, sum(row))
        cells = "".join(
            f'<td class="heat{math.ceil(4 * count / total)}">{count:,}</td>' if count else "<td></td>"
            for count in row
        )
        rows += f'<tr><th scope="row">{escape(name)}</th>{cells}</tr>'
    return f'<div class="wide" tabindex="0"><table class="heat"><tr><td></td>{head}</tr>{rows}</table></div>'


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
