"""The RecordSet of a data set: a field per column, its split, and what was counted, as annotations.

Statistics stand as section "Representing Descriptive Statistics" of Croissant 1.1 wants them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from data_cards.croissant.fields import FILES, RECORDS, Shape, field, shape

READABLE = ("parquet", "jsonl", "csv")
"""Formats of which Croissant can address a column."""

_SPLITS = {"train": "cr:TrainingSplit", "validation": "cr:ValidationSplit", "test": "cr:TestSplit"}

_COUNT = "wd:Q4049983"
_STATISTICS = "http://rdf-vocabulary.ddialliance.org/cv/SummaryStatisticType/2.1.2/"
_LENGTHS = {"min": "Minimum", "median": "Median", "mean": "ArithmeticMean", "max": "Maximum"}


def record_sets(metrics: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The records, and the splits that they are in; nothing of a format that cannot be addressed."""
    if metrics["dataset"]["format"] not in READABLE or not metrics["columns"]:
        return []
    fields = [_field(metrics, name) for name in sorted(metrics["columns"]) if _shape(metrics, name)]
    splits = _splits(metrics)
    if splits:
        split = next((each for each in fields if each["name"] == "split"), None)
        if split is None:
            fields.append(split := _split_of_path(metrics))
        split["references"] = {"field": {"@id": "splits/name"}}
    made: dict[str, Any] = {
        "@type": "cr:RecordSet",
        "@id": RECORDS,
        "name": RECORDS,
        "annotation": [
            _annotation("count", metrics["published"]["records"], _COUNT),
            *(
                _annotation(f"count/{split}", size["records"], _COUNT)
                for split, size in sorted(metrics["splits"].items())
            ),
        ],
        "field": fields,
    }
    if metrics["dataset"]["kind"] == "run":
        made["key"] = {"@id": f"{RECORDS}/id"}  # of another folder nobody knows that ids are unique
    return [*splits, made]


def hidden(metrics: Mapping[str, Any]) -> list[str]:
    """Columns that get no field."""
    return [name for name in sorted(metrics["columns"]) if _shape(metrics, name) is None]


def _splits(metrics: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The splits as a RecordSet, where each record says, or its path does, in which one it is."""
    names = sorted(metrics["splits"])
    column = metrics["columns"].get("split")
    stated = bool(column) and metrics["dataset"]["kind"] == "run" and column["missing"] == 0
    if not (stated or (column is None and _path_pattern(metrics))) or not set(names) <= _SPLITS.keys():
        return []
    field = {"@type": "cr:Field", "dataType": "sc:Text"}
    return [
        {
            "@type": "cr:RecordSet",
            "@id": "splits",
            "name": "splits",
            "dataType": "cr:Split",
            "key": {"@id": "splits/name"},
            "field": [
                field | {"@id": "splits/name", "name": "name"},
                field | {"@id": "splits/url", "name": "url", "dataType": ["sc:URL", "cr:Split"]},
            ],
            "data": [{"splits/name": name, "splits/url": _SPLITS[name]} for name in names],
        }
    ]


def _path_pattern(metrics: Mapping[str, Any]) -> str | None:
    """A pattern whose group is the split of every file; None where paths do not say it."""
    pattern = rf"^(?:.*[/._-])?({'|'.join(sorted(metrics['splits']))})(?:[/._-].*)?$"
    found = {path: re.match(pattern, path) for path in metrics["files"]}
    right = all(match and match[1] == metrics["files"][path].get("split") for path, match in found.items())
    return pattern if right else None


def _split_of_path(metrics: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "@type": "cr:Field",
        "@id": f"{RECORDS}/split",
        "name": "split",
        "description": {"en": "The split, from the path of the file.", "zh": "所属划分，取自文件路径。"},
        "dataType": "sc:Text",
        "source": {
            "fileSet": {"@id": FILES},
            "extract": {"fileProperty": "fullpath"},
            "transform": {"regex": _path_pattern(metrics)},
        },
    }


def _field(metrics: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The field of a column with what was measured of it."""
    found = _shape(metrics, name)
    assert found
    made = field(name, found)
    notes = []
    missing = metrics["columns"][name]["missing"]
    if missing is not None:
        notes.append(_annotation(f"{name}/missing", missing, _statistic("InvalidCases", "Null or blank")))
    lengths = metrics["lengths"].get(name)
    if lengths and lengths["texts"]:
        for key, code in _LENGTHS.items():
            term = _statistic(code, f"{code} of the length in characters")
            notes.append(_annotation(f"{name}/length_{key}", lengths[key], term))
    return made | ({"annotation": notes} if notes else {})


def _annotation(name: str, value: float, term: Any) -> dict[str, Any]:
    return {"@type": "cr:Field", "@id": f"{RECORDS}/{name}", "name": name, "value": value, "dataType": term}


def _statistic(code: str, name: str) -> dict[str, str]:
    return {"@type": "sc:DefinedTerm", "termCode": code, "name": name, "inDefinedTermSet": _STATISTICS}


def _shape(metrics: Mapping[str, Any], name: str) -> Shape | None:
    return shape(metrics["columns"][name]["type"])
