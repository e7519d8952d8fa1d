"""The shipped verticals: every training recipe runs from records to figures, whatever the base."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from curation.instruct.task import load as load_task
from training import recipe as recipes
from training.evaluate.run import evaluate
from training.run import TrainingRun, train

GUIDES = [
    {
        "title": f"第{k}类补贴申请",
        "text": f"实施主体：柳荫市第{k}服务中心\n办理材料：身份证、申请表{k}\n咨询电话：0999-12345{k:02}",
        "split": "test" if k % 4 == 3 else "train",
    }
    for k in range(8)
]
LETTERS = [
    {
        "title": f"{place}路灯不亮",
        "text": f"{place}的路灯坏了{k + 2}天，请尽快维修。",
        "label": "城乡建设",
        "reply": f"您好，{place}的路灯已派人维修。",
        "split": "test" if k % 4 == 3 else "train",
    }
    for k, place in enumerate(
        ["柳荫里", "石桥街", "南湖边", "北门外", "梧桐巷", "青石坡", "东风路", "西泽湾"]
    )
]
RECORDS = {"consultation": GUIDES, "dispatch": LETTERS, "reply": LETTERS}
FIGURES = {
    "consultation": {"n", "loss", "accuracy", "interval", "refusal", "grounded", "stops"},
    "dispatch": {"n", "accuracy", "interval", "macro_f1", "by_label"},
    "reply": {"n", "loss", "chrf", "invented", "stops"},
}


def test_each_shipped_recipe_is_tried_here() -> None:
    assert recipes.names() == sorted(RECORDS)


@pytest.mark.parametrize("vertical", sorted(RECORDS))
def test_a_vertical_is_a_folder_with_recipe_task_curation_and_both_readmes(vertical: str) -> None:
    folder = recipes.find(vertical).parent
    shipped = folder.parent.parent
    assert load_task(vertical).name == vertical
    assert (shipped / "curation" / f"{vertical}.yaml").is_file()
    for readme in ("README.md", "README.zh-CN.md"):
        text = (folder / readme).read_text(encoding="utf-8")
        for command in ("govtune curate", "govtune train", "govtune evaluate"):
            assert f"{command} " in text
        for linked in ("recipe.yaml", f"../../tasks/{vertical}.yaml", f"../../curation/{vertical}.yaml"):
            assert f"]({linked})" in text
            assert (folder / linked).is_file()


@pytest.mark.parametrize("vertical", sorted(RECORDS))
def test_a_recipe_for_a_real_model_leaves_the_model_to_its_user(vertical: str, qwen3: Path) -> None:
    for hardware in ("gpu-24g", "gpu-80g", "node-8x80g"):
        loaded = recipes.load(vertical, hardware=hardware, settings=[f"model.path={qwen3}"])
        assert (loaded.task, loaded.model.device) == (vertical, "cuda")
        assert loaded.data.max_length >= 2048


@pytest.mark.slow
@pytest.mark.parametrize("vertical", sorted(RECORDS))
def test_a_vertical_goes_from_records_to_figures(
    vertical: str, qwen3: Path, write: Any, tmp_path: Path
) -> None:
    settings = [f"model.path={qwen3}", "train.max_steps=2", "train.batch_size=2", "train.micro_batch_size=2"]
    settings += ["train.warmup=0", "data.max_length=2048", "evaluate.generate.max_new_tokens=8", "pretrain="]
    loaded = recipes.load(vertical, hardware="cpu", settings=settings)
    trained = train(loaded, write(RECORDS[vertical]), tmp_path / "out")
    assert trained.steps == 2
    found = evaluate(tmp_path / "out").as_json()
    assert set(found["base"]) == set(found["tuned"]) == FIGURES[vertical]
    assert found["base"]["n"] == found["tuned"]["n"] > 0
    if vertical == "dispatch":
        assert found["baseline"] is None  # one label: nothing to tell apart
    else:
        assert found["baseline"]["method"] == "BM25"
        assert set(found["baseline"]) - {"method"} == FIGURES[vertical] - {"loss", "stops"}
        assert found["baseline"]["n"] == found["tuned"]["n"]
    assert TrainingRun(tmp_path / "out").evaluation.is_file()
