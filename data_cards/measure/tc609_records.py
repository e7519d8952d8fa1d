"""TC609-5-2025-04, 0201 to 0207: whether records are as they should be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from curation import records
from curation.errors import UsageError
from curation.intervals import upper_bound
from curation.screen import marks
from data_cards.measure.origin import iso_date
from data_cards.measure.sample import SPLIT, Sample, contents
from data_cards.readers import is_mixed

if TYPE_CHECKING:
    from data_cards.answers import Answers
    from data_cards.dataset import Dataset

Scored = tuple[float | None, str]

_REQUIRED = ("id", "source", "license", "original_time")
"""Fields of a record in TC609-5-2025-02 that are one value each; its content is looked at apart."""

_ENUMERATED: Mapping[str, tuple[str, ...]] = {"kind": records.KINDS, "split": records.SPLITS}

_DAMAGED = r"[\x00\x{fffd}]"
"""What decoding leaves behind where it failed."""


def scores(dataset: Dataset, sample: Sample, found: Mapping[str, Any], answers: Answers) -> dict[str, Scored]:
    if not len(sample.rows):
        return {f"02{number:02}": (None, "no_text") for number in range(1, 8)}
    return {
        "0201": _format(dataset, sample),
        "0202": _safety(dataset, sample, found),
        "0203": _annotation(dataset, sample, answers),
        "0204": _structure(dataset, sample, answers),
        "0205": (None, "needs_a_person"),
        "0206": _consistency(dataset, sample),
        "0207": _types(dataset, sample, found),
    }


def _format(dataset: Dataset, sample: Sample) -> Scored:
    """Records of which every text was decoded without damage and, in a run, every enumerated field has a
    value of its list."""
    table = sample.drawn
    bad = np.zeros(table.num_rows, bool)
    for name in texts(dataset):
        bad |= _rows(pc.match_substring_regex(table[name], _DAMAGED))
    if dataset.chat:
        rows, said = messages(dataset, table)
        bad[rows[_rows(pc.match_substring_regex(said, _DAMAGED))]] = True
    if not dataset.run:
        return _share(~bad), "decoded"
    for name, known in _ENUMERATED.items():
        bad |= _rows(pc.and_(table[name].is_valid(), pc.invert(pc.is_in(table[name], pa.array(known)))))
    return _share(~bad), "decoded_enumerated"


def _safety(dataset: Dataset, sample: Sample, found: Mapping[str, Any]) -> Scored:
    """Records without personal data that the recognisers still find and without a secrecy mark, at the least:
    one minus the upper bounds of both."""
    rescan = found["pii"]["residual"]["rescan"]
    if rescan is None:
        return None, "no_detector"
    marked, looked_at = int(_marked(dataset, sample.drawn).sum()), len(sample.rows)
    upper = marked / looked_at if sample.is_all else float(upper_bound(marked, looked_at, 0.05))
    share = max(0.0, 1 - rescan["upper95"] - upper)
    return share, "rescan_without_names" if rescan["undecided"] else "rescan"


def _marked(dataset: Dataset, table: pa.Table) -> NDArray[np.bool_]:
    """Records with a secrecy mark, or one for internal use, in a text or message."""
    columns = [(np.arange(table.num_rows), table[name].combine_chunks()) for name in texts(dataset)]
    if dataset.chat:
        columns.append(messages(dataset, table))
    marked = np.zeros(table.num_rows, bool)
    for rows, column in columns:
        suspects = np.flatnonzero(_rows(pc.match_substring_regex(column, marks.SUSPECT)))
        hits = [marks.find_mark(text) is not None for text in column.take(pa.array(suspects)).to_pylist()]
        marked[rows[suspects[np.array(hits, bool)]]] = True
    return marked


def _annotation(dataset: Dataset, sample: Sample, answers: Answers) -> Scored:
    """Labels with a value of the taxonomy, a method, and an annotator: a program, a person named in the
    record, or `annotators` of card.yaml. Columns of labels that are no records of ours have what card.yaml
    answers under `annotation` and `annotators`."""
    labels = labels_of(dataset, sample.drawn)
    held = labels.filter(labels["holds"])
    if not held.num_rows:
        return None, "no_labels"
    if not dataset.run:
        stated = answers.answered("annotation") and answers.answered("annotators")
        return float(stated), "labels_stated"
    known = _taxonomy(dataset)
    right = pc.not_equal(pc.fill_null(held["method"], ""), "")
    if not answers.answered("annotators"):
        by_people = pc.is_in(held["method"], pa.array(records.BY_PEOPLE))
        right = pc.and_(right, pc.or_(pc.invert(by_people), held["annotator"].is_valid()))
    if known is None:
        return _share(_rows(right)), "labels_stated"
    scheme, values = known
    strange = pc.and_(
        pc.equal(held["scheme"], scheme), pc.invert(pc.is_in(held["value"], pa.array(values, pa.string())))
    )
    return _share(_rows(pc.and_(right, pc.invert(strange)))), "labels_in_taxonomy"


def _structure(dataset: Dataset, sample: Sample, answers: Answers) -> Scored:
    """Cells that are filled, of content, id, source, licence and time of every record. A licence that holds
    for all may stand in the folder or in card.yaml."""
    table = sample.drawn
    filled = [np.asarray(has_content(dataset, table))]
    for name in _REQUIRED:
        column = dataset.roles.columns.get(name)
        if name == "license" and (dataset.license or answers.answered("license")):
            filled.append(np.ones(table.num_rows, bool))
        elif column is None:
            filled.append(np.zeros(table.num_rows, bool))
        else:
            values = table[column].cast(pa.string())
            filled.append(_rows(pc.not_equal(pc.utf8_trim_whitespace(values), "")))
    return float(np.mean(filled)), "required_cells"


def _consistency(dataset: Dataset, sample: Sample) -> Scored:
    """Records whose content stands neither with another label nor in another split. Looked at are all
    records, or those of a sample of lengths, so that equal contents stay together."""
    table = sample.compared
    content = _content(dataset, table)
    code = np.asarray(pc.fill_null(content.dictionary_encode().indices, -1)).astype(np.int64)
    split = np.asarray(table[SPLIT].combine_chunks().dictionary_encode().indices).astype(np.int64)
    held = _one_per_record(dataset, labels_of(dataset, table))
    said = held.append_column("content", pa.array(code[np.asarray(held["row"])]))
    torn = _several(said, ["content", "scheme"], "value") | _several(
        pa.table({"content": code, "split": split}), ["content"], "split"
    )
    there = code >= 0
    if not there.any():
        return None, "no_text"
    conflicting = np.isin(code[there], np.fromiter(torn, np.int64, len(torn)))
    return _share(~conflicting), "same_text_same_label_and_split"


def _types(dataset: Dataset, sample: Sample, found: Mapping[str, Any]) -> Scored:
    """Cells whose value is of their column's type, the mean over columns: a column with values of several
    types has none, a column of dates those that can be read."""
    parts = []
    for field in dataset.schema:
        if field.name not in sample.drawn.column_names:  # pictures and sound, which nobody opens
            continue
        column = sample.drawn[field.name]
        if is_mixed(field):
            parts.append(0.0)
        elif field.name == dataset.roles.columns.get("original_time") and pa.types.is_string(column.type):
            given = pc.drop_null(column).combine_chunks()
            parts.append(_share(_rows(iso_date(given).is_valid())) if len(given) else 1.0)
        else:
            parts.append(1.0)
    return (float(np.mean(parts)), "column_types") if parts else (None, "no_column")


def texts(dataset: Dataset) -> list[str]:
    """Columns with texts, chat messages apart."""
    return list(dataset.text_fields)


def messages(dataset: Dataset, table: pa.Table) -> tuple[NDArray[np.int64], pa.Array]:
    """What is said in chat examples, and in which row."""
    assert dataset.chat
    column = table[dataset.chat.column].combine_chunks()
    said = pc.struct_field(pc.list_flatten(column), dataset.chat.content)
    return np.asarray(pc.list_parent_indices(column)), said


def has_content(dataset: Dataset, table: pa.Table) -> NDArray[np.bool_]:
    """Records with a text or a message that is not blank."""
    there = np.zeros(table.num_rows, bool)
    for name in texts(dataset):
        there |= _rows(pc.not_equal(pc.utf8_trim_whitespace(table[name]), ""))
    if dataset.chat:
        rows, said = messages(dataset, table)
        there[rows[_rows(pc.not_equal(pc.utf8_trim_whitespace(said), ""))]] = True
    return there


def labels_of(dataset: Dataset, table: pa.Table) -> pa.Table:
    """One row per label: `row` of the table, `scheme`, `value`, `method`, `annotator`, and whether it
    `holds`, a value on which nobody abstained."""
    if dataset.run:
        lists = table["labels"].combine_chunks()
        flat = pc.list_flatten(lists)
        columns = {name: pc.struct_field(flat, name) for name in ("scheme", "value", "method", "annotator")}
        abstained = pc.fill_null(pc.struct_field(flat, "abstained"), False)
        found = pa.table({"row": pc.list_parent_indices(lists), **columns, "abstained": abstained})
    else:
        parts = [_plain_labels(table[name].combine_chunks(), name) for name in dataset.label_fields]
        empty = _plain_labels(pa.array([], pa.string()), "")
        found = pa.concat_tables(parts or [empty])
    blank = pc.fill_null(pc.equal(pc.utf8_trim_whitespace(found["value"]), ""), True)
    return found.append_column("holds", pc.and_not(pc.invert(blank), found["abstained"]))


def _plain_labels(column: pa.Array, scheme: str) -> pa.Table:
    """A column of labels: plain values, lists of them, or records with scheme and value."""
    rows: pa.Array = pa.array(np.arange(len(column)))
    if pa.types.is_list(column.type):
        rows, column = pc.list_parent_indices(column), pc.list_flatten(column)
    schemes = pa.repeat(pa.scalar(scheme), len(column))
    if pa.types.is_struct(column.type):
        schemes, column = pc.struct_field(column, "scheme"), pc.struct_field(column, "value")
    nothing = pa.nulls(len(column), pa.string())
    return pa.table(
        {
            "row": rows.cast(pa.int64()),
            "scheme": schemes.cast(pa.string()),
            "value": column.cast(pa.string()),
            "method": nothing,
            "annotator": nothing,
            "abstained": pa.repeat(pa.scalar(False), len(column)),
        }
    )


def _content(dataset: Dataset, table: pa.Table) -> pa.Array:
    """What each record asks or tells, as one string; null where it is nothing."""
    parts: list[Any] = []
    for name in contents(dataset):
        if dataset.chat and name == dataset.chat.column:
            parts.append(_asked(dataset, table))
        else:
            parts.append(pc.fill_null(pc.utf8_trim_whitespace(table[name].combine_chunks()), ""))
    joined = pc.binary_join_element_wise(*parts, "\n") if len(parts) > 1 else parts[0] if parts else None
    if joined is None:
        return pa.nulls(table.num_rows, pa.string())
    return pc.if_else(pc.equal(pc.utf8_trim_whitespace(joined), ""), None, joined)


def _asked(dataset: Dataset, table: pa.Table) -> pa.Array:
    """The messages of chat examples up to the last one, which is the answer."""
    column = table[dataset.chat.column].combine_chunks()  # type: ignore[union-attr]
    rows, said = messages(dataset, table)
    last = np.append(rows[1:] != rows[:-1], True) if len(rows) else np.zeros(0, bool)
    lengths = np.bincount(rows[~last], minlength=len(column))
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    kept = pc.fill_null(said.filter(pa.array(~last)), "")
    return pc.binary_join(pa.ListArray.from_arrays(pa.array(offsets), kept), "\n")


def _one_per_record(dataset: Dataset, labels: pa.Table) -> pa.Table:
    """`row`, `scheme` and `value`: of a run the last one that holds, elsewhere all of a record as one."""
    held = labels.filter(labels["holds"]).select(["row", "scheme", "value"])
    how = "last" if dataset.run else "list"
    found = held.group_by(["row", "scheme"], use_threads=False).aggregate([("value", how)])
    values = found[f"value_{how}"]
    if not dataset.run:
        values = pc.binary_join(values.combine_chunks(), "\n")
    return found.select(["row", "scheme"]).append_column("value", values)


def _several(table: pa.Table, keys: list[str], value: str) -> set[int]:
    """Contents that have more than one value under a key."""
    pairs = table.group_by([*keys, value]).aggregate([])
    counts = pairs.group_by(keys).aggregate([(value, "count_distinct")])
    return set(counts.filter(pc.greater(counts[f"{value}_count_distinct"], 1))["content"].to_pylist())


def _taxonomy(dataset: Dataset) -> tuple[str, tuple[str, ...]] | None:
    """Name and values of the taxonomy that the run labelled with, if it is still here."""
    from curation.label import taxonomy

    assert dataset.run
    for stage in dataset.run.lock()["recipe"]["stages"]:
        name = (stage.get("label") or {}).get("taxonomy")
        if name:
            try:
                loaded = taxonomy.load(name)
            except UsageError:
                return None
            return loaded.name, tuple(loaded.values)
    return None


def _rows(mask: Any) -> NDArray[np.bool_]:
    """A mask without nulls: what is not known is not so."""
    return np.asarray(pc.fill_null(mask, False)).astype(bool)


def _share(mask: NDArray[np.bool_]) -> float:
    return float(mask.mean()) if len(mask) else 1.0
