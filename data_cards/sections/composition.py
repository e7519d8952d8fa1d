"""What the data set is made of: splits, files, columns, lengths, tokens, and how records are spread."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from curation.records import ROLES, SPLITS
from curation.writing.markdown import NONE, cell, code, number, share
from data_cards.metrics import LENGTH_EDGES
from data_cards.sections.view import View

MOST_FILES, MOST_VALUES = 8, 10
"""How many files, and values of a distribution, stand by themselves; `metrics.json` has all of them."""


def composition(view: View) -> list[str]:
    return [
        view.say("## 数据组成", "## Composition"),
        *_splits(view),
        *_files(view),
        *_columns(view),
    ]


def _splits(view: View) -> list[str]:
    metrics, everything = view.metrics, view.metrics["published"]
    tokens = metrics["tokens"]
    header = [("子集", "Split"), ("条数", "Records"), ("占比", "Share"), ("字符", "Characters")]
    header += [("词元", "Tokens")] if tokens else []

    def row(name: str, split: Mapping[str, Any]) -> list[str]:
        sizes = [number(split["records"]), share(split["records"], everything["records"])]
        sizes.append(number(split["characters"]))
        return [name, *sizes, *([number(split["tokens"])] if tokens else [])]

    names = sorted(metrics["splits"], key=lambda name: (_place(name, SPLITS), name))
    rows = [row(view.words.term("split", name), metrics["splits"][name]) for name in names]
    lines = ["", *view.table(header, [*rows, row(view.say("合计", "Total"), everything)])]
    if tokens:
        name, digest = cell(tokens["tokenizer"]), code(tokens["sha256"])
        lines += [
            "",
            view.say(
                f"词元数按分词器 {name} 计（SHA-256 {digest}），平均每个词元 "
                f"{number(tokens['characters_per_token'])} 个字符。",
                f"Tokens by the tokenizer {name} (SHA-256 {digest}), on average "
                f"{number(tokens['characters_per_token'])} characters each.",
            ),
        ]
    else:
        why = view.unmeasured("tokens")
        lines += ["", view.say(f"词元数：{why}。", f"Tokens: {why}.")]
    return lines


def _files(view: View) -> list[str]:
    files = view.metrics["files"]
    total = sum(each["bytes"] for each in files.values())
    kind = view.metrics["dataset"]["format"]
    lines = [
        "",
        view.say(
            f"数据文件 {number(len(files))} 个（{kind} 格式），共 {number(total)} 字节：",
            f"Data files: {number(len(files))} ({kind}), {number(total)} bytes:",
        ),
        "",
    ]
    header = [("文件", "File"), ("记录", "Records"), ("字节", "Bytes"), ("SHA-256", "SHA-256")]
    named = sorted(files.items())
    rows = [
        [code(path), number(each["rows"]), number(each["bytes"]), code(each["sha256"])]
        for path, each in named[:MOST_FILES]
    ]
    if together := [each for _, each in named[MOST_FILES:]]:
        sums = (number(sum(each[key] for each in together)) for key in ("rows", "bytes"))
        others = view.say(f"其他 {number(len(together))} 个", f"Others: {number(len(together))}")
        rows.append([others, *sums, view.say("见 `metrics.json`", "see `metrics.json`")])
    return [*lines, *view.table(header, rows)]


def _columns(view: View) -> list[str]:
    columns = view.metrics["columns"]
    if not columns:
        return []
    header = [("字段", "Column"), ("类型", "Type"), ("缺失", "Missing"), ("含义", "Meaning")]
    rows = []
    for name, each in columns.items():
        meaning = view.words.name("column", name)
        told = NONE if meaning == code(name) else meaning
        kind = re.sub(r"struct<.*?>", "struct", each["type"])
        rows.append([code(name), cell(kind), number(each["missing"]), told])
    title = view.say("字段（缺失指为空的记录数）：", "Columns (missing: records in which it is empty):")
    return ["", title, "", *view.table(header, rows)]


def distributions(view: View) -> list[str]:
    """Lengths and what the content is about; a distribution that cannot be had says why."""
    metrics = view.metrics
    lines = [view.say("## 数据分布", "## Distributions"), *_lengths(view), *view.figure("lengths")]
    time = metrics["time"]
    if time is None or not time["by_year"]:
        why = view.unmeasured("time")
        lines += ["", view.say(f"时间：{why}。", f"Time: {why}.")]
    else:
        first, last = time["first"] or NONE, time["last"] or NONE
        dated = number(sum(time["by_year"].values()))
        unreadable, undated = number(time["unreadable"]), number(time["missing"])
        median = (
            view.say(f"，中位日期 {time['median']}", f", median {time['median']}") if time["median"] else ""
        )
        lines += [
            "",
            view.say(
                f"日期可识别的 {dated} 条（{first} 至 {last}{median}），"
                f"无法识别的 {unreadable} 条，未注明日期的 {undated} 条。",
                f"Records with a readable date: {dated} ({first} to {last}{median}), an "
                f"unreadable one: {unreadable}, none: {undated}.",
            ),
        ]
        if len(time["by_year"]) > 1:
            years = [[year, number(count)] for year, count in sorted(time["by_year"].items())]
            lines += ["", *view.table([("年份", "Year"), ("条数", "Records")], years)]
        lines += view.figure("years")
    names = {
        "document_types": ("公文种类", "Document type"),
        "regions": ("地区", "Region"),
        "issuers": ("发文或答复机关", "Issuing or answering body"),
    }
    for key, name in names.items():
        counts = metrics[key]
        if counts and (counts["values"] or counts["others"]["values"]):
            lines += ["", *view.spread(view.say(*name), counts, MOST_VALUES)]
        else:
            why = view.unmeasured(key)
            lines += ["", view.say(f"{name[0]}：{why}。", f"{name[1]}: {why}.")]
    for field, counts in sorted(metrics["fields"].items()):
        told = view.say(f"分类字段 {code(field)}", f"Category field {code(field)}")
        lines += ["", *view.spread(told, counts, MOST_VALUES)]
    return lines


def _lengths(view: View) -> list[str]:
    metrics, chat = view.metrics, view.metrics["chat"]
    texts = [("field", name, found) for name, found in metrics["lengths"].items()]
    if chat:
        roles = sorted(chat["roles"].items(), key=lambda item: (_place(item[0], ROLES), item[0]))
        texts += [("role", role, found) for role, found in roles]
    rows = []
    for group, name, found in texts:
        if found["texts"]:
            counts = [found[key] for key in ("texts", "min", "median", "mean", "p95", "max")]
            rows.append([view.words.term(group, name), *map(number, counts)])
    if not rows:
        why = view.unmeasured("lengths")
        return ["", view.say(f"文本长度：{why}。", f"Lengths: {why}.")]
    header = [("文本长度（字符）", "Lengths in characters"), ("非空条数", "Not empty"), ("最短", "Shortest")]
    header += [
        ("中位数", "Median"),
        ("平均", "Mean"),
        ("第 95 百分位", "95th percentile"),
        ("最长", "Longest"),
    ]
    lines = ["", *view.table(header, rows)]
    if chat:
        ends = dict.fromkeys((chat["messages"]["min"], chat["messages"]["max"]))
        each = view.say(" 至 ", " to ").join(map(number, ends))
        lines += [
            "",
            view.say(
                f"对话样例 {number(chat['examples'])} 条，每条含消息 {each} 条。",
                f"Chat examples: {number(chat['examples'])}, messages in each: {each}.",
            ),
        ]
    return [*lines, *_classes(view, {name: found for _, name, found in texts})]


def _classes(view: View, lengths: Mapping[str, Any]) -> list[str]:
    """Texts per class of length, a column per field; classes that no text falls into are left out."""
    counted = {
        name: found["classes"] for name, found in lengths.items() if found["texts"] and found["classes"]
    }
    rows = []
    for place, lower in enumerate(LENGTH_EDGES):
        counts = [classes[place] for classes in counted.values()]
        if any(counts):
            last = place + 1 == len(LENGTH_EDGES)
            upper = view.say("以上", " and more") if last else f"–{number(LENGTH_EDGES[place + 1] - 1)}"
            rows.append([f"{number(lower)}{upper}", *map(number, counts)])
    header = [("字符数", "Characters"), *((code(name), code(name)) for name in counted)]
    return ["", *view.table(header, rows)] if rows else []


def _place(name: str, order: Sequence[str]) -> int:
    """Where a name stands in an order; unknown names stand last."""
    return order.index(name) if name in order else len(order)
