"""The commands of curation. Messages name files, rows and fields, never a record's text."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from curation.errors import UsageError
from curation.files import not_onto_itself
from curation.key import read_key

app = typer.Typer()


class ManyInputs(TyperCommand):
    """Lets `--input a b c` (what a shell makes of `--input *.csv`) stand for three `--input`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        spread: list[str] = []
        inside = False
        for token in args:
            if token.startswith("-"):
                inside = token == "--input"
                spread += [] if inside else [token]
            else:
                spread += ["--input", token] if inside else [token]
        if args and args[-1] == "--input":
            spread.append("--input")
        return super().parse_args(ctx, spread)


Input = Annotated[
    list[Path], typer.Option("--input", help="File or folder; several may follow.", show_default=False)
]
Map = Annotated[
    list[str], typer.Option("--map", help="field=header, for example text=诉求内容. field= leaves it out.")
]
NO_KEY = "no key: personal data became placeholders such as [姓名]; --key-file gives consistent surrogates"
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
KeyFile = Annotated[
    Path | None,
    typer.Option(help="Key for consistent surrogates instead of placeholders; or set GOVTUNE_KEY."),
]
VaultKeyFile = Annotated[
    Path | None,
    typer.Option(help="Key of the vault, not in the vault's folder; or set GOVTUNE_VAULT_KEY."),
]
OutputFile = Annotated[
    Path, typer.Option("--output", "-o", help="File to write; its ending gives the format.")
]
TextField = Annotated[
    list[str],
    typer.Option(
        help="Column that holds text, instead of the known ones (title, text, reply, 诉求内容 ...)."
    ),
]
RecipeName = Annotated[str, typer.Argument(metavar="[RECIPE]", help="A shipped recipe or a YAML file.")]
Setting = Annotated[
    list[str], typer.Option("--set", help="stage.option=value, for example deduplicate.threshold=0.9")
]


@app.command()
def sample(
    out: Annotated[Path, typer.Argument(help="Folder to write.")],
    records: Annotated[int, typer.Option(help="Number of records, at least 50.")] = 2000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 7,
    as_json: AsJson = False,
) -> None:
    """Write invented government records as an office has them, with a truth file beside them.

    Example: govtune sample sample --records 500
    """
    from curation.samples import generate

    made = generate(out, records=records, seed=seed)
    if as_json:
        print_json(dataclasses.asdict(made))
        return
    places: dict[str, int] = {}
    for name, rows in made.files.items():
        folder, slash, _ = name.partition("/")
        places[folder + slash] = places.get(folder + slash, 0) + rows
    for place, rows in places.items():
        typer.echo(f"{rows:>7,}  {place}")
    typer.echo(f"all people are invented; the truth: {out / 'truth' / 'truth.jsonl'}")
    typer.echo(f"next: govtune curate dispatch --input {out / 'data'} --output run")


@app.command()
def inspect(
    paths: Annotated[list[Path], typer.Argument(help="Files or folders.")],
    columns: Map = [],  # noqa: B006  Typer reads the default, nothing changes it
    as_json: AsJson = False,
) -> None:
    """Show what is in files and how their columns would be mapped; lengths, never the text.

    Example: govtune inspect letters.xlsx --map text=诉求内容
    """
    from curation import ingest, recipe

    reports = ingest.inspect(paths, recipe.load("default", columns=columns).settings())
    if as_json:
        print_json([dataclasses.asdict(report) for report in reports])
        return
    for report in reports:
        for line in report.lines():
            typer.echo(line)


@app.command(cls=ManyInputs)
def curate(
    ctx: typer.Context,
    name: RecipeName = "default",
    inputs: Input = [],  # noqa: B006
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="Folder to publish; OUTPUT.private stays here.", show_default=False
        ),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="Processes; the result is the same. Default: all cores.")
    ] = None,
    settings: Setting = [],  # noqa: B006
    columns: Map = [],  # noqa: B006
    key_file: KeyFile = None,
    decisions: Annotated[
        Path | None,
        typer.Option(help="What people decided; by default what `review` wrote for this output."),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="End with 2 at the first file or row that cannot be used.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Turn records into a folder to publish and a private one, every row accounted for.

    Example: govtune curate letters --input sample/data --output run
    """
    from curation import recipe
    from curation.engine.local import cpus
    from curation.pipeline import curate as run
    from curation.run import Run

    if not inputs or output is None:
        raise UsageError(
            "curate needs --input and --output, for example: govtune curate --input data --output run"
        )
    loaded = recipe.load(name, settings=settings, columns=columns)
    key = read_key(key_file)
    summary = run(
        loaded,
        inputs,
        output,
        workers=cpus() if workers is None else workers,
        key=key,
        decisions=decisions,
        strict=strict,
        card=ctx.obj,
        progress=Lines(),
    )
    for problem in summary.problems:
        _tell(str(problem))
    if as_json:
        print_json(
            {**dataclasses.asdict(summary), "problems": [str(problem) for problem in summary.problems]}
        )
        return
    for line in summary.lines():
        typer.echo(line)
    held = {stage for _, stage, reason, _ in summary.fates if reason == "review"}
    if "instruct" in held:
        typer.echo(
            "review: not sure enough of the label, held for people; more given labels help, or ask for less: "
            "--set label.precision=0.9"
        )
    if "anonymise" in held:
        typer.echo(
            "review: a second look suspects that something personal is left, held for people; "
            "--set anonymise.residual=none does not look"
        )
    if held:
        typer.echo(f"review: govtune review {output}; then curate again, which applies what was decided")
    if key is None and any("anonymise" in stage for stage in loaded.stages):
        typer.echo(NO_KEY)
    typer.echo(f"publish {output}; keep {Run(output).private} to yourself; look: {output / 'README.md'}")


@app.command()
def explain(
    run: Annotated[Path, typer.Argument(help="A run folder.")],
    record: Annotated[str, typer.Argument(metavar="ID", help="A record's id, kept or dropped.")],
    as_json: AsJson = False,
) -> None:
    """Tell a record's life: where it came from, what each stage did, what became of it.

    Example: govtune explain run 3f2a9c
    """
    from curation.explain import explain as find
    from curation.run import Run

    life = find(Run(run), record)
    if as_json:
        print_json(dataclasses.asdict(life))
        return
    for line in life.lines():
        typer.echo(line)


@app.command()
def anonymise(
    source: Annotated[Path, typer.Argument(metavar="IN", help="JSON lines, CSV, XLSX, Parquet or text.")],
    output: OutputFile,
    spans: Annotated[
        Path | None, typer.Option(help="Write what was found as JSON lines: offsets, no text.")
    ] = None,
    names: Annotated[str, typer.Option(help="Name engine: lac, crf, none, hf:FOLDER or crf:FILE.")] = "lac",
    policy: Annotated[str, typer.Option(help="A shipped policy or a YAML file.")] = "letters",
    key_file: KeyFile = None,
    text_field: TextField = [],  # noqa: B006
    workers: Annotated[int, typer.Option(help="Processes; the result is the same.")] = 1,
    review: Annotated[
        Path | None,
        typer.Option(help="Hold back rows a second look suspects; list them as JSON lines, no text."),
    ] = None,
    canaries: Annotated[
        Path | None,
        typer.Option(help="Names that must not be left: one per line, or a column of CSV or XLSX."),
    ] = None,
    manifest: Annotated[
        Path | None, typer.Option(help="Write what was done and what risk is left as JSON.")
    ] = None,
    vault: Annotated[
        Path | None, typer.Option(help="Seal what was replaced here, for anonymise-restore.")
    ] = None,
    vault_key_file: VaultKeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Anonymise the text columns of one file; every row and every other column comes back.

    Columns that hold a person's name, phone, address or identity number are replaced too, and their values
    are looked for in the text; what is replaced in a row is replaced in its other columns. Cells of XLSX come
    back as text. A vault's key is never in the vault's folder.

    Example: govtune anonymise letters.jsonl -o anonymised.jsonl --spans spans.jsonl
    """
    from curation.anonymise.files import Also, anonymise_file, check_outputs

    also = Also(spans=spans, review=review, manifest=manifest, canaries=canaries, vault=vault)
    read_too = (key_file, vault_key_file, Path(policy))
    check_outputs(source, output, also, inputs=[path for path in read_too if path])
    key = read_key(key_file)
    if vault is not None:
        from curation.anonymise.vault import read_vault_key

        also = dataclasses.replace(also, vault_key=read_vault_key(vault_key_file, vault, surrogate_key=key))
    elif vault_key_file is not None:
        raise UsageError("--vault-key-file is for --vault; give both")
    done = anonymise_file(
        source,
        output,
        names=names,
        key=key,
        text_fields=text_field,
        policy=policy,
        workers=workers,
        also=also,
        progress=Lines() if sys.stderr.isatty() or workers > 1 else None,
    )
    if as_json:
        print_json(dataclasses.asdict(done))
        return
    held = f", {done.held:,} held back for people in {review}" if review is not None else ""
    typer.echo(f"{done.rows:,} rows -> {output}{held}")
    if key is None:
        typer.echo(NO_KEY)
    for kind, count in sorted(done.counts.items()):
        typer.echo(f"{count:>7,}  {kind}")
    if done.manifest is not None:
        from curation.anonymise.manifest import lines

        for line in lines(done.manifest):
            typer.echo(line)


@app.command()
def anonymise_restore(
    source: Annotated[Path, typer.Argument(metavar="OUT", help="A file that anonymise wrote with --vault.")],
    output: OutputFile,
    vault: Annotated[Path, typer.Option(help="Its vault.")],
    vault_key_file: VaultKeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Give a file back as it was, from the anonymised file and its vault; an audit line says so.

    JSON lines, CSV and text come back byte for byte, XLSX and Parquet value by value.

    Example: govtune anonymise-restore out.jsonl --vault out.vault --vault-key-file ~/keys/vault -o in.jsonl
    """
    from curation.anonymise.restore import restore_file
    from curation.anonymise.vault import read_vault_key, require_cryptography

    require_cryptography()
    for path in (source, vault, vault_key_file):
        if path is not None:
            not_onto_itself(path, output)
    done = restore_file(source, output, vault=vault, key=read_vault_key(vault_key_file, vault))
    if as_json:
        print_json(dataclasses.asdict(done))
        return
    typer.echo(f"{done.rows:,} rows, {done.values:,} values restored -> {output}; noted in {done.audit}")


@app.command()
def anonymise_review(
    source: Annotated[Path, typer.Argument(metavar="OUT", help="A file that anonymise wrote.")],
    spans: Annotated[Path, typer.Option(help="What anonymise wrote with --spans.")],
    output: OutputFile,
    count: Annotated[int, typer.Option("-n", help="Records in the sample.")] = 300,
    text_field: TextField = [],  # noqa: B006
) -> None:
    """Draw a sample of an anonymised file into a sheet for people to read.

    Readers fill in read_by in every row, and in missed the types of what they still see, such as PERSON.

    Example: govtune anonymise-review out.jsonl --spans spans.jsonl -n 300 -o sample.xlsx
    """
    from curation.anonymise.sampling import draw

    for path in (source, spans):
        not_onto_itself(path, output)
    drawn = draw(source, output, spans=spans, count=count, text_fields=text_field)
    typer.echo(f"{drawn:,} records -> {output}; when it is filled in: govtune anonymise-bound {output}")


@app.command()
def anonymise_adapt(
    sources: Annotated[
        list[Path], typer.Argument(metavar="IN...", help="JSON lines, CSV, XLSX, Parquet or text.")
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="Model to write, for --names crf:MODEL.")],
    text_field: TextField = [],  # noqa: B006
    as_json: AsJson = False,
) -> None:
    """Adapt the small name tagger to your own letters, by what the default engine finds in them.

    The model holds weights of hashed features, no text. It learns nothing that the default engine does not
    find; it comes near it at several times the speed and without onnxruntime.

    Example: govtune anonymise-adapt letters.jsonl -o names.npz
    """
    from curation.anonymise.taggers.adapt import adapt_files

    done = adapt_files(sources, output, text_fields=text_field)
    if as_json:
        print_json(dataclasses.asdict(done))
        return
    typer.echo(f"learnt from {done.texts:,} texts -> {output}")
    typer.echo(
        f"agreement with the default engine on {done.held_out:,} others: F1 {done.after:.3f}, "
        f"{done.before:.3f} before"
    )
    if done.after <= done.before:
        typer.echo(
            "no nearer than the shipped tagger (--names crf): it takes more texts than these", err=True
        )


@app.command()
def anonymise_bound(
    sheet: Annotated[Path, typer.Argument(help="A sheet of anonymise-review that people have filled in.")],
    manifest: Annotated[
        Path | None, typer.Option(help="The manifest of the file; what the sheet says is added to it.")
    ] = None,
    bound: Annotated[
        float,
        typer.Option(min=0, max=1, help="Largest share of documents in which something may be left."),
    ] = 0.01,
    as_json: AsJson = False,
) -> None:
    """Tell how much may be left in an anonymised file, from a sample that people have read.

    The exact one-sided 95 % bound of Clopper and Pearson, per document and per type. Ends with 1 where it is
    above --bound.

    Example: govtune anonymise-bound sample.xlsx --manifest manifest.json
    """
    from curation.anonymise.manifest import add_review
    from curation.anonymise.sampling import bounds

    said = bounds(sheet)
    if manifest is not None:
        add_review(manifest, said, bound)
    documents = said["documents"]
    if as_json:
        print_json(said)
    else:
        typer.echo(
            f"{documents['missed']} of {documents['read']} documents with something left: "
            f"at most {documents['upper_95']:.2%} of all, at 95 %"
        )
        for kind, one in said["types"].items():
            if one["missed"]:
                typer.echo(f"{one['missed']:>7,}  {kind}, at most {one['upper_95']:.2%}")
    if documents["upper_95"] > bound:
        _tell(f"above the bound of {bound:.2%}")
        raise typer.Exit(1)


class Lines:
    """Progress on stderr: a moving line on a terminal, a line per phase elsewhere."""

    def __call__(self, phase: str, done: int, total: int) -> None:
        if sys.stderr.isatty():
            end = "\n" if done == total else ""
            print(f"\r\033[K{phase} {done}/{total}", end=end, file=sys.stderr, flush=True)
        elif done == total:
            print(f"{phase} {done}/{total}", file=sys.stderr, flush=True)


def _tell(line: str) -> None:
    typer.echo(f"govtune: {line}", err=True)


def print_json(value: Any) -> None:
    """Write a value to stdout as JSON."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2))
