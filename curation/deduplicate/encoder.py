"""Which local model makes vectors of texts, and vectors that are the same bytes wherever a text stands.

A model is a folder: a static one (`model2vec`) or any of `sentence-transformers`. Nothing is downloaded, and
a name that is no folder is refused before a library could take it for one of a hub.
"""

from __future__ import annotations

import functools
import importlib.util
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from curation.errors import UsageError

Vectors = NDArray[np.float16]
"""One row per text, of length one, or of zeros where nothing in the text has a meaning to the model."""

Encode = Callable[[Sequence[str]], NDArray[np.floating[Any]]]

_STATIC = ("embeddings", "embedding.weight")
"""Names of the table in a static model's `model.safetensors`, by model2vec and by sentence-transformers."""

_LONGEST_HEADER = 100_000_000
"""As the safetensors format limits it."""

_BATCH = 4096
"""Texts whose vectors are held in full precision at once."""

_EXTRAS = {"model2vec": "semantic", "sentence-transformers": "semantic-torch"}


class Encoder(Protocol):
    """What has the method `encode`, as the models of both libraries do."""

    def encode(self, sentences: list[str], /) -> Any:
        """One vector per text."""


@dataclass(frozen=True)
class LocalModel:
    """A model's folder and the library that reads it."""

    folder: Path
    library: Literal["model2vec", "sentence-transformers"]

    @property
    def packages(self) -> tuple[str, ...]:
        """Distributions whose version decides the vectors."""
        if self.library == "model2vec":
            return ("model2vec", "tokenizers", "numpy")
        return ("sentence-transformers", "transformers", "tokenizers", "torch")

    def files(self) -> tuple[Path, ...]:
        """All files of the folder but hidden ones."""
        files = (path for path in sorted(self.folder.rglob("*")) if path.is_file())
        return tuple(
            path for path in files if not any(p.startswith(".") for p in path.relative_to(self.folder).parts)
        )

    def stamp(self) -> int:
        """When the folder was last written."""
        return max(path.stat().st_mtime_ns for path in self.files())


def find(model: Path | str) -> LocalModel:
    """What the folder holds; the model itself is not loaded.

    Raises:
        UsageError: no folder, no model in it, or the library is not installed.
    """
    folder = Path(model)
    if not folder.is_dir():
        raise UsageError(
            f"{model}: no such folder; a model is a folder on this machine, nothing is downloaded"
        )
    if _only_static(folder) and any(_has_table(folder / inner) for inner in (".", "0_StaticEmbedding")):
        found = LocalModel(folder, "model2vec")
    elif (folder / "modules.json").is_file():
        found = LocalModel(folder, "sentence-transformers")
    else:
        raise UsageError(f"{model}: neither a model2vec nor a sentence-transformers folder")
    if importlib.util.find_spec(found.library.replace("-", "_")) is None:
        extra = _EXTRAS[found.library]
        raise UsageError(f"{model}: {found.library} is not installed: pip install 'govtune[{extra}]'")
    return found


def encode(texts: Sequence[str], model: LocalModel | Encoder) -> Vectors:
    """The vectors of the texts.

    A folder's model reads every text as if it were alone, so no vector depends on the texts beside it. An
    object of one's own gets thousands at once; if it pads them, its vectors may differ in the last bit.

    Raises:
        UsageError: the model cannot be loaded, or its vectors cannot be used.
    """
    rows = [row for row, text in enumerate(texts) if text.strip()]
    if not rows:
        return np.zeros((len(texts), 0), np.float16)
    run = _loaded(model, model.stamp()) if isinstance(model, LocalModel) else _own(model)
    parts = [
        _unit(run([texts[row].encode("utf-8", "replace").decode() for row in part]), len(part))
        for part in (rows[at : at + _BATCH] for at in range(0, len(rows), _BATCH))
    ]
    vectors = np.zeros((len(texts), parts[0].shape[1]), np.float16)
    vectors[rows] = np.concatenate(parts)
    return vectors


def _own(model: Encoder) -> Encode:
    return lambda texts: np.asarray(model.encode(list(texts)))


def _unit(vectors: NDArray[np.floating[Any]], texts: int) -> Vectors:
    """Vectors of length one; one of zeros stays."""
    if vectors.ndim != 2 or len(vectors) != texts:
        raise UsageError(f"the encoder gave an array of shape {vectors.shape} for {texts} texts")
    found = np.array(vectors, np.float64, order="C")  # so that each row is summed in the same order
    if not np.isfinite(found).all():
        raise UsageError("the encoder gave values that are not finite; the model is damaged")
    lengths = np.sqrt((found * found).sum(axis=1, keepdims=True))
    unit: Vectors = np.divide(found, lengths, out=np.zeros_like(found), where=lengths > 0).astype(np.float16)
    return unit


def _only_static(folder: Path) -> bool:
    """Whether no module but a table and a normalisation is asked for."""
    try:
        modules = json.loads((folder / "modules.json").read_bytes())
        return all(module["type"].endswith((".StaticEmbedding", ".Normalize")) for module in modules)
    except FileNotFoundError:
        return True
    except (ValueError, TypeError, KeyError, AttributeError):
        raise UsageError(f"{folder}: modules.json cannot be read") from None


def _has_table(folder: Path) -> bool:
    """Whether `model.safetensors` holds a table; its header is JSON after eight bytes of length."""
    if not all((folder / name).is_file() for name in ("model.safetensors", "tokenizer.json")):
        return False
    with (folder / "model.safetensors").open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        try:
            header = json.loads(file.read(min(length, _LONGEST_HEADER)))
        except ValueError:
            return False
    return isinstance(header, dict) and any(name in header for name in _STATIC)


@functools.lru_cache(maxsize=2)
def _loaded(model: LocalModel, stamp: int) -> Encode:
    """The model's own function, once per process and state of the folder."""
    try:
        return _static(model.folder) if model.library == "model2vec" else _transformer(model.folder)
    except Exception as error:  # whatever a library raises on a damaged folder
        raise UsageError(f"{model.folder}: the model cannot be loaded ({type(error).__name__})") from None


def _static(folder: Path) -> Encode:
    from model2vec import StaticModel

    model = StaticModel.from_pretrained(folder)

    def run(texts: Sequence[str]) -> NDArray[np.floating[Any]]:
        # The whole text counts, and the processes are ours to start. Nothing is padded.
        return np.asarray(model.encode(list(texts), max_length=None, use_multiprocessing=False))

    return run


def _transformer(folder: Path) -> Encode:
    import torch
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        model = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    finally:
        if shown:
            logging.enable_progress_bar()

    def run(texts: Sequence[str]) -> NDArray[np.floating[Any]]:
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:  # one by one: beside a longer text, padding changes the last bits
            return np.concatenate([model.encode([text], show_progress_bar=False) for text in texts])
        finally:
            torch.set_num_threads(threads)

    return run
