"""Columns as fields of a Croissant RecordSet: which type each has, and how a reader gets at its values.

A list of objects becomes one array field with a sub-field per member. What is nested deeper, bytes, and
values of several types in a column have no form that a reader of Croissant could stream: such columns get no
field, and the description names them.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

FILES = "files"
"""Id of the FileSet that all records are read from."""

RECORDS = "records"
"""Id of the RecordSet, and the beginning of the ids of all its fields."""

_TYPES = {
    "string": "sc:Text",
    "large_string": "sc:Text",
    "string_view": "sc:Text",
    "null": "sc:Text",
    "bool": "sc:Boolean",
    **{
        f"{sign}int{bits}": f"cr:{name}{bits}"
        for sign, name in (("", "Int"), ("u", "UInt"))
        for bits in (8, 16, 32, 64)
    },
    "halffloat": "cr:Float16",
    "float": "cr:Float32",
    "double": "cr:Float64",
    "date32[day]": "sc:Date",
    "date64[ms]": "sc:Date",
}
"""Names of types: Arrow's, and those of Croissant 1.1."""

_LIST = re.compile(
    r"(?:large_list|list|fixed_size_list|list_view|large_list_view)<\w+: (.*)>(?:\[\d+\])?", re.DOTALL
)
_STRUCT = re.compile(r"struct<(.*)>", re.DOTALL)
_DICTIONARY = re.compile(r"dictionary<values=(.*), indices=\w+, ordered=\d>", re.DOTALL)
_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)


@dataclasses.dataclass(frozen=True)
class Shape:
    """What a column holds.

    Attributes:
        type: of a single value; None of objects.
        array: whether each record has a list of them.
        members: type of each member of an object.
    """

    type: str | None
    array: bool = False
    members: Mapping[str, str] = dataclasses.field(default_factory=dict)


def shape(type_: str) -> Shape | None:
    """What a column of an Arrow type holds; None where Croissant has no form for it."""
    listed = _LIST.fullmatch(type_)
    inner = listed[1] if listed else type_
    array = bool(listed)
    if single := _single(inner):
        return Shape(single, array)
    if struct := _STRUCT.fullmatch(inner):
        members = _members(struct[1])
        types = {name: _single(kind) for name, kind in members.items()}
        known = {name: kind for name, kind in types.items() if kind and _NAME.fullmatch(name)}
        if members and len(known) == len(members):
            return Shape(None, array, known)
    return None


def field(name: str, found: Shape) -> dict[str, Any]:
    """The field of a column."""
    identity = f"{RECORDS}/{name}"
    made: dict[str, Any] = {"@type": "cr:Field", "@id": identity, "name": name}
    if found.array:
        made |= {"isArray": True, "arrayShape": "-1"}
    source = {"fileSet": {"@id": FILES}, "extract": {"column": name}}
    if found.type:
        return made | {"dataType": found.type, "source": source}
    made["subField"] = [
        {
            "@type": "cr:Field",
            "@id": f"{identity}/{member}",
            "name": member,
            "dataType": kind,
            "source": source | {"transform": {"jsonPath": f"$.{member}"}},
        }
        for member, kind in found.members.items()
    ]
    return made


def _single(type_: str) -> str | None:
    if coded := _DICTIONARY.fullmatch(type_):
        return _single(coded[1])
    if type_.startswith("timestamp["):
        return "sc:DateTime"
    if type_.startswith("decimal"):
        return "sc:Float"
    if type_.startswith("time"):
        return "sc:Time"
    return _TYPES.get(type_)


def _members(inside: str) -> dict[str, str]:
    """Names and types of a struct: split at the commas that stand in no brackets."""
    parts, depth, start = [], 0, 0
    for at, sign in enumerate(inside):
        depth += (sign in "<[(") - (sign in ">])")
        if sign == "," and depth == 0:
            parts.append(inside[start:at])
            start = at + 1
    pairs = [part.strip().partition(": ") for part in (*parts, inside[start:])]
    return {name: kind.removesuffix(" not null") for name, _, kind in pairs if kind}
