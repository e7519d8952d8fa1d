"""One training on several devices: a process for each, started by accelerate or torchrun.

Every process reads the same data and walks the same road; they share the steps. The first alone writes and
prints, the others wait for it where they would read what it wrote.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from curation import shipped
from curation.errors import UsageError
from training.schema import Train


def world() -> int:
    """Number of processes."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_first() -> bool:
    """Whether this process is the one that writes."""
    return int(os.environ.get("RANK", "0")) == 0


def check(settings: Train) -> None:
    """Refuse a start that does not fit the recipe.

    Raises:
        UsageError: what to do instead; where processes are missing, the command that starts them.
    """
    processes, wanted = world(), settings.distributed
    if wanted is None:
        if processes > 1:
            raise UsageError(
                f"{processes} processes were started, but train.distributed is not set: "
                "--set train.distributed=ddp"
            )
        return
    if processes == 1:
        raise UsageError(
            f"train.distributed is {wanted}, but one process was started; start it with: {command(wanted)}"
        )
    if (started := started_as(os.environ)) != wanted:
        raise UsageError(
            f"train.distributed is {wanted}, but the processes were started for {started}; start them with: "
            f"{command(wanted)}"
        )
    if settings.batch_size % (settings.micro_batch_size * processes):
        raise UsageError(
            f"train.batch_size {settings.batch_size} is not a multiple of micro_batch_size "
            f"{settings.micro_batch_size} x {processes} processes"
        )


def command(wanted: str) -> str:
    """The command line that starts this very command on several devices; without a GPU on two cores."""
    devices = _gpus()
    if not devices and wanted == "ddp":
        launcher = ["torchrun", "--nproc_per_node", "2"]
    else:
        launcher = ["accelerate", "launch", "--config_file", str(configuration(wanted))]
        launcher += ["--num_processes", str(devices) if devices > 1 else "N"]
    return shlex.join([*launcher, "-m", "govtune", *sys.argv[1:]])


def configuration(wanted: str) -> Path:
    """The file of `recipes/accelerate`."""
    return shipped.folder() / "accelerate" / f"{wanted}.yaml"


def started_as(environment: Mapping[str, str]) -> str:
    """For which kind of training the processes were started, by what accelerate tells them; torchrun: ddp."""
    if environment.get("ACCELERATE_USE_DEEPSPEED") == "true":
        return f"zero{environment.get('ACCELERATE_DEEPSPEED_ZERO_STAGE', '?')}"
    if environment.get("ACCELERATE_USE_FSDP") == "true":
        return f"fsdp{environment.get('FSDP_VERSION', '1')}"
    return "ddp"


def is_sharded() -> bool:
    """Whether no process holds the whole model."""
    return started_as(os.environ) in ("fsdp1", "fsdp2", "zero3")


def start(device: str) -> None:
    """Join the other processes, if there are any; each takes a device of its own."""
    if world() > 1:
        _state(device)


def wait(device: str) -> None:
    """Go on when every process has come here."""
    if world() > 1:
        _state(device).wait_for_everyone()


def whole(model: Any) -> dict[str, Any] | None:
    """The trained parameters of a sharded model by name; None where the model itself holds them.

    All processes must call it. It has not been run on several GPUs.
    """
    if not is_sharded():
        return None
    trained = {name: each for name, each in model.named_parameters() if each.requires_grad}
    if started_as(os.environ) == "zero3":
        import deepspeed  # type: ignore[import-not-found]  # not among our extras

        with deepspeed.zero.GatheredParameters(list(trained.values())):
            return {name: each.detach().cpu().clone() for name, each in trained.items()}
    return {
        name: (each.full_tensor() if hasattr(each, "full_tensor") else each).detach().cpu()
        for name, each in trained.items()
    }


def _state(device: str) -> Any:
    from accelerate import PartialState  # type: ignore[import-untyped]

    return PartialState(cpu=device == "cpu")


def _gpus() -> int:
    import torch

    return torch.cuda.device_count()
