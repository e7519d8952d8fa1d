"""A review out as a file, and back in; which format comes back is told by its content."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from curation.decisions import Role
from curation.errors import InputError, UsageError
from curation.lang import Lang
from curation.review import cases
from curation.review.exchange import label_studio, workbook
from curation.review.exchange.incoming import ImportSummary, take
from curation.review.exchange.outgoing import outgoing

_WORKBOOKS = (b"PK\3\4", b"\xd0\xcf\x11\xe0")
"""How XLSX and XLS begin."""


@dataclass(frozen=True)
class ExportSummary:
    """What was written.

    Attributes:
        files: the workbook; or the tasks and the labelling configuration.
        records: how many people are asked about.
        held: records that stay here, since something personal may be left in them.
        replaced: characters that no such file can hold, replaced.
        cut: texts that a cell cannot hold in full.
    """

    files: tuple[str, ...]
    records: int
    held: int
    replaced: int
    cut: int

    def lines(self) -> list[str]:
        """The summary as text."""
        told = [f"{self.records:>7,}  records -> {', '.join(self.files)}"]
        said = {
            "held records stay: something personal may be left in them; see govtune review": self.held,
            "characters that such a file cannot hold, replaced": self.replaced,
            "texts cut: a cell cannot hold more": self.cut,
        }
        return told + [f"{count:>7,}  {what}" for what, count in said.items() if count]


def export_file(
    run: Path,
    output: Path,
    format: Literal["xlsx", "labelstudio"],
    *,
    size: int,
    seed: int = 0,
    lang: Lang = "zh",
    predictions: bool = False,
) -> ExportSummary:
    """Write a queue of a run for people who label elsewhere.

    Raises:
        UsageError: nothing to review, or a file that cannot be written there.
    """
    if output.resolve().is_relative_to(run.resolve()):
        raise UsageError(f"{output}: lies inside the run, which may be published; choose another folder")
    if output.exists():
        raise UsageError(f"{output}: exists already; people may have filled it in")
    if predictions and format == "xlsx":
        raise UsageError("--with-predictions: a workbook never shows the machine's answer")
    if format == "labelstudio" and output.suffix.lower() == ".xml":
        raise UsageError(f"{output}: the labelling configuration gets this name; call the tasks .json")
    leaving = outgoing(run, size=size, seed=seed)
    files, cut = [output], 0
    if format == "xlsx":
        cut = workbook.write(output, leaving, lang)
    else:
        files.append(label_studio.write(output, leaving, lang, predictions=predictions))
    return ExportSummary(tuple(map(str, files)), len(leaving.rows), leaving.held, leaving.replaced, cut)


def import_file(run: Path, file: Path, *, by: str | None = None, role: Role | None = None) -> ImportSummary:
    """Take over what people labelled elsewhere.

    Raises:
        UsageError: a file that cannot be read or was not written by `export_file`.
        FaultyFileError: a fault in it; nothing is taken over then.
    """
    reviewable = cases.load(run)
    try:
        with file.open("rb") as opened:
            head = opened.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip()
        if head.startswith(_WORKBOOKS):
            returned = workbook.read(file, by=by, role=role)
        elif head[:1] in (b"[", b"{"):
            returned = label_studio.read(file, by=by, role=role)
        else:
            raise InputError("neither a workbook nor JSON of Label Studio", file=file.name)
    except FileNotFoundError:
        raise UsageError(f"{file}: no such file") from None
    except OSError as error:
        raise UsageError(f"{file}: cannot be read: {error.strerror}") from None
    return take(reviewable, returned, file.name)
