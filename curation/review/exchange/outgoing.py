"""What leaves for people who review elsewhere: a queue of a run, with the personal data masked.

Records that are held since something personal may be left stay here: such a file travels, by mail as a rule.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pyarrow.compute as pc
import regex

from curation import records
from curation.errors import UsageError
from curation.label.taxonomy import Taxonomy
from curation.review import cases, queue
from curation.review.cases import Case, Suggestion

_UNWRITABLE = regex.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""Characters that XML 1.0 cannot hold, and with it no XLSX; data bases refuse some of them, too."""


@dataclass(frozen=True)
class Row:
    """A record for a person to judge.

    Attributes:
        id: of the record.
        content: digest of what is judged.
        reason: why it is in the queue.
        texts: masked; all of title, text and reply, empty where there is none.
        suggestion: what the machine would say.
    """

    id: str
    content: str
    reason: str
    texts: dict[str, str]
    suggestion: Suggestion | None


@dataclass(frozen=True)
class Outgoing:
    """A queue that leaves.

    Attributes:
        taxonomy: what people choose from.
        rows: in the order of the queue.
        held: records that stay, since something personal may be left in them.
        replaced: characters that no file could hold.
    """

    taxonomy: Taxonomy
    rows: list[Row]
    held: int
    replaced: int


def outgoing(folder: Path, *, size: int, seed: int) -> Outgoing:
    """The queue of a run for people elsewhere; the same run, size and seed give the same.

    Raises:
        UsageError: not a finished run, one without labels, or nothing to review.
    """
    reviewable = cases.load(folder)
    if reviewable.taxonomy is None:
        raise UsageError(f"{folder}: its recipe has no stage label, so there is nothing to label")
    if reviewable.read is None:
        raise UsageError(
            f"{folder}: its recipe does not anonymise, and a file travels; label it with govtune review"
        )
    brief = reviewable.brief
    held = pc.fill_null(pc.equal(brief["held"], "anonymise"), False)
    leaves = pc.invert(held)
    items = queue.select(brief.filter(leaves), reviewable.votes().filter(leaves), size=size, seed=seed)
    if not items:
        raise UsageError(f"{folder}: nothing to review: every record has been decided or is held")
    found = reviewable.cases([item.id for item in items])
    rows, replaced = [], 0
    for item, case in zip(items, found, strict=True):
        texts, count = _texts(case)
        rows.append(Row(item.id, case.content, item.reason, texts, case.suggestion))
        replaced += count
    return Outgoing(reviewable.taxonomy, rows, pc.sum(held).as_py() or 0, replaced)


def plain(text: str) -> tuple[str, int]:
    """The text as files can hold it, and how many characters had to be replaced."""
    replaced = _UNWRITABLE.subn("\N{REPLACEMENT CHARACTER}", text.replace("\r\n", "\n").replace("\r", "\n"))
    return replaced[0], replaced[1]


def _texts(case: Case) -> tuple[dict[str, str], int]:
    """The masked texts in plain, and how many characters had to be replaced."""
    masked = case.masked
    found = {field: plain(masked.get(field, "")) for field in records.TEXT_FIELDS}
    return {field: text for field, (text, _) in found.items()}, sum(count for _, count in found.values())
