"""Keys: from a file or from the environment, never from a recipe; only a fingerprint is ever written down."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from curation.errors import UsageError

VARIABLE = "GOVTUNE_KEY"
"""Of the surrogate key."""

SHORTEST = 16
"""Bytes. A shorter key could be guessed from the surrogates of known names."""


def read_key(path: Path | None, variable: str = VARIABLE) -> bytes | None:
    """The key in a file, else in an environment variable, else None.

    Raises:
        UsageError: the file cannot be read, or the key is too short.
    """
    if path is not None:
        try:
            key = path.read_bytes().strip()
        except OSError as error:
            raise UsageError(f"{path}: key file cannot be read: {error.strerror}") from None
    else:
        key = os.fsencode(os.environ.get(variable, "")).strip()
        if not key:
            return None
    if len(key) < SHORTEST:
        raise UsageError(
            f"{path or variable}: a key has at least {SHORTEST} bytes; "
            "make one with: head -c 32 /dev/urandom | base64"
        )
    return key


def fingerprint(key: bytes | None) -> str | None:
    """What tells two keys apart without telling either."""
    return None if key is None else hashlib.sha256(b"govtune key\0" + key).hexdigest()[:16]
