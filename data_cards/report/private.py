"""What the internal report says of single records, read from a run and its private folder.

The same run gives the same answer, so that the report can be rendered again and compared. Of a dropped record
not a word is read: text comes from what is published alone, with its digits masked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from curation import ledger, parquet
from data_cards.dataset import Dataset
from data_cards.report.inside import Dropped, Inside, Piece, Published

BUDGET = 560_000
"""Bytes of records in the page."""

EXAMPLES = 3
"""Examples of each reason, and of each placeholder."""

BEFORE, AFTER = 24, 40
"""Characters of a text that are shown on either side of a placeholder; of a survivor, both together."""

SEARCHED = 10_000
"""Published records that are searched for placeholders."""

_PLACEHOLDER = re.compile(r"\[[^\W\d_]{1,12}\]")
_DIGIT = re.compile(r"\d")


def read(dataset: Dataset) -> Inside | None:
    """What is known of single records; None without a run, its private folder or its ledger.

    Raises:
        InputError: a file of the run is damaged.
    """
    run = dataset.run
    if run is None or not run.ledger:
        return None
    texts = _Texts()
    total, entries = _entries(run.ledger)
    made_by = _made_by(run.ledger, [entry["parent"] for entry in entries if entry["parent"]])
    ids = pa.array([entry["id"] for entry in entries], pa.string())
    splits = {row["id"]: row["split"] or "train" for row in _where(run.data, "id", ids, ["id", "split"])}
    found = _found(run.findings, ids, texts)
    lives = [_life(entry, texts, splits, found, made_by) for entry in entries]
    clean = any("anonymise" in stage for stage in run.lock()["recipe"]["stages"])
    places, looked_at = _places(dataset) if clean else ({}, 0)
    return Inside(total, lives, texts.all, _dropped(dataset, clean), places, looked_at)


class _Texts:
    """Texts by their place; the empty one is 0."""

    def __init__(self) -> None:
        self.all = [""]
        self._place = {"": 0}

    def place(self, text: str | None) -> int:
        if text not in self._place and text is not None:
            self._place[text] = len(self.all)
            self.all.append(text)
        return self._place[text or ""]


def _entries(files: Sequence[Path]) -> tuple[int, list[dict[str, Any]]]:
    """The number of rows of the ledger, and those that fit in the page: what was not kept comes first."""
    total = sum(map(parquet.rows, files))
    entries: list[dict[str, Any]] = []
    room = BUDGET
    columns = [name for name in ledger.SCHEMA.names if name != "evidence"]
    for kept in (False, True):
        for table in _tables(files, columns):
            if room <= 0:
                return total, entries
            for entry in table.filter(pc.equal(pc.equal(table["fate"], "kept"), kept)).to_pylist():
                room -= _size(entry)
                if room <= 0:
                    break
                entries.append(entry)
    return total, entries


def _size(entry: dict[str, Any]) -> int:
    """Bytes that a record takes in the page, at most and about."""
    names = (entry["id"], entry["ref_id"], entry["parent"])
    return 40 + sum(len(json.dumps(name, ensure_ascii=False).encode()) for name in names if name)


def _life(
    entry: dict[str, Any],
    texts: _Texts,
    splits: dict[str, str],
    found: dict[str, list[list[int]]],
    made_by: dict[str, str],
) -> list[Any]:
    """The values of `COLUMNS`."""
    place = entry["source_details"] or {}
    return [
        entry["id"],
        texts.place(place.get("file")),
        texts.place(place.get("sheet")),
        place.get("row") or 0,
        place.get("page") or 0,
        *(texts.place(entry[name]) for name in ("fate", "stage", "reason", "relation")),
        entry["ref_id"] or 0,
        _score(entry["score"]) or 0,
        texts.place(splits.get(entry["id"])),
        found.get(entry["id"], []),
        entry["parent"] or 0,
        texts.place(made_by.get(entry["parent"])),
    ]


def _score(score: float | None) -> float | None:
    return None if score is None else round(score, 3)


def _made_by(files: Sequence[Path], parents: list[str]) -> dict[str, str]:
    """The stage that made children of a record."""
    rows = _where(files, "id", pa.array(parents, pa.string()), ["id", "stage"])
    return {row["id"]: row["stage"] for row in rows}


def _found(files: Sequence[Path], ids: pa.Array, texts: _Texts) -> dict[str, list[list[int]]]:
    """Personal data of records, as type, number and action."""
    counts: dict[tuple[str, str, str], int] = {}
    for table in _tables(files, ["id", "type", "action"]):
        some = table.filter(pc.is_in(table["id"], ids))
        for row in some.group_by(["id", "type", "action"]).aggregate([([], "count_all")]).to_pylist():
            key = (row["id"], row["type"], row["action"])
            counts[key] = counts.get(key, 0) + row["count_all"]
    found: dict[str, list[list[int]]] = {}
    for (record, kind, action), number in sorted(counts.items()):
        found.setdefault(record, []).append([texts.place(kind), number, texts.place(action)])
    return found


def _dropped(dataset: Dataset, clean: bool) -> dict[tuple[str, str], list[Dropped]]:
    """The first records of each reason; and, where texts are de-identified, the published one that stands for
    a duplicate."""
    assert dataset.run
    rows: dict[tuple[str, str], list[dict[str, Any]]] = {}
    columns = ["id", "fate", "stage", "reason", "ref_id", "relation", "score"]
    for table in _tables(dataset.run.ledger, columns):
        gone = table.filter(pc.equal(table["fate"], "dropped"))
        for key in gone.group_by(["stage", "reason"], use_threads=False).aggregate([]).to_pylist():
            stage, reason = key["stage"], key["reason"]
            have = rows.setdefault((stage, reason), [])
            if len(have) < EXAMPLES:
                same = pc.and_(pc.equal(gone["stage"], stage), pc.equal(gone["reason"], reason))
                have += gone.filter(same).slice(0, EXAMPLES - len(have)).to_pylist()
    rows = {key: found for key, found in sorted(rows.items(), key=str) if found}
    refs = {row["ref_id"] for found in rows.values() for row in found if row["relation"] == "duplicate_of"}
    wanted = pa.array(sorted(refs) if clean else [], pa.string())
    survivors = {
        row["id"]: _beginning(row["id"], _text(row, dataset))
        for row in _where(dataset.run.data, "id", wanted, _columns(dataset))
    }
    return {
        key: [Dropped(row["id"], _score(row["score"]), survivors.get(row["ref_id"])) for row in found]
        for key, found in rows.items()
    }


def _places(dataset: Dataset) -> tuple[dict[str, list[Published]], int]:
    """Published texts around placeholders, a few of each, and how many records were looked at."""
    assert dataset.run
    found: dict[str, list[Published]] = {}
    looked_at = 0
    for table in _tables(dataset.run.data, _columns(dataset)):
        for row in table.slice(0, SEARCHED - looked_at).to_pylist():
            looked_at += 1
            text = _text(row, dataset)
            for match in _PLACEHOLDER.finditer(text):
                have = found.setdefault(match[0], [])
                if len(have) < EXAMPLES and all(one.id != row["id"] for one in have):
                    have.append(_around(row["id"], text, match.start(), match.end()))
        if looked_at >= SEARCHED:
            break
    return dict(sorted(found.items())), looked_at


def _columns(dataset: Dataset) -> list[str]:
    return ["id", *dataset.text_fields, "messages"]


def _text(row: dict[str, Any], dataset: Dataset) -> str:
    """The texts of a published record, one after the other."""
    parts = [row[name] for name in dataset.text_fields]
    parts += [message["content"] for message in row["messages"] or ()]
    return "　".join(" ".join(part.split()) for part in parts if part)


def _beginning(record: str, text: str) -> Published:
    return _shown(record, text, 0, min(len(text), BEFORE + AFTER))


def _around(record: str, text: str, start: int, end: int) -> Published:
    return _shown(record, text, max(0, start - BEFORE), min(len(text), end + AFTER))


def _shown(record: str, text: str, start: int, end: int) -> Published:
    """A part of a text; where it is cut, it says so, and never within a placeholder."""
    for match in _PLACEHOLDER.finditer(text):
        if match.start() < start < match.end():
            start = match.start()
        if match.start() < end < match.end():
            end = match.end()
    pieces = [Piece("…")] if start else []
    at = start
    for match in _PLACEHOLDER.finditer(text, start, end):
        pieces += [Piece(_masked(text[at : match.start()])), Piece(match[0], placeholder=True)]
        at = match.end()
    pieces += [Piece(_masked(text[at:end])), Piece("…" if end < len(text) else "")]
    return Published(record, tuple(piece for piece in pieces if piece.text))


def _masked(text: str) -> str:
    return _DIGIT.sub("×", text)


def _where(
    files: Iterable[Path], column: str, values: pa.Array, columns: list[str]
) -> Iterator[dict[str, Any]]:
    """These columns of the rows whose `column` has one of these values; read no further than all are found.
    Values are of a column that has each value once."""
    missing = len(pc.unique(values))
    for table in _tables(files, columns):
        if not missing:
            return
        rows = table.filter(pc.is_in(table[column], values)).to_pylist()
        missing -= len(rows)
        yield from rows


def _tables(files: Iterable[Path], columns: Sequence[str]) -> Iterator[pa.Table]:
    for path in files:
        yield from parquet.tables(path, columns)
