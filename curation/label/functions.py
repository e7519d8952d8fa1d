"""Labelling functions: people's own in Python, and a taxonomy's rules; each votes for a label or abstains."""

from __future__ import annotations

import dataclasses
import importlib.util
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curation.errors import InputError, UsageError, place
from curation.label import features, rules
from curation.label.rules import Kind, Rule
from curation.label.taxonomy import Condition, Taxonomy
from curation.strict import nearest

ABSTAIN = None
"""What a labelling function returns that has no opinion."""

Record = Mapping[str, Any]
"""A row by its columns; `title` and `text` are strings, empty where there are none."""

_SAID = 40
"""Characters of a wrong answer that are compared with the labels: it may be a whole text."""


@dataclasses.dataclass(frozen=True)
class LabellingFunction:
    """A function in Python that votes.

    Attributes:
        call: gets a record; returns a label as it stands in records, or `ABSTAIN`.
        label: with it the function answers yes or no instead, and yes is a vote for this label.
    """

    name: str
    call: Callable[[Record], object]
    label: str | None = None


@dataclasses.dataclass(frozen=True)
class RuleFunction:
    """Rules of one label that vote together: for it where one of them holds.

    Attributes:
        against: the label's rules that take the vote away again.
    """

    name: str
    kind: Kind
    label: int
    rules: tuple[Rule, ...]
    against: tuple[Rule, ...] = ()


def labelling_function(
    *, label: str | None = None, name: str | None = None
) -> Callable[[Callable[[Record], object]], LabellingFunction]:
    """Make a labelling function of a Python function.

    Args:
        label: the label that a true answer is a vote for; without it the function returns the label itself.
        name: instead of the function's own.

    Example:
        >>> @labelling_function(label="交通运输")
        ... def bus(record):
        ...     return "公交" in record["text"]
    """

    def made(call: Callable[[Record], object]) -> LabellingFunction:
        return LabellingFunction(name or str(getattr(call, "__name__", "function")), call, label)

    return made


def load_functions(path: Path, taxonomy: Taxonomy) -> tuple[LabellingFunction, ...]:
    """The labelling functions of a Python file, in their order. The file is run.

    Raises:
        UsageError: no such file, one that cannot be run or has no labelling function, a name that stands
            twice, or a label that the taxonomy has not.
    """
    if not path.is_file():
        raise UsageError(f"{path}: no such file")
    spec = importlib.util.spec_from_file_location("labelling_functions", path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{path.name}: not a Python file")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        raise UsageError(f"{path.name}, line {error.lineno}: not valid Python: {error.msg}") from None
    except Exception as error:
        raise UsageError(f"{path.name}: cannot be run: {place(error)}") from None
    found = [each for each in vars(module).values() if isinstance(each, LabellingFunction)]
    found = list({id(each): each for each in found}.values())
    if not found:
        raise UsageError(f"{path.name}: no function marked with @labelling_function(...)")
    for name, count in Counter(each.name for each in found).items():
        if count > 1:
            raise UsageError(f"{path.name}: labelling function {name} stands twice")
    for each in found:
        if each.label is not None and each.label not in taxonomy.values:
            hint = nearest(each.label, taxonomy.values)
            raise UsageError(
                f"{path.name}: labelling function {each.name}: no label {each.label} in {taxonomy.name}{hint}"
            )
    return tuple(found)


def from_taxonomy(taxonomy: Taxonomy, *, each_rule: bool = False) -> tuple[RuleFunction, ...]:
    """The rules of a taxonomy as labelling functions: one for each label and kind of rule.

    Args:
        each_rule: one for each single rule instead.
    """
    groups: dict[tuple[int, Kind, str], list[Rule]] = {}
    against: dict[int, list[Rule]] = {}
    for rule in rules.of(taxonomy):
        if rule.against:
            against.setdefault(rule.label, []).append(rule)
        else:
            groups.setdefault((rule.label, rule.kind, str(rule) if each_rule else ""), []).append(rule)
    return tuple(
        RuleFunction(
            name=" ".join(filter(None, (taxonomy.values[label], kind, alone))),
            kind=kind,
            label=label,
            rules=tuple(group),
            against=tuple(against.get(label, ())),
        )
        for (label, kind, alone), group in groups.items()
    )


@dataclasses.dataclass(frozen=True)
class Votes:
    """What labelling functions say of records.

    Attributes:
        names: of the functions.
        matrix: index of the label each one votes for, -1 where it abstains, shape (records, functions).
        slow: regular expressions to the number of texts that they took too long for, and abstained from.
        missing: columns that rules ask for and no record has; these rules abstain.
    """

    names: tuple[str, ...]
    matrix: NDArray[np.int64]
    slow: dict[str, int]
    missing: tuple[str, ...]


def apply(
    functions: Sequence[LabellingFunction | RuleFunction],
    taxonomy: Taxonomy,
    records: Sequence[Record],
    *,
    file: str = "records",
    numbers: Sequence[int] | None = None,
) -> Votes:
    """Ask every function about every record.

    Args:
        file, numbers: what errors call the records: their file, and the number of each row in it.

    Raises:
        InputError: a function failed; the line names function, file and row.
        UsageError: a function returned what is no label, or a regular expression takes too long.
    """
    numbers = range(1, len(records) + 1) if numbers is None else numbers
    matrix = np.full((len(records), len(functions)), -1, np.int64)
    ruled = [(at, each) for at, each in enumerate(functions) if isinstance(each, RuleFunction)]
    found = _rule_votes([each for _, each in ruled], records, matrix, [at for at, _ in ruled])
    index = {value: number for number, value in enumerate(taxonomy.values)}
    for at, function in enumerate(functions):
        if isinstance(function, LabellingFunction):
            for row, record in enumerate(records):
                where = (file, numbers[row])
                matrix[row, at] = _vote(function, record, index, taxonomy.name, where)
    return Votes(tuple(each.name for each in functions), matrix, *found)


def _rule_votes(
    functions: Sequence[RuleFunction],
    records: Sequence[Record],
    matrix: NDArray[np.int64],
    columns: Sequence[int],
) -> tuple[dict[str, int], tuple[str, ...]]:
    """Fill the columns of rule functions, all of their rules looked for in one pass."""
    asked = list(dict.fromkeys(rule for each in functions for rule in (*each.rules, *each.against)))
    documents = [features.document(record.get("title"), record.get("text")) for record in records]
    wanted = {rule.test.field for rule in asked if isinstance(rule.test, Condition)}
    values = {
        name: [record.get(name) for record in records]
        for name in sorted(wanted)
        if any(name in record for record in records)
    }
    matched = rules.match(asked, documents, values)
    slow = {str(asked[number]): count for number, count in matched.slow.items()}
    matched = rules.in_favour(asked, matched)
    order = np.argsort(matched.rules, kind="stable")
    rows_of = np.split(matched.rows[order], np.searchsorted(matched.rules[order], np.arange(1, len(asked))))
    rows = dict(zip(asked, rows_of, strict=True)) if asked else {}
    for function, column in zip(functions, columns, strict=True):
        for rule in function.rules:
            matrix[rows[rule], column] = function.label
    return slow, matched.missing


def _vote(
    function: LabellingFunction, record: Record, index: Mapping[str, int], scheme: str, where: tuple[str, int]
) -> int:
    file, row = where
    try:
        said = function.call(record)
        yes = bool(said)
    except Exception as error:
        problem = f"labelling function {function.name} failed: {place(error)}"
        raise InputError(problem, file=file, row=row) from None
    if function.label is not None and not isinstance(said, str):
        return index[function.label] if yes else -1
    if said is None:
        return -1
    # What was returned may be a text, so it is not told.
    if not isinstance(said, str):
        what = f"returned a value of type {type(said).__name__}, which is no label of {scheme}"
    elif said not in index:
        what = f"returned what is no label of {scheme}{nearest(said[:_SAID], index)}"
    elif function.label is not None and said != function.label:
        what = f"returned another label than {function.label}, which it is declared for"
    else:
        return index[said]
    raise InputError(f"labelling function {function.name} {what}", file=file, row=row)
