from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from typer.testing import CliRunner

from curation.errors import UsageError
from data_cards.cli import app

runner = CliRunner()


def test_build_then_check(folders: Any) -> None:
    assert runner.invoke(app, ["build", str(folders.run), "--lang", "en"]).exit_code == 0
    assert "## Personal data" in (folders.run / "README.md").read_text(encoding="utf-8")
    assert runner.invoke(app, ["check", str(folders.run)]).exit_code == 0


def test_check_fails_with_one_line_per_difference(folders: Any) -> None:
    runner.invoke(app, ["build", str(folders.run)])
    (folders.run / "README.md").write_text("x", encoding="utf-8")
    result = runner.invoke(app, ["check", str(folders.run)])
    assert result.exit_code == 1
    assert result.stdout
    assert all(line.startswith("README.md: ") for line in result.stdout.splitlines())


def test_check_answers_in_json(folders: Any) -> None:
    runner.invoke(app, ["build", str(folders.run)])
    result = runner.invoke(app, ["check", str(folders.run), "--json"])
    found = json.loads(result.stdout)
    assert found["passed"] is True
    assert not any(found["checks"].values())


def test_check_of_a_published_copy_says_what_it_could_not_see(folders: Any, tmp_path: Any) -> None:
    runner.invoke(app, ["build", str(folders.run)])
    published = folders.run.rename(tmp_path / "published")
    result = runner.invoke(app, ["check", str(published)])
    assert result.exit_code == 0
    assert "note: no private folder" in result.stderr


def test_other_folders_are_wrong_usage(folders: Any, tmp_path: Any) -> None:
    for command in ("build", "check"):
        with pytest.raises(UsageError, match=r"holds the run run|govtune card build"):
            runner.invoke(app, [command, str(tmp_path)], catch_exceptions=False)


def test_build_without_a_ledger_is_wrong_usage(folders: Any) -> None:
    folders.private.rename(folders.private.with_name("elsewhere"))
    with pytest.raises(UsageError, match=r"run\.private"):
        runner.invoke(app, ["build", str(folders.run)], catch_exceptions=False)


@pytest.mark.parametrize("command", ["build", "check", "init"])
def test_help_shows_an_example(command: str) -> None:
    assert f"govtune card {command} runs/letters" in runner.invoke(app, [command, "--help"]).stdout


def test_importing_the_commands_is_light() -> None:
    heavy = "{'pyarrow', 'numpy', 'torch', 'datasets', 'presidio_analyzer'}"
    code = f"import data_cards.cli, sys; print({heavy} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "set()\n"


def test_schema_is_that_of_the_metrics(folders: Any) -> None:
    schema = json.loads(runner.invoke(app, ["schema"]).stdout)
    runner.invoke(app, ["build", str(folders.run)])
    metrics = json.loads((folders.run / "metrics.json").read_text(encoding="utf-8"))
    assert set(metrics) == set(schema["properties"])
    assert schema["properties"]["labels"]["description"] == "By scheme."
