from __future__ import annotations

import fcntl
import json
from pathlib import Path

import pytest

from curation import Run, UsageError, curate, load, parquet
from curation import run as run_module
from curation.errors import EngineError
from curation.explain import explain

TEXTS = ["路灯坏了请回电13912345678", "井盖丢了三天", "垃圾没人清运"]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "in.jsonl"
    lines = [
        json.dumps({"id": f"n{number}", "text": text}, ensure_ascii=False)
        for number, text in enumerate(TEXTS)
    ]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


LIGHT = ["anonymise.names=none"]


def test_the_lock_names_recipe_versions_and_digests_but_no_place(source: Path, tmp_path: Path) -> None:
    policy = tmp_path / "ours.yaml"
    shipped = Path(run_module.__file__).parents[1] / "recipes" / "policies" / "letters.yaml"
    policy.write_text(shipped.read_text(encoding="utf-8"), encoding="utf-8")
    curate(load("default", settings=[*LIGHT, f"anonymise.policy={policy}"]), [source], tmp_path / "run")
    text = (tmp_path / "run" / run_module.LOCK).read_text(encoding="utf-8")
    assert str(tmp_path) not in text
    assert "in.jsonl" not in text
    lock = json.loads(text)
    said = {"policy": "ours.yaml", "names": "none", "residual": "second_detector"}
    assert {"anonymise": said} in lock["recipe"]["stages"]
    assert lock["records"] == {"kept": 3, "dropped": 0, "expanded": 0}
    assert lock["key"] is None


def test_a_key_gives_surrogates_and_leaves_only_its_fingerprint(source: Path, tmp_path: Path) -> None:
    key = b"a key that nobody knows"
    curate(load("default", settings=LIGHT), [source], tmp_path / "run", key=key)
    curate(load("default", settings=LIGHT), [source], tmp_path / "other", key=key[::-1])
    texts, others = (
        [text for path in sorted((run / "data").glob("*")) for text in parquet.read(path)["text"].to_pylist()]
        for run in (tmp_path / "run", tmp_path / "other")
    )
    assert not any("13912345678" in text or "[" in text for text in texts)
    assert texts != others
    lock = (tmp_path / "run" / run_module.LOCK).read_bytes()
    assert key not in lock
    assert json.loads(lock)["key"] != Run(tmp_path / "other").lock()["key"]


def test_two_runs_do_not_write_one_output_at_once(source: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    curate(load("default", settings=LIGHT), [source], run)
    with (tmp_path / "run.private" / ".lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(UsageError, match="another run is writing it"):
            curate(load("default", settings=LIGHT), [source], run)


@pytest.mark.parametrize("moment", range(1, 8))
def test_a_folder_with_a_lock_is_complete_whenever_publishing_is_cut(
    moment: int, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    curate(load("default", settings=LIGHT), [source], run)
    whole, calls = run_module._replace, 0

    def cut(new: Path, old: Path) -> None:
        nonlocal calls
        calls += 1
        if calls == moment:
            raise EngineError("power cut")
        whole(new, old)

    monkeypatch.setattr(run_module, "_replace", cut)
    with pytest.raises(EngineError):
        curate(load("default", settings=["anonymise.names=none", "name=second"]), [source], run)
    with pytest.raises(UsageError, match="not a finished run"):
        Run(run).lock()
    monkeypatch.undo()
    curate(load("default", settings=["anonymise.names=none", "name=second"]), [source], run)
    assert Run(run).lock()["recipe"]["name"] == "second"


def test_what_a_failed_engine_had_done_is_found_again(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise EngineError("out of memory")

    monkeypatch.setattr("curation.pipeline.publish", fail)
    with pytest.raises(EngineError):
        curate(load("default", settings=LIGHT), [source], tmp_path / "run")
    monkeypatch.undo()
    again = curate(load("default", settings=LIGHT), [source], tmp_path / "run")
    assert again.reused == again.tasks


def test_a_damaged_partition_is_made_again(source: Path, tmp_path: Path) -> None:
    curate(load("default", settings=LIGHT), [source], tmp_path / "run")
    damaged = next((tmp_path / "run.private" / "partitions").glob("*.records.parquet"))
    damaged.write_bytes(damaged.read_bytes()[:100])
    again = curate(load("default", settings=LIGHT), [source], tmp_path / "run")
    assert again.reused == again.tasks - 1


def test_a_published_copy_alone_cannot_explain(source: Path, tmp_path: Path) -> None:
    curate(load("default", settings=LIGHT), [source], tmp_path / "run")
    (tmp_path / "run").rename(tmp_path / "copy")
    with pytest.raises(UsageError, match="a published copy alone cannot explain"):
        explain(Run(tmp_path / "copy"), "n0")
