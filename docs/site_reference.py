"""The pages of the site that are made from the code: commands, shipped recipes, metrics.json, Python API."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

INTRODUCTION = {
    "cli": {
        "zh": """# 命令行

由程序自身的帮助生成（帮助文字为英文）；与 `govtune 命令 --help` 相同。""",
        "en": """# Command line

Made from the command's own help: the same as `govtune COMMAND --help`.""",
    },
    "recipes": {
        "zh": """# 自带的配方

`govtune recipes copy 名称 文件` 复制一份，改成自己的。训练配方的全部键见[训练配方](../recipe.md)。""",
        "en": """# Shipped recipes

`govtune recipes copy NAME FILE` makes one yours. Every key of a training recipe:
[training recipe](../recipe.md).""",
    },
    "metrics": {
        "zh": """# metrics.json

由 `data_cards.metrics` 的定义生成（说明为英文）；`govtune card schema` 输出同一份 JSON Schema。
空值（null）表示无法测量，绝不表示零；原因在 `unmeasured` 中。""",
        "en": """# metrics.json

Made from the definitions in `data_cards.metrics`; `govtune card schema` prints the same as JSON Schema.
Null means that it cannot be measured, never zero; `unmeasured` says why.""",
    },
    "api": {
        "zh": """# Python 接口

由代码中的说明生成（英文）。""",
        "en": """# Python API

Made from the docstrings.""",
    },
}

ENTRIES = {
    "curation": (
        "curation.recipe.load",
        "curation.pipeline.curate",
        "curation.run.Run",
        "curation.engine.as_map.as_map",
        "curation.stage.Stage",
        "curation.stage.Exchange",
        "curation.stage.Expand",
        "curation.errors.UsageError",
        "curation.errors.InputError",
    ),
    "training": (
        "training.recipe.load",
        "training.run.train",
        "training.evaluate.run.evaluate",
        "training.verify.verify",
    ),
    "data_cards": (
        "data_cards.outputs.build",
        "data_cards.outputs.build_beside",
        "data_cards.options.Options",
        "data_cards.check.check",
        "data_cards.diff.diff",
    ),
}
"""Where the functions and classes live that a user of the packages calls."""


def pages() -> dict[str, str]:
    """Text by path, both languages; tables and docstrings are the code's own English in both."""
    bodies = {"cli": _cli(), "recipes": _recipes(), "metrics": _metrics(), "api": _api()}
    return {
        f"reference/{name}.{lang}.md": f"{INTRODUCTION[name][lang]}\n\n{body}"
        for name, body in bodies.items()
        for lang in ("zh", "en")
    }


def commands() -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command that does something, by its words after `govtune`."""
    import typer

    from govtune.cli import app

    yield from _walk(typer.main.get_command(app), ())


def _walk(command: Any, words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    below: Mapping[str, Any] = getattr(command, "commands", {})
    if not below:
        yield words, command
    for name in sorted(below):
        yield from _walk(below[name], (*words, name))


def _cli() -> str:
    return "\n\n".join(_command(words, command) for words, command in sorted(commands(), key=lambda c: c[0]))


def _command(words: tuple[str, ...], command: Any) -> str:
    context = command.context_class(command, info_name="govtune " + " ".join(words))
    text = re.sub(r"^Example: (.+)$", r"```sh\n\1\n```", command.help or "", flags=re.MULTILINE)
    records = [record for param in command.get_params(context) if (record := param.get_help_record(context))]
    rows = [f"| `{' '.join(left.split())}` | {_cell(_plain(right))} |" for left, right in records]
    usage = context.get_usage().removeprefix("Usage: ")
    return "\n".join(
        (
            f"## {' '.join(words)}",
            "",
            text,
            "",
            "```text",
            usage,
            "```",
            "",
            "| | meaning |",
            "| --- | --- |",
            *rows,
        )
    )


def _recipes() -> str:
    from curation import shipped

    root = shipped.folder()
    parts = []
    for path in sorted(root.rglob("*.yaml")):
        name = path.relative_to(root).with_suffix("").as_posix()
        content = path.read_text(encoding="utf-8").rstrip()
        parts.append(f"## {name}\n\n```yaml\n{content}\n```")
    return "\n\n".join(parts)


def _metrics() -> str:
    from data_cards.metrics import Metrics

    schema = Metrics.model_json_schema()
    return "\n\n".join(
        _model(name, model)
        for name, model in {"Metrics": schema, **schema["$defs"]}.items()
        if "properties" in model
    )


def _model(name: str, model: Mapping[str, Any]) -> str:
    rows = [
        f"| `{key}` | {_cell(_type(value))} | {_cell(_plain(value.get('description', '')))} |"
        for key, value in model["properties"].items()
    ]
    return "\n".join(
        (
            f"## {name}",
            "",
            model.get("description", ""),
            "",
            "| key | type | meaning |",
            "| --- | --- | --- |",
            *rows,
        )
    )


def _type(value: Mapping[str, Any]) -> str:
    if "$ref" in value:
        name = value["$ref"].rsplit("/", 1)[1]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in value:
        return " or ".join(map(_type, value["anyOf"]))
    if "enum" in value:
        return ", ".join(f"`{choice}`" for choice in value["enum"])
    if "const" in value:
        return f"`{value['const']}`"
    if value.get("type") == "array":
        return f"list of {_type(value['items'])}" if value.get("items") else "list"
    if isinstance(below := value.get("additionalProperties"), Mapping):
        return f"by name: {_type(below)}"
    return str(value.get("type", ""))


def _api() -> str:
    return "\n\n".join(
        f"## {package}\n\n" + "\n\n".join(f"::: {entry}" for entry in entries)
        for package, entries in ENTRIES.items()
    )


def _plain(text: str) -> str:
    """What Markdown or HTML would take for its own, as it is written."""
    return text.replace("<", "&lt;").replace("*", "\\*")


def _cell(text: str) -> str:
    """Text of a table's cell. In `code` a bar needs no escape, and must have none."""
    return " ".join(text.replace("|", "\\|").split())
