"""Base, tuned model and a linear baseline on the same held-out conversations.

A conversation whose label a machine gave is no yardstick: it is left out and counted.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from typing import Any

from curation.errors import UsageError
from curation.instruct.task import LabelTask, Task
from curation.instruct.template import fill
from training.chat import Chat
from training.data import Conversation
from training.evaluate import baseline
from training.evaluate.choices import choose
from training.evaluate.intervals import exact, paired_difference
from training.evaluate.loss import mean_loss

SCHEMA = "evaluation/1"


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """Figures of each model over the same `n` conversations.

    For a task with labels: `n`, `accuracy`, `interval` (exact, 95 %), `macro_f1` (mean over the labels that
    occur) and `by_label` (label -> its number, how many were right). For other tasks: `n` and `loss` (nats
    per token of the answers).

    Attributes:
        baseline: the linear classifier, None where the task has no labels or too few examples to fit it.
        difference: of the accuracies tuned - base, with its paired 95 % interval; None without labels.
        machine_labelled: conversations left out because no person gave their label.
        given_away: conversations left out because a train example gives them away; None where the train
            examples are gone and nobody can tell.
    """

    base: dict[str, Any]
    tuned: dict[str, Any]
    baseline: dict[str, Any] | None
    difference: dict[str, Any] | None
    machine_labelled: int
    given_away: int | None = 0

    def as_json(self) -> dict[str, Any]:
        return {"schema": SCHEMA, **dataclasses.asdict(self)}

    def lines(self) -> list[str]:
        """The figures as a small table."""
        named = {"base": self.base, "tuned": self.tuned, "baseline": self.baseline}
        told = [_line(name, figures) for name, figures in named.items() if figures]
        if self.difference:
            low, high = self.difference["interval"]
            told.append(f"tuned - base  {self.difference['accuracy']:+.3f}  [{low:+.3f}, {high:+.3f}]")
        if self.machine_labelled:
            told.append(f"{self.machine_labelled:,} left out: a machine gave their label")
        if self.given_away:
            told.append(f"{self.given_away:,} left out: train examples give them away")
        if self.given_away is None:
            told.append("not checked whether train examples give them away: those are gone or have changed")
        return told


def measure(
    model: Any,
    chat: Chat,
    task: Task,
    held_out: Sequence[Conversation],
    train: Sequence[Conversation],
    *,
    batch_size: int,
    seed: int,
) -> Evaluation:
    """Evaluate a peft model with its adapter on and off.

    Args:
        train: what the linear baseline is fitted to.

    Raises:
        UsageError: nothing is left to measure on, or an answer that the task does not know.
    """
    judged = [conversation for conversation in held_out if conversation.people is not False]
    if not judged:
        raise UsageError(
            "no held-out example was labelled by a person, so there is nothing to measure against; give "
            "some: --data FILE"
        )
    left_out = len(held_out) - len(judged)
    if not isinstance(task, LabelTask):
        rows = [chat.encode(conversation.messages) for conversation in judged]
        with model.disable_adapter():
            before = mean_loss(model, rows, batch_size)
        after = mean_loss(model, rows, batch_size)
        n = len(judged)
        return Evaluation({"n": n, "loss": before}, {"n": n, "loss": after}, None, None, left_out)
    choices = [fill(task.assistant, {"label": value}).strip() for value in task.labels.values]
    truth = [conversation.messages[-1]["content"].strip() for conversation in judged]
    for conversation, answer in zip(judged, truth, strict=True):
        if answer not in choices:
            raise UsageError(
                f"conversation {conversation.id}: its answer is no label of the task {task.name}"
            )
    with model.disable_adapter():
        before_tuning = choose(model, chat, judged, choices, batch_size)
    tuned = choose(model, chat, judged, choices, batch_size)
    linear = baseline.linear(train, judged, choices, seed)
    return Evaluation(
        base=score(before_tuning, truth),
        tuned=score(tuned, truth),
        baseline=score(linear, truth) if linear else None,
        difference=compare(tuned, before_tuning, truth),
        machine_labelled=left_out,
    )


def score(answers: Sequence[str], truth: Sequence[str]) -> dict[str, Any]:
    """Accuracy with its exact interval, macro-F1 over the labels that occur, and right answers by label."""
    from sklearn.metrics import f1_score

    right = [answer == wanted for answer, wanted in zip(answers, truth, strict=True)]
    labels = sorted(set(truth))
    hits = Counter(wanted for wanted, hit in zip(truth, right, strict=True) if hit)
    return {
        "n": len(truth),
        "accuracy": sum(right) / len(truth),
        "interval": list(exact(sum(right), len(truth))),
        "macro_f1": float(f1_score(truth, answers, labels=labels, average="macro", zero_division=0.0)),
        "by_label": {label: {"n": truth.count(label), "right": hits[label]} for label in labels},
    }


def compare(first: Sequence[str], second: Sequence[str], truth: Sequence[str]) -> dict[str, Any]:
    """Accuracy of the first minus that of the second on the same conversations, with its 95 % interval."""
    counted = Counter(
        (one == wanted, other == wanted) for one, other, wanted in zip(first, second, truth, strict=True)
    )
    difference, low, high = paired_difference(
        counted[True, True], counted[True, False], counted[False, True], counted[False, False]
    )
    return {"accuracy": difference, "interval": [low, high]}


def _line(name: str, figures: dict[str, Any]) -> str:
    if "loss" in figures:
        return f"{name:<8} loss {figures['loss']:.3f} nats per token  n {figures['n']:,}"
    low, high = figures["interval"]
    return (
        f"{name:<8} accuracy {figures['accuracy']:.3f} [{low:.3f}, {high:.3f}]  "
        f"macro-F1 {figures['macro_f1']:.3f}  n {figures['n']:,}"
    )
