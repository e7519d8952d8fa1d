"""What the tokenizer's own chat template makes of messages: text and token ids, as a server renders them.

Control tokens in what people wrote are encoded as plain text, so a letter cannot open a turn. A template that
does not belong to its tokenizer, or that adds a system message nobody asked for, is refused.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from curation.errors import UsageError
from training import schema
from training.data import Message

Said = dict[str, str]
"""A message as templates read it."""

_MARKER = re.compile(r"<[|｜][^\s<>|｜]+[|｜]>|<(?:start|end)_of_turn>")
"""What a template writes as one token, in the notations in use."""

_THOUGHTS = re.compile(r"\s*<think>(.*?)</think>\s*", re.DOTALL)
_THINK = ("<think>", "</think>")
_QUESTION, _ANSWER = "问题", "回答"
_PRIVATE = "[\U000f0000\U000f0001]"
"""With these transformers marks what it encodes as plain text."""

_TAIL = 256
"""Characters in which the last control token of a prompt is looked for."""

SAMPLE = (
    Message(role="user", content=_QUESTION, weight=0.0),
    Message(role="assistant", content=_ANSWER, weight=1.0),
)


def as_read(given: Sequence[Message], settings: schema.Chat) -> list[Message]:
    """The messages with the system message that the recipe asks for, and as much of a user's as the recipe
    lets the model read; an answer is never cut."""
    kept = [
        Message(role=each["role"], content=each["content"][: settings.user_length], weight=each["weight"])
        if each["role"] == "user"
        else each
        for each in given
        if settings.system == "keep" or each["role"] != "system"
    ]
    if settings.system in ("keep", "none"):
        return kept
    return [Message(role="system", content=settings.system, weight=0.0), *kept]


def is_cut(given: Sequence[Message], settings: schema.Chat) -> bool:
    """Whether `as_read` leaves out a part of what a user said."""
    longest = settings.user_length
    return longest is not None and any(
        each["role"] == "user" and len(each["content"]) > longest for each in given
    )


class Template:
    """A tokenizer with the chat template of the recipe.

    Args:
        tokenizer: a fast tokenizer of transformers. A template from a file becomes its own, and is saved with
            it.

    Attributes:
        stops: ids that end a turn, wherever they stand.

    Raises:
        UsageError: there is no chat template, or a stop token that the tokenizer does not have.
    """

    def __init__(self, tokenizer: Any, settings: schema.Chat) -> None:
        if settings.template != "model":
            tokenizer.chat_template = Path(settings.template).read_text(encoding="utf-8")
        try:
            self._source: str = tokenizer.get_chat_template()
        except ValueError:
            raise UsageError(
                "the model's tokenizer has no chat template; give one: --set chat.template=FILE.jinja"
            ) from None
        # transformers would let added tokens through that the template does not write itself. A word that was
        # added to the vocabulary is no control token.
        added = {number: str(token) for number, token in tokenizer.added_tokens_decoder.items()}
        tokenizer.chat_control_tokens = [each for each in added.values() if each.startswith(("<", "["))]
        self.tokenizer, self.settings = tokenizer, settings
        special = {number: added[number] for number, token in _added(tokenizer) if token.special}
        named = _ids_of(tokenizer, settings.stop_tokens)
        self.stops = frozenset(
            {tokenizer.eos_token_id, *named, *(n for n, token in special.items() if token not in _THINK)}
        )
        control = sorted({*tokenizer.chat_control_tokens, *special.values()}, key=len, reverse=True)
        self._control = re.compile("|".join([*map(re.escape, control), _PRIVATE]))

    def messages(self, given: Sequence[Message]) -> list[Message]:
        """The messages with the system message that the recipe asks for.

        Raises:
            UsageError: there is none, and the template would write its own.
        """
        kept = as_read(given, self.settings)
        if self.own_system and not (kept and kept[0]["role"] == "system"):
            raise UsageError(
                "it has no system message, and the chat template writes one of its own "
                f"({self.own_system}); say what it shall be: --set chat.system=TEXT"
            )
        return kept

    def said(self, messages: Sequence[Message]) -> list[Said]:
        """What the template reads of them. White space around an answer is left out: templates trim it in
        ways of their own.

        Raises:
            UsageError: an answer holds thoughts that cannot be learnt with these settings.
        """
        return [self._said(each) for each in messages]

    def text(self, said: Sequence[Said], *, ask: bool = False) -> str:
        """As the template writes it; with `ask` up to where the model answers."""
        rendered: str = self._apply(said, tokenize=False, add_generation_prompt=ask)
        return rendered

    def ids(self, said: Sequence[Said], *, ask: bool = False) -> list[int]:
        """The same as token ids, control tokens in what was said as plain text."""
        ids: list[int] = self._apply(
            said, tokenize=True, return_dict=True, sanitize_control_tokens=True, add_generation_prompt=ask
        )["input_ids"]
        return ids

    def is_plain(self, said: Sequence[Said]) -> bool:
        """Whether no message holds a control token: then `tokenise` of the text gives the ids."""
        return not any(self._control.search(value) for each in said for value in each.values())

    def tokenise(self, texts: Sequence[str]) -> list[Any]:
        """For each text the `tokenizers.Encoding`: `ids`, and which token stands where."""
        if not texts:
            return []
        found = self.tokenizer(list(texts), add_special_tokens=False, return_attention_mask=False)
        encodings: list[Any] = found.encodings
        return encodings

    def tail(self, text: str) -> str:
        """From the last control token on. What stands before it does not change how this is tokenised."""
        end = text[-_TAIL:]
        starts = [found.start() for found in self._control.finditer(end)]
        return end[starts[-1] :] if starts else text

    @cached_property
    def own_system(self) -> str:
        """Beginning of the system message that the template writes where there is none; else empty.

        A first question is introduced by the same words as a second one, unless something is put before it.
        """
        user, assistant = ({"role": each["role"], "content": each["content"]} for each in SAMPLE)
        try:
            text = self.text([user, assistant, user])
            answered = text.index(_ANSWER) + len(_ANSWER)
            between = text[answered : text.index(_QUESTION, answered)]
        except (UsageError, ValueError):
            return ""
        head = " ".join(self._control.sub(" ", text[: text.index(_QUESTION)]).split())
        usual = " ".join(self._control.sub(" ", between).split())
        return "" if usual.endswith(head) else head[:60]

    def check_markers(self, said: Sequence[Said]) -> None:
        """Refuse a template that writes control tokens of another tokenizer.

        Raises:
            UsageError: which one.
        """
        added = self.tokenizer.get_added_vocab()
        for marker in _MARKER.findall(self.text(said)):
            if marker not in added:
                raise UsageError(
                    f"the chat template writes {marker}, which is not one token of this tokenizer: they do "
                    "not belong together"
                )

    def _said(self, message: Message) -> Said:
        role, content = message["role"], message["content"]
        if role != "assistant":
            return {"role": role, "content": content}
        found = _THOUGHTS.match(content)
        if not found:
            return {"role": role, "content": content.strip()}
        thoughts, answer = found[1].strip(), content[found.end() :].strip()
        if not thoughts:
            return {"role": role, "content": answer}
        if self.settings.thinking == "off":
            raise UsageError(
                "an answer holds thoughts (<think>); learn them with --set chat.thinking=keep, or take them "
                "out of the data"
            )
        if "reasoning_content" in self._source:
            return {"role": role, "content": answer, "reasoning_content": thoughts}
        if _THINK[0] in self.tokenizer.get_added_vocab():
            raise UsageError("an answer holds thoughts (<think>), but the chat template has no place for any")
        return {"role": role, "content": content.strip()}

    def _apply(self, said: Sequence[Said], **options: Any) -> Any:
        if "enable_thinking" in self._source:
            options["enable_thinking"] = self.settings.thinking != "off"
        try:
            return self.tokenizer.apply_chat_template(list(said), **options)
        except Exception as error:  # templates are programs of other people, and raise what they like
            reason = str(error)
            # A template's own message is part of the template; any other may hold a record's text.
            reason = reason if reason and reason in self._source else type(error).__name__
            raise UsageError(f"the chat template refuses the messages: {reason}") from None


def _added(tokenizer: Any) -> list[tuple[int, Any]]:
    return list(tokenizer.added_tokens_decoder.items())


def _ids_of(tokenizer: Any, tokens: Sequence[str]) -> list[int]:
    known = tokenizer.get_vocab() if tokens else {}
    if unknown := next((token for token in tokens if token not in known), None):
        raise UsageError(f"chat.stop_tokens: {unknown} is not one token of this tokenizer")
    return [known[token] for token in tokens]
