"""The sentence encoder of a labeller: a local folder that must stay what it was when the model was fitted."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from curation.deduplicate import encoder
from curation.errors import UsageError
from curation.files import sha256
from curation.label.labeller import Encoder

if TYPE_CHECKING:
    from curation.deduplicate.encoder import LocalModel


def of(folder: Path | str) -> Encoder:
    """What a labeller keeps of the encoder in a folder.

    Raises:
        UsageError: no folder, no encoder in it, or its library is not installed.
    """
    found = encoder.find(folder)
    return Encoder(str(Path(folder).resolve()), _digest(found, found.stamp()))


def same(kept: Encoder) -> LocalModel:
    """The encoder that a labeller was fitted with.

    Raises:
        UsageError: it is not there, or another one, or its library is not installed.
    """
    found = encoder.find(kept.path)
    if _digest(found, found.stamp()) != kept.digest:
        raise UsageError(f"{kept.path}: not the encoder that the model was fitted with; fit it again")
    return found


@functools.lru_cache(maxsize=4)
def _digest(model: LocalModel, stamp: int) -> str:
    """Of names and contents of its files, anew when the folder was written to."""
    told = [f"{path.relative_to(model.folder)} {sha256(path)}" for path in model.files()]
    return hashlib.sha256("\n".join(told).encode("utf-8", "surrogateescape")).hexdigest()
