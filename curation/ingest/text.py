"""TXT and MD: one document per file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from curation.ingest import encoding
from curation.ingest.batch import Batch


def read(path: Path) -> Iterator[Batch]:
    """The whole file as one text, in any of the encodings of `encoding.decode`."""
    decoded = encoding.decode(path.read_bytes())
    yield Batch([None], {"text": [decoded.text]}, [{}], [False], encoding=decoded.encoding)
