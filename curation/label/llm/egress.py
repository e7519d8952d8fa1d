"""What may leave and what has left: every text is looked over again, every request is written down.

Placeholders pass. Surrogates of names do not, for nothing tells them from names: anonymise without a key what
is to leave.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import regex

from curation.anonymise import policy, tagger
from curation.errors import UsageError
from curation.screen.marks import SUSPECT, find_mark

_SUSPECT = regex.compile(SUSPECT)

MARGIN = 200
"""Characters; no identifier is longer."""


class Guard:
    """Says which texts must stay.

    Args:
        policy_name: a policy; the types that it changes must not be found.
        names: the name engine that looks for people who were overlooked.
    """

    def __init__(self, policy_name: str, names: str) -> None:
        self._rules = policy.load(policy_name).types
        self._tagger = tagger.load(names)

    def __call__(self, texts: Sequence[str], characters: int | None = None) -> list[str | None]:
        """Why each text must stay, None where it may leave.

        Args:
            characters: of each text that will leave, if not all. Marks of secrecy are looked for in all of
                it, personal data so far and a little further, to where a number at the cut ends.
        """
        from curation.anonymise import risk  # with the readers of single files, which cost a start
        from curation.anonymise.record import Result

        reach = None if characters is None else characters + MARGIN
        rows = [{"text": text[:reach]} for text in texts]
        untouched = [Result(dict(row), {}, []) for row in rows]
        suspects = risk.suspects(rows, untouched, [self._rules] * len(rows), tagger=self._tagger)
        return [
            _marked(text) or min((f"held_{one.type.lower()}" for one in found), default=None)
            for text, found in zip(texts, suspects, strict=True)
        ]


def guard(texts: Sequence[str], *, policy_name: str = "letters", names: str = "crf") -> list[str | None]:
    """Why each text must not leave: `secrecy_mark`, `internal_mark`, or `held_` and the type of personal data
    that was found in it (`held_cn_mobile`); None where it may."""
    return Guard(policy_name, names)(texts)


def _marked(text: str) -> str | None:
    mark = find_mark(text) if _SUSPECT.search(text) else None
    return None if mark is None else mark.reason


class Log:
    """JSON lines of what left, for the office that answers for it: digests and numbers, never a text.

    A line `sent` is written before a request leaves, so that none leaves unrecorded; a line `answered` tells
    how it ended.

    Raises:
        UsageError: the file cannot be written.
    """

    def __init__(self, path: Path, host: str, model: str) -> None:
        self._path, self._fixed, self._lock = path, {"host": host, "model": model}, threading.Lock()
        try:
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            self._file = os.open(path, flags, 0o600)
            os.fchmod(self._file, 0o600)  # a file that was there keeps its mode otherwise
        except OSError as error:
            raise UsageError(f"{path}: cannot be written: {error.strerror}") from None

    def sent(self, body: bytes, text: str) -> str:
        """Before a request leaves; returns the digest it is known by."""
        digest = hashlib.sha256(body).hexdigest()
        said = hashlib.sha256(text.encode()).hexdigest()
        self._write("sent", sha256=digest, text_sha256=said, characters=len(text))
        return digest

    def answered(self, digest: str, outcome: int | str, tokens: tuple[int, int] | None = None) -> None:
        """After it ended.

        Args:
            outcome: the status, or why there is none.
            tokens: of prompt and answer, as the server counts them.
        """
        prompt, completion = tokens or (None, None)
        self._write(
            "answered", sha256=digest, outcome=outcome, prompt_tokens=prompt, completion_tokens=completion
        )

    def _write(self, event: str, **said: Any) -> None:
        time = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = json.dumps({"time": time, "event": event, **self._fixed, **said}) + "\n"
        try:
            with self._lock:
                os.write(self._file, line.encode())
        except OSError as error:
            raise UsageError(f"{self._path}: cannot be written: {error.strerror}") from None

    def close(self) -> None:
        os.close(self._file)
