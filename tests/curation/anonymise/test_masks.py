"""What of a value may be seen."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.anonymise import masks, policy
from curation.anonymise.generalise import generalise


@pytest.mark.parametrize(
    ("kind", "value", "masked"),
    [
        ("PERSON", "王芳", "王*"),
        ("PERSON", "王丽娟", "王**"),
        ("PERSON", "欧阳修", "欧阳*"),
        ("PERSON", "阿依古丽", "阿***"),
        ("PERSON", "John Smith", "J***"),
        ("PERSON_HONORIFIC", "王女士", "王**"),
        ("PERSON_HONORIFIC", "王芳老师", "王*老师"),
        ("PERSON_HONORIFIC", "老刘", "老*"),
        ("CN_MOBILE", "13812341234", "138****1234"),
        ("CN_MOBILE", "138-1234-1234", "138-****-1234"),
        ("CN_RESIDENT_ID", "110101199003074610", "1101*************0"),
        ("CN_BANK_CARD", "6222 0212 3456 7890 128", "6222 **** **** ***0 128"),
        ("CN_PLATE", "浙A8K329", "浙A****9"),
        ("EMAIL_ADDRESS", "zhang.san@163.com", "z***@163.com"),
        ("ADDRESS", "浙江省杭州市西湖区文三路12号", "浙江省杭州市西湖区***"),
        ("DATE_OF_BIRTH", "1985年3月12日", "1985年*月**日"),
        ("GPS", "30.27415,120.15515", "30.*****,120.*****"),
        ("QQ", "12345", "1***5"),
        ("ORGANIZATION", "王芳小吃店", "王****"),
    ],
)
def test_a_mask_leaves_what_is_usual(kind: str, value: str, masked: str) -> None:
    assert masks.mask(kind, value) == masked


@given(st.sampled_from(policy.TYPES), st.from_regex(r"\A[0-9A-Za-z一-龥]{6,20}\Z"))
def test_a_mask_hides_at_least_a_third(kind: str, value: str) -> None:
    if kind not in ("PERSON_HONORIFIC", "DATE_OF_BIRTH", "ADDRESS", "GPS", "EMAIL_ADDRESS"):
        assert (masks.mask(kind, value) or "***").count("*") >= 3


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("DATE_OF_BIRTH", "3月12日"),
        ("DATE_OF_BIRTH", "85年3月12日"),
        ("DATE_OF_BIRTH", "一九八五年十十月"),
        ("GPS", "北纬30°15′20″,东经120°10′5″"),
        ("GPS", "30°15.5′N"),
        ("GPS", "30.27,120"),
        ("EMAIL_ADDRESS", "zhangsan"),
        ("ADDRESS", "浙江省杭州市西湖区"),
        ("QQ", "--"),
    ],
)
def test_what_would_be_seen_whole_is_not_masked(kind: str, value: str) -> None:
    assert masks.mask(kind, value) is None


def test_a_name_that_was_masked_stays_masked() -> None:
    assert masks.mask("PERSON_MASKED", "王**") == "王**"


def test_han_zeros_are_masked() -> None:
    assert masks.mask("DATE_OF_BIRTH", "二〇〇五年三月二十日") == "二〇〇五年*月**日"
    assert masks.mask("DATE_OF_BIRTH", "一九八五年〇三月") is None


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("王芳", "王某"),
        ("欧阳修", "欧阳某"),
        ("阿依古丽", "阿某"),
        ("买买提·艾力", "买某"),
        ("John Smith", "J"),
        ("王女士", "王某"),
        ("老刘", "刘某"),
        ("陈某某", "陈某"),
    ],
)
def test_court_style_is_surname_and_mou(name: str, form: str) -> None:
    kind = "PERSON_HONORIFIC" if name in ("王女士", "老刘") else "PERSON"
    assert masks.court(kind, name) == form


@pytest.mark.parametrize(
    ("kind", "value", "level", "coarse"),
    [
        ("ADDRESS", "浙江省杭州市西湖区文三路12号", None, "浙江省杭州市西湖区"),
        ("ADDRESS", "浙江省杭州市西湖区文三路12号", "province", "浙江省"),
        ("ADDRESS", "浙江省杭州市西湖区文三路12号", "street", "浙江省杭州市西湖区文三路"),
        ("ADDRESS", "幸福小区3栋", "county", None),
        ("LOCATION", "浙江省杭州市", "province", "浙江省"),
        ("DATE_OF_BIRTH", "1985年3月12日", None, "1985年"),
        ("GPS", "30.27415,120.15515", None, "30.2,120.1"),
        ("GPS", "30.27415,120.15515", "degree", "30,120"),
        ("GPS", "三十度", None, None),
        ("GPS", "30°15.5′", None, None),
        ("GPS", "30°15′20.55″", "degree", None),
        ("GPS", "北纬30.27415°", "degree", "北纬30°"),
        ("GPS", "30.2,120.1", None, None),
        ("ADDRESS", "浙江省杭州市西湖区", None, None),
        ("IP_ADDRESS", "::1", None, "::/48"),
        ("IP_ADDRESS", "fe80::1:2", None, "fe80::/48"),
        ("IP_ADDRESS", "10.20.30.400", None, None),
        ("IP_ADDRESS", "10.20.30.40", None, "10.20.30.0/24"),
        ("IP_ADDRESS", "2001:db8:1:2:3:4:5:6", None, "2001:db8:1::/48"),
    ],
)
def test_what_is_generalised_says_less(kind: str, value: str, level: str | None, coarse: str | None) -> None:
    assert generalise(kind, value, level) == coarse
