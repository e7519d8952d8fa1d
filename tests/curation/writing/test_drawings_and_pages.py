"""Markdown becomes harmless HTML, curves stay in their drawing, and a page loads nothing."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from curation.writing.html import html, matrix, table
from curation.writing.page import page
from curation.writing.svg import Series, chart

VOID = {"meta", "line", "circle", "polyline"}
words = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=40)
number = st.floats(-1e12, 1e12, allow_nan=False).map(lambda value: float(f"{value:.9g}"))


class Read(HTMLParser):
    """Tags that are still open at the end, tags by name, and the text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert tag in VOID or self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@given(points=st.lists(st.tuples(st.integers(0, 10**6), number), min_size=1, max_size=20), zero=st.booleans())
def test_every_point_is_inside_the_drawing(points: list[tuple[int, float]], zero: bool) -> None:
    drawn = chart("name", [Series("one", sorted(points))], from_zero=zero and min(y for _, y in points) >= 0)
    assert not Read(drawn).open
    places = re.findall(r"(-?[\d.e+-]+),(-?[\d.e+-]+)", "".join(re.findall('points="(.*?)"', drawn)))
    for x, y in places:
        assert 0 <= float(x) <= 400 and 0 <= float(y) <= 240


def test_nothing_to_draw_is_not_drawn() -> None:
    assert chart("name", [Series("one", [])]) == ""


@given(words)
def test_what_people_named_never_becomes_markup(text: str) -> None:
    made = html([f"## {text}", "", f"- {text}", "", text]) + table([text], [[text]])
    read = Read(made + matrix([text], [(text, [3])]))
    assert not read.open
    assert read.tags <= {"h2", "ul", "li", "p", "code", "pre", "div", "table", "tr", "th", "td"}


def test_the_cards_markdown_becomes_html() -> None:
    lines = [
        "## Title",
        "",
        "| a | b |",
        "| --- | --- |",
        r"| x\|y | 12.5 |",
        "",
        "`c<d`",
        "",
        "- one",
        "- two",
        "",
        "end",
    ]
    assert html(lines) == (
        '<h2>Title</h2><div class="wide" tabindex="0"><table><tr><th scope="col" class="words">a</th>'
        '<th scope="col">b</th></tr><tr><td class="words">x|y</td><td>12.5</td></tr></table></div>'
        "<p><code>c&lt;d</code></p>"
        "<ul><li>one</li><li>two</li></ul><p>end</p>"
    )


def test_the_colour_of_a_cell_says_how_much_of_its_row_it_has() -> None:
    made = matrix(["a", "b"], [("a", [9, 1]), ("b", [0, 0])])
    assert '<td class="heat4">9</td><td class="heat1">1</td>' in made
    assert '<th scope="row">b</th><td></td><td></td>' in made


def test_a_page_allows_its_own_script_and_style_and_nothing_else() -> None:
    made = page("en", "a <b>", "<p>x</p>", style=".a{}", script="document.title='y'")
    allowed = re.search('Content-Security-Policy" content="(.*?)"', made)
    assert allowed
    for tag in ("style", "script"):
        held = re.search(f"<{tag}>(.*?)</{tag}>", made, re.DOTALL)
        assert held
        digest = base64.b64encode(hashlib.sha256(held[1].encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in allowed[1]
    assert "default-src 'none'" in allowed[1] and "unsafe" not in allowed[1]
    assert "<title>a &lt;b&gt;</title>" in made
    assert "script-src" not in page("zh", "a", "")
