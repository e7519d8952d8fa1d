"""A policy says something about every type, and a mistake in it is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from curation import shipped
from curation.anonymise import policy
from curation.errors import UsageError


def edited(tmp_path: Path, old: str, new: str) -> str:
    text = shipped.find("policies", "letters").read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "own.yaml"
    path.write_text(text.replace(old, new), encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("name", shipped.names("policies"))
def test_every_shipped_policy_has_a_rule_and_a_placeholder_for_every_type(name: str) -> None:
    rules = policy.load(name)
    assert rules.name == name
    assert set(rules.types) == set(policy.TYPES)
    assert len({rule.placeholder for rule in rules.types.values()}) == len(rules.types)


def test_letters_keeps_masked_names_and_office_phones_and_strict_does_not() -> None:
    letters, strict = policy.load("letters"), policy.load("strict")
    kept = {name for name in policy.TYPES if not letters.types[name].changes}
    assert kept == {"PERSON_MASKED", "CN_OFFICE_PHONE", "LOCATION", "ORGANIZATION"}
    assert {name for name in policy.TYPES if not strict.types[name].changes} == {"LOCATION", "ORGANIZATION"}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("  CN_MOBILE:", "  CN_MOBIL:", "did you mean CN_MOBILE?"),
        ("name: letters", "nam: letters", "did you mean name?"),
        ("action: keep", "acton: keep", "did you mean action?"),
        ("action: keep", "action: burn", "keep"),
        ("schema: policy/1", "schema: policy/9", "policy/1"),
        ("  QQ:", "  # QQ:", "no rule for QQ"),
    ],
)
def test_a_mistake_in_a_policy_is_named(tmp_path: Path, old: str, new: str, said: str) -> None:
    with pytest.raises(UsageError, match=said.replace("?", r"\?")) as raised:
        policy.load(edited(tmp_path, old, new))
    assert "\n" not in str(raised.value)


def test_an_unknown_policy_names_the_shipped_ones() -> None:
    with pytest.raises(UsageError, match="letters"):
        policy.load("leters")
