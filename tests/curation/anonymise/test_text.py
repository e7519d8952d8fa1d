"""A text by itself."""

from __future__ import annotations

import pytest

from curation.anonymise.text import detect_text
from curation.errors import UsageError

TEXT = "我叫覃水生，电话１３８１２３４５６７８。覃水生敬上。"


def test_what_is_found_is_found_wherever_it_stands() -> None:
    found = [(TEXT[one.start : one.end], one.type) for one in detect_text(TEXT, "none")]
    assert found == [("覃水生", "PERSON"), ("１３８１２３４５６７８", "CN_MOBILE"), ("覃水生", "PERSON")]


def test_the_default_engine_finds_them_too() -> None:
    assert {one.type for one in detect_text(TEXT)} == {"PERSON", "CN_MOBILE"}


@pytest.mark.parametrize("text", ["", "谢谢！", "国发〔2024〕12号"])
def test_nothing_personal_is_nothing(text: str) -> None:
    assert detect_text(text, "none") == []


def test_an_unknown_engine_is_told() -> None:
    with pytest.raises(UsageError, match="no such engine"):
        detect_text(TEXT, "spacy")
