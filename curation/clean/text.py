"""What is noise in a text: control and invisible characters, spreadsheet escapes, HTML, surplus white space.

Digits, punctuation and full-width forms are content and stay as they are.
"""

from __future__ import annotations

import html

import regex

# Excel writes a carriage return in a cell as `_x000D_` (ECMA-376-1, 22.9.2.19), other control codes likewise.
_ESCAPED_BREAK = r"_x000[DdAa]_\n?"
_ESCAPED_TAB = r"_x0009_"
_ESCAPED_CONTROL = r"_x00(?:[01][0-9A-Fa-f]|7F)_"
_LINE_BREAK = r"\r\n?|[\x0b\x0c\x85\u2028\u2029]"
_CONTROL = r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]"
# U+200D joins emoji and U+180B to U+180E shape Mongolian letters: they are content.
_INVISIBLE = r"[\u00ad\u200b\u200c\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb]"
_JOINER = (
    r"(?<![\p{Extended_Pictographic}\p{Emoji_Modifier}\ufe0f])\u200d|\u200d(?!\p{Extended_Pictographic})"
)

_BLOCKS = (
    "address|article|blockquote|br|center|dd|div|dl|dt|fieldset|footer|form|h[1-6]|header|hr|li|main|nav|ol|p|pre|"
    "section|table|tbody|td|tfoot|th|thead|tr|ul"
)
_INLINE = (
    "a|abbr|b|big|body|button|cite|code|col|colgroup|em|embed|figure|figcaption|font|head|html|i|iframe|img|input|"
    "ins|label|link|mark|meta|o:p|option|s|select|small|span|strike|strong|sub|sup|title|u|v:shape|video"
)
_NAMES = f"{_BLOCKS}|{_INLINE}"

_HTML = regex.compile(
    rf"</(?:{_NAMES})\s*>|<(?:br|hr)\s*/?>|<(?:img|p|div|span|td|tr|table|a|font)\s[^<>]*=[^<>]*>|&nbsp;",
    regex.IGNORECASE,
)
# Never beyond the next opening, so that a page of unclosed tags takes linear time.
_UNSEEN_HTML = regex.compile(
    r"<(script|style)\b[^<>]*>(?:(?!<\1\b).)*?</\1\s*>|<!--(?:(?!<!--).)*?-->|<!doctype[^<>]*>",
    regex.IGNORECASE | regex.DOTALL,
)
_BLOCK_TAG = regex.compile(rf"</?(?:{_BLOCKS})(?:\s[^<>]*)?/?>", regex.IGNORECASE)
_INLINE_TAG = regex.compile(rf"</?(?:{_INLINE})(?:\s[^<>]*)?/?>", regex.IGNORECASE)

_TO_BREAK = regex.compile(f"{_ESCAPED_BREAK}|{_LINE_BREAK}")
_TO_SPACE = regex.compile(_ESCAPED_TAB)
_TO_NOTHING = regex.compile(f"{_ESCAPED_CONTROL}|{_CONTROL}|{_INVISIBLE}|{_JOINER}")
_BLANKS = regex.compile(r"[^\S\n]+")
_AROUND_BREAK = regex.compile(r" ?\n ?")
_BREAKS = regex.compile(r"\n{3,}")

SUSPECT = (
    r"[\x00-\x09\x0b-\x1f\x7f-\xa0\x{ad}\x{1680}\x{2000}-\x{200f}\x{2028}-\x{202f}\x{205f}-\x{206f}\x{3000}"
    r"\x{feff}\x{fff9}-\x{fffb}<&]|_x00|  |\n\n\n| \n|\n |^[ \n]|[ \n]$"
)
"""RE2 pattern that every text matches which `clean_text` changes: a cheap first look at a whole column."""


def clean_text(text: str) -> str:
    """The text without noise: line ends are `\\n`, a run of blanks is one space, at most one line is empty.

    HTML goes only where a text clearly is HTML (a closing tag, a tag with attributes, `<br>` or `&nbsp;`), so
    that `<通知>` and `a<b` stay. Cleaning a clean text changes nothing.
    """
    while (cleaner := _pass(text)) != text:
        text = cleaner
    return text


def _pass(text: str) -> str:
    text = _TO_NOTHING.sub("", _TO_SPACE.sub(" ", _TO_BREAK.sub("\n", text)))
    if _HTML.search(text):
        text = _UNSEEN_HTML.sub("", text)
        text = html.unescape(_INLINE_TAG.sub("", _BLOCK_TAG.sub("\n", text)))
    text = _AROUND_BREAK.sub("\n", _BLANKS.sub(" ", text))
    text = _BREAKS.sub("\n\n", text)
    return text.strip()
