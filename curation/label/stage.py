"""The stage `label`: every letter gets a category of a taxonomy, from a person or with a stated precision."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from curation import decisions, records, shipped, stage
from curation.errors import UsageError
from curation.files import sha256
from curation.label import classifier, features, keywords, model, taxonomy
from curation.label.model import LabelModel

NEVER = ("service_item", "document", "law")
"""Kinds that are nobody's request: they get no label."""

PERSON = "person"
"""Method of the labels that people gave in a review."""

_FETCH = 20_000
"""Records whose texts are held at once."""


class LabelParams(stage.Params):
    """How to label.

    Attributes:
        taxonomy: a shipped taxonomy or a YAML file.
        precision: asked of the labels that do not abstain, pooled. With a probability of 90 % it holds for
            texts like the labelled ones: drawn from the same source in the same way (exchangeable).
        model: a file written by `govtune label-fit`; without one, the records' own labels fit a model.
            Nothing keeps a given model from having seen records that are now of the split `test`.
    """

    taxonomy: str
    precision: float = Field(0.95, gt=0, lt=1)
    model: str | None = None


class Label(stage.Exchange):
    """Append an entry to the `labels` of each record: value, confidence, method, abstained, and who gave it.

    What people decided stands (method `person`); where they say that nobody can tell, the entry abstains.
    Then a label that came with the record (scheme `input`) and is one of the taxonomy's: method `input`. The
    other records are labelled by a given model, or by one that is fitted to records of the split `train`
    only. Where too few of these have a label (`Examples.lacking`), keywords decide; they abstain unless
    `keywords.SURE` of one label stand in the text and none of another. The best guess is there even when it
    abstains. Kinds in `NEVER` get no entry.
    """

    name = "label"
    Params = LabelParams
    version = 2
    adds = pa.schema([records.PUBLIC.field("labels")])
    packages = ("scikit-learn", "scipy", "numpy", "regex")

    def __init__(self, params: LabelParams | None = None, *, key: bytes | None = None) -> None:
        super().__init__(params, key=key)
        self._taxonomy = taxonomy.load(self.params.taxonomy)
        if self.params.model is None:
            self.requires = frozenset({"split"})  # type: ignore[misc]  # depends on the recipe
        else:
            self._given_model()  # its faults are told before anything is read

    def files(self) -> tuple[Path, ...]:
        given = () if self.params.model is None else (Path(self.params.model),)
        return (shipped.find("taxonomies", self.params.taxonomy), *given)

    def keys(self, table: pa.Table) -> pa.Table:
        valid = set(self._taxonomy.values)
        given = [_given(labels, valid) for labels in table["labels"].to_pylist()]
        return (
            table.select(["id", "kind", "split", "cluster"])
            .append_column("given", pa.array(given, pa.string()))
            .append_column("content", pa.array(decisions.contents(table), pa.string()))
        )

    def decide(self, keys: pa.Table, fetch: stage.Fetch) -> pa.Table:
        keys = keys.filter(pc.invert(pc.is_in(keys["kind"], pa.array(NEVER))))
        keys, people, undecidable = self._by_people(keys)
        fitted = self._fit(keys, fetch) if self.params.model is None else self._given_model()
        known = keys.filter(pc.is_valid(keys["given"]))
        came = known.filter(pc.invert(pc.is_in(known["id"], people["id"])))
        unknown = keys.filter(pc.is_null(keys["given"]))["id"].to_pylist()
        parts = [people, _verdict(came["id"].to_pylist(), came["given"].to_pylist(), "input")]
        for start in range(0, len(unknown), _FETCH):
            ids = unknown[start : start + _FETCH]
            documents = list(_documents(ids, fetch))
            if fitted is None:
                parts.append(_by_keywords(self._taxonomy, ids, documents))
            else:
                parts.append(_by_classifier(fitted, self.params.precision, ids, documents))
        verdict = pa.concat_tables(parts)
        abstained = pc.or_(verdict["abstained"], pc.is_in(verdict["id"], undecidable))
        return verdict.set_column(verdict.schema.get_field_index("abstained"), "abstained", abstained)

    def apply(self, table: pa.Table, verdict: pa.Table) -> pa.Table:  # type: ignore[override]
        names = ("value", "confidence", "method", "abstained", "annotator", "reviewer")
        entries = [
            None if entry["id"] is None else {"scheme": self._taxonomy.name, **{n: entry[n] for n in names}}
            for entry in verdict.to_pylist()
        ]
        labels = [
            before if entry is None else [*(before or ()), entry]
            for before, entry in zip(table["labels"].to_pylist(), entries, strict=True)
        ]
        return records.with_columns(table, {"labels": labels})

    def _by_people(self, keys: pa.Table) -> tuple[pa.Table, pa.Table, pa.Array]:
        """The keys with people's labels as the given ones and a column `judged`; their verdict; and the
        records of which they say that nobody can tell.

        `judged` is false where people got the record because it is hard: it is no measure of the others.
        """
        ids = keys["id"].to_pylist()
        valid = {None, *self._taxonomy.values}
        held = decisions.standing(self.decisions, self.name, self._taxonomy.name)
        fit = {id_: one for id_, one in held.items() if one.final.value in valid}
        fit, tally = decisions.applicable(fit, ids, keys["content"].to_pylist())
        self.tally = dataclasses.replace(tally, stale=len(held) - tally.applied - tally.absent)
        names = decisions.pseudonyms(self.decisions)
        said = {id_: one for id_, one in fit.items() if one.final.value is not None}
        given, judged = keys["given"].to_pylist(), [True] * len(ids)
        for row, id_ in enumerate(ids):
            if id_ in fit:
                given[row] = fit[id_].final.value
                judged[row] = fit[id_].final.shown.reason in (None, decisions.AUDIT)
        for name, column in (("given", pa.array(given, pa.string())), ("judged", pa.array(judged))):
            place = keys.schema.get_field_index(name)
            keys = keys.append_column(name, column) if place < 0 else keys.set_column(place, name, column)
        verdict = _verdict(
            list(said),
            [one.final.value for one in said.values()],
            PERSON,
            annotator=[names[one.annotator.by] if one.annotator else None for one in said.values()],
            reviewer=[names[one.reviewer.by] if one.reviewer else None for one in said.values()],
        )
        return keys, verdict, pa.array([id_ for id_ in fit if id_ not in said], pa.string())

    def _given_model(self) -> LabelModel:
        loaded = model.load(Path(self.params.model))
        path = shipped.find("taxonomies", self.params.taxonomy)
        if loaded.digest != sha256(path):
            raise UsageError(
                f"{Path(self.params.model).name}: fitted for another taxonomy than {path.name}, or for "
                "an earlier version of it; fit it again with `govtune label-fit`"
            )
        return loaded

    def _fit(self, keys: pa.Table, fetch: stage.Fetch) -> LabelModel | None:
        """The model of the train split; None where it has too few labels."""
        train = keys.filter(pc.equal(keys["split"], "train"))
        gold = train.filter(pc.is_valid(train["given"]))
        pool = train.filter(pc.is_null(train["given"]))
        examples = classifier.prepare(
            self._taxonomy.values,
            list(_documents(gold["id"].to_pylist(), fetch)),
            gold["given"].to_pylist(),
            groups=gold["cluster"].to_pylist(),
        )
        if examples.lacking:
            return None
        examples = examples.with_pool(_documents(pool["id"].to_pylist(), fetch))
        digest = sha256(shipped.find("taxonomies", self.params.taxonomy))
        held_out = classifier.out_of_fold(examples)
        return classifier.fit(examples, held_out, taxonomy=self._taxonomy.name, digest=digest)


def _given(labels: list[dict[str, Any]] | None, valid: set[str]) -> str | None:
    """The label that came with a record, if the taxonomy has it."""
    for label in labels or ():
        value = (label["value"] or "").strip()
        if label["scheme"] == "input" and value in valid:
            return value
    return None


def _documents(ids: Sequence[str], fetch: stage.Fetch) -> Iterator[str]:
    for start in range(0, len(ids), _FETCH):
        texts = fetch(ids[start : start + _FETCH], ["title", "text"])
        yield from map(features.document, texts["title"].to_pylist(), texts["text"].to_pylist())


def _by_classifier(
    fitted: LabelModel, precision: float, ids: Sequence[str], documents: Sequence[str]
) -> pa.Table:
    guess = fitted.predict(documents)
    values = [fitted.labels[label] if label >= 0 else None for label in guess.label.tolist()]
    abstained = guess.confidence < fitted.threshold(precision)
    confidence = pa.array(guess.confidence, mask=guess.label < 0)
    return _verdict(ids, values, "classifier", confidence=confidence, abstained=abstained.tolist())


def _by_keywords(labels: taxonomy.Taxonomy, ids: Sequence[str], documents: Sequence[str]) -> pa.Table:
    won = keywords.winner(keywords.votes(labels, documents))
    values = [labels.values[label] if label >= 0 else None for label in won.label.tolist()]
    return _verdict(ids, values, "keywords", abstained=np.logical_not(won.sure).tolist())


def _verdict(
    ids: Sequence[str],
    values: Sequence[str | None],
    method: str,
    *,
    confidence: pa.Array | None = None,
    abstained: Sequence[bool] | None = None,
    annotator: Sequence[str | None] | None = None,
    reviewer: Sequence[str | None] | None = None,
) -> pa.Table:
    rows = len(ids)
    nobody = [None] * rows
    return pa.table(
        {
            "id": pa.array(ids, pa.string()),
            "value": pa.array(values, pa.string()),
            "confidence": pa.nulls(rows, pa.float64()) if confidence is None else confidence,
            "method": pa.array([method] * rows, pa.string()),
            "abstained": pa.array([False] * rows if abstained is None else abstained, pa.bool_()),
            "annotator": pa.array(annotator or nobody, pa.string()),
            "reviewer": pa.array(reviewer or nobody, pa.string()),
        }
    )
