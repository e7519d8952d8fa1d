"""Precision and recall of a deduplicated corpus against its planted truth.

A component is a set of documents linked by similarities at or above the threshold; links are looked for,
exactly, among all documents planted from one original. An ideal tool leaves one document of each component.

* recall: removals that leave at least one document of their component / removals of the ideal tool
* precision: the same removals / all removals; what removes a document that is merely related, or the last of
  its component, is an error

For tools that remove identical texts only, components are the identical texts.
"""

from __future__ import annotations

import hashlib
import json
import mmap
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from planted import grams, jaccard

EXACT = 1.0
"""As a threshold: identical texts."""

NOT_ROWS = ("state.json", "dataset_info.json")
"""What `datasets` writes beside its Arrow files."""


@dataclass(frozen=True)
class Score:
    kept: int
    precision: float | None
    recall: float | None


def score(corpus: Path, output: Path, threshold: float, cache: Path) -> Score:
    """Score the rows (their `id`) found in the file or folder a tool has written."""
    kept = pa.array(kept_ids(output), pa.string())
    truth = truth_of(corpus)
    if not truth.exists():
        return Score(len(kept), None, None)
    ids = pq.read_table(truth, columns=["id"])["id"]
    component = components(corpus, threshold, cache)
    size = np.bincount(component)
    left = np.bincount(component, weights=pc.is_in(ids, kept).to_numpy(), minlength=len(size))
    right = int(np.minimum(size - left, np.maximum(size - 1, 0)).sum())
    ideal = int(np.maximum(size - 1, 0).sum())
    removed = int(size.sum() - left.sum())
    return Score(
        len(kept),
        round(right / removed, 4) if removed else None,
        round(right / ideal, 4) if ideal else None,
    )


def truth_of(corpus: Path) -> Path:
    return corpus.with_name(f"{corpus.stem}.truth.parquet")


def components(corpus: Path, threshold: float, cache: Path) -> Any:
    """The component of each document, by its place in the corpus. Kept in `cache`: it takes minutes."""
    state = f"{corpus.resolve()}:{corpus.stat().st_size}:{corpus.stat().st_mtime_ns}:{threshold}"
    saved = cache / f"components-{hashlib.sha256(state.encode()).hexdigest()[:16]}.npy"
    if saved.exists():
        return np.load(saved)
    roots = pq.read_table(truth_of(corpus), columns=["root"])["root"].combine_chunks().dictionary_encode()
    root = roots.indices.to_numpy()
    found = np.arange(len(root))
    with corpus.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as lines:
        starts = _starts(lines)
        if len(starts) != len(root):
            raise ValueError(f"{corpus.name} has {len(starts):,} lines, its truth {len(root):,}")
        by_root = np.argsort(root, kind="stable")
        edges = np.flatnonzero(np.diff(root[by_root])) + 1
        for members in np.split(by_root, edges):
            if len(members) > 1:
                texts = [json.loads(_line(lines, starts[at]))["text"] for at in members]
                found[members] = members[_linked(texts, threshold)]
    cache.mkdir(parents=True, exist_ok=True)
    np.save(saved, found)
    return found


def kept_ids(output: Path) -> list[str]:
    """The ids of JSON lines, Parquet or Arrow files."""
    ids: list[str] = []
    for file in sorted(output.rglob("*")) if output.is_dir() else [output]:
        if file.suffix == ".parquet":
            ids += pq.read_table(file, columns=["id"])["id"].to_pylist()
        elif file.suffix == ".arrow":
            ids += pa.ipc.open_stream(file).read_all()["id"].to_pylist()
        elif file.suffix in (".jsonl", ".json") and file.name not in NOT_ROWS:
            with file.open("rb") as rows:
                ids += [json.loads(row)["id"] for row in rows]
    return ids


def _linked(texts: Sequence[str], threshold: float) -> list[int]:
    """For each text the first one of its component."""
    first: dict[str, int] = {}
    same = [first.setdefault(text, place) for place, text in enumerate(texts)]
    if threshold == EXACT:
        return same
    parent = list(range(len(texts)))
    sets = {place: grams(texts[place]) for place in first.values()}
    for one, other in combinations(sets, 2):
        sizes = sorted((len(sets[one]), len(sets[other])))
        if sizes[0] >= threshold * sizes[1] and jaccard(sets[one], sets[other]) >= threshold:
            low, high = sorted((_top(parent, one), _top(parent, other)))
            parent[high] = low
    return [_top(parent, place) for place in same]


def _top(parent: list[int], place: int) -> int:
    while parent[place] != place:
        place = parent[place]
    return place


def _starts(lines: mmap.mmap) -> Any:
    """Where each line begins."""
    starts, at = [0], lines.find(b"\n") + 1
    while 0 < at < len(lines):
        starts.append(at)
        at = lines.find(b"\n", at) + 1
    return np.array(starts)


def _line(lines: mmap.mmap, start: int) -> bytes:
    end = lines.find(b"\n", start)
    return lines[start : end if end >= 0 else len(lines)]
