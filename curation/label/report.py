"""The figures of a fit as one HTML file: no script, no outside request, and no text of any letter."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from curation.files import whole_file
from curation.label import selective
from curation.label.words import WORDS
from curation.lang import Lang
from curation.writing.html import matrix, table
from curation.writing.page import page

if TYPE_CHECKING:
    from curation.label.measured import LabelFitSummary

_SIZE, _EDGE = 320, 40
"""Width of a drawing's square, and of the margin for its scales."""

_CONFUSED = 3
"""Pairs of labels that are named as those most often confused."""

DRAWINGS = """
.drawings{display:flex;flex-wrap:wrap;gap:2rem;margin-top:2rem}
.line{fill:none;stroke:rgb(var(--hue));stroke-width:2}.dot{fill:rgb(var(--hue))}.mark{fill:var(--mark)}
.even{stroke:var(--soft);stroke-dasharray:4}
"""


def write(path: Path, fit: LabelFitSummary, lang: Lang = "zh") -> None:
    """Write the report.

    Raises:
        UsageError: the file cannot be written.
    """
    text = html(fit, lang)
    with whole_file(path) as aside:
        aside.write_text(text, encoding="utf-8", errors="backslashreplace")


def html(fit: LabelFitSummary, lang: Lang = "zh") -> str:
    """The report as text."""
    say = WORDS[lang]
    title = f"{say['title']}: {fit.taxonomy}" if lang == "en" else f"{say['title']}：{fit.taxonomy}"
    sections = [
        (None, _figures(fit, say)),
        (say["promises"], _promises(fit, say)),
        (None, f'<div class="drawings">{_coverage(fit, say)}{_reliability(fit, say)}</div>'),
        (say["classes"], _classes(fit, say)),
        (say["per_label"], _per_label(fit, say)),
        (say["confusion"], _confusion(fit, say)),
        (say["next"], _next(fit, say)),
    ]
    body = "".join((f"<h2>{name}</h2>" if name else "") + content for name, content in sections)
    return page(lang, title, f"<h1>{escape(title)}</h1>{body}", style=DRAWINGS)


def _figures(fit: LabelFitSummary, say: dict[str, str]) -> str:
    shown = [
        (f"{fit.macro_f1:.3f} ± {fit.macro_f1_spread:.3f}", say["macro_f1"]),
        (f"{fit.accuracy:.3f}", say["accuracy"]),
        (f"{sum(fit.gold.values()):,}", say["gold"]),
        (f"{fit.pool:,}", say["pool"]),
    ]
    boxes = "".join(f"<div><b>{figure}</b>{name}</div>" for figure, name in shown)
    how = say["how"].format(distinct=f"{fit.distinct:,}", repeats=fit.repeats)
    hard = say["unjudged"].format(n=f"{fit.unjudged:,}") if fit.unjudged else ""
    return f'<div class="big">{boxes}</div><p>{how}{hard}</p>'


def _promises(fit: LabelFitSummary, say: dict[str, str]) -> str:
    rows = []
    for asked, point in fit.operating_points.items():
        if point is None:
            rows.append([f"{asked:g}", say["none"], "", "", ""])
        else:
            rows.append(
                [
                    f"{asked:g}",
                    f"{point.coverage:.1%}",
                    *(f"{each:.3f}" for each in (point.precision, point.bound, point.threshold)),
                ]
            )
    head = [say[name] for name in ("asked", "coverage", "measured", "bound", "threshold")]
    return table(head, rows) + f"<p>{say['promise'].format(sure=f'{selective.CONFIDENCE:.0%}')}</p>"


def _coverage(fit: LabelFitSummary, say: dict[str, str]) -> str:
    low = max(0.0, math.floor(10 * min(point.precision for point in fit.curve)) / 10 - 0.1)
    drawn = [(point.coverage, (point.precision - low) / (1 - low)) for point in fit.curve]
    asked = fit.promised
    marks = []
    if asked is not None and (point := fit.operating_points[asked]):
        marks = [(point.coverage, (point.precision - low) / (1 - low))]
    return _drawing(
        say["curve"], say["coverage"], say["measured"], low, _path(drawn) + _dots(marks, "mark", 6)
    )


def _reliability(fit: LabelFitSummary, say: dict[str, str]) -> str:
    drawn = [(bar.confidence, bar.right) for bar in fit.reliability.bars]
    most = max((bar.n for bar in fit.reliability.bars), default=1)
    dots = "".join(
        _dots([(bar.confidence, bar.right)], "dot", 3 + 6 * (bar.n / most) ** 0.5)
        for bar in fit.reliability.bars
    )
    even = f'<line class="even" x1="{_x(0)}" y1="{_y(0)}" x2="{_x(1)}" y2="{_y(1)}"/>'
    name = f"{say['reliability']} ({say['off']} {fit.reliability.error:.3f})"
    return _drawing(name, say["confidence"], say["share_right"], 0.0, even + _path(drawn) + dots)


def _classes(fit: LabelFitSummary, say: dict[str, str]) -> str:
    head = [*(say[name] for name in ("label", "gold", "precision", "recall")), "F1"]
    rows = [
        [each.label, f"{fit.gold[each.label]:,}"]
        + [f"{figure:.3f}" for figure in (each.precision, each.recall, each.f1)]
        for each in fit.classes
    ]
    return table(head, rows)


def _per_label(fit: LabelFitSummary, say: dict[str, str]) -> str:
    head = [say[name] for name in ("label", "accepted", "measured", "bound", "alone")]
    rows = []
    for each in fit.per_label:
        if each.promised:
            alone = say["promised"].format(coverage=f"{each.promised.coverage:.0%}")
        elif each.missing is None:
            alone = say["too_wrong"]
        else:
            alone = say["missing"].format(n=f"{each.missing:,}")
        share = f"{each.right / each.accepted:.3f}" if each.accepted else "–"
        rows.append([each.label, f"{each.accepted:,}", share, f"{each.bound:.3f}", alone])
    return table(head, rows) + f"<p>{say['per_label_how']}</p>"


def _confusion(fit: LabelFitSummary, say: dict[str, str]) -> str:
    labels = list(fit.gold)
    shown = [number for number, row in enumerate(fit.confusion) if sum(row) or fit.gold[labels[number]]]
    rows = [(labels[right], [fit.confusion[right][guess] for guess in shown]) for right in shown]
    return f"<p>{say['confusion_how']}</p>{matrix([labels[guess] for guess in shown], rows)}"


def _next(fit: LabelFitSummary, say: dict[str, str]) -> str:
    """What more labels would help most."""
    labels = list(fit.gold)
    told = []
    if bare := [label for label, count in fit.gold.items() if not count]:
        told.append(say["bare"].format(labels=_listed(bare, say)))
    short = sorted(
        (each for each in fit.per_label if each.missing), key=lambda each: (each.missing, each.label)
    )
    told += [say["short"].format(label=escape(each.label), n=f"{each.missing:,}") for each in short]
    if wrong := [each.label for each in fit.per_label if each.missing is None]:
        told.append(say["unclear"].format(labels=_listed(wrong, say)))
    pairs = sorted(
        (
            (-count, right, guess)
            for right, row in enumerate(fit.confusion)
            for guess, count in enumerate(row)
            if count and right != guess
        )
    )[:_CONFUSED]
    told += [
        say["confused"].format(right=escape(labels[right]), guess=escape(labels[guess]), n=-count)
        for count, right, guess in pairs
    ]
    told.append(say["audit"])
    return "<ul>" + "".join(f"<li>{each}</li>" for each in told) + "</ul>"


def _listed(labels: Iterable[str], say: dict[str, str]) -> str:
    return say["comma"].join(map(escape, labels))


def _drawing(name: str, across: str, up: str, low: float, content: str) -> str:
    """A square with scales: 0 to 1 across, `low` to 1 upwards."""
    grid = ""
    for step in range(6):
        at = step / 5
        grid += (
            f'<line class="grid" x1="{_x(0)}" y1="{_y(at)}" x2="{_x(1)}" y2="{_y(at)}"/>'
            f'<text x="{_EDGE - 6}" y="{_y(at) + 4}" text-anchor="end">{low + at * (1 - low):.2f}</text>'
            f'<text x="{_x(at)}" y="{_y(0) + 16}" text-anchor="middle">{at:.1f}</text>'
        )
    side = _SIZE + 2 * _EDGE
    return (
        f'<figure><figcaption>{escape(name)}</figcaption><svg width="{side}" height="{side}" '
        f'viewBox="0 0 {side} {side}" role="img" aria-label="{escape(name)}">{grid}{content}'
        f'<text x="{_x(0.5)}" y="{side - 6}" text-anchor="middle">{escape(across)}</text>'
        f'<text x="{_EDGE}" y="{_EDGE - 12}">{escape(up)}</text></svg></figure>'
    )


def _path(points: Sequence[tuple[float, float]]) -> str:
    return f'<polyline class="line" points="{" ".join(f"{_x(x)},{_y(y)}" for x, y in points)}"/>'


def _dots(points: Iterable[tuple[float, float]], kind: str, size: float) -> str:
    return "".join(f'<circle class="{kind}" cx="{_x(x)}" cy="{_y(y)}" r="{size:.1f}"/>' for x, y in points)


def _x(share: float) -> float:
    return round(_EDGE + share * _SIZE, 1)


def _y(share: float) -> float:
    return round(_EDGE + (1 - share) * _SIZE, 1)
