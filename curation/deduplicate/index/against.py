"""The verdict on new records among all that an index knows, and what the index is told of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from curation.deduplicate import runs
from curation.deduplicate.columns import numbers, packed, unpacked
from curation.deduplicate.contents import HELD, FetchTexts, Texts
from curation.deduplicate.exact import distinct
from curation.deduplicate.index.store import ROWS, Manifest, Store
from curation.deduplicate.keep import preferences
from curation.deduplicate.minhash import band_count, keys_of_shingles
from curation.deduplicate.near import judge
from curation.deduplicate.normalise import NORMALISATIONS
from curation.deduplicate.shingles import shingle_hashes
from curation.deduplicate.stage import DeduplicateParams
from curation.deduplicate.verdict import Among, Rows, Standing
from curation.deduplicate.veto import MARKS_VERSION, combine, marks
from curation.errors import UsageError

_AT_ONCE = 1 << 21
"""Code points added at once."""


def manifest(params: DeduplicateParams) -> Manifest:
    """What a new index says of itself."""
    return Manifest(
        method=params.method,
        threshold=params.threshold,
        normalise=[name for name in NORMALISATIONS if name in params.normalise],
        marks=MARKS_VERSION,
    )


def require_comparable(store: Store, params: DeduplicateParams) -> None:
    """Refuse an index that was made of other texts, or without what near duplicates are found by.

    Raises:
        UsageError: it was.
    """
    made = store.manifest
    if set(made.normalise) != set(params.normalise):
        said = ",".join(made.normalise) or "none"
        raise UsageError(f"{store.folder}: was made with --normalise {said}; use the same")
    if made.method == "exact" and params.method == "near":
        raise UsageError(f"{store.folder}: was made with --method exact; use the same, or make a new index")
    if made.marks != MARKS_VERSION:
        raise UsageError(f"{store.folder}: was made when vetoes read texts otherwise; make a new index")


def judge_against(store: Store, params: DeduplicateParams, summary: pa.Table, fetch: FetchTexts) -> Among:
    """The verdict that the new records would get if all were judged together.

    Args:
        summary: of the new records, with all of `summary.FACTS` and `own`; their ids are not in the index.
        fetch: the normalised texts of new records.
    """
    before = store.rows()
    both = pa.concat_tables([before, summary.select(ROWS.names).cast(ROWS)]).combine_chunks()
    ids, old = both["id"].combine_chunks(), before.num_rows
    lengths = numbers(both["length"])
    prefer = preferences(params.keep, both, params.source_priority)
    own = pc.if_else(both["own"].combine_chunks(), ids, None)
    same = distinct(unpacked(both["digest"], np.uint64), lengths, prefer, own)
    if params.method == "exact":
        return Among(same.spread(Standing.alone(len(same.best))), ids, old)
    texts = store.texts(["digest", "bands"])
    place = pc.index_in(both["digest"].combine_chunks().take(same.best), texts["digest"].combine_chunks())
    contents = _Joined(
        store,
        numbers(pc.fill_null(place, -1)).astype(np.int64),
        lengths[same.best],
        Texts(same.best - old, lengths[same.best], fetch),
    )
    known, new = contents.place >= 0, same.best >= old  # an empty text of the index is neither
    bands = np.zeros((len(new), summary["bands"].type.byte_width // 4), np.uint32)
    bands[new] = unpacked(summary["bands"], np.uint32)[same.best[new] - old]
    bands[known] = _bands(store, texts, params.threshold)[contents.place[known]]
    standing = judge(
        contents,
        bands,
        [preference[same.best] for preference in prefer],
        threshold=params.threshold,
        vetoes=params.veto,
        asked=np.bincount(same.of[old:], minlength=len(new)) > 0,
    )
    return Among(same.spread(standing), ids, old)


def adding(
    store: Store, summary: pa.Table, fetch: FetchTexts, inputs: Sequence[str]
) -> AbstractContextManager[None]:
    """Tell the index of new records, kept or not, once the block ends well.

    Args:
        summary, fetch: as in `judge_against`.
        inputs: SHA-256 of their files.
    """
    return store.adding(summary, _new_texts(store, summary, fetch), inputs)


class _Joined:
    """Contents of texts of which some stand in an index.

    Args:
        place: of each text in the index, -1 where it is not there.
        others: the contents of all, of which only those that are not in the index are asked.
    """

    def __init__(self, store: Store, place: Rows, lengths: Rows, others: Texts) -> None:
        self.place, self.lengths = place, lengths
        self.sizes = np.where(place < 0, 2, 8) * lengths
        self._store, self._others = store, others
        self._held: dict[int, tuple[NDArray[np.uint64], NDArray[np.uint64]]] = {}
        self._size = 0

    def hold(self, nodes: Rows) -> None:
        self._others.hold(nodes[self.place[nodes] < 0])
        inside = nodes[self.place[nodes] >= 0]
        new = np.array([node for node in inside.tolist() if node not in self._held], np.int64)
        if not len(new):
            return
        if self._size + self.sizes[new].sum() > HELD:
            self._held, self._size, new = {}, 0, inside
        new = new[np.argsort(self.place[new])]
        self._size += int(self.sizes[new].sum())
        start = 0
        for table in self._store.shingles(self.place[new]):
            hashes = [np.frombuffer(blob.as_buffer(), np.uint64) for blob in table["shingles"]]
            read = zip(hashes, unpacked(table["marks"], np.uint64), strict=True)
            self._held.update(zip(new[start : start + len(hashes)].tolist(), read, strict=True))
            start += len(hashes)

    def shingles(self, nodes: Rows) -> tuple[NDArray[np.uint64], Rows]:
        outside = np.flatnonzero(self.place[nodes] < 0)
        hashes, ends = self._others.shingles(nodes[outside])
        parts: list[NDArray[np.uint64]] = [np.empty(0, np.uint64)] * len(nodes)
        for at, part in zip(outside.tolist(), np.split(hashes, ends[:-1]), strict=False):
            parts[at] = part
        for at in np.flatnonzero(self.place[nodes] >= 0).tolist():
            parts[at] = self._held[int(nodes[at])][0]
        return np.concatenate(parts), np.cumsum([len(part) for part in parts])

    def signatures(self, nodes: Rows, vetoes: Sequence[str]) -> NDArray[np.uint64]:
        inside = self.place[nodes] >= 0
        read = np.empty(len(nodes), np.uint64)
        read[~inside] = self._others.signatures(nodes[~inside], vetoes)
        held = [self._held[node][1] for node in nodes[inside].tolist()]
        if held:
            read[inside] = combine(np.stack(held), vetoes)
        return read


def _bands(store: Store, texts: pa.Table, threshold: float) -> NDArray[np.uint32]:
    """The band keys of the index's texts; computed anew where they were made for another threshold."""
    if store.manifest.threshold == threshold:
        return unpacked(texts["bands"], np.uint32)
    parts = [
        keys_of_shingles([_flat(table["shingles"])], table.num_rows, threshold) for table in store.shingles()
    ]
    return np.concatenate(parts) if parts else np.empty((0, band_count(threshold)), np.uint32)


def _flat(column: pa.ChunkedArray) -> tuple[NDArray[np.uint64], Rows]:
    blobs = [np.frombuffer(blob.as_buffer(), np.uint64) for blob in column]
    return np.concatenate(blobs), np.cumsum([len(blob) for blob in blobs])


def _new_texts(store: Store, summary: pa.Table, fetch: FetchTexts) -> Iterator[pa.Table]:
    """The distinct texts of these records that the index has not seen, in the order of the records."""
    if store.manifest.method == "exact":
        return
    lengths = numbers(summary["length"])
    same = distinct(unpacked(summary["digest"], np.uint64), lengths, [np.arange(len(lengths))])
    rows = np.sort(same.best[lengths[same.best] > 0])
    seen = pc.is_in(
        summary["digest"].combine_chunks().take(rows), store.texts(["digest"])["digest"].combine_chunks()
    )
    rows = rows[~seen.to_numpy(zero_copy_only=False)]
    for some in runs.slices(np.cumsum(lengths[rows]) // _AT_ONCE):
        texts = fetch(rows[some])
        hashes, ends = shingle_hashes(texts)
        sets = [runs.unique(part).tobytes() for part in np.split(hashes, ends[:-1])]
        yield pa.table(
            {
                "digest": summary["digest"].combine_chunks().take(rows[some]),
                "bands": packed(keys_of_shingles([(hashes, ends)], len(texts), store.manifest.threshold)),
                "marks": packed(marks(texts)),
                "shingles": pa.array(sets, pa.large_binary()),
            }
        )
