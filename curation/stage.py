"""What a stage is. Nothing disappears: a stage never removes a record, it gives it a fate.

Three kinds: a `Stage` works row by row, an `Exchange` needs other rows for its verdict, an `Expand`
makes several records of one. Engines call them only through `run`, `run_exchange` and `run_expand`, which
hand over the living records alone and check that the stage kept its promise.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict

from curation import records
from curation.decisions import Decision, Tally

Fetch = Callable[[Sequence[str], Sequence[str]], pa.Table]
"""`fetch(ids, columns)`: these columns of these living records, `id` first, in the order of `ids`. Raises
KeyError for an id that is none."""


class Params(BaseModel):
    """Options of a stage. An unknown key is an error, never ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclasses.dataclass(frozen=True)
class Resources:
    """What one worker needs: CPU cores, GPUs, memory in bytes."""

    cpu: float = 1
    gpu: float = 0
    memory: int = 1 << 30


class Stage(ABC):
    """A row-wise stage.

    `apply` gets living records and returns the same rows in the same order; only the columns in `adds`
    and the fate columns may differ. Instances are pickled to the workers, so what is heavy is loaded in
    `setup`, once per worker.

    Class attributes:
        name, version: part of the cache key; raise `version` when results change.
        requires: columns that must have been filled before.
        adds: columns that this stage fills or edits; a stage that edits text may edit the recipe's own
            category fields too.
        packages: distributions whose version decides the result (part of the cache key).
        keyed: whether the surrogate key is handed over as `key`.
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1
    Params: ClassVar[type[BaseModel]] = Params
    requires: ClassVar[frozenset[str]] = frozenset()
    adds: ClassVar[pa.Schema] = pa.schema([])
    packages: ClassVar[tuple[str, ...]] = ()
    keyed: ClassVar[bool] = False
    resources: ClassVar[Resources] = Resources()

    def __init__(self, params: BaseModel | None = None, *, key: bytes | None = None) -> None:
        self.params: Any = self.Params() if params is None else params
        self.key = key

    def options(self) -> dict[str, Any]:
        """The options as they may be written down: of a path only the file's name."""
        options: dict[str, Any] = self.params.model_dump(mode="json")
        return {
            name: Path(value).name if isinstance(value, str) and "/" in value else value
            for name, value in options.items()
        }

    def files(self) -> tuple[Path, ...]:
        """Files the result depends on (policy, taxonomy, model): their digests join the cache key."""
        return ()

    def setup(self) -> None:  # noqa: B027  a stage without anything heavy has nothing to set up
        """Load what is heavy, once per worker."""

    @abstractmethod
    def apply(self, table: pa.Table) -> pa.Table:
        """Same rows, same order; only `adds` and the fate may change."""


class Exchange(Stage):
    """A stage whose verdict needs other rows or people: deduplicate, a label model.

    Attributes:
        decisions: what people decided about this stage, for `decide`; through its verdict they reach the
            partitions, so that a new decision makes nothing else be computed anew.
        tally: what `decide` did with them.
        private: the run's private folder, for what must outlive the run and is not published.
        notes: what `decide` has to say to whoever runs it, a line each.
    """

    decisions: Sequence[Decision] = ()
    tally: Tally | None = None
    private: Path | None = None

    def __init__(self, params: BaseModel | None = None, *, key: bytes | None = None) -> None:
        super().__init__(params, key=key)
        self.notes: list[str] = []

    @abstractmethod
    def keys(self, table: pa.Table) -> pa.Table:
        """A small summary of each living record, first column `id`; computed in parallel."""

    @abstractmethod
    def decide(self, keys: pa.Table, fetch: Fetch) -> pa.Table:
        """The verdict: `id` and what `apply` needs, for the ids that have one. Runs once, over all keys.

        The verdict must not depend on the order of `keys` beyond the order of the input itself.
        """

    @abstractmethod
    def apply(self, table: pa.Table, verdict: pa.Table) -> pa.Table:  # type: ignore[override]
        """`verdict` is aligned to `table` row by row, null where `decide` said nothing."""


class Expand(Stage):
    """One record becomes several: a service item its questions, a law its articles."""

    @abstractmethod
    def expand(self, table: pa.Table) -> tuple[pa.Table, pa.Array]:
        """The children in the working schema, each with its own `id` and its `parent`; and for every record
        null where it has children, else the reason why it has none, as snake_case text."""

    def apply(self, table: pa.Table) -> pa.Table:
        """Not row-wise: engines call `run_expand`."""
        raise TypeError(f"{self.name} makes new records; run it with run_expand")


class ContractError(Exception):
    """A stage lost, moved or edited what it must not. A defect of the stage, not of the data."""


def run(stage: Stage, table: pa.Table) -> pa.Table:
    """Apply a row-wise stage to the living records and put the others back where they were."""
    return _on_living(stage, table, stage.apply)


def run_exchange(stage: Exchange, table: pa.Table, verdict: pa.Table) -> pa.Table:
    """Apply an exchange's verdict (rows keyed by `id`, any order) to the living records."""
    return _on_living(stage, table, lambda living: stage.apply(living, align(verdict, living["id"])))


def run_expand(stage: Expand, table: pa.Table) -> pa.Table:
    """Append the children; a parent with children gets the fate `expanded`, one without is dropped."""
    alive = records.alive(table).combine_chunks()
    living = table.filter(alive)
    children, reasons = stage.expand(living)
    children = children.cast(table.schema)
    if not pc.all(pc.is_in(children["parent"], living["id"])).as_py() and children.num_rows:
        raise ContractError(f"stage {stage.name} made a child of no living record")
    has_child = pc.is_in(living["id"], children["parent"])
    if len(reasons) != living.num_rows or not has_child.equals(pa.chunked_array([pc.is_null(reasons)])):
        raise ContractError(f"stage {stage.name} did not give children or a reason for each record")
    why = pc.replace_with_mask(pa.nulls(table.num_rows, pa.string()), alive, reasons)
    table = records.drop(table, pc.is_valid(why), stage=stage.name, reason=why)
    expanded = pc.and_(alive, pc.is_null(why))
    table = records.with_columns(
        table,
        {
            "fate": pc.if_else(expanded, "expanded", table["fate"]),
            "stage": pc.if_else(expanded, stage.name, table["stage"]),
        },
    )
    return pa.concat_tables([table, children]).combine_chunks()


def align(verdict: pa.Table, ids: pa.ChunkedArray) -> pa.Table:
    """The verdict's rows in the order of `ids`; null where there is none."""
    return verdict.take(pc.index_in(ids, verdict["id"].combine_chunks())).combine_chunks()


def _on_living(stage: Stage, table: pa.Table, apply: Callable[[pa.Table], pa.Table]) -> pa.Table:
    if table["fate"].null_count == table.num_rows:
        return _checked(stage, table, apply(table))
    mask = records.alive(table).to_numpy()
    living = table.filter(pa.array(mask)).combine_chunks()
    if living.num_rows == 0:
        return table
    after = _checked(stage, living, apply(living))
    fated = table.filter(pa.array(~mask))
    order = np.argsort(np.concatenate([np.flatnonzero(mask), np.flatnonzero(~mask)]), kind="stable")
    return pa.concat_tables([after, fated]).take(pa.array(order)).combine_chunks()


def _checked(stage: Stage, before: pa.Table, after: pa.Table) -> pa.Table:
    if after.schema != before.schema or after.num_rows != before.num_rows:
        raise ContractError(f"stage {stage.name} changed the schema or the number of rows")
    free = {*stage.adds.names, *records.FATE.names}
    if free & set(records.TEXT_FIELDS):
        free |= set(records.own_fields(before.schema))
    for name in before.column_names:
        if name not in free and not after[name].equals(before[name]):
            raise ContractError(f"stage {stage.name} changed {name}, which it does not declare")
    return after
