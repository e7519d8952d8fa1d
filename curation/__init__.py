"""Which records may be trained on, and what happened to every other one?

From a notebook: `curation.load("letters")` reads a recipe, `curation.curate(recipe, inputs, output)` runs it,
`curation.Run.load(output)` opens the result as tables, `curation.as_map(stage)` hands a stage to `datasets`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from curation.lazy import attributes

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


__getattr__ = attributes(__name__, _HOMES)
