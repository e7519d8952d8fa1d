"""What the title, source and reply of a record tell of the body behind it: its region, its name, and which of
the 15 statutory types of official documents (GB/T 9704-2012; 党政机关公文处理工作条例, Art. 8) the record is.

Regions are found by the gazetteer of `deduplicate`, types by the taxonomy `document_types`.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from curation.deduplicate.veto import regions as gazetteer
from curation.deduplicate.veto.places import PREFECTURES, PROVINCES
from data_cards.columns import count

_DOCUMENTS = pa.array(["document", "law"])
_PROVINCES, _CITIES = frozenset(PROVINCES.split()), frozenset(PREFECTURES.split())

# What may name a region: a cheap first look, the gazetteer takes the second.
_MAYBE_REGION = "|".join([*sorted(_PROVINCES | _CITIES), r"\p{Han}{2}市"])

_BODY = (
    r"(?P<body>\p{Han}[\p{Han}（）()]{1,28}?"
    "(?:政府|办公厅|办公室|委员会|管委会|工委|党委|省委|市委|县委|区委|卫健委|发改委|局|厅|总署|法院|检察院|办事处|中心))"
)
_IN_TITLE = rf"^\s*{_BODY}(?:关于|公告|通告|令)"
_IN_HEAD = rf"^\s*[【\[]?{_BODY}(?:回复|答复|】|\]|：|:)"
_IN_TAIL = (
    rf"(?:^|[\s。！；，：:]){_BODY}\s*"
    r"(?:(?:19|20)[0-9]{2}\s*[年./-]\s*[0-9]{1,2}\s*[月./-]\s*[0-9]{1,2}\s*日?)?\s*$"
)
_MOST = 0.5
"""Records whose kind nothing tells are documents where this share of the titles says so."""

_HEAD, _TAIL = 40, 60
"""Characters at the two ends of a reply where the body that gives it stands."""


def regions(texts: Mapping[str, pa.Array]) -> dict[str | None, int]:
    """How many records name which city, or province where no city: by their source, else their title."""
    found = None
    for role in ("source", "issuer", "title"):
        if role in texts:
            named = _regions(texts[role])
            found = named if found is None else pc.coalesce(found, named)
    return count(found) if found is not None else {}


def issuers(texts: Mapping[str, pa.Array]) -> dict[str | None, int]:
    """How many records which body issued or answered: by a column of its own, else title or reply."""
    if "issuer" in texts:
        return count(texts["issuer"])
    found = []
    if "title" in texts:
        found.append(pc.struct_field(pc.extract_regex(texts["title"], _IN_TITLE), "body"))
    if "reply" in texts:
        head = pc.utf8_slice_codeunits(texts["reply"], 0, _HEAD)
        tail = pc.utf8_slice_codeunits(texts["reply"], -_TAIL)
        found.append(pc.struct_field(pc.extract_regex(head, _IN_HEAD), "body"))
        found.append(pc.struct_field(pc.extract_regex(tail, _IN_TAIL), "body"))
    return count(pc.coalesce(*found)) if found else {}


def are_documents(types: Mapping[str | None, int], kinds_known: bool) -> bool:
    """Whether it means anything how many titles end like those of documents."""
    told = sum(number for name, number in types.items() if name)
    return told > 0 and (kinds_known or told >= _MOST * sum(types.values()))


def document_types(texts: Mapping[str, pa.Array]) -> dict[str | None, int]:
    """How many documents are of which type, told by the end of the title; other kinds of records are none."""
    titles = texts.get("title")
    if titles is None:
        return {}
    if "kind" in texts:
        titles = titles.filter(pc.is_in(texts["kind"], _DOCUMENTS))
    if not len(titles):
        return {}
    found = pa.nulls(len(titles), pa.string())
    for name, pattern in _types():
        found = pc.if_else(
            pc.fill_null(pc.match_substring_regex(titles, pattern), False), pc.coalesce(found, name), found
        )
    return count(found)


@functools.cache
def _types() -> list[tuple[Any, str]]:
    from curation.label.taxonomy import load

    types = load("document_types")
    return [
        (pa.scalar(name, pa.string()), "|".join(f"(?:{one.regex})" for one in label.patterns))
        for name, label in zip(types.values, types.leaves, strict=True)
    ]


def _regions(texts: pa.Array) -> pa.Array:
    maybe = pc.fill_null(pc.match_substring_regex(texts, _MAYBE_REGION), False)
    coded = pc.if_else(maybe, texts, None).dictionary_encode()
    known = pa.array([_region(text) for text in coded.dictionary.to_pylist()], pa.string())
    return known.take(coded.indices)


@functools.lru_cache(1 << 16)
def _region(text: str) -> str | None:
    """The first city that a text names, else the first province."""
    names = list(gazetteer.read(text))
    cities = (name for name in names if name in _CITIES or name.endswith("市"))
    return next(cities, None) or next((name for name in names if name in _PROVINCES), None)
