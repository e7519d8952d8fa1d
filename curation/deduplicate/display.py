"""How a study looks: lines for a terminal, HTML for a notebook.

What only one text has is marked `[-so-]` and `{+so+}`, struck through and underlined as well as coloured, so
that it can be read without colour. HTML has red and blue papers with ink of their own, which the colour-blind
tell apart and which read alike on light and dark pages.
"""

from __future__ import annotations

import io
import re
from html import escape
from typing import TYPE_CHECKING

from curation.deduplicate.difference import Piece, shortened

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table
    from rich.text import Text

    from curation.deduplicate.report import Study
    from curation.deduplicate.shown import Cluster, Pair, Shown, Step
    from curation.lang import Lang

BEGINNING = 40
"""Characters of a cluster's text that are shown."""

_BAR = 20
_NARROW = 100
"""Columns of a terminal, from which on there is room for bars."""

_VETOES = {
    "numbers": ("数字", "numbers"),
    "dates": ("日期", "dates"),
    "document_number": ("文号", "document number"),
    "region": ("地区", "region"),
}
# Control characters could move the cursor, direction marks reorder the line; half a pair is no text.
_UNSHOWABLE = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


def study_text(study: Study, examples: int, width: int, colour: bool) -> str:
    """The curve, the least similar merged pairs, the variants, the largest clusters."""
    from rich.text import Text

    lang = study.lang
    parts: list[RenderableType] = [
        Text(_say(lang, "阈值曲线", "Threshold curve"), "bold"),
        _curve_table(study.curve, lang, bars=not width or width >= _NARROW),
    ]
    for title, pairs in _sections(study, examples):
        parts.append(_pieces(Text(f"{title}  ", "bold"), _legend(lang), lang))
        parts += [_pair_lines(pair) for pair in pairs]
        parts += [] if pairs else [Text(_say(lang, "  没有", "  none") + "\n")]
    if clusters := study.clusters(examples):
        parts.append(Text(_say(lang, "最大的簇", "Largest clusters"), "bold"))
        parts += [Text("\n".join(_cluster_lines(cluster, study))) for cluster in clusters]
    return _rendered(parts, width, colour)


def pair_text(pair: Pair) -> str:
    """One pair without colour."""
    return _rendered([_pair_lines(pair)], 0, False).rstrip("\n")


def study_html(study: Study, examples: int) -> str:
    lang = study.lang
    most = max((step.dropped for step in study.curve), default=0)
    rows = "".join(
        f'<tr style="{_OWN if step.own else ""}">'
        + "".join(f'<td style="{_CELL}">{value}</td>' for value in _step_cells(step, study.curve, lang))
        + f'<td style="padding:.2em .8em;min-width:12em;text-align:left"><div style="background:#0072b2;'
        f'height:.8em;width:{100 * step.dropped / max(most, 1):.1f}%"></div></td></tr>'
        for step in study.curve
    )
    heads = "".join(f'<th style="{_CELL}">{name}</th>' for name in (*_columns(study.curve, lang), ""))
    parts = [
        f'<h4 style="{_HEAD}">{_say(lang, "阈值曲线", "Threshold curve")}</h4>',
        f'<table style="border-collapse:collapse;color:inherit"><tr>{heads}</tr>{rows}</table>',
    ]
    legend = "".join(_piece_html(piece, lang) for piece in _legend(lang))
    for title, pairs in _sections(study, examples):
        parts.append(f'<h4 style="{_HEAD}">{title} {legend}</h4>{pairs._repr_html_()}')
        parts += [] if pairs else [f"<div>{_say(lang, '没有', 'none')}</div>"]
    if clusters := study.clusters(examples):
        parts.append(f'<h4 style="{_HEAD}">{_say(lang, "最大的簇", "Largest clusters")}</h4>')
        parts += [
            f'<div style="margin:.5em 0">{"<br>".join(map(_clean, lines))}</div>'
            for lines in (_cluster_lines(cluster, study)[:-1] for cluster in clusters)
        ]
    return f'<div class="tex2jax_ignore mathjax_ignore" lang="{lang}">{"".join(parts)}</div>'


def pair_html(pair: Pair) -> str:
    body = "".join(_piece_html(piece, pair.lang) for piece in shortened(pair.difference))
    return (
        f'<div class="tex2jax_ignore mathjax_ignore" lang="zh" style="{_CARD}">'
        f'<div style="font-size:.85em;opacity:.85">{_clean(_headline(pair))}</div>'
        f'<div style="white-space:pre-wrap;overflow-wrap:anywhere;line-height:1.8">{body}</div></div>'
    )


_HEAD = "margin:1em 0 .4em"
_CELL = "text-align:right;padding:.2em .8em;font-variant-numeric:tabular-nums"
_OWN = "font-weight:bold;outline:1px solid currentColor"
_CARD = "border-left:3px solid #767676;padding:.2em .8em;margin:.6em 0"
_STYLES = {
    "delete": ("del", "background:#ffd7d5;color:#7a0010;text-decoration:line-through"),
    "insert": ("ins", "background:#cfe4ff;color:#002f66;text-decoration:underline"),
}


def _piece_html(piece: Piece, lang: Lang) -> str:
    if piece.kind == "skipped":
        return f'<span style="opacity:.7;font-size:.85em">{_left_out(piece.length, lang)}</span>'
    said = _clean(piece.text)
    if piece.kind == "equal":
        return said
    tag, style = _STYLES[piece.kind]
    return f'<{tag} style="{style}">{said.replace(chr(10), "↵" + chr(10))}</{tag}>'


def _sections(study: Study, examples: int) -> list[tuple[str, Shown]]:
    lang = study.lang
    told = [(_say(lang, "最不相似的合并", "Least similar merged pairs"), study.least_similar(examples))]
    if variants := study.variants(examples):
        title = _say(lang, "因内容不同而都保留的变体", "Variants, kept because they differ in content")
        told.append((title, variants))
    return told


def _legend(lang: Lang) -> list[Piece]:
    told = (
        ("delete", _say(lang, "只在后一份", "only in the latter")),
        ("equal", " "),
        ("insert", _say(lang, "只在前一份", "only in the former")),
    )
    return [Piece(kind, said, len(said)) for kind, said in told]  # type: ignore[arg-type]


def _headline(pair: Pair) -> str:
    lang = pair.lang
    measure = _say(lang, "包含", "contained") if pair.contained else _say(lang, "相似度", "similarity")
    if pair.relation == "duplicate_of":
        said = _say(
            lang, f"去掉 {pair.name}，保留 {pair.ref_name}", f"{pair.name} dropped for {pair.ref_name}"
        )
    else:
        said = _say(lang, f"{pair.name} 是 {pair.ref_name} 的变体", f"{pair.name} variant of {pair.ref_name}")
    if pair.apart:
        names = (_say(lang, *_VETOES.get(veto, (veto, veto))) for veto in pair.apart)
        said += _say(lang, "，不同的是", ", they differ in ") + _say(lang, "、", ", ").join(names)
    # Rounded down: 0.7999 is not 0.8.
    return f"{measure} {int(pair.score * 1000) / 1000:.3f}  {said}"


def _cluster_lines(cluster: Cluster, study: Study) -> list[str]:
    lang = study.lang
    counts = [
        (cluster.kept, "保留", "kept"),
        (cluster.exact, "相同", "identical"),
        (cluster.near, "近似", "similar"),
        (cluster.contained, "被包含", "contained"),
        (cluster.variants, "变体", "variants"),
    ]
    told = ", ".join(f"{_say(lang, zh, en)} {count:,}" for count, zh, en in counts if count)
    names = ", ".join(cluster.names) + (
        f" … (+{more:,})" if (more := cluster.size - len(cluster.names)) else ""
    )
    text = study.first_of(cluster)
    begins = text[:BEGINNING] + ("…" if len(text) > BEGINNING else "")
    size = _say(lang, f"{cluster.size:,} 条", f"{cluster.size:,} records")
    return [f"  {size}: {told}", f"    {_safe(names)}", f"    {_safe(begins)}", ""]


def _curve_table(curve: list[Step], lang: Lang, *, bars: bool) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE, pad_edge=False)
    for name in _columns(curve, lang):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    most = max((step.dropped for step in curve), default=0)
    for step in curve:
        bar = "#" * round(_BAR * step.dropped / max(most, 1)) if bars else ""
        table.add_row(*_step_cells(step, curve, lang), bar, style="bold" if step.own else "")
    return table


def _columns(curve: list[Step], lang: Lang) -> list[str]:
    names = (
        ("阈值", "threshold"),
        ("去掉", "dropped"),
        ("保留", "kept"),
        ("相同", "identical"),
        ("近似", "similar"),
        *((("被包含", "contained"),) if _has_contained(curve) else ()),
        ("变体", "variants"),
    )
    return [_say(lang, *name) for name in names]


def _step_cells(step: Step, curve: list[Step], lang: Lang) -> list[str]:
    threshold = _say(lang, "相同", "identical") if step.threshold is None else f"{step.threshold:g}"
    counts = [step.dropped, step.kept, step.exact, step.near, step.contained, step.variants]
    if not _has_contained(curve):
        del counts[-2]
    return [("* " if step.own else "") + threshold, *(f"{count:,}" for count in counts)]


def _has_contained(curve: list[Step]) -> bool:
    return any(step.contained for step in curve)


def _pair_lines(pair: Pair) -> Text:
    from rich.text import Text

    said = _pieces(Text(f"  {_safe(_headline(pair))}\n  "), shortened(pair.difference), pair.lang)
    return said.append("\n")


def _pieces(said: Text, pieces: list[Piece], lang: Lang) -> Text:
    """The text, and the pieces behind it."""
    marks = {
        "delete": ("[-", "-]", "not bold red strike"),
        "insert": ("{+", "+}", "not bold green underline"),
    }
    for piece in pieces:
        if piece.kind == "skipped":
            said.append(_left_out(piece.length, lang), "dim")
        elif piece.kind == "equal":
            said.append(_safe(piece.text))
        else:
            before, after, style = marks[piece.kind]
            said.append(f"{before}{_safe(piece.text)}{after}", style)
    return said


def _rendered(parts: list[RenderableType], width: int, colour: bool) -> str:
    console = _console(width, colour)
    for part in parts:
        console.print(part, soft_wrap=not width)
    assert isinstance(console.file, io.StringIO)
    return "\n".join(line.rstrip() for line in console.file.getvalue().split("\n"))


def _console(width: int, colour: bool) -> Console:
    from rich.console import Console

    return Console(
        file=io.StringIO(),
        width=width or 200,
        force_terminal=colour,
        force_jupyter=False,  # there it would show itself instead
        color_system="standard" if colour else None,
        legacy_windows=False,
        highlight=False,
        markup=False,
        emoji=False,
    )


def _left_out(length: int, lang: Lang) -> str:
    return _say(lang, f"〈略{length:,}字〉", f"〈{length:,} left out〉")


def _say(lang: Lang, zh: str, en: str) -> str:
    return zh if lang == "zh" else en


def _safe(text: str) -> str:
    """On one line, without what a terminal obeys."""
    return _UNSHOWABLE.sub("\ufffd", text.replace("\r\n", "\n")).replace("\n", "↵").replace("\t", " ")


def _clean(text: str) -> str:
    """For HTML; what a page cannot hold shows as �."""
    return escape(_UNSHOWABLE.sub("\ufffd", text))
