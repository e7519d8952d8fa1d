"""`mlcroissant` loads the file and streams the very rows; what its validation overlooks, our check finds."""

from __future__ import annotations

import itertools
import json
import logging
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.errors import UsageError
from data_cards.check import check
from data_cards.croissant import CROISSANT, ENCODINGS, faults, render
from data_cards.croissant.fields import RECORDS, Shape, shape
from data_cards.facts import Facts
from data_cards.options import Options
from data_cards.outputs import build, build_beside

Row = dict[str, Any]

ROWS: list[Row] = [
    {
        "编号": f"n{at:03}",
        "text": None if at == 4 else f"第{at}号路灯坏了",
        "点赞": at,
        "score": at / 4,
        "open": bool(at % 2),
        "tags": ["路灯", f"第{at}条"],
        "messages": [{"role": "user", "content": f"问{at}"}, {"role": "assistant", "content": "答"}],
        "place": {"district": "东区", "floor": at},
    }
    for at in range(12)
]


def as_lines(folder: Path) -> None:
    for split, rows in (("train", ROWS[:9]), ("test", ROWS[9:])):
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (folder / f"{split}.jsonl").write_text(text, encoding="utf-8")


def as_parquet(folder: Path) -> None:
    (folder / "data").mkdir()
    parts = {
        "train-00000-of-00002": ROWS[:2],
        "train-00001-of-00002": ROWS[2:9],
        "test-00000-of-00001": ROWS[9:],
    }
    for name, rows in parts.items():
        pq.write_table(pa.Table.from_pylist(rows), folder / "data" / f"{name}.parquet")


def as_saved(folder: Path) -> None:
    from datasets import Dataset

    Dataset.from_list([{"text": row["text"] or "无"} for row in ROWS]).save_to_disk(str(folder))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders of each format with their cards."""
    found = {}
    for write in (as_lines, as_parquet, as_saved):
        found[write.__name__] = folder = tmp_path_factory.mktemp(write.__name__)
        write(folder)
        build_beside(folder, Options(text_fields=("text",)))
    return found


@pytest.fixture
def lines(built: dict[str, Path], tmp_path: Path) -> Path:
    shutil.copytree(built["as_lines"], tmp_path / "copy")
    return tmp_path / "copy"


@pytest.fixture
def parquets(built: dict[str, Path], tmp_path: Path) -> Path:
    shutil.copytree(built["as_parquet"], tmp_path / "copy")
    return tmp_path / "copy"


def text_of(folder: Path) -> str:
    return (folder / CROISSANT).read_text(encoding="utf-8")


def load(folder: Path) -> Any:
    """As any user would; raises where mlcroissant finds an error."""
    import mlcroissant  # type: ignore[import-untyped]

    logging.getLogger("absl").setLevel(logging.ERROR)
    return mlcroissant.Dataset(str(folder / CROISSANT))


def stream(folder: Path) -> list[Row]:
    return [plain(row, RECORDS) for row in load(folder).records(RECORDS)]


def plain(value: Any, above: str) -> Any:
    """Values as Python has them: texts come as bytes, numbers as numpy's, names with what stands above."""
    if isinstance(value, dict):
        return {key.removeprefix(f"{above}/"): plain(each, key) for key, each in value.items()}
    if isinstance(value, list):
        return [plain(each, above) for each in value]
    return value.decode() if isinstance(value, bytes) else getattr(value, "item", lambda: value)()


def by_id(rows: list[Row], column: str) -> list[Row]:
    return sorted(rows, key=lambda row: str(row[column]))


@pytest.mark.parametrize("kind", ["as_lines", "as_parquet"])
def test_every_row_of_a_folder_is_streamed_as_it_is(built: dict[str, Path], kind: str) -> None:
    split = [{"split": "train"}] * 9 + [{"split": "test"}] * 3
    wanted = [row | where for row, where in zip(ROWS, split, strict=True)]
    assert by_id(stream(built[kind]), "编号") == by_id(wanted, "编号")


def test_every_row_of_a_run_is_streamed_as_it_is(curated: Path) -> None:
    tables = [pq.ParquetFile(path).read() for path in sorted((curated / "data").glob("*.parquet"))]
    wanted = pa.concat_tables(tables).to_pylist()
    assert by_id(stream(curated), "id") == by_id([as_streamed(row, tables[0].schema) for row in wanted], "id")


def test_rows_of_a_table_of_text_are_streamed(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text(
        "id,text\na1,路灯坏了没有人来修\na2,公交站牌看不清\n", encoding="utf-8"
    )
    build_beside(tmp_path, Options())
    assert [(row["id"], row["text"]) for row in stream(tmp_path)] == [
        ("a1", "路灯坏了没有人来修"),
        ("a2", "公交站牌看不清"),
    ]
    assert [*faults(tmp_path, text_of(tmp_path))] == []


def as_streamed(row: Row, schema: pa.Schema) -> Row:
    """mlcroissant streams a list that is null as one object of nulls."""
    lists = {each.name: each.type.value_type for each in schema if pa.types.is_list(each.type)}
    return {
        name: [dict.fromkeys(field.name for field in lists[name])]
        if name in lists and value is None
        else value
        for name, value in row.items()
    }


def test_chat_examples_are_streamed(folders: Any) -> None:
    folders.make_chat()
    build(folders.run, folders.private)
    given = by_id(stream(folders.run), "id")
    wanted = [row for split in ("train", "validation", "test") for row in folders.data(split).to_pylist()]
    assert [row["messages"] for row in given] == [row["messages"] for row in by_id(wanted, "id")]
    assert [*faults(folders.run, text_of(folders.run))] == []


def test_arrow_files_are_named_and_what_cannot_be_read_is_said(built: dict[str, Path]) -> None:
    folder = built["as_saved"]
    stated = json.loads(text_of(folder))
    load(folder)
    assert stated["recordSet"] == []
    assert [each["encodingFormat"] for each in stated["distribution"]] == [ENCODINGS["arrow"]]
    assert "no records" in stated["description"]["en"] and "只登记文件" in stated["description"]["zh"]
    assert [*faults(folder, text_of(folder))] == []


def test_a_card_of_a_folder_passes_the_check(built: dict[str, Path]) -> None:
    for folder in built.values():
        assert [*faults(folder, text_of(folder))] == []
        assert check(folder, None).problems == []


def forge(folder: Path, change: Callable[[Row], None]) -> None:
    stated = json.loads(text_of(folder))
    change(stated)
    (folder / CROISSANT).write_text(json.dumps(stated, ensure_ascii=False), encoding="utf-8")


def wrong_digest(stated: Row) -> None:
    stated["distribution"][0]["sha256"] = "0" * 64


def wrong_size(stated: Row) -> None:
    stated["distribution"][0]["contentSize"] = "1 B"


def wrong_type(stated: Row) -> None:
    field = next(each for each in stated["recordSet"][-1]["field"] if each["name"] == "text")
    field["dataType"] = "cr:Int64"


def wrong_type_within(stated: Row) -> None:
    field = next(each for each in stated["recordSet"][-1]["field"] if each["name"] == "messages")
    field["subField"][0]["dataType"] = "cr:Int64"


def wrong_column(stated: Row) -> None:
    field = next(each for each in stated["recordSet"][-1]["field"] if each["name"] == "text")
    field |= {"name": "text2", "source": field["source"] | {"extract": {"column": "text2"}}}


def hidden_column(stated: Row) -> None:
    del stated["recordSet"][-1]["field"][0]


def wrong_count(stated: Row) -> None:
    stated["recordSet"][-1]["annotation"][0]["value"] += 1


FORGED: dict[Callable[[Row], None], str] = {
    wrong_digest: "sha256 is",
    wrong_size: "contentSize is",
    wrong_type: 'records/text: dataType is "cr:Int64", should be "sc:Text"',
    wrong_type_within: "records/messages: subField is",
    wrong_column: "records/text2: no such column",
    hidden_column: "a column of the data that is not described",
    wrong_count: "records/count: is 12, stated 13",
}


@pytest.mark.parametrize("change", FORGED, ids=lambda change: change.__name__)
@pytest.mark.parametrize("kind", ["lines", "parquets"])
def test_what_mlcroissant_takes_for_valid_our_check_finds(
    kind: str, change: Callable[[Row], None], request: pytest.FixtureRequest
) -> None:
    folder: Path = request.getfixturevalue(kind)
    forge(folder, change)
    load(folder)  # mlcroissant has no objection
    found = [*faults(folder, text_of(folder))]
    assert any(FORGED[change] in fault for fault in found)
    assert any(FORGED[change] in problem for problem in check(folder, None).problems)


@pytest.mark.parametrize("kind", ["lines", "parquets"])
def test_a_wrong_digest_is_streamed_without_a_word(kind: str, request: pytest.FixtureRequest) -> None:
    folder: Path = request.getfixturevalue(kind)
    forge(folder, wrong_digest)
    assert len(stream(folder)) == len(ROWS)


def test_a_wrong_column_is_noticed_by_mlcroissant_only_while_it_streams(parquets: Path) -> None:
    forge(parquets, wrong_column)
    dataset = load(parquets)
    with pytest.raises(Exception, match="ReadFields"):
        list(dataset.records(RECORDS))


def test_a_missing_file_is_valid_for_mlcroissant_and_missing_for_us(parquets: Path) -> None:
    (parquets / "data" / "test-00000-of-00001.parquet").unlink()
    load(parquets)
    assert len(stream(parquets)) == 9  # nor does it notice that three records are gone
    assert [*faults(parquets, text_of(parquets))] == ["data/test-00000-of-00001.parquet: named but missing"]


def test_an_edited_file_is_found(parquets: Path) -> None:
    path = parquets / "data" / "test-00000-of-00001.parquet"
    pq.write_table(pa.Table.from_pylist(ROWS[9:11]), path)
    found = [*faults(parquets, text_of(parquets))]
    assert any("test-00000-of-00001.parquet: sha256 is" in fault for fault in found)
    assert "records/count: is 11, stated 12" in found


def test_a_file_that_lacks_a_column_is_found(parquets: Path) -> None:
    path = parquets / "data" / "test-00000-of-00001.parquet"
    pq.write_table(pa.Table.from_pylist([{"编号": "n"}] * 3), path)
    assert "test-00000-of-00001.parquet: has no column text" in [*faults(parquets, text_of(parquets))]


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"distribution": [1], "recordSet": []}', '{"distribution": [], "recordSet": 1}']
)
def test_what_is_no_croissant_is_one_fault(tmp_path: Path, text: str) -> None:
    assert [*faults(tmp_path, text)] == ["not a Croissant file as govtune writes it"]


def test_a_file_outside_the_folder_is_not_read(parquets: Path) -> None:
    (parquets.parent / "other.parquet").write_bytes(b"")

    def outside(stated: Row) -> None:
        stated["distribution"][0]["contentUrl"] = "../other.parquet"

    forge(parquets, outside)
    assert [*faults(parquets, text_of(parquets))] == ["../other.parquet: named but missing"]


def test_a_croissant_file_that_is_not_ours_is_not_replaced(tmp_path: Path) -> None:
    as_lines(tmp_path)
    (tmp_path / CROISSANT).write_text('{"name": "someone else"}')
    with pytest.raises(UsageError, match=r"croissant\.json: not written by govtune"):
        build_beside(tmp_path, Options())
    assert (tmp_path / CROISSANT).read_text() == '{"name": "someone else"}'


KNOWN = {
    # https://docs.mlcommons.org/croissant/docs/croissant-spec-1.1.html
    "cr": "annotation arrayShape citeAs column conformsTo data dataType extract field fileProperty fileSet "
    "includes isArray isLiveDataset jsonPath key recordSet references regex source subField transform",
    # https://schema.org/Dataset, DataDownload, DefinedTerm, PropertyValue, Organization, CreativeWork
    "sc": "additionalProperty contactPoint contentSize contentUrl creator description distribution "
    "encodingFormat identifier inDefinedTermSet inLanguage license name sdPublisher sha256 softwareVersion "
    "temporalCoverage termCode text url usageInfo value version",
    # https://docs.mlcommons.org/croissant/docs/croissant-rai-spec.html
    "rai": "annotationsPerItem annotatorDemographics dataAnnotationAnalysis dataAnnotationProtocol "
    "dataBiases dataCollection dataCollectionMissingData dataCollectionRawData dataLimitations "
    "dataManipulationProtocol dataPreprocessingProtocol dataReleaseMaintenancePlan dataUseCases "
    "machineAnnotationTools personalSensitiveInformation",
    # https://www.w3.org/TR/prov-o/; prov:label as Croissant 1.1 writes it
    "prov": "label wasAssociatedWith wasAttributedTo wasDerivedFrom wasGeneratedBy wasInformedBy",
}
TERMS = {
    name if prefix in ("cr", "sc") else f"{prefix}:{name}"
    for prefix, names in KNOWN.items()
    for name in names.split()
}


def properties(value: Any) -> Iterator[str]:
    """Every property that is used, without those of JSON-LD itself, languages and the rows of `data`."""
    if isinstance(value, list):
        yield from itertools.chain.from_iterable(map(properties, value))
    elif isinstance(value, dict):
        for key, each in value.items():
            if not key.startswith("@"):
                yield key
            if key not in ("@context", "data", "description"):
                yield from properties(each)


def test_every_property_is_a_term_of_its_vocabulary(
    run_facts: Facts, folder_facts: Facts, built: dict[str, Path]
) -> None:
    texts = [render(run_facts), render(folder_facts), *map(text_of, built.values())]
    used = {name for text in texts for name in properties(json.loads(text))}
    assert used - TERMS == set()
    assert {f"rai:{name}" for name in KNOWN["rai"].split()} <= used  # the run says something to each


def test_prov_tells_stages_with_counts_and_inputs_by_digest(run_facts: Facts) -> None:
    stated = json.loads(render(run_facts))
    assert run_facts.lock
    activities = stated["prov:wasGeneratedBy"]
    for activity, before in zip(activities[1:], activities, strict=False):
        assert activity["prov:wasInformedBy"]["@id"] == before["@id"]
    counted = {each["prov:label"]: each["additionalProperty"][0]["value"] for each in activities}
    funnel = run_facts.metrics["funnel"]
    assert counted == {stage: sum(step["dropped"].values()) for stage, step in funnel.items()}
    inputs = [each["sha256"] for each in run_facts.lock["inputs"]]
    assert [each["sha256"] for each in stated["prov:wasDerivedFrom"]] == inputs
    assert stated["prov:wasAttributedTo"]["softwareVersion"] == run_facts.lock["govtune"]


def test_the_bound_of_what_is_left_is_told_and_so_is_that_there_is_none(
    run_facts: Facts, folder_facts: Facts
) -> None:
    upper = run_facts.metrics["pii"]["residual"]["document_upper95"]
    known, unknown = (
        json.loads(render(facts))["rai:personalSensitiveInformation"] for facts in (run_facts, folder_facts)
    )
    assert any(f"at most {100 * upper:.2f}%" in line for line in known)
    assert any("there is no bound" in line for line in unknown)


def test_what_nobody_stated_is_left_out(run_facts: Facts, folder_facts: Facts) -> None:
    stated = json.loads(render(folder_facts))
    assert not {"license", "creator", "version", "usageInfo", "datePublished", "inLanguage"} & stated.keys()
    full = json.loads(render(run_facts))
    assert full["license"] == ["https://spdx.org/licenses/CC-BY-4.0.html"]
    assert full["version"] == "1.1" and "datePublished" not in full
    assert [each["name"] for each in full["usageInfo"]][-1] == "Level of the data"


def test_facts_alone_decide_the_bytes(run_facts: Facts, invented: Row) -> None:
    """Also those of metrics that were read back from `metrics.json`, where keys stand in another order."""
    for metrics in (run_facts.metrics, invented):
        lock = dict(run_facts.lock or {})
        turned = json.loads(json.dumps(metrics), object_pairs_hook=lambda pairs: dict(reversed(pairs)))
        assert render(Facts(metrics, lock)) == render(Facts(turned, lock))


def test_metrics_of_which_all_that_may_be_null_is_null_are_told(bare: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / CROISSANT).write_text(render(Facts(bare, None)), encoding="utf-8")
    assert load(tmp_path).metadata.name == json.loads(text_of(tmp_path))["name"]


def test_no_name_of_an_input_file_is_published(folders: Any) -> None:
    build(folders.run, folders.private)
    text = text_of(folders.run)
    assert "来信登记" not in text and str(folders.run) not in text
    assert not re.search(r"\.(xlsx|csv|docx)\b", text)


SIMPLE = {
    pa.string(): "sc:Text",
    pa.int64(): "cr:Int64",
    pa.float64(): "cr:Float64",
    pa.bool_(): "sc:Boolean",
}
NAMES = st.lists(st.from_regex(r"[a-z_][a-z0-9_]{0,5}", fullmatch=True), min_size=1, max_size=4, unique=True)


@given(NAMES, st.data(), st.booleans())
def test_the_shape_of_a_type_is_read_from_its_name(
    names: list[str], data: st.DataObject, listed: bool
) -> None:
    kinds = [data.draw(st.sampled_from(list(SIMPLE))) for _ in names]
    struct = pa.struct(list(zip(names, kinds, strict=True)))
    found = shape(str(pa.list_(struct) if listed else struct))
    assert found == Shape(None, listed, {name: SIMPLE[kind] for name, kind in zip(names, kinds, strict=True)})


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        (pa.list_(pa.int8()), Shape("cr:Int8", True)),
        (pa.large_list(pa.large_string()), Shape("sc:Text", True)),
        (pa.list_(pa.float32(), 3), Shape("cr:Float32", True)),
        (pa.dictionary(pa.int8(), pa.string()), Shape("sc:Text")),
        (pa.timestamp("us", "UTC"), Shape("sc:DateTime")),
        (pa.date32(), Shape("sc:Date")),
        (pa.binary(), None),
        (pa.list_(pa.list_(pa.int64())), None),
        (pa.struct([("a", pa.struct([("b", pa.int64())]))]), None),
        (pa.list_(pa.struct([("一级, 二级", pa.string())])), None),
        (pa.map_(pa.string(), pa.int64()), None),
    ],
    ids=str,
)
def test_types_that_have_a_form_and_types_that_have_none(kind: pa.DataType, wanted: Shape | None) -> None:
    assert shape(str(kind)) == wanted


def test_a_column_without_a_form_is_named(tmp_path: Path) -> None:
    rows = [{"text": "来信", "deep": [[1], [2]]} for _ in range(3)]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "train.parquet")
    build_beside(tmp_path, Options())
    stated = json.loads(text_of(tmp_path))
    assert "left out here: deep" in stated["description"]["en"]
    assert [row["text"] for row in stream(tmp_path)] == ["来信"] * 3
    assert [*faults(tmp_path, text_of(tmp_path))] == []
