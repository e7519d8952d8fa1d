"""The questions that only people can answer about a data set, in the order of `card.yaml`.

Names follow Datasheets for Datasets, GB/T 43697-2024 (levels of data), the Personal Information Protection
Law and the documentation group of TC609-5-2025-04 (0101 to 0104).
"""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Question:
    """A question.

    Attributes:
        field: its key in `card.yaml`.
        zh, en: its name in the card.
        ask_zh, ask_en: what is asked.
        before_release: whoever approves a release needs the answer; the others make the card complete.
    """

    field: str
    zh: str
    en: str
    ask_zh: str
    ask_en: str
    before_release: bool = True


QUESTIONS = (
    Question(
        "owner",
        "责任单位",
        "Owner",
        "哪个单位对本数据集负责？",
        "Which body answers for the data set?",
    ),
    Question(
        "contact",
        "联系方式",
        "Contact",
        "公开的办公电话、电子邮箱或地址；不填个人手机号",
        "A published office telephone, mail address or postal address; nobody's own number",
    ),
    Question(
        "purpose",
        "建设目的",
        "Purpose",
        "为什么建设本数据集，要解决什么业务问题？",
        "Why was it made, and for which work?",
    ),
    Question(
        "uses",
        "适用场景",
        "Intended uses",
        "可用于哪些业务场景、哪些模型任务？（TC609 0104 目标应用场景）",
        "For which work and which tasks of a model? (TC609 0104)",
    ),
    Question(
        "forbidden_uses",
        "禁止用途",
        "Uses that are forbidden",
        "不得用于哪些用途？例如：识别个人身份、自动作出影响个人权益的决定",
        "What must it not be used for? Say: to identify people, to decide about them without a person",
    ),
    Question(
        "legal_basis",
        "法律依据",
        "Legal basis",
        "处理数据（含个人信息）的法律依据，如《个人信息保护法》第十三条第一款第三项；"
        '各来源不同的，写成 {来源名称: 依据}，其余来源用 "*"',
        "Basis for processing, personal data included, such as PIPL art. 13(1)(3); where sources differ, "
        'write {name of the source: basis}, and "*" for the others',
    ),
    Question(
        "consent",
        "告知与同意",
        "Notice and consent",
        "是否告知当事人、取得同意；依法不需要的，写明条款",
        "Were people told, did they consent; if the law does not ask for it, which article says so",
    ),
    Question(
        "level",
        "数据级别",
        "Level of the data",
        "按 GB/T 43697-2024 填 一般数据、重要数据 或 核心数据；国家秘密不得在此处理",
        "By GB/T 43697-2024: general, important or core; state secrets may not be here at all",
    ),
    Question(
        "networks",
        "允许使用的网络和人员",
        "Networks and people that may use it",
        "允许在哪些网络（互联网、政务外网、政务内网等）、由哪些人员使用？",
        "On which networks (internet, government extranet, intranet), and by whom?",
    ),
    Question(
        "collection",
        "采集方法",
        "How it was collected",
        "数据从哪些系统、以什么方式、在什么期间采集？（TC609 0103 采集方法）",
        "From which systems, how, and when? (TC609 0103)",
    ),
    Question(
        "annotation",
        "标注规范",
        "Guideline for labels",
        "标注所依据的规范名称、版本和要点（TC609 0103 标注规范）",
        "Name, version and gist of the guideline that labels follow (TC609 0103)",
    ),
    Question(
        "annotators",
        "标注人员",
        "Who gave labels",
        "由谁标注、由谁审核，经过何种培训？（标注与审核应由不同人员承担）",
        "Who labelled, who reviewed, how were they trained? (not the same people)",
    ),
    Question(
        "limits",
        "已知局限",
        "Known limits",
        "已知的偏差、缺失和局限（TC609 0102 局限性）",
        "Known bias, gaps and limits (TC609 0102)",
    ),
    Question(
        "license",
        "整体许可",
        "Licence of the whole",
        "整个数据集的许可：SPDX 标识或协议名称（TC609 0104 使用许可）",
        "Licence of the data set as a whole: SPDX id or name (TC609 0104)",
    ),
    Question(
        "access",
        "访问渠道",
        "Access",
        "从哪里、按什么程序获取数据？（TC609 0101 访问渠道）",
        "Where and by which procedure is it obtained? (TC609 0101)",
    ),
    Question(
        "maintenance",
        "维护更新",
        "Maintenance",
        "由谁维护、多久更新一次、怎样发布更正？",
        "Who maintains it, how often is it updated, how are corrections published?",
    ),
    Question(
        "retention",
        "保存期限",
        "Retention",
        "保存到何时，依据是什么？",
        "Until when is it kept, and on which ground?",
    ),
    Question(
        "disposal",
        "销毁办法",
        "Wipe-out",
        "到期或收到删除请求时怎样销毁，由谁确认？",
        "How is it destroyed when the time is over or a person asks for it, and who confirms?",
    ),
    Question(
        "approval",
        "审核与审批",
        "Review and approval",
        "审核人、审批人、日期和结论",
        "Who reviewed, who approved, when, with which conclusion",
    ),
    Question(
        "support",
        "技术支持",
        "Technical support",
        "使用中遇到问题找谁？（TC609 0101 技术支持）",
        "Whom do users ask? (TC609 0101)",
        before_release=False,
    ),
    Question(
        "version",
        "版本号",
        "Version",
        '版本号，如 "1.0"（TC609 0103 版本控制）',
        'Version, such as "1.0" (TC609 0103)',
        before_release=False,
    ),
    Question(
        "citation",
        "引用方式",
        "Citation",
        "使用时怎样注明出处？",
        "How is it cited?",
        before_release=False,
    ),
    Question(
        "example",
        "样本示例",
        "Example of a record",
        "一条虚构的或经批准公开的样本（TC609 0102 样本示例）；程序不在卡中展示数据",
        "One record, invented or approved for publication (TC609 0102); a program shows none",
        before_release=False,
    ),
    Question(
        "evaluation",
        "评估方法",
        "How models are evaluated",
        "用本数据集评估模型的方法和指标（TC609 0104 评估方法）",
        "Method and figures by which models are judged with it (TC609 0104)",
        before_release=False,
    ),
    Question(
        "baseline",
        "基准结果",
        "Baseline results",
        "已有的基准结果及其出处（TC609 0104 基准结果）",
        "Known results, and where they come from (TC609 0104)",
        before_release=False,
    ),
    Question(
        "cases",
        "典型应用案例",
        "Typical cases",
        "已经使用本数据集的业务或模型（TC609 0104 典型应用案例）",
        "Work or models that use it already (TC609 0104)",
        before_release=False,
    ),
    Question(
        "target_records",
        "目标规模（条）",
        "Target number of records",
        "建设目标是多少条记录（整数）？（用于 TC609 0302 规模完整性）",
        "How many records were wanted (a whole number)? (for TC609 0302)",
        before_release=False,
    ),
    Question(
        "target_period",
        "目标时间范围",
        "Target period",
        '内容应覆盖的起止时间，如 ["2021", "2025-06"]（用于 TC609 0303 内容时效性）',
        'From when to when it should reach, such as ["2021", "2025-06"] (for TC609 0303)',
        before_release=False,
    ),
)
