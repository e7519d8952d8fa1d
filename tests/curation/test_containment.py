"""Texts that stand whole in longer ones: which go, where to, and what a veto keeps; against brute force."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from random import Random

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from curation import UsageError
from curation.deduplicate import VETOES, DeduplicateParams, Verdict, deduplicate_files, find_duplicates
from curation.deduplicate.compare import ALL_PAIRS
from curation.deduplicate.winnow import COMPARED, SHORTEST, WINDOW, candidate_pairs, fingerprints

NOTICE = (
    "关于做好冬季供暖工作的通知。各供热单位要提前检修管网，按时开栓，确保居民室内温度不低于18度；"
    "对未达标的住户应当及时上门测温并按规定退费。居民可拨打供热服务热线反映问题，供热单位须当日答复。"
)
BEFORE = "尊敬的领导，我们小区每到冬天暖气就不热，老人孩子都冻得感冒，反映多次没有结果。政府发过这样的通知："
AFTER = (
    "可是供热公司从来没有上门测过温度，更不用说退费了，打热线也没有人接。请问这个通知到底还算不算数，盼复。"
)
LETTER = BEFORE + NOTICE + AFTER
FORMULA = "感谢您对我们工作的理解与支持，祝您身体健康、工作顺利、阖家幸福！"

# Texts of few pieces, so that one often stands in another.
pieces = st.sampled_from(
    ["甲乙丙丁戊己庚辛壬癸", "子丑寅卯辰巳午未申酉戌亥", "天地玄黄宇宙洪荒", "赵钱孙李周吴郑王", "\ud83d\0😀"]
)
piece_texts = st.lists(pieces, max_size=7).map("".join)


def shingles(text: str) -> set[str]:
    return {text[at : at + 5] for at in range(max(1, len(text) - 4))} if text else set()


def share(short: str, long: str) -> float:
    """The definition, word for word."""
    return len(shingles(short) & shingles(long)) / len(shingles(short))


def jaccard(one: str, other: str) -> float:
    return len(shingles(one) & shingles(other)) / len(shingles(one) | shingles(other))


def gone(verdict: Verdict) -> list[int]:
    return np.flatnonzero(verdict.relation == "duplicate_of").tolist()


def invented(length: int, random: Random) -> str:
    return "".join(chr(random.randrange(0x4E00, 0x9FA0)) for _ in range(length))


def contains(short: str, long: str, least: float, threshold: float) -> bool:
    return (
        SHORTEST <= len(short) < len(long)
        and share(short, long) >= least
        and jaccard(short, long) < threshold
    )


def brute_force(texts: Sequence[str], before: Verdict, least: float, threshold: float) -> set[int]:
    """Who goes after the verdict on near duplicates, longest first."""
    left = [row for row in range(len(texts)) if before.relation[row] != "duplicate_of"]
    away: set[int] = set()
    for row in sorted(left, key=lambda row: -len(texts[row])):
        party = [row, *(other for other in gone(before) if before.ref[other] == row)]
        for into in left:
            if (
                into not in away
                and contains(texts[row], texts[into], least, threshold)
                and all(SHORTEST <= len(texts[each]) < len(texts[into]) for each in party)
                and all(share(texts[each], texts[into]) >= least for each in party)
            ):
                away.add(row)
                break
    return away


@given(st.lists(piece_texts, max_size=9), st.sampled_from([0.8, 0.9, 1.0]), st.sampled_from([0.5, 0.8]))
def test_verdict_is_that_of_brute_force(texts: list[str], least: float, threshold: float) -> None:
    before = find_duplicates(texts, threshold=threshold)
    after = find_duplicates(texts, threshold=threshold, containment=least)
    assert set(gone(after)) - set(gone(before)) == brute_force(texts, before, least, threshold)
    for row in gone(after):
        into = int(after.ref[row])
        assert after.relation[into] is None
        assert after.cluster[row] == after.cluster[into]
        if after.contained[row]:
            assert after.score[row] == pytest.approx(share(texts[row], texts[into]))
            assert after.score[row] >= least
            assert SHORTEST <= len(texts[row]) < len(texts[into])
            assert not after.exact[row]
        else:
            assert after.score[row] == before.score[row]
            assert after.ref[row] == before.ref[row]


@given(st.lists(piece_texts, max_size=9), st.randoms(use_true_random=False))
def test_order_of_texts_changes_nothing(texts: list[str], random: Random) -> None:
    order = list(range(len(texts)))
    random.shuffle(order)
    plain = find_duplicates(texts, vetoes=VETOES, containment=0.9, rank=range(len(texts)))
    moved = find_duplicates([texts[row] for row in order], vetoes=VETOES, containment=0.9, rank=order)
    for place, row in enumerate(order):
        assert moved.relation[place] == plain.relation[row]
        assert moved.contained[place] == plain.contained[row]
        assert moved.score[place] == pytest.approx(plain.score[row], nan_ok=True)
        assert order[moved.cluster[place]] == plain.cluster[row]
        assert (order[moved.ref[place]] if moved.ref[place] >= 0 else -1) == plain.ref[row]


def test_a_quoted_notice_goes_into_the_letter_only_where_asked() -> None:
    texts = [NOTICE, LETTER, FORMULA]
    assert gone(find_duplicates(texts)) == []
    verdict = find_duplicates(texts, containment=0.95)
    assert gone(verdict) == [0]
    assert (verdict.ref[0], verdict.score[0], verdict.contained[0]) == (1, 1.0, True)
    assert verdict.cluster.tolist() == [0, 0, 2]


def test_share_must_be_reached() -> None:
    changed = LETTER.replace("提前检修", "提早检修")
    missing = len(shingles(NOTICE) - shingles(changed))
    least = 1 - missing / len(shingles(NOTICE))
    assert gone(find_duplicates([NOTICE, changed], containment=least)) == [0]
    assert gone(find_duplicates([NOTICE, changed], containment=least + 0.001)) == []


def test_short_question_in_a_letter_stays() -> None:
    short = AFTER[: SHORTEST - 1]
    assert gone(find_duplicates([short, LETTER], containment=0.9)) == []
    assert gone(find_duplicates([AFTER[:SHORTEST], LETTER], containment=0.9)) == [0]


def test_no_chain_of_containment() -> None:
    """The letter stands in the longest text, the notice in both: both go into the longest."""
    longest = LETTER + AFTER[::-1] * 3
    verdict = find_duplicates([NOTICE, LETTER, longest], containment=0.95)
    assert verdict.ref.tolist() == [2, 2, -1]
    # Of the letter one part in ten is lost in the longest, all of the notice: it has no kept text to go into.
    without = longest.replace(NOTICE[:15], "")
    verdict = find_duplicates([NOTICE, LETTER, without], containment=0.9)
    assert share(LETTER, without) >= 0.9 > share(NOTICE, without)
    assert verdict.ref.tolist() == [-1, 2, -1]


def test_what_a_text_stands_for_goes_along_or_both_stay() -> None:
    near = NOTICE + "特此"
    verdict = find_duplicates([NOTICE, near, LETTER], containment=0.95)
    assert verdict.ref.tolist() == [2, 2, -1]
    assert verdict.contained.tolist() == [True, True, False]
    assert verdict.score[1] == pytest.approx(share(near, LETTER))
    other = NOTICE[:-12] + "请各单位遵照执行不得有误"
    verdict = find_duplicates([NOTICE, other, LETTER], threshold=0.7, containment=0.95)
    assert verdict.ref.tolist() == [-1, 0, -1]


@pytest.mark.parametrize("changed", ["19", "二十"])
def test_a_veto_keeps_a_quotation_with_another_number(changed: str) -> None:
    letter = LETTER.replace("18", changed)
    assert gone(find_duplicates([NOTICE, letter], containment=0.9)) == [0]
    verdict = find_duplicates([NOTICE, letter], containment=0.9, vetoes=["numbers"])
    assert gone(verdict) == []
    assert verdict.cluster.tolist() == [0, 0]


def test_a_veto_does_not_ask_for_the_number_to_stand_somewhere_else() -> None:
    letter = LETTER.replace("18", "19") + "去年是18度。"
    assert gone(find_duplicates([NOTICE, letter], containment=0.9, vetoes=["numbers"])) == []


def test_other_numbers_in_the_letter_and_other_words_in_a_sentence_do_not_matter() -> None:
    letter = LETTER.replace("当日答复", "当天答复") + "我家住3号楼2单元，2023年11月5日交了2300元。"
    assert gone(find_duplicates([NOTICE, letter], containment=0.9, vetoes=VETOES)) == [0]


def test_a_variant_that_stands_in_another_text_goes_and_no_one_names_it() -> None:
    second = NOTICE.replace("18", "十九")
    verdict = find_duplicates([NOTICE, second, LETTER], vetoes=["numbers"], containment=0.95)
    assert verdict.relation.tolist() == ["duplicate_of", None, None]
    assert verdict.ref.tolist() == [2, -1, -1]
    assert len(set(verdict.cluster.tolist())) == 1


def test_similar_texts_are_left_to_the_verdict_on_variants() -> None:
    verdict = find_duplicates([NOTICE, NOTICE + "第3次发布。"], vetoes=["numbers"], containment=0.95)
    assert verdict.relation.tolist() == [None, "variant_of"]


def planted(random: Random, count: int, edits: int) -> tuple[list[str], list[str]]:
    """Texts, and longer ones with each of them inside, some characters changed."""
    short = [
        invented(random.randrange(SHORTEST * (edits + 1), 120 * (edits + 1)), random) for _ in range(count)
    ]
    long = []
    for text in short:
        characters = list(text)
        for _ in range(edits):
            characters[random.randrange(len(characters))] = chr(random.randrange(0x4E00, 0x9FA0))
        before, after = (invented(random.randrange(30, 900), random) for _ in range(2))
        long.append(FORMULA + before + "".join(characters) + after + FORMULA)
    return short, long


@pytest.mark.parametrize(("least", "edits"), [(0.8, 4), (0.9, 2), (0.95, 1), (1.0, 0)])
def test_few_contained_texts_escape_among_many(least: float, edits: int) -> None:
    random = Random(3)
    short, long = planted(random, 400, edits)
    verdict = find_duplicates(short + long, containment=least)
    inside = [row for row in range(400) if share(short[row], long[row]) >= least]
    assert len(inside) > 50
    assert np.mean([verdict.ref[row] == row + 400 for row in inside]) >= 0.995
    assert set(gone(verdict)) <= set(inside)


def test_a_notice_in_very_many_letters_is_found_and_they_stay() -> None:
    random = Random(4)
    letters = [invented(120, random) + NOTICE + invented(60, random) for _ in range(3000)]
    letters += [invented(100, random) + NOTICE[:40] + invented(200, random) for _ in range(1000)]
    verdict = find_duplicates([*letters, NOTICE], containment=0.95)
    assert gone(verdict) == [4000]
    assert verdict.ref[4000] < 3000


def test_a_common_formula_makes_no_candidates() -> None:
    random = Random(5)
    texts = [invented(random.randrange(160, 260), random) + FORMULA for _ in range(5000)]
    lengths = np.array([len(text) for text in texts])
    assert len(candidate_pairs(fingerprints(texts), lengths, 0.9)) == 0
    # A text that is little more than the formula has candidates, a bounded number.
    texts.append("您好。" + FORMULA)
    lengths = np.append(lengths, len(texts[-1]))
    pairs = candidate_pairs(fingerprints(texts), lengths, 0.9)
    assert set(pairs[:, 0].tolist()) == {5000}
    assert len(pairs) <= COMPARED


def test_growing_drafts_all_go_into_the_last() -> None:
    text = invented(40 + 30 * 2 * ALL_PAIRS, Random(6))
    drafts = [text[: 40 + 30 * step] for step in range(2 * ALL_PAIRS)]
    last = len(drafts) - 1
    verdict = find_duplicates(drafts, containment=0.95, rank=range(last, -1, -1))
    assert verdict.ref.tolist() == [last] * last + [-1]


@given(st.lists(st.text(alphabet="ab\0\ud83d😀", max_size=60), max_size=8))
def test_fingerprints_of_a_text_do_not_depend_on_its_company(texts: list[str]) -> None:
    assert fingerprints(texts).to_pylist() == [fingerprints([text]).to_pylist()[0] for text in texts]


@given(st.text(max_size=40), st.text(min_size=SHORTEST, max_size=60), st.text(max_size=40))
def test_texts_with_a_window_in_common_share_a_fingerprint(before: str, common: str, after: str) -> None:
    own, others = fingerprints([common, before + common + after]).to_pylist()
    assert set(own) & set(others)


def test_some_twelve_in_a_hundred_shingles_are_fingerprints() -> None:
    count = len(fingerprints([invented(20_000, Random(7))]).to_pylist()[0])
    assert count / 20_000 == pytest.approx(2 / (WINDOW + 1), rel=0.05)


def test_files_say_contained_and_workers_change_nothing(tmp_path: Path) -> None:
    random = Random(8)
    short, long = planted(random, 150, 1)
    texts = [*short, NOTICE, *long, LETTER]
    source = tmp_path / "in.jsonl"
    source.write_text(
        "".join(json.dumps({"id": f"r{at}", "text": text}) + "\n" for at, text in enumerate(texts))
    )
    told = []
    for workers in (1, 2):
        out, ledger = tmp_path / f"out{workers}.jsonl", tmp_path / f"ledger{workers}.parquet"
        summary = deduplicate_files([source], out, ledger=ledger, workers=workers, containment=0.8)
        told.append((out.read_bytes(), pq.read_table(ledger).to_pylist()))
    assert told[0] == told[1]
    assert (summary.contained, summary.near, summary.kept) == (151, 0, 151)
    row = told[0][1][150]
    assert (row["fate"], row["reason"], row["relation"]) == ("dropped", "contained", "duplicate_of")
    assert (row["ref_id"], row["score"], row["cluster"]) == ("r301", 1.0, told[0][1][301]["cluster"])


def test_only_sensible_shares_are_taken() -> None:
    for options in ({"containment": 0.7}, {"containment": 1.1}, {"containment": 0.9, "method": "exact"}):
        with pytest.raises(ValidationError):
            DeduplicateParams.model_validate(options)


def test_an_index_is_not_looked_into(tmp_path: Path) -> None:
    source = tmp_path / "in.jsonl"
    source.write_text(json.dumps({"text": NOTICE}) + "\n")
    with pytest.raises(UsageError, match="containment"):
        deduplicate_files([source], tmp_path / "out.jsonl", against=tmp_path / "index", containment=0.9)
