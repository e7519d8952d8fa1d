"""Whose words the tokens of a conversation are, told by where the words stand in the rendered text: this
looks at nothing that decides the labels, so it can check them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from training.chat import Chat
from training.data import Message
from training.encoded import IGNORED, Encoded

TEMPLATE = "template"
"""Whose tokens those are that nobody said: role names, control tokens, stop tokens."""


def roles(chat: Chat, messages: Sequence[Message], encoded: Encoded) -> list[str] | None:
    """For each token who said it: a role, or `TEMPLATE`; None where someone wrote control tokens, since then
    the text alone does not tell which tokens are theirs."""
    said, text = chat.rendered(messages)
    if not chat.template.is_plain(said):
        return None
    spans: list[tuple[int, int, str]] = []
    for each in said:
        for words in (each.get("reasoning_content", "").strip(), each["content"].strip()):
            start = text.find(words, spans[-1][1] if spans else 0)
            if words and start >= 0:
                spans.append((start, start + len(words), each["role"]))
    found = []
    [encoding] = chat.template.tokenise([text])
    following = iter(spans)
    span = next(following, None)
    for start, end in encoding.offsets[: len(encoded.input_ids)]:
        while span and span[1] <= start:
            span = next(following, None)
        found.append(span[2] if span and end > span[0] else TEMPLATE)
    return found


def learnt(chat: Chat, said: Sequence[Sequence[Message]]) -> dict[str, float]:
    """Of each role's tokens the share that is learnt; conversations that hold control tokens are left out."""
    tokens, labelled = Counter[str](), Counter[str]()
    for messages in said:
        encoded = chat.encode(messages)
        who = roles(chat, messages, encoded) or []
        tokens.update(who)
        labelled.update(role for role, label in zip(who, encoded.labels, strict=False) if label != IGNORED)
    return {role: labelled[role] / count for role, count in sorted(tokens.items())}


def spread(n: int, most: int) -> list[int]:
    """At most so many of n places, evenly spaced."""
    return [number * n // min(n, most) for number in range(min(n, most))]
