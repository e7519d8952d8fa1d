"""A curation recipe: which columns mean what, and which stages run in which order.

A recipe is a YAML file. Nothing in it is ignored: an unknown key, stage or field is an error that names
the nearest valid one.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from curation import ingest, records, shipped
from curation.decisions import Decision
from curation.errors import UsageError
from curation.stage import Exchange, Stage
from curation.strict import first_fault, read_yaml, require_known

STAGES = {
    "screen": "curation.screen:Screen",
    "clean": "curation.clean:Clean",
    "decontaminate": "curation.decontaminate:Decontaminate",
    "deduplicate": "curation.deduplicate.stage:Deduplicate",
    "boilerplate": "curation.deduplicate.paragraphs:Boilerplate",
    "semantic": "curation.deduplicate.semantic:Semantic",
    "anonymise": "curation.anonymise.stage:Anonymise",
    "split": "curation.split:Split",
    "label": "curation.label.stage:Label",
    "instruct": "curation.instruct.stage:Instruct",
}
"""The stages a recipe can name, and where each one lives."""

MAPPED = (
    "id",
    "kind",
    *records.TEXT_FIELDS,
    *records.PRIVATE_FIELDS,
    "original_time",
    "source",
    "license",
    "label",
)
"""What `map` can name besides the recipe's own category fields."""


class Recipe(BaseModel):
    """The content of a recipe file.

    Attributes:
        name: name of the data set.
        kind: value of the column `kind` where the input does not say.
        source, license: where the records come from and under which terms, for every record.
        map: field to the headers that hold it, tried before the built-in ones; an empty list means that
            the field is not mapped at all.
        fields: category columns of one's own (district, channel ...) that are published.
        stages: what runs, in order, one stage and its options each.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_: Literal["curation/1"] = Field(alias="schema")
    name: str = Field(pattern=r"^[\w.-]+$")
    kind: Literal["letter", "work_order", "service_item", "document", "law", "question_answer", "text"] = (
        "text"
    )
    source: str | None = None
    license: str | None = None
    map: dict[str, list[str]] = {}
    fields: list[str] = []
    stages: list[dict[str, dict[str, Any] | None]]

    def settings(self) -> ingest.Settings:
        """What the readers need to know."""
        return ingest.Settings(
            map={field: tuple(headers) for field, headers in self.map.items()},
            fields=tuple(self.fields),
            kind=self.kind,
            source=self.source,
            license=self.license,
        )


def load(name: str, *, settings: Sequence[str] = (), columns: Sequence[str] = ()) -> Recipe:
    """Read a recipe by the name of a shipped one or by path, with what the command line changes in it.

    Args:
        settings: `a.b=c` each: option `b` of stage `a`, or a key of the recipe itself.
        columns: `field=header[,header]` each; `field=` leaves the field unmapped.

    Raises:
        UsageError: the recipe is not valid; one line with the place and the nearest valid name.
    """
    path = shipped.find("curation", name)
    data = read_yaml(path)
    for setting in settings:
        _set(data, setting, path.name)
    for column in columns:
        field, separator, headers = column.partition("=")
        if not separator:
            raise UsageError(f"--map {column}: write field=header, for example --map text=诉求内容")
        data["map"] = {**(data.get("map") or {}), field: [header for header in headers.split(",") if header]}
    return parse(data, path.name)


def parse(data: Mapping[str, Any], origin: str = "recipe") -> Recipe:
    """A recipe from plain data, its stages and their order checked.

    Raises:
        UsageError: as `load`.
    """
    try:
        recipe = Recipe.model_validate(data)
    except ValidationError as error:
        raise UsageError(f"{origin}: {first_fault(error, Recipe)}") from None
    for field in recipe.fields:
        if field in records.schema().names:
            raise UsageError(f"{origin}: fields: {field} is a column of {records.VERSION} already")
    for field in recipe.map:
        require_known(field, (*MAPPED, *recipe.fields), f"{origin}: map", "field")
    stages = _stages(recipe, None, origin)
    _check_order(stages, recipe, origin)
    _check_labels(stages, origin)
    return recipe


def build(recipe: Recipe, *, key: bytes | None = None, decisions: Sequence[Decision] = ()) -> list[Stage]:
    """The recipe's stages, ready for an engine.

    Args:
        key: for consistent surrogates; only stages that declare `keyed` get it.
        decisions: what people decided; each stage gets all the lines, of which it applies its own.
    """
    stages = _stages(recipe, key, recipe.name)
    for stage in stages:
        if isinstance(stage, Exchange):
            stage.decisions = decisions
    return stages


def _set(data: dict[str, Any], setting: str, origin: str) -> None:
    path, separator, text = setting.partition("=")
    first, _, rest = path.partition(".")
    if not separator or not first:
        raise UsageError(
            f"--set {setting}: write stage.option=value, for example --set deduplicate.threshold=0.9"
        )
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        raise UsageError(f"--set {path}: the value is not valid YAML") from None
    stages = [entry for entry in data.get("stages") or [] if isinstance(entry, dict) and first in entry]
    if stages and rest:
        options = stages[0][first] or {}
        if not isinstance(options, dict):
            raise UsageError(f"{origin}: the options of {first} are not a mapping of keys to values")
        stages[0][first] = {**options, rest: value}
        return
    if rest:
        named = [name for entry in data.get("stages") or [] if isinstance(entry, dict) for name in entry]
        require_known(first, named, f"{origin}: --set {path}", "stage of this recipe")
    data[first] = value


def _stages(recipe: Recipe, key: bytes | None, origin: str) -> list[Stage]:
    built: list[Stage] = []
    for number, entry in enumerate(recipe.stages, 1):
        if len(entry) != 1:
            raise UsageError(
                f"{origin}: stages, entry {number}: one stage each, written as `- name: {{options}}`"
            )
        ((name, options),) = entry.items()
        require_known(name, STAGES, f"{origin}: stages, entry {number}", "stage")
        if name in [stage.name for stage in built]:
            raise UsageError(f"{origin}: stages, entry {number}: {name} stands twice")
        module, _, attribute = STAGES[name].partition(":")
        kind: type[Stage] = getattr(importlib.import_module(module), attribute)
        try:
            params = kind.Params.model_validate(options or {})
        except ValidationError as error:
            raise UsageError(f"{origin}: {name}: {first_fault(error, kind.Params)}") from None
        built.append(kind(params, key=key if kind.keyed else None))
    return built


def _check_order(stages: Iterable[Stage], recipe: Recipe, origin: str) -> None:
    filled = {*MAPPED, *recipe.fields}
    anonymised = removes = False
    passed: set[str] = set()
    for stage in stages:
        if missing := sorted(stage.requires - filled):
            raise UsageError(
                f"{origin}: stage {stage.name} needs the column {missing[0]}, which no earlier stage fills"
            )
        if anonymised and set(stage.adds.names) & set(records.TEXT_FIELDS):
            raise UsageError(
                f"{origin}: stage {stage.name} edits text and must stand before anonymise, "
                "or published spans and hashes would no longer be true"
            )
        if "messages" in filled:
            raise UsageError(
                f"{origin}: stage {stage.name} must stand before instruct, which makes chat examples "
                "of finished records"
            )
        if stage.name == "decontaminate" and removes:
            raise UsageError(
                f"{origin}: boilerplate with action remove hides leaks; put decontaminate before it"
            )
        if stage.name == "anonymise" and "label" in passed:
            raise UsageError(
                f"{origin}: stage label must stand after anonymise, so that it sees no personal data"
            )
        if stage.name == "label" and stage.params.llm and not {"screen", "anonymise"} <= passed:
            raise UsageError(
                f"{origin}: label: llm: only screened and anonymised text may leave; "
                "put screen and anonymise before label"
            )
        passed.add(stage.name)
        anonymised = anonymised or stage.name == "anonymise"
        removes = removes or (stage.name == "boilerplate" and stage.params.action == "remove")
        filled |= set(stage.adds.names)


def _check_labels(stages: Iterable[Stage], origin: str) -> None:
    """A task that answers with labels stands after the stage that gives those of its taxonomy."""
    from curation.instruct.stage import Instruct
    from curation.instruct.task import LabelTask
    from curation.label import taxonomy
    from curation.label.stage import Label

    given: set[str] = set()
    for stage in stages:
        if isinstance(stage, Label):
            given.add(taxonomy.load(stage.params.taxonomy).name)
        if isinstance(stage, Instruct) and isinstance(stage.task, LabelTask):
            task = stage.task
            if task.labels.name not in given:
                raise UsageError(
                    f"{origin}: the task {task.name} answers with labels of {task.labels.name}, which no "
                    f"stage before instruct gives; put label: {{taxonomy: {task.taxonomy}}} before it"
                )
