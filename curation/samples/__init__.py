"""Synthetic government records with known truth."""

from curation.samples.generate import SampleSummary, generate

__all__ = ["SampleSummary", "generate"]
