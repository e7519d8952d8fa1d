"""The wheel works by itself: recipes, word lists and the command come along."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_a_recipe_runs_from_the_wheel_in_an_empty_environment(tmp_path: Path) -> None:
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
    # The dependencies come from this environment by path. A path entry does not process .pth files, so the
    # editable install of this clone stays out of sight.
    site = next((home / "lib").glob("python*/site-packages"))
    (site / "dependencies.pth").write_text(sysconfig.get_paths()["purelib"])

    def govtune(*arguments: str) -> str:
        command = [str(home / "bin" / "govtune"), *arguments]
        return subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True).stdout

    code = "import curation, govtune; print(curation.__file__, govtune.__file__)"
    where = subprocess.run(
        [python, "-c", code], cwd=tmp_path, check=True, capture_output=True, text=True
    ).stdout
    assert str(ROOT) not in where
    assert "letters" in govtune("recipes", "list")
    govtune("sample", "sample", "--records", "60")
    govtune("curate", "letters", "--input", "sample/data", "--output", "run", "--workers", "1")
    assert (tmp_path / "run" / "README.md").read_text(encoding="utf-8").startswith("---\n")
    govtune("card", "check", "run")
