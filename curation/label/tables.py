"""An office's own category tree, a table with a column per level, as a taxonomy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import regex
import yaml
from pydantic import ValidationError

from curation.errors import InputError, UsageError
from curation.files import not_onto_itself, whole_file
from curation.ingest.precision import display
from curation.label import taxonomy
from curation.label.taxonomy import Label, Taxonomy
from curation.strict import first_fault

Branch = tuple[str, ...]
"""Names from the top of a tree down."""

_LEVEL = regex.compile(r"(?i)l(?:evel)?[\s_]?([1-9])|第?([1-9一二三四五六七八九])级\p{Han}{0,6}")
_DIGITS = "一二三四五六七八九"


def import_table(
    table: Path,
    output: Path,
    *,
    columns: Sequence[str] = (),
    name: str | None = None,
    level: int | None = None,
    extends: str | None = None,
) -> Imported:
    """Write the tree of a table as `taxonomy/1`; codes are numbered by position.

    A row is a label with those above it. Where an upper cell is empty, as below a merged one, that of the row
    above holds. A row may end early.

    Args:
        table: XLSX, CSV, JSON lines or Parquet.
        columns: one for each level from the top; else those called 一级分类, 二级分类 ... or l1, l2 ...
        name: of the taxonomy; else that of the output file.
        level: where the tree is cut, as `Taxonomy.level`; of a taxonomy that extends another, that one's.
        extends: a taxonomy under whose labels the tree's are put; branches of the tree whose top is none of
            its labels are left out.

    Raises:
        UsageError: no such column, a file that is there already, or a tree that is no taxonomy.
        InputError: a row with a gap.
    """
    from curation.ingest.tables import read_rows

    not_onto_itself(table, output)
    if output.exists():
        raise UsageError(f"{output}: exists already")
    read = read_rows(table)
    found = list(columns) or _level_columns(read.columns)
    for column in found:
        if column not in read.columns:
            raise UsageError(f"{table.name}: no column {column}; there are {', '.join(read.columns)}")
    if not found:
        raise UsageError(
            f"{table.name}: no columns 一级分类, 二级分类 ... or l1, l2 ...; name them with --columns"
        )
    base = None if extends is None else taxonomy.load(extends)
    codes = {} if base is None else {_names(base, label): label.code for label in base.labels}
    paths: dict[Branch, None] = {}
    left_out: set[str] = set()
    above: Branch = ()
    for number, row in zip(read.numbers, read.rows, strict=True):
        cells = [(display(row.get(column)) or "").strip() for column in found]
        above = _filled(cells, above, table, number)
        if base is not None and above[:1] not in codes:
            left_out.add(above[0])
            continue
        for depth in range(1, len(above) + 1):
            paths.setdefault(above[:depth])
    data: dict[str, Any] = {
        "schema": "taxonomy/1",
        "name": name or output.stem,
        "title": {"zh": name or output.stem},
        **({} if level is None else {"level": level}),
        "labels": _labels(list(paths), codes),
    }
    if base is not None:
        data = {
            **{key: data[key] for key in data if key != "labels"},
            "extends": extends,
            "labels": data["labels"],
        }
    elif faults := _faults(data):
        raise UsageError(f"{table.name}: {faults}")
    with whole_file(output) as aside:
        aside.write_text(
            f"# {len(data['labels'])} labels on {len(found)} levels, imported from {table.name}\n"
            + yaml.safe_dump(data, allow_unicode=True, sort_keys=False, width=110),
            encoding="utf-8",
        )
    try:
        return Imported(taxonomy.load(str(output)), tuple(sorted(left_out)))
    except UsageError:
        output.unlink()
        raise


@dataclass(frozen=True)
class Imported:
    """A tree that was imported, and the tops of its branches that were left out."""

    taxonomy: Taxonomy
    left_out: tuple[str, ...]


def _names(base: Taxonomy, label: Label) -> Branch:
    return tuple(one.name.zh for one in base.lines[label.code])


def _faults(data: dict[str, Any]) -> str | None:
    try:
        Taxonomy.model_validate(data)
    except ValidationError as error:
        return first_fault(error, Taxonomy)
    return None


def _level_columns(columns: Sequence[str]) -> list[str]:
    """The columns called by a level, from the first on without a gap."""
    levels: dict[int, str] = {}
    for column in columns:
        if found := _LEVEL.fullmatch(column.strip()):
            digit = found[1] or found[2]
            levels.setdefault(_DIGITS.index(digit) + 1 if digit in _DIGITS else int(digit), column)
    known: list[str] = []
    while (level := len(known) + 1) in levels:
        known.append(levels[level])
    return known


def _filled(cells: Sequence[str], above: Branch, table: Path, number: int) -> Branch:
    """The row's path, its empty upper cells filled from the row above."""
    said = [index for index, cell in enumerate(cells) if cell]
    if not said:
        raise InputError("no label", file=table.name, row=number)
    first, last = said[0], said[-1]
    if first > len(above) or len(said) != last - first + 1:
        raise InputError("a label without the one above it", file=table.name, row=number)
    return (*above[:first], *cells[first : last + 1])


def _labels(paths: Sequence[Branch], codes: Mapping[Branch, str]) -> list[dict[str, Any]]:
    """Labels in the order of the tree: each before those below it, codes as wide as their level needs.

    Args:
        codes: of the labels that are there already; the others' codes then begin with t.
    """
    below: dict[Branch, list[Branch]] = {}
    for path in paths:
        below.setdefault(path[:-1], []).append(path)
    widths: dict[int, int] = {}
    for path, children in below.items():
        widths[len(path)] = max(widths.get(len(path), 2), len(str(len(children))))
    found: list[dict[str, Any]] = []
    waiting = [(path, "t" if codes else "", "") for path in reversed(below.get((), []))]
    position = {path: number for children in below.values() for number, path in enumerate(children, start=1)}
    while waiting:
        path, before, above = waiting.pop()
        numbered = f"{before}{position[path]:0{widths[len(path) - 1]}}"
        code = codes.get(path, numbered)
        if path not in codes:
            parent = {"parent": above} if above else {}
            found.append({"code": code, **parent, "name": {"zh": path[-1]}})
        waiting += [(child, numbered, code) for child in reversed(below.get(path, []))]
    return found
