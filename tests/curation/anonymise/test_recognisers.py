"""Presidio's AnalyzerEngine with our recognisers finds what the kernel finds."""

from __future__ import annotations

import pytest

from curation.anonymise import addresses, identifiers, names, tagger
from curation.anonymise.spans import Span, resolve, view
from curation.anonymise.tagger import Entity

TEXTS = [
    "",
    "谢谢！于是马上去黄山。",
    "来电人陈开球（电话13812345678）家住清溪县建设巷8号，反映隔壁王女士家噪音。",
    "身份证号110101199003074610的申请人，卡号6222021234567890128，邮箱a.b@163.com请查收。",
    "出席：张三丰、时光、向前。联系人：买买提·艾力 １３９８７６５４３２１",
    "拨打12345热线，或0571-87654321转802，QQ：12345678，微信zhang_san88",
    "（2023）浙0106民初1234号，陈某与王某某、李**，湘A·8K329，国发〔2024〕12号",
    "工单GD20240317-0058231，1985年3月12日出生，IP地址192.168.1.10的，住院号0012345",
]


@pytest.fixture(scope="module")
def lac() -> tagger.Tagger:
    return tagger.load("lac")


def kernel(text: str, engine: tagger.Tagger) -> list[Span]:
    plain = view(text)
    entities = [
        Entity(offset + start, offset + end, label)
        for offset, line in names.lines(plain)
        for start, end, label in engine.tag([line])[0]
    ]
    people = names.find({"t": plain}, {"t": entities}, {"t": identifiers.find(text)})["t"]
    return resolve([*identifiers.candidates(text), *people, *addresses.find(plain)])


def test_findings_through_presidio_equal_those_of_the_kernel(lac: tagger.Tagger) -> None:
    pytest.importorskip("presidio_analyzer")
    from curation.anonymise.recognisers import analyzer

    engine = analyzer()
    for text in TEXTS:
        found = [
            Span(result.start, result.end, result.entity_type, result.score, name)
            for result in engine.analyze(text, language="zh")
            for name in [result.recognition_metadata["recognizer_name"]]
        ]
        assert resolve(found) == kernel(text, lac)


def test_national_recognisers_say_their_country() -> None:
    pytest.importorskip("presidio_analyzer")
    from curation.anonymise.recognisers import recognisers

    by_type = {kind: one for one in recognisers(tagger.NoNames()) for kind in one.get_supported_entities()}
    assert by_type["CN_RESIDENT_ID"].country_code() == "cn"
    assert by_type["EMAIL_ADDRESS"].country_code() is None
    assert "身份证" in by_type["CN_RESIDENT_ID"].context
