"""Base, tuned model and a classical baseline on the same held-out conversations.

Of a task with labels the models choose one; to any other they write an answer. A conversation whose label a
machine gave is no yardstick: it is left out and counted.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from random import Random
from typing import Any, Protocol

from curation.errors import UsageError
from curation.instruct.task import GuideTask, LabelTask, Task
from training.chat import Chat
from training.data import Conversation
from training.encoded import Encoded
from training.evaluate.answers import write
from training.evaluate.choices import as_answer, choose
from training.evaluate.consultation import Consultation
from training.evaluate.drafts import Drafts
from training.evaluate.intervals import share
from training.evaluate.labels import Labels
from training.evaluate.loss import mean_loss
from training.evaluate.questions import Question, question
from training.evaluate.table import table
from training.model import ends
from training.schema import Evaluate

SCHEMA = "evaluation/1"


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """Figures of each model over the same `n` conversations.

    For a task with labels: `n`, `accuracy`, `interval` (exact, 95 %), `macro_f1` (mean over the labels that
    occur) and `by_label` (label -> its number, how many were right). For others what `Consultation.score` or
    `Drafts.score` says of the written answers, and of models `loss` (nats per token of people's answers) and
    `stops` (answers that the model ended by itself).

    Attributes:
        baseline: what needs no language model, with its `method`; None where there is too little to fit it.
        difference: tuned - base, with its paired 95 % interval.
        over_baseline: tuned - baseline, likewise.
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
    over_baseline: dict[str, Any] | None = None

    def as_json(self) -> dict[str, Any]:
        return {"schema": SCHEMA, **dataclasses.asdict(self)}

    def lines(self) -> list[str]:
        """The figures as a table."""
        columns = {"base": self.base, "tuned": self.tuned}
        name = self.baseline["method"] if self.baseline else ""
        if self.baseline:
            columns[name] = self.baseline
        told = table(columns)
        for other, difference in (("base", self.difference), (name, self.over_baseline)):
            if difference:
                low, high = difference["interval"]
                [(figure, value)] = [each for each in difference.items() if each[0] != "interval"]
                told.append(f"tuned - {other}: {figure} {value:+.3f} [{low:+.3f}, {high:+.3f}]")
        if self.machine_labelled:
            told.append(f"{self.machine_labelled:,} left out: a machine gave their label")
        if self.given_away:
            told.append(f"{self.given_away:,} left out: train examples give them away")
        if self.given_away is None:
            told.append("not checked whether train examples give them away: those are gone or have changed")
        return told


class Yardstick(Protocol):
    """What answers to some questions are worth."""

    baseline_name: str

    def score(self, answers: Sequence[str]) -> dict[str, Any]:
        """Figures of one model's answers."""

    def compare(self, first: Sequence[str], second: Sequence[str]) -> dict[str, Any]:
        """A difference of two models' answers, with its `interval`."""

    def baseline(self, train: Sequence[Question], seed: int) -> list[str] | None:
        """Answers that need no language model."""


@dataclasses.dataclass(frozen=True)
class _Answers:
    """What a model answers, and figures that it alone has."""

    texts: list[str]
    figures: dict[str, Any]


def measure(
    model: Any,
    chat: Chat,
    task: Task | None,
    held_out: Sequence[Conversation],
    train: Sequence[Conversation],
    *,
    settings: Evaluate,
    seed: int,
) -> Evaluation:
    """Evaluate a model with `disable_adapter`, with its adapter on and off.

    Args:
        task: of the conversations; None where they were not made by one.
        train: what the baseline is fitted to.

    Raises:
        UsageError: nothing is left to measure on, or a conversation that is none of the task.
    """
    judged = [conversation for conversation in held_out if conversation.people is not False]
    if not judged:
        raise UsageError(
            "no held-out example was labelled by a person, so there is nothing to measure against; give "
            "some: --data FILE"
        )
    if not isinstance(task, LabelTask):
        judged = drawn(judged, settings.generate.rows, seed)
    questions = [question(conversation) for conversation in judged]
    yardstick = yardstick_of(task, questions, seed)
    if chat.settings.loss_on == "all":  # what is measured are answers
        chat = Chat(chat.template.tokenizer, chat.settings.model_copy(update={"loss_on": "assistant"}))
    rows = [chat.encode(conversation.messages) for conversation in judged]

    def answers() -> _Answers:
        if isinstance(yardstick, Labels):
            return _chosen(model, chat, yardstick.choices, questions, rows, settings)
        return _written(model, chat, rows, settings)

    with model.disable_adapter():
        before = answers()
    tuned = answers()
    plain = yardstick.baseline([question(conversation) for conversation in train], seed)
    return Evaluation(
        base={**yardstick.score(before.texts), **before.figures},
        tuned={**yardstick.score(tuned.texts), **tuned.figures},
        baseline={"method": yardstick.baseline_name, **yardstick.score(plain)} if plain else None,
        difference=yardstick.compare(tuned.texts, before.texts),
        over_baseline=yardstick.compare(tuned.texts, plain) if plain else None,
        machine_labelled=sum(conversation.people is False for conversation in held_out),
    )


def drawn(judged: list[Conversation], count: int, seed: int) -> list[Conversation]:
    """At most so many, in their order."""
    if len(judged) <= count:
        return judged
    return [judged[place] for place in sorted(Random(seed).sample(range(len(judged)), count))]


def yardstick_of(task: Task | None, questions: Sequence[Question], seed: int) -> Yardstick:
    if isinstance(task, LabelTask):
        return Labels(task, questions)
    return Consultation(task, questions) if isinstance(task, GuideTask) else Drafts(questions, seed)


def _chosen(
    model: Any,
    chat: Chat,
    choices: Sequence[str],
    questions: Sequence[Question],
    rows: Sequence[Encoded],
    settings: Evaluate,
) -> _Answers:
    said = [as_answer(chat, questions[0].before, choice) for choice in choices]
    best = choose(model, [row.prompt for row in rows], said, settings.batch_size)
    return _Answers([choices[place] for place in best], {})


def _written(model: Any, chat: Chat, rows: Sequence[Encoded], settings: Evaluate) -> _Answers:
    loss = mean_loss(model, rows, settings.batch_size)
    stops = chat.ends(ends(model)) | {row.answer[-1] for row in rows}
    written = write(
        model,
        [row.prompt for row in rows],
        stops,
        longest=settings.generate.max_new_tokens,
        batch_size=settings.batch_size,
    )
    read = chat.template.tokenizer.decode
    return _Answers(
        [read(each.ids, skip_special_tokens=True).strip() for each in written],
        {"loss": loss, "stops": share(sum(each.stopped for each in written), len(written))},
    )
