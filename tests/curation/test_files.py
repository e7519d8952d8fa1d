"""Files appear whole or not at all."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from curation.errors import UsageError
from curation.files import sha256, whole_file


def test_a_file_gets_its_name_when_the_block_ends_well(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with whole_file(path) as aside:
        aside.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_nothing_changes_when_the_block_fails(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), whole_file(path) as aside:
        aside.write_text("new")
        raise ZeroDivisionError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_rights_of_a_file_are_those_of_one_written_plainly(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        with whole_file(tmp_path / "a.txt") as aside:
            aside.touch()
    finally:
        os.umask(before)
    assert (tmp_path / "a.txt").stat().st_mode & 0o777 == 0o640


def test_a_path_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    for path in (tmp_path / "absent" / "a.txt", tmp_path / "folder", tmp_path / "file" / "a.txt"):
        with pytest.raises(UsageError) as raised, whole_file(path) as aside:
            aside.touch()
        assert str(raised.value).startswith(f"{path}: cannot be written: ")
    assert sorted(each.name for each in tmp_path.rglob("*")) == ["file", "folder"]


def test_a_digest_is_of_the_bytes_and_a_missing_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    with pytest.raises(UsageError, match=r"a\.txt: cannot be read"):
        sha256(path)
    path.write_bytes(b"abc")
    assert sha256(path) == hashlib.sha256(b"abc").hexdigest()


def test_the_temporary_file_is_there_before_it_is_written_with_its_rights(tmp_path: Path) -> None:
    with whole_file(tmp_path / "a.txt", mode=0o600) as aside:
        assert (aside.stat().st_mode & 0o777, aside.stat().st_size) == (0o600, 0)
