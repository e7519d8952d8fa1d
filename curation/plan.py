"""What a recipe would do: its passes, how the input would be cut, and what gives evaluation items away."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from curation import ingest, records
from curation import recipe as recipes
from curation.decontaminate import Decontaminate
from curation.pipeline import segments
from curation.recipe import Recipe
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
        leaks: None without input or without the stage decontaminate; else `records`, how many the input has,
            and `dropped`, how many of them the stage would drop, by evaluation file.
    """

    recipe: str
    kind: str
    stages: list[dict[str, Any]]
    passes: list[str]
    files: list[dict[str, Any]]
    leaks: dict[str, Any] | None = None

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
        if self.leaks:
            dropped = self.leaks["dropped"]
            told.append(
                f"decontaminate would drop {sum(dropped.values()):,} of {self.leaks['records']:,} input "
                "records, as they stand before the other stages"
            )
            told += [f"{count:>9,}  give away {origin}" for origin, count in dropped.items()]
        return told


def plan(
    name: str, inputs: Sequence[Path], *, settings: Sequence[str] = (), columns: Sequence[str] = ()
) -> Plan:
    """The plan of a recipe, checked as `curate` checks it.

    Only for the stage decontaminate are records read: what it would drop is told, and nothing is dropped.

    Raises:
        UsageError: the recipe is not valid, or an input does not exist.
        InputError: an evaluation item that cannot be used.
    """
    recipe = recipes.load(name, settings=settings, columns=columns)
    stages = recipes.build(recipe)
    files = ingest.find_inputs(inputs) if inputs else []
    units = ingest.units(files)
    guards = [stage for stage in stages if isinstance(stage, Decontaminate)]
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
        leaks=next((_leaks(stage, units, recipe) for stage in guards), None) if units else None,
    )


def _leaks(stage: Decontaminate, units: Sequence[ingest.Unit], recipe: Recipe) -> dict[str, Any]:
    """How many readable records of the input give evaluation items away, by evaluation file."""
    stage.setup()
    read, found = 0, Counter[str]()
    for unit in units:
        for table in ingest.read(unit, recipe.settings()):
            living = table.filter(records.alive(table))
            read += living.num_rows
            found.update(leak.origin for leak in stage.leaks(living) if leak)
    return {"records": read, "dropped": {origin: found[origin] for origin in stage.origins()}}
