"""The front matter of data cards: what the Hub reads, and that its own library reads the same."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from curation.errors import UsageError
from curation.writing.hub import card_faults, faults
from data_cards.answers import Answers
from data_cards.card import front_matter, render
from data_cards.facts import Facts


def test_front_matter_of_a_run(run_facts: Facts) -> None:
    front = front_matter(run_facts.metrics, Answers())
    assert front == {
        "language": ["zh"],
        "license": ["cc-by-4.0", "other"],
        "license_name": "政务数据开放协议",
        "pretty_name": "letters",
        "size_categories": ["n<1K"],
        "task_categories": ["text-classification"],
        "annotations_creators": ["found", "machine-generated"],
        "tags": ["govtune", "de-identified"],
    }


def test_licence_that_people_gave_the_whole_goes_before_those_of_the_records(run_facts: Facts) -> None:
    assert front_matter(run_facts.metrics, run_facts.answers)["license"] == "cc-by-4.0"


def test_of_a_folder_no_language_is_made_up(folder_facts: Facts) -> None:
    assert "language" not in front_matter(folder_facts.metrics, Answers())


def test_a_folder_says_which_files_are_which_split(folder_facts: Facts) -> None:
    front = front_matter(folder_facts.metrics, Answers())
    files = [{"split": name, "path": [f"{name}.jsonl"]} for name in ("test", "train")]
    assert front["configs"] == [{"config_name": "default", "data_files": files}]


def test_a_folder_with_a_card_loads_its_data_and_nothing_else(folder_facts: Facts, tmp_path: Path) -> None:
    from datasets import load_dataset

    for path, each in folder_facts.metrics["files"].items():
        (tmp_path / path).write_text('{"text": "路灯坏了"}\n' * each["rows"], encoding="utf-8")
    (tmp_path / "metrics.json").write_text("{}")
    (tmp_path / "README.md").write_text(render(folder_facts, "zh"), encoding="utf-8")
    loaded = load_dataset(str(tmp_path), cache_dir=str(tmp_path / "cache"))
    assert {name: split.num_rows for name, split in loaded.items()} == {"train": 9, "test": 3}


@pytest.mark.parametrize(
    ("values", "missing", "license"),
    [({"Apache-2.0": 3}, 0, "apache-2.0"), ({}, 3, "unknown"), ({"mit": 1}, 2, ["mit", "unknown"])],
)
def test_licence_of_the_records(run_facts: Facts, values: Any, missing: int, license: Any) -> None:
    counts = {"values": values, "others": {"values": 0, "records": 0}, "missing": missing}
    front = front_matter({**run_facts.metrics, "licenses": counts}, Answers())
    assert front["license"] == license
    assert "license_name" not in front


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("name", ["run_facts", "folder_facts"])
def test_the_library_of_the_hub_reads_the_same(request: pytest.FixtureRequest, name: str, lang: Any) -> None:
    from huggingface_hub import DatasetCard

    card = render(request.getfixturevalue(name), lang)
    read = DatasetCard(card, ignore_metadata_errors=False).data.to_dict()  # type: ignore[no-untyped-call]
    assert read == yaml.safe_load(card.split("---\n")[1])
    assert card_faults(card) == []


def test_a_card_that_the_hub_would_refuse_is_not_written(run_facts: Facts) -> None:
    metrics = copy.deepcopy(dict(run_facts.metrics))
    metrics["dataset"]["name"] = " "
    with pytest.raises(UsageError, match=r"README\.md, front matter: pretty_name: must be text"):
        render(Facts(metrics, run_facts.lock), "zh")


def test_chat_examples_are_for_text_generation(run_facts: Facts) -> None:
    chat = {"examples": 1, "messages": {"min": 2, "max": 2}, "roles": {}}
    front = front_matter({**run_facts.metrics, "chat": chat, "labels": {}}, Answers())
    assert front["task_categories"] == ["text-generation"]
    assert front["annotations_creators"] == ["no-annotation"]
    assert not list(faults(front))
