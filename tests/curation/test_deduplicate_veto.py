"""What keeps similar texts apart."""

from __future__ import annotations

import datetime as dt
import itertools
import subprocess
import sys
import time
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.deduplicate.veto import VETOES, Veto, combine, marks, signatures


def kept_apart(one: str, other: str, *vetoes: Veto) -> bool:
    first, second = signatures([one, other], vetoes)
    return bool(first != second)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("共300户", "共301户"),
        ("共三百户", "共四百户"),
        ("共十户", "共二十户"),
        ("第三季度", "第四季度"),
        ("罚款1.5元", "罚款15元"),
        ("罚款1.2万元", "罚款1.2元"),
        ("占5%", "占5‰"),
        ("完成三分之一", "完成三分之二"),
        ("两次来电", "三次来电"),
        ("5人到场，3人缺席", "5人到场"),
        ("二〇二三年", "二〇二四年"),
        ("早上8:30到", "早上8:45到"),
        ("早上8点到", "晚上8点到"),
        ("电话010-12345678", "电话010-12345679"),
        ("第一次反映", "反映"),
        ("依照国务院令第440号", "依照国务院令第441号"),
        ("壹万贰仟元", "壹万叁仟元"),
        ("A3号楼", "A4号楼"),
    ],
)
def test_different_numbers_keep_texts_apart(one: str, other: str) -> None:
    assert kept_apart(one, other, "numbers")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("共３００户", "共300户"),
        ("共三百户", "共300户"),
        ("一千零五十人", "1050人"),
        ("两千三百人，两千零三人", "2300人，2003人"),
        ("二〇二三年三月", "2023年03月"),
        ("金额1,234,567元", "金额1234567元"),
        ("金额1，234，567.00元", "金额1 234 567元"),
        ("金额1.2万元", "金额12000元"),
        ("金额壹万贰仟元整", "金额1万2千元整"),
        ("金额3亿5000万元", "金额3.5亿元"),
        ("一点五万元", "15000元"),
        ("罚款3-5万元", "罚款3万至5万元"),
        ("罚款5-10%", "罚款5%－10％"),
        ("占百分之五", "占5%"),
        ("完成三分之一", "完成1/3"),
        ("重5千克", "重5 克"),
        ("面积100m2", "面积100㎡"),
        ("电话138-1234-5678", "电话13812345678"),
        ("电话(010)12345678", "电话010－12345678"),
        ("下午3点半", "15:30"),
        ("8时30分", "８：３０"),
        ("8点开门", "8:00开门"),
        ("1、整改；2、赔偿", "①整改；②赔偿"),
        ("（1）整改\n（2）赔偿", "整改\n赔偿"),
        ("建一个站，共5户", "建1个站，建站，共5户，即5户"),
        ("十分感谢，千万注意", "非常感谢，万一注意"),
        ("统一办理", "一般办理"),
        ("合计20230305元", "合计20,230,305.00元"),
        ("队伍陆续到场", "队员陆续到场"),
    ],
)
def test_the_same_numbers_written_otherwise_do_not(one: str, other: str) -> None:
    assert not kept_apart(one, other, "numbers")


@pytest.mark.parametrize(
    ("one", "other", "apart"),
    [
        ("2023年3月5日", "2023年3月6日", True),
        ("2023年3月5日", "2023-03-05", False),
        ("2023年3月5日", "2023/3/5", False),
        ("2023年3月5日", "2023.03.05", False),
        ("2023年3月5日", "20230305", False),
        ("2023年3月5日", "23年3月5日", False),
        ("2023年3月5日", "２０２３年０３月０５号", False),
        ("2023年3月5日", "二〇二三年三月五日", False),
        ("2023年3月5日至8日", "2023年3月5-8日", False),
        ("2023年3月5日至8日", "2023年3月5日", True),
        ("2023年第一季度", "2023年第二季度", True),
        ("2023年第1季度", "2023年一季度", False),
        ("2023年上半年", "2023年下半年", True),
        ("本年上半年", "本年下半年", True),
        ("3月上旬", "3月下旬", True),
        ("3月5日，共7户", "3月5日，共8户", False),
    ],
)
def test_dates(one: str, other: str, apart: bool) -> None:
    assert kept_apart(one, other, "dates") is apart


@pytest.mark.parametrize(
    ("one", "other", "apart"),
    [
        ("根据某政办发〔2023〕5号文件", "依照某政办发[2023]5号文件", False),
        ("某政发〔2023〕5号", "某政发（2023）第05号", False),
        ("某政发〔2023〕5号", "某政发【２０２３】５号", False),
        ("某政发〔2023〕5号", "某政发〔2023〕6号", True),
        ("某政发〔2023〕5号", "某政发〔2024〕5号", True),
        ("某政发〔2023〕5号", "某民发〔2023〕5号", True),
        ("国务院令第五号", "国务院令第5号", False),
        ("国务院令第五号", "国务院令第六号", True),
        ("共5户", "共6户", False),
    ],
)
def test_document_numbers(one: str, other: str, apart: bool) -> None:
    assert kept_apart(one, other, "document_number") is apart


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("海淀区的通知", "朝阳区的通知"),
        ("广东的通知", "广西的通知"),
        ("第三社区", "第五社区"),
        ("张家庄村", "李家庄村"),
        ("沙坪街道", "沙河街道"),
        ("A市A3区", "A市A4区"),
        ("L10县", "L11县"),
        ("苏尼特左旗", "苏尼特右旗"),
        ("吉林省", "吉林市"),
    ],
)
def test_different_regions_keep_texts_apart(one: str, other: str) -> None:
    assert kept_apart(one, other, "region")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("在海淀区办理", "到海淀区办理"),
        ("在东区", "到东区"),
        ("广东省的通知", "广东的通知"),
        ("广西壮族自治区的通知", "广西的通知"),
        ("杭州市的通知", "杭州的通知"),
        ("延边朝鲜族自治州", "延边州"),
        ("海淀区，海淀区", "海淀区"),
        ("第3社区", "第三社区"),
        ("Ａ３区", "A3区"),
        ("我是汉回村的", "我是汉回村村民"),
        ("城市、超市、全市、我市、本市、市区、市场", ""),
        ("地区、辖区、小区、景区、园区、校区、社区卫生", ""),
        ("县里、农村、乡村、城乡、家乡、城镇、镇上", ""),
        ("中山路、北京路、南京西路", ""),
        ("河西安置房", "河东安置房"),
    ],
)
def test_the_same_regions_do_not(one: str, other: str) -> None:
    assert not kept_apart(one, other, "region")


def test_no_veto_keeps_nothing_apart() -> None:
    assert not kept_apart("2023年", "2024年")


CHINESE_DIGITS = str.maketrans("0123456789", "〇一二三四五六七八九")
FULL_WIDTH = str.maketrans("0123456789", "０１２３４５６７８９")

amounts = st.integers(2, 10**9)
dates = st.dates(dt.date(1950, 1, 1), dt.date(2099, 12, 31))
places = st.sampled_from(
    ["海淀区", "朝阳区", "大塘村", "沙坪街道", "平江县", "广东", "广西", "杭州", "第三社区", "A3区", "A4区"]
)


def amount_written(amount: int) -> list[str]:
    return [
        f"{amount}",
        f"{amount:,}",
        f"{amount:,}".replace(",", "，"),
        f"{amount:,}".replace(",", "\u00a0"),
        f"{amount}".translate(FULL_WIDTH),
        f"{amount}.00",
        f"{amount / 10**4:.4f}万",
        f"00{amount}" if amount > 9999999 else f"{amount}",
    ]


@given(amounts)
def test_any_amount_is_the_same_in_any_writing(amount: int) -> None:
    texts = [f"合计{written}元" for written in amount_written(amount)]
    assert len(set(signatures(texts, ["numbers"]))) == 1


@given(amounts, amounts)
def test_any_two_amounts_differ(one: int, other: int) -> None:
    texts = [f"合计{written}元" for amount in (one, other) for written in amount_written(amount)]
    assert len(set(signatures(texts, ["numbers"]))) == (1 if one == other else 2)


@given(dates, dates)
def test_any_date_is_the_same_in_any_writing_and_another_one_differs(one: dt.date, other: dt.date) -> None:
    def written(date: dt.date) -> list[str]:
        forms = ["%Y年%m月%d日", "%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y年%-m月%-d日", "%Y年%-m月%-d号"]
        texts = [f"{date:{form}}" for form in forms]
        year, _, rest = texts[4].partition("年")
        return [*texts, f"{year.translate(CHINESE_DIGITS)}年{rest}", texts[0].translate(FULL_WIDTH)]

    for veto in VETOES[:2]:
        assert len(set(signatures(written(one), [veto]))) == 1
    texts = [*written(one), *written(other)]
    assert len(set(signatures(texts, ["dates"]))) == (1 if one == other else 2)


@given(st.lists(st.tuples(places, amounts, dates), min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_neither_order_nor_repetition_matters(said: list[tuple[str, int, dt.date]], random: Random) -> None:
    paragraphs = [f"在{place}发放{amount}元。\n{date:%Y年%m月%d日}报送。\n" for place, amount, date in said]
    moved = [*paragraphs, paragraphs[0]]
    random.shuffle(moved)
    one, other = signatures(["".join(paragraphs), "".join(moved)], VETOES)
    assert one == other


@given(places, places, st.sampled_from(["在", "到", "，", "由", "关于", "\n", ""]))
def test_regions_differ_exactly_if_they_are_others(one: str, other: str, before: str) -> None:
    assert kept_apart(f"{before}{one}的居民", f"{other}的居民", "region") is (one != other)


@given(st.lists(st.text(max_size=40), max_size=5), st.sets(st.sampled_from(VETOES)))
def test_signatures_come_of_stored_marks_and_compare_like_the_columns(
    texts: list[str], vetoes: set[Veto]
) -> None:
    stored = marks(texts)
    assert stored.shape == (len(texts), len(VETOES))
    assert stored.dtype == np.uint64
    signed = signatures(texts, sorted(vetoes))
    assert (combine(stored, sorted(vetoes, reverse=True)) == signed).all()
    columns = stored[:, [VETOES.index(veto) for veto in sorted(vetoes)]]
    for one, other in itertools.combinations(range(len(texts)), 2):
        assert (signed[one] == signed[other]) == bool((columns[one] == columns[other]).all())


def test_marks_are_the_same_in_another_process() -> None:
    text = "某政发〔2023〕5号：海淀区2023年3月5日共300户"
    code = f"from curation.deduplicate.veto import marks; print(marks([{text!r}]).tolist())"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.strip() == str(marks([text]).tolist())
    assert len(set(marks([text])[0].tolist())) == len(VETOES)


def test_odd_text_has_a_signature() -> None:
    texts = [
        "",
        "\0",
        "\ud800第五次",
        "\ud800市\ud800区",
        "9" * 5000 + "号",
        "〔2023〕" + "9" * 5000 + "号",
        "亿万亿",
        "一" * 5000,
        "一" + "亿" * 5000,
        "第百第千个1.5.5.．点",
        "拾元壹元第十半年Q1",
    ]
    assert len(signatures(texts, VETOES)) == len(texts)


@given(
    st.text(
        alphabet="0１9,.，． 万亿千百十一二壹拾元点半分之第年月日号时:-至()（〔〕%‰市区县村A上下午晚令季Q",
        max_size=30,
    )
)
@settings(max_examples=300)
def test_no_text_of_figures_fails(text: str) -> None:
    assert len(signatures([text], VETOES)) == 1


@pytest.mark.parametrize(
    "piece",
    [
        "9",
        "一",
        "十",
        "区",
        "甲村",
        "1 234 ",
        "1,",
        "1-",
        "1.",
        "(1",
        "〔2023〕",
        "一分之",
        "壹",
        "北",
        "第",
        "点一",
    ],
)
def test_time_grows_with_length_only(piece: str) -> None:
    def seconds(length: int) -> float:
        text = (piece * (length // len(piece) + 1))[:length] + "1234"
        started = time.process_time()
        signatures([text], VETOES)
        return time.process_time() - started

    assert seconds(100_000) < 40 * seconds(10_000) + 0.2  # a square would be 100 times


@pytest.mark.parametrize(
    "line", ["柏台县人民政府办公室转发\n\n{}", "{}\n来源：海淀区政府网站", "{}\n朝阳区司法局转载\n"]
)
def test_who_passed_a_text_on_is_no_region_of_it(line: str) -> None:
    text = "岚溪市公安局文件\n工农路改造工程开工，自即日起封闭施工。"
    one, other = signatures([text, line.format(text)], ["region"])
    assert one == other


def test_a_region_in_a_sentence_that_asks_to_pass_on_counts() -> None:
    one, other = signatures([f"请转发给{place}各社区，谢谢。" for place in ("海淀区", "朝阳区")], ["region"])
    assert one != other
