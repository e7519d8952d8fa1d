"""Whose telephone a landline is: published by an office and kept, or private and replaced.

In doubt it is private: a replaced office number can be looked up again, a citizen's kept number cannot be
taken back.
"""

from __future__ import annotations

import re

from curation.anonymise.spans import Span

_UNITS = (
    "局|委|办|办公室|科|股|所|处|厅|站|庭|部|部门|单位|大厅|中心|政府|街道|社区|村委会?|居委会?"
    "|大队|支队|中队|队|法院|检察院|医院|卫生院|院|学校|小学|中学|幼儿园|校|银行|支行|公司|集团"
    "|残联|妇联|工会|协会|水司|电力|燃气|自来水|物业|会务组|[县区市镇乡级]:"
)
_DUTIES = (
    "监督|监察|监管|举报|投诉|值班|值守|热线|总机|客服|报修|传真|咨询|服务|政务|便民|窗口"
    "|公开|公布|对外|官方|承办|经办|办公|开票|欢迎|complain|consult"
)
_OFFICIALS = (
    "主任|书记|科长|局长|所长|股长|站长|承办法官|法官|书记员|检察官|警官|民警|工作人员|网格员|秘书处|值班室"
    "|(?:经办|承办|经手|受理|协查|流调|负责)[人员]?"
)
_BETWEEN = (
    r"(?:的|固定|联系|办公|服务|监督|举报|投诉|咨询|值班|报名|预约|直线|座机|固话|热线|电话|号码|号|方式"
    r"|传真|来电|请?拨打?|请?致电|请?打|_?[Pp]hone|为|是|分别|或者?|、|和|及|转|[0-9\-()]{2,18}|[:,;()|/\"“”【】《》]|Tel|TEL|tel){0,10}"
)
_OFFICE_LABEL = re.compile(
    rf"(?:{_UNITS}|{_DUTIES}|(?:{_OFFICIALS})[:、]?(?:[㐀-鿿]{{1,3}}(?:老师|[处科局所]长|主任)?)?)"
    rf"{_BETWEEN}$"
)
"""A word for an office, and up to the number nothing but words for telephones."""

_INVITES = re.compile(
    "请[^,。我]{0,16}(?:拨|致电|联系|咨询|来电|领取|认领|反映|查)|可以?(?:拨|打|致|咨询|来电|联系)"
    "|欢迎|如[有需对]|疑问|异议|查询|请询|详询|致电|来电咨询|拨打"
)
"""An office speaking of its own number."""

_PRIVATE = re.compile(
    "家里|家中|家电|宅|住宅|我家|他家|她家|屋头|家庭|本人|邻居|家属|家长|监护人|老人|爱人|丈夫|妻子|父亲|母亲|女儿|儿子|老伴"
    "|来电人|投诉人|反映人|举报人|信访人|来访人|上访人|诉求人|申请人|报案人|报警人|当事人|被询问人|受害人|代办人"
    "|原告|被告|患者|死者|失主|车主|户主|房东|住户|业主|市民(?=.{0,4}(?:电话|号))"
    "|店里|店铺|店主|老板|小卖部|超市|饭店|律师|户籍|住址|固话|我的|他的?电话|她的?电话|他打|座机号是"
    "|(?<![住办])家(?!长|具|电|园)|楼主|承租人|女士|先生|大[爷妈叔婶]|奶奶|爷爷|白天|晚上|夜里|(?<![0-9])1[3-9][0-9]{9}"
)
_ASKS = re.compile("请[^,，。]{0,24}(?:拨打|致电|领取|认领|反映|咨询)")
"""An office asks citizens: the people named before it are not whose number follows."""
_BEHIND = re.compile(
    r"[ )]{0,2}(?:向|进行咨询|咨询|进行反映|反映|查询|投诉|举报|监督|\((?:办|工作|值班|传真|上班))"
)
_PRIVATE_BEHIND = re.compile("[ ,，]?(?:找|联系|是)[我他她]|[常总]?(?:停机|关机|空号|没人接)")
_REPLY = re.compile("[答回]复如下|感谢[您你]|收悉|[您你]反映|[您你]的留言|公示|网友")
_LABELLED = re.compile(r"(?:电话|联系方式|热线|座机|拨打|致电|联系)[^0-9。\n]{0,8}$")
_SENTENCE = re.compile("[。！？!?\n]")
_REACH = 60


def types(kind: str) -> tuple[str, ...]:
    """What a finding of a type may turn out to be."""
    return (kind, "CN_OFFICE_PHONE") if kind == "CN_LANDLINE" else (kind,)


def judged(plain: str, span: Span) -> Span:
    """The finding; a landline that an office publishes is named so."""
    if span.type == "CN_LANDLINE" and is_office(plain, span.start, span.end):
        return span._replace(type="CN_OFFICE_PHONE", recogniser=span.recogniser.replace("cn_", "cn_office_"))
    return span


def is_office(plain: str, start: int, end: int) -> bool:
    """An office's word is the number's nearest label, or an office speaks of its own number."""
    if _BEHIND.match(plain, end):
        return True
    if _PRIVATE_BEHIND.match(plain, end):
        return False
    said = _SENTENCE.split(plain[max(0, start - _REACH) : start])[-1].replace(" ", "")
    asked = max((match.end() for match in _ASKS.finditer(said)), default=0)
    private = max((match.end() for match in _PRIVATE.finditer(said, asked)), default=-1)
    label = _OFFICE_LABEL.search(said)
    if label:
        return label.start() >= private - 1
    if private >= 0:
        return False
    if _INVITES.search(said):
        return True
    return bool(_LABELLED.search(said) and _REPLY.search(plain, max(0, start - 500), start))
