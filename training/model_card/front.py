"""The front matter of a model card, as the Hugging Face Hub reads it."""

from __future__ import annotations

from typing import Any

from curation.writing import hub
from training.model_card.facts import Facts

PIPELINE = {
    "sft": "text-generation",
    "dpo": "text-generation",
    "seq_cls": "text-classification",
    "token_cls": "token-classification",
}
_METRICS = {"accuracy": "accuracy", "macro_f1": "f1"}
"""Our figures by the Hub's names, for the model index."""


def front_matter(facts: Facts) -> dict[str, Any]:
    """Language, licence, a base that is on a hub, library, task, tags, data and figures.

    The licence is the base's, as far as its card names one: an adapter of it is nothing without it. Which one
    the office gives is for people to say.
    """
    recipe = facts.recipe
    front: dict[str, Any] = {
        "language": ["zh"],
        **hub.license_keys([facts.base_license] if facts.base_license else [], missing=False),
        **(_base(facts) if recipe["model"]["revision"] else {}),
        "library_name": "transformers" if facts.whole else "peft",
        "pipeline_tag": PIPELINE[recipe["objective"]],
        "tags": ["govtune", *([] if facts.whole else [recipe["adapter"]["type"]]), recipe["objective"]],
        "datasets": [facts.source],
    }
    measured = (facts.evaluation or {}).get("tuned", {})
    figures = {ours: theirs for ours, theirs in _METRICS.items() if ours in measured}
    if figures:
        front["metrics"] = list(figures.values())
        metrics = [
            {"type": kind, "name": name, "value": round(measured[name], 4)} for name, kind in figures.items()
        ]
        front["model-index"] = [
            {
                "name": recipe["name"],
                "results": [
                    {
                        "task": {"type": PIPELINE[recipe["objective"]]},
                        "dataset": _measured_on(facts),
                        "metrics": metrics,
                    }
                ],
            }
        ]
    return front


def _base(facts: Facts) -> dict[str, str]:
    """Of a base on a hub alone: a folder's name would be read as the name of a model there."""
    return {"base_model": facts.base, "base_model_relation": "finetune" if facts.whole else "adapter"}


def _measured_on(facts: Facts) -> dict[str, str]:
    """The held-out split of its own data, or the file that `evaluate --data` named."""
    measured = facts.measured_on
    split = {"split": "test"} if measured == facts.source else {}
    return {"type": "private", "name": measured, **split}
