"""The administrative places a text names, from provinces to villages and communities.

Provinces and prefectures are known by name (`places`), with their suffix or without: 广东省 is 广东.
Any other place is the two or three characters before its suffix. Roads and housing estates are none.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from curation.deduplicate.veto.places import AMBIGUOUS, NOT_BEFORE, PREFECTURES, PROVINCES


def read(text: str) -> Iterator[str]:
    """The places named in a text, in their order; who only passed it on (柏台县人民政府转发) is not one."""
    text = _PASSED_ON.sub("", text)
    known_to = -1  # where a known name ended: the suffix after it says nothing more
    for match in _PLACE.finditer(text):
        said, start = match[0], match.start()
        if said not in _SUFFIXES:
            known_to = match.end()
            yield said
        elif start != known_to or text[start - 2 : start] == "吉林":  # a province, and a city of that name
            pattern = _VILLAGE_NAME if said in _OF_VILLAGES else _COUNTY_NAME
            if name := pattern.search(text, max(start - 3, 0), start):
                yield _plain(name[0]) + said


def _plain(name: str) -> str:
    """第3 as 第三, Ａ３ as A3."""
    name = unicodedata.normalize("NFKC", name)
    return name if name[0].isascii() else name.translate(_CHINESE_DIGITS)


# A line of its own above or below the text.
_PASSED_ON = re.compile(
    r"^[^\n]{0,40}(?:转发|转载)[：:]?[ \t\r\u3000]*$|^[ \t\u3000]*(?:转[自发载]自?|来源)[：:][^\n]{0,40}$",
    re.M,
)

_CHINESE_DIGITS = str.maketrans("0123456789", "〇一二三四五六七八九")
_CHARACTER = "\u3400-\u9fff"

# What belongs to no name: the end of a coarser place, and what leads over to the name.
_NOT_IN_NAME = (
    "的了是在到于从向由对和与及至去往为我你他她它们本该各其这那此某每贵全被把将请求望映诉报询议住给让或而但如因就跟悉且"
    "省市县区镇旗州道"
)
_LETTER = "[A-ZＡ-Ｚ][0-9０-９]{0,2}"
_HAN = rf"(?:(?![{_NOT_IN_NAME}])[{_CHARACTER}0-9０-９])"
_COUNTY_NAME = re.compile(rf"(?:{_LETTER}|{_HAN}{{1,2}})\Z")
_VILLAGE_NAME = re.compile(rf"(?:{_LETTER}|{_HAN}{{1,3}})\Z")

# The character before a suffix that makes it an ordinary word (城市, 小区), or the one after (市场).
_COUNTY = (
    "市(?<![城超夜菜股楼上集早黑房入开县地级街灯闹都省全我本该各]市)(?![场政民委长内容价值面井郊辖局直部上区里领公])"
    "|县(?<![贫困小大省半数知穷外邻市区郡州全我本该各]县)(?![城里委长级域政内外直局领])"
    "|区(?<![小社园景校辖地片郊市厂库街院宅墅县林矿牧灾疫战禁病特选学赛业务居游保考误盲专治发圈盆验范能设军胜全我本该各区]区)"
    "(?<![老新主心古]城区)(?<![困远大深老革寒]山区)(?![域间别分块划号内位])"
    "|旗(?<=[左右中前后治合]旗)"
)
_VILLAGE = (
    "镇(?<![城乡村重古名建县市强小集大老全我本该各镇]镇)(?![压静定痛上里江守])"
    "|乡(?<![城家老故下返同水异山民回全我本该各乡]乡)(?![村镇亲愁下土里友民音邻])"
    "|村(?<![农乡政然个驻进入下困空一全我本该各村]村)(?<!城中村)(?![民里庄镇级务规寨落居上间])"
    "|街道(?<![镇乡市城条个全我本该各]街道)(?![上旁边两口])"
    "|社区(?<![村镇道型化近个全我本该各]社区)(?![医卫矫团])"
    "|苏木|嘎查"
)


def _known() -> str:
    """The known names by their first character, so that a search skips what begins none of them."""
    no_road = "(?![东西南北中一二三]{0,2}(?:路|街|大道)|[岸侧])"
    suffix = rf"(?=市|地区|盟|州|[{_CHARACTER}]{{1,3}}族)"
    ambiguous = AMBIGUOUS.split()
    endings: dict[str, list[str]] = {}
    for name in sorted(f"{PROVINCES} {PREFECTURES}".split(), key=len, reverse=True):
        after = suffix if name in ambiguous else f"(?![{NOT_BEFORE[name]}])" if name in NOT_BEFORE else ""
        endings.setdefault(name[0], []).append(name[1:] + after)
    return "|".join(f"{first}(?:{'|'.join(rest)}){no_road}" for first, rest in endings.items())


# Every alternative begins with a character, so that the search is fast over all others.
_PLACE = re.compile(f"{_known()}|{_COUNTY}|{_VILLAGE}")
_OF_VILLAGES = frozenset(["镇", "乡", "村", "街道", "社区", "苏木", "嘎查"])
_SUFFIXES = _OF_VILLAGES | set("市县区旗")
