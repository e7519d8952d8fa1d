"""A fitted label model: one file of plain arrays, `label-model/1`, without pickles and without text."""

from __future__ import annotations

import dataclasses
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curation.errors import UsageError
from curation.files import whole_file
from curation.label import features, selective

VERSION = "label-model/1"


@dataclasses.dataclass(frozen=True)
class Linear:
    """One-against-the-rest linear classifiers over the TF-IDF of some hashed features.

    Attributes:
        columns: the features that are used, of `features.SIZE`.
        idf: inverse document frequency of each.
        coefficients: shape (features, labels).
        intercept: shape (labels,).
    """

    columns: NDArray[np.int32]
    idf: NDArray[np.float32]
    coefficients: NDArray[np.float32]
    intercept: NDArray[np.float32]

    def margins(self, counted: Any) -> NDArray[np.float64]:
        """Signed distances, shape (documents, labels), of documents given as `features.counts`."""
        weighted = features.weigh(counted, self.columns, self.idf)
        margins: NDArray[np.float64] = np.asarray(weighted @ self.coefficients + self.intercept, np.float64)
        return margins

    def predict(self, documents: Sequence[str]) -> Prediction:
        """The best label of each document, made by `features.document`."""
        labels = np.full(len(documents), -1, np.int64)
        confidence = np.zeros(len(documents))
        for start in range(0, len(documents), features.BATCH):
            batch = documents[start : start + features.BATCH]
            told = best(self.margins(features.counts(batch)))
            some = np.array([bool(document.strip()) for document in batch])
            here = slice(start, start + len(batch))
            labels[here] = np.where(some, told.label, -1)
            confidence[here] = np.where(some, told.confidence, 0.0)
        return Prediction(labels, confidence)


@dataclasses.dataclass(frozen=True)
class Prediction:
    """The best guess for each document.

    Attributes:
        label: index of the label; -1 for a document without text.
        confidence: from .5 to 1, by how far the second best label is behind; 0 without text. No outcome has
            tuned it, so that it may order the examples by whose outcomes a threshold is chosen. It is near
            the share of right guesses on texts as hard as letters, and only in the order of others.
    """

    label: NDArray[np.int64]
    confidence: NDArray[np.float64]


_SCALE = 0.2
"""Lead over the second best label that is worth odds of e to 1: fits 494 real letters."""


def best(margins: NDArray[np.float64]) -> Prediction:
    """The label with the greatest margin in each row, of two columns at least.

    The confidence has four decimals, so that every machine compares the same numbers.
    """
    from scipy.special import expit

    second, first = np.partition(margins, -2, axis=1)[:, -2:].T
    return Prediction(margins.argmax(axis=1), np.round(expit((first - second) / _SCALE), 4))


@dataclasses.dataclass(frozen=True)
class LabelModel:
    """A classifier of texts into the labels of a taxonomy, and how sure it must be.

    Attributes:
        taxonomy, digest: name of the taxonomy and SHA-256 of its file.
        labels: values in the order of the classifier's columns.
        gold: how many labelled examples of each label it was fitted on.
        pool: how many texts without a label gave their document frequencies.
        scores, right: of one example of each group of near duplicates, confidence and outcome in
            cross-validation, in falling order of confidence; thresholds for any precision come from them.
        packages: versions it was fitted with.
    """

    taxonomy: str
    digest: str
    labels: tuple[str, ...]
    gold: tuple[int, ...]
    pool: int
    linear: Linear
    scores: NDArray[np.float64]
    right: NDArray[np.bool_]
    packages: dict[str, str]

    def predict(self, documents: Sequence[str]) -> Prediction:
        """The best label of each document, made by `features.document`."""
        return self.linear.predict(documents)

    def operating_point(self, precision: float) -> selective.Point | None:
        """From which confidence on the precision holds; None: nowhere, so every label abstains."""
        return selective.choose(self.scores, self.right, precision)

    def threshold(self, precision: float) -> float:
        """Smallest confidence that is trusted; infinite where none is."""
        point = self.operating_point(precision)
        return np.inf if point is None else point.threshold

    def save(self, path: Path) -> None:
        """Write the model; equal models give equal bytes.

        Raises:
            UsageError: the file cannot be written.
        """
        about = {
            "schema": VERSION,
            **{name: getattr(self, name) for name in _ABOUT},
        }
        arrays = {name: getattr(self, name) for name in _OUTCOMES}
        arrays |= {name: getattr(self.linear, name) for name in _LINEAR}
        text = json.dumps(about, ensure_ascii=False, sort_keys=True).encode()
        with whole_file(path) as aside, aside.open("wb") as file:
            np.savez(file, about=np.frombuffer(text, np.uint8), **arrays)


_ABOUT = ("taxonomy", "digest", "labels", "gold", "pool", "packages")
_OUTCOMES = {"scores": np.float64, "right": np.bool_}
_LINEAR = {"columns": np.int32, "idf": np.float32, "coefficients": np.float32, "intercept": np.float32}


def load(path: Path) -> LabelModel:
    """Read a model.

    Raises:
        UsageError: no such file, a damaged one, or one that is no label model of this version.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        about = json.loads(arrays.pop("about").tobytes())
        if about.pop("schema") != VERSION:
            raise UsageError(f"{path.name}: not a {VERSION}; fit it again with `govtune label-fit`")
        return _checked(about, arrays)
    except OSError as error:
        if error.errno is None:  # numpy's word for bytes that are none of its own
            raise _damaged(path) from None
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError, EOFError, zipfile.BadZipFile):
        raise _damaged(path) from None


def _checked(about: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> LabelModel:
    """The model, its arrays of the kinds and shapes they must have.

    Raises:
        ValueError, KeyError, TypeError: they have not.
    """
    if set(about) != set(_ABOUT) or set(arrays) != {*_OUTCOMES, *_LINEAR}:
        raise ValueError("other contents")
    kinds: dict[str, Any] = {**_OUTCOMES, **_LINEAR}
    labels, columns = len(about["labels"]), len(arrays["columns"])
    shapes = {
        "columns": (columns,),
        "idf": (columns,),
        "coefficients": (columns, labels),
        "intercept": (labels,),
        "scores": (len(arrays["right"]),),
        "right": (len(arrays["scores"]),),
    }
    for name, array in arrays.items():
        if array.dtype != kinds[name] or array.shape != shapes[name]:
            raise ValueError("other kinds or shapes")
    about |= {"labels": tuple(about["labels"]), "gold": tuple(about["gold"])}
    linear = Linear(**{name: arrays[name] for name in _LINEAR})
    return LabelModel(linear=linear, **about, **dict[str, Any]({name: arrays[name] for name in _OUTCOMES}))


def _damaged(path: Path) -> UsageError:
    return UsageError(f"{path.name}: not a label model, or damaged; write one with `govtune label-fit`")
