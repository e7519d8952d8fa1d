"""The card of a run: Hugging Face front matter and a body in Chinese or English, every number of it taken
from the metrics. Nobody types a number into a card; `data_cards.check` tells when somebody did.

There is no `configs:` block: with one, `datasets` serves a stale cache after a run into the same folder.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from curation.files import canonical_json, whole_file
from curation.run import Run
from data_cards.measure import measure, read_lock
from data_cards.sections import SECTIONS
from data_cards.words import Words

METRICS = "metrics.json"
CARD = "README.md"


def build(run: Path, private: Path, *, lang: str = "zh") -> None:
    """Measure a run and write `metrics.json` and `README.md` into it.

    Args:
        run: folder with `data/` and the lock.
        private: its private folder, with `ledger/` and, where the run anonymises, `pii/`.
        lang: language of the body, `zh` or `en`; the numbers are the same.

    Raises:
        UsageError: not a run folder, or a language that is not there.
        InputError: a file of the run is missing or cannot be read.
    """
    whole = Run(run, private)
    metrics = measure(whole)
    card = render(metrics, read_lock(whole), lang)
    _write(run / METRICS, canonical_json(metrics))
    _write(run / CARD, card)


def render(metrics: Mapping[str, Any], lock: Mapping[str, Any], lang: str) -> str:
    """The card as Markdown; equal arguments give equal bytes."""
    words = Words(lang)
    sections = [section(metrics, lock, words) for section in SECTIONS]
    body = "\n\n".join("\n".join(lines) for lines in sections if lines)
    front = yaml.safe_dump(front_matter(metrics, lock), allow_unicode=True, sort_keys=False)
    return f"---\n{front}---\n\n{body}\n"


def front_matter(metrics: Mapping[str, Any], lock: Mapping[str, Any]) -> dict[str, Any]:
    """What the Hugging Face Hub reads: language, licence, size, task and tags.

    A licence outside the Hub's list becomes `other` with its name; none at all, `unknown`.
    """
    names = [*metrics["licenses"]["values"]]
    others = sorted(name for name in names if name.lower() not in _license_ids())
    licenses = {name.lower() for name in names} - {name.lower() for name in others}
    licenses |= {"other"} if others else set()
    licenses |= {"unknown"} if metrics["licenses"]["missing"] or not names else set()
    front: dict[str, Any] = {"language": ["zh"]}
    front["license"] = sorted(licenses) if len(licenses) > 1 else min(licenses)
    if others:
        front["license_name"] = ", ".join(others)
    front["pretty_name"] = lock["recipe"]["name"]
    front["size_categories"] = [_size_category(metrics["published"]["records"])]
    if metrics["chat"]:
        front["task_categories"] = ["text-generation"]
    elif metrics["labels"]:
        front["task_categories"] = ["text-classification"]
    front["tags"] = ["govtune", *(["de-identified"] if metrics["processing"]["anonymised"] else [])]
    return front


@functools.cache
def _license_ids() -> frozenset[str]:
    lines = resources.files("data_cards").joinpath("licenses.txt").read_text(encoding="utf-8").splitlines()
    return frozenset(line for line in lines if not line.startswith("#"))


def _size_category(records: int) -> str:
    """The Hub's bucket for a number of records."""
    bounds = {1_000: "1K", 10_000: "10K", 100_000: "100K", 1_000_000: "1M", 10_000_000: "10M"}
    lower = None
    for bound, name in bounds.items():
        if records < bound:
            return f"{lower}<n<{name}" if lower else f"n<{name}"
        lower = name
    return "10M<n<100M" if records < 100_000_000 else "100M<n<1B"


def _write(path: Path, text: str) -> None:
    with whole_file(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8", newline="\n")
