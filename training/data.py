"""Which conversations a model is trained on and which it is measured on, from a run or from one file.

A row without messages is turned into them by the recipe's task. A row that cannot be used is an error that
names it; only rows whose label abstains are left out, and their number is told.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypedDict

import pyarrow as pa

from curation.errors import UsageError
from curation.instruct.task import COLUMNS, LabelTask, Task, conversations
from curation.instruct.task import load as load_task
from curation.records import BY_PEOPLE, ROLES
from training import splits
from training.rows import Rows as Rows
from training.schema import Recipe

_LOG = logging.getLogger(__name__)

Make = Callable[[Rows, list[str]], list[list[Any]]]
"""What rows, and their ids, are examples of: for each row its own, dataclasses with `id`, `messages` and
`source`."""

_OF_A_RUN = ("messages", "labels")


class Message(TypedDict):
    """A turn. `weight` says how much the model learns to say it, 0 to 1; above 0 only the assistant's."""

    role: str
    content: str
    weight: float


@dataclass(frozen=True)
class Conversation:
    """A chat example.

    Attributes:
        people: whether a person gave the label that is answered; None where the data do not say.
        source: name of the data set that it was mixed in from; "" is --data.
    """

    id: str
    messages: list[Message]
    people: bool | None = None
    source: str = ""


def read(source: Path, recipe: Recipe, make: Make | None = None) -> dict[str, list[Any]]:
    """The examples of each split, in the order of the source; all three splits are keys.

    Args:
        source: a run folder, or a file (JSON lines, CSV, XLSX, Parquet) with `messages` or with the columns
            that the recipe's task reads. Without a column of the label, `labels` as `govtune label` writes it
            counts; rows whose label abstains are left out, and a warning says how many. The column `split`
            counts; a file without one is split by `recipe.data` and `recipe.seed`, near duplicates together.
            `recipe.data.sources` are mixed in, see `training.splits.by_split`.
        make: makes examples of another kind than `Conversation`, of columns of its own.

    Raises:
        UsageError: nothing to read or nothing to train on.
        InputError: a row that cannot be used.
    """
    return splits.by_split(source, recipe, make or _maker(recipe), None if make else _OF_A_RUN)


def read_held_out(source: Path, recipe: Recipe, make: Make | None = None) -> list[Any]:
    """The examples to measure a trained model on: those of the split `test`, or all of a source that does not
    say how it is split.

    Raises:
        UsageError: nothing to read, or no row of the split test.
        InputError: a row that cannot be used.
    """
    return splits.held_out(source, make or _maker(recipe), None if make else _OF_A_RUN)


def messages(rows: Rows, index: int, field: str = "messages") -> list[Message]:
    """The messages of a row, checked one by one.

    Raises:
        InputError: there are none, or one that cannot be used.
    """
    given = rows.list_of(index, field, "messages")
    if not given:
        raise rows.error(index, "no messages", field)
    try:
        return [message(each) for each in given]
    except ValueError as error:
        raise rows.error(index, str(error), field) from None


def message(given: Any) -> Message:
    """One message as given.

    Raises:
        ValueError: what is wrong with it.
    """
    if not isinstance(given, dict):
        raise ValueError("a message is not an object with role and content")
    said = {key: value for key, value in given.items() if value is not None}
    if more := sorted(said.keys() - {"role", "content", "weight"}):
        raise ValueError(f"a message has more than role, content and weight: {more[0]}")
    role, content = said.get("role"), said.get("content")
    if role not in ROLES:
        raise ValueError(f"a message whose role is none of {', '.join(ROLES)}")
    if not isinstance(content, str):
        raise ValueError("a message whose content is not a text")
    weight = said.get("weight", 1 if role == "assistant" else 0)
    if not isinstance(weight, (int, float)) or not 0 <= weight <= 1 or (weight and role != "assistant"):
        raise ValueError("weight: 0, or for an assistant message a number from 0 to 1")
    if weight and not content.strip():
        raise ValueError("an assistant message without content; give it weight 0 or leave it out")
    return Message(role=role, content=content, weight=float(weight))


def _maker(recipe: Recipe) -> Make:
    return partial(_conversations, task=load_task(recipe.task) if recipe.task else None)


def _conversations(rows: Rows, ids: list[str], task: Task | None) -> list[list[Any]]:
    """The conversations of each row."""
    if "messages" not in rows.names:
        return _made(rows, ids, _required(task, rows))
    scheme = task.labels.name if isinstance(task, LabelTask) else None
    return [
        [Conversation(ids[index], _answered(rows, index), _people(_label_of(row.get("labels"), scheme)))]
        for index, row in enumerate(rows.values)
    ]


def _required(task: Task | None, rows: Rows) -> Task:
    """The task that makes messages of rows that have none."""
    if rows.source.is_dir():
        raise UsageError(
            f"{rows.source}: the run has no messages; its recipe needs the stage instruct, as in "
            "govtune curate dispatch"
        )
    if not {"title", "text"} & set(rows.columns):
        raise UsageError(
            f"{rows.source}: neither a column messages nor one with text (title, text, 诉求内容 ...) was "
            "found"
        )
    if task is None:
        raise UsageError(
            f"{rows.source}: has no column messages, and the recipe names no task that makes them: "
            "--set task=NAME"
        )
    return task


def _answered(rows: Rows, index: int) -> list[Message]:
    said = messages(rows, index)
    if not any(each["weight"] for each in said):
        raise rows.error(index, "no answer to learn: no assistant message of a weight above 0", "messages")
    return said


def _people(label: dict[str, Any] | None) -> bool | None:
    """Whether a person gave this label."""
    return label.get("method") in BY_PEOPLE if label else None


def _label_of(labels: Any, scheme: str | None) -> dict[str, Any] | None:
    """The last label of this scheme."""
    entries = [each for each in labels if isinstance(each, dict)] if isinstance(labels, list) else []
    return next((each for each in reversed(entries) if each.get("scheme") == scheme), None)


def _made(rows: Rows, ids: Sequence[str], task: Task) -> list[list[Any]]:
    """What the task makes of the rows' own columns."""
    columns = {
        name: [rows.text(index, rows.columns[name]) for index in range(len(ids))]
        for name in COLUMNS
        if name in rows.columns
    }
    labels: list[Any] = [None] * len(ids)
    if isinstance(task, LabelTask) and "label" not in columns:
        labels = [_label(rows, index, task.labels.name) for index in range(len(ids))]
        columns["label"] = [label and label.get("value") for label in labels]
    used = [index for index, label in enumerate(labels) if not (label and label.get("abstained"))]
    if left_out := len(ids) - len(used):
        _LOG.warning("%s: %d rows left out, their label abstains", rows.places[0][0], left_out)
    made, reasons = conversations(
        task, pa.table({**columns, "id": list(ids)}).take(pa.array(used, pa.int64()))
    )
    for index, reason in zip(used, reasons.to_pylist(), strict=True):
        if reason is not None:
            raise rows.error(index, f"the task {task.name} makes no example of it: {reason}")
    examples: list[list[Any]] = [[] for _ in ids]
    for one in made.to_pylist():
        row = used[one["row"]]
        examples[row].append(Conversation(one["id"], one["messages"], _people(labels[row])))
    return examples


def _label(rows: Rows, index: int, scheme: str) -> dict[str, Any] | None:
    """The label of this scheme in a row's column `labels`, as `govtune label` writes it."""
    label = _label_of(rows.list_of(index, "labels", "labels"), scheme)
    if label and not isinstance(label.get("value"), (str, type(None))):
        raise rows.error(index, "a label whose value is not a text", "labels")
    return label
