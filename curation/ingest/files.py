"""Which files are read, how they are cut into units, and how a unit is read; nothing disappears."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from curation import records
from curation.errors import InputError, UsageError
from curation.files import sha256
from curation.ingest import batch, delimited, encoding, excel, jsonl, parquet, text
from curation.ingest.batch import Batch, Failure
from curation.ingest.mapping import Settings
from curation.ingest.problem import PROBLEMS, UnreadableError

UNIT_BYTES = 1 << 19
"""JSON lines and Parquet are cut into units of about this size."""

UNIT_DOCUMENTS = 200
"""Text files are read in groups of this many neighbours."""

FORMATS = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".csv": "delimited",
    ".tsv": "delimited",
    ".xlsx": "excel",
    ".xlsm": "excel",
    ".xls": "excel",
    ".parquet": "parquet",
    ".txt": "text",
    ".md": "text",
}
"""Extension to format."""


@dataclass(frozen=True)
class SourceFile:
    """One input file.

    Args:
        path: where it lies on this machine; nothing written depends on it.
        name: its path below the folder that was given, or its own name.
        digest: SHA-256 of its bytes, hexadecimal.
        size: in bytes.
        copy: 0, 1, ... among the files with the same bytes, in order of name.
    """

    path: Path
    name: str
    digest: str
    size: int
    copy: int

    @property
    def format(self) -> str | None:
        """A value of `FORMATS`; None for an extension that is not known."""
        return FORMATS.get(self.path.suffix.lower())


@dataclass(frozen=True)
class Unit:
    """What one worker reads in one go, cut by the input alone.

    Args:
        files: one file, or neighbouring text files.
        start, stop: byte range of JSON lines, or row groups of Parquet; a whole file when `stop` is 0.
        first_row: number of the first row, from 1.
    """

    files: tuple[SourceFile, ...]
    start: int = 0
    stop: int = 0
    first_row: int = 1


def find_inputs(paths: Sequence[Path]) -> list[SourceFile]:
    """All files at and below `paths`, in an order that depends only on their names and contents.

    Hidden files and the lock files of Office are left out. Files of unknown formats are not: `read` makes
    each of them one dropped record.

    Raises:
        UsageError: a path that does not exist, or not one file to read.
    """
    found: dict[Path, str] = {}

    def add(path: Path, name: str) -> None:
        # given twice, as itself and in its folder: the choice must not depend on the order
        path = path.resolve()
        found[path] = min(name, found.get(path, name))

    for path in paths:
        if path.is_dir():
            for file in path.rglob("*"):
                below = file.relative_to(path)
                if file.is_file() and not any(map(_ignored, below.parts)):
                    add(file, below.as_posix())
        elif path.is_file():
            add(path, path.name)
        else:
            raise UsageError(f"{path}: no such file or folder")
    if not any(file.suffix.lower() in FORMATS for file in found):
        said = ", ".join(map(str, paths))
        raise UsageError(f"{said}: not one file to read; supported: {', '.join(FORMATS)}")
    named = sorted((name, sha256(path), path) for path, name in _distinct(found).items())
    copies: Counter[str] = Counter()
    files = []
    for name, digest, path in named:
        files.append(SourceFile(path, name, digest, path.stat().st_size, copies[digest]))
        copies[digest] += 1
    return files


def _distinct(found: dict[Path, str]) -> dict[Path, str]:
    """Files of one name from several folders get their folder's name in front, until no two are alike."""
    for _ in range(max((len(path.parts) for path in found), default=0)):
        counts = Counter(found.values())
        if len(counts) == len(found):
            break
        found = {
            path: name if counts[name] == 1 else _with_folder(path, name) for path, name in found.items()
        }
    return found


def _with_folder(path: Path, name: str) -> str:
    outside = path.parts[: -len(Path(name).parts)]
    return "/".join([*outside[-1:], name])


def units(files: Sequence[SourceFile]) -> list[Unit]:
    """Cut the files into units: every byte in exactly one, whatever the number of workers."""
    cut: list[Unit] = []
    documents: list[SourceFile] = []
    for file in files:
        if file.format == "text":
            documents.append(file)
        elif file.format == "jsonl":
            cut += _json_units(file)
        elif file.format == "parquet":
            cut += _parquet_units(file)
        else:
            cut.append(Unit((file,)))
    for start in range(0, len(documents), UNIT_DOCUMENTS):
        cut.append(Unit(tuple(documents[start : start + UNIT_DOCUMENTS])))
    return cut


def read(unit: Unit, settings: Settings) -> Iterator[pa.Table]:
    """The rows of a unit as tables of at most `batch.ROWS` records.

    Columns are those of `records.schema(settings.fields)` and `own_id` behind: the input's own id where it
    may be published, for the pipeline to use if it is unique. A row that cannot be used is dropped with a
    reason of `PROBLEMS`; a file or sheet that cannot be read is one such row.
    """
    tables = (
        batch.assemble(item, settings, file=file.name, digest=file.digest, copy=file.copy)
        for file in unit.files
        for item in items(file, unit, settings)
    )
    if len(unit.files) > 1:
        yield pa.concat_tables(tables).combine_chunks()
    else:
        yield from tables


def problems(table: pa.Table) -> list[InputError]:
    """What ingest dropped in a table: an error per file, sheet, reason and field, with its first row."""
    dropped = table.filter(records.alive(table).to_numpy() == 0)
    first: dict[tuple[str, str | None, str, str | None], tuple[int | None, int]] = {}
    columns = ("source_details", "stage", "reason", "evidence")
    for place, stage, reason, evidence in zip(*(dropped[name].to_pylist() for name in columns), strict=True):
        if stage == "ingest":
            field = evidence if reason in _OF_A_FIELD else None
            key = (place["file"], place["sheet"], reason, field)
            row, count = first.get(key, (place["row"], 0))
            first[key] = (row, count + 1)
    return [
        InputError(
            PROBLEMS[reason] + (f" ({count} rows)" if count > 1 else ""),
            file=file,
            sheet=sheet,
            row=row,
            field=field,
        )
        for (file, sheet, reason, field), (row, count) in first.items()
    ]


_OF_A_FIELD = frozenset({"no_text", "not_text", "precision_lost"})


def _ignored(part: str) -> bool:
    """Hidden files, and what Office keeps beside an open or half-saved document."""
    return part.startswith((".", "~$")) or part.endswith("~") or part.lower().endswith(".tmp")


def _json_units(file: SourceFile) -> Iterator[Unit]:
    """Byte ranges cut at line ends; a file that is not in UTF-8 must be decoded whole."""
    with file.path.open("rb") as lines:
        if not encoding.looks_like_utf8(lines.read(UNIT_BYTES)):
            yield Unit((file,))
            return
        lines.seek(0)
        start, row = 0, 1
        while chunk := lines.read(UNIT_BYTES):
            tail = b"" if chunk.endswith(b"\n") else lines.readline()
            stop = start + len(chunk) + len(tail)
            yield Unit((file,), start, stop, row)
            start, row = stop, row + chunk.count(b"\n") + tail.count(b"\n")
        if start == 0:
            yield Unit((file,))  # reading it says that it is empty


def _parquet_units(file: SourceFile) -> Iterator[Unit]:
    try:
        groups = parquet.groups(file.path)
    except UnreadableError:
        groups = []
    start = size = 0
    first_row = row = 1
    for index, (rows, group_bytes) in enumerate(groups, start=1):
        row, size = row + rows, size + group_bytes
        if size >= UNIT_BYTES or index == len(groups):
            yield Unit((file,), start, index, first_row)
            start, size, first_row = index, 0, row
    if not groups:
        yield Unit((file,))  # reading it says what is wrong


def items(file: SourceFile, unit: Unit, settings: Settings) -> Iterator[Batch | Failure]:
    """What the reader of the file's format gives; a file that cannot be read to its end, or that holds
    nothing, says so there."""
    empty = True
    for item in _items(file, unit, settings):
        empty = False
        yield item
    first_of_several = file.format == "jsonl" and 0 < unit.stop < file.size
    if empty and unit.start == 0 and not first_of_several:
        yield Failure("empty_file")


def _items(file: SourceFile, unit: Unit, settings: Settings) -> Iterator[Batch | Failure]:
    part = {"start": unit.start, "stop": unit.stop, "first_row": unit.first_row}
    try:
        match file.format:
            case "jsonl":
                yield from jsonl.read(file.path, settings, **part)
            case "delimited":
                yield from delimited.read(file.path, settings)
            case "excel":
                yield from excel.read(file.path, settings)
            case "parquet":
                yield from parquet.read(file.path, settings, **part)
            case "text":
                yield from text.read(file.path)
            case _:
                yield Failure("unknown_format", file.path.suffix.lower() or None)
    except UnreadableError as error:
        yield Failure(error.reason, error.evidence)
    except OSError:
        yield Failure("unreadable_file", "input/output error")
