"""From examples to an adapter: load or make the base, check that template and tokenizer belong together,
train, save, and write down what it was made of.

The same recipe, data and machine give the same adapter. A killed training goes on from its last checkpoint
when the same command runs again.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from curation.errors import UsageError
from curation.files import canonical_json, whole_file
from curation.pipeline import Progress, silent
from curation.records import SPLITS
from curation.run import LOCK
from training import (
    adapter,
    distributed,
    export,
    gate,
    lock,
    model,
    model_card,
    objectives,
    pretrain,
    report,
    tiny,
    trainer,
    unlabelled,
)
from training.folder import require_unfinished, take
from training.recipe import parse
from training.schema import TINY, Recipe
from training.stages import Examples, be_deterministic, encode, examples, fingerprint, fit


@dataclasses.dataclass(frozen=True)
class TrainingRun:
    """What a training writes, by the path of its folder."""

    folder: Path

    @property
    def base(self) -> Path:
        """The base after it has read unlabelled text; one that reads nothing stays where it is."""
        return self.folder / "base"

    @property
    def adapter(self) -> Path:
        return self.folder / "adapter"

    @property
    def merged(self) -> Path:
        """The whole tuned model; where all parameters were trained the only one there is."""
        return self.folder / "merged"

    @property
    def tuned(self) -> Path:
        """What was trained, with its tokenizer: the adapter, or the whole model."""
        return self.adapter if self.adapter.exists() else self.merged

    @property
    def template(self) -> Path:
        """The chat template that the model was tuned with."""
        return self.tuned / "chat_template.jinja"

    @property
    def checkpoints(self) -> Path:
        """Gone when the training is finished."""
        return self.folder / "checkpoints"

    @property
    def claim(self) -> Path:
        """Whose the folder is while the training is not finished."""
        return self.checkpoints / "fingerprint"

    @property
    def journal(self) -> Path:
        return self.folder / "metrics.jsonl"

    @property
    def report(self) -> Path:
        return self.folder / report.REPORT

    @property
    def proof(self) -> Path:
        """Digests of what is trained after a few steps, until the lock has them."""
        return self.checkpoints / "proof.jsonl"

    @property
    def evaluation(self) -> Path:
        return self.folder / "evaluation.json"

    def base_path(self, recipe: Recipe) -> str:
        """Where the base is that this run's adapter belongs to."""
        if self.base.exists():
            return str(self.base.resolve())
        return str(tiny.folder()) if recipe.model.path == TINY else recipe.model.path

    def recipe(self) -> Recipe:
        """The recipe that was trained, with the chat template as it was saved.

        Raises:
            UsageError: the folder is no finished training.
        """
        recipe = parse(self.lock()["recipe"])
        if not self.template.is_file():
            return recipe
        chat = recipe.chat.model_copy(update={"template": str(self.template)})
        return recipe.model_copy(update={"chat": chat})

    def lock(self) -> dict[str, Any]:
        """What the adapter was made of.

        Raises:
            UsageError: the folder is no finished training.
        """
        return lock.read(self.folder)


@dataclasses.dataclass(frozen=True)
class Trained:
    """What a training did.

    Attributes:
        examples: conversations by split.
        overlong: train conversations longer than `data.max_length`, dropped; `unmeasured` are those of
            validation, which are not measured while it trains.
        tokens, supervised_tokens: of the train split.
        parameters, trainable: of the model, and of the adapter alone.
        given_away: by split, held-out examples that a train example gives away; left out of `examples`.
        unlabelled: of the texts in `data.unlabelled`: `rows`, of these left out as `empty`, `duplicates` and
            `given_away` (they would give held-out examples away), and `labelled`, the train examples that a
            labeller made of them; empty without such texts.
        read: texts that the base read before it was tuned.
        cut: train conversations of which the beginning is read, see `chat.user_length`.
        exported: what became of each format of `export.formats`, a line each.
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
    unlabelled: dict[str, int] = dataclasses.field(default_factory=dict)
    read: int = 0
    unmeasured: int = 0
    cut: int = 0
    exported: list[str] = dataclasses.field(default_factory=list)
    done_before: bool = False

    def lines(self) -> list[str]:
        train, validation, test = (self.examples[split] for split in SPLITS)
        told = [
            f"{train:,} examples to train on, {validation:,} for validation, {test:,} held out",
            f"{self.tokens:,} tokens, {self.supervised_tokens:,} of them learnt"
            + (f"; {self.overlong:,} overlong examples dropped" if self.overlong else ""),
            f"{self.trainable:,} parameters trained, {self.parameters:,} frozen, in {self.steps:,} steps",
        ]
        if self.cut:
            told.append(f"of {self.cut:,} examples the beginning is read, as chat.user_length says")
        if self.unmeasured:
            told.append(f"{self.unmeasured:,} overlong examples of validation are not measured")
        if self.unlabelled:
            told.append(unlabelled.line(self.unlabelled))
        if self.read:
            told.append(f"{self.read:,} texts read by the base before it was tuned")
        told += [
            f"{count:,} examples of {split} left out: train examples give them away"
            for split, count in self.given_away.items()
            if count
        ]
        nothing = "" if self.exported else "; nothing to do"
        done = [f"the same training was done before{nothing}"] if self.done_before else []
        return [*told, *self.exported, *done]


def train(
    recipe: Recipe, source: Path, output: Path, *, resume: bool = False, progress: Progress = silent
) -> Trained:
    """Train the adapter that a recipe describes: `output/adapter`, with lock and journal beside it.

    Args:
        source: a run folder or a file, see `training.data.read`.
        output: a folder that is new, empty, or holds the same training, finished or not.
        resume: it must hold the same training, unfinished.

    Raises:
        UsageError: wrong usage, a model or template that does not fit, or no train extra.
        InputError: a row that cannot be used.
        EngineError: the merged model is not the one that was trained.
    """
    prepare()
    trainer.require(recipe)
    export.check(recipe, recipe.export.formats)
    learns, run = objectives.of(recipe.objective), TrainingRun(output)
    data = examples(learns, source, recipe)
    found = data.splits
    if recipe.evaluate.every and not found["validation"]:
        raise UsageError(f"{source}: evaluate.every is given, but no row belongs to the split validation")
    labels, made_of = learns.labels(recipe, found["train"]), fingerprint(recipe, data)
    lock.source_digest(source)  # data that cannot be named in the lock are refused now
    if resume:
        require_unfinished(run.folder, run.claim, made_of)
    if (output / LOCK).exists():
        return _finished(run, recipe, _done_before(run, made_of))
    device = model.device_of(recipe.model)  # refused before anything is computed
    distributed.start(device)
    if distributed.is_first():
        take(run.folder, run.claim, made_of)
    distributed.wait(device)
    be_deterministic(recipe)
    if recipe.pretrain and not run.base.exists():
        _check_unread(recipe, run, learns, data, labels)
    read = _read_on(recipe, run, data, device, progress)
    path = run.base_path(recipe)
    loaded, tokenizer = learns.load(recipe, path, labels)
    rows = encode(learns, tokenizer, recipe, labels, found)
    checked = gate.before(
        recipe, loaded, tokenizer, found["train"], rows.train, rows.counts, data.given_away, len(labels)
    )
    adapted = adapter.attach(loaded, recipe.adapter, recipe.seed)
    began = adapter.start(adapted, recipe.adapter)
    checked = gate.after(checked, recipe, adapted, rows.train, len(labels))
    size, trainable = adapted.num_parameters(), adapter.trainable(adapted)
    steps = fit(
        learns,
        adapted,
        rows,
        recipe,
        len(labels),
        folder=run.checkpoints / "adapter",
        journal=run.journal,
        progress=lock.Proof(adapted, run.proof, progress),
    )
    state = distributed.whole(adapted)
    if distributed.is_first():
        folder = run.merged if recipe.adapter.type == "none" else run.adapter
        adapter.save(adapted, tokenizer, folder, began, state)
    counts = rows.counts
    trained = Trained(
        examples={split: len(conversations) for split, conversations in found.items()},
        overlong=counts.overlong,
        tokens=counts.tokens,
        supervised_tokens=counts.supervised_tokens,
        parameters=size - trainable,
        trainable=trainable,
        steps=steps,
        given_away=data.given_away,
        unlabelled=_unlabelled(data),
        read=read,
        unmeasured=rows.unmeasured,
        cut=counts.cut,
    )
    if not distributed.is_first():
        return trained
    written = lock.make(
        recipe,
        source,
        output,
        fingerprint=made_of,
        base=Path(path),
        model=loaded,
        tokenizer=tokenizer,
        tuned=run.tuned,
        encoded=rows.train,
        proof=run.proof,
        trained={
            name: value
            for name, value in dataclasses.asdict(trained).items()
            if name not in ("done_before", "exported")
        },
        labels=labels,
        layers=adapter.adapted(adapted),
        gate=dataclasses.asdict(checked),
    )
    write_json(output / LOCK, written)
    shutil.rmtree(run.checkpoints)
    del loaded, adapted  # an export loads them anew
    return _finished(run, recipe, trained)


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


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write a JSON file, whole or not at all."""
    with whole_file(path) as aside:
        aside.write_text(canonical_json(value), encoding="utf-8")


def _done_before(run: TrainingRun, made_of: str) -> Trained:
    done = run.lock()
    if done["fingerprint"] != made_of:
        raise UsageError(
            f"{run.folder}: holds a training with another recipe, data or version; choose another --output"
        )
    return Trained(**done["trained"], done_before=True)


def _finished(run: TrainingRun, recipe: Recipe, trained: Trained) -> Trained:
    """Write what stands beside a trained adapter, as far as it is not there yet."""
    lacking = [each for each in recipe.export.formats if each not in export.record(run.folder)]
    done = export.export(run, lacking) if lacking else []
    if lacking or not run.report.exists():
        report.write(run.folder)
    if lacking or not (run.folder / "README.md").exists():
        model_card.write(run.folder)
    return dataclasses.replace(trained, exported=[each.line for each in done])


def _check_unread(
    recipe: Recipe,
    run: TrainingRun,
    learns: objectives.Objective,
    data: Examples,
    labels: objectives.Labelled,
) -> None:
    """The first half of the gate with the base as it is: what is refused is refused before hours of reading.

    The folder is given free again, so that the mended recipe finds it empty.
    """
    try:
        base, tokenizer = learns.load(recipe, run.base_path(recipe), labels)
        rows = encode(learns, tokenizer, recipe, labels, data.splits)
        train = data.splits["train"]
        gate.before(recipe, base, tokenizer, train, rows.train, rows.counts, data.given_away, len(labels))
    except UsageError:
        if not (run.checkpoints / "base").exists():
            shutil.rmtree(run.checkpoints, ignore_errors=True)
        raise


def _read_on(recipe: Recipe, run: TrainingRun, data: Examples, device: str, progress: Progress) -> int:
    """Let the base read unlabelled text, if the recipe says so; the number of texts."""
    if recipe.pretrain is None:
        return 0
    labelled = len(data.splits["train"]) - len(data.distilled)
    read = pretrain.continued(
        recipe,
        data.splits["train"][:labelled],  # the others are made of texts that are read as they are
        data.unlabelled.texts,
        base=Path(tiny.folder() if recipe.model.path == TINY else recipe.model.path),
        folder=run.base,
        scratch=run.checkpoints / "base",
        journal=run.journal,
        progress=progress,
    )
    distributed.wait(device)
    return read


def _unlabelled(data: Examples) -> dict[str, int]:
    counts = data.unlabelled.counts
    return {**counts, "labelled": len(data.distilled)} if counts else {}


def _is_there(name: str) -> bool:
    return importlib.util.find_spec(name) is not None
