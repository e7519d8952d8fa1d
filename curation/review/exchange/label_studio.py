"""A review in Label Studio: tasks and a labelling configuration out, its exports JSON and JSON_MIN in.

Label Studio takes over labels that its configuration has not, shows predictions as if they were chosen, and
writes its own number over a key `id` in JSON_MIN: labels are checked on the way back, predictions leave only
where somebody asks for them, and the record's id is called `record`. Spans of personal data stay with
`govtune review`: what leaves is masked, so there are none to see.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from curation.decisions import Role, Shown
from curation.errors import InputError
from curation.files import whole_file
from curation.label.taxonomy import Taxonomy
from curation.lang import Lang
from curation.review.exchange import answers
from curation.review.exchange.incoming import Answer, Place, Returned
from curation.review.exchange.outgoing import Outgoing, Row
from curation.strict import first_fault

CONTROL = "label"
"""Name of the control tag: `from_name` of the answers, and their key in JSON_MIN."""

_MANY = 40
"""Labels from which on a tree to search is better than a button for each."""

_HEADERS: dict[str, dict[Lang, str]] = {
    "title": {"zh": "标题", "en": "Title"},
    "text": {"zh": "正文", "en": "Text"},
    "reply": {"zh": "回复", "en": "Reply"},
}


def write(path: Path, leaving: Outgoing, lang: Lang, *, predictions: bool) -> Path:
    """Write the tasks, and beside them the labelling configuration, whose path is returned.

    Args:
        predictions: let people see what the machine would say; their answers then prove nothing about it.

    Raises:
        UsageError: a file cannot be written.
    """
    tasks = [_task(row, leaving.taxonomy, lang, predictions) for row in leaving.rows]
    interface = path.with_suffix(".xml")
    with whole_file(interface) as unfinished:
        unfinished.write_bytes(_interface(leaving.taxonomy, lang))
    with whole_file(path, mode=0o600) as unfinished:
        unfinished.write_bytes(orjson.dumps(tasks, option=orjson.OPT_INDENT_2) + b"\n")
    return interface


def read(path: Path, *, by: str | None, role: Role | None) -> Returned:
    """The answers in an export of Label Studio.

    The person who answered a record first is its annotator, others who answered it later are reviewers. Of
    several answers of one person the last counts.

    Args:
        by: who gave all the answers, instead of those whom the file names.
        role: of everybody in the file.

    Raises:
        InputError: no JSON, or no tasks of `review-export`.
    """
    try:
        tasks = orjson.loads(path.read_bytes().removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError:
        raise InputError("not valid JSON; was it cut short?", file=path.name) from None
    tasks = [tasks] if isinstance(tasks, dict) else tasks
    if not isinstance(tasks, list) or not tasks:
        raise InputError("holds no tasks of Label Studio", file=path.name)
    found = Returned()
    of: dict[str, list[tuple[Place, _Data, _Annotation]]] = defaultdict(list)
    for number, raw in enumerate(tasks, start=1):
        place = Place(path.name, None, number, CONTROL)
        try:
            task = _parsed(raw)
        except ValidationError as error:
            found.faults.append(
                InputError(
                    f"no task of `govtune review-export`: {first_fault(error, _Task)}",
                    file=path.name,
                    row=number,
                )
            )
            continue
        kept = [one for one in task.annotations if not one.was_cancelled and one.result]
        given = [one for one in kept if one.chosen]
        if len(given) < len(kept):
            said = "an answer that is not under this name; the labelling configuration has been changed"
            found.faults.append(place.fault(said))
            continue
        if any(len(one.chosen) > 1 for one in given):
            found.faults.append(place.fault("more than one label was chosen"))
            continue
        found.open += not task.annotations
        found.skipped += bool(task.annotations) and not given
        seen = bool(task.predictions) or task.data.suggestion
        for one in given:
            of[task.data.record].append(
                (place, task.data, one.model_copy(update={"prediction": one.prediction or seen}))
            )
    for about in of.values():
        found.answers += _of_record(about, by, role)
    return found


def _task(row: Row, taxonomy: Taxonomy, lang: Lang, predictions: bool) -> dict[str, Any]:
    data = {
        "record": row.id,
        "content": row.content,
        "scheme": taxonomy.name,
        "taxonomy": taxonomy.digest,
        "reason": row.reason,
        "suggestion": predictions,
        **row.texts,
    }
    said = row.suggestion
    if not predictions or said is None:
        return {"data": data}
    result = {
        "from_name": CONTROL,
        "to_name": "text",
        "type": "taxonomy" if _is_tree(taxonomy) else "choices",
        "value": _value(taxonomy, said.value, lang),
    }
    score = {} if said.confidence is None else {"score": said.confidence}
    return {"data": data, "predictions": [{"model_version": said.method, "result": [result], **score}]}


def _value(taxonomy: Taxonomy, value: str, lang: Lang) -> dict[str, Any]:
    if not _is_tree(taxonomy):
        return {"choices": [answers.shown(taxonomy, lang)[value]]}
    leaf = taxonomy.leaves[taxonomy.values.index(value)]
    return {"taxonomy": [[label.name.in_(lang) for label in taxonomy.lines[leaf.code]]]}


def _is_tree(taxonomy: Taxonomy) -> bool:
    return len(taxonomy.leaves) > _MANY or any(len(taxonomy.lines[leaf.code]) > 1 for leaf in taxonomy.leaves)


def _interface(taxonomy: Taxonomy, lang: Lang) -> bytes:
    """The labelling configuration: the texts as plain text, then the labels."""
    view = ElementTree.Element("View")
    for field, names in _HEADERS.items():
        ElementTree.SubElement(view, "Header", value=names[lang], size="5")
        ElementTree.SubElement(view, "Text", name=field, value=f"${field}")
    common = {"name": CONTROL, "toName": "text", "required": "true"}
    if _is_tree(taxonomy):
        tree = {"leafsOnly": "true", "showFullPath": "true", "maxUsages": "1"}
        control = ElementTree.SubElement(view, "Taxonomy", common | tree)
        _add_tree(control, taxonomy, lang)
        ElementTree.SubElement(control, "Choice", value=answers.CANNOT_TELL[lang])
    else:
        control = ElementTree.SubElement(view, "Choices", common | {"choice": "single", "showInline": "true"})
        for said in answers.choices(taxonomy, lang):
            ElementTree.SubElement(control, "Choice", value=said)
    ElementTree.indent(view)
    return bytes(ElementTree.tostring(view, encoding="utf-8")) + b"\n"


def _add_tree(control: ElementTree.Element, taxonomy: Taxonomy, lang: Lang) -> None:
    nodes: dict[str, ElementTree.Element] = {}
    for leaf in taxonomy.leaves:
        above = control
        for label in taxonomy.lines[leaf.code]:
            if label.code not in nodes:
                nodes[label.code] = ElementTree.SubElement(above, "Choice", value=label.name.in_(lang))
            above = nodes[label.code]


class _Given(BaseModel):
    """What Label Studio writes. It adds keys with every version, so that unknown ones are passed over."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class _Data(_Given):
    record: str
    content: str
    scheme: str
    taxonomy: str
    reason: str
    suggestion: bool


class _Person(_Given):
    id: int | None = None
    email: str | None = None

    def __str__(self) -> str:
        return self.email or ("" if self.id is None else str(self.id))


class _Result(_Given):
    from_name: str | None = None
    value: dict[str, Any] = {}


class _Annotation(_Given):
    result: list[_Result] = []
    completed_by: _Person | int | str | None = None
    was_cancelled: bool = False
    created_at: datetime
    updated_at: datetime | None = None
    lead_time: float | None = Field(None, ge=0)
    prediction: Any = None
    parent_prediction: int | None = None
    parent_annotation: int | None = None

    @property
    def chosen(self) -> list[str]:
        """The labels that were chosen."""
        return [said for one in self.result if one.from_name == CONTROL for said in _chosen(one.value)]

    @property
    def by(self) -> str:
        return "" if self.completed_by is None else str(self.completed_by)

    @property
    def at(self) -> str:
        """When what it says now was said."""
        return _utc(self.updated_at or self.created_at).isoformat(timespec="milliseconds")


class _Task(_Given):
    data: _Data
    annotations: list[_Annotation]
    predictions: list[Any] = []


def _parsed(raw: Any) -> _Task:
    """A task of either export. JSON_MIN has a flat row for each annotation, and none for what was skipped."""
    if isinstance(raw, dict) and "data" not in raw and "annotation_id" in raw:
        said = raw.get(CONTROL, [])
        values = [
            {"choices": [one]} if isinstance(one, str) else one
            for one in (said if isinstance(said, list) else [said])
        ]
        result = [{"from_name": CONTROL, "value": value} for value in values]
        given = raw | {"result": result, "completed_by": raw.get("annotator")}
        return _Task.model_validate({"data": raw, "annotations": [given] if raw["annotation_id"] else []})
    return _Task.model_validate(raw)


def _chosen(value: dict[str, Any]) -> Iterator[str]:
    for key in ("choices", "taxonomy"):
        said = value.get(key)
        for one in said if isinstance(said, list) else []:
            yield "/".join(map(str, one)) if isinstance(one, list) else str(one)


def _of_record(
    about: Sequence[tuple[Place, _Data, _Annotation]], by: str | None, role: Role | None
) -> Iterator[Answer]:
    """The answers about one record: of each person the last, the person who began first."""
    about = sorted(about, key=lambda each: _utc(each[2].created_at))
    people = dict.fromkeys(one.by if by is None else by for _, _, one in about)
    first = next(iter(people))
    last = {one.by if by is None else by: (place, data, one) for place, data, one in about}
    for person, (place, data, one) in last.items():
        yield Answer(
            place=place,
            person_place=Place(place.file, None, place.row, "completed_by"),
            id=data.record,
            content=data.content,
            role=role or ("annotator" if person == first else "reviewer"),
            by=person,
            label=one.chosen[0],
            scheme=data.scheme,
            shown=Shown(
                suggestion=bool(one.prediction) or one.parent_prediction is not None,
                other=one.parent_annotation is not None,
                reason=data.reason,
                taxonomy=data.taxonomy,
            ),
            at=one.at,
            seconds=one.lead_time,
        )


def _utc(time: datetime) -> datetime:
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
