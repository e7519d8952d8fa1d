"""The stage `boilerplate`: which paragraphs are a form's, not the writer's, because many records have them.

A paragraph is boilerplate if it stands in at least `min_records` records that differ as a whole: fifty copies
of one notice are one record here, so they make none of its lines boilerplate. Only digests are compared.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic import Field

from curation import records, stage

METRIC = "boilerplate"
"""The name in `quality`: the share of a record's code points that stand in boilerplate paragraphs."""

Unit = Literal["paragraph", "sentence"]

# An ASCII mark ends a sentence of Chinese, not `<!--` and not the address of a page.
_SENTENCE_END = re.compile(r"(?:[。！？]|(?<=[^\x00-\x7f])[!?])[。！？!?]*[”’」』）】)]*")


class BoilerplateParams(stage.Params):
    """What is boilerplate and what happens to it.

    Attributes:
        min_records: a paragraph that stands in so many records with different texts is boilerplate.
        min_length: a shorter paragraph (in code points) never is: 附则, 此致, a salutation.
        unit: `paragraph` is a line. Replies written as one long line have their formulas in sentences.
        action: `mark` measures; `remove` also takes the paragraphs out of title, text and reply.
    """

    min_records: int = Field(20, ge=2)
    min_length: int = Field(10, ge=1)
    unit: Unit = "paragraph"
    action: Literal["mark", "remove"] = "mark"


@dataclass(frozen=True)
class Paragraph:
    """A boilerplate paragraph, white space normalised, and the number of different texts it stands in."""

    text: str
    records: int


def boilerplate_paragraphs(
    texts: Sequence[str], *, min_records: int = 20, min_length: int = 10, unit: Unit = "paragraph"
) -> list[Paragraph]:
    """The boilerplate paragraphs of these texts, most frequent first; for the screen and the notebook."""
    params = BoilerplateParams(min_records=min_records, min_length=min_length, unit=unit)
    common = _common(_keys([(text,) for text in texts], params), params.min_records)
    counts = dict(zip(common["digest"].to_pylist(), common["records"].to_pylist(), strict=True))
    found: list[Paragraph] = []
    for text in texts:
        if not counts:
            break
        for piece in _pieces((text,), params.unit):
            digest = int.from_bytes(_digest(piece.text), "little")
            if len(piece.text) >= params.min_length and digest in counts:
                found.append(Paragraph(piece.text, counts.pop(digest)))
    return sorted(found, key=lambda paragraph: (-paragraph.records, paragraph.text))


class Boilerplate(stage.Exchange):
    """Fill the metric `boilerplate` in `quality`; with `action: remove` also edit the texts.

    A record of which nothing is left is dropped (`only_boilerplate`), its texts stay as they were. What was
    removed is counted in `evidence`, of kept records too; the metric always speaks of the text before that.
    """

    name = "boilerplate"
    Params = BoilerplateParams

    def __init__(self, params: BoilerplateParams | None = None, *, key: bytes | None = None) -> None:
        super().__init__(params, key=key)
        edited = records.TEXT_FIELDS if self.params.action == "remove" else ()
        self.adds = pa.schema(  # type: ignore[misc]  # depends on the recipe
            [records.PUBLIC.field(name) for name in (*edited, "quality")]
        )

    def keys(self, table: pa.Table) -> pa.Table:
        return _keys(_texts(table), self.params).add_column(0, "id", table["id"])

    def decide(self, keys: pa.Table, fetch: stage.Fetch) -> pa.Table:
        """For each record that has boilerplate the places of it among its own long enough paragraphs."""
        common = _common(keys, self.params.min_records)["digest"]
        digests, owners = _flat(keys)
        hits = np.flatnonzero(pc.is_in(digests, common.combine_chunks()))
        counts = pc.list_value_length(keys["paragraphs"]).to_numpy()
        places = (hits - (np.cumsum(counts) - counts)[owners[hits]]).astype(np.int32)
        rows, starts = np.unique(owners[hits], return_index=True)
        offsets = pa.array(np.append(starts, len(hits)), pa.int32())
        return pa.table({"id": keys["id"].take(rows), "places": pa.ListArray.from_arrays(offsets, places)})

    def apply(self, table: pa.Table, verdict: pa.Table) -> pa.Table:  # type: ignore[override]
        parts: dict[int, _Part] = {
            row: _part(texts, set(places), self.params)
            for row, (texts, places) in enumerate(
                zip(_texts(table), verdict["places"].to_pylist(), strict=True)
            )
            if places
        }
        shares = [parts[row].share if row in parts else 0.0 for row in range(table.num_rows)]
        table = records.with_columns(table, {"quality": _measured(table["quality"], shares)})
        return self._removed(table, parts) if self.params.action == "remove" and parts else table

    def _removed(self, table: pa.Table, parts: dict[int, _Part]) -> pa.Table:
        columns = {name: table[name].to_pylist() for name in (*records.TEXT_FIELDS, "evidence")}
        empty = [False] * table.num_rows
        for row, part in parts.items():
            columns["evidence"][row] = part.evidence(self.params.unit)
            empty[row] = not any(text and text.strip() for text in part.left)
            if not empty[row]:
                for name, text in zip(records.TEXT_FIELDS, part.left, strict=True):
                    columns[name][row] = text
        table = records.with_columns(table, columns)
        return records.drop(
            table, empty, stage=self.name, reason="only_boilerplate", evidence=table["evidence"]
        )


class _Piece(NamedTuple):
    """A paragraph: the field it stands in, as it was written, and with white space normalised."""

    field: int
    raw: str
    text: str


@dataclass(frozen=True)
class _Part:
    """What boilerplate is to one record: its share, its number and code points, and the texts without it."""

    share: float
    removed: int
    characters: int
    left: list[str | None]

    def evidence(self, unit: str) -> str:
        return f"{self.removed} {unit}{'s' * (self.removed > 1)} removed, {self.characters} code points"


def _texts(table: pa.Table) -> Iterator[tuple[str | None, ...]]:
    """The text fields of each record."""
    return zip(*(table[name].to_pylist() for name in records.TEXT_FIELDS), strict=True)


def _keys(rows: Iterable[Sequence[str | None]], params: BoilerplateParams) -> pa.Table:
    """Digests of each record: of the whole, and of each of its long enough paragraphs in order."""
    whole, flat, offsets = bytearray(), bytearray(), [0]
    for texts in rows:
        pieces = [piece.text for piece in _pieces(texts, params.unit) if piece.text]
        whole += _digest("\n".join(pieces))
        for text in pieces:
            if len(text) >= params.min_length:
                flat += _digest(text)
        offsets.append(len(flat) // 8)
    digests = pa.array(np.frombuffer(bytes(flat), "<u8"))
    return pa.table(
        {
            "whole": np.frombuffer(bytes(whole), "<u8"),
            "paragraphs": pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), digests),
        }
    )


def _pieces(texts: Sequence[str | None], unit: Unit) -> Iterator[_Piece]:
    """The paragraphs of each field in turn; joined, their `raw` is the field."""
    for field, text in enumerate(texts):
        for line in (text or "").splitlines(keepends=True):
            for raw in (line,) if unit == "paragraph" else _sentences(line):
                yield _Piece(field, raw, " ".join(raw.split()))


def _sentences(line: str) -> Iterator[str]:
    start = 0
    for end in _SENTENCE_END.finditer(line):
        yield line[start : end.end()]
        start = end.end()
    yield line[start:]


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()


def _common(keys: pa.Table, min_records: int) -> pa.Table:
    """The digests that enough different records have, and in how many: `digest`, `records`."""
    digests, owners = _flat(keys)
    ordered = np.sort(digests.to_numpy())
    apart = min_records - 1
    frequent = pc.is_in(digests, pa.array(np.unique(ordered[apart:][ordered[apart:] == ordered[:-apart]])))
    distinct = np.zeros(keys.num_rows, bool)
    distinct[np.unique(keys["whole"].to_numpy(), return_index=True)[1]] = True
    counted = pc.and_(frequent, pa.array(distinct[owners]))
    grouped = (
        pa.table({"digest": digests.filter(counted), "owner": pa.array(owners).filter(counted)})
        .group_by("digest")
        .aggregate([("owner", "count_distinct")])
        .rename_columns({"owner_count_distinct": "records"})
    )
    return grouped.filter(pc.greater_equal(grouped["records"], min_records))


def _flat(keys: pa.Table) -> tuple[pa.Array, NDArray[np.int32]]:
    """All paragraphs' digests, and the row of the record that each stands in."""
    paragraphs = keys["paragraphs"].combine_chunks()
    owners = np.repeat(np.arange(keys.num_rows, dtype=np.int32), pc.list_value_length(paragraphs).to_numpy())
    return paragraphs.flatten(), owners


def _part(texts: Sequence[str | None], places: set[int], params: BoilerplateParams) -> _Part:
    """One record apart from its boilerplate, which stands at these places of its long enough paragraphs."""
    kept: list[list[str]] = [[] for _ in texts]
    lost: set[int] = set()
    all_characters = characters = place = 0
    for piece in _pieces(texts, params.unit):
        long = len(piece.text) >= params.min_length
        all_characters += len(piece.text)
        if long and place in places:
            characters += len(piece.text)
            lost.add(piece.field)
        else:
            kept[piece.field].append(piece.raw)
        place += long
    left = [_tidy("".join(kept[field])) if field in lost else text for field, text in enumerate(texts)]
    return _Part(characters / all_characters, len(places), characters, left)


def _tidy(text: str) -> str:
    """The text without the empty lines that a removal leaves: at most one in a row, none at the ends."""
    lines: list[str] = []
    for line in text.splitlines(keepends=True):
        if line.strip() or (lines and lines[-1].strip()):
            lines.append(line)
    return "".join(lines).rstrip()


def _measured(quality: pa.ChunkedArray, shares: Sequence[float]) -> list[list[dict[str, object]]]:
    """The metrics that are there already, and this one."""
    return [
        [*(each for each in before or () if each["metric"] != METRIC), {"metric": METRIC, "value": share}]
        for before, share in zip(quality.to_pylist(), shares, strict=True)
    ]
