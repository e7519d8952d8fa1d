"""What a training writes down while it runs: a line of JSON every few steps, and TensorBoard if asked for."""

from __future__ import annotations

import json
import math
import resource
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from curation.errors import UsageError
from curation.pipeline import Progress
from training import cards, distributed, flops

TIMED = frozenset(
    {
        "tokens_per_second",
        "supervised_tokens_per_second",
        "flops_per_second",
        "utilisation",
        "peak_memory_bytes",
    }
)
"""What depends on the machine and its load; all else in a line is the same whenever it is run again."""

_NAMES = {
    "learning_rate": "lr",
    "eval_loss": "validation_loss",
    "eval_loss_by_source": "validation_loss_by_source",
    "loss": "loss",
    "grad_norm": "grad_norm",
}


@dataclass(frozen=True)
class Work:
    """What has been trained on after each step, in all processes together.

    Attributes:
        tokens: without padding; `supervised` of them are learnt.
        length: of the example that a token stands in, on average.
    """

    tokens: NDArray[Any]
    supervised: NDArray[Any]
    length: int

    @classmethod
    def of(cls, lengths: NDArray[Any], supervised: NDArray[Any]) -> Work:
        """From lengths by step and example."""
        length = round(float((lengths.astype(float) ** 2).sum() / lengths.sum()))
        return cls(lengths.sum(axis=1).cumsum(), supervised.sum(axis=1).cumsum(), length)


class Meter:
    """Speed and memory since it was made.

    Args:
        peak_tflops: of one device; None: what is known of it.
    """

    def __init__(self, model: Any, work: Work, peak_tflops: float | None) -> None:
        import torch

        self._work, self._on_gpu = work, model.device.type == "cuda"
        if self._on_gpu:
            torch.cuda.reset_peak_memory_stats()
        if peak_tflops is None and self._on_gpu:
            peak_tflops = cards.peak_tflops(torch.cuda.get_device_name(), str(model.dtype))
        self._peak = peak_tflops
        self._flops = _per_token(model, work.length)
        self._started = time.perf_counter()

    def read(self, first: int, step: int) -> dict[str, Any]:
        """Of the steps after `first`, up to `step`; `utilisation` is the useful share of the peak."""
        seconds = time.perf_counter() - self._started
        tokens = _since(self._work.tokens, first, step) / seconds
        told: dict[str, Any] = {
            "tokens_per_second": round(tokens, 1),
            "supervised_tokens_per_second": round(_since(self._work.supervised, first, step) / seconds, 1),
        }
        if self._flops is not None:
            told["flops_per_second"] = float(f"{tokens * self._flops:.4g}")
            if self._peak is not None:
                share = tokens * self._flops / (self._peak * 1e12 * distributed.world())
                told["utilisation"] = round(share, 4)
        return {**told, "peak_memory_bytes": self._memory()}

    def _memory(self) -> int:
        import torch

        if self._on_gpu:
            return int(torch.cuda.max_memory_allocated())
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def callback(
    path: Path, phase: str, work: Work, meter: Meter, progress: Progress, *, tensorboard: bool
) -> Any:
    """A callback of transformers that writes the journal and tells the progress."""
    from transformers import TrainerCallback

    class Journal(TrainerCallback):  # type: ignore[misc]  # transformers is not type-checked
        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            self.first, self.board = state.global_step, None
            if not distributed.is_first():
                return
            keep_before(path, phase, state.global_step)
            self.board = _board(path.parent, phase, state.global_step) if tensorboard else None
            progress(phase, state.global_step, state.max_steps)

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            control.should_log |= state.global_step == state.max_steps
            if distributed.is_first():
                progress(phase, state.global_step, state.max_steps)

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
            measured = {_NAMES[name]: _finite(logs[name]) for name in sorted(_NAMES.keys() & set(logs))}
            step = state.global_step
            if not measured or step == 0:
                return
            if not math.isfinite(logs.get("loss", 0.0)):
                raise UsageError(
                    f"{phase}: the loss at step {step} is not finite; take a lower learning rate"
                )
            if not distributed.is_first():
                return
            line = {
                "phase": phase,
                "step": step,
                **measured,
                "tokens": int(work.tokens[step - 1]),
                "supervised_tokens": int(work.supervised[step - 1]),
                **meter.read(self.first, step),
            }
            add(path, line)
            if self.board is not None:
                _draw(self.board, line, step)

        def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if self.board is not None:
                self.board.close()

    return Journal()


def add(path: Path, line: Mapping[str, Any]) -> None:
    """A line more."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line, ensure_ascii=False) + "\n")


def keep_before(path: Path, phase: str, step: int) -> None:
    """Take out of the journal what a killed run wrote after the checkpoint that is gone on from."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    kept = [
        line
        for line in lines
        if line.endswith("}") and ((said := json.loads(line))["phase"] != phase or said["step"] <= step)
    ]
    path.write_text("".join(line + "\n" for line in kept), encoding="utf-8")


def _per_token(model: Any, length: int) -> float | None:
    """Useful operations per token; None of an architecture that is not known."""
    adapter = hasattr(model, "peft_config")
    trainable = sum(each.numel() for each in model.parameters() if each.requires_grad)
    try:
        return flops.per_token(model.config.to_dict(), length, adapter=adapter, trainable=trainable)
    except UsageError:
        return None


def _since(counted: NDArray[Any], first: int, step: int) -> int:
    return int(counted[step - 1]) - (int(counted[first - 1]) if first else 0)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(each) for name, each in value.items()}
    return float(value) if math.isfinite(value) else None


def _board(folder: Path, phase: str, step: int) -> Any:
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(folder / "tensorboard" / phase, purge_step=step + 1 if step else None)


def _draw(board: Any, line: Mapping[str, Any], step: int) -> None:
    for name, value in line.items():
        if isinstance(value, dict):
            board.add_scalars(name, value, step)
        elif isinstance(value, int | float) and name != "step":
            board.add_scalar(name, value, step)
