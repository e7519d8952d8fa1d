"""`govtune chat`: suggestions of the tuned model, and when it suggests nothing."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from curation.errors import InputError, UsageError
from curation.instruct.task import load as load_task
from training import recipe as recipes
from training import talk
from training.run import TrainingRun, train

Govtune = Callable[..., Any]
LETTER = "路灯不亮，请处理。"


@pytest.fixture(scope="module")
def labels(trained: TrainingRun) -> talk.Talk:
    return talk.Talk(trained.folder)


def quick(base: Path, *more: str) -> recipes.Recipe:
    settings = [
        "model.device=cpu",
        "model.dtype=fp32",
        "train.max_steps=2",
        "train.batch_size=2",
        "train.micro_batch_size=2",
        "train.lr=0.05",
        "train.warmup=0",
        "adapter.rank=4",
        "evaluate.generate={max_new_tokens: 8}",
    ]
    return recipes.load("dispatch", settings=[f"model.path={base}", *settings, *more])


@pytest.fixture(scope="module")
def texts(qwen3: Path, tmp_path_factory: pytest.TempPathFactory) -> talk.Talk:
    """A training without a task, on chat examples."""
    folder = tmp_path_factory.mktemp("texts")
    said = [{"role": "user", "content": "问"}, {"role": "assistant", "content": "请到窗口办理。"}]
    rows = [{"messages": said, "split": "train"}] * 2
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    train(quick(qwen3, "task="), folder / "rows.jsonl", folder / "out")
    return talk.Talk(folder / "out")


def test_the_answer_is_one_of_the_labels_with_probabilities(labels: talk.Talk) -> None:
    reply = labels.reply({"title": "路灯", "text": LETTER}, threshold=0.0)
    assert reply.handed_over is None
    assert [reply.answer, reply.probability] == list(reply.top[0])
    probabilities = [probability for _, probability in reply.top]
    assert len(reply.top) == 3
    assert probabilities == sorted(probabilities, reverse=True)
    assert 0 < sum(probabilities) <= 1.000001
    assert reply.answer in reply.lines()[0]


def test_the_probabilities_are_those_of_the_whole_answers(labels: talk.Talk) -> None:
    import torch

    from training.asking import answers, ask
    from training.data import Message

    asked = ask(labels.task, {"text": LETTER})
    names = answers(labels.task)
    scores = []
    for name in names:
        encoded = labels._chat.encode([*asked, Message(role="assistant", content=name, weight=1.0)])
        with torch.inference_mode():
            ids = torch.tensor([encoded.input_ids])
            found = torch.log_softmax(labels._model(input_ids=ids).logits[0, :-1], dim=-1)
        learnt = torch.tensor(encoded.labels[1:])
        places = (learnt != -100).nonzero().squeeze(1)
        scores.append(float(found[places, learnt[places]].sum()))
    wanted = torch.tensor(scores).softmax(0)
    reply = labels.reply({"text": LETTER}, threshold=0.0)
    assert reply.answer == names[int(wanted.argmax())]
    assert reply.probability == pytest.approx(float(wanted.max()), abs=1e-5)


def test_what_is_not_probable_enough_goes_to_a_person(labels: talk.Talk) -> None:
    sure = labels.reply({"text": LETTER}, threshold=0.0)
    unsure = labels.reply({"text": LETTER}, threshold=0.999)
    assert unsure.top == sure.top
    assert unsure.handed_over == f"{sure.probability:.2f} is below 1.00"
    assert "handed over to a person" in unsure.lines()[0]
    by_default = labels.reply({"text": LETTER})
    assert (by_default.handed_over is None) == (sure.probability >= talk.SURE)


def test_a_letter_longer_than_any_it_learnt_goes_to_a_person(labels: talk.Talk) -> None:
    reply = labels.reply({"text": LETTER * 100}, threshold=0.0)
    assert str(reply.handed_over).endswith("it was trained on at most 1,024")


def test_the_base_answers_without_the_adapter(labels: talk.Talk) -> None:
    base, tuned = (labels.reply({"text": LETTER}, base=side, threshold=0.0) for side in (True, False))
    assert (base.model, tuned.model) == ("base", "tuned")
    assert base.top != tuned.top
    assert labels.reply({"text": LETTER}, threshold=0.0) == tuned  # the adapter is on again


def test_a_text_is_written_greedily_and_shown_while_it_is(
    texts: talk.Talk, capsys: pytest.CaptureFixture[str]
) -> None:
    import torch

    reply = texts.reply({"text": "怎么办理？"}, show=True)
    assert capsys.readouterr().out.strip() == reply.answer
    ids = texts._chat.prompt([{"role": "user", "content": "怎么办理？", "weight": 0.0}])
    made = list(ids)
    for _ in range(8):
        with torch.inference_mode():
            logits = texts._model(input_ids=torch.tensor([made])).logits[0, -1]
        made.append(int(logits.argmax()))
        if made[-1] == texts._tokenizer.eos_token_id:
            break
    said = texts._tokenizer.decode(made[len(ids) :], skip_special_tokens=True)
    assert reply.answer == said.strip()
    assert 0 < reply.probability <= 1
    assert reply.top == []
    assert reply.handed_over is None
    assert texts.reply({"text": "怎么办理？"}, threshold=1.0).handed_over


def lines_of(*lines: str) -> Callable[[str], str]:
    """What a user types, then the end of the input."""
    typed = iter(lines)

    def read(prompt: str) -> str:
        line = next(typed, None)
        if line is None:
            raise EOFError
        return line

    return read


def test_a_talk_without_a_task_remembers_until_it_is_reset(
    texts: talk.Talk, capsys: pytest.CaptureFixture[str]
) -> None:
    from training.asking import ask
    from training.data import Message

    first, second = {"text": "怎么办理？"}, {"text": "还有呢？"}
    one = texts.reply(first)
    turns = [*ask(None, first), Message(role="assistant", content=one.answer, weight=0.0)]
    two, alone = texts.reply(second, before=turns), texts.reply(second)
    assert two.probability != alone.probability
    written: list[str] = []
    typed = lines_of("怎么办理？", "还有呢？", "/reset", "还有呢？", "/quit", "不会读到")
    talk.converse(texts, {}, [False], 1.0, typed, written.append)
    assert capsys.readouterr().out.split() == " ".join(each.answer for each in (one, two, alone)).split()
    told = [f"{each.probability:.2f} is below 1.00" for each in (one, two, alone)]
    assert [line.rpartition(": ")[2] for line in written if "below" in line] == told
    assert written.count(talk.DECIDES) == 3


def test_commands_change_who_answers(labels: talk.Talk) -> None:
    written: list[str] = []
    typed = lines_of("/help", "/both", LETTER, "/base", LETTER, "/title 路灯", "/tuned", LETTER, LETTER)
    talk.converse(labels, {}, [False], 0.0, typed, written.append)

    def said(base: bool, title: str) -> list[str]:
        return labels.reply({"title": title, "text": LETTER}, base=base, threshold=0.0).lines()

    assert written == [
        *(talk.COMMANDS, talk.COMMANDS),
        *(*said(True, ""), *said(False, ""), talk.DECIDES),
        *(*said(True, ""), talk.DECIDES),
        *(*said(False, "路灯"), talk.DECIDES),  # a title is for one letter
        *(*said(False, ""), talk.DECIDES),
    ]


def test_letters_from_a_stream() -> None:
    assert list(talk.given(io.StringIO("第一行\n第二行\n"))) == [{"text": "第一行\n第二行\n"}]
    lines = '{"title": "路灯", "text": "坏了", "id": 3}\n\n{"question": "多久？"}\n'
    assert list(talk.given(io.StringIO(lines))) == [{"title": "路灯", "text": "坏了"}, {"question": "多久？"}]
    for bad in ('{"title": 3}', '{"text": "路灯"', "{} "):
        with pytest.raises(InputError, match="stdin, row 1: ") as error:
            list(talk.given(io.StringIO(bad)))
        assert "路灯" not in str(error.value)


def test_the_command_answers_one_letter(trained: TrainingRun, govtune: Govtune) -> None:
    done = govtune("chat", trained.folder, "--message", LETTER, "--threshold", "0")
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert lines[0].startswith("tuned: ")
    assert lines[-1] == talk.DECIDES
    both = govtune("chat", trained.folder, "--message", LETTER, "--compare", "--json")
    told = [json.loads(line) for line in both.out.splitlines()]
    assert [each["model"] for each in told] == ["base", "tuned"]
    assert told[1]["top"][0] == [told[1]["answer"], told[1]["probability"]]


def test_the_command_reads_many_letters(
    trained: TrainingRun, govtune: Govtune, monkeypatch: pytest.MonkeyPatch
) -> None:
    letters = "".join(json.dumps({"title": "路灯", "text": text}) + "\n" for text in (LETTER, "公交太少"))
    monkeypatch.setattr("sys.stdin", io.StringIO(letters))
    done = govtune("chat", trained.folder, "--json")
    assert done.code == 0, done.err
    assert len(done.out.splitlines()) == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--message", " "], "nothing to ask about: no title and no text"),
        (["--message", LETTER, "--guide", "nosuch.txt"], "nosuch.txt: cannot be read as a text file"),
    ],
)
def test_what_cannot_be_asked_is_refused(
    arguments: list[str], words: str, trained: TrainingRun, govtune: Govtune
) -> None:
    done = govtune("chat", trained.folder, *arguments)
    assert done.code == 2
    assert done.errors == [f"govtune: {words}"]


def test_a_question_about_a_guide_needs_the_guide() -> None:
    from curation.instruct.task import load
    from training.asking import ask

    task = load("consultation")
    with pytest.raises(UsageError, match="give its text and a question"):
        ask(task, {"text": "", "question": "要带什么材料？"})
    known = {"title": "居住证办理", "text": "办理材料：身份证"}
    asked = ask(task, talk.as_said(task, "要带什么材料？", known))
    assert [each["role"] for each in asked] == ["system", "user"]
    assert "居住证办理" in asked[1]["content"]
    assert asked[1]["content"].endswith("问：要带什么材料？")


def test_a_classification_head_answers(qwen3: Path, letter_file: Path, tmp_path: Path) -> None:
    train(quick(qwen3, "objective=seq_cls"), letter_file, tmp_path / "out")
    talking = talk.Talk(tmp_path / "out")
    reply = talking.reply({"text": LETTER}, threshold=0.0)
    assert reply.answer in load_task("dispatch").labels.values
    assert [type(name) for name, _ in reply.top] == [str] * 3
    with pytest.raises(UsageError, match="the base has no classification head"):
        talking.reply({"text": LETTER}, base=True)
