"""Which records hold how much of the items' texts, by the grams that are a text's own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from curation.decontaminate.pairs import Found, Hashes, Rows, among, counted, distinct_pairs, spread
from curation.decontaminate.text import SIZE, Plain, plain
from curation.deduplicate import runs

LEAST_GRAMS = SIZE
"""A text with fewer grams of its own is not judged by grams."""

LEAST_SHARE = 0.5
"""A text of whose grams fewer are its own is a formula with something filled in; only the whole counts."""


class Grams:
    """The grams of the items' long texts that are their own, each with the texts it stands in.

    Args:
        form: all texts, a question and an answer of each item in turn.
        long: the texts to look for.
        groups: of each item; copies of one question are in one group.
        free: what two texts may both quote.
        common: what stands in more groups is nobody's own.
    """

    def __init__(
        self,
        form: Plain,
        long: Rows,
        groups: Rows,
        free: Sequence[str],
        common: int,
    ) -> None:
        is_long = np.zeros(len(form.lengths), bool)
        is_long[long] = True
        hashes, field = (np.concatenate(each) for each in zip(*_grams(form, is_long), strict=True))
        hashes, field = distinct_pairs(hashes, field)
        wanted = runs.unique(hashes)
        everywhere = _grams(form, np.ones(len(form.lengths), bool), wanted)
        standing = [distinct_pairs(some, groups[where // 2]) for some, where in everywhere]
        formulas = _standing_in_more(standing, common)
        quoted = [some for some, _ in _grams(plain(free), None, wanted)]
        total = np.bincount(field, minlength=len(form.lengths))
        own = ~among(hashes, runs.unique(np.concatenate((formulas, *quoted))))
        self._own = np.bincount(field[own], minlength=len(form.lengths))
        self._judged = (self._own >= LEAST_GRAMS) & (self._own >= LEAST_SHARE * total)
        own &= self._judged[field]
        hashes, self._fields = hashes[own], field[own]
        self._hashes = runs.unique(hashes)
        self._starts = np.append(np.searchsorted(hashes, self._hashes), hashes.size)
        self._seen = _Sieve(self._hashes)

    def judged(self, fields: Rows) -> Rows:
        """Those of the texts that say enough of their own."""
        return fields[self._judged[fields]]

    def find(self, form: Plain, owner: Rows, overlap: float) -> Found:
        """The texts of which the records hold at least `overlap`."""
        hashes, text = form.grams()
        maybe = self._seen.may_hold(hashes)
        hashes, record = hashes[maybe], owner[text[maybe]]
        here = among(hashes, self._hashes)
        place, record = distinct_pairs(
            np.searchsorted(self._hashes, hashes[here]).astype(np.uint64), record[here]
        )
        field, which = spread(self._starts, self._fields, place.astype(np.int64))
        field, record, count = counted(field, record[which])
        share = count / self._own[field]
        enough = share >= overlap
        return Found(record[enough], field[enough], share[enough])


class _Sieve:
    """Tells fast of most hashes that they are none of these."""

    def __init__(self, hashes: Hashes) -> None:
        bits = max(16, int(16 * hashes.size).bit_length())
        self._shift = np.uint64(64 - bits)
        self._marks = np.zeros(1 << bits, bool)
        self._marks[hashes >> self._shift] = True

    def may_hold(self, hashes: Hashes) -> NDArray[np.bool_]:
        answer: NDArray[np.bool_] = self._marks[hashes >> self._shift]
        return answer


def _grams(
    form: Plain, which: NDArray[np.bool_] | None, wanted: Hashes | None = None
) -> Iterator[tuple[Hashes, Rows]]:
    """The grams of the texts under the mask that are wanted, and the text of each, part by part."""
    for start, part in form.parts():
        hashes, text = part.grams()
        text = text + start
        kept = np.ones(hashes.size, bool) if which is None else which[text]
        if wanted is not None:
            kept &= among(hashes, wanted)
        yield hashes[kept], text[kept]


def _standing_in_more(standing: Sequence[tuple[Hashes, Rows]], common: int) -> Hashes:
    """The hashes that stand in more than `common` groups, sorted."""
    hashes, _ = distinct_pairs(*(np.concatenate(each) for each in zip(*standing, strict=True)))
    values, counts = np.unique(hashes, return_counts=True)
    found: Hashes = values[counts > common]
    return found
