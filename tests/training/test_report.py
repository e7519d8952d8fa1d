"""The report of a training stands alone, is drawn from its files, and shows no record."""

from __future__ import annotations

import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest
from typer.testing import CliRunner

from curation.errors import UsageError
from govtune.cli import app
from training import report
from training.run import TrainingRun

VOID = {"meta", "line", "circle", "polyline"}


class Page(HTMLParser):
    """Tags that are opened and closed, what they link to, and the text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.scripts, self.drawings = 0, 0
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "xlink:href")]
        self.scripts += tag == "script"
        self.drawings += tag == "svg"
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
def copied(trained: TrainingRun, tmp_path: Path) -> TrainingRun:
    shutil.copytree(trained.folder, tmp_path / "out")
    return TrainingRun(tmp_path / "out")


def test_a_training_writes_a_page_of_its_own(trained: TrainingRun, letter_file: Path) -> None:
    text = trained.report.read_text(encoding="utf-8")
    page = Page(text)
    assert (page.open, page.links, page.scripts) == ([], [], 0)
    assert "://" not in text and "url(" not in text and "@import" not in text
    assert page.drawings == 3
    for part in ("训练报告：small", "微调", "损失", "学习率", "计划与实测", "启动检查", "govtune verify"):
        assert part in page.text
    lock = trained.lock()
    assert lock["adapter"] in page.text and f"{lock['trained']['trainable']:,}" in page.text
    for row in map(json.loads, letter_file.read_text(encoding="utf-8").splitlines()):
        assert row["title"] not in text and row["text"] not in text


def test_it_is_in_the_language_that_is_asked_for_and_stays_in_it(copied: TrainingRun) -> None:
    told = CliRunner().invoke(app, ["report", str(copied.folder), "--lang", "en"])
    assert told.exit_code == 0
    english = copied.report.read_text(encoding="utf-8")
    report.write(copied.folder)
    assert copied.report.read_text(encoding="utf-8") == english
    body = re.sub("<style>.*?</style>", "", english, flags=re.DOTALL)
    assert "Planned and measured" in body and not re.search("[\u4e00-\u9fff]", body)


def test_figures_and_curves_are_those_of_the_files(copied: TrainingRun) -> None:
    figures = {"n": 8, "accuracy": 0.5, "interval": [0.2, 0.8], "by_label": {}}
    evaluation = {
        "base": {**figures, "macro_f1": 0.25},
        "tuned": {**figures, "macro_f1": 0.75},
        "baseline": None,
        "difference": {"accuracy": 0.0, "interval": [-0.2, 0.2]},
    }
    copied.evaluation.write_text(json.dumps(evaluation), encoding="utf-8")
    lines = [
        {"phase": "pretrain", "step": 1, "loss": 3.0, "lr": 1e-3, "tokens_per_second": 10.0},
        {
            "phase": "train",
            "step": 2,
            "validation_loss": 1.0,
            "validation_loss_by_source": {"a<b": 1.0, "二": 2.0},
        },
    ]
    copied.journal.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    report.write(copied.folder)
    text = copied.report.read_text(encoding="utf-8")
    page = Page(text)
    assert not page.open
    for part in ("0.250 → 0.750", "0.500 [0.200, 0.800]", "继续预训练", "验证 a<b", "验证 二", "差异不显著"):
        assert part in page.text
    assert page.drawings == 4  # three of pretraining, of tuning only the loss: nothing else was written down


def test_speed_and_memory_are_told_though_the_last_line_names_the_best_step(copied: TrainingRun) -> None:
    def told() -> list[str]:
        report.write(copied.folder, "en")
        text = copied.report.read_text(encoding="utf-8")
        return [*re.findall(r"<p>Speed: .*?</p>", text), *re.findall(r"<tr><td[^>]*>Peak</td>.*?</tr>", text)]

    before = told()
    assert len(before) == 2
    with copied.journal.open("a", encoding="utf-8") as journal:
        for more in ({"peak_memory_bytes": 1}, {"best_step": 1}):
            journal.write(json.dumps({"phase": "train", "step": 2, **more}) + "\n")
    assert told() == before


def test_a_folder_that_is_no_training_has_no_report(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not a finished training"):
        report.write(tmp_path)
