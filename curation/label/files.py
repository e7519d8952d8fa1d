"""Fitting a label model to files, and labelling one file: every row and every other column comes back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from curation import records, shipped
from curation.errors import InputError, UsageError
from curation.files import not_onto_itself, sha256, whole_file
from curation.label import classifier, features, keywords, model, selective, taxonomy
from curation.strict import nearest

if TYPE_CHECKING:
    from curation.ingest.tables import Rows

SHOWN = (0.95, 0.9, 0.8, 0.7)
"""Precisions whose coverage the summary of a fit tells."""

ENTRY = pa.struct(
    [records.LABEL.field(name) for name in ("scheme", "value", "confidence", "method", "abstained")]
)
"""One entry of the column `labels` that `label_file` adds."""


@dataclass(frozen=True)
class LabelFitSummary:
    """What a label model was fitted to, and how well it does on examples that it has not seen.

    Attributes:
        gold: label to number of examples.
        pool: texts without a label, those of the gold files with them.
        empty: rows without text, which were left out.
        distinct: examples that are no near duplicates of each other; the classifier is measured on these.
        accuracy, macro_f1: of the full answer in 5-fold cross-validation, nothing abstained.
        macro_f1_without_pool: the same without the pool; None where there is none.
        operating_points: precision asked for to the point that keeps it, None where no point does.
        curve: coverage against precision, the most confident examples first.
        keywords: how the taxonomy's keywords alone do on all of the gold.
    """

    gold: dict[str, int]
    pool: int
    empty: int
    distinct: int
    accuracy: float
    macro_f1: float
    macro_f1_without_pool: float | None
    operating_points: dict[float, selective.Point | None]
    curve: list[selective.Point]
    keywords: keywords.KeywordSummary

    @property
    def promised(self) -> float | None:
        """The highest of `SHOWN` that some point keeps; None where no point keeps any."""
        return max((asked for asked, point in self.operating_points.items() if point), default=None)

    def lines(self) -> list[str]:
        """The summary as text."""
        told = [f"{count:>7,}  {label}" for label, count in self.gold.items()]
        told.append(f"{sum(self.gold.values()):>7,}  labelled, {self.pool:,} without a label")
        if self.empty:
            told.append(f"{self.empty:>7,}  rows without text left out")
        told.append(
            f"cross-validated: accuracy {self.accuracy:.3f}, macro-F1 {self.macro_f1:.3f} "
            f"({self.distinct:,} distinct texts, {classifier.FOLDS} folds)"
        )
        if self.macro_f1_without_pool is not None:
            told.append(f"without the pool: macro-F1 {self.macro_f1_without_pool:.3f}")
        said = self.keywords
        right = "none decided" if said.accuracy is None else f"accuracy {said.accuracy:.3f} where they decide"
        told.append(
            f"keywords alone: coverage {said.coverage:.0%}, conflict {said.conflict:.0%}, "
            f"decided {said.decided:.0%}, {right}"
        )
        for precision, point in self.operating_points.items():
            asked = f"precision {precision:g}: "
            if point is None:
                told.append(f"{asked}cannot be promised with these examples; every label would abstain")
            else:
                told.append(
                    f"{asked}{point.coverage:.0%} labelled, {point.precision:.3f} of them rightly "
                    f"(at least {point.bound:.3f} at {selective.CONFIDENCE:.0%} confidence)"
                )
        told.append("a precision is promised for texts like the labelled ones, drawn in the same way")
        return told


def label_fit_files(
    output: Path,
    *,
    taxonomy_name: str,
    gold: Sequence[Path],
    pool: Sequence[Path] = (),
    label_field: str | None = None,
    seed: int = 0,
) -> LabelFitSummary:
    """Fit a label model to files of any format and write it to `output`.

    Title and text are found by their known headers, as `curate` finds them. A column `cluster` keeps near
    duplicates in one fold. Rows of `gold` without a label join the pool.

    Args:
        taxonomy_name: a shipped taxonomy or a YAML file.
        label_field: column of the label, instead of the known ones.

    Raises:
        UsageError: no such taxonomy or column, too few labels, or a file that cannot be written.
        InputError: a file or row that cannot be read, or a label that the taxonomy has not.
    """
    for path in (*gold, *pool):
        not_onto_itself(path, output)
    labels = taxonomy.load(taxonomy_name)
    read = [_read_gold(path, labels, label_field) for path in gold]
    read += [_read_pool(path) for path in pool]
    rows = [row for rows in read for row in rows]
    said = [row for row in rows if row.document.strip()]
    known = [row for row in said if row.label is not None]
    alone = _examples(labels, known)
    examples = alone.with_pool(row.document for row in said if row.label is None)
    held_out = classifier.out_of_fold(examples, seed)
    digest = sha256(shipped.find("taxonomies", taxonomy_name))
    fitted = classifier.fit(examples, held_out, taxonomy=labels.name, digest=digest, seed=seed)
    fitted.save(output)
    return LabelFitSummary(
        gold=dict(zip(labels.values, fitted.gold, strict=True)),
        pool=examples.pool,
        empty=len(rows) - len(said),
        distinct=len(held_out.labels),
        accuracy=float(held_out.right.mean()),
        macro_f1=held_out.macro_f1,
        macro_f1_without_pool=classifier.out_of_fold(alone, seed).macro_f1 if examples.pool else None,
        operating_points={precision: fitted.operating_point(precision) for precision in SHOWN},
        curve=selective.curve(fitted.scores, fitted.right),
        keywords=_by_keywords(labels, known),
    )


@dataclass(frozen=True)
class LabelSummary:
    """What `label_file` did.

    Attributes:
        rows: rows written, each with its best label.
        labelled: those that do not abstain, by label.
        abstained: those that do; `empty` of them hold no text.
        threshold: smallest confidence that is trusted; None where no confidence is.
    """

    rows: int
    labelled: dict[str, int]
    abstained: int
    empty: int
    precision: float
    threshold: float | None

    def lines(self) -> list[str]:
        """The summary as text."""
        told = [f"{count:>7,}  {label}" for label, count in self.labelled.items()]
        told.append(
            f"{self.abstained:>7,}  abstained" + (f", {self.empty:,} without text" * bool(self.empty))
        )
        if self.threshold is None:
            told.append(
                f"the model cannot promise a precision of {self.precision:g}, however sure it is: every "
                "label abstains; ask for less, or fit it to more labels"
            )
        return told


def label_file(source: Path, output: Path, *, model_file: Path, precision: float = 0.95) -> LabelSummary:
    """Add a column `labels` to a file: per row a list with one entry of the type `ENTRY`.

    The best guess is always there; `abstained` is true where it is below the precision asked for, and in
    a row without text, which has no guess.

    Raises:
        UsageError: a precision that is none, a model that cannot be used, no column of text, a column
            `labels` that is there already, or a file that cannot be written.
        InputError: a file or a row that cannot be read. Nothing is written.
    """
    from curation.ingest import tables

    not_onto_itself(source, output)
    not_onto_itself(model_file, output)
    if not 0 < precision < 1:
        raise UsageError(f"precision {precision:g}: must lie between 0 and 1")
    write = tables.writer(output)
    fitted = model.load(model_file)
    read = tables.read_rows(source)
    if "labels" in read.columns:
        raise UsageError(f"{source.name}: has a column labels already; rename it")
    guess = fitted.predict(_documents(read, source))
    threshold = fitted.threshold(precision)
    abstained = guess.confidence < threshold
    entries = [
        {
            "scheme": fitted.taxonomy,
            "value": fitted.labels[label] if label >= 0 else None,
            "confidence": confidence if label >= 0 else None,
            "method": "classifier",
            "abstained": below,
        }
        for label, confidence, below in zip(
            guess.label.tolist(), guess.confidence.tolist(), abstained.tolist(), strict=True
        )
    ]
    with whole_file(output) as aside:
        write(aside, _with_labels(read, entries))
    count = Counter(entry["value"] for entry in entries if not entry["abstained"])
    return LabelSummary(
        rows=len(entries),
        labelled={value: count[value] for value in fitted.labels if count[value]},
        abstained=int(abstained.sum()),
        empty=int((guess.label < 0).sum()),
        precision=precision,
        threshold=threshold if np.isfinite(threshold) else None,
    )


@dataclass(frozen=True)
class _Row:
    document: str
    label: str | None = None
    cluster: str | None = None


def _read_gold(path: Path, labels: taxonomy.Taxonomy, label_field: str | None) -> list[_Row]:
    from curation.ingest.mapping import Settings, map_columns
    from curation.ingest.tables import read_rows

    read = read_rows(path)
    known = map_columns(read.columns, Settings()).fields.get("label")
    found = next(iter(read.find([label_field])), None) if label_field else known
    if found is None:
        missing = f"column {label_field}" if label_field else "column with labels"
        raise UsageError(f"{path.name}: no {missing}; name it with --label-field")
    rows = []
    for number, row, document in zip(read.numbers, read.rows, _documents(read, path), strict=True):
        said = str(row.get(found) or "").strip()
        if said and said not in labels.values:
            problem = f"not a label of {labels.name}{nearest(said, labels.values)}"
            raise InputError(problem, file=path.name, row=number, field=found)
        cluster = row.get("cluster")
        rows.append(_Row(document, said or None, None if cluster in (None, "") else str(cluster)))
    return rows


def _read_pool(path: Path) -> list[_Row]:
    from curation.ingest.tables import read_rows

    return [_Row(document) for document in _documents(read_rows(path), path)]


def _examples(labels: taxonomy.Taxonomy, known: Sequence[_Row]) -> classifier.Examples:
    examples = classifier.prepare(
        labels.values,
        [row.document for row in known],
        [row.label or "" for row in known],
        groups=[row.cluster for row in known],
    )
    if examples.lacking:
        raise UsageError(f"too few labels to fit a model: {examples.lacking}")
    return examples


def _by_keywords(labels: taxonomy.Taxonomy, known: Sequence[_Row]) -> keywords.KeywordSummary:
    counts = keywords.votes(labels, [row.document for row in known])
    return keywords.summarise(counts, np.array([labels.values.index(row.label or "") for row in known]))


def _documents(read: Rows, source: Path) -> list[str]:
    """What is labelled of each row: its title and its text."""
    from curation.ingest.mapping import Settings, map_columns
    from curation.ingest.precision import display

    found = map_columns(read.columns, Settings()).fields
    columns = [found.get("title"), found.get("text")]
    if columns == [None, None] and read.rows:
        raise UsageError(f"{source.name}: no column with a title or a text was found; see `govtune inspect`")
    documents = []
    for number, row in zip(read.numbers, read.rows, strict=True):
        for column in columns:
            if column and isinstance(row.get(column), (bool, bytes, dict, list)):
                raise InputError("neither a string nor a number", file=source.name, row=number, field=column)
        title, text = (display(row.get(column)) if column else None for column in columns)
        documents.append(features.document(title, text))
    return documents


def _with_labels(read: Rows, entries: list[dict[str, Any]]) -> Rows:
    arrow = read.arrow
    if arrow is not None:
        arrow = arrow.append_column("labels", pa.array([[each] for each in entries], pa.list_(ENTRY)))
    return replace(
        read,
        columns=(*read.columns, "labels"),
        rows=[row | {"labels": [entry]} for row, entry in zip(read.rows, entries, strict=True)],
        headers=None if read.headers is None else (*read.headers, "labels"),
        arrow=arrow,
    )
