"""What the check computes again: rows from partitions, tokens, the version before, foreign folders; and what
it looks for in the card itself."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curation import Run, curate, load, parquet
from curation.errors import UsageError
from curation.files import canonical_json, sha256
from curation.recipe import Recipe
from curation.run import LOCK, describe
from data_cards.check import check
from data_cards.options import Options
from data_cards.outputs import build, build_beside

LETTERS = ("路灯坏了半个月没有人来修。", "公交站牌被树枝挡住看不清。", "河边的垃圾堆了很久没有人清。")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Run:
    base = tmp_path_factory.mktemp("again")
    source = base / "in.jsonl"
    lines = [json.dumps({"id": f"r{at}", "text": text}) for at, text in enumerate(LETTERS)]
    source.write_text("\n".join(lines), encoding="utf-8")
    stages = [{"clean": {}}, {"screen": {}}, {"anonymise": {"policy": "letters", "names": "none"}}]
    recipe = load("letters").model_dump(by_alias=True) | {"map": {}, "stages": stages}
    curate(Recipe.model_validate(recipe), [source], base / "run", card=build)
    return Run(base / "run")


@pytest.fixture
def run(made: Run, tmp_path: Path) -> Run:
    copy = Run(tmp_path / "run")
    shutil.copytree(made.folder, copy.folder)
    shutil.copytree(made.private, copy.private)
    return copy


def problems(run: Run, **options: Any) -> list[str]:
    return check(run.folder, run.private, **options).problems


def edit_a_text(run: Run) -> None:
    (path,) = run.data
    table = parquet.read(path)
    rows = table.to_pylist()
    rows[1]["text"] = rows[1]["text"].replace("看不清", "看得清")
    path.unlink()
    parquet.write(pa.Table.from_pylist(rows, schema=table.schema), path)
    lock = run.lock()
    lock["files"] = {f"data/{path.name}": describe(path)}
    write_lock(run, lock)
    build(run.folder, run.private)


def write_lock(run: Run, lock: dict[str, Any]) -> None:
    """The lock, and its digest beside the partitions."""
    (run.folder / LOCK).write_text(canonical_json(lock), encoding="utf-8")
    path = run.private / "review.json"
    path.write_text(canonical_json(json.loads(path.read_bytes()) | {"lock": sha256(run.folder / LOCK)}))


def test_an_edited_text_is_told_by_column_and_rows_only(run: Run) -> None:
    edit_a_text(run)
    assert problems(run) == [
        "data/train-00000-of-00001.parquet: column text differs in 1 rows from what the partitions give"
    ]


def test_without_partitions_a_note_says_what_was_not_looked_at(run: Run) -> None:
    edit_a_text(run)
    shutil.rmtree(run.private / "partitions")
    result = check(run.folder, run.private)
    assert result.problems == []
    assert "the texts in data/ could not be derived again" in result.notes[0]


def test_the_same_rows_written_by_another_pyarrow_are_no_fault(run: Run) -> None:
    (path,) = run.data
    pq.write_table(parquet.read(path), path)
    lock = run.lock()
    lock["files"] = {f"data/{path.name}": describe(path)}
    write_lock(run, lock)
    build(run.folder, run.private)
    assert problems(run) == [f"data/{path.name}: the rows are right but not as govtune writes them"]
    write_lock(run, lock | {"packages": lock["packages"] | {"pyarrow": "1.0.0"}})
    build(run.folder, run.private)
    assert problems(run) == []


def test_an_edited_lock_is_found_though_all_else_agrees(run: Run) -> None:
    lock = run.lock()
    lock["inputs"][0]["bytes"] += 1
    (run.folder / LOCK).write_text(canonical_json(lock), encoding="utf-8")
    build(run.folder, run.private)
    assert problems(run) == [f"{LOCK}: not the lock that the run wrote"]


def test_the_digest_that_people_wrote_down_tells_what_nothing_else_can(run: Run) -> None:
    written_down = sha256(run.folder / LOCK)
    assert problems(run, digest=written_down.upper()) == []
    lock = run.lock()
    lock["inputs"][0]["bytes"] += 1
    write_lock(run, lock)
    build(run.folder, run.private)
    assert problems(run) == []
    assert "not the one that was written down" in problems(run, digest=written_down)[0]


def test_decisions_that_the_run_did_not_use_are_found(run: Run) -> None:
    (run.private / "decided.jsonl").write_text("{}\n", encoding="utf-8")
    assert any("decided.jsonl" in problem for problem in problems(run))


def test_the_private_report_is_compared_too(run: Run) -> None:
    path = run.private / "report.html"
    path.write_text(path.read_text(encoding="utf-8").replace("</body>", "x</body>"), encoding="utf-8")
    assert [problem.partition(":")[0] for problem in problems(run)] == ["report.html"]


def test_a_file_that_nothing_writes_is_found_in_figures(run: Run) -> None:
    (run.folder / "figures" / "mine.svg").write_text("<svg/>", encoding="utf-8")
    assert problems(run) == ["figures/mine.svg: not written by govtune for this data set"]


def test_a_picture_that_its_data_do_not_draw_is_found(run: Run) -> None:
    pytest.importorskip("resvg_py")
    try:
        build(run.folder, run.private, Options(png=True))
    except UsageError as error:
        pytest.skip(str(error))
    assert problems(run) == []
    first, second = sorted((run.folder / "figures").glob("*.png"))[:2]
    first.write_bytes(second.read_bytes())
    assert [problem.partition(":")[0] for problem in problems(run)] == [f"figures/{first.name}"]


@pytest.mark.parametrize("name", ["README.md", "README.en.md", "report.html", "metrics.json"])
def test_personal_data_in_the_card_are_told_without_the_value(run: Run, name: str) -> None:
    path = run.folder / name
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("letters", "联系人王小明，电话13812345678，"), encoding="utf-8")
    found = check(run.folder, run.private).checks["personal_data"]
    assert any(each.startswith(f"{name}: line ") and each.endswith("(CN_MOBILE)") for each in found)
    assert not any("138" in each or "王" in each for each in problems(run) if "personal data" in each)


def test_whom_to_ask_may_stand_in_the_card(run: Run) -> None:
    said = {"contact": "张晓梅,13812345678", "purpose": "训练"}
    (run.folder / "card.yaml").write_text(json.dumps(said), encoding="utf-8")
    build(run.folder, run.private)
    assert "13812345678" in (run.folder / "README.md").read_text(encoding="utf-8")
    assert problems(run) == []
    (run.folder / "card.yaml").write_text(json.dumps({"purpose": "问13812345678"}), encoding="utf-8")
    build(run.folder, run.private)
    assert {each.partition("holds")[2] for each in problems(run)} == {" personal data (CN_MOBILE)"}


def test_a_licence_that_nobody_knows_is_a_fault_of_the_format(run: Run) -> None:
    path = run.folder / "README.md"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("license: ", "license: mine-", 1), encoding="utf-8")
    assert check(run.folder, run.private).checks["formats"]


def test_the_version_before_is_read_again(run: Run, made: Run, tmp_path: Path) -> None:
    before = tmp_path / "before"
    shutil.copytree(made.folder, before)
    build(run.folder, run.private, Options(previous=before))
    assert problems(run) == []
    metrics = json.loads((before / "metrics.json").read_bytes())
    metrics["published"]["characters"] += 1
    (before / "metrics.json").write_text(canonical_json(metrics), encoding="utf-8")
    assert "previous.json" in {each.partition(":")[0] for each in problems(run)}
    shutil.rmtree(before)
    result = check(run.folder, run.private)
    assert result.problems == [] and "name it with --previous" in result.notes[0]


@pytest.fixture
def tokenizer(tmp_path: Path) -> Path:
    from tokenizers import Tokenizer, models, pre_tokenizers

    made = Tokenizer(models.WordLevel({"[UNK]": 0, "路": 1}, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    made.save(str(tmp_path / "tokenizer.json"))
    return tmp_path / "tokenizer.json"


def test_tokens_are_counted_again_where_the_tokenizer_is(run: Run, tokenizer: Path) -> None:
    build(run.folder, run.private, Options(tokenizer=tokenizer))
    assert (problems(run), check(run.folder, run.private).notes) == ([], [])
    copy = run.folder.rename(run.folder.with_name("published"))
    result = check(copy, None)
    assert result.problems == [] and any(note.startswith("tokens: ") for note in result.notes)
    again = check(copy, None, options=Options(tokenizer=tokenizer))
    assert again.problems == [] and not any(note.startswith("tokens: ") for note in again.notes)
    text = (copy / "metrics.json").read_text(encoding="utf-8")
    forged = json.loads(text)
    forged["tokens"]["total"] += 1
    (copy / "metrics.json").write_text(canonical_json(forged), encoding="utf-8")
    assert check(copy, None, options=Options(tokenizer=tokenizer)).problems


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    folder = tmp_path / "foreign"
    folder.mkdir()
    lines = [json.dumps({"text": text, "category": "甲"}, ensure_ascii=False) for text in LETTERS]
    (folder / "train.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def test_a_folder_that_is_no_run_is_checked_too(foreign: Path) -> None:
    build_beside(foreign, Options(text_fields=("text",), label_fields=("category",)))
    assert check(foreign, None).problems == []
    path = foreign / "train.jsonl"
    path.write_text(path.read_text(encoding="utf-8").replace("看不清", "看得清"), encoding="utf-8")
    assert any(problem.startswith("metrics.json: files.") for problem in check(foreign, None).problems)


def test_a_card_elsewhere_is_checked_there(foreign: Path, tmp_path: Path) -> None:
    build_beside(foreign, Options(), tmp_path / "card")
    assert check(foreign, None, card=tmp_path / "card").problems == []
    with pytest.raises(UsageError, match="make them with govtune card build"):
        check(foreign, None)
    with pytest.raises(UsageError, match="has no lock"):
        check(foreign, None, card=tmp_path / "card", digest="0" * 64)
