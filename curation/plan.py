"""What a recipe would do: its passes, and how the input would be cut."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from curation import ingest
from curation import recipe as recipes
from curation.pipeline import segments
from curation.stage import Exchange, Expand


@dataclasses.dataclass(frozen=True)
class Plan:
    """What would happen.

    Attributes:
        recipe: name and kind.
        stages: each stage's name, options, needed and filled columns, whether it needs all records, and
            whether it makes new ones.
        passes: what runs fused over each partition, in order.
        files: each input file with its bytes and the units it is read in.
    """

    recipe: str
    kind: str
    stages: list[dict[str, Any]]
    passes: list[str]
    files: list[dict[str, Any]]

    def lines(self) -> list[str]:
        """The plan as text."""
        told = [f"recipe {self.recipe}, records of kind {self.kind}"]
        for number, stage in enumerate(self.stages, 1):
            options = ", ".join(f"{name}={value}" for name, value in stage["options"].items())
            told.append(f"{number:>3}. {stage['name']}" + (f" ({options})" if options else ""))
            if stage["needs"]:
                told.append(f"     needs {', '.join(stage['needs'])}")
            if stage["fills"]:
                told.append(f"     fills or edits {', '.join(stage['fills'])}")
            if stage["all_records"]:
                told.append("     decides over all records at once")
            if stage["makes_records"]:
                told.append("     makes new records of each record")
        told.append(f"passes over the data: {'; '.join(['read', *self.passes])}")
        if self.files:
            size = sum(file["bytes"] for file in self.files)
            units = sum(file["units"] for file in self.files)
            told.append(f"input: {len(self.files)} files, {size:,} bytes, read in {units} units")
        return told


def plan(
    name: str, inputs: Sequence[Path], *, settings: Sequence[str] = (), columns: Sequence[str] = ()
) -> Plan:
    """The plan of a recipe, checked as `curate` checks it.

    Raises:
        UsageError: the recipe is not valid, or an input does not exist.
    """
    recipe = recipes.load(name, settings=settings, columns=columns)
    stages = recipes.build(recipe)
    files = ingest.find_inputs(inputs) if inputs else []
    units = ingest.units(files)
    return Plan(
        recipe=recipe.name,
        kind=recipe.kind,
        stages=[
            {
                "name": stage.name,
                "options": stage.options(),
                "needs": sorted(stage.requires),
                "fills": list(stage.adds.names),
                "all_records": isinstance(stage, Exchange),
                "makes_records": isinstance(stage, Expand),
            }
            for stage in stages
        ],
        passes=[segment.name for segment in segments(stages)],
        files=[
            {"name": file.name, "bytes": file.size, "units": sum(file in unit.files for unit in units)}
            for file in files
        ],
    )
