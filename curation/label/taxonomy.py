"""The labels that may be given and what each one means: `schema: taxonomy/1`."""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from curation import shipped
from curation.errors import UsageError
from curation.strict import first_fault, read_yaml

Said = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Keyword = Annotated[str, StringConstraints(pattern=r"^\S{2,20}$")]


class Wording(BaseModel):
    """The same in Chinese and English."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    zh: Said
    en: Said


class Label(BaseModel):
    """One label.

    Attributes:
        code: short and unique, for tables and interfaces.
        name: `name.zh` is the value that stands in records.
        includes, excludes: what belongs here, and what looks as if it did.
        examples: sentences of a letter.
        keywords: what such a letter says and others do not; each is a vote for this label.
        parent: code of the label above it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    code: Said
    name: Wording
    definition: Wording
    includes: tuple[Said, ...] = ()
    excludes: tuple[Said, ...] = ()
    examples: tuple[Said, ...] = ()
    keywords: tuple[Keyword, ...] = ()
    parent: str | None = None


class Taxonomy(BaseModel):
    """Labels, perhaps in a tree. Its name is the `scheme` of the labels in records."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_: Literal["taxonomy/1"] = Field(alias="schema")
    name: str = Field(pattern=r"^[\w.-]+$")
    title: Wording
    labels: tuple[Label, ...] = Field(min_length=2)

    @model_validator(mode="after")
    def _consistent(self) -> Taxonomy:
        if self.name == "input":
            raise ValueError("name: input is the scheme of the labels that came with the records")
        _refuse_twice("code", [label.code for label in self.labels])
        _refuse_twice("name", [label.name.zh for label in self.labels])
        _refuse_twice("name", [label.name.en for label in self.labels])
        owner: dict[str, str] = {}
        for label in self.labels:
            for keyword in label.keywords:
                if keyword in owner:
                    raise ValueError(
                        f"keyword {keyword} stands under {owner[keyword]} and {label.name.zh}; "
                        "it can vote for one label only"
                    )
                owner[keyword] = label.name.zh
        parents = {label.code: label.parent for label in self.labels}
        for code, parent in parents.items():
            if parent is not None and parent not in parents:
                raise ValueError(f"label {code}: unknown parent {parent}")
            above = {code}
            while parent is not None:
                if parent in above:
                    raise ValueError(f"label {code} stands above itself")
                above.add(parent)
                parent = parents[parent]
        return self

    @cached_property
    def leaves(self) -> tuple[Label, ...]:
        """The labels that may be given: those without a label below them."""
        above = {label.parent for label in self.labels}
        return tuple(label for label in self.labels if label.code not in above)

    @cached_property
    def values(self) -> tuple[str, ...]:
        """The leaves as they stand in records, in the order of the file."""
        return tuple(label.name.zh for label in self.leaves)


def load(name: str) -> Taxonomy:
    """A shipped taxonomy by name, or one from a YAML file.

    Raises:
        UsageError: no such taxonomy, or one with an unknown key, a code, name or keyword that stands twice,
            or an unknown parent.
    """
    path = shipped.find("taxonomies", name)
    try:
        return Taxonomy.model_validate(read_yaml(path))
    except ValidationError as error:
        raise UsageError(f"{path.name}: {first_fault(error, Taxonomy)}") from None


def _refuse_twice(what: str, names: list[str]) -> None:
    for name, count in Counter(names).items():
        if count > 1:
            raise ValueError(f"{what} {name} stands twice")
