"""What is done with each type of personal data: `schema: policy/1`.

A policy gives every type a rule, and may say otherwise for kinds of records:

    schema: policy/1
    name: mine
    extends: letters                                  # whatever is not said here
    types:
      ADDRESS: {action: generalise, level: county}
    kinds:
      document: {PERSON: {action: keep}}

Category is the wording of GB/T 43697-2024, annex B; `identifier` says direct or quasi, as in GB/T 37964-2019.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError, model_validator

from curation import shipped
from curation.errors import UsageError
from curation.records import KINDS
from curation.strict import nearest, read_yaml

TYPES = (
    "PERSON",
    "PERSON_HONORIFIC",
    "PERSON_MASKED",
    "ADDRESS",
    "LOCATION",
    "ORGANIZATION",
    "CN_RESIDENT_ID",
    "CN_MOBILE",
    "CN_LANDLINE",
    "CN_OFFICE_PHONE",
    "CN_BANK_CARD",
    "CN_USCC",
    "CN_PLATE",
    "CN_PASSPORT",
    "CN_HKMO_PERMIT",
    "CN_TW_PERMIT",
    "CN_MILITARY_ID",
    "CN_SOCIAL_SECURITY",
    "CN_MEDICAL_RECORD",
    "CN_CASE_NUMBER",
    "CN_DRIVER_FILE",
    "EMAIL_ADDRESS",
    "QQ",
    "WECHAT",
    "IP_ADDRESS",
    "MAC_ADDRESS",
    "GPS",
    "VIN",
    "DATE_OF_BIRTH",
)
"""Every type that can be found; a policy says something about each."""

PEOPLE = ("PERSON", "PERSON_HONORIFIC", "PERSON_MASKED")

LEVELS: Mapping[str, tuple[str, ...]] = {
    "ADDRESS": ("county", "province", "city", "street"),
    "LOCATION": ("county", "province", "city"),
    "DATE_OF_BIRTH": ("year", "decade", "band"),
    "GPS": ("tenth", "degree", "hundredth"),
    "IP_ADDRESS": ("network",),
}
"""The types that can be generalised and how far; the first level is taken where a rule names none."""

Action = Literal["keep", "mask", "replace", "generalise", "shift", "drop"]


class Rule(BaseModel):
    """What happens to one type.

    Attributes:
        action: `keep` leaves the value; `replace` puts a surrogate in its place or, without a key, the
            placeholder; `mask` leaves part of it to be seen (138****1234); `generalise` leaves what is
            coarse; `shift` moves a date, all dates of a person by the same days, and is `replace` without a
            key; `drop` takes the value out of the text.
        placeholder: what `replace` writes without a key, and any action for a value it can do nothing with.
        level: how far `generalise` goes, one of `LEVELS`.
        style: how `mask` writes a name: 王** or, as courts publish it, 王某.
        keep_officials: whether people who act in office stay (`officials`), whatever the action.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    action: Action
    placeholder: str = Field(pattern=r"^\[\w+\]$")
    category: str
    identifier: Literal["direct", "quasi"]
    level: str | None = None
    style: Literal["stars", "court"] | None = None
    keep_officials: bool = False

    @property
    def changes(self) -> bool:
        """Whether values of this type do not stay as they are."""
        return self.action != "keep"


class Override(BaseModel):
    """The parts of a rule that are otherwise for one kind of records."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    action: Action | None = None
    placeholder: str | None = Field(None, pattern=r"^\[\w+\]$")
    category: str | None = None
    identifier: Literal["direct", "quasi"] | None = None
    level: str | None = None
    style: Literal["stars", "court"] | None = None
    keep_officials: bool | None = None


Rules = Mapping[str, Rule]
"""A rule for every type."""


class Policy(BaseModel):
    """A rule for every type, and what is otherwise for some kinds of records."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    version: Literal["policy/1"] = Field(alias="schema")
    name: str
    types: dict[str, Rule]
    kinds: dict[str, dict[str, Override]] = {}
    _rules: dict[str, Rules] = PrivateAttr(default_factory=dict)

    @model_validator(mode="after")
    def _sound(self) -> Policy:
        _known(self.types, TYPES, "type")
        if missing := [name for name in TYPES if name not in self.types]:
            raise ValueError(f"no rule for {', '.join(missing)}")
        _check(self.types, "types")
        _known(self.kinds, KINDS, "kind of record")
        for kind, overrides in self.kinds.items():
            _known(overrides, TYPES, "type")
            said = {name: one.model_dump(exclude_unset=True) for name, one in overrides.items()}
            rules = dict(self.types)
            for name, parts in said.items():
                rules[name] = Rule(**_merge(self.types[name].model_dump(exclude_defaults=True), parts))
            _check(rules, f"kinds.{kind}")
            self._rules[kind] = rules
        return self

    def of(self, kind: str | None) -> Rules:
        """The rules for records of a kind."""
        return self._rules.get(kind or "", self.types)


def load(name: str) -> Policy:
    """A shipped policy by name, or one from a YAML file.

    Raises:
        UsageError: no such policy; or one with an unknown key or type, a missing rule, an action that a type
            cannot have, or one that extends itself.
    """
    path, *bases = _chain(name)
    said = read_yaml(path)
    for base in bases:
        said = _extend(read_yaml(base), said)
    said.pop("extends", None)
    if unknown := [kind for kind in said.get("types") or () if kind not in TYPES]:
        raise UsageError(f"{path.name}: unknown type {unknown[0]}{nearest(str(unknown[0]), TYPES)}")
    try:
        return Policy.model_validate(said)
    except ValidationError as error:
        raise UsageError(f"{path.name}: {_first(error)}") from None


def files(name: str) -> tuple[Path, ...]:
    """The file of a policy and those it extends.

    Raises:
        UsageError: as `load`.
    """
    return tuple(_chain(name))


def _chain(name: str) -> list[Path]:
    chain = [shipped.find("policies", name)]
    while base := read_yaml(chain[-1]).get("extends"):
        beside = chain[-1].parent / str(base)
        path = beside if beside.suffix in (".yaml", ".yml") else shipped.find("policies", str(base))
        path = shipped.find("policies", str(path))
        if path in chain:
            raise UsageError(f"{chain[-1].name}: extends {base}, which extends it")
        chain.append(path)
    return chain


def _extend(base: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """What a policy says on top of the one it extends."""
    said = {**base, **own}
    for part in ("types", "kinds"):
        if isinstance(base.get(part), dict) and isinstance(own.get(part), dict):
            merge = _merge if part == "types" else _extend_kind
            said[part] = {
                **base[part],
                **{name: _under(base[part], name, rule, merge) for name, rule in own[part].items()},
            }
    return said


def _extend_kind(base: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    return {**base, **{name: _under(base, name, rule, _merge) for name, rule in own.items()}}


def _under(base: dict[str, Any], name: str, own: Any, merge: Any) -> Any:
    below = base.get(name)
    return merge(below, own) if isinstance(below, dict) and isinstance(own, dict) else own


def _merge(base: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """A rule with parts of it said anew: level and style belong to an action and go with it."""
    if own.get("action", base.get("action")) != base.get("action"):
        base = {part: said for part, said in base.items() if part not in ("level", "style")}
    return {**base, **own}


def _check(rules: Rules, where: str) -> None:
    """Refuse what a rule asks of a type that cannot have it."""
    for name, rule in rules.items():
        place = f"{where}.{name}"
        if rule.action == "shift" and name != "DATE_OF_BIRTH":
            raise ValueError(f"{place}: only a date can shift: DATE_OF_BIRTH")
        if rule.action == "generalise" and name not in LEVELS:
            raise ValueError(f"{place}: only these can be generalised: {', '.join(LEVELS)}")
        if rule.level is not None and rule.action != "generalise":
            raise ValueError(f"{place}: level is for the action generalise, not {rule.action}")
        if rule.level is not None and rule.level not in LEVELS[name]:
            raise ValueError(f"{place}: unknown level {rule.level}{nearest(rule.level, LEVELS[name])}")
        if rule.style is not None and (rule.action != "mask" or name not in PEOPLE):
            raise ValueError(f"{place}: style is for the action mask of {', '.join(PEOPLE)}")
        if rule.keep_officials and name not in PEOPLE:
            raise ValueError(f"{place}: keep_officials is for {', '.join(PEOPLE)}")


def _known(names: Mapping[str, Any], valid: tuple[str, ...], what: str) -> None:
    for name in names:
        if name not in valid:
            raise ValueError(f"unknown {what} {name}{nearest(name, valid)}")


def _first(error: ValidationError) -> str:
    problems = error.errors()
    problem = next((one for one in problems if one["type"] == "extra_forbidden"), problems[0])
    where = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        known = (*Rule.model_fields, "schema", "extends", *Policy.model_fields)
        return f"unknown key {where}{nearest(str(problem['loc'][-1]), known)}"
    said = problem["msg"].removeprefix("Value error, ")
    return f"{where}: {said}" if where else said
