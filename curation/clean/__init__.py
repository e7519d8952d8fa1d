"""Take what nobody wrote out of the text: the stage `clean`."""

from __future__ import annotations

from curation.clean.stage import Clean
from curation.clean.text import clean_text

__all__ = ["Clean", "clean_text"]
