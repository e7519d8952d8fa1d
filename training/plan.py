"""What a training would take: parameters, memory by term, tokens, steps, operations and time; no torch.

Everything is computed from the model's shape, the recipe and, where they are given, the data. Memory is told
low, expected and high; time is that of a stated share of the card's published peak. Where it does not fit,
the changes that help are listed in the order in which they cost least, each with what it saves.
"""

from __future__ import annotations

import dataclasses
import math
import os
import time
from pathlib import Path
from typing import Any

from curation.errors import UsageError
from training import cards, flops, tiny
from training import shape as shapes
from training.counting import Counted, count
from training.fitting import Fit, changed, fit, gb, load_of
from training.fitting import fits as fits
from training.memory import Load
from training.schema import TINY, Recipe
from training.shape import Shape

UTILISATION = 0.3
"""Useful share of a GPU's peak that a training reaches: published LoRA trainings of 7 to 14 billion
parameters reach .27 to .33, smaller models less."""

QUANTISED_UTILISATION = 0.24
"""The same with 4-bit weights, which are unpacked at each use; published ones reach .22 to .26."""

CPU_UTILISATION = 0.35
"""The same of what a CPU's matrix product reaches, which is measured when a plan is made; the shipped model
reached .3 to .5 of it."""


@dataclasses.dataclass(frozen=True)
class Work:
    """What is computed; all for the train split and the whole training.

    Attributes:
        tokens: of one round, without padding; `supervised` of them are learnt. `overlong` examples are left
            out.
        estimated: the tokens are estimated from characters.
        flops: useful operations, `per_token` of them for each token.
        pretraining_tokens: read before.
    """

    examples: int
    overlong: int
    tokens: int
    supervised: int
    estimated: bool
    steps: int
    per_token: float
    flops: float
    pretraining_tokens: int


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a training would take.

    Attributes:
        model: name of the shape.
        device: name of the card, or `cpu`; `devices` of them.
        load: at the peak.
        packed: tokens of a packed row, None where examples are padded.
        work: None without data.
        tflops: of one device: the peak of a GPU, what the matrix product reaches on a CPU; None: not known.
        utilisation: share of it that is assumed.
        notes: what is not known or assumed, in words.
    """

    recipe: str
    model: str
    parameters: int
    trainable: int
    device: str
    devices: int
    load: Load
    packed: int | None
    fit: Fit
    work: Work | None
    tflops: float | None
    utilisation: float
    tokens_per_second: float | None
    seconds: float | None
    notes: list[str]

    def as_json(self) -> dict[str, Any]:
        """All of it; memory in bytes."""
        told = dataclasses.asdict(self)
        told["memory"] = {**self.fit.memory.as_json(), "available": self.fit.available}
        told["fits"], told["changes"] = self.fit.fits, [dataclasses.asdict(each) for each in self.fit.changes]
        told["phase"] = self.fit.phase
        del told["fit"]
        return told

    def lines(self) -> list[str]:
        """The plan as text."""
        return [*self._size(), *self._memory(), *self._work(), *self.notes]

    def _size(self) -> list[str]:
        share = self.trainable / self.parameters
        where = f"{self.devices} x {self.device}" if self.devices > 1 else self.device
        return [
            f"recipe {self.recipe}, model {self.model}, on {where}",
            f"{self.parameters:,} parameters, {self.trainable:,} of them trained ({share:.2%})",
        ]

    def _memory(self) -> list[str]:
        held = self.fit.memory
        low, expected, high = map(gb, held.totals)
        tuned = "packed" if self.packed else "padded"
        rows = tuned if self.fit.phase == "train" else "while the base reads: pretrain"
        told = [
            f"memory{' per device' if self.devices > 1 else ''}, GB of 10^9 bytes, "
            f"{self.load.tokens:,} tokens at once ({rows}):",
            f"{gb(held.weights):>9}  weights",
            f"{gb(held.trained):>9}  gradients and optimiser of what is trained, with the adapter's weights",
            f"{gb(held.activations):>9}  activations",
            f"{gb(held.logits):>9}  logits of {self.load.supervised:,} tokens",
            f"{gb(held.overhead[1]):>9}  driver, libraries, fragments",
            f"{expected:>9}  in all, {low} to {high}; the device has {gb(self.fit.available)}: "
            f"{'fits' if self.fit.fits else 'does not fit'}",
        ]
        for change in self.fit.changes:
            end = "; then it fits" if change.fits else ""
            told.append(f"     --set {change.setting} saves {gb(change.saves)} GB{end}")
        if not self.fit.fits and not any(change.fits for change in self.fit.changes):
            told.append("     even so it does not fit: take a smaller model or more devices")
        return told

    def _work(self) -> list[str]:
        speed = "speed unknown: no peak is known of this device for this dtype; --set report.peak_tflops=N"
        if self.tokens_per_second is not None:
            speed = (
                f"about {self.tokens_per_second:,.0f} tokens/s in all, if {self.utilisation:.0%} of "
                f"{self.tflops:,.4g} TFLOP/s are used{' on each device' if self.devices > 1 else ''}"
            )
        if (work := self.work) is None:
            return [speed, "no data: with --data tokens, steps and time are told too"]
        about = "about " if work.estimated else ""
        left_out = f"; {work.overlong:,} longer than data.max_length" if work.overlong else ""
        told = [
            f"{work.examples:,} examples, {about}{work.tokens:,} tokens, {work.supervised:,} of them "
            f"learnt{left_out}",
            f"{work.steps:,} steps, {work.flops:.3g} operations, {work.per_token:.3g} per token",
            speed,
        ]
        if work.pretraining_tokens:
            told.insert(1, f"before that {work.pretraining_tokens:,} tokens are read with all parameters")
        return [*told, f"time: about {_duration(self.seconds)}"] if self.seconds is not None else told


def make(
    recipe: Recipe,
    *,
    data: Path | None = None,
    shape: str | None = None,
    card: str | None = None,
    devices: int = 1,
    utilisation: float | None = None,
) -> Plan:
    """Plan a training.

    Args:
        data: a run or file; without it tokens, steps and time are not told.
        shape: name of a published shape instead of the recipe's model.
        card: name of a card in `training.cards`; None: this machine's CPU.
        utilisation: share of the peak that is reached.

    Raises:
        UsageError: a shape or card that is not known, or data that cannot be read.
    """
    if card is None:
        if recipe.model.device in ("cuda", "npu"):
            raise UsageError(f"model.device: {recipe.model.device}; say which card: --card h100")
        recipe = changed(recipe, "model", device="cpu")
    found, model = shapes.find(recipe, shape)
    counted = count(data, recipe, _tokenizer(recipe) if shape is None else None) if data else None
    load, packed = load_of(recipe, counted)
    labels = len(recipe.labels.names)
    if card is None:
        device, available = "cpu", _main_memory()
        tflops: float | None = _cpu_tflops()
    else:
        one = cards.find(card)
        device, available = one.name, one.memory * 2**30
        tflops = one.peak.get({"fp32": "fp32", "fp16": "fp16"}.get(recipe.model.dtype, "bf16"))
    tflops = recipe.report.peak_tflops or tflops
    share = utilisation or _utilisation(recipe, card)
    verdict = fit(found, recipe, load, available, devices, labels, counted.pretraining if counted else ())
    trainable = shapes.trainable(found, recipe.adapter, recipe.objective, labels)
    work = _work(found, recipe, counted, trainable) if counted else None
    per_token = work.per_token if work else _per_token(found, recipe, load.length, trainable)
    speed = tflops * 1e12 * share * devices / per_token if tflops else None
    return Plan(
        recipe=recipe.name,
        model=model,
        parameters=found.parameters,
        trainable=trainable,
        device=device,
        devices=devices,
        load=verdict.load,
        packed=packed,
        fit=verdict,
        work=work,
        tflops=tflops,
        utilisation=share,
        tokens_per_second=speed,
        seconds=work.flops / (tflops * 1e12 * share * devices) if work and tflops else None,
        notes=_notes(recipe, card, counted, labels),
    )


def _tokenizer(recipe: Recipe) -> Path:
    return tiny.folder() if recipe.model.path == TINY else Path(recipe.model.path)


def _work(shape: Shape, recipe: Recipe, counted: Counted, trainable: int) -> Work:
    lengths = counted.lengths
    rounds = recipe.train.epochs or 0
    steps = recipe.train.max_steps or math.ceil(len(lengths) * rounds / recipe.train.batch_size)
    seen = steps * recipe.train.batch_size / max(1, len(lengths)) * counted.tokens
    # Attention of a token depends on its own example: an example weighs as its length.
    length = round(sum(each * each for each in lengths) / max(1, counted.tokens)) or 1
    per_token = _per_token(shape, recipe, length, trainable)
    before = sum(counted.pretraining) * (recipe.pretrain.epochs if recipe.pretrain else 0)
    reading = (
        flops.training(flops.forward(shape, recipe.pretrain.max_length), adapter=False)
        if recipe.pretrain
        else 0
    )
    return Work(
        examples=len(lengths),
        overlong=counted.overlong,
        tokens=counted.tokens,
        supervised=sum(counted.supervised),
        estimated=counted.estimated,
        steps=steps,
        per_token=per_token,
        flops=seen * per_token + before * reading,
        pretraining_tokens=round(before),
    )


def _per_token(shape: Shape, recipe: Recipe, length: int, trainable: int) -> float:
    passed = flops.forward(shape, length)
    if recipe.objective in ("seq_cls", "token_cls"):
        passed = dataclasses.replace(passed, head=0.0)
    one = flops.training(passed, adapter=recipe.adapter.type != "none", trainable=trainable)
    return 2 * one if recipe.objective == "dpo" else one


def _utilisation(recipe: Recipe, card: str | None) -> float:
    if card is None:
        return CPU_UTILISATION
    return QUANTISED_UTILISATION if recipe.model.quantisation else UTILISATION


def _cpu_tflops() -> float:
    """What a matrix product of 32 bits reaches on this machine now."""
    import numpy as np

    side = 768
    one = np.ones((side, side), np.float32)
    best = math.inf
    for _ in range(4):
        started = time.perf_counter()
        one @ one
        best = min(best, time.perf_counter() - started)
    return 2 * side**3 / best / 1e12


def _main_memory() -> float:
    return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))


def _notes(recipe: Recipe, card: str | None, counted: Counted | None, labels: int) -> list[str]:
    told = []
    if counted and counted.estimated:
        told.append("tokens are estimated from characters: the model's tokenizer.json is not at hand")
    if card is None:
        told.append("a CPU's speed was measured just now by a matrix product; a busy machine is slower")
    elif card == "ascend-910b":
        told.append("ascend-910b: published figures; we have not run on it")
    if recipe.objective in ("seq_cls", "token_cls") and not labels:
        told.append("the labels are known when the data are read; the small head is not counted")
    if recipe.train.distributed in ("fsdp2", "zero2", "zero3"):
        told.append(f"train.distributed: {recipe.train.distributed} has not been run by us")
    return told


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "unknown"
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
