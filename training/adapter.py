"""What is trained: a LoRA or DoRA adapter, attached with its seed set first and saved so that plain peft
loads it onto the unchanged base; or, with type `none`, the whole model."""

from __future__ import annotations

import contextlib
import json
import math
import re
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from curation.errors import UsageError
from curation.run import LOCK
from training import model as models
from training.schema import HUB_ID, Adapter

MUTATING = ("pissa", "olora")
"""Starts that take the adapter's first value out of the base's weights."""

_TASK = {"TokenClassification": "TOKEN_CLS", "SequenceClassification": "SEQ_CLS"}


def attach(model: Any, settings: Adapter, seed: int) -> Any:
    """The model with an adapter, the only thing that is trainable besides a classification head; with type
    `none` the model itself, all of it trainable.

    Raises:
        UsageError: a target is no layer of the model, or none that an adapter can be attached to; or the
            adapter to go on with is another one than the recipe says.
    """
    from transformers import set_seed

    set_seed(seed)  # before the adapter's weights are drawn, or the same seed gives another adapter
    if settings.type == "none":
        return model.requires_grad_(True)
    from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training

    targets, saved = layers(model, settings), _saved_whole(model, settings)
    if getattr(model, "quantization_method", None):
        model = prepare_model_for_kbit_training(model, use_gradient_checkpointing=False)
    if settings.continue_from:
        return _continued(model, settings, targets, saved)
    config = LoraConfig(
        task_type=next((task for name, task in _TASK.items() if name in type(model).__name__), "CAUSAL_LM"),
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        target_modules=_shortest(model, targets),
        modules_to_save=saved or None,
        use_rslora=settings.rslora,
        use_dora=settings.type == "dora",
        init_lora_weights=True if settings.init == "default" else settings.init,
    )
    try:
        with _without_peft_warnings():
            return get_peft_model(model, config)
    except ValueError:
        raise UsageError("adapter.targets: one of them is a layer that peft cannot adapt") from None


def layers(model: Any, settings: Adapter) -> list[str]:
    """Full names of the layers that get an adapter, in the order of the model.

    Raises:
        UsageError: a name fits no layer, or none is left.
    """
    from torch.nn import Linear
    from transformers.pytorch_utils import Conv1D

    names = [name for name, _ in model.named_modules() if name]
    targets, head = settings.targets, heads(model)
    if targets == "all-linear":
        linear = {name for name, layer in model.named_modules() if isinstance(layer, (Linear, Conv1D))}
        found = [name for name in names if name in linear and name.partition(".")[0] not in head]
    elif isinstance(targets, str):
        weighty = {
            name for name, layer in model.named_modules() if any(True for _ in layer.parameters(False))
        }
        found = [name for name in names if name in weighty and re.fullmatch(targets, name)]
        if not found:
            raise UsageError("adapter.targets: the regular expression fits no layer's whole name")
    else:
        found = _named(names, targets, "adapter.targets")
    left_out = set(_named(names, settings.exclude, "adapter.exclude"))
    found = [name for name in found if name not in left_out]
    if not found:
        raise UsageError("adapter.exclude: no layer is left to adapt")
    if tied := sorted(set(found) & _tied(model)):
        raise UsageError(
            f"adapter.targets: {tied[0]} shares its weights; an adapter on one would change both"
        )
    return found


def heads(model: Any) -> list[str]:
    """Names of the layers on top of the model's body: of the output head, or of a classification head."""
    return [
        name
        for name, layer in model.named_children()
        if name != model.base_model_prefix and any(True for _ in layer.parameters())
    ]


def trainable(model: Any) -> int:
    """Number of trainable parameters."""
    return sum(each.numel() for each in model.parameters() if each.requires_grad)


def adapted(model: Any) -> list[str]:
    """Full names of the layers that have an adapter; none where the whole model is trained."""
    if not hasattr(model, "get_base_model"):
        return []
    return [name for name, layer in model.get_base_model().named_modules() if hasattr(layer, "lora_A")]


def start(model: Any, settings: Adapter) -> dict[str, Any]:
    """The adapter's first value where it was taken out of the base, else nothing; `save` needs it."""
    if settings.type == "none" or not settings.init.startswith(MUTATING):
        return {}
    from peft import get_peft_model_state_dict

    state = get_peft_model_state_dict(model, save_embedding_layers=False)
    return {name: each.detach().cpu().clone() for name, each in state.items()}


def save(
    model: Any,
    tokenizer: Any,
    folder: Path,
    began: Mapping[str, Any] | None = None,
    state: Mapping[str, Any] | None = None,
) -> None:
    """Write what was trained, with the tokenizer and the chat template it was trained with.

    `state` are the parameters of a model that several processes share, see `distributed.whole`.

    An adapter that began as a part of the base (`began`, see `start`) is written as its change since then,
    which is a LoRA adapter of twice the rank for the base as it was.
    """
    tokenizer.save_pretrained(folder)
    if not hasattr(model, "active_peft_config"):
        model.save_pretrained(folder, state_dict=state)
        return
    config = model.active_peft_config
    if not isinstance(config.target_modules, str):  # an adapter of elsewhere may name them by a pattern
        config.target_modules = sorted(config.target_modules)  # peft's set: another order in each process
    if config.modules_to_save is not None:
        config.modules_to_save = sorted(config.modules_to_save)
    base = str(config.base_model_name_or_path)
    if not HUB_ID.fullmatch(base) or Path(base).is_dir():
        config.base_model_name_or_path = Path(base).name  # its place on this machine is nobody's business
    # Nothing is ever added to the vocabulary; left to itself peft asks a hub whether something was.
    model.save_pretrained(folder, save_embedding_layers=False, state_dict=state)
    if began:
        _as_change(folder, began)
    if config.task_type in _TASK.values():
        model.get_base_model().config.save_pretrained(folder)  # which labels the head's numbers stand for
    (folder / "README.md").unlink(missing_ok=True)  # peft's is a form that nobody has filled in


def load(model: Any, folder: Path) -> Any:
    """The base with what was trained, for inference; within `disable_adapter()` it is the base again."""
    if not (folder / "adapter_config.json").is_file():
        return Whole(model, folder)
    from peft import PeftModel

    with _without_peft_warnings():
        return PeftModel.from_pretrained(model, folder).eval()


class Whole:
    """A base and the model that all its parameters were trained to, used as one of peft's models is."""

    def __init__(self, base: Any, folder: Path) -> None:
        tuned = type(base).from_pretrained(
            folder, dtype=base.dtype, attn_implementation=base.config._attn_implementation
        )
        self._base, self._tuned = base.eval(), tuned.to(base.device).eval()
        self._now = self._tuned

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        return self._now(*arguments, **named)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._now, name)

    @contextlib.contextmanager
    def disable_adapter(self) -> Iterator[None]:
        self._now = self._base
        try:
            yield
        finally:
            self._now = self._tuned


def _continued(model: Any, settings: Adapter, targets: list[str], saved: list[str]) -> Any:
    """The model with an adapter that was trained before, and is the one the recipe describes."""
    from peft import PeftConfig, PeftModel

    folder = Path(str(settings.continue_from))
    try:
        config = PeftConfig.from_pretrained(str(folder))
    except (TypeError, ValueError, KeyError) as error:
        raise UsageError(
            f"adapter.continue_from: peft cannot read {folder}: {type(error).__name__}"
        ) from None
    if str(config.peft_type.value) != "LORA":
        raise UsageError(f"adapter.continue_from: {folder} is of type {config.peft_type.value}, not LoRA")
    names = [name for name, _ in model.named_modules() if name]
    theirs = config.target_modules
    theirs = (
        [name for name in names if re.fullmatch(theirs, name)]
        if isinstance(theirs, str)
        else [name for name in names if any(_ends(name, target) for target in theirs or ())]
    )
    wanted: dict[str, tuple[Any, Any]] = {
        "rank": (config.r, settings.rank),
        "alpha": (config.lora_alpha, settings.alpha),
        "dropout": (config.lora_dropout, settings.dropout),
        "rslora": (config.use_rslora, settings.rslora),
        "type": ("dora" if config.use_dora else "lora", settings.type),
        "modules_to_save": (sorted(config.modules_to_save or []), sorted(saved)),
    }
    for key, (there, here) in wanted.items():
        if there != here:
            raise UsageError(f"adapter.{key}: {here}, but the adapter to continue from has {there}")
    if set(theirs) != set(targets):
        raise UsageError("adapter.targets: not the layers of the adapter to continue from")
    _require_its_base(model, folder)
    with _without_peft_warnings():
        return PeftModel.from_pretrained(model, folder, is_trainable=True)


def _require_its_base(model: Any, folder: Path) -> None:
    """An adapter of ours has a lock beside it, which tells its base; of any other nobody knows."""
    lock, base = folder.parent / LOCK, Path(model.name_or_path)
    if not lock.is_file():
        return
    trained_on = json.loads(lock.read_text(encoding="utf-8")).get("model", {}).get("sha256")
    if trained_on != models.digest(base):
        raise UsageError(f"adapter.continue_from: {folder} was trained on another base than {base}")


def _saved_whole(model: Any, settings: Adapter) -> list[str]:
    """Layers trained and saved whole: those of the recipe, and a classification head."""
    names = [name for name, _ in model.named_modules() if name]
    found = _named(names, settings.modules_to_save, "adapter.modules_to_save")
    if tied := sorted(set(found) & _tied(model)):
        raise UsageError(f"adapter.modules_to_save: {tied[0]} shares its weights and cannot be saved alone")
    new = [] if model.get_output_embeddings() is not None else heads(model)
    return [*settings.modules_to_save, *(name for name in new if name not in settings.modules_to_save)]


def _named(names: list[str], wanted: list[str], key: str) -> list[str]:
    """Full names that end in one of those wanted; peft itself is content with one of them."""
    for each in wanted:
        if not any(_ends(name, each) for name in names):
            raise UsageError(f"{key}: the model has no layer {each}")
    return [name for name in names if any(_ends(name, each) for each in wanted)]


def _ends(name: str, target: str) -> bool:
    return name == target or name.endswith(f".{target}")


def _tied(model: Any) -> set[str]:
    """Names of the embeddings and the output head where both are one."""
    inner, outer = model.get_input_embeddings(), model.get_output_embeddings()
    if outer is None or inner.weight is not outer.weight:
        return set()
    return {name for name, layer in model.named_modules() if layer is inner or layer is outer}


def _shortest(model: Any, layers: list[str]) -> list[str]:
    """The layers by their last names where these mean no others, as every server reads them."""
    last = sorted({name.rpartition(".")[2] for name in layers})
    meant = [name for name, _ in model.named_modules() if any(_ends(name, each) for each in last)]
    return last if set(meant) == set(layers) else layers


def _as_change(folder: Path, began: Mapping[str, Any]) -> None:
    """Rewrite a saved adapter AB as AB - A₀B₀, its change since it began."""
    import torch
    from safetensors.torch import load_file, save_file

    weights, settings = folder / "adapter_model.safetensors", folder / "adapter_config.json"
    config, now = json.loads(settings.read_text(encoding="utf-8")), load_file(weights)
    # Twice the rank at the same scale: alpha/rank with twice the alpha; alpha/√rank needs 1/√2 besides.
    factor = 1 / math.sqrt(2) if config["use_rslora"] else 1.0
    for name in now:
        if "lora_A" in name:
            now[name] = torch.cat([now[name], began[name]])
        elif "lora_B" in name:
            now[name] = torch.cat([now[name], -began[name]], dim=1) * factor
    save_file(now, weights, metadata={"format": "pt"})
    config |= {"r": 2 * config["r"], "lora_alpha": 2 * config["lora_alpha"], "init_lora_weights": True}
    settings.write_text(json.dumps(config, indent=2, sort_keys=True), encoding="utf-8")


@contextlib.contextmanager
def _without_peft_warnings() -> Iterator[None]:
    """peft asks transformers for a property by its former name, which is nothing a user can change."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        yield
