"""What a guide says under which heading, and where that is not certain."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.ingest.mapping import compose
from curation.instruct.guide import choose, read_guide

HEADINGS = ["受理条件", "办理材料", "办理时间", "法定办结时限", "办结时限"]
UNLISTED = ["温馨提示", "网办地址", "窗口时间", "【特别提示】", "  邮寄地址"]

FIRST_LINES = st.text("甲乙：:  0；[{受", min_size=1).filter(lambda line: line == line.strip())
MORE_LINES = st.sampled_from(
    [
        "1.材料：身份证",
        "（一）个人：户口簿",
        "二、单位：执照",
        "第三步：领证",
        "请带齐，原件：两份",
        "http://a.cn",
        "9:00起",
        "：乙",
    ]
)
VALUES = st.builds(
    lambda first, more: "\n".join([first, *more]), FIRST_LINES, st.lists(MORE_LINES, max_size=3)
)


@given(st.dictionaries(st.sampled_from(HEADINGS), VALUES))
def test_what_was_composed_is_read_back(guide: dict[str, str]) -> None:
    assert read_guide(compose(guide.items()) or "", HEADINGS) == (guide, frozenset(), True)


@given(st.dictionaries(st.sampled_from(HEADINGS + UNLISTED), st.sampled_from(["", "甲", "乙\n丙"])))
def test_no_value_holds_what_stands_under_another_heading(lines: dict[str, str]) -> None:
    read = read_guide("\n".join(f"{heading}：{value}" for heading, value in lines.items()), HEADINGS)
    assert read.said.items() <= lines.items()
    assert read.whole == (lines.keys() <= {*HEADINGS})


def test_a_line_under_a_heading_that_is_not_known_makes_the_value_before_it_unclear() -> None:
    text = "收费标准：\n温馨提示：请周三前来\n办理地点：一楼\n网办地址：http://x\n办理时间：全天"
    read = read_guide(text, ["收费标准", "办理地点", "办理时间"])
    assert read == ({"办理时间": "全天"}, frozenset({"收费标准", "办理地点"}), False)


def test_a_line_before_all_known_headings_belongs_to_none_of_them() -> None:
    read = read_guide("窗口时间：周一\n受理条件：年满十六周岁", HEADINGS)
    assert read == ({"受理条件": "年满十六周岁"}, frozenset(), False)


def test_a_heading_that_comes_again_under_another_makes_both_unclear() -> None:
    read = read_guide("办理材料：见下\n受理条件：成年\n办理材料：户口簿\n办理时间：全天", HEADINGS)
    assert read == ({"办理时间": "全天"}, frozenset({"办理材料", "受理条件"}), False)


def test_a_value_goes_on_over_colons_and_numbered_lines() -> None:
    text = "受理条件：一：年满十六周岁\n1.个人：本市户籍\n受理条件：同上\n办理时间：上午：9:00"
    assert read_guide(text, HEADINGS).said == {
        "受理条件": "一：年满十六周岁\n1.个人：本市户籍\n受理条件：同上",
        "办理时间": "上午：9:00",
    }


@pytest.mark.parametrize("text", ["办理材料：办理材料：户口簿", "办理材料：\n办理材料：户口簿"])
def test_a_heading_that_the_cell_repeats_is_read_once(text: str) -> None:
    assert read_guide(text, HEADINGS).said == {"办理材料": "户口簿"}


def test_a_heading_without_a_value_says_nothing() -> None:
    read = read_guide("办理材料：\n受理条件： \n办理时间：全天", HEADINGS)
    assert read == ({"办理时间": "全天"}, frozenset(), True)


def test_text_without_headings_says_nothing() -> None:
    assert read_guide("本中心周末不办公", HEADINGS).said == {}


def test_wordings_vary_with_the_record_and_stay_with_it() -> None:
    wordings = ["怎么办？", "如何办理？", "流程是什么？"]
    chosen = [choose(wordings, str(number), "办理流程") for number in range(100)]
    assert set(chosen) == set(wordings)
    assert chosen == [choose(wordings, str(number), "办理流程") for number in range(100)]
