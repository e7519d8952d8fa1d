"""A data set as it lies in a folder: a run of govtune, or any other folder that `datasets` can load."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from curation import records
from curation.errors import UsageError
from curation.run import LOCK, Run
from data_cards import foreign, readers, roles
from data_cards.options import Options
from data_cards.readers import Format
from data_cards.roles import Chat, Roles


class Part(NamedTuple):
    """Some rows of a split, all from one file."""

    split: str
    path: Path
    table: pa.Table


@dataclasses.dataclass(frozen=True)
class Dataset:
    """Its files by split, and what its columns are.

    Attributes:
        name: of the recipe, or of the folder.
        files: data files of each split, in order.
        schema: columns as they are stored.
        roles: what the columns are for.
        run: the run, where the folder is one.
        config: which of several named configurations it is.
        license: of the whole data set, where the folder states one.
    """

    folder: Path
    name: str
    format: Format
    files: dict[str, list[Path]]
    schema: pa.Schema
    roles: Roles
    run: Run | None = None
    config: str | None = None
    license: str | None = None
    _irregular: frozenset[Path] = frozenset()

    @property
    def text_fields(self) -> tuple[str, ...]:
        """Columns whose text people read, in order; chat messages are not among them."""
        return self.roles.text

    @property
    def label_fields(self) -> tuple[str, ...]:
        """Columns taken as labels, of a folder that is no run."""
        return self.roles.labels

    @property
    def chat(self) -> Chat | None:
        """The column with chat examples."""
        return self.roles.chat

    def tables(self, columns: Sequence[str], split: str | None = None) -> Iterator[pa.Table]:
        """These columns, a bounded number of rows at a time, all splits or one.

        Raises:
            InputError: a file is damaged or lacks a column.
        """
        return (part.table for part in self.parts(columns, split))

    def parts(self, columns: Sequence[str], split: str | None = None) -> Iterator[Part]:
        """As `tables`, with the split and the file of each."""
        wanted = pa.schema([self.schema.field(name) for name in columns])
        for name, paths in self.files.items():
            if split in (None, name):
                for path in paths:
                    for table in readers.tables(self.format, path, wanted, path in self._irregular):
                        yield Part(name, path, roles.readable(table, self.roles.names))


def open_folder(folder: Path, options: Options) -> Dataset:
    """The data set in a folder; a run where it has a lock.

    Raises:
        UsageError: no folder, no data in it, several configurations of which none was named, or a named
            column that it does not have.
        InputError: a file cannot be read.
    """
    if is_run(folder):
        return of_run(Run(folder))
    found = foreign.find(folder, options.config)
    schemas, irregular = [], set()
    for path in [path for paths in found.files.values() for path in paths]:
        schema, regular = readers.schema(found.format, path)
        schemas.append(schema)
        if not regular:
            irregular.add(path)
    schema = readers.joined(schemas)
    given = roles.guess(schema, found.features, options.text_fields, options.label_fields)
    return Dataset(
        folder,
        folder.resolve().name,
        found.format,
        found.files,
        schema,
        given,
        config=found.config,
        license=found.license,
        _irregular=frozenset(irregular),
    )


def is_run(folder: Path) -> bool:
    """Whether the folder says that it is a run of govtune."""
    return (folder / LOCK).exists()


def of_run(run: Run) -> Dataset:
    """A run as a data set.

    Raises:
        UsageError: the folder is no finished run.
    """
    files: dict[str, list[Path]] = {}
    for path in run.data:
        files.setdefault(path.name.partition("-")[0], []).append(path)
    recipe = run.lock().get("recipe")
    if not isinstance(recipe, Mapping) or not {"name", "fields"} <= recipe.keys():
        raise UsageError(f"{run.folder}: {LOCK} lacks what a card is made of")
    schema = records.public_schema(recipe["fields"])
    return Dataset(run.folder, recipe["name"], "parquet", files, schema, roles.OF_RUN, run)
