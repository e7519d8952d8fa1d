"""Which conversations a model is trained on and which it is measured on, from a run or from one file.

A row without messages is turned into them by the recipe's task. A file that does not say how it is split is
split here, near duplicates together, so that no letter is measured on that was learnt from. A row that cannot
be used is an error that names it; only rows whose label abstains are left out, and their number is told.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
import orjson
import pyarrow as pa

from curation import parquet, records
from curation.deduplicate.near import find_duplicates
from curation.errors import InputError, UsageError
from curation.ingest.mapping import Settings, map_columns
from curation.ingest.precision import display
from curation.ingest.tables import read_rows
from curation.instruct.task import COLUMNS, LabelTask, Task, conversations
from curation.instruct.task import load as load_task
from curation.records import BY_PEOPLE, ROLES, SPLITS
from curation.run import Run
from curation.split import Split, SplitParams
from training.recipe import Recipe

_LOG = logging.getLogger(__name__)


class Message(TypedDict):
    """A turn. `weight` is 1 where the model learns to say it, else 0; only the assistant's can be 1."""

    role: str
    content: str
    weight: float


@dataclass(frozen=True)
class Conversation:
    """A chat example.

    Attributes:
        people: whether a person gave the label that is answered; None where the data do not say.
    """

    id: str
    messages: list[Message]
    people: bool | None = None


def read(source: Path, recipe: Recipe) -> dict[str, list[Conversation]]:
    """The conversations of each split, in the order of the source; all three splits are keys.

    Args:
        source: a run folder, or a file (JSON lines, CSV, XLSX, Parquet) with `messages` or with the columns
            that the recipe's task reads. Without a column of the label, `labels` as `govtune label` writes it
            counts; rows whose label abstains are left out, and a warning says how many. The column `split`
            counts; a file without one is split by `recipe.data` and `recipe.seed`, near duplicates together.

    Raises:
        UsageError: nothing to read or nothing to train on.
        InputError: a row that cannot be used.
    """
    rows = _rows(source)
    examples = _examples(rows, load_task(recipe.task))
    splits = _given_splits(rows) if rows.split else _leak_free_splits(examples, recipe)
    found: dict[str, list[Conversation]] = {split: [] for split in SPLITS}
    for split, conversations_of_row in zip(splits, examples, strict=True):
        found[split] += conversations_of_row
    if not found["train"]:
        raise UsageError(f"{source}: no row belongs to the split train, there is nothing to learn from")
    return found


def read_held_out(source: Path, recipe: Recipe) -> list[Conversation]:
    """The conversations to measure a trained model on: those of the split `test`, or all of a source that
    does not say how it is split.

    Raises:
        UsageError: nothing to read, or no row of the split test.
        InputError: a row that cannot be used.
    """
    rows = _rows(source)
    examples = _examples(rows, load_task(recipe.task))
    splits = _given_splits(rows) if rows.split else ["test"] * len(examples)
    found = [one for split, row in zip(splits, examples, strict=True) if split == "test" for one in row]
    if not found:
        raise UsageError(f"{source}: no row belongs to the split test, there is nothing to measure on")
    return found


@dataclass(frozen=True)
class _Rows:
    """Rows with the file and the number of each; which columns hold what."""

    places: list[tuple[str, int]]
    values: list[dict[str, Any]]
    columns: Mapping[str, str]  # field to column
    messages: bool
    split: bool

    def error(self, index: int, problem: str, field: str | None = None) -> InputError:
        file, number = self.places[index]
        return InputError(problem, file=file, row=number, field=field)


def _rows(source: Path) -> _Rows:
    return _run_rows(source) if source.is_dir() else _file_rows(source)


def _run_rows(folder: Path) -> _Rows:
    shards = Run(folder).data
    if not shards:
        raise UsageError(f"{folder}: no data/*.parquet, so no run; make one with govtune curate")
    wanted = ("id", "messages", "labels", "split")
    places: list[tuple[str, int]] = []
    values: list[dict[str, Any]] = []
    for shard in shards:
        with parquet.opened(shard) as file:
            there = file.schema_arrow.names
            table = file.read([name for name in wanted if name in there])
        if "messages" not in there or table["messages"].null_count == table.num_rows:
            raise UsageError(
                f"{folder}: the run has no messages; its recipe needs the stage instruct, as in "
                "govtune curate dispatch"
            )
        values += table.to_pylist()
        places += [(f"data/{shard.name}", number) for number in range(1, table.num_rows + 1)]
    split = any(row.get("split") is not None for row in values)
    return _Rows(places, values, {"id": "id"}, messages=True, split=split)


def _file_rows(path: Path) -> _Rows:
    read = read_rows(path)
    if not read.rows:
        raise UsageError(f"{path}: no rows")
    columns = map_columns(read.columns, Settings()).fields
    if "messages" not in read.columns and not {"title", "text"} & set(columns):
        raise UsageError(
            f"{path}: neither a column messages nor one with text (title, text, 诉求内容 ...) was found"
        )
    places = [(path.name, number) for number in read.numbers]
    return _Rows(places, read.rows, columns, "messages" in read.columns, "split" in read.columns)


def _examples(rows: _Rows, task: Task) -> list[list[Conversation]]:
    """The conversations of each row."""
    ids = _ids(rows)
    if not rows.messages:
        return _made_examples(rows, ids, task)
    scheme = task.labels.name if isinstance(task, LabelTask) else None
    return [
        [Conversation(ids[index], _messages(rows, index), _people(_label_of(row.get("labels"), scheme)))]
        for index, row in enumerate(rows.values)
    ]


def _ids(rows: _Rows) -> list[str]:
    """The rows' own ids where each has one of its own, else file and number."""
    column = rows.columns.get("id")
    own = [display(row.get(column)) if column else None for row in rows.values]
    if all(own) and len(set(own)) == len(own):
        return [str(each) for each in own]
    return [f"{file}:{number}" for file, number in rows.places]


def _messages(rows: _Rows, index: int) -> list[Message]:
    given = rows.values[index].get("messages")
    if isinstance(given, str):  # a cell of CSV or XLSX
        try:
            given = orjson.loads(given)
        except ValueError:
            raise rows.error(index, "not a JSON list of messages", "messages") from None
    if not isinstance(given, list) or not given:
        raise rows.error(index, "no messages", "messages")
    try:
        messages = [_message(each) for each in given]
    except ValueError as error:
        raise rows.error(index, str(error), "messages") from None
    if not any(message["weight"] for message in messages):
        raise rows.error(index, "no answer to learn: no assistant message of weight 1", "messages")
    return messages


def _message(given: Any) -> Message:
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
    if weight not in (0, 1) or (weight == 1 and role != "assistant"):
        raise ValueError("weight: 0, or for an assistant message 1")
    if weight and not content.strip():
        raise ValueError("an assistant message without content; give it weight 0 or leave it out")
    return Message(role=role, content=content, weight=float(weight))


def _people(label: dict[str, Any] | None) -> bool | None:
    """Whether a person gave this label."""
    return label.get("method") in BY_PEOPLE if label else None


def _label_of(labels: Any, scheme: str | None) -> dict[str, Any] | None:
    """The last label of this scheme."""
    entries = [each for each in labels if isinstance(each, dict)] if isinstance(labels, list) else []
    return next((each for each in reversed(entries) if each.get("scheme") == scheme), None)


def _made_examples(rows: _Rows, ids: Sequence[str], task: Task) -> list[list[Conversation]]:
    """What the task makes of the rows' own columns."""
    columns = {
        name: [_text(rows, index, rows.columns[name]) for index in range(len(ids))]
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
    examples: list[list[Conversation]] = [[] for _ in ids]
    for one in made.to_pylist():
        row = used[one["row"]]
        examples[row].append(Conversation(one["id"], one["messages"], _people(labels[row])))
    return examples


def _label(rows: _Rows, index: int, scheme: str) -> dict[str, Any] | None:
    """The label of this scheme in a row's column `labels`, as `govtune label` writes it."""
    given = rows.values[index].get("labels")
    try:
        label = _label_of(orjson.loads(given) if isinstance(given, str) and given else given, scheme)
    except ValueError:
        raise rows.error(index, "not a JSON list of labels", "labels") from None
    if label and not isinstance(label.get("value"), (str, type(None))):
        raise rows.error(index, "a label whose value is not a text", "labels")
    return label


def _text(rows: _Rows, index: int, column: str) -> str | None:
    value = rows.values[index].get(column)
    if isinstance(value, (bool, list, dict)):
        raise rows.error(index, "neither a text nor a number", column)
    return display(value)


def _given_splits(rows: _Rows) -> list[str]:
    splits = []
    for index, row in enumerate(rows.values):
        split = row.get("split")
        if split not in SPLITS:
            raise rows.error(index, f"none of {', '.join(SPLITS)}", "split")
        splits.append(split)
    return splits


def _leak_free_splits(examples: Sequence[Sequence[Conversation]], recipe: Recipe) -> list[str]:
    """A split per row by what is asked in it: rows that ask nearly the same share one."""
    asked = ["\n".join(_asked(row)) for row in examples]
    # Ranked by content, so that a cluster is named alike in whatever order the rows stand.
    rank = np.empty(len(asked), np.int64)
    rank[sorted(range(len(asked)), key=asked.__getitem__)] = np.arange(len(asked))
    clusters = find_duplicates(asked, rank=rank.tolist()).cluster.tolist()
    groups = [blake2b(asked[best].encode("utf-8", "surrogatepass"), digest_size=16) for best in clusters]
    table = records.table(
        {"id": [str(row) for row in range(len(asked))], "cluster": [group.hexdigest() for group in groups]}
    )
    shares = recipe.data
    params = SplitParams(test=shares.test, validation=shares.validation, seed=recipe.seed)
    splits: list[str] = Split(params).apply(table)["split"].to_pylist()
    return splits


def _asked(row: Sequence[Conversation]) -> Iterator[str]:
    for conversation in row:
        for message in conversation.messages:
            if message["role"] == "user":
                yield message["content"]
