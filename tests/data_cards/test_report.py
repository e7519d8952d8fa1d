"""The report says first whether the data may be used, holds what was measured, and gives nobody away."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation import ledger
from curation.errors import UsageError
from curation.run import Run
from data_cards import report
from data_cards.answers import Answers
from data_cards.dataset import Dataset, of_run
from data_cards.facts import Facts
from data_cards.options import Options
from data_cards.outputs import build, build_beside
from data_cards.questions import QUESTIONS
from data_cards.report import private
from data_cards.report.accounts import metrics_digest
from data_cards.report.inside import COLUMNS, Inside
from data_cards.report.verdict import LIMIT, verdict

LOCK: dict[str, Any] = {
    "govtune": "0.1.0",
    "recipe": {
        "name": "letters",
        "stages": [{"screen": {}}, {"deduplicate": {"threshold": 0.8}}, {"anonymise": {}}],
    },
    "packages": {"numpy": "2.0.0"},
    "key": None,
}
HOSTILE = "</script><script>window.hit=1</script><img src=x onerror='window.hit=1'>&\u2028"


def approved(**more: Any) -> Answers:
    """Every question that a release needs is answered."""
    said: dict[str, Any] = {each.field: "已说明" for each in QUESTIONS if each.before_release}
    return Answers.model_validate(
        said | {"level": "general", "approval": "张某审核，李某批准，2026-11-20，同意"} | more
    )


@pytest.fixture
def metrics(invented: dict[str, Any]) -> dict[str, Any]:
    return copy.deepcopy(invented)


@pytest.fixture
def dataset(folders: Any) -> Dataset:
    return of_run(Run(folders.run))


def said(metrics: dict[str, Any], answers: Answers) -> tuple[str, list[str]]:
    found = verdict(metrics, answers)
    return found.state, [reason.code for reason in found.reasons]


def test_it_is_fit_when_nothing_is_wrong_and_people_approved(metrics: dict[str, Any]) -> None:
    assert said(metrics, approved()) == ("fit", [])


def test_what_is_known_to_be_wrong_makes_it_unfit(metrics: dict[str, Any]) -> None:
    def breaks(code: str, *path: str, to: Any) -> None:
        broken = copy.deepcopy(metrics)
        place = broken
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = to
        assert said(broken, approved()) == ("unfit", [code])

    breaks("not_screened", "processing", "screened", to=False)
    breaks("not_anonymised", "processing", "anonymised", to=False)
    breaks("rescan_finds", "pii", "residual", "rescan", "records_with_findings", to=1)
    breaks("bound_too_high", "pii", "residual", "document_upper95", to=LIMIT + 1e-9)
    breaks("leakage", "decontamination", "shared_across_splits", to=1)
    breaks("leakage", "decontamination", "identical_across_splits", to=1)
    metrics["pii"]["residual"]["document_upper95"] = LIMIT
    metrics["decontamination"]["shared_across_splits"] = None
    assert said(metrics, approved()) == ("fit", [])


def test_what_nobody_knows_or_answered_needs_review(metrics: dict[str, Any]) -> None:
    assert said(metrics, Answers()) == ("review", ["no_legal_basis", "card_unanswered", "not_approved"])
    assert said(metrics, approved(approval=None)) == ("review", ["not_approved"])
    assert said(metrics, approved(legal_basis=None)) == ("review", ["no_legal_basis"])
    assert said(metrics, approved(retention=None)) == ("review", ["card_unanswered"])
    metrics["pii"]["residual"]["rescan"]["detector"] = "none/letters"
    assert said(metrics, approved()) == ("review", ["names_not_looked_for"])
    metrics["pii"]["residual"] = {"rescan": None, "audit": None, "document_upper95": None}
    metrics["labels"]["letters"]["precision"] = None
    codes = ["no_rescan", "no_bound", "labels_unmeasured"]
    assert said(metrics, approved()) == ("review", codes)
    metrics["labels"]["letters"]["methods"] = {"input": 800, "person": 56}
    assert said(metrics, approved()) == ("review", codes[:2])


def test_a_refusal_is_no_approval(metrics: dict[str, Any]) -> None:
    for words in ("审核结论：不同意公开", "Rejected by the data office"):
        assert said(metrics, approved(approval=words)) == ("unfit", ["approval_refused"])


def test_of_a_foreign_folder_nothing_is_assumed(bare: dict[str, Any]) -> None:
    assert said(bare, approved()) == ("review", ["processing_unknown", "no_rescan", "no_bound"])


def test_what_is_wrong_is_said_before_what_is_unknown(metrics: dict[str, Any]) -> None:
    metrics["decontamination"]["identical_across_splits"] = 2
    reasons = verdict(metrics, Answers()).reasons
    assert [reason.wrong for reason in reasons] == [True, False, False, False]


def test_both_languages_hold_the_same_numbers(metrics: dict[str, Any]) -> None:
    page = report.render(Facts(metrics, LOCK, approved(), metrics), "zh")
    chinese, english = (text.split("</main>")[0] for text in page.split("<main ")[1:])
    assert 'id="zh" lang="zh-CN"' in chinese and "hidden" not in chinese.partition(">")[0]
    assert 'id="en" lang="en"' in english and "hidden" in english.partition(">")[0]
    for number in ("1,510", "1,330", "1.57%", "94.80%", "91.5", metrics_digest(metrics), "c" * 64):
        assert number in chinese and number in english
    assert report.render(Facts(metrics, LOCK, approved(), metrics), "zh") == page
    other = report.render(Facts(metrics, LOCK, approved(), metrics), "en")
    assert other.index('id="en" lang="en"') < other.index('id="zh" lang="zh-CN"')
    assert '<html lang="en">' in other and "<title>Data report: letters</title>" in other


def test_words_of_one_language_do_not_get_into_the_other(
    bare: dict[str, Any], metrics: dict[str, Any]
) -> None:
    metrics["labels"], metrics["fields"] = {}, {}
    for key in ("regions", "issuers", "sources"):
        metrics[key] = None
    facts = Facts(metrics, LOCK, Answers())
    english = report.render(facts, "en").split("<main ")[1]
    assert not re.search("[\u4e00-\u9fff]", english)


def test_what_is_not_measured_says_so_and_why(bare: dict[str, Any]) -> None:
    page = report.render(Facts(bare, None), "en")
    english = page.split("<main ")[1]
    assert english.count("Not measured") >= 5
    assert "None" not in english and "null" not in english
    assert "外来数据" in english


def test_what_changed_since_the_version_before_is_beside_it(metrics: dict[str, Any]) -> None:
    before = copy.deepcopy(metrics)
    before["labels"]["letters"]["values"] = {"城乡建设": 10, "旅游": 30}
    before["published"]["records"] = 40
    page = report.render(Facts(metrics, LOCK, Answers(), before), "zh")
    assert "旅游 0 · 0.0%；上一版 30 · 75.0%；" in page
    assert "没有变化：子集、年份" in page
    assert "没有指定上一版" in report.render(Facts(metrics, LOCK), "zh")


def test_types_that_a_second_scan_cannot_judge_are_named_not_counted(metrics: dict[str, Any]) -> None:
    assert "虚构值" not in report.render(Facts(metrics, LOCK), "zh")
    metrics["pii"]["residual"]["rescan"]["undecided"] = ["PERSON"]
    page = report.render(Facts(metrics, LOCK), "zh")
    assert "形式相同）：姓名。" in page
    assert re.search("<code>PERSON</code></td>(<td>[0-9,]+</td>){3}<td>–</td>", page)
    assert re.search("<code>CN_MOBILE</code></td>(<td>[0-9,]+</td>){4}", page)


def test_names_that_look_like_markup_are_text(metrics: dict[str, Any]) -> None:
    labels = metrics["labels"].pop("letters")
    labels["values"] = {HOSTILE: 9}
    labels["confusion"] = {HOSTILE: {HOSTILE: 3}}
    metrics |= {"labels": {HOSTILE: labels}, "fields": {HOSTILE: metrics["fields"]["district"]}}
    metrics["dataset"]["name"] = HOSTILE
    metrics["funnel"]["screen"]["dropped"] = {HOSTILE: 5}
    metrics["pii"]["by_type"][HOSTILE] = {"found": 1, "replaced": 1, "kept": 0}
    answers = approved(owner=HOSTILE, legal_basis={HOSTILE: HOSTILE})
    inside = Inside(1, [[HOSTILE, *[0] * 4, 1, 1, 1, 0, 0, 0, 0, [], 0, 0]], ["", HOSTILE])
    page = report.render(Facts(metrics, LOCK, answers, metrics), "zh", inside)
    assert page.count("<script") == 2 == page.count("</script>")
    assert "<img" not in page
    data = re.search(r'id="lives">(.*?)</script>', page, re.DOTALL)
    assert data and "<" not in data[1]
    assert json.loads(data[1])["lives"][0][0] == HOSTILE


def test_nothing_is_loaded_and_nothing_runs_but_its_own_script(metrics: dict[str, Any]) -> None:
    page = report.render(Facts(metrics, LOCK, Answers()), "zh")
    policy = re.search('Content-Security-Policy" content="(.*?)"', page)
    assert policy and policy[1].startswith("default-src 'none';") and "unsafe" not in policy[1]
    assert not re.search(
        r"\s(src|style|on\w+)=", re.sub("<(script|style)>.*?</\\1>", "", page, flags=re.DOTALL)
    )
    links = re.findall(r'href="(.*?)"', page)
    assert links and all(link.startswith("#") for link in links)
    assert {link[1:] for link in links} <= set(re.findall(r' id="(.*?)"', page))


def test_the_public_report_holds_no_file_row_or_record(dataset: Dataset, metrics: dict[str, Any]) -> None:
    assert dataset.run
    inside = private.read(dataset)
    facts = Facts(metrics, dataset.run.lock())
    public, internal = report.render(facts, "zh"), report.render(facts, "zh", inside)
    for secret in ("来信登记.xlsx", "Sheet1", '"d3"', "内部文件，不得公开"):
        assert secret not in public and secret in internal
    assert 'id="lives"' not in public


def test_dropped_records_come_first_and_never_with_their_text(dataset: Dataset, folders: Any) -> None:
    inside = private.read(dataset)
    assert inside is not None
    assert (inside.records, len(inside.lives)) == (30, 30)
    fate = COLUMNS.index("fate")
    fates = [inside.texts[life[fate]] for life in inside.lives]
    assert fates == sorted(fates, key=lambda each: each == "kept") and fates.count("kept") == 20
    told = {life[0]: dict(zip(COLUMNS, life, strict=True)) for life in inside.lives}
    first = told["d3"]
    assert (inside.texts[first["file"]], inside.texts[first["reason"]], first["ref"]) == (
        "来信登记.xlsx",
        "exact_duplicate",
        "k00",
    )
    assert inside.texts[told["k18"]["made_by"]] == "articles" and told["k18"]["parent"] == "x0"
    assert inside.texts[told["k19"]["split"]] == "test"
    found = [
        (inside.texts[kind], count, inside.texts[action]) for kind, count, action in told["k00"]["found"]
    ]
    assert found == [("CN_MOBILE", 1, "replace"), ("PERSON", 1, "replace")]
    survivor = inside.dropped["deduplicate", "exact_duplicate"][0].survivor
    assert survivor and survivor.id == "k00"
    assert inside.dropped["ingest", "no_text"][0].survivor is None
    assert private.read(dataset) == inside


def test_examples_are_published_text_with_chips_and_masked_digits(folders: Any) -> None:
    table = folders.data("train")
    texts = [
        "来电人[姓名]，电话[手机号]，住12号楼3单元，" + "请尽快处理。" * 20,
        *table["text"].to_pylist()[1:],
    ]
    place = table.schema.get_field_index("text")
    folders.write_data("train", table.set_column(place, table.schema.field("text"), pa.array(texts)))
    inside = private.read(of_run(Run(folders.run)))
    assert inside and set(inside.found) == {"[姓名]", "[手机号]"}
    shown = inside.found["[手机号]"][0]
    assert "".join(piece.text for piece in shown.pieces).startswith(
        "来电人[姓名]，电话[手机号]，住××号楼×单元"
    )
    assert [piece.text for piece in shown.pieces if piece.placeholder] == ["[姓名]", "[手机号]"]
    assert shown.pieces[-1].text == "…"
    assert sum(len(piece.text) for piece in shown.pieces) < 100


def test_without_anonymising_no_text_is_shown_at_all(folders: Any) -> None:
    lock = folders.lock()
    lock["recipe"]["stages"] = [stage for stage in lock["recipe"]["stages"] if "anonymise" not in stage]
    folders.write_lock(lock)
    inside = private.read(of_run(Run(folders.run)))
    assert inside and not inside.found
    assert all(one.survivor is None for examples in inside.dropped.values() for one in examples)


def test_a_folder_without_a_ledger_has_nothing_inside(folders: Any) -> None:
    for path in (folders.private / "ledger").iterdir():
        path.unlink()
    assert private.read(of_run(Run(folders.run))) is None


def test_a_large_run_stays_below_a_megabyte(folders: Any, metrics: dict[str, Any]) -> None:
    rows: list[dict[str, Any]] = [
        {
            "id": f"{number:032x}",
            "fate": "kept",
            "source_details": {"file": f"来信{number % 40}.xlsx", "row": number},
        }
        for number in range(20_000)
    ]
    for number in range(0, 20_000, 3):
        rows[number] |= {"fate": "dropped", "stage": "deduplicate", "reason": "near_duplicate", "score": 0.87}
        rows[number] |= {"ref_id": f"{number + 1:032x}", "relation": "duplicate_of"}
    folders.write_ledger(pa.Table.from_pylist(rows, schema=ledger.SCHEMA))
    dataset = of_run(Run(folders.run))
    inside = private.read(dataset)
    assert inside and 5_000 < len(inside.lives) < inside.records == 20_000
    page = report.render(Facts(metrics, folders.lock(), approved(), metrics), "zh", inside)
    assert len(page.encode()) < 1_000_000
    assert f"本页载有 {len(inside.lives):,} 条（台账共 20,000 条" in page


def test_many_labels_and_files_are_not_all_listed(metrics: dict[str, Any]) -> None:
    names = [f"标签{number}" for number in range(60)]
    metrics["labels"]["letters"]["confusion"] = {
        name: {name: 100 - place, names[place - 1]: 1} for place, name in enumerate(names)
    }
    file = {"sha256": "e" * 64, "bytes": 1, "rows": 1}
    metrics["files"] = {f"data/train-{number:05}-of-09999.parquet": file for number in range(9_999)}
    page = report.render(Facts(metrics, LOCK), "zh")
    assert "另有 30 类记录较少" in page and "其余 9,899 个见" in page
    assert '<td class="heat4">100</td>' in page and '<th scope="row">标签59</th>' not in page
    assert len(page.encode()) < 400_000


@settings(max_examples=80)
@given(
    st.lists(
        st.sampled_from(["[姓名]", "[手机号]", "住", "12号", "三单元", "。", "[", "]", "☎13800000000"]),
        max_size=60,
    ),
    st.integers(0, 200),
    st.integers(1, 80),
)
def test_a_shown_piece_has_no_digit_and_no_broken_placeholder(
    parts: list[str], start: int, size: int
) -> None:
    text = "".join(parts)
    start = min(start, len(text))
    shown = private._shown("id", text, start, min(len(text), start + size))
    assert not re.search(r"\d", "".join(piece.text for piece in shown.pieces))
    whole = {"[姓名]", "[手机号]"}
    assert {piece.text for piece in shown.pieces if piece.placeholder} <= whole
    cut = [piece.text for piece in shown.pieces if not piece.placeholder]
    assert not any(each in piece for piece in cut for each in whole)


def test_a_report_of_other_people_is_not_replaced(tmp_path: Path) -> None:
    folder, card = tmp_path / "theirs", tmp_path / "card"
    folder.mkdir()
    (folder / "data.jsonl").write_text('{"text": "路灯不亮"}\n', encoding="utf-8")
    (folder / "report.html").write_text("<p>ours since 2019</p>", encoding="utf-8")
    with pytest.raises(UsageError, match=r"report\.html: not written by govtune; --card DIR"):
        build_beside(folder, Options())
    assert not (folder / "README.md").exists()
    build_beside(folder, Options(), card)
    first = (card / "report.html").read_bytes()
    build_beside(folder, Options(), card)
    assert (card / "report.html").read_bytes() == first


def test_figures_that_have_no_data_any_more_go_and_those_of_others_stay(folders: Any) -> None:
    place = folders.run / "figures"
    place.mkdir()
    for name in ("personal_data.zh.svg", "funnel.zh.svg", "years.en.png", "logo.svg"):
        (place / name).write_text("old", encoding="utf-8")
    lock = folders.lock()
    lock["recipe"]["stages"] = [stage for stage in lock["recipe"]["stages"] if "anonymise" not in stage]
    folders.write_lock(lock)
    build(folders.run, folders.private)
    found = {path.name for path in place.iterdir()}
    assert "personal_data.zh.svg" not in found and "years.en.png" not in found
    assert (place / "logo.svg").read_text(encoding="utf-8") == "old"
    assert (place / "funnel.zh.svg").read_text(encoding="utf-8").startswith("<svg")


def test_the_report_of_a_run_is_written_in_both_folders(dataset: Dataset) -> None:
    assert dataset.run
    build(dataset.run.folder, dataset.run.private)
    for folder in (dataset.run.folder, dataset.run.private):
        assert "<!DOCTYPE html>" in (folder / report.REPORT).read_text(encoding="utf-8")
    public = (dataset.run.folder / report.REPORT).read_text(encoding="utf-8")
    assert "来信登记" not in public


def test_the_facts_of_the_cards_make_reports_too(run_facts: Facts, folder_facts: Facts) -> None:
    for facts in (run_facts, folder_facts):
        page = report.render(facts, "zh")
        body = re.sub("<(script|style|code)>.*?</\\1>", "", page, flags=re.DOTALL)
        assert "`" not in body and "None" not in body and len(page.encode()) < 1_000_000
        assert str(facts.metrics["dataset"]["name"]) in body
