"""Base and tuned model against the truth: likelihoods, figures, what is left out, what is refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation import parquet, records
from curation.errors import UsageError
from curation.instruct.task import load as load_task
from curation.intervals import exact
from training import recipe as recipes
from training.chat import IGNORED, Chat
from training.data import Conversation, Message
from training.evaluate import baseline
from training.evaluate.choices import as_answer, choose, log_likelihoods
from training.evaluate.intervals import paired_difference
from training.evaluate.labels import compare, score
from training.evaluate.loss import mean_loss
from training.evaluate.measure import measure
from training.evaluate.questions import question
from training.evaluate.run import evaluate
from training.run import TrainingRun, train
from training.schema import Evaluate, Generate

Letters = Callable[[int], list[dict[str, Any]]]
Write = Callable[..., Path]
Govtune = Callable[..., Any]

ARCHITECTURES = ["qwen3", "llama"]
LABELS = ["城乡建设", "交通运输", "环境保护"]


@pytest.fixture(scope="session")
def models(qwen3: Path, llama: Path) -> dict[str, Any]:
    """Model and chat of each architecture. Weights as large as learnt ones, so that what is read matters."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.set_num_threads(1)
    found = {}
    for name, folder in zip(ARCHITECTURES, (qwen3, llama), strict=True):
        model = AutoModelForCausalLM.from_pretrained(folder).eval()
        for each in model.parameters():
            each.data *= 5 if each.dim() == 2 else 1
        found[name] = (model, Chat(AutoTokenizer.from_pretrained(folder)))
    return found


def talk(text: str, answer: str, name: str = "a", people: bool | None = None) -> Conversation:
    messages = [
        Message(role="user", content=text, weight=0.0),
        Message(role="assistant", content=answer, weight=1.0),
    ]
    return Conversation(name, messages, people)


def plainly(model: Any, prompt: list[int], answer: list[int]) -> float:
    """Log-probability of an answer after a prompt: one pass, no padding, no cache."""
    import torch

    with torch.inference_mode():
        logits = model(input_ids=torch.tensor([prompt + answer]), use_cache=False).logits[0].double()
    before = logits[len(prompt) - 1 : -1].log_softmax(-1)
    return float(before[torch.arange(len(answer)), torch.tensor(answer)].sum())


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("texts", [["路灯"], ["路灯不亮，" * 9, "灯", "公交太少"]])
def test_likelihoods_are_those_of_a_plain_pass(
    texts: list[str], architecture: str, models: dict[str, Any]
) -> None:
    model, chat = models[architecture]
    prompts = [chat.prompt(talk(text, "").messages[:1]) for text in texts]
    answers = [[7], [7, 8], [9, 8, 300, 5, 6]]
    found = log_likelihoods(model, prompts, answers)
    assert found.shape == (len(prompts), len(answers))
    for row, prompt in zip(found.tolist(), prompts, strict=True):
        for value, answer in zip(row, answers, strict=True):
            assert value == pytest.approx(plainly(model, prompt, answer), abs=1e-4, rel=1e-5)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_likelihoods_of_answers_of_one_token(architecture: str, models: dict[str, Any]) -> None:
    model, chat = models[architecture]
    prompt = chat.prompt(talk("路灯", "").messages[:1])
    found = log_likelihoods(model, [prompt], [[7], [300]]).tolist()[0]
    assert found == pytest.approx([plainly(model, prompt, [each]) for each in (7, 300)], abs=1e-4, rel=1e-5)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_likeliest_whole_answer_is_chosen_whatever_the_batch(
    architecture: str, models: dict[str, Any]
) -> None:
    model, chat = models[architecture]
    said = [talk(f"第{k}件事" + "请处理，" * (k % 5), LABELS[0], str(k)) for k in range(14)]
    choices = ["路", "事", "桥", "树", "灯", "城乡建设"]
    expected = []
    for conversation in said:
        prompt = chat.prompt(conversation.messages[:1])
        values = []
        for choice in choices:
            encoded = chat.encode(talk(conversation.messages[0]["content"], choice).messages)
            assert encoded.input_ids[: len(prompt)] == prompt
            values.append(plainly(model, prompt, encoded.input_ids[len(prompt) :]))
        expected.append(choices[max(range(len(choices)), key=values.__getitem__)])
    assert len(set(expected)) > 1
    prompts = [chat.prompt(each.messages[:1]) for each in said]
    answers = [as_answer(chat, said[0].messages[:1], choice) for choice in choices]
    for batch_size in (1, 3, 32):
        assert [choices[place] for place in choose(model, prompts, answers, batch_size)] == expected


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_mean_loss_is_per_supervised_token_whatever_the_batch(
    architecture: str, models: dict[str, Any]
) -> None:
    model, chat = models[architecture]
    rows = [chat.encode(talk("路灯" * k, LABELS[k % 3]).messages) for k in range(1, 8)]
    total = tokens = 0.0
    for row in rows:
        start = next(place for place, label in enumerate(row.labels) if label != IGNORED)
        total -= plainly(model, row.input_ids[:start], row.input_ids[start:])
        tokens += len(row.input_ids) - start
    for batch_size in (1, 3, 16):
        assert mean_loss(model, rows, batch_size) == pytest.approx(total / tokens, rel=1e-5)


def test_figures_of_a_table_worked_out_by_hand() -> None:
    truth = ["甲", "甲", "甲", "乙", "乙", "丙"]
    answers = ["甲", "甲", "乙", "乙", "丁", "甲"]
    # 甲: precision 2/3, recall 2/3; 乙: 1/2 and 1/2; 丙: never answered, 0. 丁 is no label that occurs.
    found = score(answers, truth)
    assert found["n"] == 6
    assert found["accuracy"] == 0.5
    assert found["macro_f1"] == pytest.approx((2 / 3 + 1 / 2 + 0) / 3)
    assert found["interval"] == pytest.approx([0.1181, 0.8819], abs=1e-4)  # Clopper-Pearson, 3 of 6
    assert found["by_label"] == {
        "甲": {"n": 3, "right": 2},
        "乙": {"n": 2, "right": 1},
        "丙": {"n": 1, "right": 0},
    }


def test_the_difference_counts_pairs() -> None:
    truth = ["甲"] * 10
    first = ["甲"] * 9 + ["乙"]
    second = ["甲"] * 4 + ["乙"] * 5 + ["甲"]
    difference, low, high = paired_difference(4, 5, 1, 0)
    assert compare(first, second, truth) == {"accuracy": difference, "interval": [low, high]}
    assert difference == pytest.approx(0.4)
    turned = compare(second, first, truth)
    assert turned["accuracy"] == pytest.approx(-0.4)
    assert turned["interval"] == pytest.approx([-high, -low])


pairs = st.lists(st.tuples(st.sampled_from("甲乙丙"), st.sampled_from("甲乙丙丁")), min_size=1, max_size=40)


@given(pairs=pairs)
def test_figures_are_those_of_sklearn(pairs: list[tuple[str, str]]) -> None:
    from sklearn.metrics import accuracy_score, f1_score, recall_score

    truth, answers = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    found = score(answers, truth)
    assert found["accuracy"] == pytest.approx(accuracy_score(truth, answers))
    options: dict[str, Any] = {"labels": sorted(set(truth)), "average": "macro", "zero_division": 0.0}
    assert found["macro_f1"] == pytest.approx(f1_score(truth, answers, **options))
    recalls = [each["right"] / each["n"] for each in found["by_label"].values()]
    assert sum(recalls) / len(recalls) == pytest.approx(recall_score(truth, answers, **options))
    right = sum(one == other for one, other in pairs)
    assert tuple(found["interval"]) == exact(right, len(pairs))


def test_the_baseline_learns_from_the_train_split_alone(letters: Letters) -> None:
    rows = letters(60)
    said = [question(talk(row["title"] + row["text"], row["label"] + "\n", row["id"])) for row in rows]
    answers = baseline.linear(said[:45], said[45:], LABELS, seed=1)
    assert answers is not None
    assert score(answers, [each.answer for each in said[45:]])["accuracy"] > 0.8
    wrong = [question(talk(each.asked, LABELS[0])) for each in said[45:]]
    assert baseline.linear(said[:45], wrong, LABELS, seed=1) == answers
    assert baseline.linear([], said, LABELS, seed=1) is None


def test_the_baseline_answers_nothing_where_nothing_is_asked(letters: Letters) -> None:
    said = [question(talk(row["title"] + row["text"], row["label"], row["id"])) for row in letters(45)]
    assert baseline.linear(said, [question(talk(" ", LABELS[-1]))], LABELS, seed=1) == [""]
    copies = [
        question(talk(text, LABELS[at], f"{at}.{n}")) for at, text in enumerate("甲乙") for n in range(20)
    ]
    assert baseline.linear(copies, said, LABELS, seed=1) is None


def adapted(model: Any) -> Any:
    from training import adapter
    from training.schema import Adapter

    return adapter.attach(model, Adapter(rank=2), seed=1)


def test_what_a_machine_labelled_is_left_out_and_counted(qwen3: Path, tokenizers: dict[str, Any]) -> None:
    from transformers import AutoModelForCausalLM

    held_out = [
        talk("路灯不亮", LABELS[0], "a", True),
        talk("公交太少", LABELS[1], "b", False),
        talk("河水发臭", LABELS[2], "c", None),
        talk("井盖破损", LABELS[0], "d", False),
    ]
    model, chat = adapted(AutoModelForCausalLM.from_pretrained(qwen3)), Chat(tokenizers["chatml"])
    settings = Evaluate(batch_size=2, generate=Generate(max_new_tokens=3))
    options: dict[str, Any] = {"settings": settings, "seed": 1}
    found = measure(model, chat, load_task("dispatch"), held_out, [], **options)
    assert (found.base["n"], found.tuned["n"], found.machine_labelled) == (2, 2, 2)
    assert found.baseline is None
    assert found.base == found.tuned  # a new adapter changes nothing
    assert found.difference is not None
    assert found.difference["accuracy"] == 0
    assert found.lines()[-1] == "2 left out: a machine gave their label"
    with pytest.raises(UsageError, match="no held-out example was labelled by a person"):
        measure(model, chat, load_task("dispatch"), held_out[1::2], [], **options)
    with pytest.raises(UsageError, match="conversation e: its answer is no label of the task dispatch"):
        measure(model, chat, load_task("dispatch"), [talk("路灯", "别的", "e")], [], **options)
    reply = measure(model, chat, load_task("reply"), held_out, [], **options)
    assert (reply.base["n"], reply.baseline, reply.over_baseline) == (2, None, None)
    assert reply.base["loss"] == pytest.approx(reply.tuned["loss"])
    assert {**reply.base, "loss": None} == {**reply.tuned, "loss": None}
    assert reply.difference == {"chrf": 0.0, "interval": [0.0, 0.0]}


def only_line(result: Any) -> str:
    """The one line of an error."""
    assert result.code == 2
    assert not result.out
    lines = result.err.splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith("govtune: ")
    assert "internal error" not in lines[0]
    return str(lines[0])


@pytest.fixture
def finished(trained: TrainingRun, tmp_path: Path) -> TrainingRun:
    """A copy of the finished training, in which an evaluation may be written."""
    return TrainingRun(Path(shutil.copytree(trained.folder, tmp_path / "finished")))


def test_the_command_tells_base_tuned_and_baseline(
    finished: TrainingRun, letters: Letters, govtune: Govtune
) -> None:
    told = govtune("evaluate", finished.folder, "--json")
    assert (told.code, told.err) == (0, "")
    found = json.loads(told.out)
    for name in ("base", "tuned", "baseline"):
        assert found[name]["n"] == 8
        assert 0 <= found[name]["interval"][0] <= found[name]["accuracy"] <= found[name]["interval"][1] <= 1
        assert 0 <= found[name]["macro_f1"] <= 1
    assert found["schema"] == "evaluation/1"
    assert found["difference"]["accuracy"] == pytest.approx(
        found["tuned"]["accuracy"] - found["base"]["accuracy"]
    )
    written = json.loads(finished.evaluation.read_text(encoding="utf-8"))
    assert written.pop("data") == finished.lock()["data"]["sha256"]
    assert written.pop("file") == Path(finished.lock()["data"]["path"]).name
    assert written == found
    lines = govtune("evaluate", finished.folder).out.splitlines()
    assert lines[0].split() == ["base", "tuned", "linear", "SVM"]
    assert [line.split()[0] for line in lines[1:4]] == ["examples", "accuracy", "macro-F1"]
    assert [line.split(":")[0] for line in lines[4:]] == ["tuned - base", "tuned - linear SVM"]
    shown = told.out + "".join(lines)
    assert not any(row["title"] in shown or row["text"] in shown for row in letters(40))


def test_the_same_figures_come_from_a_moved_folder_and_a_file(
    finished: TrainingRun, letters: Letters, write: Write, tmp_path: Path, govtune: Govtune
) -> None:
    own = evaluate(finished.folder)
    moved = Path(shutil.move(finished.folder, tmp_path / "elsewhere"))
    held_out = [row for row in letters(40) if row["split"] == "test"]
    for row in held_out:
        del row["split"]
    data = write([{name: row[name] for name in ("title", "text", "label")} for row in held_out], "own.jsonl")
    told = govtune("evaluate", moved, "--data", data, "--json")
    assert told.code == 0, told.err
    assert json.loads(told.out) == own.as_json()


def test_a_changed_or_missing_source_asks_for_data(
    recipe_file: Path, letters: Letters, write: Write, tmp_path: Path, govtune: Govtune
) -> None:
    data, held_out = write(letters(40)), write(letters(6), "own.jsonl")
    train(recipes.load(str(recipe_file), settings=["train.max_steps=1"]), data, tmp_path / "out")
    write(letters(39))
    words = f"{data}: is gone or has changed since the training; say what to measure on: --data"
    assert words in only_line(govtune("evaluate", tmp_path / "out"))
    data.unlink()
    assert words in only_line(govtune("evaluate", tmp_path / "out"))
    told = govtune("evaluate", tmp_path / "out", "--data", held_out, "--json")
    assert json.loads(told.out)["baseline"] is None
    assert json.loads(told.out)["tuned"]["n"] == 1  # of the split test


def test_what_cannot_be_measured_is_told_in_one_line(
    finished: TrainingRun, letters: Letters, write: Write, tmp_path: Path, govtune: Govtune
) -> None:
    assert "not a finished training (no govtune.lock.json)" in only_line(govtune("evaluate", tmp_path))
    unknown = write([{**letters(1)[0], "label": "别的", "split": "test"}])
    assert "unknown_label" in only_line(govtune("evaluate", finished.folder, "--data", unknown))
    learnt = write([row for row in letters(9) if row["split"] == "train"])
    assert "no row belongs to the split test" in only_line(
        govtune("evaluate", finished.folder, "--data", learnt)
    )
    missing = govtune("evaluate", finished.folder, "--data", tmp_path / "nosuch.jsonl")
    assert "nosuch.jsonl" in only_line(missing)
    other = finished.lock()
    other["model"]["sha256"] = "0" * 64
    (finished.folder / "govtune.lock.json").write_text(json.dumps(other), encoding="utf-8")
    assert "the base model is gone or has changed" in only_line(govtune("evaluate", finished.folder))
    (finished.folder / "govtune.lock.json").write_text("{}", encoding="utf-8")
    assert "is not of schema training-lock/1" in only_line(govtune("evaluate", finished.folder))


def test_nothing_held_out_asks_for_data(
    qwen3: Path, letters: Letters, write: Write, tmp_path: Path, govtune: Govtune
) -> None:
    settings = [f"model.path={qwen3}", "model.device=cpu", "train.max_steps=1", "train.batch_size=1"]
    settings += ["train.micro_batch_size=1"]
    train(recipes.load("dispatch", settings=settings), write([letters(1)[0]]), tmp_path / "out")
    assert "no row belongs to the split test; give some: --data FILE" in only_line(
        govtune("evaluate", tmp_path / "out")
    )


def test_the_template_that_was_trained_with_is_the_one_that_is_asked_with(
    qwen3: Path, letter_file: Path, tmp_path: Path
) -> None:
    template = tmp_path / "mine.jinja"
    own = (qwen3 / "chat_template.jinja").read_text(encoding="utf-8")
    template.write_text(own.replace("<|im_end|>\n", "<|im_end|>\n\n"), encoding="utf-8")
    settings = [f"model.path={qwen3}", "model.device=cpu", "train.max_steps=2", "train.batch_size=2"]
    settings += ["train.micro_batch_size=2", f"chat.template={template}"]
    train(recipes.load("dispatch", settings=settings), letter_file, tmp_path / "out")
    before = evaluate(tmp_path / "out")
    template.unlink()
    assert evaluate(tmp_path / "out") == before


def test_a_task_without_labels_is_measured_by_what_the_models_write(
    qwen3: Path, write: Write, tmp_path: Path, govtune: Govtune
) -> None:
    rows = [
        {"title": f"{k}号路灯", "text": "不亮。", "reply": f"已安排{k}人维修。", "split": split}
        for k, split in enumerate(["train"] * 6 + ["test"] * 3)
    ]
    settings = [f"model.path={qwen3}", "model.device=cpu", "task=reply", "train.max_steps=8", "train.lr=0.05"]
    settings += ["train.batch_size=2", "train.micro_batch_size=2", "train.warmup=0"]
    settings += ["evaluate.generate.max_new_tokens=20"]
    train(recipes.load("dispatch", settings=settings), write(rows), tmp_path / "out")
    found = json.loads(govtune("evaluate", tmp_path / "out", "--json").out)
    assert found["base"]["n"] == found["tuned"]["n"] == found["baseline"]["n"] == 3
    assert found["tuned"]["loss"] < found["base"]["loss"]
    assert found["baseline"]["method"] == "BM25"
    assert "loss" not in found["baseline"]
    assert found["difference"]["chrf"] == pytest.approx(
        found["tuned"]["chrf"]["mean"] - found["base"]["chrf"]["mean"]
    )
    lines = govtune("evaluate", tmp_path / "out").out.splitlines()
    assert lines[0].split() == ["base", "tuned", "BM25"]


def test_labels_of_machines_in_a_run_are_no_yardstick(finished: TrainingRun, tmp_path: Path) -> None:
    task = load_task("dispatch")
    rows = []
    for k, method in enumerate(["input", "classifier", "input", "keywords"]):
        label = {"scheme": "letters", "value": LABELS[0], "method": method, "abstained": False}
        messages = [
            {"role": "user", "content": f"路灯不亮{k}", "weight": 0.0},
            {"role": "assistant", "content": LABELS[0], "weight": 1.0},
        ]
        rows.append({"id": f"{k}#{task.name}", "messages": messages, "labels": [label], "split": "test"})
    columns = {name: [row[name] for row in rows] for name in ("id", "messages", "labels", "split")}
    (tmp_path / "run" / "data").mkdir(parents=True)
    table = records.table(columns).select(records.PUBLIC.names)
    parquet.write(table, tmp_path / "run" / "data" / "test-00000-of-00001.parquet")
    (tmp_path / "run" / "govtune.lock.json").write_text("{}", encoding="utf-8")
    found = evaluate(finished.folder, tmp_path / "run")
    assert (found.tuned["n"], found.machine_labelled) == (2, 2)


TASK = """
schema: task/1
name: short
title: {zh: 分办, en: Dispatch}
kinds: [letter]
answer: label
taxonomy: letters
user: |
  {title}
  {text}
assistant: "{label}"
"""
LEARNS = """
schema: training/1
name: learns
task: task.yaml
model: {path: QWEN3, dtype: fp32, device: cpu}
data: {packing: "off"}
adapter: {rank: 8}
train: {max_steps: 150, batch_size: 8, micro_batch_size: 8, lr: 1.0e-2, warmup: 10}
"""


def test_a_tuned_model_beats_its_base_by_more_than_chance(
    qwen3: Path, letters: Letters, write: Write, tmp_path: Path
) -> None:
    (tmp_path / "task.yaml").write_text(TASK, encoding="utf-8")
    (tmp_path / "learns.yaml").write_text(LEARNS.replace("QWEN3", str(qwen3)), encoding="utf-8")
    train(recipes.load(str(tmp_path / "learns.yaml")), write(letters(200)), tmp_path / "out")
    learnt = evaluate(tmp_path / "out")
    assert learnt.given_away is not None
    assert learnt.base["n"] == 40 - learnt.given_away  # of so few words some letters are written twice
    assert learnt.difference is not None
    assert learnt.difference["interval"][0] > 0
    # and by more than always saying the commonest label would
    commonest = max(each["n"] for each in learnt.tuned["by_label"].values())
    assert learnt.tuned["interval"][0] > commonest / learnt.tuned["n"]
