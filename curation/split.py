"""Which split a record belongs to: a keyed hash of its group decides, so a group is never torn apart.

The hash looks at nothing but the group, so a record keeps its split when other records come or go.
"""

from __future__ import annotations

import hashlib

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, model_validator

from curation import records, stage
from curation.errors import UsageError


class SplitParams(stage.Params):
    """How to split.

    Attributes:
        by: the column that holds groups together: `cluster`, `id` or a category field of the recipe. A record
            without a value is a group of its own.
        test, validation: expected shares of the groups; the rest is `train`.
        seed: another seed gives another split.
    """

    by: str = "cluster"
    test: float = Field(0.1, ge=0, lt=1)
    validation: float = Field(0.1, ge=0, lt=1)
    seed: int = Field(0, ge=0)

    @model_validator(mode="after")
    def _something_is_left_to_train_on(self) -> SplitParams:
        if self.test + self.validation >= 1:
            raise ValueError("test and validation together must be less than 1")
        return self


class Split(stage.Stage):
    """Fill `split` with `train`, `validation` or `test`."""

    name = "split"
    Params = SplitParams
    adds = pa.schema([records.PUBLIC.field("split")])

    def __init__(self, params: SplitParams | None = None, *, key: bytes | None = None) -> None:
        super().__init__(params, key=key)
        self.requires = frozenset({self.params.by})  # type: ignore[misc]  # depends on the recipe

    def apply(self, table: pa.Table) -> pa.Table:
        by = self.params.by
        if by not in table.column_names or not pa.types.is_string(table.schema.field(by).type):
            raise UsageError(f"split by {by}: not a text column; use cluster, id or a field of the recipe")
        groups = pc.coalesce(table[by], table["id"]).combine_chunks().dictionary_encode()
        splits = pa.array([self._split_of(group) for group in groups.dictionary.to_pylist()], pa.string())
        return records.with_columns(table, {"split": splits.take(groups.indices)})

    def _split_of(self, group: str) -> str:
        key = str(self.params.seed).encode()
        digest = hashlib.blake2b(group.encode(), digest_size=8, key=key, person=b"govtune.split").digest()
        place = int.from_bytes(digest, "big") / 2**64
        # From the two ends, so that another share of one does not move the other.
        if place < self.params.test:
            return "test"
        return "validation" if place >= 1 - self.params.validation else "train"
