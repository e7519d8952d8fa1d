"""Answers that people gave elsewhere become decisions: all of a file, or none of it.

What is refused: a record that is not there or has another text now, a label that the taxonomy has not, an
answer without a person, and a person who would be annotator and reviewer of one record (GB/T 45674-2025).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from pydantic import ValidationError

from curation import decisions
from curation.decisions import Decision, Role, Shown, identity
from curation.errors import InputError, UsageError
from curation.label.taxonomy import Taxonomy
from curation.review.cases import Reviewable
from curation.review.exchange import answers
from curation.review.queue import REASONS
from curation.strict import first_fault


@dataclass(frozen=True)
class Place:
    """Where something stands in a file."""

    file: str
    sheet: str | None
    row: int
    field: str

    def fault(self, problem: str) -> InputError:
        return InputError(problem, file=self.file, sheet=self.sheet, row=self.row, field=self.field)


@dataclass(frozen=True)
class Answer:
    """One answer as a file gives it, unchecked.

    Attributes:
        place, person_place: where label and person stand.
        id: of the record.
        content: digest of what was judged.
        label: as it is written there.
        scheme: name of the taxonomy; None where the file does not say.
        at: when it was given, ISO 8601 in UTC; None where the file does not say.
    """

    place: Place
    person_place: Place
    id: str
    content: str
    role: Role
    by: str
    label: str
    shown: Shown
    scheme: str | None = None
    at: str | None = None
    seconds: float | None = None


@dataclass
class Returned:
    """What a file brings back: answers and faults; records without an answer, or with one that was
    skipped."""

    answers: list[Answer] = field(default_factory=list)
    faults: list[InputError] = field(default_factory=list)
    open: int = 0
    skipped: int = 0


class FaultyFileError(UsageError):
    """A file that is not taken.

    Attributes:
        faults: each with its place.
    """

    def __init__(self, file: str, faults: Sequence[InputError]) -> None:
        self.faults = list(faults)
        many = "1 fault" if len(faults) == 1 else f"{len(faults):,} faults"
        super().__init__(f"{file}: {many}; nothing was imported")


@dataclass(frozen=True)
class ImportSummary:
    """What became of the answers of a file.

    Attributes:
        taken: answers that are now decisions.
        known: answers that had been given already.
        older: answers older than what the same person has said since; they change nothing.
        open: records without an answer.
        skipped: records that a person left out on purpose.
        disputed: records of which annotators say different things; none counts until a reviewer decides.
        other_taxonomy: of the taken, those given under another version of the taxonomy.
    """

    taken: int
    known: int
    older: int
    open: int
    skipped: int
    disputed: int
    other_taxonomy: int

    def lines(self) -> list[str]:
        """The summary as text."""
        told = [f"{self.taken:>7,}  answers taken over"]
        said = {
            "answers had been taken over before": self.known,
            "answers are older than what the same person said since; they change nothing": self.older,
            "records without an answer": self.open,
            "records were skipped": self.skipped,
            "records with different answers of annotators; a reviewer should decide": self.disputed,
            "answers were given under another version of the taxonomy": self.other_taxonomy,
        }
        return told + [f"{count:>7,}  {what}" for what, count in said.items() if count]


def take(reviewable: Reviewable, returned: Returned, file: str) -> ImportSummary:
    """Check the answers of a file and add them to the run's decisions.

    Raises:
        FaultyFileError: at least one fault; nothing was written.
        UsageError: the run has no labels.
    """
    taxonomy = reviewable.taxonomy
    if taxonomy is None:
        raise UsageError(f"{reviewable.run.folder}: its recipe has no stage label, so it takes no labels")
    before = decisions.read(reviewable.decisions)
    faults = list(returned.faults)
    checked: list[tuple[Answer, Decision]] = []
    decided = _Reader(reviewable, taxonomy, returned.answers)
    for answer in returned.answers:
        try:
            checked.append((answer, decided(answer)))
        except InputError as fault:
            faults.append(fault)
    faults += _against_each_other(checked, before, taxonomy.name)
    if faults:
        raise FaultyFileError(file, sorted(faults, key=lambda fault: (fault.sheet or "", fault.row or 0)))
    new, known, older = _news(checked, before)
    decisions.append(reviewable.decisions, sorted(new, key=lambda one: one.at))
    standing = decisions.standing([*before, *new], "label", taxonomy.name)
    return ImportSummary(
        taken=len(new),
        known=known,
        older=older,
        open=returned.open,
        skipped=returned.skipped,
        disputed=sum(standing[id_].disputed for id_ in {one.id for one in new}),
        other_taxonomy=sum(one.shown.taxonomy != taxonomy.digest for one in new),
    )


class _Reader:
    """Makes a decision of an answer."""

    def __init__(self, reviewable: Reviewable, taxonomy: Taxonomy, given: Iterable[Answer]) -> None:
        self._scheme = taxonomy.name
        self._readings = answers.readings(taxonomy)
        there = set(reviewable.brief["id"].to_pylist())
        found = reviewable.cases(sorted({answer.id for answer in given} & there))
        self._contents = {case.id: case.content for case in found}
        self._machine = {case.id: case.suggestion.machine for case in found if case.suggestion}

    def __call__(self, answer: Answer) -> Decision:
        """
        Raises:
            InputError: what is wrong with the answer.
        """
        if answer.id not in self._contents:
            raise answer.place.fault("its id is of no record of this run that people may look at")
        if self._contents[answer.id] != answer.content:
            raise answer.place.fault("stale: the record's text is another now; export it again")
        if answer.scheme not in (None, self._scheme):
            raise answer.place.fault(f"its labels are of another taxonomy than the run's, {self._scheme}")
        if answer.label not in self._readings:
            near = answers.hint(answer.label, self._readings)
            raise answer.place.fault(f"not a label of the taxonomy {self._scheme}{near}")
        if not answer.by.strip():
            raise answer.person_place.fault("an answer without a person; fill in the name, or give --by")
        if answer.shown.reason not in REASONS:
            raise answer.place.fault("its reason has been changed; export it again")
        try:
            one = Decision(
                id=answer.id,
                stage="label",
                content=answer.content,
                by=answer.by,
                role=answer.role,
                scheme=self._scheme,
                value=self._readings[answer.label],
                shown=answer.shown.model_copy(update={"machine": self._machine.get(answer.id)}),
                seconds=answer.seconds,
            )
        except ValidationError as error:
            place = answer.person_place if error.errors()[0]["loc"][:1] == ("by",) else answer.place
            raise place.fault(first_fault(error, Decision)) from None
        return one if answer.at is None else one.model_copy(update={"at": answer.at})


def _against_each_other(
    checked: Sequence[tuple[Answer, Decision]], before: Sequence[Decision], scheme: str
) -> list[InputError]:
    """What is wrong with an answer in view of all the others about its record."""
    of: dict[str, list[Decision]] = defaultdict(list)
    for one in decisions.in_force(before):
        if one.stage == "label" and one.scheme == scheme:
            of[one.id].append(one)
    earlier = {id_: len(said) for id_, said in of.items()}
    for _, one in checked:
        of[one.id].append(one)
    faults = []
    for answer, one in checked:
        said = of[one.id]
        mine = [each for each in said if identity(each.by) == identity(one.by)]
        here = [each for each in mine if each in said[earlier.get(one.id, 0) :]]
        if any(each.role != one.role for each in mine):
            faults.append(answer.person_place.fault("annotator and reviewer must be two people (GB/T 45674)"))
        elif any(each.value != one.value for each in here):
            faults.append(answer.place.fault("the same person gives this record two answers"))
        elif one.role == "reviewer" and all(each.role != "annotator" for each in said):
            faults.append(answer.place.fault("nobody has annotated this record; a review comes second"))
    return faults


def _news(
    checked: Sequence[tuple[Answer, Decision]], before: Sequence[Decision]
) -> tuple[list[Decision], int, int]:
    """Those that say something new; how many were known; how many are older than what was said since."""
    standing = {(*_voice(one), one.scheme): one for one in decisions.in_force(before)}
    spoke = {_voice(one): one.at for one in before}
    ever = {(*_voice(one), one.value, one.content) for one in before if not one.withdraws}
    new: dict[tuple[str, ...], Decision] = {}
    known = older = 0
    for answer, one in checked:
        held = standing.get((*_voice(one), one.scheme))
        again = answer.at is None and (*_voice(one), one.value, one.content) in ever
        if again or _voice(one) in new or (held and (held.value, held.content) == (one.value, one.content)):
            known += 1  # a cell has no time: what was said once is not said anew against a later word
        elif answer.at is not None and answer.at <= spoke.get(_voice(one), ""):
            older += 1
        else:
            new[_voice(one)] = one
    return list(new.values()), known, older


def _voice(one: Decision) -> tuple[str, ...]:
    """Who speaks of what; in one voice the last word counts."""
    return one.id, one.stage, one.by, one.role
