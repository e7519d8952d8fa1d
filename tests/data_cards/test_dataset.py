"""Folders that are no run of govtune: found, read and measured, and what cannot be measured is null."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.errors import InputError, UsageError
from data_cards.answers import Answers
from data_cards.dataset import open_folder
from data_cards.measure import measure
from data_cards.metrics import LENGTH_EDGES
from data_cards.options import Options
from data_cards.outputs import build_beside

Row = dict[str, Any]

ROWS: list[Row] = [
    {
        "编号": f"n{number:03}",
        "留言主题": "关于路灯的来信" if number % 3 else None,
        "留言内容": f"第{number}号路灯坏了" + "，请尽快处理" * (number % 4),
        "类别": "城乡建设" if number % 2 else "交通运输",
        "来信时间": f"202{number % 4}-03-05",
        "点赞": number,
    }
    for number in range(40)
]


def metrics_of(folder: Path, **options: Any) -> dict[str, Any]:
    given = Options(**options)
    return measure(open_folder(folder, given), given, Answers())


def write_lines(path: Path, rows: Sequence[Row]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def write_parquet(path: Path, rows: Sequence[Row]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(list(rows)), path)


def as_lines(folder: Path) -> None:
    write_lines(folder / "train.jsonl", ROWS[:30])
    write_lines(folder / "test.jsonl", ROWS[30:])


def as_repository(folder: Path) -> None:
    write_parquet(folder / "data" / "train-00000-of-00002.parquet", ROWS[:11])
    write_parquet(folder / "data" / "train-00001-of-00002.parquet", ROWS[11:30])
    write_parquet(folder / "data" / "test-00000-of-00001.parquet", ROWS[30:])


def as_saved(folder: Path) -> None:
    from datasets import Dataset, DatasetDict

    parts = {"train": Dataset.from_list(ROWS[:30]), "test": Dataset.from_list(ROWS[30:])}
    DatasetDict(parts).save_to_disk(str(folder), num_shards={"train": 2, "test": 1})


FORMATS: dict[str, Callable[[Path], None]] = {
    "jsonl": as_lines,
    "parquet": as_repository,
    "arrow": as_saved,
}


@pytest.fixture(params=FORMATS)
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    FORMATS[request.param](tmp_path / "set")
    return tmp_path / "set"


def test_the_same_rows_give_the_same_numbers_in_every_format(folder: Path) -> None:
    found = metrics_of(folder)
    assert {name: split["records"] for name, split in found["splits"].items()} == {"train": 30, "test": 10}
    assert found["dataset"]["text_fields"] == ["留言主题", "留言内容"]
    characters = sum(len(row[name] or "") for row in ROWS for name in ("留言主题", "留言内容"))
    assert found["published"]["characters"] == characters
    assert found["lengths"]["留言主题"]["texts"] == sum(bool(row["留言主题"]) for row in ROWS)
    assert found["labels"]["类别"]["values"] == {"城乡建设": 20, "交通运输": 20}
    assert found["labels"]["类别"]["entropy"] == 1.0
    assert found["time"]["by_year"] == {"2020": 10, "2021": 10, "2022": 10, "2023": 10}
    assert found["time"]["median"] == "2021-03-05"
    assert found["columns"]["留言主题"] == {"type": "string", "missing": 14}
    assert sum(file["rows"] for file in found["files"].values()) == 40
    assert {file["split"] for file in found["files"].values()} == {"train", "test"}


def test_what_no_ledger_tells_is_null_with_a_reason(folder: Path) -> None:
    found = metrics_of(folder)
    assert found["records"] is found["funnel"] is found["duplicates"] is found["lock"] is None
    for key in ("records", "funnel", "duplicates", "lock", "pii.found"):
        assert found["unmeasured"][key] == "no_ledger"
    assert found["unmeasured"]["tokens"] == "no_tokenizer"
    assert found["unmeasured"]["clusters"] == "no_clusters"
    assert found["decontamination"]["identical_across_splits"] == 0


def test_splits_are_those_that_datasets_would_load(tmp_path: Path) -> None:
    from datasets import load_dataset

    for name in ("letters-train.jsonl", "letters_dev.jsonl", "eval/part.jsonl", "notes-test-1.jsonl"):
        write_lines(tmp_path / "set" / name, ROWS[: len(name)])
    loaded = load_dataset(str(tmp_path / "set"), cache_dir=str(tmp_path / "cache"))
    found = metrics_of(tmp_path / "set")["splits"]
    assert {name: split["records"] for name, split in found.items()} == dict(loaded.num_rows)


def test_one_saved_data_set_is_one_split(tmp_path: Path) -> None:
    from datasets import Dataset

    Dataset.from_list(ROWS).save_to_disk(str(tmp_path / "set"))
    assert metrics_of(tmp_path / "set")["splits"]["train"]["records"] == 40


def test_classes_are_named_where_the_data_set_names_them(tmp_path: Path) -> None:
    from datasets import ClassLabel, Dataset, Features, Value

    features = Features({"sentence": Value("large_string"), "kind_of": ClassLabel(names=["投诉", "咨询"])})
    rows = [{"sentence": "路灯坏了", "kind_of": number % 2} for number in range(10)]
    made = Dataset.from_list(rows, features=features)
    made.save_to_disk(str(tmp_path / "saved"))
    (tmp_path / "repository").mkdir()
    made.to_parquet(str(tmp_path / "repository" / "train.parquet"))
    for name in ("saved", "repository"):
        labels = metrics_of(tmp_path / name)["labels"]
        assert labels["kind_of"]["values"] == {"投诉": 5, "咨询": 5}


def test_several_configurations_must_be_chosen_from(tmp_path: Path) -> None:
    configs = [
        {"config_name": name, "data_files": [{"split": "train", "path": f"{name}/*.jsonl"}]}
        for name in ("letters", "calls")
    ]
    write_lines(tmp_path / "letters" / "a.jsonl", ROWS[:3])
    write_lines(tmp_path / "calls" / "a.jsonl", ROWS[:7])
    (tmp_path / "README.md").write_text(f"---\n{json.dumps({'configs': configs})}\n---\n", encoding="utf-8")
    with pytest.raises(UsageError, match="choose with --config: letters, calls"):
        metrics_of(tmp_path)
    with pytest.raises(UsageError, match="no configuration mails; valid are letters, calls"):
        metrics_of(tmp_path, config="mails")
    found = metrics_of(tmp_path, config="calls")
    assert (found["published"]["records"], found["dataset"]["config"]) == (7, "calls")


def test_a_stated_licence_holds_for_all_records(tmp_path: Path) -> None:
    write_lines(tmp_path / "a.jsonl", ROWS)
    assert metrics_of(tmp_path)["licenses"] is None
    (tmp_path / "README.md").write_text("---\nlicense: mit\n---\nLetters.\n", encoding="utf-8")
    assert metrics_of(tmp_path)["licenses"]["values"] == {"mit": 40}


def test_named_columns_go_before_guessed_ones(tmp_path: Path) -> None:
    write_lines(tmp_path / "a.jsonl", ROWS)
    found = metrics_of(tmp_path, text_fields=("留言主题",), label_fields=("点赞",))
    assert found["dataset"]["text_fields"] == ["留言主题"]
    assert found["labels"]["点赞"]["records"] == 40
    with pytest.raises(UsageError, match=r"no column 留言正文; did you mean 留言内容\?"):
        metrics_of(tmp_path, text_fields=("留言正文",))
    with pytest.raises(UsageError, match="column 点赞 holds no text"):
        metrics_of(tmp_path, text_fields=("点赞",))


def test_unknown_names_leave_the_strings_that_are_no_ids_and_no_persons(tmp_path: Path) -> None:
    rows = [{"row_id": f"a{number}", "姓名": "某人", "foo": "路灯坏了", "n": number} for number in range(5)]
    write_lines(tmp_path / "a.jsonl", rows)
    assert metrics_of(tmp_path)["dataset"]["text_fields"] == ["foo"]


def test_chat_of_either_naming_is_measured(tmp_path: Path) -> None:
    said = [("system", "只回答类别"), ("human", "路灯坏了"), ("gpt", "城乡建设")]
    rows = [{"conversations": [{"from": who, "value": text} for who, text in said]}] * 6
    write_lines(tmp_path / "a.jsonl", rows)
    found = metrics_of(tmp_path)
    assert found["chat"]["examples"] == 6
    assert found["chat"]["roles"]["gpt"]["max"] == 4
    assert found["published"]["characters"] == 6 * sum(len(text) for _, text in said)


def test_pictures_are_a_column_that_nobody_opens(tmp_path: Path) -> None:
    rows = [{"text": "路灯", "image": {"bytes": b"no picture", "path": None}}] * 4
    write_parquet(tmp_path / "train.parquet", rows)
    found = metrics_of(tmp_path)
    assert found["columns"]["image"]["missing"] is None
    assert found["unmeasured"]["columns.image.missing"] == "not_opened"
    assert found["published"]["records"] == 4


def test_texts_in_two_splits_are_seen_through_white_space(tmp_path: Path) -> None:
    write_lines(tmp_path / "train.jsonl", [{"text": "路灯 坏了\n请修"}, {"text": "公交"}, {"text": "垃圾"}])
    write_lines(tmp_path / "test.jsonl", [{"text": "路灯坏了\u3000请修"}, {"text": " "}, {"text": "停水"}])
    assert metrics_of(tmp_path)["decontamination"]["identical_across_splits"] == 1


def test_documents_tell_their_type_place_and_issuer(tmp_path: Path) -> None:
    titles = [
        "广东省深圳市人民政府关于做好防汛工作的通知",
        "深圳市人民政府关于同意设立园区的批复（试行）",
    ] * 5
    write_lines(tmp_path / "a.jsonl", [{"title": title, "text": "各区人民政府："} for title in titles])
    found = metrics_of(tmp_path)
    assert found["document_types"]["values"] == {"批复": 5, "通知": 5}
    assert found["regions"]["values"] == {"深圳": 10}
    assert found["issuers"]["values"] == {"广东省深圳市人民政府": 5, "深圳市人民政府": 5}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_json_lines_are_read_in_any_encoding(tmp_path: Path, encoding: str) -> None:
    lines = "\r\n \n".join(json.dumps({"text": row["留言内容"]}, ensure_ascii=False) for row in ROWS)
    (tmp_path / "a.jsonl").write_text(lines, encoding=encoding)
    characters = sum(len(row["留言内容"]) for row in ROWS)
    assert metrics_of(tmp_path)["published"] == {"records": 40, "characters": characters, "tokens": None}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_columns_of_several_types_and_other_encodings_are_read(tmp_path: Path, encoding: str) -> None:
    rows = [
        {"text": "路灯坏了", "note": 1},
        {"text": "公交太挤", "note": "无"},
        {"text": "垃圾", "note": [1]},
    ]
    lines = "\n\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    (tmp_path / "a.jsonl").write_text(lines, encoding=encoding)
    found = metrics_of(tmp_path)
    assert found["published"] == {"records": 3, "characters": 10, "tokens": None}
    assert found["columns"]["note"]["type"] == "mixed"
    assert found["dataset"]["text_fields"] == ["text"]


def test_faults_are_one_line_that_names_the_place(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such folder"):
        metrics_of(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="no data files in it"):
        metrics_of(tmp_path)
    (tmp_path / "a.jsonl").write_text('{"text": "路灯"}\n{"text": "坏\n', encoding="utf-8")
    with pytest.raises(InputError, match=r"a\.jsonl, row 2: not a JSON object") as error:
        metrics_of(tmp_path)
    assert "坏" not in str(error.value)
    (tmp_path / "a.jsonl").unlink()
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    with pytest.raises(InputError, match=r"a\.parquet: is not a readable Parquet file"):
        metrics_of(tmp_path)
    write_lines(tmp_path / "b.jsonl", ROWS[:1])
    with pytest.raises(UsageError, match=r"several formats \(jsonl, parquet\)"):
        metrics_of(tmp_path)


def test_a_saved_data_set_that_lacks_a_file_is_named(tmp_path: Path) -> None:
    as_saved(tmp_path / "set")
    next((tmp_path / "set" / "test").glob("*.arrow")).unlink()
    with pytest.raises(InputError, match=r"test/data-.*is missing"):
        metrics_of(tmp_path / "set")


def test_what_lies_in_a_private_folder_is_never_data(tmp_path: Path) -> None:
    write_parquet(tmp_path / "run.private" / "ledger" / "part.parquet", ROWS)
    with pytest.raises(UsageError, match="holds the run run"):
        metrics_of(tmp_path)


def test_tokens_are_those_of_the_named_tokenizer(tmp_path: Path) -> None:
    tokenizers = pytest.importorskip("tokenizers")
    as_lines(tmp_path / "set")
    letters = sorted(
        {letter for row in ROWS for name in ("留言主题", "留言内容") for letter in row[name] or ""}
    )
    words = {letter: number for number, letter in enumerate(["[UNK]", *letters])}
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, unk_token="[UNK]"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.Split("", "isolated")
    (tmp_path / "one-letter").mkdir()
    made.save(str(tmp_path / "one-letter" / "tokenizer.json"))
    found = metrics_of(tmp_path / "set", tokenizer=tmp_path / "one-letter")
    assert found["tokens"]["tokenizer"] == "one-letter"
    assert found["tokens"]["total"] == found["published"]["characters"] == found["published"]["tokens"]
    assert found["tokens"]["characters_per_token"] == 1.0
    for split in found["splits"].values():
        assert split["tokens"] == split["characters"]
    with pytest.raises(UsageError, match=r"no tokenizer\.json"):
        metrics_of(tmp_path / "set", tokenizer=tmp_path)


def test_every_null_has_a_reason(folder: Path) -> None:
    found = metrics_of(folder)
    for key in found["unmeasured"]:
        value: Any = found
        for part in key.split("."):
            value = value[part]
        assert value is None
    lacking = [key for key, value in found.items() if value is None and key not in found["unmeasured"]]
    assert lacking == []


def test_a_card_beside_the_data_is_no_data_and_changes_no_number(folder: Path) -> None:
    before = build_beside(folder, Options()).metrics
    assert (folder / "README.md").is_file()
    assert build_beside(folder, Options()).metrics == before
    assert json.loads((folder / "metrics.json").read_bytes()) == before


def test_the_card_of_others_is_only_replaced_with_force_and_kept(tmp_path: Path) -> None:
    as_lines(tmp_path)
    (tmp_path / "README.md").write_text("---\nlicense: mit\n---\nLetters.\n", encoding="utf-8")
    with pytest.raises(UsageError, match="not written by govtune"):
        build_beside(tmp_path, Options())
    assert not (tmp_path / "metrics.json").exists()
    elsewhere = build_beside(tmp_path, Options(), tmp_path.with_name("card"))
    assert (tmp_path.with_name("card") / "README.md").is_file()
    assert build_beside(tmp_path, Options(), force=True).metrics == elsewhere.metrics
    assert "Letters." in (tmp_path / "README.original.md").read_text(encoding="utf-8")
    assert build_beside(tmp_path, Options()).metrics["licenses"]["values"] == {"mit": 40}


def test_the_version_before_stands_beside_the_card_as_long_as_it_is_named(tmp_path: Path) -> None:
    as_lines(tmp_path / "old")
    before = build_beside(tmp_path / "old", Options()).metrics
    as_repository(tmp_path / "new")
    facts = build_beside(tmp_path / "new", Options(previous=tmp_path / "old"))
    assert facts.previous == before == json.loads((tmp_path / "new" / "previous.json").read_bytes())
    build_beside(tmp_path / "new", Options())
    assert not (tmp_path / "new" / "previous.json").exists()
    with pytest.raises(UsageError, match=r"metrics\.json: cannot be read"):
        build_beside(tmp_path / "new", Options(previous=tmp_path))


def test_nothing_is_written_to_the_home_of_the_user(tmp_path: Path) -> None:
    as_repository(tmp_path / "set")
    (tmp_path / "home").mkdir()
    code = (
        "import sys; from pathlib import Path; from data_cards.dataset import open_folder;"
        "from data_cards.options import Options;"
        "found = open_folder(Path(sys.argv[1]), Options());"
        "print(sum(table.num_rows for table in found.tables(found.schema.names)))"
    )
    home = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "XDG_"))}
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "set")],
        env={**home, "HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
    )
    assert done.stdout == "40\n", done.stderr
    assert list((tmp_path / "home").rglob("*")) == []


values = st.one_of(st.none(), st.text(max_size=12), st.sampled_from(["", " ", "路灯坏了", "2024-03-05"]))


@given(st.lists(st.fixed_dictionaries({"text": values, "label": values}), min_size=1, max_size=30), st.data())
@settings(max_examples=12)
def test_numbers_do_not_depend_on_how_the_rows_are_cut_into_files(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Row], data: st.DataObject
) -> None:
    base = tmp_path_factory.mktemp("cut")
    rows = [{**rows[0], "text": "路灯", "label": "类"}, *rows]
    cut = data.draw(st.integers(1, len(rows)))
    table = pa.Table.from_pylist(rows, schema=pa.schema([("text", pa.string()), ("label", pa.string())]))
    for name, parts in (("one", [table]), ("two", [table.slice(0, cut), table.slice(cut)])):
        (base / name).mkdir()
        for number, part in enumerate(parts):
            pq.write_table(part, base / name / f"train-{number:05d}-of-{len(parts):05d}.parquet")
    write_lines(base / "lines" / "train.jsonl", rows)
    whole, pieces, lines = (_countable(metrics_of(base / name)) for name in ("one", "two", "lines"))
    assert whole == pieces == lines
    lengths = Counter(len(row["text"]) for row in rows if row["text"])
    stated = whole["lengths"]["text"]
    assert sum(stated["classes"]) == stated["texts"] == lengths.total()
    assert whole["published"]["characters"] == sum(size * number for size, number in lengths.items())
    assert stated["classes"][0] == sum(lengths[size] for size in range(LENGTH_EDGES[0], LENGTH_EDGES[1]))


def _countable(metrics: dict[str, Any]) -> dict[str, Any]:
    """All but what says which files there are, and what is drawn by their digests."""
    return {key: metrics[key] for key in ("published", "lengths", "labels", "columns", "time", "regions")}


def test_datasets_loads_the_same_rows_with_and_without_the_card(tmp_path: Path) -> None:
    from datasets import load_dataset

    write_lines(tmp_path / "set" / "letters.jsonl", ROWS)
    build_beside(tmp_path / "set", Options())
    loaded = load_dataset(str(tmp_path / "set"), cache_dir=str(tmp_path / "cache"))
    assert dict(loaded.num_rows) == {"train": 40}
    assert loaded["train"].column_names == list(ROWS[0])


def test_the_command_builds_a_card_of_any_folder(
    folder: Path, govtune: Callable[..., Any], tmp_path: Path
) -> None:
    card = tmp_path / "card"
    done = govtune("card", "build", folder, "--card", card, "--text-field", "留言内容", "--lang", "en")
    assert done.code == 0, done.err
    assert not (folder / "README.md").exists()
    stated = json.loads((card / "metrics.json").read_bytes())
    assert stated["dataset"]["text_fields"] == ["留言内容"]
    assert "<!-- govtune card en -->" in (card / "README.md").read_text(encoding="utf-8")
    wrong = govtune("card", "build", folder, "--card", card, "--label-field", "nothing")
    assert (wrong.code, len(wrong.errors)) == (2, 1)


def test_options_for_columns_are_refused_for_a_run(curated: Path, govtune: Callable[..., Any]) -> None:
    refused = govtune("card", "build", curated, "--text-field", "text")
    assert refused.code == 2
    assert "is a run, whose columns are known" in refused.errors[0]


def test_a_run_without_its_ledger_gets_a_card_only_with_force(
    curated: Path, govtune: Callable[..., Any], tmp_path: Path
) -> None:
    shutil.copytree(curated, tmp_path / "copy")
    refused = govtune("card", "build", tmp_path / "copy")
    assert (refused.code, "--force" in refused.errors[0]) == (2, True)
    assert govtune("card", "build", tmp_path / "copy", "--force").code == 0
    assert json.loads((tmp_path / "copy" / "metrics.json").read_bytes())["records"] is None
    assert govtune("card", "check", tmp_path / "copy").code == 0
