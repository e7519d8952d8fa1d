"""Several processes: what is refused, and that two of them train what one trains."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from curation import shipped
from curation.errors import UsageError
from training import distributed
from training.run import TrainingRun
from training.schema import Train
from training.trainer import require

ALONE = {"WORLD_SIZE": "1", "RANK": "0"}
TWO = {"WORLD_SIZE": "2", "RANK": "1"}


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Sets what a launcher tells its processes."""

    def told(**variables: str) -> None:
        for name in ("ACCELERATE_USE_DEEPSPEED", "ACCELERATE_USE_FSDP", "WORLD_SIZE", "RANK"):
            monkeypatch.delenv(name, raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return told


def test_one_process_is_told_the_command_that_starts_several(
    processes: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    processes(**ALONE)
    monkeypatch.setattr(sys, "argv", ["govtune", "train", "my recipe.yaml", "--data", "run"])
    with pytest.raises(UsageError) as caught:
        distributed.check(Train(distributed="fsdp2"))
    command = str(caught.value).partition("start it with: ")[2]
    assert command.startswith("accelerate launch --config_file ")
    assert command.endswith(" -m govtune train 'my recipe.yaml' --data run")
    assert Path(command.split()[3]).is_file()
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    assert distributed.command("ddp").startswith("torchrun --nproc_per_node 2 -m govtune train ")


@pytest.mark.parametrize(
    ("settings", "told", "problem"),
    [
        ({}, TWO, "2 processes were started, but train.distributed is not set"),
        ({"distributed": "zero3"}, TWO, "train.distributed is zero3, but the processes were started for ddp"),
        (
            {"distributed": "ddp"},
            {**TWO, "ACCELERATE_USE_FSDP": "true", "FSDP_VERSION": "2"},
            "train.distributed is ddp, but the processes were started for fsdp2",
        ),
        (
            {"distributed": "ddp", "batch_size": 6, "micro_batch_size": 2},
            TWO,
            "train.batch_size 6 is not a multiple of micro_batch_size 2 x 2 processes",
        ),
    ],
)
def test_a_start_that_does_not_fit_the_recipe_is_refused(
    settings: dict[str, Any], told: dict[str, str], problem: str, processes: Any
) -> None:
    processes(**told)
    with pytest.raises(UsageError, match=problem):
        distributed.check(Train(**settings))


def test_what_fits_is_let_through(processes: Any) -> None:
    processes(**ALONE)
    distributed.check(Train())
    processes(**TWO)
    distributed.check(Train(distributed="ddp", batch_size=4))
    processes(**TWO, ACCELERATE_USE_DEEPSPEED="true", ACCELERATE_DEEPSPEED_ZERO_STAGE="3")
    distributed.check(Train(distributed="zero3", batch_size=4))


@pytest.mark.parametrize("name", ["ddp", "fsdp2", "zero2", "zero3"])
def test_accelerate_reads_each_configuration_as_what_it_is_called(name: str) -> None:
    from accelerate.commands.config.config_args import load_config_from_file

    path = distributed.configuration(name)
    assert path.stem in shipped.names("accelerate")
    config = load_config_from_file(str(path))  # refuses keys that accelerate does not know
    assert (
        config.distributed_type.name
        == {
            "ddp": "MULTI_GPU",
            "fsdp2": "FSDP",
            "zero2": "DEEPSPEED",
            "zero3": "DEEPSPEED",
        }[name]
    )
    told = yaml.safe_load(path.read_text(encoding="utf-8"))
    stage = told.get("deepspeed_config", {}).get("zero_stage") or told.get("fsdp_config", {}).get(
        "fsdp_version"
    )
    assert stage is None or name.endswith(str(stage))


@pytest.mark.parametrize(
    ("part", "problem"),
    [
        ({"train": {"kernels": "liger"}}, "train.kernels: liger is not installed; pip install liger-kernel"),
        (
            {"train": {"optimiser": "paged_adamw_8bit"}},
            "train.optimiser: paged_adamw_8bit is not installed; pip install bitsandbytes",
        ),
        (
            {"report": {"to": ["tensorboard"]}},
            "report.to: tensorboard is not installed; pip install tensorboard",
        ),
    ],
)
def test_a_package_that_is_missing_is_named(
    part: dict[str, Any], problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import importlib.util

    from training.recipe import parse

    recipe = parse({"schema": "training/1", "name": "x", "model": {"path": "tiny"}, **part})
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=problem):
        require(recipe)


@pytest.mark.slow
def test_two_processes_train_the_adapter_of_one(
    recipe_file: Path, letter_file: Path, tmp_path: Path, processes: Any
) -> None:
    """In a training without dropout, which draws other random numbers in each process."""
    import torch
    from safetensors.torch import load_file
    from typer.testing import CliRunner

    from govtune.cli import app

    torch.set_num_threads(1)
    processes()
    common = ["train", recipe_file, "--data", letter_file, "--set", "adapter.dropout=0"]
    launch = ["torch.distributed.run", "--standalone", "--nproc_per_node", "2", "-m", "govtune"]
    one, two = tmp_path / "one", tmp_path / "two"
    alone = CliRunner().invoke(app, [str(each) for each in (*common, "--output", one)])
    assert alone.exit_code == 0, alone.exception
    shared = started([*launch, *common, "--output", two, "--set", "train.distributed=ddp"])
    weights = [load_file(TrainingRun(folder).adapter / "adapter_model.safetensors") for folder in (one, two)]
    torch.testing.assert_close(weights[0], weights[1], rtol=0, atol=1e-4)
    assert (
        shared.stdout.count("tuned: ") == alone.stdout.count("tuned: ") == 1
    )  # the first process alone speaks
    lines = [TrainingRun(folder).journal.read_text(encoding="utf-8").splitlines() for folder in (one, two)]
    assert len(lines[0]) == len(lines[1])


def started(arguments: list[Any]) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MASTER_ADDR": "127.0.0.1"}
    done = subprocess.run(
        [sys.executable, "-m", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
        env=environment,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done
