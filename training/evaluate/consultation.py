"""Questions about service guides: is the answer right, does it hand over where the guide is silent, does what
it quotes stand there? Beside them a search without a model, which quotes the entry that BM25 finds.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curation.errors import UsageError
from curation.instruct.guide import read_guide
from curation.instruct.task import GuideTask
from curation.instruct.template import fill, read_back
from curation.intervals import exact
from training.evaluate.bm25 import Bm25
from training.evaluate.intervals import share
from training.evaluate.labels import paired
from training.evaluate.questions import Question

_HANDS_OVER = re.compile(
    r"(?:没有?|未能?|并未|尚未)(?:有|明确|具体|直接|详细)*"
    r"(?:写明|写|说明|注明|载明|列明|列出|标明|提及|提到|提供|规定|给出|包含|包括|涉及|找到)"
    r"|(?:无法|不能|难以)(?:从中|据此|直接|准确)*(?:推测|推断|确定|得知|判断|回答|答复|解答|提供|获知)"
)
"""How one says that a guide is silent: a model that was not tuned on the task has words of its own."""


@dataclass(frozen=True)
class _Asked:
    """A question as the task wrote it, and what answers it."""

    title: str
    guide: str
    question: str
    answer: str
    silent: bool


class Consultation:
    """Held-out questions about guides.

    Raises:
        UsageError: a conversation that the task has not written.
    """

    baseline_name = "BM25"

    def __init__(self, task: GuideTask, questions: Sequence[Question]) -> None:
        self._task = task
        self._asked = [_as_written(task, each) for each in questions]

    def score(self, answers: Sequence[str]) -> dict[str, Any]:
        """How good the answers are.

        Returns:
            `n`; `accuracy` with its exact `interval`: exactly the quotation, or silence told with the office
            to ask; `refusal`: how often it is right to hand over (`precision`), and how often that is done
            where the guide is silent (`recall`); `grounded`: of the other answers, how many quote nothing
            that does not stand in the guide word for word.
        """
        right = self._right(answers)
        silent = [each.silent for each in self._asked]
        refuses = [_hands_over(each, answer) for each, answer in zip(self._asked, answers, strict=True)]
        both = sum(one and other for one, other in zip(silent, refuses, strict=True))
        quotes = [
            self._is_grounded(each, answer)
            for each, answer, refused in zip(self._asked, answers, refuses, strict=True)
            if not refused
        ]
        return {
            "n": len(right),
            "accuracy": sum(right) / len(right),
            "interval": list(exact(sum(right), len(right))),
            "refusal": {"precision": share(both, sum(refuses)), "recall": share(both, sum(silent))},
            "grounded": share(sum(quotes), len(quotes)),
        }

    def compare(self, first: Sequence[str], second: Sequence[str]) -> dict[str, Any]:
        """Accuracy of the first minus that of the second, with its 95 % interval."""
        return paired(self._right(first), self._right(second))

    def baseline(self, train: Sequence[Question], seed: int) -> list[str] | None:
        """The entry of each guide that BM25 finds for the question, or silence where it finds none that is
        good enough: how good, is fitted to the train questions."""
        learnt = [_as_written(self._task, each) for each in train]
        entries = [entry for each in learnt for entry in self._entries(each.guide)]
        if not entries:
            return None
        bm25 = Bm25(sorted(set(entries)))
        scores, quoted = self._best(bm25, learnt)
        right = [
            bool(quote) and self._quotation(each, quote) == each.answer
            for each, quote in zip(learnt, quoted, strict=True)
        ]
        least = _threshold(scores, np.array(right), np.array([each.silent for each in learnt]))
        scores, quoted = self._best(bm25, self._asked)
        return [
            self._quotation(each, quote) if score >= least else self._silence(each)
            for each, score, quote in zip(self._asked, scores, quoted, strict=True)
        ]

    def _right(self, answers: Sequence[str]) -> list[bool]:
        return [
            _hands_over(each, answer) and all(line in answer for line in each.answer.splitlines()[1:])
            if each.silent
            else answer.strip() == each.answer
            for each, answer in zip(self._asked, answers, strict=True)
        ]

    def _is_grounded(self, asked: _Asked, answer: str) -> bool:
        cites = fill(self._task.assistant, {"title": asked.title, "quote": ""}).splitlines()
        lines = [line.strip() for line in answer.splitlines()]
        quoted = [line for line in lines if line and line not in cites]
        return bool(quoted) and all(line in asked.guide for line in quoted)

    def _entries(self, guide: str) -> list[str]:
        return _entries(guide, self._task.headings)

    def _best(self, bm25: Bm25, asked: Sequence[_Asked]) -> tuple[NDArray[np.float64], list[str]]:
        """The best entry for each question, and its score; none where the guide has no entries."""
        found = [self._entries(each.guide) for each in asked]
        # Which matter it is, every line of its guide is about.
        wanted = [each.question.replace(each.title, "") for each in asked]
        scores = bm25.pairs(
            [query for query, entries in zip(wanted, found, strict=True) for _ in entries],
            [entry for entries in found for entry in entries],
        )
        stops = np.cumsum([len(entries) for entries in found])
        best, quoted = np.full(len(asked), -np.inf), [""] * len(asked)
        for place, (entries, own) in enumerate(zip(found, np.split(scores, stops[:-1]), strict=True)):
            if entries:
                best[place], quoted[place] = own.max(), entries[int(own.argmax())]
        return best, quoted

    def _quotation(self, asked: _Asked, quote: str) -> str:
        return fill(self._task.assistant, {"title": asked.title, "quote": quote})

    def _silence(self, asked: _Asked) -> str:
        said = read_guide(asked.guide, self._task.headings).said
        values = {"title": asked.title, "field": "", **self._task.whom_to_ask(said)}
        return fill(self._task.unanswered, values)


def _as_written(task: GuideTask, question: Question) -> _Asked:
    said = read_back(task.user, question.asked)
    if said is None:
        raise UsageError(f"conversation {question.id}: its question is none of the task {task.name}")
    silent = read_back(task.unanswered, question.answer) is not None
    asked = {name: said.get(name, "") for name in ("title", "text", "question")}
    return _Asked(asked["title"], asked["text"], asked["question"], question.answer, silent)


def _hands_over(asked: _Asked, answer: str) -> bool:
    """Whether an answer says, outside of what it quotes, that the guide is silent."""
    said = re.split(r"[\n。；]", answer)
    return any(_HANDS_OVER.search(each) for each in said if each.strip() not in asked.guide)


@functools.lru_cache(maxsize=1 << 16)
def _entries(guide: str, headings: frozenset[str]) -> list[str]:
    """What a guide says, an entry with each heading."""
    return [f"{heading}：{value}" for heading, value in read_guide(guide, headings).said.items()]


def _threshold(scores: NDArray[np.float64], right: NDArray[np.bool_], silent: NDArray[np.bool_]) -> float:
    """From which score on quoting, and below it silence, is right most often: half way between two scores."""
    order = np.argsort(-scores, kind="stable")
    falling = np.append(scores[order], -np.inf)
    # Quoting the first k by score: right on those, and silence on all others.
    gained = silent.sum() + np.append(0, np.cumsum(right[order].astype(int) - silent[order]))
    gained[1:][falling[1:] == falling[:-1]] = -1  # equal scores are quoted together
    best = int(gained.argmax())
    if best == 0:
        return float("inf")
    below = falling[best] if np.isfinite(falling[best]) else falling[best - 1]
    return float((falling[best - 1] + below) / 2)
