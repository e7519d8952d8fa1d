"""Runs as tables in a notebook: every count agrees with the ledger read in another way."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from curation import Run, UsageError, curate, load
from curation.samples import generate

LIGHT = ["anonymise.names=none", "anonymise.residual=none"]


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("frames") / "sample"
    generate(folder, records=150)
    return folder / "data"


@pytest.fixture(scope="module")
def run(sample: Path) -> Run:
    """Chat examples made of letters: kept, dropped, expanded and made records."""
    folder = sample.parent / "run"
    curate(load("dispatch", settings=LIGHT), [sample], folder)
    return Run.load(folder)


@pytest.fixture(scope="module")
def ledger(run: Run) -> pd.DataFrame:
    return pd.concat(pd.read_parquet(path) for path in run.ledger)


@pytest.fixture
def copy(run: Run, tmp_path: Path) -> Run:
    """The published part alone, with the part of `metrics.json` that the ledger tells."""
    shutil.copytree(run.folder, tmp_path / "copy")
    steps = {
        row.stage: {
            "dropped": dict(_reason(each) for each in row.reasons.split(", ") if each),
            "expanded": row.expanded,
            "made": row.made,
        }
        for row in run.funnel().itertuples()
    }
    found = run.personal_data().set_index("type")
    metrics = {
        "funnel": steps,
        "records": {"input": int(run.funnel()["came_in"][0])},
        "pii": {"by_type": json.loads(found.to_json(orient="index"))},
    }
    text = json.dumps(metrics, sort_keys=True, default=int)
    (tmp_path / "copy" / "metrics.json").write_text(text, encoding="utf-8")
    return Run.load(tmp_path / "copy")


def _reason(told: str) -> tuple[str, int]:
    reason, number = told.split()
    return reason, int(number)


def test_the_funnel_tells_every_record_stage_by_stage(run: Run, ledger: pd.DataFrame) -> None:
    funnel = run.funnel().set_index("stage")
    assert funnel.index[0] == "ingest"
    assert list(funnel.index) == run.stages()
    fates = ledger.groupby("fate").size()
    assert funnel["dropped"].sum() == fates["dropped"]
    assert funnel["expanded"].sum() == fates["expanded"] > 0
    assert funnel["made"].sum() == ledger["parent"].notna().sum() > 0
    assert funnel["came_in"].iloc[0] == ledger["parent"].isna().sum()
    assert funnel["went_on"].iloc[-1] == fates["kept"]
    assert (funnel["came_in"].iloc[1:].to_numpy() == funnel["went_on"].iloc[:-1].to_numpy()).all()
    told = {row.stage: dict(_reason(each) for each in row.reasons.split(", ")) for row in _dropping(run)}
    counted = ledger[ledger["fate"] == "dropped"].groupby(["stage", "reason"]).size()
    assert {(stage, why): n for stage, all_ in told.items() for why, n in all_.items()} == counted.to_dict()


def _dropping(run: Run) -> list[Any]:
    return [row for row in run.funnel().itertuples() if row.dropped]


def test_personal_data_counts_what_was_published(run: Run) -> None:
    table = run.personal_data()
    found = pd.concat(pd.read_parquet(path) for path in run.findings)
    found = found[found["kept"]]
    assert dict(zip(table["type"], table["found"], strict=True)) == Counter(found["type"])
    assert table["kept"].sum() == (found["action"] == "keep").sum() > 0
    assert (table["replaced"] + table["kept"] == table["found"]).all()
    assert table["found"].is_monotonic_decreasing


def test_nothing_looked_for_is_not_nothing_found(sample: Path, tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "recipes" / "curation" / "default.yaml").read_text(encoding="utf-8")
    kept = [line for line in text.splitlines() if "anonymise" not in line]
    (tmp_path / "mine.yaml").write_text("\n".join(kept), encoding="utf-8")
    curate(load(str(tmp_path / "mine.yaml")), [sample / "领导信箱.jsonl"], tmp_path / "run")
    run = Run.load(tmp_path / "run")
    with pytest.raises(UsageError, match="no stage anonymise"):
        run.personal_data()
    assert "nothing looked for it" in (run._repr_html_() or "")


def test_dropped_names_the_place_each_record_came_from(run: Run, ledger: pd.DataFrame) -> None:
    table = run.dropped()
    assert set(table["id"]) == set(ledger.loc[ledger["fate"] == "dropped", "id"])
    same = run.dropped("exact_duplicate")
    assert set(same["reason"]) == {"exact_duplicate"}
    assert (same["relation"] == "duplicate_of").all()
    assert same["file"].notna().all()
    assert same["row"].dtype == "Int64"
    assert "text" not in table.columns


def test_a_reason_nobody_was_dropped_for_is_an_error_that_names_the_nearest(run: Run) -> None:
    with pytest.raises(UsageError, match="nothing was dropped for exact_dup; did you mean exact_duplicate"):
        run.dropped("exact_dup")


def test_a_trace_tells_a_life_in_order(run: Run) -> None:
    copy = run.dropped("exact_duplicate").iloc[0]
    life = run.trace(copy["id"])
    assert list(life["event"].iloc[[0, -2, -1]]) == ["read", "dropped", "duplicate_of"]
    assert life["record"].iloc[-1] == copy["ref_id"]
    assert f"row {copy['row']}" in life["detail"].iloc[0]
    assert life["detail"].iloc[-2] == "exact_duplicate"
    original = run.trace(copy["ref_id"])
    assert copy["id"] in set(original.loc[original["event"] == "stands for", "record"])


def test_a_made_record_and_the_one_it_was_made_of_name_each_other(run: Run, ledger: pd.DataFrame) -> None:
    child = ledger[(ledger["fate"] == "kept") & ledger["parent"].notna()].iloc[0]
    life = run.trace(child["id"])
    assert (life["event"].iloc[0], life["record"].iloc[0]) == ("made", child["parent"])
    assert life["event"].iloc[-1] == "published"
    assert list(life["event"]).count("kept") == 1
    parent = run.trace(child["parent"])
    assert child["id"] in set(parent.loc[parent["event"] == "became", "record"])
    treated = parent[parent["stage"] == "anonymise"]
    assert treated["count"].sum() == sum(
        (pd.read_parquet(path)["id"] == child["parent"]).sum() for path in run.findings
    )


def test_what_differs_from_an_older_run_is_told_by_record(run: Run, tmp_path: Path) -> None:
    assert run.diff(run.folder).empty
    older = {"a": "小区门口的路灯坏了半个月", "b": "井盖丢了三天没有人管", "c": "垃圾站清早漏了一路污水"}
    newer = {"a": older["a"], "b": older["b"] + "，请尽快处理", "d": "公交站牌被树枝挡住看不清"}
    for name, texts in (("old", older), ("new", newer)):
        rows = [json.dumps({"id": each, "text": text}, ensure_ascii=False) for each, text in texts.items()]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(rows), encoding="utf-8")
        curate(load("default", settings=LIGHT), [tmp_path / f"{name}.jsonl"], tmp_path / name)
    table = Run.load(tmp_path / "new").diff(tmp_path / "old").set_index("id")
    assert table.loc[["b", "c", "d"], "change"].to_dict() == {"b": "changed", "c": "removed", "d": "added"}
    assert table.loc["b", "columns"].split(", ")[0] == "text"
    assert table.loc["c", "columns"] == ""
    assert table["split_old"].isna().to_dict()["d"]
    assert table["split_new"].isna().to_dict()["c"]
    back = Run.load(tmp_path / "old").diff(Run.load(tmp_path / "new")).set_index("id")
    assert back.loc[["b", "c", "d"], "change"].to_dict() == {"b": "changed", "c": "added", "d": "removed"}


def test_no_table_holds_a_record_text(run: Run, sample: Path) -> None:
    words = [
        json.loads(line)["text"][:12]
        for line in (sample / "领导信箱.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    shown = run.funnel().to_csv() + run.dropped().to_csv() + run.personal_data().to_csv()
    shown += "".join(run.trace(record).to_csv() for record in run.dropped()["id"][:5])
    shown += run._repr_html_() or ""
    assert words
    assert not any(word in shown for word in words)


def test_a_published_copy_tells_its_counts_and_names_what_is_missing(run: Run, copy: Run) -> None:
    pd.testing.assert_frame_equal(copy.funnel(), run.funnel())
    pd.testing.assert_frame_equal(copy.personal_data(), run.personal_data())
    for ask in (copy.dropped, lambda: copy.trace("n0")):
        with pytest.raises(UsageError, match=r"copy\.private: no ledger"):
            ask()
    (copy.folder / "metrics.json").unlink()
    with pytest.raises(UsageError, match=r"copy\.private: no ledger, and metrics\.json"):
        copy.funnel()
    assert "a published copy" in (copy._repr_html_() or "")


def test_load_takes_a_finished_run_only(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not a finished run"):
        Run.load(tmp_path)
    assert Run(tmp_path)._repr_html_() is None


def test_the_summary_is_escaped_and_links_what_is_there(run: Run, copy: Run) -> None:
    html = run._repr_html_() or ""
    kept = run.lock()["records"]["kept"]
    assert f"{kept:,}" in html
    assert "href" not in html  # this run has no card
    (copy.folder / "README.md").write_text("", encoding="utf-8")
    lock = json.loads((copy.folder / "govtune.lock.json").read_text(encoding="utf-8"))
    lock["recipe"]["name"] = "<script>alert(1)</script>"
    (copy.folder / "govtune.lock.json").write_text(json.dumps(lock), encoding="utf-8")
    html = copy._repr_html_() or ""
    assert "<script" not in html
    assert "README.md</a>" in html
