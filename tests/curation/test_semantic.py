"""Semantic clusters: against brute force, from models made on the spot, and as a stage of a run."""

from __future__ import annotations

import json
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from curation import Run, UsageError, curate, parquet, records, stage
from curation.deduplicate import cosine, encoder
from curation.deduplicate.semantic import Semantic, SemanticParams, semantic_clusters
from curation.recipe import parse

CHARS = "人民路灯坏了请问社保怎么办，。建设单位维修尽快答复的在小区"

SAME = [
    "人民路的路灯坏了，请尽快维修。",
    "请尽快维修，人民路的路灯坏了。",  # the mean of the same characters
    "社保怎么办？",
    "小区在建设。",
]


class Table:
    """An encoder that looks vectors up."""

    def __init__(self, vectors: dict[str, Sequence[float]]) -> None:
        self.vectors = vectors

    def encode(self, sentences: list[str]) -> NDArray[np.float64]:
        return np.array([self.vectors[text] for text in sentences])


@pytest.fixture(scope="session")
def static(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model2vec folder: a vector per character of CHARS, all others are unknown and count for nothing."""
    model2vec = pytest.importorskip("model2vec", reason="the extra `semantic` is not installed")
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = models.WordLevel(
        {"[UNK]": 0, **{char: row for row, char in enumerate(CHARS, 1)}}, unk_token="[UNK]"
    )
    tokenizer = Tokenizer(words)
    tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    vectors = np.random.default_rng(0).normal(size=(len(CHARS) + 1, 24)).astype(np.float32)
    folder = tmp_path_factory.mktemp("static") / "model"
    model2vec.StaticModel(vectors, tokenizer).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def transformer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sentence-transformers folder: a BERT of two tiny layers with random weights."""
    pytest.importorskip("sentence_transformers", reason="the extra `semantic-torch` is not installed")
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder = tmp_path_factory.mktemp("transformer")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *CHARS]
    (folder / "vocab.txt").write_text("\n".join(words), encoding="utf-8")
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
    )
    BertModel(config).save_pretrained(folder / "bert")
    BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(folder / "bert")
    modules = [Transformer(str(folder / "bert")), Pooling(32)]
    SentenceTransformer(modules=modules, device="cpu").save(str(folder / "model"))
    return folder / "model"


def test_texts_of_the_same_meaning_are_one_cluster(static: Path) -> None:
    found = semantic_clusters(SAME, static)
    (cluster,) = found.clusters
    assert cluster.members == [0, 1]
    assert cluster.similarity == pytest.approx([1, 1], abs=1e-3)
    assert semantic_clusters([], static).clusters == []


def test_clusters_come_biggest_first_and_a_chain_shows_how_far_it_reaches() -> None:
    angle = {"一二三四": 0.0, "五六七": 0.4, "八九": 0.8, "东": 2.0, "西西": 2.01, "南": 4.0}
    own = Table({text: [np.cos(at), np.sin(at)] for text, at in angle.items()})
    found = semantic_clusters(list(angle), own, threshold=0.9)
    assert [cluster.members for cluster in found.clusters] == [[0, 1, 2], [4, 3]]
    assert found.clusters[0].similarity == pytest.approx([1, np.cos(0.4), np.cos(0.8)], abs=1e-3)
    assert [pair[1:] for pair in found.least_similar(2)] == [(2, 0), (1, 0)]
    told = found.lines()
    assert told[0] == "6 texts, 5 of them in 2 clusters at 0.9"
    assert told[1].startswith("1 are less similar to the first of their cluster")
    assert "  0.697  row 2  |  row 0" in told
    assert not any(text in line for text in angle for line in told)
    assert "  0.697  row 2  八九  |  row 0  一二三四" in found.lines(list(angle))


def test_texts_without_a_meaning_are_alone(static: Path) -> None:
    texts = ["", " \n", "xyz", "\ud800", "\0", "xyz", "🚧", SAME[0], SAME[1]]
    assert [cluster.members for cluster in semantic_clusters(texts, static).clusters] == [[7, 8]]
    assert semantic_clusters(["", " "], static).clusters == []


def test_the_whole_of_a_long_text_counts(static: Path) -> None:
    beginning = "人民路的路灯坏了，请尽快维修。" * 100
    texts = [beginning + "社保怎么办" * 2000, beginning + "小区在建设单位" * 2000, beginning]
    assert semantic_clusters(texts, static).clusters == []


VECTORS = st.lists(st.lists(st.integers(-2, 2), min_size=3, max_size=3), min_size=1, max_size=14)


@given(VECTORS, st.sampled_from([0.5, 0.7071, 0.9, 1.0]), st.integers(1, 5), st.data())
def test_clusters_are_those_of_brute_force(
    rows: list[list[int]], threshold: float, block: int, data: st.DataObject
) -> None:
    order = data.draw(st.permutations(range(len(rows))))
    texts = [f"文{number}" for number in order]
    own = Table({f"文{number}": row for number, row in enumerate(rows)})
    vectors = encoder.encode(texts, own).astype(np.float64)
    linked = np.eye(len(rows), dtype=bool)
    for one, a in enumerate(vectors):
        for two, b in enumerate(vectors):
            lengths = float(a @ a) * float(b @ b)
            linked[one, two] |= bool(lengths and float(a @ b) / np.sqrt(lengths) >= threshold)
    for _ in rows:
        linked = linked @ linked
    expected = {frozenset(np.flatnonzero(row).tolist()) for row in linked if row.sum() > 1}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cosine, "BLOCK", block)
        patch.setattr(cosine, "EXACT", block)
        found = semantic_clusters(texts, own, threshold)
    assert {frozenset(cluster.members) for cluster in found.clusters} == expected


def test_thousands_of_texts_in_one_cluster_and_thousands_alone() -> None:
    random = np.random.default_rng(1)
    near = np.array([1.0] + [0] * 63) + random.normal(scale=0.01, size=(3000, 64))
    vectors = np.concatenate([near, random.normal(size=(3000, 64))])
    order = random.permutation(6000)
    own = Table({str(number): vectors[row].tolist() for number, row in enumerate(order)})
    (cluster,) = semantic_clusters([str(number) for number in range(6000)], own, 0.95).clusters
    assert sorted(order[cluster.members].tolist()) == list(range(3000))


@pytest.mark.parametrize("model", ["static", "transformer"])
def test_a_vector_does_not_depend_on_the_texts_beside_it(
    model: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = encoder.find(request.getfixturevalue(model))
    random = np.random.default_rng(3)
    texts = ["".join(random.choice(list(CHARS), size=size)) for size in (3, 200, 17, 17, 60, 4, 1, 120)]
    together = encoder.encode(texts, found)
    alone = np.concatenate([encoder.encode([text], found) for text in texts])
    assert together.tobytes() == alone.tobytes()
    assert together[::-1].tobytes() == encoder.encode(texts[::-1], found).tobytes()


@pytest.mark.parametrize("model", ["static", "transformer"])
def test_nothing_is_fetched(
    model: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = request.getfixturevalue(model)

    def refuse(*_: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    encoder._loaded.cache_clear()
    assert len(semantic_clusters(SAME, folder).clusters) >= 1
    with pytest.raises(UsageError, match="no such folder; a model is a folder on this machine"):
        semantic_clusters(SAME, "minishlab/potion-base-8M")


def test_a_folder_without_a_model_is_refused_in_one_line(tmp_path: Path, static: Path) -> None:
    with pytest.raises(UsageError, match="neither a model2vec nor a sentence-transformers folder"):
        semantic_clusters(SAME, tmp_path)
    for name in ("tokenizer.json", "config.json"):
        (tmp_path / name).write_bytes((static / name).read_bytes())
    for damaged in (b"", b"\xff" * 20, (static / "model.safetensors").read_bytes()[:400]):
        (tmp_path / "model.safetensors").write_bytes(damaged)
        with pytest.raises(UsageError) as refused:
            semantic_clusters(SAME, tmp_path)
        assert "\n" not in str(refused.value)


def test_a_missing_library_is_named_with_what_to_install(
    static: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"model2vec is not installed: pip install 'govtune\[semantic\]'"):
        semantic_clusters(SAME, static)
    (tmp_path / "modules.json").write_text('[{"type": "sentence_transformers.models.Transformer"}]')
    with pytest.raises(UsageError, match=r"pip install 'govtune\[semantic-torch\]'"):
        semantic_clusters(SAME, tmp_path)


@pytest.mark.parametrize(
    ("vectors", "fault"), [([[np.nan, 1.0]], "not finite"), ([1.0, 2.0], "shape"), ([[1.0], [2.0]], "shape")]
)
def test_vectors_that_cannot_be_used_are_refused(vectors: Any, fault: str) -> None:
    class Broken:
        def encode(self, sentences: list[str]) -> Any:
            return vectors

    with pytest.raises(UsageError, match=fault):
        semantic_clusters(["甲"], Broken())


def run(
    folder: Path, columns: dict[str, Sequence[Any]], cut: int = 1, **params: Any
) -> dict[str, dict[str, Any]]:
    table = records.table(columns)
    exchange = Semantic(SemanticParams(model=str(folder), **params))
    keys = pa.concat_tables([exchange.keys(table.slice(0, cut)), exchange.keys(table.slice(cut))])
    verdict = exchange.decide(keys.combine_chunks(), lambda ids, names: table.slice(0, 0))
    after = stage.run_exchange(exchange, table, verdict)
    return {row["id"]: row for row in after.select(["id", *records.FATE.names]).to_pylist()}


def test_the_stage_names_the_longest_and_drops_nothing(static: Path) -> None:
    texts = [SAME[0], SAME[1] + "。", None, SAME[2], ""]
    rows = run(static, {"id": list("abcde"), "text": texts, "title": [None, "", "xyz", None, None]})
    assert (rows["a"]["relation"], rows["a"]["ref_id"]) == ("variant_of", "b")
    assert 0.95 <= rows["a"]["score"] < 1
    assert [row["fate"] for row in rows.values()] == [None] * 5
    assert [row["relation"] for row in rows.values()] == ["variant_of", None, None, None, None]
    assert run(static, {"id": [], "text": []}, cut=0) == {}


@given(st.permutations(range(9)), st.booleans(), st.integers(0, 9))
def test_of_equally_long_records_the_order_of_the_input_prefers_none(
    static: Path, order: list[int], drop: bool, cut: int
) -> None:
    texts = [SAME[0], SAME[1], SAME[0], SAME[1][::-1], SAME[2], SAME[2][::-1], SAME[2], *SAME[:2]]
    columns = {"id": [f"n{row + 4}" for row in range(9)], "text": texts}
    shuffled = {name: [values[row] for row in order] for name, values in columns.items()}
    assert run(static, shuffled, cut=cut, drop=drop) == run(static, columns, drop=drop)


def test_of_the_same_text_the_first_id_stays_whatever_the_order(static: Path) -> None:
    for ids in (["9", "10"], ["10", "9"]):
        rows = run(static, {"id": ids, "text": SAME[:1] * 2}, drop=True)
        assert (rows["10"]["ref_id"], rows["9"]["fate"]) == ("9", None)


def test_equally_long_texts_come_in_one_order(static: Path) -> None:
    texts = [SAME[0], SAME[1], SAME[1][::-1]]
    there, back = (semantic_clusters(some, static).clusters[0].members for some in (texts, texts[::-1]))
    assert [texts[row] for row in there] == [texts[::-1][row] for row in back]


def test_what_deduplicate_has_said_of_a_kept_record_stays(static: Path) -> None:
    said = {"relation": [None, "variant_of"], "ref_id": [None, "x"], "score": [None, 0.85]}
    columns = {"id": ["a", "b"], "text": SAME[:2], **said}
    kept = run(static, columns)["b"]
    assert (kept["ref_id"], kept["relation"], kept["score"]) == ("x", "variant_of", 0.85)
    gone = run(static, columns, drop=True)["b"]
    assert (gone["ref_id"], gone["relation"], gone["reason"]) == ("a", "duplicate_of", "semantic_duplicate")


def test_dropping_spares_what_differs_in_a_number(static: Path) -> None:
    texts = [SAME[0] + "3号，谢谢", SAME[1] + "3号", SAME[0] + "4号。", SAME[1] + "4号", SAME[2]]
    rows = run(static, {"id": list("abcde"), "text": texts}, drop=True)
    assert {name: (row["relation"], row["ref_id"]) for name, row in rows.items()} == {
        "a": (None, None),
        "b": ("duplicate_of", "a"),
        "c": ("variant_of", "a"),
        "d": ("duplicate_of", "c"),
        "e": (None, None),
    }
    assert {name for name, row in rows.items() if row["fate"]} == {"b", "d"}


@given(st.lists(st.text("人民路灯坏了12", max_size=5), max_size=12), st.booleans(), st.data())
def test_each_dropped_record_reaches_the_threshold_with_a_kept_one(
    static: Path, texts: list[str], drop: bool, data: st.DataObject
) -> None:
    order = data.draw(st.permutations(range(len(texts))))
    columns = {"id": [str(row) for row in order], "text": [texts[row] for row in order]}
    rows = run(static, columns, cut=data.draw(st.integers(0, len(texts))), drop=drop, threshold=0.8)
    vectors = encoder.encode(texts, encoder.find(static))
    for name, row in rows.items():
        if row["relation"]:
            other = rows[row["ref_id"]]
            assert other["fate"] is None
            assert len(texts[int(other["id"])]) >= len(texts[int(name)])
            exact = cosine.cosines(vectors[[int(name)]], vectors[[int(other["id"])]])[0]
            assert row["score"] == exact >= 0.8
        assert (row["fate"] == "dropped") == (row["relation"] == "duplicate_of") <= drop
    whole = run(static, columns, cut=0, drop=drop, threshold=0.8)
    assert whole == rows


def curated(source: Path, output: Path, workers: int = 1, **options: Any) -> list[dict[str, Any]]:
    stages = [{"clean": {}}, {"deduplicate": {}}, {"semantic": options}]
    recipe = parse({"schema": "curation/1", "name": "small", "stages": stages})
    curate(recipe, [source], output, workers=workers)
    return [row for path in Run(output).ledger for row in parquet.read(path).to_pylist()]


def test_a_run_shows_or_drops_whatever_the_workers_and_the_files(static: Path, tmp_path: Path) -> None:
    texts = [SAME[0] + "谢谢", SAME[1], *SAME[2:], SAME[2], "xyz"]
    (tmp_path / "in").mkdir()
    for number, text in enumerate(texts):
        line = json.dumps({"id": f"n{number}", "text": text}, ensure_ascii=False)
        (tmp_path / "in" / f"{number}.jsonl").write_text(line + "\n", encoding="utf-8")
    options = {"model": str(static), "threshold": 0.9}
    shown = curated(tmp_path / "in", tmp_path / "shown", **options)
    assert shown == curated(tmp_path / "in", tmp_path / "two", workers=2, **options)
    said = {row["id"]: (row["fate"], row["reason"], row["relation"], row["ref_id"]) for row in shown}
    assert said["n1"] == ("kept", None, "variant_of", "n0")
    assert said["n4"] == ("dropped", "exact_duplicate", "duplicate_of", "n2")
    dropped = curated(tmp_path / "in", tmp_path / "dropped", drop=True, **options)
    (gone,) = (row for row in dropped if row["stage"] == "semantic")
    assert (gone["id"], gone["reason"], gone["ref_id"]) == ("n1", "semantic_duplicate", "n0")


def test_another_model_in_the_folder_is_another_result(static: Path, tmp_path: Path) -> None:
    from curation.pipeline import fingerprint

    folder = tmp_path / "model"
    folder.mkdir()
    for path in static.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    exchange = Semantic(SemanticParams(model=str(folder)))
    before = fingerprint(exchange), encoder.encode(SAME, encoder.find(folder)).tobytes()
    weights = bytearray((folder / "model.safetensors").read_bytes())
    weights[-240:] = weights[-240:][::-1]
    (folder / "model.safetensors").write_bytes(weights)
    assert fingerprint(exchange) != before[0]
    assert encoder.encode(SAME, encoder.find(folder)).tobytes() != before[1]
    assert "/" not in exchange.options()["model"]


def test_the_recipe_check_tells_what_is_wrong_with_the_model(tmp_path: Path) -> None:
    def check(options: dict[str, Any]) -> None:
        parse({"schema": "curation/1", "name": "small", "stages": [{"semantic": options}]})

    with pytest.raises(UsageError, match="no such folder"):
        check({"model": str(tmp_path / "none")})
    with pytest.raises(UsageError, match="semantic: model"):
        check({})
    with pytest.raises(UsageError, match="semantic: threshold"):
        check({"model": str(tmp_path), "threshold": 1.5})
