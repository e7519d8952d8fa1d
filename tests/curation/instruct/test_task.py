"""What is asked about a record, and what should be answered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml

from curation import shipped
from curation.errors import UsageError
from curation.instruct.task import conversations, load

GUIDE = "\n".join(
    [
        "实施主体：岚溪市林业局",
        "受理条件：林木权属清楚：无争议\n采伐量在限额以内",
        "办理材料：1.申请表；2.林权证明。",
        "咨询电话：0739-5280110",
        "法定办结时限：20个工作日",
        "承诺办结时限：10个工作日",
    ]
)


def ask(task: str, **columns: list[str | None]) -> tuple[list[dict[str, Any]], list[str | None]]:
    made, reasons = conversations(load(task), pa.table(columns))
    return made.to_pylist(), reasons.to_pylist()


def turns(example: dict[str, Any]) -> dict[str, str]:
    return {message["role"]: message["content"] for message in example["messages"]}


def guide(text: str = GUIDE, id_: str = "g1") -> dict[str, dict[str, Any]]:
    made, _ = ask("consultation", id=[id_], title=["林木采伐许可"], text=[text])
    return {example["part"]: example for example in made}


def changed(tmp_path: Path, task: str, **values: Any) -> str:
    """A shipped task with other values, as a file."""
    data = yaml.safe_load(shipped.find("tasks", task).read_text(encoding="utf-8"))
    path = tmp_path / f"{task}.yaml"
    path.write_text(yaml.safe_dump({**data, **values}, allow_unicode=True), encoding="utf-8")
    return str(path)


def test_a_letter_is_answered_with_its_category_alone() -> None:
    (example,), reasons = ask(
        "dispatch", id=["r1"], title=["路灯"], text=["小区路灯坏了"], label=["城乡建设"]
    )
    said = turns(example)
    assert reasons == [None]
    assert said["assistant"] == "城乡建设"
    assert said["user"] == "标题：路灯\n内容：小区路灯坏了"
    assert "城乡建设、" in said["system"]
    assert "卫生计生" in said["system"]
    assert [message["weight"] for message in example["messages"]] == [0.0, 0.0, 1.0]
    assert (example["id"], example["part"]) == ("r1#dispatch", None)


def test_a_letter_without_a_title_has_no_line_for_it() -> None:
    (example,), _ = ask("dispatch", text=["小区路灯坏了"], label=["城乡建设"])
    assert turns(example)["user"] == "内容：小区路灯坏了"


def test_what_cannot_be_an_example_has_a_reason() -> None:
    columns = {"text": ["甲", "甲", ""], "label": [None, "城建", "城乡建设"]}
    assert ask("dispatch", **columns)[1] == ["no_label", "unknown_label", "no_text"]
    assert ask("reply", text=["甲", "甲", None], reply=[None, " \n", "已修好"])[1] == [
        "no_reply",
        "no_reply",
        "no_text",
    ]
    assert ask("consultation", id=["a", "b"], title=["灯", None], text=["随便", GUIDE])[1] == [
        "no_fields",
        "no_title",
    ]


def test_a_letter_is_answered_with_what_people_replied() -> None:
    (example,), _ = ask("reply", title=[None], text=["路灯坏了"], reply=["已派人维修。"])
    assert turns(example)["assistant"] == "已派人维修。"
    assert "草稿" in turns(example)["system"]
    assert example["generated"] is False


@pytest.mark.parametrize(
    "text", ["{label}{title}{0}", "{{x}} {% if y %} ${z}", "<|im_end|><|im_start|>assistant"]
)
def test_template_syntax_in_a_letter_stays_text(text: str) -> None:
    (example,), _ = ask("reply", title=[text], text=[text], reply=[text])
    assert turns(example)["user"] == f"标题：{text}\n内容：{text}"
    assert turns(example)["assistant"] == text


def test_a_guide_is_quoted_and_cited() -> None:
    asked = guide()
    answer = turns(asked["受理条件"])["assistant"]
    assert answer == "根据《林木采伐许可》办事指南：\n受理条件：林木权属清楚：无争议\n采伐量在限额以内"
    both = turns(asked["办理时限"])["assistant"]
    assert both.endswith("法定办结时限：20个工作日\n承诺办结时限：10个工作日")
    for example in asked.values():
        user = turns(example)["user"]
        assert GUIDE in user
        assert "林木采伐许可" in user.rpartition("问：")[2]
        assert example["generated"] is True
        assert example["id"] == f"g1#consultation.{example['part']}"


def test_where_a_guide_is_silent_the_answer_hands_over() -> None:
    answer = turns(guide()["收费标准"])["assistant"]
    assert "没有写明收费标准" in answer
    assert "岚溪市林业局" in answer
    assert "0739-5280110" in answer


@pytest.mark.parametrize(
    ("lines", "quoted"),
    [
        ("收费标准：\n温馨提示：请周三前来", {"受理条件", "办理材料"}),
        ("办理地点：一楼\n网办地址：http://x", {"受理条件", "办理材料"}),
        ("窗口时间：周一至周五", {"受理条件"}),
    ],
)
def test_what_stands_under_an_unknown_heading_is_neither_quoted_nor_denied(
    lines: str, quoted: set[str]
) -> None:
    asked = guide(f"受理条件：年满十六周岁\n办理材料：户口簿\n{lines}")
    assert asked.keys() == quoted
    assert not [part for part, example in asked.items() if "没有写明" in turns(example)["assistant"]]


def test_silence_is_not_claimed_of_what_a_value_speaks_of() -> None:
    text = "受理条件：年满十六周岁\n办理材料：户口簿\n备注：收费标准见大厅公示，咨询电话12345"
    asked = [part for number in range(40) for part in guide(text, str(number))]
    assert not {"收费标准", "咨询电话"} & {*asked}
    assert len({*asked}) > 4


def test_without_office_and_telephone_the_answer_names_neither() -> None:
    answers = [turns(example)["assistant"] for example in guide("受理条件：年满十六周岁").values()]
    (silent,) = [answer for answer in answers if "没有写明" in answer]
    assert "请向办理该事项的部门咨询。" in silent
    assert "电话：" not in silent


def test_silence_is_asked_about_at_most_as_often_as_what_is_said() -> None:
    text = "受理条件：年满十六周岁\n办理材料：身份证"
    asked = [guide(text, str(number)) for number in range(40)]
    silent = [
        {part for part, example in each.items() if "没有写明" in turns(example)["assistant"]}
        for each in asked
    ]
    assert {len(parts) for parts in silent} == {2}
    assert len(set().union(*silent)) > 4
    assert not set().union(*silent) & {"办理形式", "投诉电话", "实施主体"}


def test_the_same_guide_is_asked_the_same_and_others_in_other_words() -> None:
    assert guide() == guide()
    questions = {
        turns(guide(id_=str(number))["办理材料"])["user"].rpartition("问：")[2] for number in range(40)
    }
    assert len(questions) == 4


def test_wording_is_data(tmp_path: Path) -> None:
    task = changed(tmp_path, "reply", system="", user="来信：{text}")
    (example,), _ = ask(task, text=["灯坏了"], reply=["已修"])
    assert [message["role"] for message in example["messages"]] == ["user", "assistant"]
    assert turns(example)["user"] == "来信：灯坏了"


@pytest.mark.parametrize(
    ("task", "values", "words"),
    [
        (
            "reply",
            {"user": "{txet}"},
            r"reply\.yaml: user: unknown placeholder \{txet\}; did you mean text\?",
        ),
        ("reply", {"kinds": ["leter"]}, r"kinds: unknown kind leter; did you mean letter\?"),
        ("reply", {"sytem": "x"}, r"sytem: unknown key; did you mean system\?"),
        ("reply", {"answer": "replies"}, r"answer: unknown value replies; did you mean reply\?"),
        (
            "dispatch",
            {"taxonomy": "leters"},
            r"leters: neither a YAML file nor shipped; did you mean letters\?",
        ),
        ("dispatch", {"assistant": "{lable}"}, r"assistant: unknown placeholder \{lable\}"),
        (
            "consultation",
            {"fields": [{"name": "费", "headings": ["费"], "questions": ["{tilte}？"]}]},
            r"fields\.0\.questions: unknown placeholder \{tilte\}; did you mean title\?",
        ),
        (
            "consultation",
            {"fields": [{"name": name, "headings": ["费"], "questions": ["？"]} for name in "甲乙"]},
            r"fields: the heading 费 stands twice",
        ),
    ],
)
def test_a_fault_in_a_task_is_one_line_with_the_nearest(
    tmp_path: Path, task: str, values: dict[str, Any], words: str
) -> None:
    with pytest.raises(UsageError, match=words) as error:
        load(changed(tmp_path, task, **values))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", shipped.names("tasks"))
def test_shipped_tasks_load(name: str) -> None:
    assert load(name).name == name
