"""Answers that were paid for, in one SQLite file: digests, labels and counts, never a text.

An answer is stored as it comes, so an interrupted run goes on where it stopped. Processes may share a file.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from curation.errors import UsageError

_PATIENCE = 30.0
"""Seconds to wait for another process that writes."""


class Answer(NamedTuple):
    """What the model said.

    Attributes:
        value: a label or `prompt.ABSTAIN`; None where no answer counted.
        reason: why none counted.
    """

    value: str | None
    reason: str | None


class Cache:
    """Answers by key.

    Args:
        path: the file; None keeps answers in memory.

    Raises:
        UsageError: the file cannot be written or is something else.
    """

    def __init__(self, path: Path | None) -> None:
        self._path, self._lock = path, threading.Lock()
        with self._faults():
            if path is not None:
                flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
                descriptor = os.open(path, flags, 0o600)  # SQLite would make it for everybody to read
                try:
                    os.fchmod(descriptor, 0o600)
                finally:
                    os.close(descriptor)
            self._db = sqlite3.connect(
                path or ":memory:", timeout=_PATIENCE, isolation_level=None, check_same_thread=False
            )
            self._db.execute(
                "CREATE TABLE IF NOT EXISTS answers"
                " (key BLOB PRIMARY KEY, value TEXT, reason TEXT) WITHOUT ROWID"
            )
            self._db.execute("SELECT key, value, reason FROM answers LIMIT 0")

    def get(self, key: bytes) -> Answer | None:
        """The answer, if there is one."""
        with self._faults(), self._lock:
            row = self._db.execute("SELECT value, reason FROM answers WHERE key = ?", (key,)).fetchone()
        return None if row is None else Answer(*row)

    def put(self, key: bytes, answer: Answer) -> None:
        """Store an answer; from any thread."""
        with self._faults(), self._lock:
            self._db.execute("INSERT OR REPLACE INTO answers VALUES (?, ?, ?)", (key, *answer))

    def close(self) -> None:
        self._db.close()

    @contextlib.contextmanager
    def _faults(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise UsageError(f"{self._path}: cannot be written: {error.strerror}") from None
        except sqlite3.DatabaseError as error:
            raise UsageError(f"{self._path}: cannot be used as a cache of answers: {error}") from None
