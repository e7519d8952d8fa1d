"""Which word names a number: the nearest one before it, one right behind it, or the head of its column.

Labels are looked for in the raw text with spaces taken out, because that is how they survive a scanner
(`身 份 证 号`). A label says of which kinds the number may be; `other` says that it is nobody's: an amount,
a contract of an office, a part number.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

_WORDS: dict[str, str] = {
    # Cards and certificates of a person.
    "resident": """
        身份证 身分证 身证 sfz SFZ 身份号 身份 公民身份 公民号码 户口簿
        证件 证件号 证件编号 证号 ID
    """,
    "passport": "护照 passport Passport PASSPORT",
    "hkmo": """
        港澳 香港 澳门 港澳通行证 港澳证 来往港澳 往来港澳 双程证 通行证
        回乡证 返乡证 来往内地 往来内地 港澳居民 香港身份证 港澳台居民居住证
    """,
    "taiwan": """
        台湾 台湾居民 台胞 台胞证 来往大陆 往来大陆
        大通证 台通证 往来台湾 台湾通行证 入台证 通行证
    """,
    "military": """
        军人证 军官证 士兵证 士官证 义务兵证 警官证 学员证 文职证 文职干部证 军籍 军人保障卡
        退役军人 退役证 退伍证 退出现役 转业证 复员证 离休证 优待证 退役军人优待证
        军残证 伤残证 残疾军人证 伤残军人证
    """,
    "driver": "驾驶证号 驾驶证 驾照 驾驶证档案 驾档 档案 档案号 档案编号 档编 档号",
    # Money, insurance, health.
    "bank": """
        银行 银行卡 银行账 银行帐 农行 工行 建行 中行 交行 招行 邮储 邮政储蓄
        信用社 农信 农商 农商行 农商银行
        账号 帐号 账户 帐户 户头 开户 卡号 卡里 卡上 存折 储蓄卡 信用卡 借记卡 工资卡 打卡
        招商卡 浦发 邮政卡 惠农卡 农信卡 信合卡 个人账号 个人账户
        一卡通 一折通 转账 转入 转到 汇款 汇入 收款 打款 存入 支付宝
    """,
    "social": """
        参保号 参保编号 参保人编号 个人参保号 医保编号 社保编号
        社保手册 医保手册 养老手册 社保本 医保本 保险手册
        合疗本 合疗证 合疗号 农合证 农合本 低保本 低保号 待遇证
        社保 社保卡 社保号 社会保障 社会保障卡 保障卡 社会保险 养老保险 养老金 待遇领取证
        工伤保险 失业保险 公积金 参保 参保人 个人编号 个人账号 个人账户 职工编号
        医保 医保卡 医保号 医疗证 医疗保险 医疗保障 合作医疗 新农合 农合 参合 慢病证
        残联 残证 残疾证 残疾人证 残疾人卡
        低保 低保证 特困证 救助证 优抚证 老年证 失业证 就业创业证
    """,
    "medical": """
        病历 病案 住院 门诊 急诊 就诊 就医 出院 入院 诊号 挂号 处方 医案 护理 床头
        健康档案 健康档案号 家医签约
        病人 病员 患者 就诊卡 诊疗 诊疗卡 医疗卡 登记 登记号 ID号
        检查 检验 体检 影像 放射 超声 CT X光 核磁 MRI 片号 病理 标本 样本 采样 报告单
        接种 疫苗 产检 建档 保健册 疾控 流调
    """,
    # Cases of citizens with an office.
    "case": """
        系统编号 工单 工单号 热线单 单号 单子 受理 受理单 受理号 办件 件号 来件 派单 派工 转办 交办 督办 催办
        转送 移送 流转 处理单 登记单 登记 服务单 记录单 收据 回执 流水 流水号 编号 事项 事项编号 问题编号 业务
        来信 信件 来电 呼入 诉求 投诉 举报 反映 建议 留言 求助 申请 查询 回复 答复
        信访 信访件 网上信访 案件 案号 案卷 卷号 卷宗 事件 线索 文书
        报警 报警单 警情 警单 接警 接报 处警 出警 报案 受案 立案 事故 认定书 处罚 罚单
        决定书 通知书 告知书 意见书 协议书 调解 仲裁 裁决 公证 复议
        出险 赔案 理赔 不动产权 房产证 备案
    """,
    # Telephone, mail, chat, machine.
    "phone": """
        电话 手机 手机号 小灵通 座机 固话 家电 宅电 办电 热线 传真 短信 尾号 号码 本机 机主
        ☎ tel Tel TEL phone Phone mobile Mobile
        联系 联系方式 联络 电联 致电 来电 去电 回电 主叫 被叫 呼叫 通话 拨 拨打 打 打给 打我 移动
        呼入 呼出 加微 监督 咨询 举报 报修
    """,
    "email": "邮箱 邮件 电子邮件 Email email E-mail e-mail EMAIL",
    "qq": "QQ qq Qq QQ号 Q号 扣扣 扣号 球球 企鹅",
    "wechat": """
        微信 薇信 威信 徽信 卫星 WeChat wechat weixin
        VX vx Vx WX wx V信 v信 加v 加V 加我v 加我V 加微
    """,
    "ip": "IP ip Ip",
    "mac": "MAC mac Mac 网卡 物理地址",
    "gps": "GPS gps 坐标 经纬度 经度 纬度 东经 北纬 定位 位置",
    # Things that lead to a person.
    "uscc": "信用代码 信用码 机构代码 纳税人识别号 纳税识别号 税号 营业执照 执照号 注册号",
    "plate": "车牌 牌照 号牌 挂牌 牌号 车号 临牌",
    "vin": "VIN vin 车架 大架号 底盘号 车识 车辆识别 识别代号 识别代码 识别号",
    "birth": "出生 生日 生辰 诞辰 生于",
    # Nobody's: things, papers, amounts.
    "other": """
        编码 编制 序号 序列 序列号 条目 条码 条形码 验证码 型 型号 规格 批号 出厂 厂编 年号 版本 标准 国标
        设备 机号 主机 配件 物料 产品 材料 图号 桩号 档口 房号 户号 客户号 用户编号 用户号 网格编号
        机编号 器编号 门编号 秤编号 仪编号 表编号 灯编号 炉编号 梯编号 泵编号 井编号 杆编号 箱编号
        水表 电表 表号 表具 器具 读数 表底 表码 止码 起码 用水量 用电量 电量 水位 压力 里程 海拔 高程
        路灯 灯杆 杆号 井号 井盖 阀门 电梯 变压器 消火栓 农机 机具
        合同 招标 采购 投标 标书 标段 标的 水准 供应商 项目 项目编号 项目代码 工程 保单 保单号 快递 运单 订单
        地块 宗地 地籍 土地证 建设用地 图斑 林权 林班 权证 面积 亩
        金额 共计 合计 总计 造价 总投资 资金 经费 财政 预算 费用 价格 单价 人民币 罚款 本金 余额 欠款
        注册资本 股票 证券 证券代码 基金 发票 库存 产量 人口 统计 统编 固定资产 资产编号
        文号 发文 法号 公告 公示编号 备案号 ICP 公网安备 商标 专利 排污 注册代码 使用登记
        证书编号 执业 执业证 资格证 许可 许可证 准考证 考生 学校代码 检测报告 鉴定报告 报告编号 检定 计量
        执法 执法证 工号 警号 警员 胸牌 检查人 检验员 信用卡中心 邮编 邮政编码 车次 航班
    """,
}

_WEAK_WORDS = """
    ID 号码 编号 编码 单号 序号 年号 文号 机号 工号 尾号 注册号 识别号 证号 证件 证件号 证件编号 证书编号
    卡号 账号 帐号 账户 帐户 户头 个人账号 个人账户 档案 档案号 身份 本机 型
    来信 来电 打 拨 拨打 移动 联系 监督 咨询 查询 举报 投诉 反映 回复 答复 信访 受理 申请 登记 备案 建档
    检查 业务 事项 条目 文书 执业 执法 标准 统计 产品 设备 位置 通行证
    银行 转账 资金 金额 财政 项目 亩
"""
_WEAK = frozenset(_WEAK_WORDS.split())
"""Words that say little beside a better one in front of them: in `社保卡号` the first word counts."""


def words(kinds: frozenset[str]) -> list[str]:
    """The labels of these kinds, for presidio's `context`."""
    return sorted(word for word, said in _KINDS.items() if said & kinds)


class Label(NamedTuple):
    """What a word beside a number says of it.

    Attributes:
        kinds: what it may be.
        word: the word itself.
        gap: other words between it and the number.
        numbered: the word is one for a number or is followed by one (`号`, `编号`, `码`), or by a colon.
    """

    kinds: frozenset[str]
    word: str
    gap: str
    numbered: bool

    @property
    def far(self) -> bool:
        """Other words stand between."""
        return len(self.gap) > 2


NOTHING = Label(frozenset(), "", "   ", False)

_KINDS: dict[str, frozenset[str]] = {}
for _kind, _words in _WORDS.items():
    for _word in _words.split():
        _KINDS[_word] = _KINDS.get(_word, frozenset()) | {_kind}


def _trie(words: list[str]) -> str:
    """One pattern for many words, longest first, with shared beginnings written once: much faster."""
    heads: dict[str, list[str]] = {}
    for word in words:
        if word:
            heads.setdefault(word[0], []).append(word[1:])
    branches = [
        re.escape(head) + (_trie(tails) if any(tails) else "") for head, tails in sorted(heads.items())
    ]
    body = branches[0] if len(branches) == 1 else f"(?:{'|'.join(branches)})"
    return f"(?:{body})?" if "" in words else body


_LABEL = re.compile(_trie(list(_KINDS)))

_WINDOW, _REACH = 44, 17
_JOIN = re.compile(
    r"[:;,()\[\]\"'“”‘’「」【】|#.·*=→>、/\n\-—〔〕<为是系有叫的‖\\❤️]+"
    r"|我?记得|好像|大概|应该|可能|疑|号头|号码|编号|号|码|No|NO|no|ID"
)
_ENUMERATION = re.compile(r"[0-9A-Za-z\-+ ]{4,24}[、,/;和或及与\n|]$")
_NUMBER_WORD = re.compile('[^0-9]{0,3}?(?:号|码|编|ID|No|NO|第)|[ (\\["]*:')
_AFTER = re.compile(
    r"[ ]?[(\[]?[ ]?(?:(?:这|那)?(?:个|就)?(?:是|为|系)?)(?:我|他|她|本人|其|你|俺|孩子|老伴"
    r"|儿子|女儿|家里|咱)?(?:的|家)?"
    rf"(?:[{chr(0x4E00)}-{chr(0x9FFF)}]{{0,3}}?)(?={_LABEL.pattern})"
)
_MAY_END = re.compile(r"[0-9A-Za-z](?![0-9A-Za-z])|[0-9](?=[A-Za-z])")
_MAY_FOLLOW = frozenset("号)]*?×° ")
"""What a number may end with behind its last digit."""
_NO_LABEL = frozenset(',.;:、。"“”\n《》<>!?')
"""Where one of these follows a number, no label can."""
_VALUE_FOLLOWS = re.compile(r"[^0-9A-Za-z\n。;]{0,8}[0-9]|[号码]{0,2}[:为是]")


def before(plain: str, start: int) -> Label:
    """The nearest label in front of a number, in its sentence."""
    window = plain[start - _WINDOW if start > _WINDOW else 0 : start]
    if " " in window:
        window = window.replace(" ", "")
    said = window[_last_stop(window) + 1 :]
    found = _last(said[-_REACH - 14 :])
    asks = found is NOTHING and len(said) < 20 and window[-len(said) - 1 :][:1] == "?"
    if asks and (answer := _ANSWER.fullmatch(said)):
        asked = window[: len(window) - len(answer[0])].rstrip("。!?")
        return _last(asked[_last_stop(asked) + 1 :][-_REACH:])
    return found


def _last(window: str) -> Label:
    """The last label of a window that counts."""
    best = None
    for match in _LABEL.finditer(window):
        if (
            best is not None
            and match[0] in _WEAK
            and best[0] not in _WEAK
            and match.start() - best.end() <= 3
            and not re.search("[:;,。0-9\n]", window[best.end() : match.start()])
        ):
            continue
        best = match
    if best is None:
        return NOTHING
    return _judge(best[0], window[best.end() :])


@lru_cache(maxsize=8192)
def _judge(word: str, gap: str) -> Label:
    words = _JOIN.sub("", gap)
    if re.search("[0-9]", words) and not _ENUMERATION.search(gap):
        return NOTHING
    if len(gap) > _REACH or ("\n" in gap and words) or _OTHER_THING.search(gap):
        return NOTHING
    if word in _WEAK and len(words) > 3:
        return NOTHING
    numbered = (
        word[-1] in "号码D" or word.endswith("编号") or bool(_NUMBER_WORD.match(gap if words else gap + ":"))
    )
    return Label(_KINDS[word], word, words, numbered)


_ANSWER = re.compile(
    r"(?:[\"”」]?\n[^\n:，,。]{1,6}:)?[\"“「]?(?:(?:喂|嗯|哦|好|好的|有的?|在|呃|那个|是|我念|等一?下"
    r"|念一?下|我看看?|找到了)?[,、.…·]*){0,3}"
)
"""What stands between a question for a number and the number: the speaker, a yes, a hesitation."""

_OTHER_THING = re.compile("时间|日期|金额|人数|次数|数量|面积|单价|价格|年龄|地址|时长|期限|电话|传真")


def _last_stop(window: str) -> int:
    """Where the last sentence ended, -1 where none did; the view has no full-width `！？`."""
    return max(window.rfind("。"), window.rfind("!"), window.rfind("?"))


LONGEST = max(map(len, _KINDS))
AHEAD = 48
"""How far behind a number's last possible end a label may still end."""


def first(plain: str, start: int, end: int) -> int:
    """Where the first label of a stretch begins, -1 where there is none."""
    found = _LABEL.search(plain, start, end)
    return found.start() if found else -1


def mentioned(plain: str, start: int, room: int) -> frozenset[str]:
    """Kinds of all labels that `after` may see from any place where a number from `start` may end."""
    found: frozenset[str] = frozenset()
    for match in _MAY_END.finditer(plain, start + 3, start + min(room, 60)):
        end = match.end()
        label = after(plain, end)
        while (
            label is NOTHING
            and plain[end : end + 1] in _MAY_FOLLOW
            and end < min(len(plain), match.end() + 20)
        ):
            end += 1
            label = after(plain, end)
        if label is not NOTHING:
            found |= label.kinds
    return found


def after(plain: str, end: int) -> Label:
    """A label right behind a number that does not belong to the next one: `139…（微信同号）`."""
    if plain[end : end + 1] in _NO_LABEL:
        return NOTHING
    window = plain[end : end + 18]
    match = _AFTER.match(window)
    if not match:
        return NOTHING
    found = _LABEL.match(window, match.end())
    if not found or found[0] in ("号", "卡", "单", "打", "拨", "案", "型", "亩", "ID"):
        return NOTHING
    if _KINDS[found[0]] <= _LOOSE and not re.match("号|编|码|ID", window[found.end() :]):
        return NOTHING
    if _VALUE_FOLLOWS.match(window, found.end()):
        return NOTHING
    return Label(_KINDS[found[0]], found[0], "", True)


_LOOSE = frozenset({"case", "medical", "social", "other", "bank"})
_BARS = "|‖¦│丨/\\\\\t"
_CELL = re.compile(rf"[ ]*[{_BARS}][ ]*|[ ]{{2,}}")
_LOOSE_CELL = re.compile(rf"[ ]*[{_BARS},][ ]*|[ ]+")
_LONGEST_HEAD, _LONGEST_ROW = 200, 400
_FIVE_DIGITS = re.compile("[0-9]{5}")


class Head(NamedTuple):
    """A line that may be the head of a table: at least two labels and no long number.

    Attributes:
        end: where the line ends.
        cells: its cells, cut at bars, tabs and wide spaces, or else at single spaces and commas.
        loose: whether single spaces and commas had to cut them.
    """

    end: int
    cells: list[str]
    loose: bool


_HEAD_WORD = re.compile("姓名|性别|年龄|备注|住址|地址|组别|民族|序号|户主|单位|金额|关系|类别")


def _is_head(line: str) -> bool:
    known = len(_LABEL.findall(line))
    return known >= 1 and known + len(_HEAD_WORD.findall(line)) >= 2


def heads(plain: str) -> list[Head]:
    """The lines of a text that may be heads of tables."""
    found: list[Head] = []
    start = 0
    end = plain.find("\n")
    while end >= 0:
        if 4 < end - start < _LONGEST_HEAD:
            line = plain[start:end]
            if (
                "。" not in line
                and _LOOSE_CELL.search(line)
                and _is_head(line)
                and not _FIVE_DIGITS.search(line)
            ):
                found.extend(
                    Head(end, cells, loose)
                    for loose, cells in (
                        (False, _CELL.split(line.strip())),
                        (True, _LOOSE_CELL.split(line.strip())),
                    )
                )
        start = end + 1
        end = plain.find("\n", start)
    return found


class Row(NamedTuple):
    """A line that may be a row of a table."""

    start: int
    line: str


def row(plain: str, start: int) -> Row | None:
    """The line of a place, if a table's row may look like it and there is a line above."""
    begin = plain.rfind("\n", 0, start) + 1
    if not begin:
        return None
    end = plain.find("\n", start)
    line = plain[begin : end if end >= 0 else len(plain)]
    if len(line) > _LONGEST_ROW or "。" in line:
        return None
    return Row(begin, line) if _LOOSE_CELL.search(line) else None


def column(place: Row, start: int, found: list[Head]) -> Label:
    """The label at the head of the column in which a number stands."""
    line_start, line = place
    for loose, cell in ((False, _CELL), (True, _LOOSE_CELL)):
        ahead = cell.split(line[: start - line_start].lstrip())
        width = len(cell.split(line.strip()))
        above = [
            head.cells
            for head in found
            if head.loose == loose and head.end < line_start and abs(len(head.cells) - width) <= 1
        ]
        if width >= 2 and above and len(ahead) <= len(above[-1]):
            named = _LABEL.findall(above[-1][len(ahead) - 1].replace(" ", ""))
            strong = [word for word in named if word not in _WEAK] or named
            if strong:
                return Label(_KINDS[strong[-1]], strong[-1], "", True)
    return _somewhere_in(found, line_start)


_SHIFTED = frozenset({"case", "other", "medical", "uscc"})
"""Kinds with numbers of any shape: these columns are trusted only where the cells line up."""


def _somewhere_in(found: list[Head], line_start: int) -> Label:
    """All that the nearest head speaks of, for a row whose cells do not line up with it."""
    above = [head for head in found if head.end < line_start and len(head.cells) > 2]
    if not above:
        return NOTHING
    named = {word for cell in above[-1].cells for word in _LABEL.findall(cell.replace(" ", ""))}
    kinds = frozenset().union(*(_KINDS[word] for word in named)) - _SHIFTED
    return Label(kinds, "", "", True) if kinds else NOTHING
