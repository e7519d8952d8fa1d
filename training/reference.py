"""The reference of the training recipe, made of the schema: Markdown in both languages, and JSON Schema."""

from __future__ import annotations

import json
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from curation.lang import Lang
from training import hardware
from training.schema import Recipe, Section, meaning

_HEAD = {
    "en": (
        "# The training recipe\n\n"
        "Made by `govtune recipes schema --markdown en`. `--set section.key=value` changes a key on the "
        "command line;\n`govtune recipes schema` prints the JSON Schema that editors complete from. Beside "
        "these keys a file may have\n`extends` (another recipe, by name or path, that it is laid over) and "
        "`hardware` (its own lines by profile, laid\nover the profile's).\n\n"
        f"Shipped hardware profiles: {', '.join(f'`{name}`' for name in hardware.names())}.\n",
        "| key | values | default | meaning |\n| --- | --- | --- | --- |",
    ),
    "zh": (
        "# 训练配方\n\n"
        "由 `govtune recipes schema --markdown zh` 生成。命令行用 `--set 节.键=值` 修改；"
        "`govtune recipes schema` 输出 JSON Schema，\n供编辑器补全。除下列各键外，文件还可以有 `extends`"
        "（以名称或路径指明所继承的配方）和 `hardware`（按硬件档写的差异，\n覆盖在该档之上）。\n\n"
        f"内置硬件档：{'、'.join(f'`{name}`' for name in hardware.names())}。\n",
        "| 键 | 取值 | 默认 | 含义 |\n| --- | --- | --- | --- |",
    ),
}


def markdown(language: Lang) -> str:
    """A page with a table for each section."""
    head, columns = _HEAD[language]
    parts = [head, columns, *_rows(Recipe, "", language)]
    for name, section in _sections(Recipe):
        title = meaning(Recipe.model_fields[name])[language == "zh"]
        parts += [f"\n## {name}\n", f"{title}\n", columns, *_rows(section, "", language)]
    return "\n".join(parts) + "\n"


def json_schema() -> dict[str, Any]:
    """What a recipe file may hold, for editors."""
    schema = Recipe.model_json_schema(by_alias=True)
    overlay = {"type": "object", "additionalProperties": {"type": "object"}}
    schema["properties"] |= {
        "extends": {"type": "string", "description": "a recipe, by name or path, that this one is laid over"},
        "hardware": {**overlay, "description": "by profile, the keys that change on that hardware"},
    }
    # A recipe that extends another may leave out what that one says.
    schema["required"] = ["schema", "name"]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _rows(section: type[BaseModel], above: str, language: Lang) -> list[str]:
    rows = []
    for name, field in section.model_fields.items():
        inner = _section_of(field)
        if inner and section is Recipe and name != "description":
            continue  # has a table of its own
        said = meaning(field)[language == "zh"]
        values = _values(field)
        key = above + (field.alias or name)
        rows.append(f"| `{key}` | {values} | {_default(field)} | {said} |".replace("  ", " "))
        if inner:
            rows += _rows(inner, f"{key}.", language)
    return rows


def _sections(recipe: type[BaseModel]) -> list[tuple[str, type[BaseModel]]]:
    found = [(name, _section_of(field)) for name, field in recipe.model_fields.items()]
    return [(name, section) for name, section in found if section and name != "description"]


def _section_of(field: FieldInfo) -> type[BaseModel] | None:
    """The section a field holds, alone or in a list."""
    pending = [field.annotation]
    while pending:
        each = pending.pop()
        if isinstance(each, type) and issubclass(each, Section):
            return each
        pending += get_args(each)
    return None


def _values(field: FieldInfo) -> str:
    told = []
    for part in [field.annotation, *field.metadata]:
        told += _choices(part)
    limits = [
        f"{sign} {getattr(each, name):.10g}"
        for each in field.metadata
        for name, sign in (("ge", "≥"), ("gt", ">"), ("le", "≤"), ("lt", "<"))
        if hasattr(each, name)
    ]
    return " ".join([", ".join(dict.fromkeys(told)), ", ".join(limits)]).strip()


def _choices(annotation: Any) -> list[str]:
    """The values or types a field takes, without its sections."""
    arguments = get_args(annotation)
    if str(annotation).startswith("typing.Literal"):
        return [f"`{value}`" for value in arguments]
    if getattr(annotation, "__origin__", None) is list:
        return [f"list of {' or '.join(_choices(arguments[0])) or 'sections'}"]
    if arguments:
        return [choice for each in arguments for choice in _choices(each)]
    names = {str: "text", int: "int", float: "float", bool: "true, false"}
    return [names[annotation]] if annotation in names else []


def _default(field: FieldInfo) -> str:
    if field.is_required() or field.default_factory is not None or field.default in (None, ""):
        return ""
    return f"`{json.dumps(field.default, ensure_ascii=False)}`".replace('"', "")
