"""Whose a training's folder is: no training writes into another's, or among files of somebody else."""

from __future__ import annotations

from pathlib import Path

from curation.errors import UsageError


def require_unfinished(folder: Path, claim: Path, made_of: str) -> None:
    """Refuse to go on with what is not there.

    Raises:
        UsageError: the folder holds no unfinished training of this fingerprint.
    """
    if not claim.is_file() or claim.read_text(encoding="utf-8") != made_of:
        raise UsageError(
            f"{folder}: holds no unfinished training of this recipe and these data; leave --resume out "
            "to begin one"
        )


def take(folder: Path, claim: Path, made_of: str) -> None:
    """Make the folder this training's own, or go on with what a killed one left.

    Args:
        claim: the file that says whose it is, in a folder of its own.

    Raises:
        UsageError: it belongs to another training or to something else, or cannot be written.
    """
    if folder.is_file():
        raise UsageError(f"{folder}: is a file; --output names a folder")
    if claim.exists():
        if claim.read_text(encoding="utf-8") == made_of:
            return
        # One that was refused before its first step stands in nobody's way.
        if any(each != claim for each in claim.parent.iterdir()):
            raise UsageError(
                f"{folder}: holds an unfinished training with another recipe, data or version; choose "
                "another --output or remove it"
            )
    elif folder.is_dir() and any(folder.iterdir()):
        raise UsageError(f"{folder}: holds other files and is no training; choose another --output")
    try:
        claim.parent.mkdir(parents=True, exist_ok=True)
        claim.write_text(made_of, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{folder}: cannot be written: {error.strerror}") from None
