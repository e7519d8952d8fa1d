"""What people decided about records: `decisions.jsonl`, to which lines are only ever added.

A decision is keyed by the record's id, the stage that it overrules and a digest of the content that the
person saw; where the content has changed since, the decision is stale and is told, never applied. It says
who, when, in which role and what was shown. The file is an input of the recipe like any other.
"""

from __future__ import annotations

import fcntl
import hashlib
import itertools
import os
import unicodedata
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import orjson
import pyarrow as pa
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from curation import records
from curation.errors import InputError, UsageError
from curation.strict import first_fault

NAME = "decisions.jsonl"
"""Where a run's decisions stand, in its private folder."""

AUDIT = "audit"
"""`Shown.reason` of a record that was drawn at random: the only ones that measure anything."""

Role = Literal["annotator", "reviewer"]


def tidy(name: str) -> str:
    """A person's name as it is kept: plain letters, single spaces."""
    return " ".join(unicodedata.normalize("NFKC", name).split())


Person = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64), AfterValidator(tidy)
]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Marked(_Model):
    """Personal data that a person marked: code-point offsets in a field as `anonymise` received it."""

    field: Literal["title", "text", "reply"]
    start: int = Field(ge=0)
    end: int = Field(gt=0)
    type: str

    @model_validator(mode="after")
    def _covers_something(self) -> Marked:
        if self.end <= self.start:
            raise ValueError("end must be greater than start")
        return self


class Machine(_Model):
    """What the machine says of a record: an entry of the column `labels`."""

    value: str
    method: str
    abstained: bool


class Shown(_Model):
    """What the person saw besides the record.

    Attributes:
        machine: the machine's label when the question was asked, seen or not.
        suggestion: it was visible; an answer given so is no evidence of agreement.
        other: another person's answer was.
        reason: why the record was in the queue.
        taxonomy: SHA-256 of the taxonomy's file.
    """

    machine: Machine | None = None
    suggestion: bool = False
    other: bool = False
    reason: str | None = None
    taxonomy: str | None = None


class Decision(_Model):
    """One answer of one person about one record.

    Attributes:
        decision: names this line.
        content: `content_digest` of what was judged.
        role: GB/T 45674-2025 keeps labelling and reviewing apart; they must be two people.
        at: time in UTC, ISO 8601.
        scheme, value: of stage `label`: the taxonomy and the label; a null value says that nobody can tell.
        spans: of stage `anonymise`: all the personal data in title, text and reply, instead of what was
            detected there; none overlaps another.
        seconds: how long the record was on the screen.
        withdraws: the line that this one takes back; it says nothing else.
    """

    schema_: Literal["decision/1"] = Field(default="decision/1", alias="schema")
    decision: str = Field(default_factory=lambda: uuid.uuid4().hex)
    id: str
    stage: Literal["label", "anonymise"]
    content: str
    by: Person
    role: Role = "annotator"
    at: str = Field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="milliseconds"))
    scheme: str | None = None
    value: str | None = None
    spans: tuple[Marked, ...] | None = None
    shown: Shown = Shown()
    seconds: float | None = Field(None, ge=0)
    withdraws: str | None = None

    @model_validator(mode="after")
    def _says_one_thing(self) -> Decision:
        if self.withdraws is not None:
            if self.scheme is not None or self.value is not None or self.spans is not None:
                raise ValueError("a line that withdraws another says nothing else")
        elif self.stage == "label" and (self.scheme is None or self.spans is not None):
            raise ValueError("a label needs a scheme and has no spans")
        elif self.stage == "anonymise" and (self.spans is None or self.scheme or self.value):
            raise ValueError("personal data needs spans and has no label")
        ordered = sorted(self.spans or (), key=lambda one: (one.field, one.start))
        for before, after in itertools.pairwise(ordered):
            if before.field == after.field and after.start < before.end:
                raise ValueError("two spans overlap")
        return self

    def withdrawal(self) -> Decision:
        """The line that takes this one back."""
        kept = {name: getattr(self, name) for name in ("id", "stage", "content", "by", "role")}
        return Decision(**kept, withdraws=self.decision)


@dataclass(frozen=True)
class Standing:
    """What holds for a record at a stage: the last word of each role.

    Attributes:
        disputed: annotators say different things and no reviewer has decided, so nothing is applied.
    """

    annotator: Decision | None
    reviewer: Decision | None
    disputed: bool = False

    @property
    def final(self) -> Decision:
        """The reviewer's word, else the annotator's."""
        said = self.reviewer or self.annotator
        assert said is not None
        return said


@dataclass(frozen=True)
class Tally:
    """What became of the standing decisions of a stage: `applied`; `stale`, since the content is another now;
    `absent`, since no living record has the id there; `disputed`, so that a reviewer must decide first."""

    applied: int
    stale: int
    absent: int
    disputed: int = 0

    def __bool__(self) -> bool:
        return bool(self.applied or self.stale or self.absent or self.disputed)

    def line(self, stage: str) -> str:
        """The tally as text."""
        told = f"people's decisions for {stage}: {self.applied:,} applied"
        told += f", {self.stale:,} stale (the text or the taxonomy is another now)" if self.stale else ""
        told += f", {self.disputed:,} disputed (a reviewer must decide)" if self.disputed else ""
        return told + (f", {self.absent:,} for records that are not there" if self.absent else "")


def content_digest(title: str | None, text: str | None, reply: str | None) -> str:
    """32 hexadecimal digits of what people wrote in a record."""
    parts = b"".join(
        b"\0" if part is None else b"\1%d:" % len(raw) + raw
        for part in (title, text, reply)
        for raw in [(part or "").encode("utf-8", "surrogatepass")]
    )
    return hashlib.sha256(parts).hexdigest()[:32]


def contents(table: pa.Table) -> list[str]:
    """The digest of each record: as `anonymise` received it where that has run, else of the text as it is."""
    given = table["content"].to_pylist()
    texts = zip(*(table[name].to_pylist() for name in records.TEXT_FIELDS), strict=True)
    return [
        content_digest(*text) if known is None else known for known, text in zip(given, texts, strict=True)
    ]


def read(path: Path, *, needed: bool = False) -> list[Decision]:
    """The lines of a file, in order. A last line that breaks off was never acknowledged to anybody and does
    not count in a run's own file; in one that was named it is a fault.

    Args:
        needed: whether it is an error that there is no file; else there are no decisions.

    Raises:
        InputError: a line that is no decision; the file and the line are named.
        UsageError: the file cannot be read.
    """
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        if needed:
            raise UsageError(f"{path}: no such file") from None
        return []
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
    *lines, last = raw.split(b"\n")
    found = [_decision(line, path, row) for row, line in enumerate(lines, 1)]
    if _is_whole(last) or (last and needed):
        found.append(_decision(last, path, len(lines) + 1))
    return found


def _decision(line: bytes, path: Path, row: int) -> Decision:
    try:
        return Decision.model_validate(orjson.loads(line))
    except ValidationError as error:
        fault = first_fault(error, Decision)
        raise InputError(f"no decision: {fault}", file=path.name, row=row) from None
    except orjson.JSONDecodeError:
        raise InputError("not valid JSON", file=path.name, row=row) from None


def _is_whole(last: bytes) -> bool:
    """Whether a last line without an end is a decision all the same: an editor may have left the end out."""
    try:
        Decision.model_validate(orjson.loads(last))
    except (ValidationError, orjson.JSONDecodeError):
        return False
    return True


def append(path: Path, decisions: Iterable[Decision]) -> None:
    """Add lines, on the disk when this returns; several processes may do so at once.

    Raises:
        UsageError: the file cannot be written.
    """
    lines = b"".join(orjson.dumps(one.model_dump(mode="json", by_alias=True)) + b"\n" for one in decisions)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with os.fdopen(number, "r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            raw = file.read()
            whole = raw.rfind(b"\n") + 1
            if _is_whole(raw[whole:]):
                lines = b"\n" + lines
            else:  # what a killed writer left
                file.truncate(whole)
            file.seek(0, os.SEEK_END)
            file.write(lines)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from None


def in_force(decisions: Sequence[Decision]) -> list[Decision]:
    """The decisions that nobody withdrew, in order."""
    withdrawn = {one.withdraws for one in decisions if one.withdraws}
    return [one for one in decisions if not one.withdraws and one.decision not in withdrawn]


def standing(decisions: Sequence[Decision], stage: str, scheme: str | None = None) -> dict[str, Standing]:
    """What holds for each record, by id.

    Args:
        scheme: of stage `label`: the taxonomy.
    """
    said: dict[str, list[Decision]] = {}
    for one in in_force(decisions):
        if one.stage == stage and one.scheme == scheme:
            said.setdefault(one.id, []).append(one)
    return {id_: _standing(mine) for id_, mine in said.items()}


def _standing(said: Sequence[Decision]) -> Standing:
    last: dict[str, Decision] = {one.role: one for one in said}
    of = {one.by: (one.value, one.spans) for one in said if one.role == "annotator"}
    differ = len(set(of.values())) > 1
    return Standing(last.get("annotator"), last.get("reviewer"), differ and "reviewer" not in last)


def applicable(
    decisions: Sequence[Decision],
    stage: str,
    ids: Sequence[str],
    digests: Sequence[str],
    *,
    scheme: str | None = None,
) -> tuple[dict[str, Standing], Tally]:
    """What holds for the records as they are now, and what became of all that was said about the stage.

    Args:
        ids, digests: the living records and the digests of their contents. What was said about another
            content neither holds nor stands against what was said about this one.
    """
    there = dict(zip(ids, digests, strict=True))
    about = [one for one in in_force(decisions) if one.stage == stage and one.scheme == scheme]
    now = standing([one for one in about if there.get(one.id) == one.content], stage, scheme)
    fit = {id_: held for id_, held in now.items() if not held.disputed}
    everybody = {one.id for one in about}
    absent = sum(id_ not in there for id_ in everybody)
    return fit, Tally(len(fit), len(everybody) - len(now) - absent, absent, len(now) - len(fit))


def pseudonyms(decisions: Iterable[Decision]) -> dict[str, str]:
    """`person-1`, `person-2` ... in the order of their first line: what may be published of who decided."""
    people: dict[str, str] = {}
    names = dict.fromkeys(one.by for one in decisions)
    return {name: people.setdefault(identity(name), f"person-{len(people) + 1}") for name in names}


def identity(name: str) -> str:
    """The same for two spellings of one person's name: neither case nor spaces make another person."""
    return "".join(tidy(name).casefold().split())
