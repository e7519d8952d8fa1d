"""Invented people, and the many ways in which the same name or number gets written down."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Callable
from random import Random

from curation.samples import banks, identifiers
from curation.samples.passage import Passage

_FULL_WIDTH = str.maketrans("0123456789", "０１２３４５６７８９")
_PLACES = ("estate", "road", "village", "town", "school", "hospital", "market", "firm")


@dataclasses.dataclass(frozen=True)
class Person:
    """Somebody who does not exist. `region` is the entry of the bank `people` that they live in."""

    name: str
    surname: str
    female: bool
    birth: datetime.date
    id_number: str
    mobile: str
    address: str
    home: str
    region: dict[str, str]


def draw(rng: Random) -> Person:
    """A person with a name of one of six sorts and an address from province or street to the door."""
    bank = banks.load("people")
    female = rng.random() < 0.5
    surname, name = _name(rng, female=female)
    region = rng.choices(bank["regions"], [each["weight"] for each in bank["regions"]])[0]
    birth = datetime.date(1945, 1, 1) + datetime.timedelta(days=rng.randrange(57 * 365))
    parts = {
        "province": region["province"],
        "city": region["city"],
        "district": rng.choice(region["districts"]),
        "town": rng.choice(region["towns"]),
        "road": rng.choice(bank["roads"]),
        "village": rng.choice(bank["villages"]),
        "estate": rng.choice(bank["estates"]),
        "number": rng.randint(2, 398),
        "block": rng.randint(1, 36),
        "unit": rng.randint(1, 6),
        "room": rng.randint(1, 32) * 100 + rng.randint(1, 8),
    }
    return Person(
        name=name,
        surname=surname,
        female=female,
        birth=birth,
        id_number=identifiers.resident_id(rng, region["code"], birth, female=female),
        mobile=identifiers.mobile(rng, bank["mobile_segments"]),
        address=rng.choice(bank["addresses"]).format(**parts),
        home=rng.choice(bank["homes"]).format(**parts),
        region=region,
    )


class Scene:
    """Who and what one record speaks of. The same slot gives the same person and place all through it.

    `Scene.slot` fills a template; each time a number is asked for it may be written another way.
    """

    def __init__(self, rng: Random, person: Person | None = None) -> None:
        self.rng = rng
        self.people = {"name": person} if person else {}
        self.places: dict[str, str] = {}

    def slot(self, name: str) -> Passage:
        """The passage for a slot of a template.

        Raises:
            KeyError: there is no such slot.
        """
        if name in _PLACES:
            if name not in self.places:
                self.places[name] = self._place(name)
            return Passage.of(self.places[name])
        if name == "month":
            return Passage.of(str(self.rng.randint(1, 11)))
        if name == "company":
            return Passage.of(identifiers.company_code(self.rng, "430521"))
        type, write = _ENTITIES[name]
        return Passage.of(write(self), type)

    def person(self, role: str) -> Person:
        """The person in this role, drawn when first spoken of."""
        if role not in self.people:
            self.people[role] = draw(self.rng)
        return self.people[role]

    def _place(self, name: str) -> str:
        bank = banks.load("people")
        if name == "town":
            return str(self.rng.choice(bank["regions"][0]["towns"]))
        return str(self.rng.choice(bank[f"{name}s"]))


def honorific(rng: Random, person: Person) -> str:
    """Surname with a title, as in 王女士, or 老刘."""
    bank = banks.load("people")
    if len(person.surname) == 1 and rng.random() < 0.2:
        return rng.choice("老小") + person.surname
    return person.surname + str(rng.choice(bank["titles_female" if person.female else "titles_male"]))


def masked_name(rng: Random) -> str:
    """A name that was made unreadable by whoever wrote it, as in 陈某."""
    bank = banks.load("people")
    return str(rng.choice(bank["masks"])).format(s=rng.choice(bank["surnames"]))


def written_mobile(rng: Random, number: str) -> str:
    """A mobile number as people write it: plain, in groups, full width, with the country code."""
    grouped = (number[:3], number[3:7], number[7:])
    forms = [
        " ".join(grouped),
        "-".join(grouped),
        number.translate(_FULL_WIDTH),
        f"+86 {number}",
        f"+86{number}",
    ]
    return rng.choice([number] * 6 + forms)


def written_id(rng: Random, number: str) -> str:
    """A resident identity number as people write it: plain, small x, in groups, full width."""
    grouped = f"{number[:6]} {number[6:14]} {number[14:]}"
    return rng.choice([number] * 5 + [number.lower(), grouped, number.translate(_FULL_WIDTH)])


def _name(rng: Random, *, female: bool) -> tuple[str, str]:
    """Surname and whole name."""
    bank = banks.load("people")
    sort = rng.choices(["usual", "compound", "rare", "word", "minority", "foreign"], [70, 8, 8, 6, 5, 3])[0]
    if sort in ("minority", "foreign"):
        name = str(rng.choice(bank[sort]))
        return name.split("·")[0], name
    if sort == "word":
        name = str(rng.choice(bank["ordinary_words"]))
        return name[0], name
    surname = str(rng.choice(bank["compound_surnames" if sort == "compound" else "surnames"]))
    given = bank["rare_given"] if sort == "rare" else bank["given_female" if female else "given_male"]
    return surname, surname + str(rng.choice(given))


def _written_date(rng: Random, day: datetime.date) -> str:
    return rng.choice(
        [
            f"{day.year}年{day.month}月{day.day}日",
            f"{day:%Y-%m-%d}",
            f"{day.year}.{day.month}.{day.day}",
            f"{day.year}年{day.month}月",
        ]
    )


def _child_birth(rng: Random) -> datetime.date:
    return datetime.date(2016, 9, 1) + datetime.timedelta(days=rng.randrange(365))


def _landline(rng: Random, person: Person) -> str:
    return identifiers.landline(rng, person.region["area"], int(person.region["digits"]))


def _email(rng: Random) -> str:
    bank = banks.load("people")
    account = f"{rng.choice(bank['mail_names'])}{rng.choice(['', '_', '.'])}{rng.randint(10, 9999)}"
    return f"{account}@{rng.choice(bank['mail_hosts'])}"


def _wechat(rng: Random) -> str:
    name = rng.choice(banks.load("people")["mail_names"])
    return rng.choice(
        [
            f"wx_{name}{rng.randint(10, 999)}",
            f"{name}-{rng.randint(1000, 9999)}",
            f"wxid_{rng.getrandbits(56):014x}",
        ]
    )


_ENTITIES: dict[str, tuple[str, Callable[[Scene], str]]] = {
    "name": ("PERSON", lambda scene: scene.person("name").name),
    "other": ("PERSON", lambda scene: scene.person("other").name),
    "third": ("PERSON", lambda scene: scene.person("third").name),
    "honorific": ("PERSON_HONORIFIC", lambda scene: honorific(scene.rng, scene.person("name"))),
    "other_honorific": ("PERSON_HONORIFIC", lambda scene: honorific(scene.rng, scene.person("other"))),
    "masked": ("PERSON_MASKED", lambda scene: masked_name(scene.rng)),
    "address": ("ADDRESS", lambda scene: scene.person("name").address),
    "home": ("ADDRESS", lambda scene: scene.person("name").home),
    "other_home": ("ADDRESS", lambda scene: scene.person("other").home),
    "dob": ("DATE_OF_BIRTH", lambda scene: _written_date(scene.rng, scene.person("name").birth)),
    "child_dob": ("DATE_OF_BIRTH", lambda scene: _written_date(scene.rng, _child_birth(scene.rng))),
    "id": ("CN_RESIDENT_ID", lambda scene: written_id(scene.rng, scene.person("name").id_number)),
    "mobile": ("CN_MOBILE", lambda scene: written_mobile(scene.rng, scene.person("name").mobile)),
    "other_mobile": ("CN_MOBILE", lambda scene: written_mobile(scene.rng, scene.person("other").mobile)),
    "landline": ("CN_LANDLINE", lambda scene: _landline(scene.rng, scene.person("name"))),
    "bank_card": (
        "CN_BANK_CARD",
        lambda scene: identifiers.bank_card(scene.rng, banks.load("people")["card_bins"]),
    ),
    "uscc": (
        "CN_USCC",
        lambda scene: identifiers.sole_trader_code(scene.rng, scene.person("name").region["code"]),
    ),
    "plate": ("CN_PLATE", lambda scene: identifiers.plate(scene.rng, scene.person("name").region["plate"])),
    "passport": ("CN_PASSPORT", lambda scene: identifiers.passport(scene.rng)),
    "permit": ("CN_HKMO_PERMIT", lambda scene: identifiers.hkmo_permit(scene.rng)),
    "ssn": (
        "CN_SOCIAL_SECURITY",
        lambda scene: identifiers.social_security(scene.rng, scene.person("name").region["code"]),
    ),
    "record_no": ("CN_MEDICAL_RECORD", lambda scene: identifiers.medical_record(scene.rng)),
    "case": ("CN_CASE_NUMBER", lambda scene: identifiers.case_number(scene.rng)),
    "email": ("EMAIL_ADDRESS", lambda scene: _email(scene.rng)),
    "qq": ("QQ", lambda scene: str(scene.rng.randint(10**8, 3 * 10**9))),
    "wechat": ("WECHAT", lambda scene: _wechat(scene.rng)),
    "office_phone": (
        "CN_OFFICE_PHONE",
        lambda scene: str(scene.rng.choice(banks.load("people")["office_phones"])),
    ),
    "hotline": ("CN_OFFICE_PHONE", lambda scene: "12345"),
}
