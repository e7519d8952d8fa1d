"""Gates over the metrics: a tiny language, strict, in which nothing passes because nobody measured."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.errors import UsageError
from curation.intervals import upper_bound
from curation.shipped import names
from data_cards import junit, policy
from data_cards.check import CheckResult
from data_cards.outputs import build
from data_cards.policy import Outcome, judge, parse

METRICS: dict[str, Any] = {
    "records": {"kept": 1200},
    "processing": {"anonymised": True, "replacement": "placeholder"},
    "labels": {"letters": {"precision": {"labelled": 60, "right": 60, "lower95": 0.9513}}},
    "fields": {"a.b": {"missing": 3}},
    "pii": {
        "found": None,
        "residual": {"document_upper95": 0.0582, "audit": {"records": 50, "with_findings": 0}},
    },
    "tc609": {
        "score": 91.5,
        "data": {"score": None, "metrics": {"0201": {"score": None, "basis": "no_text"}}},
    },
    "duplicates": None,
    "unmeasured": {"duplicates": "not_run", "pii.found": "no_ledger", "tc609.data.score": "needs_model"},
}
ANSWERS = {"purpose": {"zh": ["训练"]}, "legal_basis": {}, "owner": None}


def outcome(text: str) -> Outcome:
    (found,) = judge([parse(text)], METRICS, ANSWERS)
    return found


@pytest.mark.parametrize(
    "text",
    [
        *("records.kept >= 1000", "records.kept>1199", "records.kept == 1200", "records.kept != 7"),
        *("records.kept < 1.3e3", "pii.residual.document_upper95 <= .06", "fields.a.b.missing <= 3"),
        *("processing.anonymised == true", "processing.replacement == placeholder", "tc609 >= 90"),
        *("answers.purpose is stated", "duplicates == null", "labels.letters.precision.lower95 >= .95"),
    ],
)
def test_a_gate_that_is_met(text: str) -> None:
    assert (outcome(text).met, outcome(text).why) == (True, "")


@pytest.mark.parametrize(
    "text, why",
    [
        ("records.kept >= 2000", "is 1200"),
        ("processing.anonymised != true", "is True"),
        ("tc609 >= 92", "is 91.5"),
        ("duplicates.exact <= 5", "not measured (not_run)"),
        ("pii.found <= 5", "not measured (no_ledger)"),
        ("tc609.data >= 5", "not measured (needs_model)"),
        ("tc609.data.metrics.0201 >= 5", "not measured (no_text)"),
        ("answers.legal_basis is stated", "not stated"),
        ("answers.owner is stated", "not stated"),
    ],
)
def test_a_gate_that_is_not_met_says_why(text: str, why: str) -> None:
    assert (outcome(text).met, outcome(text).why) == (False, why)


def test_too_few_records_read_are_told_from_too_many_faults() -> None:
    """Of 50 records without a fault the bound is 5.8 %; 74 would be enough for 4 %."""
    assert upper_bound(0, 73, 0.05) > 0.04 >= upper_bound(0, 74, 0.05)
    assert outcome("pii.residual.document_upper95 <= .04").why == (
        "is 0.0582; 24 more records read without a fault would meet it"
    )
    faulty = json.loads(json.dumps(METRICS))
    faulty["pii"]["residual"]["audit"]["with_findings"] = 4
    (found,) = judge([parse("pii.residual.document_upper95 <= .04")], faulty, ANSWERS)
    assert found.why == "is 0.0582"


def test_too_few_labels_read_are_told_as_well() -> None:
    assert "; 239 more records" in outcome("labels.letters.precision.lower95 >= .99").why


@given(st.integers(0, 3), st.integers(1, 400), st.floats(0.005, 0.5))
def test_the_records_that_are_asked_for_are_enough_and_not_one_too_many(
    faults: int, read: int, limit: float
) -> None:
    read += faults
    metrics = {"pii": {"residual": {"audit": {"records": read, "with_findings": faults}}}}
    bound = float(upper_bound(faults, read, 0.05))
    metrics["pii"]["residual"]["document_upper95"] = bound  # type: ignore[assignment]
    (found,) = judge([parse(f"pii.residual.document_upper95 <= {limit}")], metrics, {})
    if "; " in found.why:
        more = int(found.why.partition("; ")[2].partition(" ")[0].replace(",", ""))
        assert upper_bound(faults, read + more, 0.05) <= limit < upper_bound(faults, read + more - 1, 0.05)
    else:
        assert found.met or faults / read >= limit


@pytest.mark.parametrize(
    "text, said",
    [
        ("record.kept >= 1", "unknown key record; did you mean records?"),
        ("records.kpt >= 1", "unknown key records.kpt; did you mean records.kept?"),
        ("answers.legalbasis is stated", "did you mean answers.legal_basis?"),
        ("records >= 1", "records is not one figure; name one of its keys: kept"),
        ("processing.replacement >= 1", "processing.replacement is no number"),
        ("records.kept.x >= 1", "unknown key records.kept.x"),
    ],
)
def test_a_key_that_is_none_is_wrong_usage(text: str, said: str) -> None:
    with pytest.raises(UsageError) as error:
        outcome(text)
    assert said in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    "text",
    ["records.kept", "records.kept =< 1", ">= 1", "records.kept >= ", "x is given", "__import__('os') >= 1 1",
     "records.kept >= many", "records.kept >= true"],
)  # fmt: skip
def test_what_is_no_expression_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="gate"):
        parse(text)


@given(st.text(max_size=40))
def test_any_text_is_an_expression_or_refused(text: str) -> None:
    try:
        judge([parse(text)], METRICS, ANSWERS)
    except UsageError as error:
        assert str(error).startswith("gate")


def test_files_are_read_strictly(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("schema: gates/1\ngate: [tc609 >= 1]\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"mine\.yaml: gate: unknown key; did you mean gates\?"):
        policy.read(str(path))
    path.write_text("schema: gates/1\ngates: [tc609 >= 1, tc609]\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"mine\.yaml, gate 2: tc609: not `key operator limit`"):
        policy.read(str(path))
    path.write_text("schema: gates/1\ngates: []\n", encoding="utf-8")
    with pytest.raises(UsageError, match="holds no expression"):
        policy.read(str(path))


def test_shipped_gates_name_figures_that_exist(folders: Any) -> None:
    facts = build(folders.run, folders.private)
    assert "release" in names(policy.KIND)
    for name in names(policy.KIND):
        judge(policy.read(name), facts.metrics, facts.answers.model_dump(mode="json"))


def test_the_command_ends_with_1_where_a_gate_is_not_met(
    folders: Any, govtune: Callable[..., Any], tmp_path: Path
) -> None:
    build(folders.run, folders.private)
    path = tmp_path / "mine.yaml"
    path.write_text(
        "schema: gates/1\ngates: [records.kept >= 20, answers.owner is stated]\n", encoding="utf-8"
    )
    result = govtune("card", "check", folders.run, "--policy", path, "--junit", tmp_path / "junit.xml")
    assert result.code == 1
    assert "gate met: records.kept >= 20\ngate not met: answers.owner is stated: not stated\n" in result.out
    suite = ElementTree.parse(tmp_path / "junit.xml").getroot()[0]
    assert (suite.get("failures"), suite.get("name")) == ("1", "run")
    failed = [case.get("name") for case in suite.iter("testcase") if case.find("failure") is not None]
    assert failed == ["answers.owner is stated"]
    path.write_text("schema: gates/1\ngates: [records.kept >= 20]\n", encoding="utf-8")
    assert govtune("card", "check", folders.run, "--policy", path).code == 0
    path.write_text("schema: gates/1\ngates: [records.kep >= 20]\n", encoding="utf-8")
    wrong = govtune("card", "check", folders.run, "--policy", path)
    assert (wrong.code, wrong.errors) == (
        2, ["govtune: gate records.kep >= 20: unknown key records.kep; did you mean records.kept?"]
    )  # fmt: skip


def test_json_has_the_gates(folders: Any, govtune: Callable[..., Any], tmp_path: Path) -> None:
    build(folders.run, folders.private)
    path = tmp_path / "mine.yaml"
    path.write_text("schema: gates/1\ngates: [tokens.total >= 20]\n", encoding="utf-8")
    told = json.loads(govtune("card", "check", folders.run, "--policy", path, "--json").out)
    assert told["passed"] is False and told["problems"] == []
    assert told["gates"] == [
        {"gate": "tokens.total >= 20", "met": False, "value": None, "why": "not measured (no_tokenizer)"}
    ]


@given(st.text(), st.text())
def test_junit_is_xml_whatever_is_said(problem: str, name: str) -> None:
    result = CheckResult(notes=[problem])
    result.checks["numbers"].append(problem + "]]><x>&")
    root = ElementTree.fromstring(junit.render(result, name).encode())
    (failure,) = root.iter("failure")
    assert failure.get("type") == "card" and (failure.text or "").endswith("]]><x>&")
    assert root[0].get("tests") == str(len(result.checks))
