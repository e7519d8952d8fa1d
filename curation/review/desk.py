"""The desk where people work through a queue: who gets which record, and what becomes of the answers.

Every answer is on the disk before it is acknowledged; a desk that is opened anew goes on where people were.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from curation import decisions
from curation.decisions import Decision, Marked, Role, Shown
from curation.errors import UsageError
from curation.review import queue
from curation.review.answers import Answers
from curation.review.cases import Case, Reviewable, Suggestion
from curation.review.queue import Item
from curation.review.turns import RefusedError, Turns
from curation.strict import nearest

LEASE = 600.0
"""Seconds for which a record that one person looks at is not given to another."""


@dataclass(frozen=True)
class Other:
    """What another person said of a record: the label, or None where they could not tell."""

    by: str
    value: str | None


@dataclass(frozen=True)
class Revealed:
    """What a person may see once they have answered."""

    suggestion: Suggestion | None
    others: tuple[Other, ...]


@dataclass(frozen=True)
class Progress:
    """How far the queue is: records in all, with all the annotators' answers, with all the reviewers', and of
    these those about which the person has said something in this role; `left` can still be given to them."""

    total: int
    annotated: int
    reviewed: int
    mine: int
    left: int


@dataclass
class Desk:
    """A queue and the people at it. Safe for threads, and for other processes that add decisions.

    Of each record the label is asked, where there is a taxonomy; its personal data, where it is held for that
    or there is nothing else to ask. A reviewer is asked what an annotator has answered.

    Attributes:
        records: the run's records.
        items: the queue.
        answers: what has been said.
        turns: whose turn it is.
    """

    records: Reviewable
    items: Sequence[Item]
    answers: Answers = field(init=False, repr=False)
    turns: Turns = field(init=False, repr=False)
    _lock: threading.RLock = field(default_factory=threading.RLock, init=False, repr=False)
    _leases: dict[str, tuple[str, float]] = field(default_factory=dict, init=False, repr=False)
    _cases: dict[str, Case] = field(init=False, repr=False)
    _items: dict[str, Item] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._items = {item.id: item for item in self.items}
        self._cases = {case.id: case for case in self.records.cases(list(self._items))}
        taxonomy = self.records.taxonomy
        contents = {case.id: case.content for case in self._cases.values()}
        self.answers = Answers(self.records.decisions, contents, taxonomy.name if taxonomy else None)
        asks = {"label"} if taxonomy else {"anonymise"}
        held = {case.id for case in self._cases.values() if case.held == "anonymise"}
        self.turns = Turns(
            self.answers, {id_: asks | ({"anonymise"} if id_ in held else set()) for id_ in self._items}
        )

    def current(self, by: str, role: Role) -> tuple[Item, Case] | None:
        """The record that a person has before them or answered in part; else the next behind the last one."""
        with self._lock:
            for id_, (who, until) in reversed(self._leases.items()):
                if who == by and until > time.monotonic() and self._is_for(id_, by, role):
                    return self._items[id_], self.open(id_, by)
            said = self.answers.by(by, role)
            if said and self._is_for(said[-1].id, by, role):
                return self._items[said[-1].id], self.open(said[-1].id, by)
            return self.next(by, role, after=said[-1].id if said else None)

    def next(self, by: str, role: Role, after: str | None = None) -> tuple[Item, Case] | None:
        """The next record for a person, lent to them; None where nothing is left.

        An annotator gets what nobody has annotated; a reviewer what somebody else has and nobody reviewed.

        Args:
            after: skip to the records behind this one, and only then back to the first. It is lent no more.
        """
        with self._lock:
            self._give_back(after, by)
            waiting = [item for item in self.items if self._is_for(item.id, by, role)]
            if not waiting:
                return None
            place = next((at for at, item in enumerate(self.items) if item.id == after), -1)
            behind = {item.id for item in self.items[place + 1 :]}
            item = next((item for item in waiting if item.id in behind), waiting[0])
            return item, self.open(item.id, by)

    def open(self, id_: str, by: str) -> Case:
        """A record of the queue, lent to a person."""
        with self._lock:
            case = self.look(id_)
            self._leases.pop(id_, None)  # the latest stands last
            self._leases[id_] = (by, time.monotonic() + LEASE)
            return case

    def look(self, id_: str) -> Case:
        """A record of the queue; its marks are those that people corrected, if anybody did."""
        with self._lock:
            case = self._case(id_)
            corrected = self.answers.last(id_, "anonymise")
            return case if corrected is None else self.records.marked(case, corrected.spans or ())

    def answer(
        self,
        id_: str,
        by: str,
        role: Role,
        *,
        content: str,
        value: str | None = None,
        labelled: bool = True,
        spans: Sequence[Marked] | None = None,
        seconds: float | None = None,
    ) -> Revealed | None:
        """Write down what a person says; it is on the disk when this returns.

        What was revealed to them before is written down with it, even if they took that answer back.

        Args:
            content: digest of what the person saw.
            value: the label; None says that nobody can tell.
            labelled: False where only personal data is answered.
            spans: all the personal data of the record, where the person checked it.

        Returns:
            What they may see now; None as long as they have not given the label.

        Raises:
            RefusedError: the text is another now, a label that the taxonomy has not, or one's own label is
                reviewed.
        """
        with self._lock:
            case = self._case(id_)
            taxonomy = self.records.taxonomy
            labelled = labelled and taxonomy is not None
            stages = ["label"] * labelled + ["anonymise"] * (spans is not None)
            self._check(case, by, role, content, value if labelled else None, spans)
            for stage in stages:
                self.turns.check(id_, by, role, stage)
            said: dict[str, Any] = {"id": id_, "content": content, "by": by, "role": role}
            said["seconds"] = seconds
            lines = []
            if labelled and taxonomy:
                said["shown"] = self._shown(id_, by, "label")
                lines.append(Decision(stage="label", scheme=taxonomy.name, value=value, **said))
            if spans is not None:
                said["shown"] = self._shown(id_, by, "anonymise")
                lines.append(Decision(stage="anonymise", spans=tuple(spans), **said))
            decisions.append(self.records.decisions, lines)
            if not self.turns.asked(id_, role):
                self._give_back(id_, by)
            return self.revealed(id_, by) if self._has_labelled(id_, by) else None

    def undo(self, by: str, role: Role) -> tuple[Item, Case] | None:
        """Take back what a person answered last in a role, and give them the record again, if there is one.

        Raises:
            RefusedError: it has been reviewed in the meantime.
        """
        with self._lock:
            mine = self.answers.by(by, role)
            if not mine:
                return None
            last = mine[-1]
            self.turns.check(last.id, by, role, last.stage)
            gone = [one for one in mine if (one.id, one.stage) == (last.id, last.stage)]
            decisions.append(self.records.decisions, [one.withdrawal() for one in gone])
            return self._items[last.id], self.open(last.id, by)

    def revealed(self, id_: str, by: str) -> Revealed:
        """What a person may see of a record that they have labelled.

        Raises:
            RefusedError: they have not.
        """
        with self._lock:
            if not self._has_labelled(id_, by):
                raise RefusedError("first", "answer first")
            said = self.answers.of(id_)
        others = {one.by: Other(one.by, one.value) for one in said if one.stage == "label" and one.by != by}
        return Revealed(self._case(id_).suggestion, tuple(others.values()))

    def progress(self, by: str, role: Role) -> Progress:
        """How far the queue is, for a person."""
        with self._lock:
            done = {
                each: sum(self.turns.is_done(id_, each) for id_ in self._items)
                for each in ("annotator", "reviewer")
            }
            mine = len({one.id for one in self.answers.by(by, role)})
            left = sum(self._is_for(id_, by, role) for id_ in self._items)
            return Progress(len(self._items), done["annotator"], done["reviewer"], mine, left)

    def _check(
        self,
        case: Case,
        by: str,
        role: Role,
        content: str,
        value: str | None,
        spans: Sequence[Marked] | None,
    ) -> None:
        if content != case.content:
            raise RefusedError("changed", "the text is another now; load the page again")
        taxonomy, policy = self.records.taxonomy, self.records.policy
        if value is not None and (taxonomy is None or value not in taxonomy.values):
            raise RefusedError("label", f"unknown label{nearest(value, taxonomy.values if taxonomy else ())}")
        if spans is not None and policy is None:
            raise RefusedError("type", "the recipe does not anonymise")
        for span in spans or ():
            if policy is None or span.type not in policy.of(case.kind):
                raise RefusedError("type", "unknown type of personal data")
            if span.end > len(case.texts.get(span.field, "")):
                raise RefusedError("span", "a span ends after its text")

    def _shown(self, id_: str, by: str, stage: str) -> Shown:
        """What the person had seen before this answer: labels are revealed by one's own, which may have been
        taken back since; spans that others corrected are on the screen from the start."""
        labels = [one for one in self.answers.ever(id_) if one.stage == "label" and not one.withdraws]
        places = [at for at, one in enumerate(labels) if one.by == by]
        seen = labels[: places[-1]] if places else []
        other = any(one.by != by for one in seen)
        if stage == "anonymise":
            corrected = self.answers.last(id_, stage)
            other = corrected is not None and corrected.by != by
        taxonomy, suggestion = self.records.taxonomy, self._case(id_).suggestion
        return Shown(
            machine=suggestion.machine if suggestion else None,
            suggestion=bool(places) and suggestion is not None,
            other=other,
            reason=self._items[id_].reason,
            taxonomy=taxonomy.digest if taxonomy else None,
        )

    def _is_for(self, id_: str, by: str, role: Role) -> bool:
        lent = self._leases.get(id_)
        free = lent is None or lent[0] == by or lent[1] < time.monotonic()
        return free and self.turns.is_open(id_, by, role)

    def _has_labelled(self, id_: str, by: str) -> bool:
        stage = "label" if self.records.taxonomy else "anonymise"
        return any(one.by == by and one.stage == stage for one in self.answers.of(id_))

    def _give_back(self, id_: str | None, by: str) -> None:
        if id_ is not None and self._leases.get(id_, ("",))[0] == by:
            del self._leases[id_]

    def _case(self, id_: str) -> Case:
        if id_ not in self._cases:
            raise RefusedError("absent", "not a record of this queue")
        return self._cases[id_]


def opened(folder: Path, *, size: int, seed: int = 0) -> Desk:
    """A desk with the queue of a run.

    Raises:
        UsageError: not a finished run, or nothing that people should look at.
    """
    from curation.review.cases import load

    records = load(folder)
    if records.taxonomy is None and records.policy is None:
        raise UsageError(f"{folder}: nothing to review: its recipe has neither label nor anonymise")
    items = queue.select(records.brief, records.votes(), size=size, seed=seed)
    if not items:
        raise UsageError(f"{folder}: nothing to review: every record has been decided")
    return Desk(records, items)
