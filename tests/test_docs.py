"""What the documentation says is so: commands parse and run, pages come in pairs, the site builds offline."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from itertools import takewhile
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq
import pytest
import typer

from govtune.cli import app

ROOT = Path(__file__).parents[1]
ENGLISH = sorted(
    path
    for path in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    if not path.name.endswith(".zh-CN.md")
)
COMMAND: Any = typer.main.get_command(app)
HAN = re.compile(r"[\u4e00-\u9fff]")
SHELL = ("|", ">", ">>", "&&", ";")


class Said(NamedTuple):
    """A command in a document: the words after `govtune`."""

    page: Path
    line: int
    words: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}: govtune {' '.join(self.words)}"


def said(page: Path) -> Iterator[Said]:
    """The `govtune ...` lines of blocks of code, without comments and what a shell does with them."""
    inside, whole, first = "", "", 0
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), start=1):
        if line.startswith("```"):
            inside = "" if inside else line.removeprefix("```").strip() or "text"
        elif inside in ("sh", "bash", "text") and (whole or line.removeprefix("$ ").startswith("govtune ")):
            whole, first = (whole + line, first) if whole else (line, number)
            if whole.endswith("\\"):
                whole = whole[:-1]
                continue
            words = shlex.split(whole.removeprefix("$ "), comments=True)
            if words[:1] == ["govtune"]:
                yield Said(page, first, tuple(takewhile(lambda word: word not in SHELL, words[1:])))
            whole = ""


def parse(words: tuple[str, ...]) -> None:
    """Ends with an error of the command line where the real one would, but runs nothing.

    Raises:
        Exception: no such command, option or choice; an argument is missing.
    """
    command, rest = COMMAND, list(words)
    while commands := getattr(command, "commands", None):
        if not rest or rest[0] not in commands:
            raise LookupError(f"no such command: {' '.join(rest[:1])}")
        command = commands[rest.pop(0)]
    with command.make_context(command.name, rest):
        pass


def chinese(page: Path) -> Path:
    return page.with_name(page.stem + ".zh-CN.md")


@pytest.mark.parametrize("page", ENGLISH, ids=lambda page: page.name)
def test_every_command_of_a_page_is_one_that_the_command_line_takes(page: Path) -> None:
    faults = []
    for each in (*said(page), *said(chinese(page))):
        try:
            parse(each.words)
        except Exception as error:
            faults.append(f"{each}: {getattr(error, 'message', error)}")
    assert not faults


@pytest.mark.parametrize(
    "line",
    ["curat letters", "card chek run", "card build run --langue en", "card build", "doctor --lang fr x"],
)
def test_a_command_that_there_is_not_is_noticed(line: str) -> None:
    with pytest.raises(Exception, match=r"(?i)no such|missing|unexpected|invalid"):
        parse(tuple(line.split()))


@pytest.mark.parametrize("page", ENGLISH, ids=lambda page: page.name)
def test_both_languages_of_a_page_show_the_same_commands(page: Path) -> None:
    """But for `--lang`, and for names of files that are Chinese in the Chinese page."""

    def shown(path: Path) -> list[str]:
        return [re.sub(r" --lang (zh|en)\b", "", " ".join(each.words)) for each in said(path)]

    def same(english: str, other: str) -> bool:
        pairs = zip(english.split(), other.split(), strict=False)
        alike = all(one == two or HAN.search(two) for one, two in pairs)
        return alike and len(english.split()) == len(other.split())

    assert chinese(page).is_file()
    english, other = shown(page), shown(chinese(page))
    assert len(english) == len(other)
    assert [pair for pair in zip(english, other, strict=True) if not same(*pair)] == []


def test_commands_are_found_in_the_documents() -> None:
    assert sum(1 for page in ENGLISH for _ in said(page)) > 80


@pytest.mark.parametrize("name", ["threat-model.md", "threat-model.zh-CN.md", "design.md", "design.zh-CN.md"])
def test_what_a_page_names_as_its_proof_is_there(name: str) -> None:
    text = (ROOT / "docs" / name).read_text(encoding="utf-8")
    named = re.findall(r"`((?:curation|data_cards|training|govtune)/[\w/.]+)`", text)
    assert [path for path in named if not (ROOT / path).exists()] == []
    assert len(named) > 10 or name.startswith("design")


ELSEWHERE = ("train", "evaluate", "verify", "export", "chat", "review")
"""Train a model, or wait for a person at a terminal or a browser: run by tests of their own."""

PEOPLE_FIRST = {
    "anonymise-bound": "nobody has read this record yet",
    "review-agreement": "nobody has labelled a record of it yet",
    "doctor": "",  # ends with 1 where something optional is missing
}
"""What ends otherwise than with 0 where no person has done their part, and what it says then."""

FUNCTIONS = """
from curation.label import labelling_function


@labelling_function(label="交通运输")
def bus(record):
    return "公交" in record["text"]
"""


@pytest.mark.slow
@pytest.mark.parametrize("page", ["README.md", "docs/tutorial.md"])
def test_the_commands_of_a_page_run_one_after_the_other(
    page: str, govtune: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run, identity = tmp_path / "run", "ID"
    for each in said(ROOT / page):
        if each.words[0] in ELSEWHERE:
            continue
        result = govtune(*(identity if word == "ID" else word for word in each.words))
        if result.code and each.words[0] in PEOPLE_FIRST:
            assert PEOPLE_FIRST[each.words[0]] in result.err, each
        else:
            assert result.code == 0, f"{each}: {result.err}"
        if each.words[0] == "sample":
            what_an_office_has(tmp_path)
        if each.words[0] == "curate":
            identity = pq.read_table(next((run / "data").glob("*.parquet")))["id"][0].as_py()
            shutil.copytree(run, tmp_path / "old-run")
            shutil.copytree(tmp_path / "run.private", tmp_path / "old-run.private")


def what_an_office_has(folder: Path) -> None:
    """The files that the commands of README.md name."""
    from openpyxl import Workbook

    records = folder / "sample" / "data" / "领导信箱.jsonl"
    lines = records.read_text(encoding="utf-8").splitlines(keepends=True)
    half = len(lines) // 2
    for name, part in (("letters", lines), ("monday", lines[:half]), ("tuesday", lines[half:])):
        (folder / f"{name}.jsonl").write_text("".join(part), encoding="utf-8")
    shutil.copy(folder / "sample" / "data" / "网民留言及答复.csv", folder / "labelled.csv")
    (folder / "mine.py").write_text(FUNCTIONS, encoding="utf-8")
    (folder / "KEY").write_text("k" * 44, encoding="utf-8")
    (folder / "keys").mkdir()
    (folder / "keys" / "VAULT-KEY").write_text("v" * 44, encoding="utf-8")
    book = Workbook()
    for row in (["一级分类", "二级分类"], ["城乡建设", "供水"], ["城乡建设", "道路"], ["环境保护", "噪声"]):
        book.active.append(row)
    book.save(folder / "categories.xlsx")


class Fetched(HTMLParser):
    """What a browser would fetch for a page."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in ("script", "img", "iframe", "source", "video", "audio", "embed"):
            self.addresses.append(given.get("src") or "")
        elif tag == "link":
            self.addresses.append(given.get("href") or "")


@pytest.mark.slow
def test_the_site_builds_strictly_in_both_languages_and_fetches_nothing_from_elsewhere(
    tmp_path: Path,
) -> None:
    pytest.importorskip("mkdocs_static_i18n", reason="needs the extra docs")
    for name in ("recipes", "curation", "training", "data_cards", "govtune"):
        (tmp_path / name).symlink_to(ROOT / name, target_is_directory=True)
    shutil.copytree(ROOT / "docs", tmp_path / "docs", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "mkdocs.yml", tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    pages = sorted((tmp_path / "site").rglob("*.html"))
    names = {path.relative_to(tmp_path / "site").as_posix() for path in pages}
    assert {"index.html", "en/index.html", "reference/cli.html", "en/reference/api.html"} <= names
    assert {name.removeprefix("en/") for name in names if name.startswith("en/")} == {
        name for name in names if not name.startswith("en/")
    } - {"404.html"}
    for path in pages:
        fetched = Fetched()
        fetched.feed(path.read_text(encoding="utf-8"))
        assert not [address for address in fetched.addresses if re.match(r"(https?:)?//", address)], path
    reference = (tmp_path / "site" / "reference" / "cli.html").read_text(encoding="utf-8")
    assert all(option in reference for option in ("--previous", "--key-file", "govtune card check"))
    index = (tmp_path / "site" / "search" / "search_index.json").read_text(encoding="utf-8")
    assert "去\u200b标\u200b识\u200b化" in index and "surrogate" in index
