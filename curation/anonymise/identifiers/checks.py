"""Checksums and calendars of Chinese identifiers: true, false, or `None` where a value does not say.

Every function takes the value without separators, letters upper case.
"""

from __future__ import annotations

import datetime
import re

_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_USCC = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_USCC_WEIGHTS = tuple(pow(3, place, 31) for place in range(17))
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


def resident_id_ok(value: str) -> bool:
    """GB 11643: province, calendar date, MOD 11-2 check character (18 characters, X upper case)."""
    return looks_like_resident_id(value) and value[17] == resident_id_check(value)


def looks_like_resident_id(value: str) -> bool:
    """Province and calendar date are right; the check character may be a slip of the pen."""
    return (
        len(value) == 18
        and value[:17].isdigit()
        and value[:2] in _PROVINCES
        and value[6:8] in ("18", "19", "20")
        and value[6:10] <= str(datetime.date.today().year)
        and date_ok(value[6:14])
    )


def in_region(value: str) -> bool:
    """Begins with the code of a province."""
    return value[:2] in _PROVINCES


def resident_id_check(value: str) -> str:
    """Check character of the first 17 digits (GB 11643, ISO 7064 MOD 11-2)."""
    return "10X98765432"[
        sum(int(digit) * weight for digit, weight in zip(value[:17], _ID_WEIGHTS, strict=True)) % 11
    ]


def resident_id(value: str) -> bool | None:
    """True by its checksum; region and date without it leave the verdict to what stands around."""
    if not looks_like_resident_id(value):
        return False
    return True if value[17] == resident_id_check(value) else None


def wrong_day(value: str) -> bool | None:
    """Region and century of an identity number, but no day of the calendar; nothing is certain of it."""
    return None if value[:2] in _PROVINCES and not date_ok(value[6:14]) else False


def old_resident_id(value: str) -> bool | None:
    """GB 11643-1989: 15 digits, no century and no checksum."""
    return None if value[:2] in _PROVINCES and date_ok("19" + value[6:12]) else False


def disability_card(value: str) -> bool | None:
    """The identity number in it is right; else unknown."""
    return True if resident_id_ok(value[:18]) else None if looks_like_resident_id(value[:18]) else False


def uscc_ok(value: str) -> bool:
    """GB 32100: check character of a unified social credit code (18 characters)."""
    return len(value) == 18 and value[17] == uscc_check(value)


def uscc_check(value: str) -> str:
    """Check character of the first 17 characters (GB 32100, MOD 31)."""
    total = sum(_USCC.index(char) * weight for char, weight in zip(value[:17], _USCC_WEIGHTS, strict=True))
    return _USCC[-total % 31]


def credit_code(value: str) -> bool | None:
    """Unknown where the digits are as likely an identity number."""
    if value.isdigit() and looks_like_resident_id(value):
        return None
    return set(value) <= set(_USCC) and uscc_ok(value)


def luhn_ok(value: str) -> bool:
    """ISO/IEC 7812: the last digit makes the Luhn sum a multiple of ten."""
    return value[-1:] == luhn_check(value[:-1])


def luhn_check(body: str) -> str:
    """The digit behind `body` that makes the Luhn sum a multiple of ten (ISO/IEC 7812)."""
    digits = [int(char) for char in reversed(body)]
    return str(-(sum(sum(divmod(2 * digit, 10)) for digit in digits[::2]) + sum(digits[1::2])) % 10)


def bank_card(value: str) -> bool | None:
    """An issuer of cards and Luhn; never the digits of an identity number, which may pass by chance."""
    if looks_like_resident_id(value) or value.startswith(("19", "20")):
        return False
    return luhn_ok(value) and value.startswith(("62", "60", "9558", "4", "5", "35", "37"))


def vin_ok(value: str) -> bool | None:
    """GB 16735: check digit at the ninth place; digits alone say nothing."""
    if value.isdigit() or value[3:].isdigit():
        return None
    total = sum(_VIN_VALUES.get(char, 0) * weight for char, weight in zip(value, _VIN_WEIGHTS, strict=True))
    return value[8] == "0123456789X"[total % 11]


def ipv4(value: str) -> bool | None:
    """`2.3.1.4` is as a rule a heading or a version."""
    parts = [int(part) for part in value.split(".")]
    if max(parts) > 255 or parts[0] in (0, 255):
        return False
    return True if parts[0] >= 10 and max(parts) >= 20 else None


def mac(value: str) -> bool | None:
    """Six pairs of decimal digits with hyphens may be anything."""
    return True if ":" in value or re.search("[A-Fa-f]", value) else None


def date_ok(digits: str) -> bool:
    """Eight digits are a day of the calendar, from 1850 to 2099."""
    try:
        return 1850 <= datetime.date(int(digits[:4]), int(digits[4:6]), int(digits[6:8])).year < 2100
    except ValueError:
        return False
