"""Keep documents with a secrecy or internal mark out of a data set: the stage `screen`."""

from __future__ import annotations

from curation.screen.marks import Mark, find_mark
from curation.screen.stage import Screen

__all__ = ["Mark", "Screen", "find_mark"]
