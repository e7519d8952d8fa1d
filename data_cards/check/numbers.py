"""Whether `metrics.json` holds what is measured now. What cannot be measured here, since a tokenizer or a
training is not here, is taken as it is stated, and a note names the keys."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from curation.files import canonical_json
from data_cards.answers import Answers
from data_cards.dataset import Dataset
from data_cards.measure import measure
from data_cards.metrics import Metrics
from data_cards.options import Options
from data_cards.outputs import METRICS

_BY_TRAINING = (
    *(
        f"tc609.application.{key}"
        for key in ("score", "computed", "metrics.0305.score", "metrics.0305.basis")
    ),
    *(f"tc609.documentation.{key}" for key in ("score", "metrics.0104.score")),
    "tc609.score",
)
"""What a training decides, with all that follows from it."""

_SHOWN = 200
"""Characters of a message, at most."""


def measured(
    dataset: Dataset,
    options: Options,
    answers: Answers,
    stated: Mapping[str, Any],
    *,
    has_ledger: bool,
    knows_options: bool,
    notes: list[str],
) -> dict[str, Any]:
    """The metrics, measured now.

    Args:
        stated: what metrics.json says.
        has_ledger: what only the ledger tells need not be taken as stated.
        knows_options: the options are those of the build, so that none is missing.
        notes: takes what could not be measured.

    Raises:
        InputError: a data file cannot be read.
        ValidationError: what is stated is not of the schema.
    """
    gone = {name for name in ("tokenizer", "training") if _is_gone(getattr(options, name))}
    options = options.model_copy(update=dict.fromkeys(gone))
    found = measure(dataset, options, answers, stated if dataset.run and not has_ledger else None)
    unknown = {name for name in ("tokenizer", "training") if getattr(options, name) is None}
    unknown = gone if knows_options else unknown
    if "tokenizer" in unknown and stated.get("tokens") is not None:
        splits = (f"splits.{name}.tokens" for name in found["splits"])
        found = _as_stated(found, stated, ("tokens", "published.tokens", *splits))
        notes.append("tokens: could not be counted again; name the tokenizer with --tokenizer")
    if "training" in unknown and _at(stated, "tc609.application.metrics.0305.score") is not None:
        found = _as_stated(found, stated, _BY_TRAINING)
        notes.append(
            f"{', '.join(_BY_TRAINING)}: could not be computed again; name the training with --training"
        )
    return Metrics.model_validate(found).model_dump(by_alias=True)


def faults(folder: Path, stated: Mapping[str, Any], right: Mapping[str, Any]) -> Iterator[str]:
    """`metrics.json` against what was measured now, key by key."""
    old, new = dict(leaves(stated)), dict(leaves(right))
    different = [key for key in sorted(old.keys() | new.keys()) if old.get(key) != new.get(key)]
    for key in different:
        yield f"{METRICS}: {key} is {old.get(key, 'absent')}, measured {new.get(key, 'absent')}"[:_SHOWN]
    if not different and (folder / METRICS).read_bytes() != canonical_json(right).encode():
        yield f"{METRICS}: the values are right but not as govtune writes them"


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """The values that are not mappings, as JSON, each with its dotted path; empty mappings too."""
    if isinstance(value, Mapping) and value:
        for key in value:
            yield from leaves(value[key], f"{path}.{key}" if path else key)
    else:
        yield path, json.dumps(value, ensure_ascii=False)


def _is_gone(path: Path | None) -> bool:
    return path is not None and not path.exists()


def _as_stated(found: Mapping[str, Any], stated: Mapping[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    """The metrics with some keys as they are stated, and why these are null as well."""
    known = copy.deepcopy(dict(found))
    reasons = stated.get("unmeasured")
    reasons = reasons if isinstance(reasons, Mapping) else {}
    for key in keys:
        *above, last = key.split(".")
        holder = _at(known, ".".join(above)) if above else known
        if isinstance(holder, dict):
            holder[last] = _at(stated, key)
        known["unmeasured"].pop(key, None)
        if key in reasons:
            known["unmeasured"][key] = reasons[key]
    return known


def _at(value: Any, key: str) -> Any:
    for name in key.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value
