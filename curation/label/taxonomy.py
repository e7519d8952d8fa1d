"""The labels that may be given and what each one means: `schema: taxonomy/1`, a tree of any depth."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

import regex
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from curation import shipped
from curation.errors import UsageError
from curation.label import consistency
from curation.strict import read_yaml


def _compiles(expression: str) -> str:
    try:
        empty = regex.compile(expression).search("")
    except regex.error as error:
        raise ValueError(f"not a regular expression: {error}") from None
    if empty:
        raise ValueError("matches a text without a character, and so every text")
    return expression


Said = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Keyword = Annotated[str, StringConstraints(pattern=r"^\S{2,20}$")]
Expression = Annotated[str, StringConstraints(min_length=1, max_length=1000), AfterValidator(_compiles)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Wording(_Strict):
    """The same in Chinese and English."""

    zh: Said
    en: Said


class Name(_Strict):
    """A name in Chinese and, where somebody translated it, in English."""

    zh: Said
    en: Said | None = None

    def in_(self, lang: str) -> str:
        """The English name for `en`, where there is one; else the Chinese."""
        return self.en or self.zh if lang == "en" else self.zh


class Pattern(_Strict):
    """A regular expression (of the package `regex`) that is looked for in title and text.

    Attributes:
        against: a text in which it is found gets no vote of any rule for this label.
    """

    regex: Expression
    against: bool = False


class Condition(_Strict):
    """A condition on a column of the record, `equals`, `in` or `matches`; values are compared as displayed.

    Attributes:
        matches: a regular expression that is looked for in the value.
        against: a record of which it is true gets no vote of any rule for this label.
    """

    field: Said
    equals: Said | None = None
    in_: tuple[Said, ...] | None = Field(None, alias="in", min_length=1)
    matches: Expression | None = None
    against: bool = False

    @model_validator(mode="after")
    def _one(self) -> Condition:
        if sum(each is not None for each in (self.equals, self.in_, self.matches)) != 1:
            raise ValueError("give one of equals, in, matches")
        return self


class Label(_Strict):
    """One label.

    Attributes:
        code: short and unique, for tables and interfaces.
        includes, excludes: what belongs here, and what looks as if it did.
        examples: sentences of a letter.
        keywords: what such a letter says and others do not; each is a vote for this label.
        patterns, metadata: more rules that vote for this label or take all its votes away.
        parent: code of the label above it.
    """

    code: Said
    name: Name
    definition: Name | None = None
    includes: tuple[Said, ...] = ()
    excludes: tuple[Said, ...] = ()
    examples: tuple[Said, ...] = ()
    keywords: tuple[Keyword, ...] = ()
    patterns: tuple[
        Annotated[
            Pattern, BeforeValidator(lambda given: {"regex": given} if isinstance(given, str) else given)
        ],
        ...,
    ] = ()
    metadata: tuple[Condition, ...] = ()
    parent: Said | None = None

    @property
    def ruled(self) -> bool:
        """It says itself how it is found."""
        return bool(self.keywords or self.patterns or self.metadata)


class Taxonomy(_Strict):
    """Labels, perhaps in a tree. Its name is the `scheme` of the labels in records, whatever the level.

    Attributes:
        level: where the tree is cut: 1 for the labels at the top. What stands deeper cannot be given, and its
            rules vote for the label above it. Without a level nothing is cut.
        extends: the taxonomy whose labels these come in addition to.
    """

    schema_: Literal["taxonomy/1"] = Field(alias="schema")
    name: str = Field(pattern=r"^[\w.-]+$")
    title: Name
    extends: str | None = None
    level: int | None = Field(None, ge=1)
    labels: tuple[Label, ...]

    @model_validator(mode="after")
    def _consistent(self) -> Taxonomy:
        if self.name == "input":
            raise ValueError("name: input is the scheme of the labels that came with the records")
        # Each check relies on those before it: there is no path in a tree with a cycle.
        for check in (consistency.tree_faults, consistency.level_faults, consistency.rule_faults):
            if found := check(self):
                raise ValueError("\n".join(found))
        return self

    @cached_property
    def lines(self) -> dict[str, tuple[Label, ...]]:
        """Code of each label to the labels from the top of the tree down to it."""
        of_code = {label.code: label for label in self.labels}
        return {label.code: tuple(reversed([label, *_above(label, of_code)])) for label in self.labels}

    @cached_property
    def leaves(self) -> tuple[Label, ...]:
        """The labels that may be given, in the order of the file: the leaves of the tree cut at `level`."""
        above = {label.parent for label in self.labels}
        return tuple(
            label
            for label in self.labels
            if len(self.lines[label.code]) == self.level
            or (label.code not in above and not self._is_cut_off(label))
        )

    def _is_cut_off(self, label: Label) -> bool:
        return self.level is not None and len(self.lines[label.code]) > self.level

    @cached_property
    def values(self) -> tuple[str, ...]:
        """The leaves as they stand in records: by name, or where two of them share it, by path `a/b/name`."""
        count = Counter(label.name.zh for label in self.leaves)
        return tuple(
            label.name.zh if count[label.name.zh] == 1 else self.path(label.code) for label in self.leaves
        )

    def path(self, code: str) -> str:
        """The Chinese names from the top of the tree down to a label."""
        return "/".join(label.name.zh for label in self.lines[code])

    @cached_property
    def voters(self) -> tuple[tuple[Label, ...], ...]:
        """Of each leaf, the labels whose rules vote for it: itself and what was cut off below it."""
        leaf = {label.code: number for number, label in enumerate(self.leaves)}
        found: list[list[Label]] = [[] for _ in self.leaves]
        for label in self.labels:
            for above in self.lines[label.code]:
                if above.code in leaf:
                    found[leaf[above.code]].append(label)
        return tuple(map(tuple, found))

    @cached_property
    def digest(self) -> str:
        """SHA-256 of all it says, with the labels it extends and the level; comments do not count."""
        return hashlib.sha256(self.model_dump_json(by_alias=True).encode()).hexdigest()


def load(name: str, level: int | None = None) -> Taxonomy:
    """A shipped taxonomy by name, or one from a YAML file.

    Args:
        level: instead of the file's own.

    Raises:
        UsageError: no such taxonomy, or a faulty one: its first fault, and how many more there are.
    """
    path = shipped.find("taxonomies", name)
    read = _read(path, level)
    if isinstance(read, Taxonomy):
        return read
    more = f" ({len(read) - 1} more: govtune recipes validate)" if read[1:] else ""
    raise UsageError(f"{path.name}: {read[0]}{more}")


def faults(path: Path) -> list[str]:
    """All the faults of a taxonomy's file, a line for each; none for a valid one.

    Raises:
        UsageError: it is not YAML, or what it extends is not there or faulty.
    """
    read = _read(path, None)
    return [] if isinstance(read, Taxonomy) else read


def files(name: str) -> tuple[Path, ...]:
    """The files that a taxonomy is read from: its own and those it extends.

    Raises:
        UsageError: one is not there or not YAML.
    """
    return tuple(path for path, _ in _chain(shipped.find("taxonomies", name)))


def _read(path: Path, level: int | None) -> Taxonomy | list[str]:
    """The taxonomy of a file, or its faults."""
    (_, data), *chain = _chain(path)
    own = data.get("labels")
    base: list[Any] = []
    if chain:
        read = _read(chain[0][0], None)
        if not isinstance(read, Taxonomy):
            raise UsageError(f"{path.name}: extends {chain[0][0].name}, which is not valid: {read[0]}")
        # By alias and without defaults, as the file would say it.
        base = [label.model_dump(by_alias=True, exclude_defaults=True) for label in read.labels]
        data = {"level": read.level, **data}
        homeless = [
            f"label {label.get('code')}: has no parent; what is added stands below a label of the base"
            for label in (own if isinstance(own, list) else [])
            if isinstance(label, dict) and not label.get("parent")
        ]
        if homeless:
            return homeless
    if level is not None:
        data = data | {"level": level}
    try:
        return Taxonomy.model_validate(
            data | ({"labels": [*base, *own]} if base and isinstance(own, list) else {})
        )
    except ValidationError as error:
        return consistency.told(error, Taxonomy, len(base))


def _chain(path: Path) -> list[tuple[Path, dict[str, Any]]]:
    """A taxonomy's file and those it extends, with what they say."""
    found: list[tuple[Path, dict[str, Any]]] = []
    while True:
        if path.resolve() in [each.resolve() for each, _ in found]:
            raise UsageError(f"{found[0][0].name}: extends itself")
        data = read_yaml(path)
        found.append((path, data))
        base = data.get("extends")
        if not isinstance(base, str):
            return found
        beside = path.parent / base
        path = beside if beside.suffix in (".yaml", ".yml") and beside.is_file() else _base(path, base)


def _base(path: Path, name: str) -> Path:
    try:
        return shipped.find("taxonomies", name)
    except UsageError as error:
        raise UsageError(f"{path.name}: extends: {error}") from None


def _above(label: Label, of_code: dict[str, Label]) -> Iterable[Label]:
    while label.parent is not None:
        label = of_code[label.parent]
        yield label
