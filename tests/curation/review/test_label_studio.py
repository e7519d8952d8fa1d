"""Tasks and configuration are as Label Studio documents them; its two exports say the same when they are
read back.

The exports were written down by hand after its documentation (guide/task_format) and the source of its
converter, which makes JSON_MIN.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from curation.errors import InputError
from curation.label import taxonomy
from curation.label.taxonomy import Taxonomy
from curation.review.cases import Suggestion
from curation.review.exchange import answers, label_studio
from curation.review.exchange.incoming import Answer, Returned
from curation.review.exchange.outgoing import Outgoing, Row

LETTERS = taxonomy.load("letters")
TREE = Taxonomy.model_validate(
    {
        "schema": "taxonomy/1",
        "name": "tree",
        "title": {"zh": "树"},
        "labels": [
            {"code": "a", "name": {"zh": '市容 "与" <环卫> & 其他', "en": "Streets"}},
            {"code": "a1", "parent": "a", "name": {"zh": "垃圾清运", "en": "Waste"}},
            {"code": "a2", "parent": "a", "name": {"zh": "其他", "en": "Other"}},
            {"code": "b", "name": {"zh": "交通", "en": "Traffic"}},
            {"code": "b1", "parent": "b", "name": {"zh": "其他", "en": "Other"}},
        ],
    }
)
ZHANG, LI = "zhang@example.cn", "li@example.cn"
EARLY, LATE = "2026-03-09T22:16:08.728353Z", "2026-03-10T08:00:00.000001Z"


def leaving(labels: Taxonomy = LETTERS, value: str = "交通运输") -> Outgoing:
    texts = {"title": "", "text": "<b>路灯</b>坏了", "reply": ""}
    suggestions = [Suggestion(value, 0.81, "classifier", True), None]
    return Outgoing(
        labels, [Row(str(n), "c" * 32, "audit", texts, said) for n, said in enumerate(suggestions, 1)], 0, 0
    )


def data(key: str = "1", **changes: Any) -> dict[str, Any]:
    """The data of a task as it left."""
    return {
        "record": key,
        "content": "c" * 32,
        "scheme": "letters",
        "taxonomy": "t",
        "reason": "audit",
        "suggestion": False,
        "title": "",
        "text": "路灯坏了",
        "reply": "",
        **changes,
    }


def annotation(label: str | None, **changes: Any) -> dict[str, Any]:
    """An annotation as the export JSON has it."""
    result = {
        "value": {"choices": [label]},
        "id": "Dx_aB91ISN",
        "from_name": "label",
        "to_name": "text",
        "type": "choices",
        "origin": "manual",
    }
    return {
        "id": 1001,
        "completed_by": 7,
        "result": [] if label is None else [result],
        "was_cancelled": False,
        "ground_truth": False,
        "created_at": EARLY,
        "updated_at": EARLY,
        "draft_created_at": None,
        "lead_time": 4.288,
        "prediction": {},
        "result_count": 0,
        "unique_id": "f527f9c8-affe-469b-991a-70ec6fd79e54",
        "import_id": None,
        "last_action": None,
        "task": 1,
        "project": 83,
        "updated_by": 1,
        "parent_prediction": None,
        "parent_annotation": None,
        "last_created_by": None,
        **changes,
    }


def task(*annotations: dict[str, Any], number: int = 1, **changes: Any) -> dict[str, Any]:
    """A task as the export JSON has it."""
    return {
        "id": number,
        "annotations": list(annotations),
        "file_upload": "2f8d-tasks.json",
        "drafts": [],
        "predictions": [],
        "data": data(str(number)),
        "meta": {},
        "created_at": "2026-03-09T21:52:49.513742Z",
        "updated_at": "2026-03-09T22:16:08.746926Z",
        "inner_id": number,
        "total_annotations": len(annotations),
        "project": 83,
        "comment_authors": [],
        **changes,
    }


def as_min(tasks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The export JSON_MIN of the same tasks, as its converter makes it: a row for each annotation that was
    not skipped, `id` the task's number, a single choice as a string, anything else as a list."""
    rows = []
    for one in tasks:
        for each in one["annotations"]:
            if each["was_cancelled"]:
                continue
            person = each["completed_by"]
            values = [result["value"] for result in each["result"]]
            single = [v["choices"][0] for v in values if len(v.get("choices", ())) == 1]
            rows.append(
                {
                    **one["data"],
                    "id": one["id"],
                    **({"label": single[0] if len(single) == 1 else values} if values else {}),
                    "annotator": person["email"] if isinstance(person, dict) else person,
                    "annotation_id": each["id"],
                    "created_at": each["created_at"],
                    "updated_at": each["updated_at"],
                    "lead_time": each["lead_time"],
                }
            )
    return rows


def read(path: Path, tasks: Any, **options: Any) -> Returned:
    path.write_text(json.dumps(tasks, ensure_ascii=False), encoding="utf-8")
    return label_studio.read(path, **{"by": None, "role": None, **options})


def said(found: Returned) -> list[tuple[str, str, str, str]]:
    assert found.faults == []
    return [(one.id, one.role, one.by, one.label) for one in found.answers]


def test_tasks_hold_what_comes_back_and_no_prediction(tmp_path: Path) -> None:
    interface = label_studio.write(tmp_path / "t.json", leaving(), "zh", predictions=False)
    tasks = json.loads((tmp_path / "t.json").read_text(encoding="utf-8"))
    assert [set(each) for each in tasks] == [{"data"}, {"data"}]
    assert [each["data"]["record"] for each in tasks] == ["1", "2"]
    assert "id" not in tasks[0]["data"]
    assert interface == tmp_path / "t.xml"
    asked = {tag.get("value") for tag in ElementTree.parse(interface).iter("Text")}
    assert asked == {f"${field}" for field in ("title", "text", "reply")}
    assert {field.removeprefix("$") for field in asked if field} <= tasks[0]["data"].keys()


def test_predictions_leave_only_where_asked_for(tmp_path: Path) -> None:
    label_studio.write(tmp_path / "t.json", leaving(), "en", predictions=True)
    first, second = json.loads((tmp_path / "t.json").read_text(encoding="utf-8"))
    (prediction,) = first["predictions"]
    assert (prediction["score"], prediction["model_version"]) == (0.81, "classifier")
    (result,) = prediction["result"]
    assert (result["from_name"], result["to_name"], result["type"]) == ("label", "text", "choices")
    assert result["value"] == {"choices": ["Transport"]}
    assert "predictions" not in second
    assert first["data"]["suggestion"] is True


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_flat_taxonomy_becomes_buttons(tmp_path: Path, lang: answers.Lang) -> None:
    view = ElementTree.parse(
        label_studio.write(tmp_path / "t.json", leaving(), lang, predictions=False)
    ).getroot()
    control = view.find("Choices")
    assert control is not None
    assert (control.get("name"), control.get("toName"), control.get("choice")) == ("label", "text", "single")
    assert [tag.get("value") for tag in control] == list(answers.choices(LETTERS, lang))


def test_a_deep_taxonomy_becomes_a_tree(tmp_path: Path) -> None:
    path = label_studio.write(
        tmp_path / "t.json", leaving(TREE, "交通/其他"), "zh", predictions=True
    )  # fmt: skip
    control = ElementTree.parse(path).getroot().find("Taxonomy")
    assert control is not None
    assert (control.get("leafsOnly"), control.get("maxUsages")) == ("true", "1")
    shape = [(top.get("value"), [leaf.get("value") for leaf in top]) for top in control]
    assert shape == [
        ('市容 "与" <环卫> & 其他', ["垃圾清运", "其他"]),
        ("交通", ["其他"]),
        ("无法判断", []),
    ]
    first, _ = json.loads((tmp_path / "t.json").read_text(encoding="utf-8"))
    (result,) = first["predictions"][0]["result"]
    assert (result["type"], result["value"]) == ("taxonomy", {"taxonomy": [["交通", "其他"]]})


@pytest.mark.parametrize("path", [["交通", "其他"], ["Traffic", "Other"]])
@pytest.mark.parametrize("short", [False, True])
def test_a_path_in_the_tree_is_read_as_its_label(tmp_path: Path, path: list[str], short: bool) -> None:
    given = annotation("x")
    given["result"][0] |= {"type": "taxonomy", "value": {"taxonomy": [path]}}
    tasks = [task(given)]
    ((_, _, _, label),) = said(read(tmp_path / "t.json", as_min(tasks) if short else tasks))
    assert answers.readings(TREE)[label] == "交通/其他"


def test_who_answers_first_annotates_and_others_review(tmp_path: Path) -> None:
    tasks = [
        task(
            annotation("环境保护", completed_by={"id": 9, "email": LI}, created_at=LATE, updated_at=LATE),
            annotation("交通运输", completed_by={"id": 7, "email": ZHANG, "first_name": ""}),
        ),
        task(annotation("环境保护", completed_by={"id": 9, "email": LI}), number=2),
    ]
    expected = [
        ("1", "annotator", ZHANG, "交通运输"),
        ("1", "reviewer", LI, "环境保护"),
        ("2", "annotator", LI, "环境保护"),
    ]
    assert said(read(tmp_path / "t.json", tasks)) == expected
    assert said(read(tmp_path / "t.json", as_min(tasks))) == expected
    assert {role for _, role, *_ in said(read(tmp_path / "t.json", tasks, role="reviewer"))} == {"reviewer"}


def test_time_and_seconds_come_along(tmp_path: Path) -> None:
    edited = annotation("交通运输", updated_at="2026-03-10T16:00:00+08:00")
    for tasks in ([task(edited)], as_min([task(edited)])):
        (one,) = read(tmp_path / "t.json", tasks).answers
        assert (one.at, one.seconds, one.by) == ("2026-03-10T08:00:00.000+00:00", 4.288, "7")
        assert (one.shown.reason, one.shown.taxonomy, one.scheme) == ("audit", "t", "letters")


def test_the_last_answer_of_a_person_counts(tmp_path: Path) -> None:
    tasks = [task(annotation("环境保护", created_at=LATE, updated_at=LATE), annotation("交通运输"))]
    assert said(read(tmp_path / "t.json", tasks)) == [("1", "annotator", "7", "环境保护")]
    both = [task(annotation("交通运输"), annotation("环境保护", completed_by=8, created_at=LATE))]
    assert said(read(tmp_path / "t.json", both, by="王")) == [("1", "annotator", "王", "环境保护")]


def test_skipped_and_untouched_tasks_are_counted(tmp_path: Path) -> None:
    found = read(
        tmp_path / "t.json",
        [
            task(),
            task(annotation("交通运输", was_cancelled=True), number=2),
            task(annotation(None), number=3),
        ],
    )
    assert (found.answers, found.open, found.skipped) == ([], 1, 2)


@pytest.mark.parametrize(
    "changes",
    [
        {"annotations": [annotation("交通运输", prediction={"id": 3, "result": []})]},
        {"annotations": [annotation("交通运输", parent_prediction=3)]},
        {"annotations": [annotation("交通运输")], "predictions": [{"model_version": "m", "result": []}]},
        {"annotations": [annotation("交通运输")], "data": data(suggestion=True)},
    ],
)
def test_who_saw_a_prediction_is_known(tmp_path: Path, changes: dict[str, Any]) -> None:
    (one,) = read(tmp_path / "t.json", [task(**changes)]).answers
    assert one.shown.suggestion


def test_who_began_with_anothers_answer_is_known(tmp_path: Path) -> None:
    copied = annotation("交通运输", completed_by=8, created_at=LATE, parent_annotation=1001)
    first, second = read(tmp_path / "t.json", [task(annotation("交通运输"), copied)]).answers
    assert (first.shown.other, second.shown.other) == (False, True)
    assert not first.shown.suggestion


@pytest.mark.parametrize("short", [False, True])
def test_two_labels_are_a_fault(tmp_path: Path, short: bool) -> None:
    given = annotation("交通运输")
    given["result"][0]["value"]["choices"].append("环境保护")
    tasks = [task(annotation("交通运输")), task(given, number=2)]
    found = read(tmp_path / "t.json", as_min(tasks) if short else tasks)
    assert [str(fault) for fault in found.faults] == [
        "t.json, row 2, field label: more than one label was chosen"
    ]


def test_answers_under_another_name_are_a_fault(tmp_path: Path) -> None:
    given = annotation("交通运输")
    given["result"][0]["from_name"] = "sentiment"
    found = read(tmp_path / "t.json", [task(given)])
    (fault,) = found.faults
    assert "row 1, field label: an answer that is not under this name" in str(fault)
    assert found.skipped == 0


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "not valid JSON"),
        ('[{"id": 1, "annotations": [', "not valid JSON; was it cut short"),
        ("[]", "holds no tasks"),
        ("[" * 100_000, "not valid JSON"),
    ],
)
def test_a_broken_file_is_one_line(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "t.json").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=told):
        label_studio.read(tmp_path / "t.json", by=None, role=None)


@pytest.mark.parametrize(
    "other",
    [
        {"text": "保密的话"},
        {"data": {"text": "保密的话"}, "annotations": []},
        "保密的话",
        7,
        None,
        {"data": data(), "annotations": [{"created_at": "保密的话"}]},
        {"data": data(), "annotations": {"a": "保密的话"}},
        {"data": data(), "annotations": [annotation("交通运输", lead_time="保密的话")]},
    ],
)
def test_what_is_no_task_of_ours_is_a_fault_without_its_text(tmp_path: Path, other: Any) -> None:
    found = read(tmp_path / "t.json", [task(annotation("交通运输")), other])
    (fault,) = found.faults
    assert str(fault).startswith("t.json, row 2: no task of `govtune review-export`: ")
    assert "保密" not in str(fault)
    assert "\n" not in str(fault)


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    text = json.dumps([task(annotation("交通运输"))])
    (tmp_path / "t.json").write_bytes(b"\xef\xbb\xbf" + text.encode())
    found: list[Answer] = label_studio.read(tmp_path / "t.json", by=None, role=None).answers
    assert len(found) == 1
