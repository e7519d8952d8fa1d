"""A split follows groups, not rows."""

from __future__ import annotations

import itertools
from random import Random

import pytest
from pydantic import ValidationError

from curation import records, stage
from curation.deduplicate import Deduplicate
from curation.deduplicate.stage import DeduplicateParams
from curation.errors import UsageError
from curation.split import Split, SplitParams


def _split(columns: dict[str, list[str | None]], **params: object) -> list[str]:
    table = records.table(columns, fields=["district"] if "district" in columns else [])
    return stage.run(Split(SplitParams(**params)), table)["split"].to_pylist()  # type: ignore[arg-type]


def test_shares_are_met_on_average() -> None:
    splits = _split({"id": [str(number) for number in range(4000)]}, by="id", test=0.2, validation=0.1)
    assert abs(splits.count("test") - 800) < 100
    assert abs(splits.count("validation") - 400) < 80
    assert set(splits) == {"train", "validation", "test"}


def test_a_group_is_never_torn_apart() -> None:
    ids = [str(number) for number in range(300)]
    groups: list[str | None] = [str(number % 40) for number in range(300)]
    splits = _split({"id": [*ids], "cluster": groups}, test=0.3, validation=0.3)
    assert len(set(zip(groups, splits, strict=True))) == 40


def test_records_keep_their_split_when_others_come() -> None:
    few = [str(number) for number in range(100)]
    many = [f"new {number}" for number in range(200)] + few
    assert _split({"id": [*many]}, by="id")[200:] == _split({"id": [*few]}, by="id")


def test_another_share_of_test_leaves_validation_alone() -> None:
    ids = [str(number) for number in range(500)]
    small, large = (_split({"id": [*ids]}, by="id", test=share) for share in (0.1, 0.4))
    assert [split == "validation" for split in small] == [split == "validation" for split in large]


def test_seed_changes_the_split() -> None:
    ids = [str(number) for number in range(200)]
    assert _split({"id": [*ids]}, by="id") != _split({"id": [*ids]}, by="id", seed=1)


def test_recipe_field_can_hold_groups_together_and_a_record_without_value_stands_alone() -> None:
    ids = [str(number) for number in range(200)]
    districts: list[str | None] = ["城东"] * 100 + [None] * 100
    splits = _split({"id": [*ids], "district": districts}, by="district", test=0.3, validation=0.3)
    assert len(set(splits[:100])) == 1
    assert set(splits[100:]) == {"train", "validation", "test"}


def test_requires_its_column() -> None:
    assert Split(SplitParams(by="district")).requires == {"district"}
    with pytest.raises(UsageError, match="split by district"):
        _split({"id": ["a"]}, by="district")


@pytest.mark.parametrize("shares", [{"test": 0.6, "validation": 0.4}, {"test": -0.1}, {"test": 1}])
def test_impossible_shares_are_refused(shares: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        SplitParams(**shares)  # type: ignore[arg-type]


def test_no_near_duplicate_pair_crosses_splits() -> None:
    random = Random(3)
    bodies = [
        "".join(random.choices("关于补贴发放的通知各街道社区请按时上报户数并公示名单", k=80))
        for _ in range(60)
    ]
    texts = [f"{body}共{count}户，请查收。" for body in bodies for count in (31, 32, 45)]
    ids = [str(number) for number in range(len(texts))]
    table = records.table({"id": ids, "text": texts})
    deduplicate = Deduplicate(DeduplicateParams(threshold=0.8))
    verdict = deduplicate.decide(
        deduplicate.keys(table),
        lambda wanted, columns: table.take([ids.index(each) for each in wanted]).select(["id", *columns]),
    )
    table = stage.run_exchange(deduplicate, table, verdict)
    splits = stage.run(Split(SplitParams(test=0.3, validation=0.3)), table.filter(records.alive(table)))
    rows = [
        ({text[at : at + 5] for at in range(len(text) - 4)}, split)
        for text, split in zip(splits["text"].to_pylist(), splits["split"].to_pylist(), strict=True)
    ]
    pairs = [
        (split, other_split)
        for (grams, split), (others, other_split) in itertools.combinations(rows, 2)
        if len(grams & others) / len(grams | others) >= 0.8
    ]
    assert pairs
    assert len(set(splits["split"].to_pylist())) > 1
    assert all(one == other for one, other in pairs)
