"""Characters as tokens. One that is not in the vocabulary is written as its bytes, so that there is no text
the model cannot read and none that comes back as another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
"""ChatML, without a system message of its own."""

PAD, START, END = "<|pad|>", "<|im_start|>", "<|im_end|>"

_BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
_ASCII = [chr(code) for code in (9, 10, 13, *range(0x20, 0x7F))]
_PUNCTUATION = list("　、。〈〉《》「」『』【】〔〕！（），．：；？～—…“”‘’·％￥°±×①②③④⑤⑥⑦⑧⑨⑩")


def characters(texts: Iterable[str], fewest: int) -> list[str]:
    """The vocabulary's characters: ASCII, common punctuation, the 3,755 commonest Han characters as GB 2312
    has them, and what else occurs at least `fewest` times.

    What people write in letters differs from what laws say: a standard's list has the words of the family
    that no law uses, and a model that goes on reading learns them there.
    """
    counted = Counter[str]()
    for text in texts:
        counted.update(text)
    seen = {character for character, count in counted.items() if count >= fewest}
    return sorted({*seen, *_ASCII, *_PUNCTUATION, *_level_one()})


def character_tokenizer(vocabulary: Iterable[str]) -> Any:
    """A fast tokenizer of these characters, the 256 bytes and three control tokens."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    tokens = [PAD, START, END, *_BYTES, *vocabulary]
    tokenizer = Tokenizer(
        models.BPE({token: number for number, token in enumerate(tokens)}, [], byte_fallback=True)
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Fuse()])
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=END,
        extra_special_tokens=[START],
        clean_up_tokenization_spaces=False,
    )
    fast.chat_template = TEMPLATE
    return fast


def _level_one() -> list[str]:
    """Rows 16 to 55 of GB 2312."""
    pairs = (bytes([high, low]) for high in range(0xB0, 0xD8) for low in range(0xA1, 0xFF))
    return [pair.decode("gb2312") for pair in pairs if pair < b"\xd7\xfa"]
