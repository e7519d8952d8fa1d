"""`govtune demo`: the main job from nothing to a card, on invented records, with one screen at the end."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer

Result = TypeVar("Result")


def demo(
    ctx: typer.Context,
    out: Annotated[Path, typer.Argument(help="Folder to write.")] = Path("demo"),
    records: Annotated[int, typer.Option(help="Number of invented records.")] = 2000,
    workers: Annotated[int | None, typer.Option(help="Processes. Default: all cores.")] = None,
) -> None:
    """Make invented records, curate them, write and check the card, and show what happened.

    Example: govtune demo demo --records 500
    """
    from curation import recipe, samples
    from curation.engine.local import cpus
    from curation.pipeline import curate
    from curation.run import Run
    from data_cards.check import check

    seconds: dict[str, float] = {}

    def timed(phase: str, work: Callable[[], Result]) -> Result:
        started = time.perf_counter()
        result = work()
        seconds[phase] = time.perf_counter() - started
        return result

    source, run = out / "sample", Run(out / "run")
    timed("sample", lambda: samples.generate(source, records=records))
    summary = timed(
        "curate",
        lambda: curate(
            recipe.load("letters"),
            [source / "data"],
            run.folder,
            workers=cpus() if workers is None else workers,
            card=ctx.obj,
        ),
    )
    result = timed("card check", lambda: check(run.folder, run.private))
    for line in summary.lines():
        typer.echo(line)
    checked = (
        "every figure recomputed and equal" if not result.problems else f"{len(result.problems)} differences"
    )
    typer.echo(f"card: {checked}")
    typer.echo("time: " + ", ".join(f"{phase} {spent:.1f} s" for phase, spent in seconds.items()))
    typer.echo(f"card to read     {run.folder / 'README.md'}")
    typer.echo(f"data to publish  {run.folder / 'data'}")
    typer.echo(f"kept private     {run.private}")
    if result.problems:
        raise typer.Exit(1)
