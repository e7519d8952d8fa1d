"""Supervised fine-tuning: the model learns to give the answers of conversations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from curation.instruct.task import load as load_task
from training import answers
from training import data as datasets
from training import model as models
from training.batches import Learning
from training.chat import Chat
from training.data import Conversation
from training.encoded import Counts, Encoded
from training.evaluate import measure as measuring
from training.evaluate.measure import Evaluation
from training.objectives import Labelled
from training.schema import Recipe

read = datasets.read
read_held_out = datasets.read_held_out


def labels(recipe: Recipe, train: Sequence[Conversation]) -> Labelled:
    """None: what can be answered is up to the model."""
    return []


def load(recipe: Recipe, path: str, labels: Labelled) -> tuple[Any, Any]:
    """A causal language model and its tokenizer."""
    return models.load(recipe.model, path)


def encode(
    tokenizer: Any, recipe: Recipe, labels: Labelled, examples: Sequence[Conversation]
) -> tuple[list[Encoded], Counts]:
    """Conversations by the model's chat template."""
    return chat(tokenizer, recipe).encode_all(examples, recipe.data)


def chat(tokenizer: Any, recipe: Recipe) -> Chat:
    """What renders this recipe's conversations."""
    return Chat(tokenizer, recipe.chat)


def ready(model: Any, rows: Sequence[Encoded], recipe: Recipe) -> list[Encoded]:
    """As they are."""
    return list(rows)


def learning(model: Any, recipe: Recipe, rows: Sequence[Encoded], labels: int) -> Learning:
    """The loss of the answers' tokens."""
    return answers.learning(model, recipe.train.kernels)


def measure(
    model: Any,
    tokenizer: Any,
    recipe: Recipe,
    labels: Labelled,
    held_out: Sequence[Conversation],
    train: Sequence[Conversation],
) -> Evaluation:
    """What the task says: which label is chosen, or what is written."""
    loss_on = "assistant" if recipe.chat.loss_on == "all" else recipe.chat.loss_on  # answers are measured
    return measuring.measure(
        model,
        Chat(tokenizer, recipe.chat.model_copy(update={"loss_on": loss_on})),
        load_task(recipe.task) if recipe.task else None,
        held_out,
        train,
        settings=recipe.evaluate,
        seed=recipe.seed,
    )
