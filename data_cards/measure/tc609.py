"""Quality by TC609-5-2025-04 as far as data, card and training can show it.

The text of the standard is not public; dimensions, metrics and their names are. Each score below is our own
reading: a share between 0 and 100 with the rule in its docstring and in its `basis`. What only a person or a
trained model can judge has none. The metrics of 02 are measured on records drawn at random (`sample`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from data_cards.measure import tc609_application, tc609_content, tc609_records
from data_cards.measure.residual import rounded
from data_cards.measure.sample import Sample

if TYPE_CHECKING:
    from data_cards.answers import Answers
    from data_cards.dataset import Dataset
    from data_cards.options import Options

Scored = tuple[float | None, str]
"""Share from 0 to 1, and the rule that gave it; or null, and why."""

GROUPS: Mapping[str, tuple[str, ...]] = {
    "0101": ("size", "format", "structure", "access", "support"),
    "0102": ("modality", "distribution", "labels", "example", "limits"),
    "0103": ("sources", "collection", "processing", "annotation", "version"),
    "0104": ("license", "uses", "evaluation", "baseline", "cases"),
}
"""What a description has to say, by metric of dimension 01."""


def measure(
    dataset: Dataset, sample: Sample, found: Mapping[str, Any], answers: Answers, options: Options
) -> dict[str, Any]:
    """The section `tc609` of the metrics.

    Args:
        found: the other metrics, as JSON data.
    """
    application = tc609_application.scores(dataset, sample, found, answers, options)
    data = {
        **tc609_records.scores(dataset, sample, found, answers),
        **tc609_content.scores(dataset, sample),
    }
    said = items(found, answers, trained=application["0305"][0] is not None)
    documentation: dict[str, Scored] = {
        code: (sum(group.values()) / len(group), "items_answered") for code, group in said.items()
    }
    dimensions = {
        "documentation": _dimension(documentation),
        "data": _dimension(data),
        "application": _dimension(application),
    }
    scores = [dimension["score"] for dimension in dimensions.values()]
    return {
        "score": None if None in scores else min(scores),
        "looked_at": len(sample.rows),
        **dimensions,
    }


def items(found: Mapping[str, Any], answers: Answers, *, trained: bool = False) -> dict[str, dict[str, bool]]:
    """By metric of dimension 01, whether the card says each item: since it was measured, or was answered.

    Args:
        trained: a training on the data was evaluated, which gives a result to compare with.
    """
    said = {
        "size": found["published"]["records"] > 0,
        "format": bool(found["dataset"]["format"]),
        "structure": bool(found["files"] and found["splits"]),
        "access": answers.answered("access"),
        "support": answers.answered("support") or answers.answered("contact"),
        "modality": bool(found["dataset"]["text_fields"] or found["chat"]),
        "distribution": bool(found["lengths"] or found["chat"]),
        "labels": bool(found["labels"]),
        "example": answers.answered("example"),
        "limits": answers.answered("limits"),
        "sources": _names(found["sources"]) or answers.answered("legal_basis"),
        "collection": answers.answered("collection"),
        "processing": found["processing"] is not None,
        "annotation": answers.answered("annotation"),
        "version": found["lock"] is not None or answers.answered("version"),
        "license": _names(found["licenses"]) or answers.answered("license"),
        "uses": answers.answered("uses"),
        "evaluation": answers.answered("evaluation"),
        "baseline": trained or answers.answered("baseline"),
        "cases": answers.answered("cases"),
    }
    return {code: {item: said[item] for item in group} for code, group in GROUPS.items()}


def _names(distribution: Mapping[str, Any] | None) -> bool:
    """Whether anything is known of a field."""
    return bool(distribution and (distribution["values"] or distribution["others"]["records"]))


def _dimension(scored: Mapping[str, Scored]) -> dict[str, Any]:
    """The mean of its metrics; those of six digits and more are parts of one."""
    metrics = {
        code: {"score": None if share is None else rounded(100 * share), "basis": basis}
        for code, (share, basis) in sorted(scored.items())
    }
    known = [share for code, (share, _) in scored.items() if len(code) == 4 and share is not None]
    return {
        "score": rounded(100 * math.fsum(known) / len(known)) if known else None,
        "computed": len(known),
        "metrics": metrics,
    }
