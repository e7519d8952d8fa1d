"""The commands of training. Messages name files, rows and fields, never a record's text."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from curation.cli import AsJson, Lines, print_json

app = typer.Typer()


@app.command()
def train(
    name: Annotated[str, typer.Argument(metavar="RECIPE", help="A shipped recipe or a YAML file.")],
    data: Annotated[Path, typer.Option(help="A run folder, or a file of chat examples or labelled letters.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to write.")],
    hardware: Annotated[
        str | None, typer.Option(help="Profile of the recipe: cpu, gpu-24g, gpu-80g.")
    ] = None,
    settings: Annotated[
        list[str], typer.Option("--set", help="section.key=value, for example train.lr=2e-4")
    ] = [],  # noqa: B006  Typer reads the default, nothing changes it
    as_json: AsJson = False,
) -> None:
    """Train a LoRA adapter. The same command goes on where a killed one stopped.

    Example: govtune train dispatch --data run --output trained --hardware cpu
    """
    from training import recipe, run

    loaded = recipe.load(name, hardware=hardware, settings=settings)
    trained = run.train(loaded, data, output, progress=Lines())
    if as_json:
        print_json(dataclasses.asdict(trained))
        return
    for line in trained.lines():
        typer.echo(line)
    typer.echo(f"adapter: {run.TrainingRun(output).adapter}; is it better? govtune evaluate {output}")


@app.command()
def evaluate(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a finished training.")],
    data: Annotated[
        Path | None,
        typer.Option(
            help="Run or file to measure on. Default: what was held out of the training's own data."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Measure base and tuned model on held-out examples, beside a linear baseline.

    Example: govtune evaluate trained --data checked.jsonl
    """
    from training.evaluate.run import evaluate as measure

    found = measure(folder, data)
    if as_json:
        print_json(found.as_json())
        return
    for line in found.lines():
        typer.echo(line)
