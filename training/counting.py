"""How many tokens a training will see, counted without torch: by the model's own `tokenizer.json` where it
and the package tokenizers are there, else estimated from the characters."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from curation.instruct.task import load as load_task
from training import objectives, unlabelled
from training.schema import Recipe
from training.template import as_read

PER_MESSAGE = 4
"""Tokens that a template writes around a message besides its role; ChatML's are `<|im_start|>`, a line break,
`<|im_end|>` and a line break."""

PER_HAN, PER_OTHER = 0.7, 0.35
"""Tokens per character where they are estimated; vocabularies of 150,000 tokens take 0.5 to 0.8 for a Chinese
character, and 0.25 to 0.4 for a letter or digit."""


@dataclass(frozen=True)
class Counted:
    """The train split in tokens.

    Attributes:
        lengths: of each example, those longer than `data.max_length` left out and counted in `overlong`.
        supervised: tokens of each that are learnt.
        estimated: from characters, not counted.
        pretraining: lengths of the texts that are read before.
    """

    lengths: list[int]
    supervised: list[int]
    overlong: int
    estimated: bool
    pretraining: list[int]

    @property
    def tokens(self) -> int:
        return sum(self.lengths)


def count(source: Path, recipe: Recipe, model: Path | None) -> Counted:
    """Count the train split of a run or file.

    Args:
        model: folder with the tokenizer; None: estimate.

    Raises:
        UsageError: nothing to read or nothing to train on.
        InputError: a row that cannot be used.
    """
    train = objectives.of(recipe.objective).read(source, recipe)["train"]
    measure = _tokenizer(model)
    each = measure or _estimated
    counted = [_lengths(example, recipe, each) for example in train]
    kept = [one for one in counted if one[0] <= recipe.data.max_length]
    return Counted(
        lengths=[length for length, _ in kept],
        supervised=[supervised for _, supervised in kept],
        overlong=len(counted) - len(kept),
        estimated=measure is None,
        pretraining=_read_before(train, recipe, each),
    )


Counter = Callable[[Sequence[str]], list[int]]


def _tokenizer(folder: Path | None) -> Counter | None:
    file = folder / "tokenizer.json" if folder else None
    if file is None or not file.is_file() or importlib.util.find_spec("tokenizers") is None:
        return None
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(file))
    return lambda texts: [
        len(one.ids) for one in tokenizer.encode_batch(list(texts), add_special_tokens=False)
    ]


def _estimated(texts: Sequence[str]) -> list[int]:
    return [
        math.ceil(sum(PER_HAN if "\u4e00" <= each <= "\u9fff" else PER_OTHER for each in text))
        for text in texts
    ]


def _lengths(example: Any, recipe: Recipe, count: Counter) -> tuple[int, int]:
    """Tokens of an example, and how many of them are learnt."""
    if not (given := getattr(example, "messages", None)):
        return count([example.text])[0], 0
    messages = as_read(given, recipe.chat)
    said = count([message["content"] for message in messages])
    roles = count([message["role"] for message in messages])
    learnt = [
        length + 1  # with its stop token
        for length, message in zip(said, messages, strict=True)
        if message.get("weight")
    ]
    return sum(said) + sum(roles) + PER_MESSAGE * len(said), sum(learnt)


def _read_before(train: Sequence[Any], recipe: Recipe, count: Counter) -> list[int]:
    """Lengths of what `training.pretrain` reads; near what is held out, which it leaves out, is in here."""
    if recipe.pretrain is None or recipe.task is None:
        return []
    texts = [
        *unlabelled.of_conversations(train, load_task(recipe.task)),
        *unlabelled.read(recipe.data.unlabelled, ()).texts,
    ]
    longest = recipe.pretrain.max_length
    return count([each.text[:longest] + each.title[:longest] for each in texts])
