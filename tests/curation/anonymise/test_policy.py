"""A policy says something about every type, and a mistake in it is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from curation import records, shipped
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
        ("QQ: {action: replace", "QQ: {action: shift", "types.QQ: only a date can shift"),
        (
            "QQ: {action: replace",
            "QQ: {action: generalise",
            "types.QQ: only these can be generalised: ADDRESS",
        ),
        (
            "QQ: {action: replace",
            "QQ: {action: replace, level: city",
            "types.QQ: level is for the action gen",
        ),
        (
            "QQ: {action: replace",
            "QQ: {action: mask, style: court",
            "types.QQ: style is for the action mask of P",
        ),
        (
            "QQ: {action: replace",
            "QQ: {action: replace, keep_officials: true",
            "types.QQ: keep_officials is for",
        ),
        ("ADDRESS: {action: replace", "ADDRESS: {action: generalise, level: cty", "did you mean city?"),
        ("types:", "kinds: {leter: {}}\ntypes:", "did you mean letter?"),
        ("types:", "kinds: {letter: {PERSN: {action: keep}}}\ntypes:", "did you mean PERSON?"),
        ("types:", "kinds: {letter: {PERSON: {acton: keep}}}\ntypes:", "did you mean action?"),
        ("types:", "kinds: {law: {VIN: {action: shift}}}\ntypes:", "kinds.law.VIN: only a date can shift"),
        ("types:", "extends: leters\ntypes:", "did you mean letters?"),
    ],
)
def test_a_mistake_in_a_policy_is_named(tmp_path: Path, old: str, new: str, said: str) -> None:
    with pytest.raises(UsageError, match=said.replace("?", r"\?")) as raised:
        policy.load(edited(tmp_path, old, new))
    assert "\n" not in str(raised.value)


def test_an_unknown_policy_names_the_shipped_ones() -> None:
    with pytest.raises(UsageError, match="letters"):
        policy.load("leters")


def test_a_policy_says_only_what_is_otherwise(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(
        "schema: policy/1\nname: mine\nextends: letters\n"
        "types: {ADDRESS: {action: generalise, level: city}, PERSON: {action: mask, style: court}}\n"
        "kinds: {document: {PERSON: {action: keep}, ADDRESS: {level: street}}}\n",
        encoding="utf-8",
    )
    mine, letters = policy.load(str(path)), policy.load("letters")
    assert mine.of(None)["QQ"] == letters.of("letter")["QQ"]
    assert (mine.of("letter")["ADDRESS"].level, mine.of("letter")["PERSON"].style) == ("city", "court")
    assert (mine.of("document")["ADDRESS"].level, mine.of("document")["PERSON"].style) == ("street", None)
    assert not mine.of("document")["PERSON"].changes
    theirs = tmp_path / "theirs.yaml"
    theirs.write_text(
        "schema: policy/1\nname: theirs\nextends: mine.yaml\nkinds: {document: {QQ: {action: keep}}}\n",
        encoding="utf-8",
    )
    kinds = policy.load(str(theirs)).of("document")
    assert not kinds["QQ"].changes and not kinds["PERSON"].changes
    assert [file.name for file in policy.files(str(theirs))] == ["theirs.yaml", "mine.yaml", "letters.yaml"]


def test_a_policy_that_extends_itself_is_refused(tmp_path: Path) -> None:
    for name, base in (("one", "two"), ("two", "one")):
        text = f"schema: policy/1\nname: {name}\nextends: {base}.yaml\n"
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=r"extends one\.yaml, which extends it"):
        policy.load(str(tmp_path / "one.yaml"))


def test_officials_stay_in_documents_and_courts_and_nowhere_else() -> None:
    keeps = {
        (name, kind)
        for name in shipped.names("policies")
        for kind in records.KINDS
        if policy.load(name).of(kind)["PERSON"].keep_officials
    }
    assert {name for name, _ in keeps} == {"court", "official-documents"}
    assert ("official-documents", "document") in keeps and ("official-documents", "letter") not in keeps
