"""A page of HTML that stands alone: what it looks like by day, by night and on paper, and what it may load.

Nothing is loaded from anywhere. A page with a script names the script by its digest, so that no other one
runs in it, whatever a label or a source is called.
"""

from __future__ import annotations

import base64
import hashlib
from html import escape
from pathlib import Path

from curation.lang import Lang

TAGS = {"zh": "zh-CN", "en": "en"}
"""BCP 47 tag of a language."""

GENERATOR = "govtune"
"""By which a page of ours is known."""

STYLE = """
:root{color-scheme:light dark;
--ink:#1d2433;--soft:#5c6678;--line:#d8dde6;--paper:#fff;--hue:36,99,181;--mark:#b3261e}
@media screen and (prefers-color-scheme:dark){:root{
--ink:#e4e8f0;--soft:#9aa5b8;--line:#38414f;--paper:#151a22;--hue:110,168,255;--mark:#ff8a80}}
body{margin:0 auto;max-width:66rem;padding:1.5rem;background:var(--paper);color:var(--ink);line-height:1.6;
font-family:system-ui,"PingFang SC","Microsoft YaHei","Noto Sans CJK SC","Source Han Sans SC",sans-serif}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2.2rem}p,li,figcaption{color:var(--soft)}
.big{display:flex;flex-wrap:wrap;gap:1rem}.big b{display:block;font-size:1.5rem}
.big div{border:1px solid var(--line);border-radius:.5rem;padding:.6rem 1rem}
.wide{overflow-x:auto}.wide+.wide{margin-top:1.2rem}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}
td,th{border-bottom:1px solid var(--line);padding:.3rem .6rem;text-align:right;white-space:nowrap}
td:first-child,th:first-child,.words{text-align:left}.heat td{text-align:center;border:1px solid var(--line)}
.heat1{background:rgba(var(--hue),.1)}.heat2{background:rgba(var(--hue),.2)}
.heat3{background:rgba(var(--hue),.3)}.heat4{background:rgba(var(--hue),.4)}
code{font-size:.9em;overflow-wrap:anywhere;white-space:normal}
figure{margin:0}svg{max-width:100%;height:auto}svg text{fill:var(--soft);font-size:11px}
.grid{stroke:var(--line)}
@page{size:A4;margin:16mm}
@media print{:root{color-scheme:light}body{max-width:none;padding:0;font-size:10pt}
h2,h3{break-after:avoid}figure,tr{break-inside:avoid}.wide{overflow:visible}
table,svg,.chip{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
"""


def page(lang: Lang, title: str, body: str, *, style: str = "", script: str = "") -> str:
    """The whole page; equal arguments give equal bytes.

    Args:
        title: plain text.
        body: HTML.
        style: rules besides those of every page.
        script: what runs when the page is there.
    """
    css = STYLE + style
    rules = ["default-src 'none'", f"style-src {_digest(css)}", "base-uri 'none'", "form-action 'none'"]
    if script:
        rules.append(f"script-src {_digest(script)}")
    last = f"<script>{script}</script>" if script else ""
    return (
        f'<!DOCTYPE html>\n<html lang="{TAGS[lang]}"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{"; ".join(rules)}">'
        f'<meta name="generator" content="{GENERATOR}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{css}</style></head>"
        f"<body>{body}{last}</body></html>\n"
    )


def is_ours(path: Path) -> bool:
    """Whether a file is a page that `page` made."""
    mark = f'<meta name="generator" content="{GENERATOR}">'.encode()
    with path.open("rb") as file:
        return mark in file.read(2_000)


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
