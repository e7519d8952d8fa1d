"""What keeps similar texts apart."""

from __future__ import annotations

import pytest

from curation.deduplicate.veto import VETOES, Veto, signatures


def kept_apart(one: str, other: str, *vetoes: Veto) -> bool:
    first, second = signatures([one, other], vetoes)
    return bool(first != second)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("共300户", "共301户"),
        ("共三百户", "共四百户"),
        ("第三季度", "第四季度"),
        ("罚款1.5元", "罚款15元"),
        ("两次来电", "三次来电"),
        ("5人到场，5人缺席", "5人到场"),
        ("二〇二三年", "二〇二四年"),
    ],
)
def test_different_numbers_keep_texts_apart(one: str, other: str) -> None:
    assert kept_apart(one, other, "numbers")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("共３００户", "共300户"),
        ("共三百户", "共300户"),
        ("一千零五十人", "1050人"),
        ("二〇二三年三月", "2023年03月"),
        ("金额1,234,567元", "金额1234567元"),
        ("十分感谢，千万注意", "非常感谢，万一注意"),
        ("统一办理", "一般办理"),
    ],
)
def test_the_same_numbers_written_otherwise_do_not(one: str, other: str) -> None:
    assert not kept_apart(one, other, "numbers")


@pytest.mark.parametrize(
    ("one", "other", "apart"),
    [
        ("2023年3月5日", "2023年3月6日", True),
        ("2023年3月5日", "2023-03-05", False),
        ("2023年3月5日", "二〇二三年三月五日", False),
        ("2023年第一季度", "2023年第二季度", True),
        ("2023年第1季度", "2023年一季度", False),
        ("3月5日，共7户", "3月5日，共8户", False),
    ],
)
def test_dates(one: str, other: str, apart: bool) -> None:
    assert kept_apart(one, other, "dates") is apart


@pytest.mark.parametrize(
    ("one", "other", "apart"),
    [
        ("根据某政办发〔2023〕5号文件", "依照某政办发[2023]5号文件", False),
        ("某政发〔2023〕5号", "某政发〔2023〕6号", True),
        ("某政发〔2023〕5号", "某民发〔2023〕5号", True),
        ("共5户", "共6户", False),
    ],
)
def test_document_numbers(one: str, other: str, apart: bool) -> None:
    assert kept_apart(one, other, "document_number") is apart


def test_no_veto_keeps_nothing_apart() -> None:
    assert not kept_apart("2023年", "2024年")


def test_odd_text_has_a_signature() -> None:
    texts = [
        "",
        "\0",
        "\ud800第五次",
        "9" * 5000 + "号",
        "〔2023〕" + "9" * 5000 + "号",
        "亿万亿",
        "一" * 5000,
        "一" + "亿" * 5000,
    ]
    assert len(signatures(texts, VETOES)) == len(texts)
