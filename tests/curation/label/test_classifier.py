from __future__ import annotations

import dataclasses
import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from curation.errors import UsageError
from curation.label import classifier, features, model, taxonomy
from curation.label.model import LabelModel

VALUES = taxonomy.load("letters").values


def fit(letters: list[tuple[str, str]], pool: list[str] | None = None, seed: int = 0) -> LabelModel:
    examples = classifier.prepare(
        VALUES,
        [text for text, _ in letters],
        [label for _, label in letters],
        groups=[None] * len(letters),
        pool=pool or [],
    )
    return classifier.fit(examples, taxonomy="letters", digest="0", seed=seed)


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
    apart = classifier.prepare(VALUES, texts, labels, groups=[str(at // 5) for at in range(200)])
    torn = classifier.prepare(VALUES, texts, labels, groups=[str(at) for at in range(200)])
    right = classifier.out_of_fold(torn, 0).argmax(axis=1) == torn.labels
    fair = classifier.out_of_fold(apart, 0).argmax(axis=1) == apart.labels
    assert right.mean() > 0.8
    assert fair.mean() < 0.6


def test_labels_that_mean_nothing_make_everything_abstain(letters: list[tuple[str, str]]) -> None:
    shuffled = [(text, VALUES[(at * 7 // 3) % 3]) for at, (text, _) in enumerate(letters)]
    assert fit(shuffled).threshold(0.9) == np.inf
    assert fit(letters).threshold(0.9) < 1


def test_the_title_counts_twice() -> None:
    assert features.document("路灯", "坏了") == "路灯\n路灯\n坏了"
    assert features.document(None, "坏了") == features.document("", "坏了") == "坏了"
    assert features.document(None, None) == ""


def test_the_pool_lowers_the_weight_of_what_everybody_writes(letters: list[tuple[str, str]]) -> None:
    examples = classifier.prepare(
        VALUES,
        [text for text, _ in letters],
        [label for _, label in letters],
        groups=[None] * len(letters),
        pool=["公交" for _ in range(500)],
    )
    with_pool = classifier.fit(examples, taxonomy="letters", digest="0")
    without = classifier.fit(examples.without_pool(), taxonomy="letters", digest="0")
    column = features.counts(["公交"]).indices[0]

    def weight(fitted: LabelModel) -> float:
        return float(fitted.linear.idf[fitted.linear.columns.tolist().index(column)])

    assert weight(with_pool) < weight(without)
    assert dataclasses.replace(examples, pool=0).pool == without.pool == 0


def test_real_letters_are_labelled_better_than_by_their_keywords(shared: Path) -> None:
    import orjson

    lines = (shared / "letters" / "labelled.jsonl").read_bytes().splitlines()
    rows = [orjson.loads(line) for line in lines]
    examples = classifier.prepare(
        VALUES,
        [features.document(row["title"], row["text"]) for row in rows],
        [row["label"] for row in rows],
        groups=[None] * len(rows),
    )
    measured = classifier.cross_validate(examples, repeats=1)
    assert measured.macro_f1[0] > 0.78
    point = classifier.fit(examples, taxonomy="letters", digest="0").operating_point(0.9)
    assert point is not None
    assert point.coverage > 0.4
