"""What a model card is made of: the files of a training, and the card of the data it learnt from."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from curation.files import json_object, sha256
from curation.run import LOCK, lock_in
from training.schema import TINY

EVALUATION, JOURNAL, EXPORTS = "evaluation.json", "metrics.jsonl", "export.json"


@dataclass(frozen=True)
class Facts:
    """The content of the files, and what several pages take from it.

    Attributes:
        evaluation: None where the model was not measured.
        journal: the lines of the training, without those of continued pretraining.
        data: metrics of the run that was learnt from; None for a file, or where the run is gone or changed.
        exports: what was exported, by format.
        base_license: as the base's own card names it.
        own_base: the base read on before it was tuned, and lies beside the adapter.
        whole: all parameters were trained, so there is no adapter.
    """

    lock: dict[str, Any]
    evaluation: dict[str, Any] | None
    journal: list[dict[str, Any]]
    data: dict[str, Any] | None
    exports: dict[str, Any]
    base_license: str | None
    own_base: bool
    whole: bool

    @property
    def recipe(self) -> dict[str, Any]:
        """Every default written out."""
        recipe: dict[str, Any] = self.lock["recipe"]
        return recipe

    @property
    def base(self) -> str:
        """Name of the base; where its folder lies is nobody's business."""
        path: str = self.recipe["model"]["path"]
        if path == TINY:
            return TINY
        return path if self.recipe["model"]["revision"] else Path(path).name

    @property
    def measured(self) -> dict[str, Any]:
        """The last line that tells speed: one that only names the best step may stand after it."""
        return next((line for line in reversed(self.journal) if "tokens_per_second" in line), {})

    @property
    def peak_memory(self) -> int | None:
        """In bytes; a training that went on after it was killed begins to count anew."""
        return max(
            (line["peak_memory_bytes"] for line in self.journal if "peak_memory_bytes" in line), default=None
        )

    @property
    def measured_on(self) -> str:
        """Name of the data that the evaluation is about: its own, or a file that `evaluate --data` named."""
        return str((self.evaluation or {}).get("file", self.source))

    @property
    def source(self) -> str:
        """Name of the data that --data named."""
        return Path(self.lock["data"]["path"]).name


def gather(folder: Path) -> Facts:
    """Read what there is.

    Raises:
        UsageError: the folder is no finished training.
    """
    lock = lock_in(folder, "training-lock/1", "training", "train")
    journal = [each for each in _lines(folder / JOURNAL) if each.get("phase") == "train"]
    return Facts(
        lock,
        json_object(folder / EVALUATION),
        journal,
        _data(folder, lock["data"]),
        (json_object(folder / EXPORTS) or {}).get("formats", {}),
        _license(lock["recipe"]["model"]["path"]),
        (folder / "base").is_dir(),
        not (folder / "adapter").is_dir(),
    )


def _data(folder: Path, data: dict[str, Any]) -> dict[str, Any] | None:
    run = Path(os.path.normpath(folder.resolve() / data["path"]))
    lock = run / LOCK
    return json_object(run / "metrics.json") if lock.is_file() and sha256(lock) == data["sha256"] else None


def _license(path: str) -> str | None:
    """Of a base that is here, out of the front matter of its card."""
    card = Path(path) / "README.md"
    if not card.is_file():
        return None
    parts = card.read_text(encoding="utf-8", errors="replace").split("---\n", 2)
    try:
        front = yaml.safe_load(parts[1]) if len(parts) == 3 and not parts[0] else None
    except yaml.YAMLError:
        return None
    said = front.get("license") if isinstance(front, dict) else None
    return said if isinstance(said, str) else None


def _lines(path: Path) -> list[dict[str, Any]]:
    try:
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError):
        return []
