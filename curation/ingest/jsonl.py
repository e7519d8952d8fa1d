"""JSON lines: the one place that says which lines are read, and the reader for records.

The columns are decided row by row, since rows need not have the same keys.
"""

from __future__ import annotations

import io
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import orjson
import regex

from curation.errors import InputError
from curation.ingest import encoding
from curation.ingest.batch import ROWS, Batch
from curation.ingest.mapping import Columns, Settings, compose, map_columns

DEPTH = 200
"""What is nested deeper is taken for broken: no writer of JSON could give it back."""

_HEAD = 1 << 19
_LONG_INTEGER = regex.compile(rb"[0-9]{19}")
_SURROGATE = regex.compile(rb"\\u[dD][89a-fA-F]")


def read(path: Path, settings: Settings, *, start: int, stop: int, first_row: int) -> Iterator[Batch]:
    """The rows in a byte range of a UTF-8 file, or in the whole of a file when `stop` is 0.

    Args:
        start, stop: a byte range that begins and ends at line ends.
        first_row: number of its first line, from 1.
    """
    name = "utf-8"
    if stop:
        with path.open("rb") as file:
            file.seek(start)
            data = file.read(stop - start)
        data = data if start else data.removeprefix(encoding.UTF8_BOM)
    else:
        decoded = encoding.decode(path.read_bytes())
        data, name = decoded.text.encode(), decoded.encoding
    lines = ((number, line) for number, line in enumerate(data.split(b"\n"), start=first_row) if line.strip())
    plans: dict[tuple[str, ...], Columns] = {}
    while part := list(itertools.islice(lines, ROWS)):
        yield _batch(part, settings, plans, name)


def rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Number, from 1, and object of every line that is not blank, in any encoding of `encoding.decode`.

    Raises:
        InputError: a line that is not a JSON object.
        UnreadableError: no encoding fits.
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        utf8 = is_utf8(file)
        lines = file if utf8 else io.BytesIO(encoding.decode(file.read()).text.encode())
        for number, line in enumerate(lines, start=1):
            line = line.removeprefix(encoding.UTF8_BOM) if number == 1 else line
            if line.strip():
                yield number, parse(line, number, path.name)


def is_utf8(file: IO[bytes]) -> bool:
    """Whether the lines of a file that was just opened can be read one by one; else it is decoded whole."""
    head = file.read(_HEAD)
    file.seek(0)
    return encoding.looks_like_utf8(head)


def parse(line: bytes, number: int, file: str) -> dict[str, Any]:
    """The object on one line of a file.

    Raises:
        InputError: the line is not a JSON object, as `loads` reads JSON.
    """
    try:
        row = loads(line)
    except ValueError:
        row = None
    if not isinstance(row, dict):
        raise InputError("not a JSON object; write one object per line", file=file, row=number)
    return row


def loads(line: bytes) -> Any:
    """The value of a line; integers of any length stay exact, and so does half of a surrogate pair.

    Raises:
        ValueError: not JSON (which has no NaN) in UTF-8, or nested deeper than `DEPTH`.
    """
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError:
        # Half of a pair is no Unicode text, so orjson refuses it, but JSON's grammar has it.
        if not _SURROGATE.search(line):
            raise
        value = _exact(line)
    if line.count(b"[") + line.count(b"{") > DEPTH and _depth(value) > DEPTH:
        raise ValueError("nested too deeply")
    # orjson makes a float of an integer beyond 64 bits
    return _exact(line) if _LONG_INTEGER.search(line) else value


def _exact(line: bytes) -> Any:
    try:
        return json.loads(line.decode(), parse_constant=_refuse)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _refuse(constant: str) -> None:
    raise ValueError("JSON has neither NaN nor infinity")


def _depth(value: Any) -> int:
    depth, level = 0, [value] if isinstance(value, (dict, list)) else []
    while level:
        depth += 1
        inner = (item.values() if isinstance(item, dict) else item for item in level)
        level = [item for items in inner for item in items if isinstance(item, (dict, list))]
    return depth


def _batch(
    lines: list[tuple[int, bytes]], settings: Settings, plans: dict[tuple[str, ...], Columns], name: str
) -> Batch:
    values: dict[str, list[Any]] = {}
    meta: list[dict[str, Any]] = []
    guide: list[bool] = []
    broken: dict[int, str] = {}
    seen: dict[tuple[str, ...], Columns] = {}
    for index, (_, line) in enumerate(lines):
        row: dict[str, Any] = {}
        try:
            row = loads(line)
            if _SURROGATE.search(line):
                row = _unicode(row)
        except ValueError:
            broken[index] = "broken_json"
        if not isinstance(row, dict):
            broken[index], row = "not_an_object", {}
        keys = tuple(row)
        columns = plans.get(keys)
        if columns is None:
            columns = plans[keys] = map_columns(keys, settings)
        seen[keys] = columns
        for field, header in columns.fields.items():
            values.setdefault(field, [None] * len(lines))[index] = row[header]
        if columns.guide:
            text = compose((header, row[header]) for header in columns.guide)
            values.setdefault("text", [None] * len(lines))[index] = text
        guide.append(bool(columns.guide))
        meta.append({header: row[header] for header in columns.rest})
    return Batch(
        rows=[number for number, _ in lines],
        headers=tuple(dict.fromkeys(header for keys in seen for header in keys)),
        mapping={name: header for columns in seen.values() for name, header in columns.fields.items()},
        rest=tuple(dict.fromkeys(header for columns in seen.values() for header in columns.rest)),
        values=values,
        meta=meta,
        broken=broken,
        guide=guide,
        encoding=name,
    )


def _unicode(value: Any) -> Any:
    """Records are Unicode text: U+FFFD in the place of half of a surrogate pair, as Unicode recommends."""
    text = json.dumps(value, ensure_ascii=False)
    return json.loads(text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace"))
