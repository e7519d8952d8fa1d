"""Training recipes: shipped ones are valid, faults are one line with the nearest valid name."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Literal

import pytest
import yaml
from pydantic import BaseModel

from curation.errors import UsageError
from training import hardware, recipe, reference
from training.recipe import load, parse
from training.schema import Recipe, meaning

PROFILES = [(name, profile) for name in recipe.names() for profile in hardware.names() if profile != "cpu"]

BASE = """
schema: training/1
name: mine
task: dispatch
model: {path: tiny}
"""


def written(folder: Path, more: str = "", base: str = BASE) -> str:
    path = folder / "mine.yaml"
    path.write_text(base + more, encoding="utf-8")
    return str(path)


def model(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}", encoding="utf-8")
    return folder


@pytest.mark.parametrize("name", recipe.names())
def test_a_shipped_recipe_runs_on_a_cpu_as_it_is_and_its_lock_reads_back(name: str) -> None:
    loaded = load(name, hardware="cpu")
    again = parse(loaded.resolved())
    assert again.resolved() == loaded.resolved()
    assert "hardware" not in loaded.resolved()
    assert loaded.description.zh
    assert loaded.description.en


@pytest.mark.parametrize(("name", "profile"), PROFILES)
def test_every_profile_of_a_shipped_recipe_runs_with_a_model(name: str, profile: str, tmp_path: Path) -> None:
    loaded = load(name, hardware=profile, settings=[f"model.path={model(tmp_path / 'model')}"])
    assert loaded.train.batch_size % loaded.train.micro_batch_size == 0
    assert loaded.model.path == str(tmp_path / "model")


def test_a_profile_without_a_model_says_how_to_name_one() -> None:
    with pytest.raises(UsageError, match=r"^dispatch: model: path: .*--set model\.path=DIR.*$"):
        load("dispatch", hardware="gpu-24g")


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("train.learning_rate=1", "train.learning_rate: unknown key; did you mean lr?"),
        ("train.epoch=1", "train.epoch: unknown key; did you mean epochs?"),
        ("adapter.lora_alpha=8", "adapter.lora_alpha: unknown key; did you mean alpha?"),
        ("data.cutoff_len=8", "data.cutoff_len: unknown key; did you mean max_length?"),
        ("trian.lr=1", "trian: unknown key; did you mean train?"),
        ("train.lr.x=1", "train.lr: input should be a valid number"),
        ("train.lr", "write section.key=value"),
        ("train.lr=[", "--set train.lr: the value is not valid YAML"),
        ("hardware.cpu.seed=1", "wins over every profile"),
        ("train.lr=0", "train.lr: input should be greater than 0"),
        ("train.lr=.inf", "train.lr: input should be a finite number"),
        ("train.warmup=2.5", "train.warmup: below 1 it is a share of the steps"),
        ("train.micro_batch_size=5", "train: batch_size 16 is not a multiple of micro_batch_size 5"),
        ("model.device=tpu", "model.device: input should be 'auto', 'cpu', 'cuda' or 'npu'"),
        ("model.path=owner/name", "owner/name is no directory, so it is a model on a hub: give its commit"),
        ("model.revision=main", "model: revision: only a model on a hub has one"),
        ("model.path=nosuch", "nosuch: no model there"),
        ("data.test=0.95", "data: test and validation together must be less than 1"),
        ("adapter.targets=[]", "adapter.targets: name at least one layer"),
        ("adapter.targets=(", "adapter.targets: neither all-linear nor a valid regular expression"),
        ("adapter.init=pisa", "adapter.init: string should match pattern"),
        ("adapter={type: none, continue_from: a}", "adapter.continue_from: type none has no adapter"),
        (
            "data.unlabelled=[a.jsonl]",
            "nothing reads these files; add pretrain or data.distil",
        ),
        ("data.sources=[{path: nosuch.jsonl}]", "nosuch.jsonl: no such run or file"),
        ("data.sources=[{path: a/x.csv}, {path: b/x.csv}]", "data: sources: two have the same name"),
        ("evaluate.best=true", "evaluate: every: best and early_stop need measurements"),
        ("model={quantisation: {bits: 4}, device: cpu}", "quantisation: bitsandbytes needs a GPU"),
        ("model.quantization={bits: 4}", "did you mean quantisation?"),
        ("objective=dpo", "task: dpo reads rows with messages, chosen and rejected"),
        ("train.kernels=triton", "train.kernels: input should be 'none' or 'liger'"),
        ("chat.template=nosuch.jinja", "chat.template: "),
        ("task=dispach", "task: unknown task dispach; did you mean dispatch?"),
        ("task=nosuch.yaml", "nosuch.yaml: no such file"),
        ("schema=training/2", "schema: input should be 'training/1'"),
    ],
)
def test_a_fault_is_one_line_with_its_place(setting: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as refused:
        load(written(tmp_path), settings=[setting])
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("train: {epochs: 3, max_steps: 5}", "train: epochs and max_steps are both given; give one"),
        ("train: {gradient_checkpointing: true}", "did you mean activation_checkpointing?"),
        ("hardware: {gpu: {train: {lrr: 1}}}", "mine.yaml: hardware.gpu: train.lrr: unknown key; did you me"),
        ("extends: nosuch.yaml", "nosuch.yaml: no such file"),
        ("hardware: {gpu: {hardware: {}}}", "mine.yaml: hardware.gpu: a profile has no profiles of its own"),
        ("hardware: [gpu]", "mine.yaml: hardware: write a name"),
        ("description: {cn: 甲}", "description.cn: unknown key"),
        ("train: {lr: 1, lr: 2}", "lr stands twice"),
    ],
)
def test_a_fault_of_a_file_is_one_line_with_its_place(more: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as refused:
        load(written(tmp_path, more))
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("path", "model_keys", "words"),
    [
        ("tiny", "dtype: fp16, device: cpu", "dtype: fp16 does not train on a cpu"),
        ("tiny", "attention: flash_attention_2, dtype: fp32", "flash_attention_2 needs a GPU"),
        ("owner/name", "revision: abc, attention: flash_attention_2, device: cpu", "needs a GPU"),
    ],
)
def test_what_a_device_cannot_do_is_refused(path: str, model_keys: str, words: str, tmp_path: Path) -> None:
    base = BASE.replace("{path: tiny}", f"{{path: {path}, {model_keys}}}")
    with pytest.raises(UsageError, match=words):
        load(written(tmp_path, base=base))


FP16 = "model.dtype=fp16"
SPANS = ["task=null", "objective=token_cls"]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ([FP16, "adapter.type=none"], "model.dtype: fp16 trains adapters only, not adapter.type none; use"),
        ([FP16, "pretrain={epochs: 1}"], "model.dtype: fp16 trains adapters only, not pretrain; use"),
        ([FP16, "adapter.modules_to_save=[norm]"], "not adapter.modules_to_save; use"),
        ([FP16, "objective=seq_cls"], "not the head of seq_cls; use bf16 or fp32"),
        ([FP16, *SPANS], "not the head of token_cls; use bf16 or fp32"),
        (["pretrain={epochs: 1}", "train.distributed=fsdp2"], "pretrain: with fsdp2 no process holds"),
        (["pretrain={epochs: 1}", "train.distributed=zero3"], "pretrain: with zero3 no process holds"),
        ([*SPANS, "chat.loss_on=all"], "chat: token_cls reads rows with text and spans"),
        ([*SPANS, "chat.user_length=100"], "chat: token_cls reads rows with text and spans"),
        (
            ["task=null", "objective=dpo", "chat.loss_on=last_assistant"],
            "chat.loss_on: dpo learns from the la",
        ),
        (["objective=seq_cls", "chat.loss_on=all"], "chat.loss_on: seq_cls learns from the last answer"),
    ],
)
def test_what_would_fail_later_or_do_nothing_is_refused(
    settings: list[str], words: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError) as refused:
        load(written(tmp_path), settings=settings)
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "settings",
    [
        [FP16],
        [FP16, "model.quantisation={bits: 8}", "objective=seq_cls"],  # peft keeps that head in fp32
        ["pretrain={epochs: 1}", "train.distributed=ddp"],
        ["train.distributed=zero3"],
        [*SPANS, "chat.loss_on=assistant"],
        ["objective=seq_cls", "chat={system: none, user_length: 190}"],
    ],
)
def test_what_lies_beside_a_refused_combination_is_taken(settings: list[str], tmp_path: Path) -> None:
    assert load(written(tmp_path), settings=settings).name == "mine"


@pytest.mark.parametrize(
    ("name", "hardware", "words"),
    [
        (
            "dispach",
            None,
            "dispach: neither a YAML file nor a shipped training recipe; did you mean dispatch",
        ),
        ("nosuch.yaml", None, "nosuch.yaml: no such file"),
        ("dispatch", "gpu24g", "dispatch: --hardware: unknown profile gpu24g; did you mean gpu-24g?"),
    ],
)
def test_an_unknown_recipe_or_profile_names_the_nearest(name: str, hardware: str | None, words: str) -> None:
    with pytest.raises(UsageError) as refused:
        load(name, hardware=hardware)
    assert words in str(refused.value)


def test_settings_win_over_the_profile_and_the_profile_over_the_recipe(tmp_path: Path) -> None:
    name = written(
        tmp_path, "train: {lr: 1, batch_size: 2}\nhardware: {big: {train: {lr: 2, batch_size: 4}}}"
    )
    assert load(name).train.lr == 1
    big = load(name, hardware="big", settings=["train.lr=3e-4"])
    assert (big.train.lr, big.train.batch_size) == (3e-4, 4)
    assert big.resolved()["train"]["lr"] == 3e-4


def test_a_profile_lays_the_machine_under_the_recipes_own_lines_for_it(tmp_path: Path) -> None:
    name = written(tmp_path, "hardware: {gpu-80g: {train: {micro_batch_size: 8}}}")
    loaded = load(name, hardware="gpu-80g")
    shipped = hardware.load("gpu-80g").recipe
    assert loaded.train.micro_batch_size == 8
    assert loaded.model.dtype == shipped["model"]["dtype"]
    assert load(name).model.dtype == "auto"


def test_a_profile_of_ones_own_says_what_depends_on_the_machine_and_nothing_else(tmp_path: Path) -> None:
    mine = tmp_path / "ours.yaml"
    mine.write_text("schema: hardware/1\nrecipe: {train: {micro_batch_size: 2}}", encoding="utf-8")
    assert load(written(tmp_path), hardware=str(mine)).train.micro_batch_size == 2
    mine.write_text("schema: hardware/1\nrecipe: {train: {lr: 2}}", encoding="utf-8")
    with pytest.raises(UsageError, match=r"ours\.yaml: recipe: train\.lr: unknown key"):
        load(written(tmp_path), hardware=str(mine))


def test_a_recipe_extends_one_other_with_its_profiles(tmp_path: Path) -> None:
    lower = tmp_path / "lower.yaml"
    lower.write_text(
        BASE + "train: {lr: 1, batch_size: 8}\nhardware: {big: {train: {micro_batch_size: 4}}}",
        encoding="utf-8",
    )
    upper = written(tmp_path, "train: {lr: 2}", base="schema: training/1\nname: upper\nextends: lower.yaml\n")
    loaded = load(upper, hardware="big")
    assert (loaded.name, loaded.train.lr, loaded.train.batch_size) == ("upper", 2, 8)
    assert loaded.train.micro_batch_size == 4
    assert "extends" not in loaded.resolved()
    third = tmp_path / "third.yaml"
    third.write_text("schema: training/1\nname: third\nextends: mine.yaml", encoding="utf-8")
    with pytest.raises(UsageError, match=r"mine\.yaml extends another recipe itself"):
        load(str(third))


def test_what_a_shipped_recipe_leaves_to_the_user_does_not_make_it_invalid(tmp_path: Path) -> None:
    for name in recipe.names():
        recipe.check(name)
    with pytest.raises(UsageError, match=r"train\.lrr: unknown key"):
        recipe.check(written(tmp_path, "train: {lrr: 1}"))


def test_every_key_has_a_meaning_in_both_languages() -> None:
    page = {language: reference.markdown(language) for language in ("zh", "en")}
    for section in _every_section(Recipe):
        for name, field in section.model_fields.items():
            english, chinese = meaning(field)
            assert english, (section, name)
            assert any("\u4e00" <= character <= "\u9fff" for character in chinese), (section, name)
            if section is not Recipe:
                assert chinese in page["zh"]
                assert english in page["en"]


@pytest.mark.parametrize(("language", "page"), [("en", "recipe.md"), ("zh", "recipe.zh-CN.md")])
def test_the_reference_in_the_docs_is_the_schemas(language: Literal["zh", "en"], page: str) -> None:
    docs = Path(__file__).parents[2] / "docs"
    assert (docs / page).read_text(encoding="utf-8") == reference.markdown(language)


def test_the_json_schema_accepts_what_ships_and_refuses_a_misspelling() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = reference.json_schema()
    for name in recipe.names():
        jsonschema.validate(yaml.safe_load(recipe.find(name).read_text(encoding="utf-8")), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"schema": "training/1", "name": "x", "trian": {}}, schema)


def test_steps_given_anew_replace_epochs_and_the_other_way_round(tmp_path: Path) -> None:
    name = written(tmp_path, "train: {epochs: 5}\nhardware: {short: {train: {max_steps: 7}}}")
    assert load(name).train.epochs == 5
    short = load(name, hardware="short")
    assert (short.train.epochs, short.train.max_steps) == (None, 7)
    long = load(name, hardware="short", settings=["train.epochs=1"])
    assert (long.train.epochs, long.train.max_steps) == (1, None)
    assert parse(short.resolved()).train.max_steps == 7


def test_another_model_does_not_keep_the_revision_of_the_first(tmp_path: Path) -> None:
    base = BASE.replace("{path: tiny}", "{path: owner/name, revision: abc}")
    assert load(written(tmp_path, base=base)).model.revision == "abc"
    local = load(written(tmp_path, base=base), settings=[f"model.path={model(tmp_path / 'other')}"])
    assert local.model.revision is None


def test_defaults_that_depend_on_others_are_written_out(tmp_path: Path) -> None:
    loaded = load(written(tmp_path), settings=["adapter.rank=4", "adapter.alpha=null"])
    assert loaded.adapter.alpha == 8
    assert loaded.resolved()["adapter"]["alpha"] == 8
    assert loaded.train.epochs == 3
    assert loaded.resolved()["train"]["epochs"] == 3


def test_paths_of_a_file_are_relative_to_it_and_those_of_settings_to_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside, here = model(tmp_path / "recipes" / "base"), model(tmp_path / "work" / "base")
    (tmp_path / "recipes" / "mine.jinja").write_text("", encoding="utf-8")
    name = written(
        tmp_path / "recipes",
        "chat: {template: mine.jinja}",
        base=BASE.replace("tiny", "base"),
    )
    monkeypatch.chdir(tmp_path / "work")
    assert load(name).model.path == str(beside)
    assert load(name).chat.template == str(tmp_path / "recipes" / "mine.jinja")
    assert load(name, settings=["model.path=base"]).model.path == str(here)


def test_a_directory_is_no_model_on_a_hub(tmp_path: Path) -> None:
    model(tmp_path / "owner" / "name")
    loaded = load(written(tmp_path, base=BASE.replace("tiny", "owner/name")))
    assert (loaded.model.path, loaded.model.on_hub) == (str(tmp_path / "owner" / "name"), False)


def test_a_description_in_one_text_stands_for_both_languages(tmp_path: Path) -> None:
    loaded = load(written(tmp_path, "description: 试验"))
    assert (loaded.description.zh, loaded.description.en) == ("试验", "试验")


def test_other_tools_names_lead_to_keys_that_exist() -> None:
    keys = {key for section in _every_section(Recipe) for key in section.model_fields}
    assert set(recipe.ELSEWHERE.values()) <= keys
    assert not set(recipe.ELSEWHERE) & keys


def _every_section(section: type[BaseModel]) -> list[type[BaseModel]]:
    inner = [reference._section_of(field) for field in section.model_fields.values()]
    return [section, *(deeper for each in inner if each for deeper in _every_section(each))]


def test_a_recipe_is_read_without_torch() -> None:
    probe = (
        "import sys; from training.recipe import load; load('dispatch', hardware='cpu');"
        "print(sorted({'torch', 'transformers', 'pyarrow', 'sklearn'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_shipped_recipes_say_what_they_are_for() -> None:
    for name in recipe.names():
        text = recipe.find(name).read_text(encoding="utf-8")
        assert text.startswith("#")
        assert yaml.safe_load(text)["name"] == name
