"""Which records a sample holds: fresh ones, and those derived from them with a known relation.

Two fresh records never look alike: one that comes too close to an earlier one on its topic is drawn again,
so the planted duplicates and variants are the only ones.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Callable, Iterator
from random import Random
from typing import Generic, TypeVar

from curation.errors import UsageError
from curation.samples import banks, documents, letters
from curation.samples.documents import Guide, Notice
from curation.samples.letters import Letter
from curation.samples.passage import jaccard, shingles

Content = TypeVar("Content", Letter, Notice, Guide)

_APART = 0.7
"""Fresh records are less similar than this."""
_NEAR = 0.85
"""A near duplicate is at least this similar to its original, a variant too."""


@dataclasses.dataclass(frozen=True)
class Planned(Generic[Content]):
    """A record to be written. `original`: the position in the same list of what it was derived from."""

    content: Content
    original: int | None = None
    relation: str | None = None  # exact | near | variant


@dataclasses.dataclass(frozen=True)
class Plan:
    """All records of a sample, by what they are."""

    letters: list[Planned[Letter]]
    notices: list[Planned[Notice]]
    guides: list[Planned[Guide]]


def draw(rng: Random, records: int) -> Plan:
    """Plan `records` records: 4 % exact and 4 % near duplicates, 2 % variants, 4 % notices, 5 % guides."""
    exact, near, variants = (max(1, round(records * share)) for share in (0.04, 0.04, 0.02))
    notice_count, guide_count = max(8, round(records * 0.04)), max(3, round(records * 0.05))
    near_notices, variant_notices = max(1, near // 10), max(1, variants // 3)
    near_letters, variant_letters = max(1, near - near_notices), max(1, variants - variant_notices)

    special = [documents.secret_notice(), *documents.secrecy_notices(rng)]
    fresh_notices = notice_count - len(special) - near_notices - variant_notices
    notices = _fresh(rng, fresh_notices, lambda _: documents.notice(rng))
    planned_notices = _derived(
        rng, notices, {"near": near_notices, "variant": variant_notices}, _derive_notice
    )
    planned_notices += [Planned(each) for each in special]

    categories = list(banks.load("topics"))
    letter_count = records - notice_count - guide_count
    derived = {"exact": exact, "near": near_letters, "variant": variant_letters}
    told = _fresh(
        rng,
        letter_count - sum(derived.values()),
        lambda i: letters.compose(rng, categories[i % len(categories)]),
    )
    guides = _fresh(rng, guide_count, lambda _: documents.guide(rng))
    return Plan(
        _derived(rng, told, derived, _derive_letter), planned_notices, [Planned(each) for each in guides]
    )


def comparison_text(content: Letter | Notice | Guide) -> str:
    """What deduplication compares: the text fields, a line each."""
    return "\n".join(field.text for field in content.text_fields)


def _fresh(rng: Random, count: int, make: Callable[[int], Content]) -> list[Content]:
    """`count` records made by `make(position)`, none like another.

    Raises:
        UsageError: the banks do not hold that many different records.
    """
    found: list[Content] = []
    seen: dict[str, list[frozenset[str]]] = defaultdict(list)
    for i in range(count):
        for _ in range(200):
            content = make(i)
            grams = shingles(comparison_text(content))
            if all(jaccard(grams, other) < _APART for other in seen[content.topic]):
                break
        else:
            raise UsageError(f"the wording suffices for {i} different records of a kind only: ask for fewer")
        found.append(content)
        seen[content.topic].append(grams)
    return found


def _derived(
    rng: Random,
    fresh: list[Content],
    wanted: dict[str, int],
    derive: Callable[[Random, Content, str], Content],
) -> list[Planned[Content]]:
    """The fresh records, and `wanted` many derived ones of each relation, no two from one original."""
    planned = [Planned(content) for content in fresh]
    originals = iter(rng.sample(range(len(fresh)), len(fresh)))
    for relation, count in wanted.items():
        for _ in range(count):
            planned.append(_fitting(rng, fresh, originals, relation, derive))
    return planned


def _fitting(
    rng: Random,
    fresh: list[Content],
    originals: Iterator[int],
    relation: str,
    derive: Callable[[Random, Content, str], Content],
) -> Planned[Content]:
    """The first derived record that is as similar to its original as the relation says.

    Raises:
        UsageError: no original is left.
    """
    for position in originals:
        content = derive(rng, fresh[position], relation)
        before, after = comparison_text(fresh[position]), comparison_text(content)
        if relation == "exact" or (after != before and jaccard(shingles(before), shingles(after)) >= _NEAR):
            return Planned(content, position, relation)
    raise UsageError("too few records to derive duplicates from: ask for more, or try another seed")


def _derive_letter(rng: Random, letter: Letter, relation: str) -> Letter:
    time = letters.later(rng, letter.time)
    if relation == "exact":
        return dataclasses.replace(letter, time=time)
    text = letters.reword(rng, letter.text) if relation == "near" else letter.text.renumbered(rng)
    return dataclasses.replace(letter, time=time, text=text)


def _derive_notice(rng: Random, notice: Notice, relation: str) -> Notice:
    if relation == "near":
        return documents.repost(rng, notice)
    return dataclasses.replace(notice, text=notice.text.renumbered(rng))
