from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

from curation.ingest import Settings, inspect

Write = Callable[..., Path]


def test_report_has_figures_and_names_and_no_value(
    write_xlsx: Write, write_jsonl: Write, tmp_path: Path
) -> None:
    write_xlsx({
        "工单": [
            ["编号", "联系电话", "诉求内容", "承办"],
            ["A1", "1.39E+10", "井盖松动了", "某局"],
            ["A1", "", "噪音", ""],
        ],
        "说明": [["部门"], ["某局"]],
    })  # fmt: skip
    write_jsonl([{"事项名称": "居住证", "受理条件": "居住半年", "url": "x"}, {"text": None}])
    reports = inspect([tmp_path], Settings())
    said = json.loads(json.dumps([dataclasses.asdict(report) for report in reports]))
    guide, orders, notes = said
    assert (orders["file"], orders["sheet"], orders["format"], orders["rows"]) == (
        "工单.xlsx",
        "工单",
        "excel",
        2,
    )
    assert orders["fields"]["text"] == {"header": "诉求内容", "empty": 0.0, "lengths": [5, 2]}
    assert orders["fields"]["phone"] == {"header": "联系电话", "empty": 0.5, "lengths": []}
    assert orders["precision_lost"] == {"phone": 1}
    assert orders["repeated_ids"] == 1
    assert orders["unmapped"] == ["承办"]
    assert notes["dropped"] == {"no_text_column": 1}
    assert guide["composed"] == ["受理条件"]
    assert guide["unmapped"] == ["url"]
    assert guide["dropped"] == {"no_text": 1}
    text = json.dumps(said, ensure_ascii=False) + "".join(
        line for report in reports for line in report.lines()
    )
    assert not any(value in text for value in ("井盖", "噪音", "1.39E", "某局", "A1", "居住"))


def test_only_a_sample_of_a_long_file_is_read(write_jsonl: Write) -> None:
    report = inspect([write_jsonl([{"text": f"第{i}封"} for i in range(2500)])], Settings(), sample=1000)[0]
    assert (report.rows, report.complete) == (1000, False)


def test_encoding_and_unknown_formats_are_reported(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes("内容\n路灯不亮\n".encode("gb18030"))
    (tmp_path / "b.docx").write_bytes(b"PK")
    first, second = inspect([tmp_path], Settings())
    assert (first.encoding, first.rows) == ("gb18030", 1)
    assert (second.format, second.dropped) == (None, {"unknown_format": 1})


def test_lines_say_where_each_field_comes_from(write_csv: Write) -> None:
    path = write_csv(
        [["标题", "诉求内容", "承办"], ["路灯", "坏了", "某局"], ["", "", "某局"]], encoding="gb18030"
    )
    assert inspect([path], Settings())[0].lines() == [
        "来信.csv: delimited, gb18030, 2 rows",
        "  text <- 诉求内容 (50% empty, lengths 2)",
        "  title <- 标题 (50% empty, lengths 2)",
        "  not mapped: 承办",
        "  would be dropped: no_text 1",
    ]
