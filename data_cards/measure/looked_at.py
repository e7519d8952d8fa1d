"""What counting does not show: what recognisers and people find in records, and what TC609 makes of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from data_cards.measure import ledger, people, residual, sample, tc609

if TYPE_CHECKING:
    from data_cards.answers import Answers
    from data_cards.dataset import Dataset
    from data_cards.options import Options

_OF_PEOPLE = ("agreement", "precision", "confusion")


def add(
    found: dict[str, Any],
    dataset: Dataset,
    answers: Answers,
    options: Options,
    stated: Mapping[str, Any] | None,
    reasons: dict[str, str],
) -> None:
    """Complete the metrics: `pii.residual`, what people said of `labels`, `tc609`.

    Args:
        found: the other metrics.
        stated: the metrics of a published copy; what people said is taken from there.
        reasons: why something is null, by key; those that are known here are added.
    """
    drawn = sample.take(dataset, found["files"])
    if not isinstance(found["pii"], dict) or not isinstance(found["pii"].get("residual"), dict):
        found["pii"] = ledger.no_pii()
    left = found["pii"]["residual"]
    again, why = residual.rescan(dataset, drawn, found["published"]["characters"])
    if stated is None or why != "no_detector":  # who has a copy may lack the policy that it was made with
        left["rescan"] = again
        _note(reasons, "pii.residual", {"rescan": why} if why else {})
    if stated is None:
        _of_people(found, dataset, reasons)
    else:
        _as_stated(found["labels"], stated.get("labels"))
    found["tc609"] = tc609.measure(dataset, drawn, found, answers, options)
    for name in ("documentation", "data", "application"):
        dimension = found["tc609"][name]
        for code, metric in dimension["metrics"].items():
            if metric["score"] is None:
                reasons[f"tc609.{name}.metrics.{code}.score"] = metric["basis"]
        if dimension["score"] is None:
            reasons[f"tc609.{name}.score"] = reasons["tc609.score"] = "no_metric"


def _of_people(found: dict[str, Any], dataset: Dataset, reasons: dict[str, str]) -> None:
    read = people.of_residual(dataset.run, found["files"])
    found["pii"]["residual"] |= read.found
    _note(reasons, "pii.residual", read.unmeasured)
    for scheme, of_scheme in people.of_labels(dataset.run, found["labels"]).items():
        found["labels"][scheme] |= of_scheme.found
        _note(reasons, f"labels.{scheme}", of_scheme.unmeasured)


def _as_stated(labels: dict[str, Any], stated: Any) -> None:
    for scheme, values in labels.items():
        said = stated.get(scheme) if isinstance(stated, Mapping) else None
        values |= {key: said.get(key) if isinstance(said, Mapping) else None for key in _OF_PEOPLE}


def _note(reasons: dict[str, str], place: str, why: Mapping[str, str]) -> None:
    reasons |= {f"{place}.{key}": code for key, code in why.items()}
