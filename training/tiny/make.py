"""Makes the model `tiny` that ships: the same files and seed give the same weights, on one thread of a CPU.

    python -m training.tiny.make --laws FILE ... --policies FILE --service-items FILE --output DIR

The loop is not `training.trainer`'s: what was shipped comes out of these files, whatever that one learns to
do. DIR gets model, tokenizer, `made.json` with what it is made of, and the cards.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from curation.files import canonical_json, sha256
from training.batches import order, pad
from training.chat import Chat
from training.encoded import Encoded
from training.evaluate.loss import mean_loss
from training.pretrain import lessons
from training.tiny import card
from training.tiny.corpus import PASSAGE, Corpus, gather
from training.tiny.tokenizer import character_tokenizer, characters
from training.unlabelled import Text

FEWEST = 5
"""Occurrences of a character that no standard lists before it has a token of its own."""

SHAPE = {
    "hidden_size": 256,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 64,
    "intermediate_size": 640,
    "max_position_embeddings": 4096,
}
BATCH, LEARNING_RATE, WARMUP, WEIGHT_DECAY, BETAS = 16, 2e-3, 40, 0.05, (0.9, 0.95)
_TOLD = 20
"""Steps whose mean loss is told at a time."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--laws", type=Path, nargs="+", required=True)
    parser.add_argument("--policies", type=Path, required=True)
    parser.add_argument("--service-items", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=1080, help="default 1080, all of it once")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--invented", type=int, nargs="+", default=[101, 102], help="seeds of the generator")
    given = parser.parse_args()
    corpus = gather(given.laws, given.policies, given.service_items, seeds=given.invented, seed=given.seed)
    make(corpus, given.output, steps=given.steps, seed=given.seed, shape=SHAPE)


def make(corpus: Corpus, output: Path, *, steps: int, seed: int, shape: dict[str, int]) -> None:
    """Train the tokenizer and the model, and save them with `made.json` and cards.

    Args:
        shape: of the model, as its configuration names it.
    """
    import torch
    from transformers import Qwen3Config, Qwen3ForCausalLM, set_seed

    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    tokenizer = character_tokenizer(
        characters((part for each in corpus.texts() for part in (each.title, each.text)), FEWEST)
    )
    rows = list(lessons(corpus.texts(), Chat(tokenizer), PASSAGE))
    set_seed(seed)
    model = Qwen3ForCausalLM(
        Qwen3Config(
            vocab_size=len(tokenizer),
            tie_word_embeddings=True,
            pad_token_id=tokenizer.pad_token_id,
            eos_token_id=tokenizer.eos_token_id,
            bos_token_id=None,
            **shape,
        )
    )
    started = time.perf_counter()
    loss = _read(model, rows, steps, seed)
    model.half().save_pretrained(output)
    tokenizer.save_pretrained(output)
    describe(corpus, output, steps=steps, seed=seed, loss=loss, seconds=time.perf_counter() - started)


def describe(corpus: Corpus, output: Path, *, steps: int, seed: int, loss: float, seconds: float) -> None:
    """Measure a saved model, and write `made.json` and the cards.

    Args:
        loss: of the last steps, nats per token.
        seconds: that training took.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(output, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(output)
    made = {
        "schema": "tiny/1",
        "parameters": model.num_parameters(),
        "vocabulary": len(tokenizer),
        "read": {kind: _size(texts) for kind, texts in corpus.read.items()},
        "held_out": {
            kind: {**_size(texts), **_surprise(model, Chat(tokenizer), texts)}
            for kind, texts in corpus.held_out.items()
            if texts
        },
        "steps": steps,
        "batch": BATCH,
        "seed": seed,
        "loss": round(loss, 4),
        "seconds": round(seconds),
        "torch": torch.__version__,
        "sha256": {name: sha256(output / name) for name in ("model.safetensors", "tokenizer.json")},
    }
    (output / "made.json").write_text(canonical_json(made), encoding="utf-8")
    for name, text in card.cards(made).items():
        (output / name).write_text(text, encoding="utf-8")


def _read(model: Any, rows: Sequence[Encoded], steps: int, seed: int) -> float:
    """Train the model; the mean loss of the last steps."""
    import torch

    optimiser = torch.optim.AdamW(
        model.parameters(), lr=LEARNING_RATE, betas=BETAS, weight_decay=WEIGHT_DECAY, fused=True
    )
    scheduler = torch.optim.lr_scheduler.LambdaLR(
        optimiser,
        lambda step: min(1, (step + 1) / WARMUP) * (0.02 + 0.98 * (1 + math.cos(math.pi * step / steps)) / 2),
    )
    places = order(np.array([len(row.input_ids) for row in rows]), steps, BATCH, seed)
    losses: list[float] = []
    for step in range(steps):
        chosen = [rows[place] for place in places[step * BATCH : (step + 1) * BATCH]]
        loss = model(**pad(chosen)).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        scheduler.step()
        optimiser.zero_grad()
        losses.append(loss.item())
        if (step + 1) % _TOLD == 0:
            print(f"step {step + 1} of {steps}: loss {sum(losses[-_TOLD:]) / _TOLD:.3f}", flush=True)
    return sum(losses[-_TOLD:]) / len(losses[-_TOLD:])


def _size(texts: Sequence[Text]) -> dict[str, int]:
    return {
        "titles": len({text.title for text in texts}),
        "passages": len(texts),
        "characters": sum(len(text.title) + len(text.text[:PASSAGE]) for text in texts),
    }


def _surprise(model: Any, chat: Chat, texts: Sequence[Text]) -> dict[str, float]:
    """Loss in nats per token, and what that is in bits per character of text and title."""
    rows = list(lessons(texts, chat, PASSAGE))
    loss = mean_loss(model, rows, BATCH)
    nats = loss * sum(len(row.input_ids) - 1 for row in rows)
    return {
        "loss": round(loss, 4),
        "bits_per_character": round(nats / math.log(2) / _size(texts)["characters"], 3),
    }


if __name__ == "__main__":
    main()
