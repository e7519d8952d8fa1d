"""What the words around a name say: labels, introductions, signatures, offices, titles, and masked names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from curation.anonymise import lexicon
from curation.anonymise.name_shapes import (
    COMPOUND,
    DOTTED,
    GIVEN,
    MINORITY,
    NAME,
    SURNAMES,
    TITLE_AT_END,
    TITLES,
    is_name,
    shaped,
    stands_free,
)
from curation.anonymise.spans import Pattern, Span

SURE = 0.85
"""From this score on a rule knows a name even where it is a word of its own."""


def labelled(plain: str, *, alone: bool) -> Iterator[Span]:
    """Full names that a label, an office, a signature or their surroundings tell.

    Args:
        alone: without a name engine: with the rules that one makes superfluous.
    """
    for name, score, pattern in _NAME_RULES:
        if not alone and name not in _BESIDE_AN_ENGINE:
            continue
        for match in pattern.finditer(plain):
            start, end = match.span("name")
            found = match["name"].replace(" ", "")
            if TITLE_AT_END.search(found):
                continue  # a surname and a title: the rules for those decide
            sure = score >= SURE and shaped(found)
            likely = is_name(found) and not (name in ("name_role", "name_dispute") and _weak(found))
            if (sure or likely) and stands_free(plain, end):
                yield Span(start, end, "PERSON", score, name)


def _weak(name: str) -> bool:
    """Whether the word for a role before it is not enough: 学生和老师, 业主全额."""
    begins = name[0] in lexicon.AMBIGUOUS_SURNAMES and name[0] not in lexicon.COMMON_SURNAMES
    if name[0] in "曾管于" and not all(char in GIVEN for char in name[1:]):
        return True
    return name[0] in lexicon.WEAK_SURNAMES or name[0] == "和" or (begins and len(name) == 2)


def before_identifiers(plain: str, identifiers: Sequence[Span]) -> Iterator[Span]:
    """Names right before a mobile or identity number."""
    for span in identifiers:
        if span.type not in ("CN_MOBILE", "CN_RESIDENT_ID"):
            continue
        match = _NAME_AT_END.search(plain, max(0, span.start - 14), span.start)
        if match and (
            is_name(match["name"])
            or match["name"] in lexicon.WORD_NAMES
            or (match[0][-1] == "(" and shaped(match["name"]))
        ):
            yield Span(match.start("name"), match.end("name"), "PERSON", 0.85, "name_before_identifier")


def honorifics(plain: str) -> Iterator[Span]:
    """A surname with a title, or as people call each other: 王女士, 老刘."""
    for pattern in (_HONORIFIC, _FAMILIAR):
        for match in pattern.finditer(plain):
            yield Span(match.start("name"), match.end("name"), "PERSON_HONORIFIC", 0.75, "name_title")


def masked(plain: str) -> Iterator[Span]:
    """Names of which somebody left out a part: 陈某, 王**."""
    for match in _MASKED.finditer(plain):
        yield Span(match.start("name"), match.end("name"), "PERSON_MASKED", 0.85, "name_masked")


_SURE = "".join(char for char in SURNAMES if char not in lexicon.AMBIGUOUS_SURNAMES + lexicon.NEVER_TITLED)
_UNSURE = "".join(char for char in lexicon.AMBIGUOUS_SURNAMES if char not in lexicon.NEVER_TITLED)
# What may stand right after a name in running text, tried on the longest form first.
_STOP = (
    r"(?=[^\p{Han}]|$|男|女|身份|证|联系|电话|手机|住|家住|诉|反映|来电|来信|来访|致电|称|表示|投诉|"
    "举报|咨询|求助|因|于|在|的|和|与|及|跟|同|对|向|将|把|被|"
    "已|是|系|为|由|说|问|说道|提出|认为|要求|申请|请求|希望|到|去|从|等|名下|夫妇|夫妻|一家|两|"
    "二人|三人|本人|先生|女士|同志|老师|医生|之|以|未|没|不|也|都|又|就|"
    "于|经|自|今年|现年|现|目前|出生|户|签|收|负责|承办|办理|经办|发生|产生|打|骂|欠|借|拖|要|跑|拿|"
    "给|让|叫|带|开|死|受|遭|有|无|购|买|租|取|存|交|领|参加|参保|接)"
)
LABELS = (
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
ROLES = (
    "村民|居民|业主|住户|市民|群众|老人|五保户|低保户|贫困户|户主|法定代表人|法人代表|负责人|经办人|"
    "承办人|当事人|原告|被告|申请人|被申请人|投诉人|举报人|反映人|信访人|上访人|嫌疑人|患者|死者|"
    "伤者|司机|车主|房东|老板|邻居|包工头|工头|开发商老板|承包人|承包商|"
    "父亲|母亲|爸爸|妈妈|丈夫|妻子|老公|老婆|爱人|儿子|女儿|哥哥|弟弟|姐姐|妹妹|孙子|孙女|爷爷|奶奶|"
    "外公|外婆|岳父|岳母|儿媳|女婿|"
    "书记|村支书|支书|主任|村主任|组长|村长|局长|副局长|科长|处长|镇长|乡长|所长|院长|校长|站长|"
    "队长|民警|辅警|交警|城管|法官|律师|医生|护士|教师|老师|同事|同学|朋友|工人|员工|职工|工作人员|"
    "网格员|驾驶员|学生"
)

CONTINUES = Pattern(_STOP)
_NAME_AT_END = Pattern(
    rf"(?:(?<!\p{{Han}})|(?<={ROLES}|{LABELS}))(?P<name>{NAME}|{DOTTED})[ ]?[,:( ]{{0,2}}$"
)
_NAME_RULES: tuple[tuple[str, float, Pattern], ...] = tuple(
    (name, score, Pattern(pattern))
    for name, score, pattern in (
        (
            "name_label",
            0.9,
            rf"(?:{LABELS})(?:姓名)?(?:\([^()\n]{{1,8}}\))?[ ]?(?:[:/]|为:|是:)"
            rf"[ ]{{0,4}}(?P<name>{DOTTED}|{NAME}{_STOP}|(?=\p{{Han}}{{3,8}}(?!\p{{Han}}))"
            f"(?:{MINORITY}))",
        ),
        (
            "name_label",
            0.85,
            rf"(?:姓名|户名|签名|署名|联系人)[ ]{{0,2}}(?P<name>{DOTTED}|{NAME}(?!\p{{Han}}))",
        ),
        (
            "name_role",
            0.7,
            rf"(?:{ROLES}|{LABELS})(?P<name>{DOTTED}|{NAME}(?=[,、。;:()\s]|$|因|反映|诉称|来电|"
            "来信|来访|称|说|于|"
            "今年|现年|身份|电话|联系))",
        ),
        (
            "name_introduced",
            0.85,
            rf"(?:我叫|我名叫|名叫|名为|叫做|姓名叫|自称|我是叫|本名|化名)(?P<name>{DOTTED}|{NAME}{_STOP})",
        ),
        (
            "name_introduced",
            0.8,
            f"(?:(?:我是|本人|鄙人|申请人)[:, ]?|我[:,])(?P<name>{DOTTED}|{NAME}(?=[,()]|"
            rf"[ ](?!\p{{Han}}{{5}})|$|男|女|身份证|系|现年|今年|,男|,女))",
        ),
        (
            "name_sex",
            0.9,
            rf"(?<!\p{{Han}})(?=[\p{{Han}}·]{{2,16}}[, ]{{0,2}}(?:性别|[男女]))(?P<name>{DOTTED}|"
            f"{NAME}|{MINORITY})"
            r"(?=[, ]{0,2}(?:性别[: ]?)?[男女](?:[,。;:(\s)]|汉|性|,|\d))",
        ),
        (
            "name_card",
            0.8,
            rf"(?=[{SURNAMES}]\p{{Han}}{{1,3}}\(?(?:身份|公民|居民身|证件|手机|电话|联系|曾用|男|女))"
            rf"(?:(?<!\p{{Han}})|(?<=我是|本人|我叫|{ROLES}))(?P<name>{NAME})"
            r"(?=\(?(?:身份证|公民身份|居民身份证|身份号码|证件号|手机|电话|联系电话|联系方式|曾用名|男|女)"
            r"[号码:为,)\d ])",
        ),
        (
            "name_signature",
            0.8,
            rf"(?:^|[\n]|[ ]{{2}}|此致敬礼!?|敬上|谢谢!|谢谢。|敬礼!)[ ]*(?P<name>{DOTTED}|{NAME})"
            r"(?=[ ]*(?:\r?\n|$|(?:19|20)\d\d[年.\-/]|敬上|上$|拜上|呈上|亲笔|书$))",
        ),
        (
            "name_signature",
            0.8,
            rf"(?:{ROLES}|{LABELS})[ ]?(?P<name>{DOTTED}|{NAME})(?=[ ]*(?:\r?\n|$|(?:19|20)"
            r"\d\d[年.\-/]|敬上))",
        ),
        (
            "name_dispute",
            0.8,
            f"(?:与|和|跟|同|诉|被|由|对)(?P<name>{DOTTED}|{NAME})(?=发生|产生|因|之间|借款|买卖|"
            "租赁|合同|离婚|民间|纠纷|一案|等人|打伤|殴打|驾驶)",
        ),
        (
            "name_in_charge",
            0.8,
            f"(?:现由|已由|交由|转由|责成|指派|安排|委派)(?P<name>{DOTTED}|{NAME})(?=办理|承办|"
            r"负责|跟进|处理|联系|前往|具体|同志|\()",
        ),
        (
            "name_called",
            0.86,
            "(?:孩子|儿子|女儿|[人工员师他她子女]|老板|司机|同学|朋友|邻居|大爷|阿姨|同事|妈|爸|哥|"
            "姐|弟|妹)叫"
            rf"(?P<name>{DOTTED}|{NAME}(?=[,。;、()\s]|$|的))",
        ),
        (
            "name_neighbour",
            0.8,
            rf"(?:隔壁|邻居|楼上|楼下|对门)(?P<name>{DOTTED}|{NAME})(?=家|[,。;、()])",
        ),
        (
            "name_titled",
            0.86,
            rf"(?=[{SURNAMES}]\p{{Han}}{{1,3}}(?:老师|先生|女士|医生|师傅))(?:(?<!\p{{Han}})|"
            f"(?<={ROLES}|班主任))"
            rf"(?P<name>{NAME})(?=老师|先生|女士|医生|师傅)",
        ),
        (
            "name_party",
            0.86,
            "(?:原告|被告|上诉人|第三人|审判长|审判员|书记员|陪审员|仲裁员|民警|辅警|协警|经营者|"
            "经手人|法定代表人|当事人|违法行为人)"
            rf"(?P<name>{DOTTED}|{NAME}(?=[,。、;()\s\n]|$|诉|驾驶|与|因|等|系|称|到|在|于|对|将|向))",
        ),
        (
            "name_spaced",
            0.86,
            rf"姓[ ]{{0,4}}名[ ]{{0,3}}[:]?[ ]{{0,3}}(?P<name>[{SURNAMES}][ ]\p{{Han}}(?:[ ]\p{{Han}})"
            rf"?(?!\p{{Han}}|[ ]\p{{Han}}[ ]\p{{Han}}))",
        ),
        (
            "name_dotted",
            0.8,
            rf"(?<![\p{{Han}}·])(?=\p{{Han}}{{2,8}}·)(?P<name>{MINORITY}(?:·\p{{Han}}{{1,8}})+"
            rf"|[{lexicon.TRANSLITERATION}]{{2,6}}(?:·[{lexicon.TRANSLITERATION}]{{2,8}}){{1,3}}"
            rf"|\p{{Han}}{{2,4}}·(?:{MINORITY}))(?![\p{{Han}}·])",
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
    f"(?:(?P<name>(?:{COMPOUND}|[{_SURE}])"
    f"(?:{TITLES}))"
    rf"|(?<!\p{{Han}}|[A-Za-z0-9])"
    f"(?P<name>[{_UNSURE}](?:{TITLES}))"
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
    rf"|(?:我姓|免贵姓|本人姓|老板姓|他姓|她姓|名姓|[,。]姓)(?P<name>[{SURNAMES}])(?=[,。;、)\s]|电话|的|$)"
)
_MASKED = Pattern(
    rf"(?P<name>(?:{COMPOUND}|[{SURNAMES}])(?:某某|某\p{{Han}}(?=[,。、;:()\s男女因]|$)|"
    "某(?![市县区镇乡村路街道年月日处地个些种公学小医社单部司局院校厂店企项事品办银中大人天])|"
    rf"[×xX*＊○〇O]{{1,2}}(?![0-9A-Za-z*])|[×*＊○][\p{{Han}}](?=[,。、;:()\s]|$)))"
)
