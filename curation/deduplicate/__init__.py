"""Find exact and near duplicates; what differs in numbers, dates, document number or region is a variant.

The similarity of two texts is the Jaccard index of their sets of code-point 5-grams, as given. Candidates
come from MinHash; every verdict rests on the exact similarity.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from curation.lazy import attributes

if TYPE_CHECKING:
    from curation.deduplicate.files import DeduplicateSummary, deduplicate_files
    from curation.deduplicate.near import find_duplicates
    from curation.deduplicate.report import Study, study
    from curation.deduplicate.shingles import similarity
    from curation.deduplicate.stage import Deduplicate, DeduplicateParams
    from curation.deduplicate.verdict import Verdict
    from curation.deduplicate.veto import VETOES

_HOMES = {
    "VETOES": "curation.deduplicate.veto",
    "Deduplicate": "curation.deduplicate.stage",
    "DeduplicateParams": "curation.deduplicate.stage",
    "DeduplicateSummary": "curation.deduplicate.files",
    "Study": "curation.deduplicate.report",
    "Verdict": "curation.deduplicate.verdict",
    "deduplicate_files": "curation.deduplicate.files",
    "find_duplicates": "curation.deduplicate.near",
    "similarity": "curation.deduplicate.shingles",
    "study": "curation.deduplicate.report",
}

__all__ = [
    "VETOES",
    "Deduplicate",
    "DeduplicateParams",
    "DeduplicateSummary",
    "Study",
    "Verdict",
    "deduplicate_files",
    "find_duplicates",
    "similarity",
    "study",
]

__getattr__ = attributes(__name__, _HOMES)
