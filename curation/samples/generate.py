"""A folder of synthetic government records beside the truth about each of them."""

from __future__ import annotations

import dataclasses
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

from curation.errors import UsageError
from curation.samples import plan, tables, write
from curation.samples.documents import Notice
from curation.samples.letters import Letter
from curation.samples.tables import Place, Row

FEWEST = 50

_README = """\
# 合成的政务数据样例 / Synthetic government records

这里的人、单位、号码、地址和事情全部是虚构的，由 govtune 生成，仅供试用和测试。
All people, offices, numbers, addresses and events in here are invented; made by govtune for trials and tests.

- `data/`：单位里常见的文件（工单、留言及答复、来信、办事指南、通知公告）
  What an office has; give this to `govtune curate --input`.
- `truth/truth.jsonl`：每条记录的真值（个人信息位置、重复与变体、类别、涉密标志）
  The truth about every record: personal data, duplicates and variants, category, secrecy.
"""


@dataclasses.dataclass(frozen=True)
class SampleSummary:
    """What was written.

    Attributes:
        files: file below `data/` -> number of records in it.
        personal: records in which something must not be published.
        exact, near, variants: records derived from another one.
        secret: documents with a secrecy mark.
        lost: records with a number that a spreadsheet has rounded.
        categories: category -> number of letters and work orders.
    """

    files: dict[str, int]
    records: int
    personal: int
    exact: int
    near: int
    variants: int
    secret: int
    lost: int
    categories: dict[str, int]


def generate(out: Path, *, records: int = 2000, seed: int = 7) -> SampleSummary:
    """Write `out/data`, `out/truth/truth.jsonl` and `out/README.md`; the same arguments give the same bytes.

    A line of the truth: file, sheet, row, id, kind, spans (column -> [start, end, type], code points of the
    cell as stored), values (what must not be published, as written), duplicate_of (file, sheet, row),
    relation (exact, near, variant), category (the right one; one cell in 50 has another), secret, lost
    (columns with a rounded number).

    Args:
        out: a folder that does not exist, is empty or is an earlier sample, which it replaces as a whole.
        records: how many in all files together, 50 or more.
        seed: another seed gives other records.

    Raises:
        UsageError: too few records, or `out` holds something else or cannot be written.
    """
    if records < FEWEST:
        raise UsageError(f"a sample has at least {FEWEST} records, not {records}")
    if out.exists() and not _replaceable(out):
        raise UsageError(f"{out}: neither empty nor an earlier sample; choose another folder")
    rng = Random(seed)
    rows = tables.lay_out(rng, plan.draw(rng, records))
    try:
        out.absolute().parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.absolute().parent) as scratch:
            _write(Path(scratch, "new"), rows)
            if out.exists():
                out.rename(Path(scratch, "old"))
            Path(scratch, "new").rename(out)
    except OSError as error:
        raise UsageError(f"{out}: cannot be written ({error.strerror})") from error
    return _summary(rows)


def _replaceable(out: Path) -> bool:
    if not out.is_dir():
        return False
    names = {path.name for path in out.iterdir()}
    return not names or (
        names == {"README.md", "data", "truth"} and (out / "truth" / "truth.jsonl").is_file()
    )


def _write(folder: Path, rows: Sequence[Row]) -> None:
    data, truth = folder / "data", folder / "truth"
    (data / tables.NOTICES).mkdir(parents=True)
    truth.mkdir()
    placed = [(table, [row for row in rows if _in(table, row.place)]) for table in tables.TABLES]
    write.workbook(data / tables.WORKBOOK, [each for each in placed if each[0].file == tables.WORKBOOK])
    for table, theirs in placed:
        if table.file == tables.REPLIES:
            write.delimited(data / table.file, table, theirs, encoding="gb18030")
        elif table.file == tables.COMMUNITY:
            write.delimited(data / table.file, table, theirs, encoding="utf-8-sig")
    for name in (tables.MAILBOX, tables.GUIDES):
        write.json_lines(data / name, [_object(row) for row in rows if row.place.file == name])
    for row in rows:
        if row.kind == "document":
            write.text(data / row.place.file, row.cells["text"])
    write.json_lines(truth / "truth.jsonl", [_truth(row) for row in rows])
    (folder / "README.md").write_text(_README, encoding="utf-8", newline="\n")


def _in(table: tables.Table, place: Place) -> bool:
    return (table.file, table.sheet) == (place.file, place.sheet)


def _object(row: Row) -> dict[str, Any]:
    values: dict[str, Any] = {header: passage.text or None for header, passage in row.cells.items()}
    if row.own_id:
        values["id"] = int(row.own_id)
    return values


def _truth(row: Row) -> dict[str, Any]:
    content = row.planned.content
    return {
        **row.place._asdict(),
        "id": row.own_id,
        "kind": row.kind,
        "spans": {header: passage.spans for header, passage in row.cells.items() if passage.spans},
        "values": _values(row),
        "duplicate_of": row.original._asdict() if row.original else None,
        "relation": row.planned.relation,
        "category": content.category if isinstance(content, Letter) else None,
        "secret": isinstance(content, Notice) and content.secret,
        "lost": row.lost,
    }


def _values(row: Row) -> list[str]:
    """Each once, in the order of the columns."""
    return list(dict.fromkeys(value for passage in row.cells.values() for value in passage.values))


def _summary(rows: Sequence[Row]) -> SampleSummary:
    relations = Counter(row.planned.relation for row in rows)
    contents = [row.planned.content for row in rows]
    return SampleSummary(
        files=dict(Counter(row.place.file for row in rows)),
        records=len(rows),
        personal=sum(bool(_values(row)) for row in rows),
        exact=relations["exact"],
        near=relations["near"],
        variants=relations["variant"],
        secret=sum(isinstance(content, Notice) and content.secret for content in contents),
        lost=sum(bool(row.lost) for row in rows),
        categories=dict(Counter(content.category for content in contents if isinstance(content, Letter))),
    )
