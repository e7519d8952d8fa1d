from __future__ import annotations

import json
import pickle
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation import records
from curation.errors import UsageError
from curation.ingest import Settings, files, find_inputs, problems, read, units

Read = Callable[..., pa.Table]
Write = Callable[..., Path]


def test_names_do_not_depend_on_where_the_folder_lies(tmp_path: Path) -> None:
    for place in ("one", "two"):
        folder = tmp_path / place / "inputs"
        (folder / "sub").mkdir(parents=True)
        (folder / "b.txt").write_text("河边路灯不亮")
        (folder / "sub" / "a.txt").write_text("公交班次太少")
    found = [find_inputs([tmp_path / place / "inputs"]) for place in ("one", "two")]
    assert [(file.name, file.digest, file.copy) for file in found[0]] == [
        (file.name, file.digest, file.copy) for file in found[1]
    ]
    assert [file.name for file in found[0]] == ["b.txt", "sub/a.txt"]


def test_hidden_and_office_lock_files_are_left_out(tmp_path: Path) -> None:
    for name in ("~$工单.xlsx", ".hidden.txt", "letter.txt", ".git/x.txt", "draft.tmp"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("内容")
    assert [file.name for file in find_inputs([tmp_path])] == ["letter.txt"]


def test_order_of_arguments_changes_nothing(tmp_path: Path, read_all: Read) -> None:
    for name, text in (("a/x.txt", "甲"), ("b/x.txt", "乙"), ("a/y.txt", "乙")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    paths = [tmp_path / "a", tmp_path / "b", tmp_path / "a" / "y.txt"]
    there = read_all(*paths)
    assert there.equals(read_all(*reversed(paths)))
    assert there.num_rows == 3


def test_identical_files_have_records_of_their_own(tmp_path: Path, read_all: Read) -> None:
    for name in ("a.txt", "b.txt", "c.txt"):
        (tmp_path / name).write_text("同一封信")
    assert [file.copy for file in find_inputs([tmp_path])] == [0, 1, 2]
    assert len(set(read_all(tmp_path)["id"].to_pylist())) == 3


@pytest.mark.parametrize("make", ["missing", "empty", "nothing_readable"])
def test_no_input_is_one_line(tmp_path: Path, make: str) -> None:
    path = tmp_path / "inputs"
    if make != "missing":
        path.mkdir()
    if make == "nothing_readable":
        (path / "scan.png").write_bytes(b"\x89PNG")
    with pytest.raises(UsageError) as raised:
        find_inputs([path])
    assert "\n" not in str(raised.value)
    assert "inputs" in str(raised.value)


def test_a_file_of_unknown_format_is_one_dropped_record(tmp_path: Path, read_all: Read) -> None:
    (tmp_path / "通知.docx").write_bytes(b"PK\x03\x04")
    (tmp_path / "好.txt").write_text("请加装护栏")
    table = read_all(tmp_path)
    assert sorted(table["reason"].to_pylist(), key=str) == [None, "unknown_format"]


@given(
    lines=st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\n"), max_size=12), max_size=30),
    size=st.integers(1, 60),
    end=st.sampled_from(["", "\n", "\r\n"]),
)
@settings(max_examples=60, deadline=None)
def test_units_cover_the_file_once_and_know_their_lines(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], size: int, end: str
) -> None:
    path = tmp_path_factory.mktemp("cut") / "letters.jsonl"
    data = ("\n".join(json.dumps({"text": line}, ensure_ascii=False) for line in lines) + end).encode()
    path.write_bytes(data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "UNIT_BYTES", size)
        cut = units(find_inputs([path]))
    assert b"".join(data[unit.start : unit.stop] for unit in cut) == data
    assert [unit.start for unit in cut[1:]] == [unit.stop for unit in cut[:-1]]
    rows = [
        (place["row"], text)
        for unit in cut
        for table in read(unit, Settings())
        for place, text in zip(table["source_details"].to_pylist(), table["text"].to_pylist(), strict=True)
    ]
    # a file without a line is one dropped row; a blank text is dropped as null
    assert [row for row, _ in rows] == (list(range(1, len(lines) + 1)) or [None])
    assert all(text in (line, None) for (_, text), line in zip(rows, lines or [None], strict=True))


def test_small_and_large_units_give_the_same_records(
    write_jsonl: Write,
    read_all: Read,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = write_jsonl([{"id": f"W{i}", "text": f"第{i}号路口积水"} for i in range(50)])
    whole = read_all(path)
    monkeypatch.setattr(files, "UNIT_BYTES", 100)
    assert len(units(find_inputs([path]))) > 10
    assert read_all(path).equals(whole)


def test_parquet_is_cut_by_row_groups_and_rows_keep_their_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "letters.parquet"
    pq.write_table(pa.table({"text": [f"第{i}封" for i in range(25)]}), path, row_group_size=4)
    monkeypatch.setattr(files, "UNIT_BYTES", 1)
    cut = units(find_inputs([path]))
    assert [(unit.start, unit.stop, unit.first_row) for unit in cut] == [
        (i, i + 1, 4 * i + 1) for i in range(7)
    ]
    tables = pa.concat_tables([table for unit in cut for table in read(unit, Settings())])
    assert [place["row"] for place in tables["source_details"].to_pylist()] == list(range(1, 26))
    assert tables["text"].to_pylist() == [f"第{i}封" for i in range(25)]


def test_text_files_are_read_in_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        (tmp_path / f"{number}.txt").write_text(f"第{number}号通知")
    monkeypatch.setattr(files, "UNIT_DOCUMENTS", 2)
    cut = units(find_inputs([tmp_path]))
    assert [len(unit.files) for unit in cut] == [2, 2, 1]
    assert pickle.loads(pickle.dumps(cut)) == cut


def test_tables_have_the_working_schema_and_the_own_id_behind(write_jsonl: Write, read_all: Read) -> None:
    path = write_jsonl([{"text": "路灯坏了", "科室": "城管"}])
    table = read_all(path, fields=("department",), map={"department": ("科室",)})
    assert table.schema.names == [*records.schema(("department",)).names, "own_id"]
    assert table["department"].to_pylist() == ["城管"]


def test_every_bad_row_has_its_reason_and_none_disappears(tmp_path: Path, read_all: Read) -> None:
    lines = [
        '{"text": "好"}',
        "[1, 2]",
        '{"text": null}',
        '{"text": "  \u3000"}',
        '{"title": "无正文"}',
        '{"text": {"a": 1}}',
        '{"text": true}',
        "{broken",
        '{"text": 12}',
        '{"text": NaN}',
        "",
        '{"text": "1.39E+10"}',
        '{"text": "甲", "phone": 4.4080319900101e17}',
    ]
    path = tmp_path / "letters.jsonl"
    path.write_text("\n".join(lines), "utf-8")
    with path.open("ab") as file:
        file.write(b'\n{"text": "\xff\xfe"}')
    table = read_all(path)
    reasons = {
        place["row"]: (reason, evidence)
        for place, reason, evidence in zip(
            *(table[name].to_pylist() for name in ("source_details", "reason", "evidence")), strict=True
        )
    }
    assert reasons == {
        1: (None, None), 2: ("not_an_object", None), 3: ("no_text", "text"), 4: ("no_text", "text"),
        5: ("no_text", "text"), 6: ("not_text", "text"), 7: ("not_text", "text"), 8: ("broken_json", None),
        9: (None, None), 10: ("broken_json", None), 12: ("precision_lost", "text"),
        13: ("precision_lost", "phone"), 14: ("broken_json", None),
    }  # fmt: skip
    assert set(table["stage"].drop_null().to_pylist()) == {"ingest"}


def test_problems_name_the_place_and_count_and_never_the_text(write_jsonl: Write, read_all: Read) -> None:
    path = write_jsonl([{"text": "好"}, {"text": None, "title": "秘密内容"}, {"text": ""}, ["秘密内容"]])
    said = [str(problem) for problem in problems(read_all(path))]
    assert said == [
        "letters.jsonl, row 2, field text: missing, null or blank (2 rows)",
        "letters.jsonl, row 4: not a JSON object; write one object per line",
    ]


def test_a_label_is_short_and_no_telephone_number(write_jsonl: Write, read_all: Read) -> None:
    values = ["城乡建设", "市民来电反映的情况很长" * 5, "13912345678"]
    labels = read_all(write_jsonl([{"text": "好", "label": value} for value in values]))["labels"].to_pylist()
    assert [label and label[0]["value"] for label in labels] == ["城乡建设", None, None]


@given(data=st.binary(max_size=300), suffix=st.sampled_from(sorted(files.FORMATS)))
@settings(max_examples=150, deadline=None)
def test_no_bytes_make_reading_raise(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, suffix: str
) -> None:
    path = tmp_path_factory.mktemp("bytes") / f"x{suffix}"
    path.write_bytes(data)
    for unit in units(find_inputs([path])):
        for table in read(unit, Settings()):
            table.validate(full=True)
            assert None not in table["id"].to_pylist()


def test_real_letters_are_all_accounted_for(read_all: Read, shared: Path) -> None:
    table = read_all(shared / "letters" / "hotspot.jsonl")
    assert table.num_rows == 4326
    assert len(set(table["id"].to_pylist())) == 4326
    assert table["own_id"].null_count == 0
    assert table["original_time"].null_count == 0


def test_real_workbooks_are_mapped_without_help(read_all: Read, shared: Path) -> None:
    table = read_all(shared / "files" / "xlsx")
    files_of = [place["file"] for place in table["source_details"].to_pylist()]
    reasons = Counter(zip(files_of, table["reason"].to_pylist(), strict=True))
    assert reasons.pop(("fujian1_label_tree.xlsx", "no_text_column")) > 500
    assert reasons == {("fujian2_sample.xlsx", None): 495, ("fujian3_sample.xlsx", None): 30}


def test_files_of_one_name_from_two_folders_are_told_apart(tmp_path: Path) -> None:
    for folder in ("北区", "南区"):
        (tmp_path / folder / "上报").mkdir(parents=True)
        (tmp_path / folder / "上报" / "来信.txt").write_text(f"{folder}的路灯坏了", encoding="utf-8")
    folders = [tmp_path / "北区" / "上报", tmp_path / "南区" / "上报"]
    names = [file.name for file in find_inputs(folders)]
    assert names == ["北区/上报/来信.txt", "南区/上报/来信.txt"]
    assert names == [file.name for file in find_inputs(folders[::-1])]


def test_a_file_given_twice_is_read_once(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("甲")
    (tmp_path / "b.txt").symlink_to(tmp_path / "a.txt")
    assert len(find_inputs([tmp_path, tmp_path / "a.txt"])) == 1
