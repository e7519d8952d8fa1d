"""Trying a tuned model, beside its base: a letter in, a suggestion out.

It answers as it was measured: greedily, and where the answer is one of the task's labels only with one of
those. It assists people: where it is not sure it says so and suggests nothing.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TextIO

from curation.errors import InputError, UsageError
from curation.ingest.encoding import decode
from curation.ingest.problem import UnreadableError
from curation.instruct.task import GuideTask, Row, Task
from curation.instruct.task import load as load_task
from training import adapter, model
from training.asking import FIELDS, answers, ask
from training.chat import Chat
from training.data import Message
from training.evaluate.choices import as_answer, log_likelihoods
from training.export.merged import load_base
from training.run import TrainingRun, prepare
from training.schema import Recipe

SURE = 0.5
"""Probability that a label must have to be suggested, unless the user says otherwise."""

TOP = 3
DECIDES = "a suggestion, not a decision: a person decides"


@dataclasses.dataclass(frozen=True)
class Reply:
    """What a model says.

    Attributes:
        model: `tuned` or `base`.
        probability: of a label among the labels, by the model's own reckoning; of a text the geometric mean
            over its tokens. Neither is calibrated.
        top: the likeliest labels with their probabilities; empty for a text.
        handed_over: why nothing is suggested; None where something is.
    """

    model: str
    answer: str
    probability: float
    top: list[tuple[str, float]]
    handed_over: str | None

    def lines(self) -> list[str]:
        """For people; a text has been shown while it was written."""
        others = "  ".join(f"{answer} {probability:.2f}" for answer, probability in self.top)
        if self.handed_over:
            told = f"{self.model}: handed over to a person: {self.handed_over}"
            return [told, others] if others else [told]
        return [f"{self.model}: {others}"] if others else []


class Talk:
    """A finished training that answers.

    Raises:
        UsageError: no finished training, another base model, or one that does not answer.
    """

    def __init__(self, folder: Path) -> None:
        prepare()
        run = TrainingRun(folder)
        lock = run.lock()
        self.recipe: Recipe = run.recipe()
        if self.recipe.objective == "token_cls":
            raise UsageError(
                "token_cls tags tokens and answers nothing; use it with govtune anonymise, tagger "
                f"hf:{run.tuned}"
            )
        self.task: Task | None = load_task(self.recipe.task) if self.recipe.task else None
        base, self._tokenizer = load_base(run, self.recipe, lock)
        self._model = adapter.load(base, run.tuned).eval()
        has_template = self._tokenizer.chat_template is not None or self.recipe.chat.template != "model"
        self._chat = Chat(self._tokenizer, self.recipe.chat) if has_template else None  # an encoder has none
        self._labels = [name for name, _ in lock["labels"]]

    @property
    def has_labels(self) -> bool:
        """Whether every answer is one of a few."""
        return bool(self._labels or answers(self.task))

    @property
    def is_open(self) -> bool:
        """Whether earlier turns count: without a task a talk goes on, with one each letter stands alone."""
        return self.task is None and not self._labels

    def reply(
        self,
        said: Row,
        *,
        base: bool = False,
        threshold: float | None = None,
        before: Sequence[Message] = (),
        show: bool = False,
    ) -> Reply:
        """The answer to a letter or a question.

        Args:
            said: some of `training.asking.FIELDS`.
            base: answer without the adapter.
            threshold: a less probable answer is handed over; default: `SURE` for labels, none for texts.
            before: earlier turns, of an open talk.
            show: write a text to stdout while it is made.

        Raises:
            UsageError: nothing to ask about, or a base that cannot answer.
        """
        ids = self._ids([*before, *ask(self.task, said)])
        if base and self._labels:
            raise UsageError("the base has no classification head, so it has no answer to compare")
        if base:
            with self._model.disable_adapter():
                answer, probability, top = self._answer(ids, show)
        else:
            answer, probability, top = self._answer(ids, show)
        wanted = threshold if threshold is not None else SURE if self.has_labels else 0.0
        why = f"{probability:.2f} is below {wanted:.2f}" if probability < wanted else None
        if len(ids) > self.recipe.data.max_length:
            why = f"{len(ids):,} tokens; it was trained on at most {self.recipe.data.max_length:,}"
        return Reply("base" if base else "tuned", answer, probability, top, why)

    def _ids(self, messages: Sequence[Message]) -> list[int]:
        """The prompt as it was in training; without a template what the user said."""
        if self._chat is not None:
            return self._chat.prompt(messages)
        said = "\n".join(each["content"] for each in messages if each["role"] == "user")
        ids: list[int] = self._tokenizer(said, split_special_tokens=True)["input_ids"]
        return ids

    def _answer(self, ids: list[int], show: bool) -> tuple[str, float, list[tuple[str, float]]]:
        if not self.has_labels:
            return *self._written(ids, show), []
        names = self._labels or answers(self.task)
        probabilities = self._of_head(ids) if self._labels else self._of_choices(ids, names)
        ranked = sorted(zip(names, probabilities, strict=True), key=lambda each: -each[1])
        return *ranked[0], ranked[:TOP]

    def _of_head(self, ids: list[int]) -> list[float]:
        import torch

        with torch.inference_mode():
            logits = self._model(input_ids=torch.tensor([ids], device=self._model.device)).logits
        probabilities: list[float] = logits[0].float().softmax(dim=-1).tolist()
        return probabilities

    def _of_choices(self, ids: list[int], names: Sequence[str]) -> list[float]:
        assert self._chat  # only a classification head can do without
        # An answer's tokens do not depend on the letter before it.
        sample = [Message(role="user", content="问", weight=0.0)]
        if self._chat.template.own_system:
            sample.insert(0, Message(role="system", content="要求", weight=0.0))
        choices = [as_answer(self._chat, sample, name) for name in names]
        scores = log_likelihoods(self._model, [ids], choices)
        probabilities: list[float] = scores[0].softmax(dim=-1).tolist()
        return probabilities

    def _written(self, ids: list[int], show: bool) -> tuple[str, float]:
        import torch
        from transformers import TextStreamer

        assert self._chat
        tokenizer = self._tokenizer
        ends = self._chat.ends(model.ends(self._model))
        streamer = TextStreamer(tokenizer, skip_prompt=True, skip_special_tokens=True)
        with torch.inference_mode():
            made = self._model.generate(
                input_ids=torch.tensor([ids], device=self._model.device),
                attention_mask=torch.ones(1, len(ids), dtype=torch.long, device=self._model.device),
                do_sample=False,
                temperature=None,
                top_p=None,
                top_k=None,
                max_new_tokens=self.recipe.evaluate.generate.max_new_tokens,
                eos_token_id=sorted(ends),
                pad_token_id=tokenizer.pad_token_id if tokenizer.pad_token_id is not None else min(ends),
                streamer=streamer if show else None,
                output_logits=True,
                return_dict_in_generate=True,
            )
        answer = made.sequences[0, len(ids) :]
        surprise = [
            float(torch.log_softmax(logits[0].float(), dim=-1)[token])
            for logits, token in zip(made.logits, answer, strict=True)
        ]
        text: str = tokenizer.decode(answer, skip_special_tokens=True)
        return text.strip(), math.exp(sum(surprise) / len(surprise))


def text_of(path: Path) -> str:
    """A service guide's text, in any of the usual encodings.

    Raises:
        UsageError: it cannot be read.
    """
    try:
        return decode(path.read_bytes()).text
    except (OSError, UnreadableError):
        raise UsageError(f"{path}: cannot be read as a text file") from None


def given(stream: TextIO) -> Iterator[dict[str, str]]:
    """Letters out of a stream: JSON lines with some of `FIELDS`, or one letter as plain text.

    Raises:
        InputError: a line that is no such object.
    """
    text = stream.read()
    if not text.lstrip().startswith("{"):
        yield {"text": text}
        return
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            said = json.loads(line)
        except ValueError:
            raise InputError("not JSON", file="stdin", row=number) from None
        if not isinstance(said, dict) or not any(isinstance(said.get(name), str) for name in FIELDS):
            raise InputError(f"no object with {', '.join(FIELDS)}", file="stdin", row=number)
        yield {name: said[name] for name in FIELDS if isinstance(said.get(name), str)}


COMMANDS = "/title TEXT for the next letter  /tuned  /base  /both  /reset  /quit"


def converse(
    talk: Talk,
    guide: Row,
    sides: Sequence[bool],
    threshold: float | None,
    read: Callable[[str], str],
    write: Callable[[str], None],
) -> None:
    """Answer line by line until the end of the input or /quit.

    Args:
        guide: what stays the same from line to line: title and text of a service guide.
        sides: which models answer; True is the base.
        read, write: of a terminal: a line after a prompt, and a line.
    """
    write(COMMANDS)
    title, before = "", list[Message]()
    choices = {"/tuned": [False], "/base": [True], "/both": [True, False]}
    while True:
        try:
            line = read("> ").strip()
        except (EOFError, KeyboardInterrupt):
            return
        command, _, rest = line.partition(" ")
        if command == "/quit":
            return
        if command in choices:
            sides = choices[command]
        elif command == "/title":
            title = rest
        elif command == "/reset":
            title, before = "", []
        elif command.startswith("/"):
            write(COMMANDS)
        elif line:
            said = as_said(talk.task, line, {"title": title, **guide})
            try:
                for base in sides:
                    reply = talk.reply(said, base=base, threshold=threshold, before=before, show=True)
                    for told in reply.lines():
                        write(told)
            except UsageError as error:
                write(str(error))
                continue
            write(DECIDES)
            title = ""
            if talk.is_open:
                before += [*ask(None, said), Message(role="assistant", content=reply.answer, weight=0.0)]


def as_said(task: Task | None, message: str, known: Row) -> dict[str, str]:
    """A message by what the task takes it for: a question about a guide, else a letter's text."""
    return {**known, "question" if isinstance(task, GuideTask) else "text": message}
