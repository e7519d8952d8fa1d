"""Evaluation files as items: what is asked and what is answered, whatever the file calls it.

An item that cannot be read would not be guarded, so it is an error that names its row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from curation.errors import InputError, UsageError
from curation.ingest.mapping import Settings, map_columns
from curation.ingest.precision import display
from curation.ingest.tables import FORMATS, Row, Rows, read_rows
from curation.records import TEXT_FIELDS
from curation.run import Run

HELD_OUT = ("validation", "test")
"""The splits of a run folder that are evaluation items."""

COLUMNS = "the columns messages, conversations, title, text, reply, question, answer, 诉求内容 ..."

_ROLES = {
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    **dict.fromkeys(("system", "developer", "tool", "function", "function_call", "observation"), ""),
}
"""Who speaks under which name; of the last ones nothing is asked or answered."""


@dataclass(frozen=True)
class Item:
    """An item of an evaluation set.

    Attributes:
        id: name of the file without its ending, and the item's own id or row: `exam:17`.
        origin: the file it comes from.
        question: title and text, or what the user says.
        answer: the reply, or what the assistant says; empty where there is none.
    """

    id: str
    origin: str
    question: str
    answer: str = ""


def find_files(names: Sequence[str]) -> list[Path]:
    """The evaluation files: of a run folder its held-out splits, else the file itself.

    Raises:
        UsageError: no such file, a format that is not read, or a folder that is no run.
    """
    found: dict[Path, None] = {}
    for name in names:
        path = Path(name)
        if path.is_dir():
            shards = [shard for shard in Run(path).data if shard.name.split("-")[0] in HELD_OUT]
            if not shards:
                raise UsageError(f"{name}: no run folder with data/test-*.parquet; name the file itself")
            found.update(dict.fromkeys(shards))
        elif not path.is_file():
            raise UsageError(f"{name}: no such file")
        elif path.suffix.lower() not in FORMATS:
            raise UsageError(f"{name}: format not supported; supported: {', '.join(FORMATS)}")
        else:
            found[path] = None
    return list(found)


def read_items(files: Sequence[Path]) -> list[Item]:
    """The items of evaluation files: JSON lines, tables, Parquet with `messages`, `conversations`, or title,
    text (question ...) and reply (answer ...) under any header that `govtune inspect` maps to them.

    Raises:
        UsageError: a file without one item.
        InputError: a row that cannot be used, or that says something but neither a question nor an answer.
    """
    items: list[Item] = []
    for path, label in zip(files, labels(files), strict=True):
        rows = read_rows(path)
        made = list(_items(rows, path.name, label))
        if not made:
            raise UsageError(f"{path.name}: not one item with a question or an answer; {COLUMNS} are read")
        items += made
    return items


def labels(files: Sequence[Path]) -> list[str]:
    """Each file's name without its ending, with as many folders before it as tell it from the others."""
    labels = [file.stem for file in files]
    for depth in range(2, max((len(file.resolve().parts) for file in files), default=0) + 1):
        twice = {label for label, count in Counter(labels).items() if count > 1}
        labels = [
            "/".join(file.resolve().with_suffix("").parts[-depth:]) if label in twice else label
            for file, label in zip(files, labels, strict=True)
        ]
    return labels


def _items(rows: Rows, file: str, label: str) -> Iterator[Item]:
    mapped: dict[tuple[str, ...], Mapping[str, str]] = {}  # rows of JSON lines need not have the same columns
    ids = []
    said = []
    for number, row in zip(rows.numbers, rows.rows, strict=True):
        headers = tuple(row)
        if headers not in mapped:
            mapped[headers] = map_columns(headers, Settings()).fields
        fields = mapped[headers]
        try:
            question, answer = _said(row, fields)
            others = (value for header, value in row.items() if header != fields.get("id"))
            if not (question.strip() or answer.strip()) and any(map(_fills, others)):
                raise ValueError(f"neither a question nor an answer; {COLUMNS} are read")
        except ValueError as error:
            raise InputError(str(error), file=file, row=number) from None
        said.append((question, answer))
        own = row.get(fields.get("id", ""))
        ids.append(display(own) if isinstance(own, (str, int)) else None)
    unique = all(ids) and len(set(ids)) == len(ids)
    for number, own, (question, answer) in zip(rows.numbers, ids, said, strict=True):
        if question.strip() or answer.strip():
            yield Item(f"{label}:{own if unique else number}", label, question, answer)


def of_messages(messages: Any, field: str = "messages") -> tuple[str, str]:
    """What the user says and what the assistant says in a chat example, with role and content or, as ShareGPT
    has it, from (human, gpt) and value.

    Raises:
        ValueError: no list of messages, or a role of which nobody knows whose it is.
    """
    if isinstance(messages, str):  # a cell of CSV or XLSX
        try:
            messages = orjson.loads(messages)
        except ValueError:
            raise ValueError(f"field {field} is not a JSON list") from None
    if not isinstance(messages, list) or not all(isinstance(each, dict) for each in messages):
        raise ValueError(f"field {field} is not a list of objects with role and content")
    turns: dict[str, list[str]] = {"user": [], "assistant": [], "": []}
    for each in messages:
        role, content = (
            other if (value := each.get(key)) is None else value
            for key, other in (("role", each.get("from")), ("content", each.get("value")))
        )
        if not isinstance(role, str) or role not in _ROLES:
            raise ValueError(f"field {field} has a role that is not known; known: {', '.join(_ROLES)}")
        turns[_ROLES[role]].append(_text(content) if _ROLES[role] else "")
    return "\n".join(turns["user"]), "\n".join(turns["assistant"])


def _said(row: Row, fields: Mapping[str, str]) -> tuple[str, str]:
    for column in ("messages", "conversations"):
        if row.get(column):
            return of_messages(row[column], column)
    title, text, reply = (_text(row.get(fields.get(name, ""))) for name in TEXT_FIELDS)
    return "\n".join(filter(None, (title, text))), reply


def _fills(value: Any) -> bool:
    return bool(value) if isinstance(value, (list, dict)) else bool((display(value) or "").strip())


def _text(value: Any) -> str:
    if isinstance(value, (bool, list, dict)):
        raise ValueError("a question or an answer that is neither a text nor a number")
    return display(value) or ""
