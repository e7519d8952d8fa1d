"""A record is anonymised as a whole: what one field gives away is gone from all of them."""

from __future__ import annotations

import pickle
import re
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation import records
from curation.anonymise import dates, identifiers, policy, tagger
from curation.anonymise.detect import Detection, Private
from curation.anonymise.record import Result, anonymise_fields, rewrite
from curation.anonymise.spans import Span
from curation.anonymise.stage import Anonymise, AnonymiseParams
from curation.anonymise.surrogates import Surrogates
from curation.errors import UsageError
from curation.stage import run_exchange

KEY = b"0123456789abcdef"
LETTERS = policy.load("letters")
SAID = (
    "我叫覃水生，请回复。",
    "联系人：王丽娟，电话13812345678",
    "身份证号110101199003074610",
    "家住浙江省杭州市西湖区文三路12号3幢201室。",
    "座机0571-87654321",
    "银行卡号6222021234567890128",
    "统一社会信用代码91330100MA27XQ4C7J",
    "车牌浙A8K329停在门口",
    "护照号E12345678",
    "邮箱zhang.san@163.com",
    "QQ号12345678",
    "微信号zhang_san88",
    "IP地址10.20.30.40",
    "车架号LSVAA4182E2184847",
    "1985年3月12日出生",
    "王女士来电",
    "工单编号GD20240317-0058231",
)
"""Sentences with one person's data each, none of which is another's."""

TEXT = "我叫覃水生，身份证号110101199003074610，电话１３８１２３４５６７８，家住清溪县建设巷8号。"


def run(stage: Anonymise, table: pa.Table, rows: int | None = None) -> pa.Table:
    """The stage over a table, its keys computed for so many rows at a time."""
    living = table.filter(records.alive(table))
    size = rows or max(living.num_rows, 1)
    keys = pa.concat_tables(
        [stage.keys(living.slice(at, size)) for at in range(0, max(living.num_rows, 1), size)]
    )
    return run_exchange(stage, table, stage.decide(keys, lambda ids, columns: pa.table({})))


def one(
    fields: dict[str, str | None],
    private: dict[str, str | None] | None = None,
    key: bytes | None = None,
    rules: policy.Policy = LETTERS,
) -> Result:
    return anonymise_fields(
        [fields],
        [private or {}],
        tagger=tagger.NoNames(),
        policy=rules,
        surrogates=None if key is None else Surrogates(key),
    )[0]


def test_without_a_key_every_value_becomes_its_placeholder() -> None:
    assert one({"text": TEXT}).fields["text"] == "我叫[姓名]，身份证号[身份证号]，电话[手机号]，家住[地址]。"


def test_offsets_are_those_of_the_text_as_received() -> None:
    values = {TEXT[f.span.start : f.span.end]: f.span.type for f in one({"text": TEXT}, key=KEY).found}
    assert values == {
        "覃水生": "PERSON",
        "110101199003074610": "CN_RESIDENT_ID",
        "１３８１２３４５６７８": "CN_MOBILE",
        "清溪县建设巷8号": "ADDRESS",
    }


def test_a_name_in_one_field_is_replaced_in_all_of_them() -> None:
    done = one({"title": "高兴的来信", "text": "我叫高兴，请帮忙", "reply": "答复高兴：已办"}, key=KEY)
    new = Surrogates(KEY)("PERSON", "高兴")
    assert all(text and new in text and "高兴" not in text for text in done.fields.values())


@pytest.mark.parametrize(
    ("private", "text"),
    [
        ({"person": "时光"}, "时 光来电说"),
        ({"phone": "13812345678"}, "请打138-1234-5678找他"),
        ({"phone": "+86 13812345678"}, "电话+8613812345678没错"),
        ({"phone": "13912345678 +86 13812345678"}, "电话+8613812345678没错"),
        ({"phone": "87654321、13812345678"}, "打８７６５４３２１也行"),
        ({"address": "清溪县建设巷 老纺织厂宿舍"}, "我住清溪县建设巷老纺织厂宿舍里"),
        ({"id_number": "110101199003074611"}, "号码110101 19900307 4611没错"),
        ({"person": "A00012345"}, "网友“A00012345”您好"),
    ],
)
@pytest.mark.parametrize("key", [None, KEY])
def test_private_columns_are_replaced_and_looked_for_in_the_text(
    private: dict[str, str | None], text: str, key: bytes | None
) -> None:
    done = one({"text": text}, private, key)
    (column,) = private
    assert done.private[column] != private[column]
    assert [found.span.recogniser for found in done.found] == ["private_column"]
    start, end = done.found[0].span.start, done.found[0].span.end
    assert text[start:end] not in (done.fields["text"] or "")


def test_a_column_that_names_nobody_is_not_looked_for() -> None:
    assert one({"text": "市民反映路灯不亮"}, {"person": "市民"}).fields["text"] == "市民反映路灯不亮"


def test_kept_types_are_reported_and_stay() -> None:
    text = "陈某来电，已告知拨打12345热线"
    done = one({"text": text})
    assert done.fields["text"] == text
    assert {(found.span.type, found.action) for found in done.found} == {
        ("PERSON_MASKED", "keep"),
        ("CN_OFFICE_PHONE", "keep"),
    }
    strict = policy.load("strict")
    assert one({"text": text}, rules=strict).fields["text"] == "[隐名]来电，已告知拨打[办公电话]热线"


def test_a_second_pass_finds_nothing_behind_placeholders() -> None:
    first = one({"text": TEXT}).fields
    assert one(first).fields == first


def test_a_second_pass_finds_only_surrogates() -> None:
    first = one({"text": TEXT}, key=KEY)
    again = one(first.fields, key=KEY)
    new = {Surrogates(KEY)(found.span.type, TEXT[found.span.start : found.span.end]) for found in first.found}
    text = first.fields["text"] or ""
    assert {text[found.span.start : found.span.end] for found in again.found} <= new


def test_a_surrogate_never_brings_back_a_name_of_the_record() -> None:
    new = Surrogates(KEY)("PERSON_HONORIFIC", "王女士")
    done = one({"text": f"王女士，{new}，"}, key=KEY)
    assert new not in (done.fields["text"] or "")


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from([*TEXT, TEXT, "王女士", "13812345678", "\n", "　", "陈某", "某"]), max_size=12)
)
def test_what_is_not_replaced_stays_as_it_was(parts: list[str]) -> None:
    text = "".join(parts)
    done = one({"text": text})
    replaced = [found.span for found in done.found if found.action == "replace"]
    rest, at = "", 0
    for span in replaced:
        rest += text[at : span.start] + LETTERS.types[span.type].placeholder
        at = span.end
    assert done.fields["text"] == rest + text[at:]
    for span in replaced:
        assert text[span.start : span.end] not in (done.fields["text"] or "")


def test_stage_edits_only_what_it_declares_and_writes_pii() -> None:
    table = records.table(
        {
            "id": ["1", "2", "3"],
            "title": ["来信", None, ""],
            "text": [TEXT, None, "路灯不亮"],
            "person": ["覃水生", None, "匿名"],
            "meta": ['{"备注": "13812345678"}', None, None],
        }
    )
    table = records.drop(table, [False, False, True], stage="clean", reason="empty")
    after = run(Anonymise(Anonymise.Params(names="none")), table).to_pylist()
    assert after[0]["person"] == "[姓名]"
    assert after[0]["meta"] == '{"备注": "13812345678"}'
    assert {found["type"] for found in after[0]["pii"]} >= {"PERSON", "CN_MOBILE", "ADDRESS"}
    assert after[1]["text"] is None and after[1]["pii"] == []
    assert after[2]["person"] == "匿名"  # it has a fate: left as it was


def test_a_surrogate_is_nobody_else_of_the_batch() -> None:
    new = Surrogates(KEY)("PERSON", "覃水生")
    done = anonymise_fields(
        [{"text": "我叫覃水生，请回复"}, {"text": f"我叫{new}，请回复"}],
        [{}, {}],
        tagger=tagger.NoNames(),
        policy=LETTERS,
        surrogates=Surrogates(KEY),
    )
    texts = [one.fields["text"] or "" for one in done]
    assert all(new not in text and "覃水生" not in text and "[姓名]" not in text for text in texts)
    assert texts[0][2] == new[0]  # the surname still goes where it always goes


def test_the_recipes_own_fields_are_anonymised_like_text() -> None:
    table = records.table(
        {
            "id": ["1", "2"],
            "text": ["我叫覃水生，请回复", "路灯不亮"],
            "category": ["覃水生诉求", "城乡建设"],
        },
        fields=["category"],
    )
    after = run(Anonymise(Anonymise.Params(names="none")), table).to_pylist()
    assert [row["category"] for row in after] == ["[姓名]诉求", "城乡建设"]
    assert {found["field"] for found in after[0]["pii"]} == {"text", "category"}


def test_importing_the_stage_compiles_no_pattern_and_loads_no_engine() -> None:
    program = (
        "import regex, sys; compiled = []; compile = regex.compile; "
        "regex.compile = lambda *said, **more: compiled.append(said) or compile(*said, **more); "
        "import curation.anonymise.stage; "
        "print(len(compiled), any(name in sys.modules for name in ('onnxruntime', 'presidio_analyzer')))"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["0", "False"]


def test_stage_with_the_engine_gives_the_same_bytes_however_rows_are_batched() -> None:
    texts = [f"邻居刘芳第{number}次反映，王建国不同意。" for number in range(7)]
    table = records.table({"id": [str(number) for number in range(7)], "text": texts})
    stage = Anonymise(key=KEY)
    stage.setup()
    whole = run(stage, table).to_pylist()
    single = run(stage, table, rows=1).to_pylist()
    assert whole == single
    assert "刘芳" not in whole[0]["text"] and "王建国" not in whole[0]["text"]


def test_stage_names_an_unknown_policy() -> None:
    with pytest.raises(UsageError, match="letters"):
        Anonymise(Anonymise.Params(policy="leters"))


def test_a_label_that_names_a_person_goes_and_an_ordinary_one_stays() -> None:
    values = ["投诉人李晓芳", "城乡建设", "13912345678"]
    table = records.table(
        {
            "id": [str(number) for number in range(4)],
            "text": ["路灯坏了"] * 4,
            "labels": [[{"scheme": "input", "value": value}] for value in values] + [None],
        }
    )
    stage = Anonymise(AnonymiseParams(names="none"))
    stage.setup()
    labels = run(stage, table)["labels"].to_pylist()
    assert [given and given[0]["value"] for given in labels] == [None, "城乡建设", None, None]


def test_a_surrogate_is_nobody_of_another_partition() -> None:
    new = Surrogates(KEY)("PERSON", "覃水生")
    table = records.table(
        {"id": ["1", "2", "3"], "text": ["我叫覃水生，请回复", f"我叫{new}，请回复", "我叫覃水生，谢谢"]}
    )
    stage = Anonymise(AnonymiseParams(names="none"), key=KEY)
    after = [row["text"] for row in run(stage, table, rows=1).to_pylist()]
    assert after == [row["text"] for row in run(stage, table).to_pylist()]
    assert not any(new in text or "覃水生" in text for text in after)
    assert after[0][2:5] == after[2][2:5]


def test_a_stage_that_has_decided_can_be_sent_to_a_worker() -> None:
    stage = Anonymise(AnonymiseParams(names="none"), key=KEY)
    table = records.table({"id": ["1"], "text": [TEXT]})
    verdict = stage.decide(stage.keys(table), lambda ids, columns: pa.table({}))
    sent = pickle.loads(pickle.dumps(stage))
    assert sent.apply(table, verdict).equals(stage.apply(table, verdict))


def own(tmp_path: Path, types: str, kinds: str = "{}") -> policy.Policy:
    path = tmp_path / "own.yaml"
    path.write_text(
        f"schema: policy/1\nname: own\nextends: letters\ntypes: {types}\nkinds: {kinds}\n", encoding="utf-8"
    )
    return policy.load(str(path))


@pytest.mark.parametrize(
    ("rule", "written"),
    [
        ("CN_MOBILE: {action: mask}", "我叫[姓名]，138****5678，1985年3月12日出生"),
        ("CN_MOBILE: {action: drop}", "我叫[姓名]，，1985年3月12日出生"),
        ("DATE_OF_BIRTH: {action: generalise}", "我叫[姓名]，[手机号]，1985年出生"),
        ("DATE_OF_BIRTH: {action: generalise, level: decade}", "我叫[姓名]，[手机号]，1980年代出生"),
        ("DATE_OF_BIRTH: {action: shift}", "我叫[姓名]，[手机号]，[出生日期]出生"),
        ("PERSON: {action: mask}", "我叫覃**，[手机号]，1985年3月12日出生"),
        ("PERSON: {action: mask, style: court}", "我叫覃某，[手机号]，1985年3月12日出生"),
    ],
)
def test_every_action_does_what_it_says(tmp_path: Path, rule: str, written: str) -> None:
    base = "" if "DATE_OF_BIRTH" in rule else "DATE_OF_BIRTH: {action: keep}, "
    done = one(
        {"text": "我叫覃水生，13812345678，1985年3月12日出生"}, rules=own(tmp_path, f"{{{base}{rule}}}")
    )
    assert done.fields["text"] == written
    name, action = rule.split(":")[0], rule.split("action: ")[1].split(",")[0].rstrip("}")
    told = {found.span.type: found.action for found in done.found}
    assert told[name] == ("replace" if action == "shift" else action)  # without a key nothing can shift
    rest = done.fields["text"] or ""
    assert all(found.new in rest for found in done.found)


@pytest.mark.parametrize("days", range(3))
def test_dates_of_a_person_move_by_the_same_days(tmp_path: Path, days: int) -> None:
    rules = own(tmp_path, "{DATE_OF_BIRTH: {action: shift}}")
    born = [date(1985, 3, 12), date(2010, 7, 1 + days)]
    texts = [
        f"我叫覃水生，{born[0]:%Y}年{born[0].month}月{born[0].day}日出生，儿子{born[1]:%Y-%m-%d}出生",
        f"我叫覃水生，生于{born[0]:%Y-%m-%d}，请帮忙",
    ]
    said = [one({"text": text}, key=KEY, rules=rules) for text in texts]
    moved = [dates.read(found.new) for each in said for found in each.found if found.action == "shift"]
    new = [each.day for each in moved if each]
    assert new[1] - new[0] == born[1] - born[0]
    assert new[2] == new[0] != born[0]
    assert abs((new[0] - born[0]).days) <= 350


def test_a_policy_speaks_of_kinds(tmp_path: Path) -> None:
    rules = own(tmp_path, "{}", "{document: {PERSON: {action: keep}}}")
    done = anonymise_fields(
        [{"text": "我叫覃水生，请回复"}] * 2,
        [{}, {}],
        tagger=tagger.NoNames(),
        policy=rules,
        kinds=["letter", "document"],
    )
    assert [each.fields["text"] for each in done] == ["我叫[姓名]，请回复", "我叫覃水生，请回复"]
    assert [each.found[0].action for each in done] == ["replace", "keep"]


def marked(text: str, *names: str, private: str = "") -> Detection:
    """A record in which these names were found wherever they stand."""
    spans = [
        Span(at.start(), at.end(), "PERSON", 0.9, "test") for name in names for at in re.finditer(name, text)
    ]
    return Detection({"text": sorted(spans)}, [Private("person", "PERSON", private)] if private else [])


def test_an_official_stays_in_a_document_and_goes_from_a_letter() -> None:
    text = "会议由市长王建国主持。当事人覃水生，男，请求听证。王建国要求尽快办理。"
    detected, rules = marked(text, "王建国", "覃水生"), policy.load("official-documents")
    done = rewrite({"text": text}, {}, detected, rules.of("document"), None)
    assert done.fields["text"] == text.replace("覃水生", "[姓名]")
    assert [found.action for found in done.found] == ["keep", "replace", "keep"]
    letter = rewrite({"text": text}, {}, detected, rules.of("letter"), None).fields["text"]
    assert letter == text.replace("覃水生", "[姓名]").replace("王建国", "[姓名]")
    named = marked(text, "王建国", "覃水生", private="王建国")
    his = rewrite({"text": text}, {"person": "王建国"}, named, rules.of("document"), None)
    assert (his.fields["text"], his.private["person"]) == (letter, "[姓名]")


def test_two_people_of_a_judgment_are_told_apart_by_numbers() -> None:
    text = "审判员 赵德明\n原告王芳，被告王建国，证人李娜。王芳诉称，王建国欠款。书记员 孙小丽"
    detected = marked(text, "王芳", "王建国", "李娜", "赵德明", "孙小丽")
    done = rewrite({"text": text}, {}, detected, policy.load("court").of(None), None)
    assert done.fields["text"] == (
        "审判员 赵德明\n原告王某1，被告王某2，证人李某。王某1诉称，王某2欠款。书记员 孙小丽"
    )


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.sampled_from(SAID), min_size=1, max_size=8, unique=True), st.binary(min_size=16, max_size=16)
)
def test_what_a_second_pass_finds_are_surrogates(said: list[str], key: bytes) -> None:
    first = one({"text": "\n".join(said)}, key=key)
    text = first.fields["text"] or ""
    new = [found.new for found in first.found]
    for found in one({"text": text}, key=key).found:
        if found.action != "keep":
            again = text[found.span.start : found.span.end]
            assert any(again in surrogate or surrogate in again for surrogate in new), again


def test_what_names_nobody_in_a_private_column_is_not_looked_for_in_the_text() -> None:
    text = "小区路灯坏了，暂无人修，城关镇小区"
    done = one({"text": text}, {"person": "暂无", "address": "小区"})
    assert done.fields["text"] == text
    assert one({"text": "覃水生家路灯坏了"}, {"person": "覃水生"}).fields["text"] == "[姓名]家路灯坏了"


def found(text: str, **values: str) -> Detection:
    """A record in which these values were found, types in capitals to values, separated by bars."""
    spans = [
        Span(at.start(), at.end(), kind, 0.9, "test")
        for kind, several in values.items()
        for value in several.split("|")
        for at in re.finditer(re.escape(value), text)
    ]
    return Detection({"text": sorted(spans)}, [])


def rewritten(text: str, rules: policy.Policy, key: bytes | None = KEY, **values: str) -> str:
    """The text with these values treated."""
    surrogates = Surrogates(key) if key else None
    return rewrite({"text": text}, {}, found(text, **values), rules.of(None), surrogates).fields["text"] or ""


@pytest.mark.parametrize("action", ["mask", "generalise", "shift", "replace"])
@pytest.mark.parametrize("value", ["一九八五年十十月", "3月12日", "85年3月12日"])
def test_what_is_no_date_becomes_its_placeholder(tmp_path: Path, action: str, value: str) -> None:
    rules = own(tmp_path, f"{{DATE_OF_BIRTH: {{action: {action}}}}}")
    assert rewritten(f"出生于{value}", rules, DATE_OF_BIRTH=value) == "出生于[出生日期]"


def test_what_is_seen_of_a_masked_value_stays_as_it_was_written(tmp_path: Path) -> None:
    rules = own(tmp_path, "{GPS: {action: mask}, CN_MOBILE: {action: mask}}")
    text = "坐标30.27，120.15，电话１３８１２３４５６７８"
    masked = rewritten(text, rules, GPS="30.27，120.15", CN_MOBILE="１３８１２３４５６７８")
    assert masked == "坐标30.**，120.**，电话１３８****５６７８"


def test_the_dates_of_each_person_move_with_that_person(tmp_path: Path) -> None:
    rules = own(tmp_path, "{PERSON: {action: keep}, DATE_OF_BIRTH: {action: shift}}")
    names = "王芳|王 芳|李建国"
    moved = rewritten("王芳1985-03-12，李建国1985-03-12", rules, PERSON=names, DATE_OF_BIRTH="1985-03-12")
    hers, his = re.findall(r"\d{4}-\d\d-\d\d", moved)
    assert hers != his
    spaced = rewritten("李建国诉王 芳1985-03-12", rules, PERSON=names, DATE_OF_BIRTH="1985-03-12")
    assert spaced == f"李建国诉王 芳{hers}"
    before = rewritten("1985-03-12生，李建国", rules, PERSON=names, DATE_OF_BIRTH="1985-03-12")
    assert before == f"{his}生，李建国"


@pytest.mark.parametrize("number", range(8))
def test_birth_date_and_identity_number_of_a_person_agree(number: int) -> None:
    body = f"11010119610308{number:03}"
    identity = body + identifiers.resident_id_check(body)
    new = rewritten(
        f"{identity}，1961-03-08生，1961年3月，1962-03-08",
        LETTERS,
        CN_RESIDENT_ID=identity,
        DATE_OF_BIRTH="1961-03-08|1961年3月|1962-03-08",
    )
    born, whole, month, other = re.match(r"\d{6}(\d{8}).{4}，(.{10})生，(.*)，(.*)", new).groups()  # type: ignore[union-attr]
    assert whole.replace("-", "") == born != "19610308"
    assert month == f"{born[:4]}年{int(born[4:6])}月"
    assert other == Surrogates(KEY)("DATE_OF_BIRTH", "1962-03-08")


def test_many_values_of_a_record_take_no_longer_each() -> None:
    def seconds(count: int) -> float:
        text = "，".join(f"138{number:08}" for number in range(count))
        spans = [Span(at, at + 11, "CN_MOBILE", 0.9, "test") for at in range(0, len(text), 12)]
        start = time.process_time()
        rewrite({"text": text}, {}, Detection({"text": spans}, []), LETTERS.of(None), Surrogates(KEY))
        return time.process_time() - start

    seconds(100)
    assert seconds(8000) < 40 * seconds(500)  # linear is 16
