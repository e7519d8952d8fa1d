"""A training is checked against its lock: what differs is named, and the first steps come out the same."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from curation.errors import UsageError
from curation.run import LOCK
from govtune.cli import app
from training import lock as locks
from training.run import TrainingRun
from training.schema import Recipe
from training.verify import Verified, verify

Copy = Callable[[], TrainingRun]


@pytest.fixture
def copy(trained: TrainingRun, letter_file: Path, tmp_path: Path) -> Copy:
    """A finished training that may be spoilt, with data of its own."""

    def made() -> TrainingRun:
        shutil.copytree(trained.folder, tmp_path / "out")
        shutil.copyfile(letter_file, tmp_path / letter_file.name)
        run = TrainingRun(tmp_path / "out")
        change(run, lambda lock: lock["data"].update(path=f"../{letter_file.name}"))
        return run

    return made


def states(found: Verified) -> dict[str, str]:
    return {check.name: check.state for check in found.checks}


def change(run: TrainingRun, edit: Callable[[dict[str, Any]], None]) -> None:
    lock = run.lock()
    edit(lock)
    (run.folder / LOCK).write_text(json.dumps(lock), encoding="utf-8")


def test_a_training_holds_and_its_first_steps_come_out_the_same(trained: TrainingRun) -> None:
    found = verify(trained.folder)
    assert found.holds
    assert set(states(found).values()) == {"ok"}
    assert found.checks[-1].said == "the weights after step 5 are the same, bit for bit"


def test_other_first_steps_are_found_though_every_digest_fits(copy: Copy) -> None:
    run = copy()

    def of_another_seed(lock: dict[str, Any]) -> None:
        lock["recipe"]["seed"] += 1
        lock["recipe_sha256"] = locks.recipe_digest(lock["recipe"])

    change(run, of_another_seed)
    found = verify(run.folder, steps=1)
    assert not found.holds
    assert states(found)["steps trained again"] == "differs"
    assert {state for name, state in states(found).items() if name != "steps trained again"} == {"ok"}


def test_what_was_edited_is_named_and_nothing_is_trained_again(copy: Copy) -> None:
    run = copy()
    weights = run.adapter / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\0")
    (run.adapter / "chat_template.jinja").write_text("{{ messages[0].content }}", encoding="utf-8")
    data = (run.folder / run.lock()["data"]["path"]).resolve()
    data.write_text(data.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    change(run, lambda lock: lock["model"].update(sha256="0" * 64))
    told = CliRunner().invoke(app, ["verify", str(run.folder), "--json"])
    found = {check["name"]: check for check in json.loads(told.stdout)["checks"]}
    assert told.exit_code == 1
    assert {name for name, check in found.items() if check["state"] == "differs"} == {
        "adapter",
        "chat template",
        f"data {data.name}",
        "base",
    }
    assert found["steps trained again"]["state"] == "not checked"


def test_data_that_are_gone_differ(copy: Copy) -> None:
    run = copy()
    (run.folder / run.lock()["data"]["path"]).resolve().unlink()
    assert not verify(run.folder, steps=0).holds


def test_other_versions_are_told_and_prove_nothing_either_way(copy: Copy) -> None:
    run = copy()
    change(run, lambda lock: lock["packages"].update(torch="1.0"))
    found = verify(run.folder)
    assert found.holds
    assert states(found)["versions"] == states(found)["steps trained again"] == "not checked"
    assert "torch" in next(check.said for check in found.checks if check.name == "versions")


def test_a_folder_that_is_no_training_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not a finished training"):
        verify(tmp_path)
    assert CliRunner().invoke(app, ["verify", str(tmp_path)]).exit_code != 0


def test_the_lock_says_what_went_in_and_where(
    trained: TrainingRun, letter_file: Path, recipe: Recipe
) -> None:
    lock = trained.lock()
    assert lock["seed"] == recipe.seed
    assert [(file["name"], file["rows"]) for file in lock["data"]["files"]] == [(letter_file.name, 40)]
    assert set(lock["proof"]) == {"1", "2", "5", "10"}
    assert len(set(lock["proof"].values())) == 4
    assert lock["data"]["first_steps"]["steps"] == 12
    assert lock["gate"]["fewest_learnt"] > 0
    assert lock["machine"]["torch"]
    planned = lock["planned"]
    assert 0 < planned["low"] < planned["expected"] < planned["high"]
    assert planned["allocated"] == sum(
        planned[term] for term in ("weights", "trained", "activations", "logits")
    )


@pytest.fixture
def recipe(trained: TrainingRun) -> Recipe:
    return trained.recipe()
