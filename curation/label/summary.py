"""What labelling functions are worth: coverage, overlap, conflict, and accuracy where a label is known."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from curation.errors import InputError, UsageError
from curation.intervals import exact
from curation.label import functions, label_model, taxonomy
from curation.label.functions import LabellingFunction, RuleFunction, Votes
from curation.label.rules import Kind

if TYPE_CHECKING:
    from curation.ingest.tables import Rows
    from curation.label.taxonomy import Taxonomy

CONFIDENCE = 0.95
"""Probability with which the interval of Clopper and Pearson holds the accuracy."""


@dataclasses.dataclass(frozen=True)
class Accuracy:
    """Right votes, of those on records whose label is known, with their exact interval."""

    right: int
    judged: int
    share: float
    low: float
    high: float


@dataclasses.dataclass(frozen=True)
class FunctionRow:
    """One labelling function, or the rules of one label and kind. Shares are of all records.

    Attributes:
        name: of the function; of rules their label, and of a single rule what it looks for.
        kind: of the rules; None for a function in Python.
        labels: the labels that it ever votes for.
        coverage: it votes.
        overlap: another one votes, too.
        conflict: another one votes for another label.
        estimate: mean probability of its votes according to the label model, which no right label has seen.
        accuracy: None where no vote of it can be judged.
    """

    name: str
    kind: Kind | None
    labels: tuple[str, ...]
    coverage: float
    overlap: float
    conflict: float
    estimate: float | None
    accuracy: Accuracy | None


@dataclasses.dataclass(frozen=True)
class ModelRow:
    """What all functions decide together; each single rule has a vote of its own.

    Attributes:
        decided: share of the records that get a label; ties and records without a vote do not.
    """

    name: str
    decided: float
    accuracy: Accuracy | None


@dataclasses.dataclass(frozen=True)
class FunctionSummary:
    """A table of functions and models.

    Attributes:
        known: records with a right label.
        foreign: those whose label the taxonomy has not; they are judged by nobody.
        coverage, overlap, conflict: some function votes, several do, for several labels.
        silent: functions that never vote.
        slow, missing: as in `Votes`.
    """

    records: int
    known: int
    foreign: int
    coverage: float
    overlap: float
    conflict: float
    functions: list[FunctionRow]
    silent: int
    models: list[ModelRow]
    slow: dict[str, int]
    missing: tuple[str, ...]


def summarise(
    asked: Sequence[LabellingFunction | RuleFunction],
    votes: Votes,
    values: Sequence[str],
    gold: NDArray[np.int64],
    *,
    each_rule: bool = False,
    foreign: int = 0,
) -> FunctionSummary:
    """Summarise votes of single rules and of people's functions.

    Args:
        asked: the functions in the order of the votes, each rule by itself.
        values: the labels that may be given.
        gold: index of the right label of each record, -1 where it is not known.
        each_rule: a row for each rule, not one for each label and kind of rule.
    """
    model = label_model.fit(votes.matrix, len(values))
    probability = model.predict_proba(votes.matrix)
    names, matrix = _grouped(asked, votes, values, each_rule)
    counts = label_model.counts(matrix, len(values))
    several, different = counts.sum(axis=1) > 1, (counts > 0).sum(axis=1) > 1
    spoken = matrix >= 0
    rows = [
        FunctionRow(
            name=name,
            kind=kind,
            labels=tuple(values[label] for label in np.unique(said[voted])),
            coverage=float(voted.mean()),
            overlap=float((voted & several).mean()),
            conflict=float((voted & different).mean()),
            estimate=float(probability[np.flatnonzero(voted), said[voted]].mean()),
            accuracy=_accuracy(said, gold),
        )
        for (name, kind), said, voted in zip(names, matrix.T, spoken.T, strict=True)
        if voted.any()
    ]
    decisions = {
        "majority": label_model.majority(votes.matrix, len(values)),
        "Dawid-Skene": model.predict(votes.matrix),
    }
    return FunctionSummary(
        records=len(matrix),
        known=int((gold >= 0).sum()),
        foreign=foreign,
        coverage=float(spoken.any(axis=1).mean()),
        overlap=float(several.mean()),
        conflict=float(different.mean()),
        functions=rows,
        silent=len(names) - len(rows),
        models=[
            ModelRow(name, float((label >= 0).mean()), _accuracy(label, gold))
            for name, label in decisions.items()
        ],
        slow=votes.slow,
        missing=votes.missing,
    )


def summarise_file(
    source: Path,
    *,
    taxonomy_name: str,
    level: int | None = None,
    functions_file: Path | None = None,
    label_field: str | None = None,
    each_rule: bool = False,
) -> FunctionSummary:
    """Summarise the rules of a taxonomy, and people's own functions, on a file of any format.

    Args:
        taxonomy_name: a shipped taxonomy or a YAML file.
        level: instead of the taxonomy's own.
        functions_file: Python, with functions marked `@labelling_function(...)`.
        label_field: column of the right label, instead of the known ones.

    Raises:
        UsageError: no such file, taxonomy or column, no rows, or nothing that could vote.
        InputError: a row that cannot be read, or on which a function failed.
    """
    from curation.ingest.tables import read_rows

    labels = taxonomy.load(taxonomy_name, level)
    asked: list[LabellingFunction | RuleFunction] = list(functions.from_taxonomy(labels, each_rule=True))
    if functions_file is not None:
        asked += functions.load_functions(functions_file, labels)
    if not asked:
        raise UsageError(f"{labels.name}: no keywords, patterns or metadata rules; give --functions")
    read = read_rows(source)
    if not read.rows:
        raise UsageError(f"{source.name}: no rows")
    rows = _records(read, source)
    gold, foreign = _gold(read, source, labels, label_field)
    votes = functions.apply(asked, labels, rows, file=source.name, numbers=read.numbers)
    return summarise(asked, votes, labels.values, gold, each_rule=each_rule, foreign=foreign)


def _grouped(
    asked: Sequence[LabellingFunction | RuleFunction], votes: Votes, values: Sequence[str], each_rule: bool
) -> tuple[list[tuple[str, Kind | None]], NDArray[np.int64]]:
    """Names and votes of the table's rows: unless each rule has its own, a label's of one kind together."""
    columns: dict[tuple[str, Kind | None], list[int]] = {}
    for at, function in enumerate(asked):
        if not isinstance(function, RuleFunction):
            key: tuple[str, Kind | None] = (function.name, None)
        elif each_rule:
            key = (f"{values[function.label]} {function.rules[0]}", function.kind)
        else:
            key = (values[function.label], function.kind)
        columns.setdefault(key, []).append(at)
    # Rules of one label vote for it or abstain.
    matrix = [votes.matrix[:, together].max(axis=1) for together in columns.values()]
    return list(columns), np.stack(matrix, axis=1)


def _accuracy(said: NDArray[np.int64], gold: NDArray[np.int64]) -> Accuracy | None:
    judged = (said >= 0) & (gold >= 0)
    if not judged.any():
        return None
    right, count = int((said == gold)[judged].sum()), int(judged.sum())
    return Accuracy(right, count, right / count, *exact(right, count, CONFIDENCE))


def _records(read: Rows, source: Path) -> list[Mapping[str, Any]]:
    """Each row with its title and text as strings, under these names."""
    from curation.ingest.mapping import Settings, map_columns
    from curation.ingest.precision import display

    found = map_columns(read.columns, Settings()).fields
    columns = {name: found[name] for name in ("title", "text") if name in found}
    if not columns:
        raise UsageError(f"{source.name}: no column with a title or a text was found; see `govtune inspect`")
    records: list[Mapping[str, Any]] = []
    for number, row in zip(read.numbers, read.rows, strict=True):
        said = {"title": "", "text": ""}
        for name, column in columns.items():
            if isinstance(row.get(column), (bool, bytes, dict, list)):
                raise InputError("neither a string nor a number", file=source.name, row=number, field=column)
            said[name] = display(row.get(column)) or ""
        records.append({**row, **said})
    return records


def _gold(
    read: Rows, source: Path, labels: Taxonomy, label_field: str | None
) -> tuple[NDArray[np.int64], int]:
    """Index of each row's label, -1 without one, and how many have one that the taxonomy has not."""
    from curation.ingest.mapping import Settings, map_columns

    known = map_columns(read.columns, Settings()).fields.get("label")
    column = next(iter(read.find([label_field])), None) if label_field else known
    if label_field and column is None:
        raise UsageError(f"{source.name}: no column {label_field}")
    if column is None:
        return np.full(len(read.rows), -1), 0
    index = {value: number for number, value in enumerate(labels.values)}
    said = [str(row.get(column) or "").strip() for row in read.rows]
    gold = np.array([index.get(value, -1) for value in said], np.int64)
    return gold, int((gold[[bool(value) for value in said]] < 0).sum())
