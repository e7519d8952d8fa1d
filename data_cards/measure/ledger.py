"""What the private ledger of a run tells: what became of every record, and what personal data was found.

What a record holds in its column `pii` stands flat in the run's `pii/` as findings, one row per span; the
metrics count them under `pii`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from curation.errors import InputError
from curation.run import Run
from data_cards.columns import group_counts, tables, value_counts
from data_cards.measure.lock import processing, read_lock, stages
from data_cards.metrics import Pii


def measure(run: Run) -> dict[str, Any]:
    """`records`, `funnel`, `duplicates`, `pii` but for what is left, and `against_evaluation`: records that
    `decontaminate` dropped, by reason.

    Raises:
        InputError: a file of the ledger is missing or cannot be read.
    """
    lock = read_lock(run)
    ledger = _present(run.ledger, "ledger")
    ran = processing(lock)
    funnel = _funnel(ledger, stages(lock))
    return {
        "records": _records(ledger),
        "funnel": funnel,
        "duplicates": _duplicates(ledger) if ran["deduplicated"] else None,
        "pii": _pii(run, lock, ledger) if ran["anonymised"] else no_pii(),
        "against_evaluation": funnel["decontaminate"]["dropped"] if "decontaminate" in funnel else None,
    }


def no_pii() -> dict[str, Any]:
    """Where nothing looked for personal data, or no ledger tells of it."""
    residual = {"rescan": None, "audit": None, "document_upper95": None}
    return dict.fromkeys(Pii.model_fields) | {"residual": residual}


def _records(ledger: Sequence[Path]) -> dict[str, int]:
    """Records that came in, were made of others, and what became of them."""
    made = value_counts(ledger, "parent", pc.is_valid)
    fates = value_counts(ledger, "fate")
    return {
        "input": made[False],
        "made": made[True],
        **{fate: fates[fate] for fate in ("kept", "dropped", "expanded")},
    }


def _funnel(ledger: Sequence[Path], ran: Sequence[str]) -> dict[str, Any]:
    """Per stage: records dropped by reason, records expanded, records made of these."""
    funnel: dict[str, Any] = {stage: {"dropped": {}, "expanded": 0, "made": 0} for stage in ran}
    ends = group_counts(tables(ledger, ["fate", "stage", "reason"]))
    for (fate, stage, reason), number in ends.items():
        if fate == "kept":
            continue
        entry = funnel.setdefault(stage or "", {"dropped": {}, "expanded": 0, "made": 0})
        if fate == "dropped":
            entry["dropped"][reason or ""] = number
        else:
            entry["expanded"] += number
    for stage, number in _made(ledger).items():
        funnel[stage]["made"] += number
    return funnel


def _made(ledger: Sequence[Path]) -> Counter[str]:
    """Children per stage that made them."""
    stage_of: dict[str, str] = {}
    for part in tables(ledger, ["id", "fate", "stage"]):
        expanded = _where(part, fate="expanded")
        stage_of.update(zip(expanded["id"].to_pylist(), expanded["stage"].to_pylist(), strict=True))
    parents, stage = pa.array(stage_of, pa.string()), pa.array(stage_of.values(), pa.string())
    made = value_counts(ledger, "parent", lambda parent: stage.take(pc.index_in(parent, parents)))
    del made[None]
    return made


def _duplicates(ledger: Sequence[Path]) -> dict[str, int]:
    reasons = value_counts(ledger, "reason")
    copies: list[pa.Array] = []
    variants = 0
    for part in tables(ledger, ["fate", "relation", "ref_id"]):
        copies += _where(part, fate="dropped", relation="duplicate_of")["ref_id"].chunks
        varying = _where(part, relation="variant_of")
        variants += varying.num_rows - _where(varying, fate="dropped").num_rows
    groups = pc.value_counts(pa.chunked_array(copies, pa.string())).field("counts")
    return {
        "exact": reasons["exact_duplicate"],
        "near": reasons["near_duplicate"],
        "groups": len(groups),
        "largest_group": pc.max(groups).as_py() + 1 if len(groups) else 0,
        "variants": variants,
    }


def _pii(run: Run, lock: Mapping[str, Any], ledger: Sequence[Path]) -> dict[str, Any]:
    """Findings in published records by type; those in records dropped later are one number."""
    files = _present(run.findings, "pii")
    total = {"found": 0, "replaced": 0, "kept": 0}
    by_type: dict[str, dict[str, int]] = {}
    elsewhere = 0
    for (published, kind, action), number in group_counts(tables(files, ["kept", "type", "action"])).items():
        if not published:
            elsewhere += number
            continue
        for counts in (total, by_type.setdefault(kind, {"found": 0, "replaced": 0, "kept": 0})):
            counts["found"] += number
            counts["kept" if action == "keep" else "replaced"] += number
    touched, changed = [], []
    for part in tables(files, ["id", "kept", "action"]):
        part = _where(part, kept=True)
        touched.append(part["id"].unique())
        changed.append(part.filter(pc.not_equal(part["action"], "keep"))["id"].unique())
    return {
        **total,
        "by_type": by_type,
        "records_with_findings": _distinct(touched),
        "records_changed": _distinct(changed),
        "found_in_dropped_records": elsewhere,
        "held_for_review": _held(lock, ledger),
        "residual": {"rescan": None, "audit": None, "document_upper95": None},
    }


def _held(lock: Mapping[str, Any], ledger: Sequence[Path]) -> int | None:
    """Records in which a second look suspected something left; null where there was none."""
    options = {name: said for stage in lock["recipe"]["stages"] for name, said in stage.items()}
    if options["anonymise"].get("residual", "none") == "none":
        return None
    return sum(
        int(_where(part, stage="anonymise", reason="review").num_rows)
        for part in tables(ledger, ["stage", "reason"])
    )


def _where(table: pa.Table, **values: Any) -> pa.Table:
    for column, value in values.items():
        table = table.filter(pc.equal(table[column], value))
    return table


def _distinct(parts: Sequence[pa.Array]) -> int:
    return int(pc.count_distinct(pa.chunked_array(parts, pa.string())).as_py())


def _present(files: list[Path], folder: str) -> list[Path]:
    if not files:
        raise InputError("is missing", file=folder)
    return files
