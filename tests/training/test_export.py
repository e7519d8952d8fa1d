"""What a finished training becomes for a server: the same model, or a refusal."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from curation.errors import EngineError, UsageError
from training import adapter, export, objectives
from training import recipe as recipes
from training.export import merged as merging
from training.export.go_template import derive, evaluate
from training.export.probes import conversations
from training.run import TrainingRun, train

Govtune = Callable[..., Any]


def quick(base: Path, *more: str) -> recipes.Recipe:
    """The shipped recipe in two steps, for a model of one's own."""
    settings = [
        f"model.path={base}",
        "model.device=cpu",
        "model.dtype=fp32",
        "train.max_steps=2",
        "train.batch_size=4",
        "train.micro_batch_size=4",
        "train.warmup=0",
        "train.lr=0.05",
        "adapter.rank=4",
    ]
    return recipes.load("dispatch", settings=[*settings, *more])


@pytest.fixture(scope="module")
def llama_run(llama: Path, letter_file: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainingRun:
    """A training of a Llama; nothing may be changed in it."""
    run = TrainingRun(tmp_path_factory.mktemp("llama-run") / "out")
    train(quick(llama), letter_file, run.folder)
    return run


@pytest.fixture(scope="module")
def merged(trained: TrainingRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Exports of the small training: merged and ollama."""
    output = tmp_path_factory.mktemp("exported")
    export.export(trained, ["merged", "ollama"], output)
    return output


def test_the_merged_model_says_what_base_and_adapter_say(trained: TrainingRun, merged: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(merged / "merged")
    ids = tokenizer("井盖坏了，请来修。", return_tensors="pt")["input_ids"]
    base, _ = merging.load_base(trained, trained.recipe(), trained.lock())
    with torch.inference_mode():
        before = base(ids).logits
        adapted = adapter.load(base, trained.adapter)(ids).logits
        again = AutoModelForCausalLM.from_pretrained(merged / "merged")(ids).logits
    assert (adapted - before).abs().max() > 0.01
    torch.testing.assert_close(again, adapted, rtol=0, atol=1e-4)


def test_what_is_recorded_of_the_merged_model(trained: TrainingRun, merged: Path) -> None:
    facts = export.record(merged)["merged"]
    assert 0 <= facts["logit_difference"] <= 1e-4
    assert facts["probes"] == 5
    assert facts["same_next"] == facts["tokens"] > 1000
    template = (merged / "merged" / "chat_template.jinja").read_bytes()
    assert hashlib.sha256(template).hexdigest() == trained.lock()["chat_template"]
    generation = json.loads((merged / "merged" / "generation_config.json").read_text())
    tokenizer = json.loads((merged / "merged" / "tokenizer_config.json").read_text())
    assert tokenizer["eos_token"] == "<|im_end|>"
    assert generation["eos_token_id"] == [2]


def test_weights_are_saved_in_the_type_of_the_base(qwen3: Path, letter_file: Path, tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file
    from transformers import AutoModelForCausalLM

    base = Path(shutil.copytree(qwen3, tmp_path / "base"))
    AutoModelForCausalLM.from_pretrained(qwen3, dtype=torch.bfloat16).save_pretrained(base)
    run = TrainingRun(tmp_path / "out")
    train(quick(base), letter_file, run.folder)
    [done] = export.export(run, ["merged"])
    assert {each.dtype for each in load_file(run.merged / "model.safetensors").values()} == {torch.bfloat16}
    assert 0 < done.facts["logit_difference"] <= 0.25
    assert "in a logit" in done.line


def test_a_merged_model_that_differs_is_an_error_and_leaves_nothing(
    trained: TrainingRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(merging.TOLERANCE, "torch.float32", -1.0)
    with pytest.raises(EngineError, match="differs from the adapted one"):
        export.export(trained, ["merged"], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_difference_that_is_no_number_is_not_a_small_one() -> None:
    import torch

    parity = merging._compare([torch.zeros(1, 2, 3)], [torch.full((1, 2, 3), float("nan"))])
    assert parity.logit_difference == float("inf")


def test_another_base_or_template_is_refused(
    qwen3: Path, llama: Path, letter_file: Path, tmp_path: Path, govtune: Govtune
) -> None:
    base = Path(shutil.copytree(qwen3, tmp_path / "base"))
    run = TrainingRun(tmp_path / "out")
    train(quick(base), letter_file, run.folder)
    template = run.template.read_text(encoding="utf-8")
    run.template.write_text(template + " ", encoding="utf-8")
    with pytest.raises(UsageError, match=r"chat_template\.jinja: has changed since the training"):
        export.export(run, ["merged"])
    run.template.write_text(template, encoding="utf-8")
    shutil.copyfile(llama / "config.json", base / "config.json")
    refused = govtune("export", run.folder, "--format", "merged")
    assert refused.code == 2
    assert refused.errors[0].endswith("the base model is gone or has changed since the training")
    assert not run.merged.exists()


# Ollama


def test_the_modelfile_holds_what_the_model_was_tuned_with(merged: Path) -> None:
    text = (merged / "ollama" / "Modelfile").read_text(encoding="utf-8")
    lines = text.splitlines()
    assert "FROM ../merged" in lines
    assert (merged / "ollama" / "../merged/model.safetensors").is_file()
    assert "PARAMETER temperature 0" in lines
    assert "PARAMETER num_ctx 1280" in lines  # data.max_length and the longest answer
    assert 'PARAMETER stop "<|im_end|>"' in lines
    assert 'SYSTEM """你是政务服务热线的分办人员' in text
    assert "#   标题：{title}" in lines
    assert "{{ .Role }}\n{{ .Content }}<|im_end|>\n" in text
    assert export.record(merged)["ollama"] == {
        "of": export.record(merged)["merged"]["of"],
        "probes": 8,
        "trims": False,
    }


def test_a_llama_modelfile_tells_that_white_space_is_dropped(llama_run: TrainingRun, tmp_path: Path) -> None:
    export.export(llama_run, ["ollama"], tmp_path)
    text = (tmp_path / "ollama" / "Modelfile").read_text(encoding="utf-8")
    assert "<|start_header_id|>{{ .Role }}<|end_header_id|>\n\n{{ .Content }}<|eot_id|>" in text
    assert "# In training white space around each message was dropped" in text
    assert (tmp_path / "merged").is_dir()


TURN = "{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}"
ASK = "{{ '<|im_start|>assistant\n' }}"
CHATML = "{% for m in messages %}" + TURN + "{% endfor %}" + ASK
SYSTEM = "<|im_start|>system\\nYou are a model.<|im_end|>\\n"
SHAPES = {
    "chatml": CHATML,
    "own system": "{% if messages[0]['role'] != 'system' %}{{ '" + SYSTEM + "' }}{% endif %}" + CHATML,
    "no thinking": CHATML + "{{ '<think>\n\n</think>\n\n' }}",
    "begins a text": "{{ bos }}" + CHATML,
    "system with a preamble": (
        "{{ bos }}{% set s = '' %}{% if messages[0]['role'] == 'system' %}"
        "{% set s = messages[0]['content'] %}{% set messages = messages[1:] %}{% endif %}"
        "{{ '<|im_start|>system\nDate: today\n' + s + '<|im_end|>' }}" + CHATML
    ),
}
OTHERS = {
    "another name of a role": "{% for m in messages %}{% if m['role'] == 'assistant' %}"
    "{{ '<model>' + m['content'] }}{% else %}{{ '<' + m['role'] + '>' + m['content'] }}{% endif %}"
    "{% endfor %}<model>",
    "a message changed": CHATML.replace("m['content']", "m['content'] | upper | replace('问', '答')"),
    "a message escaped": CHATML.replace("m['content']", "m['content'] | e"),
    "no earlier turns": "{% for m in messages[-1:] %}" + TURN + "{% endfor %}" + ASK,
    "a later turn differs": CHATML.replace(TURN, TURN + "{% if loop.index == 4 %}!{% endif %}"),
    "braces": CHATML.replace(ASK, "{{ '{{' }}" + ASK),
}


def rendering(template: str, bos: str) -> Callable[..., str]:
    import jinja2

    compiled = jinja2.Environment().from_string(template)
    return lambda messages: compiled.render(messages=messages, bos=bos)


@pytest.mark.parametrize("server_adds", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_templates_of_the_usual_shapes_are_written_in_go(shape: str, server_adds: bool) -> None:
    bos = "<s>" if "bos" in SHAPES[shape] else ""
    render = rendering(SHAPES[shape], bos)
    found = derive(render, conversations("要求"), bos, server_adds=server_adds)
    assert not found.trims
    assert found.text.startswith(bos if bos and not server_adds else "{{ if .System }}")
    added = bos if server_adds else ""
    other = [{"role": "user", "content": "另一句"}, {"role": "assistant", "content": "好"}]
    talk: Any = [{"role": "system", "content": "别的要求"}, *other, {"role": "user", "content": "再问"}]
    assert added + evaluate(found.text, talk) == render(talk)


@pytest.mark.parametrize("shape", OTHERS)
def test_templates_that_go_cannot_write_are_refused(shape: str) -> None:
    with pytest.raises(UsageError, match=r"^ollama: .*use merged with a server that reads Jinja"):
        derive(rendering(OTHERS[shape], ""), conversations("要求"), "", server_adds=False)


def test_a_template_that_almost_fits_fails_its_probe() -> None:
    almost = evaluate("{{ range .Messages }}{{ .Role }}:{{ .Content }} {{ end }}", conversations("")[2])
    assert almost == "user:怎么补缴？ assistant:请到社保窗口办理。\n带上身份证。 user:周末开门吗？ "


def test_neighbours_of_one_role_are_one_message_as_in_ollama() -> None:
    said: Any = [
        {"role": role, "content": text} for role, text in [("system", "甲"), ("user", "乙"), ("user", "丙")]
    ]
    assert evaluate(
        "{{ if .System }}{{ .System }}|{{ end }}{{ range .Messages }}{{ .Content }}.{{ end }}", said
    ) == ("甲|甲.乙\n\n丙.")


# vLLM


@pytest.fixture(scope="module")
def two(
    qwen3: Path, trained: TrainingRun, letter_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[TrainingRun, TrainingRun]:
    """Two departments' adapters on one base, of ranks 4 and 12."""
    run = TrainingRun(tmp_path_factory.mktemp("second") / "out")
    train(quick(qwen3, "adapter.rank=12", "name=second"), letter_file, run.folder)
    return trained, run


def test_two_departments_share_a_base(
    two: tuple[TrainingRun, TrainingRun], tmp_path: Path, govtune: Govtune
) -> None:
    done = govtune("export", two[0].folder, two[1].folder, "--format", "vllm", "--output", tmp_path / "out")
    assert done.code == 0, done.err
    folder = tmp_path / "out" / "vllm"
    for name, run in zip(("small", "second"), two, strict=True):
        for file in ("adapter_config.json", "adapter_model.safetensors"):
            assert (folder / "adapters" / name / file).read_bytes() == (run.adapter / file).read_bytes()
        request = json.loads((folder / "requests" / f"{name}.json").read_text(encoding="utf-8"))
        assert request["model"] == name
        assert request["temperature"] == 0
        assert "城乡建设" in request["structured_outputs"]["choice"]
        assert [each["role"] for each in request["messages"]] == ["system", "user"]
    assert (folder / "chat_template.jinja").read_bytes() == two[0].template.read_bytes()


def test_the_script_starts_vllm_with_all_adapters(
    two: tuple[TrainingRun, TrainingRun], qwen3: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export.export_together(two, ["shi", "xian"], tmp_path / "out")
    program(tmp_path / "bin" / "vllm", 'pwd; printf "%s\\n" "$VLLM_NO_USAGE_STATS$HF_HUB_OFFLINE" "$@"')
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    script = tmp_path / "out" / "vllm" / "serve.sh"
    said = subprocess.run([script, "--seed", "7"], capture_output=True, text=True, check=True).stdout.split(
        "\n"
    )
    assert said[0] == str(script.parent.resolve())
    assert said[1] == "11"
    assert said[2:4] == ["serve", str(qwen3)]
    text = " ".join(said)
    assert "--enable-lora --lora-modules shi=adapters/shi xian=adapters/xian" in text
    assert "--max-lora-rank 16 --max-loras 2 --max-cpu-loras 2" in text
    assert "--chat-template chat_template.jinja --dtype float32 --max-model-len 2048" in text
    assert "--host 127.0.0.1 --port 8000 --seed 7" in text
    monkeypatch.setenv("BASE", "/models/base")
    again = subprocess.run([script], capture_output=True, text=True, check=True)
    assert "\n/models/base\n" in again.stdout


def program(path: Path, body: str) -> Path:
    """A program in a folder of its own, as one on PATH."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def changed(run: TrainingRun, folder: Path, **config: Any) -> TrainingRun:
    """A copy of a run whose adapter says something else of itself."""
    copy = TrainingRun(Path(shutil.copytree(run.folder, folder)))
    path = copy.adapter / "adapter_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **config}))
    return copy


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"use_dora": True}, "it is a DoRA adapter"),
        ({"modules_to_save": ["lm_head"]}, "layers that were trained whole"),
        ({"bias": "all"}, "trained tokens or biases"),
        ({"rank_pattern": {"q_proj": 1024}}, "its rank is 1024, and 512 is the highest"),
    ],
)
def test_an_adapter_that_vllm_does_not_serve_is_refused(
    config: dict[str, Any], words: str, trained: TrainingRun, tmp_path: Path
) -> None:
    run = changed(trained, tmp_path / "run", **config)
    with pytest.raises(UsageError, match=words):
        export.export(run, ["vllm"], tmp_path / "out")
    assert not (tmp_path / "out" / "vllm").exists()


def test_adapters_that_do_not_belong_together_are_refused(
    two: tuple[TrainingRun, TrainingRun], llama_run: TrainingRun, tmp_path: Path, govtune: Govtune
) -> None:
    def refused(*arguments: Any) -> str:
        done = govtune("export", *arguments, "--format", "vllm", "--output", tmp_path / "out")
        assert done.code == 2
        [line] = done.errors
        return str(line)

    first, second = (run.folder for run in two)
    assert "was trained on another base model than" in refused(first, llama_run.folder)
    assert "another adapter is named small, too" in refused(first, first)
    assert "1 names for 2 adapters" in refused(first, second, "--name", "a")
    assert "base cannot be an adapter's name" in refused(first, "--name", "base")
    other = TrainingRun(Path(shutil.copytree(second, tmp_path / "other")))
    lock = other.lock()
    (other.folder / "govtune.lock.json").write_text(json.dumps({**lock, "chat_template": "0" * 64}))
    assert "was trained with another chat template than" in refused(first, other.folder)
    assert not (tmp_path / "out").exists()


def test_several_trainings_are_for_vllm_alone(two: tuple[TrainingRun, TrainingRun], govtune: Govtune) -> None:
    done = govtune("export", two[0].folder, two[1].folder, "--format", "merged", "--output", "out")
    assert done.code == 2
    assert "only --format vllm takes several" in done.errors[0]


@pytest.mark.parametrize(("rank", "allowed"), [(1, 8), (8, 8), (9, 16), (257, 320), (512, 512)])
def test_the_rank_is_the_smallest_that_vllm_allows(
    rank: int, allowed: int, trained: TrainingRun, tmp_path: Path
) -> None:
    run = changed(trained, tmp_path / "run", r=rank)
    [done] = export.export(run, ["vllm"], tmp_path / "out")
    assert done.facts["max_lora_rank"] == allowed


# GGUF: there is no llama.cpp here; the converter of these tests is a script that writes its arguments down.


def test_the_converter_is_run_where_there_is_one(
    trained: TrainingRun, merged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, govtune: Govtune
) -> None:
    output = Path(shutil.copytree(merged, tmp_path / "out"))
    before = (output / "merged" / "model.safetensors").stat().st_mtime_ns
    fake = "import sys; open(sys.argv[3], 'w').write(' '.join(sys.argv[1:]))\n"
    (tmp_path / "llama").mkdir()
    (tmp_path / "llama" / "convert_hf_to_gguf.py").write_text(fake)
    monkeypatch.setenv("LLAMA_CPP", str(tmp_path / "llama"))
    arguments = ["--format", "gguf", "--format", "ollama", "--gguf", "q8_0", "--output", output]
    done = govtune("export", trained.folder, *arguments)
    assert done.code == 0, done.err
    said = (output / "gguf" / "model.gguf").read_text().split()
    assert said[0] == str(output / "merged")
    assert said[1] == "--outfile"
    assert said[3:] == ["--outtype", "q8_0"]
    assert "FROM ../gguf/model.gguf" in (output / "ollama" / "Modelfile").read_text(encoding="utf-8")
    assert (output / "merged" / "model.safetensors").stat().st_mtime_ns == before  # what is there is used


def test_without_a_converter_the_command_is_told(
    trained: TrainingRun, merged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, govtune: Govtune
) -> None:
    monkeypatch.delenv("LLAMA_CPP", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    done = govtune("export", trained.folder, "--format", "gguf", "--output", merged)
    assert done.code == 1
    [line] = [line for line in done.out.splitlines() if line.startswith("gguf: not written")]
    command = shlex.split(line.partition("with one: ")[2])
    assert command == [
        "python",
        "convert_hf_to_gguf.py",
        str(merged / "merged"),
        "--outfile",
        str(merged / "gguf" / "model.gguf"),
        "--outtype",
        "auto",
    ]


def test_a_converter_that_fails_is_told_in_its_own_words(
    trained: TrainingRun, merged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "convert_hf_to_gguf.py").write_text("raise SystemExit('not supported: TinyForCausalLM')")
    monkeypatch.setenv("LLAMA_CPP", str(tmp_path))
    with pytest.raises(EngineError, match=r"gguf: .* failed: not supported: TinyForCausalLM"):
        export.export(trained, ["gguf"], merged)
    assert not (merged / "gguf").exists()


# The command


def test_the_command_tells_what_it_did(trained: TrainingRun, tmp_path: Path, govtune: Govtune) -> None:
    done = govtune("export", trained.folder, "--format", "vllm", "--output", tmp_path, "--json")
    assert done.code == 0, done.err
    [told] = json.loads(done.out)["exports"]
    assert told["format"] == "vllm"
    assert told["folder"] == str(tmp_path / "vllm")
    assert told["facts"]["max_lora_rank"] == 8


def test_a_recipe_that_asks_for_formats_gets_them_at_the_end(
    qwen3: Path, letter_file: Path, tmp_path: Path
) -> None:
    run = TrainingRun(tmp_path / "out")
    train(quick(qwen3, "export.formats=[vllm, merged]"), letter_file, run.folder)
    assert (run.folder / "vllm" / "serve.sh").is_file()
    assert set(export.record(run.folder)) == {"merged", "vllm"}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (["adapter.type=dora", "export.formats=[vllm]"], "vllm: serves no adapter of type dora"),
        (
            ["adapter.modules_to_save=[lm_head]", "export.formats=[vllm]"],
            "no adapter with adapter.modules_to_save",
        ),
    ],
)
def test_a_format_that_cannot_be_is_refused_before_anything_is_trained(
    settings: list[str], words: str, qwen3: Path, letter_file: Path, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=words):
        train(quick(qwen3, *settings), letter_file, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_model_trained_as_a_whole_is_exported_as_it_is(
    qwen3: Path, letter_file: Path, tmp_path: Path
) -> None:
    run = TrainingRun(tmp_path / "out")
    train(
        quick(qwen3, "adapter.type=none", "train.lr=1e-3", "export.formats=[ollama]"), letter_file, run.folder
    )
    assert "FROM ../merged\n" in (run.folder / "ollama" / "Modelfile").read_text(encoding="utf-8")
    assert set(export.record(run.folder)) == {"merged", "ollama"}
    with pytest.raises(UsageError, match="vllm: serves no adapter of type none; serve merged instead"):
        export.export(run, ["vllm"])


def test_a_folder_that_is_no_training_is_refused(tmp_path: Path, govtune: Govtune) -> None:
    done = govtune("export", tmp_path, "--format", "vllm")
    assert done.code == 2
    assert "not a finished training" in done.errors[0]


def test_a_classification_head_is_merged_too(qwen3: Path, letter_file: Path, tmp_path: Path) -> None:
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    run = TrainingRun(tmp_path / "out")
    train(quick(qwen3, "objective=seq_cls", "task=dispatch"), letter_file, run.folder)
    [done] = export.export(run, ["merged"])
    assert done.facts["logit_difference"] <= 1e-4
    with pytest.raises(UsageError, match=r"^gguf: is for models that answer in words; seq_cls has a"):
        export.export(run, ["gguf"])
    recipe = run.recipe()
    base, _ = objectives.of("seq_cls").load(recipe, run.base_path(recipe), run.lock()["labels"])
    ids = AutoTokenizer.from_pretrained(run.merged)("路灯坏了", return_tensors="pt")["input_ids"]
    with torch.inference_mode():
        adapted = adapter.load(base, run.adapter)(ids).logits
        again = AutoModelForSequenceClassification.from_pretrained(run.merged)(ids).logits
    torch.testing.assert_close(again, adapted, rtol=0, atol=1e-4)
