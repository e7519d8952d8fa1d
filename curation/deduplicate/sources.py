"""The files that deduplication reads: their rows part by part, then single rows again, then the kept ones."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np
import orjson
import pyarrow as pa

from curation.deduplicate import runs
from curation.deduplicate.layout import Layout, Row
from curation.deduplicate.verdict import Rows
from curation.errors import UsageError
from curation.ingest import encoding, jsonl, tables

JSON_LINES = (".jsonl", ".ndjson", ".json")

_PART_BYTES = 1 << 23
_PART_CHARACTERS = 1 << 21
_NEAR = 1 << 14
"""Bytes that are read in vain rather than asking twice."""


@dataclass(frozen=True)
class Read:
    """Some neighbouring rows of a file.

    Attributes:
        rows, numbers: the rows and their numbers in the part, from 1, as the file's own program shows them.
        places: where the rows' lines start and end in the file, shape (rows, 2); None where it has no lines.
        lines: numbers that the part takes up.
    """

    rows: list[Row]
    numbers: list[int]
    places: Rows | None
    lines: int


class Part(Protocol):
    """Some neighbouring rows, to be read in any process."""

    def read(self, layout: Layout) -> Read:
        """The rows.

        Raises:
            InputError: a row that cannot be read, by its number in the part.
        """


class Source(Protocol):
    """One file. Indices count its rows from 0."""

    path: Path

    def parts(self) -> Iterator[Part]:
        """The file in parts, cut by its content alone."""

    def fetch(self, indices: Rows, places: Rows | None, layout: Layout) -> list[Row]:
        """These rows again."""

    def write(self, out: IO[bytes], indices: Rows, places: Rows | None) -> None:
        """Append these rows, in order, as JSON lines; a file's last line ends as it did there."""

    def table(self) -> tables.Rows:
        """All rows."""


def open_source(path: Path, text_fields: Sequence[str]) -> Source:
    """A file by its extension.

    Raises:
        UsageError: an extension that is not supported, or a file that cannot be read.
        InputError: as `tables.read_rows`.
    """
    if path.suffix.lower() in JSON_LINES:
        with readable(path) as file:
            utf8 = jsonl.is_utf8(file)
        if utf8:
            return JsonLines(path)
    return Table(path, tables.read_rows(path, text_fields))


class JsonLines:
    """JSON lines in UTF-8, never whole in memory and written byte for byte. A blank line is no row."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def parts(self) -> Iterator[Part]:
        with readable(self.path) as file:
            size, start = os.fstat(file.fileno()).st_size, 0
            while start < size:
                file.seek(start + _PART_BYTES - 1)
                file.readline()
                stop = min(file.tell(), size)
                yield LinePart(self.path, start, stop)
                start = stop

    def fetch(self, indices: Rows, places: Rows | None, layout: Layout) -> list[Row]:
        assert places is not None
        order = np.argsort(places[indices, 0], kind="stable")
        rows: list[Row] = []
        for part in _ranges(self.path, *places[indices[order]].T):
            lines: list[bytes | memoryview] = [*part]
            if not rows and not places[indices[order[0]], 0]:
                lines[0] = bytes(lines[0]).removeprefix(encoding.UTF8_BOM)
            rows += _parsed(lines, self.path, layout).rows
        return [rows[at] for at in np.argsort(order).tolist()]

    def write(self, out: IO[bytes], indices: Rows, places: Rows | None) -> None:
        assert places is not None
        starts, stops = places[indices].T
        # Neighbours are copied in one piece.
        opens = np.concatenate(([True], starts[1:] != stops[:-1]))[: len(starts)]
        closes = np.concatenate((opens[1:], [True]))[: len(starts)]
        starts, stops = starts[opens], stops[closes]
        if out.tell() and len(starts) and not starts[0] and self._has_bom():
            starts[0] = len(encoding.UTF8_BOM)  # within a file it would be a character
        for part in _ranges(self.path, *_cut(starts, stops)):
            out.write(b"".join(part))

    def table(self) -> tables.Rows:
        return tables.read_rows(self.path)

    def _has_bom(self) -> bool:
        with readable(self.path) as file:
            return file.read(len(encoding.UTF8_BOM)) == encoding.UTF8_BOM


@dataclass(frozen=True)
class LinePart:
    """The lines in a byte range that begins and ends at line ends."""

    path: Path
    start: int
    stop: int

    def read(self, layout: Layout) -> Read:
        with readable(self.path) as file:
            data = os.pread(file.fileno(), self.stop - self.start, self.start)
        lines = data.split(b"\n")
        ends = np.cumsum(np.fromiter(map(len, lines), np.int64, len(lines)) + 1) + self.start
        if not lines[-1]:
            lines.pop()
        ends = np.minimum(ends[: len(lines)], self.stop)
        if not self.start:
            lines[:1] = [line.removeprefix(encoding.UTF8_BOM) for line in lines[:1]]
        read = _parsed(lines, self.path, layout)
        places = np.stack((np.concatenate(([self.start], ends[:-1])), ends), axis=1)
        if len(read.rows) < len(lines):
            places = places[np.array(read.numbers, np.int64) - 1]
        return Read(read.rows, read.numbers, places, len(lines))


class Table:
    """Any other format, whole in memory."""

    def __init__(self, path: Path, rows: tables.Rows) -> None:
        self.path, self._rows = path, rows

    def parts(self) -> Iterator[Part]:
        start = size = 0
        for stop, row in enumerate(self._rows.rows, 1):
            size += sum(len(value) for value in row.values() if isinstance(value, str))
            if size > _PART_CHARACTERS or stop == len(self._rows.rows):
                yield RowPart(self._rows.rows[start:stop], list(self._rows.numbers[start:stop]))
                start, size = stop, 0

    def fetch(self, indices: Rows, places: Rows | None, layout: Layout) -> list[Row]:
        return [self._rows.rows[index] for index in indices.tolist()]

    def write(self, out: IO[bytes], indices: Rows, places: Rows | None) -> None:
        for index in indices.tolist():
            out.write(tables.json_line(self._rows.rows[index]))

    def table(self) -> tables.Rows:
        return self._rows


@dataclass(frozen=True)
class RowPart:
    """Rows that are in memory already."""

    rows: list[Row]
    numbers: list[int]

    def read(self, layout: Layout) -> Read:
        return Read(self.rows, self.numbers, None, 0)


def join(sources: Sequence[tables.Rows]) -> tables.Rows:
    """The rows of several files as one, with all their columns; a row lacks those of the other files."""
    if len(sources) == 1:
        return sources[0]
    columns = tuple(dict.fromkeys(name for rows in sources for name in rows.columns))
    arrow = None
    if all(rows.arrow is not None and rows.columns == columns for rows in sources):
        try:
            arrow = pa.concat_tables([rows.arrow for rows in sources], promote_options="permissive")
        except pa.ArrowException:
            arrow = None
    return tables.Rows(
        columns,
        [row for rows in sources for row in rows.rows],
        headers=sources[0].headers if all(rows.headers == sources[0].headers for rows in sources) else None,
        bom=any(rows.bom for rows in sources),
        arrow=arrow,
    )


@contextmanager
def readable(path: Path) -> Iterator[IO[bytes]]:
    """The file, whose errors of reading are the user's to mend."""
    try:
        with path.open("rb") as file:
            yield file
    except FileNotFoundError:
        raise UsageError(f"{path}: no such file") from None
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror or 'input/output error'}") from None


def _cut(starts: Rows, stops: Rows) -> tuple[Rows, Rows]:
    """The same bytes in ranges of at most `_PART_BYTES`."""
    parts = -(-(stops - starts) // _PART_BYTES)
    number = np.arange(parts.sum()) - np.repeat(np.cumsum(parts) - parts, parts)
    begin = np.repeat(starts, parts) + number * _PART_BYTES
    return begin, np.minimum(begin + _PART_BYTES, np.repeat(stops, parts))


def _ranges(path: Path, starts: Rows, stops: Rows) -> Iterator[list[memoryview]]:
    """These byte ranges of a file, in order; those that lie near each other are read and given at once."""
    far = np.concatenate(([False], starts[1:] > stops[:-1] + _NEAR))[: len(starts)]
    with readable(path) as file:
        for some in runs.slices(np.cumsum(far) + stops // _PART_BYTES):
            begin, end = int(starts[some.start]), int(stops[some.stop - 1])
            data = memoryview(os.pread(file.fileno(), end - begin, begin))
            if len(data) < end - begin:
                raise UsageError(f"{path}: cannot be read whole; has it changed since?")
            ranges = np.stack((starts[some], stops[some]), axis=1) - begin
            yield [data[start:stop] for start, stop in ranges.tolist()]


def _parsed(lines: Sequence[bytes | memoryview], path: Path, layout: Layout) -> Read:
    """The objects on these lines, numbered from 1, without the blank ones."""
    try:
        rows: list[Any] = list(map(orjson.loads, lines))
    except orjson.JSONDecodeError:
        rows = []
    numbers = list(range(1, len(lines) + 1))
    if len(rows) < len(lines) or not all(type(row) is dict for row in rows):
        filled = [(number, line) for number, line in enumerate(lines, 1) if bytes(line).strip()]
        numbers = [number for number, _ in filled]
        rows = [jsonl.parse(bytes(line), number, path.name) for number, line in filled]
        return Read(rows, numbers, None, len(lines))
    for at in layout.inexact(rows):
        rows[at] = jsonl.parse(bytes(lines[at]), at + 1, path.name)
    return Read(rows, numbers, None, len(lines))
