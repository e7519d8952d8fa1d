"""`card.yaml`: what people may write, and that a fault is one line with file and field."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from curation.errors import UsageError
from data_cards.answers import ANSWERS, Answers, read, template, write_template
from data_cards.cli import app
from data_cards.questions import QUESTIONS

TEXTS = st.text(st.characters(codec="utf-8", categories=("L", "N", "P")), min_size=1).filter(str.strip)


def test_every_field_has_a_question_and_every_question_a_field() -> None:
    assert [question.field for question in QUESTIONS] == list(Answers.model_fields)


def test_an_empty_form_asks_everything_and_answers_nothing(tmp_path: Path) -> None:
    path = write_template(tmp_path)
    text = path.read_text(encoding="utf-8")
    for question in QUESTIONS:
        for asked in (question.ask_zh, question.ask_en, f"\n{question.field}:\n"):
            assert asked in text
    assert read(tmp_path) == Answers()
    assert not any(Answers().answered(question.field) for question in QUESTIONS)


def test_a_form_that_is_there_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / ANSWERS).write_text("owner: 某局\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"card\.yaml: is there already"):
        CliRunner().invoke(app, ["init", str(tmp_path)], catch_exceptions=False)
    assert (tmp_path / ANSWERS).read_text(encoding="utf-8") == "owner: 某局\n"


def test_init_writes_the_form(tmp_path: Path) -> None:
    assert CliRunner().invoke(app, ["init", str(tmp_path)]).exit_code == 0
    assert (tmp_path / ANSWERS).read_text(encoding="utf-8") == template()


@given(TEXTS, TEXTS)
def test_what_is_written_is_what_is_read(zh: str, en: str) -> None:
    for written, lines in (
        (zh, ((zh.strip(),), (zh.strip(),))),
        ([zh, en], ((zh.strip(), en.strip()),) * 2),
        ({"zh": zh, "en": [en]}, ((zh.strip(),), (en.strip(),))),
        ({"zh": zh}, ((zh.strip(),), (zh.strip(),))),
    ):
        said = Answers.model_validate(yaml.safe_load(yaml.safe_dump({"purpose": written}))).purpose
        assert said
        assert (said.lines("zh"), said.lines("en")) == lines


@pytest.mark.parametrize("blank", ["", "  ", [], [""], {}, {"zh": "", "en": None}, None])
def test_nothing_written_is_no_answer(blank: Any) -> None:
    assert not Answers.model_validate({"owner": blank, "legal_basis": blank}).answered("owner")
    assert not Answers.model_validate({"owner": blank, "legal_basis": blank}).answered("legal_basis")


def test_legal_basis_is_that_of_the_source_else_that_of_all_others() -> None:
    answers = Answers.model_validate({"legal_basis": {"甲": "依据一", "*": {"zh": "依据二", "en": "second"}}})
    told = [answers.basis_of(source) for source in ("甲", "乙")]
    assert [each and each.text("en") for each in told] == ["依据一", "second"]
    alone = Answers.model_validate({"legal_basis": {"zh": "依据", "en": "basis"}}).basis_of("甲")
    assert alone
    assert alone.text("en") == "basis"
    assert Answers.model_validate({"legal_basis": {"甲": "依据"}}).basis_of("乙") is None


@pytest.mark.parametrize("written", ["一般数据", "一般", "general", "General"])
def test_level_is_one_of_the_standard(written: str) -> None:
    assert Answers.model_validate({"level": written}).level == "general"


@pytest.mark.parametrize("written", ["秘密", "机密级", "绝密★30年", "top secret", "Confidential"])
def test_state_secrets_are_refused(tmp_path: Path, written: str) -> None:
    (tmp_path / ANSWERS).write_text(f"level: {written}\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"card\.yaml: level: state secrets may not be here") as refused:
        read(tmp_path)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("written", "fault"),
    [
        ("purposes: x", "purposes: unknown key; did you mean purpose?"),
        ("contact: 01012345", "contact: numbers, dates, yes and no must stand in quotes"),
        ("approval: 2026-01-01", "approval: numbers, dates, yes and no must stand in quotes"),
        ("uses: [甲, {乙: 丙}]", "uses: must be text, a list of texts"),
        ("uses: {zh: 甲, fr: b}", "uses: must be text, a list of texts"),
        ("legal_basis: {信箱: 3}", "legal_basis.信箱: numbers, dates"),
        ("level: 三级", "level: is none of the levels of GB/T 43697"),
        ("target_records: '5'", "target_records: input should be a valid integer"),
        ("target_records: 0", "target_records: input should be greater than 0"),
        ("target_period: ['2025', '2021']", "target_period: must be two dates in order"),
        ("target_period: ['2021', '2021-13']", "target_period: must be two dates in order"),
        ("owner: 甲\nowner: 乙", "line 2: not valid YAML: owner stands twice"),
        ("- 甲", "the file is not a mapping"),
    ],
)
def test_a_fault_is_one_line_that_names_file_and_field(tmp_path: Path, written: str, fault: str) -> None:
    (tmp_path / ANSWERS).write_text(written, encoding="utf-8")
    with pytest.raises(UsageError) as refused:
        read(tmp_path)
    assert ANSWERS in str(refused.value)
    assert fault in str(refused.value)
    assert "\n" not in str(refused.value)


def test_without_a_form_nothing_is_answered(tmp_path: Path) -> None:
    assert read(tmp_path) == Answers()
