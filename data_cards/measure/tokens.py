"""Tokens by a tokenizer that the user names: what a model with it will read."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from curation.errors import UsageError
from curation.files import sha256
from data_cards.columns import count
from data_cards.dataset import Dataset, Part
from data_cards.measure.sizes import statistics

_FILE = "tokenizer.json"


class Tokens:
    """`tokens`, and those of each split; without special tokens and without a chat template."""

    def __init__(self, dataset: Dataset, tokenizer: Path) -> None:
        """
        Raises:
            UsageError: the package `tokenizers` is not installed, or there is no such tokenizer.
        """
        try:
            from tokenizers import Tokenizer
        except ImportError:
            raise UsageError(
                "--tokenizer needs the package tokenizers: pip install 'govtune[train]'"
            ) from None
        self._file = tokenizer / _FILE if tokenizer.is_dir() else tokenizer
        if not self._file.is_file():
            raise UsageError(f"{tokenizer}: no {_FILE}; name a folder with one, or the file")
        try:
            self._tokenizer = Tokenizer.from_file(str(self._file))
        except Exception:  # the package raises nothing more exact
            raise UsageError(f"{self._file}: not a tokenizer that the package tokenizers can read") from None
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._text, self._chat = dataset.text_fields, dataset.chat
        self.columns = [*self._text, *([self._chat.column] if self._chat else [])]
        self._counts: dict[str, Counter[int]] = {split: Counter() for split in dataset.files}
        self._characters = 0

    def add(self, part: Part) -> None:
        total = np.zeros(part.table.num_rows, np.int64)
        rows = np.arange(part.table.num_rows)
        for name in self._text:
            self._add(part.table[name].combine_chunks(), rows, total)
        if self._chat:
            examples = part.table[self._chat.column].combine_chunks()
            said = pc.struct_field(pc.list_flatten(examples), self._chat.content)
            self._add(said, pc.list_parent_indices(examples).to_numpy(), total)
        self._counts[part.split].update(count(pa.array(total)))

    def _add(self, texts: pa.Array, rows: NDArray[Any], total: NDArray[np.int64]) -> None:
        there = pc.fill_null(pc.greater(pc.utf8_length(texts), 0), False)
        said = texts.filter(there)
        self._characters += pc.sum(pc.utf8_length(said)).as_py() or 0
        encoded = self._tokenizer.encode_batch_fast(said.to_pylist(), add_special_tokens=False)
        lengths = np.fromiter((len(one) for one in encoded), np.int64, len(encoded))
        np.add.at(total, rows[there.to_numpy(zero_copy_only=False)], lengths)

    def result(self) -> dict[str, Any]:
        counts = sum(self._counts.values(), Counter[int]())
        total = sum(length * number for length, number in counts.items())
        return {
            "tokens": {
                "tokenizer": self._file.resolve().parent.name,
                "sha256": sha256(self._file),
                "total": total,
                "per_record": statistics(counts),
                "characters_per_token": float(f"{self._characters / total:.6g}") if total else 0.0,
            }
        }

    def of_splits(self) -> dict[str, int]:
        """Tokens of each split."""
        return {
            split: sum(length * number for length, number in counts.items())
            for split, counts in self._counts.items()
        }
