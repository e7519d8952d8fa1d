"""Macro-F1 of the recipe `dispatch` on a CPU, cross-validated: base, tuned model, linear baseline, labeller.

    python benchmarks/dispatch.py LETTERS [--unlabelled FILE ...] [--folds 5] [--only 5] [--set a.b=c ...]
    python benchmarks/dispatch.py --invented 500 [--seed 0]

LETTERS holds title, text and label; near duplicates share a fold. --invented takes letters of the project's
own generator instead. With --once the base reads the unlabelled texts once for all folds, and no letter of
any fold; without it once in each fold, with the letters that the fold trains on. The labeller is what
`data.distil` asks, by itself. Nothing but figures is printed.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import orjson

from curation.deduplicate.near import find_duplicates
from curation.ingest.tables import read_rows
from curation.instruct.task import LabelTask
from curation.instruct.task import load as load_task
from curation.pipeline import silent
from curation.samples import plan
from training import data as datasets
from training import distil, recipe, tiny, unlabelled
from training.evaluate.labels import score
from training.evaluate.run import evaluate
from training.pretrain import continued
from training.recipe import Recipe
from training.run import train

FIELDS = ("title", "text", "label")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("letters", type=Path, nargs="?")
    parser.add_argument("--invented", type=int, default=0)
    parser.add_argument("--unlabelled", type=Path, action="append", default=[])
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--only", type=int, help="of the folds")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--once", action="store_true")
    parser.add_argument("--set", action="append", default=[], dest="settings")
    given = parser.parse_args()
    settings = [f"data.unlabelled={[str(path) for path in given.unlabelled]}", *given.settings]
    loaded = recipe.load("dispatch", hardware="cpu", settings=settings)
    rows = list(invented(given.invented, given.seed)) if given.invented else list(labelled(given.letters))
    found: list[dict[str, dict[str, Any]]] = []
    with tempfile.TemporaryDirectory() as scratch:
        if given.once:
            loaded = read_once(loaded, rows, Path(scratch))
        for number, held_out in enumerate(folds(rows, given.folds, given.seed)[: given.only]):
            started, spent = time.perf_counter(), cpu_seconds()
            found.append(fold(loaded, rows, held_out, Path(scratch, f"{number}.jsonl")))
            wall, cpu = time.perf_counter() - started, cpu_seconds() - spent
            print(
                f"fold {number + 1}: {wall:.0f} s, {cpu:.0f} CPU s,",
                *(f"{name} {figures['macro_f1']:.3f}" for name, figures in found[-1].items()),
                flush=True,
            )
    print(f"{len(rows):,} letters, {found[0]['tuned']['n']} held out in a fold, {len(found)} folds")
    for name in found[0]:
        for figure in ("macro_f1", "accuracy"):
            values = [each[name][figure] for each in found]
            spread = f" ± {statistics.stdev(values):.3f}" if len(values) > 1 else ""
            print(f"{name:<8} {figure:<9} {statistics.mean(values):.3f}{spread}")


def labelled(path: Path) -> Iterator[dict[str, str]]:
    for row in read_rows(path).rows:
        yield {name: row.get(name) for name in FIELDS}


def invented(count: int, seed: int) -> Iterator[dict[str, str]]:
    """Letters that the shipped base has not read; those it read have other seeds and the same wordings."""
    for each in plan.draw(Random(10_000 + seed), count).letters:
        if each.original is None:
            letter = each.content
            yield {"title": letter.title.text, "text": letter.text.text, "label": letter.category}


def read_once(loaded: Recipe, rows: list[dict[str, str]], scratch: Path) -> Recipe:
    """The recipe with a base that has read the unlabelled texts already."""
    started, spent = time.perf_counter(), cpu_seconds()
    path = write(rows, set(range(1, len(rows))), scratch / "all.jsonl")
    found = datasets.read(path, loaded)
    texts = unlabelled.read(loaded.data.unlabelled, [*found["train"], *found["test"]])
    print(unlabelled.line(texts.counts))
    continued(
        loaded,
        [],
        texts.texts,
        base=tiny.folder(),
        folder=scratch / "base",
        scratch=scratch / "reading",
        journal=scratch / "metrics.jsonl",
        progress=silent,
    )
    print(f"read once: {time.perf_counter() - started:.0f} s, {cpu_seconds() - spent:.0f} CPU s", flush=True)
    base = loaded.model.model_copy(update={"path": str(scratch / "base")})
    data = loaded.data if loaded.data.distil else loaded.data.model_copy(update={"unlabelled": []})
    return loaded.model_copy(update={"model": base, "data": data, "pretrain": None})


def fold(
    loaded: Recipe, rows: list[dict[str, str]], held_out: set[int], path: Path
) -> dict[str, dict[str, Any]]:
    """Figures of each model on the letters held out."""
    folder = path.with_suffix("")
    train(loaded, write(rows, held_out, path), folder)
    measured = evaluate(folder)
    models = {"base": measured.base, "tuned": measured.tuned, "linear": measured.baseline}
    if loaded.data.distil is not None:
        models["labeller"] = labeller(loaded, path)
    return {name: figures for name, figures in models.items() if figures}


def labeller(loaded: Recipe, path: Path) -> dict[str, Any]:
    """What the labeller answers itself."""
    found, task = datasets.read(path, loaded), load_task(loaded.task)
    assert isinstance(task, LabelTask)
    texts = unlabelled.read(loaded.data.unlabelled, found["test"]).texts
    fitted = distil.labeller(task, found["train"], texts, seed=loaded.seed)
    guesses = fitted.predict([distil.document(each, task) for each in found["test"]]).label.tolist()
    truth = [each.messages[-1]["content"] for each in found["test"]]
    return score([task.labels.values[guess] for guess in guesses], truth)


def write(rows: list[dict[str, str]], held_out: set[int], path: Path) -> Path:
    lines = [
        orjson.dumps({**row, "split": "test" if place in held_out else "train"})
        for place, row in enumerate(rows)
    ]
    path.write_bytes(b"\n".join(lines))
    return path


def folds(rows: list[dict[str, str]], count: int, seed: int) -> list[set[int]]:
    """The places of the rows that each fold holds out, labels spread evenly."""
    from sklearn.model_selection import StratifiedGroupKFold

    clusters = find_duplicates([f"{row['title']}\n{row['text']}" for row in rows]).cluster
    divided = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
    labels = [row["label"] for row in rows]
    return [set(held_out.tolist()) for _, held_out in divided.split(rows, labels, clusters)]


def cpu_seconds() -> float:
    spent = resource.getrusage(resource.RUSAGE_SELF)
    return spent.ru_utime + spent.ru_stime


if __name__ == "__main__":
    main()
