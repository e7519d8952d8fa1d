"""What is written in place of a value: a placeholder per type, or, with a key, a surrogate of the same kind.

A surrogate depends on key, type and what the value says, so it is the same wherever the value stands, on any
engine. Different people stay different: names and whatever has the room are permuted, never drawn. No
surrogate can belong to anybody: check digits are wrong, segments unassigned, domains and networks reserved
for documentation. A name that came out as the name of somebody in the corpus is drawn again (`apart`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from curation.anonymise.spans import view
from curation.anonymise.surrogates import spelling
from curation.anonymise.surrogates.cipher import Cipher
from curation.anonymise.surrogates.numbers import Numbers
from curation.anonymise.surrogates.people import TURNS, People

Turns = Mapping[tuple[str, str], int]
"""Which surrogate a value gets where it is not the usual one: type and value to 1, 2, ..."""

REMEMBERED = 1 << 17
"""Surrogates kept, so that a value that comes again costs nothing."""


class Surrogates:
    """Keyed surrogates.

    Args:
        key: secret bytes; the same key gives the same surrogates.
    """

    def __init__(self, key: bytes) -> None:
        self._key, self._cipher = key, Cipher(key)
        people, numbers = People(self._cipher), Numbers(self._cipher)
        self._makers: dict[str, Callable[[str, int], str]] = {
            "name": people.name,
            "surname": people.surname,
            "masked": people.masked,
            "address": self._address,
            "place": self._place,
            "resident_id": numbers.resident_id,
            "old_resident_id": numbers.old_resident_id,
            "mobile": numbers.mobile,
            "landline": numbers.landline,
            "bank_card": numbers.bank_card,
            "credit_code": numbers.credit_code,
            "plate": numbers.plate,
            "passport": numbers.passport,
            "email": numbers.email,
            "number": numbers.number,
            "account": numbers.account,
            "ip": numbers.ip_address,
            "mac": numbers.mac_address,
            "coordinates": numbers.coordinates,
            "permit": numbers.without_i,
            "vin": numbers.without_i,
            "birthday": numbers.birthday,
            "serial": numbers.serial,
            "none": lambda value, turn: value,
        }
        self._turns: Turns = {}
        self._made: dict[tuple[str, str, int], str] = {}

    def __call__(self, kind: str, value: str) -> str:
        """The surrogate of a value of an entity type."""
        plain = view(value)
        spelt = spelling.read(kind, plain)
        turn = self._turns.get((kind, plain), 0)
        return spelt.write(self._make(spelt.maker, spelt.core, turn))

    def apart(self, values: Iterable[tuple[str, str]]) -> Surrogates:
        """The surrogates of a corpus: none is the name of anybody in it, no two values have the same.

        Args:
            values: type and value of everything that will be replaced, and every full name that will not.
        """
        return self.turned(self.redraw(values))

    def turned(self, turns: Turns) -> Surrogates:
        """The same surrogates but for some values."""
        other = object.__new__(Surrogates)
        other.__dict__.update(self.__dict__, _turns=turns)
        return other

    def redraw(self, values: Iterable[tuple[str, str]]) -> dict[tuple[str, str], int]:
        """Which values need another surrogate than their usual one, as `apart` says, and which one.

        Decided once over a corpus, from its set of values alone: their order does not matter.
        """
        read = {value: spelling.read(*value) for value in set(values)}
        known = sorted({(spelt.maker, spelt.core) for spelt in read.values()})
        names = {core for maker, core in known if maker == "name"}
        taken: set[tuple[str, str]] = {("name", name) for name in names}
        again = []
        for maker, core in known:
            if maker in _FREE:
                continue
            made = (maker, self._make(maker, core, 0))
            if made in taken:
                again.append((maker, core))
            taken.add(made)
        turns: dict[tuple[str, str], int] = {}
        crowded: set[str] = set()
        for maker, core in again:
            if maker in crowded:
                continue
            tries = ((turn, (maker, self._make(maker, core, turn))) for turn in range(1, TURNS))
            turn, made = next((each for each in tries if each[1] not in taken), (TURNS, ("", "")))
            if turn == TURNS and maker != "name":
                crowded.add(maker)  # nobody's numbers are used up; what is left shares them
                continue
            turns[maker, core] = turn
            taken.add(made)
        return {
            value: turns[spelt.maker, spelt.core]
            for value, spelt in read.items()
            if (spelt.maker, spelt.core) in turns
        }

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (self._key, dict(self._turns))

    def days(self, subject: str) -> int:
        """By how many days the dates of a person move: 1 to 350, back or forth.

        Args:
            subject: who it is, or what stands for them.
        """
        number = self._cipher.number("days", subject) % 700
        return number - 350 if number < 350 else number - 349

    def _make(self, maker: str, core: str, turn: int) -> str:
        made = self._made.get((maker, core, turn))
        if made is None:
            if len(self._made) >= REMEMBERED:
                self._made.clear()
            made = self._made[maker, core, turn] = self._makers[maker](core, turn)
        return made

    def _address(self, value: str, turn: int) -> str:
        """A road and a number that do not exist; 虚 says so."""
        number = self._cipher.number("address", value, turn)
        number, house = divmod(number, 9999)
        return f"{_spell(number, 3)}虚路{house + 1}号"

    def _place(self, value: str, turn: int) -> str:
        """A name of no place; 虚 says so."""
        return f"{_spell(self._cipher.number('place', value, turn), 3)}虚"


def _restored(key: bytes, turns: Turns) -> Surrogates:
    return Surrogates(key).turned(turns)


def _spell(number: int, length: int) -> str:
    return "".join(_ROAD[number // len(_ROAD) ** place % len(_ROAD)] for place in range(length))


_FREE = frozenset(("surname", "masked", "birthday", "none", "ip", "mac", "place"))
"""What need not be different for different values, or has no room to be."""

_ROAD = "澄砚沅岫棠芷漪筠霁岚汀渚蘅藜荻荇莳葭蔺漱溆滢潆濛泠洄浥涣淙湉淼渌濯缃缥绡绮纨纻绫"
