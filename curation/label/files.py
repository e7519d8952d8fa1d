"""Fitting a labeller to files, and labelling one file: every row and every other column comes back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from curation import records
from curation.errors import InputError, UsageError
from curation.files import not_onto_itself, whole_file
from curation.label import (
    classifier,
    features,
    hints,
    keywords,
    labeller,
    measured,
    report,
    taxonomy,
)
from curation.label import encoder as local_encoder
from curation.label.measured import LabelFitSummary
from curation.strict import nearest

if TYPE_CHECKING:
    from curation.ingest.tables import Rows
    from curation.label.labeller import Encoder
    from curation.lang import Lang

ENTRY = pa.struct(
    [records.LABEL.field(name) for name in ("scheme", "value", "confidence", "method", "abstained")]
)
"""One entry of the column `labels` that `label_file` adds."""


def label_fit_files(
    output: Path,
    *,
    taxonomy_name: str,
    gold: Sequence[Path],
    pool: Sequence[Path] = (),
    label_field: str | None = None,
    encoder: Path | None = None,
    report_file: Path | None = None,
    lang: Lang = "zh",
    seed: int = 0,
) -> LabelFitSummary:
    """Fit a labeller to files of any format and write it to `output`.

    Title and text are found by their known headers, as `curate` finds them. Near duplicates are kept in one
    fold, by a column `cluster` where there is one. A row whose column `judged` says false trains and counts
    in no figure. Rows of `gold` without a label join the pool.

    Args:
        taxonomy_name: a shipped taxonomy or a YAML file.
        label_field: column of the label, instead of the known ones.
        encoder: folder of a sentence encoder, whose vectors join the features.
        report_file: where to write the figures as HTML, in `lang`.

    Raises:
        UsageError: no such taxonomy, column or encoder, too few labels, or a file that cannot be written.
        InputError: a file or row that cannot be read, or a label that the taxonomy has not.
    """
    for path in (*gold, *pool):
        for written in (output, report_file):
            if written is not None:
                not_onto_itself(path, written)
    if report_file is not None:
        not_onto_itself(output, report_file)
    labels = taxonomy.load(taxonomy_name)
    kept = None if encoder is None else local_encoder.of(encoder)
    read = [_read_gold(path, labels, label_field) for path in gold]
    read += [_read_pool(path) for path in pool]
    rows = [row for rows in read for row in rows]
    said = [row for row in rows if row.document.strip()]
    known = [row for row in said if row.label is not None]
    alone = _examples(labels, known, kept)
    examples = alone.with_pool(row.document for row in said if row.label is None)
    held_out = classifier.out_of_fold(examples, seed, classifier.CUTS)
    fitted = classifier.fit(examples, held_out, taxonomy=labels.name, digest=labels.digest, seed=seed)
    done = measured.measure(
        fitted,
        examples,
        alone,
        _by_keywords(labels, known),
        empty=len(rows) - len(said),
        held_out=held_out,
        seed=seed,
    )
    fitted.save(output)
    if report_file is not None:
        report.write(report_file, done, lang)
    return done


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
    fitted = labeller.load(model_file)
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
    judged: bool = True


@dataclass(frozen=True)
class Labelled:
    """A row of a file with labels.

    Attributes:
        number: of the row in its file.
        row: its columns.
        document: made by `features.document`.
        label: one of the taxonomy's, empty where there is none.
    """

    number: int
    row: dict[str, Any]
    document: str
    label: str


def read_labelled(
    read: Rows, path: Path, labels: taxonomy.Taxonomy, label_field: str | None
) -> list[Labelled]:
    """The rows of a file that was read, with their labels.

    Raises:
        UsageError: no column with labels, or none with text.
        InputError: a label that the taxonomy has not.
    """
    from curation.ingest.mapping import Settings, map_columns

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
        rows.append(Labelled(number, row, document, said))
    return rows


def _read_gold(path: Path, labels: taxonomy.Taxonomy, label_field: str | None) -> list[_Row]:
    from curation.ingest.tables import read_rows

    rows = []
    for one in read_labelled(read_rows(path), path, labels, label_field):
        cluster = one.row.get("cluster")
        judged = str(one.row.get("judged")).strip().lower() not in _NO
        own = None if cluster in (None, "") else str(cluster)
        rows.append(_Row(one.document, one.label or None, own, judged))
    return rows


_NO = ("false", "0", "no", "否")
"""What a column `judged` says of a text that was chosen because it is hard."""


def _read_pool(path: Path) -> list[_Row]:
    from curation.ingest.tables import read_rows

    return [_Row(document) for document in _documents(read_rows(path), path)]


def _examples(
    labels: taxonomy.Taxonomy, known: Sequence[_Row], encoder: Encoder | None
) -> classifier.Examples:
    from curation.deduplicate.near import find_duplicates

    known = sorted(known, key=lambda row: (row.document, row.label or ""))  # clusters depend on the order
    documents = [row.document for row in known]
    near = find_duplicates(documents).cluster.tolist()
    examples = classifier.prepare(
        labels.values,
        documents,
        [row.label or "" for row in known],
        groups=[row.cluster or f"\0{documents[first]}" for row, first in zip(known, near, strict=True)],
        judged=[row.judged for row in known],
        hints=hints.of(labels),
        encoder=encoder,
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
