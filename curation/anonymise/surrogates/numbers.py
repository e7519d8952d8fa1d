"""Surrogates for identifiers: another number of the same kind that provably belongs to nobody.

Where the checksum or the numbering plan leaves room, different numbers stay different. Where nobody's numbers
are fewer than everybody's (mobile numbers, plates, passports), two of them can meet by chance;
`Surrogates.apart` parts those that do within a corpus.
"""

from __future__ import annotations

import datetime
import functools

from curation.anonymise import dates, identifiers
from curation.anonymise.surrogates.cipher import Alphabets, Cipher

_DIGITS = "0123456789"
_PLATE_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
_USCC = "0123456789ABCDEFGHJKLMNPQRTUWXY"
NO_SEGMENT = tuple(
    prefix for prefix in map(str, range(100, 130)) if prefix not in ("106", "110", "119", "120", "122")
)
"""No mobile number begins so (MIIT numbering plan); without ports of text messages and emergency calls."""

_DAYS = [f"{datetime.date(2000, 1, 1) + datetime.timedelta(day):%m%d}" for day in range(366)]
_DAY_NUMBERS = {day: number for number, day in enumerate(_DAYS)}
_REGIONS = 7000
"""Codes of cities 01 to 70 and their counties, as GB/T 2260 gives them; 90 is what a province runs itself."""

NO_CITIES = range(91, 98)
"""City codes that GB/T 2260 gives to nobody."""


class Numbers:
    """Makes identifiers. Every method takes what a value says (`spelling`) and a turn, 0 the usual one."""

    def __init__(self, cipher: Cipher) -> None:
        self._cipher = cipher

    def resident_id(self, value: str, turn: int) -> str:
        """Province, decade of birth and sex stay; no such city, and the check character is wrong (GB 11643).

        The new day of birth is in the calendar: the walk goes on until it is.

        Args:
            value: 18 characters.
        """
        decade, sex = value[6:9], int(value[16]) % 2
        day = _DAY_NUMBERS.get(value[10:14])
        number = int(value[2:6]) - 100
        born = dates.read(value[6:14])
        if (
            day is None
            or born is None
            or not 0 <= number < _REGIONS
            or value[17] != identifiers.resident_id_check(value)
        ):
            return self._odd_resident_id(value, turn)
        for part, size in (
            (int(value[9]), 10),
            (day, 366),
            (int(value[14:16]), 100),
            (int(value[16]) // 2, 5),
        ):
            number = number * size + part
        said = ("id", value[:2], decade, sex, turn)
        born = None
        while born is None:
            walked = number = self._cipher.permute(number, _REGIONS * 10 * 366 * 500, *said)
            number, half = divmod(number, 5)
            number, sequence = divmod(number, 100)
            number, day = divmod(number, 366)
            number, year = divmod(number, 10)
            if (born := dates.read(f"{decade}{year}{_DAYS[day]}")) is None:
                number = walked
        number, county = divmod(number, 100)
        slip, city = divmod(number, len(NO_CITIES))
        body = (
            f"{value[:2]}{NO_CITIES[city]}{county:02}{decade}{year}{_DAYS[day]}{sequence:02}{half * 2 + sex}"
        )
        return body + _other(identifiers.resident_id_check(body), "0123456789X", slip)

    def _odd_resident_id(self, value: str, turn: int) -> str:
        """What was no valid number: the month 00 is in no calendar."""
        sex, check = int(value[16]) % 2, "0123456789X".index(value[17])
        number = (int(value[2:6] + value[9] + value[12:16]) * 5 + int(value[16]) // 2) * 11 + check
        said = ("odd id", value[:2], value[6:9], value[10:12], sex, turn)
        number = self._cipher.inject(number, 7 * 10**7 * 50, *said)
        number, slip = divmod(number, 10)
        number, half = divmod(number, 5)
        city, digits = divmod(number, 10**7)
        new = f"{digits:07}"
        body = f"{value[:2]}{NO_CITIES[city]}{new[:2]}{value[6:9]}{new[2]}00{new[3:7]}{half * 2 + sex}"
        return body + _other(identifiers.resident_id_check(body), "0123456789X", slip)

    def old_resident_id(self, value: str, turn: int) -> str:
        """15 digits without a check digit: no such city, no such month; province, decade and sex stay."""
        sex = int(value[14]) % 2
        number = int(value[2:6] + value[7:14]) * 5 + int(value[14]) // 2
        number = self._cipher.inject(
            number, 7 * 100 * 10 * 8700 * 100 * 5, "old id", value[:2], value[6], sex, turn
        )
        number, half = divmod(number, 5)
        number, sequence = divmod(number, 100)
        number, day = divmod(number, 8700)
        number, year = divmod(number, 10)
        city, county = divmod(number, 100)
        region = f"{value[:2]}{NO_CITIES[city]}{county:02}"
        return f"{region}{value[6]}{year}{1300 + day}{sequence:02}{half * 2 + sex}"

    def mobile(self, value: str, turn: int) -> str:
        """A prefix of no mobile segment and eight digits.

        Args:
            value: 11 digits.
        """
        size = len(NO_SEGMENT) * 10**8
        prefix, rest = divmod(self._cipher.inject(int(value[1:]), size, "mobile", turn), 10**8)
        return f"{NO_SEGMENT[prefix]}{rest:08}"

    def landline(self, value: str, turn: int) -> str:
        """No subscriber's number begins with 0."""
        if len(value) < 2:
            return value
        size = 10 ** (len(value) - 1)
        return f"0{self._cipher.inject(int(value), size, 'landline', len(value), turn):0{len(value) - 1}}"

    def bank_card(self, value: str, turn: int) -> str:
        """The issuer's number stays, the Luhn digit is wrong (ISO/IEC 7812).

        Args:
            value: 9 digits or more.
        """
        body, size = value[6:-1], 10 ** (len(value) - 7)
        slip = (int(value[-1]) - int(identifiers.luhn_check(value[:-1]))) % 10
        number = self._cipher.inject(slip * size + int(body), 9 * size, "card", value[:6], len(value), turn)
        wrong, number = divmod(number, size)
        new = f"{value[:6]}{number:0{len(body)}}"
        return new + _other(identifiers.luhn_check(new), _DIGITS, wrong)

    def credit_code(self, value: str, turn: int) -> str:
        """Kind of organisation stays, the check character is wrong (GB 32100).

        Args:
            value: 18 characters of its alphabet.
        """
        body = value[:2] + self._cipher.text(value[2:17], _credit_alphabets(), "uscc", value[:2], turn)
        slip = _USCC.index(value[17]) - _USCC.index(identifiers.uscc_check(value))
        return body + _other(identifiers.uscc_check(body), _USCC, slip % 31 % 30)

    def plate(self, value: str, turn: int) -> str:
        """The letter I is on no plate, no embassy's number begins with 0 (GA 36-2018)."""
        head = value[:2] if value[:1] > "\x7f" and value[1:2].isalpha() else value[:1]
        if len(head) == 2 and head[1].isascii():
            return f"{head[0]}I{self._alike(value[2:], 'plate', head, turn)}"
        if value[:2] == "WJ":
            return f"WI{self._alike(value[2:], 'plate', turn)}"
        number = self.number("".join(char for char in value if char in _DIGITS), turn)
        fresh = iter(number)
        return "".join(next(fresh) if char in _DIGITS else char for char in value)

    def passport(self, value: str, turn: int) -> str:
        """The letter I is in no series."""
        if len(value) == 9:
            size = 10**7
            number = functools.reduce(lambda total, char: total * 36 + int(char, 36), value, 0)
            return f"EI{self._cipher.inject(number, size, 'passport', turn):07}"
        return f"I{self._alike(value[1:], 'passport', value[:1], turn)}"

    def without_i(self, value: str, turn: int) -> str:
        """The letter I is in no vehicle number (GB 16735), and is the second character of no permit."""
        return f"{value[:1]}I{self._alike(value[2:], 'without I', value[:2], turn)}"

    def email(self, value: str, turn: int) -> str:
        """A domain for examples (RFC 2606)."""
        return f"user{self._cipher.number('email', value, turn) % 10**10:010}@example.com"

    def ip_address(self, value: str, turn: int) -> str:
        """Networks for documentation (RFC 5737, RFC 3849): 762 addresses of version 4."""
        number = self._cipher.number("ip", value, turn)
        if ":" in value:
            parts = (number >> shift & 0xFFFF for shift in range(0, 96, 16))
            return "2001:0db8:" + ":".join(f"{part:04x}" for part in parts)
        return f"{('192.0.2', '198.51.100', '203.0.113')[number % 3]}.{(number >> 8) % 254 + 1}"

    def mac_address(self, value: str, turn: int) -> str:
        """Addresses for documentation (RFC 9542): 256 of them."""
        return f"00005E0053{self._cipher.number('mac', value, turn) % 256:02X}"

    def coordinates(self, value: str, turn: int) -> str:
        """Degrees become 0, which in the Gulf of Guinea is water; what is behind the point is permuted."""
        out, first = [], True
        for part in _runs(value):
            if not part.isdigit():
                out.append(part)
                first = first or part[-1:] != "."
            elif first:
                out.append("0")
                first = False
            else:
                size = 10 ** len(part)
                out.append(f"{self._cipher.permute(int(part), size, 'gps', value, turn):0{len(part)}}")
        return "".join(out)

    def birthday(self, value: str, turn: int) -> str:
        """Another day of the same decade, written the same way.

        Args:
            value: a date as people write it.
        """
        written = dates.read(value)
        if written is None:
            return self.serial(value, turn)
        first = written.day.year // 10 * 10
        start = datetime.date(max(first, 1), 1, 1)
        size = (datetime.date(first + 9, 12, 31) - start).days + 1
        at = self._cipher.permute((written.day - start).days, size, "birthday", start.year, turn)
        return written.write(start + datetime.timedelta(at))

    def number(self, value: str, turn: int) -> str:
        """Digits drawn anew, the first of them 0, with which no such number begins."""
        return f"0{self._alike(value[1:], 'number', value[:1], turn)}"

    def serial(self, value: str, turn: int) -> str:
        """Digits and letters drawn anew; the first digits are zeros, as no issuer gives them."""
        digits = [at for at, char in enumerate(value) if char in _DIGITS]
        digits = digits[: 2 if len(digits) >= 5 else 1 if len(digits) >= 3 else 0]
        lead = "".join(value[at] for at in digits)
        free = "".join("\0" if at in digits else char for at, char in enumerate(value))
        new = self._alike(free, "serial", lead, turn).replace("\0", "0")
        return new if new != value else new + "0"

    def account(self, value: str, turn: int) -> str:
        """A name of the net: its first character is the digit 0, with which none begins."""
        lead = len("wxid_") if value.startswith("wxid_") else 0
        rest = self._alike(value[lead + 1 :], "account", value[: lead + 1], turn)
        return f"{value[:lead]}0{rest}"

    def _alike(self, value: str, *said: str | int) -> str:
        """Other digits for digits, other letters for letters; the rest stays."""
        return self._cipher.text(value, _serial_alphabets(), *said)


def _other(right: str, alphabet: str, number: int) -> str:
    """A wrong check character: which of the others, counted on from the right one."""
    return alphabet[(alphabet.index(right) + 1 + number) % len(alphabet)]


def _runs(value: str) -> list[str]:
    """The value cut where digits begin and end."""
    runs: list[str] = []
    for char in value:
        if runs and (char in _DIGITS) == (runs[-1][0] in _DIGITS):
            runs[-1] += char
        else:
            runs.append(char)
    return runs


@functools.cache
def _serial_alphabets() -> Alphabets:
    return Alphabets(_DIGITS, _PLATE_LETTERS + "IO", "abcdefghijklmnopqrstuvwxyz")


@functools.cache
def _credit_alphabets() -> Alphabets:
    return Alphabets(_DIGITS, _USCC[10:])
