"""What people may look at in a run: the records that were kept or are held for them, as `anonymise` got them.

The originals are read from the run's private partitions, only for the records that are shown.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from curation import decisions, parquet, records
from curation.anonymise import policy as policies
from curation.decisions import Marked
from curation.errors import UsageError
from curation.files import sha256
from curation.label import features, keywords
from curation.label import taxonomy as taxonomies
from curation.label.stage import NEVER
from curation.label.taxonomy import Taxonomy
from curation.pipeline import REVIEW
from curation.run import Run

_BRIEF = (
    "id",
    "parent",
    "kind",
    "fate",
    "stage",
    "reason",
    "cluster",
    "labels",
    "content",
    *records.TEXT_FIELDS,
)


@dataclasses.dataclass(frozen=True)
class Suggestion:
    """What the machine would say: an entry of the column `labels`."""

    value: str
    confidence: float | None
    method: str
    abstained: bool

    @property
    def machine(self) -> decisions.Machine | None:
        """What a decision remembers of it; None where the label is a person's by now."""
        if self.method == records.PERSON:
            return None
        return decisions.Machine(value=self.value, method=self.method, abstained=self.abstained)


@dataclasses.dataclass(frozen=True)
class Mark:
    """Personal data that was found.

    Attributes:
        field, start, end: code-point offsets in a text of the case.
        type: a type of the policy.
        instead: what readers see in its place; None where the policy leaves it.
    """

    field: str
    start: int
    end: int
    type: str
    instead: str | None


@dataclasses.dataclass(frozen=True)
class Case:
    """A record as people judge it.

    Attributes:
        kind: as in `records`.
        content: digest of `texts`, which a decision names.
        texts: those of title, text and reply that are there, with the personal data in them.
        marks: in the order of each text, without overlaps.
        suggestion: None where the record has no label of the taxonomy.
        held: the stage that holds the record for people, if one does.
        suspected: where that is `anonymise`, the types that a second detector still found.
    """

    id: str
    kind: str
    content: str
    texts: dict[str, str]
    marks: tuple[Mark, ...]
    suggestion: Suggestion | None
    held: str | None
    suspected: tuple[str, ...] = ()

    @property
    def masked(self) -> dict[str, str]:
        """The texts with what the policy replaces out of them."""
        return {
            field: _masked(text, [m for m in self.marks if m.field == field])
            for field, text in self.texts.items()
        }


@dataclasses.dataclass(frozen=True)
class Reviewable:
    """The records of a run that people may look at.

    Attributes:
        run: the run.
        taxonomy: of the stage `label`; None where the recipe has none.
        policy: of the stage `anonymise`; None where the recipe has none.
        read, finished: keys of the partitions before `anonymise` (if it ran) and at the end, side by side.
        decided: how many lines of `decisions` the run has applied.
    """

    run: Run
    taxonomy: Taxonomy | None
    policy: policies.Policy | None
    read: tuple[str, ...] | None
    finished: tuple[str, ...]
    decided: int

    @property
    def decisions(self) -> Path:
        """Where what people decide about this run is written."""
        return self.run.private / decisions.NAME

    @cached_property
    def brief(self) -> pa.Table:
        """A row per record: `id`, `content`, `cluster`, `part` (which partition), `held` (by which stage),
        of its label `value`, `confidence`, `method`, `abstained`, and `standing`: `settled` where two people
        had decided before the run, `unreviewed` where a reviewer is missing; null where there is none."""
        parts = [self._brief(number, key) for number, key in enumerate(self.finished)]
        table = pa.concat_tables(parts).combine_chunks()
        return table.append_column("standing", self._standing(table))

    def votes(self) -> pa.ChunkedArray:
        """For each row of `brief` the label that the taxonomy's keywords are sure of; null for none."""
        if self.taxonomy is None:
            return pa.chunked_array([pa.nulls(self.brief.num_rows, pa.string())])
        voted = [self._votes(number, key) for number, key in enumerate(self.finished)]
        return pa.chunked_array(voted, pa.string())

    def cases(self, ids: Sequence[str]) -> list[Case]:
        """The records with these ids, in their order.

        Raises:
            KeyError: an id that is none of `brief`.
        """
        rows = pc.index_in(pa.array(ids, pa.string()), self.brief["id"].combine_chunks())
        if rows.null_count:
            raise KeyError("not a record that people may look at")
        wanted = self.brief.take(rows)
        found: dict[str, Case] = {}
        for part in wanted["part"].unique().to_pylist():
            here = set(wanted.filter(pc.equal(wanted["part"], part))["id"].to_pylist())
            found |= {case.id: case for case in self._cases(part, here)}
        return [found[id_] for id_ in ids]

    def marked(self, case: Case, spans: Sequence[Marked]) -> Case:
        """The record with the personal data that people marked instead of what was found."""
        rules = self.policy.of(case.kind) if self.policy else {}
        marks = [
            Mark(
                one.field,
                one.start,
                one.end,
                one.type,
                rules[one.type].placeholder if one.type in rules and rules[one.type].changes else None,
            )
            for one in sorted(spans, key=lambda one: one.start)
        ]
        return dataclasses.replace(case, marks=tuple(marks))

    def _brief(self, number: int, key: str) -> pa.Table:
        texts = records.TEXT_FIELDS if self.read is None else ()
        table = self._partition(key, (*_BRIEF, *texts))
        held = pc.fill_null(pc.equal(table["reason"], "review"), False)
        fate = pc.fill_null(table["fate"], "kept")
        open_ = pc.or_(pc.is_in(fate, pa.array(["kept", "expanded"])), held)
        asked = pc.or_(held, pc.invert(pc.is_in(table["kind"], pa.array(NEVER))))
        table = table.filter(pc.and_(pc.and_(open_, asked), pc.is_null(table["parent"])))
        said = [self._suggestion(labels) for labels in table["labels"].to_pylist()]
        columns: dict[str, Any] = {
            "id": table["id"],
            "content": pa.array(decisions.contents(table), pa.string()) if texts else table["content"],
            "cluster": table["cluster"],
            "part": pa.repeat(pa.scalar(number, pa.int32()), table.num_rows),
            "held": pc.if_else(pc.is_valid(table["reason"]), table["stage"], None),
        }
        for name, kind in SAID.items():
            columns[name] = pa.array([one and getattr(one, name) for one in said], kind)
        return pa.table(columns)

    def _standing(self, brief: pa.Table) -> pa.Array:
        known = decisions.in_force(decisions.read(self.decisions)[: self.decided])
        there = dict(zip(brief["id"].to_pylist(), brief["content"].to_pylist(), strict=True))
        scheme = self.taxonomy.name if self.taxonomy else None
        now = [one for one in known if there.get(one.id) == one.content]
        held = decisions.standing(now, "label", scheme)
        said = [held.get(id_) for id_ in there]
        return pa.array(
            [one and ("settled" if one.annotator and one.reviewer else "unreviewed") for one in said],
            pa.string(),
        )

    def _votes(self, number: int, key: str) -> pa.Array:
        assert self.taxonomy is not None
        ids = self.brief.filter(pc.equal(self.brief["part"], number))["id"]
        table = self._partition(key, ("id", "title", "text"))
        table = table.take(pc.index_in(ids, table["id"].combine_chunks()))
        documents = list(map(features.document, table["title"].to_pylist(), table["text"].to_pylist()))
        won = keywords.winner(keywords.votes(self.taxonomy, documents))
        sure = [int(label) if sure else None for label, sure in zip(won.label, won.sure, strict=True)]
        return pa.array(self.taxonomy.values, pa.string()).take(pa.array(sure, pa.int64()))

    def _cases(self, part: int, ids: set[str]) -> list[Case]:
        finished = self._rows(self.finished[part], ids)
        before = finished if self.read is None else self._rows(self.read[part], ids)
        return [self._case(one, before[id_]) for id_, one in finished.items()]

    def _case(self, finished: dict[str, Any], before: dict[str, Any]) -> Case:
        texts = {field: before[field] for field in records.TEXT_FIELDS if before[field]}
        return Case(
            finished["id"],
            finished["kind"],
            decisions.content_digest(*(before[field] for field in records.TEXT_FIELDS)),
            texts,
            tuple(
                self._mark(one, finished["kind"]) for one in finished["pii"] or () if one["field"] in texts
            ),
            self._suggestion(finished["labels"]),
            finished["stage"] if finished["reason"] == "review" else None,
            _suspected(finished),
        )

    def _mark(self, found: dict[str, Any], kind: str) -> Mark:
        instead = None
        if self.policy is not None and found["action"] != "keep":
            instead = self.policy.of(kind)[found["type"]].placeholder
        return Mark(found["field"], found["start"], found["end"], found["type"], instead)

    def _suggestion(self, labels: list[dict[str, Any]] | None) -> Suggestion | None:
        for label in reversed(labels or ()):
            if self.taxonomy and label["scheme"] == self.taxonomy.name and label["value"] is not None:
                return Suggestion(
                    label["value"], label["confidence"], label["method"], bool(label["abstained"])
                )
        return None

    def _rows(self, key: str, ids: set[str]) -> dict[str, dict[str, Any]]:
        columns = ("id", "kind", "labels", "pii", "stage", "reason", "evidence", *records.TEXT_FIELDS)
        table = self._partition(key, columns)
        table = table.filter(pc.is_in(table["id"], pa.array(ids, pa.string())))
        return {row["id"]: row for row in table.to_pylist()}

    def _partition(self, key: str, columns: Sequence[str]) -> pa.Table:
        try:
            return parquet.read(self.run.private / "partitions" / f"{key}.records.parquet", list(columns))
        except OSError:
            raise UsageError(f"{self.run.private}: records are missing; curate again") from None


SAID = {"value": pa.string(), "confidence": pa.float64(), "method": pa.string(), "abstained": pa.bool_()}


def load(folder: Path) -> Reviewable:
    """What people may look at in a run.

    Raises:
        UsageError: not a finished run, one of an earlier version, or its taxonomy or policy is another now.
    """
    run = Run(folder)
    run.lock()
    try:
        where = orjson.loads((run.private / REVIEW).read_bytes())
    except (OSError, orjson.JSONDecodeError):
        raise UsageError(f"{run.private}: has no {REVIEW}; curate again") from None
    if not isinstance(where, dict) or where.get("schema") != "review/1":
        raise UsageError(f"{run.private}: {REVIEW} is of another version; curate again")
    label, anonymise = (where["stages"].get(name) for name in ("label", "anonymise"))
    used = [*(taxonomies.files(label["taxonomy"]) if label else ())]
    used += policies.files(anonymise["policy"]) if anonymise else ()
    for path in used:
        if where["files"].get(str(path.resolve())) != sha256(path):
            raise UsageError(f"{path.name}: is another now than when {folder} was made; curate again")
    return Reviewable(
        run,
        taxonomies.load(label["taxonomy"]) if label else None,
        policies.load(anonymise["policy"]) if anonymise else None,
        None if where["read"] is None else tuple(where["read"]),
        tuple(where["finished"]),
        where["decided"],
    )


def _suspected(finished: dict[str, Any]) -> tuple[str, ...]:
    is_held = finished["stage"] == "anonymise" and finished["reason"] == "review"
    return tuple((finished["evidence"] or "").split(", ")) if is_held and finished["evidence"] else ()


def _masked(text: str, marks: Sequence[Mark]) -> str:
    parts: list[str] = []
    at = 0
    for mark in marks:
        if mark.instead is not None:
            parts += text[at : mark.start], mark.instead
            at = mark.end
    return "".join([*parts, text[at:]])
