"""How a small tagger learns: examples from marked texts, and the weights under which they are most likely."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curation.anonymise import names
from curation.anonymise.spans import view
from curation.anonymise.taggers import features
from curation.anonymise.taggers.crf import BLANK, FORBIDDEN, LABELS, TAGS, Crf, Float, code, forward_backward

SMALL = 0.01
"""A feature none of whose weights reaches this is left out."""

_TAUGHT = 6000
"""Characters of a batch that is learnt from."""

Example = tuple[str, Sequence[int]]
"""A line and the tag of each of its characters."""


def examples(text: str, spans: Iterable[tuple[int, int, str]]) -> Iterator[Example]:
    """The lines of a text as a tagger gets them, tagged as its spans of known labels say."""
    plain = view(text)
    tags = np.zeros(len(plain), np.int8)
    for start, end, label in spans:
        if label in LABELS:
            tags[start:end] = code(label) + 1
            tags[start] = code(label)
    for start, line in names.lines(plain):
        yield line, tags[start : start + len(line)].tolist()


def fit(
    examples: Sequence[Example],
    told: Sequence[NDArray[Any]] | None = None,
    *,
    base: Crf | None = None,
    rounds: int = 8,
    rate: float = 0.1,
    penalty: float = 20.0,
    seen: int = 2,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Crf:
    """Maximum likelihood with a Gaussian prior; the same examples give the same model.

    AdaGrad (Duchi, Hazan and Singer, 2011) over batches of lines of about one length.

    Args:
        told: another tagger's tags of each line.
        base: a model to start from and stay near to (Chelba and Acero, 2004), instead of from nothing.
        rounds: times every example is used.
        rate: of learning.
        penalty: weight of half the squared distance from the base, or from zero.
        seen: features that occur in fewer places are left out.
    """
    problem = _Problem(examples, told, base, seen)
    place = problem.start.copy()
    sums = np.full(len(place), 1e-6, np.float32)
    draw = np.random.default_rng(0)
    for done in range(rounds):
        for number in draw.permutation(len(problem.batches)):
            _, slope = problem.slope(place, number)
            slope += penalty * problem.share(number) * (place - problem.start)
            sums += slope * slope
            place -= rate * slope / np.sqrt(sums)
        progress(done + 1, rounds)
    return problem.model(place)


class _Problem:
    """Examples in batches, and the gradient of the negative log likelihood of each."""

    def __init__(
        self,
        examples: Sequence[Example],
        told: Sequence[NDArray[Any]] | None,
        base: Crf | None,
        seen: int,
    ) -> None:
        order = sorted(
            (at for at in range(len(examples)) if examples[at][0]), key=lambda at: len(examples[at][0])
        )
        lines = [examples[at][0] for at in order]
        laid = features.Lines(lines)
        tags = None if told is None else np.concatenate([told[at] for at in order]).astype(np.int64)
        numbers = features.hashed(laid, tags)
        counts = np.bincount(numbers.ravel(), minlength=1 << features.BITS)
        self.used = np.flatnonzero(counts >= seen)
        self.rows = _rows(numbers, self.used)
        self.truth = np.concatenate([np.asarray(examples[at][1], np.intp) for at in order])
        self.lengths = laid.lengths
        self.starts = np.cumsum(self.lengths) - self.lengths
        self.batches = list(_even(self.lengths))
        nothing = np.zeros((1 << features.BITS, len(TAGS)), np.float32)
        self.base = base or Crf(nothing, FORBIDDEN.astype(np.float32))
        start = (self.base.weights[self.used].ravel(), (self.base.transitions - FORBIDDEN).ravel())
        self.start = np.concatenate(start).astype(np.float32)

    def share(self, number: int) -> float:
        """The batch's part of all lines."""
        first, stop = self.batches[number]
        return (stop - first) / len(self.lengths)

    def slope(self, flat: NDArray[np.float32], number: int) -> tuple[float, NDArray[np.float32]]:
        """Negative log likelihood of a batch, and its gradient; blanks go before the shorter lines."""
        weights, transitions = self._parts(flat)
        first, stop = self.batches[number]
        begin, end = self.starts[first], self.starts[stop - 1] + self.lengths[stop - 1]
        rows = self.rows[begin:end]
        scores = np.concatenate([rows @ weights, BLANK])
        width = self.lengths[stop - 1]
        ends = self.starts[first:stop] + self.lengths[first:stop] - begin
        places = np.arange(-width, 0) + ends[:, None]
        blank = places < (ends - self.lengths[first:stop])[:, None]
        places[blank] = -1
        truth = np.where(blank, 0, self.truth[begin:end][places])
        padded = scores[places]
        forward, backward, log = forward_backward(padded, transitions)
        chance = forward * backward
        chance /= chance.sum(axis=2, keepdims=True)
        before = np.concatenate([np.zeros((len(truth), 1), np.intp), truth[:, :-1]], axis=1)
        right = np.take_along_axis(padded, truth[:, :, None], 2).sum(dtype=np.float64)
        loss = log.sum() - right - transitions[before, truth].sum(dtype=np.float64)
        moves = _expected_moves(forward, backward, padded, transitions)
        moves[0] += chance[:, 0].sum(axis=0)
        np.subtract.at(moves, (before, truth), 1)
        gradient = np.zeros((end - begin, len(TAGS)), np.float32)
        gradient[places[~blank]] = chance[~blank]
        gradient[np.arange(end - begin), self.truth[begin:end]] -= 1
        return float(loss), np.concatenate([(rows.T @ gradient).ravel(), moves.ravel().astype(np.float32)])

    def model(self, flat: NDArray[np.float32]) -> Crf:
        weights, transitions = self._parts(flat)
        whole = self.base.weights.copy()
        whole[self.used] = np.where(np.abs(weights).max(axis=1, keepdims=True) < SMALL, 0, weights)
        return Crf(whole, transitions.astype(np.float32))

    def _parts(self, flat: NDArray[np.float32]) -> tuple[NDArray[np.float32], Float]:
        weights, transitions = np.split(flat, [len(self.used) * len(TAGS)])
        return weights.reshape(-1, len(TAGS)), transitions.reshape(len(TAGS), len(TAGS)) + FORBIDDEN


def _rows(numbers: NDArray[np.int32], used: NDArray[np.intp]) -> Any:
    """Sparse matrix (characters, used features)."""
    from scipy.sparse import csr_matrix

    place = np.full(1 << features.BITS, -1, np.int32)
    place[used] = np.arange(len(used))
    columns = place[numbers.T]
    kept = columns >= 0
    pointers = np.concatenate([[0], np.cumsum(kept.sum(axis=1))])
    ones = np.ones(int(pointers[-1]), np.float32)
    return csr_matrix((ones, columns[kept], pointers), shape=(len(columns), len(used)))


def _expected_moves(forward: Float, backward: Float, scores: NDArray[Any], transitions: Float) -> Float:
    """Expected number of each transition."""
    step = np.exp(transitions)
    onto = backward[:, 1:] * np.exp(
        (scores[:, 1:] - scores[:, 1:].max(axis=2, keepdims=True)).astype(np.float64)
    )
    norm = np.einsum("nli,ij,nlj->nl", forward[:, :-1], step, onto, optimize=True)
    moves: Float = step * np.einsum("nli,nlj->ij", forward[:, :-1] / norm[:, :, None], onto, optimize=True)
    return moves


def _even(lengths: NDArray[np.intp]) -> Iterator[tuple[int, int]]:
    """Lines in the order of their length cut into batches of so many characters: first and end."""
    cuts = np.flatnonzero(np.diff(np.cumsum(lengths) // _TAUGHT)) + 1
    edges = [0, *cuts.tolist(), len(lengths)]
    yield from itertools.pairwise(edges)
