from __future__ import annotations

import itertools
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation import parquet


@settings(max_examples=25, deadline=None)
@given(cuts=st.lists(st.integers(0, 25_000), max_size=6))
def test_bytes_depend_on_the_rows_not_on_how_they_were_cut(
    cuts: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("cut")
    table = pa.table({"n": pa.array(range(25_000)), "s": [str(n % 7) for n in range(25_000)]})
    parquet.write(table, folder / "whole.parquet")
    edges = [0, *sorted(cuts), 25_000]
    with parquet.writing(folder / "cut.parquet", table.schema) as writer:
        for start, stop in itertools.pairwise(edges):
            writer.write(table.slice(start, stop - start))
    assert (folder / "cut.parquet").read_bytes() == (folder / "whole.parquet").read_bytes()
    assert parquet.rows(folder / "cut.parquet") == 25_000


def test_a_file_that_was_not_finished_does_not_appear(tmp_path: Path) -> None:
    table = pa.table({"n": [1]})
    with pytest.raises(RuntimeError), parquet.writing(tmp_path / "a.parquet", table.schema) as writer:
        writer.write(table)
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []
