"""How a value is written, apart from what it says: `138-1234-5678` says 13812345678.

Whatever is written differently and says the same gets the same surrogate, written the way the value was.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from curation.anonymise import places
from curation.anonymise.spans import Pattern
from curation.anonymise.surrogates import people


@dataclass(frozen=True, slots=True)
class Spelling:
    """What a value says, and how it is written.

    Attributes:
        maker: what makes its surrogate, a key of `Surrogates`.
        core: what the value says.
        write: what the surrogate of `core` looks like in place of the value.
    """

    maker: str
    core: str
    write: Callable[[str], str]


def read(kind: str, value: str) -> Spelling:
    """A value of an entity type, on the view, taken apart."""
    return _READERS.get(kind, _serial)(value)


def _name(value: str) -> Spelling:
    core = value if value.isascii() else _SPACE.sub("", value)
    if core == value:
        return Spelling("name", core, _as_is)
    return Spelling("name", core, lambda new: _refill(value, new, _NO_SPACE))


def _called(value: str) -> Spelling:
    """王女士, 老刘, 小王师傅, 王芳老师: what is said around the name stays."""
    lead, who, title = people.untitled(value)
    if who and people.surname_of(who) == who:
        return Spelling("surname", who, lambda new: lead + new + title)
    return Spelling("name", who, lambda new: lead + new + title) if who else Spelling("none", value, _as_is)


def _digits_and_letters(maker: str) -> Callable[[str], Spelling]:
    return lambda value: Spelling(maker, _plain(value), lambda new: _refill(value, new, _ALNUM))


def _resident_id(value: str) -> Spelling:
    plain = _plain(value)
    digits = plain.translate(_MISREAD)
    if len(digits) == 18 and _ID.fullmatch(core := digits):
        return Spelling("resident_id", core, lambda new: _refill(value, new, _ALNUM))
    if len(digits) == 15 and digits.isdigit():
        return Spelling("old_resident_id", digits, lambda new: _refill(value, new, _ALNUM))
    return _serial(value)


def _mobile(value: str) -> Spelling:
    """Eleven digits, spoken or misread ones too, with or without 86 before them."""
    said = value.translate(_SPOKEN)
    lead = _COUNTRY.match(said)
    end = lead.end() if lead else 0
    rest = value[end:]
    core = "".join(_DIGIT_OR_MISREAD.findall(said[end:])).translate(_MISREAD)
    if len(core) != 11 or core[0] != "1":
        return _landline(value) if not _LETTER.search(value) else _serial(value)
    if said != value:
        spoken = str.maketrans(
            "0123456789", "零幺二三四五六七八九" if "幺" in value else "零一二三四五六七八九"
        )
        return Spelling("mobile", core, lambda new: value[:end] + _refill(rest, new.translate(spoken), _SAID))
    return Spelling("mobile", core, lambda new: value[:end] + _refill(rest, new, _DIGIT_OR_MISREAD))


def _landline(value: str) -> Spelling:
    """The area code stays."""
    area = _AREA.match(value)
    end = area.end() if area else 0
    rest = value[end:]
    core = "".join(_DIGIT.findall(rest))
    if not core:
        return _serial(value)
    return Spelling("landline", core, lambda new: value[:end] + _refill(rest, new, _DIGIT))


def _bank_card(value: str) -> Spelling:
    core = _plain(value)
    if len(core) < 9 or not core.isdigit():
        return _serial(value)
    return Spelling("bank_card", core, lambda new: _refill(value, new, _ALNUM))


def _credit_code(value: str) -> Spelling:
    core = _plain(value)
    if not _CREDIT_CODE.fullmatch(core):
        return _serial(value)
    return Spelling("credit_code", core, lambda new: _refill(value, new, _ALNUM))


def _plate(value: str) -> Spelling:
    core = str(_SEPARATOR.sub("", value)).upper()
    return Spelling("plate", core, lambda new: _refill(value, new, _NO_SEPARATOR))


def _social_security(value: str) -> Spelling:
    """An identity number, as most of them are, or a disability card, which adds kind and grade to it."""
    plain = _plain(value)
    if len(plain) >= 18 and _ID.fullmatch(plain[:18]):
        return Spelling("resident_id", plain[:18], lambda new: _refill(value, new + plain[18:], _ALNUM))
    return _serial(value)


def _account(value: str) -> Spelling:
    if value.isdigit():
        return _mobile(value) if len(value) == 11 and value[0] == "1" else Spelling("number", value, _as_is)
    return Spelling("account", value, _as_is)


def _mac(value: str) -> Spelling:
    core = _plain(value)
    return (
        Spelling("mac", core, lambda new: _refill(value, new, _ALNUM)) if len(core) == 12 else _serial(value)
    )


def _address(value: str) -> Spelling:
    """Province, city and county stay; it is the same address however many of them are written."""
    kept = places.within(value, "county")
    below = value[value.find(kept) + len(kept) :].lstrip(" ,")
    return Spelling("address", str(_SPACE.sub("", below)), lambda new: kept + new)


def _location(value: str) -> Spelling:
    """The suffix stays, and so do the divisions before the last one."""
    end = _PLACE_SUFFIX.search(value)
    suffix = end[0] if end else ""
    return Spelling("place", value, lambda new: new + suffix)


def _organisation(value: str) -> Spelling:
    end = _FIRM_SUFFIX.search(value)
    suffix = end[0] if end else ""
    return Spelling("place", value, lambda new: new + suffix)


def _case_number(value: str) -> Spelling:
    """The year in brackets stays: it is what tells a case number from any other."""
    match = _BRACKETED_YEAR.search(value)
    if not match or _ALNUM.search(value, 0, match.start()):
        return _serial(value)
    head = value[: match.end()]
    return Spelling("serial", value[match.end() :], lambda new: head + new)


def _serial(value: str) -> Spelling:
    return Spelling("serial", value, _as_is)


def _whole(maker: str) -> Callable[[str], Spelling]:
    return lambda value: Spelling(maker, value, _as_is)


def _lower(maker: str) -> Callable[[str], Spelling]:
    return lambda value: Spelling(maker, value.lower(), _as_is)


def _as_is(new: str) -> str:
    return new


def _plain(value: str) -> str:
    return "".join(_ALNUM.findall(value)).upper()


def _refill(value: str, new: str, slots: Pattern) -> str:
    """The characters of `new` in the places of the old ones, separators kept; what is left over is added."""
    fresh = iter(new)
    filled = str(slots.sub(lambda _: next(fresh, ""), value))
    return filled + "".join(fresh)


_SPACE, _NO_SPACE = Pattern(r"\s"), Pattern(r"\S")
_ALNUM, _DIGIT, _LETTER = Pattern("[0-9A-Za-z]"), Pattern("[0-9]"), Pattern("[A-Za-z]")
_SEPARATOR, _NO_SEPARATOR = Pattern(r"[ ·.\-]"), Pattern(r"[^ ·.\-]")
_SAID = Pattern("[0-9零〇幺一二两三四五六七八九]")
_DIGIT_OR_MISREAD = Pattern("[0-9OoIl]")
_SPOKEN = str.maketrans("零〇幺一二两三四五六七八九", "0011223456789")
_MISREAD = str.maketrans("OoIlL", "00111")
_ID = Pattern(r"\d{17}[\dX]")
_COUNTRY = Pattern(r"\(?(?:\+|00)?86\)?[ \-]?(?=1)")
_AREA = Pattern(r"(?:(?:\+|00)?86[ \-]?)?\(?0(?:10|2\d|[3-9]\d\d)\)?(?=[ \-]{0,2}\d{7})")
_CREDIT_CODE = Pattern("[0-9A-HJ-NPQRTUWXY]{18}")
_BRACKETED_YEAR = Pattern(r"[(〔\[【](?:19|20)\d\d[)〕\]】]")
_PLACE_SUFFIX = Pattern(
    "(?:特别行政区|自治区|自治州|自治县|自治旗|地区|街道|社区|小区|[省市县区旗镇乡村路街巷])$"
)
_FIRM_SUFFIX = Pattern(
    "(?:有限责任公司|股份有限公司|有限公司|公司|集团|小吃店|饭店|餐馆|超市|商店|商行|经营部|门市部|服务部|诊所|药店|"
    "理发店|便利店|合作社|工作室|幼儿园|学校|医院|[店厂馆部社院校局委办所站队])$"
)

_READERS: dict[str, Callable[[str], Spelling]] = {
    "PERSON": _name,
    "PERSON_HONORIFIC": _called,
    "PERSON_MASKED": _whole("masked"),
    "ADDRESS": _address,
    "LOCATION": _location,
    "ORGANIZATION": _organisation,
    "CN_RESIDENT_ID": _resident_id,
    "CN_MOBILE": _mobile,
    "CN_LANDLINE": _landline,
    "CN_OFFICE_PHONE": _landline,
    "CN_BANK_CARD": _bank_card,
    "CN_USCC": _credit_code,
    "CN_PLATE": _plate,
    "CN_PASSPORT": _digits_and_letters("passport"),
    "CN_HKMO_PERMIT": _digits_and_letters("permit"),
    "CN_TW_PERMIT": _digits_and_letters("permit"),
    "CN_SOCIAL_SECURITY": _social_security,
    "CN_CASE_NUMBER": _case_number,
    "EMAIL_ADDRESS": _lower("email"),
    "QQ": _account,
    "WECHAT": _account,
    "IP_ADDRESS": _lower("ip"),
    "MAC_ADDRESS": _mac,
    "GPS": _whole("coordinates"),
    "VIN": _digits_and_letters("vin"),
    "DATE_OF_BIRTH": _whole("birthday"),
}
