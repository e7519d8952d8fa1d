"""Why a number is null: every null of the metrics with the code of its reason."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Mapping
from typing import Any

_USUAL = {
    "lock": "no_ledger",
    "inputs": "no_ledger",
    "processing": "no_ledger",
    "processing.replacement": "not_run",
    "records": "no_ledger",
    "funnel": "no_ledger",
    "duplicates": "not_run",
    "pii": "not_run",
    "pii.*": "not_run",
    "tokens": "no_tokenizer",
    "chat": "no_messages",
    "kinds": "no_column",
    "generated": "no_column",
    "sources": "no_column",
    "licenses": "not_given",
    "time": "no_dates",
    "time.*": "no_dates",
    "clusters": "no_clusters",
    "lengths.*": "no_text",
    "chat.*": "no_text",
    "tokens.*": "no_text",
    "columns.*": "not_opened",
    "document_types": "not_documents",
    "regions": "not_named",
    "issuers": "not_named",
    "labels.*.entropy": "no_labels",
    "labels.*": "not_read_by_people",
    "decontamination": "one_split",
    "decontamination.shared_across_splits": "no_clusters",
    "decontamination.against_evaluation": "not_run",
}
"""By key, else by the first pattern that fits."""

_NO_NUMBERS = ("dataset.*", "splits.*", "published.*", "files.*")
"""What may be null without anything lacking; tokens per split go with `tokens`."""


def gaps(metrics: Mapping[str, Any], reasons: Mapping[str, str]) -> dict[str, str]:
    """The reason of every null.

    Args:
        reasons: those that are known better than by the usual one, by key.
    """
    return {key: reasons.get(key) or _usual(key) for key in _nulls(metrics) if not _may_be_null(key)}


def _nulls(value: Mapping[str, Any], path: str = "") -> Iterator[str]:
    for key, inner in value.items():
        place = f"{path}.{key}" if path else key
        if inner is None:
            yield place
        elif isinstance(inner, Mapping):
            yield from _nulls(inner, place)


def _may_be_null(key: str) -> bool:
    return any(fnmatch.fnmatchcase(key, pattern) for pattern in _NO_NUMBERS)


def _usual(key: str) -> str:
    if key in _USUAL:
        return _USUAL[key]
    return next((code for pattern, code in _USUAL.items() if fnmatch.fnmatchcase(key, pattern)), "not_given")
