"""Time near deduplication, ours beside the peers that are installed, on one corpus of JSON lines.

    python benchmarks/deduplicate.py CORPUS.jsonl

Each tool runs in a process of its own, start-up included: CPU seconds, peak memory, rows kept. All compare
code-point 5-grams at threshold 0.8; the field `text` holds the text. `exact` only drops identical texts.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

THRESHOLD = 0.8
PERMUTATIONS = 128


def govtune(source: Path, output: Path) -> None:
    """Sketches, then exact verification of every candidate."""
    from curation.deduplicate import deduplicate_file

    deduplicate_file(source, output, threshold=THRESHOLD)


def exact(source: Path, output: Path) -> None:
    """The floor: read, remember a digest, write."""
    from hashlib import sha256

    seen: set[bytes] = set()
    with output.open("wb") as out:
        for line, text in _texts(source):
            digest = sha256(text.encode()).digest()
            if digest not in seen:
                seen.add(digest)
                out.write(line)


def rensa(source: Path, output: Path) -> None:
    """Its deduplicator as in its README, 16 bands."""
    import rensa

    tool = rensa.RMinHashDeduplicator(threshold=THRESHOLD, num_perm=PERMUTATIONS, use_lsh=True, num_bands=16)
    with output.open("wb") as out:
        for number, (line, text) in enumerate(_texts(source)):
            if tool.add_pairs([(str(number), _grams(text))])[0]:
                out.write(line)


def datasketch(source: Path, output: Path) -> None:
    """MinHash and MinHashLSH, the first of its kind kept."""
    from datasketch import MinHash, MinHashLSH

    index = MinHashLSH(threshold=THRESHOLD, num_perm=PERMUTATIONS)
    with output.open("wb") as out:
        for number, (line, text) in enumerate(_texts(source)):
            sketch = MinHash(num_perm=PERMUTATIONS)
            sketch.update_batch([gram.encode() for gram in _grams(text)])
            if not index.query(sketch):
                index.insert(number, sketch)
                out.write(line)


TOOLS = {"govtune": govtune, "exact": exact, "rensa": rensa, "datasketch": datasketch}


def main(source: Path) -> None:
    print(f"{'tool':<12}{'CPU s':>8}{'peak MB':>9}{'kept':>11}")
    with tempfile.TemporaryDirectory() as folder:
        for name in TOOLS:
            if name not in ("govtune", "exact") and importlib.util.find_spec(name) is None:
                print(f"{name:<12}{'not installed':>28}")
                continue
            output = Path(folder) / f"{name}.jsonl"
            child = os.spawnv(
                os.P_NOWAIT, sys.executable, [sys.executable, __file__, name, str(source), str(output)]
            )
            _, status, usage = os.wait4(child, 0)
            if status:
                print(f"{name:<12}{'failed':>28}")
                continue
            with output.open("rb") as file:
                kept = sum(1 for _ in file)
            cpu, peak = usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024
            print(f"{name:<12}{cpu:>8.2f}{peak:>9.0f}{kept:>11,}", flush=True)


def _texts(source: Path) -> Iterator[tuple[bytes, str]]:
    import orjson

    with source.open("rb") as file:
        for line in file:
            yield line, orjson.loads(line)["text"]


def _grams(text: str) -> Iterable[str]:
    return [text[at : at + 5] for at in range(max(1, len(text) - 4))]


if __name__ == "__main__":
    if len(sys.argv) == 2:
        main(Path(sys.argv[1]))
    elif len(sys.argv) == 4 and sys.argv[1] in TOOLS:
        TOOLS[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]))
    else:
        sys.exit(__doc__)
