"""A stage as a function for `datasets.Dataset.map`, for notebooks and for people who hold a `Dataset`."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa

from curation import records
from curation.stage import Exchange, Expand, Stage, run, run_exchange


def as_map(stage: Stage, verdict: pa.Table | None = None) -> Callable[[pa.Table], pa.Table]:
    """The stage as `table -> table`.

    Use it as `dataset.with_format("arrow").map(as_map(stage), batched=True)`. The batch may hold any of the
    columns of `records/1`; the result holds all of them beside its own. No row is missing: look at `fate`.

    Args:
        stage: a row-wise stage, or an exchange together with its verdict.
        verdict: what `Exchange.decide` gave for the whole data set.

    Raises:
        TypeError: the stage makes new records, or is an exchange without a verdict.
    """
    if isinstance(stage, Expand):
        raise TypeError(f"{stage.name} makes new records; run it in a recipe")
    if isinstance(stage, Exchange) and verdict is None:
        raise TypeError(f"{stage.name} needs other rows: give it the verdict of its decide()")
    ready = False

    def apply(batch: pa.Table) -> pa.Table:
        nonlocal ready
        if not ready:
            stage.setup()
            ready = True
        own = records.own_fields(batch.schema)
        table = records.table({name: batch[name] for name in batch.column_names if name not in own})
        after = run_exchange(stage, table, verdict) if isinstance(stage, Exchange) else run(stage, table)
        for name in own:
            after = after.append_column(name, batch[name])
        return after

    return apply
