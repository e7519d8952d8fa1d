"""What the shipped model has read: laws, documents of the State Council, service guides, invented records.

All of it may be passed on: laws and official documents have no copyright (Copyright Law of the PRC, article
5), the service guides were published under MIT, and the records come from our own generator.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from random import Random

from curation.errors import UsageError
from curation.samples import plan
from training.unlabelled import Text

PASSAGE = 200
"""Characters of a passage: as long as most letters are, and as much as one look of the small model takes."""

MOST = 6
"""Passages of one document: a code of 1,200 articles is not read a hundred times as much as a notice."""

HELD_OUT = 40
"""One document in so many is not read, and the loss is measured on it."""

RECORDS = 3000
"""Invented records of each seed."""

_GUIDE = {
    "DEPT_NAME": "实施主体",
    "TASK_TYPE_TEXT": "事项类型",
    "service_object_name": "服务对象",
    "theme_category": "主题",
    "accept_standard": "受理条件",
    "material_intro": "材料",
    "handle_time_limit": "承诺时限",
    "handle_location": "地点",
}
"""Fields of a service guide that say what it is about. Telephones and links do not."""

_COMMENT = "<!--"


@dataclass(frozen=True)
class Corpus:
    """What is read and what the loss is measured on, by kind: laws, documents, guides, invented."""

    read: dict[str, list[Text]]
    held_out: dict[str, list[Text]]

    def texts(self) -> list[Text]:
        """All that is read."""
        return [text for texts in self.read.values() for text in texts]


def gather(
    laws: Sequence[Path], policies: Path, service_items: Path, *, seeds: Sequence[int], seed: int
) -> Corpus:
    """Read the files.

    Args:
        laws: JSON lines with title, version_date and text; of several versions of a law the last is taken.
        policies: JSON lines with title and text.
        service_items: JSON lines with the fields of `_GUIDE`.
        seeds: of the invented records.
        seed: decides which passages of a long document are read.

    Raises:
        UsageError: a file that is not there or holds nothing of what is wanted.
    """
    newest: dict[str, Text] = {}
    for row in sorted(_rows(laws), key=lambda row: row.get("version_date") or ""):
        newest[row["title"]] = Text(row["title"], _prose(row["text"]))
    documents = {
        "laws": list(newest.values()),
        "documents": list(
            {row["title"]: Text(row["title"], row["text"]) for row in _rows([policies])}.values()
        ),
        "guides": [_guide(row) for row in _rows([service_items])],
    }
    draw = Random(seed)
    read: dict[str, list[Text]] = {}
    held_out: dict[str, list[Text]] = {}
    for kind, found in documents.items():
        passages = [_passages(each, draw) for each in found]
        read[kind] = [
            one for each, ones in zip(found, passages, strict=True) if not _held_out(each) for one in ones
        ]
        held_out[kind] = [
            one for each, ones in zip(found, passages, strict=True) if _held_out(each) for one in ones
        ]
    made = [text for each in seeds for text in invented(each, RECORDS)]
    read["invented"] = [each for each in made if not _held_out(each)]
    held_out["invented"] = [each for each in made if _held_out(each)]
    return Corpus(read, held_out)


def _rows(files: Sequence[Path]) -> Iterator[dict[str, str]]:
    for path in files:
        try:
            with path.open(encoding="utf-8") as lines:
                yield from map(json.loads, lines)
        except OSError as error:
            raise UsageError(f"{path}: {error.strerror}") from None


def _prose(text: str) -> str:
    """A law without its heading, marks of its file and empty lines."""
    lines = (line.strip() for line in text.splitlines())
    return "\n".join(line.lstrip("# ") for line in lines if line and not line.startswith((_COMMENT, "# ")))


def _guide(row: dict[str, str]) -> Text:
    said = ((name, str(row.get(field) or "").strip("[]").replace("'", "")) for field, name in _GUIDE.items())
    return Text(
        row["TASK_NAME"], "\n".join(f"{name}：{value}" for name, value in said if value not in ("", "无"))
    )


def _passages(document: Text, draw: Random) -> list[Text]:
    """At most `MOST` passages, in their order; one ends where a line does, if it is long enough by then."""
    found: list[str] = []
    passage = ""
    for line in document.text.splitlines():
        for start in range(0, len(line), PASSAGE):
            part = line[start : start + PASSAGE]
            if passage and len(passage) + len(part) >= PASSAGE:
                found.append(passage)
                passage = ""
            passage = f"{passage}\n{part}" if passage else part
    if passage.strip():
        found.append(passage)
    chosen = sorted(draw.sample(range(len(found)), min(MOST, len(found))))
    return [Text(document.title, found[place]) for place in chosen]


def invented(seed: int, records: int) -> Iterator[Text]:
    """The generator's letters and work orders, service guides and notices."""
    drawn = plan.draw(Random(seed), records)
    for letter in drawn.letters:
        yield Text(letter.content.title.text, letter.content.text.text[:PASSAGE])
    for guide in drawn.guides:
        title, *fields = (f"{name}：{said.text}" for name, said in guide.content.fields.items())
        yield Text(title.partition("：")[2], "\n".join(fields)[:PASSAGE])
    for notice in drawn.notices:
        lines = [line.strip() for line in notice.content.text.text.splitlines() if line.strip()]
        if title := next((line for line in lines if line.startswith("关于")), ""):
            yield Text(title, "\n".join(line for line in lines if line != title)[:PASSAGE])


def _held_out(document: Text) -> bool:
    """By title, so that all that shares one is read or held out."""
    return blake2b(document.title.encode(), digest_size=4).digest()[0] % HELD_OUT == 0
