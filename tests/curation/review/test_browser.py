"""The page in a real browser: keyboard, personal data, two people, nothing lost, no request elsewhere."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from curation import curate, decisions, load
from curation.review import cases
from curation.run import Run

api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium, chromium-browser or google-chrome here"),
]

COMMAND = "import typer; from curation.review.cli import review; typer.run(review)"

RECIPE = """
schema: curation/1
name: odd
kind: letter
map: {id: [id], title: [title], text: [text]}
stages:
  - split: {by: id}
  - anonymise: {policy: letters, names: none, residual: none}
  - label: {taxonomy: letters}
"""

HTML = "<script>window.hit = 1</script><img src=x onerror='window.hit = 1'>&amp; 小区路灯不亮"
RARE = "😀𠮷家门口的路灯不亮，请找孙小美处理，电话13912345678。𠮷孙小美"


class Server:
    """`govtune review` in a process of its own."""

    def __init__(self, run: Path) -> None:
        self.run = run
        self.process = subprocess.Popen(
            [sys.executable, "-c", COMMAND, str(run), "--port", "0", "--size", "40"],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3]), "PYTHONUNBUFFERED": "1"},
        )
        assert self.process.stdout is not None
        self.address = self.process.stdout.readline().removeprefix("open: ").strip()

    def end(self, how: signal.Signals = signal.SIGINT) -> None:
        self.process.send_signal(how)
        self.process.wait(20)

    @property
    def said(self) -> list[decisions.Decision]:
        return decisions.in_force(decisions.read(Run(self.run).private / decisions.NAME))


@pytest.fixture
def server(run: Path) -> Iterator[Server]:
    started = Server(run)
    yield started
    started.process.kill()


@pytest.fixture
def odd(tmp_path: Path) -> Iterator[Server]:
    """Two records whose texts are hard to show."""
    (tmp_path / "odd.yaml").write_text(RECIPE, encoding="utf-8")
    rows = [{"id": "html", "title": "<b>标题</b>", "text": HTML}, {"id": "rare", "text": RARE}]
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (tmp_path / "in.jsonl").write_text(lines, encoding="utf-8")
    curate(load(str(tmp_path / "odd.yaml")), [tmp_path / "in.jsonl"], tmp_path / "odd")
    started = Server(tmp_path / "odd")
    yield started
    started.process.kill()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        )
        yield browser
        browser.close()


class Visit:
    """A person with a browser of their own, who uses nothing but the keyboard unless a test says so."""

    def __init__(self, chromium: Any, address: str, name: str, role: str = "annotator", **more: Any) -> None:
        self.context = chromium.new_context(**more)
        self.context.set_default_timeout(10_000)
        self.page = self.context.new_page()
        self.hosts: set[str | None] = set()
        self.faults: list[str] = []
        self.page.on("request", lambda request: self.hosts.add(urlsplit(request.url).hostname))
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("console", lambda line: self.faults.append(line.text))
        self.page.goto(address)
        self.page.locator("#name").focus()  # as the page does by itself where it has the window's focus
        self.page.keyboard.type(name)
        if role == "reviewer":
            self.press("Tab", "ArrowDown")
        self.press("Enter")
        self.page.wait_for_selector("#bar")
        self.settled()

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def settled(self) -> None:
        """Waits until a record, or the end, is on the screen."""
        self.page.wait_for_selector(
            "#label-panel:not([hidden]), #personal-panel:not([hidden]), #end:not([hidden])"
        )

    def sees(self, panel: str) -> None:
        self.page.wait_for_selector(f"#{panel}:not([hidden])")

    @property
    def record(self) -> str:
        return str(self.page.text_content("#record-id"))

    def label(self, *keys: str) -> str:
        """Answers the record on the screen with these keys, reads the result and goes on."""
        self.sees("label-panel")
        record = self.record
        self.press(*keys)
        self.sees("reveal-panel")
        self.press("Enter")
        self.page.wait_for_selector("#reveal-panel", state="hidden")
        self.settled()
        return record


def test_ten_records_by_keyboard_and_a_span_and_nothing_is_lost(chromium: Any, server: Server) -> None:
    visit = Visit(chromium, server.address, "王")
    names = visit.page.locator("#labels .name").all_text_contents()
    wanted = []
    for keys, value in [
        (("1",), names[0]),
        (("ArrowDown", "ArrowDown", "Enter"), names[1]),
        (("0",), None),
        (("ArrowUp", "Enter"), names[-1]),
        (("/", "0", "3", "Enter"), names[2]),
    ] * 2:
        wanted.append((visit.label(*keys), value))
    assert [(one.id, one.value) for one in server.said] == wanted
    assert all(one.by == "王" and one.seconds is not None and not one.shown.suggestion for one in server.said)
    # The last one is taken back, answered otherwise, and changed after the suggestion was read.
    visit.press("u")
    visit.page.wait_for_function(
        "id => document.getElementById('record-id').textContent === id", arg=wanted[-1][0]
    )
    visit.press("4")
    visit.sees("reveal-panel")
    visit.press("c")
    visit.sees("label-panel")
    visit.label("5")
    assert (server.said[-1].id, server.said[-1].value) == (wanted[-1][0], names[4])
    assert server.said[-1].shown.suggestion
    # A span is deleted, and the record's label is open still.
    while not visit.page.locator(".chip").count():
        visit.press("s")
        visit.page.wait_for_function(
            "id => document.getElementById('record-id').textContent !== id", arg=visit.record
        )
    before, chips = visit.record, visit.page.locator(".chip").count()
    visit.press("p")
    visit.sees("personal-panel")
    marks = visit.page.locator("mark").count()
    visit.press("ArrowRight")
    while visit.page.locator("mark.active.stays").count():
        visit.press("ArrowRight")
    visit.press("Delete", "Enter")
    visit.sees("label-panel")
    assert visit.record == before and visit.page.locator(".chip").count() == chips - 1
    assert len(server.said[-1].spans or ()) == marks - 1
    visit.context.close()
    # Closed, killed, opened again: everything is there and the person goes on where they were.
    said = server.said
    server.end(signal.SIGKILL)
    again = Server(server.run)
    try:
        back = Visit(chromium, again.address, "王")
        assert again.said == said
        assert back.record == before and back.page.locator(".chip").count() == chips - 1
        assert re.search(r"10 / \d+", str(back.page.text_content("#told")))
        assert back.faults == [] and visit.faults == []
        assert visit.hosts | back.hosts == {"127.0.0.1"}
    finally:
        again.process.kill()


def test_two_people_work_at_once(chromium: Any, server: Server) -> None:
    first, second = Visit(chromium, server.address, "王"), Visit(chromium, server.address, "李")
    mine, theirs = [], []
    for _ in range(3):
        assert first.record != second.record
        mine.append(first.label("1"))
        theirs.append(second.label("2"))
    assert len({*mine, *theirs}) == 6
    reviewer = Visit(chromium, server.address, "赵", "reviewer", locale="en")
    assert reviewer.record in (*mine, *theirs)
    assert reviewer.page.text_content("#revealed") == ""
    reviewer.press("3")
    reviewer.sees("reveal-panel")
    told = str(reviewer.page.text_content("#revealed"))
    assert ("王" if server.said[-1].id in mine else "李") in told
    assert server.said[-1].role == "reviewer"
    for visit in (first, second, reviewer):
        assert visit.faults == [] and visit.hosts == {"127.0.0.1"}
        visit.context.close()


def test_a_text_that_holds_html_is_shown_as_text(chromium: Any, odd: Server) -> None:
    visit = Visit(chromium, odd.address, "王<img src=x onerror='window.hit = 1'>")
    while visit.record != "html":
        visit.press("s")
        visit.page.wait_for_function("() => document.getElementById('record-id').textContent === 'html'")
    for key, panel in (("", "label-panel"), ("p", "personal-panel")):
        if key:
            visit.press(key)
        visit.sees(panel)
        assert visit.page.locator(".field.title .text").text_content() == "<b>标题</b>"
        assert visit.page.locator(".field.text .text").text_content() == HTML
        assert visit.page.locator("#texts img, #texts script, #texts b, header img").count() == 0
    assert visit.page.evaluate("window.hit") is None
    assert visit.faults == []


def test_places_count_characters_as_python_does(chromium: Any, odd: Server) -> None:
    """Before the spans stand an emoji and a rare character, each of two units in JavaScript."""
    visit = Visit(chromium, odd.address, "王")
    while visit.record != "rare":
        visit.press("s")
        visit.page.wait_for_function("() => document.getElementById('record-id').textContent === 'rare'")
    visit.press("p")
    visit.sees("personal-panel")
    found = cases.load(odd.run).cases(["rare"])[0].marks
    texts = [RARE[one.start : one.end] for one in found]
    assert visit.page.locator("mark").all_text_contents() == texts
    # A selection with the mouse, marked with a digit: the name behind 请找, which rules do not find.
    visit.page.evaluate(
        """() => {
            const body = document.querySelector(".original[data-field=text]");
            const walker = document.createTreeWalker(body, NodeFilter.SHOW_TEXT);
            for (let node = walker.nextNode(); node; node = walker.nextNode()) {
                const at = node.data.indexOf("家门口");
                if (at >= 0) getSelection().setBaseAndExtent(node, at, node, at + 3);
            }
        }"""
    )
    visit.page.wait_for_function("() => document.getElementById('mark-text').value === '家门口'")
    visit.press("3")
    # What is typed is marked wherever it stands.
    visit.press("/")
    visit.page.keyboard.type("孙小美")
    visit.press("Enter")
    visit.page.select_option("#more-types", "PERSON")
    visit.page.locator("#personal-save").focus()
    visit.press("Enter")
    visit.sees("label-panel")
    said = odd.said[-1].spans or ()
    assert ("家门口", "ADDRESS") in {(RARE[one.start : one.end], one.type) for one in said}
    assert sum(RARE[one.start : one.end] == "孙小美" for one in said) == 2
    assert {RARE[one.start : one.end] for one in said} == {*texts, "家门口", "孙小美"}
    assert visit.page.locator(".field.text .text").text_content().count("孙小美") == 0
    assert visit.faults == []


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_nothing_is_cut_off(chromium: Any, server: Server, width: int, scheme: str) -> None:
    size = {"width": width, "height": 844}
    visit = Visit(chromium, server.address, "王", viewport=size, color_scheme=scheme)
    for key, panel in (
        ("", "label-panel"),
        ("p", "personal-panel"),
        ("Escape", "label-panel"),
        ("1", "reveal-panel"),
    ):
        if key:
            visit.press(key)
        visit.sees(panel)
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
    assert visit.faults == []


def test_a_page_that_lost_its_server_says_so(chromium: Any, server: Server) -> None:
    visit = Visit(chromium, server.address, "王")
    record = visit.record
    server.end()
    visit.press("1")
    visit.page.wait_for_selector("#error:not([hidden])")
    assert "govtune review" in str(visit.page.text_content("#error"))
    assert visit.record == record
