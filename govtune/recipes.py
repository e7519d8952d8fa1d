"""`govtune recipes`: what ships, and how to make it one's own."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Annotated

import typer

from curation import recipe, shipped
from curation.errors import UsageError

app = typer.Typer(help="List, show, copy and validate recipes.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="A shipped recipe.")]


@app.command("list")
def list_(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """The shipped recipes.

    Example: govtune recipes list
    """
    found = {name: _summary(shipped.find("curation", name)) for name in shipped.names("curation")}
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False, indent=2))
        return
    for name, summary in found.items():
        typer.echo(f"{name:<12}{summary}")


@app.command()
def show(name: Name) -> None:
    """Print a recipe.

    Example: govtune recipes show letters
    """
    typer.echo(shipped.find("curation", name).read_text(encoding="utf-8"), nl=False)


@app.command()
def copy(name: Name, path: Annotated[Path, typer.Argument(help="File to write.")]) -> None:
    """Copy a recipe to a file of your own, which then runs as `govtune curate FILE`.

    Example: govtune recipes copy letters mine.yaml
    """
    source = shipped.find("curation", name)
    if path.exists():
        raise UsageError(f"{path}: exists already")
    shutil.copyfile(source, path)
    typer.echo(f"{name} -> {path}; check it with: govtune recipes validate {path}")


@app.command()
def validate(names: Annotated[list[str], typer.Argument(help="Shipped recipes or YAML files.")]) -> None:
    """Check recipes: keys, stages, options and order.

    Example: govtune recipes validate mine.yaml
    """
    for name in names:
        recipe.load(name)
        typer.echo(f"{name}: valid")


def _summary(path: Path) -> str:
    """A recipe's first line, a comment that says what it is for."""
    return path.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")
