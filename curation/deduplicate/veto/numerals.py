"""The value of a written number: 1,234.50 and １２３４．５ are one, as are 1.2万, 一万二千 and 壹万贰仟."""

from __future__ import annotations

import unicodedata

DIGIT = "[0-9０-９]"
UNITS = "〇零○一二三四五六七八九两"
"""What may follow each other in 二〇二三."""
MAGNITUDES = "十百千万亿"
CAPITALS = "壹贰貳叁參肆伍陆陸柒捌玖"
CAPITAL_MAGNITUDES = "拾佰仟万萬亿億"

_NUMERALS = {char: number for number, char in enumerate("零一二三四五六七八九")}
_NUMERALS |= {char: number + 1 for number, char in enumerate("壹贰叁肆伍陆柒捌玖")}
_NUMERALS |= {"〇": 0, "○": 0, "两": 2, "貳": 2, "參": 3, "陸": 6}
_TENS = {"十": 10, "百": 100, "千": 1000, "拾": 10, "佰": 100, "仟": 1000}
_MYRIADS = {"万": 10**4, "亿": 10**8, "萬": 10**4, "億": 10**8}
_SIZES = _TENS | _MYRIADS

_LONGEST = 24
"""A longer run of numerals is no number anybody wrote; it is compared as it stands."""

_SEPARATORS = str.maketrans("", "", ", ")


def value(numeral: str, scale: str = "") -> str:
    """The number a run of digits or of Chinese numerals means, times `scale` (万, 千万, 亿 and so on).

    320 for 三百二十, 2023 for 二〇二三, 12000 for 1.2 with scale 万, 1.5 for 一点五.
    """
    if not numeral.isascii():
        if len(numeral) <= _LONGEST and (numeral[0] in _NUMERALS or numeral[0] in _SIZES):
            before, _, after = numeral.partition("点")
            decimals = after.rstrip("百千万亿")
            scale += after[len(decimals) :]
            numeral = f"{_chinese(before)}.{''.join(str(_NUMERALS[char]) for char in decimals)}"
        else:
            numeral = unicodedata.normalize("NFKC", numeral)
    if "," in numeral or " " in numeral:
        numeral = numeral.translate(_SEPARATORS)
    return _trim(_times(numeral, scale) if scale else numeral)


def _chinese(numeral: str) -> int:
    if not any(char in _SIZES for char in numeral):
        return int("".join(str(_NUMERALS[char]) for char in numeral))
    total = section = digit = 0
    size = 1
    for char in numeral:
        if char in _NUMERALS:
            digit = _NUMERALS[char]
            size = size if digit else 1
        elif char in _TENS:
            size = _TENS[char]
            section, digit = section + (digit or 1) * size, 0
        else:
            size = _MYRIADS[char]
            total, section, digit = (total + section + digit or 1) * size, 0, 0
    # 两千三 is 2300 and 一万二 is 12000, but 两千零三 is 2003.
    return total + section + digit * max(size // 10, 1)


def _times(plain: str, scale: str) -> str:
    """Moves the point, so that no floating point is needed."""
    zeros = sum(len(str(_SIZES[char])) - 1 for char in scale)
    before, _, after = plain.partition(".")
    return f"{before}{after[:zeros].ljust(zeros, '0')}.{after[zeros:]}"


def _trim(plain: str) -> str:
    """Without leading noughts, and without those behind the point."""
    if "." in plain:
        plain = plain.rstrip("0").rstrip(".")
    plain = plain.lstrip("0")
    return plain if plain and plain[0] != "." else "0" + plain
