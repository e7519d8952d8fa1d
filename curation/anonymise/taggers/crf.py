"""A linear-chain conditional random field over hashed features, in numpy: small, quick, no runtime needed.

Lafferty, McCallum and Pereira, 2001. Lines of equal length are computed together.
"""

from __future__ import annotations

import dataclasses
import functools
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curation.anonymise.tagger import Entity
from curation.anonymise.taggers import features
from curation.anonymise.taggers.viterbi import viterbi
from curation.errors import UsageError
from curation.files import whole_file

VERSION = "name-model/1"
SHIPPED = Path(__file__).with_name("characters.npz")
"""Trained on what a line says."""
JUDGE = Path(__file__).with_name("judge.npz")
"""Trained on what a line says and what LAC makes of it."""

LABELS = ("PERSON", "PERSON_HONORIFIC", "ADDRESS", "LOCATION", "ORGANIZATION")
TAGS = ("O", *(f"{place}-{label}" for label in LABELS for place in "BI"))
"""Tag 0 is outside, 2k + 1 begins label k, 2k + 2 goes on."""

PERSONAL = 3
"""So many labels, the first ones, are personal."""

LEAN = 1.5
"""How much the search leans to beginning a personal entity: what it finds too much, its score tells."""

SAFE = 6.0
"""A line in which no entity begins nearer than this to none has none."""

_NEVER = -1e4
_BEGINS, _INSIDE = np.arange(1, len(TAGS), 2), np.arange(2, len(TAGS), 2)
_LEAN = np.array([0.0] + [LEAN, 0.0] * PERSONAL + [0.0] * (len(TAGS) - 1 - 2 * PERSONAL), np.float32)
BLANK = np.array([[0.0] + [_NEVER] * (len(TAGS) - 1)], np.float32)
"""Scores of a place before a line, filled in to compute lines of several lengths together: tag 0."""
_STEP = 8
_BATCH = 1 << 17
"""Characters whose features are held at once."""

Float = NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Crf:
    """A model.

    Attributes:
        weights: shape (2^BITS, tags).
        transitions: (tag before, tag); what BIO forbids is far below all else. A line begins after tag 0.
    """

    weights: NDArray[np.float32]
    transitions: NDArray[np.float32]

    def tag(self, lines: Sequence[str]) -> list[list[Entity]]:
        return self.judge(lines, None)

    def judge(self, lines: Sequence[str], told: Sequence[NDArray[Any]] | None) -> list[list[Entity]]:
        """The entities of each line, given another tagger's tags of its characters."""
        found: list[list[Entity]] = [[] for _ in lines]
        for batch in _batches(lines):
            scores = self.scores(
                [lines[at] for at in batch], None if told is None else [told[at] for at in batch]
            )
            lengths = np.array([len(lines[at]) for at in batch])
            starts = np.cumsum(lengths) - lengths
            lead = self._lead(scores, _BEGINS)
            promising = np.flatnonzero(np.maximum.reduceat(lead, starts) > -SAFE)
            scores = np.concatenate([scores, BLANK])
            for same, width in _by_width(lengths, promising):
                places = np.arange(-width, 0) + (starts + lengths)[same][:, None]
                places[places < starts[same][:, None]] = -1
                for number, entities in zip(same, self._entities(scores[places]), strict=True):
                    blank = width - int(lengths[number])
                    found[batch[number]] = [
                        one._replace(start=one.start - blank, end=one.end - blank) for one in entities
                    ]
        return found

    def chances(self, lines: Sequence[str]) -> NDArray[np.float32]:
        """How near each line comes to naming anybody: the highest lead of a personal tag over none."""
        chances = np.full(len(lines), -np.inf, np.float32)
        for batch in _batches(lines):
            lengths = np.array([len(lines[at]) for at in batch])
            lead = self._lead(self.scores([lines[at] for at in batch]), _BEGINS[:PERSONAL])
            chances[batch] = np.maximum.reduceat(lead, np.cumsum(lengths) - lengths)
        return chances

    def scores(self, lines: Sequence[str], told: Sequence[NDArray[Any]] | None = None) -> NDArray[np.float32]:
        """Score of each tag at each character of all lines, (characters, tags)."""
        laid = features.Lines(lines)
        tags = None if told is None else np.concatenate(told).astype(np.int64)
        scores = np.zeros((laid.lengths.sum(), len(TAGS)), np.float32)
        for column in features.hashed(laid, tags):
            scores += self.weights.take(column, axis=0)
        return scores

    def _lead(self, scores: NDArray[np.float32], begins: NDArray[np.intp]) -> NDArray[np.float32]:
        """How far beginning an entity at a character is above going on without, the best of some labels."""
        step = self.transitions[0, begins] - self.transitions[0, 0]
        lead: NDArray[np.float32] = (scores[:, begins] + step).max(axis=1) - scores[:, 0]
        return lead

    def _entities(self, scores: NDArray[np.float32]) -> list[list[Entity]]:
        """Entities of lines of one width, scored by their least sure character."""
        best = viterbi(scores + _LEAN, self.transitions, self.transitions[0])
        marked = np.flatnonzero(best.any(axis=1))
        found: list[list[Entity]] = [[] for _ in best]
        if not len(marked):
            return found
        sure = marginals(scores[marked], self.transitions)
        for line, probabilities in zip(marked, sure, strict=True):
            for start, end, label in entities(best[line]):
                score = probabilities[np.arange(start, end), best[line, start:end]].min()
                found[line].append(Entity(start, end, label, round(float(score), 3)))
        return found

    def save(self, path: Path) -> None:
        """Write the model: plain arrays, no pickle, no text. Only features that weigh anything are kept."""
        used = np.flatnonzero(np.abs(self.weights).max(axis=1) > 0)
        with whole_file(path) as aside, aside.open("wb") as file:
            np.savez_compressed(
                file,
                version=np.array(VERSION),
                tags=np.array(TAGS),
                used=np.diff(used, prepend=0).astype(np.uint32),
                weights=self.weights[used].astype(np.float16),
                transitions=self.transitions,
            )


def load(path: Path) -> Crf:
    """Read a model.

    Raises:
        UsageError: no such file, or none of this format.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            if str(file["version"]) != VERSION or tuple(file["tags"]) != TAGS:
                raise UsageError(f"{path.name}: not a {VERSION} file, or one of another govtune")
            weights = np.zeros((1 << features.BITS, len(TAGS)), np.float32)
            weights[np.cumsum(file["used"])] = file["weights"]
            return Crf(weights, file["transitions"])
    except FileNotFoundError:
        raise UsageError(f"{path}: no such file") from None
    except (OSError, EOFError, ValueError, KeyError, IndexError, zipfile.BadZipFile):
        raise UsageError(f"{path.name}: not a {VERSION} file") from None


@functools.cache
def shipped() -> Crf:
    """The small tagger of this package, read once in a process."""
    return load(SHIPPED)


def marginals(scores: NDArray[Any], transitions: NDArray[Any]) -> Float:
    """Probability of each tag at each character, (lines, length, tags)."""
    forward, backward, _ = forward_backward(scores, transitions)
    both = forward * backward
    both /= both.sum(axis=2, keepdims=True)
    return both


def forward_backward(scores: NDArray[Any], transitions: NDArray[Any]) -> tuple[Float, Float, Float]:
    """Scaled forward and backward messages, and the log of the partition function per line."""
    lines, length, tags = scores.shape
    highest = scores.max(axis=2, keepdims=True)
    factor = np.exp((scores - highest).astype(np.float64))
    step = np.exp(transitions.astype(np.float64))
    forward = np.empty((lines, length, tags))
    backward = np.empty((lines, length, tags))
    log = highest.sum(axis=(1, 2)).astype(np.float64)
    message = factor[:, 0] * step[0]
    for place in range(length):
        if place:
            message = (message @ step) * factor[:, place]
        total = message.sum(axis=1, keepdims=True)
        message = message / total
        log += np.log(total[:, 0])
        forward[:, place] = message
    message = np.ones((lines, tags))
    backward[:, -1] = message
    for place in range(length - 1, 0, -1):
        message = (message * factor[:, place]) @ step.T
        message = message / message.sum(axis=1, keepdims=True)
        backward[:, place - 1] = message
    return forward, backward, log


def entities(tags: Sequence[int] | NDArray[Any]) -> Iterator[tuple[int, int, str]]:
    """Start, end and label of what the tags of a line say."""
    tags = np.asarray(tags)
    for start in np.flatnonzero(tags % 2):
        end = start + 1
        while end < len(tags) and tags[end] == tags[start] + 1:
            end += 1
        yield int(start), int(end), LABELS[(tags[start] - 1) // 2]


def code(label: str) -> int:
    """The tag that begins a label; the one that goes on is the next."""
    return LABELS.index(label) * 2 + 1


def _forbidden() -> Float:
    """What BIO does not allow: going on without having begun."""
    table = np.zeros((len(TAGS), len(TAGS)))
    table[:, _INSIDE] = _NEVER
    for inside in _INSIDE:
        table[[inside - 1, inside], inside] = 0
    return table


FORBIDDEN = _forbidden()
"""What transitions are without anything learnt."""


def _batches(lines: Sequence[str]) -> Iterator[list[int]]:
    """Numbers of lines that have characters, so many that their features fit in memory."""
    batch: list[int] = []
    size = 0
    for number, line in enumerate(lines):
        if line:
            batch.append(number)
            size += len(line)
        if size > _BATCH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _by_width(lengths: NDArray[np.intp], numbers: NDArray[np.intp]) -> Iterator[tuple[NDArray[np.intp], int]]:
    """Numbers of lines computed together, and the width that blanks before them fill.

    Blanks bear tag 0, as what stands before a line does, so they change no line's answer.
    """
    widths = -(-lengths[numbers] // _STEP) * _STEP
    for width in np.unique(widths):
        yield numbers[widths == width], int(width)
