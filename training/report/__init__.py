"""The report of a training: one HTML file without script or outside request, in Chinese or English.

Curves out of the journal, what was planned beside what was measured, and the sections of the model card that
say how the model was trained, how good it is and what it is made of. No record's text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

from curation.files import whole_file
from curation.lang import Lang
from curation.writing.html import html, table
from curation.writing.page import page
from curation.writing.svg import CURVES, Series, chart
from curation.writing.words import Words
from training.evaluate.table import FIGURES
from training.model_card.evaluation import evaluation
from training.model_card.facts import JOURNAL, Facts, gather
from training.model_card.trained import training
from training.model_card.using import made_of

REPORT = "report.html"

_LANGUAGE = re.compile(r'<html lang="(zh-CN|en)">')


def write(folder: Path, lang: Lang | None = None) -> Path:
    """Write the report of a finished training anew.

    Args:
        lang: default: the language that the report has, Chinese for a new one.

    Raises:
        UsageError: the folder is no finished training, or the report cannot be written.
    """
    path = folder / REPORT
    text = render(gather(folder), _journal(folder / JOURNAL), lang or _language(path))
    with whole_file(path) as aside:
        aside.write_text(text, encoding="utf-8", newline="\n")
    return path


def render(facts: Facts, journal: list[dict[str, Any]], lang: Lang) -> str:
    """The report as text; equal arguments give equal bytes."""
    words = Words(lang)
    name = facts.recipe["name"]
    title = words.say(f"训练报告：{name}", f"Training report: {name}")
    sections = [
        _figures(facts, words),
        _curves(journal, words),
        html(evaluation(facts, words)),
        _planned(facts, words),
        html(training(facts, words)),
        html(made_of(facts, words)),
    ]
    return page(lang, title, f"<h1>{escape(title)}</h1>{''.join(sections)}", style=CURVES)


def _figures(facts: Facts, words: Words) -> str:
    """What one wants to know first."""
    trained = facts.lock["trained"]
    shown = [
        (words.number(trained["examples"]["train"]), words.say("训练样本", "examples learnt")),
        (words.number(trained["supervised_tokens"]), words.say("学习的词元", "tokens learnt")),
        (words.number(trained["trainable"]), words.say("训练的参数", "parameters trained")),
        (words.number(trained["steps"]), words.say("步数", "steps")),
    ]
    for key in ("macro_f1", "chrf"):
        found = [_share((facts.evaluation or {}).get(side, {}).get(key)) for side in ("base", "tuned")]
        if None not in found:
            shown.insert(
                0,
                (
                    f"{found[0]:.3f} → {found[1]:.3f}",
                    words.say(*FIGURES[key]) + words.say("，基座 → 微调后", ", base → tuned"),
                ),
            )
            break
    boxes = "".join(f"<div><b>{figure}</b>{name}</div>" for figure, name in shown)
    return f'<div class="big">{boxes}</div>'


def _share(value: Any) -> float | None:
    if isinstance(value, Mapping):
        value = value.get("share", value.get("mean"))
    return value if isinstance(value, float) else None


def _curves(journal: list[dict[str, Any]], words: Words) -> str:
    """A row of drawings for each phase that was written down."""
    say = words.say
    names = {"pretrain": say("继续预训练", "Continued pretraining"), "train": say("微调", "Tuning")}
    drawn = []
    for phase in dict.fromkeys(line.get("phase", "") for line in journal):
        lines = [line for line in journal if line.get("phase") == phase]
        charts = [
            chart(say("损失（奈特/词元）", "Loss, nats per token"), _losses(lines, words)),
            chart(say("学习率", "Learning rate"), [_series(lines, "lr", say("学习率", "learning rate"))]),
            chart(
                say("速度（词元/秒）", "Speed, tokens per second"),
                [_series(lines, "tokens_per_second", say("全部", "all"))],
                from_zero=True,
            ),
        ]
        named = escape(names.get(phase, phase))
        drawn.append(f'<h2>{named}</h2><div class="curves">{"".join(charts)}</div>')
    return "".join(drawn)


def _losses(lines: list[dict[str, Any]], words: Words) -> list[Series]:
    validation = words.say("验证", "validation")
    series = [_series(lines, "loss", words.say("训练", "training"))]
    sources = dict.fromkeys(name for line in lines for name in line.get("validation_loss_by_source", {}))
    if len(sources) < 2:
        return [*series, _series(lines, "validation_loss", validation)]
    for name in sources:
        points = [
            (line["step"], line["validation_loss_by_source"][name])
            for line in lines
            if line.get("validation_loss_by_source", {}).get(name) is not None
        ]
        series.append(Series(f"{validation} {name}", points))
    return series


def _series(lines: list[dict[str, Any]], key: str, name: str) -> Series:
    return Series(name, [(line["step"], line[key]) for line in lines if line.get(key) is not None])


def _planned(facts: Facts, words: Words) -> str:
    """What the planner expects, beside what the journal has."""
    say, planned = words.say, facts.lock.get("planned")
    peak = facts.peak_memory
    heading = f"<h2>{say('计划与实测', 'Planned and measured')}</h2>"
    if not planned:
        return (
            heading + f"<p>{say('计划器不认识此架构。', 'The planner does not know this architecture.')}</p>"
        )
    on_gpu = not facts.lock["model"]["device"].endswith("cpu")
    expected = planned["allocated"] if on_gpu else planned["expected"]
    unit, size = ("GB", 1e9) if expected >= 10e9 else ("MB", 1e6)

    def amount(value: float) -> str:
        return f"{value / size:,.1f}"

    rows = [[say(*_TERMS[term]), amount(planned[term]), ""] for term in _TERMS]
    rows.append([say("峰值", "Peak"), amount(expected), amount(peak) if peak else words.unmeasured])
    note = say(
        f"单位 {unit}（{size:.0e} 字节）；CPU 上的峰值是整个进程的内存，含 Python 与各库。",
        f"{unit} of {size:.0e} bytes; on a CPU the peak is that of the whole process, with all libraries.",
    ).replace("e+0", "e")
    head = [say("内存", "Memory"), say("计划", "planned"), say("实测", "measured")]
    return f"{heading}{table(head, rows)}<p>{note}</p>{_speed(facts.measured, words)}"


def _speed(last: Mapping[str, Any], words: Words) -> str:
    """What was measured of it last."""
    names = {
        "tokens_per_second": ("每秒词元", "tokens per second"),
        "flops_per_second": ("每秒有效浮点运算", "useful operations per second"),
        "utilisation": ("占设备峰值的比例", "share of the device's peak"),
    }
    told = [
        f"{words.say(*names[key])} {words.number(last[key])}" for key in names if last.get(key) is not None
    ]
    return f"<p>{words.say('速度：', 'Speed: ')}{words.join(told)}</p>" if told else ""


_TERMS = {
    "weights": ("权重", "Weights"),
    "trained": ("梯度、优化器与适配器", "Gradients, optimiser, adapter"),
    "activations": ("激活", "Activations"),
    "logits": ("输出层", "Logits"),
}


def _journal(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _language(path: Path) -> Lang:
    found = _LANGUAGE.search(path.read_text(encoding="utf-8")) if path.is_file() else None
    return "en" if found and found[1] == "en" else "zh"
