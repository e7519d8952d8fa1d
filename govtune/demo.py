"""`govtune demo`: the main job from nothing to a tuned model, on invented records, one screen at the end."""

from __future__ import annotations

import dataclasses
import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from curation.errors import UsageError
from curation.records import BY_PEOPLE

if TYPE_CHECKING:
    from curation.pipeline import Summary

Result = TypeVar("Result")


def demo(
    ctx: typer.Context,
    out: Annotated[Path, typer.Argument(help="Folder to write.")] = Path("demo"),
    records: Annotated[int, typer.Option(help="Number of invented records.")] = 2000,
    workers: Annotated[int | None, typer.Option(help="Processes that curate. Default: all cores.")] = None,
) -> None:
    """Make invented records, curate and label them, check the card, train a small model and measure it.

    Every figure about labels and models is against the truth that the generator knows. Without the train
    extra it ends with the card.

    Example: govtune demo demo --records 500
    """
    from curation import recipe, samples
    from curation.cli import Lines
    from curation.engine.local import cpus
    from curation.pipeline import curate
    from curation.run import Run
    from data_cards.check import check
    from training.run import require_extra

    seconds: dict[str, float] = {}

    def timed(phase: str, work: Callable[[], Result]) -> Result:
        started = time.perf_counter()
        result = work()
        seconds[phase] = time.perf_counter() - started
        return result

    source, run, trained, held_out = out / "sample", Run(out / "run"), out / "trained", out / "held_out.jsonl"
    if (source / "truth").is_dir():  # an earlier demo's, of records that are replaced now
        shutil.rmtree(trained, ignore_errors=True)
    timed("sample", lambda: samples.generate(source, records=records))
    summary = timed(
        "curate and label",
        lambda: curate(
            recipe.load("dispatch"),
            [source / "data"],
            run.folder,
            workers=cpus() if workers is None else workers,
            card=ctx.obj,
            progress=Lines(),
        ),
    )
    examples = _examples(run, source / "truth" / "truth.jsonl")
    _write_held_out(held_out, examples)
    try:
        require_extra()
    except UsageError as missing:
        told = [f"no model: {missing}"]
    else:
        told = _tune(run.folder, trained, held_out, timed)
    result = timed("card check", lambda: check(run.folder, run.private))
    card = (
        "every figure recomputed and equal" if not result.problems else f"{len(result.problems)} differences"
    )
    for line in [*summary.lines(), *_label_lines(examples, summary), *told, f"card: {card}"]:
        typer.echo(line)
    typer.echo("time: " + ", ".join(f"{phase} {spent:.1f} s" for phase, spent in seconds.items()))
    typer.echo(f"card to read     {run.folder / 'README.md'}")
    typer.echo(f"data to publish  {run.folder / 'data'}")
    typer.echo(f"kept private     {run.private}")
    if trained.exists():
        typer.echo(f"adapter          {trained / 'adapter'}")
    if result.problems:
        raise typer.Exit(1)


@dataclasses.dataclass(frozen=True)
class _Example:
    """A chat example of the run beside the truth about its letter."""

    split: str
    messages: list[dict[str, Any]]
    method: str
    label: str
    truth: str | None


def _examples(run: Any, truth_file: Path) -> list[_Example]:
    """Every example, with the category that the generator gave the letter it was made of."""
    from curation import parquet

    truth = {}
    for line in truth_file.read_text(encoding="utf-8").splitlines():
        said = json.loads(line)
        truth[said["file"], said["sheet"], said["row"]] = said["category"]
    places = {
        entry["id"]: entry["source_details"]
        for path in run.ledger
        for entry in parquet.read(path, ["id", "source_details"]).to_pylist()
    }
    examples = []
    for path in run.data:
        for row in parquet.read(path, ["parent", "split", "messages", "labels"]).to_pylist():
            place = places[row["parent"]]
            (label,) = [each for each in row["labels"] if each["scheme"] == "letters"]
            category = truth.get((place["file"], place["sheet"], place["row"]))
            examples.append(
                _Example(row["split"], row["messages"], label["method"], label["value"], category)
            )
    return examples


def _write_held_out(path: Path, examples: list[_Example]) -> None:
    """The test split with the truth as answers, whatever people said.

    What the classifier labelled is left out: it has chosen the letters that it finds easy.
    """
    lines = []
    for example in examples:
        if example.split == "test" and example.method in BY_PEOPLE and example.truth:
            messages = [*example.messages[:-1], {**example.messages[-1], "content": example.truth}]
            lines.append(json.dumps({"messages": messages}, ensure_ascii=False) + "\n")
    path.write_text("".join(lines), encoding="utf-8")


def _tune(
    run: Path, output: Path, held_out: Path, timed: Callable[[str, Callable[[], Any]], Any]
) -> list[str]:
    from curation.cli import Lines
    from training import recipe
    from training.evaluate.run import evaluate
    from training.run import train

    loaded = recipe.load("dispatch", hardware="cpu")
    trained = timed("train", lambda: train(loaded, run, output, progress=Lines()))
    if not held_out.stat().st_size:
        return [*trained.lines(), "no letter was held out to measure on; ask for more --records"]
    measured = timed("evaluate", lambda: evaluate(output, held_out))
    told = [*trained.lines(), "on the held-out letters that people labelled, against the truth:"]
    told += measured.lines()
    if measured.baseline and measured.baseline["accuracy"] > measured.tuned["accuracy"]:
        told.append("invented letters are easy and the model is tiny: the linear baseline does better here")
    return told


def _label_lines(examples: list[_Example], summary: Summary) -> list[str]:
    from curation.intervals import exact

    review = sum(count for _, _, reason, count in summary.fates if reason == "review")
    given = [example for example in examples if example.method in BY_PEOPLE]
    found = [example for example in examples if example.method not in BY_PEOPLE]
    right = sum(example.label == example.truth for example in found)
    low, high = exact(right, len(found))
    true = sum(example.label == example.truth for example in given)
    share = len(found) / (len(found) + review) if found else 0.0
    return [
        f"{len(given):>9,}  labels given by people, {true:,} of them right against the truth",
        f"{len(found):>9,}  labels by the machine, {share:.1%} of the rest; {review:,} held for review",
        f"           {right:,} of {len(found):,} right against the truth [{low:.3f}, {high:.3f}]",
    ]
