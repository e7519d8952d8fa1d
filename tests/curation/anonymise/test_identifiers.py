"""Identifiers are found glued to Han characters, full width, spaced; what only looks like one is not."""

from __future__ import annotations

import datetime
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.anonymise import identifiers
from curation.anonymise.identifiers import find
from curation.anonymise.spans import Span, resolve, view

# No words in these, since a word such as 业务号 rightly makes another type of the number behind it.
HAN = st.text(st.sampled_from("的在我了与请来家路灯早晚水风山东又很把被让给向从到再也都就才更"), max_size=6)
FULL_WIDTH = str.maketrans({chr(code): chr(code + 0xFEE0) for code in range(0x21, 0x7F)})


def types(text: str) -> dict[str, str]:
    return {text[span.start : span.end]: span.type for span in find(text)}


@st.composite
def resident_ids(draw: st.DrawFn) -> str:
    date = draw(st.dates(datetime.date(1930, 1, 1), datetime.date(2024, 12, 31)))
    region = draw(st.sampled_from(["110101", "430102", "650104", "330106"]))
    body = f"{region}{date:%Y%m%d}{draw(st.integers(0, 999)):03}"
    return body + identifiers.resident_id_check(body)


@st.composite
def credit_codes(draw: st.DrawFn) -> str:
    body = draw(st.sampled_from(["91", "92", "12", "51"])) + draw(st.from_regex(r"\A[0-9]{6}\Z"))
    body += draw(st.text("0123456789ABCDEFGHJKLMNPQRTUWXY", min_size=9, max_size=9))
    return body + identifiers.uscc_check(body)


@st.composite
def bank_cards(draw: st.DrawFn) -> str:
    body = "62" + draw(st.from_regex(r"\A([0-9]{13}|[0-9]{16})\Z"))
    return next(body + digit for digit in "0123456789" if identifiers.luhn_ok(body + digit))


MOBILES = st.from_regex(r"\A1[3-9][0-9]{9}\Z")


@given(resident_ids(), HAN, HAN)
def test_valid_resident_id_is_found_between_han_characters(value: str, left: str, right: str) -> None:
    assert types(left + value + right)[value] == "CN_RESIDENT_ID"


@given(resident_ids(), st.sampled_from(["", " ", "-"]))
def test_resident_id_is_found_full_width_and_in_groups(value: str, between: str) -> None:
    written = between.join((value[:6], value[6:14], value[14:])).translate(FULL_WIDTH)
    assert types(f"证{written}的")[written] == "CN_RESIDENT_ID"


@given(resident_ids(), st.integers(1, 9))
def test_wrong_check_digit_needs_the_word_for_identity_card(value: str, shift: int) -> None:
    wrong = value[:17] + str((int(value[17].replace("X", "10")) + shift) % 10)
    if wrong != value:
        assert "CN_RESIDENT_ID" not in types(f"编码{wrong}完").values()
        assert wrong in types(f"身份证号码{wrong}有误")


@given(MOBILES, HAN, HAN)
def test_mobile_is_found_between_han_characters(value: str, left: str, right: str) -> None:
    assert types(left + value + right)[value] == "CN_MOBILE"


def test_the_word_before_a_number_decides_its_type_and_never_hides_it() -> None:
    assert types("业务号13800138000")["13800138000"] == "CN_CASE_NUMBER"


@given(
    MOBILES, st.sampled_from(["{0}{1}{2}", "{0} {1} {2}", "{0}-{1}-{2}", "+86 {0}{1}{2}", "86-{0} {1} {2}"])
)
def test_mobile_is_found_grouped_and_with_country_code(value: str, form: str) -> None:
    written = form.format(value[:3], value[3:7], value[7:])
    for text in (written, written.translate(FULL_WIDTH)):
        assert types(f"电话：{text}。")[text] == "CN_MOBILE"


@given(credit_codes(), HAN)
def test_credit_code_is_found_by_its_check_character(value: str, around: str) -> None:
    assert value in types(around + value + around)


@given(bank_cards())
def test_bank_card_is_found_by_luhn_and_in_groups_of_four(value: str) -> None:
    assert types(f"转到{value}这张卡")[value] == "CN_BANK_CARD"
    spaced = " ".join(value[at : at + 4] for at in range(0, len(value), 4))
    assert types(f"转到{spaced}这张卡")[spaced] == "CN_BANK_CARD"


@pytest.mark.parametrize(
    ("text", "value", "kind"),
    [
        ("请拨０５７１－８７６５４３２１找他", "０５７１－８７６５４３２１", "CN_LANDLINE"),
        ("家里电话（0571）87654321转802", "（0571）87654321转802", "CN_LANDLINE"),
        ("座机87654321没人接", "87654321", "CN_LANDLINE"),
        ("号码幺三八零零幺三八零零零记一下", "幺三八零零幺三八零零零", "CN_MOBILE"),
        ("联系电话1381234\n5678，", "1381234\n5678", "CN_MOBILE"),
        ("手机13812345678／13987654321", "13987654321", "CN_MOBILE"),
        ("办公室电话：0571-87654321", "0571-87654321", "CN_OFFICE_PHONE"),
        ("请拨打12345热线", "12345", "CN_OFFICE_PHONE"),
        ("客服400-820-1234处理", "400-820-1234", "CN_OFFICE_PHONE"),
        ("卡号1234567890123的户", "1234567890123", "CN_BANK_CARD"),
        ("湘A·8K329的车占道", "湘A·8K329", "CN_PLATE"),
        ("新能源车粤BD12345停在", "粤BD12345", "CN_PLATE"),
        ("浙Ａ１２３４警车", "浙Ａ１２３４警", "CN_PLATE"),
        ("持护照E12345678入境", "E12345678", "CN_PASSPORT"),
        ("回乡证H12345678补办", "H12345678", "CN_HKMO_PERMIT"),
        ("台胞证12345678过期", "12345678", "CN_TW_PERMIT"),
        ("军官证军字第1234567号", "军字第1234567号", "CN_MILITARY_ID"),
        ("社保卡号：3301021234", "3301021234", "CN_SOCIAL_SECURITY"),
        ("医保卡号3301021234", "3301021234", "CN_SOCIAL_SECURITY"),
        ("住院号0012345的病人", "0012345", "CN_MEDICAL_RECORD"),
        ("工单编号：GD202403150001", "GD202403150001", "CN_CASE_NUMBER"),
        ("（2023）浙0106民初1234号判决", "（2023）浙0106民初1234号", "CN_CASE_NUMBER"),
        ("某公行罚决字〔2024〕第00123号", "某公行罚决字〔2024〕第00123号", "CN_CASE_NUMBER"),
        ("邮箱zhang.san@163.com请查收", "zhang.san@163.com", "EMAIL_ADDRESS"),
        ("加QQ：12345678聊", "12345678", "QQ"),
        ("加微信zhang_san88聊", "zhang_san88", "WECHAT"),
        ("IP地址192.168.1.10的", "192.168.1.10", "IP_ADDRESS"),
        ("网卡00:1A:2B:3C:4D:5E的", "00:1A:2B:3C:4D:5E", "MAC_ADDRESS"),
        ("车架号LSVAA4182E2184847的", "LSVAA4182E2184847", "VIN"),
        ("1985年3月12日出生", "1985年3月12日", "DATE_OF_BIRTH"),
        ("出生日期：1985-03-12", "1985-03-12", "DATE_OF_BIRTH"),
        ("孩子2018-06-13生的，怕吵", "2018-06-13", "DATE_OF_BIRTH"),
        ("2018.2.18生人", "2018.2.18", "DATE_OF_BIRTH"),
        ("小孙子2016年12月生的", "2016年12月", "DATE_OF_BIRTH"),
        ("2018年6月1日降生", "2018年6月1日", "DATE_OF_BIRTH"),
        ("1985年3月12日的生日", "1985年3月12日", "DATE_OF_BIRTH"),
        ("生日是2018年6月1日", "2018年6月1日", "DATE_OF_BIRTH"),
        ("信访件清信〔2023〕3979号已超期", "清信〔2023〕3979号", "CN_CASE_NUMBER"),
        ("上次的工单号是清信〔2023〕0404号", "清信〔2023〕0404号", "CN_CASE_NUMBER"),
        ("以前反映过，编号清信〔2023〕7731号", "清信〔2023〕7731号", "CN_CASE_NUMBER"),
        ("受理号：清热〔2023〕12号", "清热〔2023〕12号", "CN_CASE_NUMBER"),
        ("（工单清信（2023）3872号）", "清信（2023）3872号", "CN_CASE_NUMBER"),
        ("转办单清转〔2024〕5号", "清转〔2024〕5号", "CN_CASE_NUMBER"),
        # digits read aloud, mixed, with what callers say between them
        ("电话是幺八七，嗯，二三零四，那个，五六幺九", "幺八七，嗯，二三零四，那个，五六幺九", "CN_MOBILE"),
        ("记一下一三九二七七零零四一五", "一三九二七七零零四一五", "CN_MOBILE"),
        ("就打1八7二3零4五6一9", "1八7二3零4五6一9", "CN_MOBILE"),
        ("座机零七三一八八四五二九六七", "零七三一八八四五二九六七", "CN_LANDLINE"),
        # broken and misread
        ("联系电话：139\n2770 0415", "139\n2770 0415", "CN_MOBILE"),
        ("电话 1 3 9 2 7 7 0 0 4 1 5", "1 3 9 2 7 7 0 0 4 1 5", "CN_MOBILE"),
        ("手机l392770O415，", "l392770O415", "CN_MOBILE"),
        ("身份证430l02 1968O3l4 0021", "430l02 1968O3l4 0021", "CN_RESIDENT_ID"),
        ("身份证号码：430102\n19680314\n0021", "430102\n19680314\n0021", "CN_RESIDENT_ID"),
        ("身 份 证 号 码 ： 43010219680314002", "43010219680314002", "CN_RESIDENT_ID"),
        ("身份证430102680314002，男", "430102680314002", "CN_RESIDENT_ID"),
        ("农行卡6228 4804 0256 4890 O18", "6228 4804 0256 4890 O18", "CN_BANK_CARD"),
        # labels behind, far and at the head of a column
        ("0086213557（住院号）", "0086213557", "CN_MEDICAL_RECORD"),
        ("残疾证号我抄在后面：43010219680314002144", "43010219680314002144", "CN_SOCIAL_SECURITY"),
        ("姓名|社保号|备注\n张三|4301000077|无", "4301000077", "CN_SOCIAL_SECURITY"),
        ("姓名 出生年月 组别\n张三 1975.03 二组", "1975.03", "DATE_OF_BIRTH"),
        # further types
        ("驾驶证档案编号430100773312", "430100773312", "CN_DRIVER_FILE"),
        ("坐标28.2281，112.9388处", "28.2281，112.9388", "GPS"),
        ("位于东经112°56′20″，北纬28°13′41″", "东经112°56′20″，北纬28°13′41″", "GPS"),
        ("定位112.938814,28.228209", "112.938814,28.228209", "GPS"),
        ("一辆湘A临5H217停着", "湘A临5H217", "CN_PLATE"),
        ("车牌使224531", "使224531", "CN_PLATE"),
        ("WJ湘1234A驶过", "WJ湘1234A", "CN_PLATE"),
        ("挂车湘B3321挂", "湘B3321挂", "CN_PLATE"),
        ("来往台湾通行证T12345678", "T12345678", "CN_TW_PERMIT"),
        ("台胞证01234567(B)", "01234567(B)", "CN_TW_PERMIT"),
        ("士兵证南字第20190347号", "南字第20190347号", "CN_MILITARY_ID"),
        ("残疾人证43010219680314002143", "43010219680314002143", "CN_SOCIAL_SECURITY"),
        ("门诊号MZ0240519-088", "MZ0240519-088", "CN_MEDICAL_RECORD"),
        ("受案登记：长公（岳）受案字〔2024〕1276号", "长公（岳）受案字〔2024〕1276号", "CN_CASE_NUMBER"),
        ("信访件编号：WX-SZXX-2024-05-0613", "WX-SZXX-2024-05-0613", "CN_CASE_NUMBER"),
        ("网卡b0.25.aa.31.6c.02", "b0.25.aa.31.6c.02", "MAC_ADDRESS"),
        ("地址fe80::1c2a:9ff:fe31:88d0连着", "fe80::1c2a:9ff:fe31:88d0", "IP_ADDRESS"),
        ("加我微信laozhang_ab", "laozhang_ab", "WECHAT"),
        ("扣扣号30844719", "30844719", "QQ"),
        # births
        ("王五，男，1975-03-02，汉族", "1975-03-02", "DATE_OF_BIRTH"),
        ("1962.4出生", "1962.4", "DATE_OF_BIRTH"),
        ("我是六二年生的，", "六二年", "DATE_OF_BIRTH"),
        ("生于一九三八年冬月初九", "一九三八年冬月初九", "DATE_OF_BIRTH"),
        ("母亲生于庚午年十月廿三", "庚午年十月廿三", "DATE_OF_BIRTH"),
        ("2014年生，", "2014年", "DATE_OF_BIRTH"),
        ("（女，34.8.1）", "34.8.1", "DATE_OF_BIRTH"),
        ("出 生 1951 年 O6 月 3O 日", "1951 年 O6 月 3O 日", "DATE_OF_BIRTH"),
        ("户内：\n长子　张小五　1994.12.01　在外", "1994.12.01", "DATE_OF_BIRTH"),
        # births told by feasts, eras, hours, in part
        ("她是1962年中秋前后生的", "1962年中秋前后", "DATE_OF_BIRTH"),
        ("孩子二〇一九年端午出生", "二〇一九年端午", "DATE_OF_BIRTH"),
        ("（2003年古尔邦节生）", "2003年古尔邦节", "DATE_OF_BIRTH"),
        ("小的2016年5月2日凌晨三点二十生的，", "2016年5月2日", "DATE_OF_BIRTH"),
        ("我民国二十七年生的那会儿", "民国二十七年", "DATE_OF_BIRTH"),
        ("民国36年生人", "民国36年", "DATE_OF_BIRTH"),
        ("五、李赵氏 女 1931/?/? 三组", "1931/?/?", "DATE_OF_BIRTH"),
        ("申请人：王五，女，88年6月初九，", "88年6月初九", "DATE_OF_BIRTH"),
        ("1990年生（户口本登记1991.2.3），", "1991.2.3", "DATE_OF_BIRTH"),
        ("老爹今年八十一（1943年农历三月初五）", "1943年农历三月初五", "DATE_OF_BIRTH"),
        ("王五，男，1960年属鼠，", "1960年", "DATE_OF_BIRTH"),
        ("出生年份录错（1951年6月录成1957年）", "1951年6月", "DATE_OF_BIRTH"),
        ("乘客 LI SI M 03FEB1971 EJ1234567", "03FEB1971", "DATE_OF_BIRTH"),
        ("女方 王 小 燕  1988年 7月 汉", "1988年 7月", "DATE_OF_BIRTH"),
        ("护照C7710001，1971/03/09）", "1971/03/09", "DATE_OF_BIRTH"),
        ("名册\n1 王小五　2009年4月　三组\n2 李大山　2012年　五组", "2009年4月", "DATE_OF_BIRTH"),
        ("出生 1931.腊.初三", "1931.腊.初三", "DATE_OF_BIRTH"),
        # groups of any size
        ("或18646 330 715（我）", "18646 330 715", "CN_MOBILE"),
        ("纸条：1384701 22 60（停机）", "1384701 22 60", "CN_MOBILE"),
        ("08:11:02 呼入13599080001 男", "13599080001", "CN_MOBILE"),
        ("新护照（M 601 22 334）", "M 601 22 334", "CN_PASSPORT"),
        ("台胞三人：王某 T1 0033 4455 探亲", "T1 0033 4455", "CN_TW_PERMIT"),
        ("通行证换发：旧证H0770 1122 01剪角", "H0770 1122 01", "CN_HKMO_PERMIT"),
        ("驾驶证档案如下：王五4301 0077 2218。", "4301 0077 2218", "CN_DRIVER_FILE"),
        ("身份证发我\n小王：43010219680314002\n", "43010219680314002", "CN_RESIDENT_ID"),
        ("车架号模糊，像是LZWACAGA9H11I7O05", "LZWACAGA9H11I7O05", "VIN"),
        ("存到622848 0801 1904 427 11", "622848 0801 1904 427 11", "CN_BANK_CARD"),
        # cases without bracket, number sign or Han letters
        ("甲公南派接字20240216021", "甲公南派接字20240216021", "CN_CASE_NUMBER"),
        ("某公交简调字2023第0071号", "某公交简调字2023第0071号", "CN_CASE_NUMBER"),
        ("编号：RXHT〔2024〕热字第512号", "RXHT〔2024〕热字第512号", "CN_CASE_NUMBER"),
        ("编号乙信登2022-0105、", "乙信登2022-0105", "CN_CASE_NUMBER"),
        ("系统编号: DX-220603-0000001772", "DX-220603-0000001772", "CN_CASE_NUMBER"),
        ("健康档案号JKDA-43010201-0031", "JKDA-43010201-0031", "CN_MEDICAL_RECORD"),
        # social security, plates, chat
        ("参保号3301021234", "3301021234", "CN_SOCIAL_SECURITY"),
        ("养老手册 0550-0180021", "0550-0180021", "CN_SOCIAL_SECURITY"),
        ("救护车湘G1208急停着", "湘G1208急", "CN_PLATE"),
        ("一辆湘H·临0771", "湘H·临0771", "CN_PLATE"),
        ("车牌记了半截湘J·7什么的", "湘J·7", "CN_PLATE"),
        ("车号粤B3**，跑了", "粤B3**", "CN_PLATE"),
        ("电动车N30471被偷", "N30471", "CN_PLATE"),
        ("扣：30840071", "30840071", "QQ"),
        ("加我30840071聊", "30840071", "QQ"),
        ("薇：laowang_77", "laowang_77", "WECHAT"),
        ("微信找人\n楼长：lou_zhang_zz\n", "lou_zhang_zz", "WECHAT"),
    ],
)
def test_each_type_is_found_as_people_write_it(text: str, value: str, kind: str) -> None:
    assert types(text).get(value) == kind


@pytest.mark.parametrize(
    "text",
    [
        "文号〔2023〕13812345678号",
        "国发〔2024〕12号文件第三条",
        "共计12345元，涉及12000户",
        "面积12306平方米",
        "编码9138123456781",
        "版本2.3.1.4的说明",
        "何水生于2023年3月来访",
        "2024年3月15日10:30",
        "比例为138.12345678",
        "编码110101199013324610",
        "编号国发〔2024〕12号",
        "文件编号：清政办发〔2023〕8号",
        "受理清政函〔2023〕8号的申请",
        "2023年3月生效，2024-01-01生产的",
        "2023年3月生的炉子火",
        "2022.5.1生态环境检查",
        "最高人民法院法释〔2023〕3号",
        "招标编号GXZC2024-G1-00012",
        "合同编号：NY-2024-03600",
        "型号1GQN-230，出厂编号Z23081145",
        "股票代码600519，水表读数0012873",
        "执法证号15170721036",
        "规划期2013-2015年，预算2000-3000万元",
        "GB/T 15796-2011标准",
        "热线0731-00000000",
        "12345平台转来的诉求",
        "地块510107-005-GB00012",
        "网友UU0081270您好",
        "户数 15246 330 719 81 列于表二",
        "产量15246 330 719吨",
        "2019年中秋生意好，2018年端午节后生产",
        "附表\n1 张三　2024年3月　走访\n2 李四　2024年5月　走访",
        "琼崖、贵C区、新A级景区",
        "拨款字2024号，财字第2024001号",
        "学生2016年3月入学，女，2019年5月来访",
        "",
    ],
)
def test_what_only_looks_like_an_identifier_stays(text: str) -> None:
    assert find(text) == []


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("如有疑问请与我局联系，电话0731-84421376", "CN_OFFICE_PHONE"),
        ("投诉监督电话：0731-84421376", "CN_OFFICE_PHONE"),
        ("我家里的电话0731-84421376", "CN_LANDLINE"),
        ("患者家属，0731-84421376", "CN_LANDLINE"),
        ("找社区的工作人员没用，白天打07396760242晚上打都行", "CN_LANDLINE"),
        ("有关部门推诿，我的号0735---3323506", "CN_LANDLINE"),
        ("县住建局联系电话：0735-3323506", "CN_OFFICE_PHONE"),
    ],
)
def test_landline_is_the_office_s_or_private_by_the_nearest_word(text: str, kind: str) -> None:
    assert set(types(text).values()) == {kind}


def test_a_date_equal_to_that_of_an_identity_number_is_a_birth() -> None:
    body = "43010219680314002"
    number = body + identifiers.resident_id_check(body)
    assert types(f"张三 1968.03.14 {number} 2024.03.14 登记") == {
        "1968.03.14": "DATE_OF_BIRTH",
        number: "CN_RESIDENT_ID",
    }


@given(MOBILES, st.lists(st.sampled_from(["", " ", "\n", "-"]), min_size=2, max_size=2))
def test_mobile_after_its_label_is_found_however_it_is_cut(value: str, gaps: list[str]) -> None:
    written = value[:3] + gaps[0] + value[3:7] + gaps[1] + value[7:]
    assert types(f"联系电话：{written}，")[written] == "CN_MOBILE"


@given(MOBILES, HAN)
def test_mobile_read_aloud_is_found(value: str, around: str) -> None:
    spoken = "幺" + value[1:].translate(str.maketrans("0123456789", "零幺二三四五六七八九"))
    assert types(f"{around}，{spoken}。")[spoken] == "CN_MOBILE"


@given(resident_ids(), st.integers(1, 17))
def test_resident_id_is_found_across_a_line_break(value: str, at: int) -> None:
    written = value[:at] + "\n" + value[at:]
    assert types(f"身份证号：{written}。")[written] == "CN_RESIDENT_ID"


PIECES = st.sampled_from(
    [
        *(
            "电话",
            "身份证号：",
            "社保卡号",
            "住院号",
            "工单编号：",
            "QQ",
            "微信",
            "出生",
            "生于",
            "男，",
            "姓名|",
            "\n",
            "\n|",
            "。",
            "（",
        ),
        *(
            "13812345678",
            "430102196803140021",
            "0731-84421376",
            "6222021234567890128",
            "〔2024〕12号",
            "1968.3.14",
            "E12345678",
        ),
        *(
            "GD20240318",
            "-0058",
            "幺三八零零幺三八零零零",
            "湘A8K329",
            "192.168.1.10",
            "的",
            " ",
            "，",
            "12345",
            "l39",
            "O",
            "2024年3月",
        ),
    ]
)


@given(st.lists(PIECES, max_size=14).map("".join))
def test_all_together_find_what_each_identifier_finds_alone(text: str) -> None:
    alone = [span for one in identifiers.IDENTIFIERS for span in one.find(identifiers.Page(text))]
    assert sorted(identifiers.candidates(text)) == sorted(alone)


def test_part_of_a_work_order_number_is_no_phone() -> None:
    assert types("工单GD20240317-0058231已办结") == {"GD20240317-0058231": "CN_CASE_NUMBER"}


@given(st.text(max_size=80))
def test_view_keeps_every_offset(text: str) -> None:
    assert len(view(text)) == len(text)
    assert view(view(text)) == view(text)


@given(st.text("1389０８ -:：电话身份证号@.aX年月日〔〕()号\n", max_size=60))
def test_findings_lie_within_the_text_and_never_overlap(text: str) -> None:
    spans = find(text)
    assert all(0 <= span.start < span.end <= len(text) for span in spans)
    assert all(left.end <= right.start for left, right in itertools.pairwise(spans))


def test_of_overlapping_findings_the_surer_then_the_longer_wins() -> None:
    short, long, sure = (
        Span(0, 4, "QQ", 0.8, "a"),
        Span(0, 6, "CN_MOBILE", 0.8, "b"),
        Span(5, 9, "VIN", 0.9, "c"),
    )
    assert resolve([short, long]) == [long]
    assert resolve([short, long, sure]) == [short, sure]


@pytest.mark.parametrize(
    "unit", ["1", "1 ", "13", "1-", "1.", "62", "a@", "幺", "〔2024〕", "20240101-", "1\n", "生", "男19"]
)
def test_a_long_repetition_completes_and_its_findings_do_not_overlap(unit: str) -> None:
    spans = find(unit * (40_000 // len(unit)))
    assert all(left.end <= right.start for left, right in itertools.pairwise(spans))


def test_a_megabyte_of_digits_is_one_place_to_look_at() -> None:
    page = identifiers.Page("7" * 1_000_000)
    assert len(page.starts) == 1
    assert find("7" * 1_000_000) == []


@given(st.sampled_from(["13 ", "1.", "62-", "2024-03 ", "a1,"]), st.integers(50, 300))
def test_places_to_look_at_grow_with_the_text_and_not_faster(unit: str, count: int) -> None:
    few, many = (len(identifiers.Page(unit * times).starts) for times in (count, 2 * count))
    assert many <= 2 * few + 2
