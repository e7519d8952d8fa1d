"""What a training was made of, written down so that it can be checked and repeated: `govtune.lock.json`.

Besides digests of all that went in and came out, it holds the digest of the trained weights after a few early
steps (`proof`). On a CPU whoever has the same data and versions comes to the same ones in seconds: that is
how `govtune verify` tells that the recipe really gives this adapter.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from curation.files import sha256
from curation.pipeline import Progress
from curation.run import LOCK, Run, lock_in
from training import batches, gate, rows
from training.model import digest as model_digest
from training.schema import Recipe

SCHEMA = "training-lock/1"

PACKAGES = ("govtune", "torch", "transformers", "peft", "accelerate", "tokenizers", "safetensors", "numpy")
"""Distributions whose version decides the result."""

PROVEN = (1, 2, 5, 10, 20, 50, 100)
"""Steps after which the trained weights are digested."""

FIRST_STEPS = 100
"""Steps whose examples are digested."""


class Proof:
    """A progress that digests what is trained after the steps of `PROVEN`, and tells another progress.

    Args:
        file: where the digests are kept, so that a killed training has those of its first part too.
    """

    def __init__(self, model: Any, file: Path, told: Progress) -> None:
        self._model, self._file, self._told = model, file, told

    def __call__(self, phase: str, done: int, total: int) -> None:
        if phase == "train" and done in PROVEN:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with self._file.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"step": done, "sha256": trained_digest(self._model)}) + "\n")
        self._told(phase, done, total)

    @staticmethod
    def read(file: Path) -> dict[str, str]:
        """Digests by step, the latest where a step was taken twice."""
        if not file.exists():
            return {}
        lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        return {
            str(line["step"]): line["sha256"] for line in sorted(lines, key=lambda line: int(line["step"]))
        }


def make(
    recipe: Recipe,
    source: Path,
    folder: Path,
    *,
    fingerprint: str,
    base: Path,
    model: Any,
    tokenizer: Any,
    tuned: Path,
    encoded: Sequence[Any],
    proof: Path,
    trained: Mapping[str, Any],
    **facts: Any,
) -> dict[str, Any]:
    """The lock.

    Args:
        source: what `--data` named; `folder` is that of the training.
        base: folder of the model that was adapted.
        tuned: folder of what was trained, with its tokenizer.
        encoded: the rows that were learnt; `proof` the file that `Proof` wrote.
        trained: counts, see `training.run.Trained`.
        facts: further entries: `labels`, the results of the `gate`.
    """
    import torch

    resolved = recipe.resolved()
    return {
        "schema": SCHEMA,
        "govtune": version("govtune"),
        "fingerprint": fingerprint,
        "recipe": resolved,
        "recipe_sha256": recipe_digest(resolved),
        "seed": recipe.seed,
        "data": {
            "path": relative(source, folder),
            "sha256": source_digest(source),
            "files": [_described(path) for path in inputs(recipe, source)],
            "first_steps": first_steps(encoded, recipe),
        },
        "trained": dict(trained),
        "model": {
            "sha256": model_digest(base),
            "revision": recipe.model.revision,
            "dtype": str(model.dtype),
            "device": _device(model),
        },
        **tuned_digests(tuned, tokenizer),
        "proof": Proof.read(proof),
        "planned": _planned(recipe, model, encoded, len(facts.get("labels", ()))),
        **facts,
        "packages": versions(),
        "machine": _machine(),
        "git": _git(Path(__file__).parents[1]),
        "threads": torch.get_num_threads(),
    }


def read(folder: Path) -> dict[str, Any]:
    """The lock of a finished training.

    Raises:
        UsageError: there is none.
    """
    return lock_in(folder, SCHEMA, "training", "train")


def versions() -> dict[str, str]:
    """Of the packages that decide the result, and of Python."""
    return {**{name: version(name) for name in PACKAGES}, "python": platform.python_version()}


def source_digest(source: Path) -> str:
    """Digest of a file, or of a run by its lock."""
    return sha256(source / LOCK if source.is_dir() else source)


def recipe_digest(resolved: Mapping[str, Any]) -> str:
    """Digest of a recipe with every default written out."""
    text = json.dumps(resolved, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def tuned_digests(tuned: Path, tokenizer: Any) -> dict[str, str | None]:
    """Digests of what was trained, of its tokenizer's file and of the chat template as text."""
    weights = tuned / "adapter_model.safetensors"
    try:
        template = hashlib.sha256(tokenizer.get_chat_template().encode()).hexdigest()
    except ValueError:  # a classifier needs none
        template = None
    return {
        "chat_template": template,
        "tokenizer": sha256(tuned / "tokenizer.json"),
        "adapter": sha256(weights) if weights.exists() else model_digest(tuned),
    }


def trained_digest(model: Any) -> str:
    """Digest of all trainable weights, by name."""
    total = hashlib.sha256()
    for name, weights in sorted(model.named_parameters()):
        if weights.requires_grad:
            total.update(f"{name}\0{weights.dtype}\0".encode())
            total.update(weights.detach().float().cpu().contiguous().numpy().tobytes())
    return total.hexdigest()


def first_steps(encoded: Sequence[Any], recipe: Recipe) -> dict[str, Any]:
    """Which examples, as token ids and labels, make the first steps, and in which order."""
    train = recipe.train
    steps = train.max_steps or math.ceil(len(encoded) * (train.epochs or 0) / train.batch_size)
    lengths = np.array([len(row.input_ids) for row in encoded])
    places = batches.order(lengths, steps, train.batch_size, recipe.seed)
    total = hashlib.sha256()
    for place in places[: FIRST_STEPS * train.batch_size].tolist():
        total.update(json.dumps(_plain(encoded[place])).encode())
    return {"steps": min(steps, FIRST_STEPS), "sha256": total.hexdigest()}


def inputs(recipe: Recipe, source: Path) -> list[Path]:
    """All files and runs that a training reads."""
    return [source, *(Path(each.path) for each in recipe.data.sources), *map(Path, recipe.data.unlabelled)]


def relative(path: Path, folder: Path) -> str:
    """A path as seen from a folder, so that both can be moved together."""
    return os.path.relpath(path.resolve(), folder.resolve())


def _planned(recipe: Recipe, model: Any, encoded: Sequence[Any], labels: int) -> dict[str, Any] | None:
    """Bytes of memory that the planner expects of such rows, and in which phase; None of an architecture it
    does not know."""
    fit = gate.expected(recipe, model, encoded, labels, math.inf)
    return {**fit.memory.as_json(), "phase": fit.phase} if fit else None


def _plain(row: Any) -> Any:
    if dataclasses.is_dataclass(row) and not isinstance(row, type):
        return {field.name: _plain(getattr(row, field.name)) for field in dataclasses.fields(row)}
    if hasattr(row, "_asdict"):
        return {name: _plain(value) for name, value in row._asdict().items()}
    if isinstance(row, np.ndarray):
        return row.tolist()
    return [_plain(each) for each in row] if isinstance(row, list | tuple) else row


def _described(path: Path) -> dict[str, Any]:
    """Name, digest and rows of an input; of a run also the digest of its data card."""
    described = {"name": path.name, "sha256": source_digest(path), "rows": len(rows.read(path, ()))}
    card = Run(path).folder / "README.md"
    return {**described, "card": sha256(card)} if path.is_dir() and card.exists() else described


def _device(model: Any) -> str:
    import torch

    return torch.cuda.get_device_name() if model.device.type == "cuda" else platform.machine() + " cpu"


def _machine() -> dict[str, Any]:
    """What torch was built with and runs on; nothing that names the machine or its user."""
    import torch

    told: dict[str, Any] = {
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "platform": f"{platform.system()} {platform.machine()}",
        "capability": torch.backends.cpu.get_cpu_capability(),
    }
    if torch.cuda.is_available():
        told |= {"gpus": torch.cuda.device_count(), "driver": _driver()}
    return told


def _driver() -> str | None:
    asked = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    return (_output(asked) or "").partition("\n")[0] or None


def _git(root: Path) -> dict[str, Any] | None:
    """The commit of a clone, and whether its code was changed since; None where govtune is installed."""
    if not (root / ".git").exists():
        return None
    commit = _output(["git", "-C", str(root), "rev-parse", "HEAD"])
    changed = _output(["git", "-C", str(root), "status", "--porcelain", "--untracked-files=no"])
    return {"commit": commit, "dirty": bool(changed)} if commit else None


def _output(command: list[str]) -> str | None:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None
