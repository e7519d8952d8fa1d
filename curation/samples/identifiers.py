"""Numbers that belong to nobody but have the form, and where there is one the check digit, of real ones."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from random import Random

_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_PLATE_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"


def resident_id(rng: Random, region: str, birth: datetime.date, *, female: bool) -> str:
    """A resident identity number with a correct check digit (GB 11643-1999, MOD 11-2).

    Args:
        region: the first six digits; a district of the province.
    """
    order = rng.randrange(1, 500) * 2 - (0 if female else 1)
    body = f"{region}{birth:%Y%m%d}{order:03d}"
    total = sum(int(digit) * weight for digit, weight in zip(body, _ID_WEIGHTS, strict=True))
    return body + "10X98765432"[total % 11]


def mobile(rng: Random, segments: Sequence[int]) -> str:
    """Eleven digits that begin with one of the allocated segments."""
    return f"{rng.choice(segments)}{_digits(rng, 8)}"


def landline(rng: Random, area: str, length: int) -> str:
    """Area code and number, joined in one of the usual ways; never one of an office's 528 numbers."""
    number = f"{rng.choice('68')}{_digits(rng, length - 1)}"
    return rng.choice([f"{area}-{number}", f"{area}{number}", f"（{area}）{number}", f"{area} {number}"])


def bank_card(rng: Random, prefixes: Sequence[str]) -> str:
    """A card number of 16 or 19 digits with a correct Luhn digit, sometimes in groups of four."""
    body = rng.choice(prefixes)
    body += _digits(rng, rng.choice([16, 19]) - 1 - len(body))
    doubled = [int(digit) * (2 - i % 2) for i, digit in enumerate(reversed(body))]
    card = body + str(-sum(digit // 10 + digit % 10 for digit in doubled) % 10)
    if rng.random() < 0.3:
        return " ".join(card[i : i + 4] for i in range(0, len(card), 4))
    return card


def sole_trader_code(rng: Random, region: str) -> str:
    """A unified social credit code of a sole trader: registered by the market authority (9), type 2."""
    return _credit_code(rng, f"92{region}")


def company_code(rng: Random, region: str) -> str:
    """A unified social credit code of a company: registered by the market authority (9), type 1."""
    return _credit_code(rng, f"91{region}")


def plate(rng: Random, region: str) -> str:
    """A vehicle number of five places, or of six for new energy."""
    tail = rng.choice(_PLATE_LETTERS) + _digits(rng, 4)
    if rng.random() < 0.25:
        tail = f"{rng.choice('DF')}{_digits(rng, 5)}"
    return region + rng.choice(["", "·", " "]) + tail


def passport(rng: Random) -> str:
    """An ordinary passport: E and eight digits, or E, a letter and seven digits."""
    return rng.choice([f"E{_digits(rng, 8)}", f"E{rng.choice('ABCDEFGHJK')}{_digits(rng, 7)}"])


def hkmo_permit(rng: Random) -> str:
    """A permit for travelling to or from Hong Kong and Macao."""
    return rng.choice([f"C{_digits(rng, 8)}", f"H{_digits(rng, 8)}", f"M{_digits(rng, 8)}"])


def social_security(rng: Random, region: str) -> str:
    """A personal number of social insurance, twelve digits."""
    return region[:4] + _digits(rng, 8)


def medical_record(rng: Random) -> str:
    """An admission number of a hospital."""
    return rng.choice([f"ZY2023{_digits(rng, 6)}", f"00{_digits(rng, 6)}", f"B{_digits(rng, 7)}"])


def case_number(rng: Random) -> str:
    """The number of an earlier work order or petition; always of a year before the sample's own."""
    day = f"2023{rng.randint(1, 12):02d}{rng.randint(1, 28):02d}"
    serial = _digits(rng, 4)
    return rng.choice(
        [f"DH{day}{serial}", f"GD-{day}-{serial}", f"XF{day}{serial}", f"岚信〔2023〕{serial}号"]
    )


def _credit_code(rng: Random, head: str) -> str:
    """GB 32100-2015: 17 characters and a check character, MOD 31."""
    body = head + "MA" + "".join(rng.choice(_USCC_ALPHABET) for _ in range(7))
    total = sum(_USCC_ALPHABET.index(letter) * pow(3, i, 31) for i, letter in enumerate(body))
    return body + _USCC_ALPHABET[-total % 31]


def _digits(rng: Random, count: int) -> str:
    return f"{rng.randrange(10**count):0{count}d}"
