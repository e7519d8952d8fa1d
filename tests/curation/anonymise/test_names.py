"""Names: labels, introductions, lists, signatures, repeats; and the words that only look like names."""

from __future__ import annotations

import pytest

from curation.anonymise import names, tagger
from curation.anonymise.spans import view
from curation.anonymise.tagger import Entity


@pytest.fixture(scope="module")
def lac() -> tagger.Tagger:
    return tagger.load("lac")


def people(text: str, engine: tagger.Tagger) -> dict[str, str]:
    plain = view(text)
    (entities,) = names.entities([plain], engine)
    return {
        text[s.start : s.end]: s.type
        for s in names.find({"text": plain}, {"text": entities} if entities else {}, {})["text"]
    }


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("联系人：覃水生，电话", "覃水生"),
        ("当事人:高兴,男,汉族", "高兴"),
        ("法定代表人：欧阳修竹", "欧阳修竹"),
        ("联系人：买买提·艾力 电话", "买买提·艾力"),
        ("我叫和晓明，家住城东", "和晓明"),
        ("本人温良（身份证已附）", "温良"),
        ("反映人 马骏 2024年3月1日", "马骏"),
        ("特此反映。\n此致敬礼！\n时光\n2024年5月", "时光"),
        ("被告万事兴，女，1980年", "万事兴"),
        ("现由温良承办，请联系", "温良"),
    ],
)
def test_rules_find_names_without_any_engine(text: str, name: str) -> None:
    assert people(text, tagger.NoNames()).get(name) == "PERSON"


@pytest.mark.parametrize(
    "text",
    [
        "谢谢！于是马上就去了和平路。",
        "我们去黄山旅游，路过高明区。",
        "楚A12345的车停在路边",
        "尊敬的领导：您好",
        "〔2024〕12号文件规定的许可证",
        "请问何时安排施工，向上级反映",
        "关于城乡居民基本养老保险的通知",
        "党委书记、市长热线、班主任",
        "学习贯彻习近平新时代思想",
    ],
)
def test_words_that_look_like_names_stay(text: str, lac: tagger.Tagger) -> None:
    assert people(text, lac) == {}


@pytest.mark.parametrize(
    ("text", "found", "kind"),
    [
        ("隔壁王女士说", "王女士", "PERSON_HONORIFIC"),
        ("尊敬的胡书记：", "胡书记", "PERSON_HONORIFIC"),
        ("老刘说不行", "老刘", "PERSON_HONORIFIC"),
        ("由李副局长牵头", "李副局长", "PERSON_HONORIFIC"),
        ("原告陈某诉称", "陈某", "PERSON_MASKED"),
        ("王某某、李**均在场", "李**", "PERSON_MASKED"),
    ],
)
def test_titles_and_masked_names_have_types_of_their_own(
    text: str, found: str, kind: str, lac: tagger.Tagger
) -> None:
    assert people(text, lac).get(found) == kind


def test_neighbours_in_a_list_are_names() -> None:
    found = people("出席：张三丰、时光、向前、覃水生等四人", tagger.NoNames())
    assert {"张三丰", "时光", "向前", "覃水生"} <= set(found)


def test_a_name_found_once_counts_in_every_field() -> None:
    plain = {"title": "关于高兴来信的答复", "text": "我叫高兴，请帮忙。", "reply": "高兴同志：您好"}
    found = names.find(plain, {}, {})
    assert all(
        any(plain[field][s.start : s.end] == "高兴" for s in spans) for field, spans in found.items()
    ), found


def test_a_name_cut_short_is_extended_to_its_longest_form() -> None:
    plain = {"text": view("来电人：陈开球，反映问题"), "reply": "陈开球先生您好"}
    found = names.find(plain, {"reply": [Entity(0, 2, "PERSON")]}, {})["reply"]
    assert [(span.start, span.end) for span in found] == [(0, 3)]


def test_names_separated_by_spaces_stay_two() -> None:
    found = people("参会人员：张三丰 李四光", tagger.NoNames())
    assert {"张三丰", "李四光"} <= set(found)


def test_lines_keep_their_offsets() -> None:
    text = "第一句。第二句！\n" + "很长" * 300 + "，完\n\n"
    for start, line in names.lines(text):
        assert text[start : start + len(line)] == line
        assert len(line) <= names.MAX_LINE
