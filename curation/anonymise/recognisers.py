"""The same recognisers for anybody's presidio `AnalyzerEngine`.

Importing presidio costs 1.4 CPU seconds in every process, 6.5 where torch is installed, so the stage calls
`identifiers`, `names` and `addresses` directly; a test holds both ways to the same findings of people and
identifiers, and addresses of the rules. What an engine says of places is the stage's alone.

Presidio's own context enhancer compares lemmas, which Chinese pipelines do not have. The recognisers here
read the raw text around a number themselves, since the nearest label decides the type and not only the
score, and mark their results as enhanced; so they find the same in anybody's engine, whatever its enhancer.
For recognisers with `context=` words, `RawTextContextEnhancer` does on raw text what the default does on
lemmas.
"""

from __future__ import annotations

import copy
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from presidio_analyzer import AnalyzerEngine, EntityRecognizer, RecognizerRegistry, RecognizerResult
from presidio_analyzer.context_aware_enhancers import ContextAwareEnhancer
from presidio_analyzer.nlp_engine import NoOpNlpEngine

from curation.anonymise import addresses, identifiers, names
from curation.anonymise.identifiers import labels
from curation.anonymise.identifiers.page import Page
from curation.anonymise.policy import PEOPLE
from curation.anonymise.spans import Span, view
from curation.anonymise.tagger import NoNames, Tagger, load

if TYPE_CHECKING:
    from presidio_analyzer.nlp_engine import NlpArtifacts

LANGUAGE = "zh"
COUNTRY = "cn"


def analyzer(engine: str = "lac") -> AnalyzerEngine:
    """An analyzer for Chinese text with all recognisers of this package: nothing to download.

    Args:
        engine: a name engine, one of `tagger.NAMES`.
    """
    registry = RecognizerRegistry(recognizers=recognisers(load(engine)), supported_languages=[LANGUAGE])
    return AnalyzerEngine(
        registry=registry,
        nlp_engine=NoOpNlpEngine([{"lang_code": LANGUAGE, "model_name": ""}]),
        context_aware_enhancer=RawTextContextEnhancer(),
        supported_languages=[LANGUAGE],
    )


def recognisers(tagger: Tagger) -> list[EntityRecognizer]:
    """One recogniser per identifier type, one for persons, one for addresses."""
    return [
        *identifier_recognisers(),
        PersonRecogniser(tagger),
        AddressRecogniser(),
    ]


def identifier_recognisers() -> list[EntityRecognizer]:
    """One recogniser per identifier type: no names, nothing to load, for anybody's registry."""
    kinds = sorted({kind for one in identifiers.IDENTIFIERS for kind in one.types})
    return [
        IdentifierRecogniser(kind, tuple(one for one in identifiers.IDENTIFIERS if kind in one.types))
        for kind in kinds
    ]


class IdentifierRecogniser(EntityRecognizer):
    """One type of identifier, in every way it is written."""

    def __init__(self, kind: str, ways: tuple[identifiers.Identifier, ...]) -> None:
        self._ways = ways
        super().__init__(
            [kind],
            name=f"{kind.title().replace('_', '')}Recogniser",
            supported_language=LANGUAGE,
            context=labels.words(frozenset().union(*(way.labels for way in ways))),
            country_code=COUNTRY if kind.startswith("CN_") else None,
        )

    def load(self) -> None:
        """Patterns are compiled with the module."""

    def analyze(
        self, text: str, entities: list[str], nlp_artifacts: NlpArtifacts | None = None
    ) -> list[RecognizerResult]:
        page = _page(text)
        kind = self.supported_entities[0]
        return [_result(span, self) for way in self._ways for span in way.find(page) if span.type == kind]


class PersonRecogniser(EntityRecognizer):
    """Names, honorifics and masked names of one text."""

    def __init__(self, tagger: Tagger) -> None:
        self._tagger = tagger
        super().__init__(
            list(PEOPLE),
            name="PersonRecogniser",
            supported_language=LANGUAGE,
            country_code=COUNTRY,
        )

    def load(self) -> None:
        """The name engine is loaded by whoever hands it over."""

    def analyze(
        self, text: str, entities: list[str], nlp_artifacts: NlpArtifacts | None = None
    ) -> list[RecognizerResult]:
        plain = view(text)
        named = not isinstance(self._tagger, NoNames)
        engine = {"text": names.entities([plain], self._tagger)[0]} if named else {}
        found = names.find({"text": plain}, engine, {"text": identifiers.find(text)})["text"]
        return [_result(span, self) for span in found]


class AddressRecogniser(EntityRecognizer):
    """Addresses that reach a household."""

    def __init__(self) -> None:
        super().__init__(
            ["ADDRESS"], name="AddressRecogniser", supported_language=LANGUAGE, country_code=COUNTRY
        )

    def load(self) -> None:
        """Patterns are compiled with the module."""

    def analyze(
        self, text: str, entities: list[str], nlp_artifacts: NlpArtifacts | None = None
    ) -> list[RecognizerResult]:
        return [_result(span, self) for span in addresses.find(view(text))]


class RawTextContextEnhancer(ContextAwareEnhancer):
    """Presidio's context enhancer for text without lemmas: a context word in the raw text around a finding.

    Args:
        context_similarity_factor: what a context word adds to a score.
        min_score_with_context_similarity: the least score of a finding beside one.
        context_prefix_count: characters looked at before a finding.
        context_suffix_count: characters looked at after it.
    """

    def __init__(
        self,
        context_similarity_factor: float = 0.35,
        min_score_with_context_similarity: float = 0.4,
        context_prefix_count: int = 12,
        context_suffix_count: int = 6,
    ) -> None:
        super().__init__(
            context_similarity_factor,
            min_score_with_context_similarity,
            context_prefix_count,
            context_suffix_count,
        )

    def enhance_using_context(
        self,
        text: str,
        raw_results: list[RecognizerResult],
        nlp_artifacts: NlpArtifacts,
        recognizers: list[EntityRecognizer],
        context: list[str] | None = None,
    ) -> list[RecognizerResult]:
        """The results, those beside a context word of their recogniser with a higher score."""
        plain = view(text).lower()
        words = {
            one.id: [word.lower() for word in (*(one.context or ()), *(context or ()))] for one in recognizers
        }
        return [self._enhanced(result, plain, words) for result in raw_results]

    def _enhanced(
        self, result: RecognizerResult, plain: str, words: dict[str, list[str]]
    ) -> RecognizerResult:
        said = result.recognition_metadata or {}
        known = words.get(said.get(RecognizerResult.RECOGNIZER_IDENTIFIER_KEY, ""), [])
        before = plain[max(0, result.start - self.context_prefix_count) : result.start]
        after = plain[result.end : result.end + self.context_suffix_count]
        found = next((word for word in known if word in before or word in after), None)
        if found is None or said.get(RecognizerResult.IS_SCORE_ENHANCED_BY_CONTEXT_KEY):
            return result
        raised = copy.deepcopy(result)  # the caller keeps the results as they were
        raised.score = min(
            self.MAX_SCORE,
            max(result.score + self.context_similarity_factor, self.min_score_with_context_similarity),
        )
        if raised.analysis_explanation:
            raised.analysis_explanation.set_supportive_context_word(found)
            raised.analysis_explanation.set_improved_score(raised.score)
        return raised


_page = lru_cache(maxsize=1)(Page)
"""The recognisers of one engine are given the same text one after the other."""


def _result(span: Span, recogniser: EntityRecognizer) -> RecognizerResult:
    metadata: dict[str, Any] = {
        RecognizerResult.RECOGNIZER_NAME_KEY: span.recogniser,
        RecognizerResult.RECOGNIZER_IDENTIFIER_KEY: recogniser.id,
        RecognizerResult.IS_SCORE_ENHANCED_BY_CONTEXT_KEY: True,
    }
    return RecognizerResult(span.type, span.start, span.end, span.score, recognition_metadata=metadata)
