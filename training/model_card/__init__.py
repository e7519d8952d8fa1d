"""The model card: `README.md` of a training, front matter as the Hugging Face Hub reads it and a body in
Chinese or English. Every number of it is taken from the lock, the journal, the evaluation or the data card;
what none of them says is called not measured. No record is shown.
"""

from __future__ import annotations

import re
from pathlib import Path

from curation.files import whole_file
from curation.lang import Lang
from curation.writing import hub
from curation.writing.words import Words
from training.model_card.facts import Facts, gather
from training.model_card.front import front_matter
from training.model_card.sections import SECTIONS

CARD = "README.md"
_MARK = re.compile(r"<!-- govtune model card (zh|en) -->")


def write(folder: Path, lang: Lang | None = None) -> Path:
    """Write the card of a finished training anew.

    Args:
        lang: default: the language that the card has, Chinese for a new one.

    Raises:
        UsageError: the folder is no finished training, or its card cannot be written.
    """
    path = folder / CARD
    text = render(gather(folder), lang or _language(path))
    with whole_file(path) as aside:
        aside.write_text(text, encoding="utf-8", newline="\n")
    return path


def render(facts: Facts, lang: Lang) -> str:
    """The card as Markdown; equal arguments give equal bytes.

    Raises:
        UsageError: a front matter that the Hub would refuse.
    """
    words = Words(lang)
    sections = [section(facts, words) for section in SECTIONS]
    front = hub.front_matter(front_matter(facts), CARD)
    mark = f"<!-- govtune model card {lang} -->"
    body = "\n\n".join("\n".join(lines) for lines in sections if lines)
    return f"{front}\n{mark}\n{body}\n"


def check(folder: Path, lang: Lang | None = None) -> bool:
    """Whether the card of a training is what would be written now.

    Args:
        lang: default: the language that the card has.

    Raises:
        UsageError: the folder is no finished training.
    """
    path = folder / CARD
    text = render(gather(folder), lang or _language(path))
    return path.is_file() and path.read_bytes() == text.encode()


def _language(path: Path) -> Lang:
    found = _MARK.search(path.read_text(encoding="utf-8")) if path.is_file() else None
    return "en" if found and found[1] == "en" else "zh"
