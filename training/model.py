"""Loading a model and its tokenizer from a directory, as a recipe says; nothing is fetched unless it names a
model on a hub."""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import inspect
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, Literal

from curation.errors import UsageError
from curation.files import sha256
from training.schema import Model, Quantisation

Kind = Literal["CausalLM", "SequenceClassification", "TokenClassification"]

_DEVICES = {
    "cuda": "cuda is asked for, but torch finds no GPU; govtune doctor tells more",
    "npu": "npu is asked for, but torch_npu is not installed or finds none",
}


def load(settings: Model, path: str, kind: Kind = "CausalLM", labels: Sequence[str] = ()) -> tuple[Any, Any]:
    """A model on its device, and its tokenizer.

    Args:
        path: where the model is; `settings.path` says so but for the model `tiny` and one that has read on.
        kind: a language model, or one with a classification head, which is new and drawn from torch's
            random numbers.
        labels: of the classification head.

    Raises:
        UsageError: it cannot be loaded or is not the one that is meant, or the device is not there.
    """
    import torch
    import transformers

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    device = device_of(settings)
    dtype = dtype_of(settings, device)
    _require_sha256(settings, path)
    options: dict[str, Any] = {
        "revision": settings.revision or "main",
        "trust_remote_code": settings.trust_remote_code,
        "local_files_only": not settings.on_hub,
    }
    if labels:
        names = dict(enumerate(labels))
        options |= {"id2label": names, "label2id": {label: number for number, label in names.items()}}
        options["ignore_mismatched_sizes"] = True  # a head of other labels is no use; `_require_whole` looks
    if settings.quantisation:
        options["quantization_config"] = _quantised(settings.quantisation, dtype)
        options["device_map"] = {"": device}
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(
            path, **{key: options[key] for key in ("revision", "trust_remote_code", "local_files_only")}
        )
        model, info = getattr(transformers, f"AutoModelFor{kind}").from_pretrained(
            path,
            dtype=getattr(torch, dtype),
            attn_implementation=attention_of(settings, device, dtype),
            output_loading_info=True,
            **options,
        )
    except Exception as error:  # files of other people: each reader in the stack raises what it likes
        said = str(error).partition("\n")[0]
        raise UsageError(f"model.path {path}: transformers cannot load it: {said}") from None
    _require_whole(model, info, path, new_head=bool(labels))
    if len(tokenizer) > model.get_input_embeddings().weight.shape[0]:
        raise UsageError(f"model.path {path}: the tokenizer has more tokens than the model has embeddings")
    return (model if settings.quantisation else model.to(device)), tokenizer


def device_of(settings: Model) -> str:
    """`cpu`, `cuda` or `npu`.

    Raises:
        UsageError: the one that is asked for is not there.
    """
    import torch

    if settings.device == "npu":
        if importlib.util.find_spec("torch_npu") is None:
            raise UsageError(f"model.device: {_DEVICES['npu']}")
        importlib.import_module("torch_npu")  # which makes torch know the device
        if not torch.npu.is_available():  # type: ignore[attr-defined]
            raise UsageError(f"model.device: {_DEVICES['npu']}")
        return "npu"
    there = torch.cuda.is_available()
    if settings.device == "cuda" and not there:
        raise UsageError(f"model.device: {_DEVICES['cuda']}")
    if settings.quantisation and not there:
        raise UsageError("model.quantisation: bitsandbytes needs a GPU, and torch finds none; leave it out")
    return "cuda" if there and settings.device != "cpu" else "cpu"


def dtype_of(settings: Model, device: str) -> str:
    """Name of torch's type for the weights: `auto` is bfloat16 on a GPU that has it, else float32."""
    import torch

    names = {"bf16": "bfloat16", "fp16": "float16", "fp32": "float32"}
    if settings.dtype != "auto":
        return names[settings.dtype]
    return (
        "bfloat16" if device == "npu" or (device == "cuda" and torch.cuda.is_bf16_supported()) else "float32"
    )


def attention_of(settings: Model, device: str, dtype: str) -> str:
    """Name of transformers' attention."""
    from transformers.utils import is_flash_attn_2_available

    if settings.attention != "auto":
        return settings.attention
    flash = device == "cuda" and dtype != "float32" and is_flash_attn_2_available()
    return "flash_attention_2" if flash else "sdpa"


def ends(model: Any) -> set[int]:
    """Ids at which the model ends an answer, from its generation config."""
    told = model.generation_config.eos_token_id
    return set(told) if isinstance(told, list) else {told} - {None}


def keeps_logits(model: Any) -> bool:
    """Whether the architecture can be told for which tokens to compute logits (`logits_to_keep`)."""
    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    return "logits_to_keep" in inspect.signature(base.forward).parameters


def digest(folder: Path) -> str | None:
    """SHA-256 over names and content of the files of a model's folder.

    None where there is no such folder, as for a model on a hub, which its commit names.
    """
    if not folder.is_dir():
        return None
    total = hashlib.sha256()
    for path in sorted(each for each in folder.iterdir() if each.is_file()):
        there = path.stat()
        total.update(f"{path.name}\0{_content(path, there.st_size, there.st_mtime_ns)}\n".encode())
    return total.hexdigest()


@functools.lru_cache(maxsize=256)
def _content(path: Path, size: int, changed: int) -> str:
    """Digest of a file as it was when it had this size and time: 16 GB take a while, and a run asks twice."""
    return sha256(path)


def require_bitsandbytes(key: str) -> None:
    """Refuse to go on without the package.

    Args:
        key: of the recipe, which asks for it.

    Raises:
        UsageError: how to install it.
    """
    if importlib.util.find_spec("bitsandbytes") is None:
        raise UsageError(f"{key}: bitsandbytes is not installed: pip install 'govtune[gpu]'")


def _require_sha256(settings: Model, path: str) -> None:
    own = path == settings.path  # one that has read on since is another by design
    if settings.sha256 is not None and own and (found := digest(Path(path))) != settings.sha256:
        raise UsageError(f"model.sha256: {path} holds other weights, their digest is {found}")


def _quantised(settings: Quantisation, dtype: str) -> Any:
    """How bitsandbytes holds the frozen weights."""
    import torch
    from transformers import BitsAndBytesConfig

    require_bitsandbytes("model.quantisation")
    if settings.bits == 8:
        return BitsAndBytesConfig(load_in_8bit=True)
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type=settings.type,
        bnb_4bit_use_double_quant=settings.double,
        bnb_4bit_compute_dtype=getattr(torch, dtype),
    )


def _require_whole(model: Any, info: dict[str, Collection[Any]], path: str, *, new_head: bool) -> None:
    """transformers draws at random what it does not find in the files; only a new head may be."""
    body = f"{model.base_model_prefix}." if new_head else ""
    drawn = [*info["missing_keys"], *(key[0] for key in info["mismatched_keys"])]
    if lacking := sorted(key for key in drawn if key.startswith(body)):
        raise UsageError(f"model.path {path}: its files lack {lacking[0]}; the download may be incomplete")
