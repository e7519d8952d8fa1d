"""`govtune recipes`: what ships (recipes, hardware profiles, tasks, taxonomies, policies, gates), and how to
make it one's own."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

import typer
from pydantic import BaseModel

from curation import shipped
from curation.cli import AsJson, print_json
from curation.errors import UsageError
from curation.strict import nearest, read_yaml, require_known

app = typer.Typer(help="List, show, copy and validate recipes; import a taxonomy.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="What ships, as `recipes list` names it.")]


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """What ships: recipes, hardware profiles, task templates, taxonomies, policies, gates of cards.

    Example: govtune recipes list
    """
    found = {name: _summary(path) for name, path in _shipped().items()}
    if as_json:
        print_json(found)
        return
    width = max(map(len, found)) + 2
    for name, summary in found.items():
        typer.echo(f"{name:<{width}}{summary}")


@app.command()
def show(name: Name) -> None:
    """Print a recipe.

    Example: govtune recipes show curation/letters
    """
    typer.echo(_find(name).read_text(encoding="utf-8"), nl=False)


@app.command()
def copy(name: Name, path: Annotated[Path, typer.Argument(help="File to write.")]) -> None:
    """Copy a recipe to a file of your own; its path stands wherever its name can stand.

    Example: govtune recipes copy curation/letters mine.yaml
    """
    source = _find(name)
    if path.exists():
        raise UsageError(f"{path}: exists already")
    shutil.copyfile(source, path)
    typer.echo(f"{name} -> {path}; check it with: govtune recipes validate {path}")


@app.command()
def validate(names: Annotated[list[str], typer.Argument(help="What ships, or YAML files.")]) -> None:
    """Check recipes, profiles, tasks, taxonomies, policies and gates: keys, options, order, what they name.

    Example: govtune recipes validate mine.yaml
    """
    faulty = False
    for name in names:
        found = _faults(_find(name))
        for fault in found:
            typer.echo(f"govtune: {fault}", err=True)
        if not found:
            typer.echo(f"{name}: valid")
        faulty = faulty or bool(found)
    if faulty:
        raise typer.Exit(2)


@app.command()
def schema(
    kind: Annotated[
        Literal["training", "hardware", "curation", "task", "taxonomy", "policy"],
        typer.Argument(help="Which kind of file."),
    ] = "training",
    markdown: Annotated[
        Literal["zh", "en"] | None, typer.Option(help="Print the reference of training recipes instead.")
    ] = None,
) -> None:
    """Print the JSON Schema of a kind of file, from which editors complete keys and show their meaning.

    Example: govtune recipes schema > training.schema.json
    """
    from training import reference

    if markdown is None:
        print_json(reference.json_schema() if kind == "training" else _model(kind).model_json_schema())
        return
    if kind != "training":
        raise UsageError(f"--markdown: only training recipes have a reference page, not {kind}")
    typer.echo(reference.markdown(markdown), nl=False)


@app.command("import-taxonomy")
def import_taxonomy(
    table: Annotated[Path, typer.Argument(help="XLSX, CSV, JSON lines or Parquet with a column per level.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="YAML file to write.", show_default=False)],
    columns: Annotated[
        str | None,
        typer.Option(help="The levels' columns from the top, a,b,c, instead of 一级分类 ... or l1 ..."),
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of the taxonomy, instead of the file's.")] = None,
    level: Annotated[
        int | None, typer.Option(help="Give labels of this level; deeper ones vote for those above them.")
    ] = None,
    extends: Annotated[
        str | None, typer.Option(help="Put the tree under the labels of this taxonomy, for example letters.")
    ] = None,
) -> None:
    """Make a taxonomy of a table: an office's own tree of categories.

    Example: govtune recipes import-taxonomy categories.xlsx -o categories.yaml --level 1
    """
    from curation.label.tables import import_table

    wanted = [column.strip() for column in columns.split(",")] if columns else ()
    done = import_table(table, output, columns=wanted, name=name, level=level, extends=extends)
    made = done.taxonomy
    depth = max(map(len, made.lines.values()))
    typer.echo(
        f"{len(made.labels):,} labels on {depth} level{'s' * (depth > 1)}, {len(made.leaves):,} of them "
        f"can be given -> {output}"
    )
    if done.left_out:
        typer.echo(f"left out, since {extends} has no such label: {', '.join(done.left_out)}")
    typer.echo("next: add definitions and keywords, then: govtune recipes validate " + str(output))


def _faults(path: Path) -> list[str]:
    """A line for each fault of a file; where the first one hides the others, that one."""
    from curation.label import taxonomy

    loaders = _loaders()
    try:
        schema = str(read_yaml(path).get("schema"))
        require_known(schema, loaders, f"{path.name}: schema", "value")
        if schema == "taxonomy/1":
            return [f"{path.name}: {fault}" for fault in taxonomy.faults(path)]
        loaders[schema](str(path))
    except UsageError as error:
        return [str(error)]
    return []


def _shipped() -> dict[str, Path]:
    """What ships: `group/name` to its file."""
    from training import recipe as training

    recipes = {f"training/{name}": training.find(name) for name in training.names()}
    groups = ("curation", "hardware", "tasks", "taxonomies", "policies", "gates")
    others = {
        f"{group}/{name}": shipped.find(group, name) for group in groups for name in shipped.names(group)
    }
    return dict(sorted({**others, **recipes}.items()))


def _loaders() -> dict[str, Callable[[str], object]]:
    """Schema of a file to what reads and checks it."""
    from curation import recipe
    from curation.anonymise import policy
    from curation.instruct import task
    from curation.label import taxonomy
    from data_cards import policy as gates
    from training import hardware
    from training import recipe as training

    return {
        "curation/1": recipe.load,
        "training/1": training.check,
        "hardware/1": hardware.load,
        "task/1": task.load,
        "taxonomy/1": taxonomy.load,
        "policy/1": policy.load,
        "gates/1": gates.read,
    }


def _model(kind: str) -> type[BaseModel]:
    """What the content of a kind of file is checked against."""
    from curation import recipe
    from curation.anonymise import policy
    from curation.instruct import task
    from curation.label import taxonomy
    from training import hardware

    models: dict[str, type[BaseModel]] = {
        "curation": recipe.Recipe,
        "hardware": hardware.Profile,
        "task": task.Task,
        "taxonomy": taxonomy.Taxonomy,
        "policy": policy.Policy,
    }
    return models[kind]


def _find(name: str) -> Path:
    """The file of a name with or without its group, or the path itself if it names a YAML file.

    Raises:
        UsageError: there is none, or the name stands in several groups.
    """
    if own := shipped.own_file(name):
        return own
    files = _shipped()
    found = [full for full in files if name in (full, full.partition("/")[2])]
    if len(found) > 1:
        raise UsageError(f"{name}: which one? {', '.join(found)}")
    if not found:
        raise UsageError(f"{name}: neither a YAML file nor shipped{nearest(name, files)}")
    return files[found[0]]


def _summary(path: Path) -> str:
    """A file's first line, a comment that says what it is for."""
    return path.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")
