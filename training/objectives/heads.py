"""What both classifiers share: the model with a new head, its labels, their loss, and what it answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from curation.errors import UsageError
from training import model as models
from training.batches import Learning, pad
from training.encoded import IGNORED, Encoded
from training.objectives import Labelled
from training.schema import Recipe


def load(recipe: Recipe, path: str, kind: models.Kind, labels: Labelled) -> tuple[Any, Any]:
    """A model with a head for these labels, drawn by the recipe's seed, and the tokenizer."""
    from transformers import set_seed

    set_seed(recipe.seed)
    model, tokenizer = models.load(recipe.model, path, kind, [name for name, _ in labels])
    # A decoder is classified at its last token that is no padding, so it must know which one that is.
    padding = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id
    model.config.get_text_config().pad_token_id = padding or 0
    return model, tokenizer


def known(names: Sequence[str], counts: Mapping[str, int]) -> Labelled:
    """These names, with how often each occurs.

    Raises:
        UsageError: fewer than two.
    """
    if len(names) < 2:
        raise UsageError(
            f"{len(names)} label in the train examples: a classifier needs two, see labels.names"
        )
    return [(name, counts.get(name, 0)) for name in names]


def learning(model: Any, recipe: Recipe, rows: Sequence[Encoded], labels: int, *, pooled: bool) -> Learning:
    """How rows become the loss of a head, each label with its weight.

    Args:
        rows: the train rows, whose labels are counted.
        labels: number of them.
        pooled: the head speaks once for a row, at its last token.
    """
    import torch

    weights = _weights(recipe, rows, labels)
    padding = model.config.get_text_config().pad_token_id

    def collate(rows: Sequence[Encoded]) -> dict[str, Any]:
        return padded(rows, padding, pooled=pooled)

    def loss(model: Any, batch: dict[str, Any]) -> Any:
        given = dict(batch)
        wanted = given.pop("labels")
        logits = model(**given).logits.float()
        weight = torch.tensor(weights, device=logits.device)
        return torch.nn.functional.cross_entropy(
            logits.flatten(0, -2), wanted.flatten(), weight, ignore_index=IGNORED, reduction="sum"
        )

    return Learning(
        amount=lambda row: sum(weights[label] for label in row.labels if label != IGNORED),
        supervised=lambda row: sum(label != IGNORED for label in row.labels),
        collate=collate,
        loss=loss,
    )


def padded(rows: Sequence[Encoded], padding: int, *, pooled: bool) -> dict[str, Any]:
    """A batch of the model's own padding."""
    batch = pad(rows)
    batch["input_ids"][batch["attention_mask"] == 0] = padding
    if pooled:
        batch["labels"] = batch["labels"].max(dim=1).values  # the only one that is not IGNORED
    return batch


def answers(model: Any, rows: Sequence[Encoded], batch_size: int, *, pooled: bool) -> list[Any]:
    """The likeliest label of each row; of a head on tokens one for each of them."""
    said: list[Any] = [None] * len(rows)
    for numbers, logits in _logits(model, rows, batch_size, pooled=pooled):
        for number, best in zip(numbers, logits.argmax(dim=-1).tolist(), strict=True):
            said[number] = best if pooled else best[: len(rows[number].input_ids)]
    return said


def _logits(
    model: Any, rows: Sequence[Encoded], batch_size: int, *, pooled: bool
) -> Iterator[tuple[list[int], Any]]:
    import torch

    padding = model.config.get_text_config().pad_token_id
    by_length = sorted(range(len(rows)), key=lambda number: len(rows[number].input_ids))
    for start in range(0, len(rows), batch_size):
        numbers = by_length[start : start + batch_size]
        batch = padded([rows[number] for number in numbers], padding, pooled=pooled)
        del batch["labels"]
        with torch.inference_mode():
            yield numbers, model(**{name: each.to(model.device) for name, each in batch.items()}).logits


def _weights(recipe: Recipe, rows: Sequence[Encoded], labels: int) -> list[float]:
    """Of each label; balanced: inverse to how often it occurs, on average 1 (King and Zeng 2001)."""
    if recipe.labels.class_weight == "none":
        return [1.0] * labels
    counts = [0] * labels
    for row in rows:
        for label in row.labels:
            if label != IGNORED:
                counts[label] += 1
    occurring = sum(count > 0 for count in counts)
    return [sum(counts) / (occurring * count) if count else 1.0 for count in counts]
