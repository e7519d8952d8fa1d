"""The sections of a card's body, in order; each is a function of metrics, lock and words to its lines.

Chinese and English stand side by side, so that a change to one is seen beside the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from curation.records import ROLES, SPLITS, TEXT_FIELDS
from data_cards.measure import stages
from data_cards.words import NONE, Words, cell, code, number, share, table

MOST_FREQUENT = 5
"""How many types of personal data the summary names."""


def heading(metrics: Mapping[str, Any], lock: Mapping[str, Any], words: Words) -> list[str]:
    return [
        f"<!-- govtune card {words.lang} -->",
        f"# {cell(lock['recipe']['name'])}",
        "",
        words.say(
            f"本卡由 govtune {lock['govtune']} 生成，各项数字均由程序根据数据和处理台账算出，请勿手工改动；"
            "执行 `govtune card check` 可逐项重算核对。",
            f"Made by govtune {lock['govtune']}: every number is computed from the data and the ledger. "
            "Do not edit it by hand; `govtune card check` computes everything again and compares.",
        ),
    ]


def summary(metrics: Mapping[str, Any], lock: Mapping[str, Any], words: Words) -> list[str]:
    return [
        words.say("## 概要", "## Summary"),
        "",
        _content(metrics, words),
        _numbers(metrics, words),
        _release(metrics, words),
        _personal_data_in_brief(metrics, words),
        _secrecy(metrics, words),
        _licence_in_brief(metrics, words),
    ]


def _content(metrics: Mapping[str, Any], words: Words) -> str:
    time, published = metrics["time"], metrics["published"]
    kinds = sorted(metrics["kinds"].items(), key=lambda item: (-item[1], item[0]))
    named = words.join(f"{words.name('kind', kind)} {number(count)}" for kind, count in kinds) or NONE
    span = words.say(" 至 ", " to ").join((time["first"] or NONE, time["last"] or NONE))
    characters = number(published["characters"])
    if metrics["chat"]:
        what = words.say("由政务文本构造的对话样例", "chat examples made of Chinese government text")
    else:
        what = words.say("中文政务文本", "records of Chinese government text")
    return words.say(
        f"- **内容**：{what} {number(published['records'])} 条（{named}），共 {characters} 字符；"
        f"时间跨度 {span}。",
        f"- **Content**: {number(published['records'])} {what} ({named}), "
        f"{characters} characters, from {span}.",
    )


def _numbers(metrics: Mapping[str, Any], words: Words) -> str:
    records, found = metrics["records"], metrics["duplicates"]
    made = words.say(
        f"，由其中 {number(records['expanded'])} 条派生 {number(records['made'])} 条",
        f", {number(records['made'])} made from {number(records['expanded'])} of them",
    )
    made = made if _made_of_others(metrics) else ""
    duplicates = ""
    if found:
        copies = number(found["exact"] + found["near"])
        duplicates = words.say(
            f"（其中重复 {copies} 条）；作为变体保留 {number(found['variants'])} 条",
            f" ({copies} of them duplicates); kept as variants: {number(found['variants'])}",
        )
    kept, dropped = number(records["kept"]), number(records["dropped"])
    part = share(records["kept"], records["kept"] + records["dropped"])
    # Where records were made of others, those kept and those dropped are not of one kind.
    part = "" if made else words.say(f"（{part}）", f" ({part})")
    return words.say(
        f"- **数量**：读入 {number(records['input'])} 条{made}；保留 {kept} 条{part}，"
        f"剔除 {dropped} 条{duplicates}。每条记录的去向均已记入处理台账。",
        f"- **Number**: {number(records['input'])} read{made}; {kept} kept{part}, "
        f"{dropped} dropped{duplicates}. The ledger accounts for each of them.",
    )


def _release(metrics: Mapping[str, Any], words: Words) -> str:
    ran = metrics["processing"]
    lacking = [] if ran["screened"] else [words.say("未经涉密筛查", "not screened for secrecy marks")]
    if not ran["anonymised"]:
        lacking.append(words.say("未经去标识化处理", "not de-identified"))
    if lacking:
        return words.say(
            f"- **能否公开**：**不得公开**。本数据集{words.join(lacking)}。",
            f"- **Fit to release**: **must not be published**; {words.join(lacking)}.",
        )
    return words.say(
        "- **能否公开**：**尚未审批**。程序不作发布结论；须经人工复核，并就文末所列事项作出书面说明、"
        "履行审批手续后，方可公开。",
        "- **Fit to release**: **not approved yet**. That is not for a program to say: people review the "
        "data, state the matters listed at the end in writing, and approve.",
    )


def _personal_data_in_brief(metrics: Mapping[str, Any], words: Words) -> str:
    pii = metrics["personal_data"]
    if pii is None:
        return words.say(
            "- **个人信息**：未识别、未替换，数据中可能含有个人信息。",
            "- **Personal data**: neither looked for nor replaced; the data may hold some.",
        )
    ranked = sorted(pii["by_type"].items(), key=lambda item: (-item[1]["found"], item[0]))
    most = [f"{words.name('type', kind)} {number(counts['found'])}" for kind, counts in ranked]
    named = words.join(most[:MOST_FREQUENT]) or NONE
    if len(most) > MOST_FREQUENT:
        named += words.say(" 等", " and others")
    touched = number(pii["records_with_findings"])
    made = _made_of_others(metrics)
    where_zh, where_en = ("保留的或派生所用的", "kept or expanded") if made else ("保留的", "kept")
    held = pii["held_for_review"]
    looked_zh = "" if held is None else f"另一识别器复查后，疑有残留的 {number(held)} 条已转人工。"
    looked_en = (
        ""
        if held is None
        else f"A second detector looked over the result; {number(held)} records it suspects went to people. "
    )
    return words.say(
        f"- **个人信息**：在 {touched} 条{where_zh}记录中识别出 {number(pii['found'])} 处（{named}），"
        f"已替换 {number(pii['replaced'])} 处，按策略保留 {number(pii['kept'])} 处。"
        f"{looked_zh}属于去标识化，不是匿名化；识别会有遗漏，残留比例尚未经人工抽样评估。",
        f"- **Personal data**: in {touched} records {where_en}, {number(pii['found'])} found ({named}), "
        f"{number(pii['replaced'])} replaced, {number(pii['kept'])} kept by policy. "
        f"{looked_en}De-identified, not anonymous; recognition misses some, and no sample has been read by "
        "people to bound what remains.",
    )


def _secrecy(metrics: Mapping[str, Any], words: Words) -> str:
    if not metrics["processing"]["screened"]:
        return words.say("- **涉密筛查**：未做。", "- **Secrecy**: not screened.")
    stopped = number(sum(metrics["funnel"]["screen"]["dropped"].values()))
    return words.say(
        f"- **涉密筛查**：已按密级标志和内部资料标志筛查，剔除 {stopped} 条。"
        "未作标志的涉密内容无法由此发现。",
        f"- **Secrecy**: screened for marks of secrecy and of internal use, dropped: {stopped}. "
        "Secret content without a mark is not recognised this way.",
    )


def _licence_in_brief(metrics: Mapping[str, Any], words: Words) -> str:
    licenses = metrics["licenses"]
    ranked = sorted(licenses["values"].items(), key=lambda item: (-item[1], item[0]))
    named = [f"{cell(name)} {number(count)}" for name, count in ranked]
    if others := licenses["others"]["records"]:
        named.append(words.say(f"其他 {number(others)}", f"others {number(others)}"))
    if licenses["missing"]:
        named.append(
            words.say(f"未注明 {number(licenses['missing'])}", f"not stated {number(licenses['missing'])}")
        )
    return words.say(
        f"- **许可**（记录数）：{words.join(named) or NONE}。",
        f"- **Licence** (records): {words.join(named) or NONE}.",
    )


def personal_data(metrics: Mapping[str, Any], lock: Mapping[str, Any], words: Words) -> list[str]:
    pii = metrics["personal_data"]
    if pii is None:
        return []
    how = {
        "placeholder": words.say("类型占位符", "a placeholder per type"),
        "surrogate": words.say("由密钥决定的一致的虚构值", "consistent invented values that depend on a key"),
    }[metrics["processing"]["replacement"]]
    header = [("类型", "Type"), ("识别", "Found"), ("替换", "Replaced"), ("按策略保留", "Kept by policy")]
    columns = ("found", "replaced", "kept")
    rows = [
        [words.term("type", kind), *(number(counts[column]) for column in columns)]
        for kind, counts in sorted(pii["by_type"].items(), key=lambda item: (-item[1]["found"], item[0]))
    ]
    total = [words.say("合计", "Total"), *(number(pii[column]) for column in columns)]
    changed, elsewhere = number(pii["records_changed"]), number(pii["found_in_dropped_records"])
    apart = words.say(
        f"另有 {elsewhere} 处在其后被剔除的记录中，未计入上表。",
        f" Not in the table: {elsewhere} found in records that were dropped later.",
    )
    return [
        words.say("## 个人信息", "## Personal data"),
        "",
        *table([words.say(*pair) for pair in header], [*rows, total]),
        "",
        words.say(
            f"替换方式：{how}；替换后内容有变的记录 {changed} 条。",
            f"Replaced by {how}; records changed by it: {changed}.",
        )
        + (_fields_counted(words) if _made_of_others(metrics) else "")
        + (apart if pii["found_in_dropped_records"] else ""),
        "",
        words.say(
            "**注意**：未识别出不等于不存在。事件、职务、地点等间接信息相互结合，仍可能指向特定个人。"
            "不得将本数据集作为匿名数据使用。",
            "**Note**: nothing found does not mean nothing there. Indirect details (an event, a post and a "
            "place together) may still point to a person. Do not treat this data set as anonymous.",
        ),
    ]


def _made_of_others(metrics: Mapping[str, Any]) -> bool:
    records = metrics["records"]
    return bool(records["made"] or records["expanded"])


def _fields_counted(words: Words) -> str:
    return words.say(
        "上表统计保留的记录和派生所用的原记录的全部字段，包括未写入派生记录的字段。",
        " The table counts all fields of the records kept and of those that others were made of, whether or "
        "not they went into what was made.",
    )


def funnel(metrics: Mapping[str, Any], lock: Mapping[str, Any], words: Words) -> list[str]:
    funnel, records = metrics["funnel"], metrics["records"]
    order = [*stages(lock), *sorted(set(funnel) - set(stages(lock)))]
    expands = _made_of_others(metrics)
    left = records["input"]
    rows = []
    for stage in order:
        entry = funnel[stage]
        before, dropped = left, sum(entry["dropped"].values())
        left += entry["made"] - entry["expanded"] - dropped
        counts = [before, dropped, *([entry["expanded"], entry["made"]] if expands else []), left]
        rows.append([words.term("stage", stage), *map(number, counts), _reasons(entry["dropped"], words)])
    header = [("步骤", "Stage"), ("进入", "In"), ("剔除", "Dropped")]
    header += [("用于派生", "Expanded"), ("派生所得", "Made")] if expands else []
    header += [("留下", "Left"), ("剔除原因", "Why dropped")]
    return [
        words.say("## 处理过程", "## Funnel"),
        "",
        *table([words.say(*pair) for pair in header], rows),
    ]


def _reasons(dropped: Mapping[str, int], words: Words) -> str:
    ranked = sorted(dropped.items(), key=lambda item: (-item[1], item[0]))
    return words.join(f"{words.name('reason', reason)} {number(count)}" for reason, count in ranked)


def duplicates(metrics: Mapping[str, Any], lock: Mapping[str, Any], words: Words) -> list[str]:
    heading = words.say("## 重复与变体", "## Duplicates and variants")
    found, clusters = metrics["duplicates"], metrics["clusters"]
    if found is None:
        return [heading, "", words.say("未做去重。", "Duplicates were not looked for.")]
    dropped, kept = words.say("剔除", "dropped"), words.say("保留", "kept")
    rows = [
        [words.say("完全重复", "Exact duplicate"), number(found["exact"]), dropped],
        [words.say("近似重复", "Near duplicate"), number(found["near"]), dropped],
        [words.say("变体", "Variant"), number(found["variants"]), kept],
    ]
    header = [("与另一条的关系", "Relation to another record"), ("条数", "Records"), ("处理", "Fate")]
    return [
        heading,
        "",
        *table([words.say(*pair) for pair in header], rows),
        "",
        words.say(
            "变体是与另一条相近、但数字、日期或文号不同的文本，不属于重复，予以保留。",
            "A variant resembles another text but differs in numbers, dates or document numbers: it is no "
            "duplicate and is kept.",
        ),
        "",
        words.say(
            f"有重复的原件 {number(found['groups'])} 条，重复最多的一组共 {number(found['largest_group'])} 条"
            f"（含原件）。保留的记录按相近关系归为 {number(clusters['number'])} 组，"
            f"最大一组 {number(clusters['largest'])} 条。",
            f"Originals that had duplicates: {number(found['groups'])}; the largest set, original included: "
            f"{number(found['largest_group'])}. What was kept forms {number(clusters['number'])} clusters "
            f"of similar records, the largest of {number(clusters['largest'])}.",
        ),
    ]


def origin(metrics: Mapping[str, Any], lock: Mapping[str, Any], words: Words) -> list[str]:
    inputs, time = metrics["inputs"], metrics["time"]
    dated = number(sum(time["by_year"].values()))
    unreadable, undated = number(time["unreadable"]), number(time["missing"])
    lines = [
        words.say("## 来源", "## Sources"),
        "",
        words.say(
            f"- 输入文件 {number(inputs['files'])} 个，共 {number(inputs['bytes'])} 字节。"
            "文件名和行号仅记入不公开的处理台账。",
            f"- Input files: {number(inputs['files'])}, bytes: {number(inputs['bytes'])}. "
            "File names and rows are in the private ledger only.",
        ),
        words.say(
            f"- 文本由程序写成的记录 {number(metrics['generated'])} 条（含由程序依据办事指南写出回答的样例；"
            "标签由谁给出另计）。",
            f"- Records whose text a program composed: {number(metrics['generated'])} (examples whose "
            "answer it composed from a service guide among them; who gave a label is counted apart).",
        ),
        words.say(
            f"- 日期可识别的 {dated} 条，无法识别的 {unreadable} 条，未注明日期的 {undated} 条。",
            f"- Records with a readable date: {dated}, an unreadable one: {unreadable}, none: {undated}.",
        ),
    ]
    if len(time["by_year"]) > 1:
        years = [[year, number(count)] for year, count in sorted(time["by_year"].items())]
        lines += ["", *table([words.say("年份", "Year"), words.say("条数", "Records")], years)]
    if metrics["sources"]["values"] or metrics["sources"]["others"]["values"]:
        lines += ["", *_distribution_table(words.say("来源", "Source"), metrics["sources"], words)]
    return lines


def labels(metrics: Mapping[str, Any], lock: Mapping[str, Any], words: Words) -> list[str]:
    lines = [words.say("## 标签", "## Labels")]
    for scheme, counts in sorted(metrics["labels"].items()):
        name = words.say(f"标签体系 {code(scheme)}", f"Label scheme {code(scheme)}")
        lines += ["", *_distribution_table(name, counts, words)]
        if counts["abstained"]:
            lines.append(f"| {words.say('未作判断', 'Abstained')} | {number(counts['abstained'])} |")
        lines += ["", _coverage(counts, metrics["published"]["records"], words)]
    for field, counts in sorted(metrics["fields"].items()):
        name = words.say(f"分类字段 {code(field)}", f"Category field {code(field)}")
        lines += ["", *_distribution_table(name, counts, words)]
    return lines if metrics["labels"] or metrics["fields"] else []


def _coverage(counts: Mapping[str, Any], published: int, words: Words) -> str:
    """How many of the published records have a label, and who gave it."""
    methods = sorted(counts["methods"].items(), key=lambda item: (-item[1], item[0]))
    labelled = counts["records"]
    named = words.join(f"{words.name('method', method)} {number(count)}" for method, count in methods) or NONE
    part = share(labelled, published)
    return words.say(
        f"有标签的记录 {number(labelled)} 条（{part}）；标签来源：{named}。",
        f"Records with a label: {number(labelled)} ({part}); labels {named}.",
    )


def _distribution_table(name: str, counts: Mapping[str, Any], words: Words) -> list[str]:
    """Named values by frequency, then those counted together, then the missing."""
    others = counts["others"]
    rows = sorted(counts["values"].items(), key=lambda item: (-item[1], item[0]))
    named = [[cell(value), number(count)] for value, count in rows]
    if others["values"]:
        together = words.say(
            f"其他 {number(others['values'])} 种", f"Others: {number(others['values'])} values"
        )
        named.append([together, number(others["records"])])
    if counts["missing"]:
        named.append([words.say("未注明", "Not stated"), number(counts["missing"])])
    return table([name, words.say("条数", "Records")], named)


def lengths(metrics: Mapping[str, Any], lock: Mapping[str, Any], words: Words) -> list[str]:
    chat = metrics["chat"]
    texts = [("field", field, metrics["lengths"][field]) for field in TEXT_FIELDS]
    if chat:
        roles = sorted(chat["roles"].items(), key=lambda item: (_place(item[0], ROLES), item[0]))
        texts += [("role", role, found) for role, found in roles]
    header = [("字段", "Field"), ("非空条数", "Not empty"), ("最短", "Shortest"), ("中位数", "Median")]
    header += [("平均", "Mean"), ("第 95 百分位", "95th percentile"), ("最长", "Longest")]
    rows = []
    for group, name, found in texts:
        if found["texts"]:
            counts = [found[key] for key in ("texts", "min", "median")]
            counts += [round(found["mean"], 1), found["p95"], found["max"]]
            rows.append([words.term(group, name), *map(number, counts)])
    if not rows:
        return []
    lines = [
        words.say("## 文本长度（字符）", "## Lengths in characters"),
        "",
        *table([words.say(*pair) for pair in header], rows),
    ]
    if chat:
        ends = dict.fromkeys((chat["messages"]["min"], chat["messages"]["max"]))
        each = words.say(" 至 ", " to ").join(map(number, ends))
        lines += [
            "",
            words.say(
                f"对话样例 {number(chat['examples'])} 条，每条含消息 {each} 条。",
                f"Chat examples: {number(chat['examples'])}, messages in each: {each}.",
            ),
        ]
    return lines


def _place(name: str, order: Sequence[str]) -> int:
    """Where a name stands in an order; unknown names stand last."""
    return order.index(name) if name in order else len(order)


def splits(metrics: Mapping[str, Any], lock: Mapping[str, Any], words: Words) -> list[str]:
    header = [("子集", "Split"), ("条数", "Records"), ("占比", "Share"), ("字符", "Characters")]
    everything = metrics["published"]

    def row(name: str, split: Mapping[str, int]) -> list[str]:
        part = share(split["records"], everything["records"])
        return [name, number(split["records"]), part, number(split["characters"])]

    names = sorted(metrics["splits"], key=lambda name: (_place(name, SPLITS), name))
    return [
        words.say("## 划分与加载", "## Splits, and how to load them"),
        "",
        *table(
            [words.say(*pair) for pair in header],
            [
                *(row(words.term("split", name), metrics["splits"][name]) for name in names),
                row(words.say("合计", "Total"), everything),
            ],
        ),
        "",
        "```python",
        "from datasets import load_dataset",
        "",
        words.say('data = load_dataset("本文件夹的路径")', 'data = load_dataset("path/of/this/folder")'),
        "```",
    ]


def reproduction(metrics: Mapping[str, Any], lock: Mapping[str, Any], words: Words) -> list[str]:
    recipe = yaml.safe_dump(lock["recipe"], allow_unicode=True, sort_keys=False).rstrip().splitlines()
    packages = words.join(f"{code(name)} {version}" for name, version in sorted(lock["packages"].items()))
    digest = code(metrics["lock"]["sha256"])
    key = code(lock["key"]) if lock["key"] else words.say("无", "none")
    return [
        words.say("## 复现", "## How to make it again"),
        "",
        words.say(
            "输入、配方、软件版本和密钥相同，则输出逐字节相同。",
            "The same input, recipe, versions and key give the same bytes.",
        ),
        "",
        words.say(f"- 密钥指纹：{key}", f"- Fingerprint of the key: {key}"),
        words.say(f"- 软件包：{packages}", f"- Packages: {packages}"),
        words.say(
            f"- `govtune.lock.json`（载有各输入文件和数据文件的摘要）的 SHA-256：{digest}",
            f"- SHA-256 of `govtune.lock.json`, which holds the digests of input and data files: {digest}",
        ),
        "",
        "```yaml",
        *recipe,
        "```",
    ]


def for_people(metrics: Mapping[str, Any], lock: Mapping[str, Any], words: Words) -> list[str]:
    matters = [
        ("用途，以及不得用于的用途", "Purpose, and uses it is not meant for"),
        ("处理个人信息的法律依据", "Legal basis for processing personal data"),
        ("告知与同意", "Notice and consent"),
        ("是否涉密，以及敏感程度的认定", "Classification of secrecy and sensitivity"),
        ("允许使用的网络和人员", "Networks and people that may use it"),
        ("保存期限和销毁办法", "Retention and disposal"),
        ("已知的偏差和局限", "Known bias and limits"),
        ("维护单位和联系方式", "Maintainer and contact"),
        ("审核人和审核日期", "Reviewer and date"),
    ]
    return [
        words.say("## 须由人说明的事项", "## For people to state"),
        "",
        words.say(
            "以下事项程序无从得知，公开前须由责任单位在审批材料中逐项说明：",
            "A program cannot know these. Before release, those responsible state each of them in the "
            "papers of the approval:",
        ),
        "",
        *(f"- {words.say(*matter)}" for matter in matters),
    ]


SECTIONS = (
    heading,
    summary,
    personal_data,
    funnel,
    duplicates,
    origin,
    labels,
    lengths,
    splits,
    reproduction,
    for_people,
)
