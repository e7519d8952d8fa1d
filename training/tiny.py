"""A small character model of the Qwen3 architecture, pretrained for a minute on what citizens wrote in the
train split. It exists so that the road can be walked on any machine; it is not for use.

Only the users' turns are learnt, never an answer, so that the base knows the language of the letters and
nothing of the task.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from curation.errors import UsageError
from curation.pipeline import Progress
from training.chat import Chat, Encoded
from training.data import Conversation, Message
from training.recipe import Tiny, Train
from training.trainer import fit

TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
"""ChatML, without a system message of its own."""

_PAD, _START, _END = "<|pad|>", "<|im_start|>", "<|im_end|>"
_UNKNOWN = "\ufffd"
"""Stands for every character that no train text has; no control token, since plain text becomes it."""
_HEAD = 24
"""Characters of a text without lines that are taken for its subject."""
_POSITIONS = 4096


def build(
    conversations: Sequence[Conversation],
    shape: Tiny,
    *,
    seed: int,
    folder: Path,
    scratch: Path,
    journal: Path,
    progress: Progress,
) -> None:
    """Make the model and save it as transformers does.

    Args:
        conversations: of the train split; the characters in them are the whole vocabulary.
        folder: appears when the model is whole.
        scratch: for checkpoints.

    Raises:
        UsageError: no citizen wrote anything.
    """
    import torch
    from transformers import Qwen3Config, Qwen3ForCausalLM, set_seed
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    tokenizer = character_tokenizer(
        message["content"] for conversation in conversations for message in conversation.messages
    )
    lessons = list(_lessons(conversations, Chat(tokenizer), shape.max_length))
    if not lessons:
        raise UsageError("no user message of the train split has text, so the tiny model has nothing to read")
    set_seed(seed)
    model = Qwen3ForCausalLM(
        Qwen3Config(
            vocab_size=len(tokenizer),
            hidden_size=shape.hidden_size,
            num_hidden_layers=shape.layers,
            num_attention_heads=shape.heads,
            num_key_value_heads=shape.kv_heads,
            head_dim=shape.hidden_size // shape.heads,
            intermediate_size=shape.intermediate_size,
            max_position_embeddings=_POSITIONS,
            tie_word_embeddings=True,
            pad_token_id=tokenizer.pad_token_id,
            eos_token_id=tokenizer.eos_token_id,
            bos_token_id=None,
            dtype=torch.float32,
        )
    )
    settings = Train(
        max_steps=shape.steps,
        batch_size=shape.batch_size,
        micro_batch_size=shape.batch_size,
        lr=shape.lr,
        warmup=20,
        weight_decay=0.01,
        save_every=max(20, shape.steps // 4),
    )
    fit(
        model,
        lessons,
        settings,
        folder=scratch,
        journal=journal,
        seed=seed,
        phase="pretrain",
        progress=progress,
    )
    unfinished = folder.with_name(f".{folder.name}")
    shutil.rmtree(unfinished, ignore_errors=True)
    model.save_pretrained(unfinished)
    tokenizer.save_pretrained(unfinished)
    unfinished.rename(folder)


def character_tokenizer(texts: Iterable[str]) -> Any:
    """A fast tokenizer whose tokens are the characters that occur, and three control tokens."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    characters = sorted({_UNKNOWN, *"system\nuser\nassistant\n"}.union(*texts))
    vocabulary = {token: number for number, token in enumerate([_PAD, _START, _END, *characters])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=_UNKNOWN))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    tokenizer.decoder = decoders.Fuse()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=_PAD,
        eos_token=_END,
        extra_special_tokens=[_START],
    )
    fast.chat_template = TEMPLATE
    return fast


def _lessons(conversations: Sequence[Conversation], chat: Chat, longest: int) -> Iterable[Encoded]:
    """What is pretrained on: a text is read, then its subject is said, and every token of it is learnt.

    The first line of a letter is its title. A model that says it last has learnt at that place what the text
    is about, which is where an answer will be asked for.
    """
    for conversation in conversations:
        for message in conversation.messages:
            if message["role"] == "user" and message["content"].strip():
                ids = chat.encode(_subject_last(message["content"], longest)).input_ids
                yield Encoded(ids, ids)


def _subject_last(text: str, longest: int) -> list[Message]:
    subject, _, rest = text.partition("\n")
    if not rest.strip() or not subject.strip():
        subject, rest = text.strip()[:_HEAD], text.strip()[_HEAD:]
    return [
        Message(role="user", content=rest[:longest], weight=0.0),
        Message(role="assistant", content=subject[:longest], weight=1.0),
    ]
