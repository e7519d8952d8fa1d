"""The top of the card: what it is, and what a reader asks first."""

from __future__ import annotations

from curation.writing.markdown import NONE, cell, number, share
from data_cards.sections.view import View, by_frequency

MOST_FREQUENT = 5
"""How many types of personal data the summary names."""


def heading(view: View) -> list[str]:
    of = view.say("数据和处理台账", "the data and the ledger") if view.lock else view.say("数据", "the data")
    how = view.say(
        f"，各项数字均由程序根据{of}算出，请勿手工改动；执行 `govtune card check` 可逐项重算核对。"
        "单位填写的内容取自 `card.yaml`。",
        f": every number is computed from {of}. Do not edit it by hand; "
        "`govtune card check` computes everything again and compares. What people state comes from "
        "`card.yaml`.",
    )
    version = f" {view.lock['govtune']}" if view.lock else ""
    lines = [
        f"<!-- govtune card {view.words.lang} -->",
        f"# {cell(view.metrics['dataset']['name'])}",
        "",
        view.say(f"[English]({view.beside})", f"[中文]({view.beside})"),
        "",
        view.say(f"本卡由 govtune{version} 生成", f"Made by govtune{version}") + how,
    ]
    if view.lock is None:
        lines += [
            "",
            view.say(
                "**本数据集不是由 govtune 处理所得**：没有处理台账，因此来源文件、剔除情况以及个人信息的"
                "识别和替换情况均无从得知，下文逐项注明。",
                "**This data set was not made by govtune**: there is no ledger, so nothing is known of the "
                "files it came from, of what was dropped, and of personal data found and replaced; each "
                "place below says so.",
            ),
        ]
    return lines


def summary(view: View) -> list[str]:
    return [
        view.say("## 概要", "## Summary"),
        "",
        _content(view),
        _numbers(view),
        _release(view),
        _personal_data(view),
        _secrecy(view),
        _license(view),
        _quality(view),
        *view.stated("owner", "contact"),
    ]


def _content(view: View) -> str:
    metrics = view.metrics
    time, published = metrics["time"], metrics["published"]
    kinds = [
        f"{view.words.name('kind', kind)} {number(n)}" for kind, n in by_frequency(metrics["kinds"] or {})
    ]
    named = view.say(f"（{view.words.join(kinds)}）", f" ({view.words.join(kinds)})") if kinds else ""
    records, characters = number(published["records"]), number(published["characters"])
    if time and time["first"]:
        first, last = time["first"], time["last"] or NONE
        when = view.say(f"时间跨度 {first} 至 {last}", f"from {first} to {last}")
    else:
        when = view.say("时间跨度：", "period: ") + view.unmeasured("time")
    what = view.say("文本", "texts")
    if metrics["chat"]:
        what = view.say("对话样例", "chat examples")
    return view.say(
        f"- **内容**：{what} {records} 条{named}，共 {characters} 字符；{when}。",
        f"- **Content**: {records} {what}{named}, {characters} characters, {when}.",
    )


def _numbers(view: View) -> str:
    records, found = view.metrics["records"], view.metrics["duplicates"]
    if records is None:
        why = view.unmeasured("records")
        return view.say(f"- **读入与剔除**：{why}。", f"- **Read and dropped**: {why}.")
    made = duplicates = ""
    if made_of_others(view):
        made = view.say(
            f"，由其中 {number(records['expanded'])} 条派生 {number(records['made'])} 条",
            f", {number(records['made'])} made from {number(records['expanded'])} of them",
        )
    if found:
        copies = number(found["exact"] + found["near"])
        duplicates = view.say(
            f"（其中重复 {copies} 条）；作为变体保留 {number(found['variants'])} 条",
            f" ({copies} of them duplicates); kept as variants: {number(found['variants'])}",
        )
    part = share(records["kept"], records["kept"] + records["dropped"])
    # Where records were made of others, those kept and those dropped are not of one kind.
    part = "" if made else view.say(f"（{part}）", f" ({part})")
    kept, dropped = number(records["kept"]), number(records["dropped"])
    return view.say(
        f"- **读入与剔除**：读入 {number(records['input'])} 条{made}；保留 {kept} 条{part}，"
        f"剔除 {dropped} 条{duplicates}。每条记录的去向均已记入处理台账。",
        f"- **Read and dropped**: {number(records['input'])} read{made}; {kept} kept{part}, "
        f"{dropped} dropped{duplicates}. The ledger accounts for each of them.",
    )


def _release(view: View) -> str:
    """Whether it may be published: people decide; a program can only say what speaks against it."""
    title = view.say("- **能否公开**：", "- **Fit to release**: ")
    ran = view.metrics["processing"]
    lacking = []
    if not (ran and ran["screened"]):
        lacking.append(view.say("未经涉密筛查", "not screened for secrecy marks"))
    if not (ran and ran["anonymised"]):
        lacking.append(view.say("未经去标识化处理", "not de-identified"))
    if lacking:
        if ran is None:
            return title + view.say(
                "**尚不能公开**。没有处理台账可以证明做过涉密筛查和去标识化。",
                "**not as it is**; no ledger shows that it was screened for secrecy marks and de-identified.",
            )
        return title + view.say(
            f"**不得公开**。本数据集{view.words.join(lacking)}。",
            f"**must not be published**; {view.words.join(lacking)}.",
        )
    if view.answers.approval:
        said = cell(view.answers.approval.text(view.words.lang)).rstrip("。.")
        return title + view.say(
            f"责任单位的审批意见：{said}。程序不作发布结论。",
            f"what those responsible decided: {said}. A program does not decide that.",
        )
    return title + view.say(
        "**尚未审批**。程序不作发布结论；须经人工复核、填写 `card.yaml` 所列事项并履行审批手续后，方可公开。",
        "**not approved yet**. That is not for a program to say: people review the data, answer what "
        "`card.yaml` asks, and approve.",
    )


def _personal_data(view: View) -> str:
    pii = view.metrics["pii"]
    title = view.say("- **个人信息**：", "- **Personal data**: ")
    upper = pii["residual"]["document_upper95"]
    bound = (
        view.say(
            f"经人工抽样，仍有残留的记录占比在 95% 置信度下不超过 {_percent(upper)}。",
            f"By what people read of a sample, at most {_percent(upper)} of the records still hold some, "
            "at 95 % confidence.",
        )
        if upper is not None
        else view.say(
            "残留比例尚未经人工抽样评估。", "No sample has been read by people to bound what remains."
        )
    )
    if pii["found"] is None:
        ran = view.metrics["processing"]
        if ran and not ran["anonymised"]:
            return title + view.say(
                "未识别、未替换，数据中可能含有个人信息。" + bound,
                "neither looked for nor replaced; the data may hold some. " + bound,
            )
        why = view.reason("pii.found") or view.reason("pii")
        because = view.say(f"（{why}）", f" ({why})") if why else ""
        return title + view.say(
            f"处理情况不明{because}，数据中可能含有个人信息。{bound}",
            f"it is not known what was done about it{because}; the data may hold some. {bound}",
        )
    ranked = by_frequency({kind: counts["found"] for kind, counts in (pii["by_type"] or {}).items()})
    most = [f"{view.words.name('type', kind)} {number(found)}" for kind, found in ranked]
    named = view.words.join(most[:MOST_FREQUENT]) or NONE
    named += view.say(" 等", " and others") if len(most) > MOST_FREQUENT else ""
    made = made_of_others(view)
    where_zh, where_en = ("保留的或派生所用的", "kept or expanded") if made else ("保留的", "kept")
    touched = number(pii["records_with_findings"])
    return title + view.say(
        f"在 {touched} 条{where_zh}记录中识别出 {number(pii['found'])} 处（{named}），已替换 "
        f"{number(pii['replaced'])} 处，按策略保留 {number(pii['kept'])} 处。"
        f"属于去标识化，不是匿名化；{bound}",
        f"in {touched} records {where_en}, {number(pii['found'])} found ({named}), "
        f"{number(pii['replaced'])} replaced, {number(pii['kept'])} kept by policy. "
        f"De-identified, not anonymous. {bound}",
    )


def _secrecy(view: View) -> str:
    title = view.say("- **涉密筛查**：", "- **Secrecy**: ")
    ran = view.metrics["processing"]
    if ran is None:
        return title + view.say("没有处理台账，不知是否做过。", "no ledger says whether it was screened.")
    if not ran["screened"]:
        return title + view.say("未做。", "not screened.")
    funnel = view.metrics["funnel"]
    stopped = number(sum(funnel["screen"]["dropped"].values())) if funnel else None
    dropped = view.say(f"，剔除 {stopped} 条", f", dropped: {stopped}") if stopped else ""
    return title + view.say(
        f"已按密级标志和内部资料标志筛查{dropped}。未作标志的涉密内容无法由此发现。",
        f"screened for marks of secrecy and of internal use{dropped}. Secret content without a mark is not "
        "recognised this way.",
    )


def _license(view: View) -> str:
    title = view.say("- **许可**：", "- **Licence**: ")
    whole = view.answers.license
    parts = [cell(whole.text(view.words.lang))] if whole else []
    licenses = view.metrics["licenses"]
    if licenses is not None:
        named = [f"{cell(name)} {number(count)}" for name, count in by_frequency(licenses["values"])]
        if others := licenses["others"]["records"]:
            named.append(view.say(f"其他 {number(others)}", f"others {number(others)}"))
        if licenses["missing"]:
            named.append(
                view.say(f"未注明 {number(licenses['missing'])}", f"none given {number(licenses['missing'])}")
            )
        if named:
            parts.append(view.say("按记录统计：", "by records: ") + view.words.join(named))
    return title + (view.say("；", "; ").join(parts) or view.not_stated) + view.say("。", ".")


def _quality(view: View) -> str:
    title = view.say("- **质量评测**（TC609）：", "- **Quality** (TC609): ")
    tc609 = view.metrics["tc609"]
    if tc609["score"] is None:
        return title + view.unmeasured("tc609.score") + view.say("。", ".")
    return title + view.say(
        f"三个维度中最低 {tc609['score']:.1f} 分，见“质量评测”一节。",
        f"the lowest of three dimensions has {tc609['score']:.1f} points; see the section on quality.",
    )


def made_of_others(view: View) -> bool:
    records = view.metrics["records"]
    return bool(records and (records["made"] or records["expanded"]))


def _percent(value: float) -> str:
    return f"{100 * value:.2f}%"
