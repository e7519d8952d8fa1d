"""`govtune card`: build the card of a run, or check it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from curation.cli import AsJson, print_json
from curation.errors import UsageError
from curation.lang import Lang

app = typer.Typer(help="The card of a run: every number measured, and checked again.", no_args_is_help=True)

RunFolder = Annotated[
    Path, typer.Argument(metavar="RUN", help="Folder of a run; RUN.private is looked for beside it.")
]


@app.command()
def build(
    run: RunFolder,
    lang: Annotated[Lang, typer.Option(help="Language of the card; the numbers are the same.")] = "zh",
) -> None:
    """Measure a run and write its metrics.json and README.md.

    Example: govtune card build runs/letters --lang en
    """
    from curation.run import Run
    from data_cards.card import build as build_card

    Run(run).lock()
    private = _private(run)
    if private is None:
        raise UsageError(f"{run}: a card needs the ledger in {run.name}.private, which is not beside it")
    build_card(run, private, lang=lang)


@app.command()
def check(
    run: RunFolder,
    as_json: AsJson = False,
) -> None:
    """Compute every number and digest of a run again and compare. Exit code 1 where something differs.

    Example: govtune card check runs/letters
    """
    from data_cards.check import check as check_card

    result = check_card(run, _private(run))
    if as_json:
        print_json(dataclasses.asdict(result))
    else:
        for problem in result.problems:
            typer.echo(problem)
        for note in result.notes:
            typer.echo(f"note: {note}", err=True)
        if not result.problems:
            typer.echo(f"{run}: the card is true")
    if result.problems:
        raise typer.Exit(1)


def _private(run: Path) -> Path | None:
    from curation.run import Run

    private = Run(run.resolve()).private
    return private if private.is_dir() else None
