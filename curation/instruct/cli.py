"""The command `export-data`."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from curation.cli import AsJson, print_json
from curation.export import Format


def export_data(
    run: Annotated[
        Path, typer.Argument(metavar="RUN", help="Folder of a run; all but tc609 need chat examples in it.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="New folder to write.")],
    format: Annotated[
        Format,
        typer.Option(help="What the training framework reads; tc609: all records, in the national format."),
    ] = "messages",
    unreviewed: Annotated[
        bool, typer.Option("--unreviewed", help="Also labels that one person gave and nobody reviewed.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write the chat examples of a run for other training frameworks, one file per split.

    --format tc609 writes every record instead, in the record format of TC609-5-2025-02. Refuses people's
    labels that no second person reviewed (GB/T 45674-2025).

    Example: govtune export-data run --format llamafactory -o data
    """
    from curation.export import export_data as export

    done = export(run, output, format, unreviewed=unreviewed)
    if as_json:
        print_json(dataclasses.asdict(done))
        return
    for line in done.lines():
        typer.echo(line)
