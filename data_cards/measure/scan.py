"""One reading of the data for all that is measured on it: each subject names its columns and is shown every
part of the data once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from data_cards.dataset import Dataset, Part


class Subject(Protocol):
    """Something that is measured record by record."""

    @property
    def columns(self) -> Sequence[str]:
        """Those it looks at."""

    def add(self, part: Part) -> None:
        """Look at some records."""

    def result(self) -> dict[str, Any]:
        """Keys of the metrics, after the last record."""


def scan(dataset: Dataset, subjects: Sequence[Subject]) -> dict[str, Any]:
    """What all the subjects measured.

    Raises:
        InputError: a data file cannot be read.
    """
    wanted = {name for subject in subjects for name in subject.columns}
    for part in dataset.parts([name for name in dataset.schema.names if name in wanted]):
        for subject in subjects:
            subject.add(part)
    return {key: value for subject in subjects for key, value in subject.result().items()}
