"""The report: one page that stands alone, in both languages, with the verdict first.

The public one holds what the card holds. The internal one tells of single records besides: file, row, what
became of them, and masked places of published texts. Without a script the page is whole in one language.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from html import escape
from importlib import resources
from typing import get_args

from curation.lang import Lang
from curation.writing.page import TAGS, page
from curation.writing.words import Words
from data_cards.facts import Facts
from data_cards.figures import drawings
from data_cards.figures.charts import plain
from data_cards.figures.drawing import STYLE, Drawing
from data_cards.report.accounts import lineage, people, reproduction, signing
from data_cards.report.content import distributions, leakage, quality
from data_cards.report.inside import COLUMNS, NAMED, Inside
from data_cards.report.processing import duplicates, funnel, labels, personal_data
from data_cards.report.summary import summary
from data_cards.terms import words as words_of

REPORT = "report.html"

Section = Callable[[Facts, Mapping[str, Drawing], Inside | None, Words], str]

SECTIONS: dict[str, tuple[tuple[str, str], Section]] = {
    "summary": (("结论", "Verdict"), summary),
    "funnel": (("漏斗", "Funnel"), funnel),
    "personal": (("个人信息", "Personal data"), personal_data),
    "duplicates": (("重复", "Duplicates"), duplicates),
    "labels": (("标签", "Labels"), labels),
    "quality": (("质量", "Quality"), quality),
    "distributions": (("分布", "Distributions"), distributions),
    "leakage": (("泄漏", "Leakage"), leakage),
    "lineage": (("来龙去脉", "Lineage"), lineage),
    "reproduction": (("复现", "Reproduction"), reproduction),
    "people": (("由人填写", "By people"), people),
    "signing": (("签字", "Sign-off"), signing),
}
"""Short name and content of each section, in order."""


def render(facts: Facts, lang: Lang, inside: Inside | None = None) -> str:
    """The report as text; equal arguments give equal bytes.

    Args:
        lang: the language that it opens in.
        inside: what is known of single records; with it, the page may not be published.
    """
    name = facts.metrics["dataset"]["name"]
    languages: tuple[Lang, ...] = (lang, *(each for each in get_args(Lang) if each != lang))
    mains = [_main(facts, inside, each, shown=each == lang) for each in languages]
    buttons = "".join(
        f'<button type="button" data-lang="{each}" lang="{TAGS[each]}" '
        f'aria-pressed="{json.dumps(each == lang)}">'
        f"{ {'zh': '中文', 'en': 'English'}[each] }</button>"
        for each in get_args(Lang)
    )
    switch = f'<div class="switch" role="group" aria-label="语言 Language" hidden>{buttons}</div>'
    data = _data(facts, inside) if inside else ""
    style = STYLE + _file("report.css")
    title = _title(name, inside, words_of(lang))
    return page(
        lang,
        title,
        f"<header>{switch}</header>{''.join(mains)}{data}",
        style=style,
        script=_file("report.js"),
    )


def _main(facts: Facts, inside: Inside | None, lang: Lang, *, shown: bool) -> str:
    words = words_of(lang)
    figures = drawings(facts, lang)
    title = _title(facts.metrics["dataset"]["name"], inside, words)
    links = "".join(f'<a href="#{key}-{lang}">{words.say(*name)}</a>' for key, (name, _) in SECTIONS.items())
    body = "".join(draw(facts, figures, inside, words) for _, draw in SECTIONS.values())
    warning = words.say("内部文件，不得公开", "Internal: must not be published")
    mark = f'<p class="internal">{warning}</p>' if inside else ""
    return (
        f'<main id="{lang}" lang="{TAGS[lang]}" data-title="{escape(title)}"{"" if shown else " hidden"}>'
        f'{mark}<h1>{escape(title)}</h1><nav aria-label="{words.say("目录", "Sections")}">{links}</nav>'
        f"{body}</main>"
    )


def _title(name: str, inside: Inside | None, words: Words) -> str:
    what = (
        words.say("内部数据报告", "Internal data report") if inside else words.say("数据报告", "Data report")
    )
    return words.say(f"{what}：{name}", f"{what}: {name}")


def _data(facts: Facts, inside: Inside) -> str:
    """What the box looks up, as JSON that cannot end the element it stands in."""
    recipe = facts.lock["recipe"]["stages"] if facts.lock else []
    stages = ["ingest", *(name for stage in recipe for name in stage)]
    codes: dict[str, set[str]] = {"stage": set(stages), "reason": set(), "split": set(), "type": set()}
    for life in inside.lives:
        for column, group in NAMED.items():
            codes[group].add(inside.texts[life[COLUMNS.index(column)]])
        codes["type"].update(inside.texts[kind] for kind, *_ in life[COLUMNS.index("found")])
    names = {
        lang: {
            group: {code: plain(words_of(lang).name(group, code)) for code in sorted(found - {""})}
            for group, found in codes.items()
        }
        for lang in get_args(Lang)
    }
    lives = [_trimmed(life) for life in inside.lives]
    data = {"texts": inside.texts, "stages": stages, "names": names, "lives": lives}
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return f'<script type="application/json" id="lives">{text}</script>'


def _trimmed(life: list[object]) -> list[object]:
    """Without what is empty at its end."""
    size = len(life)
    while size and not life[size - 1]:
        size -= 1
    return life[:size]


def _file(name: str) -> str:
    return resources.files("data_cards.report").joinpath(name).read_text(encoding="utf-8")
