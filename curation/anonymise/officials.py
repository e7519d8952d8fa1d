"""Who acts in public office in a document: 市长王伟, 王伟局长, 审判长 李明, the members of a leading group.

What a person does in office is published with the name; the same name as that of a party, a witness or a
complainant is not. So one mention in office makes a person an official of the record, and one mention as a
private person takes it back. Who merely handles a matter (经办人, 联系人) is no official.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from curation.anonymise.policy import PEOPLE
from curation.anonymise.spans import Pattern, Span

REACH = 160
"""Code points looked at to the left, where a list of names may have its heading."""

BEHIND = 48
"""Code points looked at to the right, where a list says the office behind the name."""


def acting(plain: Mapping[str, str], spans: Mapping[str, Sequence[Span]]) -> frozenset[str]:
    """Names, and surnames with a title, of those who act in office in a record, as they stand in it.

    Args:
        plain: view of each text field.
        spans: what was found in each.
    """
    office: set[str] = set()
    private: set[str] = set()
    for field, found in spans.items():
        text = plain[field]
        for span in found:
            if span.type not in PEOPLE:
                continue
            who = text[span.start : span.end]
            before, after = text[max(0, span.start - REACH) : span.start], text[span.end : span.end + BEHIND]
            if span.type == "PERSON_HONORIFIC":
                named = bool(_OWN_TITLE.search(who)) and not _NO_OFFICE.search(before)
                office |= {who} if named else set()
            elif _private(before, after):
                private.add(who)
            elif _in_office(before, after):
                office.add(who)
    return frozenset(office - private)


def _private(before: str, after: str) -> bool:
    return bool(_PRIVATE_BEFORE.search(before) or _PRIVATE_AFTER.match(after)) and not _APPOINTED.match(after)


def _in_office(before: str, after: str) -> bool:
    if title := _TITLE_BEFORE.search(before):
        return not _NO_OFFICE.search(before[: title.start()]) and not _FORMER.search(before[: title.end()])
    if _COURT_BEFORE.search(before) or _LISTED.search(before):
        return True
    return any(pattern.match(after) for pattern in (_TITLE_AFTER, _OFFICE_BEHIND, _APPOINTED, _PRESIDES))


_RANKS = "(?:副|常务副|党组|党委|党工委|总支|支部|第一|代理?|执行|首席|一级|二级|三级|四级|高级)"
_HEADS = (
    "省长|市长|县长|区长|州长|盟长|旗长|镇长|乡长|部长|司长|厅长|局长|处长|科长|署长|行长|关长|税务总监|"
    "省委书记|书记|主任|主席|委员长|秘书长|专员|巡视员|调研员|督察长|总督察|政委|委员|常委|主任委员|"
    "院长|庭长|检察长|所长|站长|大队长|支队长|中队长|总队长|队长|组长|召集人|总指挥|指挥长|指挥|总河长|河长|"
    "林长|路长|秘书|会长"
)
_TITLE = rf"{_RANKS}{{0,2}}(?:{_HEADS})"
_JUDICIAL = (
    "审判长|审判员|代理审判员|助理审判员|人民陪审员|陪审员|书记员|法官助理|法官|检察官|检察员|代理检察员|"
    "检察官助理|首席仲裁员|仲裁员|公证员|执行员|执法人员|行政执法人员|主办检察官"
)
_SPACED = "|".join(" {0,2}".join(word) for word in _JUDICIAL.split("|"))
_NAME = r"[\p{Han}·]{2,12}"
_NOTE = r"(?:\([^()\n]{0,24}\))?"

_TITLE_BEFORE = Pattern(
    rf"(?:{_TITLE})(?:[、兼](?:\p{{Han}}{{0,12}}(?:{_TITLE}))){{0,3}}"
    r"(?:\([^()\n]{0,12}\))?[ ]?:?[ ]{0,3}$"
)
_COURT_BEFORE = Pattern(rf"(?:{_SPACED})[: ]{{0,8}}(?:{_NAME}{_NOTE}[、, ]{{1,3}}){{0,6}}$")
_LISTED = Pattern(
    r"(?<!\p{Han})(?:副? ?组 {0,3}长|副?总指挥|成 {0,4}员(?:单位)?|召 {0,2}集 {0,2}人"
    "|副? ?主 {0,4}任(?:委员)?|委 {0,4}员|(?:会议)?(?:主 ?持人?|出 ?席(?:人员|领导)?|列 ?席(?:人员)?"
    "|参 ?加(?:人员|领导)?|缺 ?席|请 ?假|记 ?录人?)|签 ?发人?|批 ?准 ?人)[: ]{1,4}"
    rf"(?:{_NAME}{_NOTE}[、, \n]{{1,4}}){{0,24}}$"
)
_TITLE_AFTER = Pattern(rf"(?:同志)?(?:{_TITLE})(?!助理|的(?:妻|丈|儿|女|亲|家))")
_BODY = (
    "(?:政府|[市县区省州]委|人大|政协|党组|纪委|监委|办公室|[局厅委办署部院处科]|法院|检察院|公安|街道|镇|乡|中心|大队|支队|"
    "派出所|税务|海关|消防|总队|监察|开发区|管委会)"
)
_OFFICE_BEHIND = Pattern(
    rf"[ ,(]{{1,8}}(?:(?:时任|现任|任|系|为)[ ]?)?\p{{Han}}{{0,24}}{_BODY}\p{{Han}}{{0,10}}"
    rf"(?:{_TITLE}|民警|检察官|法官)(?![的家])"
)
_APPOINTED = Pattern(
    r"(?:同志)?[, (]{0,2}(?:[^\n。;]{0,36}(?:现任|拟任)|任|为|兼任|的)"
    rf"\p{{Han}}{{0,24}}{_BODY}\p{{Han}}{{0,12}}(?:{_TITLE}|职务)"
)
_PRESIDES = Pattern(
    "(?:同志)?(?:主持(?:召开|了)?(?:会议|召开)|主持|出席(?:会议|了)|作(?:了)?(?:重要讲话|工作报告|总结讲话|动员讲话|工作部署)|"
    "宣读|传达(?:了|学习)|代表(?:市|县|区|省)?(?:政府|委员会|人民法院)|带队(?:检查|调研|督查))"
)
_OWN_TITLE = Pattern(
    "(?:省长|市长|县长|区长|州长|镇长|乡长|部长|厅长|局长|处长|科长|书记|主任|主席|秘书长|政委|院长|庭长|检察长|所长|"
    "法官|检察官|警官)$"
)

_WHO = (
    "居民|村民|业主|住户|市民|群众|当事人|被?申请人|被?申请执行人|被执行人|原告人?|被告人?|上诉人|被上诉人|第三人|被处罚人|"
    "违法行为人|嫌疑人|罪犯|证人|患者|死者|伤者|受害人|被害人|被?投诉人|被?举报人|信访人|上访人|来信人|来访人|来电人|反映人|"
    "经营者|个体工商户|法定代表人|法人代表|代表人|代理人|监护人|代表|学生|家长|妻子|丈夫|儿子|女儿|父亲|母亲|"
    "其妻|其夫|其子|其女|之妻|之子|之女|承租人|出租人|买受人|驾驶人|车主|司机|考生|获奖者|经办人|联系人|联络人|承办人|"
    "收件人|老板|户主|低保户|五保户|志愿者"
)
_PRIVATE_BEFORE = Pattern(rf"(?:{_WHO})(?:姓名)?[: ]{{0,3}}(?:{_NAME}[、]){{0,8}}$")
_PRIVATE_AFTER = Pattern(
    r"[ ]?[,(][ ]?(?:男|女|身份证|公民身份|住|户籍|\d{2}岁|系[^,。]{0,12}(?:村民|居民|业主))|"
    "(?:因|诉|反映|投诉|举报|来信|来访|来电)(?!贪|主持)|(?:的)?(?:妻子|丈夫|儿子|女儿|父亲|母亲|家属)"
)
_NO_OFFICE = Pattern(
    "(?:公司|集团|物业|业委会|业主委员会|居委会|村委会|村民委员会|居民委员会|村民?|社区|厂|店|酒店|饭店|协会|商会|学会|合作社|"
    r"事务所|工作室|俱乐部|医院|卫生院|诊所|学校|中学|小学|大学|幼儿园|银行|项目部|工地|车间|班组|企业|家|小区)"
    r"(?:(?![、,，])\p{Han}){0,6}$"
)
_FORMER = Pattern(rf"(?:原|前任?|退休|离休|离任|假冒|冒充|自称)[^,。;、\n]{{0,14}}(?:{_TITLE})[: ]{{0,3}}$")
