"""Attention within each example of a packed row, one after the other, for a CPU.

The attention of transformers masks a whole row, but computes all of it: of ten examples in a row nine tenths
for nothing, and a mask of every pair of tokens beside it. It is registered by transformers' own interface.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

_NAME = "govtune_apart"


@contextlib.contextmanager
def apart(model: Any) -> Iterator[None]:
    """A model on a CPU attends this way as long as it lasts; any other as it did."""
    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    before = base.config._attn_implementation
    if base.device.type != "cpu" or before != "sdpa":
        yield
        return
    _register()
    base.set_attn_implementation(_NAME)
    try:
        yield
    finally:
        base.set_attn_implementation(before)


def _register() -> None:
    from transformers import AttentionInterface, AttentionMaskInterface

    AttentionInterface.register(_NAME, _attend)
    AttentionMaskInterface.register(_NAME, _mask)


def _mask(**given: Any) -> Any:
    """None where position ids alone say what is seen; else what `sdpa` needs."""
    from transformers.masking_utils import sdpa_mask

    plain = given.get("attention_mask") is None and given.get("local_size") is None
    return None if plain and given["q_length"] == given["kv_length"] else sdpa_mask(**given)


def _attend(
    module: Any,
    query: Any,
    key: Any,
    value: Any,
    attention_mask: Any,
    *,
    position_ids: Any = None,
    **options: Any,
) -> tuple[Any, None]:
    import torch
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    begins = (position_ids[0] == 0).nonzero().flatten().tolist() if position_ids is not None else []
    if attention_mask is not None or len(begins) < 2:
        attended, _ = sdpa_attention_forward(module, query, key, value, attention_mask, **options)
        return attended, None
    seen = [
        sdpa_attention_forward(
            module, query[:, :, start:end], key[:, :, start:end], value[:, :, start:end], None, **options
        )[0]
        for start, end in pairwise([*begins, query.shape[2]])
    ]
    return torch.cat(seen, dim=1), None
