"""The sections of a card's body, in order; each is a function of a view of the facts to its lines.

They are those of Datasheets for Datasets, with the documentation group of TC609-5-2025-04 in them. Chinese
and English stand side by side, so that a change to one is seen beside the other.
"""

from __future__ import annotations

from data_cards.sections.composition import composition, distributions
from data_cards.sections.labels import labels
from data_cards.sections.origin import origin
from data_cards.sections.people import for_people, limits, maintenance, motivation
from data_cards.sections.personal import personal_data
from data_cards.sections.processing import duplicates, funnel, leakage
from data_cards.sections.quality import changes, quality
from data_cards.sections.release import distribution, reproduction
from data_cards.sections.summary import heading, summary
from data_cards.sections.view import View

__all__ = ["SECTIONS", "View"]

SECTIONS = (
    heading,
    summary,
    motivation,
    composition,
    distributions,
    origin,
    funnel,
    duplicates,
    leakage,
    labels,
    personal_data,
    quality,
    changes,
    limits,
    distribution,
    maintenance,
    reproduction,
    for_people,
)
