"""The parts of a training that are repeated when somebody verifies it: reading, encoding, fitting."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from curation.files import sha256
from curation.instruct.task import load as load_task
from curation.pipeline import Progress, digest
from training import distil, lock, model, objectives, packing, tiny, trainer, unlabelled
from training.data import Conversation
from training.leaks import without_leaks
from training.schema import TINY, Recipe
from training.unlabelled import Unlabelled


@dataclasses.dataclass(frozen=True)
class Examples:
    """What is learnt from and what is held out.

    Attributes:
        splits: the examples by split; those of `distilled` stand at the end of train.
        given_away: by split, held-out examples that were left out because a train example gives them away.
        unlabelled: the texts of `data.unlabelled`, without what gives a held-out example away.
        distilled: the examples that a labeller made of them.
    """

    splits: dict[str, list[Any]]
    given_away: dict[str, int]
    unlabelled: Unlabelled
    distilled: list[Conversation]


def examples(learns: objectives.Objective, source: Path, recipe: Recipe) -> Examples:
    """Read the data of a recipe."""
    read = learns.read(source, recipe)
    train = read["train"]
    held_out = {split: without_leaks(read[split], train, split) for split in ("validation", "test")}
    texts = unlabelled.read(recipe.data.unlabelled, [*held_out["validation"], *held_out["test"]])
    distilled: list[Conversation] = []
    if recipe.data.distil is not None and recipe.task is not None:
        task = load_task(recipe.task)
        distilled = distil.labelled(task, train, texts.texts, recipe.data.distil, seed=recipe.seed)
    return Examples(
        {"train": [*train, *distilled], **held_out},
        {split: len(read[split]) - len(left) for split, left in held_out.items()},
        texts,
        distilled,
    )


def fingerprint(recipe: Recipe, found: Examples) -> str:
    """Digest of all that decides the adapter: recipe, base model, what is learnt from, and versions; nothing
    held out."""
    seen = {split: found.splits[split] for split in ("train", "validation")}
    content = {split: [dataclasses.astuple(each) for each in examples] for split, examples in seen.items()}
    template = recipe.chat.template
    files = [sha256(path) for path in (load_task(recipe.task).files() if recipe.task else ())]
    files += [] if template == "model" else [sha256(Path(template))]
    begun = recipe.adapter.continue_from and model.digest(Path(recipe.adapter.continue_from))
    base = model.digest(tiny.folder() if recipe.model.path == TINY else Path(recipe.model.path))
    return digest(recipe.resolved(), base, begun, content, found.unlabelled.digest, files, lock.versions())


def encode(
    learns: objectives.Objective,
    tokenizer: Any,
    recipe: Recipe,
    labels: objectives.Labelled,
    found: Mapping[str, Sequence[Any]],
) -> objectives.Rows:
    """Train examples as token ids, and those of validation if they are measured.

    Raises:
        UsageError: as the objective's `encode`, also for validation: too many of one are too long.
    """
    rows, counts = learns.encode(tokenizer, recipe, labels, found["train"])
    if not recipe.evaluate.every:
        return objectives.Rows(rows, counts)
    by_source: dict[str, list[Any]] = {}
    for example in found["validation"]:
        by_source.setdefault(getattr(example, "source", ""), []).append(example)
    encoded = {
        name: learns.encode(tokenizer, recipe, labels, examples) for name, examples in by_source.items()
    }
    return objectives.Rows(
        rows,
        counts,
        {name: each for name, (each, _) in encoded.items()},
        sum(counted.overlong for _, counted in encoded.values()),
    )


def fit(
    learns: objectives.Objective,
    adapted: Any,
    rows: objectives.Rows,
    recipe: Recipe,
    labels: int,
    *,
    folder: Path,
    journal: Path,
    progress: Progress,
) -> int:
    """Train, and return the number of steps; see `trainer.fit`."""
    train = learns.ready(adapted, rows.train, recipe)
    return trainer.fit(
        adapted,
        train,
        recipe.train,
        folder=folder,
        journal=journal,
        seed=recipe.seed,
        phase="train",
        progress=progress,
        packed=packing.chosen(recipe, [len(row.input_ids) for row in train]),
        learning=learns.learning(adapted, recipe, train, labels),
        validation={name: learns.ready(adapted, each, recipe) for name, each in rows.validation.items()},
        evaluate=recipe.evaluate,
        report=recipe.report,
    )


def be_deterministic(recipe: Recipe) -> None:
    """The same bytes every time: on a CPU, and on a GPU where the recipe asks for it."""
    import torch

    on_cpu = recipe.model.device == "cpu" or not torch.cuda.is_available()
    if recipe.deterministic and not on_cpu:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read when the first kernel starts
        torch.use_deterministic_algorithms(True)
    if on_cpu:
        torch.use_deterministic_algorithms(True)
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # costs time
