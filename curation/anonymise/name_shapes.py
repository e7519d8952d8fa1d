"""What a Chinese name looks like: its characters, and what may not follow it where it stands."""

from __future__ import annotations

from collections.abc import Iterator

from curation.anonymise import lexicon
from curation.anonymise.spans import Pattern, occurrences


def is_name(name: str) -> bool:
    """Whether a string has the shape of a Chinese name and is no word or place that only looks like one."""
    return name not in lexicon.NOT_NAMES and shaped(name)


def is_likely(plain: str, start: int, end: int) -> bool:
    """Whether a stretch of text looks like a name and is not used for a place."""
    found = plain[start:end]
    return (
        is_name(found)
        and found not in lexicon.common_words()
        and found[0] not in lexicon.WEAK_SURNAMES
        and (len(found) > 2 or found[0] in _FIRM or found[1] in GIVEN)
        and not _NO_NAME.search(found)
        and stands_free(plain, end)
        and not any(_uses_as_place(found, plain))
    )


def surname(name: str) -> str:
    """The surname a Chinese name begins with, or an empty string."""
    return next((one for one in lexicon.COMPOUND_SURNAMES if name.startswith(one)), "") or (
        name[:1] if name[:1] in _SURNAME_SET else ""
    )


def shaped(name: str) -> bool:
    """Whether a string has the shape of a Chinese name, be it a word besides or not."""
    return bool(FULL.fullmatch(name)) and name not in _NEVER and "某" not in name


def stands_free(plain: str, end: int) -> bool:
    """Whether what follows makes the string neither a place or firm nor a document number."""
    return not PLACE_AFTER.match(plain, end) and not _DOCUMENT_AFTER.match(plain, end)


def mostly_a_place(name: str, plain: str) -> bool:
    """Whether the text uses the string for a place or a firm more often than not."""
    uses = list(_uses_as_place(name, plain))
    return 2 * sum(uses) > len(uses)


def _uses_as_place(name: str, plain: str) -> Iterator[bool]:
    """Wherever the string stands in the text: whether it is used for a place or a firm there."""
    return (bool(PLACE_AFTER.match(plain, end)) for _, end in occurrences(name, plain))


SURNAMES = lexicon.COMMON_SURNAMES + lexicon.RARE_SURNAMES
_SURNAME_SET = frozenset(SURNAMES)
_FIRM = frozenset(lexicon.COMMON_SURNAMES + lexicon.FIRM_SURNAMES)
_NEVER = lexicon.NEVER_NAMES.union(lexicon.COMPOUND_SURNAMES)
GIVEN = frozenset(lexicon.GIVEN_CHARS)
TITLES = "|".join(lexicon.TITLES)
COMPOUND = "|".join(lexicon.COMPOUND_SURNAMES)
NAME = rf"(?:(?:{COMPOUND})\p{{Han}}{{1,2}}|[{SURNAMES}]\p{{Han}}{{1,2}})"
DOTTED = r"\p{Han}{1,8}(?:·\p{Han}{1,8}){1,3}"
_FOREIGN = rf"[{lexicon.TRANSLITERATION}]{{4,8}}"
MINORITY = rf"(?=\p{{Han}}{{0,3}}(?:{lexicon.MINORITY_PARTS}))\p{{Han}}{{3,8}}"

FULL = Pattern(rf"(?:{COMPOUND})\p{{Han}}{{1,2}}|[{SURNAMES}]\p{{Han}}{{1,2}}|{DOTTED}|{MINORITY}|{_FOREIGN}")
_NO_NAME = Pattern(
    "[路府居苑园镇村乡县区市局院街桥亭湾塘冲铺坝垄坡坪人门费]$|(?<=^.)路"
    "|(?<=^.)家(?![豪俊明伟辉乐欣琪宁骏瑞铭兴诚和])"
)
_DOCUMENT_AFTER = Pattern(
    r"(?:\p{Han}{0,4}|\(\p{Han}\)\p{Han}{0,2})[ ]?[〔\[【(][ ]?(?:19|20)\d\d[ ]?[〕\]】)]"
)
PLACE_AFTER = Pattern(lexicon.PLACE_AFTER)
TITLE_AT_END = Pattern(rf"(?:{TITLES})$")
