"""What a guide says under which heading."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from curation.ingest.mapping import compose
from curation.instruct.guide import choose, read_guide

HEADINGS = ["受理条件", "办理材料", "办理时间", "法定办结时限", "办结时限"]

VALUES = st.text("甲乙：:\n 0；[{受", min_size=1).filter(
    lambda value: value == value.strip() and value.casefold() not in ("", "/", "-", "—")
)


@given(st.dictionaries(st.sampled_from(HEADINGS), VALUES))
def test_what_was_composed_is_read_back(guide: dict[str, str]) -> None:
    assert read_guide(compose(guide.items()) or "", HEADINGS) == guide


def test_a_value_goes_on_over_lines_that_look_like_headings() -> None:
    text = "受理条件：一：年满十六周岁\n个人：本市户籍\n受理条件：同上\n办理时间：上午：9:00\n下午：2:00"
    assert read_guide(text, HEADINGS) == {
        "受理条件": "一：年满十六周岁\n个人：本市户籍\n受理条件：同上",
        "办理时间": "上午：9:00\n下午：2:00",
    }


def test_a_heading_that_the_cell_repeats_is_read_once() -> None:
    assert read_guide("办理材料：办理材料：户口簿", HEADINGS) == {"办理材料": "户口簿"}


def test_a_heading_without_a_value_says_nothing() -> None:
    assert read_guide("办理材料：\n受理条件： \n办理时间：全天", HEADINGS) == {"办理时间": "全天"}


def test_text_without_headings_says_nothing() -> None:
    assert read_guide("本中心周末不办公", HEADINGS) == {}


def test_wordings_vary_with_the_record_and_stay_with_it() -> None:
    wordings = ["怎么办？", "如何办理？", "流程是什么？"]
    chosen = [choose(wordings, str(number), "办理流程") for number in range(100)]
    assert set(chosen) == set(wordings)
    assert chosen == [choose(wordings, str(number), "办理流程") for number in range(100)]
