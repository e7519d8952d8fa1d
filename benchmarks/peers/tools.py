"""The tools of the comparison: what each is installed from, and the rows of the table it gives."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
PYTHON = "bin/python"
INSTALLER = "uv==0.13.9"


@dataclass(frozen=True)
class Row:
    """One row of the table. Without an adapter it is our own command line."""

    name: str
    tool: str
    method: str
    workers: int = 1
    adapter: str = ""
    mode: str = ""
    note: str = ""


PACKAGES: dict[str, tuple[str, ...]] = {
    "rensa": ("rensa==0.5.0", "orjson==3.13.0"),
    "gaoya": ("gaoya==0.2.2", "orjson==3.13.0"),
    "datasketch": ("datasketch==2.0.0", "orjson==3.13.0"),
    "datatrove": ("datatrove[processing,io]==0.10.1", "orjson==3.13.0", "spacy", "jieba"),
    "text-dedup": ("text-dedup==0.4.0", "orjson==3.13.0"),  # 0.4.1 wants Python 3.12
    "data-juicer": ("py-data-juicer==1.6.1", "aiohttp", "orjson==3.13.0"),  # dj-process fails without aiohttp
    "daft": ("daft==0.7.26", "orjson==3.13.0"),
    "dolma": ("dolma==1.2.1", "orjson==3.13.0"),
    "semhash": ("semhash==0.5.0", "orjson==3.13.0"),
    "duckdb": ("duckdb==2.0.0", "orjson==3.13.0"),
    "polars": ("polars==2.1.0", "orjson==3.13.0"),
}
"""By tool, the first being the tool itself. `govtune` and `exact` run in the project's own environment."""

ROWS = (
    Row("govtune", "govtune", "near"),
    Row("govtune (2 workers)", "govtune", "near", workers=2),
    Row("rensa", "rensa", "near", adapter="with_rensa.py", note="checks the estimate of the sketches"),
    Row("rensa (LSH alone)", "rensa", "near", 1, "with_rensa.py", "lsh", "no check of candidates"),
    Row("gaoya", "gaoya", "near", adapter="with_gaoya.py", note="as many threads as cores"),
    Row("daft", "daft", "near", adapter="with_daft.py", note="text spaced first; no check of candidates"),
    Row("datasketch", "datasketch", "near", 2, "with_datasketch.py"),
    Row("datatrove", "datatrove", "near", 2, "with_datatrove.py", note="a tokenizer of characters"),
    Row("text-dedup", "text-dedup", "near", 2, "with_text_dedup.py", note="text spaced first"),
    Row("text-dedup (as it comes)", "text-dedup", "near", 2, "with_text_dedup.py", "shipped", "5 clauses"),
    Row("data-juicer", "data-juicer", "near", 2, "with_data_juicer.py"),
    Row("semhash", "semhash", "near", 1, "with_semhash.py", note="random vectors in place of a model"),
    Row("govtune exact", "govtune", "exact"),
    Row("loop (orjson, xxh3)", "exact", "exact", adapter="with_loop.py", note="20 lines"),
    Row("duckdb", "duckdb", "exact", adapter="with_duckdb.py", note="order not kept"),
    Row("polars", "polars", "exact", adapter="with_polars.py"),
    Row("daft exact", "daft", "exact", adapter="with_daft.py", note="order not kept"),
    Row("text-dedup exact", "text-dedup", "exact", 2, "with_text_dedup.py"),
    Row("data-juicer exact", "data-juicer", "exact", 2, "with_data_juicer.py"),
    Row("dolma", "dolma", "exact", 2, "with_dolma.py", note="Bloom filter; input gzipped first"),
)

TOOLS = tuple(dict.fromkeys(row.tool for row in ROWS))


def home() -> Path:
    """Where the venvs, logs and components are: $GOVTUNE_BENCH, else ~/.cache/govtune-bench."""
    return Path(os.environ.get("GOVTUNE_BENCH") or Path.home() / ".cache" / "govtune-bench")


def python(tool: str) -> Path:
    return home() / tool / PYTHON if tool in PACKAGES else Path(sys.executable)


def command(row: Row, source: Path, output: Path, threshold: float) -> list[str]:
    """`output` is an empty folder."""
    if row.adapter:
        mode = row.mode or row.method
        return [
            str(python(row.tool)),
            str(HERE / row.adapter),
            mode,
            str(source),
            str(output),
            str(row.workers),
        ]
    ours = [sys.executable, "-m", "govtune", "deduplicate", str(source), "-o", str(output / "kept.jsonl")]
    ours += ["--text-field", "text"]
    ours += ["--threshold", str(threshold)] if row.method == "near" else ["--method", "exact"]
    return [*ours, "--workers", str(row.workers)] if row.workers > 1 else ours
