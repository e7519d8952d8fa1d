"""Whether a Croissant file is right about the data: mlcroissant's own validation never opens a file.

A wrong digest, a missing file, a missing column or a wrong type loads as valid there, and the digest of a
file that is read through a FileSet is not even looked at when its rows are streamed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from curation.errors import InputError, UsageError
from curation.files import sha256
from data_cards import readers
from data_cards.croissant.fields import RECORDS, field, shape


def faults(folder: Path, text: str) -> Iterator[str]:
    """What in a `croissant.json` is not so, one line each.

    Args:
        folder: of the data.
        text: of the file.
    """
    try:
        stated = json.loads(text)
        files = [each for each in stated["distribution"] if each["@type"] == "cr:FileObject"]
        named = {str(each["contentUrl"]): each for each in files}
        sets = {each["@id"]: each for each in stated["recordSet"]}
    except (ValueError, KeyError, TypeError):
        yield "not a Croissant file as govtune writes it"
        return
    there = []
    for path, each in sorted(named.items()):
        place = folder / path
        if not place.resolve().is_relative_to(folder.resolve()) or not place.is_file():
            yield f"{path}: named but missing"
            continue
        there.append(place)
        yield from _file(path, each, place)
    if RECORDS in sets and len(there) == len(named):
        try:
            yield from _records(sets[RECORDS], there)
        except InputError as error:
            yield str(error)
        except (KeyError, TypeError, AttributeError):
            yield f"{RECORDS}: not a RecordSet as govtune writes it"


def _file(path: str, stated: Mapping[str, Any], place: Path) -> Iterator[str]:
    try:
        found = {"contentSize": f"{place.stat().st_size} B", "sha256": sha256(place)}
    except UsageError:
        yield f"{path}: cannot be read"
        return
    for key, value in found.items():
        if stated.get(key) != value:
            yield f"{path}: {key} is {value}, stated {stated.get(key)}"


def _records(stated: Mapping[str, Any], files: list[Path]) -> Iterator[str]:
    """Fields against columns, and counts against rows."""
    schemas = {path: readers.schema(readers.SUFFIXES[path.suffix.lower()], path) for path in files}
    columns = readers.joined([schema for schema, _ in schemas.values()])
    shapes = {each.name: shape("mixed" if readers.is_mixed(each) else str(each.type)) for each in columns}
    fields = {each["name"]: each for each in stated["field"] if "column" in _extract(each)}
    for name, each in fields.items():
        if name not in shapes:
            yield f"{RECORDS}/{name}: no such column in the data"
            continue
        found = shapes[name]
        right = field(name, found) if found else {}
        for key in ("dataType", "isArray", "arrayShape", "source", "subField"):
            if right.get(key) != each.get(key):
                said, wanted = (json.dumps(one.get(key), ensure_ascii=False) for one in (each, right))
                yield f"{RECORDS}/{name}: {key} is {said}, should be {wanted}"
    for name, found in shapes.items():
        if found and name not in fields:
            yield f"{RECORDS}/{name}: a column of the data that is not described"
    lacking = {path: set(fields) - set(schema.names) for path, (schema, _) in schemas.items()}
    for path, names in lacking.items():
        for name in sorted(names & shapes.keys()):
            if path.suffix.lower() == ".parquet":  # JSON leaves out what is null
                yield f"{path.name}: has no column {name}"
    counts = {each["name"]: each["value"] for each in stated["annotation"]}
    rows = sum(_rows(path, schema, regular) for path, (schema, regular) in schemas.items())
    if counts.get("count") != rows:
        yield f"{RECORDS}/count: is {rows}, stated {counts.get('count')}"
    parts = sum(value for name, value in counts.items() if name.startswith("count/"))
    if parts != rows:
        yield f"{RECORDS}/count: the splits add up to {parts}, there are {rows}"


def _extract(stated: Mapping[str, Any]) -> Mapping[str, Any]:
    """How a field gets at its column: itself, or its first sub-field."""
    at = stated if "source" in stated else stated["subField"][0]
    found: Mapping[str, Any] = at["source"]["extract"]
    return found


def _rows(path: Path, schema: pa.Schema, regular: bool) -> int:
    kind = readers.SUFFIXES[path.suffix.lower()]
    columns = pa.schema(list(schema)[:1])
    return sum(table.num_rows for table in readers.tables(kind, path, columns, not regular))
