"""BM25 over characters: which text says most of what another one asks.

Robertson and Zaragoza 2009, The Probabilistic Relevance Framework, with the idf of Lucene, which is never
negative. Terms are single characters and pairs of neighbours, so nothing depends on a word segmenter.
scikit-learn counts them; the libraries for BM25 want texts cut into words.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_K1 = 1.2
_B = 0.75
"""The usual values, which Lucene has too."""

_AT_ONCE = 256
"""Queries whose scores against all texts are held in memory."""


class Bm25:
    """Weights of terms, learnt from texts.

    Args:
        texts: from which frequencies and the usual length are taken; at least one that is not empty.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        from sklearn.feature_extraction.text import CountVectorizer

        self._terms = CountVectorizer(analyzer=_terms)
        counts = self._terms.fit_transform(texts)
        n = len(texts)
        holds = np.bincount(counts.indices, minlength=counts.shape[1])
        self._idf = np.log(1 + (n - holds + 0.5) / (holds + 0.5))
        self._usual = counts.sum() / n

    def weigh(self, texts: Sequence[str]) -> Any:
        """What each text scores for each term, a sparse matrix of shape (texts, terms)."""
        counts = self._terms.transform(texts).astype(np.float64)
        lengths = np.repeat(np.asarray(counts.sum(axis=1)).ravel(), np.diff(counts.indptr))
        idf = self._idf[counts.indices]
        counts.data *= (_K1 + 1) * idf / (counts.data + _K1 * (1 - _B + _B * lengths / self._usual))
        return counts

    def asked(self, queries: Sequence[str]) -> Any:
        """How often each query names each term, a sparse matrix of shape (queries, terms)."""
        return self._terms.transform(queries)

    def pairs(self, queries: Sequence[str], texts: Sequence[str]) -> NDArray[np.float64]:
        """The score of each text for the query beside it."""
        return np.asarray(self.weigh(texts).multiply(self.asked(queries)).sum(axis=1)).ravel()

    def nearest(self, queries: Sequence[str], texts: Sequence[str]) -> list[int]:
        """The place of the best text for each query; the first of equals."""
        weights, asked = self.weigh(texts).T.tocsr(), self.asked(queries)
        found: list[int] = []
        for start in range(0, len(queries), _AT_ONCE):
            scores = (asked[start : start + _AT_ONCE] @ weights).toarray()
            found += scores.argmax(axis=1).tolist()
        return found


def _terms(text: str) -> list[str]:
    """Characters and pairs of neighbours; white space separates."""
    words = text.split()
    return [
        word[start : start + size]
        for word in words
        for size in (1, 2)
        for start in range(len(word) - size + 1)
    ]
