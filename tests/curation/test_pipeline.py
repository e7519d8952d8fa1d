from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from curation import Expand, Run, UsageError, curate, load, parquet, records
from curation.clean import Clean
from curation.explain import explain
from curation.pipeline import Summary
from data_cards.check import check
from data_cards.outputs import build


def tree(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def outcome(run: Path) -> dict[str, dict[str, bytes]]:
    """What must be the same whatever the machine did: the published folder, ledger and findings."""
    private = Run(run).private
    return {"run": tree(run), "ledger": tree(private / "ledger"), "pii": tree(private / "pii")}


def light(**changes: Any) -> Any:
    """The letters recipe without the name engine: seconds less."""
    settings = ["anonymise.names=none", *(f"{key}={value}" for key, value in changes.items())]
    return load("letters", settings=settings)


def jsonl(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def published(run: Path) -> list[dict[str, Any]]:
    return [
        row for path in sorted((run / "data").glob("*.parquet")) for row in parquet.read(path).to_pylist()
    ]


def ledger(run: Path) -> list[dict[str, Any]]:
    return [row for path in Run(run).ledger for row in parquet.read(path).to_pylist()]


def counts(summary: Summary) -> dict[str, int]:
    found: dict[str, int] = {}
    for fate, _, _, count in summary.fates:
        found[fate] = found.get(fate, 0) + count
    return found


QUESTIONS = [
    "居住证怎么办理？",
    "学校几点放学？",
    "路灯坏了找谁？",
    "公交几点收班？",
    "社保怎么转移？",
    "垃圾何时清运？",
]


def test_every_record_of_the_sample_has_one_fate(sample: Path, curated: Path) -> None:
    truth = (sample / "truth" / "truth.jsonl").read_text(encoding="utf-8").splitlines()
    rows = ledger(curated)
    assert len(rows) == len(truth)
    assert len({row["id"] for row in rows}) == len(rows)
    assert {row["id"] for row in rows if row["fate"] == "kept"} == {row["id"] for row in published(curated)}
    assert all(row["reason"] for row in rows if row["fate"] == "dropped")


def test_workers_and_order_of_files_do_not_change_a_byte(sample: Path, tmp_path: Path) -> None:
    files = sorted(path for path in (sample / "data").rglob("*") if path.is_file())
    first = curate(light(), files, tmp_path / "first", workers=1)
    second = curate(light(), files[::-1], tmp_path / "second", workers=2)
    partitions = [
        path
        for path in (tmp_path / "first.private" / "partitions").glob("*.records.parquet")
        if "-" in path.name
    ]
    assert len(partitions) >= 8
    assert outcome(tmp_path / "first") == outcome(tmp_path / "second")
    assert first.fates == second.fates


def test_a_second_run_finds_all_work_done_and_gives_the_same(sample: Path, tmp_path: Path) -> None:
    curate(light(), [sample / "data"], tmp_path / "run")
    before = outcome(tmp_path / "run")
    again = curate(light(), [sample / "data"], tmp_path / "run")
    assert again.reused == again.tasks
    assert outcome(tmp_path / "run") == before


def test_another_threshold_into_the_same_path_is_what_datasets_loads(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    base = "关于加强小区楼道照明设施日常维护管理工作并及时更换损坏灯具的建议"
    source = jsonl(tmp_path / "in.jsonl", [{"text": base}, {"text": base + "，谢谢"}, {"text": QUESTIONS[0]}])

    def rows(threshold: float) -> int:
        curate(light(**{"deduplicate.threshold": threshold}), [source], tmp_path / "run")
        loaded = datasets.load_dataset(str(tmp_path / "run"), cache_dir=str(tmp_path / "cache"))
        return sum(split.num_rows for split in loaded.values())

    assert rows(0.99) == 3
    assert rows(0.5) == 2


def test_an_own_id_is_kept_where_it_is_unique(tmp_path: Path) -> None:
    rows = [
        {"id": name, "text": text}
        for name, text in zip(["a1", "a2", "twice", "twice", None, "13912345678"], QUESTIONS, strict=True)
    ]
    source = jsonl(tmp_path / "in.jsonl", rows)
    curate(light(), [source], tmp_path / "run")
    ids = [row["id"] for row in ledger(tmp_path / "run")]
    assert ids[:2] == ["a1", "a2"]
    assert len(set(ids)) == 6
    assert all(len(each) == 32 for each in ids[2:])


def test_identical_files_give_distinct_records(tmp_path: Path) -> None:
    for name in ("a", "b"):
        jsonl(tmp_path / "in" / f"{name}.jsonl", [{"text": text} for text in QUESTIONS])
    summary = curate(light(), [tmp_path / "in"], tmp_path / "run")
    assert counts(summary) == {"kept": 6, "dropped": 6}
    assert len({row["id"] for row in ledger(tmp_path / "run")}) == 12


def test_what_the_user_put_beside_the_data_stays(tmp_path: Path) -> None:
    source = jsonl(tmp_path / "in.jsonl", [{"text": text} for text in QUESTIONS])
    curate(light(), [source], tmp_path / "run")
    (tmp_path / "run" / "NOTES.txt").write_text("ours")
    curate(light(**{"deduplicate.threshold": 0.9}), [source], tmp_path / "run")
    assert (tmp_path / "run" / "NOTES.txt").read_text() == "ours"


def test_a_folder_that_is_not_a_run_is_not_written_over(tmp_path: Path) -> None:
    source = jsonl(tmp_path / "in.jsonl", [{"text": QUESTIONS[0]}])
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter1.txt").write_text("mine")
    with pytest.raises(UsageError, match="holds other files and is not a run"):
        curate(light(), [source], tmp_path / "thesis")
    assert tree(tmp_path / "thesis") == {"chapter1.txt": b"mine"}


def test_an_output_inside_the_input_is_refused(tmp_path: Path) -> None:
    jsonl(tmp_path / "in.jsonl", [{"text": QUESTIONS[0]}])
    with pytest.raises(UsageError, match="lies inside the input"):
        curate(light(), [tmp_path], tmp_path / "run")


def test_not_one_readable_record_leaves_nothing_behind(tmp_path: Path) -> None:
    source = jsonl(tmp_path / "in" / "in.jsonl", [{"text": None}, {"text": "  "}])
    with pytest.raises(UsageError, match=r"not one readable record: in\.jsonl, row 1, field text"):
        curate(light(), [source], tmp_path / "out" / "run")
    assert not (tmp_path / "out" / "run").exists()
    assert not (tmp_path / "out" / "run.private").exists()


def test_strict_ends_at_the_first_unusable_row(tmp_path: Path) -> None:
    source = jsonl(tmp_path / "in.jsonl", [{"text": QUESTIONS[0]}, {"text": None}])
    assert counts(curate(light(), [source], tmp_path / "run")) == {"kept": 1, "dropped": 1}
    with pytest.raises(UsageError, match="row 2, field text"):
        curate(light(), [source], tmp_path / "strict", strict=True)


def test_a_stage_after_a_change_runs_anew_and_those_before_do_not(sample: Path, tmp_path: Path) -> None:
    curate(light(), [sample / "data"], tmp_path / "run")
    changed = curate(light(**{"split.seed": 5}), [sample / "data"], tmp_path / "run")
    assert set(changed.seconds) <= {"engine", "deduplicate", "anonymise", "split"}
    assert changed.reused > 0


def test_the_private_folder_is_for_the_owner_only(curated: Path) -> None:
    private = Run(curated).private
    assert stat.S_IMODE(private.stat().st_mode) == 0o700
    assert not (private / "staging").exists()


def test_only_the_allowed_columns_are_published_and_no_place_of_origin(sample: Path, curated: Path) -> None:
    names = [path.name for path in (sample / "data").rglob("*") if path.is_file()]
    everything = b"".join(tree(curated).values()).decode("utf-8", "replace")
    assert not [name for name in names if name in everything]
    for row in published(curated):
        assert not {
            "source_details",
            "person",
            "phone",
            "address",
            "id_number",
            "meta",
            "pii",
            "own_id",
        } & set(row)


def test_category_fields_of_the_recipe_are_published(tmp_path: Path) -> None:
    recipe = tmp_path / "mine.yaml"
    recipe.write_text(
        "schema: curation/1\nname: mine\nfields: [district]\n"
        "map: {district: [区县]}\nstages: [{clean: {}}]\n",
        encoding="utf-8",
    )
    source = jsonl(tmp_path / "in.jsonl", [{"text": QUESTIONS[0], "区县": "南城区"}])
    curate(load(str(recipe)), [source], tmp_path / "run")
    assert [row["district"] for row in published(tmp_path / "run")] == ["南城区"]


def test_the_real_letters_are_all_accounted_for_and_their_card_is_true(shared: Path, tmp_path: Path) -> None:
    summary = curate(
        load("default", settings=["anonymise.names=none"]),
        [shared / "letters" / "hotspot.jsonl"],
        tmp_path / "run",
        card=build,
    )
    assert summary.rows == sum(counts(summary).values()) == 4326
    assert counts(summary)["dropped"] > 100
    result = check(tmp_path / "run", Run(tmp_path / "run").private)
    assert result.problems == []


class Sentences(Expand):
    """A record's sentences; one without a full stop has none."""

    name = "sentences"

    def expand(self, table: pa.Table) -> tuple[pa.Table, pa.Array]:
        rows = [row for row in table.to_pylist() if "。" in row["text"]]
        pieces = [
            (row, number, text) for row in rows for number, text in enumerate(row["text"].split("。")) if text
        ]
        children = records.table(
            {
                "id": [f"{row['id']}-{number}" for row, number, _ in pieces],
                "parent": [row["id"] for row, _, _ in pieces],
                "kind": [row["kind"] for row, _, _ in pieces],
                "text": [text for _, _, text in pieces],
            }
        )
        reasons = [None if "。" in text else "no_full_stop" for text in table["text"].to_pylist()]
        return children, pa.array(reasons, pa.string())


def test_records_that_become_several_add_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["路灯坏了。井盖丢了。垃圾没人清运。", "没有句号的一句话"]
    source = jsonl(tmp_path / "in.jsonl", [{"id": f"n{n}", "text": text} for n, text in enumerate(texts)])
    monkeypatch.setattr("curation.pipeline.recipes.build", lambda recipe, **_: [Sentences(), Clean()])
    summary = curate(light(), [source], tmp_path / "run")
    assert (summary.rows, summary.children) == (2, 3)
    assert counts(summary) == {"kept": 3, "dropped": 1, "expanded": 1}
    assert [row["parent"] for row in published(tmp_path / "run")] == ["n0"] * 3
    assert [row["reason"] for row in ledger(tmp_path / "run") if row["fate"] == "dropped"] == ["no_full_stop"]
    told = explain(Run(tmp_path / "run"), "n0").lines()
    assert "fate     expanded by sentences" in told
    assert told[-1].startswith("became   3 records: n0-0")
    child = explain(Run(tmp_path / "run"), "n0-1").lines()
    assert child[1:3] == ["from     record n0, made by sentences", "stage    clean"]
