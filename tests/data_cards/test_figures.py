"""Figures show what was measured, and nothing else; what names in the data look like does not matter."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from curation.errors import UsageError
from data_cards import figures
from data_cards.cli import app
from data_cards.facts import Facts
from data_cards.figures import png
from data_cards.figures.charts import SHOWN, YEARS
from data_cards.figures.drawing import WIDTH, Drawing, Panel, Part, Row, cut, width

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def facts(invented: dict[str, Any]) -> Facts:
    names = ("screen", "clean", "deduplicate", "anonymise", "split")
    return Facts(copy.deepcopy(invented), {"recipe": {"stages": [{name: {}} for name in names]}})


def rows(drawing: Drawing) -> dict[str, str]:
    return {row.name: row.said for panel in drawing.panels for row in panel.rows}


def test_every_figure_has_both_languages_and_stands_alone(facts: Facts) -> None:
    made = figures.files(facts)
    names = ("funnel", "personal_data", "duplicates", "labels", "lengths", "years", "splits")
    assert list(made) == [f"figures/{name}.{lang}.svg" for lang in ("zh", "en") for name in names]
    assert made.keys() == figures.paths(".svg")
    for path, text in made.items():
        root = ElementTree.fromstring(text)
        assert root.get("role") == "img"
        said = [root.find(f"{SVG}{tag}") for tag in ("title", "desc")]
        assert root.get("aria-labelledby") == " ".join(
            str(each.get("id")) for each in said if each is not None
        )
        assert all(each is not None and each.text for each in said)
        assert "prefers-color-scheme:dark" in text and "PingFang SC" in text
        assert not re.search(r"url\(|@import|href|<script|http(?!://www\.w3\.org/2000/svg)", text)
        assert not re.search("[\u4e00-\u9fff]", root.find(f"{SVG}title").text or "") or ".zh." in path  # type: ignore[union-attr]
    assert figures.files(facts) == made


def test_the_description_states_the_data(facts: Facts) -> None:
    drawn = figures.drawings(facts, "zh")
    assert "去重 910（−270）" in drawn["funnel"].told
    assert "公开办公电话 保留 180" in drawn["personal_data"].told
    assert "训练集 800 · 88.9%" in drawn["splits"].told


def test_what_is_found_again_has_a_form_of_its_own(facts: Facts) -> None:
    before = figures.drawings(facts, "en")["personal_data"]
    assert "warning" not in before.panels[0].legend
    facts.metrics["pii"]["residual"]["rescan"]["by_type"] = {"PERSON": 4, "EMAIL_ADDRESS": 1}
    after = figures.drawings(facts, "en")["personal_data"]
    assert rows(after)["Name"] == "replaced 700 · still found 4"
    assert rows(after)["E-mail address"] == "still found 1"
    assert 'class="warning"' in after.file() and "still found" in after.panels[0].legend["warning"]


def test_nothing_measured_nothing_drawn(bare: dict[str, Any]) -> None:
    assert set(figures.drawings(Facts(bare, None), "zh")) == {"splits"}


def test_years_without_records_are_there_and_many_years_share_a_bar(facts: Facts) -> None:
    assert rows(figures.drawings(facts, "en")["years"])["2021"] == "0"
    facts.metrics["time"]["by_year"] = {str(year): 2 for year in range(1954, 2027)}
    shared = rows(figures.drawings(facts, "en")["years"])
    assert len(shared) <= YEARS and shared["1960–1964"] == "10"
    assert sum(int(said) for said in shared.values()) == 2 * 73


def test_values_beyond_the_shown_ones_stand_together(facts: Facts) -> None:
    counts = facts.metrics["labels"]["letters"]
    counts["values"] = {f"标签{number}": 100 - number for number in range(SHOWN + 5)}
    shown = rows(figures.drawings(facts, "zh")["labels"])
    assert len(shown) == SHOWN + 2
    assert shown["其他 7 种"] == str(sum(100 - number for number in range(SHOWN, SHOWN + 5)) + 6)


@settings(max_examples=60)
@given(
    named=st.lists(st.tuples(st.text(max_size=60), st.integers(0, 10**9)), min_size=1, max_size=5),
    kept=st.integers(0, 10**9),
)
def test_any_name_is_drawn_within_the_figure_as_text(named: list[tuple[str, int]], kept: int) -> None:
    made = [Row(name, [Part("whole", count), Part("hollow", kept)], f"{count:,}") for name, count in named]
    root = ElementTree.fromstring(Drawing("key", "title", [Panel(named[0][0], made)], "zh").file())
    height = float(root.get("height") or 0)
    assert {each.tag for each in root.iter()} <= {
        f"{SVG}{tag}" for tag in ("svg", "title", "desc", "style", "rect", "text")
    }
    for each in root.iter(f"{SVG}rect"):
        left, top = float(each.get("x") or 0), float(each.get("y") or 0)
        right, bottom = left + float(each.get("width") or 0), top + float(each.get("height") or 0)
        assert 0 <= left <= right <= WIDTH and 0 <= top <= bottom <= height


@given(text=st.text("字a1（", max_size=80), room=st.integers(20, 400))
def test_what_is_cut_fits_and_says_so(text: str, room: int) -> None:
    shown = cut(text, room)
    assert shown == text if width(text) <= room else width(shown) <= room and shown.endswith("…")


@pytest.fixture(scope="module")
def font() -> png.Font:
    pytest.importorskip("resvg_py", reason="the extra figures is not installed")
    try:
        return png.chinese_font()
    except UsageError:
        pytest.skip("no Chinese font here")


def test_pictures_are_the_same_each_time_and_hold_chinese(
    facts: Facts, font: png.Font, tmp_path: Path
) -> None:
    drawn = png.pictures(facts)
    assert drawn.keys() == figures.paths(".png")
    assert all(picture.startswith(b"\x89PNG") for picture in drawn.values())
    assert png.pictures(facts) == drawn
    for path, picture in drawn.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(picture)
    assert list(png.faults(tmp_path, facts)) == []
    # Two characters that a font lacks look the same; these do not.
    one, other = (
        Facts({**facts.metrics, "labels": {name: facts.metrics["labels"]["letters"]}}, None)
        for name in "府民"
    )
    path = "figures/labels.en.png"
    assert png.pictures(one)[path] != png.pictures(other)[path]


def test_a_picture_that_is_not_its_data_is_found(facts: Facts, font: png.Font, tmp_path: Path) -> None:
    for path, picture in png.pictures(facts).items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(picture)
    facts.metrics["splits"]["train"]["records"] += 1
    (tmp_path / "figures/years.zh.png").unlink()
    found = list(png.faults(tmp_path, facts))
    assert [line.partition(":")[0] for line in found] == [
        "figures/years.zh.png",
        "figures/splits.zh.png",
        "figures/splits.en.png",
    ]
    assert font.path.name in found[-1]


def test_the_command_draws_them_if_asked_and_not_again_if_not(folders: Any, font: png.Font) -> None:
    def drawn(*options: str) -> set[str]:
        told = CliRunner().invoke(app, ["build", str(folders.run), *options])
        assert told.exit_code == 0, told.output
        return {f"figures/{path.name}" for path in (folders.run / "figures").glob("*.png")}

    assert drawn() == set()
    assert drawn("--png") >= {"figures/funnel.zh.png", "figures/splits.en.png"}
    assert drawn() == set()


def test_without_a_chinese_font_it_says_how_to_get_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HOME", "XDG_DATA_HOME", "XDG_DATA_DIRS"):
        monkeypatch.setenv(name, str(tmp_path))
    with pytest.raises(UsageError, match="fonts-noto-cjk"):
        png.chinese_font()
    (tmp_path / "fonts/deep").mkdir(parents=True)
    (tmp_path / "fonts/deep/WQY-MicroHei.ttc").touch()
    assert png.chinese_font() == (tmp_path / "fonts/deep/WQY-MicroHei.ttc", "WenQuanYi Micro Hei")
