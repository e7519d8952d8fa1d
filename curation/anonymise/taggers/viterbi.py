"""The best sequence of tags, for many lines at once (Viterbi, 1967)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def viterbi(scores: NDArray[Any], transitions: NDArray[Any], first: NDArray[Any]) -> NDArray[np.int8]:
    """Best tags of lines of one length, (lines, length).

    Args:
        scores: (lines, length, tags).
        transitions: (tag before, tag).
        first: (tags,), added at the first character.
    """
    lines, length, tags = scores.shape
    back = np.empty((length, lines, tags), np.int8)
    onto = np.ascontiguousarray(transitions.T)  # so that the maximum over the tag before runs along memory
    rows = np.arange(lines * tags) * tags
    paths = np.empty((lines, tags, tags), scores.dtype)
    score = scores[:, 0] + first
    for place in range(1, length):
        np.add(score[:, None, :], onto, out=paths)
        best = paths.argmax(axis=2)
        back[place] = best
        score = paths.reshape(-1).take(rows + best.reshape(-1)).reshape(lines, tags) + scores[:, place]
    path = np.empty((lines, length), np.int8)
    path[:, -1] = score.argmax(axis=1)
    which = np.arange(lines)
    for place in range(length - 1, 0, -1):
        path[:, place - 1] = back[place, which, path[:, place]]
    return path
