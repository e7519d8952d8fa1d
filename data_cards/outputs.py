"""Everything that is written about a data set, each file a pure function of the facts.

`build` writes these files and `check` renders them again: a file that is listed here cannot lie.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError

from curation.errors import UsageError
from curation.files import canonical_json, whole_file
from curation.lang import Lang
from curation.run import Run
from curation.writing import page
from data_cards import card, croissant, figures, lineage, report
from data_cards.answers import read as read_answers
from data_cards.dataset import Dataset, of_run, open_folder
from data_cards.facts import Facts
from data_cards.figures import png
from data_cards.foreign import CARD, ORIGINAL, is_ours
from data_cards.measure import measure, read_lock
from data_cards.metrics import SCHEMA, Metrics
from data_cards.options import OPTIONS, Options
from data_cards.options import read as read_options
from data_cards.report.private import read as inside

METRICS = "metrics.json"
PREVIOUS = "previous.json"
"""Metrics of the version before, if one was named: a copy can be checked with them."""


def build(folder: Path, private: Path, options: Options | None = None) -> Facts:
    """Measure a run and write everything that describes it into its folder.

    Args:
        folder: of a run: `data/` and the lock.
        private: its private folder; there the options are kept.
        options: default: those of the build before.

    Raises:
        UsageError: not a run folder, or an option that cannot be met.
        InputError: a file of the run is missing or cannot be read.
    """
    options = options or read_options(private)
    dataset = of_run(Run(folder, private))
    facts = gather(dataset, options)
    write(folder, outputs(facts, options.lang))
    write_pictures(folder, facts, options)
    write(private, private_outputs(dataset, facts, options))
    return facts


def build_beside(folder: Path, options: Options, card: Path | None = None, *, force: bool = False) -> Facts:
    """Measure any data set folder, or a run without its private folder, and write what describes it.

    Args:
        card: where to write; default: into the folder itself.
        force: take the place of a README.md that is not ours, which stays as README.original.md.

    Raises:
        UsageError: no data in the folder, a card there that is not ours, or an option that cannot be met.
        InputError: a data file cannot be read.
    """
    target = card or folder
    readme, original = target / CARD, target / ORIGINAL
    strange = readme.exists() and not is_ours(readme)
    if strange and not force:
        raise UsageError(
            f"{readme}: not written by govtune; --card DIR writes elsewhere, --force takes its place and "
            f"keeps it as {ORIGINAL}"
        )
    if strange and original.exists():
        raise UsageError(f"{original}: is there already, so {CARD} cannot be kept under this name")
    for name, ours in ((report.REPORT, page.is_ours), (croissant.CROISSANT, croissant.is_ours)):
        if (target / name).exists() and not ours(target / name):
            raise UsageError(f"{target / name}: not written by govtune; --card DIR writes elsewhere")
    facts = gather(open_folder(folder, options), options, target)
    target.mkdir(parents=True, exist_ok=True)
    if strange:
        readme.rename(original)
    write(target, outputs(facts, options.lang))
    write_pictures(target, facts, options)
    return facts


def gather(dataset: Dataset, options: Options, folder: Path | None = None) -> Facts:
    """All that is known of a data set, measured now.

    Args:
        folder: of its card; default: its own.
    """
    answers = read_answers(folder or dataset.folder)
    previous = read_metrics(options.previous) if options.previous else None
    metrics = measure(dataset, options, answers)
    lock = read_lock(dataset.run) if dataset.run else None
    return Facts(metrics, lock, answers, previous)


def read_metrics(folder: Path) -> dict[str, Any]:
    """The metrics of another version, in its folder or in a file.

    Raises:
        UsageError: there are none, or of another schema.
    """
    path = folder / METRICS if folder.is_dir() else folder
    try:
        return Metrics.model_validate_json(path.read_bytes()).model_dump(by_alias=True)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
    except ValidationError:
        raise UsageError(f"{path}: not metrics of schema {SCHEMA}; build its card again") from None


def outputs(facts: Facts, lang: Lang) -> dict[str, str]:
    """Text by path in the folder.

    Args:
        lang: language of `README.md`; the other one stands beside it. Pages that have a switch begin with it.
    """
    (other,) = set(get_args(Lang)) - {lang}
    return {
        METRICS: canonical_json(facts.metrics),
        CARD: card.render(facts, lang),
        f"README.{page.TAGS[other]}.md": card.render(facts, other, main=lang),
        **figures.files(facts),
        report.REPORT: report.render(facts, lang),
        croissant.CROISSANT: croissant.render(facts),
        **({lineage.LINEAGE: events} if (events := lineage.render(facts)) else {}),
        **({PREVIOUS: canonical_json(facts.previous)} if facts.previous else {}),
    }


def private_outputs(dataset: Dataset, facts: Facts, options: Options) -> dict[str, str]:
    """Text by path in the private folder: it names files, rows and records.

    Raises:
        InputError: a file of the run is damaged.
    """
    return {
        OPTIONS: canonical_json(options.model_dump(mode="json")),
        report.REPORT: report.render(facts, options.lang, inside(dataset)),
    }


def write_pictures(folder: Path, facts: Facts, options: Options) -> None:
    """The figures as PNG, if they were asked for; those of another build go.

    Raises:
        UsageError: nothing here can draw them.
    """
    pictures = png.pictures(facts) if options.png else {}
    for path in figures.paths(".png") - pictures.keys():
        (folder / path).unlink(missing_ok=True)
    for name, picture in pictures.items():
        with whole_file(folder / name) as unfinished:
            unfinished.write_bytes(picture)


def write(folder: Path, texts: dict[str, str]) -> None:
    """Write the files, each whole or not at all; what only an earlier build wrote goes."""
    for name in (*(f"README.{tag}.md" for tag in page.TAGS.values()), PREVIOUS):
        if CARD in texts and name not in texts and (name == PREVIOUS or is_ours(folder / name)):
            (folder / name).unlink(missing_ok=True)
    if CARD in texts:
        for figure in figures.paths(".svg") - texts.keys():
            (folder / figure).unlink(missing_ok=True)
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        with whole_file(path) as unfinished:
            unfinished.write_text(text, encoding="utf-8", newline="\n")
