"""The front matter of a card as the Hugging Face Hub reads it, checked without asking the Hub.

The lists stand in `hub.yaml` with the version they were taken from. What the Hub takes for granted is checked
too: `no` in YAML is not Norwegian, and a licence outside the list has to be `other` and named.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterator, Mapping
from importlib import resources
from typing import Any

import yaml

from curation.errors import UsageError
from curation.strict import nearest

_LISTED = {
    "language": "languages",
    "license": "licenses",
    "size_categories": "size_categories",
    "annotations_creators": "annotations_creators",
    "language_creators": "language_creators",
    "multilinguality": "multilinguality",
    "task_categories": "tasks",
    "pipeline_tag": "tasks",
}
"""Keys whose values stand in a list, and which."""

_TEXT = ("pretty_name", "license_name", "license_link", "library_name", "pipeline_tag", "base_model_relation")
_TEXTS = ("tags", "datasets", "metrics", "source_datasets", "task_ids", "base_model")


def front_matter(front: Mapping[str, Any], name: str) -> str:
    """The lines between which a card's front matter stands, and the front matter.

    Raises:
        UsageError: the Hub would refuse it; the first fault, of the card `name`.
    """
    for fault in faults(front):
        raise UsageError(f"{name}, front matter: {fault}")
    return f"---\n{yaml.safe_dump(dict(front), allow_unicode=True, sort_keys=False)}---\n"


def card_faults(text: str) -> list[str]:
    """What the Hub would refuse in the front matter of a card, one line each."""
    if not text.startswith("---\n") or "\n---\n" not in text:
        return ["no front matter between two lines of ---"]
    try:
        front = yaml.safe_load(text[4:].partition("\n---\n")[0])
    except yaml.YAMLError:
        return ["the front matter is not valid YAML"]
    return [*faults(front)] if isinstance(front, dict) else ["the front matter is not a mapping"]


def faults(front: Mapping[str, Any]) -> Iterator[str]:
    """What the Hub would refuse, one line each; keys that it does not know are nobody's business."""
    for key, values in _LISTED.items():
        if key in front:
            yield from _unlisted(key, front[key], lists()[values])
    for key in _TEXT:
        if key in front and not _is_text(front[key]):
            yield f"{key}: must be text"
    for key in _TEXTS:
        if key in front and not all(map(_is_text, _each(front[key]))):
            yield f"{key}: must be text, or a list of texts"
    yield from _task_ids(front)
    if "other" in _each(front.get("license")) and not front.get("license_name"):
        yield "license: other, so license_name must say which"
    if "configs" in front:
        yield from _configs(front["configs"])
    if "model-index" in front:
        yield from _model_index(front["model-index"])


@functools.cache
def lists() -> Mapping[str, Any]:
    """What the Hub knows, by list; tasks with their subtasks."""
    text = resources.files("curation.writing").joinpath("hub.yaml").read_text(encoding="utf-8")
    known: dict[str, Any] = yaml.safe_load(text)
    return known


def license_keys(names: Collection[str], *, missing: bool) -> dict[str, Any]:
    """The keys of the front matter that tell the licence.

    A licence outside the Hub's list becomes `other` with its name; none at all, `unknown`.

    Args:
        missing: some part has no licence.
    """
    known = {name.lower() for name in names} & {*lists()["licenses"]}
    others = sorted(name for name in names if name.lower() not in known)
    ids = known | ({"other"} if others else set())
    ids |= {"unknown"} if missing or not ids else set()
    keys: dict[str, Any] = {"license": sorted(ids) if len(ids) > 1 else min(ids)}
    return keys | ({"license_name": ", ".join(others)} if others else {})


def size_category(records: int) -> str:
    """The Hub's bucket for a number of records."""
    *_, last = buckets = [each for each in lists()["size_categories"] if each != "unknown"]
    units = {"K": 10**3, "M": 10**6, "B": 10**9, "T": 10**12}
    for bucket in buckets[:-1]:
        upper = bucket.rpartition("<")[2]
        if records < int(upper[:-1]) * units[upper[-1]]:
            return str(bucket)
    return str(last)


def _unlisted(key: str, value: Any, valid: Mapping[str, Any] | list[str]) -> Iterator[str]:
    for each in _each(value):
        if not _is_text(each):
            yield f"{key}: must be text (in quotes where YAML takes it for something else)"
        elif each not in valid:
            close = nearest(each, valid) if key != "language" else "; ISO 639-1 codes are valid, such as zh"
            yield f"{key}: the Hub does not know {each}{close if len(close) < 60 else ''}"


def _task_ids(front: Mapping[str, Any]) -> Iterator[str]:
    """A subtask has to belong to a task that is named."""
    tasks: Mapping[str, list[str]] = lists()["tasks"]
    named = [task for task in _each(front.get("task_categories")) if task in tasks]
    valid = {each for task in named for each in tasks[task]}
    for each in filter(_is_text, _each(front.get("task_ids"))):
        if each not in valid:
            yield f"task_ids: {each} is no subtask of {', '.join(named) or 'any task named'}"


def _configs(configs: Any) -> Iterator[str]:
    """Which files make which split, for `datasets.load_dataset`."""
    for config in _mappings(configs):
        files = config.get("data_files")
        if not isinstance(files, list) or not _is_text(config.get("config_name")):
            yield "configs: must be a list of {config_name, data_files: [{split, path}]}"
        elif not all(isinstance(each, Mapping) and {"split", "path"} <= set(each) for each in files):
            yield "configs: each of data_files needs split and path"


def _model_index(index: Any) -> Iterator[str]:
    """Figures of a model; the Hub shows none of them where one lacks a name."""
    for model in _mappings(index):
        results = model.get("results")
        if not isinstance(results, list) or not _is_text(model.get("name")):
            yield "model-index: must be a list of {name, results: [{task, dataset, metrics}]}"
            continue
        for result in results:
            tasks = result.get("task", {}).get("type")
            yield from _unlisted("model-index task", tasks, lists()["tasks"])
            if not {"type", "name"} <= set(result.get("dataset", {})):
                yield "model-index: dataset needs type and name"
            if not all({"type", "value"} <= set(metric) for metric in result.get("metrics", [])):
                yield "model-index: each of metrics needs type and value"


def _mappings(value: Any) -> list[Mapping[str, Any]]:
    """The mappings of a list; an empty one in place of what is none."""
    return [each if isinstance(each, Mapping) else {} for each in _each(value)] or [{}]


def _each(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())
