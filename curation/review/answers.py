"""What people have said about the records of a queue, read anew from the file whenever it has changed."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path

from curation import decisions
from curation.decisions import Decision, Role


class Answers:
    """The decisions about the records as they are now: those about another text or of another taxonomy do not
    count.

    Args:
        path: the decisions.
        contents: digest of each record of the queue.
        scheme: name of the taxonomy.
    """

    def __init__(self, path: Path, contents: Mapping[str, str], scheme: str | None) -> None:
        self.path, self._contents, self._scheme = path, contents, scheme
        self._lock = threading.Lock()
        self._version = (-1, -1)
        self._everything: list[Decision] = []
        self._in_force: list[Decision] = []
        self._of: dict[str, list[Decision]] = {}

    def of(self, id_: str) -> list[Decision]:
        """What is in force about a record, in order."""
        self._refresh()
        return self._of.get(id_, [])

    def ever(self, id_: str) -> list[Decision]:
        """All lines about a record, in order, what was withdrawn included."""
        self._refresh()
        return [one for one in self._everything if one.id == id_]

    def by(self, person: str, role: Role) -> list[Decision]:
        """What is in force of a person in a role, in order."""
        self._refresh()
        return [one for one in self._in_force if one.by == person and one.role == role]

    def last(self, id_: str, stage: str) -> Decision | None:
        """The last word about a record at a stage: the reviewer's, else the annotator's."""
        said = [one for one in self.of(id_) if one.stage == stage]
        reviewed = [one for one in said if one.role == "reviewer"]
        return next(reversed(reviewed or said), None)

    def stages(self, id_: str, role: Role) -> set[str]:
        """What has been answered about a record in a role."""
        return {one.stage for one in self.of(id_) if one.role == role}

    def people(self) -> list[str]:
        """Everybody who has decided anything, in the order of their first lines."""
        self._refresh()
        return list(dict.fromkeys(one.by for one in self._everything))

    def _refresh(self) -> None:
        with self._lock:
            about = self.path.stat() if self.path.exists() else None
            version = (about.st_size, about.st_mtime_ns) if about else (0, 0)
            if version == self._version:
                return
            everything = decisions.read(self.path)
            in_force = [one for one in decisions.in_force(everything) if self._counts(one)]
            of: dict[str, list[Decision]] = {}
            for one in in_force:
                of.setdefault(one.id, []).append(one)
            self._everything, self._in_force, self._of, self._version = everything, in_force, of, version

    def _counts(self, one: Decision) -> bool:
        is_current = self._contents.get(one.id) == one.content
        return is_current and (one.stage != "label" or one.scheme == self._scheme)
