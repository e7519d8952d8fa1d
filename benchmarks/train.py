"""Training on a CPU beside TRL: tokens per second and memory, the same model, adapter and rows for each.

    python benchmarks/train.py [--letters FILE] [--tokens 40000] [--runs 3]

Each side is a fresh process with one thread; they take turns, and the median of the runs is told. Counted are
real tokens, each once, from the first step to the last with the loading of libraries left out. `ours packed`
and `ours padded` are the same training (batches of 16, four at once where padded); TRL gets our token ids and
labels, packs them best fit into rows of the same length, and as many rows to a step as come nearest to ours.
Telemetry is off.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from curation.samples import generate

SIDES = ("ours packed", "ours padded", "TRL packed")
BATCH, AT_ONCE, MAX_LENGTH, RANK, LEARNING_RATE, SEED = 16, 4, 1024, 16, 1e-3, 7
QUIET = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TOKENIZERS_PARALLELISM": "false",
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--letters", type=Path, help="JSON lines with title and text")
    parser.add_argument("--tokens", type=int, default=40000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--sides", nargs="+", choices=SIDES, default=SIDES)
    parser.add_argument("--child", nargs=2, metavar=("SIDE", "FOLDER"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        print(json.dumps(measured(given.child[0], Path(given.child[1]))))
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        print(prepared(folder, read(given.letters), given.tokens), flush=True)
        found: dict[str, list[dict[str, Any]]] = {side: [] for side in given.sides}
        for _ in range(given.runs):
            for side in given.sides:
                found[side].append(child(side, folder))
                print(side, json.dumps(found[side][-1]), file=sys.stderr, flush=True)
        print(table(found))


def read(letters: Path | None) -> list[tuple[str, str]]:
    """Title and text of each."""
    if letters is not None:
        lines = letters.read_text(encoding="utf-8").splitlines()
    else:
        with tempfile.TemporaryDirectory() as folder:
            generate(Path(folder) / "sample")
            file = Path(folder) / "sample" / "data" / "领导信箱.jsonl"
            lines = file.read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    return [(row["title"], row["text"]) for row in rows if row.get("title") and row.get("text")]


def prepared(folder: Path, letters: Sequence[tuple[str, str]], tokens: int) -> str:
    """Write the model and the rows that every side trains on, and say what they are: a letter is read, its
    title is learnt."""
    import torch
    from transformers import Qwen3Config, Qwen3ForCausalLM

    from training.chat import Chat
    from training.data import Message
    from training.tiny.make import SHAPE
    from training.tiny.tokenizer import character_tokenizer, characters

    tokenizer = character_tokenizer(characters((part for letter in letters for part in letter), 1))
    torch.manual_seed(SEED)
    shape = Qwen3Config(
        vocab_size=len(tokenizer),
        tie_word_embeddings=True,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        bos_token_id=None,
        **SHAPE,
    )
    model = Qwen3ForCausalLM(shape)
    model.save_pretrained(folder / "model")
    tokenizer.save_pretrained(folder / "model")
    chat, rows, total = Chat(tokenizer), [], 0
    for title, text in letters:
        said = [Message(role="user", content=text, weight=0.0)]
        row = chat.encode([*said, Message(role="assistant", content=title, weight=1.0)])
        if len(row.input_ids) <= MAX_LENGTH and total < tokens:
            rows.append({"input_ids": row.input_ids, "labels": row.labels})
            total += len(row.input_ids)
    rows = rows[: len(rows) // BATCH * BATCH]  # so that one round is a whole number of steps
    (folder / "rows.json").write_text(json.dumps(rows), encoding="utf-8")
    lengths = [len(row["input_ids"]) for row in rows]
    learnt = sum(label >= 0 for row in rows for label in row["labels"])
    return (
        f"{len(rows)} examples of {min(lengths)} to {max(lengths)} tokens, median "
        f"{statistics.median(lengths):.0f}; {sum(lengths):,} tokens, {learnt / sum(lengths):.0%} of them "
        f"learnt; model of {model.num_parameters():,} parameters, vocabulary {len(tokenizer):,}; rows of "
        f"{MAX_LENGTH}"
    )


def child(side: str, folder: Path) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, __file__, "--child", side, str(folder)],
        env={**os.environ, **QUIET},
        capture_output=True,
        text=True,
        timeout=600,
    )
    if done.returncode:
        raise SystemExit(f"{side}: {done.stderr[-2000:]}")
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def measured(side: str, folder: Path) -> dict[str, Any]:
    """One training of one side."""
    import torch

    torch.set_num_threads(1)
    rows = json.loads((folder / "rows.json").read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as scratch:
        train = (
            theirs(folder, rows, Path(scratch))
            if side == "TRL packed"
            else ours(side, folder, rows, Path(scratch))
        )
        before, wall, cpu = resident(), time.perf_counter(), time.process_time()
        steps, loss = train()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    tokens = sum(len(row["input_ids"]) for row in rows)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "per_cpu_second": tokens / cpu,
        "per_second": tokens / wall,
        "peak_mb": peak,
        "grown_mb": peak - before,
        "steps": steps,
        "loss": loss,
    }


def ours(side: str, folder: Path, rows: Sequence[dict[str, Any]], scratch: Path) -> Callable[[], Any]:
    from curation.pipeline import silent
    from training import trainer
    from training.encoded import Encoded
    from training.schema import Train

    model = adapted(folder)
    encoded = [Encoded(row["input_ids"], row["labels"]) for row in rows]
    settings = Train(
        epochs=1, batch_size=BATCH, micro_batch_size=AT_ONCE, lr=LEARNING_RATE, warmup=0, scheduler="constant"
    )

    def train() -> tuple[int, float]:
        steps = trainer.fit(
            model,
            encoded,
            settings,
            folder=scratch / "checkpoints",
            journal=scratch / "journal.jsonl",
            seed=SEED,
            phase="train",
            progress=silent,
            packed=MAX_LENGTH if side == "ours packed" else None,
        )
        return steps, json.loads((scratch / "journal.jsonl").read_text().splitlines()[-1])["loss"]

    return train


def theirs(folder: Path, rows: Sequence[dict[str, Any]], scratch: Path) -> Callable[[], Any]:
    from datasets import Dataset
    from datasets.utils import disable_progress_bars
    from transformers import AutoTokenizer
    from transformers.trainer_callback import PrinterCallback
    from trl import SFTConfig, SFTTrainer

    disable_progress_bars()
    packed = sum(len(row["input_ids"]) for row in rows) / MAX_LENGTH
    arguments = SFTConfig(
        output_dir=str(scratch),
        num_train_epochs=1,
        per_device_train_batch_size=1,
        gradient_accumulation_steps=max(1, round(packed * BATCH / len(rows))),
        packing=True,
        max_length=MAX_LENGTH,
        learning_rate=LEARNING_RATE,
        lr_scheduler_type="constant",
        adam_beta2=0.95,
        activation_checkpointing=False,
        use_cpu=True,
        bf16=False,
        save_strategy="no",
        logging_steps=1,
        report_to="none",
        disable_tqdm=True,
        seed=SEED,
    )
    trainer = SFTTrainer(
        model=adapted(folder),
        args=arguments,
        train_dataset=Dataset.from_list(list(rows)),
        processing_class=AutoTokenizer.from_pretrained(folder / "model"),
    )
    trainer.remove_callback(PrinterCallback)

    def train() -> tuple[int, float]:
        trainer.train()
        losses = [line["loss"] for line in trainer.state.log_history if "loss" in line]
        return trainer.state.global_step, losses[-1] if losses else float("nan")

    return train


def adapted(folder: Path) -> Any:
    import torch
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    from training import adapter
    from training.schema import Adapter

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    model = AutoModelForCausalLM.from_pretrained(folder / "model", dtype=torch.float32)
    return adapter.attach(model, Adapter(rank=RANK), seed=SEED)


def resident() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def table(found: dict[str, list[dict[str, Any]]]) -> str:
    lines = [
        "| | tokens per CPU second | tokens per second | peak MB | of it in training | steps | last loss |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for side, runs in found.items():
        middle = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
        speeds = sorted(run["per_cpu_second"] for run in runs)
        lines.append(
            f"| {side} | {middle['per_cpu_second']:,.0f} ({speeds[0]:,.0f} to {speeds[-1]:,.0f}) | "
            f"{middle['per_second']:,.0f} | {middle['peak_mb']:,.0f} | {middle['grown_mb']:,.0f} | "
            f"{middle['steps']:.0f} | {middle['loss']:.3f} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
