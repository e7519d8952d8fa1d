"""How large a data set is: records, characters, lengths of its texts, messages of chat examples."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from data_cards.columns import count, group_counts
from data_cards.dataset import Dataset, Part
from data_cards.metrics import LENGTH_EDGES


class Sizes:
    """`splits`, `published`, `lengths` and `chat`. Length 0 is an empty or missing text."""

    def __init__(self, dataset: Dataset) -> None:
        self._chat = dataset.chat
        self.columns = [*dataset.text_fields, *([dataset.chat.column] if dataset.chat else [])]
        self._splits = {split: {"records": 0, "characters": 0} for split in dataset.files}
        self._fields: dict[str, Counter[int]] = {name: Counter() for name in dataset.text_fields}
        self._roles: dict[str, Counter[int]] = {}
        self._turns: Counter[int] = Counter()

    def add(self, part: Part) -> None:
        characters = 0
        for name, total in self._fields.items():
            counts = count(pc.fill_null(pc.utf8_length(part.table[name]), 0))
            characters += _weight(counts)
            total.update(counts)
        if self._chat:
            examples = part.table[self._chat.column].combine_chunks()
            self._turns.update(count(pc.list_value_length(examples.drop_null())))
            said = pc.list_flatten(examples)
            lengths = pc.fill_null(pc.utf8_length(pc.struct_field(said, self._chat.content)), 0)
            by = group_counts([pa.table({"role": pc.struct_field(said, self._chat.role), "length": lengths})])
            for (role, length), number in by.items():
                self._roles.setdefault(role or "", Counter())[length] += number
                characters += length * number
        self._splits[part.split]["records"] += part.table.num_rows
        self._splits[part.split]["characters"] += characters

    def result(self) -> dict[str, Any]:
        units = ("records", "characters")
        return {
            "splits": self._splits,
            "published": {unit: sum(split[unit] for split in self._splits.values()) for unit in units},
            "lengths": {name: statistics(counts) for name, counts in self._fields.items()},
            "chat": {
                "examples": self._turns.total(),
                "messages": statistics(self._turns),
                "roles": {role: statistics(self._roles[role]) for role in sorted(self._roles)},
            }
            if self._turns
            else None,
        }


def statistics(counts: Counter[int]) -> dict[str, Any]:
    """Of lengths and how often each occurs; 0 is no length."""
    lengths = sorted(length for length in counts if length)
    if not lengths:
        none = dict.fromkeys(("min", "median", "mean", "p95", "max"))
        return {"texts": 0, **none, "classes": classes(counts, LENGTH_EDGES)}
    cumulative = np.cumsum([counts[length] for length in lengths])
    texts = int(cumulative[-1])

    def percentile(share: float) -> int:
        return lengths[int(np.searchsorted(cumulative, math.ceil(share * texts)))]

    return {
        "texts": texts,
        "min": lengths[0],
        "median": percentile(0.5),
        "mean": float(f"{_weight(counts) / texts:.6g}"),
        "p95": percentile(0.95),
        "max": lengths[-1],
        "classes": classes(counts, LENGTH_EDGES),
    }


def classes(counts: Counter[int], edges: Sequence[int]) -> list[int]:
    """How many sizes lie in each class, by its lower edge; the last is open."""
    found = [0] * len(edges)
    for size, number in counts.items():
        if size >= edges[0]:
            found[int(np.searchsorted(edges, size, side="right")) - 1] += number
    return found


def _weight(counts: dict[int, int]) -> int:
    return sum(length * number for length, number in counts.items())
