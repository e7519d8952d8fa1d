"""What is written in place of a value: a placeholder per type, or, with a key, a surrogate of the same kind.

A surrogate depends on key, type and normalised value alone, so it is the same wherever the value stands.
Surnames are permuted within their kind (usual, rare, compound) and given names of one or two usual
characters by a keyed Feistel permutation, so two people never become one there; other values are drawn by
HMAC, where a clash is possible but rare. No surrogate can belong to anybody: check digits are wrong, segments
unassigned, domains and networks reserved for documentation.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Sequence
from typing import Protocol

import regex

from curation.anonymise import identifiers, lexicon
from curation.anonymise.names import surname
from curation.anonymise.policy import Rules
from curation.anonymise.spans import Pattern, view


class Replacer(Protocol):
    """Says what stands in place of a value."""

    def __call__(self, kind: str, value: str) -> str:
        """The replacement for a value of a type; the same for the same value every time."""


class Placeholders:
    """One placeholder per type, as the policy words it."""

    def __init__(self, rules: Rules) -> None:
        self._words = {kind: rule.placeholder for kind, rule in rules.items()}

    def __call__(self, kind: str, value: str) -> str:
        return self._words[kind]


class Surrogates:
    """Keyed surrogates.

    Args:
        key: secret bytes; the same key gives the same surrogates.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key
        compound = lexicon.COMPOUND_SURNAMES
        kinds = (lexicon.COMMON_SURNAMES, lexicon.RARE_SURNAMES, compound)
        self._surnames = {old: new for kind in kinds for old, new in self._cycle(kind).items()}
        self._makers: dict[str, Callable[[str], str]] = {
            "PERSON": self._person,
            "PERSON_HONORIFIC": self._titled,
            "PERSON_MASKED": self._titled,
            "ADDRESS": self._address,
            "CN_RESIDENT_ID": self._resident_id,
            "CN_MOBILE": self._mobile,
            "CN_LANDLINE": self._landline,
            "CN_OFFICE_PHONE": self._landline,
            "CN_BANK_CARD": self._bank_card,
            "CN_USCC": self._uscc,
            "CN_PLATE": self._plate,
            "CN_PASSPORT": self._passport,
            "EMAIL_ADDRESS": self._email,
            "IP_ADDRESS": self._ip_address,
            "MAC_ADDRESS": self._mac_address,
            "VIN": self._vin,
            "DATE_OF_BIRTH": self._date_of_birth,
        }

    def __call__(self, kind: str, value: str) -> str:
        plain = view(value)
        maker = self._makers.get(kind)
        return self._serial(kind, plain) if maker is None else maker(plain)

    def _number(self, *said: str) -> int:
        """A number of 256 bits from the key and what is said."""
        message = "\0".join(said).encode("utf-8", "surrogatepass")
        return int.from_bytes(hmac.digest(self._key, message, hashlib.sha256))

    def _pick(self, choices: Sequence[str], *said: str) -> str:
        return choices[self._number(*said) % len(choices)]

    def _digits(self, count: int, *said: str) -> str:
        return str(self._number(*said) % 10**count).zfill(count)

    def _cycle(self, members: Sequence[str]) -> dict[str, str]:
        """A keyed permutation without fixed points: each goes to the next in a keyed order."""
        order = sorted(dict.fromkeys(members), key=lambda one: self._number("surname", one))
        return dict(zip(order, [*order[1:], order[0]], strict=True))

    def _person(self, value: str) -> str:
        plain = regex.sub(r"\s", "", value)
        family = surname(plain)
        given = plain[len(family) :]
        if "·" in plain or not family or not 1 <= len(given) <= 2:
            return "·".join(self._foreign(part) for part in plain.split("·"))
        return self._surnames[family] + self._given(given)

    def _foreign(self, part: str) -> str:
        if not regex.search(r"\p{Han}", part):
            return self._serial("PERSON", part)
        first = self._pick(lexicon.MINORITY_SURROGATES, "PERSON", part)
        return first if first != part else lexicon.MINORITY_SURROGATES[-1] + first[:1]

    def _given(self, given: str) -> str:
        """Usual characters are permuted among themselves, others drawn from them."""
        chars = lexicon.GIVEN_CHARS
        places = [chars.find(char) for char in given]
        if min(places) < 0:
            return "".join(self._pick(chars, "given", given, str(place)) for place in range(len(given)))
        number = 0
        for place in places:
            number = number * len(chars) + place
        new = self._permute(number, len(chars) ** len(given))
        out = ""
        for _ in given:
            new, place = divmod(new, len(chars))
            out = chars[place] + out
        return out

    def _permute(self, number: int, size: int) -> int:
        """Keyed permutation of 0 to size - 1: four Feistel rounds, walking until back in range."""
        half = ((size - 1).bit_length() + 1) // 2
        mask = (1 << half) - 1
        while True:
            left, right = number >> half, number & mask
            for turn in range(4):
                left, right = right, left ^ (self._number("feistel", str(size), str(turn), str(right)) & mask)
            number = left << half | right
            if number < size:
                return number

    def _titled(self, value: str) -> str:
        """Surname and title, 老 or 小 and surname, surname and 某: only the surname changes."""
        lead = value[:1] if value[:1] in "老小阿" and value[1:2] in self._surnames else ""
        family = surname(value[len(lead) :])
        return (
            lead
            + self._surnames.get(family, self._pick(lexicon.COMMON_SURNAMES, "surname", family))
            + value[len(lead + family) :]
        )

    def _address(self, value: str) -> str:
        """Province, city and county stay; what follows becomes a road that does not exist."""
        kept = _ADMINISTRATIVE.match(value)
        road = "".join(self._pick(_ROAD, "ADDRESS", value, str(place)) for place in range(2))
        return f"{kept[0] if kept else ''}{road}虚路{self._number('ADDRESS', value) % 900 + 100}号"

    def _resident_id(self, value: str) -> str:
        """Province, decade of birth and sex stay; the city was never assigned, the check digit is wrong."""
        plain = _plain(value)
        number = self._number("CN_RESIDENT_ID", plain)
        city, county, month, day = (number >> shift for shift in (0, 16, 32, 48))
        head = f"{plain[:2]}{91 + city % 7}{county % 89 + 11}"
        date = f"{number % 10}{month % 12 + 1:02}{day % 28 + 1:02}"
        if len(plain) != 18 or not plain[:17].isdigit():
            return _refill(value, (head + plain[6:7] + date + self._digits(18, "tail", plain))[: len(plain)])
        sex = str((number >> 64) % 5 * 2 + int(plain[16]) % 2)
        body = head + plain[6:9] + date + self._digits(2, "sequence", plain) + sex
        return _refill(
            value, body + str((int(identifiers.resident_id_check(body).replace("X", "10")) + 1) % 10)
        )

    def _mobile(self, value: str) -> str:
        """A prefix of no mobile segment, then eight digits."""
        plain = _plain(regex.sub(r"^(?:\+|00)?86[ \-]?(?=1)", "", value.translate(_SPOKEN)))
        new = self._pick(("100", "101", "120", "121"), "CN_MOBILE", plain) + self._digits(8, "mobile", plain)
        spoken = value.translate(_SPOKEN)
        if spoken != value:
            return _refill(
                value, "".join(_NUMERALS[int(digit)] for digit in new), "[0-9零〇幺一二两三四五六七八九]"
            )
        lead = regex.match(r"(?:\+|00)?86[ \-]?(?=1)", value)
        return (lead[0] if lead else "") + _refill(value[lead.end() if lead else 0 :], new)

    def _landline(self, value: str) -> str:
        """The area code stays; no subscriber's number begins with 0."""
        area = regex.match(r"(?:(?:\+|00)?86[ \-]?)?\(?0(?:10|2\d|[3-9]\d\d)\)?(?=[ \-]?\d{7})", value)
        rest = value[area.end() :] if area else value
        count = len(_plain(rest))
        return (area[0] if area else "") + _refill(
            rest, "0" + self._digits(max(count, 2) - 1, "CN_LANDLINE", _plain(rest))
        )

    def _bank_card(self, value: str) -> str:
        plain = _plain(value)
        if not plain.isdigit() or len(plain) < 9:
            return self._serial("CN_BANK_CARD", value)
        body = plain[:6] + self._digits(len(plain) - 7, "CN_BANK_CARD", plain)
        right = next(digit for digit in "0123456789" if identifiers.luhn_ok(body + digit))
        return _refill(value, body + str((int(right) + 1 + self._number("check", plain) % 9) % 10))

    def _uscc(self, value: str) -> str:
        if not regex.fullmatch("[0-9A-HJ-NPQRTUWXY]{18}", value):
            return self._serial("CN_USCC", value)
        body = value[:2] + self._digits(15, "CN_USCC", value)
        return body + ("1" if identifiers.uscc_check(body) == "0" else "0")

    def _plate(self, value: str) -> str:
        """The letter I is on no plate."""
        head = regex.match(r"\p{Han}[A-Za-z][ ·.\-]?|\p{Han}|[A-Z]{2}", value)
        end = head.end() if head else 0
        kept = str(regex.sub(r"(?<=^\p{Han})[A-Za-z]", "I", value[:end]))
        return kept + self._alike(value[end:], "CN_PLATE", value)

    def _passport(self, value: str) -> str:
        """The letter I is in no series."""
        return "EI" + self._digits(7, "CN_PASSPORT", value)

    def _email(self, value: str) -> str:
        return f"user{self._digits(8, 'EMAIL_ADDRESS', value.lower())}@example.com"

    def _ip_address(self, value: str) -> str:
        """RFC 5737 and RFC 3849: networks for documentation."""
        number = self._number("IP_ADDRESS", value)
        if ":" in value:
            return f"2001:db8::{number % 65536:x}:{(number >> 16) % 65536:x}"
        return f"{('192.0.2', '198.51.100', '203.0.113')[number % 3]}.{(number >> 8) % 254 + 1}"

    def _mac_address(self, value: str) -> str:
        """RFC 7042: addresses for documentation."""
        if len(value) != 17:
            return self._serial("MAC_ADDRESS", value)
        return value[2].join(
            ("00", "00", "5E", "00", "53", f"{self._number('MAC_ADDRESS', value.upper()) % 256:02X}")
        )

    def _vin(self, value: str) -> str:
        """The letter I is in no vehicle number."""
        return value[:1] + "I" + self._digits(max(len(value), 3) - 2, "VIN", value)

    def _date_of_birth(self, value: str) -> str:
        """Another day in the same decade, written the same way."""
        number = self._number("DATE_OF_BIRTH", value)
        year, month, day = number % 10, (number >> 8) % 9 + 1, (number >> 16) % 19 + 10
        if match := regex.fullmatch(r"(\d{3})\d(\D+)\d{1,2}(?:(\D+)(?:\d{1,2}(\D*))?)?", value):
            decade, after_year, after_month, after_day = match.groups(default="")
            tail = (
                f"{after_month}{day}{after_day}"
                if regex.search(r"\d\D*$", value[match.end(3) :]) and match[3]
                else after_month
            )
            return f"{decade}{year}{after_year}{month}{tail}"
        if regex.fullmatch(r"\d{8}", value):
            return f"{value[:3]}{year}{month:02}{day}"
        return str(regex.sub("(?<=^.{3}).年.*?月", f"{_HAN_DIGITS[year]}年{_HAN_DIGITS[month]}月", value))

    def _serial(self, kind: str, value: str) -> str:
        """Digits and letters drawn anew; the first two digits are zeros, as no issuer gives them."""
        new = self._alike(value, kind, value)
        seen = 0
        out = []
        for char in new:
            seen += char.isdigit()
            out.append("0" if char.isdigit() and seen <= 2 else char)
        return "".join(out) if "".join(out) != value else new + "0"

    def _alike(self, value: str, *said: str) -> str:
        """Other digits for digits, other letters for letters; the rest stays."""
        number = self._number(*said, "alike")
        out = []
        for char in value:
            number, place = divmod(number, 24)
            if "0" <= char <= "9":
                out.append(str(place % 10))
            elif "A" <= char <= "Z":
                out.append("ABCDEFGHJKLMNPQRSTUVWXYZ"[place])
            elif "a" <= char <= "z":
                out.append("abcdefghjklmnpqrstuvwxyz"[place])
            else:
                out.append(char)
            number = number or self._number(*said, str(len(out)))
        return "".join(out)


_ROAD = "澄砚沅岫棠芷漪筠霁岚汀渚蘅藜"
_NUMERALS = "零幺二三四五六七八九"
_HAN_DIGITS = "〇一二三四五六七八九"
_SPOKEN = str.maketrans("零〇幺一二两三四五六七八九", "0011223456789")
_ADMINISTRATIVE = Pattern(r"(?:\p{Han}{1,8}?(?:省|自治区|市|自治州|自治县|县|区|旗))+")


def _plain(value: str) -> str:
    return str(regex.sub(r"[^0-9A-Za-z]", "", value)).upper()


def _refill(value: str, new: str, slots: str = "[0-9A-Za-z]") -> str:
    """The characters of `new` in the places of the old ones, separators kept; what is left over is added."""
    fresh = iter(new)
    filled = str(regex.sub(slots, lambda _: next(fresh, ""), value))
    return filled + "".join(fresh)
