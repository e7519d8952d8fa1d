"""How answers are learnt: the negative log-likelihood of the supervised tokens, each with its weight.

Logits are computed at the places that predict a supervised token and nowhere else: those of a letter that is
only read are the largest tensor of all, and nothing is learnt from them.
"""

from __future__ import annotations

from typing import Any, Literal

from training.batches import Learning, pad
from training.encoded import IGNORED, Encoded
from training.model import keeps_logits


def learning(model: Any, kernels: Literal["none", "liger"]) -> Learning:
    """How a model is taught answers, by what it can be asked for."""
    if kernels == "liger":
        return Learning(amount, supervised, pad, fused_loss)
    return Learning(amount, supervised, pad, loss_of_kept if _keeps_some_logits(model) else loss_of_all)


def amount(row: Encoded) -> float:
    """The sum of the weights of a row's supervised tokens; its first token has nothing that predicts it."""
    weights = row.weights or [1.0] * len(row.labels)
    return sum(weight for weight, label in zip(weights[1:], row.labels[1:], strict=True) if label != IGNORED)


def supervised(row: Encoded) -> int:
    """Number of tokens that are learnt."""
    return sum(label != IGNORED for label in row.labels[1:])


def loss_of_kept(model: Any, batch: dict[str, Any]) -> Any:
    """The sum of weight times loss over a batch of `pad` or `packing.join`."""
    given, predicts, wanted, weights = _asked(batch)
    return _loss(model(**given, logits_to_keep=predicts).logits, wanted, weights)


def loss_of_all(model: Any, batch: dict[str, Any]) -> Any:
    """The same of a model that computes every logit, asked or not."""
    given, predicts, wanted, weights = _asked(batch)
    return _loss(model(**given).logits[predicts], wanted, weights)


def fused_loss(model: Any, batch: dict[str, Any]) -> Any:
    """The same by Liger's kernel, which never holds the logits; it takes no weights."""
    import torch

    given = dict(batch)
    labels = given.pop("labels")
    shifted = torch.nn.functional.pad(labels[:, 1:], (0, 1), value=IGNORED)
    return model(**given, labels=labels, shift_labels=shifted, num_items_in_batch=1).loss


def _asked(batch: dict[str, Any]) -> tuple[dict[str, Any], Any, Any, Any]:
    """What the model is given, the places that predict a supervised token, those tokens and their weights."""
    import torch

    given = dict(batch)
    labels, weights = given.pop("labels"), given.pop("weights", None)
    following = labels[:, 1:] != IGNORED
    predicts = torch.nn.functional.pad(following, (0, 1))
    return given, predicts, labels[:, 1:][following], None if weights is None else weights[:, 1:][following]


def _loss(logits: Any, wanted: Any, weights: Any) -> Any:
    import torch

    losses = torch.nn.functional.cross_entropy(logits.float(), wanted, reduction="none")
    return (losses if weights is None else losses * weights).sum()


def _keeps_some_logits(model: Any) -> bool:
    """Whether it can be told for which tokens to compute logits; other people's code knows only the last."""
    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    return keeps_logits(model) and type(base).__module__.startswith("transformers.")
