"""What makes two similar texts different documents: their numbers, dates and document numbers.

Each veto reads a text as a multiset of values; two texts are variants of each other, not duplicates, if the
multisets differ. Full-width forms count as the ordinary ones, 三百户 counts as 300, 2023年03月 as 2023年3月.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Literal, get_args

import numpy as np
import regex
from numpy.typing import NDArray

Veto = Literal["numbers", "dates", "document_number"]
VETOES: tuple[Veto, ...] = get_args(Veto)

_NUMERALS = {char: value for value, char in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_MAGNITUDES = {"十": 10, "百": 100, "千": 1000}
_MYRIADS = {"万": 10**4, "亿": 10**8}

_LONGEST = 16
"""A longer run of numerals is no number anybody wrote; it is compared as it stands."""

_UNIT = (
    r"(?:[年月日号时秒周天岁季期届次回轮批条款项章节户人名位个家所座处件份宗例台辆套栋幢楼层室间元角亿万千百倍成折"
    r"级类档组队届区亩吨斤克米里升度瓦]|公[里顷斤]|平方|立方|小时|分[钟之]|点钟|季度|单元|学期|世纪)"
)
_ARABIC = r"[0-9]+(?:,[0-9]{3}(?![0-9]))*(?:\.[0-9]+)?"
# A run of Chinese numerals is a number after 第, before a unit, or if it is too long for a word such as 万一.
_CHINESE = (
    rf"(?<=第)[〇零一二三四五六七八九十百千万亿两]+"
    rf"|[〇零一二三四五六七八九十两][〇零一二三四五六七八九十百千万亿]*(?={_UNIT})"
    r"|[一二三四五六七八九][〇零一二三四五六七八九十百千万亿]{2,}"
)
_NUMBER = regex.compile(rf"(?P<arabic>{_ARABIC})|(?P<chinese>{_CHINESE})")

_N = r"[0-9]{1,2}|[一二三四五六七八九十]{1,3}"
_Y = r"[0-9]{4}|[〇零一二三四五六七八九]{4}"
_DATE = regex.compile(
    rf"(?P<y>{_Y})\s?年\s?(?:(?:第\s?)?(?P<q>[一二三四1-4])\s?季度|(?P<m>{_N})\s?月(?:\s?(?P<d>{_N})\s?[日号])?)?"
    rf"|(?P<m>{_N})\s?月\s?(?P<d>{_N})\s?[日号]"
    r"|(?:第\s?)?(?P<q>[一二三四1-4])\s?季度"
    r"|(?<![0-9])(?P<y>(?:19|20)[0-9]{2})(?P<sep>[-/.])(?P<m>[0-9]{1,2})(?P=sep)(?P<d>[0-9]{1,2})(?![0-9])"
)
# 国办发〔2023〕5号: the last two characters before the year name the series; longer runs are the sentence.
_DOCUMENT_NUMBER = regex.compile(
    r"(?P<series>\p{Han}{0,2})\s?[〔\[(【]\s?(?P<year>[0-9]{4})\s?[〕\])】]\s?第?\s?(?P<number>[0-9]+)\s?号"
)


def signatures(texts: Sequence[str], vetoes: Sequence[str]) -> NDArray[np.uint64]:
    """One value per text: equal where no veto keeps two texts apart.

    Args:
        vetoes: names out of VETOES; without one all values are equal.
    """
    return np.fromiter((_signature(text, vetoes) for text in texts), np.uint64, len(texts))


def _signature(text: str, vetoes: Sequence[str]) -> int:
    text = unicodedata.normalize("NFKC", text) if vetoes else ""
    said = repr([sorted(_READERS[veto](text)) for veto in vetoes])
    return int.from_bytes(
        hashlib.blake2b(said.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little"
    )


def _numbers(text: str) -> Iterator[str]:
    for match in _NUMBER.finditer(text):
        if match["arabic"]:
            yield match["arabic"].replace(",", "").lstrip("0") or "0"
        else:
            yield _value(match["chinese"])


def _dates(text: str) -> Iterator[str]:
    for match in _DATE.finditer(text):
        year, month, day, quarter = (match[part] and _value(match[part]) for part in "ymdq")
        yield f"{year} {month} {day} {quarter}"


def _document_numbers(text: str) -> Iterator[str]:
    for match in _DOCUMENT_NUMBER.finditer(text):
        yield f"{match['series']} {match['year']} {match['number'].lstrip('0')}"


def _value(numeral: str) -> str:
    """The number a run of digits or of Chinese numerals means: 三百二十 is 320, 二〇二三 is 2023."""
    if numeral.isdecimal():
        return numeral.lstrip("0") or "0"
    if len(numeral) > _LONGEST:
        return numeral
    if not any(char in _MAGNITUDES or char in _MYRIADS for char in numeral):
        return "".join(str(_NUMERALS[char]) for char in numeral).lstrip("0") or "0"
    total = section = digit = 0
    for char in numeral:
        if char in _NUMERALS:
            digit = _NUMERALS[char]
        elif char in _MAGNITUDES:
            section, digit = section + (digit or 1) * _MAGNITUDES[char], 0
        else:
            total, section, digit = (total + section + digit or 1) * _MYRIADS[char], 0, 0
    return str(total + section + digit)


_READERS = {"numbers": _numbers, "dates": _dates, "document_number": _document_numbers}
