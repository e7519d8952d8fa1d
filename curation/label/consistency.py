"""What can be wrong with a taxonomy as a whole, and how its faults are told: a line for each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

from pydantic import BaseModel, ValidationError
from pydantic_core import InitErrorDetails

from curation.strict import first_fault

if TYPE_CHECKING:
    from curation.label.taxonomy import Label, Taxonomy


def tree_faults(taxonomy: Taxonomy) -> list[str]:
    """Codes that stand twice, parents that are not there or not above, siblings of one name."""
    labels = taxonomy.labels
    found = _twice("code", (label.code for label in labels))
    parents = {label.code: label.parent for label in labels}
    found += [
        f"label {code}: unknown parent {parent}"
        for code, parent in parents.items()
        if parent is not None and parent not in parents
    ]
    for code in parents:
        above, parent = {code}, parents[code]
        while parent is not None and parent not in above:
            above.add(parent)
            parent = parents.get(parent)
        if parent == code:
            found.append(f"label {code} stands above itself")
    for parent in dict.fromkeys(parents.values()):
        siblings = [label.name for label in labels if label.parent == parent]
        found += _twice("name", (name.zh for name in siblings))
        found += _twice("name", (name.en for name in siblings if name.en))
    return found


def level_faults(taxonomy: Taxonomy) -> list[str]:
    """A level that the tree has not, fewer than two labels to give, a name that is another label's path."""
    deepest = max(map(len, taxonomy.lines.values()), default=0)
    if taxonomy.level is not None and taxonomy.level > deepest:
        return [f"level {taxonomy.level}: the tree has {deepest} level{'s' * (deepest > 1)}"]
    if len(taxonomy.leaves) < 2:
        return ["labels: fewer than two can be given"]
    return _twice("name", taxonomy.values)


def rule_faults(taxonomy: Taxonomy) -> list[str]:
    """Keywords under two labels of which neither stands above the other: whose vote would it be?"""
    found: list[str] = []
    owner: dict[str, Label] = {}
    for label in taxonomy.labels:
        for keyword in label.keywords:
            other = owner.setdefault(keyword, label)
            if other not in taxonomy.lines[label.code] and label not in taxonomy.lines[other.code]:
                found.append(
                    f"keyword {keyword} stands under {other.name.zh} and {label.name.zh}; "
                    "it can vote for one label only"
                )
    return found


def told(error: ValidationError, model: type[BaseModel], base: int) -> list[str]:
    """Each fault of a taxonomy as `first_fault` tells it, a line for each.

    Args:
        base: labels of the taxonomy it extends, which stand before its own and are not counted.
    """
    found: list[str] = []
    # A misspelt key is also a missing one; the misspelling says more.
    told_first = sorted(error.errors(include_url=False), key=lambda fault: fault["type"] != "extra_forbidden")
    for fault in told_first:
        place = fault["loc"]
        if place[:1] == ("labels",) and place[1:] and isinstance(place[1], int):
            place = ("labels", place[1] - base, *place[2:])
        one = InitErrorDetails(type=fault["type"], loc=place, input=fault["input"], ctx=fault.get("ctx", {}))
        alone = ValidationError.from_exception_data(error.title, [one])
        found += first_fault(alone, model).split("\n")
    return list(dict.fromkeys(found))


def _twice(what: str, names: Iterable[str]) -> list[str]:
    return [f"{what} {name} stands twice" for name, count in Counter(names).items() if count > 1]
