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
from curation.label import classifier, features, model, taxonomy
from curation.label.model import LabelModel

VALUES = taxonomy.load("letters").values


def prepare(letters: list[tuple[str, str]], groups: list[str] | None = None) -> classifier.Examples:
    texts, labels = [text for text, _ in letters], [label for _, label in letters]
    return classifier.prepare(VALUES, texts, labels, groups=groups or [None] * len(letters))


def fit_to(examples: classifier.Examples) -> LabelModel:
    return classifier.fit(examples, classifier.out_of_fold(examples), taxonomy="letters", digest="0")


def fit(letters: list[tuple[str, str]], pool: list[str] | None = None) -> LabelModel:
    return fit_to(prepare(letters).with_pool(pool or []))


def saved(fitted: LabelModel, folder: Path) -> bytes:
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
    again = model.load(tmp_path / "model.npz")
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
        about = arrays["about"].tobytes().replace(b"label-model/1", b"label-model/9")
        np.savez(path, **arrays | {"about": np.frombuffer(about, np.uint8)})
    elif damage == "shape":
        np.savez(path, **arrays | {"idf": arrays["idf"][1:]})
    elif damage == "missing":
        np.savez(path, **{name: array for name, array in arrays.items() if name != "idf"})
    else:
        np.savez(path, **arrays | {"idf": np.array([object()])}, allow_pickle=True)
    with pytest.raises(UsageError, match=r"model\.npz: not a.*label-fit") as error:
        model.load(path)
    assert "\n" not in str(error.value)


def test_a_missing_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.npz: cannot be read"):
        model.load(tmp_path / "none.npz")


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
    assert (len(fitted.scores), sum(fitted.gold)) == (50, 400)
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
        assert len(fitted.scores) == len(set(examples.groups.tolist())) >= classifier.FEWEST


def test_the_order_that_a_threshold_is_chosen_in_is_tuned_by_no_outcome(
    letters: list[tuple[str, str]],
) -> None:
    """The confidence depends on the margins alone, and falls with the lead over the second best label."""
    lead = np.array([0.0, 0.1, 0.4, 1.2])
    told = model.best(np.stack([lead - 0.3, np.full(4, -0.3), np.full(4, -0.9)], axis=1))
    assert told.confidence.tolist() == sorted(told.confidence)
    assert (told.confidence[0], told.label[1:].tolist()) == (0.5, [0, 0, 0])
    held_out = classifier.out_of_fold(prepare(letters))
    worse = classifier.fit(
        prepare(letters),
        dataclasses.replace(held_out, labels=(held_out.labels + 1) % 7),
        taxonomy="letters",
        digest="0",
    )
    asked = [text for text, _ in letters]
    assert worse.predict(asked).confidence.tolist() == fit(letters).predict(asked).confidence.tolist()


def test_labels_that_mean_nothing_make_everything_abstain(letters: list[tuple[str, str]]) -> None:
    shuffled = [(text, VALUES[(at * 7 // 3) % 3]) for at, (text, _) in enumerate(letters)]
    assert fit(shuffled).threshold(0.9) == np.inf
    assert fit(letters).threshold(0.9) < 1


def test_the_title_counts_twice() -> None:
    assert features.document("路灯", "坏了") == "路灯\n路灯\n坏了"
    assert features.document(None, "坏了") == features.document("", "坏了") == "坏了"
    assert features.document(None, None) == ""


def test_the_pool_lowers_the_weight_of_what_everybody_writes(letters: list[tuple[str, str]]) -> None:
    with_pool, without = fit(letters, pool=["公交"] * 500), fit(letters)
    assert (with_pool.pool, without.pool) == (500, 0)
    column = features.counts(["公交"]).indices[0]

    def weight(fitted: LabelModel) -> float:
        return float(fitted.linear.idf[fitted.linear.columns.tolist().index(column)])

    assert weight(with_pool) < weight(without)


def test_real_letters_are_labelled_better_than_by_their_keywords(shared: Path) -> None:
    import orjson

    lines = (shared / "letters" / "labelled.jsonl").read_bytes().splitlines()
    rows = [orjson.loads(line) for line in lines]
    examples = prepare([(features.document(row["title"], row["text"]), row["label"]) for row in rows])
    assert classifier.out_of_fold(examples).macro_f1 > 0.78
    point = fit_to(examples).operating_point(0.9)
    assert point is not None
    assert point.coverage > 0.4
