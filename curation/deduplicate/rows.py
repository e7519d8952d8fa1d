"""The rows of one file as deduplication needs them: streamed once, fetched by index, kept ones written."""

from __future__ import annotations

import itertools
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np

from curation.deduplicate.verdict import Rows
from curation.errors import UsageError
from curation.ingest import encoding, jsonl, tables

JSON_LINES = (".jsonl", ".ndjson", ".json")

Row = tuple[int, dict[str, Any]]
"""The row's number as the file's own program shows it, and its values by column."""


class FileRows(Protocol):
    """Rows of a file; indices count rows from 0."""

    def __iter__(self) -> Iterator[Row]:
        """All rows in order."""

    def fetch(self, indices: Rows) -> Iterator[Row]:
        """These rows, after a whole iteration."""

    def write(self, aside: Path, indices: Rows) -> None:
        """Write these rows, in order, to what becomes the output."""


def open_rows(source: Path, output: Path, text_fields: Sequence[str] = ()) -> FileRows:
    """The rows of `source`, to be written in the format of `output`.

    Raises:
        UsageError: an extension that is not supported, or a file that cannot be read.
        InputError: as `read_rows`.
    """
    write = tables.writer(output)
    if source.suffix.lower() in JSON_LINES and output.suffix.lower() in JSON_LINES:
        with _readable(source) as file:
            utf8 = jsonl.is_utf8(file)
        if utf8:
            return _JsonLines(source)
    return _Table(tables.read_rows(source, text_fields), write)


class _JsonLines:
    """JSON lines in UTF-8, never whole in memory and written byte for byte. A blank line is no row."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._starts, self._ends, self._numbers = array("q"), array("q"), array("q")
        self._lines = 0

    def __iter__(self) -> Iterator[Row]:
        self._starts, self._ends, self._numbers = array("q"), array("q"), array("q")
        end = 0
        for number, line in enumerate(_lines(self._path), start=1):
            start, end = end, end + len(line)
            if not line.isspace():
                self._starts.append(start)
                self._ends.append(end)
                self._numbers.append(number)
                yield number, self._parsed(line, number)
            self._lines = number

    def fetch(self, indices: Rows) -> Iterator[Row]:
        with _readable(self._path) as file:
            for index in indices.tolist():
                file.seek(self._starts[index])
                line = file.read(self._ends[index] - self._starts[index])
                yield self._numbers[index], self._parsed(line, self._numbers[index])

    def write(self, aside: Path, indices: Rows) -> None:
        kept = np.zeros(self._lines, bool)
        kept[np.asarray(self._numbers)[indices] - 1] = True
        with aside.open("wb") as out:
            out.writelines(itertools.compress(_lines(self._path), kept.tolist()))

    def _parsed(self, line: bytes, number: int) -> dict[str, Any]:
        line = line.removeprefix(encoding.UTF8_BOM) if number == 1 else line
        return jsonl.parse(line, number, self._path.name)


class _Table:
    """Any other format, whole in memory."""

    def __init__(self, rows: tables.Rows, write: Callable[[Path, tables.Rows], None]) -> None:
        self._rows, self._write = rows, write

    def __iter__(self) -> Iterator[Row]:
        return zip(self._rows.numbers, self._rows.rows, strict=True)

    def fetch(self, indices: Rows) -> Iterator[Row]:
        for index in indices.tolist():
            yield self._rows.numbers[index], self._rows.rows[index]

    def write(self, aside: Path, indices: Rows) -> None:
        self._write(aside, self._rows.take(indices.tolist()))


def _lines(path: Path) -> Iterator[bytes]:
    with _readable(path) as file:
        yield from file


@contextmanager
def _readable(path: Path) -> Iterator[IO[bytes]]:
    """The file, whose errors of reading are the user's to mend."""
    try:
        with path.open("rb") as file:
            yield file
    except FileNotFoundError:
        raise UsageError(f"{path}: no such file") from None
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror or 'input/output error'}") from None
