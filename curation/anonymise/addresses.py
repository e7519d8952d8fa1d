"""Addresses: which stretch of text leads to a household.

A chain of province, city, county, town, road, estate is an ADDRESS only where it reaches detail (a house
number, a building, a unit, a room, a villagers' group) or where a label says so; a place that is merely
administrative stays.
"""

from __future__ import annotations

from collections.abc import Iterator

import regex

from curation.anonymise.spans import Pattern, Span, resolve

REACH = 32
"""Code points looked at to the left of the first detail."""


def find(plain: str) -> list[Span]:
    """ADDRESS spans in the view of a text, overlaps resolved."""
    return resolve([*_labelled(plain), *_detailed(plain)])


_NUMBER = (
    r"(?:\d{1,5}(?:[\-/]\d{1,4}){0,3}|[一二三四五六七八九十百零〇]{1,4}|[A-Za-z]\d{0,3}(?!\d)|[甲乙丙丁])"
)
_DIGITS = r"(?:\d{1,5}(?:-\d{1,4})?|[一二三四五六七八九十百零〇]{1,4})"
_ROAD = r"(?:路|街|道|巷|弄|胡同|里|段|大街|条)"
_VILLAGE = r"(?:村|社区|屯|寨|庄|村委会|居委会|农场|林场|大队)"
_ESTATE = (
    "(?:小区|花园|家园|公寓|新村|新城|苑|府|庭|轩|阁|园|湾|城|郡|墅|邸|寓|厦|广场|大院|宿舍|家属院|里|坊|"
    "社区|屯|庄|村|组|队)"
)
_BUILDING = r"(?:号楼|号栋|栋|幢|座|#楼|#栋|#)"
_MORE = (
    rf"(?:[ ,\-]?(?:\p{{Han}}{{0,8}}?){_NUMBER}(?:号楼|号院|号房|号|栋|幢|座|单元|室|房|户|层|楼|门|"
    rf"组|#)(?!线|文|令|公路|机|码|工单|店)|-\d{{1,4}}){{0,5}}"
    r"(?:[ \-]?\d{3,4}(?:室|房|户|号)?(?![0-9年元户人米平万吨]))?"
)
_DETAIL = Pattern(
    rf"(?:{_ROAD}[ ]?(?:\p{{Han}}{{0,2}})?{_DIGITS}号(?!线|文|令|公路|机|码|站)(?:院|附\d+号|之\d+)?"
    rf"|{_VILLAGE}[ ]?(?:(?!第)\p{{Han}}){{0,4}}?第?{_DIGITS}(?:村民小组|村民组|小组|组|社(?!区)|队)(?!长|织)"
    rf"|{_ESTATE}[ ]?(?:[东西南北]?区|[一二三四五六七八九\d]期)?[ ]?{_NUMBER}(?:号楼|号(?!线|文|令)|栋|幢|座)"
    rf"|(?<=\p{{Han}}){_NUMBER}{_BUILDING}(?=[ \-]?(?:\p{{Han}}{{0,1}}){_NUMBER}(?:单元|室|房|号|户|"
    rf"楼|层|门)|[ \-]?\d{{3,4}}(?![0-9年元人米平])|\p{{Han}}?单元)"
    rf"|村(?:(?![的民委里口支])\p{{Han}}){{1,3}}组(?![织长成建合团装])"
    rf"|(?:{_ROAD}|{_ESTATE})[ ]?\d{{1,3}}-\d{{1,2}}-\d{{2,4}}(?!\d)"
    rf"|(?<=[省市区县镇乡路街道]\p{{Han}}{{2,8}})[ ]?\d{{1,3}}-\d{{1,2}}-\d{{3,4}}(?![\d\-])"
    rf"|(?<=\p{{Han}}){_NUMBER}(?:单元){_NUMBER}(?:室|房|号|户|楼))"
    rf"{_MORE}"
)
_UNNAMED = Pattern(rf"(?:本|该|我们?)?(?:小区|社区|宿舍){_NUMBER}(?:栋|幢|座|号楼)")
_STOP_LEFT = Pattern(r"[,。;:!?、()\r\n\t\"“”'‘’《》<>【】\[\]|/]|(?<![省市区县镇乡村道路街])[ ]|[ ]{2,}")
_UNIT = Pattern(
    "省|自治区|市|州|盟|县|区|旗|镇|乡|街道|办事处|村|屯|路|街|大道|巷|弄|胡同|小区|花园|家园|公寓|"
    "苑|城|园|湾|府|广场|大厦"
)
_LEAD_IN = Pattern(
    ".*(?:家住|住在|住址|居住在|居住于|地址|位于|坐落于|坐落在|座落于|座落在|坐落|座落|户籍地|户籍|"
    "籍贯|现住|暂住|租住|原住|住所地|租赁|租用|购买|购得|入住|来自|前往|"
    "反映|投诉|举报|关于|发生|派往|赶到|送到|寄到|送至|寄至|请寄|寄往|寄|告知|请问|就是|咨询|建议|希望|该户|本人|"
    "我们|他们|我家|她家|他家|我是|呼吁|尽快|请求|恳请|改造|修复|事由|协议|明确|其中|领导来|领导到|综上|"
    r"在|于|住|到|是|的|从|至|往|去|系|了|因|年|日|月|时|称|们|我|将|把|对)",
    regex.DOTALL,
)
_LABEL = Pattern(
    "(?:(?:家庭|居住|联系|通讯|通信|户籍|身份证|收货|收件|邮寄|详细|现|经常居住|送达|事发|诉求)"
    "?(?:地址|住址|住所地?|居所)|户籍地|户籍所在地|户口所在地|居住地|现住|暂住地|家住|现居住在|"
    r"现居住于|居住在|居住于|租住在|租住于|暂住在|住在|住(?=\p{Han}{2,12}(?:小区|花园|家园|公寓|苑|"
    "村|路|街)))"
    r"(?:为|是|在|于|系)?[ ]?[:]?[ ]{0,3}"
    "(?P<value>(?:(?![ ]?(?:电话|手机|联系|邮编|身份|姓名|性别|邮箱|职业|民族|工作单位))"
    r"[^,。;:!?、()\[\]\r\n\t<>《》“”\"]){4,50})"
)
_PLACE = Pattern(
    "省|市|自治区|县|区|旗|镇|乡|街道|村|屯|路|街|大道|巷|弄|胡同|号|栋|幢|单元|室|楼|组|苑|花园|"
    "家园|公寓|小区|城|府|湾"
)
_ADMINISTRATIVE = Pattern(r"(?:\p{Han}{1,10}?(?:省|自治区|市|自治州|州|盟|地区|自治县|县|区|旗|镇|乡|街道))+")
_LAST = Pattern(
    "省|市|自治区|县|区|旗|镇|乡|街道|[村屯路街巷弄苑城府湾庭园邸墅轩院里庄期]|大道|胡同|小区|公寓|"
    "大厦|广场|宿舍|中心"
    rf"|{_NUMBER}(?:号楼|号院|号|栋|幢|座|单元|室|房|户|层|楼|门|组|队|社)|[组队](?![织长])|\d+(?=$|[^\d])"
)
_HOME = Pattern("小区|花园|家园|公寓|新村|社区|[苑庭墅邸园府湾]|广场|大厦|[路街巷弄]")
_TALK = Pattern(
    r"(?<=小区|花园|家园|公寓|[苑城府湾村组号栋幢室楼路街园]|\d{2})(?:的|里面|里|内|附近|旁边|旁|周边|门口|"
    "楼下|对面|居民|业主|村民|人|这边|已|有|因|反映|多年|期间|被|一直).*$",
    regex.DOTALL,
)


def _detailed(plain: str) -> Iterator[Span]:
    for match in _DETAIL.finditer(plain):
        start = _begin(plain, match.start())
        if match.end() - start >= 4 and not _UNNAMED.match(plain, start):
            yield Span(start, match.end(), "ADDRESS", 0.86, "address_detail")


def _begin(plain: str, detail: int) -> int:
    """Where the chain that leads to a detail begins."""
    floor = max(0, detail - REACH)
    for stop in _STOP_LEFT.finditer(plain, floor, detail):
        floor = stop.end()
    unit = _UNIT.search(plain, floor + 1, detail + 1)
    head = min(unit.start() if unit else detail, detail)
    if lead := _LEAD_IN.match(plain, floor, head):
        return int(lead.end())
    return max(floor, head - 8)


def _labelled(plain: str) -> Iterator[Span]:
    for match in _LABEL.finditer(plain):
        value = _TALK.sub("", match["value"]).rstrip()
        value = value[: max((last.end() for last in _LAST.finditer(value)), default=0)]
        if len(value) >= 4 and _PLACE.search(value) and not is_administrative(value):
            start = match.start("value")
            yield Span(start, start + len(value), "ADDRESS", 0.87, "address_label")


def is_administrative(value: str) -> bool:
    """Whether the value names a town or something larger, and nothing within it."""
    return bool(_ADMINISTRATIVE.fullmatch(value)) and not _HOME.search(value.replace("街道", ""))
