"""A folder that appears whole or not at all."""

from __future__ import annotations

import contextlib
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from curation.errors import UsageError


@contextlib.contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """Where to write what takes the place of `folder` when the block ends well, and leaves no trace when it
    does not.

    Raises:
        UsageError: it cannot be written.
    """
    aside = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}")
    try:
        aside.mkdir(parents=True)
    except OSError as error:
        raise UsageError(f"{folder}: cannot be written: {error.strerror}") from None
    try:
        yield aside
        if folder.exists():
            shutil.rmtree(folder)
        aside.rename(folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
