"""Held-out examples that train examples give away are no yardstick; many of them are a wrong split."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from curation.errors import UsageError
from training.data import Conversation, Message
from training.leaks import without_leaks

NAMES = "梧桐柳荫石桥南湖北门青坡东岭西塘金沙银杏白鹭黄龙红星绿洲蓝天紫云"


def talk(name: str, question: str, answer: str = "城乡建设") -> Conversation:
    return Conversation(
        name,
        [
            Message(role="system", content="请判断群众诉求属于哪一类，只回答类别名称。", weight=0.0),
            Message(role="user", content=f"标题：来信\n内容：{question}", weight=0.0),
            Message(role="assistant", content=answer, weight=1.0),
        ],
    )


def letters(start: int, stop: int) -> list[Conversation]:
    """Letters about one topic with one greeting and one end, each about something of its own."""
    told = []
    for n in range(start, stop):
        own = "".join(random.Random(n).choices(NAMES, k=40))
        told.append(talk(f"letter-{n}", f"尊敬的领导您好，我是小区的居民，{own}，请尽快处理，谢谢。"))
    return told


def test_letters_that_share_template_greeting_and_answer_all_stay() -> None:
    held_out = letters(0, 20)
    assert without_leaks(held_out, letters(20, 80), "test") == held_out


def test_a_copy_and_a_quotation_are_left_out_and_the_others_stay_in_order() -> None:
    held_out = letters(0, 20)
    copied, quoted = held_out[3].messages[1]["content"], held_out[8].messages[1]["content"]
    train = [
        *letters(20, 80),
        talk("copy", copied.partition("内容：")[2]),
        talk("quote", f"邻居写信说：{quoted}！"),
    ]
    assert without_leaks(held_out, train, "test") == [*held_out[:3], *held_out[4:8], *held_out[9:]]


def test_more_than_a_fifth_is_refused_with_counts_and_no_text() -> None:
    held_out = letters(0, 20)
    with pytest.raises(UsageError, match=r"5 of 20 examples of test .* decontaminate") as error:
        without_leaks(held_out, [*letters(20, 80), *held_out[:5]], "test")
    assert "居民" not in str(error.value)
    assert len(without_leaks(held_out, [*letters(20, 80), *held_out[:4]], "test")) == 16


def test_nothing_held_out_and_nothing_trained_on_leak_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("training.leaks.Index")  # nothing is indexed either
    assert without_leaks([], letters(0, 3), "test") == []
    assert without_leaks(letters(0, 3), [], "test") == letters(0, 3)


def test_a_training_with_a_contaminated_split_is_refused_before_anything_is_computed(
    recipe_file: Path, tmp_path: Path
) -> None:
    from training import recipe
    from training.run import train

    rows = [(split, each) for each in letters(0, 10) for split in ("train", "test")]
    data = tmp_path / "chat.jsonl"
    data.write_text(
        "".join(json.dumps({"split": split, "messages": each.messages}) + "\n" for split, each in rows)
    )
    with pytest.raises(UsageError, match="10 of 10 examples of test are given away by train examples"):
        train(recipe.load(str(recipe_file)), data, tmp_path / "out")
    assert not (tmp_path / "out").exists()
