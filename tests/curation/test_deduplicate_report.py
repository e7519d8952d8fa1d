"""What deduplication did can be looked at: other thresholds, differences, clusters, on the screen alone."""

from __future__ import annotations

import itertools
import json
import time
import unicodedata
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from curation.deduplicate import deduplicate_files, find_duplicates, report, similarity, study
from curation.deduplicate.compare import Similarities
from curation.deduplicate.difference import Piece, difference, shortened
from curation.errors import UsageError

LETTER = "河口大桥南侧的公交站台顶棚破损漏雨，老人和学生候车时没有地方躲雨，希望交通部门尽快安排修缮。"
OTHER = "自去年冬天起，西门菜市场后面的垃圾没有人清运，夏天气味很大，附近居民多次反映，至今没有结果。"
NEAR = LETTER + OTHER + "谢谢！"
TEXTS = [
    LETTER + OTHER,
    NEAR,
    LETTER + OTHER,
    LETTER + OTHER.replace("西门", "东门"),
    OTHER * 3 + "第3次",
    OTHER * 3 + "第4次",
    "",
    "公园何时开放？",
]


def marked(pieces: list[Piece]) -> str:
    marks = {"equal": "{}", "delete": "[-{}-]", "insert": "{{+{}+}}", "skipped": "<{}>"}
    return "".join(marks[piece.kind].format(piece.text or piece.length) for piece in pieces)


def both(pieces: list[Piece]) -> tuple[str, str]:
    one = "".join(piece.text for piece in pieces if piece.kind != "insert")
    other = "".join(piece.text for piece in pieces if piece.kind != "delete")
    return one, other


words = st.text(alphabet="甲乙丙丁\0😀\ud83d \n", max_size=60)
phrases = st.lists(st.sampled_from([LETTER, OTHER, "甲", "乙丙", LETTER[:7], "\n"]), max_size=12).map("".join)


@given(one=words | phrases, other=words | phrases)
@example(one="", other="")
@example(one=LETTER * 3, other=LETTER * 2)
@example(one=LETTER + OTHER, other=OTHER + LETTER)
def test_a_difference_gives_both_texts_back(one: str, other: str) -> None:
    pieces = difference(one, other)
    assert both(pieces) == (one, other)
    assert all(piece.text and len(piece.text) == piece.length for piece in pieces)
    assert all(a.kind != b.kind for a, b in itertools.pairwise(pieces))


def test_a_difference_is_the_one_people_see() -> None:
    one = "关于2023年3月在河口大桥维修的通知，请相关单位做好准备。"
    other = "关于2024年3月在河西大桥维修的通知，请相关单位提前做好准备。"
    assert marked(difference(one, other)) == (
        "关于202[-3-]{+4+}年3月在河[-口-]{+西+}大桥维修的通知，请相关单位{+提前+}做好准备。"
    )
    # Three equal characters between two long changes are chance.
    assert (
        marked(difference("一二三四的五六七八", "甲乙丙丁的戊己庚辛"))
        == "[-一二三四的五六七八-]{+甲乙丙丁的戊己庚辛+}"
    )


def test_what_is_equal_is_left_out_with_its_length() -> None:
    told = shortened(difference("甲" * 100 + "乙" + "丙" * 100, "甲" * 100 + "丁" + "丙" * 100), context=3)
    assert marked(told) == "<97>甲甲甲[-乙-]{+丁+}丙丙丙<97>"
    whole = shortened(difference("甲" * 50, "甲" * 50 + "乙" * 1000), longest=10)
    assert whole[-3:] == [
        Piece("insert", "乙" * 5, 5),
        Piece("skipped", "", 990),
        Piece("insert", "乙" * 5, 5),
    ]
    assert sum(piece.length for piece in whole) == 1050


@pytest.mark.parametrize(
    "make",
    [
        lambda rng: (rng.integers(0x4E00, 0x5200, 100_000), rng.integers(0x4E00, 0x5200, 100_000)),
        lambda rng: (rng.integers(0x30, 0x3A, 100_000), rng.integers(0x30, 0x3A, 100_000)),
        lambda rng: (np.full(100_000, 0x61), np.tile([0x61, 0x62], 50_000)),
        lambda rng: (
            a := rng.integers(0x4E00, 0x5200, 100_000),
            np.where(rng.random(100_000) < 0.1, 0x61, a),
        ),
        lambda rng: (
            a := rng.integers(0x4E00, 0x5200, 100_000),
            a.reshape(-1, 100)[rng.permutation(1000)].ravel(),
        ),
    ],
    ids=["unrelated", "digits", "one letter", "edited", "moved"],
)
def test_long_texts_take_no_time(
    make: Callable[[np.random.Generator], tuple[np.ndarray, np.ndarray]],
) -> None:
    one, other = ("".join(map(chr, codes.tolist())) for codes in make(np.random.default_rng(5)))
    before = time.process_time()
    pieces = difference(one, other)
    assert time.process_time() - before < 2
    assert both(pieces) == (one, other)


def test_the_curve_says_what_each_threshold_would_do() -> None:
    made = study(TEXTS, threshold=0.8)
    for step in made.curve:
        assert step.threshold is not None
        verdict = find_duplicates(TEXTS, threshold=step.threshold)
        goes = verdict.relation == "duplicate_of"
        assert (step.dropped, step.kept) == (goes.sum(), (~goes).sum())
        assert step.exact + step.near + step.contained == step.dropped
    assert [step.threshold for step in made.curve if step.own] == [0.8]
    assert made.curve[0].dropped > made.curve[-1].dropped


short = st.lists(st.text(alphabet="甲乙丙丁", max_size=14), min_size=1, max_size=20)


@given(texts=short, order=st.permutations([0.6, 0.7, 0.8, 0.9, 1.0]))
def test_a_verdict_does_not_depend_on_thresholds_asked_for_before(
    texts: list[str], order: list[float]
) -> None:
    made = study(texts, threshold=0.75)
    for threshold in order:
        found, expected = made.rethreshold(threshold), find_duplicates(texts, threshold=threshold)
        assert found.relation.tolist() == expected.relation.tolist()
        assert found.ref.tolist() == expected.ref.tolist()
        assert found.cluster.tolist() == expected.cluster.tolist()


def test_no_pair_is_compared_twice_and_no_text_read_twice_by_the_vetoes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from curation.deduplicate import compare
    from curation.deduplicate.contents import Texts

    made = study(many(), threshold=0.8, vetoes=["numbers"])
    pairs: list[tuple[int, int]] = []
    read: list[int] = []
    similarities, signatures = compare.similarities, Texts.signatures

    def counted(asked: compare.Pairs, contents: object) -> object:
        pairs.extend(map(tuple, asked.tolist()))
        return similarities(asked, contents)  # type: ignore[arg-type]

    def noted(self: Texts, nodes: np.ndarray, vetoes: list[str]) -> object:
        read.extend(nodes.tolist())
        return signatures(self, nodes, vetoes)

    monkeypatch.setattr(compare, "similarities", counted)
    monkeypatch.setattr(Texts, "signatures", noted)
    assert len(made.curve) == 8
    made.rethreshold(0.77)
    assert len(pairs) == len(set(pairs)) > 0
    assert len(read) == len(set(read)) > 0


def many() -> list[str]:
    """Texts enough that candidates come from bands; three groups of ten of each similarity."""
    rng = np.random.default_rng(3)
    texts = []
    for _ in range(30):
        base = "".join(map(chr, rng.integers(0x4E00, 0x5E00, 300).tolist()))
        for copy in range(10):
            cut = int(rng.integers(0, 100))
            texts.append(base[cut:] + str(copy % 3))
    return texts


def test_candidates_lose_no_pair_above_the_lowest() -> None:
    texts = many()
    made = study(texts, threshold=0.8)
    known: Similarities = made._material.compared[0]
    found = {
        tuple(sorted(pair))
        for pair, score in zip(known.pairs.tolist(), known.scores, strict=True)
        if score >= 0.6
    }
    at = made._material.same.best
    true = {
        (one, other)
        for one in range(len(at))
        for other in range(one + 1, len(at))
        if similarity(texts[at[one]], texts[at[other]]) >= 0.6
    }
    assert len(true) > 300
    # In a large bucket not all are paired with all; each pair found is true and each text is found.
    assert found <= true
    assert {node for pair in found for node in pair} == {node for pair in true for node in pair}


def test_pairs_clusters_and_what_the_veto_saw() -> None:
    made = study(
        TEXTS, [f"GD{row}" for row in range(len(TEXTS))], threshold=0.6, vetoes=["numbers"], lang="en"
    )
    least = made.least_similar(10)
    assert [pair.score for pair in least] == sorted(pair.score for pair in least)
    for pair in least:
        assert pair.score == pytest.approx(similarity(pair.text, pair.ref_text))
        assert both(pair.difference) == (pair.ref_text, pair.text)
    (variant,) = made.variants()
    assert {variant.name, variant.ref_name} == {"GD4", "GD5"}
    assert variant.apart == ("numbers",)
    assert "they differ in numbers" in str(variant)
    assert "第[-3-]{+4+}次" in str(variant)
    largest = made.clusters()[0]
    assert (largest.size, largest.kept, largest.exact) == (4, 1, 1)
    assert largest.names[0] == "GD0"
    assert not made.pairs(between=(0, 0.1))
    assert LETTER[:6] not in repr([made, least, made.clusters(), made.curve])


def test_a_threshold_that_was_not_looked_for_is_refused() -> None:
    with pytest.raises(ValueError, match=r"threshold 0\.5: 0\.6 to 1"):
        study(TEXTS).rethreshold(0.5)
    assert (
        study(TEXTS, threshold=0.4).rethreshold(0.5).ref.tolist()
        == find_duplicates(TEXTS, threshold=0.5).ref.tolist()
    )


def test_html_is_harmless_and_terminal_lines_are_tame() -> None:
    nasty = "<script>alert(1)</script>\x1b[2J\u202e\ud83d\n"
    made = study([LETTER * 3 + nasty, LETTER * 3 + nasty + "<b>&", ""], ["<i>", "\x1b[31m", "c"])
    html = made._repr_html_()
    assert "<script" not in html
    assert "<i>" not in html
    assert "<b>" not in html
    assert "&lt;b&gt;&amp;</ins>" in html
    html.encode()
    told = made.text()
    assert not set(told) & set("\x1b\u202e\ud83d")
    assert "{+<b>&+}" in told
    assert "\x1b[" in made.text(colour=True)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_columns_stand_below_each_other_in_either_language(lang: report.Lang) -> None:
    lines = study(TEXTS, lang=lang).text(width=100).split("\n")
    table = lines[2:12]
    assert "…" not in "".join(table)
    head, *rows = table[0], *table[2:]
    ends = [right_edges(line) for line in (head, *rows)]
    assert all(edges[:6] == ends[0] for edges in ends)


def right_edges(line: str) -> list[int]:
    """Columns of a terminal where words end; a wide character takes two."""
    edges, column = [], 0
    for char, then in zip(line.replace("* ", "  "), line[1:] + " ", strict=True):
        column += 2 if unicodedata.east_asian_width(char) in "WF" else 1
        if char != " " and then == " ":
            edges.append(column)
    return edges


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "in.jsonl"
    rows = [{"id": None if row == 1 else f"GD{row}", "text": text} for row, text in enumerate(TEXTS)]
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def test_a_report_changes_no_file_and_no_text_is_in_any_but_the_kept_rows(
    source: Path, tmp_path: Path
) -> None:
    from typer.testing import CliRunner

    from govtune.cli import app

    files = {}
    for name in ("plain", "seen"):
        out = tmp_path / name
        out.mkdir()
        told = ["deduplicate", str(source), "-o", f"{out}/out.jsonl", "--ledger", f"{out}/ledger.parquet"]
        said = CliRunner().invoke(
            app, [*told, "--veto", "numbers"] + (["--report"] if name == "seen" else [])
        )
        assert said.exit_code == 0, said.output
        files[name] = {path.name: path.read_bytes() for path in out.iterdir()}
    assert files["seen"] == files["plain"]
    assert files["seen"].keys() == {"out.jsonl", "ledger.parquet"}
    # The difference of the row without an id is on the screen, and in no file.
    assert "in.jsonl 第 2 行" in said.stdout
    assert "{+谢谢！+}" in said.stdout or "[-谢谢！-]" in said.stdout
    assert "阈值曲线" in said.stdout
    assert "\x1b" not in said.stdout
    assert not said.stderr
    assert LETTER[:8].encode() not in files["seen"]["ledger.parquet"]


def test_the_report_of_files_is_that_of_their_texts_with_any_options(source: Path, tmp_path: Path) -> None:
    for options in (
        {},
        {"method": "exact"},
        {"normalise": ["whitespace"]},
        {"containment": 0.9},
        {"threshold": 0.5},
    ):
        made: list[report.Study] = []
        done = deduplicate_files([source], tmp_path / "out.jsonl", report=made.append, **options)  # type: ignore[arg-type]
        (own,) = [step for step in made[0].curve if step.own]
        assert (own.kept, own.exact, own.near) == (done.kept, done.exact, done.near)
        assert own.threshold == (None if "method" in options else options.get("threshold", 0.8))
        assert made[0].text(examples=1)


def test_a_report_goes_neither_with_json_nor_with_an_index(source: Path, tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from govtune.cli import app

    told = ["deduplicate", str(source), "-o", str(tmp_path / "out.jsonl"), "--report"]
    said = CliRunner().invoke(app, [*told, "--json"])
    assert isinstance(said.exception, UsageError) or said.exit_code == 2
    index = tmp_path / "index"
    with pytest.raises(UsageError, match="an index holds none"):
        deduplicate_files([source], tmp_path / "o.jsonl", report=print, against=index)
    deduplicate_files([source], tmp_path / "o.jsonl", report=lambda made: None, save_index=index)
    assert LETTER[:8].encode() not in b"".join(
        path.read_bytes() for path in index.rglob("*") if path.is_file()
    )
