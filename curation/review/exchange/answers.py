"""How labels are spelt in files that people fill in elsewhere, and how what comes back is read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from curation.label.taxonomy import Label, Taxonomy
from curation.lang import Lang
from curation.strict import nearest

CANNOT_TELL: dict[Lang, str] = {"zh": "无法判断", "en": "Cannot tell"}
"""The answer of a person who cannot tell; it is stored as a null value."""

_LONGEST = 100
"""Characters up to which a label that is none is compared with those that are."""


def choices(taxonomy: Taxonomy, lang: Lang) -> tuple[str, ...]:
    """What people choose from: the labels in the order of `taxonomy.values`, then that they cannot tell.

    No two are alike, and `readings` knows each.
    """
    return tuple(dict.fromkeys([*_spelt(taxonomy, lang), CANNOT_TELL[lang]]))


def shown(taxonomy: Taxonomy, lang: Lang) -> dict[str, str]:
    """A label as it stands in records, to how people see it."""
    return dict(zip(taxonomy.values, _spelt(taxonomy, lang), strict=True))


def readings(taxonomy: Taxonomy) -> dict[str, str | None]:
    """What people may have written to the label that it stands for, None for those who cannot tell.

    Chinese and English are both read, and the path from the top of the tree instead of the name.
    """
    found: dict[str, str | None] = dict(zip(taxonomy.values, taxonomy.values, strict=True))
    paths = [[path(taxonomy, leaf, lang) for leaf in taxonomy.leaves] for lang in CANNOT_TELL]
    for spelt in (_spelt(taxonomy, "en"), *paths):
        for one, value in zip(spelt, taxonomy.values, strict=True):
            found.setdefault(one, value)
    for said in CANNOT_TELL.values():
        found.setdefault(said, None)
    return found


def path(taxonomy: Taxonomy, label: Label, lang: Lang) -> str:
    """The names from the top of the tree down to a label."""
    return "/".join(one.name.in_(lang) for one in taxonomy.lines[label.code])


def hint(label: str, known: Iterable[str]) -> str:
    """How an error goes on that must not repeat what stands in the cell: it may be anything."""
    close = nearest(label, known) if len(label) <= _LONGEST else ""
    return close if close.startswith("; did you mean") else ""


def _spelt(taxonomy: Taxonomy, lang: Lang) -> tuple[str, ...]:
    if lang == "zh":
        return taxonomy.values
    count = Counter(leaf.name.in_(lang) for leaf in taxonomy.leaves)
    names = [
        leaf.name.in_(lang) if count[leaf.name.in_(lang)] == 1 else path(taxonomy, leaf, lang)
        for leaf in taxonomy.leaves
    ]
    # What could also be read as another label keeps its Chinese name.
    count, chinese = Counter(names), set(taxonomy.values)
    return tuple(
        name if count[name] == 1 and (name == value or name not in chinese) else value
        for name, value in zip(names, taxonomy.values, strict=True)
    )
