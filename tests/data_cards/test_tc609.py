"""Every score of TC609-5-2025-04 is moved by what it is about, and by nothing that it is not."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from curation.errors import UsageError
from curation.run import Run
from data_cards.answers import Answers
from data_cards.dataset import of_run, open_folder
from data_cards.measure import measure
from data_cards.measure.tc609 import GROUPS, items
from data_cards.measure.tc609_application import require_training
from data_cards.options import Options

TEXTS = (
    "小区门口的路灯坏了半个月，晚上出门很不方便，请尽快派人修理。",
    "学校门前放学时总是堵车，希望交警在高峰时间来疏导一下。",
    "河边堆了很多垃圾没有人清理，天热了味道很大，请城管处理。",
    "公交站牌被树枝挡住看不清车次，老人坐错了好几次车，请修剪。",
)


def tc609(folder: Path, answers: Answers | None = None, training: Path | None = None) -> dict[str, Any]:
    options = Options(training=training)
    found: dict[str, Any] = measure(open_folder(folder, options), options, answers or Answers())["tc609"]
    return found


def scores(found: dict[str, Any]) -> dict[str, tuple[Any, str]]:
    dimensions = (found[name] for name in ("documentation", "data", "application"))
    return {
        code: (one["score"], one["basis"]) for each in dimensions for code, one in each["metrics"].items()
    }


def folder_of(path: Path, texts: list[Any], **columns: list[Any]) -> Path:
    """A folder of JSON lines with a split `train`, and `test` where there is a column of this name."""
    splits = columns.pop("split", ["train"] * len(texts))
    path.mkdir(parents=True, exist_ok=True)
    for split in sorted(set(splits)):
        rows = [
            {"text": text, **{name: values[row] for name, values in columns.items()}}
            for row, text in enumerate(texts)
            if splits[row] == split
        ]
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (path / f"{split}.jsonl").write_text(lines, encoding="utf-8")
    return path


def score(path: Path, code: str, texts: list[Any], **columns: list[Any]) -> float | None:
    found: float | None = scores(tc609(folder_of(path, texts, **columns)))[code][0]
    return found


@pytest.mark.parametrize(
    ("code", "planted", "expected"),
    [
        ("0201", TEXTS[0] + "\ufffd", 75.0),
        ("02080103", "路灯坏了。" * 6, 75.0),
        ("02080104", TEXTS[0][:-4], 75.0),
        ("02080105", "[姓名]，[手机号]。", 75.0),
        ("02080105", "无", 75.0),
        ("02080106", TEXTS[0] + "&nbsp;", 75.0),
        ("02080106", "<p>" + TEXTS[0] + "</p>", 75.0),
        ("02080106", TEXTS[0] + "\x07", 75.0),
        ("02080106", "璇峰敖蹇浚澶勭悊锛岃阿璋銆備笉", 75.0),
    ],
)
def test_one_bad_text_of_four_lowers_the_score(
    tmp_path: Path, code: str, planted: str, expected: float
) -> None:
    assert score(tmp_path / "good", code, list(TEXTS)) == 100
    assert score(tmp_path / "bad", code, [planted, *TEXTS[1:]]) == expected


def test_a_letter_may_end_with_its_date_and_a_title_need_not_end(tmp_path: Path) -> None:
    texts = [TEXTS[0] + "此致敬礼 2024年3月5日", TEXTS[1] + "（附照片）", TEXTS[2] + "[姓名]", "路灯坏了"]
    assert score(tmp_path, "02080104", texts) == 100


def test_equal_texts_with_other_labels_or_splits_are_inconsistent(tmp_path: Path) -> None:
    texts, label = [*TEXTS, TEXTS[0]], ["a", "b", "b", "a", "a"]
    assert score(tmp_path / "same", "0206", texts, label=label) == 100
    assert score(tmp_path / "torn", "0206", texts, label=[*label[:4], "b"]) == 60
    splits = ["train"] * 4 + ["test"]
    assert score(tmp_path / "leak", "0206", texts, label=label, split=splits) == 60


def test_records_with_several_labels_agree_with_themselves(tmp_path: Path) -> None:
    labels = [["a", "b"], ["a"], ["b"], ["a"]]
    assert score(tmp_path, "0206", list(TEXTS), labels=labels) == 100


def test_a_column_of_several_types_is_inconsistent(tmp_path: Path) -> None:
    assert score(tmp_path / "one", "0207", list(TEXTS), size=[1, 2, 3, 4]) == 100
    assert score(tmp_path / "two", "0207", list(TEXTS), size=[1, "二", 3, 4]) == 50


def test_dates_that_nobody_can_read_are_inconsistent(tmp_path: Path) -> None:
    times = ["2024-03-05", "2024年3月", "上周三", None]
    assert score(tmp_path, "0207", list(TEXTS), original_time=times) == pytest.approx(
        100 * (1 + 2 / 3) / 2, abs=1e-3
    )


def test_required_fields_count_where_they_stand(tmp_path: Path) -> None:
    columns = {"id": ["1", "2", "3", ""], "source": ["a"] * 4, "original_time": ["2024"] * 4}
    assert score(tmp_path, "0204", list(TEXTS), **columns) == 75.0  # no licence, one id is blank
    stated = tc609(tmp_path, Answers.model_validate({"license": "CC-BY-4.0"}))
    assert scores(stated)["0204"] == (95.0, "required_cells")


def test_labels_say_who_gave_them(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, list(TEXTS), label=["a", "b", "a", "b"])
    assert scores(tc609(folder))["0203"] == (0, "labels_stated")
    said = Answers.model_validate({"annotation": "按手册", "annotators": "两名标注员"})
    assert scores(tc609(folder, said))["0203"] == (100, "labels_stated")
    assert scores(tc609(folder_of(tmp_path / "none", list(TEXTS))))["0203"] == (None, "no_labels")


def test_labels_of_a_run_are_inside_its_taxonomy(folders: Any) -> None:
    def annotation(change: Callable[[dict[str, Any]], None]) -> tuple[float | None, str]:
        for split in ("train", "test", "validation"):
            table = folders.data(split)
            labels = table["labels"].to_pylist()
            for row in labels:
                for label in row:
                    label["method"] = "classifier"
                    change(label)
            place = table.schema.get_field_index("labels")
            folders.write_data(
                split, table.set_column(place, "labels", pa.array(labels, table["labels"].type))
            )
        return scores(of(folders)["tc609"])["0203"]

    lock = folders.lock()
    lock["recipe"]["stages"].insert(4, {"label": {"taxonomy": "letters"}})
    folders.write_lock(lock)
    assert annotation(lambda label: None) == (100, "labels_in_taxonomy")
    value, basis = annotation(
        lambda label: label.update(value="城乡建设与其他" if label["value"] == "城乡建设" else label["value"])
    )
    assert value == pytest.approx(100 * 8 / 17, abs=1e-3)  # 9 of 17 labels that hold
    assert annotation(lambda label: label.update(method=None)) == (0, basis)


def plant(folders: Any, column: str, value: str) -> None:
    """In one of the 20 published records."""
    table = folders.data("test")
    values = pa.array([value, *table[column].to_pylist()[1:]], pa.string())
    folders.write_data("test", table.set_column(table.schema.get_field_index(column), column, values))


def of(folders: Any, answers: Answers | None = None, training: Path | None = None) -> dict[str, Any]:
    return measure(of_run(Run(folders.run)), Options(training=training), answers or Answers())


def test_safety_is_what_the_rescan_bounds(folders: Any) -> None:
    assert scores(of(folders)["tc609"])["0202"] == (100, "rescan")
    plant(folders, "reply", "电话13912345678")
    assert scores(of(folders)["tc609"])["0202"] == (95, "rescan")


def test_a_secrecy_mark_is_not_safe(folders: Any, tmp_path: Path) -> None:
    plant(folders, "reply", "机密★10年")
    assert scores(of(folders)["tc609"])["0202"] == (95, "rescan")
    folders.make_chat()
    assert scores(of(folders)["tc609"])["0202"] == (100, "rescan")
    assert score(tmp_path / "folder", "0202", ["机密★10年\n关于路灯的通知。", *TEXTS]) == 80


def test_an_unknown_kind_breaks_the_format(folders: Any) -> None:
    plant(folders, "kind", "leter")
    assert scores(of(folders)["tc609"])["0201"] == (95, "decoded_enumerated")


def test_chat_examples_are_looked_at_as_other_texts_are(folders: Any) -> None:
    folders.make_chat()
    found = scores(of(folders)["tc609"])
    assert found["02080104"] == (None, "no_text")  # the answers are names of labels
    assert found["02080105"] == (100, "says_something")
    assert found["0206"][0] is not None


def test_diversity_falls_with_similar_records_and_uneven_labels(folders: Any, tmp_path: Path) -> None:
    clusters = of(folders)["clusters"]
    entropy = of(folders)["labels"]["letters"]["entropy"]
    diversity, basis = scores(of(folders)["tc609"])["0301"]
    assert basis == "diversity_clusters_labels"
    assert diversity == pytest.approx(100 * (clusters["number"] / 20 + entropy) / 2, abs=1e-3)
    even = score(tmp_path / "even", "0301", list(TEXTS), label=["a", "a", "b", "b"])
    assert even == 100
    uneven = score(tmp_path / "uneven", "0301", list(TEXTS), label=["a", "a", "a", "b"])
    assert uneven == pytest.approx(81.1278, abs=1e-3)


def test_scale_and_period_need_a_target(tmp_path: Path) -> None:
    times = ["2023-06-01", "2024", "2025-02", None]
    folder = folder_of(tmp_path, list(TEXTS), original_time=times)
    found = scores(tc609(folder))
    assert found["0302"] == found["0303"] == (None, "not_given")
    said = Answers.model_validate({"target_records": 8, "target_period": ["2024-03", "2025-02"]})
    found = scores(tc609(folder, said))
    assert found["0302"] == (50, "records_of_target")
    assert found["0303"] == (66.6667, "dates_in_period")


def test_accuracy_is_the_bound_that_people_measured(folders: Any) -> None:
    assert scores(of(folders)["tc609"])["0304"] == (None, "not_read_by_people")


def training_of(path: Path, learnt: str, difference: dict[str, Any] | None, base: float = 0.6) -> Path:
    path.mkdir()
    (path / "govtune.lock.json").write_text(json.dumps({"data": {"sha256": learnt}}), encoding="utf-8")
    said = {"schema": "evaluation/1", "base": {"accuracy": base}, "difference": difference}
    (path / "evaluation.json").write_text(json.dumps(said), encoding="utf-8")
    return path


def test_suitability_is_what_tuning_on_the_data_gains(folders: Any, tmp_path: Path) -> None:
    own = hashlib.sha256((folders.run / "govtune.lock.json").read_bytes()).hexdigest()
    gain = {"accuracy": 0.3, "interval": [0.2, 0.4]}

    def suitability(learnt: str, difference: dict[str, Any] | None, base: float = 0.6) -> tuple[Any, str]:
        suitability.count += 1  # type: ignore[attr-defined]
        folder = training_of(tmp_path / f"t{suitability.count}", learnt, difference, base)  # type: ignore[attr-defined]
        return scores(of(folders, training=folder)["tc609"])["0305"]

    suitability.count = 0  # type: ignore[attr-defined]
    assert suitability(own, gain) == (50, "gain_over_base")
    assert suitability(own, {"accuracy": -0.1, "interval": [-0.2, 0.1]}) == (0, "gain_over_base")
    assert suitability("0" * 64, gain) == (None, "other_data")
    assert suitability(own, None) == (None, "not_measured")
    assert suitability(own, gain, base=1.0) == (None, "no_room")
    assert scores(of(folders)["tc609"])["0305"] == (None, "not_given")
    with pytest.raises(UsageError, match=r"no evaluation\.json"):
        require_training(tmp_path)


@pytest.mark.parametrize(
    ("field", "code"), [("access", "0101"), ("limits", "0102"), ("annotation", "0103"), ("cases", "0104")]
)
def test_an_answer_of_people_is_an_item_of_the_description(folders: Any, field: str, code: str) -> None:
    before = scores(of(folders)["tc609"])
    after = scores(of(folders, Answers.model_validate({field: "见门户网站"}))["tc609"])
    assert after[code][0] == before[code][0] + 20
    assert {one: after[one] for one in GROUPS if one != code} == {
        one: before[one] for one in GROUPS if one != code
    }


def test_a_description_with_every_item_has_all_points(folders: Any) -> None:
    fields = (
        "access",
        "support",
        "example",
        "limits",
        "collection",
        "annotation",
        "uses",
        "evaluation",
        "baseline",
        "cases",
    )
    answers = Answers.model_validate(dict.fromkeys(fields, "见门户网站"))
    metrics = of(folders, answers)
    assert all(all(group.values()) for group in items(metrics, answers).values())
    assert metrics["tc609"]["documentation"]["score"] == 100


def test_dimensions_are_means_of_what_was_computed_and_the_whole_is_the_lowest(folders: Any) -> None:
    metrics = of(folders)
    found = metrics["tc609"]
    known = [
        one["score"]
        for code, one in found["data"]["metrics"].items()
        if len(code) == 4 and one["score"] is not None
    ]
    assert found["data"]["score"] == pytest.approx(sum(known) / len(known), abs=1e-3)
    assert found["data"]["computed"] == len(known) == 7
    assert found["score"] == min(found[name]["score"] for name in ("documentation", "data", "application"))
    assert metrics["unmeasured"]["tc609.data.metrics.0205.score"] == "needs_a_person"
    assert metrics["unmeasured"]["tc609.data.metrics.02080101.score"] == "needs_model"


def test_nothing_to_measure_is_null(tmp_path: Path) -> None:
    found = tc609(folder_of(tmp_path, [], split=["train"]))
    assert found["application"]["score"] is None
    assert found["score"] is None
