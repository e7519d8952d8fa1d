"""Divisions are read by their suffixes, and only they."""

from __future__ import annotations

import pytest

from curation.anonymise import places


@pytest.mark.parametrize(
    ("address", "county", "street"),
    [
        ("浙江省杭州市西湖区文三路12号", "浙江省杭州市西湖区", "浙江省杭州市西湖区文三路"),
        ("浙江杭州西湖区文三路12号", "浙江杭州西湖区", "浙江杭州西湖区文三路"),
        ("北京朝阳区建国路88号", "北京朝阳区", "北京朝阳区建国路"),
        ("清溪县建设巷8号", "清溪县", "清溪县建设巷"),
        ("荆州市沙市区北京路5号", "荆州市沙市区", "荆州市沙市区北京路"),
        ("津市市襄阳街道孟姜女大道3号", "津市市", "津市市襄阳街道孟姜女大道"),
        ("济南市市中区经七路12号", "济南市市中区", "济南市市中区经七路"),
        ("宁波市镇海区车站路8号", "宁波市镇海区", "宁波市镇海区车站路"),
        ("吉林省吉林市船营区松江路2号", "吉林省吉林市船营区", "吉林省吉林市船营区松江路"),
        ("湖南省湘西土家族苗族自治州吉首市人民路2号", "湖南省湘西土家族苗族自治州吉首市", None),
        ("内蒙古自治区锡林郭勒盟苏尼特右旗团结街3号", "内蒙古自治区锡林郭勒盟苏尼特右旗", None),
        ("上海市浦东新区张江镇香楠路88弄12号", "上海市浦东新区", "上海市浦东新区张江镇香楠路"),
        ("凉山州昭觉县四开乡好谷村2组", "凉山州昭觉县", "凉山州昭觉县四开乡好谷村"),
        ("浙江省 杭州市 西湖区", "浙江省 杭州市 西湖区", None),
        ("幸福小区3栋201", "", ""),
        ("科技园区8号", "", ""),
        ("阳光花园3栋1单元", "", ""),
        ("北京路12号", "", "北京路"),
    ],
)
def test_an_address_down_to_county_and_street(address: str, county: str, street: str | None) -> None:
    assert places.within(address, "county") == county
    if street is not None:
        assert places.within(address, "street") == street


def test_a_level_that_is_not_there_is_the_next_coarser_one() -> None:
    assert places.within("浙江省西湖区文三路", "city") == "浙江省"
    assert places.within("文三路12号", "city") == ""
