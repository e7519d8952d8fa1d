"""The benchmark's own parts: what is planted, what is called true, what is measured."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from functools import cache
from itertools import combinations
from pathlib import Path

import pyarrow.parquet as pq
import pytest

SCRIPT = Path(__file__).parent.parent / "benchmarks" / "deduplicate.py"
LETTERS = [chr(code) for code in range(0x4E00, 0x5200)]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    chance = random.Random(3)
    lines = ["".join(chance.choices(LETTERS, k=chance.randint(15, 45))) + "。" for _ in range(3000)]
    (folder / "texts.txt").write_text("\n".join(lines), encoding="utf-8")
    made(folder, "one")
    return folder


def made(folder: Path, name: str, *options: str) -> None:
    said = benchmark(
        "corpus", "--texts", folder / "texts.txt", "--docs", "200", "--out", folder / name, *options
    )
    assert json.loads(said)["documents"] == 200


def benchmark(*arguments: object) -> str:
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=300).stdout


def texts(corpus: Path) -> dict[str, str]:
    rows = map(json.loads, (corpus / "one.jsonl").read_text(encoding="utf-8").splitlines())
    return {row["id"]: row["text"] for row in rows}


def similarity(one: str, other: str) -> float:
    a, b = grams(one), grams(other)
    return len(a & b) / len(a | b)


@cache
def grams(text: str) -> frozenset[str]:
    return frozenset(text[at : at + 5] for at in range(len(text) - 4))


def test_same_seed_writes_the_same_corpus_and_another_seed_another(corpus: Path) -> None:
    made(corpus, "two")
    made(corpus, "three", "--seed", "2")
    for ending in ("jsonl", "truth.parquet"):
        one, two, three = ((corpus / f"{name}.{ending}").read_bytes() for name in ("one", "two", "three"))
        assert one == two
        assert one != three


def test_truth_tells_what_is_planted_and_nothing_else_is_alike(corpus: Path) -> None:
    text = texts(corpus)
    truth = {row["id"]: row for row in pq.read_table(corpus / "one.truth.parquet").to_pylist()}
    assert list(truth) == list(text)
    kinds = [row["kind"] for row in truth.values()]
    assert (kinds.count("original"), kinds.count("near"), kinds.count("exact")) == (130, 30, 40)
    for name, row in truth.items():
        assert row["jaccard"] == pytest.approx(similarity(text[name], text[row["source"]]), abs=1e-6)
        assert (row["kind"] == "near") == (row["jaccard"] < 1)
        assert row["kind"] != "near" or 0.7 <= row["jaccard"] <= 0.98
        assert truth[row["root"]]["kind"] == "original"
    for one, other in combinations(text, 2):
        if truth[one]["root"] != truth[other]["root"]:
            assert similarity(text[one], text[other]) < 0.7


def test_run_scores_the_tools_as_brute_force_does(corpus: Path, tmp_path: Path) -> None:
    table = tmp_path / "table.md"
    benchmark("run", corpus / "one.jsonl", "--tools", "exact,govtune", "--out", table)
    rows = {row["name"]: row for row in map(json.loads, table.with_suffix(".jsonl").read_text().splitlines())}
    text = texts(corpus)
    near, loop = rows["govtune"], rows["loop (orjson, xxh3)"]
    assert near["status"] == loop["status"] == "ok"
    assert loop["kept"] == len(set(text.values()))
    assert (loop["precision"], loop["recall"]) == (1.0, 1.0)
    component = {name: name for name in text}
    for one, other in combinations(text, 2):
        if component[one] != component[other] and similarity(text[one], text[other]) >= 0.8:
            kept, gone = component[one], component[other]
            component = {name: kept if mine == gone else mine for name, mine in component.items()}
    # a chain may keep more than one: what is dropped is compared with its survivor
    ideal = len(text) - len(set(component.values()))
    removed = len(text) - near["kept"]
    assert near["recall"] == pytest.approx(near["precision"] * removed / ideal, abs=1e-3)
    assert near["precision"] == 1.0
    assert near["cpu_s"] > 0
    assert near["peak_mb"] > 0
    assert "| govtune |" in table.read_text(encoding="utf-8")


def test_peers_that_are_not_installed_are_rows_that_say_so(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOVTUNE_BENCH", str(tmp_path / "bench"))
    benchmark("run", corpus / "one.jsonl", "--tools", "rensa", "--out", tmp_path / "table.md")
    assert "not installed" in (tmp_path / "table.md").read_text(encoding="utf-8")


def test_cost_counts_workers_of_workers_and_the_limit_ends_them(tmp_path: Path) -> None:
    burn = "import time; end = time.process_time() + .6\nwhile time.process_time() < end: pass"
    orphan = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {burn!r}])"
    (tmp_path / "measure.py").write_text(
        "import sys; from pathlib import Path\n"
        f"sys.path.insert(0, {str(SCRIPT.parent)!r})\n"
        "import measured\n"
        "def cost(code, limit):\n"
        "    return measured.run([sys.executable, '-c', code], log=Path('/dev/null'), limit=limit)\n"
        f"waited = cost({orphan!r} + '.wait()', 60)\n"
        "endless = cost('while True: pass', 3)\n"
        "print(waited.status, waited.cpu_s >= .6, waited.peak_mb > 1, endless.status, endless.cpu_s > 0)\n",
        encoding="utf-8",
    )
    said = subprocess.run(
        [sys.executable, tmp_path / "measure.py"], check=True, capture_output=True, text=True, timeout=60
    ).stdout
    assert said.split() == ["0", "True", "True", "None", "True"]
