"""The LoRA adapter: attached with its seed set first, saved so that plain peft loads it again."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from curation.errors import UsageError
from training.recipe import Adapter


def attach(model: Any, settings: Adapter, seed: int) -> Any:
    """The model with a new adapter, the only thing that is trainable.

    Raises:
        UsageError: a target is no layer of the model, or none that an adapter can be attached to.
    """
    from peft import LoraConfig, get_peft_model
    from transformers import set_seed

    _require_layers(model, settings.targets)
    set_seed(seed)  # before the adapter's weights are drawn, or the same seed gives another adapter
    config = LoraConfig(
        task_type="CAUSAL_LM",
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        target_modules=settings.targets,
        use_rslora=settings.rslora,
    )
    try:
        with _without_peft_warnings():
            return get_peft_model(model, config)
    except ValueError:
        raise UsageError("adapter.targets: one of them is a layer that peft cannot adapt") from None


def trainable(model: Any) -> int:
    """Number of trainable parameters."""
    return sum(each.numel() for each in model.parameters() if each.requires_grad)


def save(model: Any, tokenizer: Any, folder: Path) -> None:
    """Write the adapter with the tokenizer and the chat template it was trained with."""
    config = model.active_peft_config
    config.target_modules = sorted(config.target_modules)  # peft's set has another order in each process
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)  # peft's is a form that nobody has filled in


def load(model: Any, folder: Path) -> Any:
    """The model with a saved adapter, for inference."""
    from peft import PeftModel

    with _without_peft_warnings():
        return PeftModel.from_pretrained(model, folder).eval()


def _require_layers(model: Any, targets: str | list[str]) -> None:
    """peft itself is content with one of them."""
    names = [f".{name}" for name, _ in model.named_modules()]
    for target in [] if targets == "all-linear" else targets:
        if not any(name.endswith(f".{target}") for name in names):
            raise UsageError(f"adapter.targets: the model has no layer {target}")


@contextlib.contextmanager
def _without_peft_warnings() -> Iterator[None]:
    """peft asks transformers for a property by its former name, which is nothing a user can change."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        yield
