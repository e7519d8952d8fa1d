"""Keyed permutations of numbers and of texts: what makes surrogates consistent and two values never one.

A text is ranked among all texts of its pattern (which alphabet each of its characters is from), the rank is
permuted, and the result is read as a text of the same pattern: rank-then-encipher, Bellare and others,
Format-Preserving Encryption (2009). The permutation is a generalised Feistel network that walks until it is
back in range (Black and Rogaway, Ciphers with Arbitrary Finite Domains, 2002); its rounds are keyed BLAKE2b
(RFC 7693).
"""

from __future__ import annotations

import bisect
import functools
import hashlib
import math
from collections.abc import Callable, Sequence

ROUNDS = 8

Place = tuple[int, int, int]
"""Number of an alphabet, rank of a character in it, size of the alphabet."""


class Alphabets:
    """Disjoint alphabets; a character counts in the first that has it.

    Args:
        listed: alphabets written out.
        ranges: first and last character of alphabets that are stretches of Unicode; a character of `listed`
            within one is none of it.
    """

    def __init__(self, *listed: str, ranges: Sequence[tuple[str, str]] = ()) -> None:
        self._members: list[Sequence[str] | range] = []
        self._places: dict[str, Place] = {}
        for alphabet in listed:
            fresh = [char for char in dict.fromkeys(alphabet) if char not in self._places]
            number = len(self._members)
            self._places.update({char: (number, at, len(fresh)) for at, char in enumerate(fresh)})
            self._members.append(fresh)
        self._starts = [ord(first) for first, _ in ranges]
        self._first_range = len(self._members)
        self._members += [range(ord(first), ord(last) + 1) for first, last in ranges]

    def place(self, char: str) -> Place | None:
        """Where a character stands; none where it is of no alphabet and stays as it is."""
        if place := self._places.get(char):
            return place
        code = ord(char)
        number = bisect.bisect_right(self._starts, code) - 1
        if number < 0:
            return None
        stretch = self._members[self._first_range + number]
        assert isinstance(stretch, range)
        return (self._first_range + number, code - stretch[0], len(stretch)) if code in stretch else None

    def char(self, alphabet: int, rank: int) -> str | None:
        """The character at a rank of an alphabet; none where a listed alphabet has it."""
        member = self._members[alphabet][rank]
        if isinstance(member, str):
            return member
        char = chr(member)
        return None if char in self._places else char


class Cipher:
    """Numbers, choices and permutations that depend on a key and on what is said, and on nothing else.

    Args:
        key: secret bytes of any length.
    """

    def __init__(self, key: bytes) -> None:
        self._hash = hashlib.blake2b(key=hashlib.sha256(key).digest(), digest_size=32)

    def number(self, *said: str | int) -> int:
        """A number of 256 bits."""
        hashed = self._hash.copy()
        hashed.update(_bytes(said))
        return int.from_bytes(hashed.digest(), "big")

    def permute(self, number: int, size: int, *said: str | int) -> int:
        """Where a number of 0 to size - 1 goes in the permutation that belongs to what is said."""
        return self._walk(number, size, said, 1)

    def cycle(self, number: int, size: int, *said: str | int) -> int:
        """As `permute`, by a permutation that is one cycle: no number stays where it is."""
        place = self._walk(number, size, said, 1)
        return self._walk((place + 1) % size, size, said, -1)

    def inject(self, number: int, size: int, *said: str | int) -> int:
        """A number of 0 to size - 1 for one of any size: another one for each below `size`.

        Larger ones are permuted block by block, so two of them share a result with odds of 1 in `size`.
        """
        block, rest = divmod(number, size)
        return self.permute(rest, size, *said, block)

    def order(self, members: Sequence[str], *said: str | int) -> dict[str, str]:
        """A permutation of strings without fixed points: each goes to the next in a keyed order."""
        order = sorted(dict.fromkeys(members), key=lambda one: self.number(*said, one))
        return dict(zip(order, [*order[1:], *order[:1]], strict=True))

    def text(
        self,
        text: str,
        alphabets: Alphabets,
        *said: str | int,
        step: Callable[..., int] | None = None,
        fits: Callable[[str], bool] | None = None,
    ) -> str:
        """A text of the same pattern; different texts stay different.

        Args:
            step: `permute`, or `cycle` where the text itself must not come out.
            fits: what holds of the text and must hold of its image: the walk goes on until it does.
        """
        step = step or self.permute
        number, size, pattern = 0, 1, ""
        places: list[Place | None] = []
        for char in text:
            place = alphabets.place(char)
            places.append(place)
            if place is None:
                pattern += char
            else:
                pattern += f"<{place[0]}>"
                number = number * place[2] + place[1]
                size *= place[2]
        if size < 2:
            return text
        while True:
            number = step(number, size, pattern, *said)
            made = _spell(text, places, number, alphabets)
            if made is not None and (fits is None or fits(made)):
                return made

    @functools.lru_cache(maxsize=4096)  # noqa: B019  one cipher lives as long as its process
    def _network(self, size: int, *said: str | int) -> hashlib.blake2b:
        keyed = self._hash.copy()
        keyed.update(_bytes(("feistel", size, *said)))
        return keyed

    def _walk(self, number: int, size: int, said: tuple[str | int, ...], way: int) -> int:
        """A Feistel network over two halves of nearly equal size; `way` is 1, or -1 for its inverse."""
        if size < 2:
            return number
        lefts = math.isqrt(size - 1) + 1
        rights = -(-size // lefts)
        keyed = self._network(size, *said)
        while True:
            left, right = divmod(number, rights)
            for turn in range(ROUNDS)[::way]:
                hashed = keyed.copy()
                if turn % 2:
                    hashed.update(b"%d %d" % (turn, left))
                    right = (right + way * int.from_bytes(hashed.digest(), "big")) % rights
                else:
                    hashed.update(b"%d %d" % (turn, right))
                    left = (left + way * int.from_bytes(hashed.digest(), "big")) % lefts
            number = left * rights + right
            if number < size:
                return number


def _spell(text: str, places: Sequence[Place | None], number: int, alphabets: Alphabets) -> str | None:
    """The text of a number; none where a character is of another alphabet than the one it stands for."""
    out = list(text)
    for at in range(len(out) - 1, -1, -1):
        if place := places[at]:
            number, rank = divmod(number, place[2])
            made = alphabets.char(place[0], rank)
            if made is None:
                return None
            out[at] = made
    return "".join(out)


def _bytes(said: tuple[str | int, ...]) -> bytes:
    return "\0".join(map(str, said)).encode("utf-8", "surrogatepass")
