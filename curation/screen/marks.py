"""What counts as a secrecy mark on a document, and what is only a sentence about secrets.

A mark of a state secret is the level, `★` and the period (implementing regulation of the Law on Guarding
State Secrets, art. 21: 密级★保密期限); on an official document it stands alone in the first lines of the
page (GB/T 9704-2012, 7.2.2). Words such as 国家秘密分为绝密、机密、秘密三级 are not a mark.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import Any

import regex

SECRECY = "secrecy_mark"
INTERNAL = "internal_mark"

HEAD_LINES = 20
"""A level alone on a line is a mark only in the first page region, as far as a page's header reaches."""

_GAP = r"[\s\p{Cf}]*+"
_BLANK = r"[^\S\n]*+"
_LEVEL = rf"(?P<level>[绝絕]{_GAP}密|[机機]{_GAP}密|秘{_GAP}密)"
_DIGITS = r"[0-9０-９一二三四五六七八九十百〇零]{1,4}"
_PERIOD = (
    rf"(?:长\s*期|長\s*期|至?{_BLANK}{_DIGITS}{_BLANK}(?:年(?:{_DIGITS}月)?(?:{_DIGITS}日)?|个?月|日|天))"
)
_STAR = r"(?:[★☆⭐✩✪✭✮✯✰⋆🌟]|&#9733;|&#x2605;|&starf;)"
_ASTERISK = r"[*＊﹡∗]"
_START, _END = rf"^{_BLANK}[#>*]*{_BLANK}", rf"\**{_BLANK}$"  # a whole line, Markdown or not
_OPEN, _CLOSE = r"[（(【〔\[［「]", r"[）)】〕\]］」]"
_LISTED = r"\s*(?:[、/／,，或和]|[□☐])"  # what follows a level in a list of levels
_COPY_NUMBER = r"(?:(?:№|No\.?|份号[：:]?)?\s?[0-9０-９]{1,8}\s*)"
_URGENCY = r"(?:特提|特急|加急|急件|平急|紧急)"
_FIELD = rf"(?:密{_GAP}级|秘密等级|保密等级|涉密等级|保密级别)"
_INTERNAL_WORDS = r"内部(?:资料|材料|文件|刊物|参考|使用|传阅|掌握)|工作秘密|核心商密|普通商密|商业秘密"
_KEEP_IT = r"(?:注意保存|注意保密|妥善保管|请勿外传|严禁外传|不得外传|不得公开|禁止外传|请勿翻印|不得翻印)"

# Not a state secret's level, though it ends with the same two characters.
_NOT_STATE = r"(?<!商业|工作|个人|核心|普通)"

_SECRECY_RULES = (
    rf"{_NOT_STATE}{_LEVEL}{_GAP}(?:(?P<star>{_STAR})|(?P<star>{_ASTERISK}){_GAP}(?={_PERIOD}))",
    # `密级：绝密、机密、秘密` lists the levels; a document has one of them.
    rf"{_FIELD}{_GAP}[：:]{_GAP}{_OPEN}?[☑√■]?{_LEVEL}(?!{_LISTED})",
    rf"{_START}{_COPY_NUMBER}?{_OPEN}?{_LEVEL}{_BLANK}[·•,，]?{_BLANK}{_PERIOD}{_CLOSE}?{_BLANK}{_URGENCY}?{_END}",
    rf"{_OPEN}{_LEVEL}{_BLANK}[·•,，、]{_BLANK}{_PERIOD}{_CLOSE}",
    rf"\A\s*[【〔\[［（(]{_LEVEL}[】〕\]］）)]",
)
_INTERNAL_RULES = (
    rf"(?P<level>{_INTERNAL_WORDS}){_GAP}(?P<star>{_STAR})",
    rf"{_FIELD}{_GAP}[：:]{_GAP}(?P<level>内部|{_INTERNAL_WORDS})(?!{_LISTED})",
    rf"{_START}{_OPEN}?(?P<level>{_INTERNAL_WORDS}){_CLOSE}?(?:[\s，,。；;·]*{_KEEP_IT})*[！!。]?{_CLOSE}?{_END}",
    rf"{_OPEN}(?P<level>此件不(?:予)?公开)(?:发布)?{_CLOSE}",
)
_SECRECY_PATTERNS = [regex.compile(rule, regex.MULTILINE) for rule in _SECRECY_RULES]
_INTERNAL_PATTERNS = [regex.compile(rule, regex.MULTILINE) for rule in _INTERNAL_RULES]

_LEVEL_LINE = regex.compile(
    rf"{_START}{_COPY_NUMBER}?{_OPEN}?{_LEVEL}{_CLOSE}?{_BLANK}{_COPY_NUMBER}?{_URGENCY}?{_END}"
)
_LEVEL_ONLY = regex.compile(rf"{_BLANK}{_LEVEL}{_BLANK}")
_LINE = regex.compile(r"[^\n]+")

SUSPECT = r"密|内部|此件不"
"""RE2 pattern that every marked text matches: a cheap first look at a whole column."""


@dataclass(frozen=True)
class Mark:
    """A mark found in a text.

    Attributes:
        reason: `secrecy_mark` or `internal_mark`.
        level: the level in plain characters, `机密`; `机密★` where a star follows.
        start: offset of the mark in code points.
    """

    reason: str
    level: str
    start: int


def find_mark(text: str) -> Mark | None:
    """The first mark of a text by severity (secrecy before internal), or None."""
    if match := _first(_SECRECY_PATTERNS, text):
        return _mark(SECRECY, match)
    if found := _level_on_a_line(text):
        return found
    if match := _first(_INTERNAL_PATTERNS, text):
        return _mark(INTERNAL, match)
    return None


def _first(patterns: list[Any], text: str) -> Any:
    """The match of the first pattern that has one."""
    return next((match for pattern in patterns if (match := pattern.search(text))), None)


def _level_on_a_line(text: str) -> Mark | None:
    """A level that has a line of the page's header to itself and is no item of a list of levels."""
    written = (line for line in _LINE.finditer(text) if not line.group().isspace())
    lines = list(islice(written, HEAD_LINES + 1))
    for index, line in enumerate(lines[:HEAD_LINES]):
        neighbours = lines[max(index - 1, 0) : index] + lines[index + 1 : index + 2]
        match = _LEVEL_LINE.fullmatch(line.group())
        if match and not any(_LEVEL_ONLY.fullmatch(other.group()) for other in neighbours):
            return _mark(SECRECY, match, line.start())
    return None


def _mark(reason: str, match: Any, start: int = 0) -> Mark:
    level = regex.sub(r"[\s\p{Cf}]", "", match["level"])
    starred = bool(match.groupdict().get("star"))
    return Mark(reason, level + "★" * starred, start + match.start("level"))
