"""The benchmarks of training at tiny size: every side that can run here runs. No figure is looked at."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from training import shape as shapes

FOLDER = Path(__file__).parents[2] / "benchmarks"


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"benchmark_{name}", FOLDER / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("side", ["ours", "ours packed", "TRL", "TRL packed"])
def test_the_gpu_benchmark_runs_at_tiny_size(side: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    if side.startswith("TRL"):
        pytest.importorskip("trl", reason="trl is an extra")
        monkeypatch.setenv("CI", "1")  # one of the ways to keep TRL from calling home
    torch.set_num_threads(1)
    benchmark = script("train_gpu")
    found = benchmark.measured(side, "qwen3-8b", 64, 2, True)
    assert found["tokens_per_second"] > 0 and found["peak"] > 0
    # A tiny shape needs little: far less than the process that holds torch.
    assert 4 * shapes.of(benchmark.TINY).parameters < found["planned"] < found["peak"]
    assert found["utilisation"] is None  # of a CPU no peak is known
    assert benchmark.row(side, found).count("|") == 6


def test_the_cpu_benchmark_gives_every_side_the_same_rows(tmp_path: Path) -> None:
    import torch

    torch.set_num_threads(1)
    benchmark = script("train")
    letters = [(f"路灯{'不亮' * (k % 3)}", "请维修门口的路灯。" * (1 + k % 5)) for k in range(40)]
    assert "32 examples" in benchmark.prepared(tmp_path, letters[:35], 10**6)
    for side in ("ours packed", "ours padded"):
        found = benchmark.measured(side, tmp_path)
        assert found["steps"] == 2
        assert found["per_cpu_second"] > 0
    lines = benchmark.table({"ours packed": [found]}).splitlines()
    assert len({line.count("|") for line in lines}) == 1
