"""Which of a taxonomy's rules hold for which record: keywords, names, regular expressions, conditions.

Keywords of all labels are looked for in one pass. A regular expression has a time limit for each text, so
that no text can hang it.
"""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import regex
from numpy.typing import NDArray

from curation.errors import UsageError
from curation.ingest.precision import display
from curation.label.taxonomy import Condition, Pattern, Taxonomy

Kind = Literal["keywords", "names", "patterns", "metadata"]

LIMIT = 0.5
"""Seconds that one regular expression may take for one text. A text that takes longer gets no vote of it."""

PATIENCE = 10
"""Texts that may take so long; with one more the expression itself is at fault."""

_BETWEEN = "\n"
"""Stands between two texts while they are searched together; no keyword holds it."""

_NAME = regex.compile(r"(?=.*\p{Han}.*\p{Han})(?!其他|其它)\S{2,20}")
"""Names that can stand for what they mean in a letter; what is called 其他 is defined by what it is not."""


@dataclasses.dataclass(frozen=True)
class Rule:
    """One rule.

    Attributes:
        label: index of the label, of those that may be given.
        source: code of the label it stands under.
        test: a keyword, or what to look for and where.
        against: where it holds, no rule votes for the label.
    """

    kind: Kind
    label: int
    source: str
    test: str | Pattern | Condition
    against: bool = False

    def __str__(self) -> str:
        if isinstance(self.test, str):
            return self.test
        if isinstance(self.test, Pattern):
            said = self.test.regex
        elif self.test.equals is not None:
            said = f"{self.test.field} = {self.test.equals}"
        elif self.test.matches is not None:
            said = f"{self.test.field} ~ {self.test.matches}"
        else:
            said = f"{self.test.field} in {', '.join(self.test.in_ or ())}"
        return f"not: {said}" if self.against else said


@dataclasses.dataclass(frozen=True)
class Matches:
    """Where rules hold: pairs of a record and a rule, each once, in rising order.

    Attributes:
        rows, rules: indices of the records and of the rules.
        slow: index of a regular expression to the number of texts that it took too long for.
        missing: columns that conditions ask for and no record has.
    """

    rows: NDArray[np.int64]
    rules: NDArray[np.int64]
    slow: dict[int, int]
    missing: tuple[str, ...]


def of(taxonomy: Taxonomy) -> tuple[Rule, ...]:
    """All rules of a taxonomy, those of a label together.

    What was cut off the tree votes for the label above it; what stands above the labels that may be given
    does not vote. A name is a weak keyword where it stands below the cut or its label has no other rule: two
    Han characters at least, not 其他, and no other label that may be given has it as name or keyword.
    """
    names = _names(taxonomy)
    found: dict[tuple[int, str], Rule] = {}
    for number, voters in enumerate(taxonomy.voters):
        said = [Rule("keywords", number, label.code, each) for label in voters for each in label.keywords]
        said += [Rule("names", number, code, name) for name, code in names[number].items()]
        said += [
            Rule("patterns", number, label.code, each, each.against)
            for label in voters
            for each in label.patterns
        ]
        said += [
            Rule("metadata", number, label.code, each, each.against)
            for label in voters
            for each in label.metadata
        ]
        for rule in said:  # a keyword may stand under a label and again under one below it
            found.setdefault((number, f"{rule.against} {rule.test!r}"), rule)
    return tuple(found.values())


def match(
    rules: Sequence[Rule], documents: Sequence[str], columns: Mapping[str, Sequence[Any]] | None = None
) -> Matches:
    """Where each rule holds.

    Keywords and names are found from left to right, the longest first, and do not overlap: in 社区医院 the
    keyword 医院 counts only if 社区医院 is none.

    Args:
        documents: title and text of each record.
        columns: name of a column to its values, for the conditions; where one is missing they do not hold.

    Raises:
        UsageError: a regular expression that takes too long for more than `PATIENCE` texts.
    """
    columns = columns or {}
    pairs = [_keyword_pairs(rules, documents)]
    slow: Counter[int] = Counter()
    missing: dict[str, None] = {}
    for number, rule in enumerate(rules):
        if isinstance(rule.test, Pattern):
            rows = list(_found(rule.test.regex, documents, rule, number, slow))
        elif not isinstance(rule.test, Condition):
            continue
        elif rule.test.field in columns:
            rows = list(_true(rule.test, columns[rule.test.field], rule, number, slow))
        else:
            missing[rule.test.field] = None
            continue
        pairs.append(np.array(rows, np.int64) * len(rules) + number)
    joined = np.unique(np.concatenate(pairs))
    many = max(len(rules), 1)
    return Matches(joined // many, joined % many, dict(slow), tuple(missing))


def in_favour(rules: Sequence[Rule], found: Matches) -> Matches:
    """The matches that are votes: no rules against a label, and none for a label that one is against."""
    labels = np.array([rule.label for rule in rules], np.int64)
    against = np.array([rule.against for rule in rules], bool)
    if not against.any():
        return found
    pair = found.rows * (labels.max() + 1) + labels[found.rules]
    vetoed = np.isin(pair, pair[against[found.rules]])
    return dataclasses.replace(found, rows=found.rows[~vetoed], rules=found.rules[~vetoed])


def _names(taxonomy: Taxonomy) -> list[dict[str, str]]:
    """Of each label that may be given, the names that are weak keywords for it, and whose they are."""
    said = [{label.name.zh: label for label in voters} for voters in taxonomy.voters]
    owners = Counter(itertools.chain.from_iterable(said))
    keywords = {each for label in taxonomy.labels for each in label.keywords}
    return [
        {
            name: label.code
            for name, label in names.items()
            if owners[name] == 1
            and name not in keywords
            and (label is not leaf or not label.ruled)
            and _NAME.fullmatch(name)
        }
        for names, leaf in zip(said, taxonomy.leaves, strict=True)
    ]


def _keyword_pairs(rules: Sequence[Rule], documents: Sequence[str]) -> NDArray[np.int64]:
    """Row times the number of rules plus rule, for every keyword found."""
    numbers = {rule.test: number for number, rule in enumerate(rules) if isinstance(rule.test, str)}
    if not numbers or not documents:
        return np.zeros(0, np.int64)
    # Python's own `re` finds literals in a tenth of the time that `regex` takes; they need no time limit.
    pattern = re.compile(_one_of(numbers))
    starts = np.cumsum([0, *(len(text) + len(_BETWEEN) for text in documents)])
    matches = [(each.start(), numbers[each.group()]) for each in pattern.finditer(_BETWEEN.join(documents))]
    places, hit = np.array(matches, np.int64).reshape(-1, 2).T
    rows = np.searchsorted(starts, places, side="right") - 1
    return np.unique(rows * len(rules) + hit)


def _one_of(words: Mapping[str, int]) -> str:
    """A regular expression for the longest of some words: words that begin alike share their beginning."""
    branches: dict[str, dict[str, int]] = {}
    for word, number in words.items():
        if word:
            branches.setdefault(word[0], {})[word[1:]] = number
    said = [re.escape(first) + _one_of(rest) for first, rest in branches.items()]
    if not said:
        return ""
    return f"(?:{'|'.join(said)})" + "?" * ("" in words)


def _true(
    condition: Condition, values: Sequence[Any], rule: Rule, number: int, slow: Counter[int]
) -> Iterator[int]:
    said = [display(value) or "" for value in values]
    if condition.matches is not None:
        yield from _found(condition.matches, said, rule, number, slow)
    else:
        wanted = {condition.equals} if condition.equals is not None else set(condition.in_ or ())
        yield from (row for row, value in enumerate(said) if value.strip() in wanted)


def _found(
    expression: str, texts: Sequence[str], rule: Rule, number: int, slow: Counter[int]
) -> Iterator[int]:
    """The rows in whose text an expression is found; those that take too long are counted in `slow`."""
    search = regex.compile(expression).search
    for row, text in enumerate(texts):
        try:
            if search(text, timeout=LIMIT):
                yield row
        except TimeoutError:
            slow[number] += 1
            if slow[number] > PATIENCE:
                raise UsageError(
                    f"label {rule.source}: the regular expression {expression} takes more than {LIMIT:g} s "
                    f"for more than {PATIENCE} texts; write it without nested repetitions"
                ) from None
