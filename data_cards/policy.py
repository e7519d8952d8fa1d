"""Gates: what a data set must reach before it is released, as `key operator limit` over its metrics.

    schema: gates/1
    gates:
      - pii.residual.document_upper95 <= .04
      - labels.letters.precision.lower95 >= .95
      - tc609 >= 90                                  # an object with a score is compared by its score
      - answers.legal_basis is stated

A figure that was not measured fails its gate, with the reason; nothing passes because nobody looked.
"""

from __future__ import annotations

import dataclasses
import math
import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from curation import shipped
from curation.errors import UsageError
from curation.intervals import lower_bound, upper_bound
from curation.strict import first_fault, nearest, read_yaml

KIND = "gates"
"""Folder of the shipped ones."""

_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "<=": operator.le,
    "<": operator.lt,
    ">=": operator.ge,
    ">": operator.gt,
    "==": operator.eq,
    "!=": operator.ne,
}
_EXPRESSION = re.compile(
    r"(?P<key>[^\s<>=!]+)\s*(?:(?P<operator><=|>=|==|!=|<|>)\s*(?P<limit>\S.*?)|\s(?P<stated>is\s+stated))"
)
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?")
_WORDS: Mapping[str, Any] = {"true": True, "false": False, "null": None}
_RISK = 0.05
_MOST = 10_000_000
"""More records than anybody reads: beyond, no number is said."""


@dataclasses.dataclass(frozen=True)
class Gate:
    """One expression.

    Attributes:
        text: as it was written.
        limit: what the figure is compared with; None where it must only be stated.
    """

    text: str
    key: tuple[str, ...]
    operator: str
    limit: float | str | bool | None


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of a gate.

    Attributes:
        value: the figure, as text; None where it was not measured.
        why: for people, why it was not met; empty where it was.
    """

    gate: str
    met: bool
    value: str | None
    why: str

    def line(self) -> str:
        """For the terminal."""
        return f"gate {'met' if self.met else 'not met'}: {self.gate}" + (f": {self.why}" if self.why else "")


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    schema_: Literal["gates/1"] = Field(alias="schema")
    name: str | None = None
    gates: list[str]


def read(name: str) -> list[Gate]:
    """The gates in a YAML file, or those that are shipped under a name.

    Raises:
        UsageError: there is no such file, or an expression is not one; file and expression are named.
    """
    path = shipped.find(KIND, name)
    try:
        said = _File.model_validate(read_yaml(path))
    except ValidationError as error:
        raise UsageError(f"{path.name}: {first_fault(error, _File)}") from None
    if not said.gates:
        raise UsageError(f"{path.name}: gates: holds no expression, so nothing would be asked")
    return [parse(text, f"{path.name}, gate {number}") for number, text in enumerate(said.gates, 1)]


def parse(text: str, where: str = "gate") -> Gate:
    """An expression read.

    Raises:
        UsageError: it is none.
    """
    found = _EXPRESSION.fullmatch(text.strip())
    if not found:
        raise UsageError(
            f"{where}: {text}: not `key operator limit` or `key is stated`; operators are "
            f"{' '.join(_OPERATORS)}"
        )
    key = tuple(found["key"].split("."))
    if found["stated"]:
        return Gate(text, key, "is stated", None)
    limit = _limit(found["limit"])
    if found["operator"] not in ("==", "!=") and (isinstance(limit, bool) or not isinstance(limit, float)):
        raise UsageError(f"{where}: {text}: {found['operator']} compares with a number")
    return Gate(text, key, found["operator"], limit)


def judge(gates: Sequence[Gate], metrics: Mapping[str, Any], answers: Mapping[str, Any]) -> list[Outcome]:
    """What becomes of each gate.

    Args:
        metrics: as in `metrics.json`.
        answers: what people wrote in `card.yaml`, by question; null where they did not.

    Raises:
        UsageError: a key that is none, with the nearest one.
    """
    known = {**metrics, "answers": answers}
    return [_judge(gate, known, metrics) for gate in gates]


def _limit(text: str) -> float | str | bool | None:
    if _NUMBER.fullmatch(text):
        return float(text)
    if text in _WORDS:
        word: bool | None = _WORDS[text]
        return word
    return text.strip("\"'")


def _judge(gate: Gate, known: Mapping[str, Any], metrics: Mapping[str, Any]) -> Outcome:
    value, path = _find(gate, known)
    if isinstance(value, Mapping) and "score" in value:
        value, path = value["score"], f"{path}.score"
    if gate.operator == "is stated":
        met = value not in (None, "", {}, [], ())
        return Outcome(gate.text, met, None if value is None else "stated", "" if met else "not stated")
    if value is None and gate.limit is not None:
        return Outcome(gate.text, False, None, _unmeasured(path, metrics))
    if isinstance(value, (Mapping, list)):
        below = f"; name one of its keys: {', '.join(list(value)[:8])}" if isinstance(value, Mapping) else ""
        raise UsageError(f"gate {gate.text}: {path} is not one figure{below}")
    if isinstance(value, str) and gate.operator not in ("==", "!="):
        raise UsageError(f"gate {gate.text}: {path} is no number")
    met = _OPERATORS[gate.operator](value, gate.limit)
    shown = str(value)
    return Outcome(gate.text, met, shown, "" if met else f"is {shown}{_more(gate, path, known)}")


def _find(gate: Gate, known: Mapping[str, Any]) -> tuple[Any, str]:
    """The value under the gate's key, and how far the path led: to the first null."""
    value: Any = known
    path: list[str] = []
    rest = list(gate.key)
    while rest:
        if value is None:
            return None, ".".join(path)
        # a name within a key may hold dots itself: the longest that fits is taken
        parts = next(
            (
                number
                for number in range(len(rest), 0, -1)
                if isinstance(value, Mapping) and ".".join(rest[:number]) in value
            ),
            0,
        )
        if not parts:
            names = [".".join([*path, str(name)]) for name in value] if isinstance(value, Mapping) else []
            key = ".".join([*path, *rest[:1]])
            raise UsageError(f"gate {gate.text}: unknown key {key}{nearest(key, names)}")
        name = ".".join(rest[:parts])
        value, rest = value[name], rest[parts:]
        path.append(name)
    return value, ".".join(path)


def _unmeasured(path: str, metrics: Mapping[str, Any]) -> str:
    """Why a figure is null: the code of the nearest key that has one."""
    reasons = metrics.get("unmeasured") or {}
    place = path.split(".")
    for end in range(len(place), 0, -1):
        if code := reasons.get(".".join(place[:end])):
            return f"not measured ({code})"
    if basis := _at(metrics, (*place[:-1], "basis")):
        return f"not measured ({basis})"
    below = sorted({code for key, code in reasons.items() if key.startswith(f"{path}.")})
    return f"not measured ({', '.join(below)})" if below else "not measured"


def _more(gate: Gate, path: str, known: Mapping[str, Any]) -> str:
    """How many more records people must read without a fault, where a bound is short of records only."""
    for needed in _needed(gate, path, known):
        return f"; {needed:,} more records read without a fault would meet it"
    return ""


def _needed(gate: Gate, path: str, known: Mapping[str, Any]) -> Iterator[int]:
    """As `_more`; nothing where the share itself, not its bound, is on the wrong side."""
    limit = gate.limit
    if not isinstance(limit, float) or not 0 < limit < 1:
        return
    above = _at(known, tuple(path.split("."))[:-1])
    if path == "pii.residual.document_upper95" and gate.operator in ("<=", "<"):
        audit = above["audit"] if isinstance(above, Mapping) else None
        if audit and (audit["with_findings"] / audit["records"] < limit):
            faults, read = audit["with_findings"], audit["records"]
            yield from _first(read, lambda n: float(upper_bound(faults, n, _RISK)) <= limit)
    elif path.endswith(".precision.lower95") and gate.operator in (">=", ">") and isinstance(above, Mapping):
        read, wrong = above["labelled"], above["labelled"] - above["right"]
        if read and above["right"] / read > limit:
            yield from _first(read, lambda n: float(lower_bound(n - wrong, n, _RISK)) >= limit)


def _first(start: int, good: Callable[[int], bool]) -> Iterator[int]:
    """By how much a number must grow to be good; what is good stays good."""
    high = max(start, 1)
    while not good(high):
        high *= 2
        if high > _MOST:
            return
    low = start
    while low < high:
        middle = math.floor((low + high) / 2)
        low, high = (low, middle) if good(middle) else (middle + 1, high)
    if high > start:
        yield high - start


def _at(value: Any, place: Sequence[str]) -> Any:
    for name in place:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value
