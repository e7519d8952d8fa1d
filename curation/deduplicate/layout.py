"""Which columns of a file's rows deduplication reads, and how their values become texts and facts."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from curation import records
from curation.deduplicate.columns import strings
from curation.deduplicate.keep import moments
from curation.errors import InputError, UsageError
from curation.ingest.mapping import Columns, Settings, compose, find_columns, map_columns
from curation.ingest.precision import display

Row = dict[str, Any]


@dataclass(frozen=True)
class _Plan:
    """The columns of a row that are read.

    Attributes:
        guide: composed to a text.
        facts: the column of each fact there is.
    """

    texts: tuple[str, ...]
    guide: tuple[str, ...]
    facts: dict[str, str]

    def columns(self) -> set[str]:
        return {*self.texts, *self.guide, *self.facts.values()}


class Layout:
    """The columns of one file. Rows of JSON lines may differ in theirs."""

    def __init__(self, file: str, text_fields: tuple[str, ...]) -> None:
        self._file, self._text_fields = file, text_fields
        self._plans: dict[tuple[str, ...], _Plan] = {}
        self.headers: set[str] = set()
        self.has_text = False

    def texts(self, rows: Sequence[Row], numbers: Sequence[int]) -> list[str]:
        """The text of each row, as `stage.record_texts` has it for a record.

        Raises:
            InputError: a value that is neither a string nor a number.
        """
        plan = self._common_plan(rows)
        if plan is not None and len(plan.texts) == 1 and not plan.guide:
            texts = [row[plan.texts[0]] for row in rows]
            if set(map(type, texts)) <= {str}:
                return texts
        return [self._text(row, number) for row, number in zip(rows, numbers, strict=True)]

    def facts(self, rows: Sequence[Row], names: Collection[str]) -> pa.Table:
        """These columns of `summary.FACTS`, null where a row does not say."""
        readers = {"id": _strings, "moment": _moments, "quality": _numbers, "source": _strings}
        return pa.table({name: readers[name](self._values(rows, name)) for name in readers if name in names})

    def inexact(self, rows: Sequence[Row]) -> list[int]:
        """Rows in which what is read is a float, as orjson makes one of an integer beyond 64 bits."""
        plan = self._common_plan(rows)
        if plan is not None and all(
            float not in set(map(type, [row[column] for row in rows])) for column in plan.columns()
        ):
            return []
        return [
            at
            for at, row in enumerate(rows)
            if any(type(row[column]) is float for column in self._plan(tuple(row)).columns())
        ]

    def _plan(self, headers: tuple[str, ...]) -> _Plan:
        if headers not in self._plans:
            plan = self._plans[headers] = self._make(map_columns(headers, Settings()), headers)
            self.headers.update(headers)
            self.has_text |= bool(plan.texts or plan.guide)
        return self._plans[headers]

    def _common_plan(self, rows: Sequence[Row]) -> _Plan | None:
        """The plan of all these rows, if they have the same columns."""
        headers = set(map(tuple, rows))
        return self._plan(headers.pop()) if len(headers) == 1 else None

    def _values(self, rows: Sequence[Row], fact: str) -> list[Any]:
        plan = self._common_plan(rows)
        if plan is not None:
            column = plan.facts.get(fact)
            return [None] * len(rows) if column is None else [row[column] for row in rows]
        columns = (self._plan(tuple(row)).facts.get(fact) for row in rows)
        return [None if column is None else row[column] for row, column in zip(rows, columns, strict=True)]

    def _make(self, columns: Columns, headers: tuple[str, ...]) -> _Plan:
        texts = tuple(headers[position] for position in find_columns(headers, self._text_fields))
        guide: tuple[str, ...] = ()
        if not self._text_fields and columns.has_text:
            texts = tuple(columns.fields[name] for name in records.TEXT_FIELDS if name in columns.fields)
            guide = columns.guide
        named = {"id": columns.fields.get("id"), "moment": columns.fields.get("original_time")}
        named |= {name: name for name in ("quality", "source") if name in headers}
        facts = {name: column for name, column in named.items() if column is not None}
        return _Plan(texts, guide, facts)

    def _text(self, row: Row, number: int) -> str:
        plan = self._plan(tuple(row))
        texts = [self._value(row[column], number, column) for column in plan.texts]
        if plan.guide:
            texts.append(compose((column, row[column]) for column in plan.guide) or "")
        return texts[0] if len(texts) == 1 else "\n".join(filter(None, texts))

    def _value(self, value: Any, number: int, column: str) -> str:
        if value is None or isinstance(value, str):
            return value or ""
        if isinstance(value, (bool, list, dict)):
            raise InputError("neither a string nor a number", file=self._file, row=number, field=column)
        return display(value) or ""


def require_text(file: str, headers: set[str], has_text: bool, text_fields: Sequence[str]) -> None:
    """Refuse a file without a column of text.

    Raises:
        UsageError: it has none, or lacks one of those named.
    """
    if missing := [name for name in text_fields if not find_columns(headers, [name])]:
        raise UsageError(f"{file}: no column {missing[0]}; see `govtune inspect`")
    if not has_text:
        raise UsageError(f"{file}: no column with text was found; name it with --text-field")


def _strings(values: list[Any]) -> pa.Array:
    if not set(map(type, values)) <= {str}:
        values = [_string(value) or "" for value in values]
    return strings(values)


def _moments(values: list[Any]) -> pa.Array:
    return moments(map(_string, values))


def _numbers(values: list[Any]) -> pa.Array:
    return pa.array(map(_number, values), pa.float64())


def _string(value: Any) -> str | None:
    if isinstance(value, str):
        return value
    return str(value) if type(value) in (int, float) else None


def _number(value: Any) -> float | None:
    try:
        return float(value) if type(value) in (int, float) else None
    except OverflowError:
        return None
