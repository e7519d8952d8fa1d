"""Which records may be trained on, and what happened to every other one?

From a notebook: `curation.load("letters")` reads a recipe, `curation.curate(recipe, inputs, output)` runs it,
`curation.Run(output)` finds the result, `curation.as_map(stage)` hands a stage to `datasets`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from curation.engine.as_map import as_map
    from curation.errors import InputError, UsageError
    from curation.pipeline import Summary, curate
    from curation.recipe import Recipe, load
    from curation.run import Run
    from curation.stage import Exchange, Expand, Stage

_HOMES = {
    "as_map": "curation.engine.as_map",
    "InputError": "curation.errors",
    "UsageError": "curation.errors",
    "Summary": "curation.pipeline",
    "curate": "curation.pipeline",
    "Recipe": "curation.recipe",
    "load": "curation.recipe",
    "Run": "curation.run",
    "Exchange": "curation.stage",
    "Expand": "curation.stage",
    "Stage": "curation.stage",
}

__all__ = [
    "Exchange",
    "Expand",
    "InputError",
    "Recipe",
    "Run",
    "Stage",
    "Summary",
    "UsageError",
    "as_map",
    "curate",
    "load",
]


def __getattr__(name: str) -> Any:
    """Names are imported on first use, so that `import curation` costs nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
