"""Presidio's AnalyzerEngine with our recognisers finds what the kernel finds."""

from __future__ import annotations

import pytest

from curation.anonymise import addresses, identifiers, names, tagger
from curation.anonymise.spans import Span, resolve, view

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
        one._replace(start=offset + one.start, end=offset + one.end)
        for offset, line in names.lines(plain)
        for one in engine.tag([line])[0]
    ]
    people = names.find(
        {"t": plain}, {"t": entities} if engine != "none" else {}, {"t": identifiers.find(text)}
    )["t"]
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


IDENTIFIERS_ONLY = [
    *TEXTS,
    "姓名 | 身份证号 | 社保卡号\n张三丰 | 110101199003074610 | 4301000056317728",
    "号码是幺三八，零零幺三，八零零零，座机零七三一 八八七六五四三二",
    "办公室电话0571-87654321，家里电话0571-87654322，档案编号430100123456，护照E12345678",
]


def through(engine: object, text: str) -> list[Span]:
    return sorted(
        Span(one.start, one.end, one.entity_type, one.score, one.recognition_metadata["recognizer_name"])
        for one in engine.analyze(text, language="zh")  # type: ignore[attr-defined]
    )


@pytest.mark.parametrize("nlp", ["none", "spacy"])
@pytest.mark.parametrize("enhancer", ["presidio's", "ours"])
def test_anybody_s_engine_finds_the_same_identifiers(nlp: str, enhancer: str) -> None:
    analyzer_engine = pytest.importorskip("presidio_analyzer")
    spacy = pytest.importorskip("spacy")
    from presidio_analyzer.nlp_engine import NoOpNlpEngine, SpacyNlpEngine

    from curation.anonymise.recognisers import RawTextContextEnhancer, identifier_recognisers

    pipeline = SpacyNlpEngine([{"lang_code": "zh", "model_name": "blank"}])
    pipeline.nlp = {"zh": spacy.blank("zh")}  # type: ignore[assignment]
    engine = pipeline if nlp == "spacy" else NoOpNlpEngine([{"lang_code": "zh", "model_name": ""}])
    plain = analyzer_engine.AnalyzerEngine(
        registry=analyzer_engine.RecognizerRegistry(identifier_recognisers(), supported_languages=["zh"]),
        nlp_engine=engine,
        context_aware_enhancer=RawTextContextEnhancer() if enhancer == "ours" else None,
        supported_languages=["zh"],
    )
    for text in IDENTIFIERS_ONLY:
        assert resolve(through(plain, text)) == identifiers.find(text)


def test_context_word_in_raw_text_raises_the_score_of_anybody_s_pattern() -> None:
    presidio = pytest.importorskip("presidio_analyzer")
    from presidio_analyzer.nlp_engine import NoOpNlpEngine

    from curation.anonymise.recognisers import RawTextContextEnhancer

    badge = presidio.PatternRecognizer(
        "BADGE",
        patterns=[presidio.Pattern("badge", r"(?<![0-9])[0-9]{6}(?![0-9])", 0.2)],
        context=["警号"],
        supported_language="zh",
    )
    engine = presidio.AnalyzerEngine(
        registry=presidio.RecognizerRegistry([badge], supported_languages=["zh"]),
        nlp_engine=NoOpNlpEngine([{"lang_code": "zh", "model_name": ""}]),
        context_aware_enhancer=RawTextContextEnhancer(),
        supported_languages=["zh"],
    )
    (beside,) = engine.analyze("民警警号为012345的来过", language="zh", return_decision_process=True)
    (alone,) = engine.analyze("共领走012345本书", language="zh")
    assert beside.score == pytest.approx(0.55)
    assert alone.score == pytest.approx(0.2)
    assert beside.analysis_explanation.supportive_context_word == "警号"
