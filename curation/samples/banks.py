"""The banks of wording beside the code."""

from __future__ import annotations

import functools
from importlib import resources
from typing import Any

import yaml


@functools.cache
def load(name: str) -> dict[str, Any]:
    """The bank `name`.yaml; shared, so read only."""
    text = resources.files("curation.samples").joinpath(f"{name}.yaml").read_text("utf-8")
    bank: dict[str, Any] = yaml.safe_load(text)
    return bank
