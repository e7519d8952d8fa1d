"""Held-out examples that the train examples give away are no yardstick: they are left out and counted.

Measured on splits by cluster, 0 to 8 % of the held-out examples are given away (standard answers, and letters
that quote another). Refusing to train for these would help nobody, and measuring on them would flatter. Where
much more is given away the split itself is wrong, and that is refused.
"""

from __future__ import annotations

from collections.abc import Sequence

from curation.decontaminate import Index, Item, Options
from curation.decontaminate.items import of_messages
from curation.decontaminate.stage import message_texts
from curation.errors import UsageError
from training.data import Conversation

MOST = 0.2
"""Share of the held-out examples."""


def without_leaks(
    held_out: Sequence[Conversation], train: Sequence[Conversation], split: str
) -> list[Conversation]:
    """The held-out conversations that no train conversation gives away, in order.

    Args:
        split: what the held-out conversations are called in the error.

    Raises:
        UsageError: more than `MOST` of them are given away.
    """
    if not held_out or not train:
        return list(held_out)
    items = [_item(str(number), conversation) for number, conversation in enumerate(held_out)]
    index = Index(
        items, Options.model_validate({}), beside=[_item("", conversation) for conversation in train]
    )
    leaked = index.given_away([message_texts(conversation.messages) for conversation in train])
    if len(leaked) > MOST * len(held_out):
        raise UsageError(
            f"{len(leaked):,} of {len(held_out):,} examples of {split} are given away by train examples, "
            "which hold their question or most of their question or answer; curate with deduplicate and "
            "split: {by: cluster}, or for an evaluation file with decontaminate: {against: [FILE]}"
        )
    return [conversation for number, conversation in enumerate(held_out) if str(number) not in leaked]


def _item(name: str, conversation: Conversation) -> Item:
    return Item(name, "", *of_messages(conversation.messages))
