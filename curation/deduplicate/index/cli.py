"""The commands on an index of earlier records."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from curation.cli import AsJson, print_json
from curation.errors import UsageError

app = typer.Typer(help="Look after an index that `deduplicate --save-index` made.", no_args_is_help=True)

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The index.")]


@app.command()
def info(folder: Folder, as_json: AsJson = False) -> None:
    """Show what an index knows: records, distinct texts, segments, and how texts are compared.

    Example: govtune index info letters.index
    """
    from curation.deduplicate.index.store import Store

    store = Store(folder)
    made = store.manifest
    said = {
        "records": sum(segment.rows for segment in made.segments),
        "texts": sum(segment.texts for segment in made.segments),
        "segments": len(made.segments),
        "bytes": store.size(),
        "method": made.method,
        "threshold": made.threshold,
        "normalise": made.normalise,
        "marks": made.marks,
    }
    if as_json:
        print_json(said)
        return
    for name, value in said.items():
        shown = (
            f"{value:,}"
            if isinstance(value, int)
            else ",".join(value) or "none"
            if isinstance(value, list)
            else value
        )
        typer.echo(f"{name:<10} {shown}")


@app.command()
def compact(folder: Folder) -> None:
    """Merge the segments of an index into one; verdicts stay the same.

    Example: govtune index compact letters.index
    """
    from curation.deduplicate.index.store import Store

    store = Store(folder)
    before = len(store.manifest.segments)
    store.compact()
    typer.echo(f"{before} segments -> {len(store.manifest.segments)}")


@app.command()
def remove(
    folder: Folder,
    ids: Annotated[list[str], typer.Option("--id", help="Id of a record, as the ledger has it.")] = [],  # noqa: B006
    file: Annotated[Path | None, typer.Option("--ids", help="Text file with an id per line.")] = None,
) -> None:
    """Forget records, as after a request for erasure; their files are written anew without them.

    Exit code 1 where an id is not in the index.

    Example: govtune index remove letters.index --id 2024-0371
    """
    from curation.deduplicate.index.store import Store

    wanted = [*ids, *(_lines(file) if file is not None else [])]
    if not wanted:
        raise UsageError("no record is named; give --id or --ids")
    unknown = Store(folder).remove(list(dict.fromkeys(wanted)))
    typer.echo(f"{len(set(wanted)) - len(unknown):,} records removed")
    for each in unknown:
        typer.echo(f"govtune: {each}: not in the index", err=True)
    if unknown:
        raise typer.Exit(1)


def _lines(file: Path) -> list[str]:
    try:
        return [line.strip() for line in file.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError):
        raise UsageError(f"{file}: cannot be read as UTF-8 text") from None
