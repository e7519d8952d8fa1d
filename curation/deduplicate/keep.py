"""Which of several duplicates survives."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal, get_args

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import regex
from numpy.typing import NDArray

from curation.deduplicate.columns import numbers

Policy = Literal["longest", "newest", "quality", "source_priority", "first"]
POLICIES: tuple[Policy, ...] = get_args(Policy)

Preferences = Sequence[NDArray[Any]]
"""One number per record for each policy, the most important policy first; the smallest is preferred."""

_DIGITS = regex.compile(r"[0-9]+")
_COMPACT = regex.compile(r"(?<![0-9])([12][0-9]{3})([01][0-9])([0-3][0-9])(?![0-9])")
_WIDTHS = (4, 2, 2, 2, 2, 2)  # year, month, day, hour, minute, second


def preferences(
    keep: Sequence[Policy], summary: pa.Table, source_priority: Sequence[str] = ()
) -> list[NDArray[Any]]:
    """What the policies in turn say of each record. A record that does not say what is asked comes last.

    Args:
        summary: see `summary.summarise`.
        source_priority: values of `source`, the preferred one first.
    """
    return [_preference(policy, summary, source_priority) for policy in keep]


def moments(times: Iterable[str | None]) -> pa.Array:
    """Times as numbers that can be compared: 2023-3-5 and 2023年03月05日 and 20230305 are 20230305000000."""
    return pa.array(map(_moment, times), pa.int64())


def _preference(policy: Policy, summary: pa.Table, source_priority: Sequence[str]) -> NDArray[Any]:
    places: NDArray[Any] = np.arange(summary.num_rows)
    if policy == "longest":
        places = -numbers(summary["length"])
    elif policy == "newest":
        places = -numbers(pc.fill_null(summary["moment"], -1))
    elif policy == "quality":
        places = -numbers(pc.fill_null(summary["quality"], -np.inf))
    elif policy == "source_priority":
        place = pc.index_in(summary["source"], pa.array(source_priority, pa.string()))
        places = numbers(pc.fill_null(place, len(source_priority)))
    return places


def _moment(time: str | None) -> int | None:
    parts = _DIGITS.findall(_COMPACT.sub(r"\1-\2-\3 ", time or ""))[: len(_WIDTHS)]
    if not parts or len(parts[0]) != 4 or any(len(part) > 2 for part in parts[1:]):
        return None
    parts += ["0"] * (len(_WIDTHS) - len(parts))
    return int("".join(part.zfill(width) for part, width in zip(parts, _WIDTHS, strict=True)))
