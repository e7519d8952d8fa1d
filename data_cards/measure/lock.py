"""What the metrics read of a run's lock."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from curation.errors import UsageError
from curation.run import LOCK, Run


def read_lock(run: Run) -> dict[str, Any]:
    """The lock of a run.

    Raises:
        UsageError: there is none, or it is not one of ours.
    """
    lock = run.lock()
    try:
        _Lock.model_validate(lock)
    except ValidationError:
        raise UsageError(f"{run.folder}: {LOCK} lacks what a card is made of") from None
    return lock


def stages(lock: Mapping[str, Any]) -> list[str]:
    """Names of a run's stages in their order; reading the input comes first."""
    return ["ingest", *(name for stage in lock["recipe"]["stages"] for name in stage)]


def processing(lock: Mapping[str, Any]) -> dict[str, Any]:
    ran = stages(lock)
    replacement = "surrogate" if lock["key"] else "placeholder"
    return {
        "screened": "screen" in ran,
        "deduplicated": "deduplicate" in ran,
        "anonymised": "anonymise" in ran,
        "replacement": replacement if "anonymise" in ran else None,
    }


class _LockedRecipe(BaseModel):
    name: str
    fields: list[str]
    stages: list[dict[str, Any]]


class _LockedInput(BaseModel):
    sha256: str
    bytes: int


class _Lock(BaseModel):
    """What the card reads of a lock; it may hold more."""

    govtune: str
    recipe: _LockedRecipe
    inputs: list[_LockedInput]
    packages: dict[str, str]
    key: str | None
    files: dict[str, dict[str, Any]]
    records: dict[str, int]
