"""What is asked in a conversation, and what people answered: the last answer that is learnt."""

from __future__ import annotations

from dataclasses import dataclass

from training.data import Conversation, Message


@dataclass(frozen=True)
class Question:
    """A held-out conversation, or one to learn from.

    Attributes:
        before: the messages up to the answer.
        answer: what people answered.
    """

    id: str
    before: list[Message]
    answer: str

    @property
    def asked(self) -> str:
        """What the user says."""
        return "\n".join(each["content"] for each in self.before if each["role"] == "user")

    @property
    def given(self) -> str:
        """All that the model is told."""
        return "\n".join(each["content"] for each in self.before)


def question(conversation: Conversation) -> Question:
    """The question of a conversation that has an answer to learn."""
    messages = conversation.messages
    last = max(number for number, message in enumerate(messages) if message["weight"])
    return Question(conversation.id, messages[:last], messages[last]["content"].strip())
