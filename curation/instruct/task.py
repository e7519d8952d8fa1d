"""A task: what a model is asked about a record and what it should answer, `schema: task/1`.

The stage `instruct` and training read the same task files, so that what is trained is what is asked later.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from curation import records, shipped
from curation.errors import UsageError
from curation.instruct.guide import GuideField, choose, place, read_guide
from curation.instruct.template import fill, require_placeholders
from curation.label import taxonomy
from curation.label.taxonomy import Taxonomy, Wording
from curation.strict import first_fault, nearest, read_yaml, require_known

EXAMPLES = pa.schema(
    [
        ("row", pa.int64()),  # of the table that the example was made of
        ("id", pa.string()),  # `id#task` of the record, and `.part` where something of it was asked
        ("part", pa.string()),  # what of the record was asked, null where a record gives one example
        ("messages", records.PUBLIC.field("messages").type),
        ("generated", pa.bool_()),  # whether a program composed the answer from a guide
    ]
)

COLUMNS = ("id", "title", "text", "reply", "label")
"""What a task can read of a record."""

Row = Mapping[str, str]
"""`COLUMNS` of one record, empty where it has none."""


@dataclass(frozen=True)
class Example:
    """One conversation: what is asked (system and user) and what should be answered."""

    system: str
    user: str
    assistant: str
    part: str | None = None
    generated: bool = False

    def messages(self) -> list[dict[str, Any]]:
        """In the form of the column `messages`: the loss is on the answer alone."""
        turns = (("system", self.system, 0.0), ("user", self.user, 0.0), ("assistant", self.assistant, 1.0))
        return [
            {"role": role, "content": content, "weight": weight} for role, content, weight in turns if content
        ]


class Task(BaseModel):
    """What every task file holds.

    Attributes:
        kinds: kinds of records it is for.
        system, user, assistant: the templates of the three messages; an empty system message is left out.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    PLACEHOLDERS: ClassVar[dict[str, tuple[str, ...]]]
    """What each template may name."""

    schema_: Literal["task/1"] = Field(alias="schema")
    name: str = Field(pattern=r"^[\w-]+$")
    title: Wording
    kinds: list[str] = Field(min_length=1)
    system: str = ""
    user: str = Field(min_length=1)
    assistant: str = Field(min_length=1)

    @field_validator("kinds")
    @classmethod
    def _known_kinds(cls, kinds: list[str]) -> list[str]:
        for kind in kinds:
            if kind not in records.KINDS:
                raise ValueError(f"unknown kind {kind}{nearest(kind, records.KINDS)}")
        return kinds

    @model_validator(mode="after")
    def _known_placeholders(self) -> Task:
        for template, known in self.PLACEHOLDERS.items():
            try:
                require_placeholders(getattr(self, template), known)
            except ValueError as error:
                raise ValueError(f"{template}: {error}") from None
        return self

    def files(self) -> tuple[Path, ...]:
        """Other files that decide what the examples say."""
        return ()

    @abstractmethod
    def examples(self, row: Row) -> list[Example] | str:
        """The examples of a record, at least one, or the reason why there is none."""


class LabelTask(Task):
    """A letter is answered with its label of a taxonomy."""

    PLACEHOLDERS: ClassVar = {
        "system": ("categories",),
        "user": ("title", "text", "categories"),
        "assistant": ("label",),
    }

    answer: Literal["label"]
    taxonomy: str

    @cached_property
    def labels(self) -> Taxonomy:
        """The taxonomy: its name is the scheme of the labels, its leaves can be an answer."""
        return taxonomy.load(self.taxonomy)

    def files(self) -> tuple[Path, ...]:
        return (shipped.find("taxonomies", self.taxonomy),)

    def examples(self, row: Row) -> list[Example] | str:
        if not row["label"]:
            return "no_label"
        if row["label"] not in self.labels.values:
            return "unknown_label"
        if not (row["title"] or row["text"]):
            return "no_text"
        values = {**row, "categories": "、".join(self.labels.values)}
        return [Example(fill(self.system, values), fill(self.user, values), fill(self.assistant, values))]


class ReplyTask(Task):
    """A letter is answered with what people replied."""

    PLACEHOLDERS: ClassVar = {"system": (), "user": ("title", "text"), "assistant": ("reply",)}

    answer: Literal["reply"]

    def examples(self, row: Row) -> list[Example] | str:
        if not row["reply"].strip():
            return "no_reply"
        if not (row["title"] or row["text"]):
            return "no_text"
        return [Example(fill(self.system, row), fill(self.user, row), fill(self.assistant, row))]


class GuideTask(Task):
    """A service guide is asked field by field. What it says is quoted; where it is silent, the answer says so
    and names the office to ask. Nothing is asked of which the answer could be wrong: a field whose value is
    unclear, or silence of a guide that may say it under a heading that is not known here or within a value.

    Attributes:
        fields: what is asked.
        unanswered: template of the answer where the guide does not say it.
        office, phone: headings under which the guide names whom to ask; the first that it has counts.
        nobody: whom to ask where it names no office.
        other_headings: headings that nobody asks about; a field's value ends before them, too.
    """

    PLACEHOLDERS: ClassVar = {
        "system": (),
        "user": ("title", "text", "question"),
        "assistant": ("title", "field", "quote"),
        "unanswered": ("title", "field", "office", "phone"),
    }

    answer: Literal["guide"]
    unanswered: str = Field(min_length=1)
    fields: list[GuideField] = Field(min_length=1)
    office: list[str] = Field(min_length=1)
    phone: list[str]
    nobody: str = Field(min_length=1)
    other_headings: list[str] = []

    @model_validator(mode="after")
    def _each_heading_answers_one_field(self) -> GuideTask:
        for what, names in (
            ("field", [field.name for field in self.fields]),
            ("heading", [heading for field in self.fields for heading in field.headings]),
        ):
            if twice := next((name for name in names if names.count(name) > 1), None):
                raise ValueError(f"fields: the {what} {twice} stands twice")
        return self

    @cached_property
    def headings(self) -> frozenset[str]:
        """Every heading that begins a value."""
        asked = {heading for field in self.fields for heading in field.headings}
        return frozenset(asked.union(self.office, self.phone, self.other_headings))

    def examples(self, row: Row) -> list[Example] | str:
        if not row["title"]:
            return "no_title"
        guide = read_guide(row["text"], self.headings)
        said = guide.said
        answered = [
            field for field in self.fields if field.quote(said) and not guide.unclear & {*field.headings}
        ]
        if not answered:
            return "no_fields"
        silent = [field for field in self.fields if guide.whole and field.may_be_absent(row["text"])]
        silent = sorted(silent, key=lambda field: place(row["id"], field.name))[: len(answered)]
        return [self._ask(field, row, said) for field in self.fields if field in answered or field in silent]

    def whom_to_ask(self, said: Mapping[str, str]) -> dict[str, str]:
        """Office and phone number of a guide, for `unanswered`."""
        return {
            "office": next((said[heading] for heading in self.office if heading in said), self.nobody),
            "phone": next((said[heading] for heading in self.phone if heading in said), ""),
        }

    def _ask(self, field: GuideField, row: Row, said: Mapping[str, str]) -> Example:
        question = fill(choose(field.questions, row["id"], field.name), row)
        quote = field.quote(said)
        values = {
            **row,
            "question": question,
            "field": field.name,
            "quote": quote,
            **self.whom_to_ask(said),
        }
        template = self.assistant if quote else self.unanswered
        return Example(
            fill(self.system, values),
            fill(self.user, values),
            fill(template, values),
            part=field.name,
            generated=True,
        )


TASKS: dict[str, type[Task]] = {"label": LabelTask, "reply": ReplyTask, "guide": GuideTask}
"""What a task's `answer` can be."""


def load(name: str) -> Task:
    """A shipped task by name, or one from a YAML file.

    Raises:
        UsageError: no such task, or one with an unknown key, placeholder or taxonomy; one line.
    """
    path = shipped.find("tasks", name)
    data = read_yaml(path)
    answer = data.get("answer")
    require_known(str(answer), TASKS, f"{path.name}: answer", "value")
    kind = TASKS[str(answer)]
    try:
        task = kind.model_validate(data)
    except ValidationError as error:
        raise UsageError(f"{path.name}: {first_fault(error, kind)}") from None
    if isinstance(task, LabelTask):
        task.labels  # noqa: B018  a taxonomy that cannot be read is a fault of the task
    return task


def conversations(task: Task, table: pa.Table) -> tuple[pa.Table, pa.Array]:
    """The chat examples of records or of the rows of a file.

    Args:
        table: whichever of `COLUMNS` there are, as strings. The wording of a question depends on `id`.

    Returns:
        The examples (`EXAMPLES`), in the order of the rows; and for each row null where it has examples, else
        the reason why it has none: `no_label`, `unknown_label`, `no_reply`, `no_text`, `no_title` or
        `no_fields`.
    """
    columns = {
        name: [value or "" for value in table[name].to_pylist()]
        if name in table.column_names
        else [""] * table.num_rows
        for name in COLUMNS
    }
    made: list[dict[str, Any]] = []
    reasons: list[str | None] = []
    for number, values in enumerate(zip(*columns.values(), strict=True)):
        found = task.examples(dict(zip(COLUMNS, values, strict=True)))
        if isinstance(found, str):
            reasons.append(found)
            continue
        reasons.append(None)
        made += [
            {
                "row": number,
                "id": ".".join(filter(None, (f"{values[0]}#{task.name}", one.part))),
                "part": one.part,
                "messages": one.messages(),
                "generated": one.generated,
            }
            for one in found
        ]
    return pa.Table.from_pylist(made, schema=EXAMPLES), pa.array(reasons, pa.string())
