"""The command of deduplication."""

from __future__ import annotations

import dataclasses
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from curation.cli import AsJson, OutputFile, TextField, print_json
from curation.errors import UsageError
from curation.lang import Lang

if TYPE_CHECKING:
    from curation.deduplicate.report import Study


def deduplicate(
    inputs: Annotated[
        list[Path], typer.Argument(metavar="IN...", help="JSON lines, CSV, XLSX, Parquet; several are one.")
    ],
    output: OutputFile,
    threshold: Annotated[
        float, typer.Option(help="Jaccard similarity of code-point 5-grams, above 0 to 1.")
    ] = 0.8,
    method: Annotated[str, typer.Option(help="near, or exact: identical texts only.")] = "near",
    keep: Annotated[
        str,
        typer.Option(
            help="Which one stays: longest, newest, quality, source_priority, first; with commas, in turn."
        ),
    ] = "longest",
    source_priority: Annotated[
        str, typer.Option(help="Values of the column source, the preferred one first, with commas.")
    ] = "",
    veto: Annotated[
        str,
        typer.Option(
            help="Texts that differ in these stay as variants: numbers,dates,document_number,region or none."
        ),
    ] = "none",
    normalise: Annotated[
        str,
        typer.Option(help="Differences that do not count: nfkc,case,whitespace,punctuation, or none."),
    ] = "none",
    containment: Annotated[
        float | None,
        typer.Option(help="A text goes, too, if so much of it (0.8 to 1) stands in one longer text."),
    ] = None,
    ledger: Annotated[Path | None, typer.Option(help="Write the fate of every row as Parquet.")] = None,
    against: Annotated[
        Path | None, typer.Option(help="Index of earlier records that these must not repeat.")
    ] = None,
    save_index: Annotated[
        Path | None, typer.Option(help="Index to add these records to; made where there is none.")
    ] = None,
    workers: Annotated[int, typer.Option(help="Processes; the result is the same.")] = 1,
    text_field: TextField = [],  # noqa: B006
    report: Annotated[
        bool,
        typer.Option(
            "--report", help="Show other thresholds, merged pairs and clusters; text on the screen only."
        ),
    ] = False,
    examples: Annotated[int, typer.Option(min=1, help="Pairs and clusters that --report shows.")] = 5,
    lang: Annotated[Lang, typer.Option(help="Language of --report.")] = "zh",
    as_json: AsJson = False,
) -> None:
    """Keep one of each group of duplicates; kept rows stay in order, JSON lines byte for byte.

    Every duplicate is compared with the row that stays: its similarity in the ledger is exact.

    Example: govtune deduplicate letters.jsonl -o distinct.jsonl --threshold 0.8 --ledger ledger.parquet
    """
    from curation.deduplicate.files import deduplicate_files

    if report and as_json:
        raise UsageError("--report is for people, --json for programs; leave one out")
    studies: list[Study] = []
    done = deduplicate_files(
        inputs,
        output,
        ledger=ledger,
        against=against,
        save_index=save_index,
        text_fields=text_field,
        workers=workers,
        report=studies.append if report else None,
        threshold=threshold,
        method=method,
        keep=_names(keep),
        source_priority=_names(source_priority),
        veto=_names(veto),
        normalise=_names(normalise),
        containment=containment,
    )
    if as_json:
        print_json(dataclasses.asdict(done))
        return
    typer.echo(f"{done.rows:,} rows, {done.kept:,} kept, {done.rows - done.kept:,} duplicates -> {output}")
    if done.superseded:
        count = f"{len(done.superseded):,}"
        typer.echo(f"{count} records of the index would give way to rows kept here; --json lists them")
        if not keep.startswith("first"):
            typer.echo("--keep first prefers those of the index")
    for study in studies:
        study.lang = lang
        _show(study, examples)


def _show(study: Study, examples: int) -> None:
    """On the screen, in colour where that is a terminal."""
    terminal = sys.stdout.isatty()
    width = shutil.get_terminal_size().columns if terminal else 0
    colour = terminal and not os.environ.get("NO_COLOR")
    said = study.text(examples=examples, width=width, colour=colour)
    encoding = sys.stdout.encoding or "utf-8"
    typer.echo("\n" + said.encode(encoding, "replace").decode(encoding), color=colour)


def _names(said: str) -> list[str]:
    """The names in a list with commas; `none` is none."""
    return [] if said == "none" else [name.strip() for name in said.split(",") if name.strip()]
