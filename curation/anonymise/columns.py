"""Which columns of a file hold text, which are about a person, and what a person sees in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curation import records
from curation.errors import InputError, UsageError

if TYPE_CHECKING:
    from curation.ingest.tables import Row, Rows


@dataclass(frozen=True)
class Columns:
    """The columns of a file.

    Attributes:
        text: what people wrote.
        private: columns about a person, under their field and a number, since a field may have several.
        other: all others.
        id, kind: among the others, the row's own id and kind.
    """

    text: list[str]
    private: dict[str, str]
    other: list[str]
    id: str | None
    kind: str | None


def columns_of(read: Rows, text_fields: Sequence[str], source: Path) -> Columns:
    """Decide the columns; headers are known as `curate` knows them, except that all of a kind count.

    Args:
        text_fields: the columns that hold text, instead of the known ones; private columns stay private.

    Raises:
        UsageError: one of `text_fields` is no column, or no column is known to hold text.
    """
    from curation.ingest.mapping import ALIASES, Settings, map_columns

    text = _text_columns(read, text_fields, source)
    private: dict[str, str] = {}
    for field in records.PRIVATE_FIELDS:
        for column in read.find(ALIASES[field]):
            if column not in text:
                private[f"{field}:{len(private)}"] = column
    taken = {*text, *private.values()}
    return Columns(
        text,
        private,
        [column for column in read.columns if column not in taken],
        map_columns(read.columns, Settings()).fields.get("id"),
        next(iter(read.find(ALIASES["kind"])), None),
    )


def shown(read: Rows, columns: Columns, source: Path) -> list[dict[str, str | None]]:
    """The values of the text and private columns as a person sees them, who may have typed a phone number as
    a number.

    Raises:
        InputError: a value that is neither a string nor a number.
    """
    wanted = [*columns.text, *columns.private.values()]
    return [_shown(row, wanted, number, source) for number, row in zip(read.numbers, read.rows, strict=True)]


def seen(value: Any) -> str | None:
    """A value as a person sees it; a decimal without zeros at its end."""
    from curation.ingest.precision import display

    if isinstance(value, Decimal) and value.is_finite():
        digits = f"{value:f}"
        return digits.rstrip("0").rstrip(".") if "." in digits else digits
    return display(value)


def _shown(row: Row, columns: Sequence[str], number: int, source: Path) -> dict[str, str | None]:
    for column in columns:
        if isinstance(row.get(column), (bool, bytes, dict, list)):
            raise InputError("neither a string nor a number", file=source.name, row=number, field=column)
    return {column: seen(row.get(column)) for column in columns}


def _text_columns(read: Rows, text_fields: Sequence[str], source: Path) -> list[str]:
    from curation.ingest.mapping import ALIASES

    # The columns are not listed: where a file has no header, they are the first record.
    if missing := [name for name in text_fields if not read.find([name])]:
        raise UsageError(f"{source.name}: no column {missing[0]}; see `govtune inspect`")
    if text_fields:
        return read.find(text_fields)
    guide = _guide_columns(read)
    if not guide and not read.find(ALIASES["text"]):
        raise UsageError(f"{source.name}: no column with text was found; name it with --text-field")
    known = [*guide, *read.find(alias for field in records.TEXT_FIELDS for alias in ALIASES[field])]
    return [column for column in read.columns if column in known]


def _guide_columns(read: Rows) -> set[str]:
    """The columns that `curate` composes the text of a service guide of; rows may differ in their columns."""
    from curation.ingest.mapping import ALIASES, Settings, map_columns

    private = read.find(alias for field in records.PRIVATE_FIELDS for alias in ALIASES[field])
    layouts = {tuple(row) for row in read.rows}
    guide = {column for layout in layouts for column in map_columns(layout, Settings()).guide}
    return guide.difference(private)
