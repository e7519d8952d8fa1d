"""Personal data: what was found and replaced, what is left and how sure that is; who may use the data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from curation.writing.markdown import code, number
from data_cards.sections.summary import made_of_others
from data_cards.sections.view import View, by_frequency


def personal_data(view: View) -> list[str]:
    return [
        view.say("## 个人信息与安全", "## Personal data and security"),
        *_found(view),
        "",
        *_left(view),
        *_rescan(view, view.metrics["pii"]["residual"]["rescan"]),
        "",
        view.say(
            "**注意**：未识别出不等于不存在。事件、职务、地点等间接信息相互结合，仍可能指向特定个人。"
            "不得将本数据集作为匿名数据使用。",
            "**Note**: nothing found does not mean nothing there. Indirect details (an event, a post and a "
            "place together) may still point to a person. Do not treat this data set as anonymous.",
        ),
        "",
        _level(view),
        *view.stated("networks"),
    ]


def _found(view: View) -> list[str]:
    pii = view.metrics["pii"]
    if pii["found"] is None:
        why = view.unmeasured("pii.found")
        return ["", view.say(f"识别与替换：{why}。", f"Found and replaced: {why}.")]
    header = [("类型", "Type"), ("识别", "Found"), ("替换", "Replaced"), ("按策略保留", "Kept by policy")]
    columns = ("found", "replaced", "kept")
    order = by_frequency({kind: counts["found"] for kind, counts in (pii["by_type"] or {}).items()})
    rows = [
        [view.words.term("type", kind), *(number(pii["by_type"][kind][column]) for column in columns)]
        for kind, _ in order
    ]
    rows.append([view.say("合计", "Total"), *(number(pii[column]) for column in columns)])
    how = {
        "placeholder": ("类型占位符", "a placeholder per type"),
        "surrogate": ("由密钥决定的一致的虚构值", "consistent invented values that depend on a key"),
    }
    processing = view.metrics["processing"]
    replacement = processing and processing["replacement"]
    told = []
    if replacement:
        told.append(view.say(f"替换为{how[replacement][0]}", f"Replaced by {how[replacement][1]}"))
    told.append(
        view.say(
            f"替换后内容有变的记录 {number(pii['records_changed'])} 条",
            f"records changed by it: {number(pii['records_changed'])}",
        )
    )
    if elsewhere := pii["found_in_dropped_records"]:
        told.append(
            view.say(
                f"另有 {number(elsewhere)} 处在其后被剔除的记录中，未计入上表",
                f"found in records that were dropped later, and not in the table: {number(elsewhere)}",
            )
        )
    if (held := pii["held_for_review"]) is not None:
        told.append(
            view.say(
                f"另一识别器复查后疑有残留、转人工的记录 {number(held)} 条",
                f"records that a second detector suspects and that went to people: {number(held)}",
            )
        )
    lines = ["", *view.table(header, rows), *view.figure("personal_data"), ""]
    lines.append(view.say("；", "; ").join(told) + view.say("。", "."))
    if made_of_others(view):
        lines[-1] += view.say(
            "上表统计保留的记录和派生所用的原记录的全部字段，包括未写入派生记录的字段。",
            " The table counts all fields of the records kept and of those that others were made of, whether "
            "or not they went into what was made.",
        )
    return lines


def _left(view: View) -> list[str]:
    """What people found in a sample, and the bound that follows; that and nothing else is a bound."""
    residual = view.metrics["pii"]["residual"]
    audit, upper = residual["audit"], residual["document_upper95"]
    title = view.say("**残留（人工抽样）**：", "**What is left (read by people)**: ")
    if audit is None or upper is None:
        why = view.reason("pii.residual.audit") or view.reason("pii.residual.document_upper95")
        because = view.say(f"（{why}）", f" ({why})") if why else ""
        told = view.words.unmeasured + because
        return [title + view.say(f"{told}，残留比例没有上限。", f"{told}; there is no bound.")]
    read, found = number(audit["records"]), number(audit["with_findings"])
    bound = f"{100 * upper:.2f}%"
    return [
        title
        + view.say(
            f"随机抽读 {read} 条，发现有残留的 {found} 条；残留记录占比的 95% 置信上限 "
            f"{bound}（Clopper-Pearson）。",
            f"of {read} records drawn at random, {found} hold some; upper bound of the share of such records "
            f"at 95 %: {bound} (Clopper-Pearson).",
        )
    ]


def _rescan(view: View, rescan: Mapping[str, Any] | None) -> list[str]:
    """The machine's second look at what is published: it finds what can be found, and bounds nothing else."""
    title = view.say("**残留（程序复扫）**：", "**What is left (scanned again)**: ")
    if rescan is None:
        return ["", title + view.unmeasured("pii.residual.rescan") + view.say("。", ".")]
    looked, of, touched = (number(rescan[key]) for key in ("records", "of", "records_with_findings"))
    by_type = by_frequency({kind: count for kind, count in rescan["by_type"].items() if count})
    named = view.words.join(f"{view.words.name('type', kind)} {number(count)}" for kind, count in by_type)
    kinds = view.say(f"（{named}）", f" ({named})") if named else ""
    detector = _detector(view, rescan["detector"])
    drawn = view.say(f" {of} 条中抽取的 {looked} 条", f"{looked} of {of} records")
    if rescan["records"] == rescan["of"]:
        drawn = view.say(f"全部 {of} 条", f"all {of} records")
    told = view.say(
        f"用{detector}复扫{drawn}，其中 {touched} 条仍有策略不予保留的内容{kinds}",
        f"{detector} were run over {drawn}; in {touched} they find what the policy does not keep{kinds}",
    )
    if rescan["upper95"] is not None and rescan["records"] < rescan["of"]:
        bound = f"{100 * rescan['upper95']:.2f}%"
        told += view.say(f"，此类记录占比的 95% 置信上限 {bound}", f", at most {bound} of all at 95 %")
    if undecided := rescan.get("undecided"):
        types = view.words.join(view.words.name("type", kind) for kind in undecided)
        told += view.say(
            f"；替换值与真实值无法区分而未计入的：{types}",
            f"; not counted, since what replaced it looks real: {types}",
        )
    end = view.say("。程序前次漏掉的，复扫仍会漏掉。", ". What was missed before is missed again.")
    return ["", title + told + end]


def _detector(view: View, name: str) -> str:
    """A detector is named by its model of names, a stroke, and its policy."""
    names, _, policy = name.partition("/")
    model = view.say(f"和姓名识别模型 {code(names)} ", f" and the model of names {code(names)}")
    if names == "none":
        model = view.say("（不含姓名识别模型）", " (and no model of names)")
    return view.say(f"策略 {code(policy)} 的规则{model}", f"the rules of the policy {code(policy)}{model}")


def _level(view: View) -> str:
    level = view.answers.level
    told = view.words.name("level", level) if level else view.not_stated
    return f"- **{view.named('level')}**{view.say('（GB/T 43697）：', ' (GB/T 43697): ')}{told}"
