"""Token classification: spans become labels of tokens and back; a trained tagger is a name engine of
`govtune anonymise`."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.anonymise import tagger
from curation.errors import InputError, UsageError
from training import adapter
from training import recipe as recipes
from training.evaluate.run import evaluate
from training.objectives import heads, spans, token_cls
from training.objectives.spans import Span
from training.run import TrainingRun, train

Write = Callable[..., Path]
SURNAMES, GIVEN = "赵钱孙李周吴郑王", "明建国芳秀英磊文静伟丽强军杰娟勇艳涛"
STREETS = ["柳荫里", "石桥街", "南湖边", "梧桐巷", "青石坡", "北门外"]
SUBJECTS = ["路灯不亮", "井盖破损", "外墙渗水", "路面塌陷", "公交太少", "班车晚点", "河水发臭", "烟囱冒烟"]
REMARKS = ["已有半月，", "晚上出行不安全，", "多次打电话没有人管，", "邻居们都很着急，", "请尽快派人来看，"]
SENTENCES = [
    "{name}反映{place}{what}，{more}",
    "来信人{name}，住{place}，{what}，{more}",
    "{what}，{more}请转告{name}。",
    "{what}，{more}",
]


def people(n: int) -> list[dict[str, Any]]:
    """Sentences with invented names and places, and where those stand."""
    made = []
    for k in range(n):
        draw = random.Random(k)
        name = draw.choice(SURNAMES) + "".join(draw.sample(GIVEN, draw.randint(1, 2)))
        place = draw.choice(STREETS) + draw.choice("一二三四五六七八九") + "号"
        more = "".join(draw.sample(REMARKS, 3))
        text = SENTENCES[k % 4].format(name=name, place=place, what=draw.choice(SUBJECTS), more=more)
        named = [(text.find(each), each, type) for each, type in ((name, "PERSON"), (place, "ADDRESS"))]
        found = [
            {"start": start, "end": start + len(each), "type": type}
            for start, each, type in named
            if start >= 0
        ]
        split = ("train", "train", "train", "train", "test")[k % 5]
        made.append({"id": f"t{k}", "text": text, "spans": found, "split": split})
    return made


@pytest.fixture(scope="session")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a BERT with two layers that reads single characters."""
    import torch
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers, processors
    from transformers import BertConfig, BertForMaskedLM, PreTrainedTokenizerFast

    letters = sorted({each for row in people(600) for each in row["text"]})
    vocabulary = {name: number for number, name in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *letters])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
    ends = [("[CLS]", 2), ("[SEP]", 3)]
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=ends)
    torch.manual_seed(0)
    shape = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=256,
        pad_token_id=0,
    )
    folder = tmp_path_factory.mktemp("encoder")
    BertForMaskedLM(shape).save_pretrained(folder)
    named = {"unk_token": "[UNK]", "pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **named).save_pretrained(folder)
    return folder


def recipe_for(base: Path, **more: Any) -> recipes.Recipe:
    data: dict[str, Any] = {
        "schema": "training/1",
        "name": "names",
        "objective": "token_cls",
        "model": {"path": str(base), "dtype": "fp32", "device": "cpu"},
        "adapter": {"rank": 8, "modules_to_save": ["word_embeddings"]},
        "train": {"max_steps": 120, "batch_size": 16, "micro_batch_size": 16, "lr": 0.02},
        "export": {"formats": ["merged"]},
    }
    return recipes.parse({**data, **more})


@pytest.fixture(scope="module")
def tagging(encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainingRun:
    """A finished training of a name tagger. Nothing may be changed in it but what `evaluate` writes."""
    folder = tmp_path_factory.mktemp("tagging")
    (folder / "people.jsonl").write_text(
        "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in people(200)), encoding="utf-8"
    )
    train(recipe_for(encoder), folder / "people.jsonl", folder / "out")
    return TrainingRun(folder / "out")


def test_a_tagger_finds_whole_entities(tagging: TrainingRun) -> None:
    found = evaluate(tagging.folder)
    assert found.base["method"] == "finds nothing"
    assert (found.base["f1"], found.base["precision"]["share"]) == (0.0, None)
    assert found.tuned["f1"] > 0.9
    assert found.tuned["recall"]["n"] == sum(each["n"] for each in found.tuned["by_type"].values())
    assert set(found.tuned["by_type"]) == {"PERSON", "ADDRESS"}
    assert any("F1" in line for line in found.lines())


def test_a_trained_tagger_is_a_name_engine_of_anonymise(
    tagging: TrainingRun, write: Write, tmp_path: Path, govtune: Callable[..., Any]
) -> None:
    line = "来信人吴秀英，住石桥街八号，路灯不亮，请尽快派人来看，"
    [found] = tagger.load(f"hf:{tagging.merged}").tag([line])
    assert [(line[each.start : each.end], each.label) for each in found] == [
        ("吴秀英", "PERSON"),
        ("石桥街八号", "ADDRESS"),
    ]
    rows = write([{"id": "1", "text": line}])
    out = tmp_path / "out.jsonl"
    done = govtune("anonymise", rows, "-o", out, "--names", f"hf:{tagging.merged}")
    assert done.code == 0, done.err
    assert "吴秀英" not in out.read_text(encoding="utf-8")


@pytest.mark.filterwarnings("ignore:.*is_activation_checkpointing:FutureWarning")
def test_plain_peft_reloads_a_tagger(tagging: TrainingRun, encoder: Path) -> None:
    import torch
    from peft import PeftModel
    from transformers import AutoConfig, AutoModelForTokenClassification, AutoTokenizer

    config = AutoConfig.from_pretrained(tagging.adapter)
    base = AutoModelForTokenClassification.from_pretrained(encoder, config=config)
    plain = PeftModel.from_pretrained(base, tagging.adapter).eval()
    loaded, _ = token_cls.load(tagging.recipe(), str(encoder), tagging.lock()["labels"])
    ours = adapter.load(loaded, tagging.adapter)
    ids = AutoTokenizer.from_pretrained(tagging.adapter)("请转告周磊，请尽快派人来看。", return_tensors="pt")[
        "input_ids"
    ]
    with torch.inference_mode():
        assert torch.equal(plain(ids).logits, ours(ids).logits)
    assert "classifier" in plain.active_peft_config.modules_to_save


@pytest.mark.parametrize("base", ["encoder", "qwen3"])
def test_a_tagger_is_the_same_again_on_encoders_and_decoders(
    base: str, request: pytest.FixtureRequest, write: Write, tmp_path: Path
) -> None:
    rows, made = write(people(40)), []
    short = {"max_steps": 3, "batch_size": 4, "micro_batch_size": 4, "lr": 0.02}
    recipe = recipe_for(request.getfixturevalue(base), train=short, adapter={"rank": 4}, export={})
    for name in ("one", "two"):
        run = TrainingRun(tmp_path / name)
        train(recipe, rows, run.folder)
        made.append((run.adapter / "adapter_model.safetensors").read_bytes())
    assert made[0] == made[1]


def test_bytes_that_share_a_character_are_one_entity(tokenizers: dict[str, Any]) -> None:
    example = token_cls.Tagged("a", "请转告龘靐。", (Span(3, 5, "PERSON"),))
    numbers = {"O": 0, "B-PERSON": 1, "I-PERSON": 2}
    row, offsets = token_cls._row(tokenizers["chatml"], example, numbers)
    assert sum(label == 1 for label in row.labels) == 1
    assert sum(label == 2 for label in row.labels) > 1  # a rare character is several tokens
    assert spans.decoded(offsets, row.labels, list(numbers)) == [Span(3, 5, "PERSON")]


@given(st.data())
def test_spans_come_back_from_their_labels_where_tokens_are_characters(data: st.DataObject) -> None:
    length = data.draw(st.integers(1, 30))
    places = sorted(data.draw(st.sets(st.integers(0, length), max_size=8)))
    types = st.sampled_from(["PERSON", "ADDRESS"])
    marked = [
        Span(start, end, data.draw(types)) for start, end in zip(places[::2], places[1::2], strict=False)
    ]
    offsets = [(0, 0), *((place, place + 1) for place in range(length)), (0, 0)]
    labels = ["O", "B-PERSON", "I-PERSON", "B-ADDRESS", "I-ADDRESS"]
    told = spans.encoded(offsets, marked)
    assert (told[0], told[-1]) == (None, None)
    tags = [labels.index(each) if each else heads.IGNORED for each in told]
    assert spans.decoded(offsets, tags, labels) == marked
    assert spans.score([marked], [marked])["f1"] == (1.0 if marked else 0.0)


def test_an_entity_is_right_only_if_type_start_and_end_are() -> None:
    truth = [Span(0, 3, "PERSON"), Span(5, 9, "ADDRESS")]
    found = [Span(0, 3, "ADDRESS"), Span(5, 8, "ADDRESS"), Span(5, 9, "ADDRESS")]
    told = spans.score([found, []], [truth, [Span(1, 2, "PERSON")]])
    assert (told["precision"]["share"], told["recall"]["share"]) == (1 / 3, 1 / 3)
    assert told["f1"] == pytest.approx(1 / 3)
    assert told["by_type"]["PERSON"] == {"n": 2, "found": 0, "right": 0, "f1": 0.0}


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"text": "来信人赵芳"}, "no list of spans"),
        ({"text": "", "spans": []}, "no text"),
        ({"text": "来信人赵芳", "spans": [{"start": 3, "end": 5}]}, "not an object with start, end and type"),
        (
            {"text": "来信人赵芳", "spans": [{"start": 3, "end": 9, "type": "PERSON"}]},
            "not within the text",
        ),
        ({"text": "来信人赵芳", "spans": [{"start": 3, "end": 5.0, "type": "PERSON"}]}, "not whole numbers"),
        ({"text": "来信人赵芳", "spans": [{"start": 3, "end": 5, "type": "A-B"}]}, "without dash and space"),
        (
            {"text": "来信人赵芳", "spans": [{"start": s, "end": 5, "type": "PERSON"} for s in (3, 4)]},
            "two spans overlap",
        ),
    ],
)
def test_a_row_that_cannot_be_used_is_named(
    row: dict[str, Any], words: str, encoder: Path, write: Write
) -> None:
    data = write([*people(2), {"id": "x", "spans": None, **row, "split": "train"}])
    with pytest.raises(InputError) as refused:
        token_cls.read(data, recipe_for(encoder))
    assert words in str(refused.value)
    assert "row 3" in str(refused.value)
    assert "赵芳" not in str(refused.value)


def test_types_that_the_recipe_does_not_name_are_refused(encoder: Path, write: Write) -> None:
    recipe = recipe_for(encoder, labels={"names": ["PERSON"]})
    found = token_cls.read(write(people(10)), recipe)["train"]
    with pytest.raises(UsageError, match="1 types of the data are missing there: ADDRESS"):
        token_cls.labels(recipe, found)
    with pytest.raises(UsageError, match="no train example has a span"):
        token_cls.labels(recipe, [each for each in found if not each.spans])
