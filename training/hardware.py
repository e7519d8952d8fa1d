"""Hardware profiles: the few lines of a recipe that depend on the machine, not on the task."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from curation import shipped
from curation.errors import UsageError
from curation.strict import first_fault, nearest, read_yaml

KEYS = {
    "model": {"dtype", "device", "attention", "quantisation"},
    "train": {
        "micro_batch_size",
        "activation_checkpointing",
        "kernels",
        "compile",
        "optimiser",
        "distributed",
    },
    "evaluate": {"batch_size"},
}
"""What a profile may say. A learning rate is not a property of a card."""


class Profile(BaseModel):
    """The content of a file in `recipes/hardware`.

    Attributes:
        card: name of a GPU in `training.cards`, for the planner; none: a CPU.
        devices: how many of them, one process each.
        recipe: part of a recipe, laid over the one that is run.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_: Literal["hardware/1"] = Field(alias="schema")
    card: str | None = None
    devices: int = Field(default=1, ge=1)
    recipe: dict[str, dict[str, Any]] = {}

    @field_validator("recipe")
    @classmethod
    def _of_the_machine(cls, recipe: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Mapping[str, Any]]:
        for section, keys in recipe.items():
            if section not in KEYS:
                raise ValueError(f"{section}: unknown key{nearest(section, KEYS)}")
            for key in keys:
                if key not in KEYS[section]:
                    raise ValueError(f"{section}.{key}: unknown key{nearest(key, KEYS[section])}")
        return recipe


def names() -> list[str]:
    """Names of the shipped profiles."""
    return shipped.names("hardware")


def is_profile(name: str) -> bool:
    """Whether a name is that of a shipped profile or of a profile's file; else a recipe may know it."""
    return name in names() or Path(name).suffix in (".yaml", ".yml")


def load(name: str) -> Profile:
    """A profile by the name of a shipped one or by path.

    Raises:
        UsageError: there is none, or it is not valid.
    """
    path = shipped.find("hardware", name)
    try:
        return Profile.model_validate(read_yaml(path))
    except ValidationError as error:
        raise UsageError(f"{Path(name).name}: {first_fault(error, Profile)}") from None
