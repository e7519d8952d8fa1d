"""Reading what people write by hand, strictly: nothing is ignored, a fault names its place in one line."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

from curation.errors import UsageError


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file.

    Raises:
        UsageError: it is not UTF-8, not YAML, not a mapping, or a key stands twice.
    """
    try:
        data = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else "?"
        raise UsageError(f"{path.name}, line {line}: not valid YAML: {error.problem}") from None
    except (yaml.YAMLError, UnicodeDecodeError):
        raise UsageError(f"{path.name}: not a UTF-8 YAML file") from None
    if not isinstance(data, dict):
        raise UsageError(f"{path.name}: the file is not a mapping of keys to values")
    return data


def first_fault(
    error: ValidationError, model: type[BaseModel], elsewhere: Mapping[str, str] | None = None
) -> str:
    """The first fault pydantic found as `place: what`, without the value.

    Args:
        elsewhere: what other tools call a key, to its name here.
    """
    faults = error.errors(include_url=False, include_input=False)
    # A misspelt key is also a missing one; the misspelling says more.
    fault = next((each for each in faults if each["type"] == "extra_forbidden"), faults[0])
    place = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "extra_forbidden":
        *above, key = map(str, fault["loc"])
        names = _keys(model, above)
        here = (elsewhere or {}).get(key)
        return f"{place}: unknown key{nearest(here if here in names else key, names)}"
    said = fault["msg"].removeprefix("Value error, ")
    return f"{place}: {said[0].lower()}{said[1:]}" if place else said


def require_known(name: str, valid: Iterable[str], where: str, what: str) -> None:
    """Refuse a name that is none of `valid`.

    Raises:
        UsageError: `where`, what the name should be, and the nearest valid one.
    """
    if name not in valid:
        raise UsageError(f"{where}: unknown {what} {name}{nearest(name, valid)}")


def nearest(name: str, valid: Iterable[str]) -> str:
    """How an error goes on after a name that is not valid."""
    names = list(valid)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    if close:
        return f"; did you mean {close[0]}?"
    return f"; valid are {', '.join(names)}" if names else ""


def _keys(model: type[BaseModel], place: Iterable[str]) -> list[str]:
    """The keys that are valid at a place in a model; empty where that is not known."""
    models = [model]
    for part in place:
        fields = [
            info for each in models for name, info in each.model_fields.items() if part in (name, info.alias)
        ]
        # A part that is no field is an index into a list, or the member of a union.
        models = [inner for info in fields for inner in _models(info.annotation)] or models
    return [info.alias or name for each in models for name, info in each.model_fields.items()]


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for inner in get_args(annotation) for model in _models(inner)]


class _Loader(yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader):  # type: ignore[misc]
    """YAML lets a later key replace an earlier one without a word; here that is a fault."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for number, key in enumerate(keys):
            if key in keys[:number]:
                raise yaml.MarkedYAMLError(
                    problem=f"{key} stands twice", problem_mark=node.value[number][0].start_mark
                )
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        return mapping
