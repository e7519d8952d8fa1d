"""What is done with each type of personal data: `schema: policy/1`.

Category is the wording of GB/T 43697-2024, annex B; `identifier` says direct or quasi, as in GB/T 37964-2019.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from curation import shipped
from curation.errors import UsageError
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


class Rule(BaseModel):
    """What happens to one type."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    action: Literal["keep", "replace"]
    placeholder: str = Field(pattern=r"^\[\w+\]$")
    category: str
    identifier: Literal["direct", "quasi"]

    @property
    def changes(self) -> bool:
        """Whether values of this type do not stay as they are."""
        return self.action != "keep"


Rules = Mapping[str, Rule]
"""A rule for every type."""


class Policy(BaseModel):
    """A rule for every type."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    version: Literal["policy/1"] = Field(alias="schema")
    name: str
    types: dict[str, Rule]

    @field_validator("types")
    @classmethod
    def _every_type(cls, types: dict[str, Rule]) -> dict[str, Rule]:
        for name in types:
            if name not in TYPES:
                raise ValueError(f"unknown type {name}{nearest(name, TYPES)}")
        if missing := [name for name in TYPES if name not in types]:
            raise ValueError(f"no rule for {', '.join(missing)}")
        return types

    def of(self, kind: str | None) -> Rules:
        """The rules for records of a kind."""
        return self.types


def load(name: str) -> Policy:
    """A shipped policy by name, or one from a YAML file.

    Raises:
        UsageError: no such policy, or one with an unknown key, an unknown type or a missing rule.
    """
    path = shipped.find("policies", name)
    try:
        return Policy.model_validate(read_yaml(path))
    except ValidationError as error:
        raise UsageError(f"{path.name}: {_first(error)}") from None


def _first(error: ValidationError) -> str:
    problems = error.errors()
    problem = next((one for one in problems if one["type"] == "extra_forbidden"), problems[0])
    where = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        known = (*Rule.model_fields, "schema", *Policy.model_fields)
        return f"unknown key {where}{nearest(str(problem['loc'][-1]), known)}"
    return f"{where}: {problem['msg'].removeprefix('Value error, ')}"
