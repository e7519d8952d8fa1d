"""GGUF for llama.cpp and what is built on it, by llama.cpp's own converter where it is installed."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from curation.errors import EngineError
from training.export.folders import whole_folder

CONVERTER = "convert_hf_to_gguf.py"
FILE = "model.gguf"


@dataclass(frozen=True)
class Converted:
    """What became of a conversion.

    Attributes:
        command: what was run, or where the converter is missing what to run, as one line for a shell.
        converter: None where it is missing, and nothing was written.
    """

    command: str
    converter: Path | None


def convert(merged: Path, folder: Path, outtype: str) -> Converted:
    """Write `folder/model.gguf` out of a merged model.

    Args:
        outtype: number format as the converter names it; `auto` is the 16-bit type of the weights.

    Raises:
        EngineError: the converter failed; the last line that it said.
    """
    converter = find()
    if converter is None:
        missing = _command(Path(CONVERTER), merged, folder / FILE, outtype)
        return Converted(shlex.join(["python", *missing[1:]]), None)
    with whole_folder(folder) as aside:
        command = _command(converter, merged, aside / FILE, outtype)
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode or not (aside / FILE).is_file():
            said = (done.stderr or done.stdout).strip().splitlines() or ["nothing was written"]
            raise EngineError(f"gguf: {converter.name} failed: {said[-1]}")
    return Converted(shlex.join(_command(converter, merged, folder / FILE, outtype)), converter)


def find() -> Path | None:
    """llama.cpp's converter: in the folder that LLAMA_CPP names, else on PATH."""
    own = os.environ.get("LLAMA_CPP")
    if own and (Path(own) / CONVERTER).is_file():
        return Path(own) / CONVERTER
    found = shutil.which(CONVERTER)
    return Path(found) if found else None


def _command(converter: Path, merged: Path, file: Path, outtype: str) -> list[str]:
    return [sys.executable, str(converter), str(merged), "--outfile", str(file), "--outtype", outtype]
