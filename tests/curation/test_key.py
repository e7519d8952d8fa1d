"""Keys are read from a file or from the environment."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from curation.errors import UsageError
from curation.key import read_key


def test_a_key_of_any_bytes_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    key = bytes(range(200, 232))
    monkeypatch.setenv("GOVTUNE_OTHER", os.fsdecode(key))
    assert read_key(None, "GOVTUNE_OTHER") == key
    assert read_key(None) is None


def test_a_file_comes_first_and_a_short_key_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "key"
    path.write_bytes(b"0123456789abcdef\n")
    monkeypatch.setenv("GOVTUNE_OTHER", "short")
    assert read_key(path, "GOVTUNE_OTHER") == b"0123456789abcdef"
    with pytest.raises(UsageError, match="GOVTUNE_OTHER: a key has at least 16 bytes"):
        read_key(None, "GOVTUNE_OTHER")
