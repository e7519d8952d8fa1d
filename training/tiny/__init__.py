"""The model `tiny`: a small Chinese character model of the Qwen3 architecture that comes with the package.

It exists so that the road can be walked on any machine, and is not for use. `make` pretrained it, on texts
that may be passed on; what it read and how well it reads is in its card, `model/README.md`.
"""

from __future__ import annotations

from pathlib import Path


def folder() -> Path:
    """Where it lies, as transformers saved it."""
    return Path(__file__).parent / "model"
