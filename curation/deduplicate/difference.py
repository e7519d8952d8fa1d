"""What two texts have in common and what only one has, character by character, for people to read.

Equal ends are cut off; 5-grams that stand once in each text anchor the rest (patience), what lies between two
anchors is looked at again in the same way, and short remains are aligned exactly (longest common subsequence,
64 cells a step: Hyyrö 2004). Large remains without an anchor are one change: nobody reads them as an edit.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from curation.deduplicate import runs
from curation.deduplicate.shingles import SIZE, shingle_hashes

Kind = Literal["equal", "delete", "insert", "skipped"]

CONTEXT = 14
"""Characters shown on each side of a change."""

LONGEST = 300
"""Characters of one change that are shown."""

_DEPTH = 8
_MOST = 1 << 22
"""Characters of both remains together that anchors are looked for in; half as many each time again."""

_CELLS = 1 << 24
"""Remains of so many characters times characters are aligned exactly."""

_CHANCE = 3
"""So many equal characters between two longer changes say nothing; they belong to the change."""


class Piece(NamedTuple):
    """A stretch of one text or of both.

    Attributes:
        kind: `equal` stands in both texts, `delete` in the one only, `insert` in the other only; `skipped` is
            left out here.
        text: empty where skipped.
        length: in characters.
    """

    kind: Kind
    text: str
    length: int


def difference(one: str, other: str) -> list[Piece]:
    """The pieces in order: `equal` and `delete` together are `one`, `equal` and `insert` are `other`."""
    pieces = []
    at_one = at_other = 0
    blocks = _without_chance(_joined(sorted(_blocks(one, other))), len(one), len(other))
    for start, where, length in (*blocks, (len(one), len(other), 0)):
        for kind, part in (
            ("delete", one[at_one:start]),
            ("insert", other[at_other:where]),
            ("equal", one[start : start + length]),
        ):
            if part:
                pieces.append(Piece(kind, part, len(part)))  # type: ignore[arg-type]
        at_one, at_other = start + length, where + length
    return pieces


def shortened(pieces: list[Piece], context: int = CONTEXT, longest: int = LONGEST) -> list[Piece]:
    """The pieces as they are shown: of equal ones what surrounds a change, of a long change its ends."""
    told: list[Piece] = []
    for place, piece in enumerate(pieces):
        before, after = longest // 2, longest // 2
        if piece.kind == "equal":
            before = context if place else 0
            after = context if place < len(pieces) - 1 else 0
            if not place and not after:  # nothing differs
                before = context
        left_out = piece.length - before - after
        # What says that little is left out is as long as the little.
        if left_out <= (context if piece.kind == "equal" else 0):
            told.append(piece)
            continue
        head, tail = piece.text[:before], piece.text[piece.length - after :]
        told += [Piece(piece.kind, head, before)] if head else []
        told.append(Piece("skipped", "", left_out))
        told += [Piece(piece.kind, tail, after)] if tail else []
    return told


class _Block(NamedTuple):
    """Equal stretches of both texts."""

    start: int
    where: int
    length: int


def _blocks(one: str, other: str) -> Iterator[_Block]:
    codes, others = _codes(one), _codes(other)
    todo = [(0, len(one), 0, len(other), 0)]
    while todo:
        start, stop, where, until, depth = todo.pop()
        head = _common(codes[start:stop], others[where:until])
        yield _Block(start, where, head)
        start, where = start + head, where + head
        tail = _common(codes[start:stop][::-1], others[where:until][::-1])
        stop, until = stop - tail, until - tail
        yield _Block(stop, until, tail)
        if start == stop or where == until:
            continue
        if (stop - start) * (until - where) <= _CELLS and depth:
            yield from _aligned(one[start:stop], other[where:until], start, where)
        elif depth < _DEPTH and stop - start + until - where <= _MOST >> depth:
            found = list(_anchored(one[start:stop], other[where:until], start, where))
            yield from found
            for block in (*found, _Block(stop, until, 0)):
                todo.append((start, block.start, where, block.where, depth + 1))
                start, where = block.start + block.length, block.where + block.length


def _codes(text: str) -> NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)


def _common(one: NDArray[np.uint32], other: NDArray[np.uint32]) -> int:
    """How far both are equal from their beginning."""
    size = min(len(one), len(other))
    differs = one[:size] != other[:size]
    return int(differs.argmax()) if differs.any() else size


def _anchored(one: str, other: str, start: int, where: int) -> Iterator[_Block]:
    """Stretches that both have once, as many as stand in the same order in both."""
    if min(len(one), len(other)) < SIZE:
        return
    in_one, in_other = _places(one), _places(other)
    shared, place, there = np.intersect1d(in_one[0], in_other[0], assume_unique=True, return_indices=True)
    if not len(shared):
        return
    place, there = in_one[1][place], in_other[1][there]
    codes, others = _codes(one), _codes(other)
    equal = np.ones(len(place), bool)  # a hash may be of two 5-grams
    for step in range(SIZE):
        equal &= codes[place + step] == others[there + step]
    place, there = place[equal], there[equal]
    order = np.argsort(place)
    place, there = place[order], there[order]
    kept = _increasing(there)
    place, there = place[kept], there[kept]
    # 5-grams that overlap or touch in the same way in both texts are one stretch.
    opens = runs.opens(there - place) | (np.diff(place, prepend=place[:1]) > SIZE)
    firsts = np.flatnonzero(opens)
    lasts = np.append(firsts[1:], len(place)) - 1
    at_one = at_other = 0
    for first, then, stop in zip(
        place[firsts].tolist(), there[firsts].tolist(), (place[lasts] + SIZE).tolist(), strict=True
    ):
        cut = max(at_one - first, at_other - then, 0)  # it overlaps the stretch before
        if first + cut < stop:
            yield _Block(start + first + cut, where + then + cut, stop - first - cut)
            at_one, at_other = stop, then + stop - first


def _places(text: str) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """The hashes of a text's 5-grams and where they stand: those that stand once, else each time's own."""
    hashes, _ = shingle_hashes([text])
    order = np.argsort(hashes, kind="stable")
    ordered = hashes[order]
    first = runs.first(ordered)
    count = np.bincount(first, minlength=len(first))[first]
    if (count == 1).any():
        return ordered[count == 1], order[count == 1]
    time = (np.arange(len(first)) - first).astype(np.uint64)
    return ordered + time * np.uint64(0x9E3779B97F4A7C15), order


def _increasing(values: NDArray[np.int64]) -> list[int]:
    """Indices of a longest increasing subsequence of different numbers; runs of neighbours in one step."""
    ends: list[int] = []  # the smallest number that a subsequence of each length ends with
    index: list[int] = []  # and where it stands
    before: dict[int, int] = {}  # the one that stands before a run's first
    starts = np.flatnonzero(np.diff(values, prepend=-2) != 1).tolist()
    for start, stop in zip(starts, [*starts[1:], len(values)], strict=True):
        value, length = int(values[start]), stop - start
        at = bisect_left(ends, value)
        before[start] = index[at - 1] if at else -1
        ends[at : at + length] = range(value, value + length)
        index[at : at + length] = range(start, stop)
    found = []
    here = index[-1] if index else -1
    while here >= 0:
        found.append(here)
        here = before[here] if here in before else here - 1
    return found[::-1]


def _aligned(one: str, other: str, start: int, where: int) -> Iterator[_Block]:
    """The characters of a longest common subsequence."""
    if len(one) > len(other):
        yield from (_Block(*block) for block in _matches(other, one, where, start, turned=True))
    else:
        yield from (_Block(*block) for block in _matches(one, other, start, where, turned=False))


def _matches(
    short: str, long: str, start: int, where: int, *, turned: bool
) -> Iterator[tuple[int, int, int]]:
    masks: dict[str, int] = {}
    for place, char in enumerate(short):
        masks[char] = masks.get(char, 0) | 1 << place
    full = (1 << len(short)) - 1
    rows = [
        full
    ]  # a bit of row r is 0 where one more character of `short` matches among the first r of `long`
    row = full
    for char in long:
        both = row & masks.get(char, 0)
        row = (row + both | row - both) & full
        rows.append(row)
    column, line = len(short), len(long)
    while column and line:
        if rows[line] >> column - 1 & 1:
            column -= 1
        elif not rows[line - 1] >> column - 1 & 1:
            line -= 1
        else:
            column, line = column - 1, line - 1
            pair = (start + column, where + line)
            yield (*(pair[::-1] if turned else pair), 1)


def _joined(blocks: list[_Block]) -> list[_Block]:
    """Blocks that follow each other in both texts as one; empty ones left out."""
    told: list[_Block] = []
    for block in blocks:
        if not block.length:
            continue
        last = told[-1] if told else _Block(-1, -1, 0)
        if (last.start + last.length, last.where + last.length) == (block.start, block.where):
            told[-1] = last._replace(length=last.length + block.length)
        else:
            told.append(block)
    return told


def _without_chance(blocks: list[_Block], size: int, other_size: int) -> list[_Block]:
    """Without short blocks between longer changes."""
    told: list[_Block] = []
    for place, block in enumerate(blocks):
        last = told[-1] if told else _Block(0, 0, 0)
        change = max(block.start - last.start - last.length, block.where - last.where - last.length)
        follows = blocks[place + 1] if place + 1 < len(blocks) else _Block(size, other_size, 0)
        then = max(follows.start - block.start, follows.where - block.where) - block.length
        if block.length > _CHANCE or block.length >= min(change, then):
            told.append(block)
    return told
