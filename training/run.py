"""From examples to an adapter: load or make the base, check that template and tokenizer belong together,
train, save, and write down what it was made of.

The same recipe, data and machine give the same adapter. A killed training goes on from its last checkpoint
when the same command runs again.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.util
import os
import platform
import shutil
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from curation.errors import UsageError
from curation.files import canonical_json, sha256, whole_file
from curation.instruct.task import load as load_task
from curation.pipeline import Progress, digest, silent
from curation.records import SPLITS
from curation.run import LOCK, lock_in
from training import adapter, export, model, tiny
from training import data as datasets
from training import recipe as recipes
from training.chat import Chat
from training.data import Conversation
from training.leaks import without_leaks
from training.recipe import Recipe
from training.trainer import fit

LOCK_SCHEMA = "training-lock/1"

PACKAGES = ("govtune", "torch", "transformers", "peft", "accelerate", "tokenizers", "safetensors", "numpy")
"""Distributions whose version decides the result."""


@dataclasses.dataclass(frozen=True)
class TrainingRun:
    """What a training writes, by the path of its folder."""

    folder: Path

    @property
    def base(self) -> Path:
        """The model `tiny`, made here; any other base stays where it is."""
        return self.folder / "base"

    @property
    def adapter(self) -> Path:
        return self.folder / "adapter"

    @property
    def template(self) -> Path:
        """The chat template that the adapter was trained with."""
        return self.adapter / "chat_template.jinja"

    @property
    def merged(self) -> Path:
        return self.folder / "merged"

    @property
    def checkpoints(self) -> Path:
        """Gone when the training is finished."""
        return self.folder / "checkpoints"

    @property
    def journal(self) -> Path:
        return self.folder / "metrics.jsonl"

    @property
    def evaluation(self) -> Path:
        return self.folder / "evaluation.json"

    def lock(self) -> dict[str, Any]:
        """What the adapter was made of.

        Raises:
            UsageError: the folder is no finished training.
        """
        return lock_in(self.folder, LOCK_SCHEMA, "training", "train")


@dataclasses.dataclass(frozen=True)
class Trained:
    """What a training did.

    Attributes:
        examples: conversations by split.
        overlong: train conversations longer than `data.max_length`, dropped.
        tokens, supervised_tokens: of the train split.
        parameters, trainable: of the model, and of the adapter alone.
        given_away: by split, held-out examples that a train example gives away; left out of `examples`.
        done_before: nothing was computed, the same training stood there already.
    """

    examples: dict[str, int]
    overlong: int
    tokens: int
    supervised_tokens: int
    parameters: int
    trainable: int
    steps: int
    given_away: dict[str, int] = dataclasses.field(default_factory=dict)
    done_before: bool = False

    def lines(self) -> list[str]:
        train, validation, test = (self.examples[split] for split in SPLITS)
        told = [
            f"{train:,} examples to train on, {validation:,} for validation, {test:,} held out",
            f"{self.tokens:,} tokens, {self.supervised_tokens:,} of them learnt"
            + (f"; {self.overlong:,} overlong examples dropped" if self.overlong else ""),
            f"{self.trainable:,} parameters trained, {self.parameters:,} frozen, in {self.steps:,} steps",
        ]
        told += [
            f"{count:,} examples of {split} left out: train examples give them away"
            for split, count in self.given_away.items()
            if count
        ]
        return [*told, "the same training was done before; nothing to do"] if self.done_before else told


def train(recipe: Recipe, source: Path, output: Path, *, progress: Progress = silent) -> Trained:
    """Train the adapter that a recipe describes: `output/adapter`, with lock and journal beside it.

    Args:
        source: a run folder or a file, see `training.data.read`.
        output: a folder that is new, empty, or holds the same training, finished or not.

    Raises:
        UsageError: wrong usage, a model or template that does not fit, or no train extra.
        InputError: a row that cannot be used.
        EngineError: the merged model is not the one that was trained.
    """
    prepare()
    run = TrainingRun(output)
    read = datasets.read(source, recipe)
    held_out = {split: without_leaks(read[split], read["train"], split) for split in ("validation", "test")}
    found = {"train": read["train"], **held_out}
    given_away = {split: len(read[split]) - len(left) for split, left in held_out.items()}
    if recipe.evaluate.every and not found["validation"]:
        raise UsageError(f"{source}: evaluate.every is given, but no row belongs to the split validation")
    made_of, source_sha256 = fingerprint(recipe, found), source_digest(source)
    if (output / LOCK).exists():
        return _done_before(run, made_of)
    model.device_of(recipe.model)  # refused before the tiny model is made rather than after it
    _take(run, made_of)
    _be_deterministic(recipe)
    path = _base(recipe, run, found["train"], progress)
    loaded, tokenizer = model.load(recipe.model, path)
    chat = Chat(tokenizer, recipe.chat.template, recipe.chat.loss_on)
    chat.check(model.ends(loaded))
    rows, counts = chat.encode_all(found["train"], recipe.data)
    validation = chat.encode_all(found["validation"], recipe.data)[0] if recipe.evaluate.every else []
    weights = model.digest(Path(path))
    adapted = adapter.attach(loaded, recipe.adapter, recipe.seed)
    size, trainable = adapted.num_parameters(), adapter.trainable(adapted)
    steps = fit(
        adapted,
        rows,
        recipe.train,
        folder=run.checkpoints / "adapter",
        journal=run.journal,
        seed=recipe.seed,
        phase="train",
        progress=progress,
        validation=validation,
        evaluate_every=recipe.evaluate.every,
    )
    adapter.save(adapted, tokenizer, run.adapter)
    trained = Trained(
        {split: len(conversations) for split, conversations in found.items()},
        counts.overlong,
        counts.tokens,
        counts.supervised_tokens,
        size - trainable,
        trainable,
        steps,
        given_away,
    )
    lock: dict[str, Any] = {
        "schema": LOCK_SCHEMA,
        "govtune": version("govtune"),
        "fingerprint": made_of,
        "recipe": recipe.resolved(),
        "data": {"path": os.path.relpath(source.resolve(), output.resolve()), "sha256": source_sha256},
        "trained": {
            name: value for name, value in dataclasses.asdict(trained).items() if name != "done_before"
        },
        "model": {"sha256": weights, "dtype": str(loaded.dtype), "device": _device_name(loaded)},
        "chat_template": hashlib.sha256(tokenizer.get_chat_template().encode()).hexdigest(),
        "tokenizer": sha256(run.adapter / "tokenizer.json"),
        "adapter": sha256(run.adapter / "adapter_model.safetensors"),
        "packages": _versions(),
        "threads": _threads(),
    }
    if recipe.export.merge:
        lock["merged"] = {"logit_difference": export.merge(adapted, tokenizer, rows[0].input_ids, run.merged)}
    write_json(output / LOCK, lock)
    shutil.rmtree(run.checkpoints)
    return trained


def fingerprint(recipe: Recipe, found: Mapping[str, Sequence[Conversation]]) -> str:
    """Digest of all that decides the adapter: recipe, base model, what is learnt from, and versions; nothing
    held out."""
    seen = {split: found[split] for split in ("train", "validation")}
    content = {
        split: [(each.id, each.messages) for each in conversations] for split, conversations in seen.items()
    }
    template = recipe.chat.template
    files = [sha256(path) for path in load_task(recipe.task).files()]
    files += [] if template == "model" else [sha256(Path(template))]
    base = None if recipe.model.path == recipes.TINY else model.digest(Path(recipe.model.path))
    return digest(recipe.resolved(), base, content, files, _versions())


def prepare() -> None:
    """What must be settled before torch is loaded.

    Raises:
        UsageError: as `require_extra`.
    """
    require_extra()
    # Threads that wait in a spin loop stop each other where cores are shared.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def require_extra() -> None:
    """Refuse to go on without the train extra.

    Raises:
        UsageError: what is missing and how to install it.
    """
    missing = [name for name in ("torch", "transformers", "peft", "accelerate") if not _is_there(name)]
    if missing:
        raise UsageError(f"{', '.join(missing)} not installed; training needs: pip install 'govtune[train]'")


def source_digest(source: Path) -> str:
    """Digest of a file, or of a run by its lock."""
    return sha256(source / LOCK if source.is_dir() else source)


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write a JSON file, whole or not at all."""
    with whole_file(path) as aside:
        aside.write_text(canonical_json(value), encoding="utf-8")


def _done_before(run: TrainingRun, made_of: str) -> Trained:
    lock = run.lock()
    if lock["fingerprint"] != made_of:
        raise UsageError(
            f"{run.folder}: holds a training with another recipe, data or version; choose another --output"
        )
    return Trained(**lock["trained"], done_before=True)


def _take(run: TrainingRun, made_of: str) -> None:
    """Make the folder this training's own, or go on with what a killed one left."""
    note = run.checkpoints / "fingerprint"
    if run.folder.is_file():
        raise UsageError(f"{run.folder}: is a file; --output names a folder")
    if note.exists():
        if note.read_text(encoding="utf-8") == made_of:
            return
        # One that was refused before its first step stands in nobody's way.
        if any(each != note for each in run.checkpoints.iterdir()):
            raise UsageError(
                f"{run.folder}: holds an unfinished training with another recipe, data or version; choose "
                "another --output or remove it"
            )
    elif run.folder.is_dir() and any(run.folder.iterdir()):
        raise UsageError(f"{run.folder}: holds other files and is no training; choose another --output")
    try:
        run.checkpoints.mkdir(parents=True, exist_ok=True)
        note.write_text(made_of, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{run.folder}: cannot be written: {error.strerror}") from None


def _base(recipe: Recipe, run: TrainingRun, train: Sequence[Conversation], progress: Progress) -> str:
    """Where the base model is; the tiny one is made first."""
    if recipe.model.path != recipes.TINY:
        return recipe.model.path
    if not run.base.exists():
        tiny.build(
            train,
            recipe.tiny,
            seed=recipe.seed,
            folder=run.base,
            scratch=run.checkpoints / "base",
            journal=run.journal,
            progress=progress,
        )
    return str(run.base.resolve())


def _be_deterministic(recipe: Recipe) -> None:
    import torch

    if recipe.model.device == "cpu" or not torch.cuda.is_available():
        torch.use_deterministic_algorithms(True)
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # costs time


def _device_name(model: Any) -> str:
    import torch

    return torch.cuda.get_device_name() if model.device.type == "cuda" else platform.machine() + " cpu"


def _versions() -> dict[str, str]:
    return {**{name: version(name) for name in PACKAGES}, "python": platform.python_version()}


def _threads() -> int:
    import torch

    return torch.get_num_threads()


def _is_there(name: str) -> bool:
    return importlib.util.find_spec(name) is not None
