"""The command of deduplication."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from curation.cli import AsJson, OutputFile, TextField, print_json


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
    ledger: Annotated[Path | None, typer.Option(help="Write the fate of every row as Parquet.")] = None,
    workers: Annotated[int, typer.Option(help="Processes; the result is the same.")] = 1,
    text_field: TextField = [],  # noqa: B006
    as_json: AsJson = False,
) -> None:
    """Keep one of each group of duplicates; kept rows stay in order, JSON lines byte for byte.

    Every duplicate is compared with the row that stays: its similarity in the ledger is exact.

    Example: govtune deduplicate letters.jsonl -o distinct.jsonl --threshold 0.8 --ledger ledger.parquet
    """
    from curation.deduplicate.files import deduplicate_files

    done = deduplicate_files(
        inputs,
        output,
        ledger=ledger,
        text_fields=text_field,
        workers=workers,
        threshold=threshold,
        method=method,
        keep=_names(keep),
        source_priority=_names(source_priority),
        veto=_names(veto),
        normalise=_names(normalise),
    )
    if as_json:
        print_json(dataclasses.asdict(done))
        return
    typer.echo(f"{done.rows:,} rows, {done.kept:,} kept, {done.rows - done.kept:,} duplicates -> {output}")


def _names(said: str) -> list[str]:
    """The names in a list with commas; `none` is none."""
    return [] if said == "none" else [name.strip() for name in said.split(",") if name.strip()]
