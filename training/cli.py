"""The commands of training. Messages name files, rows and fields, never a record's text."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import sys
from pathlib import Path
from typing import Annotated, cast, get_args

import typer

from curation.cli import AsJson, Lines, print_json
from curation.errors import UsageError
from curation.lang import Lang
from curation.strict import require_known
from training.schema import Format, GgufType, Recipe

app = typer.Typer()


@app.command()
def train(
    name: Annotated[str, typer.Argument(metavar="RECIPE", help="A shipped recipe or a YAML file.")],
    data: Annotated[Path, typer.Option(help="A run folder, or a file of chat examples or labelled letters.")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Folder to write.")] = None,
    hardware: Annotated[
        str | None, typer.Option(help="cpu, gpu-24g, gpu-80g, node-8x80g, or a profile's YAML file.")
    ] = None,
    settings: Annotated[
        list[str], typer.Option("--set", help="section.key=value, for example train.lr=2e-4")
    ] = [],  # noqa: B006  Typer reads the default, nothing changes it
    preview: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Train and write nothing: print so many examples as the model would read them, what is "
            "learnt marked, and totals. This prints the records' text to stdout.",
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Only go on with an unfinished training in the folder.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Train a LoRA adapter. The same command goes on where a killed one stopped.

    Example: govtune train dispatch --data run --output trained --hardware cpu
    """
    from curation.pipeline import silent
    from training import distributed, recipe, run

    if preview is not None and resume:
        raise UsageError("--preview trains nothing; leave --resume out")
    if preview is None and output is None:
        raise UsageError("say where to write: --output DIR; or --preview N to see what would be learnt")
    loaded = recipe.load(name, hardware=hardware, settings=settings)
    if preview is not None or output is None:  # nothing is written then, whatever --output names
        _preview(loaded, data, preview or 0, as_json)
        return
    trained = run.train(
        loaded, data, output, resume=resume, progress=Lines() if distributed.is_first() else silent
    )
    if not distributed.is_first():
        return
    if as_json:
        print_json(dataclasses.asdict(trained))
        return
    for line in trained.lines():
        typer.echo(line)
    typer.echo(f"tuned: {run.TrainingRun(output).tuned}; is it better? govtune evaluate {output}")


def _preview(recipe: Recipe, data: Path, count: int, as_json: bool) -> None:
    from rich.console import Console

    from training import run
    from training.preview import preview, show

    run.prepare()
    found = preview(recipe, data, count)
    if as_json:
        print_json(found.as_json())
    else:
        show(found, Console())


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


@app.command()
def verify(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a finished training.")],
    steps: Annotated[int, typer.Option(min=0, help="Steps that are trained again on a CPU, at most.")] = 5,
    as_json: AsJson = False,
) -> None:
    """Check a training against its lock: data, base, adapter, template, and its first steps, bit for bit.

    Ends with 1 if something differs.

    Example: govtune verify trained
    """
    from training.verify import verify as check

    found = check(folder, steps=steps, progress=Lines())
    if as_json:
        print_json(found.as_json())
    else:
        for line in found.lines():
            typer.echo(line)
    if not found.holds:
        raise typer.Exit(1)


@app.command()
def export(
    folders: Annotated[
        list[Path], typer.Argument(metavar="DIR...", help="Folder of a finished training; several for vllm.")
    ],
    formats: Annotated[
        list[str], typer.Option("--format", help="merged, vllm, ollama or gguf; repeat it for several.")
    ] = ["merged"],  # noqa: B006
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Folder to write into. Default: that of the training."),
    ] = None,
    names: Annotated[
        list[str], typer.Option("--name", help="Name of the adapter on a server. Default: the recipe's.")
    ] = [],  # noqa: B006
    gguf: Annotated[
        GgufType, typer.Option(help="Number format of GGUF; llama-quantize makes smaller ones.")
    ] = "auto",
    as_json: AsJson = False,
) -> None:
    """Write a tuned model as a server takes it. Ends with 1 where a format could not be written.

    Example: govtune export city county --format vllm --output served
    """
    from training import export as exports
    from training.run import TrainingRun, prepare

    for each in formats:
        require_known(each, get_args(Format), "--format", "format")
    prepare()
    runs = [TrainingRun(folder) for folder in folders]
    if len(runs) == 1 and len(names) < 2:
        done = exports.export(
            runs[0], cast(list[Format], formats), output, name=names[0] if names else None, gguf=gguf
        )
    elif formats != ["vllm"]:
        raise UsageError("only --format vllm takes several trainings or names")
    elif output is None:
        raise UsageError("--output: say where to write what serves several trainings")
    else:
        done = [exports.export_together(runs, names, output)]
    if as_json:
        told = [{**dataclasses.asdict(each), "folder": each.folder and str(each.folder)} for each in done]
        print_json({"exports": told})
    else:
        for written in done:
            typer.echo(written.line)
    if any(written.folder is None for written in done):
        raise typer.Exit(1)


@app.command()
def chat(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a finished training.")],
    message: Annotated[
        str | None,
        typer.Option("--message", "-m", help="A letter, or a question. Default: stdin; a terminal asks."),
    ] = None,
    title: Annotated[str, typer.Option(help="Title of the letter.")] = "",
    guide: Annotated[
        Path | None,
        typer.Option(help="Text of the service guide asked about; its name is the title."),
    ] = None,
    base: Annotated[bool, typer.Option("--base", help="Ask the base, without the adapter.")] = False,
    compare: Annotated[bool, typer.Option("--compare", help="Ask the base, then the tuned model.")] = False,
    threshold: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Hand over what is less probable. Default: .5 for labels."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Try a tuned model: it suggests, a person decides. Reads a letter, or JSON lines with title and text.

    Example: govtune chat trained --message 小区门口的路灯坏了半个月
    """
    from training import talk

    known = {"title": title}
    if guide is not None:
        known = {"title": title or guide.stem, "text": talk.text_of(guide)}
    talking, sides = talk.Talk(folder), [True, False] if compare else [base]
    if message is None and sys.stdin.isatty() and not as_json:
        with contextlib.suppress(ImportError):
            import readline  # noqa: F401  the arrow keys, in `input`
        talk.converse(talking, known, sides, threshold, input, typer.echo)
        return
    letters = talk.given(sys.stdin) if message is None else [talk.as_said(talking.task, message, {})]
    for letter in letters:
        for side in sides:
            reply = talking.reply({**known, **letter}, base=side, threshold=threshold, show=not as_json)
            if as_json:
                typer.echo(json.dumps(dataclasses.asdict(reply), ensure_ascii=False))
            for line in [] if as_json else reply.lines():
                typer.echo(line)
    if not as_json:
        typer.echo(talk.DECIDES)


@app.command("report")
def report_(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a finished training.")],
    lang: Annotated[
        Lang | None, typer.Option(help="Default: that of the report there, else Chinese.")
    ] = None,
) -> None:
    """Write report.html anew: curves, evaluation, what was planned and measured, start-up checks, digests.

    Example: govtune report trained --lang en
    """
    from training import report

    typer.echo(f"{report.write(folder, lang)}")


@app.command("model-card")
def model_card_(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a finished training.")],
    lang: Annotated[Lang | None, typer.Option(help="Default: that of the card there, else Chinese.")] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit code 1 where the card is not true.")
    ] = False,
) -> None:
    """Write the model card, README.md, anew: every number from lock, journal, evaluation and data card.

    Example: govtune model-card trained --lang en
    """
    from training import model_card

    if not check:
        typer.echo(f"{model_card.write(folder, lang)}")
    elif model_card.check(folder, lang):
        typer.echo(f"{folder}: the card is true")
    else:
        typer.echo(f"{folder / model_card.CARD}: not what the files of the training say; write it anew")
        raise typer.Exit(1)
