"""The command `label-audit`."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from curation.cli import AsJson, print_json


def label_audit(
    source: Annotated[
        Path, typer.Argument(metavar="IN", help="JSON lines, CSV, XLSX or Parquet with labels.")
    ],
    taxonomy: Annotated[str, typer.Option(help="A shipped taxonomy or a YAML file.")] = "letters",
    label_field: Annotated[
        str | None, typer.Option(help="Column of the label, instead of the known ones (label, 诉求分类 ...).")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="Table of all findings: rows, ids and labels, no text; by its ending."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same findings.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Name the labels that are probably wrong, and near duplicates with different labels; never a text.

    Example: govtune label-audit labelled.jsonl --taxonomy letters -o doubts.xlsx
    """
    from curation.label.audit_files import audit_file

    done = audit_file(source, taxonomy_name=taxonomy, label_field=label_field, output=output, seed=seed)
    if as_json:
        print_json(dataclasses.asdict(done))
        return
    for line in done.lines():
        typer.echo(line.encode("utf-8", "replace").decode())  # an id may hold half of a surrogate pair
    if output is not None:
        typer.echo(f"{len(done.findings):,} rows -> {output}")
