"""The base model with the adapter merged into it, for servers that know no adapters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from curation.errors import EngineError

TOLERANCE = {"torch.float32": 1e-4, "torch.bfloat16": 0.25, "torch.float16": 0.05}
"""Largest difference of a logit that rounding explains, by type of the weights."""


def merge(model: Any, tokenizer: Any, probe: list[int], folder: Path) -> float:
    """Merge the adapter into the base, in place, and save it beside tokenizer and chat template.

    Args:
        model: with its adapter.
        probe: token ids on which the saved model is compared with the one that was trained.

    Returns:
        Largest absolute difference of the logits.

    Raises:
        EngineError: the difference is more than rounding.
    """
    from transformers import AutoModelForCausalLM

    model.eval()
    before = _logits(model, probe)
    merged = model.merge_and_unload()
    merged.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    again = AutoModelForCausalLM.from_pretrained(folder, dtype=merged.dtype).to(merged.device).eval()
    difference = float((before - _logits(again, probe)).abs().max())
    if not difference <= TOLERANCE[str(merged.dtype)]:
        raise EngineError(f"the merged model differs from the adapted one by {difference:.2g} in a logit")
    return difference


def _logits(model: Any, ids: list[int]) -> Any:
    import torch

    with torch.inference_mode():
        return model(input_ids=torch.tensor([ids], device=model.device)).logits.float()
