"""The stage `decontaminate`: a record that gives an evaluation item away is not trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from pydantic import Field

from curation import records, stage
from curation.decontaminate.index import Index, Leak, Options
from curation.decontaminate.items import find_files, labels, read_items
from curation.decontaminate.text import SHORT, plain

REASON = "evaluation_leak"


class DecontaminateParams(Options, stage.Params):
    """What to guard and what is a leak.

    Attributes:
        against: evaluation files, or run folders, whose validation and test splits are guarded.
        allow: files with texts that letters and evaluation items both quote, such as laws.
    """

    against: list[str] = Field(min_length=1)
    allow: list[str] = Field([])


class Decontaminate(stage.Stage):
    """Drop what gives an item of an evaluation set away: `evaluation_leak`, `ref_id` the item, in the
    evidence which of its texts and how it was found.
    """

    name = "decontaminate"
    Params = DecontaminateParams

    def __init__(self, params: DecontaminateParams, *, key: bytes | None = None) -> None:
        super().__init__(params, key=key)
        self._against = find_files(self.params.against)  # a missing one is told before anything is read
        self._allow = find_files(self.params.allow)
        self._index: Index | None = None

    def options(self) -> dict[str, Any]:
        options = super().options()
        return options | {name: [Path(path).name for path in options[name]] for name in ("against", "allow")}

    def files(self) -> tuple[Path, ...]:
        return (*self._against, *self._allow)

    def setup(self) -> None:
        items = read_items(self._against)
        allowed = [text for item in read_items(self._allow) for text in (item.question, item.answer)]
        options = Options.model_validate(self.params.model_dump(include=set(Options.model_fields)))
        self._index = Index(items, options, allowed)

    def leaks(self, table: pa.Table) -> list[Leak | None]:
        """For each record what it gives away, or None; after `setup`."""
        assert self._index is not None, "setup comes first"
        return self._index.leaks(record_texts(table))

    def origins(self) -> list[str]:
        """The evaluation files, as `Leak.origin` calls them."""
        return labels(self._against)

    def apply(self, table: pa.Table) -> pa.Table:
        found = self.leaks(table)
        return records.drop(
            table,
            [leak is not None for leak in found],
            stage=self.name,
            reason=REASON,
            evidence=[leak and leak.evidence for leak in found],
            ref_id=[leak and leak.item for leak in found],
            score=[leak and leak.score for leak in found],
        )


def record_texts(table: pa.Table) -> list[list[str]]:
    """The texts of each record that an item may stand in: what is asked as a whole, a short title or text by
    itself too, the reply, and every message."""
    title, text, reply = (table[name].fill_null("").to_pylist() for name in records.TEXT_FIELDS)
    short = plain([*title, *text]).lengths < SHORT
    found: list[list[str]] = []
    for row, messages in enumerate(table["messages"].to_pylist()):
        parts = ((title[row], short[row]), (text[row], short[row + len(title)]))
        alone = [part for part, is_short in parts if is_short] if title[row] and text[row] else []
        said = ["\n".join(filter(None, (title[row], text[row]))), *alone, reply[row]]
        found.append([each for each in (*said, *message_texts(messages or ())) if each])
    return found


def message_texts(messages: Sequence[Mapping[str, Any]]) -> list[str]:
    """What the user says and what the assistant says in a chat example, as a whole and turn by turn."""
    turns = [[m["content"] for m in messages if m["role"] == role] for role in ("user", "assistant")]
    return [text for said in turns for text in ("\n".join(said), *(said if len(said) > 1 else ()))]
