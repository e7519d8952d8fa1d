from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.errors import InputError, UsageError
from curation.run import Run
from data_cards.answers import Answers
from data_cards.columns import distribution
from data_cards.dataset import of_run
from data_cards.measure import measure
from data_cards.measure.labels import entropy
from data_cards.measure.origin import iso_date
from data_cards.measure.sizes import statistics
from data_cards.options import Options


def test_every_record_is_counted_once(folders: Any) -> None:
    records = measure(of_run(Run(folders.run)), Options(), Answers())["records"]
    assert records == {"input": 28, "made": 2, "kept": 20, "dropped": 9, "expanded": 1}
    assert records["kept"] + records["dropped"] + records["expanded"] == records["input"] + records["made"]


def test_funnel_names_stage_and_reason(folders: Any) -> None:
    funnel = measure(of_run(Run(folders.run)), Options(), Answers())["funnel"]
    assert funnel["ingest"]["dropped"] == {"no_text": 1, "precision_lost": 1}
    assert funnel["clean"] == {"dropped": {}, "expanded": 0, "made": 0}
    assert funnel["articles"] == {"dropped": {"an_unknown_reason": 1}, "expanded": 1, "made": 2}


def test_personal_data_of_dropped_records_is_counted_apart(folders: Any) -> None:
    found = measure(of_run(Run(folders.run)), Options(), Answers())["pii"]
    assert (found["found"], found["replaced"], found["kept"]) == (5, 4, 1)
    assert found["by_type"]["PERSON"] == {"found": 2, "replaced": 2, "kept": 0}
    assert found["found_in_dropped_records"] == 1
    assert (found["records_with_findings"], found["records_changed"]) == (3, 2)


def test_duplicates_and_variants_come_from_the_ledger(folders: Any) -> None:
    metrics = measure(of_run(Run(folders.run)), Options(), Answers())
    assert metrics["duplicates"] == {"exact": 2, "near": 2, "groups": 3, "largest_group": 3, "variants": 1}
    sizes = [18, 1, 0, 0, 0, 0, 0, 0]
    assert metrics["clusters"] == {"number": 19, "largest": 2, "records_in_shared": 2, "sizes": sizes}


def test_what_was_not_done_is_null_not_zero(folders: Any) -> None:
    lock = folders.lock()
    lock["recipe"]["stages"] = [{"split": {}}]
    folders.write_lock(lock)
    metrics = measure(of_run(Run(folders.run)), Options(), Answers())
    assert metrics["pii"]["found"] is None
    assert metrics["unmeasured"]["pii.found"] == metrics["unmeasured"]["duplicates"] == "not_run"
    assert metrics["duplicates"] is None
    assert metrics["processing"]["replacement"] is None


def test_key_means_surrogates(folders: Any) -> None:
    lock = folders.lock()
    lock["key"] = "0f" * 8
    folders.write_lock(lock)
    assert measure(of_run(Run(folders.run)), Options(), Answers())["processing"]["replacement"] == "surrogate"


def test_lengths_are_characters_of_what_is_there(folders: Any) -> None:
    metrics = measure(of_run(Run(folders.run)), Options(), Answers())
    texts = [
        text for split in ("train", "validation", "test") for text in folders.data(split)["text"].to_pylist()
    ]
    lengths = sorted(map(len, texts))
    stated = metrics["lengths"]["text"]
    assert (stated["texts"], stated["min"], stated["max"]) == (20, lengths[0], lengths[-1])
    assert (stated["median"], stated["p95"]) == (lengths[9], lengths[18])
    assert metrics["lengths"]["reply"]["texts"] == 5  # the blank replies do not count
    assert metrics["splits"]["train"]["records"] == 16


def test_chat_examples_are_measured_per_role(folders: Any) -> None:
    assert measure(of_run(Run(folders.run)), Options(), Answers())["chat"] is None
    texts = folders.data("train")["text"].to_pylist()
    folders.make_chat()
    metrics = measure(of_run(Run(folders.run)), Options(), Answers())
    assert metrics["chat"]["examples"] == 20
    assert metrics["chat"]["messages"]["max"] == 3
    assert metrics["chat"]["roles"]["assistant"]["max"] == len("城乡建设")
    train = metrics["splits"]["train"]
    assert (train["records"], train["characters"]) == (16, sum(map(len, texts)) + 16 * (8 + 4))


def test_labels_are_counted_by_who_gave_them(folders: Any) -> None:
    labels = measure(of_run(Run(folders.run)), Options(), Answers())["labels"]["letters"]
    assert labels["methods"] == {"input": 9, "classifier": 8}
    assert labels["records"] == 17
    assert labels["abstained"] == 3


def test_a_record_with_several_labels_of_a_scheme_counts_once_and_one_without_a_value_not(
    folders: Any,
) -> None:
    table = folders.data("test")
    entry = {"scheme": "letters", "method": "classifier", "abstained": False}
    labels = [
        [{**entry, "value": "交通运输"}, {**entry, "value": "城乡建设"}],
        [
            {**entry, "value": None},
            {**entry, "value": " "},
            {**entry, "value": "交通运输", "abstained": True},
        ],
    ]
    place = table.schema.get_field_index("labels")
    field = table.schema.field(place)
    folders.write_data("test", table.set_column(place, field, pa.array(labels, field.type)))
    counted = measure(of_run(Run(folders.run)), Options(), Answers())["labels"]["letters"]
    assert counted["records"] == 17 + 1
    assert counted["methods"] == {"input": 9, "classifier": 8 + 2}
    assert counted["missing"] == 2


@given(st.lists(st.integers(1, 50), min_size=1))
def test_length_statistics_are_values_that_occur(lengths: list[int]) -> None:
    stated = statistics(Counter(lengths))
    assert stated["median"] == sorted(lengths)[(len(lengths) + 1) // 2 - 1]
    assert {stated["min"], stated["p95"], stated["max"]} <= set(lengths)
    assert stated["mean"] == pytest.approx(sum(lengths) / len(lengths), rel=1e-5)


def test_a_value_that_few_records_share_is_not_named(folders: Any) -> None:
    district = measure(of_run(Run(folders.run)), Options(), Answers())["fields"]["district"]
    assert district == {"values": {"东|区": 12}, "others": {"values": 8, "records": 8}, "missing": 0}


def test_distribution_adds_up_and_is_capped() -> None:
    counts: Counter[Any] = Counter({f"v{number:02}": 100 - number for number in range(30)})
    counts.update({None: 3, "": 2, "  ": 1})
    shown = distribution(counts)
    assert len(shown["values"]) == 20
    assert shown["others"]["values"] == 10
    assert shown["missing"] == 6
    assert sum(shown["values"].values()) + shown["others"]["records"] + 6 == sum(counts.values())


@pytest.mark.parametrize(
    ("written", "date"),
    [
        ("2024-03-05 10:22:01", "2024-03-05"),
        (" 2024年3月5日", "2024-03-05"),
        ("2024/11", "2024-11"),
        ("2024", "2024"),
        ("20240305", "2024-03-05"),
        ("20240305T101500", "2024-03-05"),
        ("2024.13.40", "2024-01"),
        ("上周三", None),
        ("1024-03-05", None),
        ("", None),
        (None, None),
    ],
)
def test_dates_are_read_as_exactly_as_they_were_written(written: str | None, date: str | None) -> None:
    assert iso_date(pa.array([written], pa.string())).to_pylist() == [date]


@given(st.dates())
def test_iso_dates_of_two_centuries_are_read(day: Any) -> None:
    expected = day.isoformat() if 1900 <= day.year < 2100 else None
    assert iso_date(pa.array([day.isoformat()])).to_pylist() == [expected]


def test_metrics_name_no_file_and_no_text(folders: Any) -> None:
    text = json.dumps(measure(of_run(Run(folders.run)), Options(), Answers()), ensure_ascii=False)
    assert "来信登记" not in text
    assert "路灯" not in text


def test_metrics_do_not_depend_on_how_the_ledger_is_cut(folders: Any) -> None:
    before = measure(of_run(Run(folders.run)), Options(), Answers())
    table = folders.ledger()
    folders.write_ledger(table.slice(11))
    pq.write_table(table.slice(0, 11), folders.private / "ledger" / "part-00001.parquet", row_group_size=3)
    assert measure(of_run(Run(folders.run)), Options(), Answers()) == before


def test_run_without_anything_kept_is_measured(folders: Any) -> None:
    for path in (folders.run / "data").iterdir():
        path.unlink()
    metrics = measure(of_run(Run(folders.run)), Options(), Answers())
    assert metrics["published"] == {"records": 0, "characters": 0, "tokens": None}
    assert metrics["lengths"]["text"]["median"] is None
    assert metrics["clusters"]["largest"] == 0


def test_other_folders_are_refused(folders: Any, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no govtune\.lock\.json"):
        measure(of_run(Run(tmp_path)), Options(), Answers())
    folders.write_lock({"schema": "lock/1"})
    with pytest.raises(UsageError, match="lacks what a card is made of"):
        measure(of_run(Run(folders.run)), Options(), Answers())


def test_damaged_or_missing_files_are_named(folders: Any) -> None:
    path = folders.run / "data" / "test-00000-of-00001.parquet"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(
        InputError, match=r"data/test-00000-of-00001\.parquet: is not a readable Parquet file"
    ):
        measure(of_run(Run(folders.run)), Options(), Answers())
    path.unlink()
    (folders.private / "ledger" / "part-00000.parquet").unlink()
    with pytest.raises(InputError, match="ledger: is missing"):
        measure(of_run(Run(folders.run)), Options(), Answers())


def test_classes_of_lengths_and_clusters_hold_every_one(folders: Any) -> None:
    metrics = measure(of_run(Run(folders.run)), Options(), Answers())
    for lengths in metrics["lengths"].values():
        assert sum(lengths["classes"]) == lengths["texts"]
    assert sum(metrics["clusters"]["sizes"]) == metrics["clusters"]["number"]


@given(st.dictionaries(st.text("甲乙丙丁", min_size=1), st.integers(1, 40), min_size=1))
def test_entropy_is_a_share_and_highest_where_all_values_are_as_frequent(counts: dict[str, int]) -> None:
    found = entropy(counts)
    assert found is not None and 0 <= found <= 1
    if len(counts) > 1:
        assert (found == 1) == (len(set(counts.values())) == 1) or found > 0.9999
    assert entropy({**counts, " ": 3}) == found
    assert entropy({" ": 3}) is None


def test_columns_tell_types_and_what_is_missing(folders: Any) -> None:
    metrics = measure(of_run(Run(folders.run)), Options(), Answers())
    assert metrics["columns"]["title"] == {"type": "string", "missing": 10}
    assert metrics["columns"]["reply"]["missing"] == 15
    assert metrics["columns"]["quality"]["missing"] == 20
    assert [file["split"] for _, file in sorted(metrics["files"].items())] == ["test", "train", "validation"]


def test_half_of_the_dated_records_lie_before_the_median(folders: Any) -> None:
    assert measure(of_run(Run(folders.run)), Options(), Answers())["time"]["median"] == "2024-01"


def test_leaks_into_evaluation_are_counted_by_reason(folders: Any) -> None:
    assert measure(of_run(Run(folders.run)), Options(), Answers())["decontamination"] == {
        "against_evaluation": None,
        "shared_across_splits": 0,
        "identical_across_splits": 0,
    }
    lock = folders.lock()
    lock["recipe"]["stages"].append({"decontaminate": {}})
    folders.write_lock(lock)
    table = folders.ledger()
    stage = pa.array([("decontaminate" if said == "screen" else said) for said in table["stage"].to_pylist()])
    folders.write_ledger(table.set_column(table.schema.get_field_index("stage"), "stage", stage))
    found = measure(of_run(Run(folders.run)), Options(), Answers())["decontamination"]
    assert found["against_evaluation"] == {"secrecy_mark": 1}


def test_a_cluster_in_two_splits_is_a_leak(folders: Any) -> None:
    table = folders.data("test")
    place = table.schema.get_field_index("cluster")
    folders.write_data("test", table.set_column(place, "cluster", pa.array(["c0", "k00"])))
    found = measure(of_run(Run(folders.run)), Options(), Answers())
    assert found["decontamination"]["shared_across_splits"] == 2


def test_a_published_copy_is_measured_without_its_ledger(folders: Any) -> None:
    whole = measure(of_run(Run(folders.run)), Options(), Answers())
    folders.private.rename(folders.private.with_name("elsewhere"))
    alone = measure(of_run(Run(folders.run)), Options(), Answers())
    assert alone["records"] is alone["funnel"] is alone["duplicates"] is None
    assert alone["unmeasured"]["pii.found"] == alone["unmeasured"]["funnel"] == "no_ledger"
    assert alone["lengths"] == whole["lengths"]
    assert measure(of_run(Run(folders.run)), Options(), Answers(), whole) == whole


def test_titles_of_letters_are_not_taken_for_those_of_documents(folders: Any) -> None:
    metrics = measure(of_run(Run(folders.run)), Options(), Answers())
    assert metrics["document_types"] is None
    assert metrics["unmeasured"]["document_types"] == "not_documents"
