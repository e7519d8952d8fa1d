"""Administrative divisions read from an address by their suffixes: 省, 市, 县 or 区, 镇 or 街道, 路 or 村.

No table of counties: a division is what ends in its suffix, so an unknown or invented one counts as well, and
a name without its suffix counts with what follows it (浙江杭州西湖区: province 浙江, county 杭州西湖区).
"""

from __future__ import annotations

from curation.anonymise.spans import Pattern

LEVELS = ("province", "city", "county", "town", "street")
"""From coarse to fine; `street` is a road or a village."""


def read(address: str) -> dict[str, int]:
    """The divisions that an address names from its beginning on: level to where its name ends.

    Args:
        address: on the view.
    """
    ends: dict[str, int] = {}
    at = 0
    while match := _DIVISION.match(address, at):
        level = _level(match, ends)
        if level is None:
            break
        at = match.end()
        ends[level] = at
        if level == "province" and match["municipality"]:
            ends["city"] = at
    if match := _TOWN.match(address, at):
        at = ends["town"] = match.end()
    if match := _STREET.match(address, at):
        ends["street"] = match.end()
    return ends


def within(address: str, level: str) -> str:
    """The address down to a level, or to the next coarser one that it names; empty where it names none."""
    ends = read(address)
    known = [ends[one] for one in LEVELS[: LEVELS.index(level) + 1] if one in ends]
    return address[: max(known, default=0)].strip(" ,")


def _level(match: object, ends: dict[str, int]) -> str | None:
    """The level of a division, given those before it; none where it cannot follow them."""
    suffix = match["suffix"]  # type: ignore[index]
    if suffix is None or suffix in ("省", "自治区", "特别行政区"):
        return None if ends else "province"
    if "county" in ends:
        return None
    if suffix in ("市", "自治州", "盟", "地区"):
        return "county" if "city" in ends else "city"
    return "county"


_NAMES = (
    "河北|山西|辽宁|吉林|黑龙江|江苏|浙江|安徽|福建|江西|山东|河南|湖北|湖南|广东|海南|四川|贵州|云南|陕西|"
    "甘肃|青海|台湾|内蒙古|广西|西藏|宁夏|新疆|香港|澳门"
)
_MUNICIPALITIES = "北京|天津|上海|重庆"
_SUFFIXES = "省市县区镇乡路街道村号"
# The first character is free (镇江市, 路桥区); after it, a suffix ends the name.
_WORD = rf"\p{{Han}}(?:(?![{_SUFFIXES}])\p{{Han}}){{0,9}}?"
_TRICKY = "沙市区|津市市|新市区|市中区|市北区|市南区|市辖区|新县|峰峰矿区|城区|郊区|矿区"
_NO_COUNTY = "(?<![小社园景校厂库街片院宅活属墅]区|作业区|工业区|服务区|住宅区|保护区)"
_DIVISION = Pattern(
    r"[ ,]*(?:"
    rf"(?P<municipality>(?:{_MUNICIPALITIES})(?:市|(?![路街大道市]))|(?:香港|澳门)特别行政区)"
    rf"|(?:{_NAMES})(?!省|市|路|街|大|道|镇|乡|村|回族|壮族|维吾尔|自治|特别)"
    rf"|(?:{_TRICKY})(?<=(?P<suffix>[市县区]))"
    rf"|{_WORD}(?P<suffix>特别行政区|自治区|自治州|自治县|自治旗|地区|省|市(?![场政民委内])|盟(?=\p{{Han}}{{1,9}}[旗市县])"
    rf"|县(?![城道政委内])|区{_NO_COUNTY}(?![内域间])|旗(?![区路街小镇乡村大社广花]))"
    ")"
)
_TOWN = Pattern(rf"[ ,]*{_WORD}(?:镇(?![江海])|乡|街道(?:办事处)?|苏木)")
_STREET = Pattern(
    r"[ ,]*\p{Han}(?:(?![省市县区镇乡号栋幢室])\p{Han}){0,11}?"
    "(?:大道|路|街|巷|弄|胡同|村|屯|嘎查)(?![口边旁])"
)
