"""Loading a model and its tokenizer from a directory, as a recipe says; nothing is fetched unless it names a
model on a hub."""

from __future__ import annotations

import hashlib
import inspect
from pathlib import Path
from typing import Any

from curation.errors import UsageError
from curation.files import sha256
from training import recipe as recipes

_WHOLE = 64 << 20
"""Bytes up to which a weight file's content joins the digest; of a larger one its name and size do."""


def load(settings: recipes.Model, path: str) -> tuple[Any, Any]:
    """A causal language model on its device, and its tokenizer.

    Args:
        path: where the model is; `settings.path` says so but for the model `tiny`.

    Raises:
        UsageError: it cannot be loaded, or the device is not there.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    device = device_of(settings)
    options = {
        "revision": settings.revision or "main",
        "trust_remote_code": settings.trust_remote_code,
        "local_files_only": not settings.on_hub,
    }
    try:
        tokenizer = AutoTokenizer.from_pretrained(path, **options)
        model = AutoModelForCausalLM.from_pretrained(
            path,
            dtype=getattr(torch, dtype_of(settings, device)),
            attn_implementation=None if settings.attention == "auto" else settings.attention,
            **options,
        )
    except Exception as error:  # files of other people: each reader in the stack raises what it likes
        said = str(error).partition("\n")[0]
        raise UsageError(f"model.path {path}: transformers cannot load it: {said}") from None
    if len(tokenizer) > model.get_input_embeddings().weight.shape[0]:
        raise UsageError(f"model.path {path}: the tokenizer has more tokens than the model has embeddings")
    return model.to(device), tokenizer


def device_of(settings: recipes.Model) -> str:
    """`cpu` or `cuda`.

    Raises:
        UsageError: cuda is asked for and not there.
    """
    import torch

    there = torch.cuda.is_available()
    if settings.device == "cuda" and not there:
        raise UsageError("model.device: cuda is asked for, but torch finds no GPU; govtune doctor tells more")
    return "cuda" if there and settings.device != "cpu" else "cpu"


def dtype_of(settings: recipes.Model, device: str) -> str:
    """Name of torch's type for the weights: `auto` is bfloat16 on a GPU that has it, else float32."""
    import torch

    names = {"bf16": "bfloat16", "fp16": "float16", "fp32": "float32"}
    if settings.dtype != "auto":
        return names[settings.dtype]
    return "bfloat16" if device == "cuda" and torch.cuda.is_bf16_supported() else "float32"


def ends(model: Any) -> set[int]:
    """Ids at which the model ends an answer, from its generation config."""
    told = model.generation_config.eos_token_id
    return set(told) if isinstance(told, list) else {told} - {None}


def keeps_logits(model: Any) -> bool:
    """Whether the architecture can be told for which tokens to compute logits (`logits_to_keep`)."""
    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    return "logits_to_keep" in inspect.signature(base.forward).parameters


def digest(folder: Path) -> str | None:
    """SHA-256 over the files of a model's folder: content of those up to 64 MiB, name and size of all.

    None where there is no such folder, as for a model on a hub, which its commit names.
    """
    if not folder.is_dir():
        return None
    total = hashlib.sha256()
    for path in sorted(each for each in folder.iterdir() if each.is_file()):
        size = path.stat().st_size
        total.update(f"{path.name}\0{size}\0{sha256(path) if size <= _WHOLE else ''}\n".encode())
    return total.hexdigest()
