"""The wheel works by itself: recipes, word lists and the command come along."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

ROOT = Path(__file__).parents[1]
TRAIN = ("torch", "transformers", "peft", "accelerate")


def test_the_wheel_curates_without_torch_and_says_what_training_needs(tmp_path: Path) -> None:
    build = [
        sys.executable,
        "-m",
        "build",
        "--wheel",
        "--no-isolation",
        "--outdir",
        str(tmp_path / "dist"),
        str(ROOT),
    ]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    home = tmp_path / "env"
    venv.create(home)
    python = home / "bin" / "python"
    install = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        str(python),
        "install",
        "--no-deps",
        "--no-index",
        str(wheel),
    ]
    subprocess.run(install, check=True, capture_output=True)
    # The dependencies come from this environment by links, all but those of training. A path entry does not
    # process .pth files, so the editable install of this clone stays out of sight.
    dependencies = tmp_path / "dependencies"
    dependencies.mkdir()
    for entry in Path(sysconfig.get_paths()["purelib"]).iterdir():
        if not entry.name.startswith(TRAIN):
            (dependencies / entry.name).symlink_to(entry)
    site = next((home / "lib").glob("python*/site-packages"))
    (site / "dependencies.pth").write_text(str(dependencies))

    def run(*command: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [str(home / "bin" / command[0]), *command[1:]], cwd=tmp_path, capture_output=True, text=True
        )
        assert done.returncode == code, done.stderr
        return done

    packages = "curation, data_cards, govtune, training.recipe"
    where = run(
        "python", "-c", f"import {packages}; print(curation.__file__, training.recipe.__file__)"
    ).stdout
    assert str(ROOT) not in where
    listed = run("govtune", "recipes", "list").stdout
    assert "curation/letters" in listed
    assert "training/dispatch" in listed
    run("govtune", "sample", "sample", "--records", "60")
    run("govtune", "curate", "letters", "--input", "sample/data", "--output", "run", "--workers", "1")
    assert (tmp_path / "run" / "README.md").read_text(encoding="utf-8").startswith("---\n")
    run("govtune", "card", "check", "run")
    refused = run(
        "govtune", *("train", "dispatch", "--hardware", "cpu", "--data", "run", "--output", "trained"), code=2
    )
    (line,) = refused.stderr.splitlines()
    assert "govtune[train]" in line
    assert not (tmp_path / "trained").exists()
