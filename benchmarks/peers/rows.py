"""What the adapters share: arguments, reading, writing. Needs orjson."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from orjson import loads

THRESHOLD = 0.8
PERMUTATIONS = 128
BANDS, ROWS = 16, 8
"""The bands a peer is given where it does not choose them: 0.8 is found with a probability of .95."""


class Task(NamedTuple):
    method: str
    source: Path
    output: Path
    workers: int


def task() -> Task:
    method, source, output, workers = sys.argv[1:]
    return Task(method, Path(source).resolve(), Path(output).resolve(), int(workers))


def read(source: Path) -> tuple[list[bytes], list[str]]:
    """The lines and their texts."""
    with source.open("rb") as file:
        lines = file.readlines()
    return lines, [loads(line)["text"] for line in lines]


def grams(text: str) -> list[str]:
    return [text[at : at + 5] for at in range(max(1, len(text) - 4))]


def write(output: Path, lines: Sequence[bytes], keep: Iterable[bool]) -> None:
    with (output / "kept.jsonl").open("wb") as file:
        file.writelines(line for line, kept in zip(lines, keep, strict=True) if kept)
