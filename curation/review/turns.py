"""Whose turn it is at a record: first an annotator's, then that of a reviewer, who is another person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from curation.decisions import Role, identity
from curation.errors import UsageError
from curation.review.answers import Answers

Why = Literal[
    "absent", "changed", "label", "type", "span", "many", "own", "early", "taken", "reviewed", "first"
]


class RefusedError(UsageError):
    """An answer that cannot be taken; the message is for the person who gave it.

    Attributes:
        why: the same in a word.
    """

    def __init__(self, why: Why, message: str) -> None:
        super().__init__(message)
        self.why = why


class Turns:
    """Who may answer what.

    Args:
        answers: what has been said.
        asks: of each record, the stages that an annotator is asked about; a reviewer is asked about what an
            annotator has answered, asked or not.
    """

    def __init__(self, answers: Answers, asks: Mapping[str, set[str]]) -> None:
        self._answers, self._asks = answers, asks

    def asked(self, id_: str, role: Role) -> set[str]:
        """The stages that have still to be answered about a record in a role."""
        return self._wanted(id_, role) - self._answers.stages(id_, role)

    def is_done(self, id_: str, role: Role) -> bool:
        """All that is asked about a record in a role has been answered."""
        return bool(self._answers.stages(id_, role)) and not self.asked(id_, role)

    def is_open(self, id_: str, by: str, role: Role) -> bool:
        """A person may answer something about a record that is still asked."""
        if any(identity(one.by) == identity(by) and one.role != role for one in self._answers.of(id_)):
            return False
        return not self.is_done(id_, role) and (role == "annotator" or self.is_done(id_, "annotator"))

    def check(self, id_: str, by: str, role: Role, stage: str) -> None:
        """Refuse an answer, or a change of one, that it is not a person's turn to give.

        Raises:
            RefusedError: why not.
        """
        for one in self._answers.of(id_):
            if identity(one.by) == identity(by) and one.role != role:
                raise RefusedError("own", "annotator and reviewer must be two people (GB/T 45674)")
            if one.stage == stage and identity(one.by) != identity(by) and one.role == role:
                raise RefusedError("taken", "somebody else has answered this record in the meantime")
            if one.stage == stage and role == "annotator" and one.role == "reviewer":
                raise RefusedError("reviewed", "somebody has reviewed this answer in the meantime")
        if role == "reviewer" and not self.is_done(id_, "annotator"):
            raise RefusedError("early", "nobody has labelled this record yet")

    def _wanted(self, id_: str, role: Role) -> set[str]:
        return self._asks[id_] if role == "annotator" else self._answers.stages(id_, "annotator")
