"""People at a desk, and what the next run makes of their answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from curation import decisions, parquet
from curation.decisions import Marked
from curation.errors import UsageError
from curation.review import cases, desk
from curation.review.cases import Case
from curation.review.desk import Desk, RefusedError
from curation.run import Run
from tests.curation.review.conftest import again

VALUE, OTHER = "城乡建设", "环境保护"


def answer(at: Desk, case: Case, by: str = "王", role: Any = "annotator", **more: Any) -> desk.Revealed:
    return at.answer(case.id, by, role, **{"content": case.content, "value": VALUE, **more})


def taken(at: Desk, by: str, role: Any = "annotator") -> Case:
    found = at.next(by, role)
    assert found is not None
    return found[1]


def rows(run: Path) -> dict[str, dict[str, Any]]:
    """Finished records by id, as the run's private partitions hold them."""
    keys = cases.load(run).finished
    tables = [parquet.read(Run(run).private / "partitions" / f"{key}.records.parquet") for key in keys]
    return {row["id"]: row for table in tables for row in table.to_pylist()}


def test_two_people_get_different_records_and_lose_nothing_when_the_desk_closes(run: Path) -> None:
    at = desk.opened(run, size=10)
    mine, theirs = taken(at, "王"), taken(at, "李")
    assert mine.id != theirs.id
    answer(at, mine)
    answer(at, theirs, "李", value=None)
    assert at.progress("王", "annotator") == desk.Progress(10, 2, 0, 1, 8)
    reopened = desk.opened(run, size=10)
    assert reopened.items == at.items
    assert reopened.progress("李", "annotator") == desk.Progress(10, 2, 0, 1, 8)
    assert taken(reopened, "王").id not in (mine.id, theirs.id)


def test_a_reviewer_gets_what_somebody_else_has_answered(run: Path) -> None:
    at = desk.opened(run, size=5)
    assert at.next("李", "reviewer") is None
    case = taken(at, "王")
    answer(at, case)
    assert at.next("王", "reviewer") is None
    assert taken(at, "李", "reviewer").id == case.id
    told = answer(at, case, "李", "reviewer", value=OTHER)
    assert told.others == (desk.Other("王", VALUE),)
    assert at.next("李", "reviewer") is None
    with pytest.raises(RefusedError, match="two people"):
        answer(at, case, "王", "reviewer")


def test_nothing_is_revealed_before_the_answer(run: Path) -> None:
    at = desk.opened(run, size=5)
    case = taken(at, "王")
    with pytest.raises(RefusedError, match="answer first"):
        at.revealed(case.id, "王")
    assert answer(at, case).suggestion == case.suggestion


def test_an_answer_can_be_changed_and_taken_back(run: Path) -> None:
    at = desk.opened(run, size=5)
    case = taken(at, "王")
    answer(at, case)
    answer(at, case, value=OTHER)
    back = at.undo("王", "annotator")
    assert back is not None and back[1] == case
    assert at.progress("王", "annotator").annotated == 0
    assert at.undo("王", "annotator") is None
    assert len(decisions.read(Run(run).private / decisions.NAME)) == 4


def test_answers_that_cannot_be_taken_are_refused(run: Path) -> None:
    at = desk.opened(run, size=5)
    case = taken(at, "王")
    text = len(case.texts["text"])
    for wrong, why in (
        ({"content": "another"}, "another now"),
        ({"value": "城乡建"}, "unknown label; did you mean 城乡建设"),
        ({"spans": [Marked(field="text", start=0, end=text + 1, type="PERSON")]}, "ends after"),
        ({"spans": [Marked(field="text", start=0, end=1, type="PERSONA")]}, "unknown type"),
    ):
        with pytest.raises(RefusedError, match=why):
            answer(at, case, **wrong)
    answer(at, case)
    with pytest.raises(RefusedError, match="in the meantime"):
        answer(at, case, "李")
    with pytest.raises(RefusedError, match="not a record of this queue"):
        at.open("nothing", "王")
    assert len(decisions.read(Run(run).private / decisions.NAME)) == 1


def test_another_process_s_answers_count_at_once(run: Path) -> None:
    here, there = desk.opened(run, size=5), desk.opened(run, size=5)
    answer(there, taken(there, "李"), "李")
    assert here.progress("王", "annotator") == desk.Progress(5, 1, 0, 0, 4)


def test_the_next_run_applies_labels_with_who_gave_them(run: Path) -> None:
    at = desk.opened(run, size=8)
    given = [taken(at, "王") for _ in range(3) if not answer(at, taken(at, "王"), value=OTHER).others]
    said = {one.id: one for one in decisions.read(Run(run).private / decisions.NAME)}
    reviewed, alone, unsure = said
    for case in at.records.cases([reviewed, unsure]):
        answer(at, case, "李", "reviewer", value=VALUE if case.id == reviewed else None)
    again(run)
    found = {id_: row["labels"][-1] for id_, row in rows(run).items() if id_ in said}
    common = {"scheme": "letters", "confidence": None, "abstained": False, "method": "person"}
    who = {"annotator": "person-1", "reviewer": "person-2"}
    assert found[reviewed] == {**common, **who, "value": VALUE}
    assert found[alone] == {**common, "annotator": "person-1", "reviewer": None, "value": OTHER}
    assert found[unsure]["abstained"] and found[unsure]["method"] != "person"
    lock = Run(run).lock()["decisions"]
    assert lock["lines"] == 5 and lock["stages"] == {
        "label": {"applied": 3, "stale": 0, "absent": 0, "disputed": 0}
    }
    assert len(given) == 3


def test_what_nobody_has_reviewed_goes_to_a_reviewer_after_the_next_run(run: Path) -> None:
    at = desk.opened(run, size=6)
    alone, both = taken(at, "王"), None
    answer(at, alone)
    both = taken(at, "王")
    answer(at, both)
    answer(at, both, "李", "reviewer")
    again(run)
    reopened = desk.opened(run, size=6)
    assert {item.id: item.reason for item in reopened.items}[alone.id] == "unreviewed"
    assert both.id not in {item.id for item in reopened.items}
    assert taken(reopened, "李", "reviewer").id == alone.id
    answer(reopened, alone, "李", "reviewer")
    assert desk.opened(run, size=6).items == reopened.items


def test_one_person_under_two_spellings_is_one_person(run: Path) -> None:
    at = desk.opened(run, size=2)
    case = taken(at, "Wang Li")
    answer(at, case, "Wang Li")
    assert at.next("wangli", "reviewer") is None
    with pytest.raises(RefusedError, match="two people"):
        answer(at, case, "wangli", "reviewer")


def test_what_the_machine_said_is_remembered_seen_or_not(run: Path) -> None:
    at = desk.opened(run, size=5)
    case = taken(at, "王")
    answer(at, case)
    (said,) = decisions.read(Run(run).private / decisions.NAME)
    assert case.suggestion is not None and said.shown.machine == case.suggestion.machine
    assert not said.shown.suggestion


def test_an_edited_taxonomy_is_noticed(run: Path, tmp_path: Path) -> None:
    where = Run(run).private / "review.json"
    text = where.read_text()
    used = next(line for line in text.splitlines() if "letters.yaml" in line and "taxonomies" in line)
    where.write_text(text.replace(used, used.replace(used.split('"')[3], "0" * 64)))
    with pytest.raises(UsageError, match=r"letters.yaml: is another now .* curate again"):
        cases.load(run)


def test_the_next_run_replaces_what_people_marked(run: Path) -> None:
    at = desk.opened(run, size=60)
    case = next(
        one
        for one in at.records.cases([item.id for item in at.items])
        if any(mark.instead and mark.field == "text" for mark in one.marks)
    )
    wrong = next(mark for mark in case.marks if mark.instead and mark.field == "text")
    kept = [
        Marked(field=m.field, start=m.start, end=m.end, type=m.type)  # type: ignore[arg-type]
        for m in case.marks
        if m != wrong and (m.field != "text" or m.start >= 3)
    ]
    answer(at, case, spans=[*kept, Marked(field="text", start=0, end=2, type="PERSON")])
    again(run)
    after = rows(run)[case.id]
    text = case.texts["text"]
    assert after["text"].startswith("[姓名]" + text[2:3])
    assert text[wrong.start : wrong.end] in after["text"]
    marked = [one for one in after["pii"] if one["recogniser"] == "person"]
    assert len(marked) == len(kept) + 1
    assert cases.load(run).cases([case.id])[0].texts == case.texts
    assert Run(run).lock()["decisions"]["stages"]["anonymise"] == {
        "applied": 1,
        "stale": 0,
        "absent": 0,
        "disputed": 0,
    }


def test_a_span_of_a_forged_decision_is_told_in_one_line(run: Path) -> None:
    at = desk.opened(run, size=1)
    case = taken(at, "王")
    spans = (Marked(field="text", start=0, end=10**6, type="PERSON"),)
    forged = decisions.Decision(id=case.id, stage="anonymise", content=case.content, by="王", spans=spans)
    decisions.append(Run(run).private / decisions.NAME, [forged])
    with pytest.raises(UsageError, match=rf"record {case.id}: a span ends after its text"):
        again(run)


def test_stale_decisions_are_told_and_not_applied(run: Path) -> None:
    at = desk.opened(run, size=2)
    case = taken(at, "王")
    path = Run(run).private / decisions.NAME
    stale = decisions.Decision(
        id=case.id, stage="label", content="0" * 32, by="王", scheme="letters", value=OTHER
    )
    decisions.append(path, [stale, stale.model_copy(update={"id": "gone", "decision": "2"})])
    again(run)
    assert Run(run).lock()["decisions"]["stages"]["label"] == {
        "applied": 0,
        "stale": 1,
        "absent": 1,
        "disputed": 0,
    }
    assert all(label["method"] != "person" for label in rows(run)[case.id]["labels"])


def test_decisions_leave_the_other_partitions_as_they_are(run: Path) -> None:
    at = desk.opened(run, size=1)
    answer(at, taken(at, "王"), spans=[])
    before = {path.name for path in (Run(run).private / "partitions").iterdir()}
    again(run)
    after = {path.name for path in (Run(run).private / "partitions").iterdir()}
    assert 0 < len(after - before) < len(after) / 2
