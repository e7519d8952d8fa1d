from __future__ import annotations

import pytest

from curation import as_map
from curation.clean import Clean
from curation.deduplicate.stage import Deduplicate
from curation.screen import Screen

TEXTS = ["路灯\u200b坏了", "机密★1年\n关于印发某某方案的通知", "路灯坏了"]


def test_a_stage_runs_over_a_dataset_and_leaves_its_own_columns(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    datasets = pytest.importorskip("datasets")
    dataset = datasets.Dataset.from_dict(
        {"id": ["a", "b", "c"], "text": TEXTS, "district": ["东", "西", "南"]}
    )
    arrow = dataset.with_format("arrow")
    done = arrow.map(as_map(Clean()), batched=True, batch_size=2).map(as_map(Screen()), batched=True)
    rows = done.with_format(None).to_list()
    assert [row["text"] for row in rows] == ["路灯坏了", TEXTS[1], TEXTS[2]]
    assert [row["fate"] for row in rows] == [None, "dropped", None]
    assert [row["district"] for row in rows] == ["东", "西", "南"]


def test_an_exchange_runs_with_its_verdict_only() -> None:
    from curation import records

    stage = Deduplicate()
    table = records.table({"id": ["a", "b"], "text": ["路灯坏了", "路灯坏了"]})
    with pytest.raises(TypeError, match="verdict"):
        as_map(stage)
    verdict = stage.decide(stage.keys(table), lambda ids, columns: table.select(["id", *columns]))
    after = as_map(stage, verdict)(table)
    assert after["fate"].to_pylist() == [None, "dropped"]
