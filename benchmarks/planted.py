"""A corpus with planted duplicates: documents put together from pieces of any texts, and copies of them.

Decides which documents a corpus of `documents` has: originals, near copies whose similarity to their source
was measured (Jaccard of code-point 5-grams, between `low` and `high`), exact copies. Every document is a
function of the seed and its number, so that nothing but a permutation is held while four million are written.
A quarter of the copies come from few sources, as on sites that republish one another.
"""

from __future__ import annotations

import json
import math
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from pathlib import Path

GRAM = 5
SHORTEST, LONGEST = 64, 4000
"""Code points of a document before it is edited."""

PIECE = re.compile(r".{12,48}?(?:[。！？；，：.!?;,:]{1,3}\s?|$)|.{48}")
"""12 to 52 code points, ending at a punctuation mark where there is one. No piece is long enough to make two
documents of 64 code points similar by itself."""

FEW = 4
"""Originals of at most so many pieces share no two of them; with more pieces chance makes none alike."""

FEWEST_PIECES = 200
EDITS = (
    ("replace", 34),
    ("drop", 14),
    ("insert", 14),
    ("drop piece", 10),
    ("insert piece", 10),
    ("swap", 8),
    ("other piece", 10),
)


class TooFewTextsError(ValueError):
    """The texts do not give so many different documents."""


@dataclass(frozen=True)
class Plan:
    """How many documents, and what share of them are copies."""

    documents: int
    exact: float = 0.20
    near: float = 0.15
    low: float = 0.70
    high: float = 0.98
    seed: int = 1


@dataclass(frozen=True)
class Document:
    """`root` and `source` are numbers of documents; `jaccard` is the similarity to the source."""

    text: str
    kind: str
    root: int
    source: int
    jaccard: float


class Planted:
    """The documents of a plan, by number: originals first, then near copies, then exact copies."""

    def __init__(self, pieces: Sequence[str], plan: Plan) -> None:
        if len(pieces) < FEWEST_PIECES:
            raise TooFewTextsError(
                f"the texts give {len(pieces)} pieces; at least {FEWEST_PIECES} are needed"
            )
        self.pieces = pieces
        self.plan = plan
        self.near = int(plan.documents * plan.near)
        self.originals = plan.documents - int(plan.documents * plan.exact) - self.near
        self.letters = "".join(pieces[:: max(1, len(pieces) // 2000)])

    def document(self, number: int) -> Document:
        if number < self.originals:
            return Document("".join(self._original(number)), "original", number, number, 1.0)
        if number < self.originals + self.near:
            return self._near(number)
        chance = self._chance(number, 0)
        source = self._source(chance, self.originals + self.near)
        copied = self.document(source)
        return Document(copied.text, "exact", copied.root, source, 1.0)

    def _original(self, number: int) -> list[str]:
        return [self.pieces[piece] for piece in self._draw(number, self._salts.get(number, 0))]

    def _draw(self, number: int, salt: int) -> list[int]:
        chance = self._chance(number, salt)
        wanted = min(LONGEST, max(SHORTEST, int(math.exp(chance.gauss(5.6, 0.7)))))
        drawn, length = [], 0
        while length < wanted:
            piece = chance.randrange(len(self.pieces))
            drawn.append(piece)
            length += len(self.pieces[piece])
        return drawn

    @cached_property
    def _salts(self) -> dict[int, int]:
        """What the originals are drawn with that would else share two pieces with an earlier short one."""
        salts: dict[int, int] = {}
        used: set[int] = set()
        for number in range(self.originals):
            for salt in range(100):
                drawn = self._draw(number, salt)
                if len(drawn) > FEW:
                    break
                pairs = {one * len(self.pieces) + other for one, other in combinations(sorted(drawn), 2)}
                if len(set(drawn)) == len(drawn) and not pairs & used:
                    used |= pairs
                    break
            else:
                raise TooFewTextsError(
                    f"the texts are too few for {self.plan.documents:,} different documents"
                )
            if salt:
                salts[number] = salt
        return salts

    def _near(self, number: int) -> Document:
        chance = self._chance(number, 0)
        while True:
            source = self._source(chance, self.originals)
            drawn = self._original(source)
            base = grams("".join(drawn))
            goal = chance.uniform(self.plan.low, self.plan.high)
            text, similarity = "", 1.0
            for _ in range(60):
                edited = drawn
                for _ in range(max(1, sum(map(len, drawn)) // 400)):
                    edited = self._edit(edited, chance)
                candidate = "".join(edited)
                measured = jaccard(base, grams(candidate))
                if measured < self.plan.low:
                    continue
                drawn, text, similarity = edited, candidate, measured
                if similarity <= goal:
                    break
            if self.plan.low <= similarity <= self.plan.high:
                return Document(text, "near", source, source, similarity)

    def _edit(self, drawn: list[str], chance: random.Random) -> list[str]:
        edited = list(drawn)
        at = chance.randrange(len(edited))
        piece = edited[at]
        place = chance.randrange(len(piece)) if piece else 0
        match chance.choices([name for name, _ in EDITS], [weight for _, weight in EDITS])[0]:
            case "replace":
                edited[at] = piece[:place] + chance.choice(self.letters) + piece[place + 1 :]
            case "drop":
                edited[at] = piece[:place] + piece[place + 1 :]
            case "insert":
                edited[at] = piece[:place] + chance.choice(self.letters) + piece[place:]
            case "drop piece":
                del edited[at]
            case "insert piece":
                edited.insert(at, chance.choice(self.pieces))
            case "swap":
                other = chance.randrange(len(edited))
                edited[at], edited[other] = edited[other], edited[at]
            case "other piece":
                edited[at] = chance.choice(self.pieces)
        return edited or drawn

    def _source(self, chance: random.Random, among: int) -> int:
        few = max(1, self.originals // 200)
        return chance.randrange(few if chance.random() < 0.25 else among)

    def _chance(self, number: int, salt: int) -> random.Random:
        return random.Random(((self.plan.seed << 8) + salt << 40) + number)


def write(planted: Planted, out: Path) -> dict[str, object]:
    """`out`.jsonl (id, text) in shuffled order and `out`.truth.parquet (id, kind, root, source, jaccard)."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    total = planted.plan.documents
    order = np.random.Generator(np.random.PCG64(planted.plan.seed)).permutation(total)
    place = np.empty(total, dtype=np.int64)
    place[order] = np.arange(total)
    characters = 0
    schema = pa.schema(
        [(name, pa.string()) for name in ("id", "kind", "root", "source")] + [("jaccard", pa.float32())]
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    corpus, truth = out.with_name(f"{out.name}.jsonl"), out.with_name(f"{out.name}.truth.parquet")
    with corpus.open("w", encoding="utf-8") as file, pq.ParquetWriter(truth, schema) as rows:
        for start in range(0, total, 50_000):
            batch = []
            for at in range(start, min(start + 50_000, total)):
                one = planted.document(int(order[at]))
                characters += len(one.text)
                file.write(json.dumps({"id": _name(at), "text": one.text}, ensure_ascii=False) + "\n")
                batch.append(
                    (_name(at), one.kind, _name(place[one.root]), _name(place[one.source]), one.jaccard)
                )
            columns = [list(column) for column in zip(*batch, strict=True)]
            rows.write_table(pa.table(columns, schema=schema))
    return {
        "documents": total,
        "code_points": characters,
        "bytes": corpus.stat().st_size,
        "pieces": len(planted.pieces),
    }


def pieces(files: Sequence[Path]) -> list[str]:
    """The different pieces of JSON lines (`text`) or plain text files, in order of appearance."""
    found: dict[str, None] = {}
    for file in files:
        for line in _lines(file):
            found.update(dict.fromkeys(PIECE.findall(line.strip())))
    return list(found)


def alike(pieces: Sequence[str], identical: int, similar: int, seed: int = 1) -> Iterator[str]:
    """One text `identical` times and `similar` different texts, any two of them at 0.8 or above.

    Up to four of about 450 characters are replaced in each: at most 20 of its 5-grams, and of two texts
    at most 40 are not shared by each.
    """
    chance = random.Random(seed)
    base = ""
    while len(base) < 450:
        base += chance.choice(pieces)
    letters = sorted(set("".join(pieces[:2000])))
    seen = {base}
    yield from (base for _ in range(identical))
    while len(seen) <= similar:
        text = list(base)
        for at in chance.sample(range(len(base)), chance.randint(1, 4)):
            text[at] = chance.choice(letters)
        joined = "".join(text)
        if joined not in seen:
            seen.add(joined)
            yield joined


def grams(text: str) -> set[str]:
    """Code-point 5-grams; a shorter text is its own gram."""
    return {text[at : at + GRAM] for at in range(len(text) - GRAM + 1)} or {text}


def jaccard(one: set[str], other: set[str]) -> float:
    shared = len(one & other)
    return shared / (len(one) + len(other) - shared)


def _lines(file: Path) -> Iterator[str]:
    with file.open(encoding="utf-8", errors="replace") as rows:
        for row in rows:
            if file.suffix in (".jsonl", ".ndjson"):
                yield from str(json.loads(row).get("text") or "").splitlines()
            else:
                yield row


def _name(place: int) -> str:
    return f"d{place:08d}"
