from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from curation.errors import UsageError
from curation.files import canonical_json
from curation.ingest import problem
from curation.run import Run
from data_cards.card import build, front_matter, render
from data_cards.measure import measure
from data_cards.words import Words, cell, table

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_card_reads_as_agreed(folders: Any, lang: str) -> None:
    card = render(_pinned(folders), folders.lock(), lang)
    assert card == (GOLDEN / f"{lang}.md").read_text(encoding="utf-8")


def test_both_languages_hold_the_same_numbers(folders: Any) -> None:
    build(folders.run, folders.private)
    zh = (folders.run / "README.md").read_text(encoding="utf-8")
    build(folders.run, folders.private, lang="en")
    en = (folders.run / "README.md").read_text(encoding="utf-8")
    numbers = [Counter(re.findall(r"\d+(?:[.,]\d+)*%?", card)) for card in (zh, en)]
    assert numbers[0] == numbers[1]
    assert sum(numbers[0].values()) > 100


@pytest.mark.parametrize(
    ("lang", "lines"),
    [
        (
            "zh",
            [
                "- **内容**：由政务文本构造的对话样例 20 条（群众来信 18、法律法规 2），共 705 字符；"
                "时间跨度 2023-11-30 至 2024-07-12。",
                "| 系统提示 `system` | 20 | 8 | 8 | 8.0 | 8 | 8 |",
                "| 提问 `user` | 20 | 9 | 22 | 23.2 | 37 | 37 |",
                "| 回答 `assistant` | 20 | 4 | 4 | 4.0 | 4 | 4 |",
                "对话样例 20 条，每条含消息 3 条。",
            ],
        ),
        (
            "en",
            [
                "- **Content**: 20 chat examples made of Chinese government text (Letter 18, Law 2), "
                "705 characters, from 2023-11-30 to 2024-07-12.",
                "| System `system` | 20 | 8 | 8 | 8.0 | 8 | 8 |",
                "| User `user` | 20 | 9 | 22 | 23.2 | 37 | 37 |",
                "| Answer `assistant` | 20 | 4 | 4 | 4.0 | 4 | 4 |",
                "Chat examples: 20, messages in each: 3.",
            ],
        ),
    ],
)
def test_card_of_chat_examples_says_what_is_in_them(folders: Any, lang: str, lines: list[str]) -> None:
    folders.make_chat()
    build(folders.run, folders.private, lang=lang)
    card = (folders.run / "README.md").read_text(encoding="utf-8")
    assert [line for line in lines if line not in card.split("\n")] == []
    assert "task_categories:\n- text-generation" in card
    assert "`text` |" not in card


def test_same_run_gives_the_same_bytes(folders: Any) -> None:
    build(folders.run, folders.private)
    before = [(folders.run / name).read_bytes() for name in ("README.md", "metrics.json")]
    build(folders.run, folders.private)
    assert [(folders.run / name).read_bytes() for name in ("README.md", "metrics.json")] == before


def test_metrics_are_written_canonically(folders: Any) -> None:
    build(folders.run, folders.private)
    text = (folders.run / "metrics.json").read_text(encoding="utf-8")
    assert text == canonical_json(measure(Run(folders.run)))
    assert text.endswith("}\n")
    assert "城乡建设" in text


def test_front_matter_has_no_configs_and_names_unknown_licences(folders: Any) -> None:
    front = front_matter(measure(Run(folders.run)), folders.lock())
    assert "configs" not in front
    assert "dataset_info" not in front
    assert front["license"] == ["cc-by-4.0", "other"]
    assert front["license_name"] == "政务数据开放协议"
    assert front["task_categories"] == ["text-classification"]


@pytest.mark.parametrize(
    ("values", "missing", "license"),
    [({"Apache-2.0": 3}, 0, "apache-2.0"), ({}, 3, "unknown"), ({"mit": 1}, 2, ["mit", "unknown"])],
)
def test_licence_of_the_front_matter(folders: Any, values: Any, missing: int, license: Any) -> None:
    metrics = measure(Run(folders.run))
    metrics["licenses"] = {"values": values, "others": {"values": 0, "records": 0}, "missing": missing}
    front = front_matter(metrics, folders.lock())
    assert front["license"] == license
    assert "license_name" not in front


@pytest.mark.parametrize(
    ("records", "category"),
    [
        (0, "n<1K"),
        (999, "n<1K"),
        (1_000, "1K<n<10K"),
        (123_456, "100K<n<1M"),
        (9_999_999, "1M<n<10M"),
        (10_000_000, "10M<n<100M"),
    ],
)
def test_size_category_is_the_hub_s_bucket(folders: Any, records: int, category: str) -> None:
    metrics = measure(Run(folders.run))
    metrics["published"]["records"] = records
    assert front_matter(metrics, folders.lock())["size_categories"] == [category]


def test_card_says_when_nothing_was_de_identified(folders: Any) -> None:
    lock = folders.lock()
    lock["recipe"]["stages"] = [{"split": {}}]
    folders.write_lock(lock)
    build(folders.run, folders.private)
    card = (folders.run / "README.md").read_text(encoding="utf-8")
    assert "**不得公开**。本数据集未经涉密筛查、未经去标识化处理。" in card
    assert "涉密筛查**：未做" in card
    assert "de-identified" not in card


def test_the_share_that_was_kept_stands_where_nothing_was_made_of_it(folders: Any) -> None:
    metrics = measure(Run(folders.run))
    assert "保留 20 条，剔除 9 条" in render(metrics, folders.lock(), "zh")
    metrics["records"] |= {"made": 0, "expanded": 0}
    assert "保留 20 条（69.0%），剔除 9 条" in render(metrics, folders.lock(), "zh")
    assert "20 kept (69.0%), 9 dropped" in render(metrics, folders.lock(), "en")


@pytest.mark.parametrize(
    ("lang", "made", "kept", "note"),
    [
        (
            "zh",
            "在 3 条保留的或派生所用的记录中识别出 5 处",
            "在 3 条保留的记录中识别出 5 处",
            "包括未写入派生记录的字段",
        ),
        (
            "en",
            "in 3 records kept or expanded, 5 found",
            "in 3 records kept, 5 found",
            "whether or not they went",
        ),
    ],
)
def test_card_says_of_which_records_personal_data_is_counted(
    folders: Any, lang: str, made: str, kept: str, note: str
) -> None:
    metrics = measure(Run(folders.run))
    card = render(metrics, folders.lock(), lang)
    assert made in card
    assert note in card
    metrics["records"] |= {"made": 0, "expanded": 0}
    card = render(metrics, folders.lock(), lang)
    assert kept in card
    assert note not in card


def test_first_screen_answers_what_a_reader_asks(folders: Any) -> None:
    build(folders.run, folders.private)
    lines = (folders.run / "README.md").read_text(encoding="utf-8").split("## 概要")[1].split("\n## ")[0]
    asked = ("内容", "数量", "能否公开", "个人信息", "涉密筛查", "许可")
    assert [line[4:].partition("**")[0] for line in lines.split("\n") if line] == list(asked)
    assert "姓名 2" in lines
    assert "CC-BY-4.0 15、政务数据开放协议 5" in lines


def test_duplicates_and_variants_stand_by_relation_and_fate(folders: Any) -> None:
    build(folders.run, folders.private, lang="en")
    card = (folders.run / "README.md").read_text(encoding="utf-8")
    for row in ("Exact duplicate | 2 | dropped", "Near duplicate | 2 | dropped", "Variant | 1 | kept"):
        assert f"| {row} |" in card


def test_card_and_metrics_show_no_path_of_the_machine(folders: Any) -> None:
    build(folders.run, folders.private)
    for name in ("README.md", "metrics.json"):
        assert str(folders.run.parent) not in (folders.run / name).read_text(encoding="utf-8")


def test_columns_of_numbers_stand_on_the_right() -> None:
    lines = table(
        ["step", "left", "share", "why"], [["2024", "1,200", "3.5%", "12 lost"], ["b", "–", "–", ""]]
    )
    assert lines[1] == "| --- | ---: | ---: | --- |"


def test_values_of_the_data_cannot_break_the_card(folders: Any) -> None:
    table = folders.data("train")
    hostile = "a|b\n# x <script>alert(1)</script> [x](http://x) `y`"
    index = table.schema.get_field_index("source")
    folders.write_data("train", table.set_column(index, table.schema.field(index), [[hostile] * 16]))
    build(folders.run, folders.private)
    card = (folders.run / "README.md").read_text(encoding="utf-8")
    assert r"| a\|b # x \<script\>alert(1)\</script\> \[x\](http://x) \`y\` | 16 |" in card


def test_unknown_codes_are_shown_as_they_are() -> None:
    words = Words("zh")
    assert words.term("reason", "no_text") == "正文为空 `no_text`"
    assert words.term("reason", "quite_new") == "`quite_new`"
    assert cell(" two\n lines ") == "two lines"


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_reason_of_ingest_and_instruct_has_a_name(lang: str) -> None:
    instruct = (
        "other_kind",
        "review",
        "no_label",
        "unknown_label",
        "no_reply",
        "no_text",
        "no_title",
        "no_fields",
    )
    for reason in (*problem.PROBLEMS, *instruct):
        assert Words(lang).term("reason", reason) != f"`{reason}`"


def test_other_languages_are_refused(folders: Any) -> None:
    with pytest.raises(UsageError, match="--lang fr"):
        build(folders.run, folders.private, lang="fr")
    assert not (folders.run / "metrics.json").exists()


def test_run_loads_as_a_data_set_and_again_after_a_change(folders: Any, tmp_path: Path) -> None:
    from datasets import load_dataset

    for rows in (16, 11):
        folders.write_data("train", folders.data("train").slice(0, rows))
        build(folders.run, folders.private)
        loaded = load_dataset(str(folders.run), cache_dir=str(tmp_path / "cache"))
        assert {name: split.num_rows for name, split in loaded.items()} == {
            "train": rows,
            "validation": 2,
            "test": 2,
        }


def test_front_matter_is_yaml_that_the_hub_library_reads(folders: Any) -> None:
    from huggingface_hub import DatasetCard

    build(folders.run, folders.private)
    card = (folders.run / "README.md").read_text(encoding="utf-8")
    read = DatasetCard(card, ignore_metadata_errors=False).data.to_dict()
    assert read == yaml.safe_load(card.split("---\n")[1])


def _pinned(folders: Any) -> dict[str, Any]:
    """Metrics without what another version of pyarrow changes: the digest of the lock."""
    metrics = measure(Run(folders.run))
    metrics["lock"]["sha256"] = "0" * 64
    return metrics
