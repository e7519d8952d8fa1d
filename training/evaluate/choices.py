"""Which of the task's labels a model answers with: the one whose whole answer, end included, is likeliest.

That is what a server with constrained decoding does, so a base that has never seen the task is not marked
down for its form.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from training.chat import IGNORED, Chat
from training.data import Message
from training.model import keeps_logits


def choose(
    model: Any, prompts: Sequence[list[int]], choices: Sequence[list[int]], batch_size: int
) -> list[int]:
    """The place of the likeliest choice after each prompt; prompts of like length go together."""
    by_length = sorted(range(len(prompts)), key=lambda number: len(prompts[number]))
    chosen = [0] * len(prompts)
    for start in range(0, len(prompts), batch_size):
        batch = by_length[start : start + batch_size]
        scores = log_likelihoods(model, [prompts[number] for number in batch], choices)
        for number, best in zip(batch, scores.argmax(dim=1).tolist(), strict=True):
            chosen[number] = best
    return chosen


def as_answer(chat: Chat, before: Sequence[Message], choice: str) -> list[int]:
    """A choice as the model would write it after these messages, stop token included."""
    return chat.encode([*before, Message(role="assistant", content=choice, weight=1.0)]).answer


def log_likelihoods(model: Any, prompts: Sequence[list[int]], answers: Sequence[list[int]]) -> Any:
    """Log-probability of each answer after each prompt, a tensor of shape (prompts, answers), in nats.

    The prompts are read once; their keys and values are then shared by all answers.
    """
    import torch

    width, longest, many = max(map(len, prompts)), max(map(len, answers)), len(answers)
    ids = torch.tensor([[0] * (width - len(prompt)) + prompt for prompt in prompts])
    seen = torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts])
    targets = torch.tensor([answer + [IGNORED] * (longest - len(answer)) for answer in answers])
    ids, seen, targets = (each.to(model.device) for each in (ids, seen, targets))
    with torch.inference_mode():
        read = model(
            input_ids=ids,
            attention_mask=seen,
            position_ids=(seen.cumsum(1) - 1).clamp(min=0),
            use_cache=True,
            **({"logits_to_keep": 1} if keeps_logits(model) else {}),
        )
        logits = read.logits[:, -1:].float().repeat_interleave(many, dim=0)
        if longest > 1:
            read.past_key_values.batch_repeat_interleave(many)
            said = targets[:, :-1].clamp(min=0).repeat(len(prompts), 1)
            after = seen.sum(dim=1, keepdim=True).repeat_interleave(many, dim=0)
            answered = model(
                input_ids=said,
                attention_mask=torch.cat([seen.repeat_interleave(many, dim=0), torch.ones_like(said)], dim=1),
                position_ids=after + torch.arange(longest - 1, device=after.device),
                past_key_values=read.past_key_values,
            )
            logits = torch.cat([logits, answered.logits.float()], dim=1)
        wanted = targets.repeat(len(prompts), 1)
        losses = torch.nn.functional.cross_entropy(
            logits.flatten(0, 1), wanted.flatten(), ignore_index=IGNORED, reduction="none"
        )
    return -losses.view(len(prompts), many, longest).sum(dim=2)
