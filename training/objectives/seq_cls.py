"""Sequence classification: a head on the last token says which label a conversation's last answer would be.

The same conversations as for `sft`, and a fraction of the time to answer; but it knows these labels alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

from curation.errors import UsageError
from curation.instruct.task import LabelTask
from curation.instruct.task import load as load_task
from curation.instruct.template import fill
from training import data as datasets
from training.batches import Learning
from training.data import Conversation
from training.encoded import IGNORED, Counts, Encoded
from training.evaluate import baseline
from training.evaluate.labels import compare, score
from training.evaluate.measure import Evaluation
from training.evaluate.questions import question
from training.objectives import Labelled, heads, sft
from training.objectives.limits import short_enough
from training.schema import Recipe

read = datasets.read
read_held_out = datasets.read_held_out


def labels(recipe: Recipe, train: Sequence[Conversation]) -> Labelled:
    """Those of the recipe, else of the task's taxonomy, else those that occur.

    Raises:
        UsageError: fewer than two, or an answer that is none of them.
    """
    counts = Counter(_answer(each) for each in train)
    task = load_task(recipe.task) if recipe.task else None
    names = recipe.labels.names
    if not names and isinstance(task, LabelTask):
        names = [fill(task.assistant, {"label": value}).strip() for value in task.labels.values]
    _require_known(train, names or counts)
    return heads.known(names or sorted(counts), counts)


def load(recipe: Recipe, path: str, labels: Labelled) -> tuple[Any, Any]:
    """A model with a new head, and the tokenizer."""
    return heads.load(recipe, path, "SequenceClassification", labels)


def encode(
    tokenizer: Any, recipe: Recipe, labels: Labelled, examples: Sequence[Conversation]
) -> tuple[list[Encoded], Counts]:
    """What is asked, as tokens; the last one has the label.

    Raises:
        UsageError: an answer that is no label, or too many examples that are too long.
    """
    numbers = {label: number for number, (label, _) in enumerate(labels)}
    _require_known(examples, numbers)
    answers = [numbers[_answer(each)] for each in examples]
    rows = [
        _row(ids, answer) for ids, answer in zip(_asked(tokenizer, recipe, examples), answers, strict=True)
    ]
    lengths = [len(row.input_ids) for row in rows]
    return short_enough(rows, [each.id for each in examples], lengths, [1] * len(rows), recipe.data)


def ready(model: Any, rows: Sequence[Encoded], recipe: Recipe) -> list[Encoded]:
    """As they are."""
    return list(rows)


def learning(model: Any, recipe: Recipe, rows: Sequence[Encoded], labels: int) -> Learning:
    """The loss of the labels of the last tokens."""
    return heads.learning(model, recipe, rows, labels, pooled=True)


def measure(
    model: Any,
    tokenizer: Any,
    recipe: Recipe,
    labels: Labelled,
    held_out: Sequence[Conversation],
    train: Sequence[Conversation],
) -> Evaluation:
    """Accuracy and macro-F1. A base has no head, so what stands for it gives everybody the label that most
    train examples have.

    Raises:
        UsageError: nothing was labelled by a person.
    """
    judged = [each for each in held_out if each.people is not False]
    if not judged:
        raise UsageError("no held-out example was labelled by a person; give some: --data FILE")
    truth = [_answer(each) for each in judged]
    rows = [_row(ids, 0) for ids in _asked(tokenizer, recipe, judged)]
    names = [name for name, _ in labels]
    said = [names[best] for best in heads.answers(model, rows, recipe.evaluate.batch_size, pooled=True)]
    commonest = [max(labels, key=lambda label: label[1])[0]] * len(judged)
    linear = baseline.linear(
        [question(each) for each in train], [question(each) for each in judged], names, recipe.seed
    )
    return Evaluation(
        base={"method": "commonest label", **score(commonest, truth)},
        tuned=score(said, truth),
        baseline={"method": "linear SVM", **score(linear, truth)} if linear else None,
        difference=compare(said, commonest, truth),
        over_baseline=compare(said, linear, truth) if linear else None,
        machine_labelled=len(held_out) - len(judged),
    )


def _answer(conversation: Conversation) -> str:
    return question(conversation).answer


def _require_known(examples: Sequence[Conversation], labels: Collection[str]) -> None:
    for each in examples:
        if _answer(each) not in labels:
            raise UsageError(f"conversation {each.id}: its answer is no label; name them all in labels.names")


def _asked(tokenizer: Any, recipe: Recipe, examples: Sequence[Conversation]) -> list[list[int]]:
    """The prompt of the last answer; where there is no template, as of an encoder, what the user said."""
    if tokenizer.chat_template is not None or recipe.chat.template != "model":
        chat = sft.chat(tokenizer, recipe)
        return [chat.prompt(question(each).before) for each in examples]
    return [tokenizer(question(each).asked, split_special_tokens=True)["input_ids"] for each in examples]


def _row(ids: list[int], label: int) -> Encoded:
    return Encoded(ids, [IGNORED] * (len(ids) - 1) + [label])
