"""What counts as a secrecy mark on a document, and what is only a sentence about secrets.

A mark of a state secret is the level, `★` and the period (implementing regulation of the Law on Guarding
State Secrets, art. 21: 密级★保密期限); on an official document it stands alone in the first lines of the
page (GB/T 9704-2012, 7.2.2). Words such as 国家秘密分为绝密、机密、秘密三级 are not a mark.
"""

from __future__ import annotations

from dataclasses import dataclass

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

_RULES = (
    ("star", SECRECY, rf"{_NOT_STATE}{_LEVEL}{_GAP}(?:{_STAR}|{_ASTERISK}{_GAP}(?={_PERIOD}))"),
    # `密级：绝密、机密、秘密` lists the levels; a document has one of them.
    ("field", SECRECY, rf"{_FIELD}{_GAP}[：:]{_GAP}{_OPEN}?[☑√■]?{_LEVEL}(?!{_LISTED})"),
    (
        "period",
        SECRECY,
        rf"{_START}{_COPY_NUMBER}?{_OPEN}?{_LEVEL}{_BLANK}[·•,，]?{_BLANK}{_PERIOD}{_CLOSE}?{_BLANK}{_URGENCY}?{_END}",
    ),
    ("brackets", SECRECY, rf"{_OPEN}{_LEVEL}{_BLANK}[·•,，、]{_BLANK}{_PERIOD}{_CLOSE}"),
    (
        "line",
        SECRECY,
        rf"{_START}{_COPY_NUMBER}?{_OPEN}?{_LEVEL}{_CLOSE}?{_BLANK}{_COPY_NUMBER}?{_URGENCY}?{_END}",
    ),
    ("prefix", SECRECY, rf"\A\s*[【〔\[［（(]{_LEVEL}[】〕\]］）)]"),
    ("internal star", INTERNAL, rf"(?P<level>{_INTERNAL_WORDS}){_GAP}{_STAR}"),
    (
        "internal field",
        INTERNAL,
        rf"{_FIELD}{_GAP}[：:]{_GAP}(?P<level>内部|{_INTERNAL_WORDS})(?!{_LISTED})",
    ),
    (
        "internal line",
        INTERNAL,
        rf"{_START}{_OPEN}?(?P<level>{_INTERNAL_WORDS}){_CLOSE}?"
        rf"(?:[\s，,。；;·]*{_KEEP_IT})*[！!。]?{_CLOSE}?{_END}",
    ),
    ("internal note", INTERNAL, rf"{_OPEN}(?P<level>此件不(?:予)?公开)(?:发布)?{_CLOSE}"),
)
_COMPILED = tuple((name, reason, regex.compile(text, regex.MULTILINE)) for name, reason, text in _RULES)
_LEVEL_ONLY = regex.compile(rf"^{_BLANK}{_LEVEL}{_BLANK}$")

SUSPECT = r"密|内部|此件不"
"""RE2 pattern that every marked text matches: a cheap first look at a whole column."""


@dataclass(frozen=True)
class Mark:
    """A mark found in a text.

    Attributes:
        reason: `secrecy_mark` or `internal_mark`.
        rule: which form of mark.
        level: the level in plain characters, `机密`; `机密★` where a star follows.
        start: offset of the mark in code points.
    """

    reason: str
    rule: str
    level: str
    start: int


def find_mark(text: str) -> Mark | None:
    """The first mark of a text by severity (secrecy before internal), or None."""
    for name, reason, pattern in _COMPILED:
        for match in pattern.finditer(text):
            if name == "line" and not _stands_in_head(text, match.start("level"), match.end()):
                continue
            level = regex.sub(r"[\s\p{Cf}]", "", match["level"])
            return Mark(reason, name, level + "★" * name.endswith("star"), match.start("level"))
    return None


def _stands_in_head(text: str, start: int, end: int) -> bool:
    """Whether a line with a level alone is in the page's header and no item of a list of levels."""
    lines_before = [line for line in text[:start].splitlines() if line.strip()]
    lines_after = [line for line in text[end:].splitlines() if line.strip()]
    neighbours = lines_before[-1:] + lines_after[:1]
    return len(lines_before) < HEAD_LINES and not any(_LEVEL_ONLY.match(line) for line in neighbours)
