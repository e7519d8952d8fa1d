"""A secrecy mark stops a document, a sentence about secrets does not."""

from __future__ import annotations

import pytest

from curation import records, stage
from curation.screen import Screen, find_mark

MARKED = [
    "机密★10年\n关于开展检查的通知",
    "机　密★长期\n关于开展检查的通知",
    "绝 密 ★ 至2030年\n正文",
    "秘密☆1年\n正文",
    "机密＊１０年\n正文",
    "機密★\n正文",
    "正文在前。\n附件二\n机密★5年\n附件的正文",
    "000012\n机密★1年\n特急\n某市文件",
    "密级：机密　编号：7",
    "密　级:秘密",
    "机密\n某局关于检查的报告",
    "000012 绝密 特急\n某局报告",
    "**机密**\n某局报告",
    "某局报告\n秘密 1年\n正文",
    "某局报告（秘密·5年）正文",
    "【机密】关于检查的报告",
]
HARMLESS = [
    "国家秘密的密级分为绝密、机密、秘密三级。",
    "国家秘密标志形式为“密级★保密期限”。",
    "各单位要保守国家秘密，不得泄露商业秘密和个人秘密。",
    "第三条 机密文件的管理由办公室负责。",
    "密级：绝密、机密、秘密",
    "定密时写明密级：□绝密 □机密 □秘密",
    "密级分类如下\n绝密\n机密\n秘密\n以上三级",
    "国家秘密*",
    "请核实举报人信息并予以保密。",
    "保守秘密十年来，他从未说起。",
    "服务评分 ★★★★★",
    "此件公开发布",
]
INTERNAL = [
    "内部资料 注意保存\n某局简报",
    "【内部资料，请勿外传】\n某局简报",
    "工作秘密★3年\n某局报告",
    "工作秘密\n某局报告",
    "商业秘密★5年\n某公司报告",
    "密级：内部\n某局报告",
    "某局关于检查的通知\n（此件不公开）",
]


@pytest.mark.parametrize("text", MARKED)
def test_secrecy_mark_stops_a_document(text: str) -> None:
    mark = find_mark(text)
    assert mark is not None
    assert mark.reason == "secrecy_mark"


@pytest.mark.parametrize("text", HARMLESS)
def test_sentence_about_secrets_does_not(text: str) -> None:
    assert find_mark(text) is None


@pytest.mark.parametrize("text", INTERNAL)
def test_internal_mark_stops_a_document_with_its_own_reason(text: str) -> None:
    mark = find_mark(text)
    assert mark is not None
    assert mark.reason == "internal_mark"


def test_level_alone_on_a_line_counts_only_in_the_page_header() -> None:
    body = "\n".join(f"第{number}行" for number in range(30))
    assert find_mark(f"{body}\n秘密\n{body}") is None


def test_every_text_field_is_screened_and_the_evidence_holds_no_other_text() -> None:
    table = records.table(
        {
            "id": ["a", "b", "c", "d"],
            "title": [None, "机密★关于检查", "来信", "内部资料"],
            "text": ["正常的来信", "正文", "正文", "某局报告\n机密★1年"],
            "reply": [None, None, "已转办。\n秘密★长期", None],
        }
    )
    after = stage.run(Screen(), table)
    assert after["fate"].to_pylist() == [None, "dropped", "dropped", "dropped"]
    assert after["reason"].to_pylist() == [None, *["secrecy_mark"] * 3]
    assert after["evidence"].to_pylist() == [
        None,
        "机密★ in title at 0",
        "秘密★ in reply at 5",
        "机密★ in text at 5",
    ]
