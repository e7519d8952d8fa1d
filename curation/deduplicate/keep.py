"""Which of several duplicates survives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import regex
from numpy.typing import NDArray

from curation.deduplicate.verdict import Rows

Policy = Literal["longest", "newest", "first"]

_DIGITS = regex.compile(r"[0-9]+")
_COMPACT = regex.compile(r"(?<![0-9])([12][0-9]{3})([01][0-9])([0-3][0-9])(?![0-9])")
_WIDTHS = (4, 2, 2, 2, 2, 2)  # year, month, day, hour, minute, second


def rank(keep: Sequence[Policy], lengths: Rows, times: Sequence[str | None]) -> Rows:
    """The place of each record by the policies in turn, 0 is the best; what is equal stays in input order.

    Args:
        lengths: code points of each record's text.
        times: `original_time` as written; a record without a readable one is the oldest.
    """
    order = np.arange(len(lengths))
    for policy in reversed(keep):
        if policy == "longest":
            order = order[np.argsort(-lengths[order], kind="stable")]
        elif policy == "newest":
            order = order[np.argsort(-_moments(times)[order], kind="stable")]
        else:
            order = np.sort(order)
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    return place


def _moments(times: Sequence[str | None]) -> NDArray[np.int64]:
    """Times as comparable numbers: 2023-3-5 and 2023年03月05日 and 20230305 are 20230305000000."""
    return np.fromiter(map(_moment, times), np.int64, len(times))


def _moment(time: str | None) -> int:
    parts = _DIGITS.findall(_COMPACT.sub(r"\1-\2-\3 ", time or ""))[: len(_WIDTHS)]
    if not parts or len(parts[0]) != 4 or any(len(part) > 2 for part in parts[1:]):
        return -1
    parts += ["0"] * (len(_WIDTHS) - len(parts))
    return int("".join(part.zfill(width) for part, width in zip(parts, _WIDTHS, strict=True)))
