"""A fitted classifier: one file of plain arrays, `labeller/1`, without pickles and without text."""

from __future__ import annotations

import dataclasses
import functools
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from curation.errors import UsageError
from curation.files import whole_file
from curation.label import calibration, features, selective
from curation.label.calibration import Calibration

if TYPE_CHECKING:
    from curation.deduplicate.encoder import LocalModel

VERSION = "labeller/1"


@dataclasses.dataclass(frozen=True)
class Linear:
    """One-against-the-rest linear classifiers over the TF-IDF of some hashed features.

    Attributes:
        columns: the features that are used, of those that `features.counts` finds, in rising order.
        weights: what each counts, before a text's are brought to one length.
        coefficients: shape (features, labels).
        intercept: shape (labels,).
    """

    columns: NDArray[np.int32]
    weights: NDArray[np.float32]
    coefficients: NDArray[np.float32]
    intercept: NDArray[np.float32]

    def margins(self, counted: Any) -> NDArray[np.float64]:
        """Signed distances, shape (documents, labels), of documents given as `features.counts`."""
        return self._margins(counted[:, self.columns])

    def predict(self, documents: Sequence[str], encoder: LocalModel | None = None) -> Best:
        """The best label of each document, made by `features.document`."""
        told = [
            best(self._margins(features.counts(batch, place=self._place, encoder=encoder)))
            for batch in features.batches(documents)
        ]
        some = np.array([bool(document.strip()) for document in documents], bool)
        label = np.concatenate([np.empty(0, np.int64), *(each.label for each in told)])
        lead = np.concatenate([np.empty(0), *(each.lead for each in told)])
        return Best(np.where(some, label, -1), np.where(some, lead, 0.0))

    def _margins(self, selected: Any) -> NDArray[np.float64]:
        weighted = features.weigh(selected, self.columns, self.weights)
        margins: NDArray[np.float64] = np.asarray(weighted @ self.coefficients + self.intercept, np.float64)
        return margins

    @functools.cached_property
    def _place(self) -> NDArray[np.int32]:
        """Where each counted feature stands among the used ones, -1 for one that is not used."""
        counted = self.columns[self.columns < features.WIDTH]
        place = np.full(features.WIDTH, -1, np.int32)
        place[counted] = np.arange(len(counted))
        return place


@dataclasses.dataclass(frozen=True)
class Best:
    """The label with the greatest margin.

    Attributes:
        label: index of the label; -1 for a document without text.
        lead: by how much the second best is behind. No outcome has tuned it, so that it may order the
            examples by whose outcomes a threshold is chosen.
    """

    label: NDArray[np.int64]
    lead: NDArray[np.float64]


def best(margins: NDArray[np.float64]) -> Best:
    """The best label of each row, of two columns at least.

    The lead has four decimals, so that every machine compares the same numbers.
    """
    second, first = np.partition(margins, -2, axis=1)[:, -2:].T
    return Best(margins.argmax(axis=1), np.round(first - second, 4))


@dataclasses.dataclass(frozen=True)
class Prediction:
    """The best guess for each document.

    Attributes:
        label: index of the label; -1 for a document without text.
        confidence: probability that it is right, on texts like the labelled ones; 0 without text.
    """

    label: NDArray[np.int64]
    confidence: NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Encoder:
    """The sentence encoder that a model was fitted with: where it lay, and the SHA-256 of its files."""

    path: str
    digest: str

    def found(self) -> LocalModel:
        """The encoder, if it is still the same.

        Raises:
            UsageError: it is not there, or another one, or its library is not installed.
        """
        from curation.label import encoder

        return encoder.same(self)


@dataclasses.dataclass(frozen=True)
class Labeller:
    """A classifier of texts into the labels of a taxonomy, and how sure it must be.

    Attributes:
        taxonomy, digest: name and digest of the taxonomy.
        labels: values in the order of the classifier's columns.
        gold: how many labelled examples of each label it was fitted on.
        pool: how many texts without a label gave their document frequencies.
        calibration: what a lead is worth as a probability.
        leads, right, guesses: of one judged example of each group of near duplicates, what was said of it in
            cross-validation, in falling order of lead; thresholds for any precision come from them.
        encoder: the sentence encoder whose vectors it needs, if any.
        packages: versions it was fitted with.
    """

    taxonomy: str
    digest: str
    labels: tuple[str, ...]
    gold: tuple[int, ...]
    pool: int
    linear: Linear
    calibration: Calibration
    leads: NDArray[np.float64]
    right: NDArray[np.bool_]
    guesses: NDArray[np.int64]
    encoder: Encoder | None
    packages: dict[str, str]

    def predict(self, documents: Sequence[str]) -> Prediction:
        """The best label of each document, made by `features.document`.

        Raises:
            UsageError: its encoder cannot be used.
        """
        found = self.linear.predict(documents, self.encoder.found() if self.encoder else None)
        return Prediction(
            found.label, np.where(found.label >= 0, self.calibration.confidence(found.lead), 0.0)
        )

    def operating_point(self, precision: float) -> selective.Point | None:
        """From which confidence on the precision holds; None: nowhere, so every label abstains."""
        point = selective.choose(self.leads, self.right, precision)
        return point and self.calibration.of_point(point)

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
            "calibration": dataclasses.asdict(self.calibration),
            "encoder": self.encoder and dataclasses.asdict(self.encoder),
        }
        arrays = {name: getattr(self, name) for name in _OUTCOMES}
        arrays |= {name: getattr(self.linear, name) for name in _LINEAR}
        text = json.dumps(about, ensure_ascii=False, sort_keys=True).encode("utf-8", "surrogateescape")
        with whole_file(path) as aside, aside.open("wb") as file:
            np.savez(file, about=np.frombuffer(text, np.uint8), **arrays)


_ABOUT = ("taxonomy", "digest", "labels", "gold", "pool", "packages")
_OUTCOMES = {"leads": np.float64, "right": np.bool_, "guesses": np.int64}
_LINEAR = {"columns": np.int32, "weights": np.float32, "coefficients": np.float32, "intercept": np.float32}


def load(path: Path) -> Labeller:
    """Read a model.

    Raises:
        UsageError: no such file, a damaged one, or one that is no labeller of this version.
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


def _checked(about: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Labeller:
    """The model, its arrays of the kinds and shapes they must have.

    Raises:
        ValueError, KeyError, TypeError: they have not.
    """
    if set(about) != {*_ABOUT, "calibration", "encoder"} or set(arrays) != {*_OUTCOMES, *_LINEAR}:
        raise ValueError("other contents")
    kinds: dict[str, Any] = {**_OUTCOMES, **_LINEAR}
    labels, columns, outcomes = len(about["labels"]), len(arrays["columns"]), len(arrays["right"])
    shapes = {
        "columns": (columns,),
        "weights": (columns,),
        "coefficients": (columns, labels),
        "intercept": (labels,),
        **dict.fromkeys(_OUTCOMES, (outcomes,)),
    }
    for name, array in arrays.items():
        if array.dtype != kinds[name] or array.shape != shapes[name]:
            raise ValueError("other kinds or shapes")
    about |= {
        "labels": tuple(about["labels"]),
        "gold": tuple(about["gold"]),
        "calibration": calibration.Calibration(**about["calibration"]),
        "encoder": about["encoder"] and Encoder(**about["encoder"]),
    }
    linear = Linear(**{name: arrays[name] for name in _LINEAR})
    return Labeller(linear=linear, **about, **dict[str, Any]({name: arrays[name] for name in _OUTCOMES}))


def _damaged(path: Path) -> UsageError:
    return UsageError(f"{path.name}: not a labeller, or damaged; write one with `govtune label-fit`")
