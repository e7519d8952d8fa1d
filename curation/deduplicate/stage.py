"""The stage `deduplicate`: of texts that say the same one stays, variants all stay, each names the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic import Field

from curation import records, stage
from curation.deduplicate.compare import FetchTexts
from curation.deduplicate.exact import digests, judge_exact
from curation.deduplicate.keep import Policy, rank
from curation.deduplicate.minhash import band_keys
from curation.deduplicate.near import judge
from curation.deduplicate.verdict import Rows, Summary, Verdict
from curation.deduplicate.veto import VETOES, Veto

Item = TypeVar("Item", bound=np.generic)


class DeduplicateParams(stage.Params):
    """What is a duplicate and which one stays.

    Attributes:
        threshold: smallest similarity of near duplicates (Jaccard index of the sets of code-point 5-grams).
        keep: policies in turn; among equals the first in the input stays.
        veto: similar texts that differ in one of these are variants of each other and all stay.
        method: `exact` looks for identical texts only.
    """

    threshold: float = Field(0.8, gt=0, le=1)
    keep: list[Policy] = Field(["longest"], min_length=1)
    veto: list[Veto] = Field(list(VETOES))
    method: Literal["exact", "near"] = "near"

    def summarise(self, texts: Sequence[str]) -> Summary:
        """What the verdict needs of each text."""
        if self.method == "exact":
            bands = np.empty((len(texts), 0), np.uint32)
        else:
            bands = band_keys(texts, self.threshold)
        return Summary(digests(texts), np.fromiter(map(len, texts), np.int64, len(texts)), bands)

    def judge(self, summary: Summary, times: Sequence[str | None], fetch: FetchTexts) -> Verdict:
        """The verdict over all texts, given in input order."""
        places = rank(self.keep, summary.lengths, times)
        if self.method == "exact":
            return judge_exact(summary, places)
        return judge(summary, places, fetch, threshold=self.threshold, vetoes=self.veto)


class Deduplicate(stage.Exchange):
    """Drop duplicates (`exact_duplicate`, `near_duplicate`), mark variants, fill `cluster`.

    A record's text is its non-empty title, text and reply, joined by line ends.
    """

    name = "deduplicate"
    Params = DeduplicateParams
    adds = pa.schema([records.PUBLIC.field("cluster")])

    def keys(self, table: pa.Table) -> pa.Table:
        summary = self.params.summarise(record_texts(table))
        columns = {
            "id": table["id"],
            "digest": _packed(summary.digests),
            "length": summary.lengths,
            "original_time": table["original_time"],
        }
        if self.params.method == "near":
            columns["bands"] = _packed(summary.bands)
        return pa.table(columns)

    def decide(self, keys: pa.Table, fetch: stage.Fetch) -> pa.Table:
        ids = keys["id"].combine_chunks()

        def fetch_texts(rows: Rows) -> list[str]:
            return record_texts(fetch(ids.take(rows).to_pylist(), records.TEXT_FIELDS))

        none = np.empty((keys.num_rows, 0), np.uint32)
        summary = Summary(
            digests=_unpacked(keys["digest"], np.uint64),
            lengths=keys["length"].to_numpy(),
            bands=_unpacked(keys["bands"], np.uint32) if self.params.method == "near" else none,
        )
        verdict = self.params.judge(summary, keys["original_time"].to_pylist(), fetch_texts)
        return pa.table({"id": ids, **said(verdict, ids)})

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
    fields = [pc.if_else(pc.equal(table[name], ""), None, table[name]) for name in records.TEXT_FIELDS]
    texts: list[str] = pc.binary_join_element_wise(*fields, "\n", null_handling="skip").to_pylist()
    return texts


def said(verdict: Verdict, ids: pa.Array) -> dict[str, pa.Array]:
    """The verdict as columns: reason, ref_id, relation, score, cluster."""
    goes = verdict.relation == "duplicate_of"
    reason = np.where(verdict.exact, "exact_duplicate", "near_duplicate")
    alone = verdict.ref < 0
    return {
        "reason": pa.array(reason, pa.string(), mask=~goes),
        "ref_id": ids.take(pa.array(verdict.ref, mask=alone)),
        "relation": pa.array(verdict.relation, pa.string()),
        "score": pa.array(verdict.score, mask=alone),
        "cluster": ids.take(pa.array(verdict.cluster)),
    }


def _packed(rows: NDArray[Any]) -> pa.Array:
    """A matrix as fixed-size binary, one value per row."""
    width = rows.shape[1] * rows.itemsize
    buffer = pa.py_buffer(np.ascontiguousarray(rows))
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(width), len(rows), [None, buffer])


def _unpacked(column: pa.ChunkedArray, kind: type[Item]) -> NDArray[Item]:
    joined = b"".join(column.to_pylist())
    return np.frombuffer(joined, kind).reshape(len(column), column.type.byte_width // np.dtype(kind).itemsize)
