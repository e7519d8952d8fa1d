"""Direct preference optimisation (arXiv 2305.18290): of two answers the model learns to prefer the one that
people chose, and is held close to what it was when the training began.

The loss is trl's (a test compares them), computed by the loop that trains everything else: trl's own trainer
would tokenise people's words without taking control tokens out of them, and cut long answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from curation.errors import UsageError
from training import answers
from training import data as datasets
from training import model as models
from training.batches import Learning, pad
from training.chat import Chat
from training.data import Message
from training.encoded import IGNORED, Counts, Encoded
from training.evaluate.intervals import share
from training.evaluate.labels import paired
from training.evaluate.measure import Evaluation
from training.objectives import Labelled
from training.objectives.limits import short_enough
from training.rows import Rows
from training.schema import Preference, Recipe


@dataclass(frozen=True)
class Pair:
    """A conversation that can end in two ways."""

    id: str
    asked: list[Message]
    chosen: str
    rejected: str
    source: str = ""

    @property
    def messages(self) -> list[Message]:
        return self.ending(self.chosen)

    def ending(self, answer: str) -> list[Message]:
        """The conversation with this answer, of which that alone is learnt."""
        return [*self.asked, Message(role="assistant", content=answer, weight=1.0)]


@dataclass(frozen=True)
class Row:
    """Both endings as tokens.

    Attributes:
        reference: log-likelihood of each answer when the training begins.
    """

    chosen: Encoded
    rejected: Encoded
    reference: tuple[float, float] = (0.0, 0.0)

    @property
    def input_ids(self) -> list[int]:
        return [*self.chosen.input_ids, *self.rejected.input_ids]


def read(source: Path, recipe: Recipe) -> dict[str, list[Pair]]:
    """Pairs by split: rows with `messages` (or `prompt`), `chosen` and `rejected`.

    Raises:
        InputError: a row that cannot be used.
    """
    return datasets.read(source, recipe, _examples)


def read_held_out(source: Path, recipe: Recipe) -> list[Pair]:
    """Pairs to measure on."""
    return datasets.read_held_out(source, recipe, _examples)


def labels(recipe: Recipe, train: Sequence[Pair]) -> Labelled:
    """None."""
    return []


def load(recipe: Recipe, path: str, labels: Labelled) -> tuple[Any, Any]:
    """A causal language model and its tokenizer."""
    return models.load(recipe.model, path)


def encode(
    tokenizer: Any, recipe: Recipe, labels: Labelled, examples: Sequence[Pair]
) -> tuple[list[Row], Counts]:
    """Both endings by the model's chat template; the last answer alone is learnt.

    Raises:
        UsageError: one cannot be encoded, or too many are too long.
    """
    rows = _rows(tokenizer, recipe, examples)
    lengths = [max(len(row.chosen.input_ids), len(row.rejected.input_ids)) for row in rows]
    learnt = [_supervised(row) for row in rows]
    return short_enough(rows, [each.id for each in examples], lengths, learnt, recipe.data)


def ready(model: Any, rows: Sequence[Row], recipe: Recipe) -> list[Row]:
    """The rows with what the model thinks of them before its first step. It is held close to that, and needs
    no second model for it."""
    was_training = model.training
    model.eval()
    now = log_likelihoods(model, rows, recipe.evaluate.batch_size)
    model.train(was_training)
    return [replace(row, reference=each) for row, each in zip(rows, now, strict=True)]


def learning(model: Any, recipe: Recipe, rows: Sequence[Row], labels: int) -> Learning:
    """The loss of pairs; every pair counts alike."""
    return Learning(
        amount=lambda _: 1.0, supervised=_supervised, collate=_collate, loss=_loss(recipe.preference)
    )


def measure(
    model: Any,
    tokenizer: Any,
    recipe: Recipe,
    labels: Labelled,
    held_out: Sequence[Pair],
    train: Sequence[Pair],
) -> Evaluation:
    """How often the chosen answer is the likelier one per token; of the tuned model also how often it gained
    more over the base than the other (`reward_accuracy`, what the loss is about).

    Raises:
        UsageError: a pair cannot be encoded.
    """
    rows = _rows(tokenizer, recipe, held_out)
    at_once = recipe.evaluate.batch_size
    with model.disable_adapter():
        before = log_likelihoods(model, rows, at_once)
    after = log_likelihoods(model, rows, at_once)
    base, tuned = (_preferred(rows, each) for each in (before, after))
    gained = sum(new[0] - old[0] > new[1] - old[1] for new, old in zip(after, before, strict=True))
    return Evaluation(
        base=_score(base),
        tuned={**_score(tuned), "reward_accuracy": share(gained, len(rows))},
        baseline=None,
        difference=paired(tuned, base),
        machine_labelled=0,
    )


def log_likelihoods(model: Any, rows: Sequence[Row], at_once: int) -> list[tuple[float, float]]:
    """Log-likelihood in nats of the chosen and of the rejected answer."""
    import torch

    found: list[tuple[float, float]] = [(0.0, 0.0)] * len(rows)
    by_length = sorted(range(len(rows)), key=lambda number: len(rows[number].input_ids))
    for start in range(0, len(rows), at_once):
        numbers = by_length[start : start + at_once]
        batch = {name: each.to(model.device) for name, each in _collate([rows[n] for n in numbers]).items()}
        with torch.inference_mode():
            chosen, rejected, _ = _of_answers(model, batch)
        for number, pair in zip(numbers, zip(chosen.tolist(), rejected.tolist(), strict=True), strict=True):
            found[number] = pair
    return found


def _rows(tokenizer: Any, recipe: Recipe, examples: Sequence[Pair]) -> list[Row]:
    chat = Chat(tokenizer, recipe.chat.model_copy(update={"loss_on": "last_assistant"}))
    rows = []
    for each in examples:
        try:
            rows.append(Row(chat.encode(each.messages), chat.encode(each.ending(each.rejected))))
        except UsageError as error:
            raise UsageError(f"example {each.id}: {error}") from None
    return rows


def _collate(rows: Sequence[Row]) -> dict[str, Any]:
    """The chosen endings, then the rejected ones."""
    import torch

    batch = pad([*(row.chosen for row in rows), *(row.rejected for row in rows)])
    return {**batch, "reference": torch.tensor([row.reference for row in rows])}


def _loss(preference: Preference) -> Any:
    import torch

    beta, smoothing = preference.beta, preference.label_smoothing

    def loss(model: Any, batch: dict[str, Any]) -> Any:
        chosen, rejected, lengths = _of_answers(model, batch)
        reference = batch["reference"]
        gained, lost = chosen - reference[:, 0], rejected - reference[:, 1]
        if preference.loss == "ipo":  # per token, as its authors use it
            of_chosen, of_rejected = lengths.chunk(2)
            return ((gained / of_chosen - lost / of_rejected - 1 / (2 * beta)) ** 2).sum()
        margin = beta * (gained - lost)
        if preference.loss == "hinge":
            return torch.relu(1 - margin).sum()
        sure = torch.nn.functional.logsigmoid
        return -((1 - smoothing) * sure(margin) + smoothing * sure(-margin)).sum()

    return loss


def _of_answers(model: Any, batch: dict[str, Any]) -> tuple[Any, Any, Any]:
    """Log-likelihoods of the chosen and of the rejected answers, and tokens of all of them."""
    import torch

    given = {name: batch[name] for name in ("input_ids", "attention_mask")}
    learnt = (batch["labels"] != IGNORED).any(dim=0).nonzero()
    first = int(learnt[0]) - 1  # the token before an answer predicts its first one
    if models.keeps_logits(getattr(model, "module", model)):  # what is only asked needs no logits
        given["logits_to_keep"] = batch["labels"].shape[1] - first
    wanted = batch["labels"][:, first + 1 :]
    logits = model(**given, use_cache=False).logits[:, -wanted.shape[1] - 1 : -1].float()
    losses = torch.nn.functional.cross_entropy(
        logits.transpose(1, 2), wanted, ignore_index=IGNORED, reduction="none"
    )
    chosen, rejected = (-losses.sum(dim=1)).chunk(2)
    return chosen, rejected, (wanted != IGNORED).sum(dim=1)


def _supervised(row: Row) -> int:
    return answers.supervised(row.chosen) + answers.supervised(row.rejected)


def _preferred(rows: Sequence[Row], likelihoods: Sequence[tuple[float, float]]) -> list[bool]:
    """Whether the chosen answer of each pair is the likelier one per token."""
    return [
        chosen / answers.supervised(row.chosen) > rejected / answers.supervised(row.rejected)
        for row, (chosen, rejected) in zip(rows, likelihoods, strict=True)
    ]


def _score(preferred: Sequence[bool]) -> dict[str, Any]:
    right = share(sum(preferred), len(preferred))
    return {"n": right["n"], "accuracy": right["share"], "interval": right["interval"]}


def _examples(rows: Rows, ids: Sequence[str]) -> list[list[Pair]]:
    return [
        [Pair(name, _asked(rows, index), _answer(rows, index, "chosen"), _answer(rows, index, "rejected"))]
        for index, name in enumerate(ids)
    ]


def _asked(rows: Rows, index: int) -> list[Message]:
    """What is said before the answer: a conversation, or one question."""
    field = "messages" if "messages" in rows.names else "prompt"
    question = _plain(rows, index, field)
    if question is not None:
        return [Message(role="user", content=question, weight=0.0)]
    messages = datasets.messages(rows, index, field)
    if messages[-1]["role"] == "assistant":
        raise rows.error(index, "ends with an answer; the two answers are chosen and rejected", field)
    return [Message(role=each["role"], content=each["content"], weight=0.0) for each in messages]


def _answer(rows: Rows, index: int, field: str) -> str:
    answer = _plain(rows, index, field)
    if answer is None:
        messages = datasets.messages(rows, index, field)
        if len(messages) != 1 or messages[0]["role"] != "assistant":
            raise rows.error(index, "neither a text nor a list of one assistant message", field)
        answer = messages[0]["content"]
    if not answer.strip():
        raise rows.error(index, "an empty answer", field)
    return answer


def _plain(rows: Rows, index: int, field: str) -> str | None:
    """A cell that is a text; None where it is a list of messages, in CSV and XLSX as JSON."""
    given = rows.values[index].get(field)
    return given if isinstance(given, str) and field != "messages" and not given.startswith("[{") else None
