"""Invented letters and conversations on which an exported model is compared with the one that was trained.

Nothing of the data is used: they may be gone when a model is exported, and a probe's text may be shown.
"""

from __future__ import annotations

from curation.instruct.task import Task
from training.asking import ask
from training.data import Message

LETTERS = (
    {"title": "路灯不亮", "text": "您好，小区北门外的路灯坏了半个月，晚上出行不便，请尽快维修。"},
    {"title": "", "text": "想问一下城乡居民医保断缴后怎么补缴，需要带什么材料，到哪个窗口办理？"},
    {
        "title": "班车调整",
        "text": "12 路公交 7:30 之后要等 40 分钟以上，3 月 1 日起一直如此。\n能否增加班次？\n谢谢！",
    },
    {"title": "Wi-Fi 与“一网通办”", "text": "APP 提示 error 500，换了 2 部手机（Android/iOS）都一样……"},
    {
        "title": "夜间施工",
        "text": "楼下工地连续多日施工到凌晨，噪声扰民。" * 4 + "已向社区反映两次，没有结果，盼复。",
    },
)
QUESTION = "请问办理时限是多久？"


def asked(task: Task | None) -> list[list[Message]]:
    """The letters as the task asks about them."""
    return [ask(task, {**letter, "question": QUESTION if task else ""}) for letter in LETTERS]


def conversations(system: str) -> list[list[Message]]:
    """Talks of several shapes that end with the user; what a template may do to quotes, braces, blank lines
    and earlier turns shows in them.

    Args:
        system: what the talks that have a system message begin with.
    """
    said = [
        [("user", "路灯坏了，怎么报修？")],
        [("user", '第一行\n\n第三行 {{ .Content }} {% if %} "引号" \\n <b>&amp;</b>')],
        [("user", "怎么补缴？"), ("assistant", "请到社保窗口办理。\n带上身份证。"), ("user", "周末开门吗？")],
        [
            ("user", "一"),
            ("assistant", "1"),
            ("user", "二"),
            ("assistant", "2。"),
            ("user", "三"),
        ],
    ]
    talks = [[_message(role, content) for role, content in talk] for talk in said]
    return [*talks, *([_message("system", system or "系统说明"), *talk] for talk in talks)]


def _message(role: str, content: str) -> Message:
    return Message(role=role, content=content, weight=0.0)
