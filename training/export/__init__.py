"""What a finished training becomes for a server: merged weights, a vLLM folder, an Ollama Modelfile, GGUF.

`export.json` beside them says what was written, of which adapter, and how far it is from what was trained.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curation.errors import UsageError
from curation.files import canonical_json, whole_file
from curation.instruct.task import Task
from curation.instruct.task import load as load_task
from training.chat import Chat
from training.data import Message
from training.export import gguf as ggufs
from training.export import merged as merging
from training.export import ollama as ollamas
from training.export import vllm as vllms
from training.export.folders import whole_folder
from training.export.probes import LETTERS, asked, conversations
from training.model import digest
from training.schema import Format, GgufType
from training.template import Template

if TYPE_CHECKING:
    from training.run import TrainingRun
    from training.schema import Recipe

SCHEMA = "export/1"
RECORD = "export.json"


@dataclasses.dataclass(frozen=True)
class Exported:
    """What became of one format.

    Attributes:
        folder: None where nothing was written.
        facts: as export.json has them.
        line: the same for people.
    """

    format: Format
    folder: Path | None
    facts: dict[str, Any]
    line: str


def export(
    run: TrainingRun,
    formats: Sequence[Format],
    output: Path | None = None,
    *,
    name: str | None = None,
    gguf: GgufType = "auto",
) -> list[Exported]:
    """Write a finished training in these formats, each into a folder of `output` that has its name.

    Args:
        output: default: the training's own folder.
        name: of the adapter on a vLLM server; default: the recipe's.
        gguf: number format of GGUF.

    Raises:
        UsageError: a format that this model cannot have, another base model, or no finished training.
        EngineError: what was written is not what was trained.
    """
    job = _Job.of(run, output or run.folder, name, gguf)
    check(job.recipe, formats)
    wanted = set(formats) | ({"merged"} if {"ollama", "gguf"} & {*formats} and not job.is_merged else set())
    steps = {"merged": _merged, "gguf": _gguf, "ollama": _ollama, "vllm": _vllm}
    done: list[Exported] = []
    for each, step in steps.items():
        if each in wanted:
            done.append(step(job))
            _record(job.output, done[-1])
    return done


def export_together(runs: Sequence[TrainingRun], names: Sequence[str], output: Path) -> Exported:
    """Write several adapters for one vLLM server into `output/vllm`.

    Args:
        names: of the adapters, in their order; empty: the recipes' own.

    Raises:
        UsageError: adapters that cannot be served together, or another number of names.
    """
    if names and len(names) != len(runs):
        raise UsageError(f"--name: {len(names)} names for {len(runs)} adapters; give one for each, in order")
    adapters = [
        vllms.Adapter(name or recipe.name, run, recipe, run.lock())
        for run, recipe, name in zip(
            runs, [run.recipe() for run in runs], names or [""] * len(runs), strict=True
        )
    ]
    done = _served(adapters, output)
    _record(output, done)
    return done


def check(recipe: Recipe, formats: Sequence[Format]) -> None:
    """Refuse a format that no training of this recipe can have; needs no torch.

    Raises:
        UsageError: which, and why.
    """
    for each in formats:
        if each != "merged" and recipe.objective not in ("sft", "dpo"):
            raise UsageError(
                f"{each}: is for models that answer in words; {recipe.objective} has a classification head. "
                "Export merged and load it with transformers"
            )
    if "vllm" in formats and recipe.adapter.type != "lora":
        raise UsageError(f"vllm: serves no adapter of type {recipe.adapter.type}; serve merged instead")
    if "vllm" in formats and recipe.adapter.modules_to_save:
        raise UsageError("vllm: serves no adapter with adapter.modules_to_save; serve merged instead")


@dataclasses.dataclass(frozen=True)
class _Job:
    """One export."""

    run: TrainingRun
    recipe: Recipe
    lock: dict[str, Any]
    task: Task | None
    output: Path
    name: str
    gguf: GgufType

    @classmethod
    def of(cls, run: TrainingRun, output: Path, name: str | None, gguf: GgufType) -> _Job:
        recipe = run.recipe()
        task = load_task(recipe.task) if recipe.task else None
        return cls(run, recipe, run.lock(), task, output, name or recipe.name, gguf)

    @property
    def merged(self) -> Path:
        """Where all parameters were trained, the whole model is there already."""
        return self.output / "merged" if self.run.adapter.is_dir() else self.run.merged

    @property
    def is_merged(self) -> bool:
        """Whether the merged model of this very training is there."""
        facts = record(self.output).get("merged", {})
        made_of: bool = facts.get("of") == self.lock["fingerprint"]
        return made_of and facts.get("sha256") == digest(self.merged)

    @property
    def tokenizer(self) -> Any:
        """Of the tuned model."""
        from transformers import AutoTokenizer

        return AutoTokenizer.from_pretrained(self.run.tuned, local_files_only=True)

    @property
    def template(self) -> Template:
        """The tokenizer of the tuned model, with its chat template."""
        return Template(self.tokenizer, self.recipe.chat)


def _merged(job: _Job) -> Exported:
    facts: dict[str, Any] = {"of": job.lock["fingerprint"]}
    if not job.run.adapter.is_dir():
        facts["sha256"] = digest(job.merged)
        return Exported("merged", job.merged, facts, f"merged: {job.merged}, which was trained as a whole")
    parity = merging.merge(job.run, job.recipe, _ids(job), job.merged)
    facts |= {**dataclasses.asdict(parity), "sha256": digest(job.merged)}
    line = (
        f"merged: {job.merged}; differs from base and adapter by at most {parity.logit_difference:.2g} in a "
        f"logit, same next token at {parity.same_next:,} of {parity.tokens:,} places"
    )
    return Exported("merged", job.merged, facts, line)


def _gguf(job: _Job) -> Exported:
    folder = job.output / "gguf"
    done = ggufs.convert(job.merged, folder, job.gguf)
    facts = {"of": job.lock["fingerprint"], "command": done.command, "written": bool(done.converter)}
    if done.converter is None:
        line = f"gguf: not written, no {ggufs.CONVERTER} in LLAMA_CPP or on PATH; with one: {done.command}"
        return Exported("gguf", None, facts, line)
    return Exported("gguf", folder, facts, f"gguf: {folder / ggufs.FILE}")


def _ollama(job: _Job) -> Exported:
    import transformers

    folder, recipe, template = job.output / "ollama", job.recipe, job.template
    system = ollamas.system_message(recipe, job.task)
    found = ollamas.template(template, system)
    config = transformers.AutoConfig.from_pretrained(job.merged, local_files_only=True)
    ends = transformers.GenerationConfig.from_pretrained(job.merged, local_files_only=True).eos_token_id
    stops = template.tokenizer.convert_ids_to_tokens(ends if isinstance(ends, list) else [ends])
    asked_for = recipe.data.max_length + recipe.evaluate.generate.max_new_tokens
    facts = record(job.output).get("gguf", {})
    is_gguf = facts.get("written") and facts.get("of") == job.lock["fingerprint"]
    weights = job.output / "gguf" / ggufs.FILE if is_gguf else job.merged
    text = ollamas.modelfile(
        os.path.relpath(weights, folder),
        found,
        stops,
        min(asked_for, config.max_position_embeddings),
        system,
        job.task,
        recipe.chat.user_length,
    )
    with whole_folder(folder) as aside:
        (aside / ollamas.FILE).write_text(text, encoding="utf-8")
    facts = {"of": job.lock["fingerprint"], "probes": len(conversations(system)), "trims": found.trims}
    line = f"ollama: {folder / ollamas.FILE}; TEMPLATE checked on {facts['probes']} probes"
    return Exported("ollama", folder, facts, line)


def _vllm(job: _Job) -> Exported:
    return _served([vllms.Adapter(job.name, job.run, job.recipe, job.lock)], job.output)


def _served(adapters: Sequence[vllms.Adapter], output: Path) -> Exported:
    facts = vllms.write(adapters, output / "vllm")
    names = ", ".join(facts["adapters"])
    line = f"vllm: {output / 'vllm' / 'serve.sh'} serves {names} on one base"
    return Exported("vllm", output / "vllm", facts, line)


def _ids(job: _Job) -> list[list[int]]:
    """The probes as the model reads them."""
    tokenizer = job.tokenizer
    if job.recipe.objective not in ("sft", "dpo"):  # an encoder has no chat template
        return [tokenizer("\n".join(letter.values()))["input_ids"] for letter in LETTERS]
    chat = Chat(tokenizer, job.recipe.chat)
    # Without a task the data say who the model is; some template would say so itself where nobody does.
    system = [] if job.task else [Message(role="system", content="系统说明", weight=0.0)]
    return [chat.prompt([*system, *each]) for each in asked(job.task)]


def record(output: Path) -> dict[str, Any]:
    """What export.json of a folder says, by format; empty where nothing was exported."""
    path = output / RECORD
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError):
        raise UsageError(f"{path}: cannot be read; remove it to export anew") from None
    formats: dict[str, Any] = said.get("formats", {})
    return formats


def _record(output: Path, done: Exported) -> None:
    with whole_file(output / RECORD) as aside:
        said = {"schema": SCHEMA, "formats": {**record(output), done.format: done.facts}}
        aside.write_text(canonical_json(said), encoding="utf-8")
