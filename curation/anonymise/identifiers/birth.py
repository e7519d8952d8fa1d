"""Dates of birth: which date of a text is a person's, and not the day of a letter or a meeting."""

from __future__ import annotations

import re
from collections.abc import Iterator

from curation.anonymise import lexicon
from curation.anonymise.identifiers import checks
from curation.anonymise.identifiers.page import HAN, Page

_Found = Iterator[tuple[int, int, float]]

# How dates are written: digits or Han numerals, Gregorian or lunar, down to the bare year.
_NUMERAL = "〇○零一二两三四五六七八九0"
_MONTH = "(?:农历|阴历|古历|旧历)?(?:[一二三四五六七八九十]{1,2}|正|元|冬|腊)月"
_DAY = "(?:初?[一二三四五六七八九十廿]{1,3}(?:日|号)?)"
_SEASON = "(?:[春夏秋冬](?:天|季)?|[年岁]?[底初末]|[上下]半年)"
_STEMS = "[甲乙丙丁戊己庚辛壬癸][子丑寅卯辰巳午未申酉戌亥]年"
_HAN_DATE = (
    rf"(?:[{_NUMERAL}]{{4}}[ ]?[.\-/][ ]?[一二三四五六七八九十]{{1,2}}"
    rf"(?:[ ]?[.\-/][ ]?[一二三四五六七八九十]{{1,3}})?|"
    rf"(?:(?:一九|二[{_NUMERAL}]|民国)?[{_NUMERAL}十廿]{{2,3}}年|{_STEMS})"
    rf"(?:{_MONTH}{_DAY}?|[0-9]{{1,2}}月(?:[0-9]{{1,2}}[日号]?)?|{_SEASON})?)"
)
_MONTH_AND_DAY = (
    rf"(?:(?:农历|阴历|阳历|公历|古历)?(?:[01]?[0-9](?![0-9])(?:[ ]?[月\-/.](?:[ ]?[0-3]?[0-9]"
    rf"(?![0-9])(?:[ ]?[日号])?)?)?"
    rf"|{_MONTH}{_DAY}?))"
)
_YEAR_FIRST = (
    rf"(?:(?:18|19|20)[0-9]{{2}}(?![0-9])(?:[ ]?年(?:份)?(?:[ ]?{_MONTH_AND_DAY}|{_SEASON})?"
    rf"|[ ]?[\-/.][ ]?{_MONTH_AND_DAY})"
    rf"|(?<![0-9])[0-9]{{2}}[ ]?年(?:[ ]?{_MONTH_AND_DAY}|{_SEASON})?(?!前|后|来|间|级|的工|多|了|以))"
)
_COMPACT = r"(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:[0-3][0-9])?(?![0-9])"
_SPACED = (
    r"(?:1 ?9|2 ?0) ?[0-9] ?[0-9] ?[.\-/年] ?(?:1 ?[0-2]|0? ?[0-9])(?![0-9]) ?"
    r"(?:[.\-/月](?: ?[0-3]? ?[0-9](?![0-9])(?: ?日)?)?)?"
)
_TWO_DIGITS = r"(?<![0-9])[0-9]{2}[\-/.][01]?[0-9][\-/.][0-3]?[0-9](?![0-9.])"
_BARE_YEAR = r"(?:19|20)[0-9]{2}(?![0-9.\-/])"
_ENGLISH = (
    r"(?:[0-3]?[0-9][ \-/]?(?:JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC)[ \-/]?(?:19|20)[0-9]{2})"
    r"(?![0-9])"
)
_DATE = rf"(?:{_ENGLISH}|{_YEAR_FIRST}|{_HAN_DATE}|{_COMPACT}|{_SPACED}|{_TWO_DIGITS})"
_DAY_OF_YEAR = (
    r"(?:[0-9]{1,2}[ ]?月[ ]?[0-9]{1,2}[ ]?[日号]|"
    r"(?:农历|阴历)?[一二三四五六七八九十正冬腊]{1,2}月[初一二三四五六七八九十廿]{1,3}[日号]?)"
)

# What stands between the words for birth and the date, on either side.
_AFTER = re.compile(
    r"(?:年[ ]?月[ ]?日|日[ ]?期|年[ ]?月|时间|年份|日子|辰|于|在|应?[是为]|实[是为]|日|填|写|:"
    r"|\((?:公历|农历|阴历|阳历)\)|[ ,:=(|\n])*"
    rf"(?:公历|农历|阴历)?(?P<value>{_DATE}|{_BARE_YEAR}|{_DAY_OF_YEAR})"
)
_CLOCK = r"(?:[ ]?[0-9]{1,2}[时:点][0-9]{0,2}分?许?|[子丑寅卯辰巳午未申酉戌亥]时)?"
_BEFORE = re.compile(
    rf"(?P<value>{_DATE}|{_BARE_YEAR}|{_DAY_OF_YEAR}){_CLOCK}[ ]?(?:\([^()\n]{{1,10}}\))?[ ,]?"
    rf"(?:出|的?降|诞|(?:在|于)[{HAN}]{{1,8}}出|[{HAN}]{{0,4}}医院出|的)?[ ]?$"
)
_BORN = re.compile(
    r"生(?:人|日|的?(?=[,.。;:、)\s]|$)|的?(?=[男女汉苗回壮满蒙侗瑶属今现住我他她原])|于|在|下"
    r"(?=[,。 ]|$)|的(?=[孩娃儿女人双老小男嘛呢啊吧呀]))"
)
_NOT_BORN = re.compile(
    "生(?:效|产|活|态|意|源|成|命|长|物|鲜|火|病|理|育|存|怕|变|锈|锅|根|机|前|猪|鸡|姜|铁|水|路)"
)
_DATE_ENDS = frozenset("出诞降月日号年份的 ,)春夏秋冬底初末时分许半十一二三四五六七八九廿0123456789")
_BIRTH_WORDS = frozenset("日于辰")
_HEALTH = frozenset("卫医")
_ENDS_SAID = frozenset(",;。) ")
_LIVING = frozenset("出诞降")
_SUBJECTS = frozenset("我他她人母父子女妻夫亲生士志君儿孩婴娃者名")

# Columns: a date behind the sex, behind a relation and a name, or equal to the date in an identity number.
_SEX = re.compile(
    rf"[男女](?:性|孩|婴|童)?[ ,、|\t;/:()]*(?:[{HAN}]{{1,3}}族[ ,、|\t;/]*)?"
    rf"(?=[0-9一二民{_NUMERAL}甲乙丙丁戊己庚辛壬癸])(?P<value>{_DATE})"
)
_SEX_LETTER = re.compile(rf" [MF] (?P<value>{_DATE})")
_RELATION = re.compile(
    r"(?:户主|配偶|妻子?|丈夫|夫|父亲?|母亲?|[长次三四五]?(?:[子女媳婿孙]|孙女)|儿子|女儿|儿媳|女婿|孙[子女]?"
    r"|外孙女?|兄|弟|姐|妹|本人|祖[父母])"
    rf"[ |\t,、:]{{1,4}}[{HAN}·]{{2,8}}[ |\t,、]{{1,4}}(?:[男女][ |\t,、]{{1,4}})?$"
)
_PLAIN_DATE = re.compile(rf"(?P<value>{_YEAR_FIRST}|{_COMPACT})")
_CELL_BEGIN = frozenset(" |\t,、")
_CELL_END = re.compile(
    rf"[ ]*(?:[,、|\t;)(/\n]|$|生)|[ ]+(?=[^ ])|[0-9]{{1,3}}岁|[{HAN}]{{1,3}}族|汉|住|身份|籍"
    rf"|初中|高中|小学|大专|本科|文盲|群众|党员|中共|农民"
)
_NAME_CELL = re.compile(
    rf"(?:^|[,、;:()\n\t| ]|其(?:配偶|[子女父母妻夫]))[{HAN}·]{{2,4}}(?:\([^()]{{1,12}}\))?[,、 \t|]{{1,2}}$"
)
_CARD_BEHIND = re.compile(rf"[,、 \t|]{{1,2}}[{HAN}]{{0,4}}(?:证|护照)")
_CARD_BEFORE = re.compile(r"(?:护照|通行证)[ ]?[A-Z]{0,2}[0-9]{7,9}[,、 \t|]{1,2}$")
_NOT_BIRTH = re.compile("[ ]?(?:签发|到期|有效|届满|过期|失效|止|入境|出境|办理|来|抵|离)")
_NAME_BEFORE = re.compile(rf"(?:^|[^{HAN}])([{HAN}]{{2,3}})\($")
_ANIMALS = "[鼠牛虎兔龙蛇马羊猴鸡狗猪]"
_ANIMAL_BEHIND = re.compile(rf"(?:的?[,、]?|\()属{_ANIMALS}")
_ANIMAL_BEFORE = re.compile(rf"属{_ANIMALS}的?[,、]?(?P<value>{_DATE})")
_DELIVERED = re.compile(rf"(?P<clock>{_CLOCK})[ ]?(?:顺产|剖宫产|自然)?分?娩")
_MENDED = re.compile("(?:[为是]|成了?)$")
_MEND_ENDS = frozenset("为是成了")
_YEAR_BEGINS = frozenset(" |\t,、(为是成了")
"""What stands before a year of birth where no word for birth is in the text."""
_SURNAMES = lexicon.COMMON_SURNAMES + lexicon.RARE_SURNAMES
_BIRTH = frozenset({"birth"})
_IN_COLUMN = re.compile(rf"{_DATE}|{_BARE_YEAR}")


def births(page: Page) -> _Found:
    """Start, end and score of every date of birth."""
    plain = page.plain
    at = plain.find("生")
    while at >= 0:
        if plain[at - 1 : at] in _DATE_ENDS or plain[at + 1 : at + 2] in _BIRTH_WORDS:
            yield from _at_word(page.digits, at)
        at = plain.find("生", at + 1)
    if not page.years and "年" not in plain and "." not in plain and "-" not in plain:
        return
    if "男" in plain or "女" in plain:
        yield from _behind(_SEX, page.digits)
    if " M " in plain or " F " in plain:
        yield from _behind(_SEX_LETTER, page.digits)
    if page.years:
        animals = "属" in plain or "娩" in plain
        heads = "\n" in plain and ("出生" in plain or "生日" in plain)
        for start in page.years:
            if animals or heads or plain[start - 1 : start] in _YEAR_BEGINS:
                yield from _at_year(page, start)
        if any(room >= 18 for _, room in page.starts):
            yield from _same_day(page)
    if "属" in plain:
        yield from _behind(_ANIMAL_BEFORE, page.digits)


def _at_word(text: str, at: int) -> _Found:
    """Dates after or before one `生`."""
    spaced = text[at - 1 : at] == " " and text[at - 2 : at - 1] in _LIVING
    before = text[at - 2 : at - 1] if spaced else text[at - 1 : at]
    behind = text[at + 1 : at + 2]
    said = before in _LIVING
    if said or (behind == "日" and before not in _HEALTH) or (behind in "于辰" and behind):
        stated = said and behind in _ENDS_SAID and _date_before(text, at)
        match = None if stated else _AFTER.match(text, at + 1)
        if (
            match
            and plausible(match["value"])
            and (said or behind != "于" or _subject(before, match["value"]))
        ):
            yield match.start("value"), match.end("value"), 0.93
            return
    if not said and (not _BORN.match(text, at) or _NOT_BORN.match(text, at)):
        return
    if found := _date_before(text, at):
        yield found


def _date_before(text: str, at: int) -> tuple[int, int, float] | None:
    """The date that ends right before one `生`, but for `出` and the place."""
    start = max(0, at - 40)
    match = _BEFORE.search(text[start:at])
    if match and plausible(match["value"]):
        return start + match.start("value"), start + match.end("value"), 0.9
    return None


def _subject(before: str, value: str) -> bool:
    """`何水生于2023年` is a name before a date; `我生于…`, `，生于…` and `生于庚午年` are not."""
    return not "㐀" <= before <= "鿿" or before in _SUBJECTS or not value[0].isdigit()


def _behind(cue: re.Pattern[str], text: str) -> _Found:
    for match in cue.finditer(text):
        if plausible(match["value"]) and _CELL_END.match(text, match.end()):
            yield match.start("value"), match.end("value"), 0.85


def _at_year(page: Page, start: int) -> _Found:
    """A date that begins with a year in digits, and is of birth because of what stands on either side."""
    text = page.digits
    match = _PLAIN_DATE.match(text, start)
    if match:
        before, end = text[max(0, start - 24) : start], match.end()
        if tail := _DELIVERED.match(text, end):
            end = tail.end("clock")
        elif not _is_persons(before, text, end) and not _is_mended(text, start):
            match = None
    if match and plausible(match[0]):
        yield start, end, 0.85
    listed = page.column(start).kinds == _BIRTH and _IN_COLUMN.match(text, start)
    if listed and plausible(listed[0]):
        yield start, listed.end(), 0.9


def _is_persons(before: str, text: str, end: int) -> bool:
    """Behind a relation, behind a name in brackets, between a name and a certificate, before an animal."""
    if before[-1:] in _CELL_BEGIN:
        return bool(
            (_CELL_END.match(text, end) and _RELATION.search(before))
            or (_CARD_BEHIND.match(text, end) and _NAME_CELL.search(before))
            or (before[-2:-1].isdigit() and _CARD_BEFORE.search(before) and not _NOT_BIRTH.match(text, end))
        )
    if before[-1:] == "(" and text[end : end + 1] in "),":
        name = _NAME_BEFORE.search(before)
        return name is not None and name[1][0] in _SURNAMES
    return _ANIMAL_BEHIND.match(text, end) is not None


def _is_mended(text: str, start: int) -> bool:
    """`生日…实际为1965年8月18日`: where a birthday is mended, the sentence's other dates are too."""
    if text[start - 1 : start] not in _MEND_ENDS:
        return False
    said = text[max(0, start - 60) : start].rpartition("。")[2]
    return bool(_MENDED.search(said)) and ("出生" in said or "生日" in said)


def plausible(value: str) -> bool:
    """Month and day, where written in digits, are of the calendar."""
    numbers = [int(number) for number in re.findall("[0-9]+", value.replace(" ", ""))]
    if len(numbers) == 1:
        return len(str(numbers[0])) != 8 or checks.date_ok(str(numbers[0]))
    return len(numbers) < 2 or (1 <= numbers[1] <= 12 and (len(numbers) < 3 or numbers[2] <= 31))


def _same_day(page: Page) -> _Found:
    """Dates that an identity number of the same text has in its middle."""
    for value in set(page.resident_ids):
        year, month, day = value[6:10], int(value[10:12]), int(value[12:14])
        written = re.compile(
            rf"(?<![0-9]){year}[ ]?[年\-/.][ ]?0?{month}(?![0-9])(?:[ ]?[月\-/.](?:[ ]?0?{day}"
            rf"(?![0-9])[日号]?)?)?"
        )
        for match in written.finditer(page.digits):
            yield match.start(), match.end(), 0.9
