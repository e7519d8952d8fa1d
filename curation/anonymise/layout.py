"""Where each cell stands in the text of a file, so that only what changes is written anew.

A row that is read and written again has lost how it was written: spaces, escapes, quotes, the digits of a
number. So the cells that change are replaced in the text itself, and all else stays byte for byte.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import regex

from curation.ingest.tables import Row, Rows, json_line

Place = tuple[int, int]
"""From and to, as offsets in the text."""

JSON_LINES = (".jsonl", ".ndjson", ".json")
DELIMITED = (".csv", ".tsv")
PLAIN = (".txt", ".md")
TEXT = (*JSON_LINES, *DELIMITED, *PLAIN)


@dataclass(frozen=True)
class Layout:
    """The cells of a text file.

    Attributes:
        cells: of each row, by column; a row of JSON in which a key stands twice has none, since what the
            first of them holds is never read.
        lines: each row as a whole, with its line end.
        delimiter: of CSV; empty for JSON lines and plain text.
    """

    text: str
    suffix: str
    cells: list[dict[str, Place]]
    lines: list[Place]
    delimiter: str = ""

    def raw(self, row: int, column: str) -> str:
        """A cell as it is written."""
        start, end = self.cells[row][column]
        return self.text[start:end]

    def written(self, row: int, column: str, value: Any) -> str:
        """How a value is written in a cell: the way the row, or the cell, is written now."""
        if self.suffix in PLAIN:
            return str(value)
        if self.suffix in DELIMITED:
            return _quoted(str(value), self.delimiter, always=self.raw(row, column).startswith('"'))
        start, end = self.lines[row]
        escaped = "\\u" in (line := self.text[start:end]) and line.isascii()
        return _literal(value, ascii_only=escaped)

    def rewritten(self, rows: Sequence[Row], changed: Sequence[Iterable[str]], held: frozenset[int]) -> str:
        """The text with these rows.

        Args:
            changed: of each row, the columns that are not what they were.
            held: rows that are left out.
        """
        edits: list[tuple[int, int, str]] = []
        for index, (row, columns) in enumerate(zip(rows, changed, strict=True)):
            if index in held:
                edits.append((*self.lines[index], ""))
            elif not self.cells[index] and row:
                start, end = self._content(index)
                edits.append((start, end, json_line(row).decode().rstrip("\n")))
            else:
                edits += [
                    (*self.cells[index][name], self.written(index, name, row[name])) for name in columns
                ]
        return splice(self.text, edits)

    def line(self, row: int) -> str:
        """A row as it is written, without its line end."""
        start, end = self._content(row)
        return self.text[start:end]

    def replaced_line(self, row: int, line: str) -> tuple[int, int, str]:
        """The edit that writes a whole row anew."""
        return (*self._content(row), line)

    def _content(self, row: int) -> Place:
        start, end = self.lines[row]
        return start, start + len(self.text[start:end].rstrip("\r\n"))


def splice(text: str, edits: Iterable[tuple[int, int, str]]) -> str:
    """The text with each of these stretches replaced; they do not overlap."""
    parts: list[str] = []
    at = 0
    for start, end, new in sorted(edits):
        parts += text[at:start], new
        at = end
    return "".join([*parts, text[at:]])


def lay_out(text: str, suffix: str, rows: Rows) -> Layout | None:
    """Where the cells of `rows`, which were read from `text`, stand in it; None where that is not certain."""
    if suffix in PLAIN:
        return Layout(text, suffix, [{"text": (0, len(text))}], [(0, len(text))])
    if suffix in JSON_LINES:
        return _json_lines(text, suffix, rows)
    if suffix in DELIMITED:
        kinds = sorted("\t" if suffix == ".tsv" else ",\t;", key=lambda kind: -text[:4096].count(kind))
        laid = (_delimited(text, suffix, rows, delimiter) for delimiter in kinds)
        return next((one for one in laid if one is not None), None)
    return None


def _json_lines(text: str, suffix: str, rows: Rows) -> Layout | None:
    layout = Layout(text, suffix, [], [])
    at = 0
    for line in text.split("\n"):
        end = min(at + len(line) + 1, len(text))
        if line.strip():
            layout.cells.append({name: (at + start, at + stop) for name, start, stop in _members(line)})
            layout.lines.append((at, end))
        at += len(line) + 1
    return layout if len(layout.cells) == len(rows.rows) else None


_SPACE = regex.compile(r"[ \t\r\n]*")


def _members(line: str) -> list[tuple[str, int, int]]:
    """Name and place of each value of an object; nothing where a key stands twice, at any depth."""
    seen_twice = False

    def pairs(found: list[tuple[str, Any]]) -> None:
        nonlocal seen_twice
        seen_twice = seen_twice or len({name for name, _ in found}) < len(found)

    decoder = json.JSONDecoder(object_pairs_hook=pairs, parse_int=len, parse_float=len)
    members: list[tuple[str, int, int]] = []
    at = _past_space(line, line.index("{") + 1)
    while line[at] != "}":
        name, at = decoder.raw_decode(line, at)
        start = _past_space(line, _past_space(line, at) + 1)
        _, end = decoder.raw_decode(line, start)
        members.append((name, start, end))
        at = _past_space(line, end)
        at = _past_space(line, at + 1) if line[at] == "," else at
    return [] if seen_twice or len({name for name, _, _ in members}) < len(members) else members


def _past_space(line: str, at: int) -> int:
    return int(_SPACE.match(line, at).end())


def _literal(value: Any, *, ascii_only: bool) -> str:
    if ascii_only:
        return json.dumps(value, allow_nan=False)
    # JSON's own escape for half of a surrogate pair, which no file can hold
    return json.dumps(value, ensure_ascii=False, allow_nan=False).encode("utf-8", "backslashreplace").decode()


def _delimited(text: str, suffix: str, rows: Rows, delimiter: str) -> Layout | None:
    """The layout under a delimiter, if the cells so found are those of the rows."""
    layout = Layout(text, suffix, [], [], delimiter)
    wanted = dict(zip(rows.numbers, rows.rows, strict=True))
    for number, (line, cells) in enumerate(_records(text, delimiter), start=1):
        if (row := wanted.get(number)) is None:
            continue
        said = {
            name: _unquoted(text[start:end]) for name, (start, end) in zip(rows.columns, cells, strict=False)
        }
        if said != {name: row[name] for name in said} or any(row[name] for name in row if name not in said):
            return None
        layout.cells.append(dict(zip(rows.columns, cells, strict=False)))
        layout.lines.append(line)
    return layout if len(layout.cells) == len(rows.rows) else None


def _records(text: str, delimiter: str) -> Iterator[tuple[Place, list[Place]]]:
    """Each record with its line end, and its cells, as `csv.reader` sees them."""
    cell = regex.compile(rf'"(?:[^"]|"")*+"[^{delimiter}\r\n]*+|[^{delimiter}\r\n]*+')
    line_end = regex.compile(r"\r\n|\r|\n|$")
    at = 0
    while at < len(text):
        begin, cells = at, []
        while True:
            match = cell.match(text, at)
            cells.append(match.span())
            at = match.end()
            if text[at : at + 1] != delimiter:
                break
            at += 1
        ended = line_end.match(text, at)
        if ended is None:  # an open quote, which the reader refuses; never a loop without end
            return
        at = ended.end()
        yield (begin, at), cells


def _unquoted(raw: str) -> str:
    if not raw.startswith('"'):
        return raw
    end = int(regex.match(r'"(?:[^"]|"")*+"?', raw).end()) - 1
    return raw[1:end].replace('""', '"') + raw[end + 1 :]


def _quoted(text: str, delimiter: str, *, always: bool) -> str:
    if always or any(char in text for char in (delimiter, '"', "\r", "\n")):
        return '"' + text.replace('"', '""') + '"'
    return text


def leaves(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Every value within a value of JSON that is none of list and object, with the way to it."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from leaves(inner, (*path, name))
    elif isinstance(value, (list, tuple)):
        for index, inner in enumerate(value):
            yield from leaves(inner, (*path, index))
    else:
        yield path, value


def keys(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The way to every key within a value of JSON, the key at its end."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield (*path, name)
            yield from keys(inner, (*path, name))
    elif isinstance(value, (list, tuple)):
        for index, inner in enumerate(value):
            yield from keys(inner, (*path, index))


def with_keys(value: Any, new: Mapping[tuple[str | int, ...], str], path: tuple[str | int, ...] = ()) -> Any:
    """A value of JSON with other keys, by the way to each as it was; equal ones are numbered."""
    if isinstance(value, (list, tuple)):
        return type(value)(with_keys(inner, new, (*path, index)) for index, inner in enumerate(value))
    if not isinstance(value, Mapping):
        return value
    made: dict[Any, Any] = {}
    taken = {name for name in value if (*path, name) not in new}
    for name, inner in value.items():
        wanted = renamed = new.get((*path, name), name)
        number = 1
        while (*path, name) in new and renamed in taken:
            number += 1
            renamed = f"{wanted} {number}"
        taken.add(renamed)
        made[renamed] = with_keys(inner, new, (*path, name))
    return made


def leaf(value: Any, path: Sequence[str | int]) -> Any:
    """The leaf at the end of a way."""
    for step in path:
        value = value[step]
    return value


def with_leaf(value: Any, path: Sequence[str | int], new: Any) -> Any:
    """A value of JSON with another leaf; what was given stays as it is."""
    if not path:
        return new
    head, rest = path[0], path[1:]
    if isinstance(value, Mapping):
        return {**value, head: with_leaf(value[head], rest, new)}
    assert isinstance(head, int)
    return type(value)((*value[:head], with_leaf(value[head], rest, new), *value[head + 1 :]))
