"""The languages of everything that people read: cards, reports, the review page."""

from __future__ import annotations

from typing import Literal

Lang = Literal["zh", "en"]
