"""Whether an adapter is the one that its recipe describes, and whether the loss reaches all of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from curation.errors import UsageError
from training.batches import Learning
from training.schema import Adapter

_TRAINED = ("lora_", "modules_to_save")
"""Parts of the names of what an adapter trains."""


def parameters(model: Any, settings: Adapter) -> int:
    """The number of trainable parameters, which follows from the recipe and the shapes of the layers.

    Raises:
        UsageError: another number, or parameters of the base are trainable.
    """
    named: list[tuple[str, int]] = [
        (name, each.numel()) for name, each in model.named_parameters() if each.requires_grad
    ]
    trainable = sum(each for _, each in named)
    if settings.type == "none":
        expected = sum(int(each.numel()) for each in model.parameters())
    else:
        expected = sum(count for name, count in named if "modules_to_save" in name)
        adapted = [layer for layer in model.modules() if hasattr(layer, "lora_A") and hasattr(layer, "r")]
        for layer in adapted:
            lengths = layer.out_features if settings.type == "dora" else 0
            expected += settings.rank * (layer.in_features + layer.out_features) + lengths
        stray = [name for name, _ in named if not any(part in name for part in _TRAINED)]
        if stray or not adapted:
            raise UsageError(
                f"adapter: {f'{stray[0]} of the base is trainable' if stray else 'none is attached'}; the "
                "recipe's adapter is not what the model has"
            )
    if trainable != expected:
        raise UsageError(
            f"adapter: {trainable:,} parameters are trainable, the recipe implies {expected:,}; see "
            "adapter.targets and adapter.modules_to_save"
        )
    return trainable


def gradients(model: Any, learning: Learning, rows: Sequence[Any]) -> int:
    """The number of matrices with a gradient, after one backward pass without dropout.

    LoRA begins with B = 0, and then the gradient of A, which passes through B, is 0 by right; that of B is
    not. A start in which B is not 0 (pissa, olora, an adapter that is continued) gives both of them one.

    Raises:
        UsageError: one that should have a gradient has none.
    """
    few = sorted(rows, key=lambda row: len(row.input_ids))[:2]
    batch = {name: each.to(model.device) for name, each in learning.collate(few).items()}
    was_training = model.training
    model.eval()
    learning.loss(model, batch).backward()
    model.train(was_training)
    trained = {name: each for name, each in model.named_parameters() if each.requires_grad}
    reached = {name for name, each in trained.items() if each.grad is not None and bool(each.grad.any())}
    model.zero_grad(set_to_none=True)
    silent = [name for name in trained if name not in reached and not _may_be_silent(name, trained)]
    whole = not any("lora_" in name for name in trained)
    if not reached or (silent and not whole):  # of a whole model some biases never have one
        name = silent[0].removesuffix(".weight").removesuffix(".default")
        raise UsageError(
            f"the loss gives {len(silent)} of {len(trained)} trained matrices no gradient (the first is "
            f"{name}): they would never learn; leave their layers out with adapter.exclude"
        )
    return len(reached)


def _may_be_silent(name: str, trained: Mapping[str, Any]) -> bool:
    if ".experts." in name:  # which experts a text reaches depends on the text
        return True
    partner = trained.get(name.replace("lora_A", "lora_B").replace("embedding_A", "embedding_B"))
    is_first = "lora_A" in name or "embedding_A" in name
    return is_first and partner is not None and not bool(partner.any())
