"""The sample folder is read back with the plain libraries and held against its own truth."""

from __future__ import annotations

import csv
import hashlib
import json
import math
import os
import re
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook

from curation.errors import UsageError
from curation.samples import SampleSummary, banks, generate

RECORDS = 600
PUBLIC = {"PERSON_MASKED", "CN_OFFICE_PHONE"}
ENTITIES = PUBLIC | {
    "ADDRESS",
    "CN_BANK_CARD",
    "CN_CASE_NUMBER",
    "CN_HKMO_PERMIT",
    "CN_LANDLINE",
    "CN_MEDICAL_RECORD",
    "CN_MOBILE",
    "CN_PASSPORT",
    "CN_PLATE",
    "CN_RESIDENT_ID",
    "CN_SOCIAL_SECURITY",
    "CN_USCC",
    "DATE_OF_BIRTH",
    "EMAIL_ADDRESS",
    "PERSON",
    "PERSON_HONORIFIC",
    "QQ",
    "WECHAT",
}
TITLES = ("诉求标题", "标题", "留言主题", "title")
TEXTS = ("诉求内容", "诉求内容 ", "反映内容", "留言详情", "text")
REPLIES = ("处理结果", "办理结果", "回复内容", "答复意见", "reply")

Place = tuple[str, str | None, int | None]
Truth = dict[str, Any]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, SampleSummary]:
    out = tmp_path_factory.mktemp("samples") / "sample"
    return out, generate(out, records=RECORDS, seed=7)


@pytest.fixture(scope="module")
def truth(made: tuple[Path, SampleSummary]) -> list[Truth]:
    lines = (made[0] / "truth" / "truth.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


@pytest.fixture(scope="module")
def stored(made: tuple[Path, SampleSummary]) -> dict[Place, dict[str, str]]:
    """Every record of the folder, read without any code of the project: place -> header -> value as text."""
    return read_folder(made[0] / "data")


def test_same_arguments_give_the_same_bytes_whatever_the_hash_seed(tmp_path: Path) -> None:
    for hash_seed in ("1", "2"):
        code = "import sys; from pathlib import Path; from curation.samples import generate\n"
        code += "generate(Path(sys.argv[1]), records=120, seed=3)"
        subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / hash_seed)],
            check=True,
            env={**os.environ, "PYTHONHASHSEED": hash_seed, "TZ": f"UTC-{hash_seed}"},
        )
    generate(tmp_path / "other", records=120, seed=4)
    assert digests(tmp_path / "1") == digests(tmp_path / "2")
    assert digests(tmp_path / "1") != digests(tmp_path / "other")


def test_truth_has_one_line_for_every_record_in_the_files(
    made: tuple[Path, SampleSummary], truth: list[Truth], stored: dict[Place, dict[str, str]]
) -> None:
    summary = made[1]
    places = [place_of(line) for line in truth]
    assert len(set(places)) == len(places) == summary.records == RECORDS
    assert set(places) == set(stored)
    assert Counter(place[0] for place in places) == summary.files
    own_ids = [line["id"] for line in truth if line["id"]]
    assert len(set(own_ids)) == len(own_ids)


def test_spans_and_values_of_the_truth_are_what_the_files_hold(
    truth: list[Truth], stored: dict[Place, dict[str, str]]
) -> None:
    for line in truth:
        cells = stored[place_of(line)]
        spoken = [
            (cells[header][start:end], kind)
            for header, spans in line["spans"].items()
            for start, end, kind in spans
        ]
        assert all(text and text == text.strip() for text, _ in spoken)
        assert {text for text, kind in spoken if kind not in PUBLIC} == set(line["values"])


def test_no_personal_value_stands_anywhere_without_a_span(
    truth: list[Truth], stored: dict[Place, dict[str, str]]
) -> None:
    rest = []
    for line in truth:
        for header, text in stored[place_of(line)].items():
            hidden = list(text)
            for start, end, kind in line["spans"].get(header, []):
                if kind not in PUBLIC:
                    hidden[start:end] = "\0" * (end - start)
            rest.append("".join(hidden))
    unmarked = "\1".join(rest)
    values = {value for line in truth for value in line["values"]}
    assert [value for value in values if value in unmarked] == []


def test_names_that_are_ordinary_words_stand_in_no_bank_of_wording() -> None:
    words = banks.load("people")["ordinary_words"]
    people = {key: value for key, value in banks.load("people").items() if key != "ordinary_words"}
    wording = json.dumps(
        [people, *map(banks.load, ("letters", "topics", "notices", "guides"))], ensure_ascii=False
    )
    assert [word for word in words if word in wording] == []


def test_every_sort_of_personal_data_and_of_name_occurs(truth: list[Truth]) -> None:
    kinds = Counter(kind for line in truth for spans in line["spans"].values() for *_, kind in spans)
    assert set(kinds) == ENTITIES
    values = {value for line in truth for value in line["values"]}
    bank = banks.load("people")
    for sort in ("compound_surnames", "ordinary_words", "minority", "foreign", "rare_given"):
        assert any(part in value for part in bank[sort] for value in values), sort


def test_numbers_are_written_glued_spaced_and_in_full_width(
    truth: list[Truth], stored: dict[Place, dict[str, str]]
) -> None:
    mobiles = []
    for line in truth:
        for header, spans in line["spans"].items():
            text = stored[place_of(line)][header]
            for start, end, kind in spans:
                if kind == "CN_MOBILE":
                    mobiles.append((text[start:end], text[start - 1 : start], text[end : end + 1]))
    assert any(re.search(r"\d \d", number) for number, *_ in mobiles)
    assert any(re.search(r"\d-\d", number) for number, *_ in mobiles)
    assert any(number[0] == "１" for number, *_ in mobiles)
    assert any(number.startswith("+86") for number, *_ in mobiles)
    assert any(is_han(before) and is_han(after) for _, before, after in mobiles)


def test_identity_numbers_cards_and_credit_codes_pass_their_checks(
    truth: list[Truth], stored: dict[Place, dict[str, str]]
) -> None:
    checks = {"CN_RESIDENT_ID": id_is_valid, "CN_BANK_CARD": luhn_is_valid, "CN_USCC": credit_code_is_valid}
    seen: Counter[str] = Counter()
    for line in truth:
        for header, spans in line["spans"].items():
            for start, end, kind in spans:
                if kind in checks:
                    number = stored[place_of(line)][header][start:end].replace(" ", "")
                    number = number.translate(str.maketrans("０１２３４５６７８９", "0123456789")).upper()
                    assert checks[kind](number)
                    seen[kind] += 1
    assert set(seen) == set(checks)


def test_about_six_records_in_ten_hold_something_personal(made: tuple[Path, SampleSummary]) -> None:
    assert 0.5 <= made[1].personal / RECORDS <= 0.7


def test_duplicates_and_variants_are_planted_in_the_shares_promised(
    made: tuple[Path, SampleSummary], truth: list[Truth]
) -> None:
    relations = Counter(line["relation"] for line in truth)
    assert (relations["exact"], relations["near"], relations["variant"]) == (24, 24, 12)
    summary = made[1]
    assert (summary.exact, summary.near, summary.variants) == (24, 24, 12)
    crossing = [line for line in truth if line["relation"] and line["duplicate_of"]["file"] != line["file"]]
    assert len(crossing) > 10
    kinds = {line["kind"] for line in truth if line["relation"] in ("near", "variant")}
    assert kinds >= {"document", "work_order", "letter"}


def test_exact_duplicates_are_equal_near_ones_share_numbers_and_variants_do_not(
    truth: list[Truth], stored: dict[Place, dict[str, str]]
) -> None:
    for line in truth:
        if not line["relation"]:
            continue
        text, original = (compared(stored[place_of(each)]) for each in (line, line["duplicate_of"]))
        if line["relation"] == "exact":
            assert text == original
            continue
        assert text != original
        assert similarity(text, original) >= 0.85
        same_quantities = quantities(text) == quantities(original)
        assert same_quantities == (line["relation"] == "near")


def test_records_that_were_not_planted_as_similar_are_not_similar(
    truth: list[Truth], stored: dict[Place, dict[str, str]]
) -> None:
    planted = {
        frozenset((place_of(line), place_of(line["duplicate_of"]))) for line in truth if line["relation"]
    }
    texts = {place: compared(cells) for place, cells in stored.items()}
    holders = defaultdict(list)
    for place, text in texts.items():
        for gram in grams(text):
            holders[gram].append(place)
    common: Counter[tuple[Place, Place]] = Counter()
    for places in holders.values():
        common.update((a, b) for i, a in enumerate(places) for b in places[i + 1 :])
    close = [
        pair
        for pair, shared in common.items()
        if shared > 40 and similarity(texts[pair[0]], texts[pair[1]]) >= 0.75
    ]
    assert {frozenset(pair) for pair in close} == planted


def test_categories_are_balanced_and_no_single_phrase_gives_one_away(
    truth: list[Truth], stored: dict[Place, dict[str, str]]
) -> None:
    letters = [(line["category"], stored[place_of(line)]) for line in truth if line["category"]]
    sizes = Counter(category for category, _ in letters)
    assert set(sizes) == set(banks.load("topics"))
    assert max(sizes.values()) <= 1.25 * min(sizes.values())
    holding: dict[str, Counter[str]] = defaultdict(Counter)
    for category, cells in letters:
        text = first(cells, TITLES) + "\n" + first(cells, TEXTS)
        for phrase in {text[i : i + 2] for i in range(len(text) - 1)}:
            holding[phrase][category] += 1
    for by_category in holding.values():
        category, inside = by_category.most_common(1)[0]
        outside = by_category.total() - inside
        assert inside < 0.5 * sizes[category] or outside > 0.25 * inside


def test_two_tables_have_no_category_and_a_few_category_cells_elsewhere_are_wrong(
    truth: list[Truth], stored: dict[Place, dict[str, str]]
) -> None:
    headers = ("诉求分类", "类别", "一级标签")
    right: list[bool] = []
    bare = set()
    for line in truth:
        if line["category"]:
            cells = stored[place_of(line)]
            written = [cells[header] for header in headers if header in cells]
            right += [each == line["category"] for each in written]
            bare |= set() if written else {line["file"]}
            assert "label" not in cells
    assert bare == {"社区诉求台账.csv", "领导信箱.jsonl"}
    assert 0.92 < sum(right) / len(right) < 0.99


def test_a_small_classifier_learns_the_categories(
    truth: list[Truth], stored: dict[Place, dict[str, str]]
) -> None:
    letters = [
        (line["category"], grams(first(stored[place_of(line)], TEXTS), 2))
        for line in truth
        if line["category"] and not line["relation"]
    ]
    half = len(letters) // 2
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for category, features in letters[:half]:
        counts[category].update(features)
    sizes = Counter(category for category, _ in letters[:half])

    def score(category: str, features: set[str]) -> float:
        return sum(math.log((counts[category][each] + 0.1) / (sizes[category] + 0.2)) for each in features)

    right = sum(
        max(counts, key=lambda name: score(name, features)) == category
        for category, features in letters[half:]
    )
    assert right / (len(letters) - half) >= 0.75


def test_one_document_bears_a_secrecy_mark_and_others_only_speak_of_secrets(
    truth: list[Truth], stored: dict[Place, dict[str, str]]
) -> None:
    documents = [(line, stored[place_of(line)]["text"]) for line in truth if line["kind"] == "document"]
    assert [line["secret"] for line, text in documents if "★" in text] == [True]
    assert sum(line["secret"] for line in truth) == 1
    assert sum("国家秘密" in text and not line["secret"] for line, text in documents) == 2
    assert any("绝密、机密、秘密三级" in text for _, text in documents)


def test_the_files_have_the_quirks_of_an_office(made: tuple[Path, SampleSummary]) -> None:
    data = made[0] / "data"
    book = load_workbook(data / "12345热线工单_2024年.xlsx")
    assert len(book.sheetnames) == 3
    rows = list(book["一季度"].iter_rows(values_only=True))
    assert "工单编号" not in rows[0] and "工单编号" in rows[1]
    assert any(all(cell is None for cell in row) for row in rows[2:])
    phones = [row[rows[1].index("联系电话")] for row in rows[2:]]
    assert {int, str} <= {type(phone) for phone in phones}
    assert any(header != header.strip() for header in next(book["二季度"].iter_rows(values_only=True)))
    assert (data / "社区诉求台账.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    with pytest.raises(UnicodeDecodeError):
        (data / "网民留言及答复.csv").read_text("utf-8")
    assert any("\n" in row["留言详情"] for row in read_csv(data / "网民留言及答复.csv", "gb18030"))


def test_lost_precision_is_rare_and_told(truth: list[Truth], stored: dict[Place, dict[str, str]]) -> None:
    lost = [(line, header) for line in truth for header in line["lost"]]
    assert {header for _, header in lost} == {"联系电话", "身份证号"}
    assert len(lost) <= RECORDS // 50
    for line, header in lost:
        assert re.fullmatch(r"\d\.\d{2,5}E\+1[07]", stored[place_of(line)][header])
        assert header not in line["spans"]
    shown = {place for place, cells in stored.items() if any("E+1" in value for value in cells.values())}
    assert shown == {place_of(line) for line, _ in lost}


def test_an_earlier_sample_is_replaced_and_anything_else_is_left_alone(tmp_path: Path) -> None:
    out = tmp_path / "sample"
    out.mkdir()
    generate(out, records=50, seed=1)
    before = digests(out)
    generate(out, records=50, seed=2)
    assert digests(out) != before
    (out / "notes.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(UsageError, match="neither empty nor an earlier sample"):
        generate(out, records=50)
    assert (out / "notes.txt").is_file()
    assert [path.name for path in tmp_path.iterdir()] == ["sample"]


def test_bad_arguments_are_refused_in_one_line_and_leave_nothing(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="at least 50"):
        generate(tmp_path / "few", records=49)
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(UsageError, match="neither empty nor"):
        generate(tmp_path / "file", records=50)
    with pytest.raises(UsageError, match="cannot be written") as refused:
        generate(tmp_path / "file" / "below", records=50)
    assert "\n" not in str(refused.value)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("seed", range(5))
def test_the_smallest_sample_has_a_bit_of_everything(tmp_path: Path, seed: int) -> None:
    summary = generate(tmp_path / "sample", records=50, seed=seed)
    assert summary.records == 50
    assert min(summary.exact, summary.near, summary.variants, summary.secret) >= 1
    assert len(summary.categories) == 7


# --- reading back -------------------------------------------------------------------------------------


def read_folder(data: Path) -> dict[Place, dict[str, str]]:
    found: dict[Place, dict[str, str]] = {}
    for path in sorted(data.rglob("*")):
        name = path.relative_to(data).as_posix()
        if path.suffix == ".xlsx":
            for sheet in load_workbook(path):
                found |= {(name, sheet.title, row): cells for row, cells in read_sheet(sheet)}
        elif path.suffix == ".csv":
            encoding = "gb18030" if "留言" in name else "utf-8-sig"
            found |= {(name, None, row): cells for row, cells in enumerate(read_csv(path, encoding), 2)}
        elif path.suffix == ".jsonl":
            lines = path.read_text("utf-8").splitlines()
            for row, line in enumerate(lines, 1):
                found[name, None, row] = {key: str(value or "") for key, value in json.loads(line).items()}
        elif path.suffix == ".txt":
            found[name, None, None] = {"text": path.read_text("utf-8")}
    return found


def read_sheet(sheet: Any) -> list[tuple[int, dict[str, str]]]:
    rows = list(enumerate(sheet.iter_rows(values_only=True), 1))
    header = next(i for i, (_, cells) in enumerate(rows) if sum(cell is not None for cell in cells) > 1)
    names = rows[header][1]
    return [
        (number, {name: "" if cell is None else str(cell) for name, cell in zip(names, cells, strict=True)})
        for number, cells in rows[header + 1 :]
        if any(cell is not None for cell in cells)
    ]


def read_csv(path: Path, encoding: str) -> list[dict[str, str]]:
    with path.open(encoding=encoding, newline="") as file:
        return list(csv.DictReader(file))


def place_of(line: Truth) -> Place:
    return line["file"], line["sheet"], line["row"]


def first(cells: dict[str, str], headers: tuple[str, ...]) -> str:
    return next((cells[header] for header in headers if header in cells), "")


def compared(cells: dict[str, str]) -> str:
    """Title, text and reply, a line each; of a service guide, all fields."""
    parts = [first(cells, headers).strip() for headers in (TITLES, TEXTS, REPLIES)]
    return "\n".join(filter(None, parts)) or "\n".join(cells.values())


def grams(text: str, length: int = 5) -> set[str]:
    return {text[i : i + length] for i in range(max(1, len(text) - length + 1))}


def similarity(left: str, right: str) -> float:
    a, b = grams(left), grams(right)
    return len(a & b) / len(a | b)


def quantities(text: str) -> list[str]:
    return re.findall(r"\d+|(?<=第)[一二三四](?=季度)", text)


def digests(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def is_han(character: str) -> bool:
    return "\u4e00" <= character <= "\u9fff"


def id_is_valid(number: str) -> bool:
    """GB 11643: the weighted sum of all eighteen places is 1 modulo 11."""
    places = [10 if digit == "X" else int(digit) for digit in number]
    return len(places) == 18 and sum(p * 2 ** (17 - i) for i, p in enumerate(places)) % 11 == 1


def luhn_is_valid(number: str) -> bool:
    doubled = [int(digit) * (1 + i % 2) for i, digit in enumerate(reversed(number))]
    return len(number) in (16, 19) and sum(sum(divmod(place, 10)) for place in doubled) % 10 == 0


def credit_code_is_valid(code: str) -> bool:
    """GB 32100: the weighted sum of all eighteen places is 0 modulo 31; 92 is a sole trader."""
    values = ["0123456789ABCDEFGHJKLMNPQRTUWXY".index(letter) for letter in code]
    weighted = sum(value * pow(3, i, 31) for i, value in enumerate(values[:17]))
    return code.startswith("92") and (weighted + values[17]) % 31 == 0
