"""Throughput of the kernels on one core, over invented records or over any JSON lines with `text`.

    python benchmarks/kernels.py [LETTERS.jsonl]

Figures are per CPU second. The floors are those of the project's acceptance list: near duplicates 10,000
texts of 1,000 characters, screening and cleaning 20,000 short rows, identifiers 5 MB.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from curation import records
from curation.anonymise import identifiers
from curation.clean import Clean
from curation.deduplicate import find_duplicates
from curation.samples import generate
from curation.screen import Screen
from curation.stage import run


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("letters", nargs="?", type=Path)
    texts = read(parser.parse_args().letters)
    everything = "".join(texts)
    long = [everything[at : at + 1000] for at in range(0, len(everything) - 1000, 1000)]
    short = records.table({"id": [str(n) for n in range(len(texts))], "text": [text[:60] for text in texts]})
    identifiers.find(texts[0])  # patterns are compiled on first use
    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    report("near duplicates, texts of 1,000 characters", len(long), lambda: find_duplicates(long))
    report("clean, short rows", len(texts), lambda: run(Clean(), short))
    report("screen, short rows", len(texts), lambda: run(Screen(), short))
    report("identifiers, MB", megabytes, lambda: [identifiers.find(text) for text in texts])
    report("identifiers, texts", len(texts), lambda: [identifiers.find(text) for text in texts])


def read(letters: Path | None) -> list[str]:
    if letters:
        return [json.loads(line)["text"] for line in letters.read_text(encoding="utf-8").splitlines()]
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder) / "sample")
        lines = (Path(folder) / "sample" / "data" / "领导信箱.jsonl").read_text(encoding="utf-8").splitlines()
        return [json.loads(line)["text"] for line in lines]


def report(what: str, amount: float, work: Callable[[], object]) -> None:
    """The best of three runs: the others were disturbed."""
    best = min(timed(work) for _ in range(3))
    print(f"{amount / best:>14,.1f} per CPU s  {what}")


def timed(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


if __name__ == "__main__":
    main()
