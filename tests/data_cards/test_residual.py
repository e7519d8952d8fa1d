"""What is found in the data as they are published, and what is none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.anonymise.surrogates import Surrogates
from curation.anonymise.surrogates.reserved import UNDECIDABLE, is_nobodys
from curation.intervals import upper_bound
from curation.run import Run
from data_cards.answers import Answers
from data_cards.dataset import of_run, open_folder
from data_cards.measure import measure
from data_cards.measure.sample import drawn
from data_cards.options import Options

KEY = b"0123456789abcdef"
REAL = {
    "CN_RESIDENT_ID": "110101199003074610",
    "CN_MOBILE": "138-1234-5678",
    "CN_LANDLINE": "0571-87654321",
    "CN_BANK_CARD": "6222021234567890128",
    "CN_USCC": "91330100MA27XQ4C7H",
    "CN_PLATE": "浙A8K329",
    "CN_PASSPORT": "E12345678",
    "CN_HKMO_PERMIT": "H12345678",
    "CN_CASE_NUMBER": "GD20240317-0058231",
    "EMAIL_ADDRESS": "zhang.san@163.com",
    "QQ": "12345678",
    "WECHAT": "zhang_san88",
    "IP_ADDRESS": "10.20.30.40",
    "MAC_ADDRESS": "00:1A:2B:3C:4D:5E",
    "VIN": "LSVAA4182E2184847",
    "GPS": "30.2741,120.1551",
    "ADDRESS": "浙江省杭州市西湖区文三路12号3幢201室",
}


def rescan(folders: Any, *, reply: str) -> dict[str, Any]:
    """Of the run, with this reply in one published record."""
    table = folders.data("test")
    replies = pa.array([reply, *table["reply"].to_pylist()[1:]], pa.string())
    folders.write_data("test", table.set_column(table.schema.get_field_index("reply"), "reply", replies))
    return of(folders)


def of(folders: Any) -> dict[str, Any]:
    metrics = measure(of_run(Run(folders.run)), Options(), Answers())
    found: dict[str, Any] = metrics["pii"]["residual"]["rescan"]
    return found


def test_a_planted_mobile_number_is_found(folders: Any) -> None:
    assert of(folders)["records_with_findings"] == 0
    found = rescan(folders, reply="请与我联系，电话13912345678，谢谢。")
    assert found["by_type"] == {"CN_MOBILE": 1}
    assert (found["records_with_findings"], found["records"], found["of"]) == (1, 20, 20)
    assert found["share"] == found["upper95"] == 0.05


@pytest.mark.parametrize(
    "reply",
    [
        "[姓名]的电话是[手机号]，住[地址]，身份证号[身份证号]。",
        "联系人：[姓名]，联系电话：[手机号]",
        "陈某反映的问题已转办。",
        "请拨打政务服务便民热线12345咨询。",
        "[姓名]任组长期间的账目没有公开。",
    ],
)
def test_placeholders_and_what_the_policy_keeps_are_no_findings(folders: Any, reply: str) -> None:
    assert rescan(folders, reply=reply)["by_type"] == {}


def test_a_title_and_half_a_name_beside_no_placeholder_are_findings(folders: Any) -> None:
    assert rescan(folders, reply="任组长期间的账目没有公开。")["by_type"] == {"PERSON_HONORIFIC": 1}
    assert rescan(folders, reply="我妻子[姓名]·艾山和李秀英的电话")["by_type"]["PERSON"] >= 1


def test_an_official_is_a_finding_by_the_policy_of_the_run_alone(folders: Any) -> None:
    reply = "市长王建国主持召开会议。联系人：李秀英，身份证110101199003074610"
    lock = folders.lock()
    lock["recipe"]["kind"] = "document"
    lock["recipe"]["stages"][3] = {"anonymise": {"policy": "official-documents"}}
    folders.write_lock(lock)
    table = folders.data("test")
    kinds = pa.array(["document"] * table.num_rows)
    folders.write_data("test", table.set_column(table.schema.get_field_index("kind"), "kind", kinds))
    found = rescan(folders, reply=reply)
    assert found["detector"] == "lac/official-documents"
    assert found["by_type"] == {"CN_RESIDENT_ID": 1, "PERSON": 1}
    lock["recipe"]["stages"][3] = {"anonymise": {}}
    folders.write_lock({**lock, "files": folders.lock()["files"]})
    assert of(folders)["by_type"] == {"CN_RESIDENT_ID": 1, "PERSON": 2}


def test_surrogates_are_told_from_what_is_real_and_nothing_is_said_of_names(folders: Any) -> None:
    lock = folders.lock()
    lock["key"] = "f" * 16
    folders.write_lock(lock)
    made = Surrogates(KEY)
    number = made("CN_MOBILE", "13912345678")
    reply = f"{made('PERSON', '王丽娟')}，电话{number}，身份证{made('CN_RESIDENT_ID', '110101199003074610')}"
    found = rescan(folders, reply=reply)
    assert (found["by_type"], found["undecided"]) == ({}, list(UNDECIDABLE))
    assert rescan(folders, reply=f"{reply}，或13912345678")["by_type"] == {"CN_MOBILE": 1}


@pytest.mark.parametrize(("kind", "value"), REAL.items())
def test_what_is_somebodys_is_no_surrogate(kind: str, value: str) -> None:
    assert not is_nobodys(kind, value)
    assert is_nobodys(kind, Surrogates(KEY)(kind, value))


@given(st.from_regex(r"\A1[3-9][0-9]{9}\Z"), st.binary(min_size=16, max_size=16))
def test_every_surrogate_of_a_mobile_number_is_nobodys(value: str, key: bytes) -> None:
    assert not is_nobodys("CN_MOBILE", value)
    assert is_nobodys("CN_MOBILE", Surrogates(key)("CN_MOBILE", value))


def test_every_column_of_a_folder_is_looked_at(tmp_path: Path) -> None:
    rows = [
        {"text": "路灯坏了。", "tel": 13912345678 if row == 2 else row, "more": {"a": ["无"]}}
        for row in range(4)
    ]
    rows[3]["more"] = {"a": ["邮箱zhang.san@163.com"]}
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (tmp_path / "data.jsonl").write_text(lines, encoding="utf-8")
    metrics = measure(open_folder(tmp_path, Options()), Options(), Answers())
    found = metrics["pii"]["residual"]["rescan"]
    assert (found["by_type"], found["detector"]) == ({"CN_MOBILE": 1, "EMAIL_ADDRESS": 1}, "lac/letters")
    assert found["records_with_findings"] == 2


def test_of_many_records_some_are_drawn_and_the_rest_is_bounded(tmp_path: Path) -> None:
    lines = "".join(json.dumps({"text": f"{row} ok"}) + "\n" for row in range(2_100))
    (tmp_path / "data.jsonl").write_text(lines, encoding="utf-8")
    metrics = measure(open_folder(tmp_path, Options()), Options(), Answers())
    found = metrics["pii"]["residual"]["rescan"]
    assert (found["records"], found["of"], found["share"]) == (2_000, 2_100, 0)
    assert found["upper95"] == pytest.approx(float(upper_bound(0, 2_000, 0.05)), rel=1e-5)


@given(st.integers(1, 3_000), st.integers(1, 500), st.integers(1, 500), st.integers(0, 2**64 - 1))
def test_a_smaller_sample_is_part_of_a_larger_one(total: int, one: int, other: int, seed: int) -> None:
    few, many = (drawn(total, most, seed) for most in sorted((one, other)))
    assert len(few) == min(min(one, other), total)
    assert set(few) <= set(many) <= set(range(total))


def test_every_record_is_drawn_equally_often() -> None:
    times = [0] * 20
    for seed in range(2_000):
        for row in drawn(20, 5, seed * 0x1234567):
            times[row] += 1
    assert min(times) > 400 and max(times) < 600  # 500 expected, five standard deviations are 97
