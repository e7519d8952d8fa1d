"""Whether a training fits on a device, and what makes it smaller where it does not.

A base that reads on first is trained whole, so that phase counts too: what is told is the larger of both. The
changes are tried one after the other, the cheapest first: those that only cost time, then those that change
what is learnt.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from training import memory, packing
from training import shape as shapes
from training.counting import Counted
from training.memory import GB, Load, Memory
from training.schema import Adapter, Quantisation, Recipe, Train
from training.shape import Shape

AROUND = 32
"""Tokens that are read besides a text and its title: those of the template, and the key words."""

Phase = Literal["pretrain", "train"]


@dataclasses.dataclass(frozen=True)
class Change:
    """What makes a training smaller.

    Attributes:
        setting: as `--set` takes it.
        saves: bytes on each device, after all changes before it.
        fits: whether all changes up to this one are enough.
    """

    setting: str
    saves: float
    fits: bool


@dataclasses.dataclass(frozen=True)
class Fit:
    """Whether a training fits on a device.

    Attributes:
        available: bytes of the device.
        changes: what to change, the cheapest first, until it fits; empty where it does.
        phase: that takes the most, with the `load` it has: reading on (`pretrain`) or tuning.
    """

    memory: Memory
    available: float
    changes: list[Change]
    phase: Phase
    load: Load

    @property
    def fits(self) -> bool:
        return self.memory.totals[1] <= self.available

    def line(self) -> str:
        """In one line: how much is needed, and what to do if it is too much."""
        when = " while the base reads (pretrain)" if self.phase == "pretrain" else ""
        most, there = gb(self.memory.totals[1]), gb(self.available)
        told = f"about {most} GB are needed{when}, the device has {there} GB"
        if self.fits:
            return told
        help_ = " ".join(f"--set {each.setting}" for each in self.changes)
        return f"{told}; {help_ or 'nothing of the recipe makes it smaller; take a smaller model'}"


def fits(
    recipe: Recipe,
    config: Mapping[str, Any],
    device_memory: float,
    *,
    lengths: Sequence[int] = (),
    supervised: Sequence[int] = (),
    devices: int = 1,
    labels: int = 0,
) -> Fit:
    """Whether a training fits on a device of so many bytes.

    Args:
        config: the model's `config.json`.
        lengths, supervised: of the train examples, in tokens; without them the longest allowed are assumed.

    Raises:
        UsageError: an architecture that is not known, of which nothing can be said.
    """
    counted = Counted(list(lengths), list(supervised), 0, False, []) if lengths else None
    load, _ = load_of(recipe, counted)
    return fit(shapes.of(config), recipe, load, device_memory, devices, labels)


def load_of(recipe: Recipe, counted: Counted | None) -> tuple[Load, int | None]:
    """The most that is computed at once, and the length of a packed row; None where examples are padded.

    Without data every example is as long as it may be, and learnt whole.
    """
    pair = 2 if recipe.objective == "dpo" else 1  # both answers go through together
    most, at_once = recipe.data.max_length, recipe.train.micro_batch_size * pair
    if counted is None or not counted.lengths:
        packed = most if recipe.data.packing != "off" and recipe.objective == "sft" else None
        tokens = most * (1 if packed else at_once)
        return Load(tokens, tokens, most), packed
    longest = max(counted.lengths)
    packed = packing.chosen(recipe, counted.lengths)
    if packed is None:
        learnt = max(counted.supervised) if any(counted.supervised) else longest
        return Load(longest * at_once, learnt * at_once, longest), None
    # A row is packed out of one step's examples, so it cannot hold more than the longest of them together.
    row = min(packed, sum(sorted(counted.lengths)[-recipe.train.batch_size :]))
    densest = max(learnt / length for learnt, length in zip(counted.supervised, counted.lengths, strict=True))
    return Load(row, math.ceil(row * densest), row), packed


def fit(
    shape: Shape,
    recipe: Recipe,
    load: Load,
    available: float,
    devices: int,
    labels: int,
    read: Sequence[int] = (),
) -> Fit:
    """What is needed of `available` bytes on each device, and what to change if that is too little.

    Args:
        read: lengths of the texts that the base reads first; without them the longest allowed are assumed.
    """

    def peak(recipe: Recipe, load: Load) -> tuple[Memory, Phase, Load]:
        tuning = memory.needed(shape, recipe, load, devices=devices, labels=labels)
        if recipe.pretrain is None:
            return tuning, "train", load
        whole = reading(recipe, devices)
        longest = whole.data.max_length
        if read:
            longest = min(longest, max(read) + AROUND)
        at_once = longest * whole.train.micro_batch_size
        texts = Load(at_once, at_once, longest)
        before = memory.needed(shape, whole, texts, devices=devices)
        if before.totals[1] > tuning.totals[1]:
            return before, "pretrain", texts
        return tuning, "train", load

    now, phase, largest = peak(recipe, load)
    changes: list[Change] = []
    smallest, current = now, recipe
    for step in _STEPS:
        if smallest.totals[1] <= available:
            break
        if (asked := step(current, load, devices)) is None:
            continue
        setting, after, load_after = asked
        less, _, _ = peak(after, load_after)
        if (saves := smallest.totals[1] - less.totals[1]) > 0:
            changes.append(Change(setting, saves, less.totals[1] <= available))
            smallest, current, load = less, after, load_after
    return Fit(now, available, changes, phase, largest)


def reading(recipe: Recipe, devices: int) -> Recipe:
    """How the base reads on before it is tuned, as a recipe: all parameters are trained, whatever is tuned
    afterwards, and what the recipe says of the machine holds as well.

    Its longest row is a text and its title, of a token per character.
    """
    settings = recipe.pretrain
    assert settings is not None
    batch = settings.batch_size
    # Each process must get as many batches as the others; where the step cannot be shared evenly it is whole.
    share, uneven = divmod(batch, devices)
    most = min(share, recipe.train.micro_batch_size)
    at_once = batch if uneven else max(each for each in range(1, most + 1) if share % each == 0)
    train = Train(
        epochs=settings.epochs,
        batch_size=batch,
        micro_batch_size=at_once,
        lr=settings.lr,
        optimiser=recipe.train.optimiser,
        activation_checkpointing=recipe.train.activation_checkpointing,
        distributed=recipe.train.distributed,
    )
    data = recipe.data.model_copy(update={"max_length": 2 * settings.max_length + AROUND, "packing": "off"})
    whole = {
        "objective": "sft",
        "pretrain": None,
        "adapter": Adapter(type="none"),
        "train": train,
        "data": data,
    }
    return recipe.model_copy(update=whole)


def resolved(recipe: Recipe, device: str, dtype: str) -> Recipe:
    """A recipe that says where a model is and of which type, as it was loaded, instead of `auto`.

    Args:
        device: `cpu`, `cuda` or `npu`.
        dtype: name of torch's type.
    """
    short = {"bfloat16": "bf16", "float16": "fp16", "float32": "fp32"}
    return changed(recipe, "model", device=device, dtype=short[dtype])


_Step = tuple[str, Recipe, Load]


def changed(recipe: Recipe, section: str, **values: Any) -> Recipe:
    part = getattr(recipe, section).model_copy(update=values)
    return recipe.model_copy(update={section: part})


def _checkpointing(recipe: Recipe, load: Load, devices: int) -> _Step | None:
    if recipe.train.activation_checkpointing:
        return None
    after = changed(recipe, "train", activation_checkpointing=True)
    return "train.activation_checkpointing=true", after, load


def _micro_batch(recipe: Recipe, load: Load, devices: int) -> _Step | None:
    at_once, packed = recipe.train.micro_batch_size, load.tokens == load.length
    if at_once == 1 or (packed and recipe.pretrain is None):  # a packed row is alone already
        return None
    smaller = load
    if not packed:
        smaller = Load(load.tokens // at_once, load.supervised // at_once, load.length)
    return "train.micro_batch_size=1", changed(recipe, "train", micro_batch_size=1), smaller


def _unread(recipe: Recipe, load: Load, devices: int) -> _Step | None:
    if recipe.pretrain is None or (recipe.data.unlabelled and recipe.data.distil is None):
        return None  # or nothing would use the unlabelled texts, which a recipe may not say
    return "pretrain=null", recipe.model_copy(update={"pretrain": None}), load


def _liger(recipe: Recipe, load: Load, devices: int) -> _Step | None:
    if recipe.train.kernels == "liger" or recipe.model.device in ("cpu", "npu"):
        return None
    return "train.kernels=liger", changed(recipe, "train", kernels="liger"), load


def _max_length(recipe: Recipe, load: Load, devices: int) -> _Step | None:
    half = max(512, 2 ** math.floor(math.log2(recipe.data.max_length / 2)))
    if half >= load.length:
        return None
    share = half / load.length
    smaller = Load(math.ceil(load.tokens * share), math.ceil(load.supervised * share), half)
    return f"data.max_length={half}", changed(recipe, "data", max_length=half), smaller


def _quantised(recipe: Recipe, load: Load, devices: int) -> _Step | None:
    whole = recipe.adapter.type == "none" or recipe.pretrain is not None
    started = recipe.adapter.init.startswith(("pissa", "olora"))
    if recipe.model.quantisation or whole or started or recipe.model.device in ("cpu", "npu"):
        return None
    return "model.quantisation.bits=4", changed(recipe, "model", quantisation=Quantisation()), load


def _sharded(recipe: Recipe, load: Load, devices: int) -> _Step | None:
    if devices == 1 or recipe.train.distributed in ("fsdp2", "zero3"):
        return None
    return "train.distributed=fsdp2", changed(recipe, "train", distributed="fsdp2"), load


_STEPS = (_checkpointing, _micro_batch, _unread, _liger, _max_length, _quantised, _sharded)
"""What makes a training smaller, in order: first what costs time only, then what changes the result. Reading
goes before those that make tuning alone smaller, which do not help while reading takes more."""


def gb(size: float) -> str:
    """Bytes as gigabytes of 10^9, for people."""
    return f"{size / GB:,.1f}" if size >= GB / 10 or size == 0 else f"{size / GB:.3f}"
