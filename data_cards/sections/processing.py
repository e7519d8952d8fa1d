"""What was done to the data: the funnel, duplicates, and what stands in more than one split."""

from __future__ import annotations

from collections.abc import Mapping

from curation.writing.markdown import number
from data_cards.sections.summary import made_of_others
from data_cards.sections.view import View, by_frequency


def funnel(view: View) -> list[str]:
    title = view.say("## 加工处理", "## Processing")
    funnel, records = view.metrics["funnel"], view.metrics["records"]
    if funnel is None or records is None or view.lock is None:
        why = view.unmeasured("funnel")
        return [title, "", view.say(f"各步骤的去留：{why}。", f"What each stage dropped: {why}.")]
    named = ["ingest", *(name for stage in view.lock["recipe"]["stages"] for name in stage)]
    order = [*(name for name in named if name in funnel), *sorted(set(funnel) - set(named))]
    expands = made_of_others(view)
    left = records["input"]
    rows = []
    for stage in order:
        entry = funnel[stage]
        before, dropped = left, sum(entry["dropped"].values())
        left += entry["made"] - entry["expanded"] - dropped
        counts = [before, dropped, *([entry["expanded"], entry["made"]] if expands else []), left]
        rows.append([view.words.term("stage", stage), *map(number, counts), _reasons(entry["dropped"], view)])
    header = [("步骤", "Stage"), ("进入", "In"), ("剔除", "Dropped")]
    header += [("用于派生", "Expanded"), ("派生所得", "Made")] if expands else []
    header += [("留下", "Left"), ("剔除原因", "Why dropped")]
    return [title, "", *view.table(header, rows), *view.figure("funnel")]


def _reasons(dropped: Mapping[str, int], view: View) -> str:
    return view.words.join(
        f"{view.words.name('reason', reason)} {number(count)}" for reason, count in by_frequency(dropped)
    )


def duplicates(view: View) -> list[str]:
    heading = view.say("## 重复与变体", "## Duplicates and variants")
    found = view.metrics["duplicates"]
    if found is None:
        why = view.unmeasured("duplicates")
        return [heading, "", view.say(f"重复：{why}。", f"Duplicates: {why}."), *_clusters(view)]
    dropped, kept = view.say("剔除", "dropped"), view.say("保留", "kept")
    rows = [
        [view.say("完全重复", "Exact duplicate"), number(found["exact"]), dropped],
        [view.say("近似重复", "Near duplicate"), number(found["near"]), dropped],
        [view.say("变体", "Variant"), number(found["variants"]), kept],
    ]
    header = [("与另一条的关系", "Relation to another record"), ("条数", "Records"), ("处理", "Fate")]
    return [
        heading,
        "",
        *view.table(header, rows),
        "",
        view.say(
            "变体是与另一条相近、但数字、日期或文号不同的文本，不属于重复，予以保留。"
            f"有重复的原件 {number(found['groups'])} 条，重复最多的一组共 {number(found['largest_group'])} 条"
            "（含原件）。",
            "A variant resembles another text but differs in numbers, dates or document numbers: it is no "
            f"duplicate and is kept. Originals that had duplicates: {number(found['groups'])}; the largest "
            f"set, original included: {number(found['largest_group'])}.",
        ),
        *_clusters(view),
        *view.figure("duplicates"),
    ]


def _clusters(view: View) -> list[str]:
    clusters = view.metrics["clusters"]
    if clusters is None:
        why = view.unmeasured("clusters")
        return ["", view.say(f"相近记录的分组：{why}。", f"Clusters of similar records: {why}.")]
    return [
        "",
        view.say(
            f"保留的记录按相近关系归为 {number(clusters['number'])} 组，最大一组 "
            f"{number(clusters['largest'])} 条；"
            f"与其他记录同组的 {number(clusters['records_in_shared'])} 条。",
            f"What was kept forms {number(clusters['number'])} clusters of similar records, the largest of "
            f"{number(clusters['largest'])}; records that share one with others: "
            f"{number(clusters['records_in_shared'])}.",
        ),
    ]


def leakage(view: View) -> list[str]:
    """Whether what a model is tested on stands in what it learns from."""
    found = view.metrics["decontamination"]
    lines = [view.say("## 训练与测试的隔离", "## Leakage between training and test"), ""]
    if found is None:
        why = view.unmeasured("decontamination")
        return [*lines, view.say(f"隔离情况：{why}。", f"Leakage: {why}.")]
    shared = found["shared_across_splits"]
    across = view.unmeasured("decontamination.shared_across_splits") if shared is None else number(shared)
    identical = number(found["identical_across_splits"])
    lines += [
        view.say(
            f"- 跨子集的相近记录组：{across}", f"- Clusters that stand in more than one split: {across}"
        ),
        view.say(f"- 跨子集的相同文本：{identical}", f"- Equal texts in more than one split: {identical}"),
    ]
    against = found["against_evaluation"]
    if against is None:
        why = view.unmeasured("decontamination.against_evaluation")
        told = view.say("- 与评测题的重合：", "- Overlap with evaluation texts: ") + why
    else:
        reasons = _reasons(against, view) or "0"
        told = view.say("- 因与评测题重合而剔除：", "- Dropped for overlap with evaluation texts: ") + reasons
    return [*lines, told]
