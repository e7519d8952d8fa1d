"""The rows of a run or of one file, with where each stands, before anybody says what they are examples of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from curation import parquet
from curation.errors import InputError, UsageError
from curation.ingest.mapping import Settings, map_columns
from curation.ingest.precision import display
from curation.ingest.tables import read_rows
from curation.records import SPLITS
from curation.run import Run


@dataclass(frozen=True)
class Rows:
    """Rows with the file and the number of each.

    Attributes:
        source: the file or run they are from.
        columns: which column holds a known field (`title`, `text`, `label` ...), whatever it is called.
        names: all columns; of a run those that are not empty throughout.
    """

    source: Path
    places: list[tuple[str, int]]
    values: list[dict[str, Any]]
    columns: Mapping[str, str]
    names: frozenset[str]

    def __len__(self) -> int:
        return len(self.values)

    def error(self, index: int, problem: str, field: str | None = None) -> InputError:
        """What is wrong with a row, naming it."""
        file, number = self.places[index]
        return InputError(problem, file=file, row=number, field=field)

    def ids(self) -> list[str]:
        """The rows' own ids where each has one of its own, else file and number."""
        column = self.columns.get("id")
        own = [display(row.get(column)) if column else None for row in self.values]
        if all(own) and len(set(own)) == len(own):
            return [str(each) for each in own]
        return [f"{file}:{number}" for file, number in self.places]

    def text(self, index: int, column: str) -> str | None:
        """What a cell says; None where it is empty.

        Raises:
            InputError: it is neither a text nor a number.
        """
        value = self.values[index].get(column)
        if isinstance(value, (bool, list, dict)):
            raise self.error(index, "neither a text nor a number", column)
        return display(value)

    def list_of(self, index: int, column: str, what: str) -> list[Any] | None:
        """A list; in a cell of CSV or XLSX it is JSON.

        Args:
            what: what the list is of, for the error.

        Raises:
            InputError: it is none.
        """
        given = self.values[index].get(column)
        try:
            given = orjson.loads(given) if isinstance(given, str) and given else given
        except ValueError:
            given = 0
        if not given and (given is None or isinstance(given, (str, list))):
            return None
        if not isinstance(given, list):
            raise self.error(index, f"not a JSON list of {what}", column)
        return given

    @property
    def split(self) -> bool:
        """Whether the rows say to which split they belong."""
        return "split" in self.names

    def splits(self) -> list[str]:
        """The split of each row, as it says.

        Raises:
            InputError: one says nothing, or something else.
        """
        found = []
        for index, row in enumerate(self.values):
            if row.get("split") not in SPLITS:
                raise self.error(index, f"none of {', '.join(SPLITS)}", "split")
            found.append(row["split"])
        return found


def read(source: Path, wanted: Sequence[str] | None) -> Rows:
    """The rows of a run folder or of a file (JSON lines, CSV, XLSX, Parquet).

    Args:
        wanted: columns that are read of a run besides `id` and `split`, None for all; of a file all are.

    Raises:
        UsageError: there is nothing to read.
    """
    return _run_rows(source, wanted) if source.is_dir() else _file_rows(source)


def _run_rows(folder: Path, wanted: Sequence[str] | None) -> Rows:
    shards = Run(folder).data
    if not shards:
        raise UsageError(f"{folder}: no data/*.parquet, so no run; make one with govtune curate")
    places: list[tuple[str, int]] = []
    values: list[dict[str, Any]] = []
    names: set[str] = set()
    for shard in shards:
        with parquet.opened(shard) as file:
            there = file.schema_arrow.names
            there = there if wanted is None else [name for name in ("id", "split", *wanted) if name in there]
            table = file.read(there)
        values += table.to_pylist()
        places += [(f"data/{shard.name}", number) for number in range(1, table.num_rows + 1)]
        names |= {name for name in there if table[name].null_count < table.num_rows}
    return Rows(folder, places, values, {name: name for name in names}, frozenset(names))


def _file_rows(path: Path) -> Rows:
    found = read_rows(path)
    if not found.rows:
        raise UsageError(f"{path}: no rows")
    places = [(path.name, number) for number in found.numbers]
    columns = map_columns(found.columns, Settings()).fields
    return Rows(path, places, found.rows, columns, frozenset(found.columns))
