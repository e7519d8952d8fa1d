"""Who acts in office stays in a document; who is a party to it does not, whatever the name."""

from __future__ import annotations

import pytest

from curation.anonymise import officials
from curation.anonymise.spans import Span, view


def acting(text: str, kind: str = "PERSON") -> frozenset[str]:
    """Who acts in office in a text in which the people stand in angle brackets."""
    spans: list[Span] = []
    plain = ""
    for part in view(text).split("<"):
        name, bracket, rest = part.rpartition(">")
        if bracket:
            spans.append(Span(len(plain), len(plain) + len(name), kind, 0.9, "test"))
        plain += name + rest
    return officials.acting({"text": plain}, {"text": spans})


@pytest.mark.parametrize(
    "text",
    [
        "市长<王伟>主持召开常务会议。",
        "市教育局局长<李建国>作工作报告。",
        "<王伟>局长要求各科室落实责任。",
        "<王伟>副市长带队检查。",
        "市委副书记、市长：<王伟>",
        "市政府党组成员、副市长<王伟>出席会议并讲话。",
        "会议由市政府副秘书长<陈刚>主持。",
        "会议由<陈刚>同志主持，研究了三项工作。",
        "审判长　<李明>",
        "审 判 员  <赵敏>",
        "书 记 员 <孙丽>",
        "人民陪审员<周涛>",
        "检察员<林峰>出庭支持公诉。",
        "首席仲裁员<许文>",
        "执法人员：<姚军>、陶亮",
        "组  长：<王伟> 市政府副市长",
        "副组长：<李强> 市教育局局长",
        "成　员：<张宏>　市财政局副局长",
        "成员：张宏、李娜、<吴刚>",
        "　　　　<吴刚>　县水利局党组书记",
        "出席：王伟、李强、<张宏>",
        "出席人员：<王伟>（市政府办公室）、李强",
        "参加人员：张宏（教育局）、<李娜>（财政局）",
        "列席：<周敏>",
        "记录：<刘芳>",
        "签发人：<王伟>",
        "任命<王伟>为市教育局局长。",
        "免去<王伟>的市财政局副局长职务。",
        "<王伟>同志任县水利局党组书记。",
        "县卫生健康委员会主任<郑华>表示支持。",
        "<王伟>，男，汉族，1975年生，现任市财政局局长，拟任市发展改革委主任。",
        "副县长兼公安局局长<何平>到会。",
        "总指挥：<高山> 县委副书记、县长",
        "<郑华>（市应急管理局副局长）",
        "由镇长<何平>任河长。",
        "派出所所长<秦勇>带队。",
        "时任局长<王伟>签字同意。",
        "现将<王伟>副县长的讲话印发给你们。",
        "县人民政府县长　<何平>",
        "召集人：<高山>",
        "经局党组书记<郑华>批准",
    ],
)
def test_people_in_office_are_known_by_what_stands_beside_them(text: str) -> None:
    assert len(acting(text)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "经办人：<王伟>",
        "联系人：<王伟>，电话0571-87654321",
        "被处罚人<王伟>，男，1980年生",
        "当事人<王伟>不服处罚决定。",
        "居民代表<张丰>发言。",
        "村民<王伟>反映道路破损。",
        "法定代表人：<陈刚>",
        "被告人<王伟>，原系市财政局局长",
        "原局长<王伟>受贿一案。",
        "前任镇长<何平>",
        "退休干部<何平>",
        "冒充局长<王伟>行骗",
        "幸福物业公司主任<王伟>",
        "业委会主任<李强>",
        "宏达有限公司总经理<李强>",
        "县人民医院院长<李强>",
        "村委会主任<李强>",
        "实验小学校长<李强>",
        "申请人：<王伟>，住清溪县",
        "<王伟>的妻子前来咨询。",
        "受害人<李娜>",
        "出席会议的企业代表<陈刚>",
        "个体工商户<王芳>",
        "获奖者：<王伟>",
        "被投诉人：<王伟>",
        "考生<李娜>",
        "<王伟>因病去世。",
        "市长热线接到<王伟>来电",
        "低保户<李强>",
        "局长的儿子<王伟>",
        "现场负责人<王伟>",
        "路过的<王伟>看见了",
        "死者<王伟>，女，42岁",
        "车主<王伟>与司机李强发生争执",
    ],
)
def test_private_people_are_no_officials(text: str) -> None:
    assert not acting(text)


def test_one_mention_in_office_counts_for_all_and_one_as_a_party_takes_it_back() -> None:
    assert acting("局长<王伟>到会。<王伟>指出问题。") == {"王伟"}
    assert not acting("局长<王伟>到会。投诉人<王伟>来电。")


@pytest.mark.parametrize(
    ("text", "kept"),
    [("<王局长>指出", True), ("<李法官>开庭", True), ("<王女士>来电", False), ("物业公司<王主任>", False)],
)
def test_a_surname_with_an_office_is_somebody_in_office(text: str, kept: bool) -> None:
    assert bool(acting(text, "PERSON_HONORIFIC")) is kept
