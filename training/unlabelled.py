"""Texts without a label, from files: what the base reads before it is tuned, and what a labeller labels.

A text that gives a held-out conversation away would let the model read its own examination: it is left out,
an exact copy as well as a near one, and counted. So is one that another of the texts already says.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from curation.decontaminate import Index, Item, Options
from curation.decontaminate.items import of_messages
from curation.deduplicate.near import find_duplicates
from curation.errors import UsageError
from curation.ingest.mapping import Settings, map_columns
from curation.ingest.precision import display
from curation.ingest.tables import Row, read_rows
from curation.instruct.task import Task
from training.data import Conversation

_PLACEHOLDER = re.compile(r"\\\{(\w+)\\\}")


@dataclass(frozen=True)
class Text:
    """What someone wrote, with its title, which may be empty."""

    title: str
    text: str

    @property
    def whole(self) -> str:
        """Title and text, a line each where there are both."""
        return "\n".join(part for part in (self.title, self.text) if part.strip())


@dataclass(frozen=True)
class Unlabelled:
    """The texts of files, in their order.

    Attributes:
        rows: of the files; of these, `empty` hold no text, `duplicates` are near copies of another one, and
            `given_away` give a held-out conversation away.
        digest: of all that the files say.
    """

    texts: list[Text]
    rows: int = 0
    empty: int = 0
    duplicates: int = 0
    given_away: int = 0
    digest: str = ""

    @property
    def counts(self) -> dict[str, int]:
        """Rows, and what was left out of them by reason; empty where there were no files."""
        left_out = {"empty": self.empty, "duplicates": self.duplicates, "given_away": self.given_away}
        return {"rows": self.rows, **left_out} if self.rows else {}


def line(counts: Mapping[str, int]) -> str:
    """`Unlabelled.counts` for people, with `labelled`: how many were learnt with a machine's label."""
    left_out = {
        "without text": counts["empty"],
        "copies of another": counts["duplicates"],
        "give held-out examples away": counts["given_away"],
    }
    used = counts["rows"] - sum(left_out.values())
    told = ", ".join(f"{count:,} {why}" for why, count in left_out.items() if count)
    labelled = counts.get("labelled")
    return (
        f"{used:,} texts without a label"
        + (f"; left out: {told}" if told else "")
        + (f"; {labelled:,} of them learnt with a label that a machine gave" if labelled else "")
    )


def read(paths: Sequence[str | Path], held_out: Sequence[Conversation]) -> Unlabelled:
    """The texts of files with columns of a title or a text (title, text, 标题, 诉求内容 ...).

    Args:
        held_out: conversations that the model is measured on, of every split.

    Raises:
        UsageError: a file that cannot be read, or without such a column.
        InputError: a row that cannot be read.
    """
    rows = [text for path in paths for text in _texts(Path(path))]
    some = [text for text in rows if text.whole.strip()]
    first = find_duplicates([text.whole for text in some]).cluster.tolist()
    distinct = [text for place, text in enumerate(some) if first[place] == place]
    kept = _without_leaks(distinct, held_out)
    return Unlabelled(
        kept,
        rows=len(rows),
        empty=len(rows) - len(some),
        duplicates=len(some) - len(distinct),
        given_away=len(distinct) - len(kept),
        digest=_digest(kept),
    )


def of_conversations(conversations: Iterable[Conversation], task: Task | None) -> list[Text]:
    """What the users of conversations wrote: title and text apart, where the task's own template says which
    is which, else the first line of several is the title."""
    return [
        _of_message(message["content"], task)
        for conversation in conversations
        for message in conversation.messages
        if message["role"] == "user" and message["content"].strip()
    ]


def _texts(path: Path) -> Iterator[Text]:
    read = read_rows(path)
    columns = map_columns(read.columns, Settings()).fields
    if not {"title", "text"} & set(columns):
        raise UsageError(f"{path}: no column with text (title, text, 标题, 诉求内容 ...) was found")
    for row in read.rows:
        yield Text(_said(row, columns.get("title")), _said(row, columns.get("text")))


def _said(row: Row, column: str | None) -> str:
    value = row.get(column) if column else None
    return "" if isinstance(value, (bool, list, dict)) else display(value) or ""


def _without_leaks(texts: list[Text], held_out: Sequence[Conversation]) -> list[Text]:
    if not texts or not held_out:
        return texts
    items = [Item(str(number), "", *of_messages(each.messages)) for number, each in enumerate(held_out)]
    found = Index(items, Options.model_validate({})).leaks(
        [(each.title, each.text, each.whole) for each in texts]
    )
    return [text for text, leak in zip(texts, found, strict=True) if leak is None]


def _of_message(content: str, task: Task | None) -> Text:
    """The title is the template's own, or else the first line of several."""
    if task and (found := re.fullmatch(_inverse(task.user), content.strip(), re.DOTALL)):
        said = found.groupdict()
        return Text(said.get("title") or "", said.get("text") or "")
    title, _, text = content.strip().partition("\n")
    return Text(title, text) if text.strip() else Text("", title)


def _inverse(template: str) -> str:
    """A pattern of what `fill` makes of a template: each of its lines may be missing."""
    lines = []
    for line in template.strip().splitlines():
        pattern = _PLACEHOLDER.sub(lambda name: f"(?P<{name[1]}>.*?)", re.escape(line))
        lines.append(f"(?:{pattern}(?:\\n|$))?" if "(?P<" in pattern else f"{pattern}(?:\\n|$)")
    return "".join(lines)


def _digest(texts: Iterable[Text]) -> str:
    total = sha256()
    for each in texts:
        total.update(f"{each.title}\0{each.text}\0".encode("utf-8", "surrogatepass"))
    return total.hexdigest()
