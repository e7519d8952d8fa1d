"""One text as the patterns see it: its views, the places where numbers begin, the labels beside them."""

from __future__ import annotations

import re
from typing import NamedTuple

from curation.anonymise.identifiers import checks, labels
from curation.anonymise.identifiers.labels import NOTHING, Label
from curation.anonymise.spans import view

HAN = "㐀-鿿"
PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"

_JOINT = r"[ \-.·:/_\\,、()\n\r~]{1,10}"
_CHAIN = re.compile(
    rf"[0-9A-Za-z](?:[0-9A-Za-z]{{2}}|(?=[0-9A-Za-z]?{_JOINT}[0-9A-Za-z])|(?<=1)(?=[三四五六七八九]))"
    rf"[0-9A-Za-z]*(?:{_JOINT}[0-9A-Za-z]+)*"
)
"""Stretches of at least three digits or letters, joined by what stands inside numbers."""

_WORD = re.compile(r"(?<![0-9A-Za-z_\-.])[A-Za-z](?=[0-9A-Za-z_\-.]{5})")
_TOKEN = re.compile(r"[0-9A-Za-z]+")
_FIVE_DIGITS = re.compile(r"(?:[^0-9]{0,12}[0-9OolI]){5}")
_DAY = re.compile(
    r"(?:19|20)\d\d[\-/.]\d\d?[\-/.]\d\d?(?:[ T]{1,2}\d\d?:\d\d(?::\d\d)?)?|(?:19"
    r"|20)\d\d[\-~]{1,3}(?:19|20)\d\d|"
    r"\d\d?:\d\d[\-~ ]{1,3}\d\d?:\d\d|0{4}-?0{8}"
)
"""Days, spans of years, opening hours, telephones blacked out: no identifier begins here."""
_CENTURIES = frozenset({"19", "20"})
_UNITS = frozenset("元万亿平米亩户人吨%个件棵块㎡")
_LABEL_PREFIX = re.compile(
    r"(?i)(?:qq?|vx|wx|tel|id|sfz|no|vin|ip|mac|gps|sn|mob|phone)(?=[0-9])"
    r"|vin(?=[A-Z0-9]{17}(?![A-Z0-9]))|g(?=[1-9][0-9]{16}[0-9X])"
)
"""Letters that are no part of the number behind them; `G` leads the number of a pupil."""
_RESIDENT_ID = re.compile(r"[1-9](?:[ \-]?[0-9]){16}[ \-]?[0-9Xx](?![0-9A-Za-z])")
_BEFORE_PLATE = frozenset(PROVINCES + "临使 ")
_OPEN = frozenset("([〔【<《{")
_AFTER_PLATE = frozenset("使 ")

# Digits read aloud, with what callers say between them.
NUMERALS = "零〇幺一二两三四五六七八九壹贰叁肆伍陆柒捌玖洞拐"
_AIR = (
    r"(?:[ ,、\-.…·~/]{0,3}|[ ,、.…\-]{0,3}(?:那个|嗯|呃|额|啊|然后|就是|哎|后面|再|接着|完了"
    r"|中间|是)[ ,、.…\-]{0,3})"
)
SPOKEN_RUN = re.compile(rf"[{NUMERALS}0-9](?:{_AIR}[{NUMERALS}0-9]){{6,29}}(?![{NUMERALS}0-9])")
_ONE_AND_MORE = re.compile("一[三四五六七八九]")
_NUMERAL_SET = frozenset(NUMERALS)

# Letters that scanners and tired eyes take for digits, next to digits.
_MISREAD = re.compile(r"[0-9][ \-.·]{0,3}[OolIQ]|[OolIQ][ ]?[0-9]")
_MISREAD_RUN = re.compile(
    r"(?<![A-Za-z])[0-9OolIQ]{2,}(?![A-WYZa-wyz])|(?<=[0-9] )[OolIQ](?=[0-9\s),.;。]|$)"
    r"|(?<![0-9A-Za-z])[OolI](?= [0-9OolI] [0-9OolI] )"
)
_DIGIT_OF = str.maketrans("OoQlI", "00011")


class Start(NamedTuple):
    """Where a number may begin, and how many characters its chain has from there."""

    at: int
    room: int


class Page:
    """What several recognisers need of one text.

    Attributes:
        plain: `spans.view` of the text.
        starts: where a number of at least five digits, in however many groups, may begin.
        years: chains that begin as a year does.
        plates: chains behind a province, or beside the other words that plates begin or end with.
        short: chains as short as public telephone numbers.
        bracketed: years behind a bracket.
        mixed: whether a chain runs into a Han numeral.
        words: chains that begin with a letter and may be a name.
    """

    __slots__ = (
        "_after",
        "_before",
        "_columns",
        "_digits",
        "_heads",
        "_kinds",
        "_next_label",
        "_searched",
        "_spoken",
        "bracketed",
        "mixed",
        "plain",
        "plates",
        "short",
        "starts",
        "words",
        "years",
    )

    def __init__(self, text: str) -> None:
        self.plain = view(text)
        self._before: dict[int, Label] = {}
        self._after: dict[int, Label] = {}
        self._columns: dict[int, Label] = {}
        self._kinds: dict[int, frozenset[str]] = {}
        self._searched, self._next_label = (0, 0), -1
        self._heads: list[labels.Head] | None = None
        self._digits: str | None = None
        self._spoken: list[re.Match[str]] | None = None
        self.starts: list[Start] = []
        self.years: list[int] = []
        self.plates: list[int] = []
        self.short: list[int] = []
        self.bracketed: list[int] = []
        self.words: list[int] = []
        self.mixed = False
        self._sort_chains()

    def _sort_chains(self) -> None:
        plain = self.plain
        for match in _CHAIN.finditer(plain):
            start, end = match.span()
            size = end - start
            first = plain[start]
            before = plain[start - 1] if start else ""
            behind = plain[end : end + 1]
            if behind in _NUMERAL_SET:
                self.mixed = True
            if before in _BEFORE_PLATE or first == "W" or behind in _AFTER_PLATE:
                self.plates.append(start)
            if size < 4:
                if first in "19":
                    self.short.append(start)
                continue
            if first > "9":
                if size >= 6:
                    self._add_words(start, end)
            elif first in "12":
                self.years.append(start)
                if before in _OPEN or (before == " " and plain[start - 2] in _OPEN):
                    self.bracketed.append(start)
            if first in "190" and size <= 15:
                self.short.append(start)
            if size >= 5 and not (size <= 8 and behind in _UNITS) and _FIVE_DIGITS.match(plain, start, end):
                day = _DAY.match(plain, start, end)
                if not day or day.end() != end:
                    self._add_starts(start, end)

    def _add_words(self, start: int, end: int) -> None:
        """Every word of the chain: `vx:name_88` is one chain."""
        for token in _WORD.finditer(self.plain, start, end):
            self.words.append(token.start())

    def _add_starts(self, start: int, end: int) -> None:
        for token in _TOKEN.finditer(self.plain, start, end):
            at = token.start()
            if at > start and token[0][:2] in _CENTURIES:
                self.years.append(at)
            self.starts.append(Start(at, end - at))
            if prefix := _LABEL_PREFIX.match(self.plain, at, end):
                self.starts.append(Start(prefix.end(), end - prefix.end()))

    @property
    def digits(self) -> str:
        """The plain view with letters that a scanner reads for digits (`O`, `l`) made digits."""
        if self._digits is None:
            self._digits = self.plain
            if _may_be_misread(self.plain) and _MISREAD.search(self.plain):
                self._digits = _MISREAD_RUN.sub(_as_digits, self.plain)
        return self._digits

    @property
    def spoken(self) -> list[re.Match[str]]:
        """Runs of at least seven digits read aloud, in Han numerals or with words between."""
        if self._spoken is None:
            self._spoken = []
            if self.mixed or _may_be_spoken(self.plain):
                self._spoken = [run for run in SPOKEN_RUN.finditer(self.plain) if not _written(run[0])]
        return self._spoken

    @property
    def resident_ids(self) -> list[str]:
        """Numbers with the region and date of an identity card, bare."""
        found = (_RESIDENT_ID.match(self.digits, at) for at, room in self.starts if room >= 18)
        bare = (re.sub("[^0-9Xx]", "", match[0]).upper() for match in found if match)
        return [value for value in bare if checks.looks_like_resident_id(value)]

    def label(self, start: int, end: int) -> Label:
        """The label of the number from `start` to `end`: before it, else right behind it."""
        found = self.before(start)
        if found.far:
            if end not in self._after:
                self._after[end] = labels.after(self.plain, end)
            if self._after[end] is not NOTHING:
                return self._after[end]
        return found

    def before(self, start: int) -> Label:
        """The nearest label in front of a number."""
        if start not in self._before:
            self._before[start] = labels.before(self.plain, start)
        return self._before[start]

    def column(self, start: int) -> Label:
        """The label at the head of the number's column, where lines are rows."""
        if start in self._columns:
            return self._columns[start]
        self._columns[start] = NOTHING
        row = labels.row(self.plain, start)
        if row is None:
            return NOTHING
        if self._heads is None:
            self._heads = labels.heads(self.plain)
        if not self._heads or start < self._heads[0].end:
            return NOTHING
        self._columns[start] = labels.column(row, start, self._heads)
        return self._columns[start]

    def _label_ahead(self, start: int, room: int) -> bool:
        """Whether any label may follow a number; each stretch of the text is searched once."""
        end = start + min(room, 60) + labels.AHEAD
        if start < self._searched[0] or (self._next_label >= 0 and self._next_label < start):
            self._searched, self._next_label = (start, start), -1
        if self._next_label < 0 and self._searched[1] < end:
            searched = max(start, self._searched[1] - labels.LONGEST)
            self._next_label = labels.first(self.plain, searched, end)
            self._searched = (self._searched[0], end)
        return 0 <= self._next_label < end

    def kinds(self, start: Start) -> frozenset[str]:
        """All that any label near a number may say of it: an upper bound, to leave forms out early."""
        if start.at not in self._kinds:
            label = self.before(start.at)
            kinds = label.kinds
            if label.far:
                if self._label_ahead(*start):
                    kinds = kinds | labels.mentioned(self.plain, *start)
                kinds = kinds | self.column(start.at).kinds
            self._kinds[start.at] = kinds
        return self._kinds[start.at]


def _may_be_misread(plain: str) -> bool:
    """The five letters at all: far cheaper than the pattern."""
    return "O" in plain or "o" in plain or "l" in plain or "I" in plain or "Q" in plain


def _as_digits(run: re.Match[str]) -> str:
    text = run[0]
    return text.translate(_DIGIT_OF) if len(text) == 1 or re.search("[0-9]", text) else text


def _may_be_spoken(plain: str) -> bool:
    """A mobile begins with 幺, or with 一 and a digit from three, a landline with 零; callers hesitate."""
    if (
        "幺" in plain
        or "零" in plain
        or "嗯" in plain
        or "呃" in plain
        or "壹" in plain
        or "拐" in plain
        or "哎" in plain
    ):
        return True
    return "那个" in plain or _ONE_AND_MORE.search(plain) is not None


def _written(run: str) -> bool:
    """Plain digits without a comma are no speech; the shapes for numbers see them."""
    return run.isascii() and "," not in run
