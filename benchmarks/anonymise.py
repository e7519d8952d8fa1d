"""Recall, precision and speed of the anonymise kernel on a gold file.

Each line of GOLD.jsonl is `{"id", "text", "spans": [[start, end, label], ...]}`. Labels are our entity types;
LOCATION counts as ADDRESS, and PHONE as any of our telephone types. A finding counts where it overlaps a gold
span of the same label. Throughput is per CPU second.

    python benchmarks/anonymise.py ../shared/data/ner/msra_val.jsonl --only PERSON
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from curation.anonymise import policy, tagger
from curation.anonymise.record import anonymise_fields

SAME = {"LOCATION": "ADDRESS", "CN_LANDLINE": "PHONE", "CN_MOBILE": "PHONE", "CN_OFFICE_PHONE": "PHONE"}
Labelled = tuple[int, int, str]


def main() -> None:
    options = _options()
    documents = [json.loads(line) for line in options.gold.open(encoding="utf-8")]
    gold = [_kept([(s[0], s[1], s[2]) for s in one["spans"]], options.only) for one in documents]
    rules = policy.load("strict")
    engine = tagger.load(options.names)
    started = time.process_time()
    results = anonymise_fields(
        [{"text": one["text"]} for one in documents],
        [{}] * len(documents),
        tagger=engine,
        policy=rules,
    )
    seconds = time.process_time() - started
    found = [
        _kept([(f.span.start, f.span.end, f.span.type) for f in result.found], options.only)
        for result in results
    ]
    if options.show:
        _show([one["text"] for one in documents], gold, found)
    _report(gold, found)
    characters = sum(len(one["text"]) for one in documents)
    print(f"{len(documents) / seconds:,.0f} documents/s, {characters / seconds:,.0f} characters/s")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure the anonymise kernel on a gold file.")
    parser.add_argument("gold", type=Path, metavar="GOLD.jsonl")
    parser.add_argument("--names", default="lac", choices=("lac", "none"))
    parser.add_argument("--only", nargs="*", metavar="LABEL", help="labels that the gold file has")
    parser.add_argument("--show", action="store_true", help="print every miss and false finding")
    return parser.parse_args()


def _kept(spans: Sequence[Labelled], only: Sequence[str] | None) -> list[Labelled]:
    labelled = [(start, end, SAME.get(label, label)) for start, end, label in spans]
    return [span for span in labelled if not only or span[2] in only]


def _hits(spans: Sequence[Labelled], others: Sequence[Labelled]) -> list[bool]:
    return [
        any(a < end and start < b and one == label for a, b, one in others) for start, end, label in spans
    ]


def _report(gold: Sequence[Sequence[Labelled]], found: Sequence[Sequence[Labelled]]) -> None:
    wanted, recalled, exact, said, right = (Counter[str]() for _ in range(5))
    for truth, guess in zip(gold, found, strict=True):
        wanted.update(label for *_, label in truth)
        exact.update(label for *_, label in set(truth) & set(guess))
        recalled.update(span[2] for span, hit in zip(truth, _hits(truth, guess), strict=True) if hit)
        said.update(label for *_, label in guess)
        right.update(span[2] for span, hit in zip(guess, _hits(guess, truth), strict=True) if hit)
    print(f"{'type':20}{'gold':>6}{'found':>7}{'recall':>8}{'exact':>8}{'precision':>11}")
    for label in sorted(wanted | said):
        recall = recalled[label] / wanted[label] if wanted[label] else float("nan")
        strict = exact[label] / wanted[label] if wanted[label] else float("nan")
        precision = right[label] / said[label] if said[label] else float("nan")
        print(f"{label:20}{wanted[label]:6}{said[label]:7}{recall:8.3f}{strict:8.3f}{precision:11.3f}")
    untouched = sum(
        any(not any(a < end and start < b for a, b, _ in guess) for start, end, _ in truth)
        for truth, guess in zip(gold, found, strict=True)
    )
    print(f"documents with a gold span wholly untouched: {untouched} of {len(gold)}")


def _show(
    texts: Sequence[str], gold: Sequence[Sequence[Labelled]], found: Sequence[Sequence[Labelled]]
) -> None:
    for text, truth, guess in zip(texts, gold, found, strict=True):
        for word, spans, others in (("missed", truth, guess), ("false", guess, truth)):
            for (start, end, label), hit in zip(spans, _hits(spans, others), strict=True):
                if not hit:
                    left, right = text[max(0, start - 8) : start], text[end : end + 8]
                    print(f"{word} {label} {left}【{text[start:end]}】{right}")


if __name__ == "__main__":
    main()
