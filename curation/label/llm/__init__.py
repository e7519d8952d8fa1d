"""The optional LLM annotator: a label for each text from any OpenAI-compatible endpoint (vLLM, Ollama).

Only anonymised and screened text leaves, only to a host that is listed, and whatever left is on record.
"""

from __future__ import annotations

from curation.label.llm.annotator import annotate
from curation.label.llm.answers import LlmAnswers, Usage
from curation.label.llm.egress import guard
from curation.label.llm.params import LlmParams, Price

__all__ = ["LlmAnswers", "LlmParams", "Price", "Usage", "annotate", "guard"]
