"""The commands `label-fit` and `label`."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from curation.cli import AsJson, print_json
from curation.lang import Lang


def label_fit(
    output: Annotated[Path, typer.Option("--output", "-o", help="Model file to write.", show_default=False)],
    gold: Annotated[
        list[Path],
        typer.Option(
            help="JSON lines, CSV, XLSX or Parquet with labels; may be repeated.", show_default=False
        ),
    ],
    taxonomy: Annotated[str, typer.Option(help="A shipped taxonomy or a YAML file.")] = "letters",
    pool: Annotated[
        list[Path], typer.Option(help="Texts without labels; may be repeated.", show_default=False)
    ] = [],  # noqa: B006  Typer reads the default, nothing changes it
    label_field: Annotated[
        str | None, typer.Option(help="Column of the label, instead of the known ones (label, 诉求分类 ...).")
    ] = None,
    encoder: Annotated[
        Path | None, typer.Option(help="Folder of a sentence encoder, whose vectors join the features.")
    ] = None,
    report: Annotated[Path | None, typer.Option(help="HTML file for the figures; it holds no text.")] = None,
    lang: Annotated[Lang, typer.Option(help="Language of the report.")] = "zh",
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Fit a classifier to labelled letters and measure which precision it can promise for such.

    Example: govtune label-fit --taxonomy letters --gold labelled.jsonl --pool unlabelled.jsonl -o letters.npz
    """
    from curation.label.files import label_fit_files

    done = label_fit_files(
        output,
        taxonomy_name=taxonomy,
        gold=gold,
        pool=pool,
        label_field=label_field,
        encoder=encoder,
        report_file=report,
        lang=lang,
        seed=seed,
    )
    if as_json:
        print_json(dataclasses.asdict(done))
        return
    for line in done.lines():
        typer.echo(line)
    if done.promised is None:
        typer.echo("next: label more texts and fit again; with this model every label would abstain")
    else:
        promised = f"--precision {done.promised:g}"
        typer.echo(f"next: govtune label letters.jsonl -o labelled.jsonl --model {output} {promised}")


def label(
    source: Annotated[Path, typer.Argument(metavar="IN", help="JSON lines, CSV, XLSX, Parquet or text.")],
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", help="File to write; its ending gives the format.", show_default=False
        ),
    ],
    model: Annotated[Path, typer.Option(help="File written by label-fit.", show_default=False)],
    precision: Annotated[
        float, typer.Option(help="Asked of the labels that do not abstain, between 0 and 1.")
    ] = 0.95,
    as_json: AsJson = False,
) -> None:
    """Add a column `labels` with the best category of each row, and whether it had better not be trusted.

    Example: govtune label letters.jsonl -o labelled.jsonl --model letters.npz --precision 0.9
    """
    from curation.label.files import label_file

    done = label_file(source, output, model_file=model, precision=precision)
    if as_json:
        print_json(dataclasses.asdict(done))
        return
    for line in done.lines():
        typer.echo(line)
    typer.echo(f"{done.rows:,} rows -> {output}")
