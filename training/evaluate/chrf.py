"""How much of a person's text a draft says: chrF (Popović 2015, WMT), which compares character n-grams.

It needs no word segmenter and is what sacrebleu computes for a sentence by default; that package would bring
four others for these lines.
"""

from __future__ import annotations

from collections import Counter

_LONGEST = 6
_BETA = 2
"""Recall counts twice as much as precision."""


def chrf(draft: str, reference: str) -> float:
    """Between 0 and 1; white space does not count, and no n-gram longer than either text."""
    said, wanted = "".join(draft.split()), "".join(reference.split())
    scores = []
    for size in range(1, _LONGEST + 1):
        ours, theirs = _grams(said, size), _grams(wanted, size)
        if ours and theirs:
            scores.append((_share(ours, theirs), _share(theirs, ours)))
    if not scores:
        return 0.0
    precision, recall = (sum(each) / len(scores) for each in zip(*scores, strict=True))
    if not precision + recall:
        return 0.0
    return float((1 + _BETA**2) * precision * recall / (_BETA**2 * precision + recall))


def _grams(text: str, size: int) -> Counter[str]:
    return Counter(text[start : start + size] for start in range(len(text) - size + 1))


def _share(some: Counter[str], others: Counter[str]) -> float:
    return (some & others).total() / some.total()
