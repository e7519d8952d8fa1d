"""The folder of an index: segments are added, merged and rewritten without what must be forgotten."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict, ValidationError

from curation.deduplicate.summary import FACTS
from curation.errors import InputError, UsageError
from curation.files import canonical_json, whole_file

MANIFEST = "index.json"
_LOCK = ".lock"

ROWS = pa.schema([*FACTS, ("own", pa.bool_()), ("digest", pa.binary(16)), ("length", pa.int64())])

_GROUP = 1024
"""Texts read at once, of which often one is wanted."""


class Segment(BaseModel):
    """What was added at one time.

    Attributes:
        inputs: SHA-256 of the files the rows came from.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    rows: int
    texts: int
    inputs: list[str]


class Manifest(BaseModel):
    """The content of `index.json`.

    Attributes:
        marks: `veto.MARKS_VERSION` when it was made.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_: Literal["deduplicate-index/1"] = "deduplicate-index/1"
    method: Literal["exact", "near"]
    threshold: float
    normalise: list[str]
    marks: int
    segments: list[Segment] = []


class Store:
    """An index that lies in a folder.

    Raises:
        UsageError: it is none, or of another version.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            said = orjson.loads((folder / MANIFEST).read_bytes())
            self.manifest = Manifest.model_validate(
                {"schema_" if k == "schema" else k: v for k, v in said.items()}
            )
        except FileNotFoundError:
            raise UsageError(f"{folder}: no index here; --save-index makes one") from None
        except (OSError, orjson.JSONDecodeError, AttributeError, ValidationError):
            raise UsageError(f"{folder}: {MANIFEST} is not that of a deduplicate-index/1") from None

    @classmethod
    def create(cls, folder: Path, manifest: Manifest) -> Store:
        """A new index without segments, or the one that lies there."""
        if not (folder / MANIFEST).exists():
            try:
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            except OSError as error:
                raise UsageError(f"{folder}: cannot be written: {error.strerror}") from None
            with _locked(folder):
                if {path.name for path in folder.iterdir()} - {_LOCK, MANIFEST}:
                    raise UsageError(f"{folder}: is not empty and no index; name a new folder")
                if not (folder / MANIFEST).exists():
                    _write_manifest(folder, manifest)
        return cls(folder)

    @property
    def inputs(self) -> set[str]:
        """SHA-256 of all files that were added."""
        return {digest for segment in self.manifest.segments for digest in segment.inputs}

    def rows(self) -> pa.Table:
        """All records, in the order they were added."""
        parts = [self._read(segment, "rows") for segment in self.manifest.segments]
        return pa.concat_tables([ROWS.empty_table(), *parts]).combine_chunks()

    def texts(self, columns: Sequence[str]) -> pa.Table:
        """These columns of all distinct texts."""
        parts = [self._read(segment, "texts", columns) for segment in self.manifest.segments]
        none = _texts_schema(self.manifest).empty_table().select(list(columns))
        return pa.concat_tables([none, *parts]).combine_chunks()

    def shingles(self, wanted: np.ndarray[Any, np.dtype[np.int64]] | None = None) -> Iterator[pa.Table]:
        """`place` in `texts`, `marks` and `shingles` of these texts, by their sorted places, or of all."""
        start = 0
        for segment in self.manifest.segments:
            with self._open(segment, "texts") as file:
                for group in range(file.num_row_groups):
                    stop = start + file.metadata.row_group(group).num_rows
                    here = np.arange(start, stop)
                    if wanted is not None:
                        here = wanted[slice(*np.searchsorted(wanted, (start, stop)))]
                    if len(here):
                        table = file.read_row_group(group, ["marks", "shingles"]).take(here - start)
                        yield table.append_column("place", pa.array(here))
                    start = stop

    @contextlib.contextmanager
    def adding(self, rows: pa.Table, texts: Iterable[pa.Table], inputs: Sequence[str]) -> Iterator[None]:
        """Add a segment: it is written when the block begins and counts when the block ends well.

        Args:
            rows: columns of `ROWS`.
            texts: `digest`, `bands`, `marks` and `shingles` of the texts that the index has not.

        Raises:
            UsageError: the index has one of the ids, or another process is writing it.
        """
        with self._writing() as manifest:
            if pc.any(pc.is_in(rows["id"], self.rows()["id"].combine_chunks())).as_py():
                raise UsageError(f"{self.folder}: has records with these ids by now; run again")
            taken = [int(segment.name) for segment in manifest.segments]
            name = f"{max(taken, default=0) + 1:06}"
            segment = self._write(name, rows.select(ROWS.names).cast(ROWS), texts, inputs)
            yield
            self._replace([*manifest.segments, segment])

    def remove(self, ids: Sequence[str]) -> list[str]:
        """Forget these records, and texts that no other record has; returns the ids that are not there.

        The segments that held them are written anew: nothing of a removed record is left in the files.
        """
        unwanted = pa.array(ids, pa.string())
        with self._writing() as manifest:
            rows = self.rows()
            gone = pc.is_in(rows["id"], unwanted)
            lost = rows["digest"].filter(gone).unique()
            kept = rows["digest"].filter(pc.invert(gone))
            lost = lost.filter(pc.invert(pc.is_in(lost, kept.combine_chunks().cast(lost.type))))
            segments = []
            for segment in manifest.segments:
                own = self._read(segment, "rows")
                stays = pc.invert(pc.is_in(own["id"], unwanted))
                digests = self._read(segment, "texts", ["digest"])["digest"]
                if pc.all(stays).as_py() and not pc.any(pc.is_in(digests, lost)).as_py():
                    segments.append(segment)
                    continue
                names = [int(each.name) for each in (*manifest.segments, *segments)]
                left = self._texts_without(segment, lost)
                segments.append(self._write(f"{max(names) + 1:06}", own.filter(stays), left, segment.inputs))
            self._replace(segments)
        found = set(rows["id"].filter(gone).to_pylist())
        return [each for each in ids if each not in found]

    def compact(self) -> None:
        """Merge all segments into one; what the index says does not change."""
        with self._writing() as manifest:
            if len(manifest.segments) < 2:
                return
            name = f"{max(int(segment.name) for segment in manifest.segments) + 1:06}"
            nothing = pa.array([], pa.binary(16))
            texts = (part for segment in manifest.segments for part in self._texts_without(segment, nothing))
            inputs = [digest for segment in manifest.segments for digest in segment.inputs]
            self._replace([self._write(name, self.rows(), texts, inputs)])

    def size(self) -> int:
        """Bytes of the files."""
        return sum(path.stat().st_size for path in self.folder.iterdir())

    def _read(self, segment: Segment, what: str, columns: Sequence[str] | None = None) -> pa.Table:
        with self._open(segment, what) as file:
            return file.read(None if columns is None else list(columns))

    def _texts_without(self, segment: Segment, lost: pa.Array) -> Iterator[pa.Table]:
        with self._open(segment, "texts") as file:
            for group in range(file.num_row_groups):
                table = file.read_row_group(group)
                yield table.filter(pc.invert(pc.is_in(table["digest"], lost)))

    @contextlib.contextmanager
    def _open(self, segment: Segment, what: str) -> Iterator[pq.ParquetFile]:
        name = f"{segment.name}.{what}.parquet"
        try:
            with pq.ParquetFile(self.folder / name) as file:
                yield file
        except (pa.ArrowException, OSError):
            raise InputError("is not a readable segment of an index", file=name) from None

    def _write(self, name: str, rows: pa.Table, texts: Iterable[pa.Table], inputs: Sequence[str]) -> Segment:
        """The files of a segment; nobody reads them before the manifest names them."""
        _write_parquet(self.folder / f"{name}.rows.parquet", ROWS, [rows])
        schema = _texts_schema(self.manifest)
        written = _write_parquet(self.folder / f"{name}.texts.parquet", schema, texts)
        return Segment(name=name, rows=rows.num_rows, texts=written, inputs=list(inputs))

    def _replace(self, segments: list[Segment]) -> None:
        """From now on these are the segments; the files of others go."""
        self.manifest = self.manifest.model_copy(update={"segments": segments})
        _write_manifest(self.folder, self.manifest)
        names = {segment.name for segment in segments}
        for path in self.folder.iterdir():  # what a killed process left, too
            if ".parquet" in path.name and path.name.split(".")[0] not in names:
                path.unlink()

    @contextlib.contextmanager
    def _writing(self) -> Iterator[Manifest]:
        """The manifest as it is now, while no other process writes."""
        with _locked(self.folder):
            self.manifest = Store(self.folder).manifest
            yield self.manifest


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    with open(folder / _LOCK, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UsageError(f"{folder}: another process is writing this index") from None
        yield


def _texts_schema(manifest: Manifest) -> pa.Schema:
    from curation.deduplicate.minhash import band_count
    from curation.deduplicate.veto import VETOES

    bands = band_count(manifest.threshold)
    return pa.schema(
        [
            ("digest", pa.binary(16)),
            ("bands", pa.binary(4 * bands)),
            ("marks", pa.binary(8 * len(VETOES))),
            ("shingles", pa.large_binary()),
        ]
    )


def _write_parquet(path: Path, schema: pa.Schema, parts: Iterable[pa.Table]) -> int:
    """Returns the rows written. Hashes cannot be compressed, so nothing is."""
    waiting: list[pa.Table] = []
    written = 0
    with (
        whole_file(path, mode=0o600) as aside,
        pq.ParquetWriter(aside, schema, compression="none", use_dictionary=False) as file,
    ):
        for part in parts:
            waiting.append(part.select(schema.names).cast(schema))
            if sum(table.num_rows for table in waiting) >= _GROUP:
                table = pa.concat_tables(waiting)
                full = table.num_rows - table.num_rows % _GROUP
                file.write_table(table.slice(0, full), row_group_size=_GROUP)
                waiting, written = [table.slice(full)], written + full
        table = pa.concat_tables([schema.empty_table(), *waiting])
        if table.num_rows:
            file.write_table(table)
    return int(written + table.num_rows)


def _write_manifest(folder: Path, manifest: Manifest) -> None:
    said = manifest.model_dump()
    with whole_file(folder / MANIFEST, mode=0o600) as aside:
        aside.write_text(canonical_json({"schema": said.pop("schema_"), **said}), encoding="utf-8")
