from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation import records
from curation.stage import (
    ContractError,
    Exchange,
    Expand,
    Fetch,
    Stage,
    align,
    run,
    run_exchange,
    run_expand,
)


class Shout(Stage):
    name = "shout"
    adds = pa.schema([("text", pa.string())])

    def apply(self, table: pa.Table) -> pa.Table:
        return records.with_columns(table, {"text": pc.utf8_upper(table["text"])})


class Quiet(Stage):
    """Edits a column that it does not declare."""

    name = "quiet"

    def apply(self, table: pa.Table) -> pa.Table:
        return records.with_columns(table, {"title": pc.utf8_lower(table["title"])})


class Thief(Stage):
    name = "thief"

    def apply(self, table: pa.Table) -> pa.Table:
        return table.slice(1)


class Refuse(Stage):
    name = "refuse"

    def apply(self, table: pa.Table) -> pa.Table:
        return records.drop(
            table, pc.starts_with(table["text"], "x"), stage=self.name, reason="begins_with_x"
        )


class Halve(Expand):
    name = "halve"

    def expand(self, table: pa.Table) -> tuple[pa.Table, pa.Array]:
        rows = [row for row in table.to_pylist() if len(row["text"]) > 1]
        halves = [(row["id"], half) for row in rows for half in (row["text"][:1], row["text"][1:])]
        children = records.table(
            {
                "id": [f"{parent}/{number}" for number, (parent, _) in enumerate(halves)],
                "parent": [parent for parent, _ in halves],
                "text": [half for _, half in halves],
            }
        )
        reasons = [None if len(text) > 1 else "too_short" for text in table["text"].to_pylist()]
        return children, pa.array(reasons, pa.string())


class Count(Exchange):
    """Tells every record how many records there are."""

    name = "count"
    adds = pa.schema([("cluster", pa.string())])

    def keys(self, table: pa.Table) -> pa.Table:
        return table.select(["id"])

    def decide(self, keys: pa.Table, fetch: Fetch) -> pa.Table:
        return pa.table({"id": keys["id"], "count": [str(keys.num_rows)] * keys.num_rows})

    def apply(self, table: pa.Table, verdict: pa.Table) -> pa.Table:  # type: ignore[override]
        return records.with_columns(table, {"cluster": verdict["count"]})


def table(*texts: str) -> pa.Table:
    return records.table(
        {"id": [str(n) for n in range(len(texts))], "title": ["T"] * len(texts), "text": list(texts)}
    )


@given(st.lists(st.sampled_from(["a", "xa", "b", "xb"]), min_size=1, max_size=12))
def test_fated_records_pass_untouched_and_in_place(texts: list[str]) -> None:
    refused = run(Refuse(), table(*texts))
    after = run(Shout(), refused)
    assert after["id"].to_pylist() == refused["id"].to_pylist()
    assert after["text"].to_pylist() == [text if text.startswith("x") else text.upper() for text in texts]
    assert after["fate"].to_pylist() == ["dropped" if text.startswith("x") else None for text in texts]


def test_a_stage_that_edits_what_it_does_not_declare_is_stopped() -> None:
    with pytest.raises(ContractError, match="quiet changed title"):
        run(Quiet(), table("a"))


def test_a_stage_that_loses_a_row_is_stopped() -> None:
    with pytest.raises(ContractError, match="number of rows"):
        run(Thief(), table("a", "b"))


def test_expanding_keeps_parents_and_counts_add_up() -> None:
    after = run_expand(Halve(), run(Refuse(), table("ab", "c", "xy")))
    fates = dict(zip(after["id"].to_pylist(), after["fate"].to_pylist(), strict=True))
    assert fates == {"0": "expanded", "1": "dropped", "2": "dropped", "0/0": None, "0/1": None}
    assert after["reason"].to_pylist()[:3] == [None, "too_short", "begins_with_x"]
    assert after["stage"].to_pylist() == ["halve", "halve", "refuse", None, None]
    assert after["parent"].to_pylist()[3:] == ["0", "0"]


@given(st.lists(st.sampled_from(["a", "ab", "x", "xab"]), max_size=8))
def test_every_record_is_expanded_or_has_a_reason(texts: list[str]) -> None:
    after = run_expand(Halve(), run(Refuse(), table(*texts))).slice(0, len(texts))
    expected = [
        "begins_with_x" if text.startswith("x") else "too_short" if len(text) == 1 else None for text in texts
    ]
    assert after["reason"].to_pylist() == expected
    assert after["fate"].to_pylist() == ["dropped" if reason else "expanded" for reason in expected]


def test_a_child_of_nobody_is_stopped() -> None:
    class Foundling(Expand):
        name = "foundling"

        def expand(self, table: pa.Table) -> tuple[pa.Table, pa.Array]:
            children = records.table({"id": ["c"], "parent": ["nobody"], "text": ["c"]})
            return children, pa.array([None], pa.string())

    with pytest.raises(ContractError, match="child of no living record"):
        run_expand(Foundling(), table("a"))


@pytest.mark.parametrize("reasons", [[None, None], ["why", "why"], ["why"]])
def test_neither_child_nor_reason_and_both_at_once_are_stopped(reasons: list[str | None]) -> None:
    class Muddled(Expand):
        name = "muddled"

        def expand(self, table: pa.Table) -> tuple[pa.Table, pa.Array]:
            children = records.table({"id": ["c"], "parent": ["0"], "text": ["c"]})
            return children, pa.array(reasons, pa.string())

    with pytest.raises(ContractError, match="children or a reason"):
        run_expand(Muddled(), table("a", "b"))


def test_a_verdict_finds_its_records_in_any_order() -> None:
    stage = Count()
    rows = run(Refuse(), table("a", "xb", "c"))
    living = rows.filter(records.alive(rows))
    verdict = stage.decide(stage.keys(living), lambda ids, columns: living)
    after = run_exchange(stage, rows, verdict.take([1, 0]))
    assert after["cluster"].to_pylist() == ["2", None, "2"]


def test_aligning_leaves_null_where_there_is_no_verdict() -> None:
    verdict = pa.table({"id": ["b"], "value": [1]})
    assert align(verdict, pa.chunked_array([["a", "b"]]))["value"].to_pylist() == [None, 1]


def test_only_columns_of_the_schema_make_a_table() -> None:
    with pytest.raises(KeyError, match="colour"):
        records.table({"id": ["a"], "colour": ["red"]})
