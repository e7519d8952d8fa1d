"""Dates of birth as people write them: read, moved, coarsened, and written in the same form again."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass

from curation.anonymise.spans import Pattern

MIDDLE = 15
"""The day that a date without one is taken for when it moves."""


@dataclass(frozen=True)
class Written:
    """A date and how it was written.

    Attributes:
        day: the date; its day of the month is `MIDDLE` where none was written.
        write: another date in the same form.
        exact: whether a day of the month was written.
    """

    day: datetime.date
    write: Callable[[datetime.date], str]
    exact: bool


def read(value: str) -> Written | None:
    """1985年3月12日, 1985-03, 1985.3.12, 19850312 or 一九八五年三月十二日; none where it is no date.

    Args:
        value: on the view.
    """
    if match := _SEPARATED.fullmatch(value):
        return _separated(*match.groups())
    if match := _DIGITS.fullmatch(value):
        year, month, day = match.groups()
        return _written(year, month, day, lambda date: f"{date.year:04}{date:%m%d}")
    if match := _HAN.fullmatch(value):
        year, month, day = match.groups()
        digits = "".join(str(_YEAR_DIGITS.index(char) % 10) for char in year)
        zero = "零" if "零" in year else "〇" if "〇" in year else "○" if "○" in year else "〇"
        return _written(
            digits, _number(month), _number(day) if day else None, lambda date: _in_han(date, bool(day), zero)
        )
    return None


def shift(value: str, days: int) -> str | None:
    """The date moved by so many days, in the same form; none where the value is no date."""
    written = read(value)
    if written is None:
        return None
    try:
        return written.write(written.day + datetime.timedelta(days))
    except OverflowError:
        return None


def coarsen(value: str, level: str) -> str | None:
    """Its year, its decade or its five years, as in 1985年, 1980年代, 1985至1989年; none where it is no date.

    A text has no day to count an age from, so an age band is a band of birth years.

    Args:
        level: year, decade or band.
    """
    written = read(value)
    if written is None:
        return None
    year = written.day.year
    if level == "year":
        return f"{year}年"
    if level == "decade":
        return f"{year // 10 * 10}年代"
    return f"{year // 5 * 5}至{year // 5 * 5 + 4}年"


def _separated(
    year: str, after_year: str, month: str, after_month: str | None, day: str | None, end: str | None
) -> Written | None:
    padded = month[0] == "0" or (day or " ")[0] == "0"
    if "年" not in after_year and len(month) == 2 and len(day or "12") == 2:
        padded = True
    width = 2 if padded else 1

    def write(date: datetime.date) -> str:
        head = f"{date.year:04}{after_year}{date.month:0{width}}{after_month or ''}"
        return head + (f"{date.day:0{width}}{end or ''}" if day else "")

    return _written(year, month, day, write)


def _written(year: str, month: str, day: str | None, write: Callable[[datetime.date], str]) -> Written | None:
    try:
        return Written(datetime.date(int(year), int(month), int(day or MIDDLE)), write, bool(day))
    except ValueError:
        return None


def _number(numerals: str) -> str:
    """二十三 as 23."""
    tens, ten, units = numerals.rpartition("十")
    if not ten:
        return str(_UNITS.index(numerals) + 1)
    return f"{_UNITS.index(tens) + 1 if tens else 1}{_UNITS.index(units) + 1 if units else 0}"


def _in_han(date: datetime.date, with_day: bool, zero: str) -> str:
    year = "".join((zero + _UNITS)[int(digit)] for digit in f"{date.year:04}")
    return f"{year}年{_numerals(date.month)}月" + (f"{_numerals(date.day)}日" if with_day else "")


def _numerals(number: int) -> str:
    tens, units = divmod(number, 10)
    lead = "" if not tens else "十" if tens == 1 else f"{_UNITS[tens - 1]}十"
    return lead + (_UNITS[units - 1] if units else "")


_UNITS = "一二三四五六七八九"
_YEAR_DIGITS = "〇一二三四五六七八九零" + " " * 9 + "○"
_SEPARATED = Pattern(r"(\d{4})( ?[年\-/.] ?)(\d{1,2})(?:( ?[月\-/.] ?)(?:(\d{1,2})([日号]?))?)?")
_DIGITS = Pattern(r"(\d{4})(\d{2})(\d{2})")
_HAN = Pattern(
    "([一二][〇零○一二三四五六七八九]{3})年([一二三四五六七八九]|一?十[一二]?)月"
    "(?:([一二三四五六七八九]|[一二三]?十[一二三四五六七八九]?)日)?"
)
