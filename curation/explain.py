"""A record's life, from the ledger of a run: where it came from, what each stage did, what became of it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from curation import ledger, parquet
from curation.errors import UsageError
from curation.run import Run


@dataclasses.dataclass(frozen=True)
class Life:
    """What a run knows of one record, without its text.

    Attributes:
        entry: its row of the ledger.
        made_by: the stage that made it from its parent, if it did not come in.
        stages: the stages it went through, in order; the last one is where its fate was met.
        findings: personal data as (field, type, action, count).
        cluster, split: of a published record.
        duplicates: ids of the records dropped as duplicates of this one.
        children: ids of the records made from it.
    """

    entry: dict[str, Any]
    made_by: str | None
    stages: list[str]
    findings: list[tuple[str, str, str, int]]
    cluster: str | None
    split: str | None
    duplicates: list[str]
    children: list[str]

    def lines(self) -> list[str]:
        """The life as text, one event a line."""
        entry, place = self.entry, self.entry["source_details"] or {}
        where = ", ".join(
            f"{name} {place[name]}" for name in ("file", "sheet", "row", "page") if place.get(name)
        )
        if self.made_by:
            where = f"record {entry['parent']}, made by {self.made_by}"
        told = [f"id       {entry['id']}", f"from     {where}"]
        for stage in self.stages:
            told.append(f"stage    {stage}")
            if stage == "anonymise":
                told += [
                    f"         {field}: {count} x {kind}, {action}"
                    for field, kind, action, count in self.findings
                ]
        fate = f"fate     {entry['fate']}"
        if entry["fate"] != "kept":
            fate += f" by {entry['stage']}" + (f": {entry['reason']}" if entry["reason"] else "")
        if entry["evidence"]:
            fate += f" ({entry['evidence']})"
        told.append(fate)
        if entry["relation"]:
            measure = "share" if entry["reason"] == "contained" else "similarity"
            told.append(f"         {entry['relation']} {entry['ref_id']}, {measure} {entry['score']:.3f}")
        if self.split:
            told.append(f"split    {self.split}, cluster {self.cluster}")
        if self.duplicates:
            told.append(f"stands for {len(self.duplicates)} dropped: {', '.join(self.duplicates[:5])}")
        if self.children:
            told.append(f"became   {len(self.children)} records: {', '.join(self.children[:5])}")
        return told


def explain(run: Run, record: str) -> Life:
    """The life of one record.

    Raises:
        UsageError: the run or its private folder is missing, or has no such record.
    """
    names = run.stages()
    if not run.ledger:
        raise UsageError(f"{run.private}: no ledger; a published copy alone cannot explain a record")
    found = _where(run.ledger, "id", record, ledger.SCHEMA.names)
    if not found:
        raise UsageError(f"{run.folder}: no record with id {record}")
    entry = found[0]
    met = names.index(entry["stage"]) + 1 if entry["fate"] != "kept" else len(names)
    parent = _where(run.ledger, "id", entry["parent"], ["id", "stage"]) if entry["parent"] else []
    made_by = parent[0]["stage"] if parent else None
    published = _where(run.data, "id", record, ["id", "cluster", "split"])
    findings: dict[tuple[str, str, str], int] = {}
    for span in _where(run.findings, "id", record, ledger.FINDINGS.names):
        key = (span["field"], span["type"], span["action"])
        findings[key] = findings.get(key, 0) + 1
    return Life(
        entry=entry,
        made_by=made_by,
        stages=names[names.index(made_by) + 1 if made_by else 0 : met],
        findings=[(*key, count) for key, count in sorted(findings.items())],
        cluster=published[0]["cluster"] if published else None,
        split=(published[0]["split"] or "train") if published else None,
        duplicates=[
            row["id"]
            for row in _where(run.ledger, "ref_id", record, ["id", "ref_id", "relation"])
            if row["relation"] == "duplicate_of"
        ],
        children=[row["id"] for row in _where(run.ledger, "parent", record, ["id", "parent"])],
    )


def _where(files: list[Path], column: str, value: str, columns: list[str]) -> list[dict[str, Any]]:
    """These columns of the rows whose `column` has this value."""
    return [
        row
        for path in files
        for table in parquet.tables(path, columns)
        for row in table.filter(pc.equal(table[column], value)).to_pylist()
    ]
