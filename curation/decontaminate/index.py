"""Which records give an evaluation item away: by its question or its answer, verbatim, in pieces or nearly.

A question or an answer is short below `SHORT` code points; then only a question counts, where a text of
the record is the same. A longer one is found by the share of its grams that the record holds, and by
similarity to one of the record's texts. What many items share, and what is quoted from a law, gives nothing
away.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from curation.decontaminate.grams import Grams
from curation.decontaminate.items import Item
from curation.decontaminate.near import Near, groups_of
from curation.decontaminate.pairs import Found, Rows
from curation.decontaminate.passages import passages
from curation.decontaminate.text import SHORT, Plain, plain, slices
from curation.deduplicate import runs

_QUESTION, _ANSWER = 0, 1


class Options(BaseModel):
    """What is a leak.

    Attributes:
        overlap: smallest share of a text's own 13-grams that a record holds.
        threshold: smallest similarity of a near match (Jaccard index of the sets of code-point 5-grams).
        common: a 13-gram that stands in more items than this, of different questions, is a formula.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    overlap: float = Field(0.5, gt=0, le=1)
    threshold: float = Field(0.8, gt=0, le=1)
    common: int = Field(3, ge=1)


@dataclass(frozen=True)
class Leak:
    """What a record gives away.

    Attributes:
        item: the id of the item, and `origin` its file.
        field, way: what of the item, and how it was found.
        score: share of grams or similarity; 1 where they are the same.
    """

    item: str
    origin: str
    field: Literal["question", "answer"]
    way: Literal["exact", "ngrams", "near"]
    score: float

    @property
    def evidence(self) -> str:
        """In words without any text: `answer ngrams 0.83`."""
        exact = self.way == "exact"
        return f"{self.field} exact" if exact else f"{self.field} {self.way} {self.score:.2f}"


class Index:
    """The items of evaluation sets, ready to be looked for.

    Args:
        items: in any order.
        options: what is a leak.
        allow: texts that items and records both quote, such as laws.
        beside: what is no evaluation item, but shows what is common too, such as the examples to train on.
    """

    def __init__(
        self,
        items: Sequence[Item],
        options: Options,
        allow: Sequence[str] = (),
        *,
        beside: Sequence[Item] = (),
    ) -> None:
        self._options = options
        self._items = sorted(items, key=lambda item: (item.id, item.question, item.answer))
        said = [text for item in (*self._items, *beside) for text in (item.question, item.answer)]
        form = plain(said)
        keys = form.keys()
        said = said[: 2 * len(self._items)]
        self._same: dict[tuple[int, bytes], list[int]] = {}
        for place, key in enumerate(keys[: len(said)]):
            if key:
                self._same.setdefault((place % 2, key), []).append(place // 2)
        lengths = form.lengths.tolist()
        places = (2 * same[0] + field for (field, _), same in self._same.items())
        long = np.array([place for place in places if lengths[place] >= SHORT], np.int64)
        self._keys = keys[: len(said)]
        free = [*passages(said), *allow]
        self._grams = Grams(form, long, groups_of(form, options.threshold), free, options.common)
        self._near = Near(form, self._grams.judged(long), options.threshold)

    def leaks(self, records: Sequence[Sequence[str]]) -> list[Leak | None]:
        """For each record, given as its texts, the item that it gives away most plainly, if any."""
        found: list[Leak | None] = []
        for part in _parts(records):
            found += self._leaks(part)
        return found

    def given_away(self, records: Sequence[Sequence[str]]) -> set[str]:
        """The ids of all items that one of the records or another gives away."""
        found: set[int] = set()
        for part in _parts(records):
            form, owner = _joined(part)
            places = np.concatenate([pairs.field for pairs in self._pairs(form, owner)])
            same = [(place % 2, self._keys[place]) for place in np.unique(places).tolist()]
            for key in (*same, *((_QUESTION, whole) for whole in form.keys())):  # noqa: SIM118  no dict
                found.update(self._same.get(key, ()))
        return {self._items[item].id for item in found}

    def _leaks(self, records: Sequence[Sequence[str]]) -> list[Leak | None]:
        form, owner = _joined(records)
        found: list[Leak | None] = [None] * len(records)
        for record, (field, way, score) in self._best(form, owner):
            found[record] = self._leak(field // 2, field % 2, way, score)
        exact: dict[int, int] = {}
        for record, key in zip(owner.tolist(), form.keys(), strict=True):
            if (same := self._same.get((_QUESTION, key))) is not None:
                exact[record] = min(same[0], exact.get(record, same[0]))
        for record, item in exact.items():  # what is the same is said to be, whatever else is found
            found[record] = self._leak(item, _QUESTION, "exact", 1.0)
        return found

    def _pairs(self, form: Plain, owner: Rows) -> tuple[Found, Found]:
        """The long texts that the records give away, by grams and by similarity."""
        return self._grams.find(form, owner, self._options.overlap), self._near.find(form, owner)

    def _leak(self, item: int, field: int, way: Literal["exact", "ngrams", "near"], score: float) -> Leak:
        of = self._items[item]
        return Leak(of.id, of.origin, "answer" if field == _ANSWER else "question", way, score)

    def _best(
        self, form: Plain, owner: Rows
    ) -> Iterator[tuple[int, tuple[int, Literal["ngrams", "near"], float]]]:
        """For each record that leaks, what is found most of; a question before an answer, then the first."""
        grams, near = self._pairs(form, owner)
        record = np.concatenate((grams.record, near.record))
        field = np.concatenate((grams.field, near.field))
        score = np.concatenate((grams.score, near.score))
        is_near = np.repeat([False, True], [len(grams.record), len(near.record)])
        order = np.lexsort((is_near, field, field % 2, -score, record))
        for place in order[runs.opens(record[order])].tolist():
            way: Literal["ngrams", "near"] = "near" if is_near[place] else "ngrams"
            yield int(record[place]), (int(field[place]), way, float(score[place]))


def leaks(
    records: Sequence[str | Sequence[str]],
    items: Sequence[Item],
    options: Options | None = None,
    *,
    allow: Sequence[str] = (),
) -> list[Leak | None]:
    """For each record, a text or several, the evaluation item that it gives away most plainly, or None.

    Args:
        allow: texts that items and records both quote, such as laws.
    """
    given = [(texts,) if isinstance(texts, str) else texts for texts in records]
    return Index(items, options or Options.model_validate({}), allow).leaks(given)


def _parts(records: Sequence[Sequence[str]]) -> Iterator[Sequence[Sequence[str]]]:
    for part in slices(np.fromiter((sum(map(len, texts)) for texts in records), np.int64, len(records))):
        yield records[part]


def _joined(records: Sequence[Sequence[str]]) -> tuple[Plain, Rows]:
    """All texts of the records, and the record of each."""
    owner = np.repeat(np.arange(len(records)), [len(texts) for texts in records])
    return plain([text for texts in records for text in texts]), owner
