"""The same recognisers for anybody's presidio `AnalyzerEngine`.

Importing presidio costs 1.4 CPU seconds in every process, 6.5 where torch is installed, so the stage calls
`identifiers`, `names` and `addresses` directly; a test holds both ways to the same findings. Presidio's own
context enhancer compares lemmas, which Chinese pipelines do not have; here each identifier looks at the raw
text around it, and the engine's enhancer leaves scores alone.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

from presidio_analyzer import AnalyzerEngine, EntityRecognizer, RecognizerRegistry, RecognizerResult
from presidio_analyzer.context_aware_enhancers import ContextAwareEnhancer
from presidio_analyzer.nlp_engine import NoOpNlpEngine

from curation.anonymise import addresses, identifiers, names
from curation.anonymise.spans import Span, view
from curation.anonymise.tagger import Entity, Tagger, load

if TYPE_CHECKING:
    from presidio_analyzer.nlp_engine import NlpArtifacts

LANGUAGE = "zh"
COUNTRY = "cn"


def analyzer(engine: str = "lac") -> AnalyzerEngine:
    """An analyzer for Chinese text with all recognisers of this package: nothing to download.

    Args:
        engine: name engine, `lac` or `none`.
    """
    registry = RecognizerRegistry(recognizers=recognisers(load(engine)), supported_languages=[LANGUAGE])
    return AnalyzerEngine(
        registry=registry,
        nlp_engine=NoOpNlpEngine([{"lang_code": LANGUAGE, "model_name": ""}]),
        context_aware_enhancer=ScoresStay(0.0, 0.0, 0, 0),
        supported_languages=[LANGUAGE],
    )


def recognisers(tagger: Tagger) -> list[EntityRecognizer]:
    """One recogniser per identifier type, one for persons, one for addresses."""
    by_type = groupby(sorted(identifiers.IDENTIFIERS, key=lambda one: one.type), key=lambda one: one.type)
    return [
        *(IdentifierRecogniser(kind, tuple(ways)) for kind, ways in by_type),
        PersonRecogniser(tagger),
        AddressRecogniser(),
    ]


class IdentifierRecogniser(EntityRecognizer):
    """One type of identifier, in every way it is written."""

    def __init__(self, kind: str, ways: tuple[identifiers.Identifier, ...]) -> None:
        self._ways = ways
        super().__init__(
            [kind],
            name=f"{kind.title().replace('_', '')}Recogniser",
            supported_language=LANGUAGE,
            context=sorted({word for way in ways for word in (*way.context, *way.strong)}),
            country_code=COUNTRY if kind.startswith("CN_") else None,
        )

    def load(self) -> None:
        """Patterns are compiled with the module."""

    def analyze(
        self, text: str, entities: list[str], nlp_artifacts: NlpArtifacts | None = None
    ) -> list[RecognizerResult]:
        plain = view(text)
        return [_result(span, self) for way in self._ways for span in way.find(plain)]


class PersonRecogniser(EntityRecognizer):
    """Names, honorifics and masked names of one text."""

    def __init__(self, tagger: Tagger) -> None:
        self._tagger = tagger
        super().__init__(
            ["PERSON", "PERSON_HONORIFIC", "PERSON_MASKED"],
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
        lines = names.lines(plain)
        tagged = [
            Entity(offset + start, offset + end, label)
            for (offset, _), found in zip(lines, self._tagger.tag([line for _, line in lines]), strict=True)
            for start, end, label in found
        ]
        found = names.find({"text": plain}, {"text": tagged}, {"text": identifiers.find(text)})["text"]
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


class ScoresStay(ContextAwareEnhancer):
    """No second look at context: the recognisers have read the raw text around their findings."""

    def enhance_using_context(
        self,
        text: str,
        raw_results: list[RecognizerResult],
        nlp_artifacts: NlpArtifacts,
        recognizers: list[EntityRecognizer],
        context: list[str] | None = None,
    ) -> list[RecognizerResult]:
        return raw_results


def _result(span: Span, recogniser: EntityRecognizer) -> RecognizerResult:
    metadata: dict[str, Any] = {
        RecognizerResult.RECOGNIZER_NAME_KEY: span.recogniser,
        RecognizerResult.RECOGNIZER_IDENTIFIER_KEY: recogniser.id,
    }
    return RecognizerResult(span.type, span.start, span.end, span.score, recognition_metadata=metadata)
