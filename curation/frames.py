"""What a run knows, as tables to look at in a notebook: `Run.funnel()` and its sisters say their columns.

Everything comes from the ledger, the findings and the published data; where only the published copy is at
hand, counts come from its `metrics.json`. No table holds a record's text.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from os.path import relpath
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from curation import ledger, parquet, records, versions
from curation.errors import UsageError
from curation.explain import Life, explain
from curation.strict import nearest

if TYPE_CHECKING:
    from pandas import DataFrame

    from curation.run import Run

METRICS = "metrics.json"
"""Where the card of a run has its numbers; a published copy knows the ledger's counts from there alone."""

PLACE = tuple(field.name for field in records.SOURCE_DETAILS)
"""Where a record came from, see `records.SOURCE_DETAILS`."""

LOOKED_AT = ("README.md", "README.en.md", "README.zh-CN.md", "report.html")
"""Files of a run that people read."""


def funnel(run: Run) -> DataFrame:
    """See `Run.funnel`."""
    came_in, rows = _came_in(run), []
    for stage, step in _steps(run).items():
        reasons = sorted(step.dropped.items(), key=lambda item: (-item[1], item[0]))
        went_on = came_in + step.made - step.dropped.total() - step.expanded
        rows.append(
            {
                "stage": stage,
                "came_in": came_in,
                "dropped": step.dropped.total(),
                "expanded": step.expanded,
                "made": step.made,
                "went_on": went_on,
                "reasons": ", ".join(f"{reason} {number}" for reason, number in reasons),
            }
        )
        came_in = went_on
    return _frame(pa.Table.from_pylist(rows))


def personal_data(run: Run) -> DataFrame:
    """See `Run.personal_data`."""
    found = _found(run)
    if found is None:
        raise UsageError(f"{run.folder}: its recipe has no stage anonymise; nothing looked for personal data")
    rows = [
        {"type": kind, "found": counts.total(), "replaced": counts["replaced"], "kept": counts["kept"]}
        for kind, counts in sorted(found.items(), key=lambda item: (-item[1].total(), item[0]))
    ]
    counted = [(name, pa.int64()) for name in ("found", "replaced", "kept")]
    return _frame(pa.Table.from_pylist(rows, pa.schema([("type", pa.string()), *counted])))


def dropped(run: Run, reason: str | None = None) -> DataFrame:
    """See `Run.dropped`."""
    columns = ["id", "stage", "reason", "evidence", "ref_id", "relation", "score", "source"]
    parts, reasons = [], set[str]()
    for table in _ledger(run, [*columns, "fate", "source_details"]):
        table = table.filter(pc.equal(table["fate"], "dropped"))
        reasons.update(table["reason"].unique().drop_null().to_pylist())
        if reason is not None:
            table = table.filter(pc.equal(table["reason"], reason))
        wanted = table.select(columns)
        for name in PLACE:
            wanted = wanted.append_column(name, pc.struct_field(table["source_details"], name))
        parts.append(wanted)
    if reason is not None and reason not in reasons:
        raise UsageError(f"{run.folder}: nothing was dropped for {reason}{nearest(reason, sorted(reasons))}")
    return _frame(pa.concat_tables(parts))


def trace(run: Run, record: str) -> DataFrame:
    """See `Run.trace`."""
    names = ("stage", "event", "detail", "record")
    schema = pa.schema(
        [*((name, pa.string()) for name in names), ("count", pa.int64()), ("score", pa.float64())]
    )
    return _frame(pa.Table.from_pylist(list(_events(explain(run, record))), schema))


def diff(new: Run, old: Run) -> DataFrame:
    """See `Run.diff`."""
    found = versions.compare(old, new)
    at = found.schema.get_field_index("columns")
    return _frame(found.set_column(at, "columns", pc.binary_join(found["columns"], ", ")))


def html(run: Run) -> str | None:
    """A run in brief; None where it is not finished."""
    try:
        lock = run.lock()
    except UsageError:
        return None
    counts = lock["records"]
    told = "，".join(
        f"{name} {counts[fate]:,}"
        for fate, name in (("kept", "保留 kept"), ("dropped", "剔除 dropped"), ("expanded", "展开 expanded"))
    )
    lines = [f"<b>{escape(str(lock['recipe']['name']))}</b>&ensp;{told}", *_brief(run)]
    files = [name for name in LOOKED_AT if (run.folder / name).is_file()]
    links = (
        f'<a style="color:inherit" href="{quote(relpath(run.folder / name))}">{name}</a>' for name in files
    )
    lines.append("&ensp;".join(links))
    body = "".join(f"<div>{line}</div>" for line in lines if line)
    return f'<div style="{_PAGE}">{body}</div>'


_PAGE = "border-left:3px solid #767676;padding:.2em .8em;line-height:1.7;color:inherit;overflow-wrap:anywhere"
"""No colour of its own but a grey that can be seen on light and on dark pages."""


@dataclasses.dataclass
class _Step:
    """What a stage did to records."""

    dropped: Counter[str] = dataclasses.field(default_factory=Counter)
    expanded: int = 0
    made: int = 0


def _steps(run: Run) -> dict[str, _Step]:
    """By stage, in the order of the recipe."""
    steps = {stage: _Step() for stage in run.stages()}
    if not run.ledger:
        for stage, step in (_metrics(run)["funnel"] or {}).items():
            steps[stage] = _Step(Counter(step["dropped"]), step["expanded"], step["made"])
        return steps
    whole = pa.concat_tables(_ledger(run, ["id", "parent", "fate", "stage", "reason"]))
    for fate, stage, reason, number in ledger.counts(whole):
        step = steps.setdefault(stage or "", _Step()) if fate != "kept" else _Step()
        if fate == "dropped":
            step.dropped[reason or ""] += number
        elif fate == "expanded":
            step.expanded += number
    parents = whole.filter(pc.equal(whole["fate"], "expanded")).combine_chunks()
    made_by = parents["stage"].take(pc.index_in(whole["parent"].drop_null(), parents["id"].combine_chunks()))
    for entry in made_by.value_counts().to_pylist():
        steps[entry["values"]].made += entry["counts"]
    return steps


def _came_in(run: Run) -> int:
    """Records that were read, not made of others."""
    if not run.ledger:
        return int(_metrics(run)["records"]["input"])
    return sum(int(table["parent"].null_count) for table in _ledger(run, ["parent"]))


def _found(run: Run) -> dict[str, Counter[str]] | None:
    """Personal data in published records: by type how often replaced and how often kept by policy; None where
    nothing looked for it."""
    if "anonymise" not in run.stages():
        return None
    found: dict[str, Counter[str]] = {}
    if not run.findings:
        for kind, counts in (_metrics(run)["pii"]["by_type"] or {}).items():
            found[kind] = Counter(replaced=counts["replaced"], kept=counts["kept"])
        return found
    for path in run.findings:
        for table in parquet.tables(path, ["kept", "type", "action"]):
            spans = table.filter(table["kept"]).group_by(["type", "action"]).aggregate([([], "count_all")])
            for row in spans.to_pylist():
                counts = found.setdefault(row["type"], Counter())
                counts["kept" if row["action"] == "keep" else "replaced"] += row["count_all"]
    return found


def _events(life: Life) -> Iterator[dict[str, Any]]:
    """A record's life, one event after the other."""
    entry = life.entry
    if life.made_by:
        yield {"stage": life.made_by, "event": "made", "record": entry["parent"]}
    for stage in life.stages:
        if stage == "ingest":
            yield {"stage": stage, "event": "read", "detail": _place(entry["source_details"] or {})}
        elif entry["fate"] == "kept" or stage != entry["stage"]:
            yield {"stage": stage, "event": "passed"}
        if stage == "anonymise":
            for field, kind, action, count in life.findings:
                yield {"stage": stage, "event": action, "detail": f"{kind} in {field}", "count": count}
    said = ": ".join(each for each in (entry["reason"], entry["evidence"]) if each)
    met = None if entry["fate"] == "kept" else entry["stage"]
    yield {"stage": met, "event": entry["fate"], "detail": said or None}
    if entry["relation"]:
        told = {"record": entry["ref_id"], "score": entry["score"]}
        yield {"stage": entry["stage"], "event": entry["relation"], **told}
    if life.split:
        yield {"event": "published", "detail": f"split {life.split}, cluster {life.cluster}"}
    for event, others in (("stands for", life.duplicates), ("became", life.children)):
        yield from ({"event": event, "record": other} for other in others)


def _place(details: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {details[name]}" for name in PLACE if details.get(name))


def _brief(run: Run) -> Iterator[str]:
    """The funnel and the personal data, each in a line, as far as they are known here."""
    try:
        steps, came_in, found = _steps(run), _came_in(run), _found(run)
    except UsageError:
        yield "只有公开部分，没有台账和 metrics.json / a published copy without its counts"
        return
    road = [f"{came_in:,}"]
    for stage, step in steps.items():
        changed = [f"−{step.dropped.total() + step.expanded:,}"] if step.dropped or step.expanded else []
        changed += [f"+{step.made:,}"] if step.made else []
        road += [f"{escape(stage)} {' '.join(changed)}"] if changed else []
        came_in += step.made - step.dropped.total() - step.expanded
    yield "漏斗 funnel: " + " → ".join([*road, f"{came_in:,}"])
    if found is None:
        yield "个人信息 personal data: 未查找 nothing looked for it"
        return
    total = sum(found.values(), Counter())
    yield f"个人信息 personal data: 发现 found {total.total():,}，替换 replaced {total['replaced']:,}"


def _ledger(run: Run, columns: Sequence[str]) -> Iterator[pa.Table]:
    if not run.ledger:
        raise UsageError(f"{run.private}: no ledger; a published copy alone cannot tell this")
    for path in run.ledger:
        yield from parquet.tables(path, columns)


def _metrics(run: Run) -> dict[str, Any]:
    try:
        metrics = orjson.loads((run.folder / METRICS).read_bytes())
    except (OSError, orjson.JSONDecodeError):
        metrics = None
    known = isinstance(metrics, dict) and {"funnel", "records", "pii"} <= metrics.keys()
    if not known or not metrics["records"]:
        raise UsageError(f"{run.private}: no ledger, and {METRICS} beside the data does not count it either")
    return dict(metrics)


def _frame(table: pa.Table) -> DataFrame:
    """Whole numbers stay whole numbers where some are missing."""
    import pandas

    whole: Any = {pa.int64(): pandas.Int64Dtype()}.get
    frame: DataFrame = table.to_pandas(types_mapper=whole)
    return frame
