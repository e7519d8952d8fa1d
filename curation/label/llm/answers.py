"""What a language model said of texts, why it did not say more, and what it took."""

from __future__ import annotations

import dataclasses
from collections import Counter

import numpy as np
from numpy.typing import NDArray


@dataclasses.dataclass(frozen=True)
class Usage:
    """What it took.

    Attributes:
        requests: sent, those that were sent again included.
        prompt_tokens, completion_tokens: as the server counts them.
        uncounted: answers whose tokens the server did not tell; each is charged as the most it can have been.
        cached: texts answered from the cache, or by the answer to the same text.
        truncated: texts of which only the beginning left.
        cost: in `currency`; None without a price.
        seconds: of the clock.
    """

    requests: int
    prompt_tokens: int
    completion_tokens: int
    uncounted: int
    cached: int
    truncated: int
    cost: float | None
    currency: str | None
    seconds: float


@dataclasses.dataclass(frozen=True)
class LlmAnswers:
    """What a model said of each text: one column of votes.

    Attributes:
        label: index into `taxonomy.values`, -1 where there is none.
        reason: why there is none: the text must stay (`secrecy_mark`, `internal_mark`, `held_` and a type),
            `empty`, `max_cost`; the model `abstained`; its answers were `not_in_taxonomy`, `cut_off` or
            `unreadable` twice; none came: `timeout`, `no_connection`, `rate_limited`, `server_error`.
        usage: what it took.
    """

    label: NDArray[np.int64]
    reason: tuple[str | None, ...]
    usage: Usage

    def lines(self) -> list[str]:
        """The report: how many were labelled, why others not, and the cost."""
        used = self.usage
        told = [f"{int((self.label >= 0).sum()):>9,}  labelled by the model"]
        why = Counter(reason for reason in self.reason if reason is not None)
        told += [f"{count:>9,}  without a label: {reason}" for reason, count in sorted(why.items())]
        told += [
            f"{used.requests:>9,}  requests in {used.seconds:,.1f} s",
            f"{used.cached:>9,}  answers from the cache",
            f"{used.truncated:>9,}  texts cut short",
            f"{used.prompt_tokens:>9,}  prompt tokens",
            f"{used.completion_tokens:>9,}  completion tokens",
        ]
        if used.uncounted:
            told.append(f"{used.uncounted:>9,}  answers whose tokens the server did not count")
        if used.cost is not None:
            told.append(f"{used.cost:>9,.4f}  {used.currency}")
        return told
