from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from curation.label import label_model

LABELS = 3


def unipolar(seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """600 records of three labels, and for each label a rule that is nearly always right and a weaker one."""
    rng = np.random.default_rng(seed)
    truth = np.repeat(np.arange(LABELS), 200)
    votes = np.full((600, 6), -1)
    for rule in range(6):
        label, weak = divmod(rule, 2)
        fires = np.where(truth == label, 0.65 if weak else 0.85, 0.06 if weak else 0.005)
        votes[rng.random(600) < fires, rule] = label
    return truth, votes


def without_abstentions(votes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Dawid-Skene as it stands in textbooks, which takes an abstention for a missing answer."""
    truth = label_model.counts(votes, LABELS) + 1e-9
    truth /= truth.sum(axis=1, keepdims=True)
    for _ in range(100):
        logs = np.tile(np.log(truth.mean(axis=0)), (len(votes), 1))
        for said in votes.T:
            rates = np.stack([truth[said == label].sum(axis=0) for label in range(LABELS)], axis=1) + 1e-6
            rates /= rates.sum(axis=1, keepdims=True)
            logs += np.where((said >= 0)[:, None], np.log(rates)[:, said].T, 0)
        truth = np.exp(logs - logs.max(axis=1, keepdims=True))
        truth /= truth.sum(axis=1, keepdims=True)
    return truth.argmax(axis=1)


@pytest.mark.parametrize("seed", range(3))
def test_rules_that_vote_for_one_label_only_do_not_make_the_model_collapse(seed: int) -> None:
    truth, votes = unipolar(seed)
    model = label_model.fit(votes, LABELS)
    told = model.predict(votes)
    covered = (votes >= 0).any(axis=1)
    assert model.converged
    assert (told >= 0).tolist() == covered.tolist()
    assert (told == truth)[covered].mean() >= 0.978
    # What must not happen: a rule that only ever votes for one label is certain under every label.
    assert (without_abstentions(votes) == truth).mean() == pytest.approx(1 / 3, abs=0.01)


def test_the_model_decides_more_than_the_majority_and_learns_which_rule_is_weak() -> None:
    truth, votes = unipolar(1)
    model = label_model.fit(votes, LABELS)
    majority = label_model.majority(votes, LABELS)
    tied = (majority < 0) & (votes >= 0).any(axis=1)
    assert tied.sum() > 20
    assert (model.predict(votes) == truth)[tied].mean() > 0.8
    strong_against_weak = np.array([[0, -1, -1, 1, -1, -1]])
    assert model.predict(strong_against_weak).tolist() == [0]


def subjects(seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """3,000 letters, 7 labels of 5 subjects each; words of a subject come together, others are mentioned."""
    rng = np.random.default_rng(seed)
    subject = rng.integers(0, 35, 3000)
    mentioned = np.where(rng.random(3000) < 0.3, rng.integers(0, 35, 3000), -1)
    votes = np.full((3000, 70), -1)
    for word in range(70):
        often = rng.uniform(0.1, 0.6)
        says = np.where(subject == word % 35, often, np.where(mentioned == word % 35, often / 2, 0.005))
        votes[rng.random(3000) < says, word] = word % 35 // 5
    return subject // 5, votes


@pytest.mark.parametrize("seed", range(3))
def test_words_that_come_together_do_not_lead_the_model_away_from_the_labels(seed: int) -> None:
    truth, votes = subjects(seed)
    counts = label_model.counts(votes, 7)
    covered = counts.any(axis=1)
    most = (counts.argmax(axis=1) == truth)[covered].mean()  # ties go to the first
    probability = label_model.fit(votes, 7).predict_proba(votes)
    assert (probability.argmax(axis=1) == truth)[covered].mean() > most


def test_ties_and_records_without_a_vote_abstain() -> None:
    votes = np.array([[0, -1], [-1, 1], [0, 1], [-1, -1], [0, 0], [1, 1]])
    assert label_model.majority(votes, 2).tolist() == [0, 1, -1, -1, 0, 1]
    model = label_model.fit(votes[:3], 2)  # nothing tells the two functions apart
    assert model.predict(votes[:4]).tolist() == [0, 1, -1, -1]
    assert model.predict_proba(votes[2:4]) == pytest.approx(np.full((2, 2), 0.5))


def test_nobody_votes() -> None:
    votes = np.full((4, 2), -1)
    model = label_model.fit(votes, 3)
    assert model.predict(votes).tolist() == [-1] * 4
    assert model.predict_proba(votes) == pytest.approx(np.full((4, 3), 1 / 3))
    assert model.predict(np.array([[0, -1]])).tolist() == [
        -1
    ]  # of functions that never voted nothing is known
    assert label_model.fit(np.zeros((0, 2), np.int64), 3).predict(votes[:0]).tolist() == []


def test_a_label_that_nothing_votes_for_is_never_told() -> None:
    _, votes = unipolar(2)
    probability = label_model.fit(votes, LABELS + 1).predict_proba(votes)
    assert probability[:, LABELS].max() == 0


def test_a_function_may_vote_for_several_labels() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, LABELS, 1000)
    right = np.array([0.9, 0.9, 0.5, 0.5, 0.5])
    votes = np.where(rng.random((1000, 5)) < right, truth[:, None], rng.integers(0, LABELS, (1000, 5)))
    told = label_model.fit(votes, LABELS).predict(votes)
    majority = label_model.majority(votes, LABELS)
    assert (told == truth).mean() > (majority == truth).mean()


VOTES = arrays.arrays(np.int64, st.tuples(st.integers(1, 12), st.integers(1, 5)), elements=st.integers(-1, 2))


@given(VOTES)
def test_probabilities_are_such_and_records_without_a_vote_abstain(votes: NDArray[np.int64]) -> None:
    model = label_model.fit(votes, LABELS)
    probability = model.predict_proba(votes)
    assert np.isfinite(probability).all()
    assert probability.sum(axis=1) == pytest.approx(np.ones(len(votes)))
    assert model.confusion.sum(axis=2) == pytest.approx(np.ones(model.confusion.shape[:2]))
    silent = (votes < 0).all(axis=1)
    assert (model.predict(votes)[silent] == -1).all()
    assert (label_model.majority(votes, LABELS)[silent] == -1).all()


@given(VOTES, st.randoms(use_true_random=False))
def test_the_order_of_records_functions_and_labels_changes_nothing(
    votes: NDArray[np.int64], rng: object
) -> None:
    shuffled = np.random.default_rng(rng.randrange(1 << 30))  # type: ignore[attr-defined]
    rows, columns = shuffled.permutation(votes.shape[0]), shuffled.permutation(votes.shape[1])
    renamed = shuffled.permutation(LABELS)  # the label that was k is now renamed[k]
    other = votes[rows][:, columns]
    other = np.where(other >= 0, renamed[other], -1)
    before = label_model.fit(votes, LABELS).predict_proba(votes)
    after = label_model.fit(other, LABELS).predict_proba(other)
    assert after[:, renamed] == pytest.approx(before[rows], abs=1e-3)
    majority = label_model.majority(votes, LABELS)[rows]
    assert (
        label_model.majority(other, LABELS).tolist()
        == np.where(majority >= 0, renamed[majority], -1).tolist()
    )


@given(VOTES)
def test_equal_votes_give_the_same_model_to_the_bit(votes: NDArray[np.int64]) -> None:
    first, second = label_model.fit(votes, LABELS), label_model.fit(votes.copy(), LABELS)
    assert first.confusion.tobytes() == second.confusion.tobytes()
    assert first.balance.tobytes() == second.balance.tobytes()
