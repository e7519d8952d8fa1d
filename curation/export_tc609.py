"""Records of a run in the record format of TC609-5-2025-02 (high-quality data sets, format requirements).

What a run does not publish or does not know is null: where a record stood in its source, when it was changed
last, a version. The format asks for one annotation per record; labels of several schemes stand in it as
`scheme/value`. People are pseudonyms, as in the published data. Texts leave as they are published: this is
data for exchange, not for a training framework, so no control token is touched.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from curation import parquet, records

BY_HAND, BY_MACHINE = "人工标注", "自动标注"
"""Values of `annotation_method`."""

_COLUMNS = (
    "id",
    "parent",
    *records.TEXT_FIELDS,
    "messages",
    "labels",
    "source",
    "license",
    "original_time",
    "generated",
)


def rows(paths: Sequence[Path]) -> Iterator[dict[str, Any]]:
    """Every record of some data files, in order.

    Raises:
        InputError: a file is damaged or lacks a column.
    """
    for path in paths:
        for table in parquet.tables(path, _COLUMNS):
            for batch in table.to_batches(max_chunksize=1_000):
                yield from map(_record, batch.to_pylist())


def _record(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": row["id"],
        "rid": [row["parent"]] if row["parent"] else [],
        "data_content": [*_contents(row)],
        "annotation": _annotation(row["labels"] or []),
        "original_time": row["original_time"],
        "last_modified_time": None,
        "version": None,
        "license": row["license"],
        "source": row["source"],
        "source_details": None,
        "generated_data_indicator": None if row["generated"] is None else int(row["generated"]),
    }


def _contents(row: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """What the record says, field by field; chat examples as the list of their messages."""
    for field in records.TEXT_FIELDS:
        if row[field]:
            yield {"media_type": ["text"], "field": field, "content": row[field]}
    if row["messages"]:
        said = [{"role": each["role"], "content": each["content"]} for each in row["messages"]]
        yield {"media_type": ["text"], "field": "messages", "content": said}


def _annotation(labels: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """The labels that hold; null where there are none."""
    given = [label for label in labels if label["value"] and not label["abstained"]]
    if not given:
        return None
    methods = {BY_HAND if label["method"] in records.BY_PEOPLE else BY_MACHINE for label in given}
    people = dict.fromkeys(label["annotator"] for label in given if label["annotator"])
    return {
        "label": [f"{label['scheme']}/{label['value']}" for label in given],
        "annotation_method": "、".join(sorted(methods)),
        "annotator": "、".join(people) or None,
    }
