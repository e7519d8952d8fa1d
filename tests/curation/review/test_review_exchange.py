"""A queue leaves a run, people answer it elsewhere, and what comes back is all of it or nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import typer
from typer.testing import CliRunner

from curation import curate, decisions, load
from curation.decisions import AUDIT, Decision, Shown
from curation.errors import UsageError
from curation.review import cases
from curation.review.exchange import cli
from curation.review.exchange.files import export_file, import_file
from curation.review.exchange.incoming import FaultyFileError
from curation.review.exchange.summary import Share, summarise
from curation.run import Run
from curation.samples import generate

HEADERS = ("标签", "标注人", "审核标签", "审核人")


def workbook(run: Path, size: int = 12, **options: Any) -> Path:
    path = run.parent / "labels.xlsx"
    export_file(run, path, "xlsx", size=size, **options)
    return path


def fill(path: Path, *rows: tuple[str | None, ...], first: int = 2) -> Path:
    """Fill in label, annotator, reviewed label, reviewer of the rows from the `first` on."""
    book = openpyxl.load_workbook(path)
    sheet = book.worksheets[0]
    place = {cell.value: cell.column for cell in sheet[1]}
    for number, cells in enumerate(rows, start=first):
        for header, value in zip(HEADERS, cells, strict=False):
            sheet.cell(number, place[header]).value = value
    book.save(path)
    return path


def edit(path: Path, header: str, value: str, row: int = 2) -> Path:
    book = openpyxl.load_workbook(path)
    sheet = book.worksheets[0]
    place = {cell.value: cell.column for cell in sheet[1]}
    sheet.cell(row, place[header]).value = value
    book.save(path)
    return path


def said(run: Path) -> list[Decision]:
    return decisions.read(Run(run).private / decisions.NAME)


def refused(run: Path, path: Path, **options: Any) -> list[str]:
    """The faults of a file of which nothing was taken."""
    before = said(run)
    with pytest.raises(FaultyFileError, match="nothing was imported") as error:
        import_file(run, path, **options)
    assert said(run) == before
    return [str(fault) for fault in error.value.faults]


def test_answers_in_a_workbook_become_decisions(run: Path) -> None:
    path = fill(workbook(run), ("交通运输", "甲", "环境保护", "乙"), ("无法判断", "甲"), ("卫生计生", " 甲 "))
    done = import_file(run, path)
    assert (done.taken, done.open, done.known) == (4, 9, 0)
    lines = said(run)
    assert [(one.value, one.by, one.role) for one in lines] == [
        ("交通运输", "甲", "annotator"),
        ("环境保护", "乙", "reviewer"),
        (None, "甲", "annotator"),
        ("卫生计生", "甲", "annotator"),
    ]
    reviewable = cases.load(run)
    assert reviewable.taxonomy is not None
    found = reviewable.cases([one.id for one in lines])
    assert [case.content for case in found] == [one.content for one in lines]
    reasons = {one.shown.reason for one in lines}
    assert reasons <= {"audit", "conflict", "rare", "uncertain"}
    assert {one.shown.taxonomy for one in lines} == {reviewable.taxonomy.digest}
    assert [one.shown.other for one in lines] == [False, True, False, False]


def test_the_same_file_again_adds_nothing(run: Path) -> None:
    path = fill(workbook(run), ("交通运输", "甲", "环境保护", "乙"), ("无法判断", "甲"))
    import_file(run, path)
    before = said(run)
    done = import_file(run, path)
    assert (done.taken, done.known) == (0, 3)
    assert said(run) == before
    changed = import_file(run, fill(path, ("卫生计生", "甲", "环境保护", "乙")))
    assert (changed.taken, changed.known) == (1, 2)
    assert said(run)[-1].value == "卫生计生"


def test_one_fault_and_nothing_is_taken(run: Path) -> None:
    path = fill(
        workbook(run),
        ("交通运输", "甲"),
        ("交通运输啊", "甲"),
        ("环境保护", None),
        ("环境保护", "甲", "环境保护", "甲"),
        ("环境保护", "Zhang", "卫生计生", "ｚｈａｎｇ"),
        (None, None, "环境保护", "乙"),
        ("环境保护", "甲" * 65),
    )
    sheet = "labels.xlsx, sheet 标注, row"
    assert refused(run, path) == [
        f"{sheet} 3, field 标签: not a label of the taxonomy letters; did you mean 交通运输?",
        f"{sheet} 4, field 标注人: an answer without a person; fill in the name, or give --by",
        f"{sheet} 5, field 标注人: annotator and reviewer must be two people (GB/T 45674)",
        f"{sheet} 5, field 审核人: annotator and reviewer must be two people (GB/T 45674)",
        f"{sheet} 6, field 标注人: annotator and reviewer must be two people (GB/T 45674)",
        f"{sheet} 6, field 审核人: annotator and reviewer must be two people (GB/T 45674)",
        f"{sheet} 7, field 审核标签: nobody has annotated this record; a review comes second",
        f"{sheet} 8, field 标注人: by: string should have at most 64 characters",
    ]


def test_rows_that_are_no_longer_right_are_named(run: Path) -> None:
    path = fill(workbook(run), *[("交通运输", "甲")] * 3)
    edit(path, "id", "999999", row=2)
    edit(path, "content", "0" * 32, row=3)
    edit(path, "reason", "my own", row=4)
    told = refused(run, path)
    assert [line.partition(": ")[2] for line in told] == [
        "its id is of no record of this run that people may look at",
        "stale: the record's text is another now; export it again",
        "its reason has been changed; export it again",
    ]


def test_a_cell_is_never_repeated(run: Path) -> None:
    secret = "身份证号 110101199003070000 " * 1000
    path = fill(workbook(run), (secret, "甲"), ("交通运输", secret))
    edit(path, "id", secret, row=4)
    fill(path, ("交通运输", "甲"), first=4)
    told = refused(run, path)
    assert len(told) == 3
    assert not any("1101" in line for line in told)


def test_a_person_keeps_their_role_from_file_to_file(run: Path) -> None:
    path = workbook(run)
    import_file(run, fill(path, ("交通运输", "甲")))
    (fault,) = refused(run, fill(path, ("交通运输", "甲")), role="reviewer")
    assert "annotator and reviewer must be two people" in fault
    done = import_file(run, fill(path, ("环境保护", "乙")), role="reviewer")
    assert done.taken == 1
    last = said(run)[-1]
    assert (last.by, last.role, last.shown.other) == ("乙", "reviewer", False)


def test_two_answers_of_one_person_are_refused_and_a_copy_is_not(run: Path) -> None:
    path = fill(workbook(run, size=3), *[("交通运输", "甲")] * 3)
    book = openpyxl.load_workbook(path)
    copy = book.copy_worksheet(book.worksheets[0])
    copy.title = "副本"
    book.save(path)
    assert import_file(run, path).taken == 3
    copy["I3"].value = "环境保护"
    copy["J3"].value = "丙"
    copy["I4"].value = "环境保护"
    book.save(path)
    told = refused(run, path)
    assert [line.rpartition(": ")[2] for line in told] == [
        "the same person gives this record two answers"
    ] * 2


def test_annotators_who_differ_are_told(run: Path) -> None:
    path = workbook(run)
    import_file(run, fill(path, ("交通运输", "甲"), ("交通运输", "甲"), ("交通运输", "甲")))
    path = fill(path, ("环境保护", "丙"), ("环境保护", "丙", "环境保护", "乙"), ("交通运输", "丙"))
    assert import_file(run, path).disputed == 1


def test_by_stands_for_the_annotator(run: Path) -> None:
    path = fill(workbook(run), ("交通运输", None, "环境保护", "乙"), ("交通运输", "丙"))
    import_file(run, path, by="甲")
    assert [(one.by, one.role) for one in said(run)] == [
        ("甲", "annotator"),
        ("乙", "reviewer"),
        ("甲", "annotator"),
    ]


def tasks(run: Path, **options: Any) -> list[dict[str, Any]]:
    path = run.parent / "tasks.json"
    path.unlink(missing_ok=True)
    export_file(run, path, "labelstudio", size=12, **options)
    found: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return found


def answered(task: dict[str, Any], number: int, *given: tuple[str, str, str]) -> dict[str, Any]:
    """A task as Label Studio exports it, with annotations of label, person and time."""
    annotations = [
        {
            "id": 10 * number + at,
            "completed_by": {"id": at, "email": person},
            "result": [
                {"from_name": "label", "to_name": "text", "type": "choices", "value": {"choices": [label]}}
            ],
            "was_cancelled": False,
            "created_at": time,
            "updated_at": time,
            "lead_time": 3.5,
            "prediction": {},
        }
        for at, (label, person, time) in enumerate(given)
    ]
    return {"id": number, "predictions": [], **task, "annotations": annotations}


def write(run: Path, exported: Any, name: str = "back.json") -> Path:
    path = run.parent / name
    path.write_text(json.dumps(exported, ensure_ascii=False), encoding="utf-8")
    return path


def test_answers_in_label_studio_become_decisions(run: Path) -> None:
    first, second, *rest = tasks(run)
    one, two = "2026-03-09T22:16:08.728353Z", "2026-03-10T22:16:08.728353Z"
    exported = [
        answered(first, 1, ("交通运输", "a@x.cn", one), ("环境保护", "b@x.cn", two)),
        answered(second, 2, ("无法判断", "a@x.cn", one)),
        *[answered(task, number) for number, task in enumerate(rest, 3)],
    ]
    path = write(run, exported, "back.xlsx")  # what it is decides, not what it is called
    done = import_file(run, path)
    assert (done.taken, done.open) == (3, 10)
    assert {(one.value, one.by, one.role) for one in said(run)} == {
        ("交通运输", "a@x.cn", "annotator"),
        ("环境保护", "b@x.cn", "reviewer"),
        (None, "a@x.cn", "annotator"),
    }
    assert said(run)[0].at == "2026-03-09T22:16:08.728+00:00"
    assert not any(one.shown.suggestion for one in said(run))
    assert import_file(run, path).known == 3


def test_an_old_export_does_not_undo_what_was_said_since(run: Path) -> None:
    first, *_ = tasks(run)
    path = write(run, [answered(first, 1, ("交通运输", "a@x.cn", "2026-03-09T22:16:08Z"))])
    import_file(run, path)
    before = said(run)[0]
    decisions.append(
        Run(run).private / decisions.NAME,
        [
            before.model_copy(
                update={"decision": "x", "value": "环境保护", "at": "2026-03-10T00:00:00.000+00:00"}
            )
        ],
    )
    assert import_file(run, path).older == 1
    assert decisions.standing(said(run), "label", "letters")[before.id].final.value == "环境保护"


def test_label_studio_may_have_labels_that_do_not_exist(run: Path) -> None:
    first, second, *_ = tasks(run, predictions=True)
    time = "2026-03-09T22:16:08Z"
    path = write(
        run,
        [answered(first, 1, ("交通运输", "a", time)), answered(second, 2, ("交通运输业", "a", time))],
    )
    assert refused(run, path) == [
        "back.json, row 2, field label: not a label of the taxonomy letters; did you mean 交通运输?"
    ]
    second["data"]["scheme"] = "risks"
    path = write(run, [answered(second, 2, ("交通运输", "a", time))])
    (fault,) = refused(run, path)
    assert "another taxonomy than the run's, letters" in fault
    import_file(run, write(run, [answered(first, 1, ("交通运输", "a", time))]))
    assert said(run)[0].shown.suggestion


def test_personal_data_does_not_leave(run: Path) -> None:
    reviewable = cases.load(run)
    path = run.parent / "all.xlsx"
    export_file(run, path, "xlsx", size=1000)
    sheet = openpyxl.load_workbook(path).worksheets[0]
    ids = [sheet.cell(number, 1).value for number in range(2, sheet.max_row + 1)]
    looked = 0
    for number, case in enumerate(reviewable.cases(ids), start=2):
        shown = [cell.value or "" for cell in sheet[number]][4:7]
        for mark in case.marks:
            value = case.texts[mark.field][mark.start : mark.end]
            if mark.instead is not None and len(value) >= 11 and value.isascii():
                looked += 1
                assert not any(value in text for text in shown)
    assert looked > 10


def test_records_that_may_hold_something_personal_stay(tmp_path: Path) -> None:
    generate(tmp_path / "sample", records=60)
    settings = ["anonymise.names=none", "deduplicate.threshold=0.9"]
    curate(load("dispatch", settings=settings), [tmp_path / "sample" / "data"], tmp_path / "run")
    brief = cases.load(tmp_path / "run").brief.to_pylist()
    held = {row["id"] for row in brief if row["held"] == "anonymise"}
    assert held
    done = export_file(tmp_path / "run", tmp_path / "t.json", "labelstudio", size=1000)
    assert done.held == len(held)
    left = {task["data"]["record"] for task in json.loads((tmp_path / "t.json").read_text(encoding="utf-8"))}
    assert left and not left & held


RECIPE = """
schema: curation/1
name: uncleaned
kind: letter
map: {text: [诉求内容], id: [编号]}
stages:
  - split: {by: id, test: 0.1, validation: 0.1}
  - anonymise: {policy: letters, names: none, residual: none}
  - label: {taxonomy: letters, precision: 0.95}
"""


def test_odd_texts_leave_and_come_back(tmp_path: Path) -> None:
    texts = [
        "控制字符\u0000\u0001\u000b在里面\ufffe，红灯太长",
        "=1+1 公交车总是晚点\r\n_x0041_",
        "<script>alert(1)</script> 路口太堵",
        "😀 停车位不够",
        "地铁几点收班" + "长" * 40_000,
    ]
    lines = [json.dumps({"诉求内容": text}) for text in texts]
    (tmp_path / "in.jsonl").write_text("\n".join(lines), encoding="utf-8")
    (tmp_path / "recipe.yaml").write_text(RECIPE, encoding="utf-8")
    curate(load(str(tmp_path / "recipe.yaml")), [tmp_path / "in.jsonl"], tmp_path / "run")
    path = tmp_path / "f.xlsx"
    done = export_file(tmp_path / "run", path, "xlsx", size=1000)
    assert (done.records, done.cut, done.replaced) == (len(texts), 1, 4)
    shown = {cell.value for cell in openpyxl.load_workbook(path).worksheets[0]["G"]}
    assert {texts[2], texts[3]} < shown
    assert import_file(tmp_path / "run", fill(path, *[("交通运输", "甲")] * len(texts))).taken == len(texts)
    assert export_file(tmp_path / "run", tmp_path / "t.json", "labelstudio", size=1000).replaced == 4
    exported = json.loads((tmp_path / "t.json").read_text(encoding="utf-8"))
    back = [answered(task, n, ("交通运输", "乙", "2026-03-09T22:16:08Z")) for n, task in enumerate(exported)]
    assert import_file(tmp_path / "run", write(tmp_path / "run", back), role="reviewer").taken == len(texts)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "neither a workbook nor JSON"),
        ("编号,标签\n1,交通".encode(), "neither a workbook nor JSON"),
        (b"PK\x03\x04 and no more", "cannot be read"),
        (b"\xd0\xcf\x11\xe0 old", "cannot be read"),
        (b'[{"data": {', "not valid JSON"),
        (b"\xff\xfe[\x00", "neither a workbook nor JSON"),
    ],
)
def test_another_file_is_one_line(run: Path, content: bytes, told: str) -> None:
    path = run.parent / "f.bin"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=told) as error:
        import_file(run, path)
    assert "\n" not in str(error.value)


def test_what_cannot_be_written_is_refused_before_it_is_begun(run: Path) -> None:
    with pytest.raises(UsageError, match="lies inside the run"):
        export_file(run, run / "labels.xlsx", "xlsx", size=10)
    with pytest.raises(UsageError, match="a workbook never shows"):
        export_file(run, run.parent / "f.xlsx", "xlsx", size=10, predictions=True)
    with pytest.raises(UsageError, match="the labelling configuration gets this name"):
        export_file(run, run.parent / "f.xml", "labelstudio", size=10)
    with pytest.raises(UsageError, match="at least 1"):
        export_file(run, run.parent / "f.xlsx", "xlsx", size=0)
    with pytest.raises(UsageError, match="no such file"):
        import_file(run, run.parent / "f.xlsx")
    assert not list(run.parent.glob("*.x*"))


def test_another_seed_draws_other_records_and_the_same_one_the_same(run: Path) -> None:
    def ids(seed: int) -> list[str]:
        return [task["data"]["record"] for task in tasks(run, seed=seed)]

    assert ids(1) == ids(1) != ids(2)


def test_what_people_may_have_filled_in_is_not_written_over(run: Path) -> None:
    path = fill(workbook(run), ("交通运输", "甲"))
    with pytest.raises(UsageError, match="exists already"):
        export_file(run, path, "xlsx", size=3)
    assert import_file(run, path).taken == 1


def decide(run: Path, *given: Decision) -> None:
    decisions.append(Run(run).private / decisions.NAME, given)


def word(case: cases.Case, by: str, value: str | None, **changes: Any) -> Decision:
    base = {"id": case.id, "stage": "label", "content": case.content, "scheme": "letters"}
    shown = changes.pop("shown", Shown())
    machine = case.suggestion.machine if case.suggestion else None
    shown = shown.model_copy(update={"machine": machine})
    return Decision(**{**base, "by": by, "value": value, "shown": shown, **changes})


def labelled(run: Path, count: int) -> list[cases.Case]:
    """Records whose label came with them."""
    reviewable = cases.load(run)
    ids = [row["id"] for row in reviewable.brief.to_pylist() if row["method"] == "input"]
    return reviewable.cases(ids[:count])


def test_agreement_counts_unaided_answers_only(run: Path) -> None:
    ten = labelled(run, 10)
    for number, case in enumerate(ten):
        one, other = ("交通运输", "环境保护") if number < 5 else ("环境保护", "交通运输")
        decide(run, word(case, "甲", one, seconds=4.0))
        decide(run, word(case, "乙", one if number != 4 else other, role="reviewer", seconds=8.0))
        aided = Shown(suggestion=True, other=True)
        decide(run, word(case, "丙", "卫生计生", role="reviewer", shown=aided))
    done = summarise(run)
    assert (done.answered, done.reviewed, done.overruled) == (10, 10, 10)
    assert done.agreement.units == 10
    assert done.agreement.people == ("person-1", "person-2")
    # nine pairs agree; 9 of 20 answers are of one label: 1 - 19 * 2 / (2 * 9 * 11)
    assert done.agreement.alpha == pytest.approx(1 - 19 * 2 / (2 * 9 * 11))
    assert done.seconds == 6.0
    told = "\n".join(done.lines())
    assert "甲" not in told and "Krippendorff" in told


def test_answers_about_an_earlier_text_are_another_question(run: Path) -> None:
    (case,) = labelled(run, 1)
    decide(run, word(case, "甲", "交通运输"), word(case, "乙", "环境保护", content="0" * 32))
    done = summarise(run).agreement
    assert (done.units, done.alone) == (0, 2)


def test_who_follows_the_machine_is_seen(run: Path) -> None:
    four = labelled(run, 4)
    suggested = [case.suggestion.value for case in four if case.suggestion]
    assert len(suggested) == 4
    for number, (case, label) in enumerate(zip(four, suggested, strict=True)):
        other = "卫生计生" if label != "卫生计生" else "交通运输"
        first = word(case, "甲", other)
        decide(run, first)
        if number < 3:
            decide(run, word(case, "甲", label, shown=Shown(suggestion=True)))
    (person,) = summarise(run).people
    assert (person.answers, person.changed) == (4, 3)
    assert (person.aided, person.unaided) == (Share(3, 3), Share(0, 1))


def test_the_audit_measures_what_was_drawn_at_random(run: Path) -> None:
    cases_ = labelled(run, 24)
    for number, case in enumerate(cases_):
        assert case.suggestion is not None
        right = case.suggestion.value
        wrong = "卫生计生" if right != "卫生计生" else "交通运输"
        drawn = number < 22
        shown = Shown(reason=AUDIT if drawn else "conflict")
        decide(run, word(case, "甲", right if 0 < number < 21 else wrong, shown=shown))
    decide(run, word(cases_[21], "乙", None, role="reviewer", shown=Shown(reason=AUDIT)))
    audit = summarise(run).audit
    assert audit.machine is None and audit.given is not None
    assert audit.given.right == Share(20, 21)
    # Clopper-Pearson: with this precision 20 or more of 21 are right with a probability of 10 %
    p = audit.given.bound
    assert 21 * p**20 * (1 - p) + p**21 == pytest.approx(0.1)
    assert (audit.undecided, audit.unknown) == (1, 0)


def test_an_audit_outlives_the_run_that_applies_it(run: Path) -> None:
    (case,) = labelled(run, 1)
    decide(run, word(case, "甲", "交通运输", shown=Shown(reason=AUDIT)))
    before = summarise(run).audit
    settings = ["anonymise.names=none", "anonymise.residual=none", "label.precision=0.8"]
    curate(load("dispatch", settings=settings), [run.parent / "sample" / "data"], run)
    after = summarise(run).audit
    assert before == after and after.given is not None and after.unknown == 0
    again = cases.load(run).cases([case.id])[0]
    assert again.suggestion is not None and again.suggestion.machine is None


def test_the_commands_work_from_end_to_end(run: Path) -> None:
    app = typer.Typer()
    for command in (cli.review_export, cli.review_import, cli.review_agreement):
        app.command()(command)

    def call(*arguments: object) -> Any:
        return CliRunner().invoke(app, [str(each) for each in arguments])

    path = run.parent / "f.xlsx"
    nobody = call("review-agreement", run)
    assert isinstance(nobody.exception, UsageError)
    assert "nobody has labelled" in str(nobody.exception)
    assert "10  records -> " in call("review-export", run, "-o", path, "--size", 10).output
    fill(path, *[("不知道什么", "甲")] * 25)
    bad = call("review-import", run, path)
    assert isinstance(bad.exception, FaultyFileError)
    assert str(bad.exception).startswith("f.xlsx: ")
    fill(path, *[("交通运输", "甲", "交通运输", "乙")] * 10, *[(None, None)] * 15)
    good = call("review-import", run, path)
    assert good.exit_code == 0
    assert good.output.splitlines()[0].split() == ["20", "answers", "taken", "over"]
    as_json = json.loads(call("review-agreement", run, "--json").output)
    assert (as_json["answered"], as_json["reviewed"]) == (10, 10)
    assert "甲" not in json.dumps(as_json, ensure_ascii=False)


def test_twenty_faults_are_told_and_the_rest_counted(run: Path) -> None:
    app = typer.Typer()
    app.command()(cli.review_import)
    path = fill(workbook(run, size=25), *[("不知道什么", "甲")] * 25)
    ended = CliRunner().invoke(app, [str(run), str(path)])
    assert len(ended.stderr.splitlines()) == 20
    assert "25 faults; nothing was imported" in str(ended.exception)
