"""Texts that mean the same in other words: clusters by the cosine of their vectors, and the stage `semantic`.

Vectors are compared in blocks; every pair close to the threshold is computed again exactly, so neither the
order nor the partitions change a verdict. What a model takes for the same need not be: a record is dropped
only where the recipe says so and no number, date, document number or region speaks against it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic import Field

from curation import records, stage
from curation.deduplicate import encoder
from curation.deduplicate.columns import numbers, packed, string_bytes, unpacked
from curation.deduplicate.cosine import Rows, apart, cosine_clusters, to_first
from curation.deduplicate.encoder import Encoder, Vectors
from curation.deduplicate.exact import digests
from curation.deduplicate.stage import record_texts
from curation.deduplicate.veto import VETOES, signatures
from curation.errors import UsageError

_DECODED = 8192
"""Vectors that are taken out of Arrow at once."""


@dataclass(frozen=True)
class SemanticCluster:
    """Texts that are linked by pairs at or above the threshold.

    Attributes:
        members: rows, the longest text first; of equally long ones an order that the input's has no part in.
        similarity: of each member to the first. A chain of links may reach one below the threshold.
    """

    members: list[int]
    similarity: list[float]


@dataclass(frozen=True)
class SemanticClusters:
    """The clusters of two or more among `texts` texts, biggest first."""

    texts: int
    threshold: float
    clusters: list[SemanticCluster]

    def least_similar(self, limit: int = 10) -> list[tuple[float, int, int]]:
        """The members farthest from the first of their cluster: similarity, row, row of the first."""
        pairs = [
            (similarity, row, cluster.members[0])
            for cluster in self.clusters
            for row, similarity in zip(cluster.members[1:], cluster.similarity[1:], strict=True)
        ]
        return sorted(pairs)[:limit]

    def lines(self, texts: Sequence[str] | None = None, limit: int = 10) -> list[str]:
        """The biggest clusters and the least similar members.

        Args:
            texts: to show the beginning of each, on the screen only.
        """
        held = sum(len(cluster.members) for cluster in self.clusters)
        told = [
            f"{self.texts:,} texts, {held:,} of them in {len(self.clusters):,} clusters at {self.threshold:g}"
        ]
        if chained := sum(value < self.threshold for each in self.clusters for value in each.similarity):
            told.append(
                f"{chained:,} are less similar to the first of their cluster, linked to it by others only: "
                "where these are many, the threshold is too low for this model"
            )
        for number, cluster in enumerate(self.clusters[:limit], 1):
            told.append(f"cluster {number}: {len(cluster.members):,} texts")
            shown = list(zip(cluster.members, cluster.similarity, strict=True))[:limit]
            told += [f"  {similarity:.3f}  {_named(row, texts)}" for row, similarity in shown]
        if pairs := self.least_similar(limit):
            told.append("least similar to the first of their cluster")
            told += [
                f"  {similarity:.3f}  {_named(row, texts)}  |  {_named(first, texts)}"
                for similarity, row, first in pairs
            ]
        return told


def semantic_clusters(
    texts: Sequence[str], model: Path | str | Encoder, threshold: float = 0.9
) -> SemanticClusters:
    """The clusters of texts whose vectors have a cosine of at least `threshold`.

    Args:
        model: the folder of a model2vec or sentence-transformers model, or an object with `encode`. How much
            of a long text counts is the model's: model2vec reads all, most others the first 512 tokens.

    Raises:
        UsageError: no model in this folder, a missing library, vectors that cannot be used.
    """
    if not 0 < threshold <= 1:
        raise UsageError(f"threshold {threshold}: more than 0, at most 1")
    vectors = encoder.encode(texts, encoder.find(model) if isinstance(model, (Path, str)) else model)
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    clusters = [
        SemanticCluster(rows.tolist(), to_first(vectors, rows).tolist())
        for rows in cosine_clusters(vectors, threshold, _ranked(lengths, digests(texts)))
    ]
    clusters.sort(key=lambda cluster: (-len(cluster.members), cluster.members[0]))
    return SemanticClusters(len(texts), threshold, clusters)


class SemanticParams(stage.Params):
    """Which records mean the same and what happens to them.

    Attributes:
        model: the folder of a model2vec or sentence-transformers model on this machine.
        threshold: smallest cosine of two records' vectors.
        drop: whether a record goes that means the same as a longer one. One that differs from it in a number,
            a date, a document number or a region stays in any case.
    """

    model: str
    threshold: float = Field(0.95, gt=0, le=1)
    drop: bool = False


class Semantic(stage.Exchange):
    """Name the record that means the same: `variant_of`, or with `drop` also `duplicate_of`.

    Of each cluster the longest text stands for those that reach the threshold with it, then the longest of
    what is left; of equally long texts the one with the first digest, of the same texts the first id. A kept
    record of which `deduplicate` has said something keeps that.
    """

    name = "semantic"
    version = 2
    Params = SemanticParams

    def __init__(self, params: SemanticParams, *, key: bytes | None = None) -> None:
        super().__init__(params, key=key)
        self._model = encoder.find(self.params.model)  # its faults are told before anything is read
        self.packages = self._model.packages  # type: ignore[misc]  # depends on the recipe

    def files(self) -> tuple[Path, ...]:
        return self._model.files()

    def keys(self, table: pa.Table) -> pa.Table:
        texts = record_texts(table)
        vectors = encoder.encode(texts, self._model)
        columns = {
            "id": table["id"],
            "length": pa.array(map(len, texts), pa.int64()),
            "digest": packed(digests(texts)),
            # No value for a text without a meaning, so that a partition of such texts has the same columns.
            "vector": pa.array([row.tobytes() if row.any() else None for row in vectors], pa.binary()),
        }
        if self.params.drop:
            columns["signature"] = pa.array(signatures(texts, VETOES))
        return pa.table(columns)

    def decide(self, keys: pa.Table, fetch: stage.Fetch) -> pa.Table:
        vectors = _unpacked(keys["vector"])
        none = np.zeros(keys.num_rows, np.uint64)
        signature = keys["signature"].to_numpy() if self.params.drop else none
        ref, score = np.full(keys.num_rows, -1), np.zeros(keys.num_rows)
        goes = np.zeros(keys.num_rows, bool)
        ranked = _ranked(
            numbers(keys["length"]), unpacked(keys["digest"], np.uint64), keys["id"].combine_chunks()
        )
        waiting = list(cosine_clusters(vectors, self.params.threshold, ranked))
        while waiting:
            rows = waiting.pop()
            if len(rows) > 1:
                similarity = to_first(vectors, rows)
                near = similarity >= self.params.threshold
                said = near & ((ref[rows] < 0) | (signature[rows] == signature[rows[0]]))
                said[0] = near[0] = False
                ref[rows[said]], score[rows[said]] = rows[0], similarity[said]
                same = near & (signature[rows] == signature[rows[0]])
                goes[rows[same]] = self.params.drop
                rest = rows[~same][1:]
                # Where all have a record they vary, only those that agree in all numbers have more to say.
                waiting += apart(rest, signature[rest]) if (ref[rest] >= 0).all() else [rest]
        about = np.flatnonzero(ref >= 0)
        ids, refs = keys["id"].take(about), keys["id"].take(ref[about])
        relation = pa.array(np.where(goes[about], "duplicate_of", "variant_of"), pa.string())
        return pa.table({"id": ids, "ref_id": refs, "relation": relation, "score": score[about]})

    def apply(self, table: pa.Table, verdict: pa.Table) -> pa.Table:  # type: ignore[override]
        goes = pc.fill_null(pc.equal(verdict["relation"], "duplicate_of"), False)
        named = pc.or_(goes, pc.and_(pc.is_valid(verdict["relation"]), pc.is_null(table["relation"])))
        relation = {
            name: pc.if_else(named, verdict[name], table[name]) for name in ("ref_id", "relation", "score")
        }
        table = records.with_columns(table, relation)
        return records.drop(table, goes, stage=self.name, reason="semantic_duplicate", **relation)


def _named(row: int, texts: Sequence[str] | None) -> str:
    beginning = "" if texts is None else "  " + " ".join(texts[row][:200].split())[:40]
    return f"row {row}{beginning}"


def _ranked(lengths: Rows, digests: NDArray[np.uint64], ids: pa.Array | None = None) -> Rows:
    """The rows, longest text first, then by digest, then by id, 9 before 10."""
    by = [-lengths, *digests.T]
    if ids is not None:
        by += [string_bytes(ids), numbers(pc.rank(ids, tiebreaker="dense"))]
    return np.lexsort(by[::-1])


def _unpacked(column: pa.ChunkedArray) -> Vectors:
    widths = set(pc.unique(pc.binary_length(column.drop_null())).to_pylist())
    vectors = np.zeros((len(column), max(widths, default=0) // 2), np.float16)
    for start in range(0, len(column), _DECODED):
        values = column.slice(start, _DECODED)
        rows = np.flatnonzero(values.is_valid())
        found = np.frombuffer(b"".join(values.drop_null().to_pylist()), np.float16)
        vectors[start + rows] = found.reshape(len(rows), vectors.shape[1])
    return vectors
