"""Which category of a taxonomy a letter belongs to, and when the machine had better not say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from curation.lazy import attributes

if TYPE_CHECKING:
    from curation.label.functions import ABSTAIN, LabellingFunction, labelling_function

_HOMES = {
    "ABSTAIN": "curation.label.functions",
    "LabellingFunction": "curation.label.functions",
    "labelling_function": "curation.label.functions",
}

__all__ = ["ABSTAIN", "LabellingFunction", "labelling_function"]

__getattr__ = attributes(__name__, _HOMES)
