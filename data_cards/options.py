"""What a card was built with, so that checking it can do the same again."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from curation.lang import Lang

OPTIONS = "card.json"
"""Where a run keeps them: in its private folder, for they name paths of this machine."""


class Options(BaseModel):
    """Options of `govtune card build`.

    Attributes:
        lang: language of `README.md`.
        tokenizer: folder with a `tokenizer.json`, or such a file; tokens are counted with it.
        previous: folder of the version before.
        training: folder of a training on this data; TC609 0305 compares base and tuned model with it.
        text_fields, label_fields: columns of a folder that is no run, instead of those that are guessed.
        config: which of several configurations such a folder is opened as.
        png: the figures are there as PNG, too.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    lang: Lang = "zh"
    tokenizer: Path | None = None
    previous: Path | None = None
    training: Path | None = None
    text_fields: tuple[str, ...] = ()
    label_fields: tuple[str, ...] = ()
    config: str | None = None
    png: bool = False


def read(private: Path) -> Options:
    """The options of the build before; the defaults where there was none, or one of another version."""
    try:
        return Options.model_validate_json((private / OPTIONS).read_bytes())
    except (OSError, ValidationError):
        return Options()
