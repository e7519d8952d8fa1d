"""The rows of one file as deduplication needs them: streamed once, fetched by index, kept ones written."""

from __future__ import annotations

import itertools
import json
import os
import tempfile
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np
import orjson

from curation.deduplicate.verdict import Rows
from curation.errors import InputError, UsageError
from curation.ingest import tables

JSON_LINES = (".jsonl", ".ndjson", ".json")

Row = tuple[int, dict[str, Any]]
"""The row's number as the file's own program shows it, and its values by column."""

_BOM = b"\xef\xbb\xbf"


class FileRows(Protocol):
    """Rows of a file; indices count rows from 0."""

    def __iter__(self) -> Iterator[Row]:
        """All rows in order."""

    def fetch(self, indices: Rows) -> Iterator[Row]:
        """These rows, after a whole iteration."""

    def write(self, output: Path, indices: Rows) -> None:
        """Write these rows, in order; the file appears complete or not at all."""


def open_rows(source: Path, output: Path) -> FileRows:
    """The rows of `source`, to be written in the format of `output`."""
    if source.suffix.lower() in JSON_LINES and output.suffix.lower() in JSON_LINES:
        return _JsonLines(source)
    return _Table(source)


class _JsonLines:
    """JSON lines, never whole in memory and written byte for byte. A blank line is no row."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._starts, self._ends, self._numbers = array("q"), array("q"), array("q")
        self._lines = 0

    def __iter__(self) -> Iterator[Row]:
        self._starts, self._ends, self._numbers = array("q"), array("q"), array("q")
        end = 0
        with _readable(self._path) as file:
            for number, line in enumerate(file, start=1):
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

    def write(self, output: Path, indices: Rows) -> None:
        kept = np.zeros(self._lines, bool)
        kept[np.asarray(self._numbers)[indices] - 1] = True
        with _readable(self._path) as file, _whole_file(output) as out:
            out.writelines(itertools.compress(file, kept.tolist()))

    def _parsed(self, line: bytes, number: int) -> dict[str, Any]:
        line = line.removeprefix(_BOM) if number == 1 else line
        try:
            row = orjson.loads(line)
        except orjson.JSONDecodeError:
            row = self._parsed_leniently(line, number)
        if not isinstance(row, dict):
            raise InputError("not a JSON object", file=self._path.name, row=number)
        return row

    def _parsed_leniently(self, line: bytes, number: int) -> Any:
        """Half of a surrogate pair is no Unicode text, so orjson refuses it, but JSON's grammar has it."""
        try:
            return json.loads(line)
        except (ValueError, RecursionError):
            raise InputError("not valid JSON in UTF-8", file=self._path.name, row=number) from None


class _Table:
    """Any other format, whole in memory."""

    def __init__(self, path: Path) -> None:
        self._rows = tables.read_rows(path)
        # A header takes the first row of a sheet.
        self._first = 2 if path.suffix.lower() in (".csv", ".tsv", ".xlsx") else 1

    def __iter__(self) -> Iterator[Row]:
        return iter(enumerate(self._rows.rows, start=self._first))

    def fetch(self, indices: Rows) -> Iterator[Row]:
        for index in indices.tolist():
            yield self._first + index, self._rows.rows[index]

    def write(self, output: Path, indices: Rows) -> None:
        tables.write_rows(output, self._rows.take(indices.tolist()))


@contextmanager
def _readable(path: Path) -> Iterator[IO[bytes]]:
    try:
        file = path.open("rb")
    except FileNotFoundError:
        raise UsageError(f"{path}: no such file") from None
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
    with file:
        yield file


@contextmanager
def _whole_file(path: Path) -> Iterator[IO[bytes]]:
    """A file that gets its name when the block ends well."""
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        temporary = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                yield file
                mask = os.umask(0)
                os.umask(mask)
                os.fchmod(file.fileno(), 0o666 & ~mask)  # mkstemp lets nobody else read
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from None
