"""The small tagger: its mathematics against brute force, its files, and that a line's answer is its own."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from curation.anonymise import marked
from curation.anonymise.taggers import crf, features, learn
from curation.anonymise.taggers.viterbi import viterbi
from curation.errors import UsageError

TAGS = len(crf.TAGS)
LEARNT = [
    example
    for text in (
        "我叫{{PERSON|覃水生}}，住在清溪县。",
        "来电人{{PERSON|王建国}}反映路灯不亮。",
        "联系{{PERSON_HONORIFIC|李女士}}，她家住{{ADDRESS|建设巷8号}}。",
        "请{{PERSON|马晓棠}}来办理，路灯已修好。",
        "路灯不亮，请派人来修。",
    )
    for example in learn.examples(*marked.plain(text))
] * 3


@pytest.fixture(scope="module")
def learnt() -> crf.Crf:
    return learn.fit(LEARNT, rounds=15, penalty=0.1)


def scores(lines: int, length: int, seed: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    draw = np.random.default_rng(seed)
    transitions = draw.normal(size=(TAGS, TAGS)) + crf.FORBIDDEN
    return draw.normal(size=(lines, length, TAGS)).astype(np.float32), transitions.astype(np.float32)


def paths(length: int) -> list[tuple[int, ...]]:
    return list(itertools.product(range(TAGS), repeat=length))


def weight(path: tuple[int, ...], given: NDArray[np.float32], transitions: NDArray[np.float32]) -> float:
    before = (0, *path[:-1])
    return float(
        sum(
            given[at, tag] + transitions[last, tag]
            for at, (last, tag) in enumerate(zip(before, path, strict=True))
        )
    )


@pytest.mark.parametrize("seed", range(4))
def test_viterbi_and_marginals_are_those_of_all_paths(seed: int) -> None:
    given, transitions = scores(2, 3, seed)
    best, chances = viterbi(given, transitions, transitions[0]), crf.marginals(given, transitions)
    for line in range(2):
        weights = {path: weight(path, given[line], transitions) for path in paths(3)}
        assert tuple(best[line]) == max(weights, key=weights.__getitem__)
        total = sum(np.exp(value) for value in weights.values())
        for place, tag in itertools.product(range(3), range(TAGS)):
            mine = sum(np.exp(value) for path, value in weights.items() if path[place] == tag) / total
            assert chances[line, place, tag] == pytest.approx(mine, abs=1e-5)


def test_the_gradient_is_that_of_the_loss() -> None:
    problem = learn._Problem(LEARNT[:6], None, None, 1)
    draw = np.random.default_rng(1)
    at = draw.normal(size=len(problem.start)) * 0.3
    _, slope = problem.slope(at, 0)
    for place in [*draw.integers(0, len(at), 12), *(len(at) - draw.integers(1, TAGS * TAGS, 6))]:
        step = np.zeros(len(at))
        step[place] = 1e-3
        difference = (problem.slope(at + step, 0)[0] - problem.slope(at - step, 0)[0]) / 2e-3
        assert slope[place] == pytest.approx(difference, rel=1e-3, abs=1e-3)


def test_what_was_taught_is_known_in_new_places(learnt: crf.Crf) -> None:
    line = "来电人覃水生反映路灯不亮。"
    assert [entity[:3] for entity in learnt.tag([line])[0]] == [(3, 6, "PERSON")]
    assert learnt.tag(["路灯不亮，请派人来修。"]) == [[]]


@given(st.lists(st.text(max_size=30), max_size=8))
@settings(max_examples=25, deadline=None)
def test_a_lines_answer_depends_on_that_line_alone(learnt: crf.Crf, lines: list[str]) -> None:
    lines = [line.encode("utf-8", "replace").decode() for line in lines]
    lines += ["我叫覃水生，住在清溪县。", "", "联系李女士"]
    together = learnt.tag(lines)
    assert together == [learnt.tag([line])[0] for line in lines]
    assert all(
        0 <= one.start < one.end <= len(line)
        for line, found in zip(lines, together, strict=True)
        for one in found
    )


def test_a_model_is_the_same_each_time_and_survives_its_file(learnt: crf.Crf, tmp_path: Path) -> None:
    again = learn.fit(LEARNT, rounds=15, penalty=0.1)
    assert np.array_equal(again.weights, learnt.weights)
    learnt.save(tmp_path / "one.npz")
    again.save(tmp_path / "two.npz")
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()
    lines = [line for line, _ in LEARNT]
    read = [[one[:3] for one in found] for found in crf.load(tmp_path / "one.npz").tag(lines)]
    assert read == [[one[:3] for one in found] for found in learnt.tag(lines)]


def test_a_model_that_starts_from_another_keeps_what_it_is_not_taught_anew(learnt: crf.Crf) -> None:
    new = list(learn.examples(*marked.plain("报案人{{PERSON|阿依古丽}}称手机被盗。")))
    adapted = learn.fit(new * 3, base=learnt, rounds=20, penalty=0.1, seen=1)
    assert [one[:3] for one in adapted.tag(["报案人阿依古丽称手机被盗。"])[0]] == [(3, 7, "PERSON")]
    assert [one[:3] for one in adapted.tag(["我叫覃水生，住在清溪县。"])[0]] == [(2, 5, "PERSON")]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no archive", b"not numbers"])
def test_a_file_that_is_no_model_is_told_in_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.npz"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=r"bad\.npz: not a name-model/1 file"):
        crf.load(path)


def test_features_of_a_line_do_not_reach_into_the_next() -> None:
    lines = ["我叫覃水生", "路灯", "王"]
    together = features.hashed(features.Lines(lines))
    alone = np.concatenate([features.hashed(features.Lines([line])) for line in lines], axis=1)
    assert np.array_equal(together, alone)
