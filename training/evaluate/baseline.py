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
        An answer for each held-out conversation; None where there are too few examples to fit anything.
    """
    known = [conversation for conversation in train if conversation.messages[-1]["content"] in set(choices)]
    answers = [conversation.messages[-1]["content"] for conversation in known]
    if not classifier.enough(answers):
        return None
    examples = classifier.prepare(
        choices, [_asked(each) for each in known], answers, groups=[None] * len(known)
    )
    model = classifier.fit(examples, taxonomy="", digest="", seed=seed)
    best = model.predict([_asked(each) for each in held_out]).label
    return [choices[label] for label in best]


def _asked(conversation: Conversation) -> str:
    return "\n".join(message["content"] for message in conversation.messages if message["role"] == "user")
