"""LoRA training of a random-weight Qwen3 shape on a GPU, ours beside TRL: speed, utilisation, peak memory
and what the planner expects. Nothing is downloaded. No GPU has been at hand: it has run with --tiny only.

    python benchmarks/train_gpu.py [--shape qwen3-8b] [--length 2048] [--steps 20]
    python benchmarks/train_gpu.py --tiny      # the same road on a CPU, in seconds; its figures mean nothing

Each side is a process of its own: bf16, rank 16 on every linear layer, activation checkpointing, rows of
`--length` tokens, one at a time, four to a step. Unpacked sides get examples of exactly that length, packed
ones short letters of 100 to 600 tokens. The first steps warm up and are not counted. Utilisation counts
useful operations alone (`training.flops`) against the card's published peak. Memory is what torch has
allocated. Telemetry is off.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

SIDES = ("ours", "ours liger", "ours packed", "ours packed liger", "TRL", "TRL packed")
RANK, AT_A_TIME, WARM_UP, SEED = 16, 4, 2, 7
QUIET = {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "TOKENIZERS_PARALLELISM": "false"}
TINY = {
    "model_type": "qwen3",
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "vocab_size": 600,
    "tie_word_embeddings": False,
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shape", default="qwen3-8b", help="a published shape of training.shape")
    parser.add_argument("--length", type=int, default=2048)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--tiny", action="store_true", help="a tiny shape on a CPU")
    parser.add_argument("--sides", nargs="+", choices=SIDES, default=SIDES)
    parser.add_argument("--child", choices=SIDES, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        print(json.dumps(measured(given.child, given.shape, given.length, given.steps, given.tiny)))
        return
    print(
        "| | tokens per second | utilisation | peak GiB | planned GiB |\n| --- | ---: | ---: | ---: | ---: |"
    )
    for side in given.sides:
        done = subprocess.run(
            [sys.executable, __file__, *sys.argv[1:], "--child", side],
            env={**os.environ, **QUIET},
            capture_output=True,
            text=True,
        )
        lines = done.stdout.splitlines()
        print(row(side, json.loads(lines[-1]) if not done.returncode and lines else None), flush=True)
        if done.returncode:
            print(done.stderr.splitlines()[-1] if done.stderr else "failed", file=sys.stderr)


def row(side: str, found: dict[str, Any] | None) -> str:
    if found is None:
        return f"| {side} | failed | | | |"
    used = f"{found['utilisation']:.1%}" if found["utilisation"] is not None else "unknown"
    return (
        f"| {side} | {found['tokens_per_second']:,.0f} | {used} | {found['peak'] / 2**30:.2f} | "
        f"{found['planned'] / 2**30:.2f} |"
    )


def measured(side: str, shape: str, length: int, steps: int, tiny: bool) -> dict[str, Any]:
    """One side: speed, utilisation, peak memory in bytes, and the planner's expectation of it."""
    import torch

    from training import shape as shapes

    config = TINY if tiny else shapes.PUBLISHED[shape]
    device = "cpu" if tiny else "cuda"
    torch.manual_seed(SEED)
    model = adapted(config, device)
    rows = examples(config["vocab_size"], length, (WARM_UP + steps) * AT_A_TIME, "packed" in side)
    with tempfile.TemporaryDirectory() as scratch:
        train = theirs if side.startswith("TRL") else ours
        speed, tokens_each = train(side, model, rows, length, steps, Path(scratch))
    return {
        "tokens_per_second": speed,
        "utilisation": utilisation(model, config, speed, tokens_each),
        "peak": peak(device),
        "planned": planned(side, config, length, device),
    }


def adapted(config: dict[str, Any], device: str) -> Any:
    """The shape with random weights and an adapter."""
    import torch
    from transformers import Qwen3Config, Qwen3ForCausalLM
    from transformers.utils import logging

    from training import adapter
    from training.schema import Adapter

    logging.set_verbosity_error()
    shape = Qwen3Config(
        **{key: value for key, value in config.items() if key != "model_type"}, max_position_embeddings=40960
    )
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32 if device == "cpu" else torch.bfloat16)
    with torch.device(device):
        model = Qwen3ForCausalLM(shape)
    torch.set_default_dtype(before)
    return adapter.attach(model, Adapter(rank=RANK), seed=SEED)


def examples(vocabulary: int, length: int, rows: int, short: bool) -> list[Any]:
    """`rows` rows of random tokens, or so many short examples that they fill about as many; the last tenth of
    each is learnt."""
    from training.encoded import IGNORED, Encoded

    draw, made, total = random.Random(SEED), [], 0
    while total < rows * length * 0.95:
        size = draw.randint(length // 20, length * 3 // 10) if short else length
        ids = [draw.randrange(vocabulary) for _ in range(size)]
        read = size - max(1, size // 10)
        made.append(Encoded(ids, [IGNORED] * read + ids[read:]))
        total += size
    return made


def ours(
    side: str, model: Any, rows: Sequence[Any], length: int, steps: int, scratch: Path
) -> tuple[float, int]:
    """Tokens per second after the warm-up, and the mean length of an example."""
    from curation.pipeline import silent
    from training import trainer
    from training.schema import Train

    per_step = max(1, len(rows) // (WARM_UP + steps))
    journal = scratch / "journal.jsonl"
    for phase, number in (("warm-up", WARM_UP), ("measured", steps)):
        settings = Train(
            max_steps=number,
            batch_size=per_step,
            micro_batch_size=1,
            activation_checkpointing=True,
            kernels="liger" if "liger" in side else "none",
        )
        trainer.fit(
            model,
            rows,
            settings,
            folder=scratch / phase,
            journal=journal,
            seed=SEED,
            phase=phase,
            progress=silent,
            packed=length if "packed" in side else None,
        )
    last = json.loads(journal.read_text(encoding="utf-8").splitlines()[-1])
    return last["tokens_per_second"], _mean_length(rows)


def theirs(
    side: str, model: Any, rows: Sequence[Any], length: int, steps: int, scratch: Path
) -> tuple[float, int]:
    """The same of TRL, which is given our token ids and labels."""
    from datasets import Dataset
    from datasets.utils import disable_progress_bars
    from transformers.trainer_callback import PrinterCallback
    from trl import SFTConfig, SFTTrainer

    disable_progress_bars()
    on_cpu = model.device.type == "cpu"
    arguments = SFTConfig(
        output_dir=str(scratch),
        max_steps=WARM_UP + steps,
        per_device_train_batch_size=1,
        gradient_accumulation_steps=AT_A_TIME,
        packing="packed" in side,
        max_length=length,
        activation_checkpointing=True,
        use_cpu=on_cpu,
        bf16=not on_cpu,
        save_strategy="no",
        logging_steps=1,
        report_to="none",
        disable_tqdm=True,
        seed=SEED,
    )
    data = Dataset.from_list([{"input_ids": each.input_ids, "labels": each.labels} for each in rows])
    trainer = SFTTrainer(model=model, args=arguments, train_dataset=data, processing_class=_tokenizer(model))
    trainer.remove_callback(PrinterCallback)
    clock = _clock()
    trainer.add_callback(clock)
    trainer.train()
    seen = sum(len(row["input_ids"]) for row in trainer.train_dataset) / len(trainer.train_dataset)
    return seen * AT_A_TIME * steps / (clock.ended - clock.started), _mean_length(rows)


def utilisation(model: Any, config: dict[str, Any], speed: float, length: int) -> float | None:
    import torch

    from training import adapter, cards, flops

    if model.device.type == "cpu":
        return None
    top = cards.peak_tflops(torch.cuda.get_device_name(), "bf16")
    each = flops.per_token(config, length, adapter=True, trainable=adapter.trainable(model))
    return speed * each / (top * 1e12) if top else None


def peak(device: str) -> int:
    """Bytes: what torch has allocated at most on the GPU, or all memory of the process."""
    import resource

    import torch

    if device == "cuda":
        return int(torch.cuda.max_memory_allocated())
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def planned(side: str, config: dict[str, Any], length: int, device: str) -> float:
    """What the planner expects torch to allocate, bytes."""
    from training import memory
    from training import shape as shapes
    from training.recipe import parse

    recipe = parse(
        {
            "schema": "training/1",
            "name": "benchmark",
            "model": {"path": "tiny", "device": device, "dtype": "fp32" if device == "cpu" else "bf16"},
            "data": {"max_length": length, "packing": "on" if "packed" in side else "off"},
            "adapter": {"rank": RANK},
            "train": {"activation_checkpointing": True, "kernels": "liger" if "liger" in side else "none"},
        }
    )
    load = memory.Load(tokens=length, supervised=length // 10, length=length)
    return memory.needed(shapes.of(config), recipe, load).allocated


def _mean_length(rows: Sequence[Any]) -> int:
    """Of the example that a token stands in."""
    lengths = [len(row.input_ids) for row in rows]
    return round(sum(length**2 for length in lengths) / sum(lengths))


def _clock() -> Any:
    from transformers import TrainerCallback

    class Clock(TrainerCallback):  # type: ignore[misc]  # transformers is not type-checked
        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            self.ended = time.perf_counter()
            if state.global_step == WARM_UP:
                self.started = self.ended

    return Clock()


def _tokenizer(model: Any) -> Any:
    """One that TRL can ask for an end and a padding token; no text is tokenised."""
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    words = {str(number): number for number in range(model.config.vocab_size - 1)}
    words["<end>"] = model.config.vocab_size - 1
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="0"))
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<end>", pad_token="<end>")


if __name__ == "__main__":
    main()
