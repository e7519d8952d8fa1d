"""The stage `deduplicate`: of texts that say the same one stays, variants all stay, each names the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, model_validator

from curation import records, stage
from curation.deduplicate.columns import numbers, unpacked
from curation.deduplicate.containment import LEAST, Containment
from curation.deduplicate.contents import FetchTexts, Texts
from curation.deduplicate.exact import distinct
from curation.deduplicate.keep import Policy, moments, preferences
from curation.deduplicate.near import judge
from curation.deduplicate.normalise import Normalisation, normalised
from curation.deduplicate.summary import summarise
from curation.deduplicate.verdict import Rows, Standing, Verdict
from curation.deduplicate.veto import VETOES, Veto

FACT_OF: dict[Policy, str] = {"newest": "moment", "quality": "quality", "source_priority": "source"}
"""What a policy goes by besides the text, see `summary.FACTS`."""

QUALITY = "quality"
"""The metric of a record's `quality` that the policy of that name goes by."""


class DeduplicateParams(stage.Params):
    """What is a duplicate and which one stays.

    Attributes:
        threshold: smallest similarity of near duplicates (Jaccard index of the sets of code-point 5-grams).
        keep: policies in turn; what they leave open, the digest of the text and then the id decide.
        source_priority: values of `source` for the policy of that name, the preferred one first.
        veto: similar texts that differ in one of these are variants of each other and all stay.
        method: `exact` looks for identical texts only.
        normalise: differences that do not count.
        containment: share of a text's distinct 5-grams that must stand in one longer text for it to go, such
            as 0.95; None where standing in another one is no reason.
    """

    threshold: float = Field(0.8, gt=0, le=1)
    keep: list[Policy] = Field(["longest"], min_length=1)
    source_priority: list[str] = Field([])
    veto: list[Veto] = Field(list(VETOES))
    method: Literal["exact", "near"] = "near"
    normalise: list[Normalisation] = Field([])
    containment: float | None = Field(None, ge=LEAST, le=1)

    @model_validator(mode="after")
    def _policy_and_its_list(self) -> DeduplicateParams:
        if ("source_priority" in self.keep) != bool(self.source_priority):
            raise ValueError("keep: source_priority and the list source_priority need each other")
        return self

    @model_validator(mode="after")
    def _containment_goes_with_near(self) -> DeduplicateParams:
        if self.containment is not None and self.method == "exact":
            raise ValueError("containment: goes with method near, not with exact")
        return self

    @property
    def facts(self) -> set[str]:
        """The columns of `summary.FACTS` that the verdict needs."""
        return {"id", *(FACT_OF[policy] for policy in self.keep if policy in FACT_OF)}

    def summarise(self, texts: Sequence[str], facts: pa.Table) -> pa.Table:
        """What the verdict needs of each text, see `summary.summarise`."""
        near = self.threshold if self.method == "near" else None
        contained = self.containment is not None
        return summarise(normalised(texts, self.normalise), facts, near, containment=contained)

    def normalised(self, fetch: FetchTexts) -> FetchTexts:
        """Texts without the differences that do not count."""
        return lambda rows: normalised(fetch(rows), self.normalise)

    def judge(self, summary: pa.Table, fetch: FetchTexts) -> Verdict:
        """The verdict over all texts, given in input order; `fetch` is asked for those of candidates."""
        lengths = numbers(summary["length"])
        prefer = preferences(self.keep, summary, self.source_priority)
        same = distinct(
            unpacked(summary["digest"], np.uint64), lengths, prefer, summary["id"].combine_chunks()
        )
        if self.method == "exact":
            return same.spread(Standing.alone(len(same.best)))
        standing = judge(
            Texts(same.best, lengths[same.best], self.normalised(fetch)),
            unpacked(summary["bands"], np.uint32)[same.best],
            [preference[same.best] for preference in prefer],
            threshold=self.threshold,
            vetoes=self.veto,
            containment=None
            if self.containment is None
            else Containment(self.containment, summary["fingerprints"], same.best, self.normalised(fetch)),
        )
        return same.spread(standing)


class Deduplicate(stage.Exchange):
    """Drop duplicates (`exact_duplicate`, `near_duplicate`, `contained`), mark variants, fill `cluster`.

    A record's text is its non-empty title, text and reply, joined by line ends.
    """

    name = "deduplicate"
    version = 2
    Params = DeduplicateParams
    adds = pa.schema([records.PUBLIC.field("cluster")])

    def keys(self, table: pa.Table) -> pa.Table:
        facts = {"id": table["id"]}
        if "moment" in self.params.facts:
            facts["moment"] = moments(table["original_time"].to_pylist())
        if "quality" in self.params.facts:
            facts["quality"] = pa.array(map(_quality, table["quality"].to_pylist()), pa.float64())
        if "source" in self.params.facts:
            facts["source"] = table["source"]
        return self.params.summarise(record_texts(table), pa.table(facts))

    def decide(self, keys: pa.Table, fetch: stage.Fetch) -> pa.Table:
        ids = keys["id"].combine_chunks()

        def fetch_texts(rows: Rows) -> list[str]:
            return record_texts(fetch(ids.take(rows).to_pylist(), records.TEXT_FIELDS))

        return pa.table({"id": ids, **said(self.params.judge(keys, fetch_texts), ids)})

    def apply(self, table: pa.Table, verdict: pa.Table) -> pa.Table:  # type: ignore[override]
        related = pc.is_valid(verdict["relation"])
        relation = {
            name: pc.if_else(related, verdict[name], table[name]) for name in ("ref_id", "relation", "score")
        }
        table = records.with_columns(table, {**relation, "cluster": verdict["cluster"]})
        goes = pc.is_valid(verdict["reason"])
        return records.drop(table, goes, stage=self.name, reason=verdict["reason"], **relation)


def record_texts(table: pa.Table) -> list[str]:
    """The text of each record: its non-empty text fields joined by line ends."""
    # (`binary_join_element_wise` leaves out a row in which all are null.)
    fields = zip(*(table[name].to_pylist() for name in records.TEXT_FIELDS), strict=True)
    return ["\n".join(filter(None, texts)) for texts in fields]


def said(verdict: Verdict, ids: pa.Array) -> dict[str, pa.Array]:
    """The verdict as columns: reason, ref_id, relation, score, cluster."""
    goes = verdict.relation == "duplicate_of"
    other = np.where(verdict.contained, "contained", "near_duplicate")
    reason = np.where(verdict.exact, "exact_duplicate", other)
    alone = verdict.ref < 0
    return {
        "reason": pa.array(reason, pa.string(), mask=~goes),
        "ref_id": ids.take(pa.array(verdict.ref, mask=alone)),
        "relation": pa.array(verdict.relation, pa.string()),
        "score": pa.array(verdict.score, mask=alone),
        "cluster": ids.take(pa.array(verdict.cluster)),
    }


def _quality(metrics: list[dict[str, Any]] | None) -> float | None:
    """The record's own quality among its metrics."""
    return next((metric["value"] for metric in metrics or () if metric["metric"] == QUALITY), None)
