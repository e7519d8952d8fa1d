"""What measuring a data set costs: CPU seconds of one process, start-up included, and its peak memory.

    python benchmarks/cards.py [--records 1000000] [--keep FOLDER]

Invented letters, each made different, stand in a run folder with ledger and findings, and in a folder of JSON
lines. Each is measured in a process of its own. Nothing but figures is printed.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import measured
import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from curation import ledger, parquet, records
from curation.files import canonical_json
from curation.run import LOCK, SHARD, describe
from curation.samples import generate

SEED = 8
_MEASURE = (
    "import sys; from pathlib import Path; from data_cards.answers import Answers;"
    "from data_cards.dataset import open_folder; from data_cards.measure import measure;"
    "from data_cards.options import Options;"
    "found = measure(open_folder(Path(sys.argv[1]), Options()), Options(), Answers());"
    "print(found['published'])"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--keep", type=Path, help="make the folders here, or use those that are here")
    given = parser.parse_args()
    with _place(given.keep) as folder:
        run, lines = folder / "run", folder / "lines"
        if not run.exists():
            make(folder, given.records)
        for name, path in (("run", run), ("JSON lines", lines)):
            size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
            log = folder / "log"
            cost = measured.run([sys.executable, "-c", _MEASURE, str(path)], log=log, limit=600)
            print(
                f"{name}: {given.records:,} records, {size / 1e6:,.0f} MB: {cost.cpu_s} CPU s, "
                f"{cost.peak_mb:,.0f} MB at most, exit code {cost.status}"
            )
            if cost.status:
                print(log.read_text())


@contextlib.contextmanager
def _place(keep: Path | None) -> Iterator[Path]:
    if keep:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep
    else:
        with tempfile.TemporaryDirectory() as scratch:
            yield Path(scratch)


def make(folder: Path, number: int) -> None:
    """A run and a folder of JSON lines with as many records, from the texts of the sample generator."""
    generate(folder / "sample", records=2000)
    texts = _texts(folder / "sample" / "data")
    run, private, lines = folder / "run", folder / "run.private", folder / "lines"
    for place in (run / "data", private / "ledger", private / "pii", lines):
        place.mkdir(parents=True)
    random = np.random.default_rng(SEED)
    splits = {"train": int(number * 0.8), "validation": int(number * 0.1)}
    splits["test"] = number - sum(splits.values())
    start = 0
    files: dict[str, Any] = {}
    entries = private / "ledger" / "part-00000.parquet"
    findings = private / "pii" / "part-00000.parquet"
    with (
        parquet.writing(entries, ledger.SCHEMA) as fates,
        parquet.writing(findings, ledger.FINDINGS) as spans,
        (lines / "letters.jsonl").open("wb") as out,
    ):
        for split, size in splits.items():
            shards = -(-size // SHARD)
            for shard in range(shards):
                path = run / "data" / f"{split}-{shard:05d}-of-{shards:05d}.parquet"
                with parquet.writing(path, records.public_schema()) as data:
                    for at in range(shard * SHARD, min((shard + 1) * SHARD, size), parquet.ROW_GROUP):
                        rows = np.arange(start, start + min(parquet.ROW_GROUP, size - at))
                        table = _records(texts, rows, split, random)
                        data.write(table)
                        fates.write(_fates(table))
                        spans.write(_spans(table))
                        kept = table.select(["id", "title", "text", "reply", "source", "original_time"])
                        out.write(b"".join(orjson.dumps(row) + b"\n" for row in kept.to_pylist()))
                        start += len(rows)
                files[f"data/{path.name}"] = describe(path)
    (run / LOCK).write_text(canonical_json(_lock(files, number)), encoding="utf-8")


def _texts(data: Path) -> dict[str, list[str]]:
    from curation.ingest.tables import read_rows

    found: dict[str, list[str]] = {"title": [], "text": [], "reply": []}
    wanted = {"title": ("title", "留言主题"), "text": ("text", "诉求内容"), "reply": ("reply", "回复内容")}
    for path in sorted(data.glob("*.jsonl")) + sorted(data.glob("*.csv")):
        rows = read_rows(path)
        for field, names in wanted.items():
            for column in rows.find(names):
                found[field] += [str(row[column]) for row in rows.rows if row.get(column)]
    return found


def _records(texts: dict[str, list[str]], rows: Any, split: str, random: Any) -> pa.Table:
    """Some records, each with its number in the text, every twentieth in the cluster of the one before."""
    size = len(rows)
    ids = pc.binary_join_element_wise("r", pa.array(rows).cast(pa.string()), "")
    columns: dict[str, Any] = {"id": ids, "kind": pa.repeat("letter", size), "split": pa.repeat(split, size)}
    for field, known in texts.items():
        said = pa.array(known).take(pa.array(random.integers(0, len(known), size)))
        columns[field] = pc.binary_join_element_wise(said, ids, " ") if field == "text" else said
    days = np.datetime64("2019-01-01") + random.integers(0, 2000, size).astype("timedelta64[D]")
    names = pa.array([f"事项{number}" for number in range(30)]).take(pa.array(random.integers(0, 30, size)))
    columns |= {
        "source": pa.array([f"岚溪{number}市市长信箱" for number in "甲乙丙丁"]).take(
            pa.array(random.integers(0, 4, size))
        ),
        "license": pa.repeat("CC-BY-4.0", size),
        "original_time": pa.array(days.astype(str)),
        "generated": pa.repeat(True, size),
        "cluster": pc.binary_join_element_wise(
            "c", pa.array(np.where(rows % 20, rows, rows - 1)).cast(pa.string()), ""
        ),
        "labels": pa.ListArray.from_arrays(
            pa.array(np.arange(size + 1), pa.int32()),
            pa.StructArray.from_arrays(
                [
                    pa.repeat("letters", size),
                    names,
                    pa.nulls(size, pa.float64()),
                    pa.repeat("classifier", size),
                    pa.repeat(False, size),
                    pa.nulls(size, pa.string()),
                    pa.nulls(size, pa.string()),
                ],
                fields=list(records.LABEL),
            ),
        ),
    }
    schema = records.public_schema()
    return pa.table(
        [
            columns[one.name].cast(one.type) if one.name in columns else pa.nulls(size, one.type)
            for one in schema
        ],
        schema=schema,
    )


def _fates(table: pa.Table) -> pa.Table:
    size = table.num_rows
    columns = {"id": table["id"], "fate": pa.repeat("kept", size), "source": table["source"]}
    return pa.table(
        [columns.get(one.name, pa.nulls(size, one.type)) for one in ledger.SCHEMA], schema=ledger.SCHEMA
    )


def _spans(table: pa.Table) -> pa.Table:
    size = table.num_rows
    columns = {
        "id": table["id"],
        "kept": pa.repeat(True, size),
        "field": pa.repeat("text", size),
        "type": pa.repeat("PERSON", size),
        "action": pa.repeat("replace", size),
    }
    return pa.table(
        [columns.get(one.name, pa.nulls(size, one.type)) for one in ledger.FINDINGS], schema=ledger.FINDINGS
    )


def _lock(files: dict[str, Any], number: int) -> dict[str, Any]:
    names = ("screen", "clean", "deduplicate", "anonymise", "label", "split")
    recipe = {
        "schema": "curation/1",
        "name": "letters",
        "kind": "letter",
        "source": None,
        "license": None,
        "map": {},
        "fields": [],
        "stages": [{name: {}} for name in names],
    }
    return {
        "schema": "lock/1",
        "govtune": "0",
        "recipe": recipe,
        "inputs": [],
        "packages": {},
        "key": None,
        "files": files,
        "records": {"kept": number, "dropped": 0, "expanded": 0},
    }


if __name__ == "__main__":
    main()
