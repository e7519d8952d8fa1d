"""Surrogates: the same for the same key, of the same kind, and nobody's."""

from __future__ import annotations

import datetime
import itertools
import random
import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.anonymise import identifiers, lexicon, policy
from curation.anonymise.name_shapes import surname
from curation.anonymise.surrogates import Surrogates, people

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
    new = ONE("CN_MOBILE", value)
    assert len(new) == 11 and new[0] == "1" and new[1] in "012"
    assert identifiers.find(f"电话{new}，") == []


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


HAN = st.characters(min_codepoint=0x4E00, max_codepoint=0x9FFF) | st.characters(
    min_codepoint=0x20000, max_codepoint=0x2A6DD
)
SURNAMES = [*lexicon.COMMON_SURNAMES, *lexicon.RARE_SURNAMES, *lexicon.COMPOUND_SURNAMES]


def test_a_hundred_thousand_names_stay_as_many() -> None:
    draw = random.Random(7)
    usual, rare = lexicon.GIVEN_CHARS, [chr(code) for code in range(0x4E00, 0x9FA6)]
    names = {
        draw.choice(SURNAMES) + "".join(draw.choices(draw.choice((usual, rare)), k=draw.choice((1, 2))))
        for _ in range(70_000)
    }
    names |= {head + "".join(two) for head in "欧东司公单" for two in itertools.product(TAILS, repeat=2)}
    names |= {"".join(draw.choices(lexicon.TRANSLITERATION, k=draw.choice((2, 3, 4)))) for _ in range(25_000)}
    names |= {f"{one}·{two}" for one in lexicon.MINORITY_NAMES for two in lexicon.MINORITY_NAMES[:60]}
    names |= {f"{one} {two}" for one in ("Anna", "John", "Li", "Wei") for two in ("Smith", "Wang", "Zhao")}
    assert len(names) > 100_000
    new = {name: ONE("PERSON", name) for name in names}
    assert len(set(new.values())) == len(names)
    assert all(one != name for name, one in new.items())


TAILS = "".join(sorted({one[1] for one in lexicon.COMPOUND_SURNAMES}))


@given(st.lists(st.text(HAN, min_size=2, max_size=4), min_size=2, max_size=30, unique=True))
def test_names_of_any_han_characters_never_merge_and_keep_their_length(names: list[str]) -> None:
    new = [ONE("PERSON", name) for name in names]
    assert len(set(new)) == len(names)
    assert [len(one) for one in new] == [len(name) for name in names]
    assert not any(one == name for one, name in zip(new, names, strict=True))


@given(st.sampled_from(SURNAMES), st.sampled_from("某伟𠮷") | HAN, st.sampled_from(("", "芳", "官", "马")))
def test_a_surname_stays_of_its_kind_and_goes_the_same_way_everywhere(
    family: str, first: str, second: str
) -> None:
    family, given_name = people.split(family + first + second)
    new = people.split(ONE("PERSON", family + given_name))[0]
    if family:
        assert len(new) == len(family) and (new != family)
        assert ONE("PERSON_HONORIFIC", family + "女士") == new + "女士"


def test_minority_and_foreign_names_stay_such() -> None:
    dotted = ONE("PERSON", "买买提·艾力")
    assert dotted.index("·") == 3 and len(dotted) == 6
    assert set(dotted) <= {*lexicon.TRANSLITERATION, *"".join(lexicon.MINORITY_NAMES), "·"}
    assert ONE("PERSON", "John Smith")[4] == " " and ONE("PERSON", "John Smith").istitle()
    assert ONE("PERSON", "Иван") not in ("Иван", ONE("PERSON", "Ива́н"))


def test_who_is_called_by_the_full_name_is_the_same_person() -> None:
    assert ONE("PERSON_HONORIFIC", "王芳老师") == ONE("PERSON", "王芳") + "老师"
    assert ONE("PERSON", "王 芳").replace(" ", "") == ONE("PERSON", "王芳")


@pytest.mark.parametrize(
    ("kind", "make"),
    [
        ("CN_RESIDENT_ID", lambda draw: valid_id(draw)),
        ("CN_BANK_CARD", lambda draw: card(draw)),
        ("CN_USCC", lambda draw: credit_code(draw)),
        ("VIN", lambda draw: "LSVAA4182E2" + f"{draw.randrange(10**6):06}"),
        ("CN_CASE_NUMBER", lambda draw: f"GD{draw.randrange(2020, 2026)}-{draw.randrange(10**9):09}"),
    ],
)
def test_where_there_is_room_numbers_never_merge(kind: str, make: Callable[[random.Random], str]) -> None:
    draw = random.Random(7)
    values = {make(draw) for _ in range(5_000)}
    assert len({ONE(kind, value) for value in values}) == len(values)


def valid_id(draw: random.Random) -> str:
    region = f"33{draw.randint(1, 4):02}{draw.randint(1, 9):02}"
    day = f"198{draw.randint(0, 9)}{draw.randint(1, 12):02}{draw.randint(1, 28):02}"
    body = f"{region}{day}{draw.randrange(1000):03}"
    return body + identifiers.resident_id_check(body)


def card(draw: random.Random) -> str:
    body = f"622202{draw.randrange(10**9):09}"
    return next(body + digit for digit in "0123456789" if identifiers.luhn_ok(body + digit))


def credit_code(draw: random.Random) -> str:
    body = f"91330100MA{draw.randrange(10**7):07}"
    return body + identifiers.uscc_check(body)


def test_a_surrogate_that_is_somebody_is_drawn_again() -> None:
    names = ["王丽娟", ONE("PERSON", "王丽娟"), ONE("PERSON", ONE("PERSON", "王丽娟")), "李伟", "欧阳修"]
    corpus = ONE.apart(("PERSON", name) for name in names)
    new = [corpus("PERSON", name) for name in names]
    assert not set(new) & set(names) and len(set(new)) == len(names)
    assert new[0][0] == ONE("PERSON", "王丽娟")[0]  # the surname is everybody's
    assert new[3] == ONE("PERSON", "李伟")  # nobody's: as usual
    assert ONE.redraw(("PERSON", name) for name in reversed(names)) == corpus.redraw(
        ("PERSON", name) for name in names
    )


def test_a_crowd_with_one_surname_is_parted() -> None:
    names = ["王" + char for char in lexicon.GIVEN_CHARS[:400]]
    corpus = ONE.apart(("PERSON", name) for name in names)
    new = {corpus("PERSON", name) for name in names}
    assert len(new) == len(names) and not new & set(names)


def test_mobile_numbers_that_would_meet_are_parted() -> None:
    draw = random.Random(7)
    values = {f"1{draw.randrange(3 * 10**9, 10**10)}" for _ in range(20_000)}
    values |= {f"{value[:3]} {value[3:7]} {value[7:]}" for value in sorted(values)[:100]}
    plates = {f"浙{draw.choice('ABCDEFGH')}{draw.randrange(10**4):04}学" for _ in range(3_000)}
    known = [*(("CN_MOBILE", value) for value in values), *(("CN_PLATE", value) for value in plates)]
    corpus = ONE.apart(known)
    assert len({corpus("CN_MOBILE", value) for value in values}) == len(values)
    assert len({corpus("CN_PLATE", value) for value in plates}) == len(plates)


@pytest.mark.parametrize(
    ("kind", "value", "pattern"),
    [
        ("ADDRESS", "浙江省杭州市西湖区灵隐街道文三路12号3幢201室", r"浙江省杭州市西湖区\w{3}虚路\d{1,4}号"),
        ("ADDRESS", "幸福小区3栋201", r"\w{3}虚路\d{1,4}号"),
        ("GPS", "30.27415,120.15515", r"0\.\d{5},0\.\d{5}"),
        ("CN_CASE_NUMBER", "(2024)浙0106民初5号", r"\(2024\)浙00\d\d民初\d号"),
        ("CN_PLATE", "浙A·8K329", r"浙I·\d[A-Z]\d{3}"),
        ("CN_PLATE", "使123456", r"使0\d{5}"),
        ("CN_HKMO_PERMIT", "H12345678", r"HI\d{7}"),
        ("CN_SOCIAL_SECURITY", "11010119900307461042", r"119[1-7]\d{2}199\d{8}[\dX]42"),
        ("CN_RESIDENT_ID", "1l0101 19900307 4610", r"119[1-7]\d\d 199\d{5} \d{3}[\dX]"),
        ("CN_LANDLINE", "0571-87654321", r"0571-0\d{7}"),
        ("WECHAT", "wxid_abc123def", r"wxid_0[a-z]{2}\d{3}[a-z]{3}"),
        ("LOCATION", "清溪县", r"\w{3}虚县"),
        ("ORGANIZATION", "王芳小吃店", r"\w{3}虚小吃店"),
        ("IP_ADDRESS", "fe80:0:0:0:1:2:3:4", r"2001:0db8(:[0-9a-f]{4}){6}"),
        ("PERSON_MASKED", "欧阳某强", r"\w\w某\w"),
    ],
)
def test_a_surrogate_is_of_the_same_kind_and_nobodys(kind: str, value: str, pattern: str) -> None:
    assert re.fullmatch(pattern, ONE(kind, value))


def test_a_number_is_the_same_person_whatever_it_was_found_as() -> None:
    assert ONE("WECHAT", "13812345678") == ONE("CN_MOBILE", "13812345678")
    assert ONE("CN_SOCIAL_SECURITY", "110101199003074610") == ONE("CN_RESIDENT_ID", "110101199003074610")


@given(st.sampled_from(policy.TYPES), st.text(min_size=1, max_size=20))
def test_any_value_of_any_type_gets_a_surrogate(kind: str, value: str) -> None:
    assert isinstance(ONE(kind, value), str)


def test_an_address_with_more_or_less_of_its_divisions_has_one_road() -> None:
    written = ["浙江省杭州市西湖区文三路12号", "杭州市西湖区文三路12号", "西湖区文三路 12号", "文三路12号"]
    corpus = ONE.apart(("ADDRESS", value) for value in (*written, "西湖区文三路13号"))
    roads = {corpus("ADDRESS", value).rpartition("区")[2] for value in written}
    assert len(roads) == 1
    assert corpus("ADDRESS", "西湖区文三路13号").rpartition("区")[2] not in roads


@pytest.mark.parametrize("value", ["0005年3月1日", "9999-12-31", "1989-12-31", "一九八五年十十月"])
def test_the_ends_of_the_calendar_have_surrogates(value: str) -> None:
    assert ONE("DATE_OF_BIRTH", value)


def test_the_new_day_of_birth_in_an_identity_number_is_a_day() -> None:
    draw = random.Random(3)
    for _ in range(3000):
        born = ONE("CN_RESIDENT_ID", valid_id(draw))[6:14]
        assert f"{datetime.date(int(born[:4]), int(born[4:6]), int(born[6:])):%Y%m%d}" == born
