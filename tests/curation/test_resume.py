"""A run that is killed and started again gives the same bytes."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from curation import Run

COMMAND = [
    sys.executable,
    "-m",
    "govtune",
    "curate",
    "letters",
    "--set",
    "anonymise.names=none",
    "--workers",
    "2",
]


def tree(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def everything(run: Path) -> list[dict[str, bytes]]:
    return [tree(run), tree(Run(run).private / "ledger"), tree(Run(run).private / "pii")]


@pytest.mark.slow
def test_killed_at_ten_random_moments_and_started_again_gives_the_same_bytes(
    sample: Path, tmp_path: Path
) -> None:
    command = [*COMMAND, "--input", str(sample / "data"), "--output"]
    started = time.monotonic()
    subprocess.run([*command, str(tmp_path / "whole")], check=True, capture_output=True)
    whole = time.monotonic() - started
    draw = random.Random(11)
    for _ in range(10):
        run = subprocess.Popen(
            [*command, str(tmp_path / "killed")],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        time.sleep(draw.uniform(0.1, 1) * whole)
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()
    subprocess.run([*command, str(tmp_path / "killed")], check=True, capture_output=True)
    assert everything(tmp_path / "killed") == everything(tmp_path / "whole")
    assert not list((tmp_path / "killed.private" / "partitions").glob(".*"))
