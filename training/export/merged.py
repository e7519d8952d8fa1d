"""The base model with the adapter merged into it, for servers that know no adapters.

What was saved is loaded again and compared with what was trained, on letters of several lengths: a model that
answers in another way than the one that was evaluated is an error, not an export.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curation.errors import EngineError, UsageError
from training import adapter, model, objectives
from training.chat import Chat
from training.export.folders import whole_folder
from training.schema import Recipe

if TYPE_CHECKING:
    from training.run import TrainingRun

TOLERANCE = {"torch.float32": 1e-4, "torch.bfloat16": 0.25, "torch.float16": 0.05}
"""Largest difference of a logit that rounding explains, by type of the weights."""


@dataclasses.dataclass(frozen=True)
class Parity:
    """How far the saved model is from base and adapter, over all tokens of the probes.

    Attributes:
        logit_difference: the largest.
        same_next: tokens after which both say the same next one when they answer greedily.
    """

    probes: int
    tokens: int
    logit_difference: float
    same_next: int


def merge(run: TrainingRun, recipe: Recipe, probes: Sequence[Sequence[int]], folder: Path) -> Parity:
    """Save the tuned model as one whole, in the type of the base's weights, beside tokenizer and template.

    Args:
        probes: token ids on which the saved model is compared with the one that was trained.

    Raises:
        UsageError: the base model is gone or has changed since the training.
        EngineError: the saved model is another than the one that was trained.
    """
    from transformers import AutoTokenizer

    lock = run.lock()
    # Quantised weights served the training alone: the adapter is merged into the weights as they are.
    plain = recipe.model_copy(update={"model": recipe.model.model_copy(update={"quantisation": None})})
    base, tokenizer = load_base(run, plain, lock)
    computes, kept = base.dtype, _dtype_of_files(base, Path(run.base_path(recipe)))
    kind, device = type(base), base.device
    tuned = adapter.load(base, run.tuned).eval()
    before = [_logits(tuned, ids) for ids in probes]
    whole = tuned.merge_and_unload(safe_merge=True) if hasattr(tuned, "merge_and_unload") else tuned
    _name_the_ends(whole, tokenizer, recipe)
    with whole_folder(folder) as aside:
        whole.to(kept).save_pretrained(aside)
        tokenizer.save_pretrained(aside)
        del base, tuned, whole
        if _digest(AutoTokenizer.from_pretrained(aside, local_files_only=True)) != lock["chat_template"]:
            raise EngineError("the merged model's chat template is not the one the adapter was trained with")
        again = kind.from_pretrained(aside, dtype=computes, local_files_only=True).to(device)
        parity = _compare(before, [_logits(again.eval(), ids) for ids in probes])
        limit = max(TOLERANCE[str(computes)], TOLERANCE[str(kept)])
        if not parity.logit_difference <= limit:
            raise EngineError(
                f"the merged model differs from the adapted one by {parity.logit_difference:.2g} in a logit; "
                f"{limit:g} is what rounding explains"
            )
    return parity


def load_base(run: TrainingRun, recipe: Recipe, lock: Mapping[str, Any]) -> tuple[Any, Any]:
    """The base that the adapter belongs to, and the tokenizer with the template it was tuned with.

    Raises:
        UsageError: the base is gone or has changed since the training, or the template has.
    """
    path = run.base_path(recipe)
    if model.digest(Path(path)) != lock["model"]["sha256"]:
        raise UsageError(f"{path}: the base model is gone or has changed since the training")
    base, tokenizer = objectives.of(recipe.objective).load(recipe, path, lock["labels"])
    if run.template.is_file():  # an encoder with a head has none
        tokenizer.chat_template = run.template.read_text(encoding="utf-8")
    if _digest(tokenizer) != lock["chat_template"]:
        raise UsageError(f"{run.template}: has changed since the training")
    return base, tokenizer


def _digest(tokenizer: Any) -> str | None:
    template = tokenizer.chat_template
    return hashlib.sha256(template.encode()).hexdigest() if template is not None else None


def _dtype_of_files(base: Any, path: Path) -> Any:
    """The type in which the base's weights were saved, whichever they were loaded in."""
    import torch
    from safetensors import safe_open

    for file in sorted(path.glob("*.safetensors")):
        with safe_open(file, framework="pt") as weights:
            for name in weights.keys():  # noqa: SIM118  safe_open is no mapping
                dtype = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}.get(
                    weights.get_slice(name).get_dtype()
                )
                if dtype is not None:
                    return dtype
    return base.dtype


def _name_the_ends(whole: Any, tokenizer: Any, recipe: Recipe) -> None:
    """Servers stop at what the generation config names; it must name all that ends an answer."""
    if recipe.objective in ("sft", "dpo"):
        whole.generation_config.eos_token_id = sorted(Chat(tokenizer, recipe.chat).ends(model.ends(whole)))


def _logits(model: Any, ids: Sequence[int]) -> Any:
    import torch

    with torch.inference_mode():
        return model(input_ids=torch.tensor([list(ids)], device=model.device)).logits.float().cpu()


def _compare(before: Sequence[Any], after: Sequence[Any]) -> Parity:
    # A difference that is no number must not pass for a small one.
    differences = [
        (one - other).abs().nan_to_num(nan=float("inf")).max()
        for one, other in zip(before, after, strict=True)
    ]
    same = [one.argmax(-1) == other.argmax(-1) for one, other in zip(before, after, strict=True)]
    return Parity(
        probes=len(before),
        tokens=sum(each.numel() for each in same),
        logit_difference=float(max(differences)),
        same_next=sum(int(each.sum()) for each in same),
    )
