"""Continued pretraining: the base goes on reading, with all its parameters, before an adapter is tuned.

A text is read, then its title is said, and every token of it is learnt. A letter's title says what it is
about; a model that says it last has learnt to know that at the very place where an answer will be asked for.
Titles begin alike (a place, "about", "please"), so their key words are said before them: what stands first is
what must be known by then. Measured: benchmarks/results/dispatch.md.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from curation.errors import UsageError
from curation.instruct.task import load as load_task
from curation.pipeline import Progress
from training import distributed, model
from training.chat import Chat
from training.data import Conversation, Message
from training.encoded import Encoded
from training.fitting import reading
from training.keywords import keywords
from training.schema import Pretrain, Recipe, Train
from training.trainer import fit
from training.unlabelled import Text, of_conversations

_HEAD = 24
"""Characters of a text without a title that are taken for it."""

_DECAY = 0.01
"""Of the weights: all of them are trained."""


def continued(
    recipe: Recipe,
    train: Sequence[Conversation],
    texts: Sequence[Text],
    *,
    base: Path,
    folder: Path,
    scratch: Path,
    journal: Path,
    progress: Progress,
) -> int:
    """Let the base read what users wrote in the train split, and texts without a label; save it.

    No answer is read: what the task is, the base does not learn here.

    Args:
        train: conversations of the train split.
        texts: `training.unlabelled.read`, without what is held out.
        base: where the model lies.
        folder: appears when the model is whole; what lies there already is left as it is.
        scratch: for checkpoints; one of a killed run is gone on from.

    Returns:
        The number of texts that were read.

    Raises:
        UsageError: nobody wrote anything, or the model cannot be loaded.
    """
    settings = recipe.pretrain or Pretrain()
    task = load_task(recipe.task) if recipe.task else None
    wrote = [*of_conversations(train, task), *texts]
    read = [each for text in wrote if (each := _titled(text))]
    if not read:
        raise UsageError("pretrain: neither the train split nor data.unlabelled has text to read")
    if folder.exists():
        return len(read)
    loaded, tokenizer = model.load(recipe.model, str(base))
    rows = list(lessons(key_words_first(read), Chat(tokenizer, recipe.chat), settings.max_length))
    fit(
        loaded,
        rows,
        _training(recipe, len(rows)),
        folder=scratch,
        journal=journal,
        seed=recipe.seed,
        phase="pretrain",
        progress=progress,
    )
    if distributed.is_first():
        unfinished = folder.with_name(f".{folder.name}")
        shutil.rmtree(unfinished, ignore_errors=True)
        loaded.save_pretrained(unfinished)
        tokenizer.save_pretrained(unfinished)
        unfinished.rename(folder)
    return len(read)


def lessons(texts: Sequence[Text], chat: Chat, longest: int) -> Iterator[Encoded]:
    """The texts as they are read: the first `longest` characters, then the title."""
    for text in texts:
        if each := _titled(text):
            ids = chat.encode(
                [
                    Message(role="user", content=each.text[:longest], weight=0.0),
                    Message(role="assistant", content=each.title[:longest], weight=1.0),
                ]
            ).input_ids
            yield Encoded(ids, ids)


def _titled(given: Text) -> Text | None:
    """A text without a title has its beginning for one; None where nothing is left to read."""
    title, text = given.title.strip(), given.text.strip()
    if not title:
        title, text = text[:_HEAD].strip(), text[_HEAD:].strip()
    return Text(title, text) if title and text else None


def key_words_first(texts: Sequence[Text]) -> list[Text]:
    """The texts with what is to be said of each: its key words, and in the next line its title."""
    found = keywords([text.title for text in texts], [text.text for text in texts])
    return [
        Text(f"{'、'.join(words)}\n{text.title}" if words else text.title, text.text)
        for words, text in zip(found, texts, strict=True)
    ]


def _training(recipe: Recipe, rows: int) -> Train:
    train = reading(recipe, distributed.world()).train
    save_every = max(20, int(rows * (train.epochs or 0) / train.batch_size) // 4)
    return train.model_copy(update={"weight_decay": _DECAY, "save_every": save_every})
