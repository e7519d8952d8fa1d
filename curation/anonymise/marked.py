"""Documents with their personal data marked by hand: what detection is measured on, and learns from.

A text file. Each document begins with a line `=== ID KIND`; personal data stand as `{{TYPE|the exact text}}`,
without nesting; empty lines before the next document are not part of the text. A JSON lines file of
`{"id", "text", "spans": [[start, end, type], ...]}` says the same by offsets.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from curation.anonymise.spans import Pattern
from curation.errors import InputError

_HEADER = Pattern(r"^=== (\S+) (\S+)[ \t]*$\n?", 8)  # regex.MULTILINE
_MARK = Pattern(r"\{\{([A-Z_]+)\|([^{}|]+)\}\}")


class Marked(NamedTuple):
    """A document; spans are (start, end, type), half open, in text order."""

    id: str
    kind: str
    text: str
    spans: list[tuple[int, int, str]]


def read(path: Path) -> list[Marked]:
    """The documents of a marked text, or of a JSON lines file.

    Raises:
        InputError: a document without a header, or a mark that is not closed.
    """
    content = path.read_text(encoding="utf-8")
    if path.suffix in (".jsonl", ".ndjson"):
        return [_of_json(json.loads(line)) for line in content.split("\n") if line.strip()]
    return list(_documents(content, path))


def plain(text: str) -> tuple[str, list[tuple[int, int, str]]]:
    """A marked text without its marks, and where they were."""
    parts: list[str] = []
    spans: list[tuple[int, int, str]] = []
    at = length = 0
    for match in _MARK.finditer(text):
        between = text[at : match.start()]
        start = length + len(between)
        length = start + len(match[2])
        parts += between, match[2]
        spans.append((start, length, match[1]))
        at = match.end()
    return "".join([*parts, text[at:]]), spans


def _documents(content: str, path: Path) -> Iterator[Marked]:
    pieces = _HEADER.split(content)
    if pieces[0].strip():
        raise InputError("text before the first `=== ID KIND`", file=path.name)
    for identity, kind, body in zip(pieces[1::3], pieces[2::3], pieces[3::3], strict=True):
        text, spans = plain(body.rstrip("\n"))
        if "{{" in text or "}}" in text:
            raise InputError("a mark is not closed, or nested", file=path.name, row=identity)
        yield Marked(identity, kind, text, spans)


def _of_json(row: dict[str, object]) -> Marked:
    spans = [(int(start), int(end), str(kind)) for start, end, kind, *_ in row["spans"]]  # type: ignore[attr-defined]
    return Marked(str(row.get("id", "")), str(row.get("kind", "")), str(row["text"]), sorted(spans))
