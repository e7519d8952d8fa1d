"""People in a record: which strings are a private person's name, over all text fields together.

An engine's tags are kept when they have the shape of a Chinese name; rules find what the engine misses
(labels, introductions, signatures, name lists, a name before an identifier); and every full name that was
found anywhere counts wherever it stands in the record, in its longest form.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Iterator, Mapping, Sequence

import regex

from curation.anonymise import cues, lexicon
from curation.anonymise.spans import Pattern, Span, occurrences, resolve
from curation.anonymise.tagger import Entity

MAX_LINE = 256
"""Longer pieces of text are cut at a comma before they are tagged."""

NEEDED = {
    "many": {"likely": 0.03, "shaped": 0.05, "other": 0.08, "word": 0.12},
    "some": {"likely": 0.4, "shaped": 0.55, "other": 0.7, "word": 0.9},
    "none": {"likely": 0.65, "shaped": 0.95, "other": 0.97, "word": 0.99},
}
"""How sure an engine must be of a name, by how many sure names its record has and by what it looks like: in a
list of people the next line is a person too, in a complaint about street lamps hardly any word is."""

MANY = 0.8
"""Sure names per hundred characters."""

SURE = 0.85
"""From this score on a rule knows a name even where it is a word of its own."""


def lines(plain: str) -> list[tuple[int, str]]:
    """The sentences of a text with their offsets, as a name engine gets them; those without Han left out."""
    return [
        (start, plain[start:end])
        for match in _SENTENCE.finditer(plain)
        for start, end in _pieces(plain, *match.span())
        if _HAN.search(plain, start, end)
    ]


def find(
    plain: Mapping[str, str],
    tagged: Mapping[str, Sequence[Entity]],
    identifiers: Mapping[str, Sequence[Span]],
) -> dict[str, list[Span]]:
    """PERSON, PERSON_HONORIFIC and PERSON_MASKED of one record, overlaps resolved.

    Args:
        plain: view of each text field.
        tagged: what the name engine said, offsets in the field; empty where there is no engine, so that the
            rules which an engine makes superfluous find what they can.
        identifiers: identifiers found in the field; a name before one is a name.
    """
    needed = NEEDED[_density(plain, tagged)]
    spans = {
        field: resolve(
            [
                *_engine(text, tagged.get(field, ()), needed),
                *_rules(text, alone=not tagged),
                *_before_identifiers(text, identifiers.get(field, ())),
                *_honorifics(text),
                *(span for span in cues.find(text) if _stands_free(text, span.end)),
                *_masked(text),
            ]
        )
        for field, text in plain.items()
    }
    spans = {field: _siblings(plain[field], found) for field, found in spans.items()}
    return _propagate(plain, spans)


def is_name(name: str) -> bool:
    """Whether a string has the shape of a Chinese name and is no word or place that only looks like one."""
    return name not in lexicon.NOT_NAMES and _shaped(name)


def is_likely(plain: str, start: int, end: int) -> bool:
    """Whether a stretch of text looks like a name and is not used for a place."""
    found = plain[start:end]
    return (
        is_name(found)
        and found not in lexicon.common_words()
        and found[0] not in lexicon.WEAK_SURNAMES
        and (len(found) > 2 or found[0] in _FIRM or found[1] in _GIVEN)
        and not _NO_NAME.search(found)
        and _stands_free(plain, end)
        and not _a_place(found, plain)
    )


def surname(name: str) -> str:
    """The surname a Chinese name begins with, or an empty string."""
    return next((one for one in lexicon.COMPOUND_SURNAMES if name.startswith(one)), "") or (
        name[:1] if name[:1] in _SINGLE_SET else ""
    )


def _shaped(name: str) -> bool:
    return bool(_FULL.fullmatch(name)) and name not in _NEVER and "某" not in name


_SINGLE = lexicon.COMMON_SURNAMES + lexicon.RARE_SURNAMES
_SINGLE_SET = frozenset(_SINGLE)
_FIRM = frozenset(lexicon.COMMON_SURNAMES + lexicon.FIRM_SURNAMES)
_NEVER = lexicon.NEVER_NAMES.union(lexicon.COMPOUND_SURNAMES)
_SURE = "".join(char for char in _SINGLE if char not in lexicon.AMBIGUOUS_SURNAMES + lexicon.NEVER_TITLED)
_UNSURE = "".join(char for char in lexicon.AMBIGUOUS_SURNAMES if char not in lexicon.NEVER_TITLED)
_TITLES = "|".join(lexicon.TITLES)
_COMPOUND = "|".join(lexicon.COMPOUND_SURNAMES)
_NAME = rf"(?:(?:{_COMPOUND})\p{{Han}}{{1,2}}|[{_SINGLE}]\p{{Han}}{{1,2}})"
_DOTTED = r"\p{Han}{1,8}(?:·\p{Han}{1,8}){1,3}"
_FOREIGN = rf"[{lexicon.TRANSLITERATION}]{{4,8}}"
_MINORITY = rf"(?=\p{{Han}}{{0,3}}(?:{lexicon.MINORITY_PARTS}))\p{{Han}}{{3,8}}"
# What may stand right after a name in running text, tried on the longest form first.
_STOP = (
    r"(?=[^\p{Han}]|$|男|女|身份|证|联系|电话|手机|住|家住|诉|反映|来电|来信|来访|致电|称|表示|投诉|"
    "举报|咨询|求助|因|于|在|的|和|与|及|跟|同|对|向|将|把|被|"
    "已|是|系|为|由|说|问|说道|提出|认为|要求|申请|请求|希望|到|去|从|等|名下|夫妇|夫妻|一家|两|"
    "二人|三人|本人|先生|女士|同志|老师|医生|之|以|未|没|不|也|都|又|就|"
    "于|经|自|今年|现年|现|目前|出生|户|签|收|负责|承办|办理|经办|发生|产生|打|骂|欠|借|拖|要|跑|拿|"
    "给|让|叫|带|开|死|受|遭|有|无|购|买|租|取|存|交|领|参加|参保|接)"
)
_LABELS = (
    "姓名|姓[ ]+名|名字|记录|主持|列席人员|出席人员|参会|参加|汇报|承办|经办|审核|拟稿|签发|核稿|"
    "校对|联系人|来电人|来访人|来信人|写信人|报告人|投诉人|反映人|举报人|信访人|上访人|检举人|控告人|"
    "报警人|报案人|求助人|诉求人|咨询人|留言人|市民|群众|村民|居民|业主|住户|申请人|被申请人|"
    "申请执行人|被执行人|当事人|"
    "户主|户名|开户名|开户人|持卡人|持证人|权利人|产权人|法定代表人|法人代表|法人|负责人|经办人|"
    "承办人|主办人|协办人|联络人|值班人员?|接待人|接线员|话务员|受理人|经手人|监护人|家属|患者|病人|"
    "死者|伤者|原告人?|被告人?|被投诉人|被举报人|被反映人|"
    "被处罚人|违法行为人|嫌疑人|犯罪嫌疑人|证人|代理人|委托代理人|委托人|受托人|收件人|寄件人|"
    "收货人|签收人|签名|签字|署名|落款|车主|驾驶人|驾驶员|司机|房东|房主|租客|租户|承租人|出租人|"
    "买受人|出卖人|转让方|受让方|甲方|乙方|丙方|"
    "审判长|审判员|代理审判员|书记员|法官助理|人民陪审员|仲裁员|调解员|执法人员|办案人员|记录人|"
    "主持人|出席|参会人员|参加人员|列席|汇报人|家庭成员|成员|名单|同住人|共同居住人|子女|填表人|"
    "制表人|审核人|复核人|批准人|签发人|拟稿人|班主任|辅导员|考生|学生|学员|教师|主治医师|主治医生|"
    "医师|"
    "父亲|母亲|爸爸|妈妈|丈夫|妻子|老公|老婆|爱人|配偶|儿子|女儿|哥哥|弟弟|姐姐|妹妹|孙子|孙女|爷爷|"
    "奶奶|外公|外婆|岳父|岳母|儿媳|女婿|侄子|外甥|长子|次子|长女|次女|邻居|亲属|本人姓名|曾用名|别名"
)
_ROLES = (
    "村民|居民|业主|住户|市民|群众|老人|五保户|低保户|贫困户|户主|法定代表人|法人代表|负责人|经办人|"
    "承办人|当事人|原告|被告|申请人|被申请人|投诉人|举报人|反映人|信访人|上访人|嫌疑人|患者|死者|"
    "伤者|司机|车主|房东|老板|邻居|包工头|工头|开发商老板|承包人|承包商|"
    "父亲|母亲|爸爸|妈妈|丈夫|妻子|老公|老婆|爱人|儿子|女儿|哥哥|弟弟|姐姐|妹妹|孙子|孙女|爷爷|奶奶|"
    "外公|外婆|岳父|岳母|儿媳|女婿|"
    "书记|村支书|支书|主任|村主任|组长|村长|局长|副局长|科长|处长|镇长|乡长|所长|院长|校长|站长|"
    "队长|民警|辅警|交警|城管|法官|律师|医生|护士|教师|老师|同事|同学|朋友|工人|员工|职工|工作人员|"
    "网格员|驾驶员|学生"
)

_HAN = Pattern(r"\p{Han}")
_SENTENCE = Pattern(r"[^\r\n。!?;,]+[。!?;,]*")
_FULL = Pattern(
    rf"(?:{_COMPOUND})\p{{Han}}{{1,2}}|[{_SINGLE}]\p{{Han}}{{1,2}}|{_DOTTED}|{_MINORITY}|{_FOREIGN}"
)
_NO_NAME = Pattern(
    "[路府居苑园镇村乡县区市局院街桥亭湾塘冲铺坝垄坡坪人门费]$|(?<=^.)路"
    "|(?<=^.)家(?![豪俊明伟辉乐欣琪宁骏瑞铭兴诚和])"
)
_DOCUMENT_AFTER = Pattern(
    r"(?:\p{Han}{0,4}|\(\p{Han}\)\p{Han}{0,2})[ ]?[〔\[【(][ ]?(?:19|20)\d\d[ ]?[〕\]】)]"
)
_PLACE_AFTER = Pattern(lexicon.PLACE_AFTER)
_GIVEN = frozenset(lexicon.GIVEN_CHARS)
_TITLE_AT_END = Pattern(rf"(?:{_TITLES})$")
_CONTINUES = Pattern(_STOP)
_NAME_AT_END = Pattern(
    rf"(?:(?<!\p{{Han}})|(?<={_ROLES}|{_LABELS}))(?P<name>{_NAME}|{_DOTTED})[ ]?[,:( ]{{0,2}}$"
)
_NAME_RULES: tuple[tuple[str, float, Pattern], ...] = tuple(
    (name, score, Pattern(pattern))
    for name, score, pattern in (
        (
            "name_label",
            0.9,
            rf"(?:{_LABELS})(?:姓名)?(?:\([^()\n]{{1,8}}\))?[ ]?(?:[:/]|为:|是:)"
            rf"[ ]{{0,4}}(?P<name>{_DOTTED}|{_NAME}{_STOP}|(?=\p{{Han}}{{3,8}}(?!\p{{Han}}))"
            f"(?:{_MINORITY}))",
        ),
        (
            "name_label",
            0.85,
            rf"(?:姓名|户名|签名|署名|联系人)[ ]{{0,2}}(?P<name>{_DOTTED}|{_NAME}(?!\p{{Han}}))",
        ),
        (
            "name_role",
            0.7,
            rf"(?:{_ROLES}|{_LABELS})(?P<name>{_DOTTED}|{_NAME}(?=[,、。;:()\s]|$|因|反映|诉称|来电|"
            "来信|来访|称|说|于|"
            "今年|现年|身份|电话|联系))",
        ),
        (
            "name_introduced",
            0.85,
            rf"(?:我叫|我名叫|名叫|名为|叫做|姓名叫|自称|我是叫|本名|化名)(?P<name>{_DOTTED}|{_NAME}{_STOP})",
        ),
        (
            "name_introduced",
            0.8,
            f"(?:(?:我是|本人|鄙人|申请人)[:, ]?|我[:,])(?P<name>{_DOTTED}|{_NAME}(?=[,()]|"
            rf"[ ](?!\p{{Han}}{{5}})|$|男|女|身份证|系|现年|今年|,男|,女))",
        ),
        (
            "name_sex",
            0.9,
            rf"(?<!\p{{Han}})(?=[\p{{Han}}·]{{2,16}}[, ]{{0,2}}(?:性别|[男女]))(?P<name>{_DOTTED}|"
            f"{_NAME}|{_MINORITY})"
            r"(?=[, ]{0,2}(?:性别[: ]?)?[男女](?:[,。;:(\s)]|汉|性|,|\d))",
        ),
        (
            "name_card",
            0.8,
            rf"(?=[{_SINGLE}]\p{{Han}}{{1,3}}\(?(?:身份|公民|居民身|证件|手机|电话|联系|曾用|男|女))"
            rf"(?:(?<!\p{{Han}})|(?<=我是|本人|我叫|{_ROLES}))(?P<name>{_NAME})"
            r"(?=\(?(?:身份证|公民身份|居民身份证|身份号码|证件号|手机|电话|联系电话|联系方式|曾用名|男|女)"
            r"[号码:为,)\d ])",
        ),
        (
            "name_signature",
            0.8,
            rf"(?:^|[\n]|[ ]{{2}}|此致敬礼!?|敬上|谢谢!|谢谢。|敬礼!)[ ]*(?P<name>{_DOTTED}|{_NAME})"
            r"(?=[ ]*(?:\r?\n|$|(?:19|20)\d\d[年.\-/]|敬上|上$|拜上|呈上|亲笔|书$))",
        ),
        (
            "name_signature",
            0.8,
            rf"(?:{_ROLES}|{_LABELS})[ ]?(?P<name>{_DOTTED}|{_NAME})(?=[ ]*(?:\r?\n|$|(?:19|20)"
            r"\d\d[年.\-/]|敬上))",
        ),
        (
            "name_dispute",
            0.8,
            f"(?:与|和|跟|同|诉|被|由|对)(?P<name>{_DOTTED}|{_NAME})(?=发生|产生|因|之间|借款|买卖|"
            "租赁|合同|离婚|民间|纠纷|一案|等人|打伤|殴打|驾驶)",
        ),
        (
            "name_in_charge",
            0.8,
            f"(?:现由|已由|交由|转由|责成|指派|安排|委派)(?P<name>{_DOTTED}|{_NAME})(?=办理|承办|"
            r"负责|跟进|处理|联系|前往|具体|同志|\()",
        ),
        (
            "name_called",
            0.86,
            "(?:孩子|儿子|女儿|[人工员师他她子女]|老板|司机|同学|朋友|邻居|大爷|阿姨|同事|妈|爸|哥|"
            "姐|弟|妹)叫"
            rf"(?P<name>{_DOTTED}|{_NAME}(?=[,。;、()\s]|$|的))",
        ),
        (
            "name_neighbour",
            0.8,
            rf"(?:隔壁|邻居|楼上|楼下|对门)(?P<name>{_DOTTED}|{_NAME})(?=家|[,。;、()])",
        ),
        (
            "name_titled",
            0.86,
            rf"(?=[{_SINGLE}]\p{{Han}}{{1,3}}(?:老师|先生|女士|医生|师傅))(?:(?<!\p{{Han}})|"
            f"(?<={_ROLES}|班主任))"
            rf"(?P<name>{_NAME})(?=老师|先生|女士|医生|师傅)",
        ),
        (
            "name_party",
            0.86,
            "(?:原告|被告|上诉人|第三人|审判长|审判员|书记员|陪审员|仲裁员|民警|辅警|协警|经营者|"
            "经手人|法定代表人|当事人|违法行为人)"
            rf"(?P<name>{_DOTTED}|{_NAME}(?=[,。、;()\s\n]|$|诉|驾驶|与|因|等|系|称|到|在|于|对|将|向))",
        ),
        (
            "name_spaced",
            0.86,
            rf"姓[ ]{{0,4}}名[ ]{{0,3}}[:]?[ ]{{0,3}}(?P<name>[{_SINGLE}][ ]\p{{Han}}(?:[ ]\p{{Han}})"
            rf"?(?!\p{{Han}}|[ ]\p{{Han}}[ ]\p{{Han}}))",
        ),
        (
            "name_dotted",
            0.8,
            rf"(?<![\p{{Han}}·])(?=\p{{Han}}{{2,8}}·)(?P<name>{_MINORITY}(?:·\p{{Han}}{{1,8}})+"
            rf"|[{lexicon.TRANSLITERATION}]{{2,6}}(?:·[{lexicon.TRANSLITERATION}]{{2,8}}){{1,3}}"
            rf"|\p{{Han}}{{2,4}}·(?:{_MINORITY}))(?![\p{{Han}}·])",
        ),
    )
)
_BESIDE_AN_ENGINE = frozenset(
    (
        *("name_label", "name_introduced", "name_called", "name_party", "name_spaced", "name_in_charge"),
        *("name_neighbour", "name_dotted"),
    )
)
"""Rules that find what engines miss. The others cost as much again and find next to nothing more."""
_HONORIFIC = Pattern(
    f"(?:(?P<name>(?:{_COMPOUND}|[{_SURE}])"
    f"(?:{_TITLES}))"
    rf"|(?<!\p{{Han}}|[A-Za-z0-9])"
    f"(?P<name>[{_UNSURE}](?:{_TITLES}))"
    "|(?:尊敬的|敬爱的|亲爱的|联系人:?|与|找|联系|来电人:?|回复|致电|拨打|接待|办人:?)"
    f"(?P<name>[{_UNSURE}](?:女士|先生|小姐|师傅|老师|医生|阿姨|主任|科长|书记|局长|市长|县长|区长|"
    "镇长|经理|警官|律师|法官|校长|院长|所长|站长|队长))"
    rf"|(?P<name>[{_SURE}](?:总|工|姐|哥|姨|嫂|妈|爸|叔|某)(?=[,。、;:!?()\s说称]|$)))"
)
_FAMILIAR_STOP = (
    r"(?=[,。、;:!?()\s0-9]|$|"
    "[说家的他她我你在和跟去来一告打问叫就从是因也还又已不没有被把要会能都骂拿欠这那])"
)
_FAMILIAR = Pattern(
    rf"(?:(?<!\p{{Han}}|[A-Za-z])|(?<=、|叫|找|问|跟|和|与|让|对|给|说|联系|同事|邻居|司机|师傅|工头|"
    "晚上|上午|下午|昨天|今天))"
    rf"(?P<name>老[{lexicon.COMMON_SURNAMES}]|[小阿][{_SURE}]){_FAMILIAR_STOP}"
    rf"|(?:我姓|免贵姓|本人姓|老板姓|他姓|她姓|名姓|[,。]姓)(?P<name>[{_SINGLE}])(?=[,。;、)\s]|电话|的|$)"
)
_MASKED = Pattern(
    rf"(?P<name>(?:{_COMPOUND}|[{_SINGLE}])(?:某某|某\p{{Han}}(?=[,。、;:()\s男女因]|$)|"
    "某(?![市县区镇乡村路街道年月日处地个些种公学小医社单部司局院校厂店企项事品办银中大人天])|"
    rf"[×xX*＊○〇O]{{1,2}}(?![0-9A-Za-z*])|[×*＊○][\p{{Han}}](?=[,。、;:()\s]|$)))"
)
_LIST_ITEM = rf"(?:{_DOTTED}|(?=\p{{Han}}{{3,8}}(?!\p{{Han}})){_MINORITY}|{_NAME})"
_NEXT_IN_LIST = Pattern(
    rf"[、,/ ]{{1,2}}(?:和|与|及|以及)?(?P<name>{_LIST_ITEM})(?=[、,。;:/ ()\n]|$|等|和|与|及|民间|"
    r"借款|买卖|一案|纠纷|系|因|[二三四五六七八九十两\d]+人|几[户人家位]|共)"
)
_PREVIOUS_IN_LIST = Pattern(
    rf"(?:(?<=^|[、,。;:/ (\n]|和|与|及|由|是|为|对|诉|(?:{_ROLES}|{_LABELS})))(?P<name>{_LIST_ITEM})"
    f"[、/ ]{{1,2}}$"
)


def _pieces(plain: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    while end - start > MAX_LINE:
        cut = max(plain.rfind(",", start, start + MAX_LINE), plain.rfind(" ", start, start + MAX_LINE))
        cut = cut + 1 if cut > start else start + MAX_LINE
        yield start, cut
        start = cut
    yield start, end


def _density(plain: Mapping[str, str], tagged: Mapping[str, Sequence[Entity]]) -> str:
    sure = sum(
        label == "PERSON" and score >= 0.9 and is_likely(plain[field], start, end)
        for field, entities in tagged.items()
        for start, end, label, score in entities
    )
    if sure >= MANY * max(sum(map(len, plain.values())) / 100, 1):
        return "many"
    return "some" if sure else "none"


def _engine(plain: str, tagged: Sequence[Entity], needed: Mapping[str, float]) -> Iterator[Span]:
    for start, end, label, score in tagged:
        found = plain[start:end].rstrip()
        start, found = start + len(found) - len(found.lstrip()), found.lstrip()
        if label == "PERSON_HONORIFIC" and len(found) >= 2 and score >= needed["likely"]:
            yield Span(start, start + len(found), label, 0.74, "engine")
        if label == "PERSON":
            start, end = _whole(plain, start, found)
            found = plain[start:end]
            if (
                len(found) >= 2
                and score >= needed[_looks(plain, start, end)]
                and not _mostly_a_place(found, plain)
            ):
                yield Span(start, end, "PERSON", 0.8, "engine")


def _looks(plain: str, start: int, end: int) -> str:
    """What a name looks like, a key of `NEEDED`."""
    found = plain[start:end]
    if found in lexicon.common_words():
        return "word"
    return "likely" if is_likely(plain, start, end) else "shaped" if _shaped(found) else "other"


def _whole(plain: str, start: int, found: str) -> tuple[int, int]:
    """Where a name begins and ends that the engine cut short or left a title on."""
    if title := _TITLE_AT_END.search(found):
        found = found[: title.start()]
    if len(found) == 4 and not _FULL.fullmatch(found):
        found = found[:3]
    end = start + len(found)
    if len(found) == 2 and _begins_before(plain, start):
        start -= 1
    elif len(found) == 2 and _goes_on(plain, end):
        end += 1
    return start, end


def _mostly_a_place(name: str, plain: str) -> bool:
    """Whether the text uses the string for a place or a firm more often than not."""
    ends = [end for _, end in occurrences(name, plain)]
    return 2 * sum(bool(_PLACE_AFTER.match(plain, end)) for end in ends) > len(ends)


def _a_place(name: str, plain: str) -> bool:
    """Whether the text uses the string for a place elsewhere."""
    return any(_PLACE_AFTER.match(plain, end) for _, end in occurrences(name, plain))


def _begins_before(plain: str, start: int) -> bool:
    """Whether the engine left the surname out: a usual one stands before what is none."""
    return (
        start > 0
        and plain[start] not in lexicon.COMMON_SURNAMES
        and plain[start - 1] in lexicon.COMMON_SURNAMES
        and plain[start - 1] not in lexicon.AMBIGUOUS_SURNAMES
    )


def _stands_free(plain: str, end: int) -> bool:
    """Whether what follows makes the string neither a place or firm nor a document number."""
    return not _PLACE_AFTER.match(plain, end) and not _DOCUMENT_AFTER.match(plain, end)


def _goes_on(plain: str, end: int) -> bool:
    """Whether the engine cut a three-character name short: a usual given character, then a stop."""
    follows = plain[end : end + 1]
    return (
        bool(follows)
        and follows in _GIVEN
        and not _CONTINUES.match(plain, end)
        and bool(_CONTINUES.match(plain, end + 1))
    )


def _rules(plain: str, *, alone: bool) -> Iterator[Span]:
    for name, score, pattern in _NAME_RULES:
        if not alone and name not in _BESIDE_AN_ENGINE:
            continue
        for match in pattern.finditer(plain):
            start, end = match.span("name")
            found = match["name"].replace(" ", "")
            if _TITLE_AT_END.search(found):
                continue  # a surname and a title: the rules for those decide
            sure = score >= SURE and _shaped(found)
            likely = is_name(found) and not (name in ("name_role", "name_dispute") and _weak(found))
            if (sure or likely) and _stands_free(plain, end):
                yield Span(start, end, "PERSON", score, name)


def _weak(name: str) -> bool:
    """Whether the word for a role before it is not enough: 学生和老师, 业主全额."""
    begins = name[0] in lexicon.AMBIGUOUS_SURNAMES and name[0] not in lexicon.COMMON_SURNAMES
    if name[0] in "曾管于" and not all(char in _GIVEN for char in name[1:]):
        return True
    return name[0] in lexicon.WEAK_SURNAMES or name[0] == "和" or (begins and len(name) == 2)


def _before_identifiers(plain: str, identifiers: Sequence[Span]) -> Iterator[Span]:
    for span in identifiers:
        if span.type not in ("CN_MOBILE", "CN_RESIDENT_ID"):
            continue
        match = _NAME_AT_END.search(plain, max(0, span.start - 14), span.start)
        if match and (
            is_name(match["name"])
            or match["name"] in lexicon.WORD_NAMES
            or (match[0][-1] == "(" and _shaped(match["name"]))
        ):
            yield Span(match.start("name"), match.end("name"), "PERSON", 0.85, "name_before_identifier")


def _honorifics(plain: str) -> Iterator[Span]:
    for pattern in (_HONORIFIC, _FAMILIAR):
        for match in pattern.finditer(plain):
            yield Span(match.start("name"), match.end("name"), "PERSON_HONORIFIC", 0.75, "name_title")


def _masked(plain: str) -> Iterator[Span]:
    for match in _MASKED.finditer(plain):
        yield Span(match.start("name"), match.end("name"), "PERSON_MASKED", 0.85, "name_masked")


def _siblings(plain: str, spans: list[Span]) -> list[Span]:
    """Neighbours of a name in a list of names are names: of one that is no word, whatever they are."""
    words = lexicon.common_words()
    found = list(spans)
    queue = [(span, plain[span.start : span.end] not in words) for span in spans if span.type == "PERSON"]
    taken = {span.start for span in spans}
    while queue:
        span, firm = queue.pop()
        after = _NEXT_IN_LIST.match(plain, span.end)
        before = _PREVIOUS_IN_LIST.search(plain, max(0, span.start - 12), span.start)
        for match in (after, before):
            if not match or match.start("name") in taken or not _shaped(match["name"]):
                continue
            likely = is_name(match["name"]) or (firm and "、" in match[0])
            if likely and not _PLACE_AFTER.match(plain, match.end("name")):
                sibling = Span(match.start("name"), match.end("name"), "PERSON", 0.7, "name_list")
                taken.add(sibling.start)
                found.append(sibling)
                queue.append((sibling, firm))
    return resolve(found)


def _propagate(plain: Mapping[str, str], spans: Mapping[str, list[Span]]) -> dict[str, list[Span]]:
    """Every full name counts wherever it stands in the record, the longest form first.

    One that is an ordinary word counts only where it was found, unless a rule was sure of it.
    """
    words = lexicon.common_words()
    full = {
        plain[field][span.start : span.end]
        for field, found in spans.items()
        for span in found
        if span.type == "PERSON" and (span.score >= SURE or plain[field][span.start : span.end] not in words)
    }
    full |= {longer for name in full if len(name) == 2 and (longer := _always_longer(name, plain.values()))}
    if not full:
        return dict(spans)
    longest_first = sorted(full, key=lambda name: (-len(name), name))
    result = {}
    for field, text in plain.items():
        there = {(span.start, span.end) for span in spans[field] if span.type == "PERSON"}
        more = resolve(
            Span(start, end, "PERSON", 0.82, "name_repeated")
            for name in longest_first
            for start, end in occurrences(name, text)
            if (start, end) not in there and _stands_free(text, end)
        )
        result[field] = resolve([*(span for span in spans[field] if not _inside(span, more)), *more])
    return result


def _always_longer(name: str, texts: Iterable[str]) -> str:
    """The name and the one character that always follows it, where it stands more than once."""
    follow = [
        text[at.end() : at.end() + 1] for text in texts for at in regex.finditer(regex.escape(name), text)
    ]
    if len(follow) < 2 or len(set(follow)) > 1 or not _HAN.fullmatch(follow[0]):
        return ""
    return "" if _CONTINUES.match(follow[0] + "一") else name + follow[0]


def _inside(span: Span, longer: Sequence[Span]) -> bool:
    """Whether a finding lies within one of the longer ones, as a name cut short does."""
    at = bisect.bisect_right(longer, span.start, key=lambda one: one.start)
    return at > 0 and span.end <= longer[at - 1].end and span[:2] != longer[at - 1][:2]
