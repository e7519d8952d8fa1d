"""Operations are those that torch counts; peaks are found by the names that torch gives to devices."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training import cards, flops
from training import shape as shapes
from training.schema import Adapter

CONFIG = {
    "model_type": "qwen3",
    "vocab_size": 512,
    "hidden_size": 64,
    "intermediate_size": 160,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "tie_word_embeddings": False,
}
LENGTH = 96


def counted(*, adapter: bool) -> tuple[float, float, float, int]:
    """By torch, per token: forward and backward of matrix products, and those of attention; parameters
    trained."""
    import torch
    from peft import LoraConfig, get_peft_model
    from torch.utils.flop_counter import FlopCounterMode
    from transformers import Qwen3Config, Qwen3ForCausalLM

    torch.manual_seed(0)
    more = {key: value for key, value in CONFIG.items() if key != "model_type"}
    model: Any = Qwen3ForCausalLM(Qwen3Config(**more, attn_implementation="eager"))
    if adapter:
        model = get_peft_model(model, LoraConfig(task_type="CAUSAL_LM", r=4, target_modules="all-linear"))
    ids = torch.randint(0, 512, (2, LENGTH))

    def run(*, backward: bool) -> Counter[str]:
        with FlopCounterMode(display=False) as counter:
            loss = model(input_ids=ids, labels=ids).loss
            if backward:
                loss.backward()
        return Counter({str(op): count for op, count in counter.get_flop_counts()["Global"].items()})

    passed, whole = run(backward=False), run(backward=True)
    tokens = 2 * LENGTH
    trainable = sum(each.numel() for each in model.parameters() if each.requires_grad)
    attention = whole["aten.bmm"] / tokens
    return passed.total() / tokens, (whole.total() - whole["aten.bmm"]) / tokens, attention, trainable


@pytest.mark.parametrize("adapter", [True, False])
def test_operations_are_those_torch_counts(adapter: bool) -> None:
    passed, products, attention, trainable = counted(adapter=adapter)
    ours = flops.forward(shapes.of(CONFIG), LENGTH)
    # torch's plain attention computes every pair, also those that are masked.
    pairs = LENGTH / ((LENGTH + 1) / 2)
    own = 2 * trainable if adapter else 0
    assert passed == pytest.approx(ours.linear + ours.head + ours.attention * pairs + own, rel=0.01)
    assert attention == pytest.approx(3 * ours.attention * pairs, rel=0.01)
    useful = flops.per_token(CONFIG, LENGTH, adapter=adapter, trainable=trainable)
    assert products == pytest.approx(useful - 3 * ours.attention, rel=0.03)


def test_lora_costs_two_forward_passes_and_not_three() -> None:
    config = shapes.PUBLISHED["qwen3-8b"]
    passed = flops.forward(shapes.of(config), 2048).total
    trainable = shapes.trainable(shapes.of(config), Adapter())
    lora = flops.per_token(config, 2048, adapter=True, trainable=trainable)
    assert lora / passed == pytest.approx(2.0, abs=0.1)
    assert flops.per_token(config, 2048, adapter=False) / passed == pytest.approx(3.0)


@given(length=st.integers(1, 5000), window=st.integers(1, 5000))
def test_a_window_never_costs_more_and_nothing_where_it_is_not_reached(length: int, window: int) -> None:
    base = {**CONFIG, "model_type": "mistral"}
    free = flops.forward(shapes.of(base), length).attention
    held = flops.forward(shapes.of({**base, "sliding_window": window}), length).attention
    assert held <= free * (1 + 1e-12)
    assert (held == free) == (length <= window)


@pytest.mark.parametrize(
    ("name", "dtype", "peak"),
    [
        ("NVIDIA GeForce RTX 4090", "bf16", 165.2),
        ("NVIDIA GeForce RTX 4090 D", "bf16", None),
        ("NVIDIA GeForce RTX 4090 Laptop GPU", "bf16", None),
        ("NVIDIA A10", "fp16", 125.0),
        ("NVIDIA A10G", "fp16", None),
        ("NVIDIA A100-SXM4-40GB", "torch.bfloat16", 312.0),
        ("NVIDIA A100 80GB PCIe", "bfloat16", 312.0),
        ("NVIDIA A800-SXM4-80GB", "bf16", 312.0),
        ("NVIDIA H100 80GB HBM3", "torch.float32", 66.9),
        ("NVIDIA H100 PCIe", "bf16", 756.0),
        ("NVIDIA H200", "bf16", 989.4),
        ("NVIDIA H20", "bf16", 148.0),
        ("NVIDIA L20", "bf16", 119.5),
        ("NVIDIA L40S", "bf16", 362.1),
        ("Ascend910B3", "bf16", 313.0),
        ("Ascend910B3", "fp32", None),
        ("Tesla T4", "fp16", None),
    ],
)
def test_a_peak_is_found_by_torchs_name_and_never_another_cards(
    name: str, dtype: str, peak: float | None
) -> None:
    assert cards.peak_tflops(name, dtype) == peak
