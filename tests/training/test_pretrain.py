"""What a base reads before it is tuned: users' words and unlabelled texts, no answer, nothing held out."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.errors import UsageError
from curation.instruct.task import load as load_task
from curation.instruct.template import fill
from curation.pipeline import silent
from training import distil, schema, unlabelled
from training.chat import Chat
from training.data import Conversation, Message
from training.keywords import COMMON, MOST, RARE, keywords
from training.pretrain import continued, key_words_first, lessons
from training.recipe import parse
from training.unlabelled import Text

DISPATCH = load_task("dispatch")
RECIPE = parse(
    {
        "schema": "training/1",
        "name": "small",
        "task": "dispatch",
        "model": {"path": "tiny", "dtype": "fp32", "device": "cpu"},
        "pretrain": {"epochs": 6, "batch_size": 2, "lr": 1e-2, "max_length": 48},
    }
)
LINE = st.text(st.characters(exclude_categories=["C", "Z"]), max_size=12)


LONG = (
    "我住在柳荫里小区十二栋，楼下的路灯坏了已经半个月，晚上下班回家要摸黑走过一段台阶。上周有位老人在那里"
    "摔倒，送到医院检查。我们多次打电话给物业公司，对方总说已经上报，却一直没有人来修。"
)


class KilledError(Exception):
    """Stands for the end of a process."""


def asked(row: dict[str, Any]) -> Conversation:
    """A letter as the task dispatch asks about it."""
    made = DISPATCH.examples(
        {"id": "", "reply": "", **{name: row[name] for name in ("title", "text", "label")}}
    )
    assert not isinstance(made, str)
    return Conversation(row["id"], [Message(**message) for message in made[0].messages()])


def texts_of(rows: Sequence[dict[str, Any]]) -> list[Text]:
    return [Text(row["title"], row["text"]) for row in rows]


def reads(
    base: Path, folder: Path, train: Sequence[Conversation], texts: Sequence[Text], progress: Any = silent
) -> bytes:
    """The weights of a base that has read on."""
    folder.mkdir(exist_ok=True)
    continued(
        RECIPE,
        train,
        texts,
        base=base,
        folder=folder / "base",
        scratch=folder / "scratch",
        journal=folder / "metrics.jsonl",
        progress=progress,
    )
    return (folder / "base" / "model.safetensors").read_bytes()


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    """Letters, 18 of which say enough not to resemble each other."""
    said = [
        "晚上没有灯，老人摔倒过",
        "早上七点排队两小时",
        "河边全是泡沫，气味难闻",
        "楼顶漏水，墙皮脱落",
        "公交改线后没有站台",
        "工地夜里两点还在打桩",
    ]
    where = ["柳荫里小区", "石桥街道办对面", "南湖中学门口"]
    return [
        {
            "id": f"{n}",
            "title": f"{where[n % 3]}：{said[n // 3][:4]}",
            "text": f"{where[n % 3]}{said[n // 3]}，已经第{n}次反映，请{n}日内答复。",
            "label": list(DISPATCH.labels.values)[n // 6],
        }
        for n in range(18)
    ]


@pytest.fixture(scope="module")
def read_on(qwen3: Path, rows: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("read")
    reads(qwen3, folder, [asked(row) for row in rows[:6]], texts_of(rows[6:]))
    return folder


def test_every_readable_row_is_a_text_and_the_others_are_counted(
    write: Callable[..., Path], rows: list[dict[str, Any]]
) -> None:
    given = [{"标题": row["title"], "诉求内容": row["text"]} for row in rows]
    path = write([*given, given[3], {"标题": " ", "诉求内容": None}])
    found = unlabelled.read([path], [])
    assert found.texts == texts_of(rows)
    assert (found.rows, found.duplicates, found.empty, found.given_away) == (20, 1, 1, 0)
    told = "18 texts without a label; left out: 1 without text, 1 copies of another"
    assert unlabelled.line(found.counts) == told
    assert unlabelled.line({**found.counts, "labelled": 7}).startswith(told)
    assert unlabelled.read([], []).counts == {}


@pytest.mark.parametrize("how", ["the same", "as one text", "nearly", "within another"])
def test_a_text_that_gives_a_held_out_letter_away_is_left_out_and_counted(
    how: str, write: Callable[..., Path], rows: list[dict[str, Any]]
) -> None:
    long = {**rows[0], "text": LONG}
    given = {
        "the same": long,
        "as one text": {"title": "", "text": f"{long['title']}\n{long['text']}"},
        "nearly": {**long, "text": LONG.replace("半个月", "十多天")},
        "within another": {"title": "转交", "text": f"今天收到来信一封，原文如下。{LONG}请阅。"},
    }[how]
    found = unlabelled.read([write([given, *rows[1:6]])], [asked(rows[9]), asked(long)])
    assert found.texts == texts_of(rows[1:6])
    assert found.given_away == 1


def test_a_file_without_text_is_told(write: Callable[..., Path]) -> None:
    with pytest.raises(UsageError, match="no column with text"):
        unlabelled.read([write([{"label": "城乡建设"}])], [])


def test_the_digest_is_of_what_is_read(write: Callable[..., Path], rows: list[dict[str, Any]]) -> None:
    first, same, other = (
        unlabelled.read([write(given, f"{name}.jsonl")], []).digest
        for name, given in (("a", rows), ("b", rows), ("c", rows[1:]))
    )
    assert first == same != other


@given(title=LINE, text=st.lists(LINE.filter(bool), max_size=3).map("\n".join))
def test_title_and_text_come_back_from_what_the_task_asks(title: str, text: str) -> None:
    if title or text:
        message = fill(DISPATCH.user, {"title": title, "text": text, "categories": ""})
        conversation = Conversation("", [Message(role="user", content=message, weight=0.0)])
        assert unlabelled.of_conversations([conversation], DISPATCH) == [Text(title, text)]


@pytest.mark.parametrize(
    ("content", "text"),
    [("路灯不亮\n请修", Text("路灯不亮", "请修")), ("路灯不亮，请修", Text("", "路灯不亮，请修"))],
)
def test_a_message_of_another_form_has_its_first_line_for_a_title(content: str, text: Text) -> None:
    conversation = Conversation("", [Message(role="user", content=content, weight=0.0)])
    assert unlabelled.of_conversations([conversation], DISPATCH) == [text]


def test_a_text_is_read_then_its_title_said_and_all_is_learnt(tokenizers: dict[str, Any]) -> None:
    tokenizer = tokenizers["chatml"]
    (lesson,) = lessons([Text("路灯不亮", "小区门口的路灯坏了半个月")], Chat(tokenizer), 6)
    assert tokenizer.decode(lesson.input_ids) == (
        "<|im_start|>user\n小区门口的路<|im_end|>\n<|im_start|>assistant\n路灯不亮<|im_end|>"
    )
    assert lesson.labels == lesson.input_ids


def test_a_text_without_a_title_begins_with_it(tokenizers: dict[str, Any]) -> None:
    (lesson,) = lessons([Text("", "一" * 24 + "二三")], Chat(tokenizers["chatml"]), 100)
    said = tokenizers["chatml"].decode(lesson.input_ids)
    assert said.index("二三") < said.index("一" * 24)


@pytest.mark.parametrize("text", [Text("", ""), Text("路灯", " \n"), Text(" ", "路灯不亮")])
def test_what_has_nothing_to_read_or_to_say_is_no_lesson(text: Text, tokenizers: dict[str, Any]) -> None:
    assert not list(lessons([text], Chat(tokenizers["chatml"]), 100))


def test_of_a_long_letter_the_beginning_is_read_and_the_answer_is_whole(tokenizers: dict[str, Any]) -> None:
    letter = [
        Message(role="user", content="一" * 16 + "二", weight=0.0),
        Message(role="assistant", content="三" * 20, weight=1.0),
    ]
    chat = Chat(tokenizers["chatml"], schema.Chat(user_length=16))
    read = tokenizers["chatml"].decode(chat.encode(letter).input_ids)
    assert [read.count(each) for each in "一二三"] == [16, 0, 20]
    assert chat.encode(letter).input_ids[: len(chat.prompt(letter[:1]))] == chat.prompt(letter[:1])


SUBJECTS = {"路灯不亮": 4, "公交太少": 5, "罕见": 3}


@pytest.fixture(scope="module")
def titled() -> list[Text]:
    """200 texts: a formula in every title, two subjects in enough of them, one in too few."""
    subjects = [subject for subject, count in SUBJECTS.items() for _ in range(count)]
    subjects += [""] * (200 - len(subjects))
    return [Text(f"咨询{subject}", f"您好，{subject}，编号{n}。") for n, subject in enumerate(subjects)]


def test_key_words_are_neither_common_nor_rare(titled: list[Text]) -> None:
    found = keywords([text.title for text in titled], [text.text for text in titled])
    assert {frozenset(words) for words in found} == {
        frozenset({"路灯", "不亮"}),
        frozenset({"公交", "太少"}),
        frozenset(),
    }


@given(titles=st.lists(st.text("路灯不亮公交太少咨询", max_size=12), min_size=1, max_size=60))
def test_key_words_are_few_from_the_title_and_share_no_character(titles: list[str]) -> None:
    many = titles * 5
    for title, words in zip(many, keywords(many, ["您好"] * len(many)), strict=True):
        assert len(words) <= MOST
        assert all(word in title for word in words)
        assert len(set("".join(words))) == sum(len(set(word)) for word in words)
        for word in words:
            assert RARE <= sum(word in each for each in many) <= COMMON * len(many)


def test_what_the_text_says_again_is_the_first_key_word(titled: list[Text]) -> None:
    texts = [Text("路灯和公交", "公交车站，公交线路，公交卡。"), *titled]
    found = keywords([text.title for text in texts], [text.text for text in texts])
    assert found[0] == ["公交", "路灯"]


def test_key_words_are_said_before_the_title(titled: list[Text]) -> None:
    first, *_, last = key_words_first(titled)
    words, title = first.title.split("\n")
    assert set(words.split("、")) == {"路灯", "不亮"}
    assert (title, first.text) == ("咨询路灯不亮", titled[0].text)
    assert last == titled[-1]


def test_the_base_learns_the_texts(read_on: Path) -> None:
    lines = [
        json.loads(line) for line in (read_on / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    assert {line["phase"] for line in lines} == {"pretrain"}
    assert lines[-1]["step"] == 54
    assert lines[-1]["loss"] < 0.8 * lines[0]["loss"]


def test_what_was_read_is_loaded_as_any_model(read_on: Path, qwen3: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    assert AutoModelForCausalLM.from_pretrained(read_on / "base").num_parameters() > 0
    tokenizer = AutoTokenizer.from_pretrained(read_on / "base")
    assert tokenizer.chat_template == AutoTokenizer.from_pretrained(qwen3).chat_template
    assert (read_on / "base" / "model.safetensors").read_bytes() != (qwen3 / "model.safetensors").read_bytes()


def test_a_killed_reading_goes_on_and_ends_with_the_same_weights(
    qwen3: Path, rows: list[dict[str, Any]], read_on: Path, tmp_path: Path
) -> None:
    train, texts = [asked(row) for row in rows[:6]], texts_of(rows[6:])

    def killed(phase: str, done: int, total: int) -> None:
        if done == 31:
            raise KilledError

    with pytest.raises(KilledError):
        reads(qwen3, tmp_path / "out", train, texts, killed)
    assert not (tmp_path / "out" / "base").exists()
    began: list[int] = []
    again = reads(qwen3, tmp_path / "out", train, texts, lambda phase, done, total: began.append(done))
    assert again == (read_on / "base" / "model.safetensors").read_bytes()
    assert began[0] == 20


def test_no_answer_is_read(qwen3: Path, rows: list[dict[str, Any]], read_on: Path, tmp_path: Path) -> None:
    other = [{**row, "label": DISPATCH.labels.values[-1]} for row in rows[:6]]
    weights = reads(qwen3, tmp_path / "out", [asked(row) for row in other], texts_of(rows[6:]))
    assert weights == (read_on / "base" / "model.safetensors").read_bytes()


def test_without_any_text_there_is_nothing_to_read(qwen3: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="neither the train split nor"):
        reads(qwen3, tmp_path / "out", [], [Text("", " ")])


@pytest.fixture(scope="module")
def letters_of_three(rows: list[dict[str, Any]]) -> tuple[list[Conversation], list[Text], list[str]]:
    """Train conversations of three labels, texts like them, and the label each text should get."""
    words = {"城乡建设": "物业路灯房屋", "交通运输": "公交车站班车", "环境保护": "河水污染噪声"}
    train, texts, right = [], [], []
    for n in range(60):
        label, subject = list(words.items())[n % 3]
        said = {
            "id": f"{n}",
            "title": f"{subject}第{n}封",
            "text": f"{subject * 2}的事情，编号{n * 37}。",
            "label": label,
        }
        if n < 36:
            train.append(asked(said))
        else:
            texts.append(Text(said["title"], said["text"]))
            right.append(label)
    return train, texts, right


def test_a_labeller_fitted_to_the_train_split_labels_the_texts_it_is_sure_of(
    letters_of_three: tuple[list[Conversation], list[Text], list[str]],
) -> None:
    train, texts, right = letters_of_three
    found = distil.labelled(DISPATCH, train, texts, 0.5, seed=1)
    assert [each.messages[-1]["content"] for each in found] == right
    assert {each.people for each in found} == {False}
    for each, text in zip(found, texts, strict=True):
        assert unlabelled.of_conversations([each], DISPATCH) == [text]


def test_the_surer_it_must_be_the_fewer_texts_are_labelled(
    letters_of_three: tuple[list[Conversation], list[Text], list[str]],
) -> None:
    train, texts, _ = letters_of_three
    labels = list(DISPATCH.labels.values)
    confused = [
        dataclasses.replace(
            each,
            messages=[*each.messages[:-1], Message(role="assistant", content=labels[number % 7], weight=1.0)],
        )
        if number % 3 == 0
        else each
        for number, each in enumerate(train)
    ]
    some, more = (
        [each.id for each in distil.labelled(DISPATCH, confused, [*texts, Text("", "")], least, seed=1)]
        for least in (0.99, 1e-9)
    )
    assert set(some) < set(more)
    assert len(more) == len(texts)  # one without text has no label, however little is asked


def test_a_task_without_labels_cannot_be_distilled() -> None:
    with pytest.raises(UsageError, match=r"data\.distil: the task consultation has no labels"):
        distil.labelled(load_task("consultation"), [], [], 0.5, seed=1)


def test_too_few_examples_are_told(rows: list[dict[str, Any]]) -> None:
    with pytest.raises(UsageError, match=r"data\.distil: nothing can be fitted"):
        distil.labelled(DISPATCH, [asked(row) for row in rows[:5]], texts_of(rows[5:]), 0.5, seed=1)
