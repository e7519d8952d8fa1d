"""Accuracy of the recipe `dispatch` on one's own labelled letters, cross-validated: base, tuned model, linear
baseline.

    python benchmarks/dispatch.py LETTERS [--folds 5] [--seed 0] [--set train.epochs=8] ...

LETTERS holds title, text and label. Near duplicates share a fold. Nothing but figures is printed.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import orjson

from curation.deduplicate.near import find_duplicates
from curation.ingest.tables import read_rows
from training import recipe
from training.evaluate.run import evaluate
from training.run import train


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("letters", type=Path)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", action="append", default=[], dest="settings")
    given = parser.parse_args()
    loaded = recipe.load("dispatch", hardware="cpu", settings=given.settings)
    rows = [
        {name: row.get(name) for name in ("title", "text", "label")} for row in read_rows(given.letters).rows
    ]
    found = []
    with tempfile.TemporaryDirectory() as scratch:
        for number, held_out in enumerate(folds(rows, given.folds, given.seed)):
            path, started = Path(scratch, f"{number}.jsonl"), time.perf_counter()
            lines = [
                orjson.dumps({**row, "split": "test" if place in held_out else "train"})
                for place, row in enumerate(rows)
            ]
            path.write_bytes(b"\n".join(lines))
            train(loaded, path, path.with_suffix(""))
            measured = evaluate(path.with_suffix(""))
            models = {"base": measured.base, "tuned": measured.tuned, "baseline": measured.baseline}
            found.append({name: each for name, each in models.items() if each})
            print(f"fold {number + 1}: {time.perf_counter() - started:.0f} s", *map(line, found[-1].items()))
    for name in found[0]:
        for figure in ("accuracy", "macro_f1"):
            values = [fold[name][figure] for fold in found]
            print(f"{name:<8} {figure:<9} {statistics.mean(values):.3f} ± {statistics.stdev(values):.3f}")


def folds(rows: list[dict[str, str]], count: int, seed: int) -> list[set[int]]:
    """The places of the rows that each fold holds out, labels spread evenly."""
    from sklearn.model_selection import StratifiedGroupKFold

    clusters = find_duplicates([f"{row['title']}\n{row['text']}" for row in rows]).cluster
    divided = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
    labels = [row["label"] for row in rows]
    return [set(held_out.tolist()) for _, held_out in divided.split(rows, labels, clusters)]


def line(named: tuple[str, dict[str, float]]) -> str:
    name, figures = named
    return f"{name} {figures['accuracy']:.3f}"


if __name__ == "__main__":
    main()
