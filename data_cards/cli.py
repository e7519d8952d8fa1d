"""`govtune card`: build the card of a run, or check it."""

from __future__ import annotations

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
DataFolder = Annotated[
    Path,
    typer.Argument(
        metavar="FOLDER",
        help="A run, or any folder with a data set: JSON lines, Parquet, CSV, or written by save_to_disk.",
    ),
]
CardFolder = Annotated[
    Path | None, typer.Option("--card", metavar="DIR", help="Folder of the card.", show_default="FOLDER")
]
TextFields = Annotated[
    list[str] | None,
    typer.Option("--text-field", metavar="NAME", help="A column with text, of a folder that is no run."),
]
LabelFields = Annotated[
    list[str] | None,
    typer.Option("--label-field", metavar="NAME", help="A column with labels, of a folder that is no run."),
]


@app.command()
def build(
    folder: DataFolder,
    lang: Annotated[Lang, typer.Option(help="Language of the card; the numbers are the same.")] = "zh",
    card: CardFolder = None,
    tokenizer: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="Count tokens with the tokenizer.json in this folder."),
    ] = None,
    previous: Annotated[
        Path | None, typer.Option(metavar="OLD", help="Folder of the version before, to compare with.")
    ] = None,
    training: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder of a training on this data.")
    ] = None,
    audit: Annotated[
        Path | None,
        typer.Option(metavar="SHEET", help="A sheet of card sample that people filled in."),
    ] = None,
    text_field: TextFields = None,
    label_field: LabelFields = None,
    config: Annotated[
        str | None, typer.Option(metavar="NAME", help="Which of several configurations of a data set.")
    ] = None,
    png: Annotated[
        bool, typer.Option("--png", help="Draw the figures as PNG, too: needs the extra figures and a font.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Take the place of a README.md that is not ours; it is kept.")
    ] = False,
) -> None:
    """Measure a data set and write its card: README.md, metrics.json and what goes with them.

    Example: govtune card build runs/letters --lang en
    """
    from data_cards.dataset import is_run
    from data_cards.options import Options
    from data_cards.outputs import build as build_card
    from data_cards.outputs import build_beside

    options = Options(
        lang=lang,
        tokenizer=tokenizer and tokenizer.resolve(),
        previous=previous and previous.resolve(),
        training=training and training.resolve(),
        text_fields=tuple(text_field or ()),
        label_fields=tuple(label_field or ()),
        config=config,
        png=png,
    )
    if training:
        from data_cards.measure.tc609_application import require_training

        require_training(training)
    if audit:
        _keep_audit(folder, audit)
    if not is_run(folder):
        build_beside(folder, options, card, force=force)
        return
    if text_field or label_field or config:
        raise UsageError(f"{folder}: is a run, whose columns are known; leave the options for columns out")
    private = _private(folder)
    if private and not card:
        build_card(folder, private, options)
    elif private or force:
        build_beside(folder, options, card, force=force)
    else:
        raise UsageError(
            f"{folder}: a card needs the ledger in {folder.name}.private, which is not beside it; --force "
            "makes one without what the ledger tells"
        )


@app.command()
def check(
    folder: DataFolder,
    as_json: AsJson = False,
    card: CardFolder = None,
    policy: Annotated[
        str | None, typer.Option(help="Gates that must be met: a YAML file, or the name of shipped ones.")
    ] = None,
    junit: Annotated[Path | None, typer.Option(help="Write the outcome as JUnit XML too.")] = None,
    previous: Annotated[
        Path | None, typer.Option(help="Folder of the version before, where the card compares with it.")
    ] = None,
    tokenizer: Annotated[
        Path | None, typer.Option(help="Count tokens again with it, where the run does not say with which.")
    ] = None,
    training: Annotated[
        Path | None, typer.Option(help="Folder of a training on this data, for TC609 0305 likewise.")
    ] = None,
    digest: Annotated[
        str | None, typer.Option(help="SHA-256 of the lock, as people wrote it down when they signed.")
    ] = None,
) -> None:
    """Compute every number and digest of a data set again and compare.

    Exit code 1 where something differs or a gate is not met.

    Example: govtune card check runs/letters --policy release
    """
    from data_cards import policy as policies
    from data_cards.check import check as check_card
    from data_cards.check import judged, options_of

    gates = policies.read(policy) if policy else []
    private = _private(folder)
    given = {"previous": previous, "tokenizer": tokenizer, "training": training}
    options = options_of(folder, private, card, {name: path for name, path in given.items() if path})
    result = check_card(folder, private, card=card, options=options, digest=digest)
    result = judged(result, gates, card or folder)
    if junit:
        from curation.files import whole_file
        from data_cards.junit import render

        with whole_file(junit) as unfinished:
            unfinished.write_text(render(result, folder.resolve().name), encoding="utf-8")
    if as_json:
        print_json(result.as_json())
    else:
        for problem in result.problems:
            typer.echo(problem)
        for gate in result.gates:
            typer.echo(gate.line())
        for note in result.notes:
            typer.echo(f"note: {note}", err=True)
        if not result.problems:
            typer.echo(f"{folder}: the card is true")
    if not result.passed:
        raise typer.Exit(1)


@app.command()
def diff(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="Folder of the version before.")],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="Folder of the version now.")],
    as_json: AsJson = False,
    lang: Annotated[Lang, typer.Option(help="Language of the text.")] = "zh",
) -> None:
    """Tell what changed between two versions of a data set: by record, by distribution, by figure.

    Example: govtune card diff runs/letters-1 runs/letters-2 --lang en
    """
    from data_cards.diff import diff as compare
    from data_cards.diff_text import lines

    found = compare(old, new)
    if as_json:
        print_json(found.as_json())
    else:
        for line in lines(found, lang):
            typer.echo(line)


@app.command()
def sample(
    run: RunFolder,
    output: Annotated[Path, typer.Option("-o", "--output", help="Sheet to write: XLSX, CSV or JSON lines.")],
    count: Annotated[int, typer.Option("-n", help="Records in the sheet.")] = 300,
) -> None:
    """Draw records of a run into a sheet, in which people note the personal data that they still see.

    They fill in read_by in every row, and in missed the types of what they see, such as PERSON.

    Example: govtune card sample runs/letters -o sample.xlsx
    """
    from curation.run import Run
    from data_cards.audit import draw

    drawn = draw(Run(run), output, count)
    typer.echo(
        f"{drawn:,} records -> {output}; when it is filled in: govtune card build {run} --audit {output}"
    )


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run, or of any data set.")],
) -> None:
    """Write card.yaml: the questions about a data set that only people can answer. Never over one there is.

    Example: govtune card init runs/letters
    """
    from data_cards.answers import write_template

    path = write_template(folder)
    typer.echo(f"{path}: fill it in, then build the card again")


@app.command()
def schema() -> None:
    """Print the JSON Schema of metrics.json.

    Example: govtune card schema > metrics.schema.json
    """
    from data_cards.metrics import Metrics

    print_json(Metrics.model_json_schema())


def _keep_audit(folder: Path, sheet: Path) -> None:
    from curation.run import Run
    from data_cards.audit import keep

    if _private(folder) is None:
        raise UsageError(f"{folder}: --audit is for a run with its private folder beside it")
    keep(Run(folder.resolve()), sheet)


def _private(run: Path) -> Path | None:
    from curation.run import Run

    private = Run(run.resolve()).private
    return private if private.is_dir() else None
