"""What a linear classifier does with the same examples: a model that is not better is not worth its GPU."""

from __future__ import annotations

from collections.abc import Sequence

from curation.label import classifier
from training.evaluate.questions import Question


def linear(
    train: Sequence[Question], held_out: Sequence[Question], choices: Sequence[str], seed: int
) -> list[str] | None:
    """The answers of linear support vectors over character TF-IDF, fitted to the train questions.

    Returns:
        An answer to each held-out question, empty where nothing was asked; None where there are too few
        examples to fit anything.
    """
    known = [each for each in train if each.answer in choices]
    examples = classifier.prepare(
        choices,
        [each.asked for each in known],
        [each.answer for each in known],
        groups=[None] * len(known),
    )
    if examples.lacking:
        return None
    best = classifier.train(examples, seed).predict([each.asked for each in held_out]).label
    return [choices[label] if label >= 0 else "" for label in best]
