"""What a model would read and what of it it would learn, before anything is trained; no weights are loaded.

This shows what people wrote, because it was asked for: to whoever calls it, and into no log.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from curation.errors import UsageError
from training import objectives, packing, roles, tiny
from training.batches import order
from training.chat import Chat
from training.encoded import IGNORED, Encoded
from training.schema import TINY, Recipe

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

SAMPLE = 1000
"""Examples of which it is told whose words are learnt."""

LEGEND = "⟦...⟧ is learnt, ⟦0.5:...⟧ counts half; \\< is no control token, but what someone wrote"

_VISIBLE = {code: 0x2400 + code for code in range(32) if chr(code) not in "\n\t"} | {0x7F: 0x2421}
"""Control characters would move a terminal's cursor."""


@dataclass(frozen=True)
class Piece:
    """Neighbouring tokens of one kind.

    Attributes:
        control: control tokens that the template writes.
        weight: in the loss; 0 where nothing is learnt.
        label: what a classifier learns here.
    """

    text: str
    weight: float
    control: bool = False
    label: str = ""


@dataclass(frozen=True)
class Row:
    """An example as the model sees it."""

    id: str
    tokens: int
    learnt: int
    pieces: list[Piece]


@dataclass(frozen=True)
class Preview:
    """Some examples and the totals of the train split.

    Attributes:
        examples: of the train split; `overlong` of them would be dropped, `truncated` lose their first turns.
        refused: more would be dropped than `data.max_drop_fraction` allows.
        longest: tokens of the longest example.
        learnt_by_role: of each role's tokens the share that is learnt, in at most `SAMPLE` examples; empty
            for a classifier.
        packed_rows: of an average step, None where examples are padded.
        cut: examples of which the beginning is read, see `chat.user_length`.
    """

    rows: list[Row]
    examples: int
    overlong: int
    truncated: int
    refused: bool
    tokens: int
    learnt: int
    longest: int
    learnt_by_role: dict[str, float]
    packed_rows: float | None
    cut: int = 0

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def lines(self) -> list[str]:
        """The totals, for people."""
        share = self.learnt / self.tokens if self.tokens else 0
        told = [
            f"{self.examples:,} examples to train on, {self.tokens:,} tokens, {self.learnt:,} of them learnt "
            f"({share:.1%}); the longest has {self.longest:,}"
        ]
        if self.learnt_by_role:
            told.append(
                "learnt of " + ", ".join(f"{role} {part:.0%}" for role, part in self.learnt_by_role.items())
            )
        if self.overlong:
            told.append(
                f"{self.overlong:,} longer than data.max_length, dropped"
                + ("; data.max_drop_fraction allows fewer, the training would be refused" * self.refused)
            )
        if self.truncated:
            told.append(f"{self.truncated:,} longer than data.max_length, without their first turns")
        if self.cut:
            told.append(f"of {self.cut:,} the beginning is read, as chat.user_length says")
        if self.packed_rows is not None:
            told.append(f"packed: a step takes {self.packed_rows:,.1f} rows")
        return told


def preview(recipe: Recipe, source: Path, count: int) -> Preview:
    """The first `count` train examples that are not too long, and the totals.

    Nothing is written, and held-out examples are not looked at.

    Raises:
        UsageError: a tokenizer or template that does not fit, or nothing to train on.
        InputError: a row that cannot be used.
    """
    learns = objectives.of(recipe.objective)
    tokenizer = _tokenizer(recipe)
    examples = learns.read(source, recipe)["train"]
    labels = learns.labels(recipe, examples)
    limits = recipe.data.model_copy(update={"max_drop_fraction": 1.0})
    lenient = recipe.model_copy(update={"data": limits})
    rows, counts = learns.encode(tokenizer, lenient, labels, examples)
    lengths = [len(row.input_ids) for row in rows]
    return Preview(
        rows=_first(learns, tokenizer, lenient, labels, examples, count),
        examples=len(examples),
        overlong=counts.overlong,
        truncated=counts.truncated,
        cut=counts.cut,
        refused=counts.overlong > recipe.data.max_drop_fraction * len(examples),
        tokens=counts.tokens,
        learnt=counts.supervised_tokens,
        longest=counts.longest,
        learnt_by_role=_learnt_by_role(tokenizer, recipe, examples),
        packed_rows=_packed_rows(recipe, lengths),
    )


def show(found: Preview, console: Console) -> None:
    """Print a preview: in colour on a terminal, with marks elsewhere."""
    coloured = console.is_terminal and not console.no_color
    plainly: dict[str, Any] = {"markup": False, "highlight": False, "soft_wrap": True}
    for row in found.rows:
        console.print(f"--- {row.id}: {row.tokens:,} tokens, {row.learnt:,} learnt", style="dim", **plainly)
        console.print(_coloured(row.pieces) if coloured else marked(row.pieces), **plainly)
    if not coloured:
        console.print(LEGEND, **plainly)
    for line in found.lines():
        console.print(line, **plainly)


def marked(pieces: Sequence[Piece]) -> str:
    """The pieces as text with marks, see `LEGEND`."""
    written = ""
    for (weight, label), some in groupby(pieces, lambda piece: (piece.weight, piece.label)):
        text = "".join(each.text if each.control else each.text.replace("<", "\\<") for each in some)
        written += f"⟦{_mark(weight, label)}{text}⟧" if weight else text
    return written.translate(_VISIBLE)


def _tokenizer(recipe: Recipe) -> Any:
    from transformers import AutoTokenizer

    path = str(tiny.folder()) if recipe.model.path == TINY else recipe.model.path
    try:
        return AutoTokenizer.from_pretrained(
            path,
            revision=recipe.model.revision or "main",
            trust_remote_code=recipe.model.trust_remote_code,
            local_files_only=not recipe.model.on_hub,
        )
    except Exception as error:  # files of other people: each reader in the stack raises what it likes
        said = str(error).partition("\n")[0]
        raise UsageError(f"model.path {path}: transformers cannot load its tokenizer: {said}") from None


def _coloured(pieces: Sequence[Piece]) -> Text:
    from rich.text import Text

    text = Text()
    for (weight, label), some in groupby(pieces, lambda piece: (piece.weight, piece.label)):
        colour = "black on bright_green" if weight == 1 else "black on bright_yellow" if weight else ""
        text.append(_mark(weight, label), style=f"bold {colour}")
        for piece in some:
            control = ("bold underline" if colour else "bold magenta") if piece.control else ""
            text.append(piece.text.translate(_VISIBLE), style=f"{control} {colour}".strip())
    return text


def _mark(weight: float, label: str) -> str:
    """What is written before a stretch that is learnt: which label, or how much it counts."""
    return f"{label}:" if label else "" if weight in (0, 1) else f"{weight:g}:"


def _first(
    learns: objectives.Objective,
    tokenizer: Any,
    recipe: Recipe,
    labels: objectives.Labelled,
    examples: Sequence[Any],
    count: int,
) -> list[Row]:
    found: list[Row] = []
    for example in examples:
        if len(found) >= count:
            break
        encoded, _ = learns.encode(tokenizer, recipe, labels, [example])
        for row in encoded:
            endings = (
                {"chosen": row.chosen, "rejected": row.rejected} if hasattr(row, "rejected") else {"": row}
            )
            found += [
                _row(f"{example.id} {name}".strip(), tokenizer, each, [label for label, _ in labels])
                for name, each in endings.items()
            ]
    return found


def _row(name: str, tokenizer: Any, encoded: Encoded, labels: Sequence[str]) -> Row:
    control = set(tokenizer.added_tokens_decoder)
    weights = encoded.weights or [float(label != IGNORED) for label in encoded.labels]
    kinds = [
        (weight, token in control, labels[label] if labels and label != IGNORED else "")
        for token, label, weight in zip(encoded.input_ids, encoded.labels, weights, strict=True)
    ]
    pieces = []
    for (weight, is_control, label), run in groupby(range(len(kinds)), lambda place: kinds[place]):
        ids = [encoded.input_ids[place] for place in run]
        text = tokenizer.decode(ids, clean_up_tokenization_spaces=False)
        pieces.append(Piece(text, weight, is_control, label))
    return Row(name, len(encoded.input_ids), sum(weight > 0 for weight in weights), pieces)


def _learnt_by_role(tokenizer: Any, recipe: Recipe, examples: Sequence[Any]) -> dict[str, float]:
    if recipe.objective not in ("sft", "dpo"):
        return {}
    some = [examples[place].messages for place in roles.spread(len(examples), SAMPLE)]
    return roles.learnt(Chat(tokenizer, recipe.chat), some)


def _packed_rows(recipe: Recipe, lengths: Sequence[int]) -> float | None:
    row = packing.chosen(recipe, lengths) if recipe.objective == "sft" and lengths else None
    if row is None:
        return None
    size = recipe.train.batch_size
    places = order(np.array(lengths), math.ceil(len(lengths) / size), size, recipe.seed)
    steps = places.reshape(-1, size).tolist()
    return sum(len(packing.pack([lengths[place] for place in step], row)) for step in steps) / len(steps)
