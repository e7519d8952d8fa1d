"""What the classifier of letters reaches and costs, beside scikit-learn's own pipeline in the same process.

    python benchmarks/label.py GOLD [--pool FILE ...] [--taxonomy letters] [--rows 100000] [--repeats 10]

GOLD holds title, text and label. Cross-validation is repeated with other folds, near duplicates share one;
the peer is TF-IDF of 1 to 3 characters and a linear SVM on folds of the same kind. Speed: labels per CPU
second of `Labeller.predict`, of the peer's hashed pipeline, and of the whole command `govtune label` on a
file of --rows rows, start-up, reading and writing included. Nothing but figures is printed.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import measured as cost
import numpy as np
import orjson
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer, TfidfVectorizer
from sklearn.metrics import f1_score
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.svm import LinearSVC

from curation.deduplicate.near import find_duplicates
from curation.ingest.tables import read_rows
from curation.label import calibration, classifier, features, hints, selective, taxonomy


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("gold", type=Path)
    parser.add_argument("--pool", type=Path, action="append", default=[])
    parser.add_argument("--taxonomy", default="letters")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--repeats", type=int, default=10)
    given = parser.parse_args()
    labels = taxonomy.load(given.taxonomy)
    gold = [row for row in read_rows(given.gold).rows if row.get("label")]
    pool = [row for path in given.pool for row in read_rows(path).rows]
    documents = [features.document(row.get("title"), row.get("text")) for row in gold]
    said = [row["label"] for row in gold]
    near = find_duplicates(documents).cluster
    examples = classifier.prepare(
        labels.values, documents, said, groups=[str(each) for each in near], hints=hints.of(labels)
    ).with_pool(features.document(row.get("title"), row.get("text")) for row in pool)
    print(f"{len(gold):,} labelled, {len(pool):,} without a label, {len(examples.distinct):,} distinct")
    runs = [classifier.out_of_fold(examples, seed) for seed in range(given.repeats)]
    tell("govtune", [run.macro_f1 for run in runs], [float(run.right.mean()) for run in runs])
    accuracy(documents, said, near, given.repeats)
    errors = [calibration.reliability(run.leads, run.right).error for run in runs]
    print(f"calibration error {statistics.mean(errors):.3f}")
    for precision in (0.95, 0.9):
        points = [selective.choose(run.leads, run.right, precision) for run in runs]
        covered = [point.coverage if point else 0.0 for point in points]
        kept = [point.precision for point in points if point]
        print(
            f"precision {precision:g}: {statistics.mean(covered):.2f} labelled (from {min(covered):.2f} to "
            f"{max(covered):.2f}), {statistics.mean(kept) if kept else float('nan'):.3f} of them rightly"
        )
    used = classifier.out_of_fold(examples, cuts=classifier.CUTS)
    if point := selective.choose(used.leads, used.right, 0.95):
        print(f"as label-fit chooses it: {point.coverage:.2f} labelled, {point.precision:.3f} rightly")
    falling = np.argsort(-runs[0].leads, kind="stable")
    for point in selective.curve(runs[0].leads[falling], runs[0].right[falling])[1::2]:
        print(f"  {point.coverage:.2f} labelled: {point.precision:.3f}")
    fitted = classifier.fit(examples, used, taxonomy=labels.name, digest=labels.digest)
    speed(
        fitted.predict, list(itertools.islice(itertools.cycle([*gold, *pool]), given.rows)), documents, said
    )
    with tempfile.TemporaryDirectory() as scratch:
        command(
            Path(scratch), fitted.save, list(itertools.islice(itertools.cycle([*gold, *pool]), given.rows))
        )


def accuracy(documents: Sequence[str], said: Sequence[str], near: Sequence[int], repeats: int) -> None:
    """The peer on folds of the same kind."""
    found, right = [], []
    for seed in range(repeats):
        guesses = np.empty(len(said), object)
        folds = StratifiedGroupKFold(classifier.FOLDS, shuffle=True, random_state=seed)
        for seen, held_out in folds.split(documents, said, near):
            peer = make_pipeline(TfidfVectorizer(analyzer="char", ngram_range=(1, 3)), LinearSVC())
            peer.fit([documents[at] for at in seen], [said[at] for at in seen])
            guesses[held_out] = peer.predict([documents[at] for at in held_out])
        found.append(float(f1_score(said, guesses.astype(str), average="macro")))
        right.append(float((guesses == np.array(said)).mean()))
    tell("scikit-learn TfidfVectorizer(1, 3) + LinearSVC", found, right)


def tell(name: str, macro_f1: Sequence[float], right: Sequence[float]) -> None:
    spread = statistics.pstdev(macro_f1)
    print(f"{name}: macro-F1 {statistics.mean(macro_f1):.4f} ± {spread:.4f}")
    print(f"{name}: accuracy {statistics.mean(right):.4f}")


def speed(
    predict: Callable[[list[str]], object],
    rows: Sequence[dict[str, str]],
    documents: Sequence[str],
    said: Sequence[str],
) -> None:
    asked = [features.document(row.get("title"), row.get("text")) for row in rows]
    print(f"{len(asked):,} texts of {statistics.mean(map(len, asked)):.0f} characters in the mean")
    size = features.SIZE
    hashing = HashingVectorizer(analyzer="char", ngram_range=(1, 2), n_features=size, alternate_sign=False)
    peer: Pipeline = make_pipeline(hashing, TfidfTransformer(sublinear_tf=True), LinearSVC())
    peer.fit(documents, said)
    for name, run in (
        ("govtune", predict),
        ("scikit-learn HashingVectorizer(1, 2) + LinearSVC", peer.predict),
    ):
        started = time.process_time()
        run(asked)
        print(f"{name}: {len(asked) / (time.process_time() - started):,.0f} per CPU second")


def command(scratch: Path, save: Callable[[Path], None], rows: Sequence[dict[str, str]]) -> None:
    model, source = scratch / "model.npz", scratch / "in.jsonl"
    save(model)
    source.write_bytes(
        b"".join(orjson.dumps({"title": row.get("title"), "text": row.get("text")}) + b"\n" for row in rows)
    )
    line = [sys.executable, "-m", "govtune", "label", str(source), "-o", str(scratch / "out.jsonl")]
    spent = cost.run([*line, "--model", str(model)], log=scratch / "log", limit=600)
    if spent.status:
        sys.exit((scratch / "log").read_text(encoding="utf-8"))
    print(
        f"govtune label: {len(rows) / spent.cpu_s:,.0f} per CPU second ({spent.cpu_s:.1f} CPU s, "
        f"{spent.peak_mb:.0f} MB at most)"
    )


if __name__ == "__main__":
    main()
