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
_FEAST = (
    "(?:农历|阴历|藏历)?(?:春节|元宵|正月十五|清明|谷雨|立[春夏秋冬]|[夏冬]至|端午|端阳|七夕|中元|中秋|八月十五|重阳"
    "|腊八|小年|除夕|大年(?:三十|初一)|过年|元旦|新年|年三十|国庆|五一|六一|七一|八一|火把|泼水|三月三|雪顿|古尔邦|开斋"
    "|肉孜|那达慕|麦收|秋收)节?(?:前后|左右|那[天年几]|当[天日]|[前后头里]?[一两三几]?天?)?"
)
_SEASON = f"(?:{_FEAST}|[春夏秋冬](?:天|季)?|[年岁]?[底初末]|[上下]半年)"
_ERA = "(?:民国|康德|宣统|光绪|昭和)"
_STEMS = "[甲乙丙丁戊己庚辛壬癸][子丑寅卯辰巳午未申酉戌亥]年"
_HAN_DATE = (
    rf"(?:[{_NUMERAL}]{{4}}[ ]?[.\-/][ ]?[一二三四五六七八九十]{{1,2}}"
    rf"(?:[ ]?[.\-/][ ]?[一二三四五六七八九十]{{1,3}})?|"
    rf"(?:(?:一九|二[{_NUMERAL}])?[{_NUMERAL}十廿]{{2,3}}年|{_ERA}[{_NUMERAL}十廿元]{{1,4}}年|{_STEMS})"
    rf"(?:{_FEAST}|{_MONTH}{_DAY}?|[0-9]{{1,2}}月(?:[0-9]{{1,2}}[日号]?)?|{_SEASON})?)"
)
_MONTH_AND_DAY = (
    rf"(?:(?:农历|阴历|阳历|公历|古历)?(?:[01]?[0-9](?![0-9])(?:[ ]?[月\-/.](?:[ ]?[0-3]?[0-9]"
    rf"(?![0-9])(?:[ ]?[日号])?|(?<=月){_DAY})?)?"
    rf"|{_MONTH}{_DAY}?|(?<=[.\-/ ])(?:[正冬腊]|[一二三四五六七八九十]{{1,2}})[ .\-/]{_DAY}))"
)
_YEAR_FIRST = (
    rf"(?:(?:18|19|20)[0-9]{{2}}(?![0-9])(?:[ ]?年(?:份)?(?:[ ]?{_FEAST}|[ ]?{_MONTH_AND_DAY}|{_SEASON})?"
    r"|[\-/.][?×_]{1,2}[\-/.][?×_]{1,2}"
    rf"|[ ]?[\-/.][ ]?{_MONTH_AND_DAY})"
    rf"|{_ERA}[ ]?[0-9]{{1,2}}[ ]?年(?:{_MONTH}{_DAY}?)?"
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
_CLOCK = (
    r"(?:(?:的?(?:凌晨|清[晨早]|早[上晨]|大清早|[上中下]午|傍晚|晚上?|[半深]夜|夜里))?[ ]?"
    r"(?:[0-9一二两三四五六七八九十]{1,3}[时:点]钟?(?:半|[一三]刻|[0-9一二三四五六七八九十]{0,3}分?)[多许]?(?:左右)?"
    r"|[子丑寅卯辰巳午未申酉戌亥]时)?)"
)
_BEFORE = re.compile(
    rf"(?P<value>{_DATE}|{_BARE_YEAR}|{_DAY_OF_YEAR}){_CLOCK}[ ]?(?:\([^()\n]{{1,10}}\))?[ ,]?"
    rf"(?:出|的?降|诞|(?:在|于)[{HAN}]{{1,8}}出|[{HAN}]{{0,4}}医院出|的)?[ ]?$"
)
_BORN = re.compile(
    r"生(?:人|日|的?(?=[,.。;:、)\s]|$)|的?(?=[男女汉苗回壮满蒙侗瑶属今现住我他她原那])|于|在|下"
    r"(?=[,。 ]|$)|的(?=[孩娃儿女人双老小男嘛呢啊吧呀]))"
)
_NOT_BORN = re.compile(
    "生(?:效|产|活|态|意|源|成|命|长|物|鲜|火|病|理|育|存|怕|变|锈|锅|根|机|前|猪|鸡|姜|铁|水|路)"
)
_DATE_ENDS = frozenset(
    "出诞降月日号年份的 ,)?节至后右天秋阳午宵明夕晚夜刻邦斋把子丑寅卯辰巳未"
    "申酉戌亥点春夏秋冬底初末时分许半十一二三四五六七八九廿0123456789"
)
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
_SEX_AND_NAME = re.compile(
    rf"(?<![{HAN}])[男女]方?[ |\t:,、]{{1,3}}[{HAN}](?: ?[{HAN}]){{1,3}}[ |\t,、]{{1,3}}(?P<value>{_DATE})"
)
_RECORDED = re.compile(
    rf"(?:身份证|户口[本簿]?|户籍|系统|档案)[上里]?(?:是|为|写|记|登记|记载|显示)[的成为是]?[:,]?(?P<value>{_DATE})"
    r"(?=[),。;的])"
)
"""`1998年生（身份证登记1999.8.1）`."""
_ABOUT_AGE = re.compile("生|岁|属|年龄")
_AGE_BEFORE = re.compile(
    r"(?:今年|现年|[虚周]岁|年龄|岁数)[0-9一二三四五六七八九十]{2,3}岁?了?\($|[0-9十]岁\($"
)
_LISTED = re.compile(
    rf"(?:^|\n)[ ]*(?:[0-9一二三四五六七八九十]{{1,3}}[ .、,)]{{0,3}})?[{HAN}·]{{2,6}}[ |\t,、]{{1,4}}"
    rf"(?:[男女][ |\t,、]{{1,4}})?(?P<value>(?P<year>(?:19|20)[0-9]{{2}})"
    r"(?:[年.\-/][0-9]{0,2}(?:[月.\-/][0-9]{0,2}日?)?))"
    r"(?=[ |\t,、\n])"
)
_LATEST_LISTED = 2018
"""Lists of names and later days are as a rule of visits and payments."""
_RELATION = re.compile(
    r"(?:户主|配偶|妻子?|丈夫|夫|父亲?|母亲?|[长次三四五]?(?:[子女媳婿孙]|孙女)|儿子|女儿|儿媳|女婿|孙[子女]?"
    r"|外孙女?|兄|弟|姐|妹|本人|祖[父母])"
    rf"[ |\t,、:]{{1,4}}[{HAN}·]{{2,8}}[ |\t,、]{{1,4}}(?:[男女][ |\t,、]{{1,4}})?$"
)
_PLAIN_DATE = re.compile(rf"(?P<value>{_YEAR_FIRST}|{_COMPACT})")
_CELL_BEGIN = frozenset(" |\t,、")
_CELL_END = re.compile(
    rf"[ ]*(?:[,、|\t;)(/\n]|$|生)|[ ]+(?=[^ ])|属|[0-9]{{1,3}}岁|[{HAN}]{{1,3}}族|汉|住|身份|籍"
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
_MENDED_TO = re.compile("(?:错|误)?(?:录|写|记|登|填|印|登记|误)[成作为]")
_MEND_ENDS = frozenset("为是成了")
_YEAR_BEGINS = frozenset(" |\t,、(为是成了")
"""What stands before a year of birth where no word for birth is in the text."""
_SURNAMES = lexicon.COMMON_SURNAMES + lexicon.RARE_SURNAMES
_BIRTH = frozenset({"birth"})
_ENGLISH_DATE = re.compile(_ENGLISH)
_IN_COLUMN = re.compile(rf"{_DATE}|{_BARE_YEAR}")


def births(page: Page) -> _Found:
    """Start, end and score of every date of birth."""
    plain = page.plain
    at = plain.find("生")
    while at >= 0:
        if plain[at - 1 : at] in _DATE_ENDS or plain[at + 1 : at + 2] in _BIRTH_WORDS:
            yield from _at_word(page.digits, at)
        at = plain.find("生", at + 1)
    if " M " in plain or " F " in plain:
        yield from _behind(_SEX_LETTER, page.digits)
    if not page.years and "年" not in plain and "." not in plain and "-" not in plain:
        return
    if "男" in plain or "女" in plain:
        yield from _behind(_SEX, page.digits)
        yield from _behind(_SEX_AND_NAME, page.digits)
    if "登记" in plain or "户口" in plain or "身份证" in plain:
        yield from _recorded(page.digits)
    if "\n" in plain:
        yield from _listed_births(page.digits)
    if page.years:
        animals = "属" in plain or "娩" in plain or "成" in plain
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
            and (said or behind != "于" or _subject(before, match["value"], text[match.end() :][:1]))
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


def _subject(before: str, value: str, behind: str) -> bool:
    """`何水生于2023年` is a name before a date; `我生于…`, `，生于…` and `生于庚午年` are not."""
    if behind in _ENDS_SAID and value[:2] == "19":
        return True
    return not "㐀" <= before <= "鿿" or before in _SUBJECTS or not value[0].isdigit()


def _behind(cue: re.Pattern[str], text: str) -> _Found:
    for match in cue.finditer(text):
        if plausible(match["value"]) and _CELL_END.match(text, match.end()):
            yield match.start("value"), match.end("value"), 0.85


def _recorded(text: str) -> _Found:
    """Dates that a certificate records, where a birth or an age is spoken of."""
    for match in _RECORDED.finditer(text):
        around = text[max(0, match.start() - 40) : match.end() + 20]
        if plausible(match["value"]) and _ABOUT_AGE.search(around):
            yield match.start("value"), match.end("value"), 0.85


def _listed_births(text: str) -> _Found:
    """A column of dates behind names: of different years, none of them late."""
    rows = [match for match in _LISTED.finditer(text) if plausible(match["value"])]
    years = {int(match["year"]) for match in rows}
    if len(years) > 1 and max(years) <= _LATEST_LISTED:
        for match in rows:
            yield match.start("value"), match.end("value"), 0.8


def _at_year(page: Page, start: int) -> _Found:
    """A date that begins with a year in digits, and is of birth because of what stands on either side."""
    text = page.digits
    match = _PLAIN_DATE.match(text, start)
    if match:
        before, end = text[max(0, start - 24) : start], match.end()
        if tail := _DELIVERED.match(text, end):
            end = tail.end("clock")
        elif not _is_persons(before, text, end) and not _is_mended(text, start, end):
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
        if _AGE_BEFORE.search(before):
            return True
        name = _NAME_BEFORE.search(before)
        return name is not None and name[1][0] in _SURNAMES
    return _ANIMAL_BEHIND.match(text, end) is not None


def _is_mended(text: str, start: int, end: int) -> bool:
    """`生日…实际为1965年8月18日`: where a birthday is mended, the sentence's other dates are too."""
    mended_to = _MENDED_TO.match(text, end)
    if text[start - 1 : start] not in _MEND_ENDS and not mended_to:
        return False
    said = text[max(0, start - 60) : start].rpartition("。")[2]
    return bool(mended_to or _MENDED.search(said)) and ("出生" in said or "生日" in said)


def plausible(value: str) -> bool:
    """Month and day, where written in digits, are of the calendar."""
    if _ENGLISH_DATE.fullmatch(value):
        return True
    numbers = [int(number) for number in re.findall("[0-9]+", value.replace(" ", ""))]
    if len(numbers) == 1:
        return len(str(numbers[0])) != 8 or checks.date_ok(str(numbers[0]))
    return len(numbers) < 2 or (0 <= numbers[1] <= 12 and (len(numbers) < 3 or numbers[2] <= 31))


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
