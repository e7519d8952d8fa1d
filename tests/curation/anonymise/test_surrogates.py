"""Surrogates: the same for the same key, of the same kind, and nobody's."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.anonymise import identifiers, lexicon, policy
from curation.anonymise.names import surname
from curation.anonymise.surrogates import Placeholders, Surrogates

ONE, OTHER = Surrogates(b"0123456789abcdef"), Surrogates(b"fedcba9876543210")
VALUES = {
    "PERSON": "王丽娟",
    "PERSON_HONORIFIC": "王女士",
    "ADDRESS": "浙江省杭州市西湖区文三路12号3幢201室",
    "CN_RESIDENT_ID": "110101199003074610",
    "CN_MOBILE": "138-1234-5678",
    "CN_LANDLINE": "0571-87654321",
    "CN_BANK_CARD": "6222021234567890128",
    "CN_USCC": "91330100MA27XQ4C7J",
    "CN_PLATE": "浙A8K329",
    "CN_PASSPORT": "E12345678",
    "CN_HKMO_PERMIT": "H12345678",
    "CN_MILITARY_ID": "军字第1234567号",
    "CN_CASE_NUMBER": "GD20240317-0058231",
    "EMAIL_ADDRESS": "zhang.san@163.com",
    "QQ": "12345678",
    "WECHAT": "zhang_san88",
    "IP_ADDRESS": "10.20.30.40",
    "MAC_ADDRESS": "00:1A:2B:3C:4D:5E",
    "VIN": "LSVAA4182E2184847",
    "DATE_OF_BIRTH": "1985年3月12日",
}


@pytest.mark.parametrize(("kind", "value"), VALUES.items())
def test_same_key_same_surrogate_other_key_another(kind: str, value: str) -> None:
    assert ONE(kind, value) == Surrogates(b"0123456789abcdef")(kind, value)
    assert ONE(kind, value) != value
    assert ONE(kind, value) != OTHER(kind, value)


@given(st.from_regex(r"\A[1-6][0-9]{16}[0-9X]\Z"))
def test_no_resident_id_surrogate_passes_its_checksum(value: str) -> None:
    assert not identifiers.resident_id_ok(ONE("CN_RESIDENT_ID", value))


@given(
    st.from_regex(
        r"\A(43|11|33)[0-9]{4}(19[3-9][0-9]|20[01][0-9])(0[1-9]|1[0-2])(0[1-9]|1[0-9])[0-9]{3}[0-9X]\Z"
    )
)
def test_resident_id_surrogate_keeps_province_decade_and_sex(value: str) -> None:
    new = ONE("CN_RESIDENT_ID", value)
    assert (new[:2], new[6:9], int(new[16]) % 2) == (value[:2], value[6:9], int(value[16]) % 2)
    assert 91 <= int(new[2:4]) <= 97


@given(st.from_regex(r"\A62[0-9]{14,17}\Z"))
def test_no_bank_card_surrogate_passes_luhn(value: str) -> None:
    new = ONE("CN_BANK_CARD", value)
    assert len(new) == len(value)
    assert not identifiers.luhn_ok(new)


@given(st.from_regex(r"\A9[12][0-9]{6}[0-9A-HJ-NPQRTUWXY]{10}\Z"))
def test_no_credit_code_surrogate_passes_its_checksum(value: str) -> None:
    assert not identifiers.uscc_ok(ONE("CN_USCC", value))


@given(st.from_regex(r"\A1[3-9][0-9]{9}\Z"))
def test_mobile_surrogate_is_of_no_subscriber_segment(value: str) -> None:
    assert ONE("CN_MOBILE", value)[:3] in ("100", "101", "120", "121")
    assert identifiers.find(f"电话{ONE('CN_MOBILE', value)}，") == []


def test_surrogates_keep_how_a_number_is_written() -> None:
    spaced, plain = ONE("CN_MOBILE", "138 1234 5678"), ONE("CN_MOBILE", "13812345678")
    assert spaced == f"{plain[:3]} {plain[3:7]} {plain[7:]}"
    assert ONE("CN_MOBILE", "+86 13812345678") == f"+86 {plain}"
    assert set(ONE("CN_MOBILE", "幺三八一二三四五六七八")) <= set("零幺二三四五六七八九")


def test_honorific_and_full_name_share_the_new_surname() -> None:
    for family in ("王", "欧阳", "覃"):
        new = surname(ONE("PERSON", family + "丽"))
        assert ONE("PERSON_HONORIFIC", family + "女士") == new + "女士"
        assert len(new) == len(family)
    assert ONE("PERSON_HONORIFIC", "老刘")[0] == "老"


def test_names_of_usual_characters_never_merge() -> None:
    chars = lexicon.GIVEN_CHARS[:40]
    people = [
        family + "".join(given) for family in "王李张欧" for given in itertools.product(chars, repeat=2)
    ]
    people += [family + char for family in lexicon.COMMON_SURNAMES for char in chars]
    new = {ONE("PERSON", person) for person in people}
    assert len(new) == len(set(people))
    assert all(
        surname(one) != surname(person) for one, person in ((ONE("PERSON", p), p) for p in people[:500])
    )


def test_minority_and_foreign_names_stay_such() -> None:
    assert ONE("PERSON", "买买提·艾力").count("·") == 1
    assert ONE("PERSON", "John") != "John"


@pytest.mark.parametrize("kind", [kind for kind in VALUES if kind not in ("PERSON", "PERSON_HONORIFIC")])
def test_placeholders_are_the_same_every_time(kind: str) -> None:
    letters = Placeholders(policy.load("letters").types)
    assert letters(kind, "甲") == letters(kind, "乙") == policy.load("letters").types[kind].placeholder


@given(st.sampled_from(policy.TYPES), st.text(min_size=1, max_size=20))
def test_any_value_of_any_type_gets_a_surrogate(kind: str, value: str) -> None:
    assert isinstance(ONE(kind, value), str)
