"""The rows of a file, anonymised: found in chunks, by several processes; rewritten as one corpus; looked at
again in the same chunks. They are cut by the input alone, so the number of processes changes nothing."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from curation.anonymise import siblings, tagger
from curation.anonymise.columns import Columns
from curation.anonymise.detect import Detection, Fields, detect
from curation.anonymise.layout import with_keys, with_leaf
from curation.anonymise.pieces import Piece, changes
from curation.anonymise.policy import Policy, Rules
from curation.anonymise.record import Result, replaced, rewrite
from curation.anonymise.risk import Second, Suspect, second_tagger, suspects
from curation.anonymise.surrogates import Surrogates
from curation.anonymise.tagger import Tagger
from curation.engine.local import LocalEngine
from curation.errors import InputError

if TYPE_CHECKING:
    from curation.ingest.tables import Row, Rows

BATCH = 500
"""Rows of a chunk: what the name engine sees at once, and one process takes at a time."""

Progress = Callable[[str, int, int], None]


class Chunk(NamedTuple):
    """Rows to look at: their text and private fields, and their kinds.

    Attributes:
        run: tells runs apart, so that a process loads the engine once in a run and not once for all.
        results: what was made of the rows, for the second look.
    """

    run: str
    names: str
    policy: Policy
    kinds: list[str | None]
    fields: list[Fields]
    private: list[Fields]
    results: list[Result]

    @property
    def rules(self) -> list[Rules]:
        return [self.policy.of(kind) for kind in self.kinds]


@dataclass(frozen=True)
class Rewritten:
    """A row after anonymising.

    Attributes:
        changed: the columns that are not what they were.
        pieces: what was replaced in them; `row` is still the number in the input.
    """

    row: Row
    result: Result
    changed: list[str]
    pieces: list[Piece]


def chunks(
    read: Rows, shown: Sequence[Fields], columns: Columns, *, names: str, policy: Policy
) -> list[Chunk]:
    """The rows of a file in chunks."""
    run = os.urandom(8).hex()
    made = []
    for at in range(0, len(shown), BATCH):
        rows = shown[at : at + BATCH]
        kinds = [row.get(columns.kind) if columns.kind else None for row in read.rows[at : at + BATCH]]
        made.append(
            Chunk(
                run,
                names,
                policy,
                [kind if isinstance(kind, str) else None for kind in kinds],
                [{column: row[column] for column in columns.text} for row in rows],
                [{field: row[column] for field, column in columns.private.items()} for row in rows],
                [],
            )
        )
    return made


def find(engine: LocalEngine, parts: Sequence[Chunk], progress: Progress | None) -> list[Detection]:
    """What is found in each row."""
    return _each(engine, _detect, parts, "anonymise", progress)


def look_again(
    engine: LocalEngine, parts: Sequence[Chunk], results: Sequence[Result], progress: Progress | None
) -> tuple[str, list[list[Suspect]]]:
    """The name engine that looked, and what the second detector finds in each row that was anonymised."""
    again = [
        part._replace(results=list(results[at : at + BATCH]))
        for at, part in zip(range(0, len(results), BATCH), parts, strict=True)
    ]
    answers = _each(engine, _suspects, again, "second look", progress)
    ran = {name for name, _ in answers}
    return next(iter(ran)) if len(ran) == 1 else "none", [found for _, found in answers]


def rewritten(
    read: Rows,
    shown: Sequence[Fields],
    columns: Columns,
    parts: Sequence[Chunk],
    detected: Sequence[Detection],
    *,
    key: bytes | None,
    real: frozenset[str],
    file: str,
) -> list[Rewritten]:
    """All rows of a file rewritten as one corpus.

    Args:
        real: names that no surrogate may be, besides those that were found.
        file: its name, for errors.

    Raises:
        InputError: a column in which a value would have to be replaced and cannot be.
    """
    fields = [each for part in parts for each in part.fields]
    private = [each for part in parts for each in part.private]
    rules = [each for part in parts for each in part.rules]
    surrogates = None
    if key is not None:
        met = (pair for each in zip(fields, detected, rules, strict=True) for pair in replaced(*each))
        surrogates = Surrogates(key).apart((*met, *(("PERSON", name) for name in real)))
    done = []
    for index, each in enumerate(zip(fields, private, detected, rules, strict=True)):
        try:
            done.append(_rewritten(index, read.rows[index], read.arrow is None, columns, *each, surrogates))
        except siblings.Unreplaceable as error:
            raise InputError(str(error), file=file, row=read.numbers[index]) from None
    return done


Answer = TypeVar("Answer")


def _each(
    engine: LocalEngine,
    function: Callable[[Chunk], list[Answer]],
    parts: Sequence[Chunk],
    phase: str,
    progress: Progress | None,
) -> list[Answer]:
    answers: list[Answer] = []
    for number, some in enumerate(engine.map(function, parts), start=1):
        answers += some
        if progress is not None:
            progress(phase, number, len(parts))
    return answers


def _detect(part: Chunk) -> list[Detection]:
    return detect(part.fields, part.private, part.rules, tagger=_engine(part.names, part.run))


def _suspects(part: Chunk) -> list[tuple[str, list[Suspect]]]:
    second = _second_engine(part.names, part.run)
    found = suspects(part.fields, part.results, part.rules, tagger=second.tagger)
    return [(second.name, of_row) for of_row in found]


@functools.lru_cache(maxsize=1)
def _engine(names: str, run: str) -> Tagger:
    return tagger.load(names)


@functools.lru_cache(maxsize=1)
def _second_engine(names: str, run: str) -> Second:
    return second_tagger(names)


def _rewritten(
    index: int,
    row: Row,
    any_keys: bool,
    columns: Columns,
    fields: Fields,
    private: Fields,
    detected: Detection,
    rules: Rules,
    surrogates: Surrogates | None,
) -> Rewritten:
    leaves = {_name(leaf): leaf for leaf in siblings.find(row, columns.other, fields, detected, rules)}
    result = rewrite(
        {**fields, **{name: leaf.text for name, leaf in leaves.items()}},
        private,
        replace(detected, spans={**detected.spans, **{name: leaf.spans for name, leaf in leaves.items()}}),
        rules,
        surrogates,
    )
    after = dict(row)
    changed: dict[str, None] = {}
    pieces: list[Piece] = []

    def put(column: str, path: tuple[str | int, ...], old: str, new: str, field: str, value: Any) -> None:
        after[column] = with_leaf(after[column], path, new.encode() if isinstance(value, bytes) else new)
        changed[column] = None
        number = value if isinstance(value, (int, float)) else None
        pieces.append(Piece(index, column, path, _spans(old, new, field, result), number))

    for column in columns.text:
        old, new = fields[column], result.fields[column]
        if old is not None and new is not None and old != new:
            put(column, (), old, new, column, row[column])
    for field, column in columns.private.items():
        old, new = private[field], result.private[field]
        if old is not None and new is not None and old != new:
            put(column, (), old, new, field, row[column])
    renamed: dict[str, dict[tuple[str | int, ...], str]] = {}
    for name, leaf in leaves.items():
        if (new := result.fields[name]) is None or new == leaf.text:
            continue
        if leaf.key:
            renamed.setdefault(leaf.column, {})[leaf.path] = new
        else:
            put(leaf.column, leaf.path, leaf.text, new, name, leaf.value)
    for column, keys in renamed.items():
        if not any_keys:  # the fields of a table have the same names in all rows
            raise siblings.Unreplaceable("the name of a field holds what is replaced in this row; rename it")
        after[column] = with_keys(after[column], keys)
        changed[column] = None
        pieces = [piece for piece in pieces if piece.column != column]
        pieces.append(Piece(index, column, (), tuple((0, 0, str(path[-1])) for path in keys), row[column]))
    return Rewritten(after, result, list(changed), pieces)


def _name(leaf: siblings.Leaf) -> str:
    """Under which field a value of another column is rewritten: the column, or a way within it."""
    if not leaf.path:
        return leaf.column
    return f"{leaf.column}\0{json.dumps(leaf.path)}{'key' if leaf.key else ''}"


def _spans(old: str, new: str, field: str, result: Result) -> tuple[tuple[int, int, str], ...]:
    """What stands where in the new text, and stood there in the old one."""
    made = [one for one in changes(result.found, field) if one.action != "keep"]
    if not made:  # a private column is one value, or several
        return ((0, len(new), old),)
    return tuple((one.new_start, one.new_end, old[one.start : one.end]) for one in made)
