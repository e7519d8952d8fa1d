"""The stage `label`: every letter gets a category of a taxonomy, from a person or with a stated precision."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic import Field

from curation import decisions, records, stage
from curation.errors import UsageError
from curation.label import classifier, features, functions, hints, labeller, taxonomy, weak
from curation.label.labeller import Labeller
from curation.label.llm.params import LlmParams

NEVER = ("service_item", "document", "law")
"""Kinds that are nobody's request: they get no label."""

_LLM_TOLD = ("model", "constraint", "seed", "max_tokens", "examples", "characters", "policy", "names")
"""What may be written down of how a language model was asked."""

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
        functions: a Python file of labelling functions, which vote beside the taxonomy's rules.
        llm: a language model that votes beside them; where a classifier labels, it is asked about what the
            classifier abstains from, and its answer is the best guess that people see.
    """

    taxonomy: str
    precision: float = Field(0.95, gt=0, lt=1)
    model: str | None = None
    functions: str | None = None
    llm: LlmParams | None = None


class Label(stage.Exchange):
    """Append an entry to the `labels` of each record: value, confidence, method, abstained, and who gave it.

    What people decided stands (method `person`); where they say that nobody can tell, the entry abstains.
    Then a label that came with the record (scheme `input`) and is one of the taxonomy's: method `input`. The
    other records are labelled by a given model, or by one that is fitted to records of the split `train`
    only. Where too few of these have a label (`Examples.lacking`), labelling functions vote and a label model
    weighs them (method `label_model`, see `weak`). The best guess is there even when it abstains. Kinds in
    `NEVER` get no entry.
    """

    name = "label"
    Params = LabelParams
    version = 2
    adds = pa.schema([records.PUBLIC.field("labels")])
    packages = ("scikit-learn", "scipy", "numpy", "regex")

    def __init__(self, params: LabelParams | None = None, *, key: bytes | None = None) -> None:
        super().__init__(params, key=key)
        self._taxonomy = taxonomy.load(self.params.taxonomy)
        if self.params.functions is not None:
            functions.load_functions(Path(self.params.functions), self._taxonomy)  # its faults are told first
        if self.params.model is None:
            self.requires = frozenset({"split"})  # type: ignore[misc]  # depends on the recipe
        else:
            self._given_model()  # its faults are told before anything is read

    def options(self) -> dict[str, Any]:
        """Without what tells of the office's machines."""
        options = super().options()
        if options["llm"]:
            options["llm"] = {name: options["llm"][name] for name in _LLM_TOLD}
        return options

    def files(self) -> tuple[Path, ...]:
        given = [Path(path) for path in (self.params.model, self.params.functions) if path]
        return (*taxonomy.files(self.params.taxonomy), *given)

    def keys(self, table: pa.Table) -> pa.Table:
        valid = set(self._taxonomy.values)
        given = [_given(labels, valid) for labels in table["labels"].to_pylist()]
        return (
            table.select(["id", "kind", "split", "cluster", *records.own_fields(table.schema)])
            .append_column("given", pa.array(given, pa.string()))
            .append_column("judged", pa.array([True] * len(given), pa.bool_()))
            .append_column("anonymised", pc.is_valid(table["content"]))
            .append_column("content", pa.array(decisions.contents(table), pa.string()))
        )

    def decide(self, keys: pa.Table, fetch: stage.Fetch) -> pa.Table:
        keys = keys.filter(pc.invert(pc.is_in(keys["kind"], pa.array(NEVER))))
        keys, people, undecidable = self._by_people(keys)
        fitted = self._fit(keys, fetch) if self.params.model is None else self._given_model()
        known = keys.filter(pc.is_valid(keys["given"]))
        came = known.filter(pc.invert(pc.is_in(known["id"], people["id"])))
        unknown = keys.filter(pc.is_null(keys["given"]))
        parts = [people, _verdict(came["id"].to_pylist(), came["given"].to_pylist(), records.INPUT)]
        if fitted is None:
            parts.append(self._by_label_model(unknown, fetch))
        else:
            parts.append(self._by_classifier(fitted, unknown, fetch))
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
        """The keys with people's labels as the given ones and `judged`; their verdict; and the records of
        which they say that nobody can tell.

        `judged` is false where a record has its label because it was hard: it is no measure of the others.
        """
        ids = keys["id"].to_pylist()
        held, tally = decisions.applicable(
            self.decisions, self.name, ids, keys["content"].to_pylist(), scheme=self._taxonomy.name
        )
        fit = {id_: one for id_, one in held.items() if one.final.value in {None, *self._taxonomy.values}}
        gone = len(held) - len(fit)  # labels that the taxonomy had
        self.tally = dataclasses.replace(tally, applied=len(fit), stale=tally.stale + gone)
        names = decisions.pseudonyms(self.decisions)
        said = {id_: one for id_, one in fit.items() if one.final.value is not None}
        given, judged = keys["given"].to_pylist(), [True] * len(ids)
        for row, id_ in enumerate(ids):
            if id_ in fit:
                drawn = fit[id_].final.shown.reason in (None, decisions.AUDIT)
                judged[row] = given[row] is not None or drawn
                given[row] = fit[id_].final.value
        for name, column in (("given", pa.array(given, pa.string())), ("judged", pa.array(judged))):
            keys = keys.set_column(keys.schema.get_field_index(name), name, column)
        verdict = _verdict(
            list(said),
            [one.final.value for one in said.values()],
            records.PERSON,
            annotator=[names[one.annotator.by] if one.annotator else None for one in said.values()],
            reviewer=[names[one.reviewer.by] if one.reviewer else None for one in said.values()],
        )
        return keys, verdict, pa.array([id_ for id_ in fit if id_ not in said], pa.string())

    def _by_classifier(self, fitted: Labeller, unknown: pa.Table, fetch: stage.Fetch) -> pa.Table:
        threshold = fitted.threshold(self.params.precision)
        if np.isinf(threshold):
            self.notes.append(
                f"label: a precision of {self.params.precision:g} cannot be promised with these examples; "
                "every guess abstains and goes to people"
            )
        parts, asked = [], []
        for ids, texts in _batches(unknown["id"].to_pylist(), fetch):
            guess = fitted.predict([features.document(*text) for text in texts])
            values = [fitted.labels[label] if label >= 0 else None for label in guess.label.tolist()]
            known = (guess.label >= 0).tolist()
            confidence = [one if some else None for one, some in zip(guess.confidence, known, strict=True)]
            abstained = (guess.confidence < threshold).tolist()
            parts.append(_verdict(ids, values, "classifier", confidence=confidence, abstained=abstained))
            if self.params.llm is not None:
                asked += [text for text, some in zip(texts, abstained, strict=True) if some]
        verdict = pa.concat_tables([_verdict([], [], "classifier"), *parts])
        return self._suggested(verdict, self._asked(asked, unknown))

    def _suggested(self, verdict: pa.Table, said: NDArray[np.int64]) -> pa.Table:
        """The verdict with the language model's answers as the guesses of what abstains, in this order."""
        if not len(said):
            return verdict
        rows = verdict.to_pylist()
        for row, label in zip((row for row in rows if row["abstained"]), said.tolist(), strict=True):
            if label >= 0:
                row.update(value=self._taxonomy.values[label], confidence=None, method="llm")
        return pa.Table.from_pylist(rows, verdict.schema)

    def _by_label_model(self, unknown: pa.Table, fetch: stage.Fetch) -> pa.Table:
        own = self.params.functions
        loaded = functions.load_functions(Path(own), self._taxonomy) if own else ()
        votes = weak.vote(self._taxonomy, loaded, self._rows(unknown, fetch))
        if self.params.llm is not None:
            texts = [text for _, some in _batches(unknown["id"].to_pylist(), fetch) for text in some]
            votes = np.column_stack([votes, self._asked(texts, unknown)]).astype(np.int16)
        weighed = weak.weigh(votes, len(self._taxonomy.values))
        self.notes.append(
            "label: too few labelled records to fit a classifier; labelling functions decided, and how often "
            "they are right was not measured"
        )
        known = (weighed.label >= 0).tolist()
        sure = zip(weighed.probability.round(4).tolist(), known, strict=True)
        return _verdict(
            unknown["id"].to_pylist(),
            [self._taxonomy.values[label] if label >= 0 else None for label in weighed.label.tolist()],
            "label_model",
            confidence=[one if some else None for one, some in sure],
            abstained=np.logical_not(weighed.holds).tolist(),
        )

    def _rows(self, unknown: pa.Table, fetch: stage.Fetch) -> Iterator[list[functions.Record]]:
        """What labelling functions see of the records, some at a time."""
        fields = unknown.drop_columns(["given", "content", "judged", "anonymised"])
        for start, (_, texts) in enumerate(_batches(unknown["id"].to_pylist(), fetch)):
            rows = fields.slice(start * _FETCH, len(texts)).to_pylist()
            yield [
                {**row, "title": title or "", "text": text or ""}
                for row, (title, text) in zip(rows, texts, strict=True)
            ]

    def _asked(self, texts: Sequence[tuple[str | None, str | None]], unknown: pa.Table) -> NDArray[np.int64]:
        """The language model's label of each text, in one run so that its limits hold; -1 where it abstains.

        Raises:
            UsageError: there is no private folder that what left could be written down in.
        """
        if self.params.llm is None or not texts:
            return np.full(len(texts), -1)
        if self.private is None:
            raise UsageError("label: llm: only a run of a recipe may ask a language model")
        from curation.label import llm

        answers = llm.annotate(
            self._taxonomy,
            ["\n".join(filter(None, text)) for text in texts],
            self.params.llm,
            prepared=pc.all(unknown["anonymised"]).as_py(),
            log=self.private / "egress.jsonl",
            cache=self.private / "llm.sqlite",
        )
        self.notes += [f"label, llm: {line.strip()}" for line in answers.lines()]
        return answers.label

    def _given_model(self) -> Labeller:
        loaded = labeller.load(Path(self.params.model))
        if loaded.digest != self._taxonomy.digest:
            raise UsageError(
                f"{Path(self.params.model).name}: fitted for another taxonomy than {self._taxonomy.name}, or "
                "for another version of it; fit it again with `govtune label-fit`"
            )
        return loaded

    def _fit(self, keys: pa.Table, fetch: stage.Fetch) -> Labeller | None:
        """The model of the train split; None where it has too few labels."""
        train = keys.filter(pc.equal(keys["split"], "train"))
        gold = train.filter(pc.is_valid(train["given"]))
        pool = train.filter(pc.is_null(train["given"]))
        examples = classifier.prepare(
            self._taxonomy.values,
            list(_documents(gold["id"].to_pylist(), fetch)),
            gold["given"].to_pylist(),
            groups=gold["cluster"].to_pylist(),
            judged=gold["judged"].to_pylist(),
            hints=hints.of(self._taxonomy),
        )
        if examples.lacking:
            return None
        examples = examples.with_pool(_documents(pool["id"].to_pylist(), fetch))
        digest = self._taxonomy.digest
        held_out = classifier.out_of_fold(examples, cuts=classifier.CUTS)
        return classifier.fit(examples, held_out, taxonomy=self._taxonomy.name, digest=digest)


def _given(labels: list[dict[str, Any]] | None, valid: set[str]) -> str | None:
    """The label that came with a record, if the taxonomy has it."""
    for label in labels or ():
        value = (label["value"] or "").strip()
        if label["scheme"] == records.INPUT and value in valid:
            return value
    return None


def _documents(ids: Sequence[str], fetch: stage.Fetch) -> Iterator[str]:
    for _, texts in _batches(ids, fetch):
        yield from itertools.starmap(features.document, texts)


def _batches(
    ids: Sequence[str], fetch: stage.Fetch
) -> Iterator[tuple[Sequence[str], list[tuple[str | None, str | None]]]]:
    """Some ids at a time, with title and text of each."""
    for start in range(0, len(ids), _FETCH):
        some = ids[start : start + _FETCH]
        texts = fetch(some, ["title", "text"])
        yield some, list(zip(texts["title"].to_pylist(), texts["text"].to_pylist(), strict=True))


def _verdict(
    ids: Sequence[str],
    values: Sequence[str | None],
    method: str,
    *,
    confidence: Sequence[float | None] | None = None,
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
            "confidence": pa.array(nobody if confidence is None else confidence, pa.float64()),
            "method": pa.array([method] * rows, pa.string()),
            "abstained": pa.array([False] * rows if abstained is None else abstained, pa.bool_()),
            "annotator": pa.array(annotator or nobody, pa.string()),
            "reviewer": pa.array(reviewer or nobody, pa.string()),
        }
    )
