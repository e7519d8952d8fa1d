"""Settings for all tests: one thread per process, no time limits, no network."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import settings

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ.pop("GOVTUNE_KEY", None)

settings.register_profile("govtune", deadline=None)
settings.load_profile("govtune")


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real government text beside the repository; a test that uses it is skipped where it is absent."""
    folder = Path(__file__).parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("../shared/data, the real texts, is not here")
    return folder


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """600 invented records with their truth."""
    from curation.samples import generate

    folder = tmp_path_factory.mktemp("sample") / "sample"
    generate(folder, records=600)
    return folder


@pytest.fixture(scope="session")
def curated(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of `sample` through the recipe `letters`, with its card."""
    from curation import curate, load
    from data_cards.outputs import build

    run = tmp_path_factory.mktemp("curated") / "run"
    curate(load("letters"), [sample / "data"], run, card=build)
    return run


@dataclass(frozen=True)
class Result:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def errors(self) -> list[str]:
        return [line for line in self.err.splitlines() if line.startswith("govtune: ")]


@pytest.fixture
def govtune(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., Result]:
    """The command line in this process, with its errors as a user sees them."""
    from govtune.cli import main

    def call(*arguments: object) -> Result:
        monkeypatch.setattr("sys.argv", ["govtune", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            main()
        captured = capfd.readouterr()
        assert "Traceback" not in captured.err
        return Result(int(end.value.code or 0), captured.out, captured.err)

    return call
