"""A date moves and is written again as it was."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.anonymise import dates

ODD = ("一九八五年十十月", "一九八五年三月十十日", "一九八五年三五月", "一九八五年三月日", "0000年1月1日")


@pytest.mark.parametrize(
    ("value", "moved"),
    [
        ("1985年3月12日", "1985年4月21日"),
        ("1985年03月09日", "1985年04月18日"),
        ("1985-12-05", "1986-01-14"),
        ("1985.3.12", "1985.4.21"),
        ("19850312", "19850421"),
        ("1985年3月", "1985年4月"),
        ("一九八五年三月十二日", "一九八五年四月二十一日"),
        ("二〇〇三年十二月", "二〇〇四年一月"),
    ],
)
def test_a_date_moves_in_its_own_form(value: str, moved: str) -> None:
    assert dates.shift(value, 40) == moved


@pytest.mark.parametrize(
    "value", ["1985年13月1日", "19850230", "一九九〇年二月三十日", "不详", "85年3月", *ODD]
)
def test_what_is_no_date_does_not_move(value: str) -> None:
    assert dates.shift(value, 40) is None
    assert dates.coarsen(value, "year") is None


@given(st.dates(date(1850, 1, 1), date(2040, 12, 31)), st.integers(-350, 350))
def test_there_and_back_is_where_it_was(day: date, days: int) -> None:
    for value in (f"{day.year}年{day.month}月{day.day}日", f"{day:%Y-%m-%d}", f"{day:%Y%m%d}"):
        moved = dates.shift(value, days)
        assert moved is not None and dates.shift(moved, -days) == value
        read = dates.read(moved)
        assert read is not None and read.day == day + timedelta(days)


def test_a_date_is_coarsened_to_year_decade_and_five_years() -> None:
    said = [dates.coarsen("一九八七年三月", level) for level in ("year", "decade", "band")]
    assert said == ["1987年", "1980年代", "1985至1989年"]
