"""The commands on files: what is read, what comes back, what is refused."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import typer
from typer.testing import CliRunner

from curation.errors import InputError, UsageError
from curation.label import cli, labeller, measured, report, taxonomy
from curation.label.files import label_file, label_fit_files
from tests.curation.label.conftest import compose

Letters = list[tuple[str, str]]


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    return path


@pytest.fixture(autouse=True)
def _measured_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two cross-validations instead of ten; what is measured is the same."""
    monkeypatch.setattr(measured, "_REPEATS", 2)


@pytest.fixture
def gold(letters: Letters, tmp_path: Path) -> Path:
    return write(tmp_path / "gold.jsonl", [{"text": text, "label": label} for text, label in letters])


@pytest.fixture
def fitted(gold: Path, tmp_path: Path) -> Path:
    label_fit_files(tmp_path / "model.npz", taxonomy_name="letters", gold=[gold])
    return tmp_path / "model.npz"


def test_the_summary_says_what_was_measured(gold: Path, letters: Letters, tmp_path: Path) -> None:
    pool = write(tmp_path / "pool.jsonl", [{"text": text} for text, _ in letters[:20]] + [{"text": ""}])
    more = write(tmp_path / "more.jsonl", [{"text": "无标签的信", "label": None}])
    done = label_fit_files(tmp_path / "m.npz", taxonomy_name="letters", gold=[gold, more], pool=[pool])
    assert done.gold["城乡建设"] == 50
    assert (sum(done.gold.values()), done.pool, done.empty) == (150, 21, 1)
    assert done.distinct == 149  # two are near duplicates
    assert min(done.accuracy, done.macro_f1) > 0.9
    assert done.macro_f1_without_pool is not None
    assert done.keywords.coverage > 0.9
    assert 0 < done.keywords.decided < 1
    told = "\n".join(done.lines())
    assert "150  labelled, 21 without a label" in told
    assert "cross-validated: accuracy " in told
    assert "precision 0.95: 100% labelled" in told
    assert done.promised == 0.95


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".xlsx", ".parquet"])
def test_every_row_and_column_comes_back_with_labels_beside(
    fitted: Path, tmp_path: Path, suffix: str
) -> None:
    from curation.ingest.tables import Rows, read_rows, write_rows

    rows = [
        {"编号": "7", "留言主题": "公交车", "留言详情": "等不到公交车，司机不停"},
        {"编号": "8", "留言主题": "", "留言详情": ""},
    ]
    source, output = tmp_path / f"in{suffix}", tmp_path / f"out{suffix}"
    write_rows(source, Rows(("编号", "留言主题", "留言详情"), rows))
    done = label_file(source, output, model_file=fitted, precision=0.9)
    assert (done.rows, done.empty) == (2, 1)
    after = read_rows(output)
    assert after.columns == ("编号", "留言主题", "留言详情", "labels")
    assert [{name: row[name] for name in rows[0]} for row in after.rows] == rows
    labels = [
        row["labels"] if isinstance(row["labels"], list) else json.loads(row["labels"]) for row in after.rows
    ]
    assert labels[0][0]["value"] == "交通运输"
    assert labels[0][0].keys() == {"scheme", "value", "confidence", "method", "abstained"}
    assert (labels[1][0]["value"], labels[1][0]["abstained"]) == (None, True)


def test_typed_columns_of_parquet_keep_their_types(fitted: Path, tmp_path: Path) -> None:
    table = pa.table({"n": pa.array([1, None], pa.int16()), "text": ["公交车不来", "医院挂号"]})
    pq.write_table(table, tmp_path / "in.parquet")
    label_file(tmp_path / "in.parquet", tmp_path / "out.parquet", model_file=fitted)
    assert pq.read_table(tmp_path / "out.parquet").select(["n", "text"]).equals(table)


def test_a_lower_precision_labels_no_fewer_rows(shared: Path, tmp_path: Path) -> None:
    gold = shared / "letters" / "labelled.jsonl"
    label_fit_files(tmp_path / "m.npz", taxonomy_name="letters", gold=[gold])
    abstained = [
        label_file(gold, tmp_path / "o.jsonl", model_file=tmp_path / "m.npz", precision=each).abstained
        for each in (0.99, 0.9, 0.8)
    ]
    assert abstained[0] == 494
    assert abstained == sorted(abstained, reverse=True)


def test_a_model_that_can_promise_nothing_says_so(letters: Letters, tmp_path: Path) -> None:
    """Labels that mean nothing: every row abstains, with a line that tells why."""
    coin = Random(1)
    rows = [{"text": text, "label": coin.choice(["城乡建设", "交通运输"])} for text, _ in letters[:90]]
    gold = write(tmp_path / "gold.jsonl", rows)
    label_fit_files(tmp_path / "m.npz", taxonomy_name="letters", gold=[gold])
    done = label_file(gold, tmp_path / "o.jsonl", model_file=tmp_path / "m.npz")
    assert (done.abstained, done.threshold, done.labelled) == (90, None, {})
    assert "every label abstains" in done.lines()[-1]


@pytest.mark.parametrize(
    ("n", "wrong", "next_step"),
    [(150, 0, "--precision 0.95"), (33, 0, "--precision 0.9"), (90, 2, "label more texts")],
)
def test_the_next_command_asks_for_what_can_be_promised(
    letters: Letters, tmp_path: Path, n: int, wrong: int, next_step: str
) -> None:
    """Right labels, fewer of them, and labels of which every second is drawn by lot."""
    lot = Random(0)
    rows = [
        {"text": text, "label": lot.choice(letters)[1] if wrong and at % wrong else label}
        for at, (text, label) in enumerate(letters[:n])
    ]
    gold = write(tmp_path / "few.jsonl", rows)
    app = typer.Typer()
    app.command()(cli.label_fit)
    said = CliRunner().invoke(app, ["--gold", str(gold), "-o", str(tmp_path / "m.npz")]).stdout
    assert next_step in said.splitlines()[-1]


def test_an_unknown_label_is_named_by_its_place_and_not_shown(gold: Path, tmp_path: Path) -> None:
    rows = [orjson.loads(line) for line in gold.read_bytes().splitlines()]
    rows[2]["label"] = "城乡建没"
    with pytest.raises(InputError) as error:
        label_fit_files(tmp_path / "m.npz", taxonomy_name="letters", gold=[write(gold, rows)])
    assert str(error.value) == (
        "gold.jsonl, row 3, field label: not a label of letters; did you mean 城乡建设?"
    )
    assert not (tmp_path / "m.npz").exists()


def test_too_few_labels_are_named_in_one_line(letters: Letters, tmp_path: Path) -> None:
    def refusal(said: Letters) -> str:
        gold = write(tmp_path / "few.jsonl", [{"text": text, "label": label} for text, label in said])
        with pytest.raises(UsageError) as error:
            label_fit_files(tmp_path / "m.npz", taxonomy_name="letters", gold=[gold])
        return str(error.value).removeprefix("too few labels to fit a model: ")

    texts, values = [text for text, _ in letters[:28]], taxonomy.load("letters").values
    assert refusal(letters[:2] * 20) == "distinct labelled texts: 2, of at least 20"
    assert refusal([(text, values[at // 4]) for at, text in enumerate(texts)]) == (
        "distinct texts of the commonest label: 4, of at least 5"
    )
    assert refusal([(text, values[0]) for text in texts]) == (
        "labels with two distinct texts or more: 1, of at least 2"
    )


def test_wrong_use_is_one_line(gold: Path, fitted: Path, tmp_path: Path) -> None:
    bare = write(tmp_path / "bare.jsonl", [{"text": "路灯"}])
    textless = write(tmp_path / "textless.jsonl", [{"x": 1}])
    odd = write(tmp_path / "odd.jsonl", [{"text": ["路灯"]}])
    labelled = write(tmp_path / "labelled.jsonl", [{"text": "路灯", "labels": []}])
    output = tmp_path / "o.jsonl"
    with pytest.raises(UsageError, match="no column with labels; name it with --label-field"):
        label_fit_files(output, taxonomy_name="letters", gold=[bare])
    with pytest.raises(UsageError, match="no column topic; name it with --label-field"):
        label_fit_files(output, taxonomy_name="letters", gold=[gold], label_field="topic")
    with pytest.raises(UsageError, match="is an input itself"):
        label_fit_files(gold, taxonomy_name="letters", gold=[gold])
    with pytest.raises(UsageError, match="no column with a title or a text"):
        label_file(textless, output, model_file=fitted)
    with pytest.raises(InputError, match=r"odd\.jsonl, row 1, field text: neither a string nor a number"):
        label_file(odd, output, model_file=fitted)
    with pytest.raises(UsageError, match="has a column labels already"):
        label_file(labelled, output, model_file=fitted)
    with pytest.raises(UsageError, match="is an input itself"):
        label_file(gold, gold, model_file=fitted)
    with pytest.raises(UsageError, match="must lie between 0 and 1"):
        label_file(gold, output, model_file=fitted, precision=95)
    assert not output.exists()


def test_the_report_shows_the_figures_and_no_text(letters: Letters, tmp_path: Path) -> None:
    rows = [{"text": text, "label": label} for text, label in letters]
    rows += [{"text": "景区门票太贵" + text, "label": "商贸旅游"} for text, _ in letters[:3]]
    gold = write(tmp_path / "gold.jsonl", rows)
    done = label_fit_files(
        tmp_path / "m.npz", taxonomy_name="letters", gold=[gold], report_file=tmp_path / "r.html"
    )
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert page == report.html(done, "zh")
    assert f"{done.macro_f1:.3f} ± {done.macro_f1_spread:.3f}" in page
    assert done.promised == 0.95
    assert 'class="mark"' in page
    assert "环境保护" in page.split("接下来标什么")[1]
    assert not any(part in page for text, _ in letters for part in text.split("，"))
    assert not any(word in page for word in ("://", "<script", "src=", "@import", "url("))
    english = report.html(done, "en")
    assert "What to label next" in english
    assert 'lang="en"' in english
    assert sum(map(sum, done.confusion)) == done.distinct


def test_a_report_of_labels_that_look_like_html_shows_them_as_text(letters: Letters, tmp_path: Path) -> None:
    names = {label: f"<b>&{number}" for number, label in enumerate(dict.fromkeys(x for _, x in letters))}
    labels = [{"code": str(at), "name": {"zh": name}} for at, name in enumerate(names.values())]
    tree = {"schema": "taxonomy/1", "name": "odd", "title": {"zh": "怪"}, "labels": labels}
    (tmp_path / "odd.yaml").write_text(json.dumps(tree), encoding="utf-8")
    gold = write(tmp_path / "g.jsonl", [{"text": text, "label": names[label]} for text, label in letters])
    done = label_fit_files(tmp_path / "m.npz", taxonomy_name=str(tmp_path / "odd.yaml"), gold=[gold])
    page = report.html(done, "zh")
    assert "&lt;b&gt;&amp;0" in page
    assert "<b>&" not in page


def test_what_a_column_says_was_chosen_because_it_is_hard_is_not_measured(
    letters: Letters, tmp_path: Path
) -> None:
    rows: list[dict[str, Any]] = [{"text": text, "label": label} for text, label in letters]
    rows += [{"text": f"疑难{at}号", "label": "环境保护", "judged": False} for at in range(7)]
    done = label_fit_files(
        tmp_path / "m.npz", taxonomy_name="letters", gold=[write(tmp_path / "g.jsonl", rows)]
    )
    assert (done.unjudged, done.distinct, done.gold["环境保护"]) == (7, 149, 7)
    assert "环境保护" not in [each.label for each in done.classes]


def test_near_duplicates_count_once_in_whatever_order_they_come(letters: Letters, tmp_path: Path) -> None:
    long = [(text * 4, label) for text, label in letters[:60]]
    rows = [
        {"text": text + f"。{number}" * bool(number), "label": label}
        for text, label in long
        for number in range(3)
    ]
    models = []
    for number, order in enumerate((rows, rows[::-1])):
        model = tmp_path / f"{number}.npz"
        gold = write(tmp_path / "g.jsonl", order)
        assert label_fit_files(model, taxonomy_name="letters", gold=[gold]).distinct == 60
        models.append(model.read_bytes())
    assert models[0] == models[1]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model2vec folder in which 舟 and 车 mean nearly the same, and 舟 is in no letter."""
    model2vec = pytest.importorskip("model2vec", reason="the extra `semantic` is not installed")
    from tokenizers import Tokenizer, models, pre_tokenizers

    said = "".join(dict.fromkeys("".join(text for text, _ in compose(150))))
    words = models.WordLevel(
        {"[UNK]": 0, **{char: row for row, char in enumerate(said + "舟", 1)}}, unk_token="[UNK]"
    )
    tokenizer = Tokenizer(words)
    tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    vectors = np.random.default_rng(0).normal(size=(len(said) + 2, 64)).astype(np.float32)
    vectors[-1] = vectors[said.index("车") + 1] * 1.01
    folder = tmp_path_factory.mktemp("encoder") / "model"
    model2vec.StaticModel(vectors, tokenizer).save_pretrained(folder)
    return folder


def test_an_encoder_joins_in_and_must_stay_the_same(gold: Path, encoder: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    shutil.copytree(encoder, own)
    label_fit_files(tmp_path / "m.npz", taxonomy_name="letters", gold=[gold], encoder=own)
    fitted = labeller.load(tmp_path / "m.npz")
    assert fitted.encoder is not None
    assert fitted.encoder.path == str(own)
    assert [fitted.labels[at] if at >= 0 else None for at in fitted.predict(["舟舟舟", ""]).label] == [
        "交通运输", None,
    ]  # fmt: skip
    (own / "README.md").write_text("another", encoding="utf-8")
    with pytest.raises(UsageError, match="not the encoder that the model was fitted with"):
        labeller.load(tmp_path / "m.npz").predict(["公交车"])
    shutil.rmtree(own)
    with pytest.raises(UsageError, match="no such folder"):
        label_file(gold, tmp_path / "o.jsonl", model_file=tmp_path / "m.npz")
    with pytest.raises(UsageError, match="no such folder"):
        label_fit_files(tmp_path / "m.npz", taxonomy_name="letters", gold=[gold], encoder=tmp_path / "none")


def test_an_encoder_whose_library_is_missing_is_one_line(
    gold: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "encoder"
    folder.mkdir()
    (folder / "modules.json").write_text(
        '[{"type": "sentence_transformers.models.Transformer"}]', encoding="utf-8"
    )
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"sentence-transformers is not installed: pip install") as error:
        label_fit_files(tmp_path / "m.npz", taxonomy_name="letters", gold=[gold], encoder=folder)
    assert "\n" not in str(error.value)


def test_the_commands_tell_and_print_json(gold: Path, tmp_path: Path) -> None:
    app = typer.Typer()
    app.command("label-fit")(cli.label_fit)
    app.command()(cli.label)
    table = tmp_path / "gold.csv"
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["诉求内容", "分类名"])
        for line in gold.read_bytes().splitlines():
            writer.writerow(orjson.loads(line).values())
    model, output = str(tmp_path / "m.npz"), str(tmp_path / "o.jsonl")
    fit = ["label-fit", "--gold", str(table), "--label-field", "分类名", "-o", model]
    said = CliRunner().invoke(app, fit)
    assert said.exit_code == 0
    assert "150  labelled" in said.stdout
    shown = CliRunner().invoke(app, [*fit, "--report", str(tmp_path / "r.html"), "--lang", "en"])
    assert shown.exit_code == 0
    assert "Report of a classifier" in (tmp_path / "r.html").read_text(encoding="utf-8")
    told = CliRunner().invoke(app, [*fit, "--json"]).stdout
    assert json.loads(told)["operating_points"]["0.95"]["coverage"] == 1
    label = ["label", str(gold), "-o", output, "--model", model]
    assert "150 rows -> " in CliRunner().invoke(app, label).stdout
    assert json.loads(CliRunner().invoke(app, [*label, "--json"]).stdout)["rows"] == 150
