"""Token classification: a head on each token says which entity it belongs to. Merged, the model is a name
engine of `govtune anonymise`: hf:DIR.

A row is a text and its spans; a token is `B-` at the first token of a span, `I-` inside it and `O` elsewhere.
A decoder such as Qwen sees what stands before a token alone: an encoder finds more.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from curation.errors import UsageError
from training import data as datasets
from training.batches import Learning
from training.data import Message
from training.encoded import IGNORED, Counts, Encoded
from training.evaluate.measure import Evaluation
from training.objectives import Labelled, heads, spans
from training.objectives.limits import short_enough
from training.objectives.spans import Span
from training.rows import Rows
from training.schema import Recipe

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Tagged:
    """A text and where its entities stand, in order."""

    id: str
    text: str
    spans: tuple[Span, ...]
    source: str = ""

    @property
    def messages(self) -> list[Message]:
        return [Message(role="user", content=self.text, weight=0.0)]


def read(source: Path, recipe: Recipe) -> dict[str, list[Tagged]]:
    """Texts with spans, by split.

    Raises:
        InputError: a row that cannot be used.
    """
    return datasets.read(source, recipe, _examples)


def read_held_out(source: Path, recipe: Recipe) -> list[Tagged]:
    """Texts with spans to measure on."""
    return datasets.read_held_out(source, recipe, _examples)


def labels(recipe: Recipe, train: Sequence[Tagged]) -> Labelled:
    """`O`, and two for each type of the recipe, else of the data; with the number of texts that have it.

    Raises:
        UsageError: no span at all, or a type that the recipe does not name.
    """
    counts = Counter(type for each in train for type in {span.type for span in each.spans})
    types = recipe.labels.names or sorted(counts)
    if not counts:
        raise UsageError("no train example has a span: there is nothing to learn")
    if unknown := sorted(set(counts) - set(types)):
        raise UsageError(f"labels.names: {len(unknown)} types of the data are missing there: {unknown[0]}")
    return [("O", len(train)), *((f"{place}-{type}", counts[type]) for type in types for place in "BI")]


def load(recipe: Recipe, path: str, labels: Labelled) -> tuple[Any, Any]:
    """A model with a new head on each token, and the tokenizer."""
    return heads.load(recipe, path, "TokenClassification", labels)


def encode(
    tokenizer: Any, recipe: Recipe, labels: Labelled, examples: Sequence[Tagged]
) -> tuple[list[Encoded], Counts]:
    """Texts as the name engine will tokenise them, a label for each token.

    Raises:
        UsageError: a span of another type, or too many texts that are too long.
    """
    names = [name for name, _ in labels]
    numbers = {name: number for number, name in enumerate(names)}
    rows, inexact = [], 0
    for each in examples:
        if unknown := next((span.type for span in each.spans if f"B-{span.type}" not in numbers), None):
            raise UsageError(f"example {each.id}: type {unknown} is none of the labels that are learnt")
        row, offsets = _row(tokenizer, each, numbers)
        rows.append(row)
        inexact += len(set(each.spans) - set(spans.decoded(offsets, row.labels, names)))
    if inexact:
        _LOG.warning("%d spans do not begin and end where tokens do and cannot be learnt exactly", inexact)
    lengths = [len(row.input_ids) for row in rows]
    learnt = [sum(label != IGNORED for label in row.labels) for row in rows]
    return short_enough(rows, [each.id for each in examples], lengths, learnt, recipe.data)


def ready(model: Any, rows: Sequence[Encoded], recipe: Recipe) -> list[Encoded]:
    """As they are."""
    return list(rows)


def learning(model: Any, recipe: Recipe, rows: Sequence[Encoded], labels: int) -> Learning:
    """The loss of every token's label."""
    return heads.learning(model, recipe, rows, labels, pooled=False)


def measure(
    model: Any,
    tokenizer: Any,
    recipe: Recipe,
    labels: Labelled,
    held_out: Sequence[Tagged],
    train: Sequence[Tagged],
) -> Evaluation:
    """Precision, recall and F1 of entities; one is right if type, start and end are. A base has no head, so
    what stands for it finds nothing."""
    names = [name for name, _ in labels]
    numbers = {name: number for number, name in enumerate(names)}
    encoded = [_row(tokenizer, Tagged(each.id, each.text, ()), numbers) for each in held_out]
    said = heads.answers(model, [row for row, _ in encoded], recipe.evaluate.batch_size, pooled=False)
    found = [spans.decoded(offsets, tags, names) for (_, offsets), tags in zip(encoded, said, strict=True)]
    truth = [each.spans for each in held_out]
    return Evaluation(
        base={"method": "finds nothing", **spans.score([[] for _ in held_out], truth)},
        tuned=spans.score(found, truth),
        baseline=None,
        difference=None,
        machine_labelled=0,
    )


class _Encoded(NamedTuple):
    row: Encoded
    offsets: list[tuple[int, int]]


def _row(tokenizer: Any, example: Tagged, numbers: Mapping[str, int]) -> _Encoded:
    encoded = tokenizer(example.text, return_offsets_mapping=True)
    offsets = [(int(start), int(end)) for start, end in encoded["offset_mapping"]]
    tags = spans.encoded(offsets, example.spans)
    labels = [IGNORED if tag is None else numbers[tag] for tag in tags]
    return _Encoded(Encoded(encoded["input_ids"], labels), offsets)


def _examples(rows: Rows, ids: Sequence[str]) -> list[list[Tagged]]:
    return [[Tagged(name, *_given(rows, index))] for index, name in enumerate(ids)]


def _given(rows: Rows, index: int) -> tuple[str, tuple[Span, ...]]:
    text = rows.values[index].get("text")
    if not isinstance(text, str) or not text:
        raise rows.error(index, "no text", "text")
    given = rows.list_of(index, "spans", "spans")
    if given is None and rows.values[index].get("spans") != []:
        raise rows.error(index, "no list of spans; a text without any has an empty one", "spans")
    try:
        return text, spans.checked(given or [], text)
    except ValueError as error:
        raise rows.error(index, str(error), "spans") from None
