"""Deduplication side by side: ours and every peer that can be installed, on one corpus, scored.

    python benchmarks/deduplicate.py install [TOOL...]                  each peer into a venv of its own
    python benchmarks/deduplicate.py corpus --texts FILE... --docs N --out P
    python benchmarks/deduplicate.py run P.jsonl [--tools a,b] [--out results/x.md]
    python benchmarks/deduplicate.py growth --texts FILE... [--docs 250000,1000000,4000000]
    python benchmarks/deduplicate.py adversarial --texts FILE... [--docs 200000]

Each tool runs in fresh processes, start-up included. Every row is appended to a file of JSON lines beside the
table, and the table is rendered from the last row of each name: one tool can be measured anew by itself.
Venvs, logs and scratch files: $GOVTUNE_BENCH (~/.cache/govtune-bench). See benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import measured
import planted
import report
import scored
from peers import tools

RESULTS = Path(__file__).parent / "results"
LIMIT = 600.0


def main() -> None:
    arguments = _parser().parse_args()
    try:
        arguments.verb(arguments)
    except (OSError, ValueError) as error:
        sys.exit(f"error: {error}".splitlines()[0])


def install(arguments: argparse.Namespace) -> None:
    """Venvs of the peers named, or of all; a peer that cannot be installed is passed over."""
    for name in arguments.tools or tools.PACKAGES:
        if name not in tools.PACKAGES:
            raise ValueError(f"{name}: no such peer; {', '.join(tools.PACKAGES)}")
        if not tools.python(name).exists():
            subprocess.run([sys.executable, "-m", "venv", tools.home() / name], check=True)
        asked = ["pip", "install", "--quiet", "--python", str(tools.python(name)), *tools.PACKAGES[name]]
        done = subprocess.run([str(_installer()), *asked])
        print(f"{name}: {'installed' if done.returncode == 0 else 'failed'}", flush=True)


def _installer() -> Path:
    """uv, in a venv of its own: pip takes many minutes to choose versions for some of the peers."""
    uv = tools.home() / "uv" / "bin" / "uv"
    if not uv.exists():
        subprocess.run([sys.executable, "-m", "venv", tools.home() / "uv"], check=True)
        subprocess.run([uv.with_name("python"), "-m", "pip", "-q", "install", tools.INSTALLER], check=True)
    return uv


def corpus(arguments: argparse.Namespace) -> None:
    plan = planted.Plan(
        arguments.docs, arguments.exact, arguments.near, arguments.low, arguments.high, arguments.seed
    )
    made = planted.Planted(planted.pieces(arguments.texts), plan)
    print(json.dumps(planted.write(made, arguments.out)))


def run(arguments: argparse.Namespace) -> None:
    """Measure the rows asked for and write the table."""
    out = arguments.out or RESULTS / f"{arguments.corpus.stem}.md"
    _measure_all(arguments, _chosen(arguments, tools.TOOLS), arguments.corpus, out)
    report.side_by_side(out)


def growth(arguments: argparse.Namespace) -> None:
    """Ours on corpora of several sizes, made where they are missing."""
    out = arguments.out or RESULTS / "growth.md"
    chosen = _chosen(arguments, ["govtune"])
    pieces = planted.pieces(arguments.texts)
    for documents in (int(number.replace("_", "")) for number in arguments.docs.split(",")):
        stem = arguments.work / f"growth-{documents}"
        if not scored.truth_of(stem.with_suffix(".jsonl")).exists():
            planted.write(planted.Planted(pieces, planted.Plan(documents)), stem)
        _measure_all(arguments, chosen, stem.with_suffix(".jsonl"), out)
    report.by_corpus(out)


def adversarial(arguments: argparse.Namespace) -> None:
    """As many identical and as many similar texts, beside the same number of ordinary ones."""
    out = arguments.out or RESULTS / "adversarial.md"
    chosen = _chosen(arguments, ["govtune"])
    pieces = planted.pieces(arguments.texts)
    with tempfile.TemporaryDirectory(dir=_scratch()) as folder:
        ordinary = planted.Planted(pieces, planted.Plan(2 * arguments.docs, exact=0, near=0))
        planted.write(ordinary, Path(folder, "ordinary"))
        scored.truth_of(Path(folder, "ordinary.jsonl")).unlink()  # nothing is planted: nothing to score
        with Path(folder, "alike.jsonl").open("w", encoding="utf-8") as file:
            for place, text in enumerate(planted.alike(pieces, arguments.docs, arguments.docs)):
                file.write(json.dumps({"id": f"d{place:08d}", "text": text}, ensure_ascii=False) + "\n")
        for name in ("ordinary", "alike"):
            _measure_all(arguments, chosen, Path(folder, f"{name}.jsonl"), out)
    report.by_corpus(out)


def _measure_all(arguments: argparse.Namespace, rows: list[tools.Row], corpus: Path, out: Path) -> None:
    """Every row is in the file of results as soon as it is measured."""
    out.parent.mkdir(parents=True, exist_ok=True)
    for row in rows:
        result = _measure(row, corpus, arguments.limit, arguments.threshold)
        line = json.dumps({**result, "threshold": arguments.threshold}, ensure_ascii=False)
        with out.with_suffix(".jsonl").open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")
        print(line, flush=True)


def _measure(row: tools.Row, source: Path, limit: float, threshold: float) -> dict[str, Any]:
    if not source.is_file():
        raise ValueError(f"{source}: no such file")
    result: dict[str, Any] = {
        "name": row.name,
        "tool": row.tool,
        "method": row.method,
        "workers": row.workers,
        "note": row.note,
        "corpus": source.stem,
        "bytes": source.stat().st_size,
        "documents": _lines(source),
        "date": date.today().isoformat(),
        "machine": report.machine(),
        "load": round(os.getloadavg()[0], 1),
    }
    if not tools.python(row.tool).exists():
        return {**result, "status": "not installed"}
    result["version"] = _version(row.tool)
    log = _scratch() / "log" / f"{row.name.replace(' ', '-')}-{source.stem}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=_scratch()) as folder:
        output = Path(folder, "out")
        output.mkdir()
        # nothing a tool leaves behind, no hub, no counting of its users
        env = {
            **os.environ,
            "HOME": folder,
            "TMPDIR": folder,
            "HF_HUB_OFFLINE": "1",
            "DO_NOT_TRACK": "1",
            "PYTHONPATH": str(Path(__file__).parent.parent) if not row.adapter else "",
        }
        asked = tools.command(row, source.resolve(), output, threshold)
        cost = measured.run(asked, log=log, limit=limit, env=env)
        result |= {"cpu_s": cost.cpu_s, "wall_s": cost.wall_s, "peak_mb": cost.peak_mb}
        if cost.status is None:
            return {**result, "status": f"cut off after {limit:.0f} s"}
        if cost.status:
            return {**result, "status": f"failed with {cost.status}: {_last_line(log)}"}
        kind = threshold if row.method == "near" else scored.EXACT
        found = scored.score(source, output, kind, tools.home() / "components")
    return {
        **result,
        "status": "ok",
        "kept": found.kept,
        "precision": found.precision,
        "recall": found.recall,
    }


def _chosen(arguments: argparse.Namespace, otherwise: Sequence[str]) -> list[tools.Row]:
    """The rows named, the rows of the tools named, or those of the tools `otherwise`."""
    rows = arguments.rows or []
    asked = [name.strip() for name in arguments.tools.split(",")] if arguments.tools else []
    if unknown := {*rows} - {row.name for row in tools.ROWS} | {*asked} - {*tools.TOOLS}:
        raise ValueError(
            f"{', '.join(sorted(unknown))}: no such tool or row. Tools: {', '.join(tools.TOOLS)}"
        )
    wanted = asked if asked or rows else otherwise
    return [row for row in tools.ROWS if row.tool in wanted or row.name in rows]


def _version(tool: str) -> str:
    if tool == "govtune":
        return importlib.metadata.version("govtune")
    if tool not in tools.PACKAGES:
        return "-"
    name = tools.PACKAGES[tool][0].split("==")[0].split("[")[0]
    code = f"import importlib.metadata as m; print(m.version({name!r}))"
    done = subprocess.run([tools.python(tool), "-c", code], capture_output=True, text=True)
    return done.stdout.strip() or "?"


def _last_line(log: Path) -> str:
    """The last line that names an error: other lines of a log may hold text."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    said = [line.strip() for line in lines if "Error" in line or "error" in line or "No such" in line]
    return said[-1][:120] if said else "see the log"


def _lines(source: Path) -> int:
    with source.open("rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 24), b""))


def _scratch() -> Path:
    folder = tools.home() / "scratch"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    verbs = parser.add_subparsers(required=True)
    one = verbs.add_parser("install", help=install.__doc__)
    one.add_argument("tools", nargs="*")
    one.set_defaults(verb=install)
    one = verbs.add_parser("corpus", help=planted.write.__doc__)
    one.add_argument(
        "--texts", nargs="+", type=Path, required=True, help="JSON lines with `text`, plain text"
    )
    one.add_argument("--docs", type=int, required=True)
    one.add_argument("--out", type=Path, required=True, help="without ending")
    one.add_argument("--exact", type=float, default=planted.Plan.exact, help="share of exact copies")
    one.add_argument("--near", type=float, default=planted.Plan.near, help="share of near copies")
    one.add_argument("--low", type=float, default=planted.Plan.low, help="least similarity of near copies")
    one.add_argument("--high", type=float, default=planted.Plan.high)
    one.add_argument("--seed", type=int, default=planted.Plan.seed)
    one.set_defaults(verb=corpus)
    for verb in (run, growth, adversarial):
        one = verbs.add_parser(verb.__name__, help=verb.__doc__)
        if verb is run:
            one.add_argument("corpus", type=Path)
        else:
            one.add_argument("--texts", nargs="+", type=Path, required=True)
        if verb is growth:
            one.add_argument("--docs", default="250000,1000000,4000000")
            one.add_argument("--work", type=Path, default=_scratch(), help="where the corpora are kept")
        if verb is adversarial:
            one.add_argument("--docs", type=int, default=200_000)
        one.add_argument("--tools", help="with commas")
        one.add_argument("--rows", nargs="+", help="rows of the table, by name")
        one.add_argument("--out", type=Path, help="table in Markdown")
        one.add_argument("--limit", type=float, default=LIMIT, help="seconds, then a run is cut off")
        one.add_argument("--threshold", type=float, default=0.8)
        one.set_defaults(verb=verb)
    return parser


if __name__ == "__main__":
    main()
