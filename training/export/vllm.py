"""Many departments' adapters on one base model, for vLLM: a folder with the adapters, the command that serves
them, and a request for each. An adapter that vLLM would refuse, or would serve as another model than the one
that was trained, is refused here.

vLLM was not run here. What it takes was read in `vllm/config/lora.py` and `vllm/lora/peft_helper.py`.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curation.errors import UsageError
from curation.files import canonical_json
from curation.instruct.task import load as load_task
from training.asking import answers
from training.export.folders import whole_folder
from training.export.probes import asked
from training.template import as_read

if TYPE_CHECKING:
    from training.run import TrainingRun
    from training.schema import Recipe

RANKS = (8, 16, 32, 64, 128, 256, 320, 512)
"""What --max-lora-rank can be."""

WEIGHTS = ("adapter_config.json", "adapter_model.safetensors")
BASE = "base"
"""The name under which the base itself answers."""


@dataclass(frozen=True)
class Adapter:
    """One adapter to serve, under a name."""

    name: str
    run: TrainingRun
    recipe: Recipe
    lock: dict[str, Any]

    @property
    def config(self) -> dict[str, Any]:
        """As peft wrote it."""
        config: dict[str, Any] = json.loads((self.run.adapter / WEIGHTS[0]).read_text(encoding="utf-8"))
        return config

    @property
    def rank(self) -> int:
        """The largest of its layers."""
        ranks: list[int] = [self.config["r"], *self.config.get("rank_pattern", {}).values()]
        return max(ranks)


def write(adapters: Sequence[Adapter], folder: Path) -> dict[str, Any]:
    """Write the folder: `serve.sh`, `chat_template.jinja`, `adapters/NAME` and `requests/NAME.json`.

    Returns:
        What was chosen, for export.json.

    Raises:
        UsageError: adapters that cannot be served, or not together.
    """
    _refuse(adapters)
    rank = next(each for each in RANKS if each >= max(adapter.rank for adapter in adapters))
    with whole_folder(folder) as aside:
        for adapter in adapters:
            own = aside / "adapters" / adapter.name
            own.mkdir(parents=True)
            for name in WEIGHTS:
                shutil.copyfile(adapter.run.adapter / name, own / name)
        shutil.copyfile(adapters[0].run.template, aside / "chat_template.jinja")
        (aside / "requests").mkdir()
        for adapter in adapters:
            text = canonical_json(_request(adapter))
            (aside / "requests" / f"{adapter.name}.json").write_text(text, encoding="utf-8")
        script = aside / "serve.sh"
        script.write_text(_script(adapters, rank), encoding="utf-8")
        script.chmod(0o755)
    return {
        "adapters": {adapter.name: adapter.lock["adapter"] for adapter in adapters},
        "base": adapters[0].lock["model"]["sha256"],
        "max_lora_rank": rank,
    }


def refusal(adapter: Adapter) -> str | None:
    """Why vLLM does not serve this adapter; None if it does."""
    if adapter.recipe.objective not in ("sft", "dpo"):
        return (
            f"its objective is {adapter.recipe.objective}, and vLLM serves adapters of language models alone"
        )
    if not adapter.run.adapter.is_dir():
        return "all parameters were trained, so there is no adapter; serve merged as a model of its own"
    config = adapter.config
    if config.get("use_dora"):
        return "it is a DoRA adapter; serve merged, or train with adapter.type lora"
    if config.get("modules_to_save"):
        return "it has layers that were trained whole (modules_to_save); serve merged"
    if config.get("trainable_token_indices") or config.get("bias", "none") != "none":
        return "it has trained tokens or biases; serve merged"
    if adapter.rank > RANKS[-1]:
        return f"its rank is {adapter.rank}, and {RANKS[-1]} is the highest; serve merged"
    return None


def _refuse(adapters: Sequence[Adapter]) -> None:
    first = adapters[0]
    names = [adapter.name for adapter in adapters]
    for number, adapter in enumerate(adapters):
        where = f"vllm: {adapter.run.folder}"
        if not re.fullmatch(r"[\w.-]+", adapter.name) or adapter.name == BASE:
            raise UsageError(f"{where}: {adapter.name} cannot be an adapter's name; give another with --name")
        if adapter.name in names[:number]:
            raise UsageError(f"{where}: another adapter is named {adapter.name}, too; give names with --name")
        if reason := refusal(adapter):
            raise UsageError(f"{where}: {reason}")
        if _base(adapter) != _base(first):
            raise UsageError(f"{where}: was trained on another base model than {first.run.folder}")
        if adapter.lock["chat_template"] != first.lock["chat_template"]:
            raise UsageError(
                f"{where}: was trained with another chat template than {first.run.folder}; a server has one"
            )


def _base(adapter: Adapter) -> tuple[Any, ...]:
    """What must be the same: the weights, or on a hub their name and commit."""
    model, digest = adapter.recipe.model, adapter.lock["model"]["sha256"]
    return (digest,) if digest else (model.path, model.revision)


def _script(adapters: Sequence[Adapter], rank: int) -> str:
    first, many = adapters[0], len(adapters)
    model = first.recipe.model
    longest = max(
        each.recipe.data.max_length + each.recipe.evaluate.generate.max_new_tokens for each in adapters
    )
    options = [
        f"--served-model-name {BASE}",
        *([f"--revision {model.revision}"] if model.revision else []),
        "--enable-lora",
        "--lora-modules " + " ".join(f"{each.name}=adapters/{each.name}" for each in adapters),
        f"--max-lora-rank {rank} --max-loras {many} --max-cpu-loras {many}",
        "--chat-template chat_template.jinja",
        f"--dtype {str(first.lock['model']['dtype']).removeprefix('torch.')}",
        f'--max-model-len "${{LENGTH:-{min(longest, _reads(first) or longest)}}}"',
        '--host "${HOST:-127.0.0.1}" --port "${PORT:-8000}"',
        '"$@"',
    ]
    base = shlex.quote(first.run.base_path(first.recipe))
    return "\n".join(
        [
            "#!/bin/sh",
            f"# {many} adapter{'s' * (many > 1)} on one base model. Written by govtune, which ran no vLLM.",
            "# A request names the adapter as its model; BASE elsewhere: BASE=/models/base ./serve.sh",
            *(
                "#   curl -s http://127.0.0.1:8000/v1/chat/completions -H 'Content-Type: application/json' "
                f"-d @requests/{each.name}.json"
                for each in adapters
            ),
            "# vLLM reads control tokens wherever they stand: take them out of what citizens wrote.",
            *(
                f"# {each.name} learnt from the first {length} characters of what a user says: send no more."
                for each in adapters
                if (length := each.recipe.chat.user_length)
            ),
            "set -eu",
            'cd "$(dirname "$0")"',
            "# No usage statistics, and nothing from a hub.",
            "export VLLM_NO_USAGE_STATS=1 DO_NOT_TRACK=1 HF_HUB_OFFLINE=1",
            f"BASE=${{BASE:-{base}}}",
            'exec vllm serve "$BASE" \\',
            " \\\n".join(f"  {option}" for option in options),
            "",
        ]
    )


def _reads(adapter: Adapter) -> int | None:
    """Tokens that the base can read, where its folder is here to say so."""
    config = Path(adapter.run.base_path(adapter.recipe)) / "config.json"
    said = json.loads(config.read_text(encoding="utf-8")) if config.is_file() else {}
    reads: int | None = said.get("max_position_embeddings")
    return reads


def _request(adapter: Adapter) -> dict[str, Any]:
    """A request as the model was trained and measured: greedily, for labels one of them and nothing else."""
    recipe = adapter.recipe
    task = load_task(recipe.task) if recipe.task else None
    messages = [
        {"role": each["role"], "content": each["content"]} for each in as_read(asked(task)[0], recipe.chat)
    ]
    request: dict[str, Any] = {
        "model": adapter.name,
        "messages": messages,
        "temperature": 0,
        "seed": recipe.seed,
        "max_tokens": recipe.evaluate.generate.max_new_tokens,
    }
    if choices := answers(task):
        request["structured_outputs"] = {"choice": choices}
    if recipe.chat.stop_tokens:
        request["stop"] = list(recipe.chat.stop_tokens)
    template = adapter.run.template.read_text(encoding="utf-8")
    if recipe.chat.thinking == "off" and "enable_thinking" in template:
        request["chat_template_kwargs"] = {"enable_thinking": False}
    return request
