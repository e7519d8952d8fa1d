"""What a model card says of the training: recipe, start-up checks, time and memory."""

from __future__ import annotations

from typing import Any

from curation.writing.markdown import cell, code, table
from curation.writing.words import Words
from training.model_card.facts import Facts


def training(facts: Facts, words: Words) -> list[str]:
    say, number, recipe = words.say, words.number, facts.recipe
    adapter, train, trained = recipe["adapter"], recipe["train"], facts.lock["trained"]
    rows: list[tuple[str, str]] = [
        (say("步数", "Steps"), number(trained["steps"])),
        (say("每步样本数", "Examples per step"), number(train["batch_size"])),
        (say("最高学习率", "Highest learning rate"), number(train["lr"])),
        (say("学习率曲线", "Schedule"), code(train["scheduler"])),
        (say("样本最大词元数", "Longest example, tokens"), number(recipe["data"]["max_length"])),
        (say("学习范围", "Loss on"), code(recipe["chat"]["loss_on"])),
        (say("随机种子", "Seed"), number(recipe["seed"])),
        (say("训练的参数", "Parameters trained"), number(trained["trainable"])),
        (say("冻结的参数", "Parameters frozen"), number(trained["parameters"])),
    ]
    if not facts.whole:
        rows[:0] = [
            (say("适配器", "Adapter"), code(adapter["type"])),
            (say("秩 / alpha", "Rank / alpha"), f"{adapter['rank']} / {adapter['alpha']}"),
            (say("目标层", "Targets"), code(adapter["targets"])),
        ]
    if length := recipe["chat"]["user_length"]:
        rows.append(
            (
                say(
                    "每条用户消息读取的字符数（用其他程序提供服务时，调用方须同样截取）",
                    "Characters read of a user's message (who serves it with another program cuts them too)",
                ),
                number(length),
            )
        )
    if recipe["model"]["quantisation"]:
        bits = recipe["model"]["quantisation"]["bits"]
        rows.append((say("基座量化", "Base quantised to"), say(f"{bits} 位", f"{bits} bits")))
    if recipe["pretrain"]:
        rows.append(
            (
                say("先继续预训练（遍数）", "Continued pretraining, epochs"),
                number(recipe["pretrain"]["epochs"]),
            )
        )
    lines = [
        say("## 训练方法与启动检查", "## Recipe and start-up checks"),
        "",
        *table((say("项目", "What"), say("值", "Value")), rows),
        "",
    ]
    return [*lines, *_gate(facts.lock.get("gate") or {}, words)]


def _gate(gate: dict[str, Any], words: Words) -> list[str]:
    """The checks that ran before the first step and have a figure."""
    names = {
        "prompts": ("模板逐词元一致的提示数", "prompts that a server renders to the same tokens"),
        "answers": ("以学习过的结束符收尾的回答数", "answers that end with a learnt stop token"),
        "fewest_learnt": ("单条样本最少学习词元数", "learnt tokens of the row that has the fewest"),
        "neutralised": ("含控制符文本且已失效的样本数", "examples with control tokens, none of any effect"),
        "dropped": ("丢弃比例", "share of examples dropped"),
        "isolation": ("装箱后邻居对 logit 的最大影响", "largest effect of a packed neighbour on a logit"),
        "gradients": ("一次反向传播触及的矩阵数", "matrices that one backward pass reaches"),
    }
    known = [(words.say(*names[key]), words.number(gate[key])) for key in names if gate.get(key) is not None]
    if not known:
        return [words.say(f"启动检查：{words.unmeasured}。", f"Start-up checks: {words.unmeasured}.")]
    return table((words.say("启动检查", "Start-up check"), words.say("值", "Value")), known)


def cost(facts: Facts, words: Words) -> list[str]:
    say, number = words.say, words.number
    last = facts.measured
    speed, tokens = last.get("tokens_per_second"), last.get("tokens")
    seconds = round(tokens / speed) if speed and tokens else None
    memory = facts.peak_memory
    peak = f"{memory / 2**30:.2f} GiB" if memory else words.unmeasured
    device = cell(facts.lock["model"]["device"])
    share = last.get("utilisation")
    return [
        say("## 时间与能耗", "## Time and energy"),
        "",
        say(f"- 设备：{device}。", f"- Device: {device}."),
        say(
            f"- 训练约 {number(seconds)} 秒，每秒 {number(speed)} 个词元；算力利用率：{number(share)}。",
            f"- Training took about {number(seconds)} seconds, at {number(speed)} tokens per second; "
            f"utilisation of the peak: {number(share)}.",
        )
        if seconds
        else say(f"- 训练时间：{words.unmeasured}。", f"- Time: {words.unmeasured}."),
        say(f"- 内存峰值：{peak}。", f"- Peak memory: {peak}."),
        say(f"- 能耗：{words.unmeasured}。", f"- Energy: {words.unmeasured}."),
    ]
