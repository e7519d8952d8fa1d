"""What an index of earlier days says of today's records is what all of them together would say."""

from __future__ import annotations

import itertools
import json
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.deduplicate import deduplicate_files
from curation.deduplicate.index.store import MANIFEST, Store
from curation.errors import InputError, UsageError

Command = Callable[..., Any]

NOTICE = (
    "关于{district}自来水管网改造的通知。因管网改造施工，{day}起{district}部分小区停水，请居民提前储水，给您带来的不便敬请谅解，"
    "具体恢复时间另行通知。咨询请向各社区服务窗口提出，窗口在工作日全天开放，并由专人记录和转办。"
)
SAID = ("fate", "relation", "ref_id", "score", "cluster", "reason")


def write(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def told(ledger: Path) -> dict[str, tuple[Any, ...]]:
    """What the ledger says of each id."""
    rows = pq.ParquetFile(ledger).read().to_pylist()
    return {row["id"]: tuple(row[name] for name in SAID) for row in rows}


def days(folder: Path, parts: Sequence[Sequence[dict[str, Any]]], **options: Any) -> dict[str, Any]:
    """The verdict on the last day, against an index of those before it."""
    index = folder / "index"
    for day, rows in enumerate(parts):
        source = write(folder / f"{day}.jsonl", rows)
        deduplicate_files(
            [source],
            folder / "out.jsonl",
            ledger=folder / "day.parquet",
            against=index if day else None,
            save_index=index,
            **options,
        )
    return told(folder / "day.parquet")


def together(folder: Path, parts: Sequence[Sequence[dict[str, Any]]], **options: Any) -> dict[str, Any]:
    sources = [write(folder / f"{day}.jsonl", rows) for day, rows in enumerate(parts)]
    deduplicate_files(sources, folder / "out.jsonl", ledger=folder / "union.parquet", **options)
    return told(folder / "union.parquet")


def edited(text: str, random: Random) -> str:
    for _ in range(random.randrange(4)):
        at = random.randrange(len(text))
        text = text[:at] + random.choice("甲乙丙丁戊") + text[at + random.randrange(2) :]
    return text


def letters(count: int, random: Random) -> list[dict[str, Any]]:
    sources = [
        NOTICE.format(district=random.choice("东西南北") + "城区", day=f"{random.randrange(1, 28)}日")
        + "".join(random.choices("路灯井盖垃圾公交学校医院", k=random.randrange(80)))
        for _ in range(max(count // 3, 1))
    ]
    return [
        {"text": edited(random.choice(sources), random), "original_time": f"2024-{n % 12}-1"}
        for n in range(count)
    ]


@given(
    texts=st.lists(st.text(alphabet="甲乙😀\0\ud83d", max_size=9), min_size=2, max_size=18),
    cuts=st.lists(st.integers(1, 17), min_size=1, max_size=2),
    keep=st.sampled_from([["longest"], ["first"], ["newest", "longest"]]),
    veto=st.sampled_from([[], ["numbers", "region"]]),
)
@settings(max_examples=40, deadline=None)
def test_day_after_day_says_what_all_together_say(
    texts: list[str], cuts: list[int], keep: list[str], veto: list[str]
) -> None:
    rows = [
        {"id": str(n), "text": text, "original_time": f"2024-{n % 3 + 1}-1"} for n, text in enumerate(texts)
    ]
    bounds = [0, *sorted({min(cut, len(rows) - 1) for cut in cuts}), len(rows)]
    parts = [rows[start:stop] for start, stop in itertools.pairwise(bounds)]
    with tempfile.TemporaryDirectory() as name:
        options = {"threshold": 0.5, "keep": keep, "veto": veto}
        last = days(Path(name), parts, **options)
        union = together(Path(name), parts, **options)
    assert last == {id_: union[id_] for id_ in last}


@pytest.mark.parametrize("method", ["near", "exact"])
@pytest.mark.parametrize("keep", [["longest"], ["first"]])
def test_many_records_over_three_days(tmp_path: Path, method: str, keep: list[str]) -> None:
    rows = [{"id": f"n{n}", **row} for n, row in enumerate(letters(900, Random(3)))]
    parts = [rows[:400], rows[400:700], rows[700:]]
    options: dict[str, Any] = {"method": method, "keep": keep, "veto": ["numbers", "dates"]}
    last = days(tmp_path, parts, **options)
    union = together(tmp_path, parts, **options)
    assert last == {id_: union[id_] for id_ in last}
    assert any(said[2] in {row["id"] for row in rows[:400]} for said in last.values())


def test_rows_without_an_id_get_the_one_they_have_among_all(tmp_path: Path) -> None:
    rows = letters(60, Random(4))
    last = days(tmp_path, [rows[:30], rows[30:]])
    union = together(tmp_path, [rows[:30], rows[30:]])
    assert last == {id_: union[id_] for id_ in last}


def test_an_index_holds_no_text(tmp_path: Path) -> None:
    days(tmp_path, [[{"id": "a", "text": NOTICE}, {"id": "b", "text": NOTICE[:50]}]])
    for path in (tmp_path / "index").iterdir():
        held = path.read_bytes()
        for encoding in ("utf-8", "utf-16-le", "utf-32-le", "gb18030"):
            assert not any(NOTICE[at : at + 3].encode(encoding) in held for at in range(60))
        assert path.stat().st_mode & 0o077 == 0
    assert (tmp_path / "index").stat().st_mode & 0o077 == 0


def test_another_threshold_finds_what_it_finds_among_all(tmp_path: Path) -> None:
    rows = [{"id": f"n{n}", **row} for n, row in enumerate(letters(400, Random(5)))]
    first, second = write(tmp_path / "1.jsonl", rows[:200]), write(tmp_path / "2.jsonl", rows[200:])
    index, ledger = tmp_path / "index", tmp_path / "l.parquet"
    deduplicate_files([first], tmp_path / "out.jsonl", save_index=index)
    deduplicate_files([second], tmp_path / "out.jsonl", against=index, ledger=ledger, threshold=0.6)
    last = told(ledger)
    union = together(tmp_path, [rows[:200], rows[200:]], threshold=0.6)
    assert last == {id_: union[id_] for id_ in last}


def test_what_the_index_would_give_up_is_told(tmp_path: Path) -> None:
    text = NOTICE.format(district="东城区", day="3日")
    index = tmp_path / "index"
    one, two = write(tmp_path / "1.jsonl", [{"id": "a", "text": text}]), tmp_path / "2.jsonl"
    write(two, [{"id": "b", "text": text + "特此通知。"}])
    deduplicate_files([one], tmp_path / "out.jsonl", save_index=index)
    done = deduplicate_files([two], tmp_path / "out.jsonl", against=index)
    assert (done.kept, done.superseded) == (1, ["a"])
    done = deduplicate_files([two], tmp_path / "out.jsonl", against=index, keep=["first"])
    assert (done.kept, done.superseded) == (0, [])


def test_a_removed_record_leaves_no_trace_and_others_stay(tmp_path: Path, govtune: Command) -> None:
    text = NOTICE.format(district="东城区", day="3日")
    other = NOTICE.format(district="高新区", day="9日") + "水压不足的高层住户由物业安排加压。" * 3
    index = tmp_path / "index"
    one = write(tmp_path / "1.jsonl", [{"id": "citizen-7", "text": text}, {"id": "citizen-8", "text": other}])
    two = write(
        tmp_path / "2.jsonl", [{"id": "citizen-9", "text": other}, {"id": "citizen-10", "text": text}]
    )
    deduplicate_files([one], tmp_path / "out.jsonl", save_index=index)
    digest = Store(index).rows()["digest"][0].as_py()
    before = govtune("deduplicate", two, "-o", tmp_path / "out.jsonl", "--against", index, "--json")
    assert json.loads(before.out)["kept"] == 0
    assert govtune("index", "remove", index, "--id", "citizen-7").code == 0
    assert not any(
        secret in path.read_bytes() for path in index.iterdir() for secret in (b"citizen-7", digest)
    )
    after = govtune("deduplicate", two, "-o", tmp_path / "out.jsonl", "--against", index, "--json")
    assert json.loads(after.out)["kept"] == 1
    again = govtune("index", "remove", index, "--id", "citizen-7")
    assert (again.code, "citizen-7: not in the index" in again.err) == (1, True)


def test_a_text_stays_while_another_record_has_it(tmp_path: Path) -> None:
    index = tmp_path / "index"
    one = write(tmp_path / "1.jsonl", [{"id": "a", "text": NOTICE}])
    two = write(tmp_path / "2.jsonl", [{"id": "b", "text": NOTICE}])
    deduplicate_files([one], tmp_path / "out.jsonl", save_index=index)
    deduplicate_files([two], tmp_path / "out.jsonl", save_index=index)
    assert Store(index).remove(["a"]) == []
    three = write(tmp_path / "3.jsonl", [{"id": "c", "text": NOTICE + "！"}])
    deduplicate_files(
        [three], tmp_path / "out.jsonl", against=index, ledger=tmp_path / "l.parquet", keep=["first"]
    )
    assert told(tmp_path / "l.parquet")["c"][2] == "b"


def test_compacting_changes_no_verdict(tmp_path: Path, govtune: Command) -> None:
    rows = [{"id": f"n{n}", **row} for n, row in enumerate(letters(90, Random(6)))]
    days(tmp_path, [rows[:30], rows[30:60]])
    index, today = tmp_path / "index", write(tmp_path / "today.jsonl", rows[60:])
    said = []
    for _ in range(2):
        deduplicate_files([today], tmp_path / "out.jsonl", against=index, ledger=tmp_path / "l.parquet")
        said.append(told(tmp_path / "l.parquet"))
        assert govtune("index", "compact", index).code == 0
    assert said[0] == said[1]
    assert json.loads(govtune("index", "info", index, "--json").out)["segments"] == 1
    assert len(list(index.glob("*.parquet"))) == 2


def test_a_file_is_not_added_twice(tmp_path: Path) -> None:
    source = write(tmp_path / "1.jsonl", [{"id": "a", "text": NOTICE}])
    deduplicate_files([source], tmp_path / "out.jsonl", save_index=tmp_path / "index")
    with pytest.raises(UsageError, match="knows this file already"):
        deduplicate_files([source], tmp_path / "other.jsonl", save_index=tmp_path / "index")
    assert not (tmp_path / "other.jsonl").exists()


@pytest.mark.parametrize(
    ("made", "asked", "problem"),
    [
        ({"method": "exact"}, {}, "was made with --method exact"),
        ({"normalise": ["nfkc"]}, {}, "was made with --normalise nfkc"),
    ],
)
def test_an_index_of_other_texts_is_refused(
    tmp_path: Path, made: dict[str, Any], asked: dict[str, Any], problem: str
) -> None:
    source = write(tmp_path / "1.jsonl", [{"id": "a", "text": NOTICE}])
    deduplicate_files([source], tmp_path / "out.jsonl", save_index=tmp_path / "index", **made)
    with pytest.raises(UsageError, match=problem):
        deduplicate_files([source], tmp_path / "out.jsonl", against=tmp_path / "index", **asked)


def test_an_index_of_other_vetoes_is_refused(tmp_path: Path) -> None:
    source = write(tmp_path / "1.jsonl", [{"id": "a", "text": NOTICE}])
    index = tmp_path / "index"
    deduplicate_files([source], tmp_path / "out.jsonl", save_index=index)
    manifest = json.loads((index / MANIFEST).read_text(encoding="utf-8"))
    (index / MANIFEST).write_text(json.dumps({**manifest, "marks": 0}), encoding="utf-8")
    with pytest.raises(UsageError, match="make a new index"):
        deduplicate_files([source], tmp_path / "out.jsonl", against=index)


def test_the_order_of_normalisations_does_not_matter_to_an_index(tmp_path: Path) -> None:
    one, two = (write(tmp_path / f"{n}.jsonl", [{"id": n, "text": NOTICE}]) for n in "12")
    index = tmp_path / "index"
    deduplicate_files([one], tmp_path / "out.jsonl", save_index=index, normalise=["case", "nfkc"])
    done = deduplicate_files([two], tmp_path / "out.jsonl", against=index, normalise=["nfkc", "case"])
    assert done.kept == 0


def test_a_run_that_fails_leaves_the_index_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = tmp_path / "index"
    one, two = (write(tmp_path / f"{n}.jsonl", [{"id": n, "text": NOTICE + n}]) for n in "12")
    deduplicate_files([one], tmp_path / "out.jsonl", save_index=index)
    before = sorted(path.name for path in index.iterdir())
    with monkeypatch.context() as patch, pytest.raises(UsageError, match="cannot be written"):
        patch.setattr(Path, "replace", refuse)
        deduplicate_files([two], tmp_path / "out.jsonl", save_index=index)
    assert [segment.rows for segment in Store(index).manifest.segments] == [1]
    deduplicate_files([two], tmp_path / "out.jsonl", against=index, save_index=index)
    assert [segment.rows for segment in Store(index).manifest.segments] == [1, 1]
    assert set(before) <= {path.name for path in index.iterdir()}


def refuse(self: Path, target: Path) -> Path:
    """`Path.replace` where the output cannot get its name."""
    if Path(target).name == "out.jsonl":
        raise OSError(28, "No space left on device")
    self.rename(target)
    return Path(target)


def test_what_a_killed_process_left_goes_with_a_removed_record(tmp_path: Path) -> None:
    index = tmp_path / "index"
    source = write(
        tmp_path / "1.jsonl", [{"id": "citizen-7", "text": NOTICE}, {"id": "b", "text": NOTICE * 2}]
    )
    deduplicate_files([source], tmp_path / "out.jsonl", save_index=index)
    (index / ".000002.rows.parquet.ab12cd34").write_bytes(b"citizen-7")
    Store(index).remove(["citizen-7"])
    assert not any(b"citizen-7" in path.read_bytes() for path in index.iterdir())


def test_an_emptied_index_serves(tmp_path: Path) -> None:
    index = tmp_path / "index"
    one, two = (write(tmp_path / f"{n}.jsonl", [{"id": n, "text": NOTICE}]) for n in "12")
    deduplicate_files([one], tmp_path / "out.jsonl", save_index=index)
    Store(index).remove(["1"])
    for threshold in (0.8, 0.6):
        done = deduplicate_files([two], tmp_path / "out.jsonl", against=index, threshold=threshold)
        assert done.kept == 1


def test_an_id_stands_once_in_an_index(tmp_path: Path) -> None:
    index = tmp_path / "index"
    for day in "12":
        source = write(tmp_path / f"{day}.jsonl", [{"id": "7", "text": NOTICE + day * 9}])
        deduplicate_files([source], tmp_path / "out.jsonl", save_index=index)
    ids = Store(index).rows()["id"].to_pylist()
    assert len(set(ids)) == 2
    assert ids[0] == "7"


def test_nothing_is_written_into_an_index(tmp_path: Path) -> None:
    source = write(tmp_path / "1.jsonl", [{"id": "a", "text": NOTICE}])
    index = tmp_path / "index"
    deduplicate_files([source], tmp_path / "out.jsonl", save_index=index)
    with pytest.raises(UsageError, match="lies in an index"):
        deduplicate_files([source], index / "000001.rows.parquet", against=index)


def test_a_list_of_ids_from_windows_is_read(tmp_path: Path, govtune: Command) -> None:
    source = write(tmp_path / "1.jsonl", [{"id": "900111", "text": NOTICE}])
    deduplicate_files([source], tmp_path / "out.jsonl", save_index=tmp_path / "index")
    (tmp_path / "ids.txt").write_bytes(b"\xef\xbb\xbf900111\r\n")
    assert govtune("index", "remove", tmp_path / "index", "--ids", tmp_path / "ids.txt").code == 0


def test_damaged_and_missing_indices_are_named(tmp_path: Path) -> None:
    source = write(tmp_path / "1.jsonl", [{"id": "a", "text": NOTICE}])
    index = tmp_path / "index"
    with pytest.raises(UsageError, match="no index here"):
        deduplicate_files([source], tmp_path / "out.jsonl", against=index)
    deduplicate_files([source], tmp_path / "out.jsonl", save_index=index)
    (index / "000001.rows.parquet").write_bytes(b"PAR1")
    with pytest.raises(InputError, match=r"000001\.rows\.parquet: is not a readable segment"):
        deduplicate_files([source], tmp_path / "out.jsonl", against=index)
    (index / MANIFEST).write_text("[]")
    with pytest.raises(UsageError, match="is not that of a deduplicate-index/1"):
        deduplicate_files([source], tmp_path / "out.jsonl", against=index)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("x")
    with pytest.raises(UsageError, match="is not empty and no index"):
        deduplicate_files([source], tmp_path / "out.jsonl", save_index=tmp_path / "full")
