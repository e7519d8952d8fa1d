"""How a conversation becomes token ids and labels: by the model's own chat template and nothing else.

The prompt of an answer is rendered as a server would render it, and must be an exact prefix of the whole
conversation; what follows it, up to and with the stop token, is learnt. Control tokens in what people wrote
are encoded as plain text, so a letter cannot open a turn.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from curation.errors import UsageError
from training.data import Conversation, Message
from training.recipe import Data

IGNORED = -100
"""The label of a token that is not learnt, as torch's cross entropy has it."""

_SAMPLE = (
    Message(role="user", content="问题", weight=0.0),
    Message(role="assistant", content="回答", weight=1.0),
)
_FULL_WIDTH = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}
_MARKER = re.compile(r"<[|｜][^\s<>|｜]+[|｜]>|<(?:start|end)_of_turn>")
"""What a template writes as one token, in the notations in use."""


@dataclass(frozen=True)
class Encoded:
    """A conversation as token ids, and for each the id to learn or `IGNORED`."""

    input_ids: list[int]
    labels: list[int]


@dataclass(frozen=True)
class Counts:
    """What became of the conversations.

    Attributes:
        rows: all; `kept` of them are used, `overlong` ones are dropped.
        tokens: of the kept ones; `supervised_tokens` of them are learnt.
    """

    rows: int
    kept: int
    overlong: int
    tokens: int
    supervised_tokens: int


_EARLIER_DIFFERS = (
    "the chat template writes an earlier answer in another way than it asks for one; learn the last answers "
    "alone: --set chat.loss_on=last_assistant"
)
_LAST_DIFFERS = "the chat template writes an answer in another way than it asks for one"


class Chat:
    """Renders conversations with a tokenizer's chat template.

    Args:
        tokenizer: a fast tokenizer of transformers. A template from a file becomes its own, and is saved with
            it.
        template: `model` or the path of a Jinja file.
        loss_on: `assistant` learns every answer of weight 1, `last_assistant` the last one alone.

    Raises:
        UsageError: there is no chat template.
    """

    def __init__(
        self,
        tokenizer: Any,
        template: str = "model",
        loss_on: Literal["assistant", "last_assistant"] = "assistant",
    ) -> None:
        if template != "model":
            tokenizer.chat_template = Path(template).read_text(encoding="utf-8")
        try:
            self._template: str = tokenizer.get_chat_template()
        except ValueError:
            raise UsageError(
                "the model's tokenizer has no chat template; give one: --set chat.template=FILE.jinja"
            ) from None
        # transformers would let added tokens through that the template does not write itself. A word that was
        # added to the vocabulary is no control token.
        added = [str(token) for token in tokenizer.added_tokens_decoder.values()]
        tokenizer.chat_control_tokens = [token for token in added if token.startswith(("<", "["))]
        self._tokenizer, self._loss_on = tokenizer, loss_on
        special = [number for number, token in tokenizer.added_tokens_decoder.items() if token.special]
        self._special = {tokenizer.eos_token_id, *special}

    def encode(self, messages: Sequence[Message]) -> Encoded:
        """The conversation up to its last answer that is learnt, and the labels.

        White space around an answer is left out: templates trim it in ways of their own.

        Raises:
            UsageError: there is no answer to learn, or one that has no stop token or another prompt.
        """
        learnt = [number for number, message in enumerate(messages) if message["weight"]]
        if not learnt:
            raise UsageError("no token of it is learnt: no assistant message of weight 1")
        if self._loss_on == "last_assistant":
            learnt = learnt[-1:]
        ids = self._render(messages[: learnt[-1] + 1])
        labels = [IGNORED] * len(ids)
        for number in learnt:
            prompt = self.prompt(messages[:number])
            if ids[: len(prompt)] != prompt:
                raise UsageError(_LAST_DIFFERS if number == learnt[-1] else _EARLIER_DIFFERS)
            stop = self._stop(ids, len(prompt))
            labels[len(prompt) : stop + 1] = ids[len(prompt) : stop + 1]
        # Nothing follows the last stop token when the model speaks for itself.
        return Encoded(ids[: stop + 1], labels[: stop + 1])

    def prompt(self, messages: Sequence[Message]) -> list[int]:
        """The token ids after which the model answers these messages."""
        return self._render(messages, add_generation_prompt=True)

    def encode_all(self, conversations: Sequence[Conversation], limits: Data) -> tuple[list[Encoded], Counts]:
        """Conversations of at most `limits.max_length` tokens, in order; longer ones are dropped, not cut.

        Raises:
            UsageError: one cannot be encoded, or more than `limits.max_drop_fraction` of them are too long.
        """
        kept, longest = [], 0
        for conversation in conversations:
            try:
                encoded = self.encode(conversation.messages)
            except UsageError as error:
                raise UsageError(f"conversation {conversation.id}: {error}") from None
            longest = max(longest, len(encoded.input_ids))
            if len(encoded.input_ids) <= limits.max_length:
                kept.append(encoded)
        overlong = len(conversations) - len(kept)
        if overlong > limits.max_drop_fraction * len(conversations):
            raise UsageError(
                f"{overlong} of {len(conversations)} conversations are longer than data.max_length "
                f"{limits.max_length} (the longest has {longest} tokens); data.max_drop_fraction allows fewer"
            )
        tokens = sum(len(each.input_ids) for each in kept)
        supervised = sum(label != IGNORED for each in kept for label in each.labels)
        return kept, Counts(len(conversations), len(kept), overlong, tokens, supervised)

    def check(self, ends: Collection[int]) -> None:
        """Refuse a template that does not belong to the tokenizer, before anything is trained on it.

        Args:
            ends: ids at which the model ends an answer, from its generation config; the tokenizer's own
                end-of-sequence token counts in any case.

        Raises:
            UsageError: what does not fit, in one line.
        """
        tokenizer = self._tokenizer
        added = tokenizer.get_added_vocab()
        written = self._apply(_SAMPLE, tokenize=False)
        for marker in _MARKER.findall(written):
            if marker not in added:
                raise UsageError(
                    f"the chat template writes {marker}, which is not one token of this tokenizer: they do "
                    "not belong together"
                )
        encoded = self.encode(_SAMPLE)
        stop = encoded.labels[-1]
        if stop not in {tokenizer.eos_token_id, *ends}:
            token = tokenizer.convert_ids_to_tokens(stop)
            raise UsageError(
                f"the chat template ends an answer with {token}, which neither the tokenizer nor the "
                "generation config names as the end: the model would never stop"
            )
        plain = "".join(tokenizer.chat_control_tokens)
        hostile = plain + plain.translate(_FULL_WIDTH)  # a tokenizer may fold widths
        attacked = self.encode([Message(role="user", content=hostile, weight=0.0), _SAMPLE[-1]])
        control = set(added.values())
        if sum(each in control for each in attacked.input_ids) != sum(
            each in control for each in encoded.input_ids
        ):
            raise UsageError("with this tokenizer a letter that holds control tokens could open a turn")

    def _render(self, messages: Sequence[Message], *, add_generation_prompt: bool = False) -> list[int]:
        rendered = self._apply(
            messages,
            tokenize=True,
            return_dict=True,
            sanitize_control_tokens=True,
            add_generation_prompt=add_generation_prompt,
        )
        ids: list[int] = rendered["input_ids"]
        return ids

    def _apply(self, messages: Sequence[Message], **options: Any) -> Any:
        if "enable_thinking" in self._template:  # a hybrid model is tuned to answer at once
            options["enable_thinking"] = False
        said = [{"role": each["role"], "content": _trimmed(each)} for each in messages]
        try:
            return self._tokenizer.apply_chat_template(said, **options)
        except Exception as error:  # templates are programs of other people, and raise what they like
            reason = str(error)
            # A template's own message is part of the template; any other may hold a record's text.
            reason = reason if reason and reason in self._template else type(error).__name__
            raise UsageError(f"the chat template refuses the messages: {reason}") from None

    def _stop(self, ids: Sequence[int], start: int) -> int:
        """The place of the stop token of the answer that begins at `start`."""
        for place in range(start, len(ids)):
            if ids[place] in self._special:
                return place
        raise UsageError("the chat template writes no stop token after an answer")


def _trimmed(message: Message) -> str:
    return message["content"].strip() if message["role"] == "assistant" else message["content"]
