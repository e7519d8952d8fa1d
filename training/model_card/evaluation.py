"""What a model card says of quality: figures of base, tuned model and baseline, and the measured limits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from curation.writing.markdown import cell, code, table
from curation.writing.words import Words
from training.evaluate.table import FIGURES, figure_at
from training.model_card.facts import Facts

FEWEST, WORST = 5, 5
"""A label is judged from so many examples on; so many of the weakest are named."""


def evaluation(facts: Facts, words: Words) -> list[str]:
    say, found = words.say, facts.evaluation
    title = [say("## 评估", "## Evaluation"), ""]
    if found is None:
        how = say("。运行 `govtune evaluate DIR`。", ". Run `govtune evaluate DIR`.")
        return [*title, words.unmeasured + how]
    columns = {say("基座", "Base"): found["base"], say("微调后", "Tuned"): found["tuned"]}
    if found.get("baseline"):
        method = found["baseline"].get("method")
        name = say("传统基线", "Classical baseline") + (f" ({cell(method)})" if method else "")
        columns[name] = found["baseline"]
    rows = []
    for key, called in FIGURES.items():
        cells = [_figure(figures, key, words) for figures in columns.values()]
        if any(cells):
            rows.append([say(*called), *(each or "–" for each in cells)])
    lines = [
        *title,
        say(
            f"在 {code(facts.measured_on)} 中训练未用过的样本上测得；方括号内为 95% 置信区间。",
            f"On examples of {code(facts.measured_on)} that training did not use; in brackets the 95 % "
            "interval.",
        ),
        "",
        *table([say("指标", "Figure"), *columns], rows),
    ]
    against = (("difference", say("基座", "base")), ("over_baseline", say("传统基线", "classical baseline")))
    for key, other in against:
        if difference := found.get(key):
            [value] = [each for name, each in difference.items() if name != "interval"]
            low, high = difference["interval"]
            chance = say("，差异不显著", ", which may be chance") if low <= 0 <= high else ""
            told = say(f"微调后 − {other}：", f"Tuned − {other}: ")
            lines += ["", f"{told}{value:+.3f} [{low:+.3f}, {high:+.3f}]{chance}"]
    return lines


def limits(facts: Facts, words: Words) -> list[str]:
    say, number, found = words.say, words.number, facts.evaluation
    longest = number(facts.recipe["data"]["max_length"])
    lines = [
        say("## 局限", "## Limits"),
        "",
        say(
            f"- 只学过不超过 {longest} 个词元的样本；更长的应转人工。",
            f"- It has learnt from examples of at most {longest} tokens; longer ones belong to a person.",
        ),
        say(
            "- 给出的概率未经校准；公平性、对抗输入和时间漂移：未测量。",
            "- Its probabilities are not calibrated; fairness, hostile input, drift over time: not measured.",
        ),
    ]
    if found is None:
        return [*lines, say(f"- 质量：{words.unmeasured}。", f"- Quality: {words.unmeasured}.")]
    by_label: Mapping[str, Mapping[str, int]] = found["tuned"].get("by_label", {})
    judged = {label: each for label, each in by_label.items() if each["n"] >= FEWEST}
    weakest = sorted(judged.items(), key=lambda item: (item[1]["right"] / item[1]["n"], item[0]))[:WORST]
    if weakest:
        named = words.join(f"{cell(label)} {each['right']}/{each['n']}" for label, each in weakest)
        lines.append(say(f"- 最弱的类别（答对/总数）：{named}。", f"- Weakest labels (right/all): {named}."))
    if rare := len(by_label) - len(judged):
        lines.append(
            say(
                f"- 测试样本不足 {FEWEST} 条、无法判断的类别：{rare} 个。",
                f"- Labels with fewer than {FEWEST} test examples, of which nothing can be said: {rare}.",
            )
        )
    if found.get("machine_labelled"):
        left = number(found["machine_labelled"])
        lines.append(
            say(
                f"- 标签由机器给出而未用于评估的样本：{left} 条。",
                f"- Examples left out of the evaluation because a machine gave their label: {left}.",
            )
        )
    given_away = found.get("given_away")
    lines.append(
        say(
            f"- 因与训练样本相同或相近而未用于评估的样本：{number(given_away)}。",
            f"- Examples left out because a train example gives them away: {number(given_away)}.",
        )
    )
    return lines


def _figure(figures: Mapping[str, Any], key: str, words: Words) -> str:
    """A figure with its interval; empty where the model has none."""
    value = figure_at(figures, key)
    if isinstance(value, Mapping):
        main = value.get("share", value.get("mean"))
        of = f" (n {words.number(value['n'])})" if "n" in value and value["n"] != figures["n"] else ""
        return words.interval(main, value["interval"]) + of if main is not None else words.unmeasured + of
    if key == "accuracy" and value is not None and "interval" in figures:
        return words.interval(value, figures["interval"])
    return "" if value is None else words.number(value) if isinstance(value, int) else f"{value:.3f}"
