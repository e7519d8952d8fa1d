"""Who is in the queue, and why."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from curation.errors import UsageError
from curation.review import queue
from curation.review.cases import SAID


def brief(rows: list[dict[str, Any]]) -> pa.Table:
    schema = pa.schema([("id", pa.string()), ("cluster", pa.string()), ("held", pa.string()), *SAID.items()])
    schema = schema.append(pa.field("standing", pa.string()))
    return pa.Table.from_pylist(rows, schema)


def row(at: int, value: str | None = "甲", confidence: float = 0.9, **more: Any) -> dict[str, Any]:
    return {"id": f"r{at:04d}", "value": value, "confidence": confidence, "method": "classifier", **more}


def select(
    rows: list[dict[str, Any]], votes: list[str | None] | None = None, **more: Any
) -> list[queue.Item]:
    told = pa.chunked_array([votes or [None] * len(rows)], pa.string())
    return queue.select(brief(rows), told, **more)


def reasons(items: list[queue.Item]) -> Counter[str]:
    return Counter(item.reason for item in items)


def test_every_reason_gets_its_share() -> None:
    rows = [row(at, "甲乙丙"[at % 3], confidence=0.5 + at / 4000) for at in range(1000)]
    rows += [row(at, "丁", confidence=0.99) for at in range(1000, 1020)]
    rows += [row(at, None, held="anonymise", method=None) for at in range(2000, 2050)]
    votes = [None if at < 900 or at >= 1000 else "戊" for at in range(len(rows))]
    found = select(rows, votes, size=100)
    assert len(found) == 100
    assert reasons(found) == {"audit": 25, "personal": 15, "conflict": 20, "rare": 10, "uncertain": 30}
    assert len({item.id for item in found}) == 100


def test_the_audit_sample_is_drawn_from_all_and_not_from_the_hard_ones() -> None:
    rows = [row(at, confidence=at / 1000) for at in range(1000)]
    drawn = [item.id for item in select(rows, size=400) if item.reason == "audit"]
    places = np.array([int(id_[1:]) for id_ in drawn])
    assert len(places) == 100 and abs(places.mean() - 500) < 100


def test_the_uncertain_are_the_least_confident_of_each_label_in_turn() -> None:
    rows = [row(at, "甲", confidence=0.5 + at / 1000) for at in range(100)]
    rows += [row(100 + at, "乙", confidence=0.8 + at / 1000) for at in range(100)]
    found = [item.id for item in select(rows, size=20) if item.reason == "uncertain"]
    assert sum(id_ >= "r0100" for id_ in found) in (7, 8) and len(found) == 15
    assert max(id_ for id_ in found if id_ < "r0100") < "r0020"


def test_near_duplicates_with_another_label_conflict_and_one_of_a_cluster_is_enough() -> None:
    rows = [row(at, "甲") for at in range(50)]
    rows += [row(90, "甲", cluster="c"), row(91, "乙", cluster="c"), row(92, "甲", cluster="d")]
    found = select(rows, size=20)
    torn = [item for item in found if item.id in ("r0090", "r0091")]
    assert len(torn) == 1 and torn[0].reason in ("conflict", "audit")


def test_what_two_people_have_decided_is_not_asked_again_and_what_one_has_goes_to_a_reviewer() -> None:
    rows = [row(0, method="person", standing="settled"), row(1), row(2, None, method=None)]
    rows += [row(3, method="person", standing="unreviewed"), row(4, standing="settled")]
    found = {item.id: item.reason for item in select(rows, size=9)}
    assert set(found) == {"r0001", "r0002", "r0003"} and found["r0003"] == "unreviewed"


def test_reviews_that_wait_take_half_of_the_places() -> None:
    rows = [row(at, method="person", standing="unreviewed") for at in range(100)]
    rows += [row(100 + at) for at in range(100)]
    found = reasons(select(rows, size=40))
    assert found["unreviewed"] == 20 and found["audit"] == 5 and sum(found.values()) == 40


def test_the_order_of_the_records_changes_nothing_and_tells_nothing_of_the_reasons() -> None:
    rows = [row(at, "甲乙丙"[at % 3], confidence=0.5 + (at * 37 % 400) / 1000) for at in range(400)]
    votes = [None if at % 5 else "甲" for at in range(400)]
    found = select(rows, votes, size=100)
    turned = select(rows[::-1], votes[::-1], size=100)
    assert found == turned
    assert found != select(rows, votes, size=100, seed=1)
    first = reasons(found[:50])
    assert min(first[reason] for reason in ("audit", "conflict", "uncertain")) > 2


@pytest.mark.parametrize("size", [1, 3, 5, 9, 10, 40])
def test_no_record_is_lost_between_the_shares(size: int) -> None:
    rows = [row(at, "甲乙"[at % 2], confidence=0.5 + at / 100) for at in range(10)]
    assert len(select(rows, size=size)) == min(size, 10)


def test_a_queue_of_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match="--size"):
        select([row(0)], size=0)
    assert select([], size=5) == []
