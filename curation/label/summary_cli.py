"""The command `label-summary`."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from curation.cli import AsJson, print_json
from curation.lang import Lang

if TYPE_CHECKING:
    from curation.label.summary import Accuracy, FunctionSummary

_KINDS = {
    "keywords": ("关键词", "keywords"),
    "names": ("名称", "names"),
    "patterns": ("正则", "patterns"),
    "metadata": ("条件", "metadata"),
}
_WIDE = 1000
"""Columns of output that is no terminal: a row is never broken."""


def label_summary(
    source: Annotated[Path, typer.Argument(metavar="IN", help="JSON lines, CSV, XLSX, Parquet or text.")],
    taxonomy: Annotated[str, typer.Option(help="A shipped taxonomy or a YAML file.")] = "letters",
    level: Annotated[
        int | None, typer.Option(help="Level of the taxonomy whose labels are given, instead of its own.")
    ] = None,
    functions: Annotated[
        Path | None,
        typer.Option(help="Python file with functions marked @labelling_function(...). It is run."),
    ] = None,
    label_field: Annotated[
        str | None,
        typer.Option(help="Column of the right label, instead of the known ones (label, 诉求分类 ...)."),
    ] = None,
    each_keyword: Annotated[
        bool, typer.Option("--each-keyword", help="A row for each keyword, pattern and condition.")
    ] = False,
    lang: Annotated[Lang, typer.Option(help="Language of the table.")] = "zh",
    as_json: AsJson = False,
) -> None:
    """Show what labelling functions are worth: coverage, overlap, conflict, accuracy, and the label model.

    Example: govtune label-summary letters.jsonl --taxonomy letters --functions mine.py
    """
    from curation.label.summary import summarise_file

    done = summarise_file(
        source,
        taxonomy_name=taxonomy,
        level=level,
        functions_file=functions,
        label_field=label_field,
        each_rule=each_keyword,
    )
    if as_json:
        print_json(dataclasses.asdict(done))
    else:
        _show(done, lang)


def _show(done: FunctionSummary, lang: Lang) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    def say(zh: str, en: str) -> str:
        return zh if lang == "zh" else en

    terminal = sys.stdout.isatty()
    table = Table(box=box.SIMPLE if terminal else None, pad_edge=False)
    table.add_column(say("标注函数", "function"), overflow="fold")
    table.add_column(say("种类", "kind"), no_wrap=True)
    heads = (
        say("覆盖", "coverage"),
        say("重叠", "overlap"),
        say("冲突", "conflict"),
        say("估计", "estimate"),
        say("准确率", "accuracy"),
        say("95% 区间", "95% interval"),
        say("对/判", "right/judged"),
    )
    for name in heads:
        table.add_column(name, justify="right", no_wrap=True)
    for row in done.functions:
        shares = (row.coverage, row.overlap, row.conflict, row.estimate)
        kind = _KINDS[row.kind][lang == "en"] if row.kind else "Python"
        table.add_row(Text(row.name), kind, *map(_share, shares), *_judged(row.accuracy))
    table.add_section()
    together = (done.coverage, done.overlap, done.conflict)
    table.add_row(say("合计", "together"), "", *map(_share, together), "", "", "", "")
    names = {"majority": say("多数票", "majority vote"), "Dawid-Skene": "Dawid-Skene"}
    for model in done.models:
        table.add_row(names[model.name], "", _share(model.decided), "", "", "", *_judged(model.accuracy))
    console = Console(width=None if terminal else _WIDE, highlight=False, markup=False, emoji=False)
    with console.capture() as shown:
        console.print(table)
    for line in shown.get().rstrip("\n").split("\n"):
        typer.echo(line.rstrip())
    for line in _notes(done, lang):
        typer.echo(line)


def _notes(done: FunctionSummary, lang: Lang) -> list[str]:
    """What the table does not say."""
    zh = lang == "zh"
    said = [
        f"{done.records:,} 条记录，{done.known:,} 条有已知标签"
        if zh
        else f"{done.records:,} records, {done.known:,} with a known label"
    ]
    if done.foreign:
        said.append(
            f"{done.foreign:,} 条的标签不在该分类体系中，未参与评判"
            if zh
            else f"{done.foreign:,} have a label that the taxonomy has not, and judge nothing"
        )
    if done.silent:
        said.append(
            f"{done.silent:,} 个函数从未投票，未列出"
            if zh
            else f"{done.silent:,} functions never vote and are not listed"
        )
    said += [
        f"列 {name} 不存在，相关规则弃权" if zh else f"no column {name}: the rules that ask for it abstain"
        for name in done.missing
    ]
    said += [
        f"正则 {rule} 在 {count:,} 条文本上超时，已弃权"
        if zh
        else f"the regular expression {rule} took too long for {count:,} texts and abstained"
        for rule, count in done.slow.items()
    ]
    said.append(
        "估计：标签模型给出的该函数投票正确的平均概率；规则彼此相关时偏高"
        if zh
        else "estimate: mean probability of the function's votes by the label model; too high where rules "
        "depend on each other"
    )
    return said


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.1%}"


def _judged(accuracy: Accuracy | None) -> tuple[str, str, str]:
    if accuracy is None:
        return "", "", ""
    interval = f"{accuracy.low:.1%}–{accuracy.high:.1%}"
    return f"{accuracy.share:.1%}", interval, f"{accuracy.right:,}/{accuracy.judged:,}"
