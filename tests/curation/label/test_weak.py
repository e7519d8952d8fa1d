"""Labels from votes alone: what holds, and that nothing is promised."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from curation.label import labelling_function, taxonomy, weak
from curation.label.weak import vote, weigh


def test_two_that_agree_hold_and_one_alone_or_against_another_does_not() -> None:
    votes = np.array([[0, 0, -1], [0, -1, -1], [0, 0, 1], [-1, -1, -1], [1, -1, 1]] * 40, np.int16)
    said = weigh(votes, 2)
    assert said.holds[:5].tolist() == [True, False, False, False, True]
    assert said.label[[0, 1, 3, 4]].tolist() == [0, 0, -1, 1]


def test_people_s_own_functions_vote_beside_the_rules() -> None:
    @labelling_function(label="交通运输")
    def bus(record: object) -> bool:
        return True

    letters = taxonomy.load("letters")
    votes = vote(letters, [bus], [[{"title": "", "text": "医院的医生不给挂号"}], [{"title": "", "text": ""}]])
    assert votes.dtype == np.int16 and votes[:, -1].tolist() == [letters.values.index("交通运输")] * 2
    assert set(votes[0, :-1].tolist()) == {-1, letters.values.index("卫生计生")}
    assert (votes[1, :-1] == -1).all()
    assert not vote(letters, [bus], []).size


@given(arrays(np.int16, st.tuples(st.integers(1, 30), st.integers(1, 6)), elements=st.integers(-1, 3)))
def test_what_holds_is_what_functions_agree_on(votes: np.ndarray) -> None:
    said = weigh(votes, 4)
    for row, label, holds in zip(votes.tolist(), said.label, said.holds, strict=True):
        spoken = [one for one in row if one >= 0]
        assert not holds or (len(spoken) >= weak.AGREE and set(spoken) == {label})
        assert label == -1 or spoken
    assert ((said.probability >= 0) & (said.probability <= 1 + 1e-9)).all()


def test_more_records_than_the_sample_are_weighed_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    votes = np.tile(np.array([[0, 0, -1], [1, 1, 1], [-1, 2, 2]], np.int16), (100, 1))
    whole = weigh(votes, 3)
    monkeypatch.setattr(weak, "SAMPLE", 60)
    some = weigh(votes, 3)
    assert whole.label.tolist() == some.label.tolist() and whole.holds.tolist() == some.holds.tolist()
