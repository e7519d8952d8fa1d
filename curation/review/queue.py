"""Which records people see: those that teach the most, and a random audit sample that measures.

Reasons, in the order in which they claim a record:

    unreviewed an annotator has decided, a reviewer has not; half of the places at most
    audit      drawn at random; the only ones whose answers say how good the labels are
    personal   held since something personal may be left
    conflict   the keywords name another label than the suggestion, or a near duplicate has another label
    rare       of a label that few records have
    uncertain  the least confident, the labels taken in turn
    rest       whatever fills the queue of a small run
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from curation.decisions import AUDIT
from curation.errors import UsageError
from curation.records import INPUT, PERSON

SHARES = {"unreviewed": 0.5, AUDIT: 0.25, "personal": 0.15, "conflict": 0.2, "rare": 0.1}
"""Shares of the queue, those after the first of what it leaves; what one does not need, and the rest, is for
`uncertain`."""

REASONS = (*SHARES, "uncertain", "rest")

RARE = 0.5
"""A label is rare with less than this part of the records that each label would have if all were equal."""


@dataclass(frozen=True)
class Item:
    """A place in the queue: which record, and why."""

    id: str
    reason: str


def select(brief: pa.Table, votes: pa.ChunkedArray, *, size: int, seed: int = 0) -> list[Item]:
    """The queue, in an order that tells nothing of the reasons.

    Of each cluster of near duplicates only one record is taken. What two people have decided is not asked
    again.

    Args:
        brief: as `Reviewable.brief`, in any order.
        votes: the label that keywords are sure of, for each row of `brief`; null for none.
        size: how many records, at most.
        seed: another seed draws other records.

    Raises:
        UsageError: `size` is not positive.
    """
    if size < 1:
        raise UsageError("--size: at least 1")
    order = np.asarray(pc.sort_indices(brief["id"]))
    brief, votes = brief.take(order), votes.take(order)
    draw = np.random.default_rng(seed)
    chance = draw.permutation(brief.num_rows)
    method = pc.fill_null(brief["method"], "").to_numpy(zero_copy_only=False)
    held = pc.fill_null(brief["held"], "").to_numpy(zero_copy_only=False)
    standing = pc.fill_null(brief["standing"], "").to_numpy(zero_copy_only=False)
    unreviewed = standing == "unreviewed"
    open_ = (standing == "") & (method != PERSON) | (held == "anonymise")
    labels, codes = _codes(brief["value"])
    confidence = pc.fill_null(brief["confidence"], 0.0).to_numpy()
    guessed = open_ & (codes >= 0) & (method != INPUT)
    against = pc.fill_null(pc.not_equal(votes, brief["value"]), False).to_numpy(zero_copy_only=False)
    rivals = against | _rivals(brief["cluster"], codes)
    counts = np.bincount(codes[codes >= 0], minlength=len(labels))
    rare = np.flatnonzero(counts < RARE * counts.sum() / max(len(labels), 1))
    candidates: dict[str, Iterable[int]] = {
        "unreviewed": _by(chance, unreviewed),
        AUDIT: _by(chance, open_),
        "personal": _by(chance, held == "anonymise"),
        "conflict": _by(confidence, open_ & rivals),
        "rare": _in_turn(codes, confidence, guessed & np.isin(codes, rare)),
        "uncertain": _in_turn(codes, confidence, guessed),
        "rest": _by(chance, open_ | unreviewed),
    }
    picked = _pick(candidates, brief["cluster"].to_pylist(), size)
    ids = brief["id"].to_pylist()
    items = [Item(ids[row], reason) for row, reason in sorted(picked.items())]
    return [items[at] for at in draw.permutation(len(items))]


def _pick(candidates: dict[str, Iterable[int]], clusters: list[str | None], size: int) -> dict[int, str]:
    """Row to reason: each reason its share first, then what is left by `uncertain` and the rest."""
    picked: dict[int, str] = {}
    seen: set[str] = set()
    waiting = {reason: iter(rows) for reason, rows in candidates.items()}
    for reason, share in [*SHARES.items(), ("uncertain", 1.0), ("rest", 1.0)]:
        room = size if reason == "unreviewed" else size - sum(one == "unreviewed" for one in picked.values())
        most = int(share * room)
        end = min(size, len(picked) + most)
        while len(picked) < end and (row := next(waiting[reason], None)) is not None:
            cluster = clusters[row]
            if row in picked or (cluster is not None and cluster in seen):
                continue
            picked[row] = reason
            if cluster is not None:
                seen.add(cluster)
    return picked


def _by(key: NDArray[np.float64] | NDArray[np.int64], mask: NDArray[np.bool_]) -> list[int]:
    """Rows under the mask, the smallest key first."""
    rows = np.flatnonzero(mask)
    return [int(row) for row in rows[np.argsort(key[rows], kind="stable")]]


def _in_turn(
    codes: NDArray[np.int64], confidence: NDArray[np.float64], mask: NDArray[np.bool_]
) -> Iterator[int]:
    """Rows under the mask, the least confident of each label, then the second of each ..."""
    rows = np.array(_by(confidence, mask), np.int64)
    rank = np.zeros(len(rows), np.int64)
    for code in np.unique(codes[rows]):
        same = codes[rows] == code
        rank[same] = np.arange(same.sum())
    yield from (int(row) for row in rows[np.argsort(rank, kind="stable")])


def _codes(values: pa.ChunkedArray) -> tuple[list[str], NDArray[np.int64]]:
    """The sorted values, and of each row the index of its own; -1 for none."""
    labels = sorted(values.drop_null().unique().to_pylist())
    return labels, pc.fill_null(pc.index_in(values, pa.array(labels, pa.string())), -1).to_numpy().astype(
        np.int64
    )


def _rivals(clusters: pa.ChunkedArray, codes: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether another record of the same cluster has another label."""
    names, groups = _codes(clusters)
    known = (groups >= 0) & (codes >= 0)
    lowest = np.full(len(names), np.iinfo(np.int64).max)
    highest = np.full(len(names), -1)
    np.minimum.at(lowest, groups[known], codes[known])
    np.maximum.at(highest, groups[known], codes[known])
    torn = lowest < highest
    return known & torn[np.maximum(groups, 0)] if len(names) else np.zeros(len(codes), bool)
