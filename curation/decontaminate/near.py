"""Which texts are similar: candidates share a band of their sketches, the exact similarity decides."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from curation.decontaminate.pairs import Found, Hashes, Rows
from curation.decontaminate.text import SHORT, SIZE, Plain
from curation.deduplicate import runs
from curation.deduplicate.compare import Pairs, components
from curation.deduplicate.minhash import band_keys
from curation.deduplicate.shingles import jaccard, shingle_sets

COPIES = 10
"""Similar questions that may be copies of one; more are one template with something filled in."""


class Near:
    """The items' texts by the bands of their sketches."""

    def __init__(self, form: Plain, fields: Rows, threshold: float) -> None:
        self._threshold, self._fields = threshold, fields
        self._texts = form.texts(fields)
        self._sets: dict[int, Hashes] = {}
        keys = band_keys(self._texts, threshold)
        self._order = np.argsort(keys, axis=0, kind="stable")
        self._keys = np.take_along_axis(keys, self._order, axis=0)

    def find(self, form: Plain, owner: Rows) -> Found:
        """The texts that are similar to one of the records' texts."""
        long = np.flatnonzero(form.lengths >= SIZE) if self._texts else np.empty(0, np.int64)
        texts = form.texts(long)
        text, item = self._candidates(texts)
        used = np.unique(text)
        sets = _sets(texts, used)
        score = np.fromiter(
            (
                jaccard(sets[one], self._set(other))
                for one, other in zip(text.tolist(), item.tolist(), strict=True)
            ),
            np.float64,
            len(text),
        )
        enough = score >= self._threshold
        return Found(owner[long[text[enough]]], self._fields[item[enough]], score[enough])

    def _candidates(self, texts: Sequence[str]) -> tuple[Rows, Rows]:
        """Pairs of a text and an item's text that share a band, each once."""
        if not texts:
            return np.empty(0, np.int64), np.empty(0, np.int64)
        pairs = []
        for band, keys in enumerate(band_keys(texts, self._threshold).T):
            first = np.searchsorted(self._keys[:, band], keys)
            counts = np.searchsorted(self._keys[:, band], keys, side="right") - first
            text = np.repeat(np.arange(len(texts)), counts)
            place = first[text] + np.arange(text.size) - runs.first(text)
            pairs.append(text * len(self._texts) + self._order[place, band])
        text, item = np.divmod(np.unique(np.concatenate(pairs)), len(self._texts))
        return text, item

    def _set(self, item: int) -> Hashes:
        if item not in self._sets:
            (self._sets[item],) = shingle_sets([self._texts[item]])
        return self._sets[item]


def groups_of(form: Plain, threshold: float) -> Rows:
    """For each item the first one with a similar question: up to `COPIES` copies of a question are one, and
    make no formula. More of them are one template with something filled in."""
    keys = form.keys()[::2]
    first: dict[bytes, int] = {}
    same = np.fromiter((first.setdefault(key, item) for item, key in enumerate(keys)), np.int64, len(keys))
    distinct = np.fromiter(first.values(), np.int64, len(first))
    distinct = distinct[form.lengths[2 * distinct] >= SHORT]
    group = components(len(keys), distinct[_similar(form.texts(2 * distinct), threshold)])
    many = np.bincount(group[distinct], minlength=len(keys))[group] > COPIES
    answer: Rows = np.where(many, np.arange(len(keys)), group)[same]
    return answer


def _similar(texts: Sequence[str], threshold: float) -> Pairs:
    """Pairs of similar texts: of all that share a band each with the next, so that they stay few."""
    keys = band_keys(texts, threshold) if texts else np.empty((0, 0), np.uint32)
    order = np.argsort(keys, axis=0, kind="stable")
    ordered = np.take_along_axis(keys, order, axis=0)
    place, band = np.nonzero(ordered[1:] == ordered[:-1])
    pairs = np.unique(np.sort(np.stack((order[place, band], order[place + 1, band]), axis=1)), axis=0)
    used = np.unique(pairs)
    sets = _sets(texts, used)
    similar = [jaccard(sets[one], sets[other]) >= threshold for one, other in pairs.tolist()]
    found: Pairs = pairs[np.array(similar, bool)]
    return found


def _sets(texts: Sequence[str], used: Rows) -> dict[int, Hashes]:
    """The shingle sets of those texts that are compared."""
    if not used.size:
        return {}
    return dict(zip(used.tolist(), shingle_sets([texts[one] for one in used.tolist()]), strict=True))
