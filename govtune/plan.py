"""`govtune plan`: what a recipe would do or take, for curation and training alike."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from curation import shipped
from curation.cli import AsJson, Input, Map, RecipeName, print_json
from curation.errors import UsageError
from curation.strict import read_yaml

Set = Annotated[
    list[str],
    typer.Option("--set", help="stage.option=value, or of a training section.key=value."),
]


def plan(
    name: RecipeName = "default",
    inputs: Input = [],  # noqa: B006  Typer reads the default, nothing changes it
    settings: Set = [],  # noqa: B006
    columns: Map = [],  # noqa: B006
    hardware: Annotated[str | None, typer.Option(help="Of a training: its profile.")] = None,
    data: Annotated[
        Path | None, typer.Option(help="Of a training: run or file, for tokens, steps and time.")
    ] = None,
    shape: Annotated[
        str | None, typer.Option(help="Plan for a published model such as qwen3-8b, without its files.")
    ] = None,
    card: Annotated[
        str | None, typer.Option(help="Plan for this card instead of the profile's: h100, rtx-4090 ...")
    ] = None,
    devices: Annotated[int | None, typer.Option(min=1, help="How many of them.")] = None,
    utilisation: Annotated[
        float | None,
        typer.Option(
            min=0.01,
            max=1,
            help="Share of the peak that is assumed. Default: 0.3 on a GPU, 0.24 with 4 bits.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Tell what a recipe would do, without changing a thing.

    With --input, or where only curation has a recipe of this name, the passes of a curation. Else what a
    training takes: parameters, memory, steps, time; ends with 1 if it does not fit.

    Example: govtune plan letters --input sample/data

    Example: govtune plan dispatch --shape qwen3-8b --hardware gpu-24g --data run
    """
    given = [
        option
        for option, value in {
            "--hardware": hardware,
            "--data": data,
            "--shape": shape,
            "--card": card,
            "--devices": devices,
            "--utilisation": utilisation,
        }.items()
        if value is not None
    ]
    if not _is_training(name, bool(inputs or columns), given):
        _curation(name.removeprefix("curation/"), inputs, settings, columns, as_json)
        return
    from training import hardware as profiles
    from training import recipe as recipes
    from training.plan import make
    from training.schema import TINY

    name = name.removeprefix("training/")
    profile = profiles.load(hardware) if hardware is not None and profiles.is_profile(hardware) else None
    stand_in = [f"model.path={TINY}"] if shape is not None else []
    planned = make(
        recipes.load(name, hardware=hardware, settings=[*stand_in, *settings]),
        data=data,
        shape=shape,
        card=card or (profile.card if profile else None),
        devices=devices or (profile.devices if profile else 1),
        utilisation=utilisation,
    )
    if as_json:
        print_json(planned.as_json())
    else:
        for line in planned.lines():
            typer.echo(line)
    if not planned.fit.fits:
        raise typer.Exit(1)


def _is_training(name: str, of_curation: bool, of_training: list[str]) -> bool:
    """Which of the two a name means.

    Raises:
        UsageError: options of both.
    """
    from training import recipe as recipes

    if of_curation and of_training:
        raise UsageError(f"{of_training[0]} is for a training, --input and --map are for a curation")
    if of_curation or name.startswith("curation/"):
        return False
    if of_training or name.startswith("training/"):
        return True
    if own := shipped.own_file(name):
        return str(read_yaml(own).get("schema")).startswith("training/")
    return name in recipes.names()


def _curation(name: str, inputs: list[Path], settings: list[str], columns: list[str], as_json: bool) -> None:
    from curation.plan import plan as make

    planned = make(name, inputs, settings=settings, columns=columns)
    if as_json:
        print_json(dataclasses.asdict(planned))
        return
    for line in planned.lines():
        typer.echo(line)
