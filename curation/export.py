"""A run in the formats that others read, one file per split: chat examples for training frameworks, and all
records in the national format.

`messages` is what OpenAI, TRL and ms-swift read; `sharegpt` and `alpaca` are older and widely read;
`llamafactory` is a `dataset_dir` of LLaMA-Factory. An example that cannot be expressed is counted, never
written in part. `tc609` is the record format of TC609-5-2025-02 and holds every record.

A control token of a chat template in the text is made plain: another framework would read it as one, and a
letter could open a turn.

GB/T 45674-2025 keeps labelling and reviewing apart: what a person labelled, another one must have reviewed.
"""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal, get_args

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import regex

from curation import export_tc609, parquet, records
from curation.errors import UsageError
from curation.files import whole_file
from curation.run import Run
from curation.strict import require_known

Format = Literal["messages", "sharegpt", "alpaca", "llamafactory", "tc609"]

DATASET_INFO = "dataset_info.json"

_CONTROL = regex.compile(r"<([|｜][^\s<>|｜]+[|｜]|(?:start|end)_of_turn|/?s)>|\[(/?INST)\]")
"""Control tokens as ChatML, Llama, DeepSeek, Gemma and Mistral write them."""


@dataclass(frozen=True)
class Dialogue:
    """An example as every format can express it: the system message, empty if there is none, and pairs of
    question and answer."""

    system: str
    pairs: list[tuple[str, str]]


Convert = Callable[[Dialogue], dict[str, Any]]
Rows = Callable[[Sequence[Path], Counter[str], Counter[bool]], Iterator[dict[str, Any]]]
Write = Callable[[Iterator[dict[str, Any]], IO[bytes]], int]


@dataclass(frozen=True)
class ExportSummary:
    """What was written.

    Attributes:
        files: file name to its number of examples.
        defused: examples of which control tokens were made plain text, by full-width brackets around them.
        refused: reason to the number of examples that were not written: `no_messages`; `other_weights`, where
            the loss is not on all the answers and nothing else; `other_turns`, where it is not user and
            assistant in turn after an optional system message.
        unreviewed: examples with a person's label that nobody reviewed.
    """

    files: dict[str, int]
    defused: int
    refused: dict[str, int]
    unreviewed: int = 0

    def lines(self) -> list[str]:
        """The summary as text."""
        told = [f"{count:>9,}  {name}" for name, count in self.files.items()]
        if self.defused:
            told.append(
                f"{self.defused:>9,}  held control tokens of chat templates, now in full-width brackets"
            )
        if self.unreviewed:
            told.append(f"{self.unreviewed:>9,}  with a person's label that nobody reviewed")
        return told + [f"{count:>9,}  not written: {reason}" for reason, count in self.refused.items()]


def export_data(run: Path, output: Path, format: Format, *, unreviewed: bool = False) -> ExportSummary:
    """Write the chat examples of a run, or with `tc609` all its records, into a new folder.

    Args:
        unreviewed: let labels through that one person gave and nobody reviewed.

    Raises:
        UsageError: not a finished run, one without chat examples, or a folder that holds something already;
            labels of people that no second person reviewed.
        InputError: a data file of the run is damaged.
    """
    require_known(format, get_args(Format), "--format", "format")
    source = Run(run)
    lock = source.lock()
    if output.resolve().is_relative_to(run.resolve()):
        raise UsageError(f"{output}: lies inside the run; choose a folder elsewhere")
    if output.exists() and (output.is_file() or any(output.iterdir())):
        raise UsageError(f"{output}: exists and is not an empty folder")
    labels = _labels(source.data) if format == "tc609" else _labels_of_examples(source.data)
    alone = _require_review(run, labels, unreviewed)
    read, write, ending = _FORMATS[format]
    files: dict[str, int] = {}
    refused: Counter[str] = Counter()
    defused: Counter[bool] = Counter()
    for split, paths in itertools.groupby(source.data, key=lambda path: path.name.partition("-")[0]):
        rows = read(list(paths), refused, defused)
        first = next(rows, None)
        if first is None:
            continue
        output.mkdir(parents=True, exist_ok=True)
        name = f"{split}.{ending}"
        with whole_file(output / name) as unfinished, unfinished.open("wb") as file:
            files[name] = write(itertools.chain([first], rows), file)
    if not files:
        if format == "tc609":
            raise UsageError(f"{run}: no records to export")
        raise UsageError(
            f"{run}: no chat examples to export; curate with a recipe that ends with instruct, like dispatch"
        )
    if format == "llamafactory":
        _write_dataset_info(output, lock["recipe"]["name"], files)
    return ExportSummary(files, defused[True], dict(sorted(refused.items())), alone)


def _labels(data: Sequence[Path]) -> Iterator[pa.ChunkedArray]:
    """The labels of all records."""
    for path in data:
        for table in parquet.tables(path, ["labels"]):
            yield table["labels"]


def _labels_of_examples(data: Sequence[Path]) -> Iterator[pa.ChunkedArray]:
    """The labels of records with chat examples."""
    for path in data:
        for table in parquet.tables(path, ["messages", "labels"]):
            yield table.filter(pc.is_valid(table["messages"]))["labels"]


def _require_review(run: Path, labels: Iterable[pa.ChunkedArray], unreviewed: bool) -> int:
    """How many records have a person's label that nobody reviewed.

    Raises:
        UsageError: there are such and they are not wanted, or labels of which one person was both.
    """
    same = alone = 0
    for part in labels:
        both, one = _by_one_person(part)
        same, alone = same + both, alone + one
    if same or (alone and not unreviewed):
        also = "" if unreviewed or not alone else "; --unreviewed lets through what nobody reviewed"
        raise UsageError(
            f"{run}: GB/T 45674 asks for two people; records whose annotator and reviewer are one person: "
            f"{same:,}, whose label nobody reviewed: {alone:,}; let another person open govtune review {run} "
            f"as reviewer, then curate again{also}"
        )
    return alone


def _by_one_person(labels: pa.ChunkedArray) -> tuple[int, int]:
    """Rows with a label of which one person was annotator and reviewer; other rows with one of which one of
    the two is missing."""
    labels = labels.combine_chunks()
    entries = pc.list_flatten(labels)
    annotator, reviewer = (pc.struct_field(entries, name) for name in ("annotator", "reviewer"))
    given = pc.fill_null(pc.equal(pc.struct_field(entries, "method"), records.PERSON), False)
    rows = pc.list_parent_indices(labels)
    same = pc.unique(rows.filter(pc.and_(given, pc.fill_null(pc.equal(annotator, reviewer), False))))
    missing = pc.or_(pc.is_null(annotator), pc.is_null(reviewer))
    alone = pc.unique(rows.filter(pc.and_(given, missing)))
    return len(same), len(alone.filter(pc.invert(pc.is_in(alone, same))))


def _converted(
    paths: Sequence[Path], convert: Convert, refused: Counter[str], defused: Counter[bool]
) -> Iterator[dict[str, Any]]:
    """The examples in a format; those that no format can express are counted."""
    for path in paths:
        for table in parquet.tables(path, ["messages"]):
            for messages in table["messages"].to_pylist():
                found = _dialogue(messages)
                if isinstance(found, str):
                    refused[found] += 1
                    continue
                plain = _defused(found)
                defused[plain != found] += 1
                yield convert(plain)


def _defused(dialogue: Dialogue) -> Dialogue:
    """The dialogue without control tokens."""

    return Dialogue(
        _plain(dialogue.system), [(_plain(asked), _plain(answered)) for asked, answered in dialogue.pairs]
    )


def _plain(text: str) -> str:
    plain: str = _CONTROL.sub(lambda token: f"＜{token[1]}＞" if token[1] else f"［{token[2]}］", text)
    return plain


def _dialogue(messages: list[dict[str, Any]] | None) -> Dialogue | str:
    """The messages as a dialogue, or the reason why they are none."""
    if not messages:
        return "no_messages"
    if any(message["weight"] != (message["role"] == "assistant") for message in messages):
        return "other_weights"
    system = messages[0]["content"] if messages[0]["role"] == "system" else ""
    rest = messages[1:] if messages[0]["role"] == "system" else messages
    if not rest or [message["role"] for message in rest] != ["user", "assistant"] * (len(rest) // 2):
        return "other_turns"
    contents = [message["content"] for message in rest]
    return Dialogue(system, list(zip(contents[::2], contents[1::2], strict=True)))


def _as_messages(dialogue: Dialogue) -> dict[str, Any]:
    said = [("system", dialogue.system)] if dialogue.system else []
    for question, answer in dialogue.pairs:
        said += [("user", question), ("assistant", answer)]
    return {"messages": [{"role": role, "content": content} for role, content in said]}


def _as_sharegpt(dialogue: Dialogue) -> dict[str, Any]:
    said = [turn for question, answer in dialogue.pairs for turn in (("human", question), ("gpt", answer))]
    return {
        "conversations": [{"from": who, "value": value} for who, value in said],
        "system": dialogue.system,
    }


def _as_alpaca(dialogue: Dialogue) -> dict[str, Any]:
    # The prompt is instruction, a line end and input, so all of the question is the instruction.
    *earlier, (question, answer) = dialogue.pairs
    return {
        "instruction": question,
        "input": "",
        "output": answer,
        "system": dialogue.system,
        "history": [list(pair) for pair in earlier],
    }


def _write_lines(rows: Iterator[dict[str, Any]], file: IO[bytes]) -> int:
    """JSON lines."""
    return sum(1 for row in rows if file.write(orjson.dumps(row) + b"\n"))


def _write_array(rows: Iterator[dict[str, Any]], file: IO[bytes]) -> int:
    """One JSON array, an example a line."""
    count = 0
    for count, row in enumerate(rows, 1):
        file.write((b"[\n" if count == 1 else b",\n") + orjson.dumps(row))
    file.write(b"\n]\n")
    return count


def _dialogues(convert: Convert) -> Rows:
    """Reads the chat examples, each in a format."""
    return lambda paths, refused, defused: _converted(paths, convert, refused, defused)


_FORMATS: dict[Format, tuple[Rows, Write, str]] = {
    "messages": (_dialogues(_as_messages), _write_lines, "jsonl"),
    "sharegpt": (_dialogues(_as_sharegpt), _write_array, "json"),
    "alpaca": (_dialogues(_as_alpaca), _write_array, "json"),
    "llamafactory": (_dialogues(_as_messages), _write_lines, "jsonl"),
    "tc609": (lambda paths, *_: export_tc609.rows(paths), _write_lines, "jsonl"),
}


def _write_dataset_info(output: Path, name: str, files: dict[str, int]) -> None:
    """What LLaMA-Factory reads of a data set: `OpenAI Format` in its data/README.md."""
    info = {
        f"{name}_{Path(file).stem}": {
            "file_name": file,
            "formatting": "sharegpt",
            "columns": {"messages": "messages"},
            "tags": {
                "role_tag": "role",
                "content_tag": "content",
                "user_tag": "user",
                "assistant_tag": "assistant",
                "system_tag": "system",
            },
        }
        for file in files
    }
    with whole_file(output / DATASET_INFO) as unfinished:
        unfinished.write_text(json.dumps(info, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
