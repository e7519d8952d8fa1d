"""What is in a file and how it would be read, for `govtune inspect`: names and figures, never a value."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from curation.ingest import batch, files
from curation.ingest.batch import Batch, Failure
from curation.ingest.files import SourceFile
from curation.ingest.mapping import Settings
from curation.records import TEXT_FIELDS

FIRST = 3
"""So many lengths are shown of each text field."""


@dataclass(frozen=True)
class Field:
    """One field of the records as it would be filled.

    Args:
        header: the column it is read from; None for a whole document or a composed text.
        empty: share of the rows read in which it is missing or blank.
        lengths: of the first non-empty values, in characters.
    """

    header: str | None
    empty: float
    lengths: list[int]


@dataclass(frozen=True)
class FileReport:
    """What was found in a file, or in one sheet of a workbook.

    Args:
        file: its path below the folder that was given.
        format: jsonl, delimited, excel, parquet, text; None when unknown.
        encoding: of a text format.
        rows: rows read.
        complete: whether these are all there are.
        fields: by field, how it would be filled.
        composed: columns of a service guide of which the text would be composed.
        unmapped: columns that go to `meta`.
        dropped: rows that would be dropped, by reason.
        precision_lost: rows with a number that lost digits, by field.
        repeated_ids: rows whose own id occurred before.
    """

    file: str
    sheet: str | None
    format: str | None
    encoding: str | None
    rows: int
    complete: bool
    columns: list[str]
    fields: dict[str, Field]
    composed: list[str]
    unmapped: list[str]
    dropped: dict[str, int]
    precision_lost: dict[str, int]
    repeated_ids: int

    def lines(self) -> list[str]:
        """The report for a person."""
        place = self.file if self.sheet is None else f"{self.file}, sheet {self.sheet}"
        what = [
            self.format or "unknown format",
            self.encoding,
            f"{'' if self.complete else 'first '}{self.rows} rows",
        ]
        said = [f"{place}: {', '.join(filter(None, what))}"]
        for name, field in self.fields.items():
            source = field.header or ("composed" if self.composed else "-")
            lengths = f", lengths {', '.join(map(str, field.lengths))}" if field.lengths else ""
            said.append(f"  {name} <- {source} ({field.empty:.0%} empty{lengths})")
        for title, names in (("text composed of", self.composed), ("not mapped", self.unmapped)):
            if names:
                said.append(f"  {title}: {', '.join(names)}")
        for title, counts in (("would be dropped", self.dropped), ("lost precision", self.precision_lost)):
            if counts:
                said.append(f"  {title}: {', '.join(f'{name} {count}' for name, count in counts.items())}")
        if self.repeated_ids:
            said.append(f"  repeated ids: {self.repeated_ids}")
        return said


def inspect(paths: Sequence[Path], settings: Settings, *, sample: int = 1000) -> list[FileReport]:
    """Report on every file at and below `paths`, sheet by sheet.

    Args:
        sample: of each sheet about so many rows are read, in whole batches of `batch.ROWS`.

    Raises:
        UsageError: as `find_inputs`.
    """
    return [report for file in files.find_inputs(paths) for report in _reports(file, settings, sample)]


def _reports(file: SourceFile, settings: Settings, sample: int) -> Iterator[FileReport]:
    found = (item for unit in files.units([file]) for item in files.items(file, unit, settings))
    for _, sheet in itertools.groupby(found, key=lambda item: item.sheet):
        parts: list[Batch | Failure] = []
        rows, complete = 0, True
        for part in sheet:
            if rows >= sample:
                complete = False
                break
            parts.append(part)
            rows += len(part.rows) if isinstance(part, Batch) else 0
        yield _report(file, parts, settings, complete)
        if not complete and file.format != "excel":  # only a workbook has more sheets
            return


def _report(
    file: SourceFile, parts: Sequence[Batch | Failure], settings: Settings, complete: bool
) -> FileReport:
    batches = [part for part in parts if isinstance(part, Batch)]
    table = pa.concat_tables(
        batch.assemble(part, settings, file=file.name, digest=file.digest, copy=file.copy) for part in parts
    )
    columns = list(dict.fromkeys(header for part in batches for header in part.headers))
    unmapped = list(dict.fromkeys(header for part in batches for header in part.rest))
    mapping: dict[str, str | None] = {"text": None} if batches else {}
    for part in batches:
        mapping |= part.mapping
    reasons = Counter(table["reason"].drop_null().to_pylist())
    lost = table.filter(pc.equal(table["reason"], "precision_lost"))["evidence"]
    own_ids = table["own_id"].drop_null()
    return FileReport(
        file=file.name,
        sheet=parts[0].sheet,
        format=file.format,
        encoding=next((part.encoding for part in batches), None),
        rows=sum(len(part.rows) for part in batches),
        complete=complete,
        columns=columns,
        fields={name: _field(name, header, table) for name, header in mapping.items()},
        composed=[header for header in columns if header not in {*unmapped, *mapping.values()}],
        unmapped=unmapped,
        dropped=dict(sorted(reasons.items())),
        precision_lost=dict(sorted(Counter(lost.to_pylist()).items())),
        repeated_ids=len(own_ids) - len(own_ids.unique()),
    )


def _field(name: str, header: str | None, table: pa.Table) -> Field:
    values = table[_COLUMN.get(name, name)]
    lengths = pc.utf8_length(values.drop_null().slice(0, FIRST)).to_pylist() if name in TEXT_FIELDS else []
    return Field(header=header, empty=round(values.null_count / max(table.num_rows, 1), 4), lengths=lengths)


_COLUMN = {"id": "own_id", "label": "labels"}
"""Column of a field whose column has another name."""
