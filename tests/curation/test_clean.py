"""Cleaning takes noise and leaves content."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation import records, stage
from curation.clean import Clean, clean_text
from curation.clean.stage import clean_column

NOISE = [
    "\u200b",
    "\ufeff",
    "\u00ad",
    "\x00",
    "\x0b",
    "\r\n",
    "\r",
    "\u2028",
    "\u3000",
    "\t",
    "\xa0",
    " ",
    "\n",
]
PIECES = [
    *NOISE, "_x000D_", "_x0009_", "<p>", "</p>", "<br/>", "<b>", "</b>", "&nbsp;", "&amp;", "&lt;", "p", ">",
    "<", "好", "１３８", "（一）", "2023", "，", "👩\u200d🚒", "\u180e",
]  # fmt: skip
texts = st.lists(st.sampled_from(PIECES), max_size=25).map("".join)


@pytest.mark.parametrize(
    ("dirty", "clean"),
    [
        ("\ufeff您好\u200b，\u00ad请问", "您好，请问"),
        ("第一行_x000D_\n第二行\r\n第三行\r第四行", "第一行\n第二行\n第三行\n第四行"),
        ("　　段首空格\n\n\n\n　　下一段 \t 继续  ", "段首空格\n\n下一段 继续"),
        ("<p>您好&nbsp;<b>请问</b></p><br/>谢谢", "您好 请问\n\n谢谢"),
        ("<div style='a'><script>var a = 1</script>您好</div>", "您好"),
    ],
)
def test_noise_goes(dirty: str, clean: str) -> None:
    assert clean_text(dirty) == clean


@pytest.mark.parametrize(
    "text",
    [
        "<通知>的附件见<第三页>",
        "若 a<b 且 c>d 则通过",
        "A&B公司 &lt;甲&gt;",
        "电话１３８，金额１，０００．５元",
        "消防员👩\u200d🚒来了",
        "第一条\n\n第二条",
    ],
)
def test_content_stays(text: str) -> None:
    assert clean_text(text) == text


@given(texts)
def test_cleaning_twice_changes_nothing(text: str) -> None:
    once = clean_text(text)
    assert clean_text(once) == once


@given(st.lists(st.none() | texts | st.text(), max_size=8))
def test_column_is_cleaned_as_its_texts_are(column: list[str | None]) -> None:
    valid = [text if text is None else text.encode("utf-8", "ignore").decode() for text in column]
    cleaned = clean_column(pa.chunked_array([pa.array(valid, pa.string())]))
    assert cleaned.to_pylist() == [text if text is None else clean_text(text) for text in valid]


def test_record_with_nothing_left_is_dropped() -> None:
    table = records.table(
        {"id": ["a", "b", "c"], "title": [None, " ", "标题"], "text": ["<p>\u200b</p>", None, " "]}
    )
    after = stage.run(Clean(), table)
    assert after["fate"].to_pylist() == ["dropped", "dropped", None]
    assert after["reason"].to_pylist() == ["empty_after_clean", "empty_after_clean", None]
    assert after["title"].to_pylist() == [None, "", "标题"]
