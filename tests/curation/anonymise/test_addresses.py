"""Addresses that lead to a household are found from province to door; administrative places stay."""

from __future__ import annotations

import pytest

from curation.anonymise import addresses
from curation.anonymise.spans import view


def found(text: str) -> list[str]:
    return [text[span.start : span.end] for span in addresses.find(view(text))]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (
            "我家住浙江省杭州市西湖区文三路12号阳光小区3栋2单元501室，",
            "浙江省杭州市西湖区文三路12号阳光小区3栋2单元501室",
        ),
        ("位于和平区向阳路5号的门面", "和平区向阳路5号"),
        ("我是石桥镇大塘村3组村民", "石桥镇大塘村3组"),
        ("住在碧水园３栋２单元１５０２，", "碧水园３栋２单元１５０２"),
        ("地址：清溪县城关镇建设巷8号", "清溪县城关镇建设巷8号"),
        ("联系地址：锦绣花园东区 电话", "锦绣花园东区"),
        ("户籍地址：某某省清溪县石桥乡大塘村第四村民小组12号", "某某省清溪县石桥乡大塘村第四村民小组12号"),
        ("投诉金色家园5幢楼下的店", "金色家园5幢"),
        ("信请寄清溪市石桥县江畔一品15-4-104。", "清溪市石桥县江畔一品15-4-104"),
        ("我家在清溪市石桥县春晓里24栋6单元607，", "清溪市石桥县春晓里24栋6单元607"),
        ("我是住在石桥区书香名府18栋5单元2703的万里", "石桥区书香名府18栋5单元2703"),
    ],
)
def test_a_chain_to_the_door_is_one_address(text: str, address: str) -> None:
    assert address in found(text)


@pytest.mark.parametrize(
    "text",
    [
        "浙江省杭州市西湖区教育局",
        "12月5号下午在2号线坐车",
        "国发〔2024〕12号文件",
        "第3组组长说，1号文件",
        "家住杭州市西湖区，",
        "12345号工单",
        "表格3-12-104有误",
        "型号A-5-3-2020",
    ],
)
def test_places_that_lead_to_nobody_stay(text: str) -> None:
    assert found(text) == []
