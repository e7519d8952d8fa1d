"""The answers a model writes by itself: always the likeliest next token, until it ends its turn."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Written:
    """An answer as token ids without the one that ends it.

    Attributes:
        stopped: whether the model ended it by itself, rather than at the limit.
    """

    ids: list[int]
    stopped: bool


def write(
    model: Any, prompts: Sequence[list[int]], ends: Collection[int], *, longest: int, batch_size: int
) -> list[Written]:
    """An answer to each prompt, of at most `longest` tokens.

    Args:
        ends: ids that end an answer.
        batch_size: prompts at once, those of like length together.
    """
    import torch
    from transformers import GenerationConfig

    settings = GenerationConfig(
        do_sample=False,
        num_beams=1,
        repetition_penalty=1.0,
        max_new_tokens=longest,
        eos_token_id=sorted(ends),
        pad_token_id=min(ends),
    )
    by_length = sorted(range(len(prompts)), key=lambda number: len(prompts[number]))
    written: list[Written] = [Written([], False)] * len(prompts)
    for start in range(0, len(prompts), batch_size):
        batch = by_length[start : start + batch_size]
        width = max(len(prompts[number]) for number in batch)
        ids = torch.tensor([[0] * (width - len(prompts[each])) + prompts[each] for each in batch])
        seen = torch.tensor([[0] * (width - len(prompts[each])) + [1] * len(prompts[each]) for each in batch])
        with torch.inference_mode():
            said = model.generate(
                input_ids=ids.to(model.device),
                attention_mask=seen.to(model.device),
                generation_config=settings,
            )
        for number, answer in zip(batch, said[:, width:].tolist(), strict=True):
            written[number] = _until_its_end(answer, ends)
    return written


def _until_its_end(answer: list[int], ends: Collection[int]) -> Written:
    end = next((place for place, token in enumerate(answer) if token in ends), None)
    return Written(answer[:end], end is not None)
