"""Identifiers that are no plain number with a shape: brackets, provinces, words, spoken digits, mail."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from curation.anonymise.identifiers import checks
from curation.anonymise.identifiers.birth import births
from curation.anonymise.identifiers.page import HAN, NUMERALS, PROVINCES, Page
from curation.anonymise.identifiers.phones import judged, types
from curation.anonymise.spans import Span

Found = Iterator[tuple[int, int, float]]


@dataclass(frozen=True, slots=True)
class Search:
    """One type of identifier that finds its own places in a text.

    Attributes:
        type, name: entity type, and this recogniser's own name.
        places: start, end and score of each finding.
        source: where the form is laid down.
        labels: kinds of label that name it; told to presidio as context words.
        gate: false where a text cannot hold one; never changes a finding.
    """

    type: str
    name: str
    places: Callable[[Page], Found]
    source: str
    labels: frozenset[str] = frozenset()
    gate: Callable[[Page], object] = lambda page: True

    def find(self, page: Page) -> list[Span]:
        """Findings of this search alone."""
        if not self.gate(page):
            return []
        found = [Span(start, end, self.type, score, self.name) for start, end, score in self.places(page)]
        return [judged(page.plain, span) for span in found] if found else found

    @property
    def types(self) -> tuple[str, ...]:
        """What its findings may be."""
        return types(self.type)


# --- case numbers: (2023)湘0104民初5512号, 某公行罚决字〔2024〕第00123号 ---

_YEAR = re.compile(r"(?:19|2[0O])[0-9O]{2}[ ]?(?:年度?)?[ ]?[)〕\]】>》}]")
_COURT = re.compile(
    rf"[ ]?(?:最高法|[{PROVINCES}黔内滇兵军] ?)[0-9A-Z{HAN} ]{{0,10}}?"
    r"[民刑行执破保赔知申审监仲调财清辖司认信诉恢]"
    rf"[{HAN} ]{{0,5}}?第?[ \n]{{0,2}}[0-9Ol]{{1,7}}(?:-[0-9]+)?[ ]?号?(?:之[一二三四五])?"
)
_WORDED = re.compile(
    rf"[ ]?[{HAN}]{{1,11}}[证调裁仲外民刑行执初终监申诉信访罚处认决]字"
    r"[ ]?第?[ ]?[0-9]{1,7}[ ]?号|[ ]?[热信访诉督转办查交复举投接派受]{1,3}字[ ]?第?[ ]?[0-9]{1,7}[ ]?号"
)
"""Notaries and mediators write the word behind the year: (2024)瓮银调字第22号."""
_SERIAL = re.compile(r"[ \n]{0,3}第?[ ]?[A-Za-z]{0,3}[\-]?[0-9Ol]{1,10}(?:-[0-9]{1,5})?[ ]?号?")
_HAN_LEAD = re.compile(rf"[ ]?[(\[〔【<《{{][ ]?第?(?:[ \n]{{0,2}}[{HAN}]|[ ]?\)[{HAN}]{{1,6}}\(){{1,18}}")
"""The letters of the issuer up to the bracket, read backwards: so only one place is tried."""
_LETTER_LEAD = re.compile("(?<![0-9A-Za-z])[A-Z]{2,6}$")
_OPEN = frozenset("([〔【<《{")
_CASE_WORDS = re.compile(
    # petitions and hotlines
    "访|信复|信受|信告|信答|信转|信督|信初|信登|热|诉|投|举|督字|转字|转办|交办|查字|询字"
    # penalties and orders
    "|罚|处决|处字|处告|行处|决字|行决|责改|责令|限改|强制|强拆|催告|告知|听告|陈告|没字|扣字|封字|城执|消终"
    # police and prosecutors
    "|立案|立字|立告|受案|受字|接警|警字|出警|报案|案字|拘|戒|缴|收教|取保|逮|批捕|监居|传字|送字|移$|移字|撤|死亡|救助"
    "|事故|事认|事字|事证|交认|认定|认字|刑协|刑查|检刑|检民|检未|检公|公[^告示文报开]*函$"
    # courts, mediators, arbitrators, notaries, examiners
    "|复决|复受|复字|复议|执字|不予|委赔|仲|裁|调字|调解|简调|人调|鉴|工认|工伤|公证|证民|证字|证经"
)
_ISSUER = re.compile("[发令函规电办会文通报价税综告纪政]字?第?$|人社|财社|民发|民函|公告|通告|任免|简报")
_PUBLISHED = re.compile("法释|发改|财采|发$|令$|函$|规$|电$|办$|会$|文$|规字$|通$")


def _bracketed_cases(page: Page) -> Found:
    plain = page.plain
    for start in page.bracketed:
        at = start - 1 if plain[start - 1] in _OPEN else start - 2
        if at < 0 or plain[at] not in _OPEN:
            continue
        year = _YEAR.match(plain, start)
        if not year:
            continue
        if lead_letters := _LETTER_LEAD.search(plain[max(0, at - 8) : at]):
            at -= len(lead_letters[0])
        if court := _COURT.match(plain, year.end()) or _WORDED.match(plain, year.end()):
            yield at, court.end(), 0.95
            continue
        serial = _SERIAL.match(plain, year.end())
        lead = serial and _HAN_LEAD.match(plain[max(0, at - 45) : at + 1][::-1])
        if serial and lead:
            yield from _administrative(page, at, serial.end(), lead[0][::-1])


_LEAD_CUT = re.compile(
    r".*(?:编号|单号|案号|文号|号码|号为|书号|证号|字号|文书|决定书|认定书|通知书|告知书"
    r"|意见书|调解书|裁决书|登记表|回执|"
    r"以|了|据|依|按|的|为|是|见|于|和|及|与|在|[信案访办]件|[工办处罚]单|将|收到|下达|作出"
    r"|发出|办理|受理号|工单|号)[ \n]*(?=.)",
    re.S,
)


def _administrative(page: Page, at: int, end: int, lead: str) -> Found:
    issuer = re.sub(r"[\s()\[〔【<《{第]+", "", lead[:-1])
    cut = _LEAD_CUT.match(lead)
    own = lead[cut.end() :] if cut else lead
    if len(own.rpartition("\n")[2]) > 3:
        own = own.rpartition("\n")[2]
    name = re.sub(r"[\s()\[〔【<《{第]+", "", own[:-1]) or issuer
    if _PUBLISHED.search(name) or (_ISSUER.search(name) and not _CASE_WORDS.search(name)):
        return
    begin = at - len(own.rstrip()) + 1
    while page.plain[begin] in " \n":
        begin += 1
    if _CASE_WORDS.search(name):
        yield begin, end, 0.95
        return
    label = page.label(begin, end)
    if "case" in label.kinds and len(label.gap) <= 1 and (label.numbered or not _ISSUER.search(name)):
        yield begin, end, 0.9


_CASE_LETTERS = "派接处罚信访受立转告调热诉投举督查询认复逮拘裁催"
_UNBRACKETED = re.compile(
    rf"(?<![0-9A-Za-z])[{HAN}()]{{1,12}}[{_CASE_LETTERS}][办决单件]?字[ ]?第?[ ]?"
    r"(?:20[0-9]{2}[ ]?第[ ]?[0-9]{1,8}[ ]?号?|20[0-9]{6,14}(?![0-9A-Za-z])[ ]?号?)"
    rf"|[{HAN}]{{1,3}}(?:信[登访转受办]|访[登字]|热[转办线])[ ]?20[0-9]{{2}}-[0-9]{{3,6}}(?![0-9])"
)


def _unbracketed_cases(page: Page) -> Found:
    """The agency's letters and a year that no bracket holds."""
    for start in page.years:
        window = page.plain[max(0, start - 20) : start + 24]
        for match in _UNBRACKETED.finditer(window):
            begin = max(0, start - 20) + match.start()
            cut = _LEAD_CUT.match(page.plain[begin:start])
            if start <= begin + len(match[0]):
                yield begin + (cut.end() if cut else 0), begin + len(match[0]), 0.91


# --- plates ---------------------------------------------------------------------------------------

_PLATE = re.compile(
    r"[A-HJ-Za-hj-z][ ]?[·.\-•,]?[ ]?(?:[DdFf][·.\-](?=[0-9]{5}))?(?=[A-Za-z ·]{0,6}[0-9])(?:"
    r"(?:[A-HJ-NP-Za-hj-np-z0-9][ ]?){4}[挂学警港澳领试超使临急](?!时)"
    r"|[A-HJ-NP-Za-hj-np-z0-9](?:[ ]?[A-HJ-NP-Za-hj-np-z0-9]){4,5}(?![0-9A-Za-z])[临领]?)"
)
_TRACTOR = re.compile(r"[0-9]{2}[ ]?[·.\-][ ]?[0-9]{5}(?![0-9A-Za-z.\-])")
_TEMPORARY = re.compile(r"[A-Z]?[ ·]?[临超试][ ·]?(?=[A-Z0-9]{0,4}[0-9]{2})[A-Z0-9]{4,6}(?![0-9A-Za-z])")
_EMBASSY = re.compile(r"使[ ·]?[0-9]{3}[ ·]?[0-9]{3}(?![0-9A-Za-z用])")
_EMBASSY_BEHIND = re.compile(r"[0-9]{3}[ ·]?[0-9]{3}[ ]?使(?!用)")
_ARMED_POLICE = re.compile(
    rf"WJ[ ·\-]?(?:[{PROVINCES}]?[ ·\-]?[0-9]{{4,6}}|[0-9]{{2}}[ ·\-][0-9]{{4}})[0-9A-Z]?(?![0-9A-Za-z])"
)
_PROVINCES = frozenset(PROVINCES)
_HALF = re.compile(
    rf"[{PROVINCES}][ ]?[A-HJ-Z][ ]?[·.]?[ ]?"
    r"(?=[0-9A-Z]{0,4}(?:[*?×_]|[ ]?(?:什么|多少|几几|几多|开头|打头|\.\.|…)))"
    r"[0-9A-Z]{0,4}[*?×_]{0,6}[0-9A-Z]{0,4}"
)
"""A plate of which a witness remembers a part."""
_RIDDEN = re.compile(
    r"(?:电动自?行?车|电瓶车|电摩|摩托车?|三轮车?|电驴)[ ]?(?P<value>[A-Z]{1,2}[0-9]{5,6})(?![0-9A-Za-z])"
)
_ARMY = re.compile(r"[A-Z]{1,2}[ ·\-]?[0-9]{5}(?![0-9A-Za-z])")
_LOCAL_PLATE = re.compile(r"[A-Z]?(?=[A-Z0-9]{0,5}[0-9])[A-Z0-9]{5,7}(?![0-9A-Za-z])")


def _plates(page: Page) -> Found:
    plain = page.plain
    for start in page.plates:
        at = start - 1 if plain[start - 1] != " " else start - 2
        before = plain[at] if at >= 0 else ""
        if before in PROVINCES and before:
            yield from _province_plate(plain, at, start)
        elif before == "临" and at > 1:
            begin = next(
                (at - back for back in (1, 2, 3) if plain[at - back : at - back + 1] in _PROVINCES), at - 2
            )
            if plain[begin] in PROVINCES and (match := _TEMPORARY.match(plain, begin + 1)):
                yield begin, match.end(), 0.9
        elif before == "使" and (match := _EMBASSY.match(plain, at)):
            yield at, match.end(), 0.9
        if plain.startswith("WJ", start):
            if match := _ARMED_POLICE.match(plain, start):
                yield start, match.end(), 0.93
        elif match := _EMBASSY_BEHIND.match(plain, start):
            yield start, match.end(), 0.9
    if "车" in plain or "牌" in plain:
        for match in _HALF.finditer(plain):
            yield match.start(), match.end(), 0.8
        for match in _RIDDEN.finditer(plain):
            yield match.start("value"), match.end("value"), 0.8
    if "牌" not in plain and "车号" not in plain:  # all labels of this kind have one of the two
        return
    for at in {*page.words, *(place.at for place in page.starts)}:
        if "plate" in page.before(at).kinds:
            yield from _labelled_plate(page, at)


def _province_plate(plain: str, at: int, start: int) -> Found:
    if plain[max(0, at - 2) : at] == "WJ" and (match := _ARMED_POLICE.match(plain, at - 2)):
        yield at - 2, match.end(), 0.93
        return
    match = _PLATE.match(plain, start) or _TEMPORARY.match(plain, start) or _TRACTOR.match(plain, start)
    if match and re.search("[0-9].*[0-9]", match[0]):
        yield at, match.end(), 0.9


def _labelled_plate(page: Page, start: int) -> Found:
    for shape in (_ARMY, _LOCAL_PLATE):
        match = shape.match(page.plain, start)
        if match and "plate" in page.label(start, match.end()).kinds:
            yield start, match.end(), 0.88
            return


# --- public numbers -------------------------------------------------------------------------------

_PUBLIC = re.compile(
    r"(?:0[0-9]{2,3}[ \-]{1,3})?(?:110|119|120|122|114|12[0-9]{3}|9[56][0-9]{3,4}"
    r"|100(?:00|10|86|01))"
    r"(?![0-9A-Za-z\-.~]|[ ]?[元万亿户人名吨亩米平个次件年月日号条%、/]?[元万亿户人名吨亩米平个次件%])"
)
_CALLING = re.compile(
    r"(?:拨打|致电|拨|打|电话|热线|来电|呼叫|电联|举报|叫|报警?|电|发给|方式|询)"
    r"(?:了|过|通|给|的|咨询|求助|为|是|号码|:|进|免费|全国|统一|\()*[:\"“「 ]*$"
)
_AND = re.compile(r"[ ]?(?:、|或者?|和|及|/|,)[ ]?")
_NAMED_LINE = re.compile(
    r"[\"”」]?(?:市民|政府|政务)?(?:服务)?(?:便民)?(?:平台|工单|转办|派单|系统|办|交办|受理|中心|指令)"
)


def _public_numbers(page: Page) -> Found:
    plain = page.plain
    last = -1
    for start in page.short:
        match = _PUBLIC.match(plain, start)
        if not match or (start and plain[start - 1] in ".-/:" and plain[start - 2 : start - 1].isdigit()):
            continue
        called = _CALLING.search(plain[max(0, start - 10) : start]) or (
            last >= 0 and _AND.fullmatch(plain, last, start)
        )
        if called and not _NAMED_LINE.match(plain, match.end()):
            last = match.end()
            yield start, match.end(), 0.9


# --- mail and handles -----------------------------------------------------------------------------

_MAIL_LOCAL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._%+\-]{0,63}[ ]?$")
_MAIL_HOST = re.compile(
    r"[ ]?(?:[A-Za-z0-9\-]{1,63}[ ]?(?:\.|。|点)[ ]?\n?){1,5}[A-Za-z]{2,12}(?![A-Za-z0-9])"
)


def _mail(page: Page) -> Found:
    plain = page.plain
    at = plain.find("@")
    last = 0
    while at >= 0:
        local = _MAIL_LOCAL.search(plain[max(last, at - 66) : at])
        host = _MAIL_HOST.match(plain, at + 1)
        if local and host:
            yield at - len(local[0]), host.end(), 0.95
            last = host.end()
        at = plain.find("@", at + 1)


_HANDLE = re.compile(r"[A-Za-z][A-Za-z0-9_\-]{5,19}(?![0-9A-Za-z@])(?!\.[a-z0-9])")
_LETTER_V = re.compile(r"(?:(?<![0-9A-Za-z])[Vv]|[微薇徽](?:❤️?)?|加[我他她])[:]?[ ]?$")
_CHOSEN = re.compile(
    "(?=[a-z]+[_0-9])[a-z][a-z0-9]*_[a-z0-9_]*[a-z0-9]|[a-z]{3,}[0-9]{3,}|[a-z]{2,}-[a-z0-9\\-]+[0-9]"
)
_AFTER_NAME = frozenset(":,、 \n|(是叫\t")
_CHATS = ("微信", "薇信", "加不上", "vx", "VX", "加好友", "个人号")
_QQ_NUMBER = re.compile("(?i)qq?[0-9]{5,11}")


def _handles(page: Page) -> Found:
    for start in page.words:
        match = _HANDLE.match(page.plain, start)
        if match and not _QQ_NUMBER.fullmatch(match[0]) and _is_handle(page, start, match[0]):
            yield start, match.end(), 0.93


def _may_chat(plain: str) -> bool:
    """Any of the words for WeChat, told by one character of each: far cheaper than reading labels."""
    return (
        "微" in plain
        or "v" in plain
        or "V" in plain
        or "x" in plain
        or "X" in plain
        or "hat" in plain
        or "薇" in plain
        or "加" in plain
        or "威信" in plain
        or "徽信" in plain
        or "卫星" in plain
    )


def _is_handle(page: Page, start: int, word: str) -> bool:
    if page.plain[start - 1 : start] in _AFTER_NAME and _CHOSEN.fullmatch(word):
        said = page.plain[max(0, start - 200) : start]
        if any(word in said for word in _CHATS):
            return "other" not in page.before(start).kinds
    label = page.before(start)
    if word.startswith("wxid_") or ("wechat" in label.kinds and not label.far):
        return True
    if _LETTER_V.search(page.plain, max(0, start - 5), start):
        return True
    return label.far and "wechat" in page.column(start).kinds and page.column(start).word != ""


_ANGLE = (
    r"[0-9]{1,3}(?:\.[0-9]+)?[ ]?[°度](?:[ ]?[0-9]{1,2}(?:\.[0-9]+)?[ ]?['′‘’分])?"
    r"(?:[ ]?[0-9]{1,2}(?:\.[0-9]+)?[ ]?(?:[\"″”“秒]|''|′′))?[ ]?[ENen]?"
)
_COORDINATES = re.compile(
    rf"(?:(?:东经|北纬|经度|纬度)[:=为]?[ ]?|[EN][: ]?)?{_ANGLE}"
    rf"(?:[ ]?[,、;/和及]?[ ]{{0,2}}(?:北纬|东经|纬度|经度|[NE])?[:为]?[ ]?{_ANGLE})"
)


def _degrees(page: Page) -> Found:
    for match in _COORDINATES.finditer(page.plain):
        yield match.start(), match.end(), 0.9


# --- digits read aloud ----------------------------------------------------------------------------

_SPOKEN_DIGITS = str.maketrans(NUMERALS, "0011223456789" + "123456789" + "07")
_UNIT = re.compile("[ ]?[十百千万亿年月日号元岁%点]")


def _spoken(page: Page, wanted: Callable[[str], int]) -> Found:
    """Runs of spoken digits of which `wanted` takes the first so many."""
    spoken = page.plain.translate(_SPOKEN_DIGITS)
    for run in page.spoken:
        yield from _in_run(spoken, run, wanted)


def _in_run(spoken: str, run: re.Match[str], wanted: Callable[[str], int]) -> Found:
    places = [place for place in range(run.start(), run.end()) if "0" <= spoken[place] <= "9"]
    if _UNIT.match(spoken, run.end()) and len(places) != 11:
        return
    digits = "".join(spoken[place] for place in places)
    first = 0
    while first < len(digits):
        count = wanted(digits[first:])
        grouped = first == 0 or places[first] > places[first - 1] + 1
        if count and grouped:
            yield places[first], places[first + count - 1] + 1, 0.9
            first += count
        else:
            first += 1


def _spoken_mobile(digits: str) -> int:
    if not re.match("1[3-9]", digits):
        return 0
    return len(digits) if len(digits) in (11, 12) else 11 if len(digits) > 12 and len(digits) < 18 else 0


def _spoken_resident(digits: str) -> int:
    return 18 if len(digits) in (18, 19) and checks.looks_like_resident_id(digits[:18]) else 0


_KIND_TYPES = {
    "resident": "CN_RESIDENT_ID",
    "bank": "CN_BANK_CARD",
    "social": "CN_SOCIAL_SECURITY",
    "medical": "CN_MEDICAL_RECORD",
    "case": "CN_CASE_NUMBER",
    "driver": "CN_DRIVER_FILE",
    "qq": "QQ",
    "passport": "CN_PASSPORT",
}


def _spoken_labelled(page: Page, kind: str) -> Found:
    """A whole run of spoken digits behind the word for another number: `住院号是二四零三，一一，零八六`."""
    for run in page.spoken:
        label = page.before(run.start())
        if kind in label.kinds and not label.far and "phone" not in label.kinds:
            yield run.start(), run.end(), 0.86


def _spoken_local(digits: str) -> int:
    return len(digits) if re.fullmatch("[2-8][0-9]{6,7}", digits) else 0


def _local_landlines(page: Page) -> Found:
    for start, end, _ in _spoken(page, _spoken_local):
        if re.search("座机|电话|打|号码|拨", page.plain[max(0, start - 12) : start]):
            yield start, end, 0.8


def _spoken_landline(digits: str) -> int:
    return len(digits) if re.fullmatch("0(?:10|2[0-9]|[3-9][0-9]{2})[2-8][0-9]{6,7}", digits) else 0


SPOKEN: tuple[Search, ...] = (
    Search(
        "CN_MOBILE",
        "cn_mobile_spoken",
        lambda page: _spoken(page, _spoken_mobile),
        "MIIT numbering plan, as read aloud",
        frozenset({"phone"}),
        lambda page: page.spoken,
    ),
    Search(
        "CN_RESIDENT_ID",
        "cn_resident_id_spoken",
        lambda page: _spoken(page, _spoken_resident),
        "GB 11643, as read aloud",
        frozenset({"resident"}),
        lambda page: page.spoken,
    ),
    Search(
        "CN_LANDLINE",
        "cn_landline_spoken",
        lambda page: _spoken(page, _spoken_landline),
        "YD/T 1154, as read aloud",
        frozenset({"phone"}),
        lambda page: page.spoken,
    ),
    Search(
        "CN_LANDLINE",
        "cn_landline_local_spoken",
        _local_landlines,
        "7 or 8 digits, as read aloud",
        frozenset({"phone"}),
        lambda page: page.spoken,
    ),
    *(
        Search(
            kind_type,
            f"{kind_type.lower()}_spoken_labelled",
            partial(_spoken_labelled, kind=kind),
            "any number as read aloud, after its name",
            frozenset({kind}),
            lambda page: page.spoken,
        )
        for kind, kind_type in _KIND_TYPES.items()
    ),
)
"""Searches in `Page.spoken`, all with the same gate."""

WRITTEN: tuple[Search, ...] = (
    Search(
        "CN_CASE_NUMBER",
        "cn_bracketed_case",
        _bracketed_cases,
        "Supreme People's Court, rule on case numbers (2016); numbers of penalties, petitions, arbitration",
        frozenset({"case"}),
        lambda page: page.bracketed,
    ),
    Search(
        "CN_CASE_NUMBER",
        "cn_unbracketed_case",
        _unbracketed_cases,
        "numbers of penalties and petitions without brackets",
        frozenset({"case"}),
        lambda page: page.years,
    ),
    Search(
        "CN_PLATE",
        "cn_plate",
        _plates,
        "GA 36-2018: province, issuing office, serial; embassies, armed police",
        frozenset({"plate"}),
        lambda page: page.plates or page.starts or page.words or "*" in page.plain or "什么" in page.plain,
    ),
    Search(
        "CN_OFFICE_PHONE",
        "cn_office_short_number",
        _public_numbers,
        "emergency and public service numbers",
        frozenset({"phone"}),
        lambda page: page.short,
    ),
    Search(
        "EMAIL_ADDRESS",
        "email",
        _mail,
        "RFC 5322, ASCII local part, so that Han characters around it stay out",
        frozenset({"email"}),
        lambda page: "@" in page.plain,
    ),
    Search(
        "WECHAT",
        "wechat_word",
        _handles,
        "a letter and 5 to 19 letters after the word for WeChat",
        frozenset({"wechat"}),
        lambda page: page.words and _may_chat(page.plain),
    ),
    Search(
        "GPS",
        "gps_degrees",
        _degrees,
        "WGS 84: degrees, minutes, seconds",
        frozenset({"gps"}),
        lambda page: "°" in page.plain or "纬" in page.plain,
    ),
    Search(
        "DATE_OF_BIRTH",
        "date_of_birth",
        births,
        "a date beside the words for birth, in a column of births, or behind the sex",
        frozenset({"birth"}),
    ),
)

SEARCHES: tuple[Search, ...] = (*WRITTEN, *SPOKEN)
