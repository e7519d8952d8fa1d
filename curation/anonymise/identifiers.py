"""Chinese identifiers: which strings belong to a person, decided by shape, checksum and context.

Patterns are matched on `spans.view`, so full-width digits need no pattern of their own, and bounded by
ASCII look-arounds: `\\b` is no boundary between a Han character and a digit. Every pattern starts at a
fixed literal or at the edge of a digit run and is bounded in length, so time is linear in the text.
Nothing here needs presidio; `recognisers` wraps the same objects for it.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import regex

from curation.anonymise.spans import Pattern, Span, resolve, view

BEFORE, AFTER = 12, 6
"""Code points of context looked at on either side of a candidate."""

Check = Callable[[str], bool | None]
"""Judges a candidate without its separators: true, false, or unknown (`None`)."""


def find(text: str) -> list[Span]:
    """All identifiers of a text, overlaps resolved, offsets in the text as given."""
    return resolve(candidates(text))


def candidates(text: str) -> list[Span]:
    """What each identifier finds on its own; findings of different types may overlap."""
    plain = view(text)
    kinds = {kind for kind, gate in _GATES.items() if gate.search(plain)}
    return [span for one in IDENTIFIERS if one.gate in kinds for span in one.find(plain)]


@dataclass(frozen=True, slots=True)
class Identifier:
    """One way one type of identifier is written.

    Attributes:
        type, name: entity type, and this recogniser's own name.
        pattern: matched on the view; the group `value` is the identifier, or else the whole match.
        source: where shape and checksum are laid down.
        check: judges the value. `True` is enough; `None` leaves it to `score` and `context`; `False`
            counts only next to a word of `strong`.
        score: without context, when `check` does not know; under .5 it takes context to be found.
        context: words of which one stands within 12 characters before or 6 after.
        strong: words that name this very identifier.
        gate: the characters without which a text need not be searched: `number` (six in a row), `digit`,
            `at`, `chat`, `spoken`.
        certain: score where `check` says true.
    """

    type: str
    name: str
    pattern: Pattern
    source: str
    check: Check = lambda value: None
    score: float = 0.85
    context: tuple[str, ...] = ()
    strong: tuple[str, ...] = ()
    gate: str = "number"
    certain: float = 0.95

    def find(self, plain: str) -> Iterator[Span]:
        """Findings in the view of a text."""
        group = "value" if "value" in self.pattern.groupindex else 0
        for match in self.pattern.finditer(plain):
            start, end = match.span(group)
            score = self._score(plain, start, end)
            if score >= 0.5:
                yield Span(start, end, self.type, score, self.name)

    def _score(self, plain: str, start: int, end: int) -> float:
        verdict = self.check(_bare(plain[start:end]))
        if verdict:
            return self.certain
        around = plain[max(0, start - BEFORE) : start] + "\0" + plain[end : end + AFTER]
        if verdict is None:
            return max(self.score, 0.9) if any(word in around for word in self.context) else self.score
        return 0.7 if any(word in around for word in self.strong) else 0.0


def resident_id_ok(value: str) -> bool:
    """GB 11643: province, calendar date, MOD 11-2 check character (18 characters, X upper case)."""
    if len(value) != 18 or value[:2] not in _PROVINCES or not _date_ok(value[6:14]):
        return False
    return value[17] == resident_id_check(value)


def resident_id_check(value: str) -> str:
    """Check character of the first 17 digits (GB 11643, ISO 7064 MOD 11-2)."""
    return "10X98765432"[
        sum(int(digit) * weight for digit, weight in zip(value[:17], _ID_WEIGHTS, strict=True)) % 11
    ]


def uscc_ok(value: str) -> bool:
    """GB 32100: check character of a unified social credit code (18 characters)."""
    return len(value) == 18 and value[17] == uscc_check(value)


def uscc_check(value: str) -> str:
    """Check character of the first 17 characters (GB 32100, MOD 31)."""
    total = sum(_USCC.index(char) * pow(3, place, 31) for place, char in enumerate(value[:17]))
    return _USCC[-total % 31]


def luhn_ok(value: str) -> bool:
    """ISO/IEC 7812: the last digit makes the Luhn sum a multiple of ten."""
    digits = [int(char) for char in reversed(value)]
    return (sum(digits[::2]) + sum(sum(divmod(2 * digit, 10)) for digit in digits[1::2])) % 10 == 0


def vin_ok(value: str) -> bool | None:
    """GB 16735: check digit at the ninth place; digits alone say nothing."""
    if value.isdigit():
        return None
    total = sum(_VIN_VALUES[char] * weight for char, weight in zip(value, _VIN_WEIGHTS, strict=True))
    return value[8] == "0123456789X"[total % 11]


_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_USCC = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_VIN_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
_VIN_VALUES = dict(
    zip(
        "0123456789ABCDEFGHJKLMNPRSTUVWXYZ",
        (*range(10), *range(1, 9), 1, 2, 3, 4, 5, 7, 9, *range(2, 10)),
        strict=True,
    )
)
_PROVINCES = frozenset(
    str(code)
    for codes in ((11, 16), (21, 24), (31, 38), (41, 47), (50, 55), (61, 66), (71, 72), (81, 84))
    for code in range(*codes)
)


def _bare(value: str) -> str:
    return str(_SEPARATORS.sub("", value)).upper()


def _date_ok(digits: str) -> bool:
    try:
        return datetime.date(int(digits[:4]), int(digits[4:6]), int(digits[6:8])).year >= 1850
    except ValueError:
        return False


def _old_resident_id(value: str) -> bool | None:
    return None if value[:2] in _PROVINCES and _date_ok("19" + value[6:12]) else False


def _credit_code(value: str) -> bool | None:
    if value.isdigit() and value[:2] in _PROVINCES and _date_ok(value[6:14]):
        return None  # as likely an identity number
    return uscc_ok(value)


def _bank_card(value: str) -> bool | None:
    if len(value) == 18 and value[:2] in _PROVINCES and _date_ok(value[6:14]):
        return False  # an identity number; one with a slip in it may pass Luhn
    return luhn_ok(value) and (value.startswith(("62", "60", "9558", "4", "5", "35", "37")))


def _eleven_digits(value: str) -> bool | None:
    return None if len(value) == 11 else False


def _ipv4(value: str) -> bool | None:
    parts = [int(part) for part in value.split(".")]
    if max(parts) > 255:
        return False
    return True if parts[0] >= 10 else None  # `2.3.1.4` is as a rule a heading or a version


def _mac(value: str) -> bool | None:
    return True if ":" in value or not value.replace("-", "").isdigit() else None


def _disability_card(value: str) -> bool | None:
    return resident_id_ok(value[:18])


def _not_a_document(value: str) -> bool | None:
    """`国发〔2024〕12号` is a published document, wherever it stands."""
    issuer = regex.match(r"\p{Han}*", value)
    return False if issuer and _ISSUER.search(issuer[0]) else None


def _birth_date(value: str) -> bool | None:
    numbers = [int(number) for number in regex.findall(r"\d+", value)]
    if len(numbers) == 1:  # written without separators, or in Han numerals
        return None if len(value) != 8 or _date_ok(value) else False
    return None if not numbers or 1 <= numbers[1] <= 12 else False


_ISSUER = Pattern("[发令函字规电办会]$")
_SEPARATORS = Pattern(r"[\s\-·]+")
_GATES = {
    "number": Pattern(r"[0-9](?:[ \-.·()\r\n转]{0,6}[0-9A-Za-z]){5}"),
    "digit": Pattern(r"[0-9]{2}|[0-9][ \-.·:]"),
    "at": Pattern("@"),
    "chat": Pattern("微信|薇信|威信|[Vv][Xx]|[Ww][Xx]|V信|[Qq][Qq]|扣扣"),
    "spoken": Pattern("[零〇幺一二两三四五六七八九]{3}"),
}

# Edges and separators shared by the patterns. `_LEFT` lets a label in Latin letters touch the number.
_LEFT = r"(?:(?<![0-9A-Za-z])|(?<=ID|id|Id|NO|No|no|Tel|TEL|tel))"
_ALNUM_LEFT, _ALNUM_RIGHT = r"(?=[0-9A-Za-z使])(?<![0-9A-Za-z])", r"(?![0-9A-Za-z])"
_GAP = r"(?:[ \-·]|[ ]?\r?\n[ ]?)?"
_IS = r"(?:号码|编号|号|码)?(?:\([^()\n]{1,8}\))?[ ]?(?:为|是|系)?[ ]?[:;,]?[ ]{0,4}"
_PLATE_PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
_HAN_DATE = (
    "[一二][九〇零][〇零一二三四五六七八九]{2}年[一二三四五六七八九十]{1,2}月"
    "(?:[一二三四五六七八九十]{1,3}日)?"
)
_NUMERAL = "[零〇幺一二两三四五六七八九]"
_PHONE_WORDS = (
    *("电话", "手机", "联系", "致电", "拨打", "来电", "号码", "座机", "热线", "回电", "短信", "传真"),
    *("tel", "Tel", "TEL", "☎", "微信"),
)
_NOT_PHONE = r"(?<![〔\[(](?:19|20)\d\d[〕\])]第?)"
_OFFICE_WORDS = (
    "咨询|监督|监察|举报|服务|办公|值班|热线|总机|传真|客服|报修|便民|公开|窗口|受理|政策|业务|监管|"
    "管理|物业|局|委|办|中心|大队|支队|政府|街道|办事处|医院|学校|幼儿园|科|股|所|处|站|公司|部门|单位|政务|大厅|公布"
)
_OFFICE_LEFT = (
    rf"(?<=(?:{_OFFICE_WORDS})室?的?[)]?(?:联系|办公|值班|咨询|监督|举报|投诉|服务)?"
    r"(?:方式|电话|热线|专线|座机|号码|致电){0,2}(?:为|是)?[:;,]?[ (]{0,2})"
)
_OFFICE_RIGHT = r"(?=[)]?(?:向|咨询|进行咨询|进行反映|反映|查询|投诉|举报|监督))"
_LANDLINE = (
    r"(?:\(0(?:10|2\d|[3-9]\d\d)\)[ ]?|0(?:10|2\d|[3-9]\d\d)[ \-]?)?[2-8]\d{2,3}[ \-]?\d{4}"
    r"(?:[ ]?(?:转|-|ext\.?)[ ]?\d{1,6})?(?!\d)"
)
_AREA_LANDLINE = _LANDLINE.replace(")?[2-8]", ")[2-8]", 1)


IDENTIFIERS: tuple[Identifier, ...] = (
    Identifier(
        "CN_RESIDENT_ID",
        "cn_resident_id",
        Pattern(rf"(?=[1-9]){_LEFT}(?<!\d[ \-])[1-9](?:{_GAP}\d){{16}}{_GAP}[\dXx](?![0-9A-Za-z])(?!-\d)"),
        "GB 11643-1999: 6 digits region, 8 digits birth date, 3 digits sequence, MOD 11-2 check character",
        check=resident_id_ok,
        certain=0.97,
        strong=("身份证", "证件号", "身份号码", "身份证号", "证号", "ID"),
    ),
    Identifier(
        "CN_RESIDENT_ID",
        "cn_resident_id_15",
        Pattern(r"(?<![0-9A-Za-z])[1-9]\d{14}(?![0-9A-Za-z])"),
        "GB 11643-1989: the 15-digit number without century and check digit",
        check=_old_resident_id,
        score=0.3,
        context=("身份证", "证件号", "身份号码"),
    ),
    Identifier(
        "CN_MOBILE",
        "cn_mobile",
        Pattern(rf"{_LEFT}(?<!\d\.){_NOT_PHONE}(?:(?:\+|00)?86[ \-]?)?1[3-9]\d{{9}}(?!\d)(?!\.\d)"),
        "MIIT numbering plan: 11 digits, 13 to 19",
    ),
    Identifier(
        "CN_MOBILE",
        "cn_mobile_spaced",
        Pattern(
            rf"{_LEFT}(?<!\d[\-.])(?:(?:\+|00)?86[ \-]?)?(?:"
            r"1[3-9]\d(?:[ \-.·]{1,2}\d{4}){2}|1[3-9]\d[ \-.·]\d{3}[ \-.·]\d{5}|"
            r"1[3-9]\d{2}[ \-.·]\d{3}[ \-.·]\d{4}"
            r"|1[3-9]\d{3}[ \-]\d{6}|1[3-9]\d[ \-]\d{8}|1[3-9]\d{5}[ \-]\d{4}|1(?:[ \-.·]?[3-9])"
            r"(?:[ \-.·]\d){9})(?!\d)(?!-\d)"
        ),
        "MIIT numbering plan, written in groups",
    ),
    Identifier(
        "CN_MOBILE",
        "cn_mobile_broken",
        Pattern(r"(?<![0-9A-Za-z])1[3-9]\d{0,8}[ ]?\r?\n[ ]{0,4}\d{1,9}(?![0-9])"),
        "MIIT numbering plan, cut by one line break",
        check=_eleven_digits,
        score=0.3,
        context=_PHONE_WORDS,
    ),
    Identifier(
        "CN_MOBILE",
        "cn_mobile_broken_late",
        Pattern(r"(?<![0-9A-Za-z])1[3-9]\d{5,7}[ ]?\r?\n[ ]{0,4}\d{2,4}(?![0-9A-Za-z.%年月日])"),
        "MIIT numbering plan, cut by one line break after most of its digits",
        check=_eleven_digits,
        score=0.6,
    ),
    Identifier(
        "CN_MOBILE",
        "cn_mobile_spoken",
        Pattern(
            rf"(?<!{_NUMERAL})[幺一1][三四五六七八九3-9](?=[0-9 ,、\-]{{0,18}}{_NUMERAL})"
            rf"(?:[ ,、\-]?(?:{_NUMERAL}|\d)){{9}}(?!{_NUMERAL}|[0-9十百千万])"
        ),
        "MIIT numbering plan, as read aloud",
        gate="spoken",
    ),
    Identifier(
        "CN_LANDLINE",
        "cn_landline",
        Pattern(rf"(?<![0-9A-Za-z.])(?<!\d[\-.]){_NOT_PHONE}(?:(?:\+|00)?86[ \-]?)?{_AREA_LANDLINE}"),
        "YD/T 1154: area code and 7 or 8 digits, extension",
    ),
    Identifier(
        "CN_LANDLINE",
        "cn_landline_local",
        Pattern(
            "(?:电话|座机|致电|拨打|传真|宅电|家电|[Tt]el)(?:号码|号)?(?:为|是)"
            f"?[:;. ]{{0,3}}(?P<value>(?<![0-9A-Za-z]){_LANDLINE})"
        ),
        "7 or 8 digits after a word for telephone",
    ),
    Identifier(
        "CN_OFFICE_PHONE",
        "cn_office_landline",
        Pattern(
            rf"(?<![0-9A-Za-z.])(?<!\d[\-.])(?=[(0-9])(?:{_OFFICE_LEFT}{_LANDLINE}|{_AREA_LANDLINE}{_OFFICE_RIGHT})"
        ),
        "a landline next to the words of an office",
        score=0.92,
    ),
    Identifier(
        "CN_OFFICE_PHONE",
        "cn_office_short_number",
        Pattern(
            r"(?<![0-9A-Za-z.\-])(?:110|119|120|122|12[1-3]\d\d|95\d{3,4}|100(?:00|10|86))"
            r"(?![0-9A-Za-z.\-]|[元万亿户人名吨亩米平])"
        ),
        "emergency and public service numbers",
        score=0.3,
        context=(
            "热线",
            "平台",
            "拨打",
            "电话",
            "致电",
            "举报",
            "报警",
            "急救",
            "服务",
            "打",
            "拨",
            "工单",
            "投诉",
            "来电",
        ),
        gate="digit",
    ),
    Identifier(
        "CN_OFFICE_PHONE",
        "cn_office_toll_free",
        Pattern(r"(?<![0-9A-Za-z.])(?<!\d-)(?:400|800)(?:[ \-]?\d{3}[ \-]?\d{4}|[ \-]\d{4}[ \-]\d{3})(?!\d)"),
        "numbers of 400 and 800 services",
    ),
    Identifier(
        "CN_BANK_CARD",
        "cn_bank_card",
        Pattern(
            r"(?<![0-9A-Za-z.])(?<!\d[ \-])[3-69]\d{3}(?:[ \-]?\d{4}){3}(?:[ \-]?\d{1,3})"
            r"?(?![0-9A-Za-z])(?![ \-]\d)"
        ),
        "ISO/IEC 7812: issuer number, 16 to 19 digits, Luhn check digit",
        check=_bank_card,
        certain=0.93,
        strong=(
            "卡号",
            "银行卡",
            "账号",
            "帐号",
            "账户",
            "帐户",
            "储蓄卡",
            "信用卡",
            "开户",
            "工资卡",
            "存折",
            "银行",
            "打卡",
            "转账",
            "转入",
            "汇款",
            "收款",
        ),
    ),
    Identifier(
        "CN_BANK_CARD",
        "cn_bank_account",
        Pattern(
            "(?<!社保|医保|就诊|诊疗|一卡通|图书)(?:银行账[号户]|银行帐[号户]|账号|帐号|卡号|账户|"
            rf"帐户|存折|储蓄卡|银行卡){_IS}(?P<value>\d(?:[ \-]?\d){{8,24}})(?![0-9A-Za-z])"
        ),
        "digits after the words for an account",
    ),
    Identifier(
        "CN_USCC",
        "cn_uscc",
        Pattern(
            rf"{_ALNUM_LEFT}[1-9A-HJ-NPQRTUWXY][0-9A-HJ-NPQRTUWXY]\d{{6}}[0-9A-HJ-NPQRTUWXY]{{10}}"
            f"{_ALNUM_RIGHT}"
        ),
        "GB 32100-2015: 18 characters without I, O, S, V, Z, MOD 31 check character",
        check=_credit_code,
        score=0.3,
        context=("信用代码", "纳税人识别号", "税号", "机构代码", "营业执照"),
        strong=("信用代码", "纳税人识别号", "税号", "机构代码", "营业执照"),
    ),
    Identifier(
        "CN_PLATE",
        "cn_plate",
        Pattern(
            rf"[{_PLATE_PROVINCES}][A-HJ-Za-hj-z][ ·.\-]?(?=[A-Za-z]{{0,5}}\d)"
            f"(?:[A-HJ-NP-Za-hj-np-z0-9]{{4}}[挂学警港澳领试超]"
            rf"|[A-HJ-NP-Za-hj-np-z0-9]{{5,6}}){_ALNUM_RIGHT}"
        ),
        "GA 36-2018: province, issuing office, serial of five, six for new energy",
        gate="digit",
    ),
    Identifier(
        "CN_PLATE",
        "cn_plate_special",
        Pattern(
            rf"{_ALNUM_LEFT}(?:使\d{{6}}|\d{{6}}使|WJ[{_PLATE_PROVINCES}]?\d{{4}}[0-9A-Z])(?![0-9A-Za-z用])"
        ),
        "GA 36-2018: embassies, armed police",
        gate="digit",
    ),
    Identifier(
        "CN_PASSPORT",
        "cn_passport",
        Pattern(
            rf"{_ALNUM_LEFT}(?:[EeGg]\d{{8}}|[Ee][A-HJ-NP-Za-hj-np-z]\d{{7}}|"
            rf"[DdSsPp][A-Za-z]?\d{{7,8}}){_ALNUM_RIGHT}"
        ),
        "National Immigration Administration: E or G and 8 digits, E, letter and 7 digits; D, S, P fo"
        "r service",
        score=0.3,
        context=("护照", "passport", "Passport", "PASSPORT", "出入境", "签证"),
    ),
    Identifier(
        "CN_PASSPORT",
        "passport_labelled",
        Pattern(rf"(?:护照|[Pp]assport){_IS}(?P<value>[A-Za-z]{{0,3}}\d{{6,9}}){_ALNUM_RIGHT}"),
        "ICAO 9303: up to nine characters after the word for passport",
    ),
    Identifier(
        "CN_HKMO_PERMIT",
        "cn_hkmo_permit",
        Pattern(
            rf"{_ALNUM_LEFT}(?:[HMhm]\d{{8}}(?:\d{{2}})?|[Cc][A-Za-z]?\d{{7,8}}|"
            rf"[A-Z]{{1,2}}\d{{6}}\([0-9A]\)){_ALNUM_RIGHT}"
        ),
        "home-return permit H, M and 8 or 10 digits; exit permit C; identity card of Hong Kong",
        score=0.3,
        context=("通行证", "回乡证", "港澳", "香港", "澳门", "来往"),
    ),
    Identifier(
        "CN_TW_PERMIT",
        "cn_tw_permit",
        Pattern(
            rf"{_ALNUM_LEFT}(?:[TtLl]\d{{8}}|\d{{8}}|\d{{10}}(?:\([A-Z]\))?|[A-Z][12]\d{{8}}){_ALNUM_RIGHT}"
        ),
        "permits between the mainland and Taiwan: 8 or 10 digits, T or L and 8; identity card of Taiwan",
        score=0.3,
        context=("台胞证", "台湾居民", "台湾通行证", "来往大陆", "往来台湾"),
    ),
    Identifier(
        "CN_MILITARY_ID",
        "cn_military_id",
        Pattern(r"(?P<value>[军士文职兵武参政后装空海南北东西中沈兰济成广京战]{1,2}字第?[ ]?\d{6,8}[ ]?号)"),
        "officers' and soldiers' cards: arm, 字第, 6 to 8 digits",
    ),
    Identifier(
        "CN_MILITARY_ID",
        "cn_military_id_labelled",
        Pattern(
            "(?:军官证|士兵证|士官证|文职干部证|退役军人优待证|优待证|退伍证|转业证|军人证)"
            rf"{_IS}(?P<value>[A-Z]{{0,3}}\d{{6,20}}){_ALNUM_RIGHT}"
        ),
        "digits after the name of a military card",
    ),
    Identifier(
        "CN_SOCIAL_SECURITY",
        "cn_disability_card",
        Pattern(rf"{_ALNUM_LEFT}[1-9]\d{{16}}[\dXx][1-7][1-4](?:[Bb]\d)?{_ALNUM_RIGHT}"),
        "disability card: resident identity number, category 1 to 7, grade 1 to 4, re-issue",
        check=_disability_card,
        strong=("残疾证", "残疾人证"),
    ),
    Identifier(
        "CN_SOCIAL_SECURITY",
        "cn_social_security",
        Pattern(
            "(?:社保卡|社保|医保卡|医保|社会保障卡|社会保障|社会保险|养老保险|参保|残疾证|残疾人证|"
            "低保证|低保|公积金)(?:个人)?(?:账户|账号|证件|电脑号|卡)?"
            rf"{_IS}(?P<value>[A-Za-z]{{0,3}}\d[0-9A-Za-z\-]{{6,21}}){_ALNUM_RIGHT}"
        ),
        "numbers of social security, medical insurance, disability and allowance cards, after their names",
    ),
    Identifier(
        "CN_MEDICAL_RECORD",
        "cn_medical_record",
        Pattern(
            "(?:病历|住院|门诊|就诊|病案|就诊卡|诊疗卡|检查|检验|登记|挂号|处方|影像|接种|病人|患者)"
            "(?:号码|编号|号|ID|卡号|码)"
            rf"[ ]?(?:为|是)?[:;,]?[ ]{{0,3}}(?P<value>[A-Za-z]{{0,4}}-?\d[0-9A-Za-z\-]{{3,17}})"
            f"{_ALNUM_RIGHT}"
        ),
        "hospital numbers after their names",
        gate="digit",
    ),
    Identifier(
        "CN_CASE_NUMBER",
        "cn_court_case",
        Pattern(
            rf"[(〔\[](?:19|20)\d\d[)〕\]][ ]?(?:最高法|[{_PLATE_PROVINCES}兵军])[0-9A-Z\p{{Han}}]{{0,6}}?"
            r"[民刑行执破保赔知申审监仲调财清辖司认信][\p{Han}]{0,4}第?[ ]?\d{1,7}(?:-\d+)"
            "?[ ]?号(?:之[一二三四五])?"
        ),
        "Supreme People's Court, rule on case numbers (2016): year, court, kind of case, serial",
        gate="digit",
    ),
    Identifier(
        "CN_CASE_NUMBER",
        "cn_administrative_case",
        Pattern(
            "(?:罚决|罚告|罚|处罚|强制|强拆|催告|责改|责令|立案|受案|拘通|拘决|信访|信复|信受|信告|"
            "信答|复决|复受|复议|仲案|仲裁|仲|交认|认定|工认|工伤|公证|证民)"
            r"(?:决|告|受|字)?[ ]?[(〔\[](?:19|20)\d\d[)〕\]][ ]?第?[ ]?[A-Z]{0,3}\d{1,9}[ ]?号"
        ),
        "numbers of penalties, petitions, arbitration and accident papers",
        gate="digit",
    ),
    Identifier(
        "CN_CASE_NUMBER",
        "cn_work_order",
        Pattern(
            "(?:工单|受理|信件|来信|来电|诉求|信访|信访件|案件|案|报警|警情|接警|事项|流水|回执|"
            "查询|登记|留言|投诉|举报|业务|订单|受案|事故|办件|申请|保单|合同|档案|准考证|学籍|学|"
            "考生|户|运单|快递单|单|执业证|资格证|证书|驾驶证|驾驶证档案|行驶证|不动产权证|房产证|"
            "许可证)"
            "(?:编号|号码|号|单号|码|序号)[ ]?(?:为|是|系)"
            rf"?[:;,]?[ ]{{0,3}}(?P<value>[A-Za-z]{{0,6}}[\-]?\d[0-9A-Za-z\-]{{5,27}}){_ALNUM_RIGHT}"
        ),
        "numbers of work orders, petitions, contracts and certificates, after their names",
    ),
    Identifier(
        "CN_CASE_NUMBER",
        "cn_petition",
        Pattern(
            "(?:信访件|工单|受理|转办[单件]|交办[单件]|案件|办件|来信|诉求|登记|事项|编号|单号|案号|回执)"
            r"(?:编号|号码|单号|号)?(?:是|为|系)?[ ]?[:]?[ ]{0,2}"
            r"(?P<value>\p{Han}{1,6}[〔\[(](?:19|20)\d\d[〕\])][ ]?第?\d{1,7}号)"
        ),
        "numbers of petitions and transfers, written like a document's, after their names",
        check=_not_a_document,
        gate="digit",
    ),
    Identifier(
        "CN_CASE_NUMBER",
        "cn_dated_serial",
        Pattern(
            r"(?<![0-9A-Za-z\-])(?:[A-Za-z]{1,6}[\-]?20\d\d(?:0[1-9]|1[0-2])\d\d[\-]?\d{2,10}"
            r"|20\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])-\d{3,8})(?![0-9A-Za-z\-])"
        ),
        "letters, date and serial, as work-order systems number",
    ),
    Identifier(
        "EMAIL_ADDRESS",
        "email",
        Pattern(
            r"(?<![A-Za-z0-9._%+\-])[A-Za-z0-9][A-Za-z0-9._%+\-]{0,63}@(?:[A-Za-z0-9\-]{1,63}\.)"
            "{1,5}[A-Za-z]{2,12}(?![A-Za-z0-9])"
        ),
        "RFC 5322, ASCII local part, so that Han characters around it stay out",
        gate="at",
    ),
    Identifier(
        "QQ",
        "qq",
        Pattern(
            r"(?:[Qq][Qq]|扣扣)(?:群)?(?:号码|号)?[ ]?(?:为|是)?[:;, ]{0,3}(?P<value>[1-9]\d{4,10})"
            "(?![0-9A-Za-z@])"
        ),
        "5 to 11 digits after QQ",
    ),
    Identifier(
        "WECHAT",
        "wechat",
        Pattern(
            "(?:(?:微信|薇信|威信|V信|[Vv][Xx]|(?<![A-Za-z])[Ww][Xx])(?:账号|号码|号|ID|id|同号)"
            r"?[ ]?(?:为|是)?[:;, ]{0,3}(?P<value>(?=[A-Za-z]{0,19}[0-9_\-])"
            r"[A-Za-z][A-Za-z0-9_\-]{5,19}|\d{5,12})|(?P<value>wxid_[A-Za-z0-9]{6,20}))"
            "(?![0-9A-Za-z@])"
        ),
        "a letter and 5 to 19 letters, digits, _ or -, after the word for WeChat",
        gate="chat",
    ),
    Identifier(
        "IP_ADDRESS",
        "ip_address",
        Pattern(r"(?<![0-9A-Za-z.])(?:\d{1,3}\.){3}\d{1,3}(?![0-9A-Za-z]|\.\d)"),
        "RFC 791",
        check=_ipv4,
        score=0.3,
        context=("IP", "ip", "Ip", "网址", "登录"),
        gate="digit",
    ),
    Identifier(
        "IP_ADDRESS",
        "ip_address_6",
        Pattern(r"(?<![0-9A-Za-z:])(?:[0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}(?![0-9A-Za-z:])"),
        "RFC 4291, written out",
        gate="digit",
    ),
    Identifier(
        "MAC_ADDRESS",
        "mac_address",
        Pattern(
            r"(?<![0-9A-Za-z:\-])(?:[0-9A-Fa-f]{2}(?P<by>[:\-]))(?:[0-9A-Fa-f]{2}(?P=by))"
            r"{4}[0-9A-Fa-f]{2}(?![0-9A-Za-z:\-])"
        ),
        "IEEE 802: six octets",
        check=_mac,
        score=0.3,
        context=("MAC", "mac", "Mac", "网卡", "物理地址"),
        gate="digit",
    ),
    Identifier(
        "VIN",
        "vin",
        Pattern(rf"{_ALNUM_LEFT}(?=[A-Z0-9]{{0,16}}\d)[A-HJ-NPR-Z0-9]{{17}}{_ALNUM_RIGHT}"),
        "GB 16735-2019: 17 characters without I, O, Q, check digit at the ninth place",
        check=vin_ok,
        score=0.3,
        context=("车架", "VIN", "vin", "识别代号", "识别代码"),
        strong=("车架", "VIN", "vin", "识别代号", "识别代码", "发动机"),
    ),
    Identifier(
        "DATE_OF_BIRTH",
        "date_of_birth",
        Pattern(
            r"(?:出生(?:日期|年月日|年月|时间|于|在)?|(?<!\p{Han})生于|(?:我|本人|他|她)生于|生日)"
            "[ ]?(?:是|为)?[:;,]?[ ]{0,3}"
            "(?P<value>(?:18|19|20)"
            rf"\d\d[ ]?[年\-/.][ ]?\d{{1,2}}(?:[ ]?[月\-/.][ ]?(?:\d{{1,2}}[日号]?)?)?|(?:19|20)"
            rf"\d{{6}}(?!\d)|{_HAN_DATE})"
        ),
        "a date after the words for birth",
        check=_birth_date,
        gate="digit",
    ),
    Identifier(
        "DATE_OF_BIRTH",
        "date_of_birth_before",
        Pattern(
            rf"(?P<value>(?:18|19|20)\d\d[年\-/.]\d{{1,2}}(?:[月\-/.](?:\d{{1,2}}日?)?)?|{_HAN_DATE})"
            r"[ ]?(?:出生|降生|生人|(?:的)?生日|生(?=的?(?:[,.。;:、)\s]|$)))"
        ),
        "a date before the words for birth",
        check=_birth_date,
        gate="digit",
    ),
)
"""Every way of writing every type. One pass each: one alternation of all would be slower."""
