"""Tasks with a fixed set of answers: who names the right label, beside a linear classifier."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from curation.errors import UsageError
from curation.instruct.task import LabelTask
from curation.instruct.template import fill
from curation.intervals import exact
from training.evaluate import baseline
from training.evaluate.intervals import paired_difference
from training.evaluate.questions import Question


class Labels:
    """Held-out questions of a task with labels.

    Raises:
        UsageError: an answer that the task does not know.
    """

    baseline_name = "linear SVM"

    def __init__(self, task: LabelTask, questions: Sequence[Question]) -> None:
        self.choices = [fill(task.assistant, {"label": value}).strip() for value in task.labels.values]
        self._questions = questions
        self._truth = [each.answer for each in questions]
        for each in questions:
            if each.answer not in self.choices:
                raise UsageError(f"conversation {each.id}: its answer is no label of the task {task.name}")

    def score(self, answers: Sequence[str]) -> dict[str, Any]:
        """See `score`."""
        return score(answers, self._truth)

    def compare(self, first: Sequence[str], second: Sequence[str]) -> dict[str, Any]:
        """See `compare`."""
        return compare(first, second, self._truth)

    def baseline(self, train: Sequence[Question], seed: int) -> list[str] | None:
        """The answers of `baseline.linear`."""
        return baseline.linear(train, self._questions, self.choices, seed)


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
    return paired(
        [answer == wanted for answer, wanted in zip(first, truth, strict=True)],
        [answer == wanted for answer, wanted in zip(second, truth, strict=True)],
    )


def paired(first: Sequence[bool], second: Sequence[bool]) -> dict[str, Any]:
    """How much oftener the first is right than the second."""
    counted = Counter(zip(first, second, strict=True))
    difference, low, high = paired_difference(
        counted[True, True], counted[True, False], counted[False, True], counted[False, False]
    )
    return {"accuracy": difference, "interval": [low, high]}
