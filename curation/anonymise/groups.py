"""How few records share what is left about a person after the direct identifiers are gone: county, age band,
sex, kind of case, month. In a small group a neighbour may know who is meant."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from curation.anonymise.spans import Pattern, view

K = 5
"""A group of fewer records is small."""


class Groups(NamedTuple):
    """How few records share what is left about a person.

    Attributes:
        attributes: those that at least one record has.
        smallest: records in the smallest group.
        small: records in groups of fewer than `K`.
        records: those with a value for at least one attribute.
    """

    attributes: tuple[str, ...]
    smallest: int
    small: int
    records: int


_YEARS = Pattern(r"\s*(\d{1,3})(?:\.0+)?\s*(?:周?岁)?\s*")
_COUNTY = Pattern(r"\p{Han}{2,6}?(?:自治县|县|区|旗|市(?!\p{Han}{1,5}(?:区|县)))")
_AGE = Pattern(r"(?<!\d)(\d{1,3})(?:周)?岁")
_SEX = Pattern(r"(?<=[,，、;；:：(（ ])(男|女)(?=[,，、;；。)） ]|$)")
_MONTH = Pattern(r"((?:19|20)\d\d)[-年/.](\d{1,2})")
_COLUMNS = {
    "county": ("区县", "县区", "所属区县", "区域", "county", "district"),
    "age": ("年龄", "age"),
    "sex": ("性别", "sex", "gender"),
}


def quasi_identifiers(rows: Iterable[Mapping[str, Any]], text: Sequence[str]) -> Groups:
    """Groups of rows that share county, age band, sex, kind of case and month, as far as rows have them.

    Args:
        text: the columns in which these are looked for where no column holds them.
    """
    groups = Counter(key for row in rows if any(key := _key(row, text)))
    held = tuple(name for at, name in enumerate(_ATTRIBUTES) if any(key[at] for key in groups))
    small = sum(count for count in groups.values() if count < K)
    return Groups(held, min(groups.values(), default=0), small, sum(groups.values()))


_ATTRIBUTES = ("county", "age_band", "sex", "case_type", "month")


def _key(row: Mapping[str, Any], text: Sequence[str]) -> tuple[str, ...]:
    from curation.ingest.mapping import ALIASES
    from curation.ingest.precision import display

    whole = "\n".join(str(row[column]) for column in text if row.get(column))

    def column(headers: Iterable[str]) -> str:
        return next((shown for name in headers if (shown := display(row.get(name)))), "")

    def first(pattern: Pattern, said: str) -> str:
        match = pattern.search(view(said))
        return str(match[1] if match and match.re.groups else match[0]) if match else ""

    years = _YEARS.fullmatch(view(column(_COLUMNS["age"])))
    age = years[1] if years else first(_AGE, whole)
    when = _MONTH.search(view(column(ALIASES["original_time"])))
    return (
        column(_COLUMNS["county"]) or first(_COUNTY, column(ALIASES["address"]) or whole),
        f"{int(age) // 10 * 10}+" if age else "",
        column(_COLUMNS["sex"]) or first(_SEX, whole),
        column(ALIASES["label"]),
        f"{when[1]}-{int(when[2]):02}" if when else "",
    )
