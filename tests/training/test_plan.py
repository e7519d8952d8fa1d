"""A plan tells what a training takes, and what to change where it does not fit."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from curation.errors import UsageError
from govtune.cli import app
from training import plan, shape
from training import recipe as recipes
from training.batches import Layout
from training.fitting import reading
from training.memory import Load
from training.plan import make
from training.recipe import parse
from training.schema import Recipe

Write = Callable[..., Path]


def asked(**sections: Any) -> Recipe:
    model = {"path": "tiny", "device": "cuda", "dtype": "bf16", **sections.pop("model", {})}
    return parse({"schema": "training/1", "name": "planned", "model": model, **sections})


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["plan", *map(str, arguments)])


@pytest.mark.parametrize(
    ("name", "card", "published"),
    [
        ("qwen3-8b", "h100", 8_900),
        ("qwen3-14b", "h100", 5_600),
        ("qwen3-32b", "h100", 2_600),
        ("qwen3-4b", "h100", 12_400),
    ],
)
def test_the_default_utilisation_is_near_published_speeds(name: str, card: str, published: int) -> None:
    """Unsloth's bf16 LoRA on one H100, tokens per second as Surogate's documentation gives them. Its lengths
    are not stated; a third either way is what the choice of kernels makes."""
    found = make(asked(), shape=name, card=card)
    assert found.tokens_per_second == pytest.approx(published, rel=0.4)


def test_a_7b_model_on_an_a100_takes_the_time_that_was_published() -> None:
    """Qwen-7B at 2048 tokens: 3,151 tokens per second on one A100-80G, by its README; Qwen2.5-7B is its
    successor, a hundredth smaller."""
    found = make(asked(), shape="qwen2.5-7b", card="a100-80g")
    assert found.tokens_per_second == pytest.approx(3151, rel=0.1)


def test_what_does_not_fit_is_told_with_changes_that_each_save(tmp_path: Path) -> None:
    recipe = asked(train={"micro_batch_size": 4}, data={"packing": "off"})
    found = make(recipe, shape="qwen3-14b", card="rtx-4090")
    settings = [change.setting for change in found.fit.changes]
    assert not found.fit.fits
    assert settings[:2] == ["train.activation_checkpointing=true", "train.micro_batch_size=1"]
    assert "model.quantisation.bits=4" in settings
    assert all(change.saves > 0 for change in found.fit.changes)
    assert [change.fits for change in found.fit.changes] == [False] * (len(settings) - 1) + [True]
    told = "\n".join(found.lines())
    assert "does not fit" in told and "--set model.quantisation.bits=4 saves" in told


def test_a_recipe_with_the_changes_made_fits() -> None:
    found = make(asked(), shape="qwen3-14b", card="rtx-4090")
    assert not found.fit.fits
    settings = [change.setting for change in found.fit.changes]
    loaded = recipes.load("dispatch", hardware="gpu-80g", settings=["model.path=tiny", *settings])
    assert make(loaded, shape="qwen3-14b", card="rtx-4090").fit.fits


def test_devices_share_the_work_and_only_sharding_shares_the_weights() -> None:
    one = make(asked(), shape="qwen3-32b", card="h100")
    many = make(asked(train={"distributed": "ddp"}), shape="qwen3-32b", card="h100", devices=8)
    sharded = make(asked(train={"distributed": "fsdp2"}), shape="qwen3-32b", card="h100", devices=8)
    assert one.tokens_per_second and many.tokens_per_second
    assert many.tokens_per_second == pytest.approx(8 * one.tokens_per_second)
    assert many.fit.memory.weights == one.fit.memory.weights
    assert sharded.fit.memory.weights == pytest.approx(one.fit.memory.weights / 8)
    assert any("has not been run by us" in note for note in sharded.notes)


def test_tokens_and_steps_are_those_that_are_trained(qwen3: Path, letter_file: Path) -> None:
    from transformers import AutoTokenizer

    from training.objectives import sft

    settings = [f"model.path={qwen3}", "train.max_steps=null", "train.epochs=2", "train.batch_size=8"]
    recipe = recipes.load("dispatch", hardware="cpu", settings=[*settings, "pretrain=null"])
    found = make(recipe, data=letter_file)
    work = found.work
    assert work and not work.estimated
    train = sft.read(letter_file, recipe)["train"]
    rows, counts = sft.encode(AutoTokenizer.from_pretrained(qwen3), recipe, {}, train)
    assert (work.examples, work.overlong) == (len(rows), counts.overlong)
    assert work.steps == math.ceil(2 * len(rows) / 8)
    assert work.tokens == pytest.approx(counts.tokens, rel=0.02)  # what the template writes is estimated
    assert work.supervised == pytest.approx(counts.supervised_tokens, rel=0.02)
    assert found.seconds and found.seconds > 0


def test_without_a_tokenizer_tokens_are_estimated_and_it_is_said(letter_file: Path) -> None:
    recipe = recipes.load("dispatch", settings=["model.path=tiny"])
    found = make(recipe, data=letter_file, shape="qwen3-8b", card="h100")
    assert found.work and found.work.estimated
    assert any("estimated" in note for note in found.notes)


def test_longer_examples_than_allowed_are_counted_not_planned(letter_file: Path) -> None:
    recipe = recipes.load("dispatch", settings=["model.path=tiny", "data.max_length=300"])
    whole = make(recipe, data=letter_file, shape="qwen3-8b", card="h100")
    recipe = recipes.load("dispatch", settings=["model.path=tiny", "data.max_length=16"])
    none = make(recipe, data=letter_file, shape="qwen3-8b", card="h100")
    assert whole.work and none.work
    assert (whole.work.overlong, whole.work.examples) == (0, 24)
    assert (none.work.overlong, none.work.examples) == (24, 0)


def test_the_gate_asks_whether_it_fits() -> None:
    config = shape.PUBLISHED["qwen3-8b"]
    small, large = (plan.fits(asked(), config, gib * 2**30) for gib in (24, 80))
    assert (small.fits, large.fits) == (False, True)
    assert "--set train.activation_checkpointing=true" in small.line()
    assert "\n" not in small.line()
    short = plan.fits(asked(), config, 24 * 2**30, lengths=[60, 80], supervised=[5, 6])
    assert short.memory.logits < small.memory.logits


def test_only_what_is_learnt_has_logits(letter_file: Path) -> None:
    recipe = recipes.load("dispatch", settings=["model.path=tiny", "data.packing=off"])
    found = make(recipe, data=letter_file, shape="qwen3-8b", card="h100")
    assert isinstance(found.load, Load)
    assert found.load.supervised < found.load.tokens / 4


def test_the_command_plans_a_training_without_its_model() -> None:
    told = run("dispatch", "--shape", "qwen3-8b", "--hardware", "gpu-24g")
    assert told.exit_code == 0
    for part in ("8,190,735,360 parameters, 43,646,976 of them trained", "rtx-4090", "weights", "fits"):
        assert part in told.output
    found = json.loads(run("dispatch", "--shape", "qwen3-8b", "--card", "h100", "--json").stdout)
    assert found["fits"] and found["memory"]["low"] < found["memory"]["expected"] < found["memory"]["high"]
    assert found["trainable"] == 43_646_976


def test_the_command_ends_with_1_where_it_does_not_fit() -> None:
    told = run("dispatch", "--shape", "qwen3-32b", "--card", "rtx-4090")
    assert told.exit_code == 1
    assert "does not fit" in told.output


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        (["dispatch", "--shape", "qwen3-0.6b", "--card", "h100"], "training"),
        (["curation/dispatch"], "curation"),
        (["letters"], "curation"),
        (["default"], "curation"),
    ],
)
def test_a_name_means_what_its_options_are_for(arguments: list[str], kind: str) -> None:
    found = json.loads(run(*arguments, "--json").stdout)
    assert ("trainable" in found) == (kind == "training")
    assert ("stages" in found) == (kind == "curation")


def test_a_file_is_planned_by_its_schema(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("schema: curation/1\nname: mine\nkind: letter\nstages: [{clean: {}}]\n", encoding="utf-8")
    assert "stages" in json.loads(run(mine, "--json").stdout)
    mine.write_text("schema: training/1\nname: mine\nmodel: {path: tiny, device: cuda}\n", encoding="utf-8")
    assert json.loads(run(mine, "--shape", "qwen3-4b", "--card", "l40s", "--json").stdout)["device"] == "l40s"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["dispatch", "--shape", "qwen3-9b", "--card", "h100"], "did you mean qwen3-8b"),
        (["dispatch", "--shape", "qwen3-8b", "--card", "h10"], "unknown card h10"),
        (["letters", "--map", "text=a", "--card", "h100"], "--card is for a training"),
        (["dispatch", "--shape", "qwen3-8b", "--set", "model.device=cuda"], "say which card"),
    ],
)
def test_what_cannot_be_planned_is_refused_in_a_line(arguments: list[str], said: str) -> None:
    found = run(*arguments)
    assert isinstance(found.exception, UsageError)
    assert said in str(found.exception)


def test_a_profile_of_ones_own_says_the_card_and_how_many(tmp_path: Path) -> None:
    (tmp_path / "ours.yaml").write_text("schema: hardware/1\ncard: h100\ndevices: 8\n", encoding="utf-8")
    arguments = [
        "plan",
        "training/dispatch",
        "--shape",
        "qwen3-8b",
        "--hardware",
        str(tmp_path / "ours.yaml"),
    ]
    told = CliRunner().invoke(app, arguments).output
    assert "h100" in told
    assert "8" in told.splitlines()[0]


def test_a_base_that_reads_first_is_trained_whole_and_that_is_the_peak() -> None:
    """Weights, gradients and both moments of 8.2 billion parameters of 16 bits are 65 GB."""
    data = {"packing": "off", "max_length": 512}
    alone = make(asked(data=data), shape="qwen3-8b", card="rtx-4090")
    both = make(asked(data=data, pretrain={"max_length": 128}), shape="qwen3-8b", card="rtx-4090")
    assert (alone.fit.fits, alone.fit.phase) == (True, "train")
    assert (both.fit.fits, both.fit.phase) == (False, "pretrain")
    assert both.fit.memory.weights + both.fit.memory.trained == 8 * both.parameters
    assert both.trainable == alone.trainable  # told of the adapter
    told = "\n".join(both.lines())
    assert "while the base reads: pretrain" in told and "does not fit" in told
    assert both.as_json()["phase"] == "pretrain"
    assert both.fit.changes[-1].setting == "pretrain=null" and both.fit.changes[-1].fits


def test_reading_takes_as_much_as_its_texts_are_long(letter_file: Path) -> None:
    def tokens(longest: int, batch: int, micro: int) -> int:
        settings = ["model.path=tiny", f"pretrain.max_length={longest}", f"pretrain.batch_size={batch}"]
        recipe = recipes.load(
            "dispatch",
            settings=[
                *settings,
                f"train.micro_batch_size={micro}",
                "model.dtype=bf16",
                "data.max_length=256",
            ],
        )
        found = make(recipe, data=letter_file, shape="qwen3-8b", card="h200")
        assert found.fit.phase == "pretrain"
        return found.load.tokens

    short, long = tokens(16, 8, 1), tokens(4096, 8, 1)
    assert short < long < 4096  # as long as the letters are, not as they might be
    assert tokens(16, 8, 4) == 4 * short
    assert tokens(16, 2, 16) == 2 * short  # no more at once than a step has


@given(batch=st.integers(1, 64), micro=st.sampled_from([1, 2, 3, 4, 6, 16]), devices=st.integers(1, 9))
def test_what_is_read_at_once_divides_a_step_evenly(batch: int, micro: int, devices: int) -> None:
    recipe = asked(pretrain={"batch_size": batch}, train={"batch_size": 48, "micro_batch_size": micro})
    train = reading(recipe, devices).train
    assert (train.batch_size, train.batch_size % train.micro_batch_size) == (batch, 0)
    if batch % devices == 0:
        assert train.micro_batch_size <= min(batch // devices, micro)
    shares = Layout(devices, train.micro_batch_size).divide([1] * batch)
    assert batch < devices or len({len(share) for share in shares}) == 1
