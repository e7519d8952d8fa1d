"""Whether everything that is written about a data set is what its facts give: rendered again, compared by
bytes. Whoever edits a file by hand is found, and so is a file that nothing writes."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from curation.errors import UsageError
from curation.lang import Lang
from curation.run import MANAGED
from curation.writing import hub
from data_cards import figures
from data_cards.croissant import CROISSANT, faults
from data_cards.facts import Facts
from data_cards.figures import png
from data_cards.foreign import CARD
from data_cards.options import Options
from data_cards.outputs import METRICS, PREVIOUS

WRITTEN = tuple(name for name in MANAGED if name != "data")
"""What a card consists of: nothing stands there that was not rendered."""

_SHOWN = 200
"""Characters of a line that a message shows."""


def language(folder: Path) -> Lang | None:
    """The language that the card says it is in."""
    mark = re.search(r"^<!-- govtune card (zh|en) -->$", _text(folder / CARD) or "", re.MULTILINE)
    return ("en" if mark[1] == "en" else "zh") if mark else None


def formats(folder: Path, right: Mapping[str, str]) -> Iterator[str]:
    """Faults of the formats that others read: front matter of the cards."""
    for name, text in shown(folder, right).items():
        if name.startswith("README."):
            yield from (f"{name}: {fault}" for fault in hub.card_faults(text))


def described(data: Path, folder: Path) -> Iterator[str]:
    """What the Croissant file says of the data that is not so; its own validator never opens a file.

    Args:
        folder: of the card.
    """
    text = _text(folder / CROISSANT)
    if text is not None:
        yield from (f"{CROISSANT}: {fault}" for fault in faults(data, text))


def pictures(folder: Path, facts: Facts, options: Options, notes: list[str]) -> Iterator[str]:
    """Figures as PNG against what their data draws, where there are any."""
    there = any((folder / path).exists() for path in figures.paths(".png"))
    if not there and not options.png:
        return
    try:
        yield from png.faults(folder, facts)
    except UsageError as error:
        notes.append(f"figures/*.png: could not be drawn again: {error}")


def rendered(folder: Path, right: Mapping[str, str]) -> Iterator[str]:
    """Each file against the same file rendered now; the metrics have been compared by key."""
    for name, wanted in right.items():
        if name == METRICS:
            continue
        found = _text(folder / name)
        if found is None:
            yield f"{name}: missing or not UTF-8"
        elif found != wanted:
            yield f"{name}: {first_difference(wanted, found)}"


def first_difference(wanted: str, found: str) -> str:
    """Number of the first line that differs, and how it should read."""
    pairs = itertools.zip_longest(wanted.split("\n"), found.split("\n"))
    number, line = next((at, right) for at, (right, said) in enumerate(pairs, 1) if right != said)
    if line is None:
        return f"line {number} should be: absent"
    return f"line {number} should be: {line if len(line) <= _SHOWN else line[:_SHOWN] + '…'}"


def strangers(folder: Path, right: Mapping[str, str], *, is_run: bool) -> Iterator[str]:
    """Files that look like a part of the card and are none.

    Args:
        is_run: all that stands in a run's `figures/` is its own; another folder may have figures that we
            know nothing about.
    """
    pictures = {name.removesuffix(".svg") + ".png" for name in right if name.endswith(".svg")}
    ours = figures.paths(".svg") | figures.paths(".png") | {PREVIOUS}
    for name in WRITTEN:
        path = folder / name
        there = [path] if path.is_file() else [each for each in path.rglob("*") if each.is_file()]
        for each in sorted(there):
            found = each.relative_to(folder).as_posix()
            if found not in right and found not in pictures and (is_run or found in ours):
                yield f"{found}: not written by govtune for this data set"


def shown(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """The text of those files that are there."""
    texts = {name: _text(folder / name) for name in names}
    return {name: text for name, text in texts.items() if text is not None}


def _text(path: Path) -> str | None:
    try:
        return path.read_bytes().decode()
    except (OSError, UnicodeDecodeError):
        return None
