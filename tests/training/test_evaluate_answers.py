"""What free answers are worth: figures worked out by hand, and search without a model."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.errors import UsageError
from curation.instruct.task import GuideTask
from curation.instruct.task import load as load_task
from training.chat import Chat
from training.evaluate.answers import write
from training.evaluate.bm25 import Bm25
from training.evaluate.chrf import chrf
from training.evaluate.consultation import Consultation
from training.evaluate.drafts import Drafts
from training.evaluate.invented import invented
from training.evaluate.questions import Question, question
from training.evaluate.table import table

GUIDE = "实施主体：柳荫市民政局\n办理材料：身份证、户口簿\n咨询电话：0999-1234567"
QUOTED = "根据《低保申请》办事指南：\n办理材料：身份证、户口簿"
SILENT = "《低保申请》办事指南没有写明收费标准，我不能推测。\n请向柳荫市民政局咨询。\n咨询电话：0999-1234567"


def turn(role: str, content: str) -> Any:
    return {"role": role, "content": content, "weight": float(role == "assistant")}


def asked(question: str, answer: str, guide: str = GUIDE, title: str = "低保申请") -> Question:
    user = f"《{title}》办事指南\n{guide}\n\n问：{question}"
    return Question(question, [turn("system", "依据指南回答。"), turn("user", user)], answer)


@pytest.fixture(scope="module")
def consultation() -> GuideTask:
    task = load_task("consultation")
    assert isinstance(task, GuideTask)
    return task


def test_bm25_is_the_formula() -> None:
    texts = ["甲乙", "甲丙丙", "丁"]
    # Terms: 甲 乙 甲乙 | 甲 丙 丙 甲丙 丙丙 | 丁; 9 in 3 texts, so the usual length is 3.
    found = Bm25(texts)

    def weight(times: int, holds: int, length: int) -> float:
        idf = math.log(1 + (3 - holds + 0.5) / (holds + 0.5))
        return idf * times * 2.2 / (times + 1.2 * (0.25 + 0.75 * length / 3))

    assert found.pairs(["丙", "甲", "丁丁", "戊"], [texts[1], texts[0], texts[2], texts[0]]) == pytest.approx(
        [weight(2, 1, 5), weight(1, 2, 3), 2 * weight(1, 1, 1), 0.0]
    )
    assert found.nearest(["丙", "乙", "丁", "戊"], texts) == [1, 0, 2, 0]
    assert found.nearest(["丙 丙"] * 300, texts) == [1] * 300  # more than are scored at once


@pytest.mark.parametrize(
    ("draft", "reference", "expected"),
    [  # sacrebleu 2.6.0, CHRF().sentence_score(draft, [reference]).score / 100
        (
            "您反映的路灯问题，我局已安排维修。",
            "您好，您反映的路灯不亮问题，我局已派人维修。",
            0.41363634500436,
        ),
        ("已收悉", "您的来信收悉", 0.19943019943019943),
        ("已 收\n悉", "已收悉", 1.0),
        ("甲", "乙", 0.0),
        ("", "乙", 0.0),
    ],
)
def test_chrf_is_sacrebleus(draft: str, reference: str, expected: float) -> None:
    assert chrf(draft, reference) == pytest.approx(expected)


@given(st.text("您好的路灯 1", max_size=30), st.text("您好的路灯 1", max_size=30))
def test_chrf_is_a_share_and_whole_for_the_same_text(draft: str, reference: str) -> None:
    assert 0 <= chrf(draft, reference) <= 1 + 1e-12
    assert chrf(draft, draft) == pytest.approx(1.0 if draft.strip() else 0.0)


def test_what_the_letter_does_not_say_is_invented_however_it_is_written() -> None:
    given = "3月5日来信：三百户居民停水，拨打12345无人接听。"
    assert not any(invented("您3月5日反映的300户停水问题已收悉，12345热线已整改。", given))
    found = invented("依据柳政办发〔2023〕7号，将于4月前修复400户，请拨0999-1234567。", given)
    assert found.document_numbers == {"办发 2023 7"}
    assert found.numbers == {"2023", "7", "4", "400", "9991234567"}
    assert found.dates == {"4"}


def test_answers_about_guides_are_right_grounded_or_handed_over(consultation: GuideTask) -> None:
    questions = [asked("要带什么？", QUOTED)] * 4 + [asked("收费吗？", SILENT)] * 4
    answers = [
        QUOTED,  # right
        QUOTED.replace("、户口簿", ""),  # cut short: grounded, not right
        QUOTED.replace("户口簿", "结婚证"),  # made up
        SILENT,  # hands over what the guide says
        SILENT,  # right
        "指南未说明收费。\n请向柳荫市民政局咨询。\n咨询电话：0999-1234567",  # in words of its own
        "指南没有规定收费，不收费。",  # hands over to nobody
        "收费标准：20元",  # made up
    ]
    found = Consultation(consultation, questions).score(answers)
    assert (found["n"], found["accuracy"]) == (8, 3 / 8)
    refusal = found["refusal"]
    assert (refusal["precision"]["share"], refusal["precision"]["n"]) == (3 / 4, 4)
    assert (refusal["recall"]["share"], refusal["recall"]["n"]) == (3 / 4, 4)
    assert (found["grounded"]["share"], found["grounded"]["n"]) == (2 / 4, 4)
    assert found["interval"] == pytest.approx([0.0852, 0.7551], abs=1e-4)  # Clopper-Pearson, 3 of 8


def test_a_quotation_that_speaks_of_absence_hands_nothing_over(consultation: GuideTask) -> None:
    guide = GUIDE + "\n受理条件：材料没有说明的不予受理"
    quoted = "根据《低保申请》办事指南：\n受理条件：材料没有说明的不予受理"
    found = Consultation(consultation, [asked("什么条件？", quoted, guide)]).score([quoted])
    assert found["refusal"]["precision"] == {"share": None, "n": 0, "interval": [0.0, 1.0]}
    assert (found["accuracy"], found["grounded"]["share"]) == (1.0, 1.0)


def test_the_difference_is_of_the_right_answers(consultation: GuideTask) -> None:
    yardstick = Consultation(consultation, [asked("要带什么？", QUOTED)] * 10)
    found = yardstick.compare([QUOTED] * 9 + [""], [""] * 10)
    assert found["accuracy"] == pytest.approx(0.9)
    assert 0.4 < found["interval"][0] < 0.9 < found["interval"][1] <= 1


def test_search_quotes_the_entry_that_is_asked_for_and_is_silent_below_its_threshold(
    consultation: GuideTask,
) -> None:
    train = []
    for k in range(12):
        title = f"第{k}项登记"
        quoted = f"根据《{title}》办事指南：\n办理材料：身份证、户口簿"
        silent = SILENT.replace("低保申请", title)
        train += [asked(f"{title}要哪些办理材料？", quoted, title=title)]
        train += [asked(f"{title}怎么收费？", silent, title=title)]
    held_out = [
        asked("低保申请的办理材料有哪些？", QUOTED),
        asked("低保申请怎么收费？", SILENT),
        asked("低保申请收费吗？", SILENT, guide="见大厅公告。"),
    ]
    answers = Consultation(consultation, held_out).baseline(train, seed=1)
    assert answers is not None
    assert answers[0] == QUOTED
    assert answers[1].splitlines()[1:] == SILENT.splitlines()[1:]
    assert "请向办理该事项的部门咨询。" in answers[2]
    found = Consultation(consultation, held_out[:2]).score(answers[:2])
    assert found["accuracy"] == 1.0
    assert Consultation(consultation, held_out).baseline([], seed=1) is None


def test_a_question_of_another_task_is_refused(consultation: GuideTask) -> None:
    other = Question("a", [turn("user", "路灯不亮")], "已收悉")
    with pytest.raises(UsageError, match="conversation a: its question is none of the task consultation"):
        Consultation(consultation, [other])


def letter(text: str, reply: str) -> Question:
    return Question(text, [turn("system", "起草答复。"), turn("user", text)], reply)


def test_drafts_are_compared_with_people_and_searched_for_figures() -> None:
    held_out = [letter("路灯不亮，3天了", "已派人维修。"), letter("公交太少", "将增加班次。")]
    yardstick = Drafts(held_out, seed=1)
    found = yardstick.score(["已派人维修。", "将于5月1日增加20班，见柳交发〔2024〕3号。"])
    assert found["n"] == 2
    assert found["chrf"]["mean"] == pytest.approx(
        (1 + chrf("将于5月1日增加20班，见柳交发〔2024〕3号。", "将增加班次。")) / 2
    )
    assert {name: found["invented"][name] for name in ("share", "n")} == {"share": 0.5, "n": 2}
    assert [found["invented"][kind] for kind in ("numbers", "dates", "document_numbers")] == [1, 1, 1]
    assert yardstick.compare(["已派人维修。", "将增加班次。"], ["", ""]) == {
        "chrf": 1.0,
        "interval": [1.0, 1.0],
    }


def test_the_baseline_of_drafts_is_the_reply_to_the_most_similar_letter() -> None:
    train = [letter("门口路灯坏了", "灯已修好。"), letter("公交车次太少", "将加车。")]
    held_out = [letter("公交班次少", ""), letter("路灯不亮", "")]
    assert Drafts(held_out, seed=1).baseline(train, seed=1) == ["将加车。", "灯已修好。"]
    assert Drafts(held_out, seed=1).baseline([], seed=1) is None
    assert Drafts(held_out, seed=1).baseline([letter(" ", "空")], seed=1) is None


def test_the_last_answer_that_is_learnt_is_the_one_that_is_measured() -> None:
    from training.data import Conversation

    messages = [turn("user", "一"), turn("assistant", "甲\n"), turn("user", "二"), turn("assistant", "乙")]
    messages[-1]["weight"] = 0.0
    found = question(Conversation("a", messages))
    assert (found.asked, found.answer, len(found.before)) == ("一", "甲", 1)


def greedily(model: Any, prompt: list[int], ends: set[int], longest: int) -> tuple[list[int], bool]:
    """The likeliest next token again and again: no padding, no cache."""
    import torch

    ids = list(prompt)
    for _ in range(longest):
        with torch.inference_mode():
            best = int(model(input_ids=torch.tensor([ids]), use_cache=False).logits[0, -1].argmax())
        if best in ends:
            return ids[len(prompt) :], True
        ids.append(best)
    return ids[len(prompt) :], False


def test_answers_are_the_likeliest_tokens_whatever_the_batch(qwen3: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.set_num_threads(1)
    model = AutoModelForCausalLM.from_pretrained(qwen3).eval()
    for each in model.parameters():
        each.data *= 5 if each.dim() == 2 else 1
    chat = Chat(AutoTokenizer.from_pretrained(qwen3))
    prompts = [chat.prompt([turn("user", f"第{k}件事" + "请处理，" * (k % 3))]) for k in range(5)]
    plain = [greedily(model, prompt, set(), 12)[0] for prompt in prompts]
    ends = {plain[0][5], plain[1][0], 2}  # so that one stops in the middle and one at once
    expected = [greedily(model, prompt, ends, 12) for prompt in prompts]
    assert expected[1] == ([], True)
    assert expected[0][1]
    for batch_size in (1, 2, 5):
        found = write(model, prompts, ends, longest=12, batch_size=batch_size)
        assert [(each.ids, each.stopped) for each in found] == expected


def test_a_table_has_equal_columns_and_a_dash_for_what_a_model_lacks() -> None:
    figures = {"n": 8, "accuracy": 0.5, "interval": [0.25, 0.75], "loss": 1.25}
    empty = {"share": None, "n": 0, "interval": [0.0, 1.0]}
    lines = table(
        {"base": figures, "BM25": {"n": 8, "accuracy": 0.5, "interval": [0.25, 0.75], "grounded": empty}}
    )
    assert lines == [
        "                    base                  BM25",
        "examples            8                     8",
        "accuracy            0.500 [0.250, 0.750]  0.500 [0.250, 0.750]",
        "quotes stand there  -                     none of 0",
        "loss, nats/token    1.250                 -",
    ]
