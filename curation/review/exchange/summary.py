"""What people's answers about a run say: how far they agree, and how often the machine was right.

Only answers that were given unaided are evidence: who has seen the suggestion tends to follow it. How good
the machine's labels are is measured on the records that were drawn at random, and on no others.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow.compute as pc

from curation import decisions, records
from curation.decisions import AUDIT, Decision
from curation.errors import UsageError
from curation.intervals import lower_bound
from curation.label.agreement import Agreement, agreement
from curation.review import cases
from curation.review.cases import Reviewable

CANNOT_TELL = "(cannot tell)"
"""How the answer that nobody can tell stands among the labels."""

CONFIDENCE = 0.9
"""Of the lower bound of the precision that people measured."""


@dataclass(frozen=True)
class Share:
    """So many of so many."""

    count: int
    of: int

    def __str__(self) -> str:
        return f"{self.count:,} of {self.of:,}" + (f" ({self.count / self.of:.1%})" if self.of else "")


@dataclass(frozen=True)
class PersonSummary:
    """One person.

    Attributes:
        name: a pseudonym.
        answers: records on which their last word stands.
        seconds: median time of an answer; None where it was never taken.
        unaided, aided: how often the last word is what the machine suggests, where it was said without and
            with the suggestion in view. Far more with it in view: the person follows the machine.
        changed: records on which they changed their label once they had seen the suggestion.
    """

    name: str
    answers: int
    seconds: float | None
    unaided: Share
    aided: Share
    changed: int


@dataclass(frozen=True)
class Measured:
    """The precision of labels, on records drawn at random whose label nobody had in view.

    Attributes:
        right: for so many the person gave the same label.
        bound: one-sided lower bound of Clopper and Pearson at `CONFIDENCE`.
    """

    right: Share
    bound: float

    def __str__(self) -> str:
        return f"{self.right} right; precision at least {self.bound:.1%}, at {CONFIDENCE:.0%} confidence"


@dataclass(frozen=True)
class Audit:
    """How good the labels are that people have not given, as people measured it. None: nothing was audited.

    Attributes:
        machine: labels of the machine on which it does not abstain.
        given: labels that came with the records.
        abstained: audited records on which the machine abstains; these and the following are left out.
        undecided: those of which people say that nobody can tell.
        unknown: those whose label is not known any more, since a later run applied the answers, or whose
            text is another now.
    """

    machine: Measured | None
    given: Measured | None
    abstained: int
    undecided: int
    unknown: int

    def lines(self) -> list[str]:
        """The audit as text."""
        told = [f"audit: labels of the machine: {self.machine or 'none was audited'}"]
        if self.given:
            told.append(f"audit: labels that came with the records: {self.given}")
        said = {
            "the machine abstains": self.abstained,
            "nobody can tell": self.undecided,
            "the label from before is not known any more": self.unknown,
        }
        return told + [
            f"{count:>7,}  audited records left out: {why}" for why, count in said.items() if count
        ]


@dataclass(frozen=True)
class ReviewSummary:
    """What people's answers about a run say.

    Attributes:
        answered: records with an annotator's answer.
        reviewed: records with a reviewer's.
        overruled: of the records with both, those on which they differ.
        open: records that wait for people (the label abstains, or the record is held) and have no answer.
        seconds: median time of an answer.
        people: in the order of their first answer.
        aided: answers that were given with the suggestion or another person's answer in view: no evidence.
        agreement: of the others.
        audit: of the records drawn at random.
    """

    answered: int
    reviewed: int
    overruled: int
    open: int
    seconds: float | None
    people: tuple[PersonSummary, ...]
    aided: int
    agreement: Agreement
    audit: Audit

    def lines(self) -> list[str]:
        """The summary as text."""
        told = [
            f"{self.answered:>7,}  records with an annotator's answer",
            f"{self.reviewed:>7,}  records with a reviewer's; {self.overruled:,} labels changed by them",
            f"{self.open:>7,}  records wait for people and have no answer",
        ]
        if self.seconds is not None:
            told.append(f"an answer takes {self.seconds:.0f} seconds (median)")
        for person in self.people:
            time = "" if person.seconds is None else f", {person.seconds:.0f} seconds each"
            told.append(f"{person.name}: {person.answers:,} records{time}")
            if person.unaided.of:
                told.append(f"{person.name}: as the machine, unaided: {person.unaided}")
            if person.aided.of:
                told.append(f"{person.name}: as the machine, the suggestion in view: {person.aided}")
            if person.changed:
                told.append(f"{person.name}: {person.changed:,} changed after seeing the suggestion")
        if self.aided:
            told.append(
                f"{self.aided:>7,}  answers with another answer in view; they say nothing of agreement"
            )
        return told + self.agreement.lines() + self.audit.lines()


def summarise(folder: Path) -> ReviewSummary:
    """What people's answers about a run say.

    Raises:
        UsageError: not a finished run, one without labels, or nobody has answered yet.
    """
    reviewable = cases.load(folder)
    if reviewable.taxonomy is None:
        raise UsageError(f"{folder}: its recipe has no stage label, so nobody labels it")
    everything = decisions.read(reviewable.decisions)
    scheme = reviewable.taxonomy.name
    said = [one for one in decisions.in_force(everything) if one.stage == "label" and one.scheme == scheme]
    if not said:
        raise UsageError(f"{folder}: nobody has labelled a record of it yet; govtune review {folder}")
    names = decisions.pseudonyms(everything)
    standing = decisions.standing(said, "label", scheme)
    both = [held for held in standing.values() if held.annotator and held.reviewer]
    unaided = [one for one in said if not one.shown.suggestion and not one.shown.other]
    return ReviewSummary(
        answered=sum(held.annotator is not None for held in standing.values()),
        reviewed=sum(held.reviewer is not None for held in standing.values()),
        overruled=sum(held.annotator.value != held.reviewer.value for held in both),  # type: ignore[union-attr]
        open=_open(reviewable, set(standing)),
        seconds=_median(said),
        people=tuple(_person(name, [one for one in said if one.by == by]) for by, name in names.items()),
        aided=len(said) - len(unaided),
        agreement=agreement(
            [f"{one.id}\0{one.content}" for one in unaided],  # of another text it is another question
            [names[one.by] for one in unaided],
            [one.value or CANNOT_TELL for one in unaided],
        ),
        audit=audit(said, scheme),
    )


def _open(reviewable: Reviewable, answered: set[str]) -> int:
    brief = reviewable.brief
    waiting = pc.or_(pc.fill_null(brief["abstained"], False), pc.is_valid(brief["held"]))
    by_people = pc.fill_null(pc.equal(brief["method"], records.PERSON), False)
    ids = brief["id"].filter(pc.and_(waiting, pc.invert(by_people))).to_pylist()
    return len(set(ids) - answered)


def _median(said: Iterable[Decision]) -> float | None:
    seconds = [one.seconds for one in said if one.seconds is not None]
    return statistics.median(seconds) if seconds else None


def _person(name: str, said: Sequence[Decision]) -> PersonSummary:
    of: dict[str, list[Decision]] = defaultdict(list)
    for one in said:
        of[one.id].append(one)
    last = [words[-1] for words in of.values()]
    return PersonSummary(
        name,
        len(last),
        _median(said),
        _alike([one for one in last if not one.shown.suggestion]),
        _alike([one for one in last if one.shown.suggestion]),
        sum(_changed(words) for words in of.values()),
    )


def _alike(last: Iterable[Decision]) -> Share:
    pairs = [(one.value, one.shown.machine.value) for one in last if one.shown.machine]
    return Share(sum(said == suggested for said, suggested in pairs), len(pairs))


def _changed(words: Sequence[Decision]) -> bool:
    """Whether the last unaided word and what was said with the suggestion in view differ."""
    before = [one.value for one in words if not one.shown.suggestion]
    return bool(before) and words[-1].shown.suggestion and words[-1].value != before[-1]


def audit(said: Sequence[Decision], scheme: str) -> Audit:
    """How good labels are, by what people said of records drawn at random.

    Args:
        said: decisions in force about labels of the scheme.
    """
    drawn = [one for one in said if one.shown.reason == AUDIT and not one.shown.suggestion]
    finals = [held.final for held in decisions.standing(drawn, "label", scheme).values()]
    decided = [one for one in finals if one.value is not None]
    known = [(one.value, one.shown.machine) for one in decided if one.shown.machine]
    sure = [(value, label) for value, label in known if not label.abstained]
    return Audit(
        machine=_measured([value == label.value for value, label in sure if label.method != records.INPUT]),
        given=_measured([value == label.value for value, label in sure if label.method == records.INPUT]),
        abstained=len(known) - len(sure),
        undecided=len(finals) - len(decided),
        unknown=len(decided) - len(known),
    )


def _measured(right: Sequence[bool]) -> Measured | None:
    if not right:
        return None
    return Measured(Share(sum(right), len(right)), float(lower_bound(sum(right), len(right), 1 - CONFIDENCE)))
