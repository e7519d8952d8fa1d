"""Recall, precision, leaks and speed of anonymising on a gold file, beside stock presidio.

GOLD holds a document per line, `{"id", "text", "spans": [[start, end, type], ...]}`, or marked text
(`curation/anonymise/marked.py`). What counts as found: `curation/anonymise/scores.py`. Speed is per CPU
second of one core.

    python benchmarks/anonymise.py tests/curation/anonymise/gold/*.txt
    python benchmarks/anonymise.py ../shared/data/ner/msra_val.jsonl --only PERSON
"""

from __future__ import annotations

import argparse
import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from curation.anonymise import identifiers, marked, policy, scores, tagger
from curation.anonymise.marked import Marked
from curation.anonymise.scores import IDENTIFIERS, Spans

STOCK = {"CREDIT_CARD": "CN_BANK_CARD", "PHONE_NUMBER": "CN_MOBILE"}
"""What presidio calls some of our types; its other types are looked at as they are named."""


def main() -> None:
    options = _options()
    documents = [one for path in options.gold for one in marked.read(path)]
    if not documents:
        raise SystemExit("no documents in " + ", ".join(map(str, options.gold)))
    if options.only:
        documents = [
            one._replace(spans=[span for span in one.spans if span[2] in options.only]) for one in documents
        ]
    rules = policy.load(options.policy).of(None)
    engine = tagger.load(options.names)
    engine.tag(["来电人王建国"])  # what is loaded at the first use is not timed
    identifiers.find("电话13812345678")
    found, seconds = _timed(lambda: scores.found(documents, rules, engine))
    if options.only:
        found = [[span for span in spans if span[2] in options.only] for spans in found]
    characters = sum(len(one.text) for one in documents)
    print(f"{len(documents)} documents, {characters / len(documents):.0f} characters on average\n")
    _table(documents, found)
    print(f"\ndocuments with a value wholly untouched: {_share(scores.left(documents, found, rules))}")
    print(f"other characters replaced: {_share(scores.needless(documents, found, rules))}")
    print(f"with names ({options.names}): {characters / seconds:,.0f} characters/s")
    _, seconds = _timed(lambda: [identifiers.find(one.text) for one in documents])
    print(
        f"identifiers only: {len(documents) / seconds:,.0f} documents/s, "
        + f"{characters / seconds:,.0f} characters/s"
    )
    if not options.alone:
        _beside(documents)
    if options.show:
        _show(documents, found)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure anonymising on a gold file.")
    parser.add_argument("gold", type=Path, nargs="+", metavar="GOLD")
    parser.add_argument("--names", default="lac", help="name engine: " + ", ".join(tagger.NAMES))
    parser.add_argument("--policy", default="letters", help="what counts as replaced")
    parser.add_argument("--only", nargs="*", metavar="TYPE", help="types that the gold file has")
    parser.add_argument("--alone", action="store_true", help="without stock presidio")
    parser.add_argument("--show", action="store_true", help="print every miss and false finding")
    return parser.parse_args()


def _timed(run: Callable[[], Any]) -> tuple[Any, float]:
    started = time.process_time()
    result = run()
    return result, time.process_time() - started


def _table(documents: Sequence[Marked], found: Sequence[Spans]) -> None:
    print(f"{'type':20}{'gold':>6}{'found':>7}{'recall':>8}{'exact':>8}{'precision':>11}")
    kinds = {span[2] for one in documents for span in one.spans} | {span[2] for one in found for span in one}
    for name in ("identifiers", *sorted(kinds)):
        wanted = IDENTIFIERS if name == "identifiers" else frozenset({name})
        one = scores.agreement([one.spans for one in documents], found, wanted)
        print(
            f"{name:20}{one.gold:6}{one.found:7}{one.recall:8.3f}{scores.ratio(one.exact, one.gold):8.3f}"
            f"{one.precision:11.3f}"
        )


def _share(share: scores.Share) -> str:
    return f"{share.part} of {share.whole} ({share.part / max(share.whole, 1):.1%})"


def _beside(documents: Sequence[Marked]) -> None:
    """Presidio's own recognisers on the same documents."""
    logging.getLogger("tldextract").setLevel(logging.CRITICAL)  # it would fetch a list of domains
    from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
    from presidio_analyzer.nlp_engine import NoOpNlpEngine

    registry = RecognizerRegistry(supported_languages=["en"])
    registry.load_predefined_recognizers(languages=["en"])
    registry.remove_recognizer("SpacyRecognizer")  # names in English, with a model to download
    stock = AnalyzerEngine(
        registry=registry,
        nlp_engine=NoOpNlpEngine([{"lang_code": "en", "model_name": ""}]),
        supported_languages=["en"],
    )
    stock.analyze(documents[0].text, language="en")
    results, seconds = _timed(lambda: [stock.analyze(one.text, language="en") for one in documents])
    found = [
        [(one.start, one.end, STOCK.get(one.entity_type, one.entity_type)) for one in result]
        for result in results
    ]
    known = [[span for span in spans if span[2] in IDENTIFIERS] for spans in found]
    one = scores.agreement([one.spans for one in documents], known, IDENTIFIERS)
    print(
        f"stock presidio, identifiers: recall {one.recall:.3f}, "
        f"precision {one.precision:.3f}, {len(documents) / seconds:,.0f} documents/s"
    )


def _show(documents: Sequence[Marked], found: Sequence[Spans]) -> None:
    for one, guess in zip(documents, found, strict=True):
        for word, spans, others in (("missed", one.spans, guess), ("false", guess, one.spans)):
            for start, end, kind in spans:
                if not scores.touched((start, end, kind), [span for span in others if _same(kind, span[2])]):
                    left, right = one.text[max(0, start - 8) : start], one.text[end : end + 8]
                    print(f"{word} {kind} {one.id} {left}【{one.text[start:end]}】{right}")


def _same(kind: str, other: str) -> bool:
    return kind == other or {kind, other} <= IDENTIFIERS


if __name__ == "__main__":
    main()
