"""Recall, precision, leaks and speed of anonymising on a gold file, beside stock presidio.

GOLD holds a document per line, `{"id", "text", "spans": [[start, end, type], ...]}`, or marked text
(`curation/anonymise/marked.py`). A gold span is found where a finding of its type overlaps it; identifiers
taken together also where the finding is of another identifier's type. Speed is per CPU second of one core.

    python benchmarks/anonymise.py tests/curation/anonymise/gold/*.txt
    python benchmarks/anonymise.py ../shared/data/ner/msra_val.jsonl --only PERSON
"""

from __future__ import annotations

import argparse
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from curation.anonymise import identifiers, marked, policy, tagger
from curation.anonymise.detect import detect
from curation.anonymise.marked import Marked

Found = list[tuple[int, int, str]]

PEOPLE_AND_PLACES = ("PERSON", "PERSON_HONORIFIC", "PERSON_MASKED", "ADDRESS", "LOCATION", "ORGANIZATION")
IDENTIFIERS = frozenset(policy.TYPES) - set(PEOPLE_AND_PLACES)
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
    found, seconds = _timed(lambda: _ours(documents, rules, engine))
    if options.only:
        found = [[span for span in spans if span[2] in options.only] for spans in found]
    characters = sum(len(one.text) for one in documents)
    print(f"{len(documents)} documents, {characters / len(documents):.0f} characters on average\n")
    _table(documents, found)
    print(f"\ndocuments with a value wholly untouched: {_share(*_untouched(documents, found, rules))}")
    print(f"other characters replaced: {_share(*_needless(documents, found, rules))}")
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


def _ours(documents: Sequence[Marked], rules: policy.Rules, engine: tagger.Tagger) -> list[Found]:
    detected = detect(
        [{"text": one.text} for one in documents],
        [{}] * len(documents),
        [rules] * len(documents),
        tagger=engine,
    )
    return [[span[:3] for span in one.spans.get("text", [])] for one in detected]


def _timed(run: Callable[[], Any]) -> tuple[Any, float]:
    started = time.process_time()
    result = run()
    return result, time.process_time() - started


def _table(documents: Sequence[Marked], found: Sequence[Found]) -> None:
    print(f"{'type':20}{'gold':>6}{'found':>7}{'recall':>8}{'exact':>8}{'precision':>11}")
    kinds = {span[2] for one in documents for span in one.spans} | {span[2] for one in found for span in one}
    for name in ("identifiers", *sorted(kinds)):
        wanted = IDENTIFIERS if name == "identifiers" else frozenset({name})
        gold, recalled, exact, said, right = _counts([one.spans for one in documents], found, wanted)
        print(
            f"{name:20}{gold:6}{said:7}{_ratio(recalled, gold):8.3f}{_ratio(exact, gold):8.3f}"
            f"{_ratio(right, said):11.3f}"
        )


def _counts(
    gold: Iterable[Found], found: Iterable[Found], kinds: frozenset[str]
) -> tuple[int, int, int, int, int]:
    """Gold spans, those overlapped, those found exactly; findings, those that overlap gold."""
    sums = Counter[str]()
    for truth, guess in zip(gold, found, strict=True):
        truth = [span for span in truth if span[2] in kinds]
        guess = [span for span in guess if span[2] in kinds]
        sums["gold"] += len(truth)
        sums["recalled"] += sum(_touched(span, guess) for span in truth)
        sums["exact"] += len({span[:2] for span in truth} & {span[:2] for span in guess})
        sums["said"] += len(guess)
        sums["right"] += sum(_touched(span, truth) for span in guess)
    return sums["gold"], sums["recalled"], sums["exact"], sums["said"], sums["right"]


def _touched(span: tuple[int, int, str], others: Found) -> bool:
    return any(start < span[1] and span[0] < end for start, end, _ in others)


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")


def _untouched(documents: Sequence[Marked], found: Sequence[Found], rules: policy.Rules) -> tuple[int, int]:
    """Documents in which a value that must go is not even touched by what goes."""
    count = 0
    for one, spans in zip(documents, found, strict=True):
        gone = [span for span in spans if rules[span[2]].changes]
        count += any(
            (kind not in rules or rules[kind].changes) and not _touched((start, end, kind), gone)
            for start, end, kind in one.spans
        )
    return count, len(documents)


def _needless(documents: Sequence[Marked], found: Sequence[Found], rules: policy.Rules) -> tuple[int, int]:
    """Characters that go though they are in no gold span, of all that are in none."""
    gone = free = 0
    for one, spans in zip(documents, found, strict=True):
        personal = {at for start, end, _ in one.spans for at in range(start, end)}
        free += len(one.text) - len(personal)
        gone += len(
            {at for start, end, kind in spans if rules[kind].changes for at in range(start, end)} - personal
        )
    return gone, free


def _share(part: int, whole: int) -> str:
    return f"{part} of {whole} ({part / max(whole, 1):.1%})"


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
    gold, recalled, _, said, right = _counts([one.spans for one in documents], known, IDENTIFIERS)
    print(
        f"stock presidio, identifiers: recall {_ratio(recalled, gold):.3f}, "
        f"precision {_ratio(right, said):.3f}, {len(documents) / seconds:,.0f} documents/s"
    )


def _show(documents: Sequence[Marked], found: Sequence[Found]) -> None:
    for one, guess in zip(documents, found, strict=True):
        for word, spans, others in (("missed", one.spans, guess), ("false", guess, one.spans)):
            for start, end, kind in spans:
                if not _touched((start, end, kind), [span for span in others if _same(kind, span[2])]):
                    left, right = one.text[max(0, start - 8) : start], one.text[end : end + 8]
                    print(f"{word} {kind} {one.id} {left}【{one.text[start:end]}】{right}")


def _same(kind: str, other: str) -> bool:
    return kind == other or {kind, other} <= IDENTIFIERS


if __name__ == "__main__":
    main()
