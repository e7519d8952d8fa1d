"""A language model in a recipe: it votes where nothing was labelled, and only what may leave reaches it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from curation import curate, parquet
from curation import recipe as recipes
from curation.errors import UsageError
from curation.run import Run

STAGES = ("clean", "screen", "split", "anonymise", "label")


def recipe(llm: dict[str, Any], stages: tuple[str, ...] = STAGES) -> recipes.Recipe:
    options: dict[str, dict[str, Any]] = {
        "split": {"by": "id"},
        "anonymise": {"names": "none", "residual": "none"},
        "label": {"taxonomy": "letters", "llm": {"names": "none", "examples": 0, **llm}},
    }
    entries = [{name: options.get(name, {})} for name in stages]
    return recipes.parse({"schema": "curation/1", "name": "asked", "kind": "letter", "stages": entries})


def labels(run: Path) -> dict[str, dict[str, Any]]:
    found = [row for path in Run(run).data for row in parquet.read(path).to_pylist()]
    return {row["id"]: row["labels"][-1] for row in found}


def test_the_model_votes_beside_the_rules_and_what_left_is_on_record(
    serve: Callable[..., Any], tmp_path: Path
) -> None:
    server = serve(lambda text, _: {"value": "卫生计生" if "医院" in text else "无法判断"})
    rows = [
        {"id": "a", "text": "医院里排队两个小时，请打13900139001"},
        {"id": "b", "text": "今天的天气真好"},
        {"id": "c", "text": "医院的态度不好，公交也不好"},
    ]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    asked = recipe({"url": f"http://{server.host}/v1", "model": "m", "hosts": [server.host]})
    summary = curate(asked, [tmp_path / "in.jsonl"], tmp_path / "run")
    found = labels(tmp_path / "run")
    assert (found["a"]["value"], found["a"]["abstained"]) == ("卫生计生", False)  # the model and a keyword
    assert found["b"]["value"] is None and found["b"]["abstained"] and found["c"]["abstained"]
    assert {one["method"] for one in found.values()} == {"label_model"}
    assert len(server.received) == 3 and not any(b"13900139001" in sent for sent in server.received)
    private = Run(tmp_path / "run").private
    assert len((private / "egress.jsonl").read_text().splitlines()) == 6
    lock = json.dumps(Run(tmp_path / "run").lock())
    assert server.host not in lock and '"model": "m"' in lock
    assert any("3  requests in" in note for note in summary.notes)
    curate(asked, [tmp_path / "in.jsonl"], tmp_path / "run")
    assert len(server.received) == 3  # the answers are remembered


@pytest.mark.parametrize("missing", ["screen", "anonymise"])
def test_a_recipe_that_does_not_screen_and_anonymise_is_refused(missing: str) -> None:
    stages = tuple(name for name in STAGES if name != missing)
    with pytest.raises(UsageError, match="only screened and anonymised text may leave"):
        recipe({"url": "http://127.0.0.1:1/v1", "model": "m", "hosts": ["127.0.0.1:1"]}, stages)


def test_a_host_that_is_not_listed_is_refused_before_anything_is_read() -> None:
    with pytest.raises(UsageError, match="hosts"):
        recipe({"url": "http://127.0.0.1:1/v1", "model": "m"})
