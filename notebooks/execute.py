"""Executes the notebooks, so that what they show is what the code does today: `make notebook`.

Nothing of the machine stays in them: no times, no names of kernels, no version of Python.
"""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
from nbclient import NotebookClient
from traitlets.config import Config

FOLDER = Path(__file__).parent


def execute(notebook: nbformat.NotebookNode, folder: Path) -> nbformat.NotebookNode:
    """Run every cell in place, with `folder` as the working directory.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell raised.
    """
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook.metadata = nbformat.from_dict({"kernelspec": kernel, "language_info": {"name": "python"}})
    quiet = {**os.environ, "PYTHONWARNINGS": "ignore:IProgress not found"}  # tqdm would rather draw widgets
    with TemporaryDirectory() as sockets:  # files: the kernel needs no network, not even the machine's own
        config = Config({"KernelManager": {"transport": "ipc", "ip": f"{sockets}/kernel"}})
        client = NotebookClient(
            notebook, timeout=600, record_timing=False, coalesce_streams=True, config=config
        )
        client.execute(cwd=str(folder), env=quiet)
    notebook.metadata["language_info"] = {"name": "python"}  # the kernel has told its version
    return notebook


def main() -> None:
    """Execute each notebook in a folder of its own and write it back."""
    for path in sorted(FOLDER.glob("*.ipynb")):
        with TemporaryDirectory() as folder:
            notebook = execute(nbformat.read(path, as_version=4), Path(folder))
        nbformat.write(notebook, path)


if __name__ == "__main__":
    main()
