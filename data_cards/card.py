"""The card of a data set: Hugging Face front matter and a body in Chinese or English, every number of it
taken from the metrics. Nobody types a number into a card; `data_cards.check` tells when somebody did.

A run has no `configs:` block: with one, `datasets` serves a stale cache after a run into the same folder. Any
other folder needs one, or `datasets` takes our own files beside the data for data.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from curation.lang import Lang
from curation.writing import hub
from curation.writing.page import TAGS
from data_cards.answers import Answers
from data_cards.facts import Facts
from data_cards.figures import drawings
from data_cards.sections import SECTIONS, View
from data_cards.terms import words


def render(facts: Facts, lang: Lang, main: Lang | None = None) -> str:
    """The card as Markdown; equal arguments give equal bytes.

    Args:
        main: language of the README.md that stands beside it, for the link; default: it is README.md itself.

    Raises:
        UsageError: an unknown language, or a front matter that the Hub would refuse.
    """
    figures = {name: drawing.title for name, drawing in drawings(facts, lang).items()}
    (other,) = {*TAGS} - {lang}
    beside = "README.md" if main == other else f"README.{TAGS[other]}.md"
    view = View(facts, words(lang), beside, figures)
    sections = [section(view) for section in SECTIONS]
    body = "\n\n".join("\n".join(lines) for lines in sections if lines)
    return f"{hub.front_matter(front_matter(facts.metrics, facts.answers), 'README.md')}\n{body}\n"


def front_matter(metrics: Mapping[str, Any], answers: Answers) -> dict[str, Any]:
    """What the Hugging Face Hub reads: language of a run, licence, size, tasks, who labelled, and tags."""
    is_run = metrics["dataset"]["kind"] == "run"
    # What a run reads is Chinese; of any other folder nobody has looked at the language.
    front: dict[str, Any] = {"language": ["zh"]} if is_run else {}
    front |= _license(metrics, answers)
    front["pretty_name"] = metrics["dataset"]["name"]
    front["size_categories"] = [hub.size_category(metrics["published"]["records"])]
    if metrics["chat"]:
        front["task_categories"] = ["text-generation"]
    elif metrics["labels"]:
        front["task_categories"] = ["text-classification"]
    front["annotations_creators"] = _annotators(metrics)
    processing = metrics["processing"]
    front["tags"] = ["govtune", *(["de-identified"] if processing and processing["anonymised"] else [])]
    if not is_run and metrics["dataset"]["format"] != "arrow":
        front["configs"] = [_config(metrics)]
    return front


def _license(metrics: Mapping[str, Any], answers: Answers) -> dict[str, Any]:
    """The licence of the whole where people gave one, else those of the records."""
    if answers.license:
        return hub.license_keys(answers.license.en, missing=False)
    licenses = metrics["licenses"] or {"values": {}, "missing": 0}
    return hub.license_keys(licenses["values"], missing=bool(licenses["missing"]))


def _annotators(metrics: Mapping[str, Any]) -> list[str]:
    """Who gave the labels, in the words of the Hub."""
    known = {"input": "found", "person": "expert-generated"}
    methods = {method for counts in metrics["labels"].values() for method in counts["methods"]}
    if not metrics["labels"]:
        return ["no-annotation"]
    if not methods:
        return ["found"]
    return sorted({known.get(method, "machine-generated") for method in methods})


def _config(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Which files are which split."""
    by_split: dict[str, list[str]] = {}
    for path, each in sorted(metrics["files"].items()):
        by_split.setdefault(each.get("split") or "train", []).append(path)
    files = [{"split": split, "path": paths} for split, paths in by_split.items()]
    return {"config_name": metrics["dataset"].get("config") or "default", "data_files": files}
