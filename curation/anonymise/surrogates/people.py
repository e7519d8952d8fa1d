"""Surrogates for people: two names never become one, and a surname goes the same way wherever it stands.

Surnames are permuted within their kind (usual, rare, compound). What is not a surname and one or two given
characters (names of minorities, foreign, dotted, Latin names) is permuted as a whole. Either way a character
goes to one of its own alphabet: usual characters of given names, those of transliterations, GB 2312, the rest
of Unicode's Han blocks.
"""

from __future__ import annotations

import functools

from curation.anonymise import lexicon
from curation.anonymise.surrogates.cipher import Alphabets, Cipher

TURNS = 256
"""Surrogates that a name can have; where all are taken it gets letters."""

SAME_SURNAME = 64
"""So many turns change the given name alone; only then the surname changes too."""

FAMILIAR = "老小阿"
"""What stands before a surname or a name among people who know each other."""

_MASKS = frozenset("某xX×*＊○〇O")
_SHORT_TITLES = "总工姐哥姨嫂妈爸叔伯氏"
_TITLES = sorted(lexicon.TITLES, key=len, reverse=True)


class People:
    """Makes names."""

    def __init__(self, cipher: Cipher) -> None:
        self._cipher = cipher
        self._families: dict[str, str] = {}
        for kind, members in sorted(_kinds().items()):
            self._families.update(cipher.order(members, "surname", kind))

    def name(self, name: str, turn: int) -> str:
        """Another full name. `turn` 1, 2, ... gives further ones."""
        if turn >= TURNS:
            return self._letters(name, turn)
        family, given = split(name)
        if not family:
            return self._whole(name, turn)
        new = family
        for _ in range(turn // SAME_SURNAME + 1):
            new = self._families[new]
        return new + self._given(family, new, given, turn)

    def surname(self, family: str, turn: int) -> str:
        """The surname that all surrogates of a surname's bearers have."""
        return self._families[family]

    def masked(self, name: str, turn: int) -> str:
        """陈某, 王**, 陈某强: the surname goes where it always goes, what else is shown becomes another."""
        family = surname_of(name)
        rest = name[len(family) :]
        shown = "".join(char for char in rest if char not in _MASKS)
        fresh = iter(self._cipher.text(shown, given_names(), "masked", turn))
        new = "".join(char if char in _MASKS else next(fresh) for char in rest)
        return self._families.get(family, family) + new

    def _given(self, family: str, new: str, given: str, turn: int) -> str:
        """The new given name; with the new surname it must not begin like a compound surname."""
        made = self._cipher.text(given, given_names(), "given", turn)
        if len(given) == 1:
            return made
        barred, free = _TAILS.get(new, ""), _TAILS.get(family, "")
        while made[0] in free:
            made = self._cipher.text(made, given_names(), "given", turn)
        # The surnames of one kind begin equally many compound ones, so what is barred has a free place to go.
        swap = dict(zip(sorted(set(barred) - set(free)), sorted(set(free) - set(barred)), strict=True))
        return swap.get(made[0], made[0]) + made[1:]

    def _whole(self, name: str, turn: int) -> str:
        alphabets = foreign_names()
        if any(char.isalnum() and alphabets.place(char) is None for char in name):  # another script
            return self._letters(name, turn)
        return self._cipher.text(
            name, alphabets, "name", turn, step=self._cipher.cycle, fits=lambda made: not split(made)[0]
        )

    def _letters(self, name: str, turn: int) -> str:
        number = self._cipher.number("letters", name, turn)
        return "X" + "".join(chr(97 + number // 26**place % 26) for place in range(11))


def split(name: str) -> tuple[str, str]:
    """Surname and given name of one or two Han characters; two empty strings where a name is not built so."""
    for length in (2, 1):
        family, given = name[:length], name[length:]
        if family in _SURNAMES and 1 <= len(given) <= 2:
            return (family, given) if all(map(_is_han, given)) else ("", "")
    return "", ""


def surname_of(text: str) -> str:
    """The surname a text begins with, or an empty string."""
    return next((text[:length] for length in (2, 1) if text[:length] in _SURNAMES), "")


def untitled(text: str) -> tuple[str, str, str]:
    """What is said before a name, the name or surname, and the title behind it: 老刘, 王女士, 小王师傅."""
    end = len(text)
    if title := next((one for one in _TITLES if text.endswith(one) and len(text) > len(one)), ""):
        end -= len(title)
    elif len(text) > 1 and text[-1] in _SHORT_TITLES and text[:-1] in _SURNAMES:
        end -= 1
    start = int(end > 1 and text[0] in FAMILIAR)
    return text[:start], text[start:end], text[end:]


@functools.cache
def given_names() -> Alphabets:
    """Alphabets of given names: usual characters first."""
    return Alphabets(lexicon.GIVEN_CHARS, _FOREIGN, _gb2312(), *_LATIN, ranges=_HAN)


@functools.cache
def foreign_names() -> Alphabets:
    """Alphabets of names that are built otherwise: characters of transliterations first."""
    return Alphabets(_FOREIGN, lexicon.GIVEN_CHARS, _gb2312(), *_LATIN, ranges=_HAN)


def _kinds() -> dict[str, list[str]]:
    """Surnames by kind; those that begin as many compound surnames are a kind of their own."""
    kinds: dict[str, list[str]] = {"compound": list(_COMPOUND)}
    for char in lexicon.COMMON_SURNAMES + lexicon.RARE_SURNAMES:
        usual = "usual" if char in lexicon.COMMON_SURNAMES else "rare"
        kind = f"head {len(_TAILS[char])}" if char in _TAILS else usual
        if char not in kinds.setdefault(kind, []):
            kinds[kind].append(char)
    return kinds


def _is_han(char: str) -> bool:
    place = given_names().place(char)
    return place is not None and place[0] not in _LATIN_NUMBERS


def _gb2312() -> str:
    """The Han characters of GB/T 2312: what every font has."""
    rows, cells = range(0xB0, 0xF8), range(0xA1, 0xFF)
    return b"".join(bytes((row, cell)) for row in rows for cell in cells).decode("gb2312", "ignore")


_COMPOUND = tuple(one for one in dict.fromkeys(lexicon.COMPOUND_SURNAMES) if len(one) == 2)
_SURNAMES = frozenset((*lexicon.COMMON_SURNAMES, *lexicon.RARE_SURNAMES, *_COMPOUND))
_TAILS = {
    head: "".join(sorted({one[1] for one in _COMPOUND if one[0] == head}))
    for head in dict.fromkeys(one[0] for one in _COMPOUND)
    if head in _SURNAMES
}
_FOREIGN = "".join(dict.fromkeys((*lexicon.TRANSLITERATION, *"".join(lexicon.MINORITY_NAMES))))
_LATIN = ("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz", "0123456789")
_LATIN_NUMBERS = (3, 4, 5)
_HAN = (
    ("\u3400", "\u4dbf"),
    ("\u4e00", "\u9fa5"),
    ("\u9fa6", "\u9fff"),
    ("\uf900", "\ufa6d"),
    ("\ufa70", "\ufad9"),
    ("\U00020000", "\U0002a6dd"),
    ("\U0002a700", "\U0002b738"),
    ("\U0002b740", "\U0002b81d"),
    ("\U0002b820", "\U0002cea1"),
    ("\U0002ceb0", "\U0002ebe0"),
    ("\U0002f800", "\U0002fa1d"),
    ("\U00030000", "\U0003134a"),
    ("\U00031350", "\U000323af"),
)
"""Han characters of Unicode 15.1, without gaps."""
