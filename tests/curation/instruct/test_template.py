"""What placeholders become."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.instruct.template import fill, require_placeholders


@given(st.text(), st.text("{}titlextab%$<|> \n", min_size=1))
def test_what_a_record_says_comes_through_unchanged(title: str, text: str) -> None:
    assert fill("{title}", {"title": title or "有", "text": text}) == (title or "有")
    assert fill("问：{text}答：", {"title": title, "text": text}) == f"问：{text}答："


def test_a_line_without_anything_to_say_is_left_out() -> None:
    template = "标题：{title}\n内容：{text}\n\n请回答{title}{text}"
    assert fill(template, {"title": "", "text": "路灯坏了"}) == "内容：路灯坏了\n\n请回答路灯坏了"


def test_braces_that_hold_no_name_stay() -> None:
    assert fill('{"a": {}} {{title}}', {"title": "灯"}) == '{"a": {}} {灯}'


def test_an_unknown_placeholder_names_the_nearest() -> None:
    with pytest.raises(ValueError, match=r"unknown placeholder \{tilte\}; did you mean title\?"):
        require_placeholders("{tilte}", ["title", "text"])
