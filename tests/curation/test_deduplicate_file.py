"""One file in, one file out, and a ledger row for every row."""

from __future__ import annotations

import csv
import json
import tempfile
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.deduplicate import deduplicate_files, sources
from curation.errors import InputError, UsageError

LETTER = "河口大桥南侧的公交站台顶棚破损漏雨，老人和学生候车时没有地方躲雨，希望交通部门尽快安排修缮。"
REAL = Path("../shared/data/letters/hotspot.jsonl")


def lines(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=True)


def test_kept_json_lines_are_copied_byte_for_byte(tmp_path: Path) -> None:
    source, output = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    rows = [
        b'\xef\xbb\xbf{"text": "%s",  "n": 1.0, "big": 123456789012345678901234567890}\r\n' % LETTER.encode(),
        b'{"n": [1, {"a": null}], "text": "\\u4f60\\u597d"}\n',
        b"\n",
        b'{"text": "%s"}\n' % LETTER.encode(),
        b'{"text": "half a pair \\ud83d", "n": 1e5}\n',
        b'{"other": 1}\n',
        b'{"text": null}',
    ]
    source.write_bytes(b"".join(rows))
    summary = deduplicate_files([source], output)
    assert lines(output) == [rows[0], rows[1], rows[4], rows[5], rows[6]]
    assert (summary.rows, summary.kept, summary.exact, summary.near, summary.clusters) == (6, 5, 1, 0, 1)


def test_ledger_has_every_row(tmp_path: Path) -> None:
    source, ledger = tmp_path / "in.jsonl", tmp_path / "ledger.parquet"
    rows = [("x", LETTER), ("y", LETTER + "谢谢"), ("x", LETTER), (None, "公园何时开放？")]
    source.write_text("".join(json.dumps({"id": own, "text": text}) + "\n" for own, text in rows))
    deduplicate_files([source], tmp_path / "out.jsonl", ledger=ledger)
    table = pq.ParquetFile(ledger).read()
    assert table["fate"].to_pylist() == ["dropped", "kept", "dropped", "kept"]
    assert table["reason"].to_pylist() == ["near_duplicate", None, "near_duplicate", None]
    assert table["stage"].to_pylist() == ["deduplicate", None, "deduplicate", None]
    assert table["ref_id"].to_pylist() == ["y", None, "y", None]
    assert table["cluster"].to_pylist()[:3] == ["y", "y", "y"]
    assert [place["row"] for place in table["source_details"].to_pylist()] == [1, 2, 3, 4]
    ids = table["id"].to_pylist()
    assert len(set(ids)) == 4
    assert ids[1] == "y"
    assert LETTER[:6] not in str(table.to_pydict())


def test_variants_are_kept_with_a_veto_and_go_without(tmp_path: Path) -> None:
    source, output = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    texts = [f"{LETTER}这是第{number}次反映。" for number in (3, 4)]
    source.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    assert deduplicate_files([source], output, threshold=0.7).kept == 1
    summary = deduplicate_files([source], output, threshold=0.7, veto=["numbers"])
    assert (summary.kept, summary.variants, summary.near) == (2, 1, 0)


@pytest.mark.parametrize("header", ["text", "诉求内容", "留言内容"])
def test_text_column_is_known_by_its_header(tmp_path: Path, header: str) -> None:
    source, output = tmp_path / "in.csv", tmp_path / "out.csv"
    with source.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["序号", header], ["1", LETTER], ["2", LETTER], ["3", "你好"]])
    deduplicate_files([source], output)
    with output.open(encoding="utf-8-sig", newline="") as file:
        assert list(csv.reader(file)) == [["序号", header], ["1", LETTER], ["3", "你好"]]


def test_named_text_field_decides(tmp_path: Path) -> None:
    source, output = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text("".join(json.dumps({"text": str(n), "备注": LETTER}) + "\n" for n in range(3)))
    assert deduplicate_files([source], output).kept == 3
    assert deduplicate_files([source], output, text_fields=["备注"]).kept == 1


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (b'{"text": "a"}\n{"text": \n', "row 2"),
        (b'{"text": "a"}\n[1]\n', "row 2"),
        ('{"text": "河口大桥'.encode() + b'\xff"}\n', "row 1"),
        (b'{"text": ["a"]}\n', "row 1, field text"),
        (b"[" * 100_000, "row 1"),
    ],
)
def test_unreadable_row_is_named_and_nothing_is_written(tmp_path: Path, content: bytes, place: str) -> None:
    source, output, ledger = (tmp_path / name for name in ("in.jsonl", "out.jsonl", "ledger.parquet"))
    source.write_bytes(content)
    with pytest.raises(InputError, match=f"in.jsonl, {place}: "):
        deduplicate_files([source], output, ledger=ledger)
    assert [path.name for path in tmp_path.iterdir()] == ["in.jsonl"]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"threshold": 7}, "threshold"),
        ({"veto": ["number"]}, "veto: unknown kind of difference number; did you mean numbers"),
        ({"veto": ["colour"]}, "veto: unknown kind of difference colour; valid are numbers, dates"),
        ({"text_fields": ["a"], "keep": ["newest"]}, "keep: newest: no row says its time"),
        ({"text_fields": ["正文"]}, "no column 正文"),
        ({"text_fields": ["a", "正文"]}, "no column 正文"),
        ({}, "no column with text"),
    ],
)
def test_wrong_usage_is_refused(tmp_path: Path, options: dict[str, object], problem: str) -> None:
    source, output = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text('{"a": "b"}\n')
    with pytest.raises(UsageError, match=problem):
        deduplicate_files([source], output, **options)  # type: ignore[arg-type]
    assert not output.exists()


def test_ledger_has_the_row_numbers_of_the_file(tmp_path: Path) -> None:
    source, ledger = tmp_path / "in.csv", tmp_path / "ledger.parquet"
    source.write_text(f"\n序号,*诉求内容（必填）\n\n1,{LETTER}\n\n2,{LETTER}\n", encoding="utf-8")
    deduplicate_files([source], tmp_path / "out.csv", ledger=ledger)
    table = pq.ParquetFile(ledger).read()
    assert [place["row"] for place in table["source_details"].to_pylist()] == [4, 6]
    assert table["id"].to_pylist() == ["1", "2"]
    assert table["fate"].to_pylist() == ["kept", "dropped"]


def test_a_named_text_field_may_be_written_without_the_marks_of_its_header(tmp_path: Path) -> None:
    source, output = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text(f"诉求内容,*备注：\n1,{LETTER}\n2,{LETTER}\n", encoding="utf-8")
    assert deduplicate_files([source], output, text_fields=["备注"]).kept == 1


def test_no_ledger_is_left_where_the_output_cannot_be_written(tmp_path: Path) -> None:
    source, output, ledger = (tmp_path / name for name in ("in.jsonl", "out.jsonl", "ledger.parquet"))
    source.write_text('{"text": "你好"}\n', encoding="utf-8")
    output.mkdir()
    with pytest.raises(UsageError, match=r"out\.jsonl: cannot be written"):
        deduplicate_files([source], output, ledger=ledger)
    output.rmdir()
    with pytest.raises(UsageError, match=r"ledger\.parquet: cannot be written"):
        deduplicate_files([source], output, ledger=tmp_path / "absent" / "ledger.parquet")
    assert [path.name for path in tmp_path.iterdir()] == ["in.jsonl"]


def test_many_files_are_one(tmp_path: Path) -> None:
    one, other, table = (tmp_path / name for name in ("one.jsonl", "other.jsonl", "table.csv"))
    one.write_bytes(b'{"text": "%s",  "n": 1}' % LETTER.encode())
    other.write_bytes(b'{"text": "\\u4f60\\u597d"}\n{"text": "%s"}\n' % LETTER.encode())
    table.write_text(f"编号,诉求内容\r\n7,{LETTER}\r\n8,公园何时开放？\r\n", encoding="utf-8")
    output, ledger = tmp_path / "out.jsonl", tmp_path / "ledger.parquet"
    summary = deduplicate_files([one, other, table], output, ledger=ledger, keep=["first"])
    assert (summary.rows, summary.kept, summary.exact) == (5, 3, 2)
    assert lines(output)[:2] == [one.read_bytes() + b"\n", lines(other)[0]]
    assert json.loads(lines(output)[2]) == {"编号": "8", "诉求内容": "公园何时开放？"}
    told = pq.ParquetFile(ledger).read()
    places = [(place["file"], place["row"]) for place in told["source_details"].to_pylist()]
    assert places == [
        ("one.jsonl", 1),
        ("other.jsonl", 1),
        ("other.jsonl", 2),
        ("table.csv", 2),
        ("table.csv", 3),
    ]
    assert told["ref_id"].to_pylist()[2:4] == [told["id"][0].as_py()] * 2


def test_files_of_the_same_bytes_and_a_mark_of_byte_order(tmp_path: Path) -> None:
    one, other, output = (tmp_path / name for name in ("one.jsonl", "other.jsonl", "out.jsonl"))
    ledger = tmp_path / "ledger.parquet"
    for path in (one, other):
        path.write_bytes(b"\xef\xbb\xbf" + json.dumps({"text": LETTER}).encode() + b"\n")
    assert deduplicate_files([one, other], output, ledger=ledger).kept == 1
    told = pq.ParquetFile(ledger).read()
    assert len(set(told["id"].to_pylist())) == 2
    assert deduplicate_files([one, other], output, threshold=1.0, keep=["first"]).kept == 1
    other.write_bytes(b"\xef\xbb\xbf" + json.dumps({"text": LETTER[:20]}).encode() + b"\n")
    deduplicate_files([one, other], output)
    assert output.read_bytes().count(b"\xef\xbb\xbf") == 1
    assert deduplicate_files([output], tmp_path / "again.jsonl").rows == 2


def test_a_file_without_rows_among_others_is_no_trouble(tmp_path: Path) -> None:
    one, empty = tmp_path / "one.jsonl", tmp_path / "empty.jsonl"
    one.write_text(json.dumps({"text": LETTER}) + "\n")
    empty.write_text("\n")
    assert deduplicate_files([one, empty], tmp_path / "out.jsonl").kept == 1
    assert deduplicate_files([empty, one], tmp_path / "out.jsonl").kept == 1
    with pytest.raises(UsageError, match="has no row"):
        deduplicate_files([empty], tmp_path / "out.jsonl")


def test_output_and_ledger_are_two_files(tmp_path: Path) -> None:
    source = tmp_path / "one.jsonl"
    source.write_text(json.dumps({"text": LETTER}) + "\n")
    with pytest.raises(UsageError):
        deduplicate_files([source], tmp_path / "x.parquet", ledger=tmp_path / "x.parquet")


def test_long_runs_of_kept_lines_are_copied_piece_by_piece(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, output = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    rows = [json.dumps({"text": f"{n}" * 40}) for n in range(400)]
    source.write_text("\n".join(rows) + "\n")
    monkeypatch.setattr(sources, "_PART_BYTES", 100)
    deduplicate_files([source], output, method="exact")
    assert output.read_bytes() == source.read_bytes()


@pytest.mark.parametrize("quality", [2**60 + 1, 10**30, "0.9", None, float("1e308")])
def test_any_quality_is_read(tmp_path: Path, quality: object) -> None:
    source = tmp_path / "in.jsonl"
    rows = [{"text": LETTER, "quality": quality}, {"text": LETTER, "quality": 0.5}]
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert deduplicate_files([source], tmp_path / "out.jsonl", keep=["quality"]).kept == 1


def test_a_point_between_digits_is_no_punctuation(tmp_path: Path) -> None:
    source = tmp_path / "in.jsonl"
    rows = [{"text": f"{LETTER}共{said}万元。"} for said in ("1.2", "12")]
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = deduplicate_files([source], tmp_path / "out.jsonl", normalise=["punctuation"], method="exact")
    assert done.kept == 2


def test_many_tables_are_one_with_all_columns(tmp_path: Path) -> None:
    one, other, output = (tmp_path / name for name in ("one.csv", "other.csv", "out.csv"))
    one.write_text(f"编号,诉求内容\r\n7,{LETTER}\r\n", encoding="utf-8")
    other.write_text(f"诉求内容,区县\r\n{LETTER},海城\r\n公园何时开放？,海城\r\n", encoding="utf-8")
    deduplicate_files([one, other], output, keep=["first"])
    with output.open(encoding="utf-8-sig", newline="") as file:
        assert list(csv.reader(file)) == [
            ["编号", "诉求内容", "区县"],
            ["7", LETTER, ""],
            ["", "公园何时开放？", "海城"],
        ]


@given(
    texts=st.lists(st.text(alphabet="甲乙丙丁\0😀\ud83d \n", max_size=12), min_size=1, max_size=30),
    blanks=st.booleans(),
    ends=st.booleans(),
)
def test_workers_and_parts_change_nothing(texts: list[str], blanks: bool, ends: bool) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        source = Path(folder) / "in.jsonl"
        between = "\n\n" if blanks else "\n"
        rows = [json.dumps({"id": str(number), "text": text}) for number, text in enumerate(texts)]
        source.write_text(between.join(rows) + ("\n" if ends else ""), encoding="utf-8")
        told = []
        for size in (1 << 23, 1, 64):
            patch.setattr(sources, "_PART_BYTES", size)
            output, ledger = Path(folder) / f"{size}.jsonl", Path(folder) / f"{size}.parquet"
            deduplicate_files([source], output, ledger=ledger, threshold=0.5)
            told.append((output.read_bytes(), pq.ParquetFile(ledger).read().to_pydict()))
        assert told[0] == told[1] == told[2]


def test_two_processes_say_what_one_says(tmp_path: Path) -> None:
    source = tmp_path / "in.jsonl"
    rows = [{"id": str(n), "text": LETTER * 40 + "甲乙丙"[n % 3] * (n % 90)} for n in range(2_000)]
    source.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    said = []
    for workers in (1, 2):
        deduplicate_files([source], tmp_path / "out.jsonl", ledger=tmp_path / "l.parquet", workers=workers)
        said.append(pq.ParquetFile(tmp_path / "l.parquet").read())
    assert said[0].equals(said[1])


def test_json_lines_of_another_encoding_come_back_in_utf_8(tmp_path: Path) -> None:
    source, output = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    line = json.dumps({"text": LETTER}, ensure_ascii=False) + "\n"
    source.write_bytes((line * 2).encode("gb18030"))
    deduplicate_files([source], output)
    assert output.read_text(encoding="utf-8") == line


def test_missing_input_and_unwritable_output_are_named(tmp_path: Path) -> None:
    source = tmp_path / "in.jsonl"
    with pytest.raises(UsageError, match="no such file"):
        deduplicate_files([source], tmp_path / "out.jsonl")
    source.write_text('{"text": "你好"}\n')
    with pytest.raises(UsageError, match="cannot be written"):
        deduplicate_files([source], tmp_path / "absent" / "out.jsonl")


@pytest.mark.skipif(not REAL.exists(), reason="needs ../shared/data/letters")
def test_real_letters(tmp_path: Path) -> None:
    summary = deduplicate_files([REAL], tmp_path / "out.jsonl", ledger=tmp_path / "ledger.parquet")
    assert summary.rows == 4326
    assert summary.kept + summary.exact + summary.near == summary.rows
    kept = lines(tmp_path / "out.jsonl")
    assert len(kept) == summary.kept
    assert set(kept) <= set(lines(REAL))
