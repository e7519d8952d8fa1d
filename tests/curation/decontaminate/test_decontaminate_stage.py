"""The stage in a recipe, in `plan` and in a run: what is dropped, by which file, and what is only told."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curation import Run, curate, parquet, records, stage
from curation import recipe as recipes
from curation.decontaminate import Decontaminate, DecontaminateParams, Item, find_files, leaks, read_items
from curation.errors import InputError, UsageError
from curation.pipeline import fingerprint
from curation.plan import plan

QUESTION = "小区门口的路灯从三月起就不亮了，老人晚上散步接连摔倒，物业和供电所互相推托，请问该由谁来修？"
ANSWER = (
    "经供电所现场查看，该处路灯线路被施工单位挖断，已于四月二日更换电缆并恢复照明，今后由街道市政科负责维护。"
)
LETTERS = [
    {"id": "copy", "title": "路灯不亮", "text": QUESTION, "reply": "请等待。"},
    {
        "id": "other",
        "title": "转学",
        "text": "我想了解孩子转学的手续，材料清单在网上没有查到，打电话也没有人接。",
    },
    {"id": "answer", "title": "照明", "text": "楼下照明何时恢复？", "reply": "您好！" + ANSWER},
    {"id": "short", "title": "公积金怎样提取", "text": "离职三年了，一直没有办。"},
]


def lines(path: Path, *rows: dict[str, Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def exam(tmp_path: Path) -> Path:
    return lines(
        tmp_path / "exams" / "exam.jsonl",
        {"question": QUESTION, "answer": ANSWER},
        {"question": "公积金怎样提取？", "answer": "凭身份证办理。"},
    )


@pytest.fixture
def letters(tmp_path: Path) -> Path:
    return lines(tmp_path / "letters.jsonl", *LETTERS)


def made(**options: Any) -> Decontaminate:
    built = Decontaminate(DecontaminateParams.model_validate(options))
    built.setup()
    return built


def recipe_file(folder: Path, exam: Path) -> Path:
    path = folder / "mine.yaml"
    path.write_text(
        "schema: curation/1\nname: mine\nkind: letter\nstages:\n"
        f"  - decontaminate: {{against: ['{exam}']}}\n  - clean: {{}}\n",
        encoding="utf-8",
    )
    return path


def test_leaks_are_dropped_with_item_way_and_score(exam: Path) -> None:
    names = ("id", "title", "text", "reply")
    table = records.table({name: [row.get(name) for row in LETTERS] for name in names})
    after = stage.run(made(against=[str(exam)]), table)
    told = {
        row["id"]: (row["fate"], row["stage"], row["reason"], row["evidence"], row["ref_id"])
        for row in after.to_pylist()
    }
    dropped = ("dropped", "decontaminate", "evaluation_leak")
    assert told["copy"] == (*dropped, "question ngrams 1.00", "exam:1")
    assert told["other"] == (None,) * 5
    assert told["answer"] == (*dropped, "answer ngrams 1.00", "exam:1")
    assert told["short"] == (*dropped, "question exact", "exam:2")
    assert after["score"].to_pylist() == [1.0, None, 1.0, 1.0]


def test_chat_examples_are_records_too(exam: Path) -> None:
    messages = [
        [{"role": "user", "content": QUESTION}, {"role": "assistant", "content": "城乡建设"}],
        [{"role": "user", "content": "在吗"}, {"role": "assistant", "content": "在"},
         {"role": "user", "content": "公积金怎样提取"}, {"role": "assistant", "content": "凭身份证"}],
        [{"role": "user", "content": "转学"}, {"role": "assistant", "content": "教育"}],
    ]  # fmt: skip
    table = records.table({"id": ["a", "b", "c"], "messages": messages})
    after = stage.run(made(against=[str(exam)]), table)
    assert after["ref_id"].to_pylist() == ["exam:1", "exam:2", None]


def test_a_run_drops_them_and_counts_them_and_publishes_names_only(
    exam: Path, letters: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    summary = curate(recipes.load(str(recipe_file(tmp_path, exam))), [letters], out)
    assert ("dropped", "decontaminate", "evaluation_leak", 3) in summary.fates
    entries = [row for path in Run(out).ledger for row in parquet.read(path).to_pylist()]
    assert {row["id"]: row["ref_id"] for row in entries}["answer"] == "exam:1"
    lock = (out / "govtune.lock.json").read_text(encoding="utf-8")
    assert '"exam.jsonl"' in lock
    assert "exams/" not in lock
    assert QUESTION[:8] not in lock


def test_plan_tells_how_many_by_which_file_and_drops_nothing(
    exam: Path, letters: Path, tmp_path: Path
) -> None:
    second = lines(tmp_path / "second.jsonl", {"question": "没有人问过的一个问题"})
    recipe = recipe_file(tmp_path, exam)
    both = f"decontaminate.against=['{exam}', '{second}']"
    planned = plan(str(recipe), [letters], settings=[both])
    assert planned.leaks == {"records": 4, "dropped": {"exam": 3, "second": 0}}
    told = "\n".join(planned.lines())
    assert "decontaminate would drop 3 of 4 input records" in told
    assert "        3  give away exam" in told
    assert QUESTION[:8] not in told
    there = ["exams", "letters.jsonl", "mine.yaml", "second.jsonl"]
    assert sorted(path.name for path in tmp_path.iterdir()) == there
    assert plan(str(recipe), []).leaks is None
    assert plan("letters", [letters]).leaks is None


def test_another_evaluation_file_is_another_result(exam: Path) -> None:
    before = fingerprint(made(against=[str(exam)]))
    assert fingerprint(made(against=[str(exam)])) == before
    lines(exam, {"question": "另一个问题"})
    assert fingerprint(made(against=[str(exam)])) != before


def test_items_are_read_under_any_known_header_and_as_chat(tmp_path: Path) -> None:
    table = tmp_path / "orders.csv"
    table.write_text("诉求标题,诉求内容,答复意见\n路灯,不亮了,已修好\n", encoding="gb18030")
    chat = [
        {"role": "system", "content": "s"},
        {"role": "user", "content": "问"},
        {"role": "assistant", "content": "答"},
    ]
    jsonl = lines(tmp_path / "chat.jsonl", {"id": "x-1", "messages": chat}, {"id": "x-2", "text": "正文"})
    pq.write_table(pa.table({"messages": [chat]}), tmp_path / "chat.parquet")
    found = read_items([table, jsonl, tmp_path / "chat.parquet"])
    assert [(item.id.split("/")[-1], item.question, item.answer) for item in found] == [
        ("orders:2", "路灯\n不亮了", "已修好"),
        ("chat:x-1", "问", "答"),
        ("chat:x-2", "正文", ""),
        ("chat:1", "问", "答"),
    ]
    assert len({item.id for item in found}) == 4


SHAREGPT = [
    {"from": "system", "value": "s"},
    {"from": "human", "value": "问"},
    {"from": "gpt", "value": "答"},
]


@pytest.mark.parametrize(
    "row",
    [
        {"conversations": SHAREGPT, "system": "s"},
        {"conversations": json.dumps(SHAREGPT)},
        {"messages": [], "conversations": SHAREGPT},
        {"messages": SHAREGPT},
        {"messages": [{"role": "human", "content": "问"}, {"role": "gpt", "content": "答"}]},
        {"conversations": [{"role": "user", "content": "问"}, {"role": "assistant", "content": "答"}]},
        {"messages": [{**each, "role": None, "content": None} for each in SHAREGPT]},  # Parquet has all keys
    ],
)
def test_chat_is_read_in_every_form(row: dict[str, Any], tmp_path: Path) -> None:
    found = read_items([lines(tmp_path / "chat.jsonl", row)])
    assert [(item.question, item.answer) for item in found] == [("问", "答")]


def test_rows_without_anything_are_no_items(tmp_path: Path) -> None:
    rows = [{"id": 1, "question": " ", "messages": []}, {"id": 2, "question": QUESTION}, {}]
    assert [item.id for item in read_items([lines(tmp_path / "exam.jsonl", *rows)])] == ["exam:2"]
    with pytest.raises(UsageError, match="not one item with a question"):
        read_items([lines(tmp_path / "exam.jsonl", rows[0])])


def test_a_run_folder_stands_for_its_held_out_splits(letters: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    curate(recipes.load("default", settings=["anonymise.names=none", "split.test=0.5"]), [letters], out)
    held_out = [path for path in Run(out).data if path.name.startswith(("test", "validation"))]
    assert held_out
    assert find_files([str(out)]) == held_out
    assert {item.id.split(":")[1] for item in read_items(held_out)} <= {row["id"] for row in LETTERS}


def no_file(folder: Path) -> str:
    return str(folder / "nosuch.jsonl")


def a_folder(folder: Path) -> str:
    return str(folder)


def a_picture(folder: Path) -> str:
    (folder / "a.png").write_bytes(b"png")
    return str(folder / "a.png")


@pytest.mark.parametrize(
    ("make", "words"),
    [(no_file, "no such file"), (a_folder, "no run folder"), (a_picture, "format not supported")],
)
def test_a_wrong_evaluation_file_is_told_before_anything_is_read(
    make: Callable[[Path], str], words: str, tmp_path: Path
) -> None:
    stages = [{"decontaminate": {"against": [make(tmp_path)]}}]
    with pytest.raises(UsageError, match=words):
        recipes.parse({"schema": "curation/1", "name": "mine", "stages": stages})


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"messages": "kein json"}, "exam.jsonl, row 1: field messages is not a JSON list"),
        ({"messages": [1]}, "not a list of objects"),
        ({"question": ["秘密的问题"]}, "neither a text nor a number"),
        ({"score": 1}, "exam.jsonl, row 1: neither a question nor an answer"),
        ({"题干": "秘密的问题"}, "neither a question nor an answer"),
        ({"text": "", "prompt": "秘密的问题"}, "neither a question nor an answer"),
        ({"messages": [{"role": "user", "text": "秘密的问题"}]}, "neither a question nor an answer"),
        (
            {"messages": [{"role": "user", "content": "q"}, {"role": "秘密的问题"}]},
            "a role that is not known",
        ),
        ({"conversations": "kein json"}, "row 1: field conversations is not a JSON list"),
    ],
)
def test_an_item_that_cannot_be_guarded_is_an_error_without_its_text(
    row: dict[str, Any], words: str, tmp_path: Path
) -> None:
    path = lines(tmp_path / "exam.jsonl", row, {"question": QUESTION})
    with pytest.raises((InputError, UsageError), match=words) as error:
        made(against=[str(path)])
    assert "秘密的问题" not in str(error.value)
    assert "\n" not in str(error.value)


def test_letters_that_only_share_topic_and_courtesies_are_kept(shared: Path) -> None:
    """Real letters and replies, 200 held out: what is found shares long passages with its item."""
    told = (shared / "letters" / "replies.jsonl").read_text("utf-8").splitlines()
    rows = [(row["title"] + "\n" + row["text"], row["reply"]) for row in map(json.loads, told)]
    held_out = [Item(f"r:{n}", "r", *row) for n, row in enumerate(rows[:200])]
    found = leaks(rows[200:], held_out)
    assert sum(leak is not None for leak in found) < 0.02 * len(found)
    assert all(leaks([question for question, _ in rows[:200]], held_out))
