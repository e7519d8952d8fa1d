"""Numbers, dates and document numbers of a text: what they mean, not how they are written.

One pass. What is a date or a document number counts among the numbers too. List marks (1、 （2） ③) and the
article (一个, 1个) are no content.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from curation.deduplicate.veto.numerals import CAPITAL_MAGNITUDES, CAPITALS, DIGIT, MAGNITUDES, UNITS, value


@dataclass
class Figures:
    """The values in one text."""

    numbers: list[str] = field(default_factory=list)
    dates: list[str] = field(default_factory=list)
    document_numbers: list[str] = field(default_factory=list)


def read(text: str) -> Figures:
    """All figures of a text, in their order."""
    found = Figures()
    scaled_to = -1  # where a number with 万 or 亿 ended: 3亿5000万 is one number
    for match in _FIGURE.finditer(text):
        kind, start, end = match.lastgroup, match.start(), match.end()
        if kind == "arabic":
            number = _arabic(match)
            if start == scaled_to and number.isdecimal() and found.numbers[-1].isdecimal():
                found.numbers[-1] = str(int(found.numbers[-1]) + int(number)) if len(number) < 20 else number
            elif number != "1" or match["scale"] or not _ARTICLE.match(text, end):
                found.numbers.append(number)
            scaled_to = end if match["scale"] else -1
        elif kind == "chinese":
            number = value(match[kind])
            if number != "1" or text[start - 1 : start] == "第" or not _ARTICLE.match(text, end):
                found.numbers.append(number)
        elif kind == "date":
            _read_date(match[kind], text[max(start - 1, 0) : start], found)
        elif kind == "document":
            series = "".join(_HAN.findall(text, max(start - 3, 0), start))[-2:]
            found.document_numbers.append(f"{series} {value(match['year'])} {value(match['number'])}")
            found.numbers += value(match["year"]), value(match["number"])
        elif kind == "order":
            found.document_numbers.append(f"令 {value(match['of'])}")
            found.numbers.append(value(match["of"]))
        elif kind == "time":
            found.numbers.append(_time(match, text[max(start - 2, 0) : start]))
        elif kind == "share":
            found.numbers.append(value(match["percent"]) + "%")
        elif kind == "fraction":
            found.numbers += (value(part) for part in match[kind].split("分之"))
        elif kind == "phone":
            found.numbers.append(value("".join(_DIGITS.findall(match[kind]))[-12:]))
        elif kind in ("version", "endless"):
            found.numbers.append(match[kind])
    return found


def _arabic(match: re.Match[str]) -> str:
    scale, shared = match["scale"], match["shared"]
    if shared in ("%", "％", "‰"):
        return value(match["plain"]) + ("‰" if shared == "‰" else "%")
    number = value(match["plain"], scale or shared or "")
    return number + ("‰" if match["rate"] == "‰" else "%") if match["rate"] else number


def _read_date(written: str, before: str, found: Figures) -> None:
    match = _DATE_PARTS.fullmatch(written)
    if match is None:  # 2023-03-05, 20230305
        digits = [value(part) for part in _DIGITS.findall(written)]
        if len(digits) == 1:
            digits = [value(part) for part in (digits[0][:4], digits[0][4:6], digits[0][6:])]
        found.dates.append("-".join(digits))
        found.numbers += digits
        return
    year, month, day, to, quarter = (
        match[part] and value(match[part]) for part in ("y", "m", "d", "to", "q")
    )
    if year and len(match["y"]) == 2:
        year = ("20" if int(year) < 50 else "19") + year.rjust(2, "0")
    when = [part for part in (year, month) if part]
    if half := match["half_year"]:
        when.append(half if len(half) == 3 else before + half)
    elif finest := day or match["part"] or (quarter and f"Q{quarter}"):
        when.append(finest)
    found.dates.append("-".join(when))
    if to:
        found.dates.append("-".join([*when[:-1], to]))
    found.numbers += (part for part in (year, month, day, to, quarter) if part)


def _time(match: re.Match[str], before: str) -> str:
    """24 hours; a full hour is its number."""
    hour = int(value(match["hour"] or match["only"]))
    minute = 30 if match["half"] else int(value(match["minute"] or match["minutes"] or "0"))
    if before in _AFTERNOON and hour < 12:
        hour += 12
    return f"{hour}:{minute}" if minute else str(hour)


_D = DIGIT
_RUN = f"[{UNITS}{MAGNITUDES}]"
_S = r"[ \u3000]?"
_SMALL = rf"(?:{_D}{{1,2}}(?!{_D})|[一二三四五六七八九十]{{1,3}})"
_YEAR = rf"(?:{_D}{{4}}|[{UNITS}]{{4}})"
_TO = r"[-－~～—–至到]{1,2}"
_SCALE = r"[百千]?[万萬](?![达科])亿?|[百千]?[亿億]|[百千](?![克瓦米帕卡伏赫兆分姓货])"

# 国办发〔2023〕5号: found by its bracket; the two characters before that name the series.
_DOCUMENT = rf"[〔\[［(（【]{_S}(?P<year>{_D}{{4}}){_S}[〕\]］)）】]{_S}第?{_S}(?P<number>{_D}++){_S}号"
_ORDER = rf"(?:(?<=令)|(?<=令第))(?P<of>{_D}++|{_RUN}{{1,9}}){_S}号"
_DAY = rf"{_SMALL}(?:{_S}[日号])?{_TO}{_SMALL}{_S}[日号]|{_SMALL}{_S}[日号]|[上中下]旬|[底初末]"
_QUARTER = rf"第?{_S}[一二三四1-4１-４]{_S}季度|[Qq][1-4](?!{_D})|[上下]?(?<=[上下])半年"
_DATE = (
    rf"(?:{_YEAR}|{_D}{{2}}(?={_S}年{_S}{_SMALL}{_S}月)){_S}年度?(?:{_S}{_SMALL}{_S}月(?:{_S}(?:{_DAY}))?|{_S}(?:{_QUARTER}))?"
    rf"|{_SMALL}{_S}月(?:{_S}(?:{_DAY}))?|{_QUARTER}"
    rf"|(?:19|20|１９|２０){_D}{{2}}(?P<sep>[-/.－／．]){_D}{{1,2}}(?P=sep){_D}{{1,2}}(?!{_D})"
    rf"|(?:19|20)[0-9]{{2}}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])(?![.．]?{_D}|{_S}[元圆万亿人户%％])"
)
_DATE_PARTS = re.compile(
    rf"(?:(?P<y>{_D}+|[{UNITS}]{{4}}){_S}年度?)?{_S}(?:(?P<m>{_SMALL}){_S}月{_S}"
    rf"(?:(?P<part>[上中下]旬|[底初末])|(?P<d>{_SMALL})(?:{_S}[日号])?(?:{_TO}(?P<to>{_SMALL}){_S}[日号])?)?"
    rf"|[第Qq]?{_S}(?P<q>[一二三四1-4１-４]){_S}(?:季度)?|(?P<half_year>[上下]?半年))?"
)
_TIME = (
    rf"(?P<hour>{_SMALL})(?:[:：](?P<minute>[0-5０-５]{_D})(?:[:：][0-5０-５]{_D})?(?!{_D})"
    rf"|[点时](?:(?P<minutes>{_SMALL})分(?!之)|(?P<half>半)|整|钟))"
    rf"|(?<=[午晚晨早上])(?P<only>{_SMALL})[点时](?!间)"
)
_AFTERNOON = ("下午", "傍晚", "晚上", "今晚", "当晚")
_PHONE = (
    rf"(?:86[- ]?)?1[3-9]{_D}[- ]?{_D}{{4}}[- ]?{_D}{{4}}(?!{_D})"
    rf"|[(（]?0{_D}{{2,3}}[)）]?[-－ ]?{_D}{{7,8}}(?!{_D})|[48]00[- ]{_D}{{3,4}}[- ]?{_D}{{3,4}}(?!{_D})"
)
# A list mark stands at the start of a line or after punctuation.
_MARK = (
    r"[①-⑳㉑-㉟⑴-⒛]"
    rf"|(?<![^\s。；;：:！!？?，,、])(?:[(（]{_D}{{1,2}}[)）]|{_D}{{1,2}}(?:[、)）]|[.．](?!{_D})))(?!\s?{_D})"
)
_SHARE = rf"百分之(?P<percent>{_D}+(?:[.．]{_D}+)?|{_RUN}{{1,9}}(?:点[{UNITS}]{{1,9}})?)"
_FRACTION = r"[一二三四五六七八九十]{1,3}分之[一二三四五六七八九十]{1,3}"
_VERSION = rf"{_D}++(?:\.{_D}++){{2,}}"
_ARABIC = (
    rf"(?P<plain>(?:{_D}{{1,3}}(?P<comma>[,， \u00a0\u2009\u202f]){_D}{{3}}"
    rf"(?:(?P=comma){_D}{{3}}){{0,6}}+(?!{_D})|{_D}++)"
    rf"(?:[.．]{_D}++)?)"
    rf"(?:{_S}(?P<scale>{_SCALE})|{_S}(?P<rate>[%％‰])|(?=m[23](?!{_D}))m[23]"
    rf"|(?={_TO}{_D}{{1,9}}(?:[.．]{_D}{{1,9}})?{_S}(?P<shared>[百千]?[万亿]|[%％‰])))?"
)
_UNIT = (
    r"(?:[年月日号时秒周天岁季期届次回轮批条款项章节户人名位个家所座处件份宗例台辆套栋幢楼层室间元圆角亿万千百倍成折"
    r"级类档组队区亩吨斤克米里升度瓦点]|公[里顷斤]|平方|立方|小时|分[钟之]|单元|学期|世纪)"
)
# A run of Chinese numerals is a number after 第, before a unit, or if it is too long for a word such as 万一.
_CHINESE = (
    rf"(?<=第)[{UNITS}十]{_RUN}*+"
    rf"|[{UNITS}十]{_RUN}{{0,24}}+(?:点[{UNITS}]{{1,9}}+[百千]?[万亿]?)?(?={_UNIT}|[%％])"
    rf"|[一二三四五六七八九两]{_RUN}{{2,}}+"
    rf"|(?:[{CAPITALS}](?:[{CAPITAL_MAGNITUDES}]|(?=[元圆圓角分整]))|拾(?=[{CAPITALS}万萬元圆圓]))[{CAPITALS}{CAPITAL_MAGNITUDES}零]*+"
)
# Where a figure can begin; what lies between is skipped as a whole.
_START = rf"0-9０-９{UNITS}十百拾{CAPITALS}〔［（【(\[①-⑳㉑-㉟⑴-⒛半Qq"
_KINDS = {
    "endless": rf"{_RUN}{{25,}}+",
    "document": _DOCUMENT,
    "order": _ORDER,
    "mark": _MARK,
    "date": _DATE,
    "time": _TIME,
    "phone": _PHONE,
    "share": _SHARE,
    "fraction": _FRACTION,
    "version": _VERSION,
    "arabic": _ARABIC,
    "chinese": _CHINESE,
}
_FIGURE = re.compile(
    f"[^{_START}]++|" + "|".join(f"(?P<{kind}>{pattern})" for kind, pattern in _KINDS.items()) + "|."
)
_ARTICLE = re.compile("[ \u3000]?[个家次位处种项件名条座所份部天时度成点批些]")
_HAN = re.compile("[\u3400-\u9fff]")
_DIGITS = re.compile(f"{_D}+")
