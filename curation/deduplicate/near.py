"""Which text stands for which: the verdict over all records, each similarity in it exact.

Candidates (`minhash`) are verified; pairs of at least the threshold join texts to clusters. Within a cluster,
texts that no veto keeps apart form groups. The survivor of a group is the best-ranked of those that are
directly similar to most of it; what is directly similar to the survivor is dropped, what is left chooses
again. So each dropped text has a kept one at or above the threshold, never merely a chain of similar ones.
What is kept may then go into a longer text that contains it (`containment`), with all that it stands for.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from curation.deduplicate import runs
from curation.deduplicate.compare import Pairs, Similarities, all_pairs, are_few, components
from curation.deduplicate.containment import Containment, find_contained
from curation.deduplicate.contents import HELD, Contents, Texts
from curation.deduplicate.exact import digests, distinct
from curation.deduplicate.keep import Preferences
from curation.deduplicate.minhash import SMALL_BUCKET, band_keys, candidate_pairs
from curation.deduplicate.verdict import Rows, Standing, Verdict
from curation.deduplicate.winnow import fingerprints

ROUNDS = 8
"""So often the best of a group is compared with all that is left of it; what lasts longer is a chain."""


def find_duplicates(
    texts: Sequence[str],
    *,
    threshold: float = 0.8,
    vetoes: Sequence[str] = (),
    rank: Sequence[int] | None = None,
    containment: float | None = None,
) -> Verdict:
    """Exact and near duplicates among texts in memory.

    The verdict depends on the texts and their ranks alone, not on their order. An empty text has no relation.

    Args:
        threshold: smallest similarity of near duplicates, above 0, at most 1.
        vetoes: names out of `VETOES`; similar texts that differ in them are variants.
        rank: a different number for each text; among duplicates the smallest survives. Default: the order.
        containment: share of a text's 5-grams, at least `containment.LEAST`, that must stand in a longer one
            for the text to go; None where that is no reason.
    """
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    preference = np.arange(len(texts)) if rank is None else np.asarray(rank, np.int64)
    same = distinct(digests(texts), lengths, [preference])

    def fetch(rows: Rows) -> list[str]:
        return [texts[row] for row in rows.tolist()]

    standing = judge(
        Texts(same.best, lengths[same.best], fetch),
        band_keys([texts[row] for row in same.best.tolist()], threshold),
        [preference[same.best]],
        threshold=threshold,
        vetoes=vetoes,
        containment=None
        if containment is None
        else Containment(containment, pa.chunked_array([fingerprints(texts)]), same.best, fetch),
    )
    return same.spread(standing)


def judge(
    contents: Contents,
    bands: NDArray[np.uint32],
    preferences: Preferences,
    *,
    threshold: float,
    vetoes: Sequence[str],
    asked: NDArray[np.bool_] | None = None,
    containment: Containment | None = None,
) -> Standing:
    """The verdict over distinct texts, given in the order of their digests.

    Args:
        bands: shape (texts, bands), see `minhash.band_keys`.
        preferences: what the survivor is chosen by; where they are equal, the order of the texts decides.
        asked: texts that a verdict is wanted of. It is the one they have among all; what is said of the
            others means nothing.
        containment: where texts that stand in longer ones go, too; then a verdict is wanted of all.
    """
    known = Similarities(contents)
    known.add(_of_asked(candidates(bands, contents.lengths, threshold), asked, len(bands)))
    return settle(known, preferences, threshold=threshold, vetoes=vetoes, containment=containment)


def candidates(bands: NDArray[np.uint32], lengths: Rows, threshold: float) -> Pairs:
    """The pairs of texts that may be similar; an empty text is similar to none."""
    some = np.flatnonzero(lengths > 0)
    if are_few(lengths[some]):
        return all_pairs(some)
    return some[candidate_pairs(bands[some], threshold)]


def settle(
    known: Similarities,
    preferences: Preferences,
    *,
    threshold: float,
    vetoes: Sequence[str],
    containment: Containment | None = None,
) -> Standing:
    """The verdict from the similarities of all candidates; what else it needs is compared."""
    rank = np.empty(len(preferences[0]), np.int64)
    rank[np.lexsort(preferences[::-1])] = np.arange(len(rank))
    cluster = components(len(rank), known.pairs[known.scores >= threshold])
    group = _groups(cluster, known.contents, vetoes)
    survivor, score = _survivors(known, group, rank, threshold)
    contained = np.zeros(len(rank), bool)
    if containment is not None:
        found = find_contained(
            containment, known.contents, survivor, rank, threshold=threshold, vetoes=vetoes
        )
        goes, into = found.pairs.T
        survivor[goes], score[goes], contained[goes] = into, found.shares, True
        related = (np.stack((cluster, np.arange(len(rank))), axis=1), found.pairs, found.kin)
        cluster = components(len(rank), np.concatenate(related))
    variant, variant_score = _variants(known, group, survivor, rank, threshold)
    return Standing(survivor, score, contained, variant, variant_score, _best_of(cluster, (rank,)))


def _of_asked(pairs: Pairs, asked: NDArray[np.bool_] | None, texts: int) -> Pairs:
    """The pairs that a verdict asked for may depend on."""
    if asked is None:
        return pairs
    part = components(texts, pairs)
    touched = np.zeros(texts, bool)
    touched[part[asked]] = True
    return pairs[touched[part[pairs[:, 0]]]]


def _groups(cluster: Rows, contents: Contents, vetoes: Sequence[str]) -> Rows:
    """The texts of a cluster that no veto keeps apart, as the index of one of them."""
    if not vetoes:
        return cluster
    members = np.flatnonzero(np.bincount(cluster, minlength=len(cluster))[cluster] > 1)
    marks = np.empty(len(members), np.uint64)
    for block in runs.slices(np.cumsum(contents.sizes[members]) // HELD):
        contents.hold(members[block])
        marks[block] = contents.signatures(members[block], vetoes)
    order = np.lexsort((marks, cluster[members]))
    members, marks = members[order], marks[order]
    group = np.arange(len(cluster))
    group[members] = members[runs.first(cluster[members], marks)]
    return group


def _survivors(
    known: Similarities, group: Rows, rank: Rows, threshold: float
) -> tuple[Rows, NDArray[np.float64]]:
    """The survivor of each text, itself if it is kept, and the similarity to it."""
    survivor, score = np.arange(len(group)), np.ones(len(group))
    edges = known.pairs[known.scores >= threshold]
    edges = edges[group[edges[:, 0]] == group[edges[:, 1]]]
    for _ in range(ROUNDS):
        if not len(edges):
            break
        part = components(len(group), edges)
        size = np.bincount(part, minlength=len(group))[part]
        # Only where all pairs were candidates do the edges say who stands in the middle.
        reach = np.where(size <= SMALL_BUCKET, np.bincount(edges.ravel(), minlength=len(group)), 0)
        chief = _best_of(part, (rank, -reach))
        others = np.flatnonzero((size > 1) & (chief != np.arange(len(group))))
        to_chief = known.of(np.stack((chief[others], others), axis=1))
        goes = others[to_chief >= threshold]
        survivor[goes], score[goes] = chief[goes], to_chief[to_chief >= threshold]
        left = np.ones(len(group), bool)
        left[goes] = left[chief] = False
        left[others[to_chief < threshold]] = True
        edges = edges[left[edges].all(axis=1)]
    if len(edges):
        goes = _by_rank(edges, rank, survivor)
        score[goes] = known.of(np.stack((survivor[goes], goes), axis=1))
    return survivor, score


def _by_rank(edges: Pairs, rank: Rows, survivor: Rows) -> Rows:
    """Of a long chain, best rank first: each one kept takes its neighbours. Returns those that go."""
    neighbours: dict[int, list[int]] = defaultdict(list)
    for one, other in edges.tolist():
        neighbours[one].append(other)
        neighbours[other].append(one)
    goes: set[int] = set()
    for node in sorted(neighbours, key=rank.__getitem__):
        if node not in goes:
            new = [other for other in neighbours[node] if other not in goes]
            survivor[new] = node
            goes.update(new)
    return np.array(sorted(goes), np.int64)


def _variants(
    known: Similarities, group: Rows, survivor: Rows, rank: Rows, threshold: float
) -> tuple[Rows, NDArray[np.float64]]:
    """For each kept text the most similar better-ranked one that a veto keeps apart from it, or -1."""
    variant, score = np.full(len(group), -1), np.full(len(group), np.nan)
    edges = known.pairs[known.scores >= threshold]
    edges = np.unique(np.sort(survivor[edges[group[edges[:, 0]] != group[edges[:, 1]]]], axis=1), axis=0)
    edges = edges[edges[:, 0] != edges[:, 1]]  # a variant that stands in the other one went
    similar = known.of(edges)
    edges, similar = edges[similar >= threshold], similar[similar >= threshold]
    swap = rank[edges[:, 0]] > rank[edges[:, 1]]
    better, worse = np.where(swap, edges[:, ::-1].T, edges.T)
    order = np.lexsort((rank[better], -similar, worse))
    order = order[runs.first(worse[order]) == np.arange(len(order))]
    variant[worse[order]], score[worse[order]] = better[order], similar[order]
    return variant, score


def _best_of(label: Rows, by: tuple[Rows, ...]) -> Rows:
    """For each one, the member of its label that comes first by these keys, the last key first."""
    order = np.lexsort((*by, label))
    best = np.empty_like(label)
    best[order] = order[runs.first(label[order])]
    return best
