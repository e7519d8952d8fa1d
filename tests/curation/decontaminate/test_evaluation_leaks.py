"""What gives an evaluation item away is found, whatever hides it; what only sounds alike is not."""

from __future__ import annotations

import random
import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.decontaminate import Index, Item, Leak, Options, leaks
from curation.decontaminate.text import SIZE, plain

HAN = st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5)
LONG = st.text(HAN, min_size=40, max_size=200)
QUESTION = "小区门口的路灯从三月起就不亮了，老人晚上散步接连摔倒，物业和供电所互相推托，请问该由谁来修？"
ANSWER = (
    "经供电所现场查看，该处路灯线路被施工单位挖断，已于四月二日更换电缆并恢复照明，今后由街道市政科负责维护。"
)
ITEM = Item("exam:1", "exam", QUESTION, ANSWER)
OTHER = "我想了解孩子转学的手续，材料清单在网上没有查到，打电话也没有人接，希望能够公布办理流程和时间。"


def drawn(seed: int, length: int) -> str:
    draw = random.Random(seed)
    return "".join(chr(draw.randrange(0x4E00, 0x9FA6)) for _ in range(length))


def only(records: list[str], items: list[Item] = [ITEM]) -> Leak | None:  # noqa: B006  never changed
    (leak,) = leaks([records], items)
    return leak


@given(st.integers(0, 10**6), st.integers(40, 200), LONG, st.data())
def test_a_quotation_of_any_place_of_an_item_is_found(
    seed: int, length: int, around: str, data: st.DataObject
) -> None:
    item = drawn(seed, length)
    size = 2 * len(item) // 3 + SIZE  # so long that half of the grams are in it
    start = data.draw(st.integers(0, max(0, len(item) - size)))
    at = data.draw(st.integers(0, len(around)))
    record = around[:at] + item[start : start + size] + around[at:]
    assert leaks([record], [Item("a:1", "a", item)])[0] is not None


@given(st.integers(0, 10**6), st.integers(40, 400), st.integers(1, 400))
def test_unrelated_text_never_leaks(seed: int, item: int, record: int) -> None:
    question, text = drawn(seed, item), drawn(seed + 1, record)
    assert leaks([text], [Item("a:1", "a", question, drawn(seed + 2, 60))]) == [None]


@given(st.text(min_size=1, max_size=80), st.randoms())
def test_white_space_punctuation_and_width_hide_nothing(question: str, draw: random.Random) -> None:
    written = "".join(
        char + draw.choice(["", " ", "\n", "，", "。", "！", "\u3000", "-"])
        for char in question.translate({code: code + 0xFEE0 for code in range(0x21, 0x7F)})
    )
    (leak,) = leaks([written], [Item("a:1", "a", question)])
    expected = plain([question]).lengths[0] > 0 and plain([question]).keys() == plain([written]).keys()
    assert (leak is not None and leak.way == "exact") == expected
    if unicodedata.is_normalized("NFKD", question) and not any(map(unicodedata.combining, question)):
        assert expected == bool(plain([question]).lengths[0])


@given(st.lists(st.sampled_from([QUESTION, ANSWER, OTHER, "", "\ud800", QUESTION[:30], "路灯"]), max_size=6))
def test_order_and_batches_change_no_verdict(records: list[str]) -> None:
    items = [ITEM, Item("b:1", "b", "路灯"), Item("c:1", "c", OTHER), Item("a:2", "a", QUESTION)]
    whole = leaks(records, items)
    assert leaks(records, items[::-1]) == whole
    assert leaks(records[::-1], items) == whole[::-1]
    assert [leaks([record], items)[0] for record in records] == whole


def test_evidence_names_field_and_way_and_no_text() -> None:
    edited = QUESTION[:20] + "哦" + QUESTION[21:]
    assert only([QUESTION]) == Leak("exam:1", "exam", "question", "exact", 1.0)
    quoted = only(["转发邻居的来信：" + ANSWER[:40]])
    assert quoted is not None
    assert quoted.evidence == f"answer ngrams {quoted.score:.2f}"
    near = leaks([edited], [ITEM], Options.model_validate({"overlap": 1.0, "threshold": 0.7}))[0]
    assert near is not None
    assert near.evidence == f"question near {near.score:.2f}"
    assert 0.7 <= near.score < 1


def test_a_short_item_leaks_only_where_a_text_is_the_same() -> None:
    short = Item("q:1", "q", "怎样提取公积金？", "城乡建设")
    assert only(["怎样 提取公积金"], [short]) is not None
    assert only(["请问怎样提取公积金？", "城乡建设"], [short]) is None


def test_an_edited_copy_is_found_and_a_letter_about_the_same_thing_is_not() -> None:
    draw = random.Random(3)
    copy = "".join(draw.choice("的了是") if draw.random() < 0.02 else char for char in QUESTION * 3)
    assert only([copy], [Item("a:1", "a", QUESTION * 3)]) is not None
    assert (
        only(["小区门口的路灯坏了很久，晚上很黑，老人走路不方便，物业说不归他们管，到底哪个部门来修？"])
        is None
    )


FORMULA = "您好！您的留言已收悉，我办已将您反映的情况转交相关部门调查核实，感谢您对我们工作的关心和支持！"


def test_a_formula_reply_leaks_nobody_even_in_a_small_evaluation_set() -> None:
    items = [Item("a:1", "a", QUESTION, FORMULA), Item("a:2", "a", OTHER, FORMULA + ANSWER)]
    assert only([FORMULA], items) is None
    assert only([ANSWER], items) is not None


@pytest.mark.parametrize("letters", [3, 4])
def test_what_more_than_common_different_items_share_does_not_count(letters: int) -> None:
    shared = drawn(1, 60)
    items = [Item(f"a:{n}", "a", drawn(100 + n, 50), shared) for n in range(letters)]
    assert (only([shared], items) is None) == (letters > 3)


def test_copies_of_one_question_make_no_formula() -> None:
    copies = [Item(f"a:{n}", "a", QUESTION + "！" * n, ANSWER) for n in range(6)]
    assert only(["他们回复说" + ANSWER], copies) is not None


def test_a_template_around_every_question_is_nobodys_question() -> None:
    template = drawn(5, 200)
    items = [Item(f"a:{n}", "a", template + drawn(300 + n, 12)) for n in range(30)]
    assert only([template + drawn(999, 12)], items) is None
    assert only([items[7].question], items) is not None


LAW = "业主可以设立业主大会，选举业主委员会，地方人民政府有关部门应当对设立业主大会给予指导和协助。"


def test_an_article_of_a_law_may_be_quoted_by_both() -> None:
    said = "根据《物业管理条例》第十条规定，" + LAW.rstrip("。")
    item = Item("a:1", "a", OTHER, said + "。请携带身份证到街道办事处物业科登记，七个工作日内答复。")
    assert only([f"《物业管理条例》第十条规定：{LAW}我们小区一直没有业委会，请帮忙。"], [item]) is None
    plain_item = Item("a:1", "a", OTHER, LAW + "请携带身份证到街道办事处登记。")
    assert leaks([LAW], [plain_item]) != [None]
    assert leaks([LAW], [plain_item], allow=[LAW]) == [None]


def test_every_item_that_is_given_away_is_named_copies_too() -> None:
    items = [ITEM, Item("z:9", "z", QUESTION, ANSWER), Item("b:1", "b", "路灯"), Item("c:1", "c", OTHER)]
    index = Index(items, Options.model_validate({}))
    assert index.given_away([[QUESTION, "路灯"], ["无关"]]) == {"exam:1", "z:9", "b:1"}
    assert index.given_away([]) == set()


def test_what_stands_in_many_train_examples_too_is_common() -> None:
    shared = drawn(1, 60)
    beside = [Item("", "", drawn(400 + n, 50), shared) for n in range(4)]
    index = Index([Item("a:1", "a", OTHER, shared)], Options.model_validate({}), beside=beside)
    assert index.leaks([[shared], [OTHER]])[0] is None
    assert index.given_away([[shared], [OTHER]]) == {"a:1"}


def test_huge_empty_and_broken_texts_are_read() -> None:
    huge = drawn(1, 1000) * 2500
    records = [huge + QUESTION, "", "\x00", "\ud83d", "🚦" * 50, (), ("", QUESTION)]
    found = leaks(records, [ITEM, Item("e", "e", "")])
    assert [leak is not None for leak in found] == [True, False, False, False, False, False, True]


def slowly(text: str) -> str:
    content = (c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c)[0] in "LNM")
    return "".join(content).casefold()


@given(
    st.lists(st.text(st.characters(exclude_categories=["M", "Cs", "Cn"]) | st.sampled_from("Ａ１，㎡①ﬁßｶﾞ한")))
)
def test_the_table_says_what_unicode_says(texts: list[str]) -> None:
    form = plain(texts)
    assert form.texts(np.arange(len(texts))) == [slowly(text) for text in texts]


def test_grams_are_the_windows_of_each_text() -> None:
    texts = [drawn(1, 40), "短", drawn(1, 40)[5:30], ""]
    hashes, owner = plain(texts).grams()
    windows = [
        (n, text[at : at + SIZE]) for n, text in enumerate(texts) for at in range(len(text) - SIZE + 1)
    ]
    assert owner.tolist() == [n for n, _ in windows]
    known = dict(zip(hashes.tolist(), (window for _, window in windows), strict=True))
    assert [known[value] for value in hashes.tolist()] == [window for _, window in windows]
    assert len(known) == len({window for _, window in windows})
