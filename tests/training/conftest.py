"""Small models of real architectures, randomly initialised, with byte-level tokenizers and chat templates of
the usual shapes; saved as transformers saves them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

CHATML = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
# A hybrid model: an empty think block before the last answer, and in the prompt where thinking is off.
HYBRID = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\n' }}"
    "{% if message['role'] == 'assistant' and loop.last %}{{ '<think>\n\n</think>\n\n' }}{% endif %}"
    "{{ message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}"
    "{% if enable_thinking is defined and enable_thinking is false %}"
    "{{ '<think>\n\n</think>\n\n' }}"
    "{% endif %}{% endif %}"
)
LLAMA3 = (
    "{{ bos_token }}"
    "{% for message in messages %}"
    "{{ '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n' }}"
    "{{ message['content'] | trim + '<|eot_id|>' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"
)
TEXTS = [
    "你是政务服务热线的分办人员，请判断群众诉求属于哪一类，只回答类别名称。",
    "标题：路灯不亮\n内容：小区门口的路灯坏了半个月，晚上出行不安全，请尽快维修。",
    "城乡建设 环境保护 交通运输 教育文体 劳动和社会保障 商贸旅游 卫生计生",
    "system user assistant think 12345 2026-03-08",
]


def byte_level_tokenizer(special: list[str], template: str, **named: str) -> Any:
    """A byte-level BPE trained on `TEXTS`, as Qwen and Llama 3 have one."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, **named)
    fast.add_tokens(["<think>", "</think>"])  # added, but not special, as Qwen3 has them
    fast.chat_template = template
    return fast


def chatml_tokenizer(template: str = CHATML) -> Any:
    return byte_level_tokenizer(
        ["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
        template,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
    )


def llama3_tokenizer() -> Any:
    special = ["begin_of_text", "end_of_text", "start_header_id", "end_header_id", "eot_id"]
    return byte_level_tokenizer(
        [f"<|{name}|>" for name in special],
        LLAMA3,
        bos_token="<|begin_of_text|>",
        eos_token="<|eot_id|>",
    )


@pytest.fixture(scope="session")
def tokenizers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """`chatml`, `hybrid` and `llama3`, loaded from disk as a model's are."""
    from transformers import AutoTokenizer

    made = {
        "chatml": chatml_tokenizer(),
        "hybrid": chatml_tokenizer(HYBRID),
        "llama3": llama3_tokenizer(),
    }
    loaded = {}
    for name, tokenizer in made.items():
        folder = tmp_path_factory.mktemp(name)
        tokenizer.save_pretrained(folder)
        loaded[name] = AutoTokenizer.from_pretrained(folder)
    return loaded


@pytest.fixture(scope="session")
def qwen3(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a Qwen3 with two layers and a ChatML template."""
    from transformers import Qwen3Config, Qwen3ForCausalLM

    return saved(Qwen3Config, Qwen3ForCausalLM, chatml_tokenizer(), tmp_path_factory.mktemp("qwen3"))


@pytest.fixture(scope="session")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a Llama with two layers and a Llama 3 template; no padding token."""
    from transformers import LlamaConfig, LlamaForCausalLM

    return saved(LlamaConfig, LlamaForCausalLM, llama3_tokenizer(), tmp_path_factory.mktemp("llama"))


def saved(config: Any, model: Any, tokenizer: Any, folder: Path) -> Path:
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(0)
    shape = config(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=8,
        max_position_embeddings=2048,
        tie_word_embeddings=False,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    model(shape).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
