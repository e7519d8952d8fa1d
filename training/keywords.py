"""What a text is about: pairs of Han characters in its title that neither stand in most texts nor in hardly
any."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence

MOST = 3
"""Key words of a text."""

RARE = 4
"""A pair that stands in fewer titles is no word, or a name."""

COMMON = 0.05
"""A pair that stands in more than this share of the texts says nothing of what they are about."""

_REPEATED = 3
"""Times that a pair counts at most for standing in the text again."""

_HAN = re.compile(r"[\u4e00-\u9fff]+")


def keywords(titles: Sequence[str], texts: Sequence[str]) -> list[list[str]]:
    """The key words of each text, the most telling first; none where its title has none.

    A pair tells the more, the fewer texts have it and the more often the text itself says it.
    """
    in_titles = Counter(pair for title in titles for pair in set(_pairs(title)))
    whole = (f"{title}\n{text}" for title, text in zip(titles, texts, strict=True))
    in_texts = Counter(pair for each in whole for pair in set(_pairs(each)))
    most = COMMON * len(titles)
    found = []
    for title, text in zip(titles, texts, strict=True):
        said = Counter(_pairs(text))
        weight = {
            pair: (1 + min(said[pair], _REPEATED)) * math.log(len(titles) / in_texts[pair])
            for pair in dict.fromkeys(_pairs(title))
            if in_titles[pair] >= RARE and in_texts[pair] <= most
        }
        found.append(_apart(sorted(weight, key=lambda pair: -weight[pair])))
    return found


def _pairs(text: str) -> Iterator[str]:
    for run in _HAN.findall(text):
        yield from (run[place : place + 2] for place in range(len(run) - 1))


def _apart(pairs: Sequence[str]) -> list[str]:
    """The first `MOST` that share no character."""
    chosen: list[str] = []
    for pair in pairs:
        if len(chosen) < MOST and not set(pair) & set("".join(chosen)):
            chosen.append(pair)
    return chosen
