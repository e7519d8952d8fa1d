"""Conversations from runs and files: nothing left out, nothing leaked, faults named by file and row."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from curation import parquet, records
from curation.errors import InputError, UsageError
from curation.ingest.tables import Rows, write_rows
from curation.records import SPLITS
from training.data import Conversation, read, read_held_out
from training.recipe import parse
from training.schema import Recipe, Source

TOPICS = {
    "城乡建设": "小区门口第{n}盏路灯不亮，行人夜里看不清台阶，请{who}尽快修好。",
    "交通运输": "{who}您好，{n}路公交车等了四十分钟还没有来，能否加密班次？",
    "环境保护": "河边{n}号厂房半夜排出刺鼻的气味，窗户不敢打开，望{who}查处。",
}
WORDS = "甲乙丙丁戊己庚辛壬癸子丑寅卯辰巳午未申酉戌亥金木水火土日月星辰山川湖海"


def letters(n: int) -> list[dict[str, Any]]:
    """Letters that have little in common."""
    labels = list(TOPICS)
    made = []
    for k in range(n):
        some = "".join(random.Random(k).choices(WORDS, k=40))
        text = TOPICS[labels[k % 3]].format(n=k, who=some[:3]) + some
        made.append(
            {"id": f"letter-{k}", "title": f"{some[-2:]}街的事", "text": text, "label": labels[k % 3]}
        )
    return made


def example(row: dict[str, Any]) -> str:
    """Id of the example that the task makes of a letter."""
    return f"{row['id']}#dispatch"


def asked(text: str, answer: str = "城乡建设") -> list[dict[str, Any]]:
    return [{"role": "user", "content": text}, {"role": "assistant", "content": answer}]


@pytest.fixture
def recipe() -> Recipe:
    return parse({"schema": "training/1", "name": "t", "task": "dispatch", "model": {"path": "tiny"}})


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def written(rows: list[dict[str, Any]], name: str = "letters.jsonl") -> Path:
        path = tmp_path / name
        columns = tuple(dict.fromkeys(key for row in rows for key in row))
        write_rows(path, Rows(columns, rows))
        return path

    return written


Write = Callable[..., Path]


def flat(found: dict[str, list[Conversation]]) -> list[Conversation]:
    return [one for split in SPLITS for one in found[split]]


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.xlsx", "a.parquet"])
def test_letters_with_labels_become_the_messages_of_the_task(name: str, write: Write, recipe: Recipe) -> None:
    rows = letters(60)
    found = read(write(rows, name), recipe)
    assert list(found) == list(SPLITS)
    assert sorted(one.id for one in flat(found)) == sorted(map(example, rows))
    by_id = {one.id: one.messages for one in flat(found)}
    for row in rows:
        system, user, assistant = by_id[example(row)]
        assert "城乡建设" in system["content"]
        assert row["title"] in user["content"]
        assert row["text"] in user["content"]
        assert assistant == {"role": "assistant", "content": row["label"], "weight": 1.0}
    assert all(len(found[split]) > 1 for split in SPLITS)
    assert {one.people for one in flat(found)} == {None}


def test_columns_may_have_the_names_that_offices_use(write: Write, recipe: Recipe) -> None:
    rows = [{"工单编号": row["id"], "诉求内容": row["text"], "诉求分类": row["label"]} for row in letters(40)]
    found = read(write(rows, "orders.csv"), recipe)
    assert {one.id for one in flat(found)} == {row["工单编号"] + "#dispatch" for row in rows}


def test_near_duplicates_never_stand_on_both_sides_of_a_split(write: Write, recipe: Recipe) -> None:
    rows = letters(50)
    again = [{**row, "id": row["id"] + "-again", "text": row["text"] + "谢谢。"} for row in rows]
    found = read(write(rows + again), recipe)
    split_of = {one.id: split for split in SPLITS for one in found[split]}
    assert all(
        split_of[example(row)] == split_of[example(twin)] for row, twin in zip(rows, again, strict=True)
    )


def test_a_row_keeps_its_split_in_another_order_and_moves_with_another_seed(
    write: Write, recipe: Recipe
) -> None:
    rows = letters(60)
    splits = [
        {one.id: split for split in SPLITS for one in found[split]}
        for found in (
            read(write(rows, "a.jsonl"), recipe),
            read(write(rows[::-1], "b.jsonl"), recipe),
            read(write(rows), recipe.model_copy(update={"seed": 7})),
        )
    ]
    assert splits[0] == splits[1]
    assert splits[0] != splits[2]


def test_the_file_decides_the_split_where_it_says_so(write: Write, recipe: Recipe) -> None:
    rows = [{**row, "split": SPLITS[k % 3]} for k, row in enumerate(letters(9))]
    found = read(write(rows), recipe)
    assert {split: [one.id for one in found[split]] for split in SPLITS} == {
        split: [example(row) for row in rows if row["split"] == split] for split in SPLITS
    }


def test_messages_are_taken_as_they_are_with_weights_filled_in(write: Write, recipe: Recipe) -> None:
    said: list[dict[str, Any]] = [
        {"role": "system", "content": "只答类别"},
        {"role": "user", "content": "路灯不亮"},
        {"role": "assistant", "content": "不知道", "weight": 0},
        {"role": "user", "content": "再想想", "weight": None},
        {"role": "assistant", "content": "城乡建设"},
    ]
    for name in ("a.jsonl", "a.csv", "a.parquet"):
        found = read(write([{"messages": said, "split": "train"}] * 2, name), recipe)
        first = 2 if name == "a.csv" else 1
        assert [one.id for one in found["train"]] == [f"{name}:{first}", f"{name}:{first + 1}"]
        assert [message["weight"] for message in found["train"][0].messages] == [0, 0, 0, 0, 1]
        assert [message["content"] for message in found["train"][0].messages] == [
            message["content"] for message in said
        ]


@pytest.mark.parametrize(
    ("messages", "words"),
    [
        (None, "no messages"),
        ([], "no messages"),
        ("[", "not a JSON list of messages"),
        (["你好"], "not an object with role and content"),
        ([{"role": "robot", "content": "x"}], "role is none of system, user, assistant"),
        ([{"role": "user", "content": 7}], "content is not a text"),
        ([{"role": "user", "content": "x", "tool_calls": []}], "more than role, content and weight: tool_"),
        ([{"role": "user", "content": "x"}], "no answer to learn"),
        ([*asked("问"), {"role": "user", "content": "x", "weight": 1}], "weight: 0, or for an assistant"),
        ([{"role": "assistant", "content": "x", "weight": 1.5}], "weight: 0, or for an assistant"),
        ([{"role": "assistant", "content": "x", "weight": "1"}], "weight: 0, or for an assistant"),
        ([{"role": "assistant", "content": " "}], "an assistant message without content"),
        ([{"role": "assistant", "content": "x", "weight": 0}], "no answer to learn"),
    ],
)
def test_messages_that_cannot_be_used_are_named_by_file_and_row(
    messages: Any, words: str, write: Write, recipe: Recipe
) -> None:
    path = write([{"messages": asked("路灯不亮")}, {"messages": messages}])
    with pytest.raises(InputError, match=words) as refused:
        read(path, recipe)
    assert str(refused.value).startswith("letters.jsonl, row 2, field messages: ")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"label": "环保"}, "letters.jsonl, row 2: the task dispatch makes no example of it: unknown_label"),
        ({"label": None}, "letters.jsonl, row 2: the task dispatch makes no example of it: no_label"),
        ({"label": ["城乡建设"]}, "letters.jsonl, row 2, field label: neither a text nor a number"),
        (
            {"split": "val"},
            "letters.jsonl, row 2, field split: none of train, validation, test",
        ),
        ({"split": None}, "letters.jsonl, row 2, field split: none of train, validation, test"),
    ],
)
def test_a_row_that_cannot_be_used_is_named(
    change: dict[str, Any], words: str, write: Write, recipe: Recipe
) -> None:
    rows = [{**row, "split": "train"} for row in letters(3)]
    rows[1] |= change
    with pytest.raises(InputError) as refused:
        read(write(rows), recipe)
    assert words in str(refused.value)
    assert rows[1]["text"] not in str(refused.value)


def test_files_of_which_nothing_can_be_learnt_are_refused(
    write: Write, recipe: Recipe, tmp_path: Path
) -> None:
    rows = [{**row, "split": "test"} for row in letters(3)]
    with pytest.raises(UsageError, match="no row belongs to the split train"):
        read(write(rows), recipe)
    with pytest.raises(UsageError, match="neither a column messages nor one with text"):
        read(write([{"甲": "1"}], "b.jsonl"), recipe)
    with pytest.raises(UsageError, match="no rows"):
        read(write([], "c.jsonl"), recipe)
    with pytest.raises(UsageError, match="no such file"):
        read(tmp_path / "nosuch.jsonl", recipe)
    with pytest.raises(UsageError, match=r"no data/\*\.parquet, so no run"):
        read(tmp_path, recipe)


def test_ids_that_are_not_unique_give_way_to_file_and_row(write: Write, recipe: Recipe) -> None:
    rows = [{"id": "same", "messages": asked("路灯"), "split": "train"} for _ in range(2)]
    assert [one.id for one in read(write(rows), recipe)["train"]] == ["letters.jsonl:1", "letters.jsonl:2"]


def label(method: str, scheme: str = "letters") -> dict[str, Any]:
    return {"scheme": scheme, "value": "城乡建设", "method": method, "abstained": False}


def run_of(folder: Path, rows: list[dict[str, Any]]) -> Path:
    columns = {name: [row.get(name) for row in rows] for name in ("id", "messages", "labels", "split")}
    table = records.table(columns).select(records.PUBLIC.names)
    for split in SPLITS:
        mask = [row["split"] == split for row in rows]
        if any(mask):
            parquet.write(table.filter(mask), folder / "data" / f"{split}-00000-of-00001.parquet")
    return folder


def test_a_run_gives_its_splits_and_whether_people_gave_the_label(tmp_path: Path, recipe: Recipe) -> None:
    (tmp_path / "run" / "data").mkdir(parents=True)
    rows: list[dict[str, Any]] = [
        {"id": "a#dispatch", "split": "train", "labels": [label("input", "input"), label("input")]},
        {"id": "b#dispatch", "split": "test", "labels": [label("input", "input"), label("classifier")]},
        {"id": "c#dispatch", "split": "test", "labels": [label("keywords"), label("input", "scenarios")]},
        {"id": "d#dispatch", "split": "test", "labels": None},
    ]
    for row in rows:
        row["messages"] = asked("路灯" + row["id"])
    run = run_of(tmp_path / "run", rows)
    found = read(run, recipe)
    assert [(one.id, one.people) for one in flat(found)] == [
        ("a#dispatch", True),
        ("b#dispatch", False),
        ("c#dispatch", False),
        ("d#dispatch", None),
    ]
    assert found["validation"] == []
    assert found["test"][0].messages[0] == {"role": "user", "content": "路灯b#dispatch", "weight": 0.0}
    assert read_held_out(run, recipe) == found["test"]


def test_a_run_without_messages_is_refused_with_what_is_missing(tmp_path: Path, recipe: Recipe) -> None:
    (tmp_path / "run" / "data").mkdir(parents=True)
    run = run_of(tmp_path / "run", [{"id": "a", "split": "train"}])
    with pytest.raises(UsageError, match="needs the stage instruct"):
        read(run, recipe)


def test_held_out_is_the_test_split_or_the_whole_file(write: Write, recipe: Recipe) -> None:
    rows = letters(6)
    assert [one.id for one in read_held_out(write(rows), recipe)] == [*map(example, rows)]
    split = [{**row, "split": "test" if k == 4 else "train"} for k, row in enumerate(rows)]
    assert [one.id for one in read_held_out(write(split), recipe)] == ["letter-4#dispatch"]
    with pytest.raises(UsageError, match="no row belongs to the split test"):
        read_held_out(write([row for row in split if row["split"] == "train"]), recipe)


def test_every_question_about_a_guide_shares_its_split(tmp_path: Path, write: Write) -> None:
    task = {"schema": "training/1", "name": "t", "task": "consultation", "model": {"path": "tiny"}}
    rows = [
        {
            "id": f"g{k}",
            "title": f"{row['title']}登记",
            "text": f"受理条件：{row['text']}\n办理地点：{k}号窗口\n实施机关：{row['title']}局",
        }
        for k, row in enumerate(letters(20))
    ]
    found = read(write(rows), parse(task))
    homes = {(one.id.partition(".")[0], split) for split in SPLITS for one in found[split]}
    assert len(homes) == len(rows)
    assert len(flat(found)) > len(rows)


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.xlsx", "a.parquet"])
def test_letters_with_machine_labels_are_read_without_those_that_abstain(
    name: str, write: Write, recipe: Recipe, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [{key: value for key, value in row.items() if key != "label"} for row in letters(6)]
    for k, row in enumerate(rows):
        entry = {**label("input" if k == 5 else "classifier"), "abstained": k in (1, 3)}
        row |= {"split": "train", "labels": [label("classifier", "scenarios"), entry]}
    found = read(write(rows, name), recipe)["train"]
    assert [(one.id, one.people) for one in found] == [
        (example(rows[k]), people) for k, people in ((0, False), (2, False), (4, False), (5, True))
    ]
    assert {one.messages[-1]["content"] for one in found} == {"城乡建设"}
    assert [record.getMessage() for record in caplog.records] == [
        f"{name}: 2 rows left out, their label abstains"
    ]


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (None, "makes no example of it: no_label"),
        ([label("classifier", "scenarios")], "makes no example of it: no_label"),
        ("[", "field labels: not a JSON list of labels"),
        ([{"scheme": "letters", "value": 7}], "field labels: a label whose value is not a text"),
    ],
)
def test_machine_labels_that_cannot_be_used_are_named_by_file_and_row(
    labels: Any, words: str, write: Write, recipe: Recipe
) -> None:
    rows = [{"text": "路灯不亮", "labels": [label("classifier")]}, {"text": "路灯不亮", "labels": labels}]
    with pytest.raises(InputError, match=words) as refused:
        read(write(rows), recipe)
    assert str(refused.value).startswith("letters.jsonl, row 2")


def test_bytes_of_a_row_that_is_not_json_are_not_shown(tmp_path: Path, recipe: Recipe) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text(json.dumps({"messages": asked("路灯")}) + "\n{路灯坏了\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"bad\.jsonl, row 2") as refused:
        read(path, recipe)
    assert "路灯" not in str(refused.value)


def test_an_answer_may_count_less_than_another(write: Write, recipe: Recipe) -> None:
    said = [*asked("路灯不亮"), {"role": "assistant", "content": "交通运输", "weight": 0.25}]
    found = read(write([{"messages": said, "split": "train"}]), recipe)["train"]
    assert [message["weight"] for message in found[0].messages] == [0.0, 1.0, 0.25]


def test_without_a_task_rows_hold_messages(write: Write, recipe: Recipe) -> None:
    no_task = recipe.model_copy(update={"task": None})
    found = read(write([{"messages": asked("路灯不亮"), "split": "train"}]), no_task)["train"]
    assert [message["content"] for message in found[0].messages] == ["路灯不亮", "城乡建设"]
    with pytest.raises(UsageError, match="names no task that makes them: --set task=NAME"):
        read(write(letters(3), "b.jsonl"), no_task)


def mixed(recipe: Recipe, **source: Any) -> Recipe:
    return recipe.model_copy(update={"data": recipe.data.model_copy(update={"sources": [Source(**source)]})})


@pytest.mark.parametrize(
    ("settings", "examples", "distinct"),
    [({}, 30, 30), ({"weight": 0.5}, 15, 15), ({"weight": 2.5}, 75, 30), ({"max_rows": 7}, 7, 7)],
)
def test_a_further_data_set_is_taken_as_often_as_its_weight_says(
    settings: dict[str, Any], examples: int, distinct: int, write: Write, recipe: Recipe
) -> None:
    own = write([{**row, "split": "train"} for row in letters(3)], "own.jsonl")
    other = write(
        [{**row, "split": "train", "id": f"other-{row['id']}"} for row in letters(33)[3:]], "o.jsonl"
    )
    found = read(own, mixed(recipe, path=str(other), name="wider", **settings))["train"]
    assert [one.source for one in found[:3]] == [""] * 3
    mixed_in = [one.id for one in found if one.source == "wider"]
    assert (len(mixed_in), len(set(mixed_in))) == (examples, distinct)
    again = read(own, mixed(recipe, path=str(other), name="wider", **settings))["train"]
    assert [one.id for one in again] == [one.id for one in found]


def test_a_further_data_set_draws_other_rows_with_another_seed(write: Write, recipe: Recipe) -> None:
    own = write([{**row, "split": "train"} for row in letters(3)], "own.jsonl")
    other = write([{**row, "split": "train"} for row in letters(33)[3:]], "other.jsonl")
    half = mixed(recipe, path=str(other), weight=0.5)
    drawn = [
        {one.id for one in read(own, each)["train"] if one.source == "other"}
        for each in (half, half.model_copy(update={"seed": 7}))
    ]
    assert drawn[0] != drawn[1]


def test_of_a_further_data_set_nothing_is_measured_but_its_loss(
    write: Write, recipe: Recipe, caplog: pytest.LogCaptureFixture
) -> None:
    own = write([{**row, "split": SPLITS[k % 3]} for k, row in enumerate(letters(6))], "own.jsonl")
    other = write([{**row, "split": SPLITS[k % 3]} for k, row in enumerate(letters(18)[6:])], "other.jsonl")
    found = read(own, mixed(recipe, path=str(other)))
    assert [one.source for one in found["validation"]] == ["", "", *["other"] * 4]
    assert [one.source for one in found["test"]] == ["", ""]
    assert [record.getMessage() for record in caplog.records] == [
        "other: 4 examples of the split test are not used"
    ]


def test_files_that_are_mixed_are_split_as_one(write: Write, recipe: Recipe) -> None:
    rows = letters(60)
    twins = [{**row, "id": row["id"] + "-again", "text": row["text"] + "谢谢。"} for row in rows]
    found = read(write(rows, "own.jsonl"), mixed(recipe, path=str(write(twins, "twins.jsonl"))))
    held_out = {one.id for split in ("validation", "test") for one in found[split] if not one.source}
    learnt = {one.id.replace("-again", "") for one in found["train"] if one.source}
    assert len(held_out) > 5
    assert not held_out & learnt
    assert len(learnt) > 30
