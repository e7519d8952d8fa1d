"""People that their surroundings give away: which words around a string make it a person.

`names` takes what a surname and a list or a label make likely. Here are the cues of running text (kin, the
verbs of speech and contact, what only people have), tried with every shape a name may have: compound
surnames, names of minorities, Japanese and transliterated names, and names that are ordinary words.
"""

from __future__ import annotations

from collections.abc import Iterator

from curation.anonymise import lexicon
from curation.anonymise.spans import Pattern, Span

REACH = 12
"""Code points looked at to the left of a cue that stands behind a name."""


def find(plain: str) -> Iterator[Span]:
    """PERSON and PERSON_HONORIFIC findings in the view of a text; they may overlap."""
    yield from _after_cues(plain)
    yield from _before_cues(plain)
    yield from _compound(plain)
    for name, pattern in (("name_parts", _PARTS), ("name_japanese", _JAPANESE)):
        for match in pattern.finditer(plain):
            yield Span(match.start(), match.end(), "PERSON", 0.86, name)
    if "·" in plain:
        for match in _DOTTED.finditer(plain):
            yield Span(match.start(), match.end(), "PERSON", 0.86, "name_dotted")
    yield from _addressed(plain)


_SINGLE = lexicon.COMMON_SURNAMES + lexicon.RARE_SURNAMES
_LIKELY = "".join(char for char in _SINGLE if char not in lexicon.WEAK_SURNAMES)
_COMPOUNDS = "|".join(lexicon.COMPOUND_SURNAMES)
_RUNNING = "|".join(lexicon.RUNNING_SURNAMES)
_PARTS_OF_NAMES = sorted({*lexicon.MINORITY_PARTS.split("|"), *lexicon.MINORITY_NAMES}, key=len, reverse=True)
_PART = "|".join(_PARTS_OF_NAMES)
_WHOLE = "|".join(sorted({*lexicon.MINORITY_NAMES, *lexicon.FOREIGN_NAMES}, key=len, reverse=True))
_LONE = "|".join(name for name in lexicon.MINORITY_NAMES if len(name) > 2)
_FAMILY_JP = "|".join(lexicon.JAPANESE_SURNAMES)
_GIVEN_JP = "|".join(lexicon.JAPANESE_GIVEN)
# Two sets of characters in front of hundreds of alternatives: nearly every place fails at once.
_BEGINS_PART = "(?=[{}][{}])".format(
    *("".join(sorted({one[at] for one in _PARTS_OF_NAMES})) for at in (0, 1))
)
_BEGINS_JP = "(?=[{}][{}])".format(
    *("".join(sorted({one[at] for one in lexicon.JAPANESE_SURNAMES})) for at in (0, 1))
)
_PIECE = rf"(?:(?:{_PART}|{_WHOLE})(?:{_PART})*|[{lexicon.TRANSLITERATION}]{{2,6}})"
_DOTTED_NAME = rf"(?:{_PIECE}·{_PIECE}(?:·{_PIECE})?|(?<!\p{{Han}})\p{{Han}}{{2,4}}·(?:{_PART}){{1,3}})"
# What needs no cue (a dotted name, two parts of a Tibetan one) is left out: it would be compiled into each.
_WORD = "|".join(sorted(lexicon.WORD_NAMES))
_STRANGE = rf"(?:{_FAMILY_JP})\p{{Han}}{{2}}|[阮黎陈范]氏\p{{Han}}{{1,2}}|{_WHOLE}|{_WORD}"
_WHO = rf"(?P<name>{_STRANGE}|(?:{_COMPOUNDS})\p{{Han}}{{1,2}}|[{_LIKELY}]\p{{Han}}{{1,2}})"

_TITLES = "|".join(lexicon.TITLES)
_CHILD = "女儿|儿子|孩子|孙子|孙女|侄子|侄女|外甥女?|弟弟|妹妹|学生"
_ELDER = "母亲|父亲|妈妈|爸爸|爷爷|奶奶|外公|外婆|姥姥|姥爷|岳父|岳母|公公|婆婆|叔叔|舅舅|哥哥|姐姐"
_SPOUSE = "妻子|丈夫|老婆|老公|爱人|配偶|儿媳|女婿|家属|亲属|监护人|代理人"
_KIN = f"{_CHILD}|{_ELDER}|{_SPOUSE}"
_HUMBLE = "家母|家父|家慈|家严|家兄|家姐|舍弟|舍妹|内人|内子|犬子|小女(?!孩|儿|生|子)"
_OWN = (
    "护照|身份证|户口|号码|手机|电话|微信|银行卡|社保卡|医保卡|车牌|驾驶证|行驶证|残疾证|病历|"
    "港澳通行证|卡号|账号"
)
_WRITER = "来信人|来电人|来访人|反映人|投诉人|举报人|写信人|求助人|诉求人|留言人|信访人|报警人|当事人"
_CLERK = (
    "值班员|值班人员|值班民警|负责人|经办人|承办人|主办人|接待员|接待人|接线员|办事员|工作人员|联系人|"
    "对象|人员|民警|交警|业主代表|楼栋代表|村民代表"
)
_SPEAKS = "说|表示|反映|介绍|告诉|来电|来信|来访|致电|称|答复|回复|登记|接待|承认|解释|让我|叫我|要求"
_CALLS = "反映|来电|来信|来访|致电"
_EDGE = r"(?:(?<!\p{Han}|[·A-Za-z0-9])|(?<=(?:反映|诉求|昨天|今天|上午|下午|上个月|上周|那天|当时)))"
_END = r"(?=[^\p{Han}·A-Za-z]|$)"
_AGE = (
    r"今年(?:刚|已?经?快?满?(?:\d{1,3}|[一二三四五六七八九十]{1,3})多?[岁周]|才|上\p{Han}{1,3}年级|上小学|读)|"
    r"现年|(?:已经?)?(?:\d{1,2}|[二三四五六七八九]十[一二三四五六七八九]?)多?岁"
)

_CUES: tuple[tuple[str, Pattern], ...] = tuple(
    (name, Pattern(pattern))
    for name, pattern in (
        (
            "name_of_kin",
            rf"(?:{_HUMBLE}|(?:我|他|她|本人|其)的?(?:{_KIN})|我是[^,。;!?\n]{{2,9}}的(?:{_KIN})){_WHO}"
            rf"(?={_AGE}|的|和|因|患|在|于|去|被|生|摔|住|[^\p{{Han}}·A-Za-z]|$)",
        ),
        (
            "name_of_kin",
            rf"(?<!\p{{Han}})(?:{_KIN}){_WHO}(?={_AGE}|的(?:{_OWN})|[(]|患有|于\d|[,](?:男|女|\d))",
        ),
        (
            "name_kin_of",
            rf"(?:我是|本人是|本人系|我系|,系|,是){_WHO}(?=的(?:{_KIN}|母|父|妻|子|女|邻居|同事|朋友))",
        ),
        (
            "name_called",
            rf"(?:一[个名位]叫|有个叫|名叫|名字叫|人叫){_WHO}(?=的|{_END})",
        ),
        ("name_called", rf"叫{_WHO}(?=的(?:人|男|女|老|同|工|民|师|司|业|村|居|保|房|小))"),
        (
            "name_self",
            rf"(?<!\p{{Han}})(?:我是|本人)(?:住在?|家住|居住在)[^,。;!?\n]{{4,40}}?的{_WHO}(?=[,(。])",
        ),
        ("name_self", rf"(?<!\p{{Han}})本人{_WHO}(?=[,(、](?:\d{{4}}|[男女]|身份|家?住|现年?|系|生|出生))"),
        (
            "name_self",
            rf"(?:我是|本人是|我系)[^,。;!?\n]{{0,40}}?(?:业主|住户|居民|村民|租户|家长|职工|员工|学生){_WHO}(?=[,(。])",
        ),
        ("name_self", rf"(?<!\p{{Han}})我{_WHO}(?=去过|来过|找过|本人|今年|于\d|在此|恳请|实名)"),
        ("name_self", rf"(?:我是|本人是){_WHO}(?=电话|手机|微信|联系)"),
        ("name_list", rf"代表:[^。\n]{{2,30}}、(?P<name>{_WORD})(?=[、,。\n望盼]|$)"),
        ("name_writer", rf"(?:户主|车主|房主|家长|监护人|{_WRITER})(?P<name>{_WORD})(?=[,、(。])"),
        ("name_writer", rf"(?:{_WRITER}){_WHO}(?={_SPEAKS}|联系|沟通|核实|的|{_END})"),
        ("name_clerk", rf"(?:{_CLERK}){_WHO}(?={_SPEAKS}|[(,](?:身份证|电话|手机|家?住|\d{{6}}))"),
        ("name_dear", rf"(?:尊敬的|敬爱的|亲爱的){_WHO}(?=[:,!]|同志|您|你好)"),
        ("name_in_charge", rf"(?:[事情活块]|都|也|就|现在|一直|应该?|说)归{_WHO}(?=管|负责|处理)"),
        (
            "name_sought",
            rf"(?<!查|寻)(?:找到?|联系到?|去问|求助){_WHO}(?=以后|之后|的时候|帮忙|反映|解决|要钱|要账|[(,。;!?0-9]|$)",
        ),
        ("name_thanks", rf"(?:告诉|告知|转告|通知|转给|感谢){_WHO}(?=\(|[,。!]|$)"),
        ("name_home", rf"(?:村里|组里|队里|隔壁|对门|邻居|楼上|楼下)的?{_WHO}(?=家(?![具电长里]))"),
        (
            "name_actor",
            rf"(?:那天|当天|当时|上个月|上周|昨天|今天|昨晚|收钱的|开车的|经办的|动手的|打人的)(?:是|就是)?{_WHO}"
            rf"(?=开的|开车|摔了|病了|晕|住院|去世|签|收的?|经手|办的|打了|骂|也在|在场|,)",
        ),
        ("name_replaced", rf"(?:由|改由|换成){_WHO}(?=递补|接替|顶替|接任|代理|代办|陪同|转交)"),
        ("name_moved", rf"(?:把|将){_WHO}(?=从(?!墙)|打|撵|赶|推|拖|拦|骂|送到?医|送往)"),
        (
            "name_below",
            rf"(?<=此致|敬礼!?|[\d室号楼栋户组\]]|\n|^)[ ]+{_WHO}(?=[ ]*(?:敬上|拜上|上|呈|\r?\n|$))",
        ),
        ("name_below", rf"(?<=[\p{{Han}}]\(){_WHO}(?=\)\s*$)"),
    )
)
_BEFORE_CUES: tuple[tuple[str, Pattern, Pattern], ...] = tuple(
    (name, Pattern(cue), Pattern(rf"(?:{left}){_WHO}$"))
    for name, cue, left in (
        ("name_age", _AGE, _EDGE),
        ("name_caller", rf"(?:{_CALLS})(?!人|电|邮|地)", r"(?<![\p{Han}·A-Za-z0-9、])"),
        ("name_owner", rf"的(?:{_OWN})", rf"拿着|拿了|拿|持|用|凭|提供|替|帮|带着|是|有|{_KIN}"),
        ("name_witness", "(?:那天|当天|当时)[刚也正就]|去窗口|和[^,。;!?\\n]{2,12}都(?:可以|能)?作证", _EDGE),
        ("name_witness", "(?:都|也|均)?(?:可以|能|可)作证", rf"{_EDGE}|和|与|跟|、"),
        ("name_courtesy", "(?:同志|先生|女士)(?:[:,]|您|你好)", r"(?<![\p{Han}·A-Za-z0-9])"),
        ("name_together", "(?:[两二三四五六七八九十]|几)个?人一[起同]", "我和|我、|我跟|、"),
        ("name_owner", r"[,(](?:身份证|公民身份|户口在)", _EDGE),
    )
)
_ALLOWED = frozenset(lexicon.WORD_NAMES)
_REFUSED = lexicon.NOT_NAMES.union(lexicon.NEVER_NAMES, lexicon.NO_SUBJECTS) - _ALLOWED
_ODD = Pattern(
    r"[们的了着过是在和与也都就要会能这那此该某谁哪几各每您你我他她它公司院局厅委办镇乡县区市省村街道路店厂站人只呢吗吧啊呀走何改今]$"
    r"|^[和向对与由].方$"
    r"|^.[们的了着过是不没未这那此该某谁您你我他她它自能]|某|敬礼|业主|母亲|父亲|儿子|女儿|妻子|丈夫"
    rf"|(?:{_TITLES})$"
    "|工程|项目|部门|政府|单位|老师|医生|先生|女士|主任|书记|经理|师傅|小区|学校|老板|房东|领导|家长"
)
_BREAKS_OFF = Pattern(
    r"[^\p{Han}]|$|[说表反介告来致称答回登接的和与及跟在从到去被把将因今现那管负也都已是就、摔于向给开要住以不]"
)
_GIVEN = frozenset(lexicon.GIVEN_CHARS)
_PARTS = Pattern(rf"{_BEGINS_PART}(?:(?:{_PART}){{2,4}}|{_LONE})(?![市县区镇乡村州盟旗路街湖山])")
_JAPANESE = Pattern(rf"{_BEGINS_JP}(?:{_FAMILY_JP})(?:{_GIVEN_JP})")
_DOTTED = Pattern(rf"(?<!·){_DOTTED_NAME}(?!·)")
_RUNNING_NAME = Pattern(rf"(?:{_RUNNING})(?P<given>\p{{Han}}{{1,2}})")
_NO_GIVEN = Pattern(r"[的了是在和与或及网方员场也都市县区镇乡村路街站庙桥山河会这那家]")

_FAMILIAR_TITLES = (
    "叔叔|大叔|伯伯|大伯|大爷|爷爷|大妈|大娘|大婶|大姐|大嫂|大哥|奶奶|婆婆|阿姨|老师|师傅|女士|先生|小姐|医生|"
    "同志|老板|主任|经理"
)
_KIN_TITLES = "叔叔|大叔|伯伯|大伯|大爷|大妈|大娘|大婶|大姐|大嫂|大哥|奶奶|阿姨"
_GRAMMATICAL = "和于时有从经由应都那与来向原到对让要以会能正成初位多"
_TITLED = "".join(char for char in _SINGLE if char not in _GRAMMATICAL + lexicon.NEVER_TITLED)
_TOWARDS = (
    "联系到?|向|找到?|给|跟|来电人|来信人|来访人|反映人|投诉人|留言人|楼上|楼下|隔壁|对门|邻居|尊敬的|亲爱的|"
    "告知|告诉|回复|答复|致电|通知|同事|工友|问|请|村里的"
)
_OLD = "".join(char for char in _SINGLE if char not in lexicon.NOT_AFTER_OLD)
_YOUNG = "".join(char for char in _SINGLE if char not in lexicon.NOT_AFTER_YOUNG)
_NICK = rf"(?:老(?:[{_OLD}]|{_RUNNING})|小(?:[{_YOUNG}]|{_RUNNING}))"
_TITLE = Pattern(_FAMILIAR_TITLES)
_TITLED_STRANGE = Pattern(
    rf"(?:{_DOTTED_NAME}|(?:{_FAMILY_JP})(?:{_GIVEN_JP})|(?:{_PART}){{2,4}}|{_WHOLE}"
    rf"|[阮黎陈范]氏\p{{Han}}{{1,2}}|(?:{_RUNNING}))$"
)
_KIN_TITLE = Pattern(_KIN_TITLES)
_TITLED_SURNAME = Pattern(rf"(?:(?<!\p{{Han}})|(?<={_TOWARDS}))[{_TITLED}]$")
_NICKNAMES = (
    Pattern(
        rf"(?:{_TOWARDS})(?P<name>{_NICK})"
        r"(?=[^\p{Han}A-Za-z]|$|说|表示|反映|称|您好|你好|介绍|解释|核实|了解|沟通|告诉|来电|家(?![长具庭]))"
    ),
    Pattern(
        rf"(?<![\p{{Han}}A-Za-z])(?P<name>{_NICK})"
        r"(?=您好|你好|介绍|表示|反映|来电|来信|说[他她我这,:]|告诉|\(\+?\d)"
    ),
    Pattern(rf"(?<=\()(?P<name>{_NICK})(?=\))"),
)


def _after_cues(plain: str) -> Iterator[Span]:
    for name, pattern in _CUES:
        for match in pattern.finditer(plain):
            if _plausible(match["name"]):
                yield Span(match.start("name"), match.end("name"), "PERSON", 0.87, name)


def _before_cues(plain: str) -> Iterator[Span]:
    """Names whose cue stands behind them: the cue is found first, for it is a literal."""
    for name, cue, left in _BEFORE_CUES:
        for behind in cue.finditer(plain):
            match = left.search(plain, max(0, behind.start() - REACH), behind.start())
            if match and _plausible(match["name"]):
                yield Span(match.start("name"), match.end("name"), "PERSON", 0.87, name)


def _plausible(name: str) -> bool:
    """Whether a string between cues can be a name: no word that stands in the same places, no title."""
    if name in _REFUSED or _ODD.search(name):
        return False
    return name in _ALLOWED or name[0] not in _GRAMMATICAL or all(char in _GIVEN for char in name[1:])


def _addressed(plain: str) -> Iterator[Span]:
    """Names with a title of kin or courtesy, and 老 or 小 with a surname."""
    for rule, title, before in (
        ("name_and_title", _TITLE, _TITLED_STRANGE),
        ("title_of_kin", _KIN_TITLE, _TITLED_SURNAME),
    ):
        for behind in title.finditer(plain):
            if match := before.search(plain, max(0, behind.start() - REACH), behind.start()):
                yield Span(match.start(), behind.end(), "PERSON_HONORIFIC", 0.88, rule)
    for pattern in _NICKNAMES:
        for match in pattern.finditer(plain):
            yield Span(match.start("name"), match.end("name"), "PERSON_HONORIFIC", 0.88, "nickname")


def _compound(plain: str) -> Iterator[Span]:
    """A compound surname in running text; what follows decides between one given character and two."""
    for match in _RUNNING_NAME.finditer(plain):
        start, given = match.start(), match.start("given")
        if _NO_GIVEN.match(plain, given) or plain[given] in "某之":
            continue
        second = plain[given + 1 : given + 2]
        two = len(match["given"]) == 2 and (
            (second in _GIVEN and bool(_BREAKS_OFF.match(plain, given + 2)))
            or not _BREAKS_OFF.match(plain, given + 1)
        )
        yield Span(start, given + 1 + two, "PERSON", 0.86, "name_compound")
