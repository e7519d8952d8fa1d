"""Whether a value is one of those that belong to nobody, as all surrogates of numbers and addresses do.

Nobody needs the key for that: check digits are wrong, segments unassigned, domains and networks reserved for
documentation (`numbers`). A surrogate of a name or of a day of birth looks like any other.
"""

from __future__ import annotations

import ipaddress

from curation.anonymise import identifiers
from curation.anonymise.spans import Pattern, view
from curation.anonymise.surrogates import spelling
from curation.anonymise.surrogates.numbers import NO_CITIES, NO_SEGMENT

UNDECIDABLE = ("PERSON", "PERSON_HONORIFIC", "PERSON_MASKED", "DATE_OF_BIRTH")
"""Types whose surrogates nobody can tell from what is real."""

_NETWORKS = tuple(
    map(ipaddress.ip_network, ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32"))
)
_DIGITS = Pattern("[0-9]+")
_PLATE = Pattern(r"^\p{Han}[A-Za-z]")


def is_nobodys(kind: str, value: str) -> bool:
    """Whether a value of an entity type can belong to nobody; of `UNDECIDABLE` types it is never known."""
    plain = view(value)
    if kind in UNDECIDABLE:
        return False
    if "虚" in plain:
        return kind in ("ADDRESS", "LOCATION", "ORGANIZATION")
    core = spelling.read(kind, plain).core
    digits = "".join(_DIGITS.findall(plain))
    if len(digits) == 11 and digits.startswith(NO_SEGMENT):
        return True
    if len(core) in (15, 18) and core[:14].isdigit() and int(core[2:4]) in NO_CITIES:
        return True
    test = _TESTS.get(kind)
    return test(core) if test else _has_no_issuer(core)


def _is_no_plate(core: str) -> bool:
    if "I" in core[:2]:
        return True
    numbered = not _PLATE.match(core) and not core.startswith("WJ")
    return numbered and "".join(_DIGITS.findall(core)).startswith("0")


def _is_documentation(core: str) -> bool:
    try:
        address = ipaddress.ip_address(core)
    except ValueError:
        return False
    return any(address.version == one.version and address in one for one in _NETWORKS)


def _is_at_zero(core: str) -> bool:
    degrees = _DIGITS.findall(core)[::2]
    return bool(degrees) and all(part == "0" for part in degrees)


def _has_no_issuer(core: str) -> bool:
    """The zeros with which `Numbers.serial` and `Numbers.number` begin."""
    digits = "".join(_DIGITS.findall(core))
    return digits.startswith("00" if len(digits) >= 5 else "0") if len(digits) >= 3 else False


_TESTS = {
    "CN_MOBILE": lambda core: core.startswith(("0", *NO_SEGMENT)),
    "CN_LANDLINE": lambda core: core.startswith("0"),
    "CN_OFFICE_PHONE": lambda core: core.startswith("0"),
    "CN_RESIDENT_ID": _has_no_issuer,
    "CN_SOCIAL_SECURITY": _has_no_issuer,
    "CN_BANK_CARD": lambda core: not (core.isdigit() and identifiers.luhn_ok(core)),
    "CN_USCC": lambda core: len(core) == 18 and core[17] != identifiers.uscc_check(core),
    "CN_PLATE": _is_no_plate,
    "CN_PASSPORT": lambda core: "I" in core[:2],
    "CN_HKMO_PERMIT": lambda core: core[1:2] == "I",
    "CN_TW_PERMIT": lambda core: core[1:2] == "I",
    "VIN": lambda core: core[1:2] == "I",
    "EMAIL_ADDRESS": lambda core: core.endswith("@example.com"),
    "QQ": lambda core: core.startswith("0"),
    "WECHAT": lambda core: core.removeprefix("wxid_").startswith("0"),
    "IP_ADDRESS": _is_documentation,
    "MAC_ADDRESS": lambda core: core.startswith("00005E0053"),
    "GPS": _is_at_zero,
}
