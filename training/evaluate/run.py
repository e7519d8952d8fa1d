"""Evaluates a finished training: base and tuned model on what was held out, or on a file of one's own."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from curation.errors import UsageError
from training import adapter, model, model_card, objectives, report
from training.data import Conversation, Message
from training.evaluate.measure import Evaluation
from training.leaks import without_leaks
from training.lock import source_digest
from training.run import TrainingRun, prepare, write_json
from training.schema import Recipe
from training.stages import examples


def evaluate(folder: Path, data: Path | None = None) -> Evaluation:
    """Measure base and tuned model, and write `evaluation.json` into the folder.

    Args:
        folder: of a finished training.
        data: a run or a file with answers that people gave, instead of the held-out split of the data that
            the adapter was trained on. Nothing of it was seen in training as far as the user knows.

    Raises:
        UsageError: no finished training, another base model, or nothing to measure on.
        InputError: a row that cannot be used.
    """
    prepare()
    run = TrainingRun(folder)
    lock, recipe = run.lock(), run.recipe()
    learns = objectives.of(recipe.objective)
    own = Path(os.path.normpath(folder.resolve() / lock["data"]["path"]))
    train, test = _own(own, lock["data"]["sha256"], recipe, needed=data is None)
    given = test if data is None else learns.read_held_out(data, recipe)
    # What is held out of its own data was kept from it in training too.
    read = [] if data is None else _read_before(own if train else None, lock, recipe)
    known = bool(train) and read is not None
    held_out = without_leaks(given, [*train, *(read or ())], "test" if data is None else data.name)
    if not held_out:
        raise UsageError(f"{own}: no row belongs to the split test; give some: --data FILE")
    path = run.base_path(recipe)
    if model.digest(Path(path)) != lock["model"]["sha256"]:
        raise UsageError(f"{path}: the base model is gone or has changed since the training")
    base, tokenizer = learns.load(recipe, path, lock["labels"])
    tuned = adapter.load(base, run.tuned)
    found = learns.measure(tuned, tokenizer, recipe, lock["labels"], held_out, train)
    found = dataclasses.replace(found, given_away=len(given) - len(held_out) if known else None)
    write_json(
        run.evaluation, {**found.as_json(), "data": source_digest(data or own), "file": (data or own).name}
    )
    report.write(folder)
    model_card.write(folder)
    return found


def _read_before(own: Path | None, lock: Mapping[str, Any], recipe: Recipe) -> list[Conversation] | None:
    """The texts without a label that were used in training, as questions; None where nobody can tell, since
    a file has gone or changed."""
    paths = recipe.data.unlabelled
    if not paths:
        return []
    then = [each["sha256"] for each in lock["data"]["files"][-len(paths) :]]
    if own is None or any(not Path(path).is_file() for path in paths):
        return None
    if [source_digest(Path(path)) for path in paths] != then:
        return None
    undistilled = recipe.model_copy(update={"data": recipe.data.model_copy(update={"distil": None})})
    texts = examples(objectives.of(recipe.objective), own, undistilled).unlabelled.texts
    return [Conversation("", [Message(role="user", content=each.whole, weight=0.0)]) for each in texts]


def _own(source: Path, digest: str, recipe: Recipe, *, needed: bool) -> tuple[list[Any], list[Any]]:
    """Train and test examples of the data the adapter was trained on; empty where it is gone."""
    if source.exists() and source_digest(source) == digest:
        found = objectives.of(recipe.objective).read(source, recipe)
        return found["train"], found["test"]
    if needed:
        raise UsageError(
            f"{source}: is gone or has changed since the training; say what to measure on: --data"
        )
    return [], []
