"""A conversation as tokens: what is read, what of it is learnt, and how much each token counts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

IGNORED = -100
"""The label of a token that is not learnt, as torch's cross entropy has it."""


@dataclass(frozen=True)
class Encoded:
    """A conversation as token ids, and for each the id to learn or `IGNORED`.

    Attributes:
        weights: how much each token counts in the loss, 0 where nothing is learnt; None where all that is
            learnt counts alike.
    """

    input_ids: list[int]
    labels: list[int]
    weights: list[float] | None = None

    @property
    def learnt(self) -> list[tuple[int, int]]:
        """The stretches that are learnt: begin and end of each."""
        learnt = np.array([IGNORED, *self.labels, IGNORED]) != IGNORED
        borders = np.flatnonzero(learnt[1:] != learnt[:-1]).tolist()
        return list(zip(borders[::2], borders[1::2], strict=True))

    @property
    def prompt(self) -> list[int]:
        """What stands before the last stretch that is learnt: after it the model answers."""
        return self.input_ids[: self.learnt[-1][0]]

    @property
    def answer(self) -> list[int]:
        """The last stretch that is learnt, stop token included."""
        start, end = self.learnt[-1]
        return self.input_ids[start:end]


@dataclass(frozen=True)
class Counts:
    """What became of the conversations.

    Attributes:
        rows: all; `kept` of them are used, `overlong` ones are dropped, `truncated` ones have lost their
            earliest turns.
        tokens: of the kept ones; `supervised_tokens` of them are learnt.
        longest: tokens of the longest one, used or not.
        cut: kept or not, those of which the beginning of a user's message is read, see `chat.user_length`.
    """

    rows: int
    kept: int
    overlong: int
    tokens: int
    supervised_tokens: int
    truncated: int = 0
    longest: int = 0
    cut: int = 0
