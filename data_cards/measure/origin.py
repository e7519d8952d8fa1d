"""Where the records come from: when they were written, by whom, for which place, under which licence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from data_cards.columns import SHARED_BY, count, distribution
from data_cards.dataset import Dataset, Part
from data_cards.measure import bodies

_DATE = (
    r"^\s*(?P<year>(?:19|20)[0-9]{2})(?:\s*[-/.年]\s*(?P<month>1[0-2]|0?[1-9])"
    r"(?:\s*[-/.月]\s*(?P<day>3[01]|[12][0-9]|0?[1-9])(?:[^0-9]|$))?)?"
)
_COMPACT_DATE = (
    r"^\s*(?P<year>(?:19|20)[0-9]{2})(?P<month>1[0-2]|0[1-9])(?P<day>3[01]|[12][0-9]|0[1-9])(?:[^0-9]|$)"
)


class Origin:
    """`kinds`, `generated`, `fields`, `time`, `licenses`, `sources`, `document_types`, `regions` and
    `issuers`; null where no column tells."""

    def __init__(self, dataset: Dataset, fields: Iterable[str]) -> None:
        """
        Args:
            fields: category fields of the recipe.
        """
        self._dataset = dataset
        self._fields = list(fields)
        wanted = ("kind", "generated", "license", "source", "original_time", "title", "reply", "issuer")
        self._of = {role: name for role, name in dataset.roles.columns.items() if role in wanted}
        self.columns = [*self._of.values(), *self._fields]
        self._values: dict[str, Counter[Any]] = {name: Counter() for name in (*self._of, *self._fields)}
        self._undated = 0
        self._regions: Counter[str | None] = Counter()
        self._issuers: Counter[str | None] = Counter()
        self._types: Counter[str | None] = Counter()
        self._records = 0

    def add(self, part: Part) -> None:
        self._records += part.table.num_rows
        said = {role: part.table[name].combine_chunks() for role, name in self._of.items()}
        for role in said.keys() - {"original_time", "title", "reply"}:
            self._values[role].update(count(said[role].cast(pa.string())))
        for name in self._fields:
            self._values[name].update(count(part.table[name]))
        if "original_time" in said:
            written = said["original_time"].cast(pa.string())
            self._values["original_time"].update(count(iso_date(written)))
            self._undated += written.null_count
        telling = said.keys() & {"source", "title", "reply", "issuer", "kind"}
        texts = {role: said[role].cast(pa.string()) for role in telling}
        self._regions.update(bodies.regions(texts))
        self._issuers.update(bodies.issuers(texts))
        self._types.update(bodies.document_types(texts))

    def result(self) -> dict[str, Any]:
        generated = self._values["generated"]["true"] if "generated" in self._of else None
        kinds = {kind or "": number for kind, number in self._values.get("kind", Counter()).items()}
        documents = bodies.are_documents(self._types, kinds_known="kind" in self._of)
        return {
            "kinds": kinds if "kind" in self._of else None,
            "generated": generated,
            "fields": {name: distribution(self._values[name], SHARED_BY) for name in self._fields},
            "time": self._time(),
            "licenses": self._licenses(),
            "sources": distribution(self._values["source"], SHARED_BY) if "source" in self._of else None,
            "document_types": self._told(self._types if documents else Counter()),
            "regions": self._told(self._regions),
            "issuers": self._told(self._issuers),
        }

    def _told(self, counts: Counter[str | None]) -> dict[str, Any] | None:
        """A distribution, of something that at least one record names."""
        return distribution(counts, SHARED_BY) if any(value for value in counts) else None

    def _licenses(self) -> dict[str, Any] | None:
        if "license" in self._of:
            return distribution(self._values["license"])
        stated = self._dataset.license
        return distribution(Counter({stated: self._records})) if stated and self._records else None

    def _time(self) -> dict[str, Any] | None:
        """First and last `original_time`, as exact as it was written, and records per year."""
        if "original_time" not in self._of:
            return None
        dates = Counter(self._values["original_time"])
        unreadable = dates.pop(None, 0)
        years: Counter[str] = Counter()
        for date, number in dates.items():
            years[date[:4]] += number
        return {
            "first": min(dates, default=None),
            "last": max(dates, default=None),
            "by_year": dict(years),
            "unreadable": unreadable - self._undated,
            "missing": self._undated,
            "median": _median(dates),
        }


def _median(dates: Counter[str]) -> str | None:
    before = 0
    for date in sorted(dates):
        before += dates[date]
        if 2 * before >= dates.total():
            return date
    return None


def iso_date(written: pa.Array) -> pa.Array:
    """`2024`, `2024-03` or `2024-03-05` of what begins with such a date, else null."""
    parts = pc.coalesce(pc.extract_regex(written, _COMPACT_DATE), pc.extract_regex(written, _DATE))
    iso = pc.struct_field(parts, "year")
    for name in ("month", "day"):
        part = pc.struct_field(parts, name)
        padded = pc.binary_join_element_wise(iso, pc.utf8_lpad(part, 2, "0"), "-")
        iso = pc.if_else(pc.equal(part, ""), iso, padded)
    return iso
