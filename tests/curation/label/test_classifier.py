from __future__ import annotations

import dataclasses
import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.errors import UsageError
from curation.label import calibration, classifier, features, hints, labeller, taxonomy
from curation.label.labeller import Labeller

VALUES = taxonomy.load("letters").values


def prepare(letters: list[tuple[str, str]], groups: list[str] | None = None) -> classifier.Examples:
    texts, labels = [text for text, _ in letters], [label for _, label in letters]
    return classifier.prepare(VALUES, texts, labels, groups=groups or [None] * len(letters))


def fit_to(examples: classifier.Examples) -> Labeller:
    return classifier.fit(examples, classifier.out_of_fold(examples), taxonomy="letters", digest="0")


def fit(letters: list[tuple[str, str]], pool: list[str] | None = None) -> Labeller:
    return fit_to(prepare(letters).with_pool(pool or []))


def saved(fitted: Labeller, folder: Path) -> bytes:
    path = folder / "model.npz"
    fitted.save(path)
    return path.read_bytes()


def test_it_tells_what_it_has_learnt_and_never_a_label_without_examples(
    letters: list[tuple[str, str]],
) -> None:
    fitted = fit(letters)
    guess = fitted.predict(["公交车和出租车都等不到", "医院的医生开了疫苗", "", " \n"])
    assert [VALUES[label] if label >= 0 else None for label in guess.label] == [
        "交通运输", "卫生计生", None, None,
    ]  # fmt: skip
    assert guess.confidence[2:].tolist() == [0, 0]
    assert {VALUES[label] for label in fitted.predict(["天气", "垃圾污染", "x"]).label} <= {
        label for _, label in letters
    }


def test_bytes_depend_neither_on_the_order_of_the_examples_nor_on_the_run(
    letters: list[tuple[str, str]], tmp_path: Path
) -> None:
    once = saved(fit(letters, pool=["路灯坏了", "电梯坏了"]), tmp_path)
    assert saved(fit(letters[::-1], pool=["电梯坏了", "路灯坏了"]), tmp_path) == once
    assert saved(fit(letters, pool=["路灯坏了"]), tmp_path) != once


def test_a_saved_model_answers_as_before(letters: list[tuple[str, str]], tmp_path: Path) -> None:
    fitted = fit(letters)
    fitted.save(tmp_path / "model.npz")
    again = labeller.load(tmp_path / "model.npz")
    texts = [text for text, _ in letters[:20]]
    assert again.predict(texts).label.tolist() == fitted.predict(texts).label.tolist()
    assert again.predict(texts).confidence.tolist() == fitted.predict(texts).confidence.tolist()
    assert again.operating_point(0.9) == fitted.operating_point(0.9)
    assert (again.labels, again.gold, again.packages) == (fitted.labels, fitted.gold, fitted.packages)


def test_a_model_file_holds_no_text(letters: list[tuple[str, str]], tmp_path: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(saved(fit(letters), tmp_path))) as archive:
        content = b"".join(archive.read(name) for name in archive.namelist())
    assert "城乡建设".encode() in content
    phrases = {phrase for text, _ in letters for phrase in text.split("，")}
    assert [phrase for phrase in phrases if phrase.encode() in content] == []


@pytest.mark.parametrize("damage", ["empty", "text", "cut", "schema", "shape", "missing", "pickle"])
def test_what_is_no_model_is_refused_in_one_line(
    letters: list[tuple[str, str]], tmp_path: Path, damage: str
) -> None:
    path = tmp_path / "model.npz"
    whole = saved(fit(letters), tmp_path)
    with np.load(path) as archive:
        arrays = {name: archive[name] for name in archive.files}
    if damage == "empty":
        path.write_bytes(b"")
    elif damage == "text":
        path.write_text("no model", encoding="utf-8")
    elif damage == "cut":
        path.write_bytes(whole[: len(whole) // 2])
    elif damage == "schema":
        about = arrays["about"].tobytes().replace(b"labeller/1", b"labeller/9")
        np.savez(path, **arrays | {"about": np.frombuffer(about, np.uint8)})
    elif damage == "shape":
        np.savez(path, **arrays | {"weights": arrays["weights"][1:]})
    elif damage == "missing":
        np.savez(path, **{name: array for name, array in arrays.items() if name != "weights"})
    else:
        np.savez(path, **arrays | {"weights": np.array([object()])}, allow_pickle=True)
    with pytest.raises(UsageError, match=r"model\.npz: not a.*label-fit") as error:
        labeller.load(path)
    assert "\n" not in str(error.value)


def test_a_missing_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.npz: cannot be read"):
        labeller.load(tmp_path / "none.npz")


def test_two_labels_and_a_label_with_one_example_can_be_fitted(letters: list[tuple[str, str]]) -> None:
    two = [each for each in letters if each[1] != "卫生计生"]
    guess = fit(two).predict(["物业不修电梯，楼顶漏水", "公交车不来，司机不打表"])
    assert [VALUES[label] for label in guess.label] == ["城乡建设", "交通运输"]
    rare = fit([*two, ("景区门票太贵", "商贸旅游")])
    assert dict(zip(VALUES, rare.gold, strict=True))["商贸旅游"] == 1


def test_near_duplicates_are_never_on_both_sides_of_a_fold(letters: list[tuple[str, str]]) -> None:
    """Labels that nothing in the text tells, each text five times: right only by having seen its copy."""
    texts = [text for text, _ in letters[:40] for _ in range(5)]
    labels = [VALUES[at % 2] for at in range(40) for _ in range(5)]
    said = list(zip(texts, labels, strict=True))
    torn = prepare(said, [str(at) for at in range(200)])
    apart = prepare(said, [str(at // 5) for at in range(200)])
    assert classifier.out_of_fold(torn).right.mean() > 0.8
    assert classifier.out_of_fold(apart).right.mean() < 0.6


@pytest.mark.parametrize("clusters", [None, [f"c{at % 50}" for at in range(400)]])
def test_copies_and_near_duplicates_are_no_further_evidence(
    letters: list[tuple[str, str]], clusters: list[str] | None
) -> None:
    """50 letters promise no 95 %, however often each was sent in, word for word or nearly."""
    sent = [
        (text + f"第{at // 50}次来信" * bool(clusters), label)
        for at, (text, label) in enumerate(letters[:50] * 8)
    ]
    fitted = fit_to(prepare(sent, clusters))
    assert (len(fitted.leads), sum(fitted.gold)) == (50, 400)
    assert fitted.threshold(0.95) == np.inf
    assert fitted.threshold(0.9) < 1


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=40)
def test_where_nothing_is_lacking_a_model_can_be_fitted(seed: int) -> None:
    """Few groups of odd sizes and labels: what `lacking` lets through is fitted without an error."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(15, 45))
    said = [(f"第{at}封信", VALUES[min(int(rng.geometric(0.6)) - 1, 6)]) for at in range(n)]
    examples = prepare(said, [str(rng.integers(0, 35)) for _ in range(n)])
    if examples.lacking is None:
        fitted = fit_to(examples)
        assert len(fitted.leads) == len(set(examples.groups.tolist())) >= classifier.FEWEST


def test_the_order_that_a_threshold_is_chosen_in_is_tuned_by_no_outcome(
    letters: list[tuple[str, str]],
) -> None:
    """The lead depends on the margins alone, and the confidence never falls where the lead rises."""
    ahead = np.array([0.0, 0.1, 0.4, 1.2])
    told = labeller.best(np.stack([ahead - 0.3, np.full(4, -0.3), np.full(4, -0.9)], axis=1))
    assert told.lead.tolist() == ahead.tolist()
    assert told.label[1:].tolist() == [0, 0, 0]
    examples = prepare(letters)
    held_out = classifier.out_of_fold(examples)
    wrong = dataclasses.replace(held_out, labels=(held_out.labels + 1) % 7)
    worse = classifier.fit(examples, wrong, taxonomy="letters", digest="0")
    rising = np.sort(held_out.leads)
    for fitted in (fit(letters), worse):
        confidence = fitted.calibration.confidence(rising)
        assert confidence.tolist() == sorted(confidence)
    asked = [text for text, _ in letters]
    assert worse.linear.predict(asked).lead.tolist() == fit(letters).linear.predict(asked).lead.tolist()
    assert worse.threshold(0.9) == np.inf


def test_labels_that_mean_nothing_make_everything_abstain(letters: list[tuple[str, str]]) -> None:
    shuffled = [(text, VALUES[(at * 7 // 3) % 3]) for at, (text, _) in enumerate(letters)]
    assert fit(shuffled).threshold(0.9) == np.inf
    assert fit(letters).threshold(0.9) < 1


def test_title_and_text_stay_apart_whatever_they_hold() -> None:
    assert features.document(None, "坏了") == features.document(" ", "坏了") == "坏了"
    assert features.document(None, None) == ""
    title, text = features.document("路\x1e灯", "坏\x1e了").split("\x1e")
    assert (title, text) == ("路 灯", "坏 了")


def test_the_title_counts_twice_in_the_text_and_once_by_itself() -> None:
    counted = features.counts([features.document("灯", "灯坏"), "灯"])
    lamp = features.counts(["灯"]).indices[0]
    assert counted[:, [lamp, lamp + features.SIZE]].toarray().tolist() == [[3, 1], [1, 0]]


@given(st.lists(st.text("路灯aA \0\n\ud800\U0001f600\x1eİ", max_size=30), max_size=6))
@settings(max_examples=60)
def test_a_text_s_features_depend_on_it_alone_and_count_each_character_and_pair(texts: list[str]) -> None:
    counted = features.counts(texts)
    assert counted.shape == (len(texts), features.WIDTH)
    for row, text in enumerate(texts):
        assert (counted[row] != features.counts([text])).nnz == 0
        length, title = len(text.lower()), len(text.lower().partition("\x1e")[0]) * ("\x1e" in text)
        pairs = max(0, length - 1) + 2 * max(0, title - 1)
        assert counted[row].sum() == length + 2 * title + pairs


@given(st.lists(st.text("路灯坏了水电", max_size=20), max_size=5), st.integers(0, 2**32 - 1))
@settings(max_examples=40)
def test_features_that_are_picked_while_counting_are_those_picked_later(texts: list[str], seed: int) -> None:
    columns = np.unique(features.counts(texts).indices)
    columns = columns[np.random.default_rng(seed).random(len(columns)) < 0.5].astype(np.int32)
    place = np.full(features.WIDTH, -1, np.int32)
    place[columns] = np.arange(len(columns))
    picked, later = features.counts(texts, place=place), features.counts(texts)[:, columns]
    assert picked.shape == later.shape
    assert (picked != later).nnz == 0
    lengths = np.sqrt(features.weigh(picked, columns, np.ones(len(columns), np.float32)).power(2).sum(axis=1))
    assert all(min(abs(length - 1), length) < 1e-5 for length in np.asarray(lengths).ravel())


def test_what_the_taxonomy_says_stands_in_for_letters(letters: list[tuple[str, str]]) -> None:
    """A word that no letter holds is known from a label's name; what stands under two labels says nothing."""
    said = [hints.Hint(VALUES.index("交通运输"), "轮渡码头", 0.5), hints.Hint(0, "危楼", 0.5)]
    texts, labels = [text for text, _ in letters], [label for _, label in letters]
    told = classifier.prepare(VALUES, texts, labels, groups=[None] * len(texts), hints=said)
    assert [VALUES[at] for at in fit_to(told).predict(["轮渡码头", "危楼"]).label] == [
        "交通运输", "城乡建设",
    ]  # fmt: skip
    tree = {
        "schema": "taxonomy/1", "name": "t", "title": {"zh": "树"}, "level": 1,
        "labels": [
            {"code": "1", "name": {"zh": "住房"}, "keywords": ["物业"], "includes": ["停水停电"]},
            {"code": "11", "parent": "1", "name": {"zh": "公租房"}},
            {"code": "12", "parent": "1", "name": {"zh": "其他"}},
            {"code": "2", "name": {"zh": "交通"}},
            {"code": "21", "parent": "2", "name": {"zh": "其他"}},
        ],
    }  # fmt: skip
    found = hints.of(taxonomy.Taxonomy.model_validate(tree))
    assert {(hint.label, hint.phrase, hint.weight) for hint in found} == {
        (0, "住房", hints.PHRASE), (0, "停水停电", hints.PHRASE), (0, "公租房", hints.PHRASE),
        (0, "物业", hints.KEYWORD), (1, "交通", hints.PHRASE),
    }  # fmt: skip


def test_hints_never_make_a_label_without_examples_the_answer(letters: list[tuple[str, str]]) -> None:
    said = [hints.Hint(VALUES.index("环境保护"), "烟尘", 0.5)]
    texts, labels = [text for text, _ in letters], [label for _, label in letters]
    told = fit_to(classifier.prepare(VALUES, texts, labels, groups=[None] * len(texts), hints=said))
    assert VALUES[told.predict(["烟尘烟尘"]).label[0]] != "环境保护"


def test_what_was_chosen_because_it_is_hard_trains_and_decides_nothing(
    letters: list[tuple[str, str]],
) -> None:
    """Hard letters with labels that mean nothing change what is learnt, not how many are measured."""
    hard = [(f"疑难{at}", VALUES[at % 2]) for at in range(60)]
    said = [*letters, *hard]
    texts, labels = [text for text, _ in said], [label for _, label in said]
    judged = [True] * len(letters) + [False] * len(hard)
    examples = classifier.prepare(VALUES, texts, labels, groups=[None] * len(said), judged=judged)
    held_out = classifier.out_of_fold(examples)
    assert len(held_out.labels) == len(letters)
    fitted = fit_to(examples)
    assert sum(fitted.gold) == len(said)
    promised, spoilt = fitted.operating_point(0.95), fit_to(prepare(said)).operating_point(0.95)
    assert promised is not None
    assert promised.coverage == 1
    assert spoilt is None or spoilt.coverage < 0.8
    copies = classifier.prepare(
        VALUES, texts * 2, labels * 2, groups=[str(at % len(said)) for at in range(2 * len(said))],
        judged=[False] * len(said) + judged,
    )  # fmt: skip
    assert len(classifier.out_of_fold(copies).labels) == len(letters)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=30)
def test_confidence_is_the_share_of_guesses_that_are_right(seed: int) -> None:
    rng = np.random.default_rng(seed)
    leads = rng.exponential(0.5, 2000)
    slope, offset = rng.uniform(0.5, 6), rng.uniform(-1, 1)
    right = rng.random(2000) < 1 / (1 + np.exp(-slope * leads - offset))
    assert calibration.reliability(leads, right).error < 0.05
    hopeless = calibration.fit(leads, rng.random(2000) < 0.3).confidence(np.sort(leads))
    assert (np.diff(hopeless) >= 0).all()


def test_the_pool_lowers_the_weight_of_what_everybody_writes(letters: list[tuple[str, str]]) -> None:
    with_pool, without = fit(letters, pool=["公交"] * 500), fit(letters)
    assert (with_pool.pool, without.pool) == (500, 0)
    column = features.counts(["公交"]).indices[0]

    def weight(fitted: Labeller) -> float:
        return float(fitted.linear.weights[fitted.linear.columns.tolist().index(column)])

    assert weight(with_pool) < weight(without)


def test_real_letters_are_labelled_well(shared: Path) -> None:
    import orjson

    def read(name: str) -> list[dict[str, str]]:
        return [orjson.loads(line) for line in (shared / "letters" / name).read_bytes().splitlines()]

    rows = read("labelled.jsonl")
    examples = classifier.prepare(
        VALUES,
        [features.document(row["title"], row["text"]) for row in rows],
        [row["label"] for row in rows],
        groups=[None] * len(rows),
        hints=hints.of(taxonomy.load("letters")),
    ).with_pool(features.document(row["title"], row["text"]) for row in read("unlabelled.jsonl"))
    assert classifier.out_of_fold(examples).macro_f1 > 0.85
    fitted = fit_to(examples)
    point = fitted.operating_point(0.9)
    assert point is not None
    assert point.coverage > 0.6
    assert calibration.reliability(fitted.leads, fitted.right).error < 0.06
