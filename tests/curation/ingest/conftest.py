"""Small input files, written the way offices have them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from curation.ingest import Settings, find_inputs, read, units

Read = Callable[..., pa.Table]


@pytest.fixture
def read_all() -> Read:
    """All records below these paths, in one table."""

    def read_paths(*paths: Path, **settings: Any) -> pa.Table:
        tables = [table for unit in units(find_inputs(paths)) for table in read(unit, Settings(**settings))]
        return pa.concat_tables(tables)

    return read_paths


@pytest.fixture
def write_csv(tmp_path: Path) -> Callable[..., Path]:
    def write(rows: Sequence[Sequence[str]], name: str = "来信.csv", encoding: str = "utf-8") -> Path:
        text = io.StringIO(newline="")
        csv.writer(text, delimiter="\t" if name.endswith(".tsv") else ",").writerows(rows)
        path = tmp_path / name
        path.write_bytes(text.getvalue().encode(encoding))
        return path

    return write


@pytest.fixture
def write_jsonl(tmp_path: Path) -> Callable[..., Path]:
    def write(rows: Sequence[Any], name: str = "letters.jsonl") -> Path:
        path = tmp_path / name
        path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
        return path

    return write


@pytest.fixture
def write_xlsx(tmp_path: Path) -> Callable[..., Path]:
    def write(sheets: dict[str, Sequence[Sequence[Any]]], name: str = "工单.xlsx") -> Path:
        from openpyxl import Workbook

        book = Workbook()
        book.remove(book.active)
        for title, rows in sheets.items():
            sheet = book.create_sheet(title)
            for row in rows:
                sheet.append(list(row))
        path = tmp_path / name
        book.save(path)
        return path

    return write
