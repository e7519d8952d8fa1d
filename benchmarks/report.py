"""The tables: Markdown from the rows of results, so that one tool can be measured anew by itself."""

from __future__ import annotations

import json
import os
import platform
from pathlib import Path
from typing import Any

FIGURES = ("workers", "CPU s", "µs / document", "peak MB", "kept", "precision", "recall", "load")
CLOSING = (
    "CPU seconds and memory (proportional set size, sampled) are those of the whole process tree; start-up, "
    "reading and writing are included. Precision and recall are against the planted truth, as "
    "`benchmarks/scored.py` defines them; those of exact tools against identical texts. "
    "Load is that of the machine at the start: above the number of cores, other work shared them."
)


def side_by_side(out: Path) -> None:
    """A table for each corpus: the tools, near and exact, by CPU seconds."""
    rows = _last(out)
    written = [f"# Deduplication: {', '.join(_corpora(rows))}", ""]
    for corpus in _corpora(rows):
        mine = [row for row in rows if row["corpus"] == corpus]
        written += [f"`{corpus}`: {_size(mine[0])} of JSON lines.", ""]
        for method, title in (("near", f"Near, threshold {mine[0]['threshold']:g}"), ("exact", "Exact")):
            chosen = [row for row in mine if row["method"] == method]
            chosen.sort(key=lambda row: (row["status"] != "ok", row.get("cpu_s", 0)))
            if chosen:
                written += [f"## {title}", "", *_head("tool", "version")]
                written += [_line(row["name"], row.get("version", "-"), row) for row in chosen]
                written += [""]
    _write(out, written, rows)


def by_corpus(out: Path) -> None:
    """A table for each tool: the corpora."""
    rows = _last(out)
    written = [f"# Deduplication: {out.stem}", ""]
    for name in dict.fromkeys(row["name"] for row in rows):
        mine = sorted((row for row in rows if row["name"] == name), key=lambda row: row["documents"])
        written += [f"## {name}", "", *_head("corpus", "size")]
        written += [*(_line(row["corpus"], _size(row), row) for row in mine), ""]
    _write(out, written, rows)


def machine() -> str:
    """Processor, cores, memory, system, Python."""
    model = next(
        (
            line.split(":")[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    system = f"{platform.system()}, Python {platform.python_version()}"
    return f"{model}, {os.cpu_count()} cores, {memory:.0f} GiB, {system}"


def _last(out: Path) -> list[dict[str, Any]]:
    """The last row of each name and corpus in the JSON lines beside the table."""
    lines = out.with_suffix(".jsonl").read_text(encoding="utf-8").splitlines()
    return list({(row["corpus"], row["name"]): row for row in map(json.loads, lines)}.values())


def _corpora(rows: list[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(row["corpus"] for row in rows))


def _size(row: dict[str, Any]) -> str:
    return f"{row['documents']:,} documents, {row['bytes'] / 1e6:,.0f} MB"


def _head(*first: str) -> list[str]:
    cells = [*first, *FIGURES, ""]
    return [f"| {' | '.join(cells)} |", "|" + " --- |" * len(first) + " ---: |" * len(FIGURES) + " --- |"]


def _line(first: str, second: str, row: dict[str, Any]) -> str:
    done = row["status"] == "ok"
    cpu, peak = row.get("cpu_s"), row.get("peak_mb")
    remarks = [remark for remark in ("" if done else row["status"], row["note"]) if remark]
    cells = [
        first,
        second,
        str(row["workers"]),
        "-" if cpu is None else f"{cpu:,.1f}",
        f"{1e6 * cpu / row['documents']:,.1f}" if done and cpu is not None else "-",
        "-" if peak is None else f"{peak:,.0f}",
        f"{row['kept']:,}" if done else "-",
        _share(row.get("precision")),
        _share(row.get("recall")),
        str(row.get("load", "-")),
        "; ".join(remarks).replace("|", "/"),
    ]
    return f"| {' | '.join(cells)} |"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _write(out: Path, written: list[str], rows: list[dict[str, Any]]) -> None:
    dates = sorted({row["date"] for row in rows})
    period = " to ".join(dict.fromkeys((dates[0], dates[-1])))
    machines = "; ".join(sorted({row["machine"] for row in rows}))
    out.write_text("\n".join([*written, f"Measured {period} on {machines}. {CLOSING}", ""]), encoding="utf-8")
