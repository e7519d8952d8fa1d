"""The notebooks run, each once, anywhere and without network; what is committed holds nothing that they show.

What a notebook claims it asserts itself, in a cell that a reader sees.
"""

from __future__ import annotations

import json
import re
import shutil
from importlib.metadata import EntryPoint
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nbformat
import pytest
from jupyter_client.provisioning import KernelProvisionerFactory, LocalProvisioner
from nbmake.nb_run import NotebookRun

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
TIMEOUT = 300
"""Seconds per cell."""


class OverFiles(LocalProvisioner):
    """Starts a kernel that talks over socket files: no network is needed, not even the machine's own."""

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        self._sockets = TemporaryDirectory(prefix="kernel-")
        self.parent.transport, self.parent.ip = "ipc", f"{self._sockets.name}/at"
        return await super().pre_launch(**kwargs)

    async def cleanup(self, restart: bool = False) -> None:
        await super().cleanup(restart)
        self._sockets.cleanup()


@pytest.fixture(scope="module", autouse=True)
def _kernels_over_files() -> None:
    factory = KernelProvisionerFactory.instance()
    ours = EntryPoint("over-files", f"{__name__}:{OverFiles.__name__}", factory.GROUP_NAME)
    factory.provisioners[ours.name] = ours
    factory.default_provisioner_name = ours.name


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_leaves_nothing_behind(path: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copy(path, tmp_path))
    error = NotebookRun(copy, TIMEOUT).execute().error
    if error:
        pytest.fail(error.trace, pytrace=False)
    assert list(tmp_path.iterdir()) == [copy]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_committed_without_what_it_shows(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"
    assert "version" not in notebook.metadata.language_info
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert not any(cell.outputs or cell.execution_count or cell.metadata for cell in code)
    assert not re.search(r"(?<![\w.])/(tmp|home|root|Users|var|work)\b", json.dumps(notebook))
