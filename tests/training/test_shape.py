"""Shapes count what transformers and peft count, and refuse what they do not know."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.errors import UsageError
from training import shape as shapes
from training.recipe import parse
from training.schema import Adapter

SMALL = {
    "vocab_size": 96,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
}
FAMILIES = [
    ("qwen3", {}),
    ("qwen3", {"tie_word_embeddings": True, "attention_bias": True}),
    ("qwen2", {}),
    ("llama", {"num_key_value_heads": 4}),
    ("llama", {"attention_bias": True, "mlp_bias": True}),
    ("mistral", {"head_dim": 16}),
    ("glm", {"attention_bias": True, "pad_token_id": 0}),
    ("glm4", {"attention_bias": False, "pad_token_id": 0}),
    ("gemma", {"tie_word_embeddings": True}),
    ("gemma2", {"tie_word_embeddings": True}),
    ("gemma3_text", {"tie_word_embeddings": True}),
]


def built(family: str, more: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """A model without memory, and its configuration as it would be saved."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    config = AutoConfig.for_model(family, **{**SMALL, **more})
    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(config), config.to_dict()


@pytest.mark.parametrize(("family", "more"), FAMILIES)
def test_every_parameter_of_every_layer_is_counted(family: str, more: dict[str, Any]) -> None:
    model, config = built(family, more)
    found = shapes.of(config)
    theirs: dict[str, int] = {}
    for name, weights in model.named_parameters():
        layer = name.rpartition(".")[0]
        theirs[layer] = theirs.get(layer, 0) + weights.numel()
    assert {name: module.parameters for name, module in found.modules()} == theirs


@pytest.mark.parametrize(
    "adapter",
    [
        {"rank": 3},
        {"rank": 2, "type": "dora"},
        {"rank": 4, "targets": ["q_proj", "v_proj"]},
        {"rank": 4, "targets": ["q_proj", "down_proj"], "exclude": ["layers.1.mlp.down_proj"]},
        {"rank": 5, "targets": r"model\.layers\.0\..*_proj", "type": "dora"},
        {"rank": 2, "modules_to_save": ["lm_head", "embed_tokens"]},
        {"type": "none"},
    ],
)
def test_what_is_trained_is_what_peft_trains(adapter: dict[str, Any]) -> None:
    from peft import LoraConfig, get_peft_model

    model, config = built("qwen3", {})
    asked = Adapter(**adapter)
    if asked.type != "none":
        model = get_peft_model(
            model,
            LoraConfig(
                task_type="CAUSAL_LM",
                r=asked.rank,
                target_modules=asked.targets,
                exclude_modules=asked.exclude or None,
                modules_to_save=asked.modules_to_save or None,
                use_dora=asked.type == "dora",
            ),
        )
    theirs = sum(each.numel() for each in model.parameters() if each.requires_grad)
    assert shapes.trainable(shapes.of(config), asked) == theirs


@pytest.mark.parametrize("objective", ["seq_cls", "token_cls"])
def test_the_head_of_a_classifier_is_trained_whole(objective: str) -> None:
    import torch
    from peft import LoraConfig, TaskType, get_peft_model
    from transformers import AutoConfig, AutoModelForSequenceClassification, AutoModelForTokenClassification

    kinds = {
        "seq_cls": (AutoModelForSequenceClassification, TaskType.SEQ_CLS),
        "token_cls": (AutoModelForTokenClassification, TaskType.TOKEN_CLS),
    }
    kind, task = kinds[objective]
    config = AutoConfig.for_model("qwen3", **SMALL, num_labels=5)
    targets = ["q_proj", "down_proj"]
    with torch.device("meta"):
        model = get_peft_model(
            kind.from_config(config), LoraConfig(task_type=task, r=2, target_modules=targets)
        )
    theirs = sum(each.numel() for each in model.parameters() if each.requires_grad)
    asked = Adapter(rank=2, targets=targets)
    assert shapes.trainable(shapes.of(config.to_dict()), asked, objective, labels=5) == theirs


def test_published_shapes_have_the_published_number_of_parameters() -> None:
    published = {
        "qwen3-0.6b": 596_049_920,
        "qwen3-1.7b": 1_720_574_976,
        "qwen3-4b": 4_022_468_096,
        "qwen3-8b": 8_190_735_360,
        "qwen3-14b": 14_768_307_200,
        "qwen3-32b": 32_762_123_264,
        "qwen2.5-0.5b": 494_032_768,
        "qwen2.5-7b": 7_615_616_512,
        "qwen2.5-72b": 72_706_203_648,
        "llama-3.1-8b": 8_030_261_248,
        "glm-4-9b": 9_400_279_040,
    }
    found = {name: shapes.of(shapes.PUBLISHED[name]).parameters for name in published}
    assert found == published


@settings(max_examples=40)
@given(rank=st.integers(1, 256), more=st.integers(1, 64))
def test_a_higher_rank_trains_proportionally_more(rank: int, more: int) -> None:
    found = shapes.of(shapes.PUBLISHED["qwen3-0.6b"])
    one = shapes.trainable(found, Adapter(rank=1))
    assert shapes.trainable(found, Adapter(rank=rank + more)) == one * (rank + more)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({**SMALL, "model_type": "qwen3_moe", "num_experts": 8}, "mixture of experts"),
        ({**SMALL, "model_type": "rwkv"}, "model_type rwkv"),
        ({"model_type": "qwen3", "hidden_size": 32}, "no num_attention_heads"),
    ],
)
def test_a_shape_that_is_not_known_is_refused_not_guessed(config: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        shapes.of(config)


def test_a_target_that_is_no_layer_is_named() -> None:
    found = shapes.of(shapes.PUBLISHED["qwen3-0.6b"])
    with pytest.raises(UsageError, match="no layer query_proj"):
        shapes.trainable(found, Adapter(targets=["q_proj", "query_proj"]))


def test_a_model_on_a_hub_is_not_asked_for() -> None:
    model = {"path": "Qwen/Qwen3-8B", "revision": "0" * 40}
    recipe = parse({"schema": "training/1", "name": "far", "model": model})
    with pytest.raises(UsageError, match=r"--shape; did you mean qwen3-8b\?"):
        shapes.find(recipe, None)
    assert shapes.find(recipe, "qwen3-8b")[1] == "qwen3-8b"
