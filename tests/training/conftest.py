"""Small models of real architectures, randomly initialised, with byte-level tokenizers and chat templates of
the usual shapes; saved as transformers saves them. Invented letters, and one small training of them that many
tests look at."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from training.run import TrainingRun

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
# A model that says who it is where nobody tells it.
QWEN25 = (
    "{% if messages[0]['role'] != 'system' %}"
    "{{ '<|im_start|>system\n你是一个助手。<|im_end|>\n' }}{% endif %}"
) + CHATML
# A hybrid model that takes thoughts, and leaves those of earlier answers out.
QWEN3 = (
    "{% set ns = namespace(asked=-1) %}"
    "{% for message in messages %}"
    "{% if message['role'] == 'user' %}{% set ns.asked = loop.index0 %}{% endif %}"
    "{% endfor %}"
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\n' }}"
    "{% if message['role'] == 'assistant' and loop.index0 > ns.asked %}"
    "{% set thoughts = message.reasoning_content if message.reasoning_content is string else '' %}"
    "{% if loop.last or thoughts %}{{ '<think>\n' + thoughts + '\n</think>\n\n' }}{% endif %}"
    "{% endif %}"
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
    """One for each kind of template, loaded from disk as a model's are."""
    from transformers import AutoTokenizer

    made = {
        "chatml": chatml_tokenizer(),
        "hybrid": chatml_tokenizer(HYBRID),
        "qwen25": chatml_tokenizer(QWEN25),
        "qwen3": chatml_tokenizer(QWEN3),
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


@pytest.fixture(scope="session")
def recipe_file(qwen3: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training of seconds in which all that can depend on chance takes part."""
    path = tmp_path_factory.mktemp("recipe") / "small.yaml"
    path.write_text(SMALL.replace("QWEN3", str(qwen3)), encoding="utf-8")
    return path


@pytest.fixture
def letters() -> Callable[[int], list[dict[str, Any]]]:
    return invented


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes rows as JSON lines."""
    return lambda rows, name="rows.jsonl": written(tmp_path / name, rows)


@pytest.fixture(scope="session")
def letter_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 labelled letters; 24 of them to train on."""
    return written(tmp_path_factory.mktemp("letters") / "letters.jsonl", invented(40))


@pytest.fixture(scope="session")
def done(
    recipe_file: Path, letter_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[TrainingRun, str]:
    """A finished training of `recipe_file` on `letter_file`, and what the command line printed."""
    import torch
    from typer.testing import CliRunner

    from govtune.cli import app

    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("trained") / "out"
    arguments = ["train", recipe_file, "--data", letter_file, "--output", folder]
    result = CliRunner().invoke(app, [str(each) for each in arguments])
    assert result.exit_code == 0, result.exception
    return TrainingRun(folder), result.output


@pytest.fixture(scope="session")
def trained(done: tuple[TrainingRun, str]) -> TrainingRun:
    """A finished training of `recipe_file` on `letter_file`. Nothing may be changed in it."""
    return done[0]


def invented(n: int) -> list[dict[str, Any]]:
    """Letters of three categories; their subject alone tells which."""
    made = []
    for k in range(n):
        draw = random.Random(k)
        label = list(SUBJECTS)[k % 3]
        subject, place = draw.choice(SUBJECTS[label]), draw.choice(PLACES)
        remarks = "".join(draw.sample(REMARKS, draw.randint(1, 3)))
        made.append(
            {
                "id": f"letter-{k}",
                "title": f"{subject}（{place}）",
                "text": f"{draw.choice(OPENINGS)}{place}{subject}，{remarks}请处理。",
                "label": label,
                "split": ("train", "train", "train", "test", "validation")[k % 5],
            }
        )
    return made


def written(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


SUBJECTS = {
    "城乡建设": ["路灯不亮", "井盖破损", "外墙渗水", "路面塌陷"],
    "交通运输": ["公交太少", "班车晚点", "站台拥挤", "车票难买"],
    "环境保护": ["河水发臭", "烟囱冒烟", "垃圾焚烧", "夜间噪声"],
}
PLACES = ["柳荫里", "石桥街", "南湖边", "北门外", "梧桐巷", "青石坡"]
OPENINGS = ["您好，", "反映一件事：", "我是居民，", ""]
# Every label is read in letters of each: what the tiny model has never read it cannot learn to say.
REMARKS = ["已有半月，", "城乡建设要跟上，", "交通运输要方便，", "环境保护要重视，"]
SMALL = """
schema: training/1
name: small
task: dispatch
model: {path: QWEN3, dtype: fp32, device: cpu}
data: {max_length: 1024}
adapter: {rank: 4, dropout: 0.1}
train: {max_steps: 12, batch_size: 4, micro_batch_size: 2, lr: 1.0e-2, save_every: 4}
evaluate: {every: 6}
"""
