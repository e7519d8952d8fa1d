"""What is a duplicate, what a variant, and what neither; against brute-force Jaccard."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.deduplicate import VETOES, Verdict, find_duplicates, similarity
from curation.deduplicate.compare import ALL_PAIRS

QUESTIONS = [
    "请问如何办理居民身份证？",
    "小区停水怎么报修？",
    "新生儿如何上户口？",
    "公积金怎么提取？",
    "医保卡丢了怎么补办？",
    "路灯坏了找谁修？",
]
SHORT = ["你好", "谢谢", "收到", "在吗", "嗯嗯"]
NOTICE = (
    "关于发放{when}最低生活保障金的通知。各乡镇人民政府、街道办事处：经审核，{when}全区共有{count}户家庭符合最低"
    "生活保障条件，现将有关资金予以下达，请严格按照专款专用的原则及时足额发放到户，并将名单在村（居）务公开栏长期公示，"
    "自觉接受群众监督。发放工作结束后，请将发放情况书面报送区民政局社会救助科。联系人和联系方式不变。特此通知。"
)
# Few different characters, so that shingles repeat and collide; and all that is odd in text.
odd_texts = st.text(alphabet=st.sampled_from("ab\0\ud83d\ude00😀\u200b"), max_size=14)


def jaccard(one: str, other: str) -> float:
    """The definition, word for word."""
    if not one or not other:
        return 0.0
    return index(shingles(one), shingles(other))


def shingles(text: str) -> set[str]:
    return {text[at : at + 5] for at in range(max(1, len(text) - 4))} if text else set()


def index(one: set[str], other: set[str]) -> float:
    return len(one & other) / len(one | other) if one and other else 0.0


def dropped(verdict: Verdict) -> list[int]:
    return np.flatnonzero(verdict.relation == "duplicate_of").tolist()


def check(texts: Sequence[str], verdict: Verdict, threshold: float) -> None:
    """Every dropped text has a kept one at or above the threshold; no two kept ones are that similar."""
    gone = set(dropped(verdict))
    for row in gone:
        ref = int(verdict.ref[row])
        assert ref not in gone
        assert verdict.score[row] == pytest.approx(jaccard(texts[row], texts[ref]))
        assert verdict.score[row] >= threshold
        assert verdict.exact[row] == (texts[row] == texts[ref])
        assert verdict.cluster[row] == verdict.cluster[ref]
    kept = [shingles(text) for row, text in enumerate(texts) if row not in gone]
    assert all(index(one, other) < threshold for one, other in itertools.combinations(kept, 2))


def edited(text: str, edits: int, random: Random) -> str:
    characters = list(text)
    for _ in range(edits):
        characters[random.randrange(len(characters))] = chr(random.randrange(0x4E00, 0x9FA0))
    return "".join(characters)


def invented(length: int, random: Random) -> str:
    return "".join(chr(random.randrange(0x4E00, 0x9FA0)) for _ in range(length))


@given(odd_texts, odd_texts)
def test_similarity_is_the_jaccard_index_of_five_grams(one: str, other: str) -> None:
    assert similarity(one, other) == pytest.approx(jaccard(one, other))


@given(st.lists(odd_texts, max_size=12), st.sampled_from([0.3, 0.5, 0.8, 1.0]))
def test_verdict_is_that_of_brute_force(texts: list[str], threshold: float) -> None:
    check(texts, find_duplicates(texts, threshold=threshold), threshold)


@given(st.lists(odd_texts, max_size=10), st.randoms(use_true_random=False))
def test_order_of_texts_changes_nothing(texts: list[str], random: Random) -> None:
    order = list(range(len(texts)))
    random.shuffle(order)
    plain = find_duplicates(texts, threshold=0.5, vetoes=VETOES, rank=range(len(texts)))
    moved = find_duplicates([texts[row] for row in order], threshold=0.5, vetoes=VETOES, rank=order)
    for place, row in enumerate(order):
        assert moved.relation[place] == plain.relation[row]
        assert moved.score[place] == pytest.approx(plain.score[row], nan_ok=True)
        assert order[moved.cluster[place]] == plain.cluster[row]
        assert (order[moved.ref[place]] if moved.ref[place] >= 0 else -1) == plain.ref[row]


def test_order_changes_nothing_with_many_texts() -> None:
    random = Random(5)
    sources = [invented(80, random) for _ in range(300)]
    texts = sources + [edited(random.choice(sources), random.randrange(1, 4), random) for _ in range(300)]
    order = list(range(len(texts)))
    random.shuffle(order)
    plain = find_duplicates(texts)
    moved = find_duplicates([texts[row] for row in order], rank=order)
    assert sorted(order[row] for row in dropped(moved)) == dropped(plain)
    check(texts, plain, 0.8)


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95])
def test_few_pairs_escape_at_any_threshold(threshold: float) -> None:
    random = Random(7)
    sources = [invented(random.randrange(40, 200), random) for _ in range(ALL_PAIRS)]
    copies = [edited(text, random.randrange(1, 12), random) for text in sources]
    verdict = find_duplicates(sources + copies, threshold=threshold)
    similar = [row for row, copy in enumerate(copies) if jaccard(sources[row], copy) >= threshold]
    found = sum(verdict.relation[ALL_PAIRS + row] == "duplicate_of" for row in similar)
    assert len(similar) - found <= 1
    assert len(dropped(verdict)) == found


@pytest.mark.parametrize("texts", [QUESTIONS, SHORT], ids=["questions", "two characters"])
@pytest.mark.parametrize("threshold", [0.3, 0.8, 1.0])
@pytest.mark.parametrize("others", [0, 200], ids=["alone", "among many"])
def test_short_distinct_questions_survive(texts: list[str], threshold: float, others: int) -> None:
    random = Random(1)
    verdict = find_duplicates(texts + [invented(60, random) for _ in range(others)], threshold=threshold)
    assert dropped(verdict) == []


def test_empty_texts_are_duplicates_of_nothing() -> None:
    verdict = find_duplicates(["", "", "你好", "你好"])
    assert verdict.relation.tolist() == [None, None, None, "duplicate_of"]
    assert verdict.cluster.tolist() == [0, 1, 2, 2]


def test_notices_of_different_quarters_are_variants_of_one_cluster() -> None:
    texts = [
        NOTICE.format(when="2023年第一季度", count="三百"),
        NOTICE.format(when="2024年第三季度", count="四百"),
    ]
    verdict = find_duplicates(texts, threshold=0.7, vetoes=VETOES)
    assert verdict.relation.tolist() == [None, "variant_of"]
    assert verdict.ref.tolist() == [-1, 0]
    assert verdict.score[1] == pytest.approx(jaccard(*texts))
    assert verdict.cluster.tolist() == [0, 0]
    assert dropped(find_duplicates(texts, threshold=0.7)) == [1]


def test_notice_posted_again_by_another_office_is_a_duplicate() -> None:
    notice = NOTICE.format(when="2023年第一季度", count="三百")
    verdict = find_duplicates([notice, f"转发：{notice}"], vetoes=VETOES)
    assert verdict.relation.tolist() == [None, "duplicate_of"]


def test_duplicate_is_found_among_variants_of_the_same_series() -> None:
    series = [NOTICE.format(when=f"20{year}年第一季度", count="三百") for year in range(10, 90)]
    verdict = find_duplicates([*series, f"转发：{series[40]}"], vetoes=VETOES)
    assert dropped(verdict) == [80]
    assert verdict.ref[80] == 40
    assert len(set(verdict.cluster.tolist())) == 1
    assert verdict.relation.tolist().count("variant_of") == 79


def test_best_ranked_survives() -> None:
    texts = [QUESTIONS[0] * 4, QUESTIONS[0] * 4 + "谢", QUESTIONS[0] * 4]
    assert find_duplicates(texts, threshold=0.5, rank=[2, 0, 1]).ref.tolist() == [1, -1, 1]


def test_text_in_the_middle_of_its_likes_survives_a_better_ranked_one_at_the_edge() -> None:
    random = Random(11)
    middle = invented(120, random)
    around = [middle[:at] + "一二" + middle[at + 2 :] for at in (10, 50, 90)]
    assert all(
        jaccard(one, other) < 0.9 <= jaccard(one, middle) for one, other in itertools.combinations(around, 2)
    )
    verdict = find_duplicates([*around, middle], threshold=0.9)
    assert verdict.ref.tolist() == [3, 3, 3, -1]


def test_nothing_is_dropped_into_a_chain() -> None:
    random = Random(13)
    chain = [invented(100, random)]
    while len(chain) < 40:
        chain.append(chain[-1][4:] + invented(4, random))
    check(chain, find_duplicates(chain, threshold=0.85), 0.85)


def test_huge_cluster_and_huge_text() -> None:
    random = Random(17)
    boilerplate, book = invented(150, random), invented(1_000_000, random)
    copies = [boilerplate] * 20_000
    near = [edited(boilerplate, 1, random) for _ in range(5_000)]
    verdict = find_duplicates([*copies, *near, book, book[:-1] + "。"])
    assert len(dropped(verdict)) == len(copies) - 1 + len(near) + 1
    assert set(verdict.ref[:-2].tolist()) == {-1, 0}


def test_a_long_chain_of_overlapping_texts_is_settled_link_by_link() -> None:
    draw = Random(5)
    stream = "".join(draw.choices("路灯井盖垃圾公交学校医院社保住房噪声停车绿化供水供电供暖物业", k=60_000))
    texts = [stream[at : at + 400] for at in range(0, 58_000, 20)]
    verdict = find_duplicates(texts, threshold=0.8)
    goes = verdict.relation == "duplicate_of"
    assert 0 < (~goes).sum() < len(texts)
    for text, ref in zip(np.flatnonzero(goes).tolist(), verdict.ref[goes].tolist(), strict=True):
        assert not goes[ref]
        assert similarity(texts[text], texts[ref]) >= 0.8
    kept = np.flatnonzero(~goes).tolist()
    assert all(similarity(texts[a], texts[b]) < 0.8 for a, b in itertools.pairwise(kept))
