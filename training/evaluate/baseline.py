"""What a linear classifier does with the same examples: a model that is not better is not worth its GPU."""

from __future__ import annotations

from collections.abc import Sequence

from curation.label import classifier
from training.data import Conversation


def linear(
    train: Sequence[Conversation], held_out: Sequence[Conversation], choices: Sequence[str], seed: int
) -> list[str] | None:
    """The answers of linear support vectors over character TF-IDF, fitted to the train conversations.

    Returns:
        An answer for each held-out conversation, empty where nothing was asked; None where there are too few
        examples to fit anything.
    """
    known = [conversation for conversation in train if _answer(conversation) in choices]
    examples = classifier.prepare(
        choices,
        [_asked(each) for each in known],
        [_answer(each) for each in known],
        groups=[None] * len(known),
    )
    if examples.lacking:
        return None
    best = classifier.train(examples, seed).predict([_asked(each) for each in held_out]).label
    return [choices[label] if label >= 0 else "" for label in best]


def _answer(conversation: Conversation) -> str:
    return conversation.messages[-1]["content"].strip()


def _asked(conversation: Conversation) -> str:
    return "\n".join(message["content"] for message in conversation.messages if message["role"] == "user")
