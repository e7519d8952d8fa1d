"""What of a value may be seen: 138****1234, 王**, or, as courts publish judgments, 王某."""

from __future__ import annotations

from curation.anonymise import dates, places
from curation.anonymise.generalise import degrees
from curation.anonymise.spans import Pattern
from curation.anonymise.surrogates import people


def mask(kind: str, value: str) -> str | None:
    """The value with stars; none where it would still be seen whole.

    Args:
        kind: entity type.
        value: on the view.
    """
    new = _masked(kind, value)
    if new is None or (value in new and kind != "PERSON_MASKED"):  # 王** was masked before
        return None
    return new


def _masked(kind: str, value: str) -> str | None:
    if kind in ("PERSON", "PERSON_MASKED"):
        return _name(value)
    if kind == "PERSON_HONORIFIC":
        return _called(value)
    if kind == "ADDRESS":
        return places.within(value, "county") + "***"
    if kind == "EMAIL_ADDRESS":
        local, at, domain = value.rpartition("@")
        return f"{local[:1]}***@{domain}" if at else None
    if kind == "DATE_OF_BIRTH":
        return value[:4] + str(_DATE_PART.sub("*", value[4:])) if dates.read(value) else None
    if kind == "GPS":
        return degrees(value, lambda decimals: "*" * len(decimals))
    head, tail = _SEEN.get(kind, (2, 2))
    return _stars(value, head, tail)


def court(kind: str, value: str) -> str:
    """Surname and 某; the first character and 某 where the name is built otherwise; of Latin names a letter.

    Provisions of the Supreme People's Court on publishing judgments on the internet, Fa Shi (2016) No. 19,
    article 9.

    Args:
        kind: one of `policy.PEOPLE`.
        value: on the view.
    """
    who = people.untitled(value)[1] if kind == "PERSON_HONORIFIC" else value
    plain = str(_SPACE.sub("", who or value))
    if plain.isascii():
        return plain[:1].upper()
    family = people.split(plain)[0] or (people.surname_of(plain) if len(plain) < 3 else "") or plain[:1]
    return f"{family}某"


def _name(value: str) -> str:
    plain = str(_SPACE.sub("", value))
    if plain.isascii():
        return f"{plain[:1]}***"
    family = people.split(plain)[0] or plain[:1]
    return family + "*" * max(1, len(plain) - len(family))


def _called(value: str) -> str:
    """王女士 as 王**, 王芳老师 as 王*老师, 老刘 as 老*."""
    lead, who, title = people.untitled(value)
    if people.surname_of(who) != who:
        return lead + _name(who) + title
    return lead + who + "*" * len(title) if title else (lead or who) + "*"


def _stars(value: str, head: int, tail: int) -> str:
    """Stars for all letters and digits but the first and last few, and always for a third of them."""
    at = [place for place, char in enumerate(value) if char.isalnum()]
    if head + tail > 0.65 * len(at):
        head = tail = len(at) // 4
    head = head or int(len(at) > 1)
    hidden = set(at[head : len(at) - tail])
    return "".join("*" if place in hidden else char for place, char in enumerate(value))


_SEEN = {
    "CN_MOBILE": (3, 4),
    "CN_RESIDENT_ID": (4, 1),
    "CN_LANDLINE": (4, 2),
    "CN_OFFICE_PHONE": (4, 2),
    "CN_BANK_CARD": (4, 4),
    "CN_PLATE": (2, 1),
    "ORGANIZATION": (1, 0),
    "LOCATION": (1, 0),
    "CN_USCC": (4, 2),
}
"""How many characters of a type are seen at the beginning and the end."""

_SPACE = Pattern(r"\s")
_DATE_PART = Pattern("[0-9〇零○一二三四五六七八九十]")
