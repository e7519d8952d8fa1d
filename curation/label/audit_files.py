"""The audit of one labelled file: which rows had better be looked at again, without any row's text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from curation.files import not_onto_itself
from curation.label import audit, taxonomy

if TYPE_CHECKING:
    from curation.ingest.tables import Rows


@dataclass(frozen=True)
class Finding:
    """A row whose label had better be looked at again.

    Attributes:
        row: number of the row, as the file's own program shows it.
        id: what the file calls it; None where it does not say.
        label: given.
        suggested: the label it probably should have; None where only a near duplicate has another label.
        score: probability of the given label; None where it cannot be told.
        cluster: row of the first of the near duplicates that have different labels; None where none have.
    """

    row: int
    id: str | None
    label: str
    suggested: str | None
    score: float | None
    cluster: int | None


@dataclass(frozen=True)
class AuditSummary:
    """What was found in a file, the most doubtful row first.

    Attributes:
        rows: rows with text and a label.
        unlabelled, empty: rows without a label, and labelled rows without text; both are left out.
        unjudged: rows whose label no other text has, which no classifier can tell anything about.
        errors: rows whose label is probably wrong.
        clusters: clusters of near duplicates with different labels.
    """

    rows: int
    unlabelled: int
    empty: int
    unjudged: int
    errors: int
    clusters: int
    findings: tuple[Finding, ...]

    def lines(self, most: int = 20) -> list[str]:
        """The summary as text, with so many findings at the most; no record's text."""
        told = [f"{self.rows:>7,}  rows with text and a label"]
        for count, what in (
            (self.unlabelled, "rows without a label left out"),
            (self.empty, "rows without text left out"),
            (self.unjudged, "rows whose label no other text has: not judged"),
            (self.errors, "labels probably wrong"),
            (self.clusters, "clusters of near duplicates with different labels"),
        ):
            if count or what.startswith(("labels", "clusters")):
                told.append(f"{count:>7,}  {what}")
        for each in self.findings[:most]:
            place = f"row {each.row}" + (f", id {each.id}" if each.id else "")
            instead = f" -> {each.suggested} ({each.score:.3f})" if each.suggested else ""
            near = f", near duplicates from row {each.cluster}" if each.cluster is not None else ""
            told.append(f"{place}: {each.label}{instead}{near}")
        if len(self.findings) > most:
            told.append(f"... and {len(self.findings) - most:,} more; -o FILE writes them all")
        return told


def audit_file(
    source: Path,
    *,
    taxonomy_name: str,
    label_field: str | None = None,
    output: Path | None = None,
    seed: int = 0,
) -> AuditSummary:
    """Look for labels of a file that had better be looked at again.

    Args:
        taxonomy_name: a shipped taxonomy or a YAML file.
        label_field: column of the label, instead of the known ones.
        output: table of the findings, its format by extension. It holds rows, ids and labels, no text.
        seed: decides the folds of cross-validation.

    Raises:
        UsageError: cleanlab is not installed; no such taxonomy or column, too few labels, or a file that
            cannot be written.
        InputError: a file or row that cannot be read, or a label that the taxonomy has not.
    """
    from curation.ingest import tables

    audit.require_cleanlab()
    if output is not None:
        not_onto_itself(source, output)
        tables.writer(output)  # an ending that cannot be written is refused before the work
    labels = taxonomy.load(taxonomy_name)
    rows = _read(source, labels, label_field)
    known = [row for row in rows if row.label]
    said = [row for row in known if row.document.strip()]
    documents, given = [row.document for row in said], [row.label for row in said]
    cluster = audit.near_duplicates(documents)
    probabilities = audit.held_out(labels.values, documents, given, cluster, seed)
    judged = np.flatnonzero(~np.isnan(probabilities).any(axis=1))
    codes = np.array([labels.values.index(label) for label in given], np.int64)
    doubts = audit.find_errors(codes[judged], probabilities[judged])
    differing = audit.differing(cluster, given)
    findings = _findings(said, labels, judged, doubts, differing)
    if output is not None:
        tables.write_rows(output, _table(findings))
    return AuditSummary(
        rows=len(said),
        unlabelled=len(rows) - len(known),
        empty=len(known) - len(said),
        unjudged=len(said) - len(judged),
        errors=int(doubts.wrong.sum()),
        clusters=len(differing),
        findings=findings,
    )


@dataclass(frozen=True)
class _Row:
    number: int
    id: str | None
    document: str
    label: str


def _read(path: Path, labels: taxonomy.Taxonomy, label_field: str | None) -> list[_Row]:
    """All rows of the file; a row without a label has an empty one."""
    from curation.ingest.mapping import Settings, map_columns
    from curation.ingest.precision import display
    from curation.ingest.tables import read_rows
    from curation.label.files import read_labelled

    read = read_rows(path)
    key = map_columns(read.columns, Settings()).fields.get("id")
    return [
        _Row(one.number, (display(one.row.get(key)) or None) if key else None, one.document, one.label)
        for one in read_labelled(read, path, labels, label_field)
    ]


def _findings(
    said: Sequence[_Row],
    labels: taxonomy.Taxonomy,
    judged: NDArray[np.int64],
    doubts: audit.Doubts,
    differing: Sequence[audit.Differing],
) -> tuple[Finding, ...]:
    """Probable errors first, the least probable label in front; then the other near duplicates."""
    place = {at: number for number, at in enumerate(judged.tolist())}
    cluster = {at: said[each.cluster].number for each in differing for at in each.members}
    wrong = set(judged[doubts.wrong].tolist())
    findings = []
    for at in sorted({*wrong, *cluster}):
        here = place.get(at)
        findings.append(
            Finding(
                row=said[at].number,
                id=said[at].id,
                label=said[at].label,
                suggested=labels.values[doubts.suggested[here]] if at in wrong else None,
                score=None if here is None else float(doubts.score[here]),
                cluster=cluster.get(at),
            )
        )
    return tuple(
        sorted(
            findings,
            key=lambda each: (
                each.suggested is None,
                each.score if each.suggested else each.cluster,
                each.row,
            ),
        )
    )


def _table(findings: Sequence[Finding]) -> Rows:
    from curation.ingest.tables import Rows

    columns = tuple(Finding.__dataclass_fields__)
    rows: list[dict[str, Any]] = [{name: getattr(each, name) for name in columns} for each in findings]
    return Rows(columns, rows)
