"""Every kind of adapter: what it changes, that plain peft reads what is saved, and what is refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from curation.errors import UsageError
from training import adapter, model
from training import recipe as recipes
from training.evaluate.run import evaluate
from training.run import TrainingRun, train
from training.schema import Adapter, Model

IDS = [[5, 17, 60, 33, 21, 8, 90]]


def loaded(folder: Path) -> Any:
    return model.load(Model(path=str(folder), device="cpu", dtype="fp32"), str(folder))


def logits(of: Any) -> Any:
    import torch

    with torch.inference_mode():
        return of.eval()(torch.tensor(IDS)).logits


def shifted(adapted: Any) -> None:
    """Change what is trainable, as a training would."""
    import torch

    torch.manual_seed(1)
    with torch.no_grad():
        for each in adapted.parameters():
            if each.requires_grad:
                each += 0.05 * torch.randn_like(each)


def plain(base: Path, folder: Path) -> Any:
    """Base and adapter as anybody would load them."""
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    return PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), folder)


KINDS: list[dict[str, Any]] = [
    {},
    {"type": "dora"},
    {"rslora": True, "rank": 8},
    {"init": "gaussian"},
    {"init": "olora"},
    {"init": "pissa"},
    {"init": "pissa_niter_4"},
    {"init": "pissa", "rslora": True},
    {"init": "pissa", "modules_to_save": ["embed_tokens"], "targets": ["q_proj"]},
    {"targets": ["q_proj", "mlp.down_proj"]},
    {"targets": r".*layers\.1\..*_proj", "exclude": ["gate_proj"]},
]


@pytest.mark.filterwarnings("ignore:.*is_activation_checkpointing:FutureWarning")
@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_plain_peft_reads_what_was_trained_onto_the_unchanged_base(
    kind: dict[str, Any], qwen3: Path, tmp_path: Path
) -> None:
    import torch

    settings = Adapter(**{"rank": 4, **kind})
    base, tokenizer = loaded(qwen3)
    before = logits(base)
    adapted = adapter.attach(base, settings, seed=3)
    # Whatever it begins with, the model says the same until something is learnt.
    torch.testing.assert_close(logits(adapted), before, rtol=0, atol=1e-4)
    began = adapter.start(adapted, settings)
    shifted(adapted)
    trained = logits(adapted)
    assert (trained - before).abs().max() > 0.01
    adapter.save(adapted, tokenizer, tmp_path, began)
    again = plain(qwen3, tmp_path)
    torch.testing.assert_close(logits(again), trained, rtol=0, atol=1e-4)
    with again.disable_adapter():
        assert torch.equal(logits(again), before)
    ours = adapter.load(loaded(qwen3)[0], tmp_path)
    assert torch.equal(logits(ours), logits(again))
    with ours.disable_adapter():
        assert torch.equal(logits(ours), before)


@pytest.mark.parametrize("init", ["pissa", "pissa_niter_4", "olora", "gaussian"])
def test_every_start_is_the_same_with_the_same_seed(init: str, qwen3: Path) -> None:
    import torch

    drawn = []
    for _ in range(2):
        attached = adapter.attach(loaded(qwen3)[0], Adapter(rank=4, init=init), seed=3)
        drawn.append([each.detach().clone() for each in attached.parameters() if each.requires_grad])
    assert all(torch.equal(one, other) for one, other in zip(*drawn, strict=True))


def test_nothing_saved_names_a_place_on_this_machine(qwen3: Path, tmp_path: Path) -> None:
    base, tokenizer = loaded(qwen3)
    adapter.save(adapter.attach(base, Adapter(rank=2), 0), tokenizer, tmp_path / "adapter")
    base, tokenizer = loaded(qwen3)
    adapter.save(adapter.attach(base, Adapter(type="none"), 0), tokenizer, tmp_path / "whole")
    for path in tmp_path.rglob("*.json"):
        assert str(qwen3.parent) not in path.read_text(encoding="utf-8"), path
    config = json.loads((tmp_path / "adapter" / "adapter_config.json").read_text(encoding="utf-8"))
    assert config["base_model_name_or_path"] == qwen3.name


@pytest.mark.parametrize(
    ("targets", "exclude", "adapted"),
    [
        ("all-linear", [], {"q", "k", "v", "o", "gate", "up", "down"}),
        ("all-linear", ["gate_proj", "mlp.up_proj"], {"q", "k", "v", "o", "down"}),
        (["q_proj", "self_attn.v_proj"], [], {"q", "v"}),
        (r"model\.layers\.\d+\.mlp\.\w+", ["up_proj"], {"gate", "down"}),
    ],
)
def test_the_targets_are_layers_of_the_model_and_never_its_head(
    targets: str | list[str], exclude: list[str], adapted: set[str], qwen3: Path
) -> None:
    names = adapter.layers(loaded(qwen3)[0], Adapter(targets=targets, exclude=exclude))
    assert {name.rpartition(".")[2].removesuffix("_proj") for name in names} == adapted
    assert len(names) == 2 * len(adapted)


def test_layers_that_share_a_name_with_others_are_told_by_their_whole_name(qwen3: Path) -> None:
    base, _ = loaded(qwen3)
    adapted = adapter.attach(base, Adapter(rank=2, targets=r"model\.layers\.0\..*q_proj"), 0)
    assert adapted.active_peft_config.target_modules == {"model.layers.0.self_attn.q_proj"}
    assert adapter.trainable(adapted) == 2 * (32 + 32)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ({"targets": ["nosuch"]}, "adapter.targets: the model has no layer nosuch"),
        ({"targets": ["q_proj", "nosuch"]}, "adapter.targets: the model has no layer nosuch"),
        ({"targets": "q_proj"}, "adapter.targets: the regular expression fits no layer's whole name"),
        ({"targets": ["norm"]}, "adapter.targets: one of them is a layer that peft cannot adapt"),
        ({"targets": ["q_proj"], "exclude": ["q_proj"]}, "adapter.exclude: no layer is left"),
        ({"exclude": ["nosuch"]}, "adapter.exclude: the model has no layer nosuch"),
        ({"modules_to_save": ["nosuch"]}, "adapter.modules_to_save: the model has no layer nosuch"),
    ],
)
def test_layers_that_are_not_there_are_refused(kind: dict[str, Any], words: str, qwen3: Path) -> None:
    with pytest.raises(UsageError) as refused:
        adapter.attach(loaded(qwen3)[0], Adapter(rank=2, **kind), 0)
    assert str(refused.value).startswith(words)


@pytest.mark.parametrize("kind", [{"targets": ["lm_head"]}, {"modules_to_save": ["embed_tokens"]}])
def test_a_head_that_is_the_embeddings_too_is_left_alone(kind: dict[str, Any], qwen3: Path) -> None:
    from transformers import AutoConfig, Qwen3ForCausalLM

    config = AutoConfig.from_pretrained(qwen3)
    config.tie_word_embeddings = True
    with pytest.raises(UsageError, match=r"lm_head|embed_tokens"):
        adapter.attach(Qwen3ForCausalLM(config), Adapter(rank=2, **kind), 0)


def quick(base: Path, *more: str) -> recipes.Recipe:
    settings = [
        f"model.path={base}",
        "model.device=cpu",
        "model.dtype=fp32",
        "train.max_steps=3",
        "train.batch_size=4",
        "train.micro_batch_size=4",
        "adapter.rank=4",
        "train.lr=0.02",
        "train.warmup=0",
    ]
    return recipes.load("dispatch", settings=[*settings, *more])


def test_an_adapter_is_trained_further(
    trained: TrainingRun, qwen3: Path, letter_file: Path, tmp_path: Path
) -> None:
    more = [f"adapter.continue_from={trained.adapter}", "adapter.dropout=0.1", "train.lr=1e-9"]
    train(quick(qwen3, *more), letter_file, tmp_path / "out")
    import torch
    from safetensors.torch import load_file

    before = load_file(trained.adapter / "adapter_model.safetensors")
    after = load_file(tmp_path / "out" / "adapter" / "adapter_model.safetensors")
    assert before.keys() == after.keys()
    for name in before:  # at this learning rate it hardly moves from where it stood
        torch.testing.assert_close(after[name], before[name], rtol=0, atol=1e-6)
    assert any(not torch.equal(after[name], before[name]) for name in before)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ({"rank": 8, "alpha": 8}, "adapter.rank: 8, but the adapter to continue from has 4"),
        ({"alpha": 4}, "adapter.alpha: 4, but the adapter to continue from has 8"),
        ({"dropout": 0.0}, "adapter.dropout: 0.0, but the adapter to continue from has 0.1"),
        ({"rslora": True}, "adapter.rslora: True, but the adapter to continue from has False"),
        ({"type": "dora"}, "adapter.type: dora, but the adapter to continue from has lora"),
        ({"targets": ["q_proj"]}, "adapter.targets: not the layers of the adapter to continue from"),
        ({"modules_to_save": ["norm"]}, "adapter.modules_to_save: ['norm'], but the adapter"),
    ],
)
def test_another_adapter_than_the_recipe_describes_is_not_trained_further(
    kind: dict[str, Any], words: str, trained: TrainingRun, qwen3: Path
) -> None:
    own = {"rank": 4, "dropout": 0.1, "continue_from": str(trained.adapter)}
    with pytest.raises(UsageError) as refused:
        adapter.attach(loaded(qwen3)[0], Adapter(**{**own, **kind}), 0)
    assert str(refused.value).startswith(words)


def test_an_adapter_of_another_base_is_not_trained_further(
    trained: TrainingRun, qwen3: Path, tmp_path: Path
) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    other = Path(shutil.copytree(qwen3, tmp_path / "other"))
    changed = AutoModelForCausalLM.from_pretrained(other)
    with torch.no_grad():
        changed.lm_head.weight += 1
    changed.save_pretrained(other)
    settings = Adapter(rank=4, dropout=0.1, continue_from=str(trained.adapter))
    with pytest.raises(UsageError, match="was trained on another base than"):
        adapter.attach(loaded(other)[0], settings, 0)


def test_a_whole_model_is_trained_saved_and_measured(
    qwen3: Path, letter_file: Path, tmp_path: Path, govtune: Callable[..., Any]
) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    run = TrainingRun(tmp_path / "out")
    done = train(quick(qwen3, "adapter.type=none"), letter_file, run.folder)
    whole = AutoModelForCausalLM.from_pretrained(run.merged)
    assert done.parameters == 0
    assert done.trainable == whole.num_parameters()
    assert not run.adapter.exists()
    assert run.tuned == run.merged
    before, after = logits(AutoModelForCausalLM.from_pretrained(qwen3)), logits(whole)
    assert (after - before).abs().max() > 0.01
    both = adapter.load(loaded(qwen3)[0], run.tuned)
    assert torch.equal(logits(both), after)
    with both.disable_adapter():
        assert torch.equal(logits(both), before)
    found = evaluate(run.folder)
    assert found.base["n"] == found.tuned["n"] == 8
    again = TrainingRun(tmp_path / "again")
    train(quick(qwen3, "adapter.type=none"), letter_file, again.folder)
    name = "model.safetensors"
    assert (again.merged / name).read_bytes() == (run.merged / name).read_bytes()


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["model.sha256=" + "a" * 64], "model.sha256: "),
        (["model.device=npu"], "model.device: npu is asked for, but torch_npu is not installed"),
        (["model.device=auto", "model.dtype=bf16", "model.quantisation={}"], "model.quantisation: "),
    ],
)
def test_a_model_that_is_not_the_one_meant_or_not_for_this_machine_is_refused(
    more: list[str], words: str, qwen3: Path, letter_file: Path, tmp_path: Path
) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(UsageError) as refused:
        train(quick(qwen3, *more), letter_file, tmp_path / "out")
    assert str(refused.value).startswith(words)


def test_the_digest_that_the_lock_tells_is_the_one_that_is_asked_for(
    trained: TrainingRun, qwen3: Path
) -> None:
    told = trained.lock()["model"]["sha256"]
    held, _ = model.load(Model(path=str(qwen3), device="cpu", sha256=told), str(qwen3))
    assert held.num_parameters() == trained.lock()["trained"]["parameters"]


def test_weights_that_are_missing_are_not_drawn_at_random(qwen3: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    broken = Path(shutil.copytree(qwen3, tmp_path / "broken"))
    weights = load_file(broken / "model.safetensors")
    del weights["model.layers.1.mlp.up_proj.weight"]
    save_file(weights, broken / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UsageError, match=r"its files lack model\.layers\.1\.mlp\.up_proj\.weight"):
        loaded(broken)
