"""How a conversation becomes token ids and labels: by the model's own chat template and nothing else.

The prompt of an answer is rendered as a server would render it, and must be an exact prefix of the whole
conversation; what follows it, up to and with the stop token, is learnt.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from curation.errors import UsageError
from training import schema
from training.data import Conversation, Message
from training.encoded import IGNORED, Counts, Encoded
from training.template import SAMPLE, Said, Template, is_cut

__all__ = ["IGNORED", "Chat", "Counts", "Encoded"]

_FULL_WIDTH = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}
_EMPTY_THOUGHT = re.compile(r"\s*<think>\s*</think>\s*")
_AT_ONCE = 256
"""Conversations that are tokenised in one call."""


_EARLIER_DIFFERS = (
    "the chat template writes an earlier answer in another way than it asks for one; learn the last answers "
    "alone: --set chat.loss_on=last_assistant"
)
_LAST_DIFFERS = "the chat template writes an answer in another way than it asks for one"


@dataclass(frozen=True)
class _Answer:
    """One whose tokens are told from the rest.

    Attributes:
        asked: the messages before it, and `prompt`, their text up to where it begins.
        empty_thought: what it begins with where that is an empty think block that is not learnt.
        differs: what to say when its prompt is no prefix of the conversation.
    """

    asked: list[Said]
    prompt: str
    empty_thought: str
    weight: float
    differs: str


@dataclass(frozen=True)
class _Draft:
    """A conversation as text, not tokenised yet."""

    said: list[Said]
    text: str
    answers: list[_Answer]


class Chat:
    """Renders conversations with a tokenizer's chat template.

    Args:
        tokenizer: a fast tokenizer of transformers. A template from a file becomes its own, and is saved with
            it.

    Raises:
        UsageError: there is no chat template, or a stop token that is none.
    """

    def __init__(self, tokenizer: Any, settings: schema.Chat | None = None) -> None:
        self.settings = settings or schema.Chat()
        self.template = Template(tokenizer, self.settings)
        self._tails: dict[str, list[int]] = {}

    def encode(self, messages: Sequence[Message]) -> Encoded:
        """The conversation up to its last answer that is learnt, and the labels.

        Raises:
            UsageError: there is no answer to learn, or one that has no stop token or another prompt.
        """
        return next(self._finished([self._draft(messages)]))

    def prompt(self, messages: Sequence[Message]) -> list[int]:
        """The token ids after which the model answers these messages."""
        return self.template.ids(self.template.said(self.template.messages(messages)), ask=True)

    def rendered(self, messages: Sequence[Message]) -> tuple[list[Said], str]:
        """What `encode` tokenises: the messages as the template reads them, and the text it makes of them."""
        draft = self._draft(messages)
        return draft.said, draft.text

    def encode_all(
        self, conversations: Sequence[Conversation], limits: schema.Data
    ) -> tuple[list[Encoded], Counts]:
        """Conversations of at most `limits.max_length` tokens, in order. A longer one is dropped, refused or
        loses its earliest turns, as `limits.overlong` says; no answer is cut.

        Raises:
            UsageError: the template is another tokenizer's, one cannot be encoded, or more than
                `limits.max_drop_fraction` of them are too long.
        """
        self._check_markers()
        kept: list[Encoded] = []
        longest = truncated = 0
        for conversation, encoded in self._encoded(conversations):
            longest = max(longest, len(encoded.input_ids))
            if len(encoded.input_ids) <= limits.max_length:
                kept.append(encoded)
            elif limits.overlong == "error":
                raise UsageError(
                    f"conversation {conversation.id}: {len(encoded.input_ids)} tokens, data.max_length is "
                    f"{limits.max_length}; raise it, or --set data.overlong=drop"
                )
            elif limits.overlong == "truncate_history":
                shorter = self._shorter(conversation, limits.max_length)
                truncated += len(shorter)
                kept += shorter
        overlong = len(conversations) - len(kept)
        if overlong > limits.max_drop_fraction * len(conversations):
            raise UsageError(
                f"{overlong} of {len(conversations)} conversations are longer than data.max_length "
                f"{limits.max_length} (the longest has {longest} tokens); data.max_drop_fraction allows fewer"
            )
        tokens = sum(len(each.input_ids) for each in kept)
        supervised = sum(len(each.labels) - each.labels.count(IGNORED) for each in kept)
        rows = len(conversations)
        cut = sum(is_cut(each.messages, self.settings) for each in conversations)
        return kept, Counts(rows, len(kept), overlong, tokens, supervised, truncated, longest, cut)

    def check(self, ends: Collection[int]) -> None:
        """Refuse a template that does not belong to the tokenizer, before anything is trained on it.

        Args:
            ends: ids at which the model ends an answer, from its generation config; the tokenizer's own
                end-of-sequence token and `chat.stop_tokens` count in any case.

        Raises:
            UsageError: what does not fit, in one line.
        """
        tokenizer = self.template.tokenizer
        if self.settings.loss_on == "all":  # where an answer ends is seen when it is learnt alone
            Chat(tokenizer, self.settings.model_copy(update={"loss_on": "assistant"})).check(ends)
            return
        self._check_markers()
        encoded = self.encode(self._sample(SAMPLE[0]["content"]))
        stop = encoded.answer[-1]
        if stop not in self.ends(ends):
            token = tokenizer.convert_ids_to_tokens(stop)
            raise UsageError(
                f"the chat template ends an answer with {token}, which neither the tokenizer nor the "
                "generation config names as the end: the model would never stop; if it is one, "
                f"--set chat.stop_tokens=[{token}]"
            )
        plain = "".join(tokenizer.chat_control_tokens)
        attacked = self.encode(self._sample(plain + plain.translate(_FULL_WIDTH)))  # some fold widths
        if self.control_tokens(attacked) != self.control_tokens(encoded):
            raise UsageError("with this tokenizer a letter that holds control tokens could open a turn")

    def ends(self, of_the_model: Collection[int]) -> set[int]:
        """Ids at which an answer may end."""
        tokenizer = self.template.tokenizer
        named = tokenizer.convert_tokens_to_ids(self.settings.stop_tokens)
        return {tokenizer.eos_token_id, *of_the_model, *named}

    def control_tokens(self, encoded: Encoded) -> list[int]:
        """The control tokens of a conversation, in order."""
        control = set(self.template.tokenizer.get_added_vocab().values())
        return [each for each in encoded.input_ids if each in control]

    def _check_markers(self) -> None:
        sample = self._sample(SAMPLE[0]["content"])
        self.template.check_markers(self.template.said(self.template.messages(sample)))

    def _sample(self, question: str) -> list[Message]:
        asked = [Message(role="user", content=question, weight=0.0), SAMPLE[-1]]
        system = Message(role="system", content="要求", weight=0.0)
        return [system, *asked] if self.template.own_system else asked

    def _encoded(self, conversations: Sequence[Conversation]) -> Iterator[tuple[Conversation, Encoded]]:
        for start in range(0, len(conversations), _AT_ONCE):
            some = conversations[start : start + _AT_ONCE]
            try:
                finished = self._finished([self._draft((at := each).messages) for each in some])
                for at in some:
                    yield at, next(finished)
            except UsageError as error:
                raise UsageError(f"conversation {at.id}: {error}") from None

    def _shorter(self, conversation: Conversation, longest: int) -> list[Encoded]:
        """The conversation without as many of its earliest turns as it takes; nothing where that is not
        enough. System messages stay."""
        messages = conversation.messages
        asked = [number for number, each in enumerate(messages) if each["role"] == "user"]
        for first in asked[1:]:
            if not any(each["weight"] for each in messages[first:]):
                break
            system = [each for each in messages[:first] if each["role"] == "system"]
            part = Conversation(conversation.id, [*system, *messages[first:]])
            [(_, encoded)] = self._encoded([part])
            if len(encoded.input_ids) <= longest:
                return [encoded]
        return []

    def _draft(self, given: Sequence[Message]) -> _Draft:
        messages = self.template.messages(given)
        answers = [number for number, each in enumerate(messages) if each["role"] == "assistant"]
        learnt = [number for number in answers if messages[number]["weight"]]
        if self.settings.loss_on == "all":
            unlike = [number for number in answers if messages[number]["weight"] != 1]
            masked = answers[-1:] if self.settings.thinking == "mask_empty" else []
            told_apart = sorted({*unlike, *masked})
        elif learnt:
            messages = messages[: learnt[-1] + 1]
            told_apart = learnt[-1:] if self.settings.loss_on == "last_assistant" else learnt
        else:
            raise UsageError("no token of it is learnt: no assistant message of a weight above 0")
        said = self.template.said(messages)
        text = self.template.text(said)
        apart = [self._answer(said, number, text, messages[number]["weight"]) for number in told_apart]
        return _Draft(said, text, apart)

    def _answer(self, said: list[Said], number: int, text: str, weight: float) -> _Answer:
        prompt = self.template.text(said[:number], ask=True)
        is_last = number == len(said) - 1
        # A hybrid model's template takes thoughts out of earlier answers: those would be learnt without any.
        alone = text if is_last or self.settings.thinking == "off" else self.template.text(said[: number + 1])
        thoughts = said[number].get("reasoning_content", "")
        differs = _LAST_DIFFERS if is_last else _EARLIER_DIFFERS
        if not (text.startswith(prompt) and text.startswith(alone.rstrip()) and thoughts in alone):
            raise UsageError(differs)
        empty = _EMPTY_THOUGHT.match(text, len(prompt)) if self.settings.thinking == "mask_empty" else None
        return _Answer(said[:number], prompt, empty.group() if empty else "", weight, differs)

    def _finished(self, drafts: Sequence[_Draft]) -> Iterator[Encoded]:
        plain = [self.template.is_plain(draft.said) for draft in drafts]
        texts = [draft.text for draft, one in zip(drafts, plain, strict=True) if one]
        encodings = iter(self.template.tokenise(texts))
        for draft, one in zip(drafts, plain, strict=True):
            encoding = next(encodings) if one else None
            yield self._labelled(draft, encoding.ids if encoding else self.template.ids(draft.said), encoding)

    def _labelled(self, draft: _Draft, ids: list[int], encoding: Any) -> Encoded:
        everything = self.settings.loss_on == "all"
        # Nothing comes before the first token that could tell it.
        labels = [IGNORED, *ids[1:]] if everything else [IGNORED] * len(ids)
        spans: list[tuple[int, int, float]] = []
        for answer in draft.answers:
            asked = self._place(answer, "", ids, encoding)
            start = (
                self._place(answer, answer.empty_thought, ids, encoding) if answer.empty_thought else asked
            )
            end = self._stop(ids, start) + 1
            labels[asked:start] = [IGNORED] * (start - asked)
            labels[start:end] = ids[start:end] if answer.weight else [IGNORED] * (end - start)
            spans.append((start, end, answer.weight))
        # Nothing follows the last stop token when the model speaks for itself.
        end = len(ids) if everything else spans[-1][1]
        labels = labels[:end]
        return Encoded(ids[:end], labels, _weights(labels, spans))

    def _place(self, answer: _Answer, thought: str, ids: list[int], encoding: Any) -> int:
        """The place of the first token after what is asked and the empty thought: what stands before it are
        exactly the tokens of a server's prompt."""
        text = answer.prompt + thought
        if encoding is not None:
            place = encoding.char_to_token(len(text))
            begins = encoding.token_to_chars(place) if place is not None else None
            if begins and begins[0] == len(text) and self._ends_with(ids, place, self.template.tail(text)):
                return int(place)
        before = self.template.ids(answer.asked, ask=True)
        before += self.template.tokenise([thought])[0].ids if thought else []
        if ids[: len(before)] != before:
            raise UsageError(answer.differs)
        return len(before)

    def _ends_with(self, ids: list[int], place: int, tail: str) -> bool:
        """Whether the tail of a prompt, tokenised alone, gives the ids that end at this place."""
        wanted = self._tails.get(tail) or self.template.tokenise([tail])[0].ids
        if len(self._tails) < _AT_ONCE:  # most templates have one
            self._tails[tail] = wanted
        return ids[place - len(wanted) : place] == wanted

    def _stop(self, ids: Sequence[int], start: int) -> int:
        """The place of the stop token of the answer that begins at `start`."""
        for place in range(start, len(ids)):
            if ids[place] in self.template.stops:
                return place
        raise UsageError("the chat template writes no stop token after an answer")


def _weights(labels: Sequence[int], spans: Sequence[tuple[int, int, float]]) -> list[float] | None:
    """Of each token, 0 where nothing is learnt; None where all that is learnt counts alike."""
    if all(weight in (0, 1) for *_, weight in spans):
        return None
    weights = [float(label != IGNORED) for label in labels]
    for start, end, weight in spans:
        weights[start:end] = [weight] * (end - start)
    return weights
