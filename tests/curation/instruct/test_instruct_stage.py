"""Records become chat examples, each with all that its record had, or get a reason."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation import Run, UsageError, curate, load, parquet, records
from curation.explain import explain
from curation.instruct.stage import Instruct, InstructParams
from curation.recipe import parse
from curation.stage import run_expand
from data_cards.check import check
from data_cards.outputs import build


def label(value: str | None, *, scheme: str = "letters", abstained: bool = False) -> dict[str, Any]:
    return {"scheme": scheme, "value": value, "method": "classifier", "abstained": abstained}


def letters(*labels: list[dict[str, Any]] | None, kind: str = "letter") -> pa.Table:
    rows = len(labels)
    return records.table(
        {
            "id": [f"r{number}" for number in range(rows)],
            "kind": [kind] * rows,
            "text": ["小区路灯坏了"] * rows,
            "labels": list(labels),
            "source": ["某市"] * rows,
            "license": ["CC0"] * rows,
            "original_time": ["2024-01-01"] * rows,
            "generated": [False] * rows,
            "cluster": [f"c{number}" for number in range(rows)],
            "split": ["test"] * rows,
            "district": ["东区"] * rows,
        },
        ["district"],
    )


def instruct(task: str, table: pa.Table) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = run_expand(Instruct(InstructParams(task=task)), table).to_pylist()
    return rows


def test_an_example_has_what_its_record_had() -> None:
    given_ = [label("城建", scheme="input"), label("城乡建设")]
    parent, child = instruct("dispatch", letters(given_))
    assert (parent["fate"], parent["stage"]) == ("expanded", "instruct")
    assert (child["id"], child["parent"], child["fate"]) == ("r0#dispatch", "r0", None)
    for name in ("kind", "labels", "source", "license", "original_time", "cluster", "split", "district"):
        assert child[name] == parent[name]
    assert [child[name] for name in records.TEXT_FIELDS] == [None, None, None]
    assert child["messages"][-1] == {"role": "assistant", "content": "城乡建设", "weight": 1.0}
    assert child["generated"] is False


def test_only_a_label_that_holds_makes_an_example() -> None:
    table = letters(
        [label("城乡建设")],
        [label("城乡建设", abstained=True)],
        [label(None, abstained=True)],
        [label("城乡建设", scheme="input")],
        None,
        [],
        [label("无此类")],
    )
    reasons = [row["reason"] for row in instruct("dispatch", table)[:7]]
    assert reasons == [None, "review", "review", "no_label", "no_label", "no_label", "unknown_label"]


def test_records_of_another_kind_say_so() -> None:
    (row,) = instruct("dispatch", letters([label("城乡建设")], kind="document"))
    assert (row["fate"], row["reason"]) == ("dropped", "other_kind")


@settings(max_examples=25)
@given(st.lists(st.sampled_from(["letter", "law"]), max_size=8), st.data())
def test_every_record_gives_examples_or_a_reason(kinds: list[str], data: st.DataObject) -> None:
    replies = data.draw(
        st.lists(st.sampled_from([None, "", "已修"]), min_size=len(kinds), max_size=len(kinds))
    )
    table = records.table(
        {
            "id": [str(n) for n in range(len(kinds))],
            "kind": kinds,
            "text": ["灯"] * len(kinds),
            "reply": replies,
        }
    )
    rows = instruct("reply", table)
    expected = [
        "other_kind" if kind == "law" else None if reply else "no_reply"
        for kind, reply in zip(kinds, replies, strict=True)
    ]
    assert [row["reason"] for row in rows[: len(kinds)]] == expected
    assert [row["parent"] for row in rows[len(kinds) :]] == [
        str(number) for number, reason in enumerate(expected) if reason is None
    ]


@pytest.mark.parametrize(
    ("stages", "words"),
    [
        (["instruct"], "stage instruct needs the column split, which no earlier stage fills"),
        (["split", "instruct", "anonymise"], "stage anonymise must stand before instruct"),
        (["split", "instruct", "clean"], "stage clean must stand before instruct"),
    ],
)
def test_an_order_that_would_leak_is_refused(stages: list[str], words: str) -> None:
    options = {"instruct": {"task": "reply"}, "split": {"by": "id"}}
    recipe = {"schema": "curation/1", "name": "x", "stages": [{name: options.get(name)} for name in stages]}
    with pytest.raises(UsageError, match=words):
        parse(recipe)


@pytest.mark.parametrize(
    "before",
    [[], [{"anonymise": {}}], [{"anonymise": {}}, {"label": {"taxonomy": "scenarios"}}]],
)
def test_a_task_that_answers_with_labels_needs_them_first(before: list[dict[str, Any]]) -> None:
    def recipe(*first: dict[str, Any]) -> dict[str, Any]:
        stages = [{"split": {"by": "id"}}, *first, {"instruct": {"task": "dispatch"}}]
        return {"schema": "curation/1", "name": "x", "stages": stages}

    with pytest.raises(UsageError, match=r"put label: \{taxonomy: letters\} before it") as error:
        parse(recipe(*before), "x.yaml")
    assert str(error.value).startswith("x.yaml: the task dispatch answers with labels of letters")
    assert "\n" not in str(error.value)
    parse(recipe({"anonymise": {}}, {"label": {"taxonomy": "letters"}}))


def published(run: Path) -> list[dict[str, Any]]:
    return [row for path in Run(run).data for row in parquet.read(path).to_pylist()]


@pytest.fixture(scope="module")
def guides(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of the sample's service guides through the recipe `consultation`."""
    run = tmp_path_factory.mktemp("guides") / "run"
    recipe = load("consultation", settings=["anonymise.names=none"])
    curate(recipe, [sample / "data" / "办事指南.jsonl"], run, card=build)
    return run


@pytest.fixture(scope="module")
def dispatched(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of the sample through the recipe `dispatch`."""
    run = tmp_path_factory.mktemp("dispatched") / "run"
    recipe = load("dispatch", settings=["anonymise.names=none", "label.precision=0.8"])  # a small sample
    curate(recipe, [sample / "data"], run, card=build)
    return run


def test_letters_are_dispatched_with_the_label_that_holds(dispatched: Path) -> None:
    rows = published(dispatched)
    assert {row["split"] for row in rows} == {"train", "validation", "test"}
    for row in rows:
        (held,) = [each for each in row["labels"] if each["scheme"] == "letters"]
        assert not held["abstained"]
        assert row["messages"][-1]["content"] == held["value"]
        assert row["kind"] in ("letter", "work_order")


def test_what_the_labeller_would_not_say_is_held_for_people(dispatched: Path) -> None:
    ledger = [row for path in Run(dispatched).ledger for row in parquet.read(path).to_pylist()]
    held = [row for row in ledger if row["stage"] == "instruct" and row["fate"] == "dropped"]
    assert {row["reason"] for row in held} <= {"review", "other_kind", "no_label"}
    assert "review" in {row["reason"] for row in held}
    card = (dispatched / "README.md").read_text(encoding="utf-8")
    assert "待人工审核" in card
    assert re.search(r"有标签的记录：[\d,]+ 条（100\.0%）；标签来源：随数据给出 [\d,]+、分类器 [\d,]+", card)
    assert check(dispatched, Run(dispatched).private).problems == []


def test_every_example_of_a_guide_stands_in_the_split_of_the_guide(guides: Path) -> None:
    rows = published(guides)
    assert len(rows) > 200
    assert len({row["id"] for row in rows}) == len(rows)
    splits: dict[str, set[str]] = {}
    for row in rows:
        splits.setdefault(row["parent"], set()).add(row["split"])
        assert row["id"].startswith(row["parent"] + "#consultation.")
    assert {len(each) for each in splits.values()} == {1}


def test_answers_quote_what_the_sample_says_or_hand_over(sample: Path, guides: Path) -> None:
    lines = (sample / "data" / "办事指南.jsonl").read_text(encoding="utf-8").splitlines()
    items = [json.loads(line) for line in lines]
    quotes = {f"{heading}：{value}" for item in items for heading, value in item.items()}
    handed = 0
    for row in published(guides):
        user, answer = row["messages"][1]["content"], row["messages"][2]["content"]
        if "没有写明" in answer:
            field = row["id"].rpartition(".")[2]
            assert f"\n{field}：" not in user
            handed += 1
        else:
            quote = answer.partition("：\n")[2]
            assert quote in user
            assert quote in quotes
    assert handed > 5


def test_the_card_of_chat_examples_is_true(guides: Path) -> None:
    assert check(guides, Run(guides).private).problems == []


def test_a_guide_and_its_examples_name_each_other(guides: Path) -> None:
    child = published(guides)[0]
    told = explain(Run(guides), child["id"]).lines()
    assert f"from     record {child['parent']}, made by instruct" in told
    parent = explain(Run(guides), child["parent"])
    assert child["id"] in parent.children
    assert "fate     expanded by instruct" in parent.lines()
    assert "stage    anonymise" in parent.lines()


def test_personal_data_of_a_record_whose_example_was_published_counts(tmp_path: Path) -> None:
    rows = [
        {"id": "a", "text": "请回电13912345678谢谢", "reply": "已回电。"},
        {"id": "b", "text": "请联系13812345678，灯坏了", "reply": ""},
    ]
    source = tmp_path / "in.jsonl"
    source.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    curate(load("reply", settings=["anonymise.names=none"]), [source], tmp_path / "run", card=build)
    (example,) = published(tmp_path / "run")
    assert "13912345678" not in example["messages"][1]["content"]
    found = [row for path in Run(tmp_path / "run").findings for row in parquet.read(path).to_pylist()]
    assert {(row["id"], row["kept"]) for row in found} == {("a", True), ("b", False)}
    assert check(tmp_path / "run", Run(tmp_path / "run").private).problems == []


def test_examples_load_as_a_data_set_and_again_after_a_re_run(sample: Path, tmp_path: Path) -> None:
    from datasets import load_dataset

    def rows(*settings: str) -> int:
        recipe = load("consultation", settings=["anonymise.names=none", *settings])
        curate(recipe, [sample / "data" / "办事指南.jsonl"], tmp_path / "run", card=build)
        loaded = load_dataset(str(tmp_path / "run"), cache_dir=str(tmp_path / "cache"))
        assert [message["role"] for message in loaded["train"][0]["messages"]] == [
            "system",
            "user",
            "assistant",
        ]
        return sum(split.num_rows for split in loaded.values())

    assert rows() == len(published(tmp_path / "run"))
    fewer = rows("deduplicate.veto=[]", "deduplicate.threshold=0.3")
    assert fewer == len(published(tmp_path / "run"))
