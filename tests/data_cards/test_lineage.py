"""The events of a run are what openlineage-python would have written, and say the same each time."""

from __future__ import annotations

import dataclasses
import importlib
import itertools
import json
import pkgutil
import re
from pathlib import Path
from typing import Any

import pytest
from openlineage.client import generated
from openlineage.client.generated import base
from openlineage.client.serde import Serde

from data_cards.facts import Facts
from data_cards.lineage import EPOCH, render
from data_cards.outputs import build

Event = dict[str, Any]


@pytest.fixture(scope="module")
def events(run_facts: Facts) -> list[Event]:
    return [json.loads(line) for line in (render(run_facts) or "").splitlines()]


def facets() -> dict[str, type]:
    """The facets of the installed client, by the address of their schema."""
    found = {}
    for module in pkgutil.iter_modules(generated.__path__):
        for value in vars(importlib.import_module(f"{generated.__name__}.{module.name}")).values():
            if isinstance(value, type) and issubclass(value, base.BaseFacet):
                found[value._get_schema()] = value
    return found


def as_facets(given: Event) -> dict[str, Any]:
    """Objects of the client's classes: an unknown version or field, or one that lacks, is an error."""
    known = facets()
    made = {}
    for name, facet in given.items():
        schema, producer = facet["_schemaURL"], facet["_producer"]
        said = {key: value for key, value in facet.items() if not key.startswith("_")}
        made[name] = known[schema](**said, producer=producer)
    return made


def as_dataset(given: Event, kind: str) -> Any:
    shared = {
        "namespace": given["namespace"],
        "name": given["name"],
        "facets": as_facets(given.get("facets", {})),
    }
    if kind == "inputs":
        return base.InputDataset(**shared)
    return base.OutputDataset(**shared, outputFacets=as_facets(given.get("outputFacets", {})))


def as_event(given: Event) -> base.RunEvent:
    return base.RunEvent(
        eventTime=given["eventTime"],
        producer=given["producer"],
        eventType=base.EventType(given["eventType"]),
        run=base.Run(given["run"]["runId"], as_facets(given["run"]["facets"])),
        job=base.Job(given["job"]["namespace"], given["job"]["name"], as_facets(given["job"]["facets"])),
        inputs=[as_dataset(each, "inputs") for each in given["inputs"]],
        outputs=[as_dataset(each, "outputs") for each in given["outputs"]],
    )


def without_empty(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_empty(each) for key, each in value.items() if each not in ({}, [])}
    return [without_empty(each) for each in value] if isinstance(value, list) else value


def test_each_event_is_one_of_the_client_and_comes_back_the_same(events: list[Event]) -> None:
    for given in events:
        assert without_empty(Serde.to_dict(as_event(given))) == without_empty(given)


def test_a_facet_that_the_client_does_not_know_would_be_noticed(events: list[Event]) -> None:
    spoilt = json.loads(json.dumps(events[0]))
    spoilt["job"]["facets"]["jobType"]["invented"] = 1
    with pytest.raises(TypeError):
        as_event(spoilt)


def test_each_run_starts_once_and_completes_once(events: list[Event], run_facts: Facts) -> None:
    assert run_facts.lock
    kinds: dict[str, list[str]] = {}
    for event in events:
        kinds.setdefault(event["run"]["runId"], []).append(event["eventType"])
    assert all(said == ["START", "COMPLETE"] for said in kinds.values())
    assert len(kinds) == 2 + len(run_facts.lock["recipe"]["stages"])  # the whole, and reading the input
    parents = {event["run"]["facets"].get("parent", {}).get("run", {}).get("runId") for event in events[1:-1]}
    assert parents == {events[0]["run"]["runId"]} == {events[-1]["run"]["runId"]}


def test_a_stage_reads_what_the_one_before_it_wrote(events: list[Event]) -> None:
    stages = [event for event in events[1:-1] if event["eventType"] == "COMPLETE"]
    for before, after in itertools.pairwise(stages):
        assert [each["name"] for each in after["inputs"]] == [each["name"] for each in before["outputs"]]


def test_records_left_after_a_stage_are_counted(events: list[Event], run_facts: Facts) -> None:
    """The last stage's output is what was published, so the funnel adds up."""
    counted, last = run_facts.metrics["records"], events[-2]
    assert last["outputs"][0]["outputFacets"]["outputStatistics"]["rowCount"] == counted["kept"]
    (left,) = events[2]["outputs"]
    funnel = run_facts.metrics["funnel"]["ingest"]
    assert left["outputFacets"]["outputStatistics"]["rowCount"] == counted["input"] - sum(
        funnel["dropped"].values()
    )


def test_inputs_are_digests_and_outputs_are_files(events: list[Event], run_facts: Facts) -> None:
    assert run_facts.lock
    whole = events[-1]
    assert [each["name"] for each in whole["inputs"]] == [each["sha256"] for each in run_facts.lock["inputs"]]
    assert {each["name"] for each in whole["outputs"]} == {"data", *run_facts.metrics["files"]}
    for each in whole["outputs"][1:]:
        file = run_facts.metrics["files"][each["name"]]
        assert each["facets"]["version"]["datasetVersion"] == f"sha256:{file['sha256']}"


def test_texts_were_masked_and_identifiers_were_not(events: list[Event]) -> None:
    columns = events[-1]["outputs"][0]["facets"]["columnLineage"]["fields"]

    def masked(column: str) -> set[bool]:
        steps = [step for each in columns[column]["inputFields"] for step in each["transformations"]]
        return {step["masking"] for step in steps}

    assert all(True in masked(column) for column in ("title", "text", "reply"))
    assert masked("id") == masked("source") == {False}


def test_the_owner_is_whom_people_named(events: list[Event], run_facts: Facts) -> None:
    assert run_facts.answers.owner
    (owner,) = events[0]["job"]["facets"]["ownership"]["owners"]
    assert owner["name"] == run_facts.answers.owner.text("en")
    nobody = render(Facts(run_facts.metrics, run_facts.lock)) or ""
    assert "ownership" not in nobody


def test_no_clock_is_asked(run_facts: Facts, events: list[Event]) -> None:
    turned = json.loads(json.dumps(run_facts.metrics), object_pairs_hook=lambda pairs: dict(reversed(pairs)))
    assert render(run_facts) == render(dataclasses.replace(run_facts, metrics=turned))
    assert {event["eventTime"] for event in events} == {EPOCH}


def test_a_folder_that_is_no_run_has_no_lineage(folder_facts: Facts) -> None:
    assert render(folder_facts) is None


def test_no_name_of_an_input_file_is_published(folders: Any) -> None:
    build(folders.run, folders.private)
    text = (folders.run / "lineage.jsonl").read_text(encoding="utf-8")
    assert "来信登记" not in text and str(Path(folders.run)) not in text
    assert not re.search(r"\.(xlsx|csv|docx)\b", text)
    assert len(text.splitlines()) == 2 * 8
