"""The sections of a model card, in order; each is a function of facts and words to its lines.

Chinese and English stand side by side, so that a change to one is seen beside the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from curation.writing.markdown import cell, code
from curation.writing.words import Words
from training.model_card.evaluation import evaluation, limits
from training.model_card.facts import Facts
from training.model_card.trained import cost, training
from training.model_card.using import for_people, made_of, use
from training.schema import TINY

OBJECTIVES = {
    "sft": ("学习作答", "learns to answer"),
    "dpo": ("从偏好中学习作答", "learns to answer from preferences"),
    "seq_cls": ("文本分类", "classifies texts"),
    "token_cls": ("词元标注", "tags tokens"),
}


def heading(facts: Facts, words: Words) -> list[str]:
    recipe = facts.recipe
    say = words.say
    lines = [
        f"# {cell(recipe['name'])}",
        "",
        say(
            f"本卡由 govtune {facts.lock['govtune']} 生成，各项数字均取自锁文件、训练日志、评估结果和数据卡，"
            "请勿手工改动；`govtune model-card` 可重新生成。",
            f"Made by govtune {facts.lock['govtune']}: every number is taken from the lock, the journal, the "
            "evaluation and the data card. Do not edit it by hand; `govtune model-card` writes it anew.",
        ),
    ]
    if facts.recipe["model"]["path"] == TINY:
        lines += [
            "",
            say(
                "**不得用于实际业务**：基座是随软件附带的演示用小模型。",
                "**Not for use**: the base is the small model that comes with the software to show the road.",
            ),
        ]
    return lines


def purpose(facts: Facts, words: Words) -> list[str]:
    recipe, say = facts.recipe, words.say
    told = recipe["description"][words.lang]
    # A task of one's own is named by its file.
    task = code(Path(recipe["task"]).name) if recipe["task"] else say("无", "none")
    objective, learns = code(recipe["objective"]), OBJECTIVES[recipe["objective"]]
    return [
        say("## 用途", "## Purpose"),
        "",
        *([cell(told), ""] if told else []),
        say(
            f"- 基座：{code(facts.base)}；目标：{learns[0]}（{objective}）；任务模板：{task}。",
            f"- Base: {code(facts.base)}; it {learns[1]} ({objective}); task template: {task}.",
        ),
        say(
            "- 适用：向工作人员提供建议，由人核对后决定；把握不足时不给建议，转交人工。",
            "- Intended: to suggest something to a member of staff, who checks it and decides; where it is "
            "not sure it suggests nothing and hands over.",
        ),
        say(
            "- 不适用：自动作出影响个人权益的决定；直接答复群众；任务模板以外的问题；中文以外的文本；"
            "涉密或未经去标识化的内容送往外部服务。",
            "- Out of use: decisions about people without a person; replies that nobody has read; questions "
            "other than the task's; languages other than Chinese; secret texts, or texts with personal data, "
            "on a service outside.",
        ),
    ]


def data(facts: Facts, words: Words) -> list[str]:
    say, number = words.say, words.number
    trained, made = facts.lock["trained"], facts.data
    counts = words.join(
        f"{name} {number(trained['examples'].get(split, 0))}"
        for split, name in (
            ("train", say("训练", "train")),
            ("validation", say("验证", "validation")),
            ("test", say("测试", "test")),
        )
    )
    lines = [
        say("## 训练数据", "## Training data"),
        "",
        say(
            f"- 来源：{code(facts.source)}，SHA-256 {code(facts.lock['data']['sha256'])}。",
            f"- From {code(facts.source)}, SHA-256 {code(facts.lock['data']['sha256'])}.",
        ),
        say(f"- 样本数：{counts}。", f"- Examples: {counts}."),
        say(
            f"- 训练词元 {number(trained['tokens'])} 个，其中学习 {number(trained['supervised_tokens'])} 个；"
            f"超长而丢弃 {number(trained['overlong'])} 条。",
            f"- Tokens to train on: {number(trained['tokens'])}, learnt: "
            f"{number(trained['supervised_tokens'])}; examples dropped as too long: "
            f"{number(trained['overlong'])}.",
        ),
    ]
    for each in facts.recipe["data"]["sources"]:
        lines.append(
            say(
                f"- 混入数据集 {code(each['name'])}，权重 {number(each['weight'])}。",
                f"- Mixed in: {code(each['name'])}, weight {number(each['weight'])}.",
            )
        )
    lines += _unlabelled(trained, words)
    if made is None:
        nothing = words.unmeasured
        return [*lines, say(f"- 数据卡：无；许可：{nothing}。", f"- Data card: none; licence: {nothing}.")]
    ran, licences = made["processing"], made["licenses"]
    named = words.join(f"{cell(name)} {number(count)}" for name, count in licences["values"].items())
    if licences["missing"]:
        unnamed = say("未注明", "not stated")
        named = words.join(filter(None, [named, f"{unnamed} {number(licences['missing'])}"]))
    done = [
        say("已筛查涉密标志", "screened for secrecy marks")
        if ran["screened"]
        else say("**未筛查涉密标志**", "**not screened for secrecy marks**"),
        say("已去标识化", "de-identified")
        if ran["anonymised"]
        else say("**未去标识化**", "**not de-identified**"),
    ]
    return [
        *lines,
        say(
            f"- 数据卡：记录 {number(made['published']['records'])} 条；{words.join(done)}。",
            f"- Data card: {number(made['published']['records'])} records; {words.join(done)}.",
        ),
        say(f"- 许可（条数）：{named}。", f"- Licence (records): {named}."),
    ]


def _unlabelled(trained: Mapping[str, Any], words: Words) -> list[str]:
    """What was read, and what a machine labelled: no person has looked at either."""
    texts = trained.get("unlabelled")
    if not texts:
        return []
    number = words.number
    left_out = number(sum(texts[why] for why in ("empty", "duplicates", "given_away")))
    rows, labelled, read = number(texts["rows"]), number(texts["labelled"]), number(trained["read"])
    return [
        words.say(
            f"- 无标注文本 {rows} 条，去掉 {left_out} 条（空、重复或会泄露留出样本）；"
            f"其中 {labelled} 条以**机器给出的标签**参与训练。微调前基座通读 {read} 条文本。",
            f"- Texts without a label: {rows}, {left_out} left out (empty, copies, or giving held-out "
            f"examples away); {labelled} learnt with **a label that a machine gave**. Texts that the base "
            f"read before it was tuned: {read}.",
        )
    ]


SECTIONS = (heading, purpose, data, training, evaluation, limits, cost, use, made_of, for_people)
