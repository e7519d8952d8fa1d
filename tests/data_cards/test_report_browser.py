"""The report in a real browser: no request, both languages, keyboard, a telephone, paper, accessibility."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from data_cards import report
from data_cards.answers import Answers
from data_cards.facts import Facts
from data_cards.report.inside import Dropped, Inside, Piece, Published

api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is missing")

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium, chromium-browser or google-chrome here"),
]

HOSTILE = "</script><img src=x onerror='window.hit=1'><script>window.hit=1</script>"
STAGES: list[dict[str, Any]] = [{"screen": {}}, {"deduplicate": {}}, {"anonymise": {}}, {"split": {}}]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def written(invented: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The internal report, which has everything that the public one has, with names that look like markup."""
    metrics = copy.deepcopy(invented)
    metrics["labels"]["letters"]["values"][HOSTILE] = 7
    metrics["funnel"]["screen"]["dropped"][HOSTILE] = 1
    texts = ["", "来信.xlsx", HOSTILE, "dropped", "deduplicate", "near_duplicate", "duplicate_of"]
    texts += ["kept", "train", "PERSON", "replace"]
    lives: list[list[Any]] = [
        ["d1", 1, 2, 12, 0, 3, 4, 5, 6, "k1", 0.87, 0, [[9, 2, 10]], 0, 0],
        ["k1", 1, 0, 4, 0, 7, 0, 0, 0, 0, 0, 8, [], 0, 0],
    ]
    shown = Published("k1", (Piece("来电人"), Piece("[姓名]", placeholder=True), Piece(HOSTILE)))
    dropped = {("deduplicate", "near_duplicate"): [Dropped("d1", 0.87, shown)]}
    inside = Inside(30_000, lives, texts, dropped, {"[姓名]": [shown]}, 900)
    lock = {
        "govtune": "0.1.0",
        "key": None,
        "packages": {"numpy": "2.0.0"},
        "recipe": {"name": "letters", "stages": STAGES},
    }
    before = copy.deepcopy(metrics) | {"labels": {}}
    path = tmp_path_factory.mktemp("report") / "report.html"
    answers = Answers.model_validate({"purpose": HOSTILE, "legal_basis": "《个人信息保护法》第十三条"})
    path.write_text(report.render(Facts(metrics, lock, answers, before), "zh", inside), encoding="utf-8")
    return path


class Opened:
    """The page, with everything that it asked for or complained about."""

    def __init__(self, chromium: Any, path: Path, **more: Any) -> None:
        self.context = chromium.new_context(**more)
        self.context.set_default_timeout(10_000)
        self.path = path
        self.asked: list[str] = []
        self.faults: list[str] = []
        self.page = self.context.new_page()
        self.page.route("**/*", self._answer)
        self.page.on("console", lambda line: self.faults.append(line.text))
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.goto(path.as_uri())

    def _answer(self, route: Any) -> None:
        self.asked.append(route.request.url)
        if route.request.url == self.path.as_uri():
            route.continue_()
        else:
            route.abort()

    def seen(self) -> list[str]:
        """The languages that are on the screen."""
        return [str(each.get_attribute("id")) for each in self.page.locator("main:visible").all()]

    def closed(self) -> None:
        assert self.asked in ([], [self.path.as_uri()])
        assert self.faults == []
        assert self.page.evaluate("window.hit") is None
        self.context.close()


def test_it_opens_without_a_request_and_switches_by_keyboard(chromium: Any, written: Path) -> None:
    opened = Opened(chromium, written)
    assert opened.seen() == ["zh"]
    for language, title in (("en", "Internal data report: letters"), ("zh", "内部数据报告：letters")):
        opened.page.locator(f".switch [data-lang={language}]").focus()
        opened.page.keyboard.press("Enter")
        assert opened.seen() == [language]
        assert opened.page.title() == title
        assert opened.page.evaluate("document.documentElement.lang") == {"zh": "zh-CN", "en": "en"}[language]
        assert opened.page.locator(".switch [aria-pressed=true]").get_attribute("data-lang") == language
    opened.page.reload()
    assert opened.seen() == ["zh"]  # nothing is remembered
    opened.asked = opened.asked[:1]
    opened.closed()


def test_the_first_key_strokes_reach_switch_and_sections(chromium: Any, written: Path) -> None:
    opened = Opened(chromium, written)
    reached = []
    for _ in range(5):
        opened.page.keyboard.press("Tab")
        reached.append(opened.page.evaluate("document.activeElement.textContent"))
    assert reached == ["中文", "English", "结论", "漏斗", "个人信息"]
    opened.page.keyboard.press("Enter")
    assert opened.page.evaluate("location.hash") == "#personal-zh"
    opened.context.close()


def test_a_record_is_looked_up_by_keyboard(chromium: Any, written: Path) -> None:
    opened = Opened(chromium, written)
    life = opened.page.locator("#life-zh")
    opened.page.locator("#record-zh").focus()
    opened.page.keyboard.type("d1")
    opened.page.keyboard.press("Enter")
    told = life.inner_text()
    for part in (
        "来信.xlsx",
        HOSTILE,
        "行 12",
        "数据读入 → 涉密筛查 → 去重",
        "姓名 × 2",
        "近似重复",
        "k1",
        "0.87",
    ):
        assert part in told
    opened.page.locator("#record-zh").fill(" k1 ")
    opened.page.keyboard.press("Enter")
    told = life.inner_text()
    assert "代表的重复记录" in told and "d1" in told and "训练集" in told and "划分子集" in told
    opened.page.locator("#record-zh").fill("constructor")
    opened.page.keyboard.press("Enter")
    assert "govtune explain" in life.inner_text()
    opened.closed()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_accessibility_has_no_serious_finding(
    chromium: Any, written: Path, language: str, scheme: str
) -> None:
    opened = Opened(
        chromium, written, color_scheme=scheme, viewport={"width": 390, "height": 844}, bypass_csp=True
    )
    opened.page.click(f".switch [data-lang={language}]")
    opened.page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true })")
    opened.page.fill(f"#record-{language}", "d1")
    opened.page.press(f"#record-{language}", "Enter")
    outcome = axe.Axe().run(opened.page).response
    assert len(outcome["passes"]) > 10
    found = outcome["violations"]
    assert [
        (each["id"], each["nodes"][0]["html"]) for each in found if each["impact"] in ("serious", "critical")
    ] == []
    opened.closed()


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_is_cut_off(chromium: Any, written: Path, language: str, width: int) -> None:
    opened = Opened(chromium, written, viewport={"width": width, "height": 844})
    opened.page.click(f".switch [data-lang={language}]")
    opened.page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true })")
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= width
    outside = opened.page.evaluate(
        """language => [...document.querySelectorAll(`#${language} .figure`)].filter((figure) =>
            [...figure.querySelectorAll("text")].some((text) => {
                const box = text.getBBox();
                return box.x < 0 || box.x + box.width > figure.viewBox.baseVal.width;
            })).map((figure) => figure.querySelector("title").textContent)""",
        language,
    )
    assert outside == []
    opened.closed()


def test_without_a_script_the_first_language_is_whole(chromium: Any, written: Path) -> None:
    opened = Opened(chromium, written, java_script_enabled=False)
    assert opened.seen() == ["zh"]
    assert opened.page.locator(".switch").is_hidden()
    assert opened.page.locator("#zh .verdict").is_visible()
    assert "govtune explain" in opened.page.locator("#lineage-zh").inner_text()
    assert opened.page.locator("#zh .lookup").is_hidden()
    opened.context.close()


def test_it_prints_on_white_a4_without_what_only_a_screen_needs(chromium: Any, written: Path) -> None:
    opened = Opened(chromium, written, color_scheme="dark")
    paper = opened.page.pdf(prefer_css_page_size=True, print_background=True)
    assert paper.startswith(b"%PDF") and paper.count(b"/Type /Page\n") in range(3, 25)
    opened.page.emulate_media(media="print", color_scheme="dark")
    assert opened.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert (
        opened.page.evaluate("getComputedStyle(document.querySelector('.figure .paper')).fill")
        == "rgb(255, 255, 255)"
    )
    assert opened.page.locator("header, nav, .lookup").locator("visible=true").count() == 0
    assert opened.page.locator("#zh .sign").is_visible()
    opened.closed()


def test_nothing_is_cut_off_on_paper(chromium: Any, written: Path) -> None:
    opened = Opened(chromium, written, viewport={"width": 673, "height": 1000})  # A4 without its margins
    opened.page.emulate_media(media="print")
    opened.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert opened.page.locator("#zh details:not([open])").count() == 0
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= 673
    opened.closed()
