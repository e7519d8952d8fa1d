"""Whether a finished training is what its lock says, and whether the recipe really gives it.

Every digest is computed anew; then, on a CPU with the versions of the lock, the first steps are trained again
and the trained weights compared with the digest of then, bit for bit.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from curation.errors import UsageError
from curation.pipeline import Progress, silent
from training import lock as locks
from training.lock import Proof
from training.model import digest as model_digest
from training.recipe import parse
from training.run import TrainingRun, prepare
from training.schema import Recipe
from training.stages import be_deterministic, encode, examples, fit

State = Literal["ok", "differs", "not checked"]


@dataclasses.dataclass(frozen=True)
class Check:
    """One thing that was compared.

    Attributes:
        said: what differs, or why it was not checked.
    """

    name: str
    state: State
    said: str = ""

    def line(self) -> str:
        return f"{self.state:<12}{self.name}" + (f": {self.said}" if self.said else "")


@dataclasses.dataclass(frozen=True)
class Verified:
    checks: list[Check]

    @property
    def holds(self) -> bool:
        """Whether nothing differs."""
        return all(check.state != "differs" for check in self.checks)

    def lines(self) -> list[str]:
        return [check.line() for check in self.checks]

    def as_json(self) -> dict[str, Any]:
        return {"holds": self.holds, "checks": [dataclasses.asdict(check) for check in self.checks]}


def verify(folder: Path, *, steps: int = 5, progress: Progress = silent) -> Verified:
    """Compare a training with its lock.

    Args:
        steps: how many are trained again, at most; 0: none.

    Raises:
        UsageError: the folder is no finished training, or the train extra is missing.
    """
    prepare()
    run = TrainingRun(folder)
    lock = run.lock()
    recipe = run.recipe()
    source = Path(os.path.normpath(folder.resolve() / lock["data"]["path"]))
    checks = [
        _same("recipe", locks.recipe_digest(lock["recipe"]), lock.get("recipe_sha256")),
        *_data(lock, parse(lock["recipe"]), source),
        _base(run, recipe, lock),
        *_tuned(run, lock),
        _versions(lock),
    ]
    checks.append(_again(run, lock, source, checks, steps, progress))
    return Verified(checks)


def _same(name: str, found: Any, wanted: Any) -> Check:
    if found == wanted:
        return Check(name, "ok")
    return Check(name, "differs", f"is {_short(found)}, the lock says {_short(wanted)}")


def _short(digest: Any) -> str:
    return f"{digest[:12]}..." if isinstance(digest, str) else "nothing" if digest is None else str(digest)


def _data(lock: Mapping[str, Any], recipe: Recipe, source: Path) -> list[Check]:
    paths = locks.inputs(recipe, source)
    checks = []
    for path, stated in zip(paths, lock["data"]["files"], strict=True):
        if not path.exists():
            checks.append(Check(f"data {path.name}", "differs", f"{path} is gone"))
        else:
            checks.append(_same(f"data {path.name}", locks.source_digest(path), stated["sha256"]))
    return checks


def _base(run: TrainingRun, recipe: Recipe, lock: Mapping[str, Any]) -> Check:
    if lock["model"]["sha256"] is None:
        return Check("base", "not checked", "a model on a hub is named by its commit")
    return _same("base", model_digest(Path(run.base_path(recipe))), lock["model"]["sha256"])


def _tuned(run: TrainingRun, lock: Mapping[str, Any]) -> list[Check]:
    from transformers import AutoTokenizer

    names = ("adapter", "tokenizer", "chat_template")
    try:
        tokenizer = AutoTokenizer.from_pretrained(run.tuned, local_files_only=True)
        found = locks.tuned_digests(run.tuned, tokenizer)
    except UsageError as error:
        return [Check("adapter", "differs", str(error))]
    except Exception:  # damaged files: each reader raises what it likes
        return [Check("tokenizer", "differs", f"{run.tuned}: transformers cannot load it")]
    return [_same(name.replace("_", " "), found[name], lock[name]) for name in names]


def _versions(lock: Mapping[str, Any]) -> Check:
    here = locks.versions()
    others = [
        f"{name} {here.get(name)}, then {then}"
        for name, then in lock["packages"].items()
        if here.get(name) != then
    ]
    return Check("versions", "not checked" if others else "ok", "; ".join(others))


def _again(
    run: TrainingRun,
    lock: Mapping[str, Any],
    source: Path,
    checks: list[Check],
    steps: int,
    progress: Progress,
) -> Check:
    """The first steps, trained once more."""
    name = "steps trained again"
    known = [int(step) for step in lock.get("proof", {}) if int(step) <= steps]
    broken = next((check.name for check in checks if check.state == "differs"), None)
    reasons = {
        "not asked for": steps == 0,
        f"{broken} differs already": broken is not None,
        "the versions are others, whose sums may round otherwise": lock["packages"] != locks.versions(),
        "trained on a GPU, whose sums are not the same twice": not lock["model"]["device"].endswith("cpu"),
        "trained by several processes, whose sums round otherwise": lock["recipe"]["train"]["distributed"]
        is not None,
        "the lock has no digest of so early a step": not known,
    }
    if reason := next((reason for reason, holds in reasons.items() if holds), None):
        return Check(name, "not checked", reason)
    last = max(known)
    found = _train(run, lock, source, last, progress)
    for step in sorted(known):
        if found.get(str(step)) != lock["proof"][str(step)]:
            return Check(name, "differs", f"the weights after step {step} are others than the lock says")
    return Check(name, "ok", f"the weights after step {last} are the same, bit for bit")


def _train(
    run: TrainingRun, lock: Mapping[str, Any], source: Path, steps: int, progress: Progress
) -> dict[str, str]:
    """Digests by step of a training that ends early, in a folder that goes away."""
    import torch

    from training import adapter, objectives

    recipe = run.recipe()
    be_deterministic(recipe)
    threads = torch.get_num_threads()
    torch.set_num_threads(lock["threads"])  # sums are divided among them
    learns = objectives.of(recipe.objective)
    try:
        found = examples(learns, source, recipe).splits
        base, tokenizer = learns.load(recipe, run.base_path(recipe), lock["labels"])
        rows = encode(learns, tokenizer, recipe, lock["labels"], found)
        adapted = adapter.attach(base, recipe.adapter, recipe.seed)
        with tempfile.TemporaryDirectory() as aside:
            proof = Path(aside) / "proof.jsonl"
            with contextlib.suppress(_EnoughError):
                fit(
                    learns,
                    adapted,
                    rows,
                    recipe,
                    len(lock["labels"]),
                    folder=Path(aside) / "checkpoints",
                    journal=Path(aside) / "metrics.jsonl",
                    progress=Proof(adapted, proof, _until(steps, progress)),
                )
            return Proof.read(proof)
    finally:
        torch.set_num_threads(threads)


class _EnoughError(Exception):
    """The steps that were asked for are done."""


def _until(steps: int, progress: Progress) -> Progress:
    def told(phase: str, done: int, total: int) -> None:
        progress("verify", min(done, steps), steps)
        if phase == "train" and done >= steps:
            raise _EnoughError

    return told
