"""Files that appear whole or not at all and never replace an input, and the digest a file is known by."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from curation.errors import UsageError


def not_onto_itself(source: Path, output: Path) -> None:
    """Refuse to write over what is read.

    Raises:
        UsageError: both are the same file.
    """
    if source.resolve() == output.resolve():
        raise UsageError(f"{output}: is an input itself; write to another file")


@contextlib.contextmanager
def whole_file(path: Path, *, mode: int = 0o666) -> Iterator[Path]:
    """Where to write what becomes `path` when the block ends well, and leaves no trace when it does not.

    The temporary file lies beside `path`, so that it takes its place in one step, and is hidden. It is there
    and empty when the block begins: made anew, never one that lay there or was linked there. Read the sources
    outside the block, or turn their errors into others: an `OSError` is taken for one of writing.

    Args:
        mode: who may read and write the file, before the umask.

    Raises:
        UsageError: the file cannot be written.
    """
    aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        if path.is_dir():  # else noticed only after all has been written
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        os.close(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode))
        try:
            yield aside
            aside.replace(path)
        finally:
            aside.unlink(missing_ok=True)
    except OSError as error:
        # pyarrow's own message names the temporary file
        said = os.strerror(error.errno) if error.errno else "input/output error"
        raise UsageError(f"{path}: cannot be written: {said}") from None


def canonical_json(value: Any) -> str:
    """JSON data as it is written to be read by people, too: equal values give equal bytes."""
    return json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True) + "\n"


def json_object(path: Path) -> dict[str, Any] | None:
    """The JSON object in a file; None where there is no file, or something else in it."""
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return said if isinstance(said, dict) else None


def sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, hexadecimal.

    Raises:
        UsageError: the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror or 'input/output error'}") from None
