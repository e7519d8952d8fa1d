"""The commands `review-export`, `review-import` and `review-agreement`."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated, Literal

import typer

from curation.cli import AsJson, print_json
from curation.decisions import Role
from curation.lang import Lang

Format = Literal["xlsx", "labelstudio"]

RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")]

_FAULTS = 20
"""Faults of a file that are told one by one."""


def review_export(
    run: RunFolder,
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write.", show_default=False)],
    format: Annotated[Format, typer.Option(help="A workbook, or tasks for Label Studio.")] = "xlsx",
    size: Annotated[int, typer.Option(help="Records, at most.")] = 200,
    seed: Annotated[int, typer.Option(help="Another seed draws other records.")] = 0,
    lang: Annotated[Lang, typer.Option(help="Language of headers and explanations.")] = "zh",
    with_predictions: Annotated[
        bool,
        typer.Option(
            "--with-predictions", help="Label Studio: show the machine's answer, which people then follow."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write records for people who label elsewhere, their personal data masked.

    Example: govtune review-export run -o labels.xlsx --size 200
    """
    from curation.review.exchange.files import export_file

    done = export_file(run, output, format, size=size, seed=seed, lang=lang, predictions=with_predictions)
    if as_json:
        print_json(dataclasses.asdict(done))
        return
    for line in done.lines():
        typer.echo(line)
    returned = "FILE.json, which Label Studio exports" if format == "labelstudio" else output
    typer.echo(f"next, when it is filled in: govtune review-import {run} {returned}")


def review_import(
    run: RunFolder,
    file: Annotated[
        Path, typer.Argument(metavar="F", help="The workbook, or JSON or JSON_MIN of Label Studio.")
    ],
    by: Annotated[
        str | None, typer.Option(help="Who gave the answers, instead of whom the file names.")
    ] = None,
    role: Annotated[
        Role | None,
        typer.Option(help="Role of all the answers; reviewer: a second opinion, given without the first."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Take over what people labelled elsewhere: all of a file, or nothing where there is a fault.

    Example: govtune review-import run labels.xlsx
    """
    from curation.review.exchange.files import import_file
    from curation.review.exchange.incoming import FaultyFileError

    try:
        done = import_file(run, file, by=by, role=role)
    except FaultyFileError as error:
        for fault in error.faults[:_FAULTS]:
            typer.echo(f"govtune: {fault}", err=True)
        raise
    if as_json:
        print_json(dataclasses.asdict(done))
        return
    for line in done.lines():
        typer.echo(line)
    if done.taken:
        typer.echo(f"next: curate again with --output {run}, which applies them")


def review_agreement(run: RunFolder, as_json: AsJson = False) -> None:
    """Tell how far people agree on a run's labels, and how often the machine was right; names are not shown.

    Example: govtune review-agreement run
    """
    from curation.review.exchange.summary import summarise

    done = summarise(run)
    if as_json:
        print_json(dataclasses.asdict(done))
        return
    for line in done.lines():
        typer.echo(line)
