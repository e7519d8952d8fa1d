"""The stage `instruct`: of each record the chat examples of one task, or a reason why it gives none."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from curation import records, shipped, stage
from curation.instruct.task import LabelTask, conversations, load

INHERITED = ("kind", "labels", "source", "license", "original_time", "cluster", "split")
"""What an example has of the record it was made of, besides the recipe's own category fields."""


class InstructParams(stage.Params):
    """What is asked.

    Attributes:
        task: a shipped task (dispatch, reply, consultation) or a YAML file.
    """

    task: str


class Instruct(stage.Expand):
    """Make chat examples (`messages`). A record of which none can be made is dropped with the reason:
    `other_kind`, `no_label`, `review` where the labeller abstained, or one of `conversations`.
    """

    name = "instruct"
    Params = InstructParams
    requires = frozenset({"split"})
    adds = pa.schema([records.PUBLIC.field("messages")])

    def __init__(self, params: InstructParams, *, key: bytes | None = None) -> None:
        super().__init__(params, key=key)
        self.task = load(params.task)

    def files(self) -> tuple[Path, ...]:
        return (shipped.find("tasks", self.params.task), *self.task.files())

    def expand(self, table: pa.Table) -> tuple[pa.Table, pa.Array]:
        none = pa.scalar(None, pa.string())
        ours = pc.is_in(table["kind"], pa.array(self.task.kinds)).combine_chunks()
        reasons = pc.if_else(ours, none, "other_kind")
        asked = table.select(["id", *records.TEXT_FIELDS])
        if isinstance(self.task, LabelTask):
            label, abstained = label_of(table, self.task.labels.name)
            reasons = pc.coalesce(reasons, pc.if_else(abstained, "review", none))
            asked = asked.append_column("label", label)
        fit = pc.is_null(reasons)
        made, silent = conversations(self.task, asked.filter(fit))
        parents = table.filter(fit).take(made["row"])
        return self._children(parents, made), pc.replace_with_mask(reasons, fit, silent)

    def _children(self, parents: pa.Table, made: pa.Table) -> pa.Table:
        own = records.own_fields(parents.schema)
        return records.table(
            {
                **{name: parents[name] for name in (*INHERITED, *own)},
                "id": made["id"],
                "parent": parents["id"],
                "messages": made["messages"],
                "generated": pc.or_(pc.fill_null(parents["generated"], False), made["generated"]),
            },
            own,
        )


def label_of(table: pa.Table, scheme: str) -> tuple[pa.Array, pa.Array]:
    """Each record's label of a scheme, null where it has none, and whether the labeller abstained."""
    labels = table["labels"].combine_chunks()
    entries = pc.list_flatten(labels)
    ours = pc.equal(pc.struct_field(entries, "scheme"), scheme)
    entries, owners = entries.filter(ours), pc.list_parent_indices(labels).filter(ours)
    first = entries.take(pc.index_in(pa.array(range(table.num_rows), owners.type), owners))
    abstained = pc.fill_null(pc.struct_field(first, "abstained"), False)
    return pc.struct_field(first, "value"), abstained
