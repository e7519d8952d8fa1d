"""Every way of writing every type that is a number with a shape: what the recognisers are made of."""

from __future__ import annotations

import re

from curation.anonymise.identifiers import checks
from curation.anonymise.identifiers.form import Form, Shape
from curation.anonymise.identifiers.page import HAN, PROVINCES

# Edges and gaps shared by the shapes. A number begins where `Page.starts` says; these look at what is before.
_END = r"(?![0-9A-Za-z])"
_NOT_IN_GROUPS = r"(?<![0-9]{3}[ \-])(?<![0-9]\.)"
_GAP = r"(?:[ \-·.]{1,2}|[ ]{0,3}\r?\n[ ]{0,4})?"
_NO_PHONE = (
    r"(?!0{7}|[0-9]{2,3}/[0-9]{2,3}mm|0(?:10|2[0-9]|[3-9][0-9]{2})-?[2-9][0-9]{6,7}(?![0-9])|(?:110"
    r"|119|120|122|12[0-9]{3}|95[0-9]{3})(?![0-9A-Za-z\-])|"
    r"(?:19|20)[0-9]{2}[\-/.][0-9]{1,2}[\-/.][0-9]{1,2}(?![0-9])|1[3-9][0-9][ \-][0-9]{4}[ \-][0-9]{4})"
)
_NOT_UNIT = r"(?![ ]?(?:元|万|亿|平|米|栋|公里|吨|亩|户|人|名|个|件|册|%|年|月|日))"
_BRACKET_YEAR = r"(?:19|20)[0-9]{2}[ ]?[)〕\]】>]"


def _mobile(value: str) -> bool | None:
    return None if len(re.sub(r"^(?:00)?86(?=1)|^\+86", "", value)) == 11 else False


def _regional(value: str) -> bool | None:
    return None if checks.in_region(value) else False


def _five_digits(value: str) -> bool | None:
    return None if sum(char.isdigit() for char in value) >= 5 else False


def _kinds(names: str) -> frozenset[str]:
    return frozenset(names.split())


_PHONE = _kinds("phone wechat")

_REGION = PROVINCES + "沈北兰济南广成西东中战区火空海武装政后参部"
_ARM = "军士文职兵武参政后装空海南北东西中沈兰济成广京战火退优残伤警复荣抚"

CARDS = (
    Form(
        "CN_RESIDENT_ID",
        "cn_resident_id",
        Shape(rf"[1-9](?:{_GAP}[0-9]){{16}}{_GAP}[0-9Xx×](?![0-9A-Za-z])(?![\-.][0-9])"),
        "GB 11643-1999: 6 digits region, 8 digits birth date, 3 digits sequence, MOD 11-2 check character",
        labels=_kinds("resident driver social bank"),
        check=checks.resident_id,
        certain=0.97,
        labelled=0.92,
        alone=0.8,
        least=17,
        first="123456789",
    ),
    Form(
        "CN_RESIDENT_ID",
        "cn_resident_id_slip",
        Shape(rf"{_NOT_IN_GROUPS}[1-9](?:{_GAP}[0-9]){{12,18}}(?:{_GAP}[0-9Xx*?]){{0,2}}(?![0-9A-Za-z])"),
        "a number beside the words for identity card, with a digit lost, added or wrong",
        labels=_kinds("resident"),
        labelled=0.75,
    ),
    Form(
        "CN_RESIDENT_ID",
        "cn_resident_id_15",
        Shape(rf"{_NOT_IN_GROUPS}[1-9](?:{_GAP}[0-9]){{14}}(?![0-9A-Za-z])"),
        "GB 11643-1989: the 15-digit number without century and check digit",
        labels=_kinds("resident"),
        check=checks.old_resident_id,
    ),
    Form(
        "CN_RESIDENT_ID",
        "cn_resident_id_15_unnamed",
        Shape(r"(?<![0-9.\-])[1-9][0-9]{14}(?![0-9A-Za-z.\-])"),
        "GB 11643-1989: region and date are right, nothing names it",
        labels=_kinds("resident"),
        check=checks.old_resident_id,
        alone=0.6,
        least=15,
        first="123456789",
    ),
    Form(
        "CN_RESIDENT_ID",
        "cn_resident_id_17",
        Shape(
            r"(?<![0-9.\-])[1-6][0-9]{5}(?:19[0-9]{2}|200[0-9])(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])[0-9]{3}"
            r"(?![0-9A-Za-z.\-])"
        ),
        "GB 11643-1999, last digit lost, where the text speaks of identity cards",
        labels=_kinds("resident"),
        topic=("身份证", "户口", "实名"),
        least=17,
        first="123456",
    ),
    Form(
        "CN_RESIDENT_ID",
        "cn_resident_id_wrong_day",
        Shape(r"[1-9][0-9]{5}(?:19|20)[0-9]{9}[0-9Xx](?![0-9A-Za-z])(?![\-.][0-9])"),
        "GB 11643-1999 with a day that the calendar does not have: a slip of the pen",
        labels=_kinds("resident driver social bank"),
        check=checks.wrong_day,
        alone=0.6,
        least=18,
        first="123456789",
    ),
    Form(
        "CN_SOCIAL_SECURITY",
        "cn_disability_card",
        Shape(
            rf"{_NOT_IN_GROUPS}[1-9](?:{_GAP}[0-9]){{16}}{_GAP}[0-9Xx]{_GAP}[1-7]{_GAP}[1-4]"
            rf"(?:[ ]?[Bb][ ]?[0-9])?{_END}"
        ),
        "disability card: resident identity number, category 1 to 7, grade 1 to 4, re-issue",
        labels=_kinds("social"),
        check=checks.disability_card,
        certain=0.98,
        labelled=0.96,
        alone=0.85,
        least=20,
        first="123456789",
    ),
    Form(
        "CN_SOCIAL_SECURITY",
        "cn_social_security",
        Shape(
            rf"{_NO_PHONE}(?:[A-Za-z]{{1,3}}[ \-]?)?[0-9](?:[ \-]?[0-9]){{5,20}}[0-9Xx]?"
            rf"(?:[A-Z][0-9]{{0,8}})?{_END}{_NOT_UNIT}"
        ),
        "numbers of social security, medical insurance, disability and allowance cards, after their names",
        labels=_kinds("social"),
        labelled=0.95,
        near=True,
    ),
    Form(
        "CN_BANK_CARD",
        "cn_bank_card",
        Shape(
            rf"{_NOT_IN_GROUPS}[3-69][0-9]{{3}}(?:{_GAP}[0-9]){{11,15}}(?![0-9A-Za-z号])"
            rf"(?![ \-][0-9]{{1,4}}(?![0-9]))"
        ),
        "ISO/IEC 7812: issuer number, 15 to 19 digits, Luhn check digit",
        labels=_kinds("bank"),
        check=checks.bank_card,
        certain=0.94,
        slip=0.9,
        least=15,
        first="34569",
    ),
    Form(
        "CN_BANK_CARD",
        "cn_bank_account",
        Shape(rf"{_NOT_IN_GROUPS}[0-9](?:{_GAP}[0-9]){{8,24}}[?*]?(?![0-9A-Za-z]){_NOT_UNIT}"),
        "digits after the words for an account",
        labels=_kinds("bank"),
        labelled=0.86,
        near=True,
    ),
    Form(
        "CN_BANK_CARD",
        "cn_bank_card_unnamed",
        Shape(
            r"(?:62[0-9]{14}(?:[0-9]{3})?"
            r"|(?<![0-9]{4}[ \-])62[0-9]{2}(?:[ \-][0-9]{4}){3}(?:[ \-][0-9]{1,3})?"
            r"|(?<![0-9][ \-])62[0-9]{2}(?=(?:[ ]?[0-9]){12}(?:(?:[ ]?[0-9]){3})?(?![ \-]?[0-9]))"
            r"[0-9]{0,4}(?: [0-9]{2,8}){2,5})"
            r"(?![0-9A-Za-z])(?![ \-][0-9])"
        ),
        "UnionPay issuer number 62, Luhn digit mistyped",
        labels=_kinds("bank"),
        alone=0.88,
        least=16,
        first="6",
    ),
    Form(
        "CN_USCC",
        "cn_uscc",
        Shape(rf"[1-9A-HJ-NPQRTUWXY][0-9A-HJ-NPQRTUWXY][0-9]{{6}}[0-9A-HJ-NPQRTUWXY]{{10}}{_END}"),
        "GB 32100-2015: 18 characters without I, O, S, V, Z, MOD 31 check character",
        labels=_kinds("uscc"),
        check=checks.credit_code,
        slip=0.93,
        labelled=0.93,
        misread=False,
        least=18,
    ),
    Form(
        "CN_USCC",
        "cn_uscc_unnamed",
        Shape(rf"(?:9[1-3]|5[1-3]|1[12])[1-6][0-9]{{5}}(?=[0-9A-Z]*[A-Z])[0-9A-Z]{{10}}{_END}"),
        "GB 32100-2015, mistyped",
        labels=_kinds("uscc"),
        alone=0.92,
        misread=False,
        least=18,
        first="159",
    ),
    Form(
        "CN_USCC",
        "cn_uscc_labelled",
        Shape(rf"(?:[0-9A-Za-z](?:[ \-]?[0-9A-Za-z]){{13,19}}|[0-9A-Z]{{8}}-[0-9X]){_END}"),
        "registration, tax and organisation numbers after their names",
        labels=_kinds("uscc"),
        labelled=0.86,
        misread=False,
    ),
    Form(
        "CN_PASSPORT",
        "cn_passport",
        Shape(
            rf"(?:[EeGg] ?[0-9]{{8}}|[Ee][A-HJ-NP-Za-hj-np-z] ?[0-9]{{7}}|[DdSsPp][A-Za-z]? ?[0-9]{{7,8"
            rf"}}){_END}"
        ),
        "National Immigration Administration: E or G and 8 digits, E, letter and 7; D, S, P for service",
        labels=_kinds("passport"),
        topic=("护照", "Passport", "出入境"),
        labelled=0.93,
        misread=False,
        least=8,
        first="A",
    ),
    Form(
        "CN_PASSPORT",
        "passport_labelled",
        Shape(
            rf"(?:[A-Za-z]{{0,3}}[ ]?[0-9]{{4,9}}(?:[ ][0-9]{{3,5}})?[A-Z]?|[0-9]{{2}} ?[0-9]{{7}}"
            rf"|[A-Z](?: [0-9]){{7,8}}|[A-Z]{{1,2}} ?[0-9](?: ?[0-9]){{6,7}}){_END}(?![/.\-][0-9]|[ ][0-9])"
        ),
        "ICAO 9303: up to nine characters after the word for passport",
        labels=_kinds("passport"),
        misread=False,
    ),
    Form(
        "CN_PASSPORT",
        "cn_passport_unnamed",
        Shape(rf"E[A-HJ-NP-Z]?[0-9]{{7,8}}(?<=[0-9A-Z]{{9}}){_END}"),
        "ordinary passports since 2012, without a word for them",
        labels=_kinds("passport"),
        alone=0.6,
        misread=False,
        least=9,
        first="A",
    ),
    Form(
        "CN_TW_PERMIT",
        "cn_tw_permit_unnamed",
        Shape(rf"[0-9]{{8}}(?:[0-9]{{2}})?[ ]?\([A-Z]\){_END}"),
        "resident of Taiwan's travel permit with its issue letter",
        labels=_kinds("taiwan"),
        alone=0.6,
        least=8,
        first="0123456789",
    ),
    Form(
        "CN_TW_PERMIT",
        "cn_tw_permit_topic",
        Shape(rf"(?:[TL][0-9]? ?[0-9](?: ?[0-9]){{6,7}}|0[0-9]{{7}}(?:[0-9]{{2}})?){_END}(?!-)"),
        "travel permits of both directions, where the text speaks of Taiwan",
        labels=_kinds("taiwan"),
        topic=("台胞", "台湾", "入台", "赴台", "来往大陆", "大通证", "台商", "陆客"),
        labelled=0.92,
        misread=False,
        least=8,
        first="0A",
    ),
    Form(
        "CN_HKMO_PERMIT",
        "cn_hkmo_permit",
        Shape(
            r"(?:[HMhm][A-Z]? ?[0-9]{7,8}(?:[ ]?[0-9]{2})?|"
            r"[HM] ?[0-9](?: ?[0-9]){7}(?: ?[0-9]{2})?|"
            r"[CcWw][A-Za-z]? ?[0-9]{7,8}|"
            rf"[A-Z]{{1,2}}[0-9]{{6}}\([0-9A]\)){_END}"
        ),
        "home-return permit H, M and 8 or 10 digits; exit permit C, W; identity card of Hong Kong",
        labels=_kinds("hkmo"),
        topic=("通行证", "回乡证", "港澳", "港客", "香港", "澳门"),
        labelled=0.92,
        misread=False,
        least=8,
        first="A",
    ),
    Form(
        "CN_HKMO_PERMIT",
        "cn_hkmo_permit_unnamed",
        Shape(rf"(?:[HM][0-9]{{10}}|[A-Z][0-9]{{6}}\([0-9A]\)){_END}"),
        "home-return permit of eleven characters, identity card of Hong Kong",
        labels=_kinds("hkmo"),
        alone=0.6,
        misread=False,
        least=9,
        first="A",
    ),
    Form(
        "CN_TW_PERMIT",
        "cn_tw_permit",
        Shape(
            rf"(?:[TtLl] ?[0-9]{{8}}|[0-9]{{4}} ?[0-9]{{4}}(?:[ ]?\([A-Z]\))?|[0-9](?: [0-9]){{7}}"
            rf"|[0-9]{{10}}(?:[ ]?\([A-Z]\)|[A-Z])?"
            rf"|[A-Z][12][0-9]{{8}}){_END}"
        ),
        "permits between the mainland and Taiwan: 8 or 10 digits, T or L and 8; identity card of Taiwan",
        labels=_kinds("taiwan"),
        labelled=0.92,
        misread=False,
    ),
    Form(
        "CN_MILITARY_ID",
        "cn_military_id",
        Shape(r"[0-9](?:[ ]?(?:\n[ ]?)?[0-9]){4,13}[ ]?号"),
        "officers' and soldiers' cards: arm, 字第, 6 to 8 digits",
        alone=0.95,
        lead=Shape(
            rf"(?:[{_REGION}内]{{0,2}}[{_ARM}][离退休]{{0,2}}字 ?第? ?"
            rf"|(?:[{_REGION}] ){{0,2}}[{_ARM}] 字 ?第? ?)$"
        ),
        needs_lead=True,
        least=5,
        first="0123456789",
    ),
    Form(
        "CN_MILITARY_ID",
        "cn_military_id_labelled",
        Shape(rf"[A-Za-z]{{0,3}}[0-9](?:(?:-|[ ](?=[0-9]{{4}}))?[0-9]){{4,19}}[号]?{_END}"),
        "digits after the name of a military card",
        labels=_kinds("military"),
        lead=Shape(rf"(?:[{PROVINCES}]?[军退优残海空武南北东西中]字?|[{PROVINCES}])第?$"),
        labelled=0.93,
    ),
    Form(
        "CN_DRIVER_FILE",
        "cn_driver_file",
        Shape(rf"(?:[A-Z]{{2}})?[0-9](?:[ \-]?[0-9]|[ ]?\n[ ]?[0-9]){{7,13}}{_END}"),
        "GA/T 946: file number of a driving licence, 12 digits",
        labels=_kinds("driver"),
        labelled=0.93,
    ),
    Form(
        "CN_DRIVER_FILE",
        "cn_driver_file_topic",
        Shape(rf"[1-6](?:[ ]?[0-9]){{11}}{_END}(?![ \-][0-9])"),
        "GA/T 946: 12 digits that begin with a region, in a text about files of driving licences",
        labels=_kinds("driver"),
        check=_regional,
        topic=("驾驶证档案", "驾档", "档案编号", "驾驶证号", "驾驶证"),
        least=12,
        first="123456",
    ),
    Form(
        "CN_MEDICAL_RECORD",
        "cn_health_file",
        Shape(rf"[A-Za-z]{{2,5}}[\- ]?[0-9]{{4,14}}(?:-[0-9]{{1,8}}){{0,3}}{_END}"),
        "files of residents' health, which begin with letters, after the words for a file",
        labels=_kinds("driver medical"),
        labelled=0.86,
        misread=False,
        near=True,
    ),
    Form(
        "CN_MEDICAL_RECORD",
        "cn_medical_record",
        Shape(
            rf"(?=(?:[A-Za-z\-/ :]{{0,6}}[0-9]){{4}}){_NO_PHONE}(?:[0-9](?:[ ][0-9]){{5,15}}|"
            r"[A-Za-z]{0,5}[\-: ]?[A-Za-z]{0,3}[\-]?[0-9][0-9A-Za-z]*(?:[\-/][0-9A-Za-z]{1,12}){0,3}"
            r"(?:[ ][0-9]{3,8}){0,2}?)"
            rf"{_END}{_NOT_UNIT}(?!\.[0-9])"
        ),
        "hospital numbers after their names",
        labels=_kinds("medical"),
        labelled=0.91,
        near=True,
    ),
    Form(
        "VIN",
        "vin",
        Shape(rf"(?=[A-Z0-9]{{0,16}}[0-9])[A-HJ-NPR-Z0-9]{{17}}{_END}"),
        "GB 16735-2019: 17 characters without I, O, Q, check digit at the ninth place",
        labels=_kinds("vin"),
        check=checks.vin_ok,
        slip=0.94,
        misread=False,
        least=17,
        first="123456789A",
    ),
    Form(
        "VIN",
        "vin_unnamed",
        Shape(rf"L[A-HJ-NPR-Z0-9]{{10}}[A-HJ-NPR-Z0-9][0-9]{{5}}{_END}"),
        "GB 16735-2019: a vehicle made in China, mistyped",
        labels=_kinds("vin"),
        alone=0.8,
        misread=False,
        least=17,
        first="A",
    ),
    Form(
        "VIN",
        "vin_topic",
        Shape(rf"L(?=(?:[A-Z]*[0-9]){{5}})[A-Z0-9]{{16}}{_END}"),
        "a vehicle made in China with letters mistaken, where the text speaks of vehicles",
        labels=_kinds("vin"),
        topic=("车架", "车辆", "大架", "摩托", "电动车", "三轮", "挂车", "拖车", "面包车", "轿车"),
        misread=False,
        least=17,
        first="A",
    ),
    Form(
        "VIN",
        "vin_labelled",
        Shape(rf"(?=[A-Za-z0-9 \-]{{0,10}}[0-9])[A-Za-z0-9](?:[ \-]?[A-Za-z0-9]){{14,18}}{_END}"),
        "15 to 19 characters after the words for a chassis number",
        labels=_kinds("vin"),
        misread=False,
    ),
)

PHONES = (
    Form(
        "CN_MOBILE",
        "cn_mobile",
        Shape(
            r"(?<![0-9]\.)(?<![〔\[(][0-9]{4}[〕\])])(?<![〔\[(][0-9]{4}[〕\])]第)(?:"
            r"(?:00)?86[ \-]?|0)?1[3-9][0-9]{9}"
            r"(?![0-9])(?!\.[0-9])(?!号[文令])"
        ),
        "MIIT numbering plan: 11 digits, 13 to 19",
        labels=_PHONE,
        alone=0.85,
        lead=Shape(r"(?:\(\+86\)|\(86\)|\+)[ ]?$"),
        least=11,
        first="018",
    ),
    Form(
        "CN_MOBILE",
        "cn_mobile_spaced",
        Shape(
            r"(?<![0-9][\-.])(?:(?:00)?86[ \-]{0,3})?(?:"
            r"1[3-9][0-9](?:[ \-.·/_,、\n]{1,3}[0-9]{4}){2}|1[3-9][0-9][ \-.·]{1,2}[0-9]{3}[ \-.·]{1,2"
            r"}[0-9]{5}|"
            r"1[3-9][0-9]{2}[ \-.·]{1,2}[0-9]{3}[ \-.·]{1,2}[0-9]{4}|1[3-9][0-9]{2}[ \-.·]{1,2}[0-9]{4"
            r"}[ \-.·]{1,2}[0-9]{3}|"
            r"1[3-9][0-9]{6}[ \-]{1,3}[0-9]{3}|"
            r"1[3-9][0-9]{3}[ \-]{1,3}[0-9]{6}|1[3-9][0-9][ \-]{1,3}[0-9]{8}|1[3-9][0-9]{5}[ \-]{1,3}["
            r"0-9]{4}|"
            r"1[3-9][0-9][ ][0-9]{4}[ ][0-9]{2}[ ][0-9]{2}|"
            r"1(?:[ \-.·]{0,3}[3-9])(?:[ \-.·]{1,3}[0-9]){9})(?![0-9])(?!-[0-9])"
        ),
        "MIIT numbering plan, written in groups",
        labels=_PHONE,
        alone=0.85,
        lead=Shape(r"(?:\(\+86\)|\(86\)|\+)[ ]?$"),
        least=11,
        first="018",
    ),
    Form(
        "CN_MOBILE",
        "cn_mobile_groups",
        Shape(
            r"(?<![0-9.%][ ])(?<![0-9][,.\-\n])1[3-9](?=[0-9](?:[ ]?[0-9]){8}(?![ ]?[0-9]))"
            r"[0-9]{2,6}(?:[ ][0-9]{2,7}){1,3}"
            r"(?![0-9A-Za-z%.])(?![ ]?[,、\-][ ]?[0-9])" + _NOT_UNIT
        ),
        "MIIT numbering plan, in two to four groups of any size",
        labels=_PHONE,
        alone=0.6,
        least=12,
        first="1",
    ),
    Form(
        "CN_MOBILE",
        "cn_mobile_labelled",
        Shape(
            r"(?<![0-9][\-.])(?:(?:00)?86[ \-]{0,3})?1(?:[ \-.·,、/_~]{0,3}|[ ]{0,3}\r?\n[ ]{0,8})[3-9]"
            r"(?:(?:[ \-.·,、/_~]{0,3}|[ ]{0,3}\r?\n[ ]{0,8})[0-9]){9}(?![0-9])"
        ),
        "MIIT numbering plan, cut anywhere, after a word for telephone",
        labels=_PHONE,
        lead=Shape(r"(?:\(\+86\)|\(86\)|\+)[ ]?$"),
        labelled=0.86,
    ),
    Form(
        "CN_MOBILE",
        "cn_mobile_broken",
        Shape(r"1[3-9][0-9]{1,8}[ \-]?[ ]{0,2}\r?\n[ ]{0,8}[0-9]{1,8}(?![0-9A-Za-z.%年月日、])"),
        "MIIT numbering plan, cut by one line break",
        labels=_PHONE,
        check=_mobile,
        alone=0.6,
        least=11,
        first="1",
    ),
    Form(
        "CN_LANDLINE",
        "cn_landline",
        Shape(
            r"(?<![0-9][\-.])(?<![0-9.])(?<![〔\[(][0-9]{4}[〕\])])(?:(?:00)?86[ \-]?)?"
            r"(?<![0-9]{4} )"
            r"(?:0(?:10|2[0-9]|[3-9][0-9]{2})|0 (?:1 0|2 [0-9]|[3-9] [0-9] [0-9]))"
            r"(?:\)|[ ]?[\-—_/]{1,4}[ ]?-?|[ ])?[ ]?[2-9](?:[ \-]{0,2}[0-9]){6,7}"
            r"(?:[ ]?(?:转|分机|-|ext\.?|\*)[ ]?[0-9]{1,6})?(?![0-9])"
        ),
        "YD/T 1154: area code and 7 or 8 digits, extension",
        labels=_PHONE,
        alone=0.85,
        lead=Shape(r"[(+]$"),
        least=10,
        first="08",
    ),
    Form(
        "CN_LANDLINE",
        "cn_landline_abroad",
        Shape(
            r"(?<![0-9][\-.])(?:00)?(?:852|853|886)[ \-]{1,2}[2-9][0-9]{0,3}[ \-]?[0-9]{3,4}"
            r"[ \-]?[0-9]{4}(?![0-9])"
        ),
        "ITU-T E.164: Hong Kong, Macao, Taiwan",
        labels=_PHONE,
        alone=0.6,
        lead=Shape(r"[(+]$"),
        least=11,
        first="08",
    ),
    Form(
        "CN_LANDLINE",
        "cn_landline_local",
        Shape(
            r"(?<![0-9][\-.\n ])(?![12][0-9]{3}-[12][0-9]{3})[2-8][0-9]{2,3}[ \-]?[0-9]{4}(?:[ ]?(?:转"
            r"|分机|-)[ ]?[0-9]{1,6})?(?![0-9A-Za-z.]|[ \-][0-9])" + _NOT_UNIT
        ),
        "7 or 8 digits after a word for telephone",
        labels=_kinds("phone"),
        labelled=0.86,
    ),
    Form(
        "CN_OFFICE_PHONE",
        "cn_office_toll_free",
        Shape(
            r"(?<![0-9A-Za-z.])(?<![0-9]-)(?:400|800)(?:[ \-]?[0-9]{3}[ \-]?[0-9]{4}"
            r"|[ \-]?[0-9]{4}[ \-]?[0-9]{3}|[ \-]?[0-9][ \-][0-9]{3}[ \-]?[0-9]{3})(?![0-9])"
        ),
        "numbers of 400 and 800 services",
        alone=0.93,
        least=10,
        first="48",
    ),
)

CASES = (
    Form(
        "CN_CASE_NUMBER",
        "cn_dated_serial",
        Shape(
            r"(?<![0-9A-Za-z\-])(?:[A-Za-z]{1,8}(?:-[0-9A-Z]{2,6})?[\-_]?20[0-9]{2}[\-]?(?:0[1-9]"
            r"|1[0-2])[\-]?[0-3][0-9][\-_]?[A-Z]{0,2}[0-9]{2,10}"
            r"|[A-Za-z]{1,8}[\-_]?(?:1[5-9]|2[0-9])(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]"
            r"|3[01])[\-]?[0-9]{3,10}"
            r"|20[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])(?:-[0-9]{3,12}|[0-9]{4,12})"
            r"|[A-Z]{2}[0-9]{12}[A-Z][0-9]{1,3}|A[0-9]{22}|[A-Z]{2,4}12345-[0-9]{4,8}(?:-[0-9]{3,8})?"
            r"|[A-Z]{2,4}-[A-Z]{2,4}-[0-9]{6}-[0-9]{3,5}"
            r"|[A-Z]{2,4}-?20[0-9]{2}-?(?:0[1-9]|1[0-2])[0-3][0-9](?:-[0-9]{3,6}){1,3}"
            r"|[A-Z]{2,4}-(?:1[5-9]|2[0-9])(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])-[0-9]{3,10}"
            r"|[A-Z]{2,8}-20[0-9]{2}-[0-9]{4,6})(?![0-9A-Za-z])(?!-[0-9])"
        ),
        "letters, date and serial, as work-order systems number",
        labels=_kinds("case"),
        alone=0.86,
        labelled=0.91,
        misread=False,
        least=8,
        first="2A",
    ),
    Form(
        "CN_CASE_NUMBER",
        "cn_numbered_paper",
        Shape(r"[0-9]{13,20}[ ]?号"),
        "the number of a traffic or penalty decision alone in its line: 第, agency, year, serial, 号",
        labels=_kinds("case"),
        alone=0.85,
        lead=Shape(r"(?:^|[\n)])[ ]*第[ ]?$"),
        needs_lead=True,
        misread=False,
        least=13,
        first="123456789",
    ),
    Form(
        "CN_CASE_NUMBER",
        "cn_work_order",
        Shape(
            rf"(?<![0-9A-Za-z]/)(?=(?:[^0-9]{{0,8}}[0-9]){{5}}){_NO_PHONE}"
            r"(?:[A-Za-z]{1,8}[ ]?)?[0-9A-Za-z]+(?:[\-_/]{1,2}[0-9A-Za-z]+){0,6}(?:[ ][0-9]{3,8}){0,2}?号?"
            rf"{_END}{_NOT_UNIT}(?![.@][0-9A-Za-z])"
        ),
        "numbers of work orders, petitions, cases and reports, after their names",
        labels=_kinds("case"),
        check=_five_digits,
        labelled=0.9,
        lead=Shape(rf"(?:[{HAN}]{{0,6}}(?:字|访|热|信|诉))?第$|[\[(〔]$"),
        misread=False,
        near=True,
    ),
)

ONLINE = (
    Form(
        "QQ",
        "qq",
        Shape(rf"[1-9](?:[ \-]?[0-9]){{4,10}}(?![0-9A-Za-z@]){_NOT_UNIT}"),
        "5 to 11 digits after QQ",
        labels=_kinds("qq"),
        labelled=0.92,
    ),
    Form(
        "QQ",
        "qq_letter",
        Shape(
            r"(?:(?<=[^0-9A-Za-z][Qq])|(?<=扣)|(?<=扣[:是号 ])|(?<=加[我他她])|(?<=加[我他她][: ])|"
            r"(?<=[^0-9A-Za-z][Qq][ :])|(?<=群)|(?<=群[:是号])|(?<=群号[:是])"
            r"|(?=[0-9]{6,11}\(Q\)))[1-9][0-9]{4,10}(?![0-9A-Za-z@])" + _NOT_UNIT
        ),
        "Tencent: 5 to 11 digits after the letter alone, or after the word for a group",
        labels=_kinds("qq"),
        alone=0.87,
        labelled=0.92,
        first="123456789",
    ),
    Form(
        "WECHAT",
        "wechat",
        Shape(
            r"(?=[A-Za-z]{0,19}[0-9_\-])[A-Za-z][A-Za-z0-9_\-]{5,19}(?![0-9A-Za-z@.])|[0-9]{5,12}"
            r"(?![0-9A-Za-z@.])"
        ),
        "a letter and 5 to 19 letters, digits, _ or -, after the word for WeChat",
        labels=_kinds("wechat"),
        labelled=0.84,
        misread=False,
    ),
    Form(
        "IP_ADDRESS",
        "ip_address",
        Shape(r"(?<![0-9.])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![0-9A-Za-z]|\.[0-9])"),
        "RFC 791",
        labels=_kinds("ip"),
        check=checks.ipv4,
        bare=False,
        least=7,
        first="0123456789",
    ),
    Form(
        "IP_ADDRESS",
        "ip_address_6",
        Shape(
            r"(?<![0-9A-Fa-f]:)(?=[0-9A-Fa-f]{1,4}:[0-9A-Fa-f:]{5})(?:(?:[0-9A-Fa-f]{1,4}:){7}[0-9A-Fa"
            r"-f]{1,4}|"
            r"(?:[0-9A-Fa-f]{1,4}:){1,6}(?::[0-9A-Fa-f]{1,4}){1,6})(?![0-9A-Za-z:])"
        ),
        "RFC 4291",
        alone=0.9,
        misread=False,
        least=5,
    ),
    Form(
        "MAC_ADDRESS",
        "mac_address",
        Shape(
            r"(?<![:\-][0-9A-Fa-f]{2}[:\-])[0-9A-Fa-f]{2}(?P<by>[:\-.])(?:[0-9A-Fa-f]{2}"
            r"(?P=by)){4}[0-9A-Fa-f]{2}"
            r"(?![0-9A-Za-z]|[:\-][0-9A-Fa-f]{2})"
        ),
        "IEEE 802: six octets",
        labels=_kinds("mac"),
        check=checks.mac,
        bare=False,
        misread=False,
        least=17,
    ),
    Form(
        "MAC_ADDRESS",
        "mac_address_labelled",
        Shape(rf"(?:[0-9A-Fa-f]{{4}}[.\-][0-9A-Fa-f]{{4}}[.\-][0-9A-Fa-f]{{4}}|[0-9A-Fa-f]{{12}}){_END}"),
        "six octets in groups of four digits, after the word",
        labels=_kinds("mac"),
        misread=False,
    ),
    Form(
        "MAC_ADDRESS",
        "mac_address_bare",
        Shape(rf"(?=[0-9]*[a-f])(?=[a-f]*[0-9])(?=(?:[a-f]*[0-9]){{4}})[0-9a-f]{{12}}{_END}"),
        "six octets without marks, where the text speaks of machines",
        labels=_kinds("mac"),
        topic=("MAC", "IP", "网卡", "电脑", "主机", "终端", "网关", "路由", "备用机"),
        misread=False,
        least=12,
    ),
    Form(
        "GPS",
        "gps_pair",
        Shape(
            r"(?:[EeNn] ?)?(?P<a>[0-9]{1,3}\.[0-9]{3,12})[°度]?[ ]?[EeNn]?[ ]?[,、;/ ]{1,3}[ ]?(?:北纬"
            r"|东经|纬度|经度|[NnEe])?"
            r"[:=]?[ ]?(?P<b>[0-9]{1,3}\.[0-9]{3,12})[°度]?(?:[ ]?[NnEe](?![A-Za-z]))?(?![0-9A-Za-z])"
        ),
        "WGS 84: decimal degrees of a place in China, three places or more",
        labels=_kinds("gps"),
        alone=0.7,
        lead=Shape(r"(?:东经|北纬|经度|纬度)[:=为]?[ ]?$|[EN][: ]?$"),
        misread=False,
        least=11,
    ),
    Form(
        "GPS",
        "gps_single",
        Shape(r"[0-9]{1,3}\.[0-9]{3,12}[°度]?(?![0-9A-Za-z])"),
        "WGS 84: one coordinate after its name",
        labels=_kinds("gps"),
        lead=Shape(r"(?:东经|北纬|经度|纬度)[:=为]?[ ]?$|[EN][: ]?$"),
        misread=False,
    ),
)

FORMS: tuple[Form, ...] = (*CARDS, *PHONES, *CASES, *ONLINE)
