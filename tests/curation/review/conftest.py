"""A small run to review: invented letters, the dispatch recipe without the name engine."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from curation import curate, load
from curation.run import Run
from curation.samples import generate

SETTINGS = ("anonymise.names=none", "anonymise.residual=none", "label.precision=0.8")


@pytest.fixture(scope="session")
def curated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder; its input is `data` beside it. Nobody may write to it: take `run`."""
    folder = tmp_path_factory.mktemp("curated")
    generate(folder / "sample", records=200)
    curate(load("dispatch", settings=SETTINGS), [folder / "sample" / "data"], folder / "run")
    return folder / "run"


@pytest.fixture
def run(curated: Path, tmp_path: Path) -> Path:
    """A run of one's own, its input beside it."""
    shutil.copytree(curated.parent / "sample" / "data", tmp_path / "sample" / "data")
    shutil.copytree(curated, tmp_path / "run")
    shutil.copytree(Run(curated).private, Run(tmp_path / "run").private)
    return tmp_path / "run"


def again(run: Path) -> None:
    """Curate the run once more, with what people decided since."""
    curate(load("dispatch", settings=SETTINGS), [run.parent / "sample" / "data"], run)
