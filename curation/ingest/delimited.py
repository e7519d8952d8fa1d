"""CSV and TSV. Rows are counted as records, so a cell with line breaks in it is still one row."""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Iterator
from pathlib import Path

from curation.ingest import encoding
from curation.ingest.batch import Batch, Broken, Cells, Failure, below_header, tabulate
from curation.ingest.mapping import HEADER_ROWS, Settings
from curation.ingest.problem import UnreadableError

_END = "\x1e end of file \x1e"


def read(path: Path, settings: Settings) -> Iterator[Batch | Failure]:
    """The rows of a CSV or TSV file in any of the encodings of `encoding.decode`."""
    decoded = encoding.decode(path.read_bytes())
    found = below_header(_with_end(decoded.text, path.suffix.lower()), settings)
    if found is None:
        return
    headers, below = found
    checked = ((number, _checked(row, len(headers))) for number, row in below)
    yield from tabulate(headers, checked, settings, encoding=decoded.encoding)


def records(text: str, suffix: str) -> Iterator[Cells]:
    """All rows of a decoded file.

    Raises:
        UnreadableError: a quote is opened and never closed.
    """
    for number, row in enumerate(_with_end(text, suffix), start=1):
        if isinstance(row, Broken):
            raise UnreadableError(row.reason, row=number)
        yield row


def _with_end(text: str, suffix: str) -> Iterator[Cells | Broken]:
    """The rows; the last one is broken if it swallowed the end of the file, which an open quote does."""
    csv.field_size_limit(1 << 31)
    delimiter = "\t" if suffix == ".tsv" else _delimiter(text)
    lines = itertools.chain(
        io.StringIO(text, newline=""), ["" if text.endswith(("\n", "\r")) else "\n", _END]
    )
    for row in csv.reader(lines, delimiter=delimiter):
        if row == [_END]:
            return
        yield Broken("unclosed_quote") if row and row[-1].endswith(_END) else row


def _delimiter(text: str) -> str:
    """What separates the cells of a `.csv`: the most frequent of three in the first line that has any."""
    for line in itertools.islice(io.StringIO(text, newline=""), HEADER_ROWS):
        counts = {delimiter: line.count(delimiter) for delimiter in (",", "\t", ";")}
        if any(counts.values()):
            return max(counts, key=counts.__getitem__)
    return ","


def _checked(row: Cells | Broken, width: int) -> Cells | Broken:
    """A row with more cells than columns has an unquoted comma somewhere: its cells are in wrong columns."""
    return Broken("too_many_cells") if not isinstance(row, Broken) and any(row[width:]) else row
