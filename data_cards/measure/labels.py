"""Labels: how many records have one, which values, given by whom."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curation.records import INPUT
from data_cards.columns import SHARED_BY, count, distribution, group_counts
from data_cards.dataset import Dataset, Part


class Labels:
    """`labels`: per scheme, in how many records a value holds, how often which value was given, by which
    method, and how often the labeller abstained. In a folder that is no run, a column is a scheme."""

    def __init__(self, dataset: Dataset) -> None:
        self.columns = ["labels"] if dataset.run else list(dataset.label_fields)
        self._given: dict[str, Counter[str]] = {}
        self._methods: dict[str, Counter[str]] = {}
        self._abstained: Counter[str] = Counter()
        self._labelled: Counter[str] = Counter()

    def add(self, part: Part) -> None:
        for name in self.columns:
            self._add(_flat(part.table[name].combine_chunks(), name))

    def _add(self, labels: pa.Table) -> None:
        holding = labels.filter(labels["holds"]).select(["scheme", "row"])
        self._labelled.update(count(holding.group_by(["scheme", "row"]).aggregate([])["scheme"]))
        for (scheme, value, method, without, holds), number in group_counts(
            [labels.drop_columns(["row"])]
        ).items():
            values = self._given.setdefault(scheme, Counter())
            by = self._methods.setdefault(scheme, Counter())
            if without:
                self._abstained[scheme] += number
            else:
                values[value] += number
            if holds:
                by[method] += number

    def result(self) -> dict[str, Any]:
        return {
            "labels": {
                scheme: {
                    **distribution(values, named_from=SHARED_BY),
                    "records": self._labelled[scheme],
                    "methods": dict(self._methods[scheme]),
                    "abstained": self._abstained[scheme],
                    "entropy": entropy(values),
                }
                for scheme, values in self._given.items()
            }
        }


def entropy(counts: Mapping[str, int]) -> float | None:
    """Shannon entropy of the values as a share of the highest possible with as many; null without any."""
    numbers = sorted(number for value, number in counts.items() if value and value.strip())
    if not numbers:
        return None
    total = sum(numbers)
    nats = -math.fsum(number / total * math.log(number / total) for number in numbers)
    return float(f"{nats / math.log(len(numbers)):.6g}") if len(numbers) > 1 else 0.0


def _flat(labels: pa.Array, column: str) -> pa.Table:
    """One row per label: of which row of the table it is, and whether it holds, a value and not abstained."""
    if pa.types.is_list(labels.type):
        row, labels = pc.list_parent_indices(labels), pc.list_flatten(labels)
    else:
        row = pa.array(np.arange(len(labels)))
    if pa.types.is_struct(labels.type):
        parts = {field.name: pc.struct_field(labels, field.name) for field in labels.type}
        abstained = pc.fill_null(parts.get("abstained", pa.nulls(len(labels), pa.bool_())), False)
    else:
        parts, abstained = {"value": labels}, pa.repeat(False, len(labels))
    value = parts["value"].cast(pa.string())
    has_value = pc.fill_null(pc.not_equal(pc.utf8_trim_whitespace(value), ""), False)
    return pa.table(
        {
            "scheme": pc.fill_null(parts["scheme"], "") if "scheme" in parts else _all(column, len(value)),
            "value": value,
            "method": pc.fill_null(parts["method"], "") if "method" in parts else _all(INPUT, len(value)),
            "abstained": abstained,
            "holds": pc.and_not(has_value, abstained),
            "row": row,
        }
    )


def _all(value: str, rows: int) -> pa.Array:
    return pa.repeat(pa.scalar(value, pa.string()), rows)
