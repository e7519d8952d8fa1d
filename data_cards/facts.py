"""All that a card, a report or any other description of a data set is made of: nothing else may be said."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from data_cards.answers import Answers


@dataclasses.dataclass(frozen=True)
class Facts:
    """What is known of a data set.

    Attributes:
        metrics: what was measured, as in `metrics.json` (`data_cards.metrics`).
        lock: the lock of the run; None of a folder that is no run.
        answers: what people wrote in `card.yaml`.
        previous: the metrics of the version before, if one was named.
    """

    metrics: Mapping[str, Any]
    lock: Mapping[str, Any] | None
    answers: Answers = dataclasses.field(default_factory=Answers)
    previous: Mapping[str, Any] | None = None
