"""Texts that people wrote freely, such as replies: how close a draft comes, and which figures it makes up.
Beside them the reply to the most similar letter, found without a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from training.evaluate.bm25 import Bm25
from training.evaluate.chrf import chrf
from training.evaluate.intervals import mean, share
from training.evaluate.invented import invented
from training.evaluate.questions import Question


class Drafts:
    """Held-out letters with what people replied."""

    baseline_name = "BM25"

    def __init__(self, questions: Sequence[Question], seed: int) -> None:
        self._questions, self._seed = questions, seed

    def score(self, answers: Sequence[str]) -> dict[str, Any]:
        """How good the drafts are.

        Returns:
            `n`; `chrf`: `mean` of the similarity to people's replies with its bootstrap `interval`;
            `invented`: how many drafts hold a figure that was not given, and of them so many
            `numbers`, `dates` and `document_numbers` (in drafts).
        """
        made_up = [
            invented(answer, each.given) for answer, each in zip(answers, self._questions, strict=True)
        ]
        value, low, high = mean(self._similarity(answers), self._seed)
        kinds = ("numbers", "dates", "document_numbers")
        return {
            "n": len(answers),
            "chrf": {"mean": value, "interval": [low, high]},
            "invented": {
                **share(sum(map(any, made_up)), len(made_up)),
                **{kind: sum(bool(getattr(each, kind)) for each in made_up) for kind in kinds},
            },
        }

    def compare(self, first: Sequence[str], second: Sequence[str]) -> dict[str, Any]:
        """Mean chrF of the first minus that of the second, with its 95 % interval over the letters."""
        pairs = zip(self._similarity(first), self._similarity(second), strict=True)
        difference, low, high = mean([one - other for one, other in pairs], self._seed)
        return {"chrf": difference, "interval": [low, high]}

    def baseline(self, train: Sequence[Question], seed: int) -> list[str] | None:
        """What people replied to the most similar train letter."""
        letters = [each.asked for each in train]
        if not any(letter.strip() for letter in letters):
            return None
        nearest = Bm25(letters).nearest([each.asked for each in self._questions], letters)
        return [train[place].answer for place in nearest]

    def _similarity(self, answers: Sequence[str]) -> list[float]:
        return [chrf(answer, each.answer) for answer, each in zip(answers, self._questions, strict=True)]
