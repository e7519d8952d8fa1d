"""What can be wrong with an input: the reasons that ingest gives, and what each says to a person."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

Item = TypeVar("Item")

PROBLEMS = {
    "unknown_format": "format not supported; supported: JSON lines, CSV, TSV, XLSX, XLS, Parquet, TXT, MD",
    "unreadable_file": "cannot be read: the file is damaged, protected, or not what its name says",
    "empty_file": "holds no record",
    "no_text_column": "no column holds a text; name it with --map text=HEADER",
    "broken_json": "not valid JSON; write one object per line",
    "not_an_object": "not a JSON object; write one object per line",
    "unclosed_quote": "a quote is opened and never closed; everything after it was read as one cell",
    "too_many_cells": "more cells than the header has columns",
    "no_text": "missing, null or blank",
    "not_text": "neither a string nor a number",
    "precision_lost": "a number that lost digits; export the column as text",
}
"""Reason to message. A message never holds a record's text."""


class UnreadableError(Exception):
    """A file, or a row of it, cannot be read.

    Args:
        reason: a key of `PROBLEMS`.
        evidence: a detail in a word or two, never a record's text.
    """

    def __init__(self, reason: str, evidence: str | None = None, *, row: int | None = None) -> None:
        super().__init__(PROBLEMS[reason])
        self.reason, self.evidence, self.row = reason, evidence, row


def guarded(items: Iterator[Item]) -> Iterator[Item]:
    """Whatever a damaged file makes its reader raise becomes `UnreadableError`.

    openpyxl, xlrd and pyarrow raise KeyError, ValueError, AssertionError, struct.error, zlib.error and more,
    with cells in their messages, so every exception is taken and none is chained.
    """
    try:
        yield from items
    except UnreadableError:
        raise
    except Exception:
        raise UnreadableError("unreadable_file") from None
