"""Examples that are longer than a recipe allows, for objectives whose examples have no turns to leave out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

from curation.errors import UsageError
from training.encoded import Counts
from training.schema import Data


class Row(Protocol):
    @property
    def input_ids(self) -> list[int]: ...


R = TypeVar("R", bound=Row)


def short_enough(
    rows: Sequence[R], ids: Sequence[str], lengths: Sequence[int], supervised: Sequence[int], limits: Data
) -> tuple[list[R], Counts]:
    """The rows of at most `limits.max_length` tokens, in order; longer ones are dropped and counted, not cut.

    Args:
        lengths: of what the model reads at once; `supervised` of them are learnt.

    Raises:
        UsageError: one is too long and may not be dropped, or more are than `limits.max_drop_fraction`.
    """
    kept = [number for number, length in enumerate(lengths) if length <= limits.max_length]
    overlong = len(rows) - len(kept)
    if overlong and limits.overlong == "error":
        first = next(number for number, length in enumerate(lengths) if length > limits.max_length)
        raise UsageError(
            f"example {ids[first]}: {lengths[first]} tokens, data.max_length is {limits.max_length}; "
            "raise it, or --set data.overlong=drop"
        )
    if overlong > limits.max_drop_fraction * len(rows):
        raise UsageError(
            f"{overlong} of {len(rows)} examples are longer than data.max_length {limits.max_length} (the "
            f"longest has {max(lengths)} tokens); data.max_drop_fraction allows fewer"
        )
    counts = Counts(
        len(rows),
        len(kept),
        overlong,
        sum(len(rows[number].input_ids) for number in kept),
        sum(supervised[number] for number in kept),
        longest=max(lengths, default=0),
    )
    return [rows[number] for number in kept], counts
