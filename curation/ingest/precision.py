"""Numbers as they were written. Excel and pandas turn identifiers into numbers; this file gives them back.

Excel keeps 15 significant digits: `13900139000` shown as `1.39E+10` is still whole in a number cell, but the
text `1.39E+10` in a CSV has lost eight digits, and the last digits of an 18-digit identity number stored as a
number are gone for good.
"""

from __future__ import annotations

import datetime
import math
from decimal import Decimal
from typing import Any

import regex

EXACT_DIGITS = 15
"""Excel's numbers have 15 significant digits."""

SCIENTIFIC = r"^\s*[+-]?\d(\.\d+)?[eE]\+\d{2,3}\s*$"
"""The form in which Excel and pandas write a large number into a text file."""

_ZEROS = regex.compile(r'"?(0{2,})"?(;.*)?')


class Lost(str):
    """The text of a number whose digits were lost."""

    __slots__ = ()


def restore(text: str) -> str:
    """A number in scientific form with all its digits; `Lost` when the mantissa does not have them.

    Args:
        text: a string that `SCIENTIFIC` matches.
    """
    sign_mantissa, _, exponent = text.strip().lower().partition("e")
    digits = sign_mantissa.lstrip("+-")
    decimals = len(digits) - 2 if "." in digits else 0
    if decimals < int(exponent) or int(exponent) >= EXACT_DIGITS:
        return Lost(text)
    return f"{Decimal(sign_mantissa).scaleb(int(exponent)):f}".removeprefix("+")


def display(value: Any, number_format: str = "General") -> str | None:
    """A cell's value as a person sees it; None for no value.

    Numbers have no trailing `.0`, dates are ISO 8601 without a time at midnight, truth values TRUE and FALSE.
    A number format of zeros alone (`000000`) gives leading zeros back.

    Returns:
        `Lost` for a floating-point number of more than 15 digits before the point.
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float):
        return _display_float(value, number_format)
    if isinstance(value, int):
        return _leading_zeros(str(value), number_format)
    if isinstance(value, datetime.datetime):
        midnight = value.time() == datetime.time()
        return value.date().isoformat() if midnight else value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    return str(value)


def display_stored(value: Any, number_format: str = "General") -> str | None:
    """As `display`, for programs that store every number as floating point: `Lost` for integers too."""
    text = display(value, number_format)
    if isinstance(value, int) and abs(value) >= 10**EXACT_DIGITS:
        return Lost(text)
    return text


def _display_float(value: float, number_format: str) -> str | None:
    if not math.isfinite(value):
        return None
    if abs(value) >= 10**EXACT_DIGITS:
        return Lost(f"{value:.0f}")
    shortest = f"{Decimal(f'{value:.{EXACT_DIGITS}g}'):f}"
    if "." in shortest:
        shortest = shortest.rstrip("0").rstrip(".")
    return _leading_zeros(shortest, number_format)


def _leading_zeros(digits: str, number_format: str) -> str:
    zeros = _ZEROS.fullmatch(number_format) if number_format != "General" else None
    return digits.zfill(len(zeros[1])) if zeros and digits.isdigit() else digits
