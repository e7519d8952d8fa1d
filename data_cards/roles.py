"""What the columns of a data set are for: texts, labels, chat messages, dates, sources.

In a folder that is no run they are guessed, by the names that `ingest` knows and those that instruction data
uses, and by type; what the user names goes before any guess.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from curation import records
from curation.errors import UsageError
from curation.ingest.mapping import ALIASES, normalise
from curation.strict import nearest
from data_cards.readers import is_mixed


@dataclasses.dataclass(frozen=True)
class Chat:
    """A column with lists of messages, and which part of a message says who said what."""

    column: str
    role: str
    content: str


@dataclasses.dataclass(frozen=True)
class Roles:
    """What the columns are for.

    Attributes:
        text: those with text that people read, in order; `chat` is not among them.
        labels: those taken as labels, each a scheme of its own; a run has one column for all schemes.
        columns: the one that has a role: `title`, `text` (what is asked or told), `reply`, `id`, `kind`,
            `source`, `license`, `original_time`, `generated`, `cluster`, `issuer`.
        names: of the values of a column that holds their numbers.
    """

    text: tuple[str, ...]
    labels: tuple[str, ...]
    chat: Chat | None
    columns: Mapping[str, str]
    names: Mapping[str, Sequence[str]] = dataclasses.field(default_factory=dict)


_ROLES = ("id", "kind", "source", "license", "original_time", "generated", "cluster")

OF_RUN = Roles(
    records.TEXT_FIELDS,
    (),
    Chat("messages", "role", "content"),
    {name: name for name in (*records.TEXT_FIELDS, *_ROLES)},
)
"""The columns of a run are known."""

_TEXT = (
    *ALIASES["title"], *ALIASES["text"], *ALIASES["reply"],
    "instruction", "input", "output", "system", "prompt", "completion", "query", "context", "passage",
    "sentence", "sentence1", "sentence2", "premise", "hypothesis", "summary", "article", "abstract",
    "chosen", "rejected", "target", "输入", "输出", "指令", "摘要", "文本", "原文", "正文内容",
)  # fmt: skip
_LABEL = (
    *ALIASES["label"],
    "labels",
    "class",
    "intent",
    "sentiment",
    "topic",
    "一级分类",
    "二级分类",
    "事项类别",
)
_ISSUER = (
    "issuer", "publisher", "department", "发文机关", "发文单位", "发布机构", "发布单位", "印发机关",
    "制定机关", "承办单位", "办理单位", "答复单位", "回复单位", "处理单位", "责任单位", "实施机关",
    "DEPT_NAME",
)  # fmt: skip
_BY_NAME = {
    "id": ALIASES["id"],
    "title": ALIASES["title"],
    "text": (*ALIASES["text"], "input", "instruction", "prompt", "query", "sentence", "sentence1", "premise"),
    "reply": ALIASES["reply"],
    "kind": ("kind",),
    "source": ("source", "来源"),
    "license": ("license", "licence", "许可"),
    "original_time": (*ALIASES["original_time"], "date_written", "date_published", "pub_date", "timestamp"),
    "cluster": ("cluster",),
    "issuer": _ISSUER,
}
_PERSONAL = tuple(name for field in records.PRIVATE_FIELDS for name in ALIASES[field])
_CHAT = ("messages", "conversations", "conversation", "dialogue", "chat", "对话")
_MESSAGE = (("role", "content"), ("from", "value"), ("role", "value"), ("speaker", "text"))
_NO_TEXT_NAME = re.compile(
    r"(?:^|_)(?:id|uuid|url|uri|link|href|path|file|filename|hash|md5|sha256|index|lang)$|编号$|编码$|链接$"
)


def guess(
    schema: pa.Schema,
    names: Mapping[str, Sequence[str]],
    text_fields: Sequence[str] = (),
    label_fields: Sequence[str] = (),
) -> Roles:
    """What the columns of a folder are for.

    Args:
        names: of the values of columns that hold numbers of classes, as the folder states them beside those
            that its files state.
        text_fields, label_fields: said by the user, instead of a guess.

    Raises:
        UsageError: the user names a column that is not there, or that holds no text.
    """
    for name in (*text_fields, *label_fields):
        if name not in schema.names:
            raise UsageError(f"no column {name}{nearest(name, schema.names)}")
    for name in text_fields:
        if not _is_string(schema.field(name).type):
            raise UsageError(f"column {name} holds no text but {schema.field(name).type}")
    names = {**_class_names(schema), **names}
    chat = _chat(schema)
    labels = tuple(label_fields) or _labels(schema, names)
    strings = [name for name in schema.names if _is_text(schema.field(name)) and name not in labels]
    columns = {role: found for role, wanted in _BY_NAME.items() if (found := _first(schema, wanted))}
    columns = {role: name for role, name in columns.items() if name not in labels}
    text = tuple(text_fields) or _text(strings, columns, chat is not None)
    misnamed = {role for role in records.TEXT_FIELDS if columns.get(role) not in text}
    columns = {role: name for role, name in columns.items() if role not in misnamed}
    if "text" not in columns:
        told = [name for name in text if name not in (columns.get("title"), columns.get("reply"))]
        columns |= {"text": told[0]} if told else {}
    known = {name: names[name] for name in schema.names if name in names}
    return Roles(text, labels, chat, columns, known)


def readable(table: pa.Table, names: Mapping[str, Sequence[str]]) -> pa.Table:
    """The table in plain types (strings, lists), with the names of classes in the place of their numbers."""
    for place, field in enumerate(table.schema):
        column = table.column(place)
        plain = _plain(field.type)
        if plain != field.type:
            column = column.cast(plain)
        if field.name in names and pa.types.is_integer(plain):
            known = pa.array(names[field.name], pa.string())
            codes = column.combine_chunks().cast(pa.int64())
            inside = pc.and_(pc.greater_equal(codes, 0), pc.less(codes, len(known)))
            column = known.take(pc.if_else(inside, codes, None))
        if column is not table.column(place):
            table = table.set_column(place, field.name, column)
    return table


def _class_names(schema: pa.Schema) -> dict[str, list[str]]:
    """What `datasets` writes into the schema of a file about columns with classes."""
    try:
        features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
        return dict(class_names(features))
    except (KeyError, TypeError, ValueError):
        return {}


def class_names(features: Mapping[str, object]) -> Iterator[tuple[str, list[str]]]:
    """Columns with classes among the features that `datasets` states."""
    for name, feature in features.items():
        if isinstance(feature, Mapping) and feature.get("_type") == "ClassLabel":
            yield name, [str(value) for value in feature.get("names") or []]


def _labels(schema: pa.Schema, names: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    wanted = set(map(normalise, _LABEL))
    return tuple(
        field.name
        for field in schema
        if field.name in names or (normalise(field.name) in wanted and _can_label(field))
    )


def _can_label(field: pa.Field) -> bool:
    kind = field.type.value_type if pa.types.is_list(field.type) else field.type
    if is_mixed(field):
        return False
    if pa.types.is_struct(kind):
        return {"scheme", "value"} <= {one.name for one in kind}
    return _is_string(kind) or pa.types.is_integer(kind) or pa.types.is_boolean(kind)


def _text(strings: Sequence[str], columns: Mapping[str, str], has_chat: bool) -> tuple[str, ...]:
    """Columns with a name that texts have; if there is none and no chat either, all strings but those whose
    name says something else."""
    wanted = set(map(normalise, _TEXT))
    named = tuple(name for name in strings if normalise(name) in wanted)
    if named or has_chat:
        return named
    other = {*columns.values(), *(name for name in strings if _NO_TEXT_NAME.search(name.lower()))}
    personal = set(map(normalise, _PERSONAL))
    return tuple(name for name in strings if name not in other and normalise(name) not in personal)


def _chat(schema: pa.Schema) -> Chat | None:
    wanted = set(map(normalise, _CHAT))
    for field in schema:
        kind = _plain(field.type)
        if normalise(field.name) in wanted and pa.types.is_list(kind) and pa.types.is_struct(kind.value_type):
            parts = {part.name: part.type for part in kind.value_type}
            for role, content in _MESSAGE:
                if parts.get(role) == parts.get(content) == pa.string():
                    return Chat(field.name, role, content)
    return None


def _first(schema: pa.Schema, wanted: Sequence[str]) -> str | None:
    """The column that has the first of these names, and a plain value."""
    by_name: dict[str, str] = {}
    for field in schema:
        if _is_plain(field.type) and not is_mixed(field):
            by_name.setdefault(normalise(field.name), field.name)
    return next((by_name[name] for name in map(normalise, wanted) if name in by_name), None)


def _is_plain(kind: pa.DataType) -> bool:
    of_numbers = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_temporal)
    return _is_string(kind) or any(is_one(kind) for is_one in of_numbers)


def _is_text(field: pa.Field) -> bool:
    return _is_string(field.type) and not is_mixed(field)


def _is_string(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(_plain(kind)))


def _plain(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_dictionary(kind):
        return _plain(kind.value_type)
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return pa.string()
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return pa.list_(_plain(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(part.name, _plain(part.type)) for part in kind])
    return kind
