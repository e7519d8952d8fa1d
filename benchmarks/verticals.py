"""The figures of a vertical: its README's commands on invented records, or the baseline on one's own data.

    python benchmarks/verticals.py VERTICAL [--records 4000] [--seed 7] [--keep DIR] [--set a.b=c]
    python benchmarks/verticals.py VERTICAL --data RUN|FILE [--rows 1000]

VERTICAL is consultation, dispatch or reply. The first makes records, curates them, trains with
`--hardware cpu` and evaluates; each command is told with its seconds. The second scores the classical
baseline on the held-out examples of RUN or FILE, and beside it what people answered; no model is loaded.
Nothing but figures is printed.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from curation.instruct.task import load as load_task
from training import data as datasets
from training import recipe
from training.evaluate.measure import drawn, yardstick_of
from training.evaluate.questions import question
from training.evaluate.table import table
from training.leaks import without_leaks

INPUT = {"consultation": "data/办事指南.jsonl", "dispatch": "data", "reply": "data"}
"""What of a sample each vertical reads."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("vertical", choices=sorted(INPUT))
    parser.add_argument("--records", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--keep", type=Path, help="new folder for what the commands write")
    parser.add_argument("--set", action="append", default=[], dest="settings")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--rows", type=int, default=1000)
    given = parser.parse_args()
    if given.data:
        print("\n".join(baseline(given.vertical, given.data, given.rows)))
        return
    with tempfile.TemporaryDirectory() as scratch:
        road(given.vertical, given.keep or Path(scratch), given.records, given.seed, given.settings)


def road(vertical: str, folder: Path, records: int, seed: int, settings: list[str]) -> None:
    """From records to an evaluated model, as the README has it."""
    sample, run, trained = folder / "sample", folder / "run", folder / "trained"
    told("sample", sample, "--records", records, "--seed", seed)
    told("curate", vertical, "--input", sample / INPUT[vertical], "--output", run)
    changes = [part for each in settings for part in ("--set", each)]
    told("train", vertical, "--hardware", "cpu", "--data", run, "--output", trained, *changes)
    print(told("evaluate", trained), end="")


def told(*arguments: object) -> str:
    """Run a command of govtune, and print it with its seconds."""
    started = time.perf_counter()
    command = [sys.executable, "-m", "govtune", *map(str, arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    print(f"{time.perf_counter() - started:6.0f} s  govtune {arguments[0]}", flush=True)
    return done.stdout


def baseline(vertical: str, source: Path, rows: int) -> list[str]:
    """The classical baseline and people on the held-out examples."""
    loaded = recipe.load(vertical, hardware="cpu")
    task = load_task(vertical)
    found = datasets.read(source, loaded)
    held_out = drawn(without_leaks(found["test"], found["train"], "test"), rows, loaded.seed)
    questions = [question(each) for each in held_out]
    yardstick = yardstick_of(task, questions, loaded.seed)
    said = yardstick.baseline([question(each) for each in found["train"]], loaded.seed)
    people = yardstick.score([each.answer for each in questions])
    return table(
        {yardstick.baseline_name: yardstick.score(said), "people": people} if said else {"people": people}
    )


if __name__ == "__main__":
    main()
