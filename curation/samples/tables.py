"""Which record stands in which file, sheet and row, and how its cells are written there."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from random import Random
from typing import NamedTuple

from curation.samples import banks
from curation.samples.documents import Guide, Notice
from curation.samples.letters import Letter
from curation.samples.passage import Passage
from curation.samples.people import honorific, masked_name, written_id, written_mobile
from curation.samples.plan import Plan, Planned

WORKBOOK = "12345热线工单_2024年.xlsx"
REPLIES = "网民留言及答复.csv"
COMMUNITY = "社区诉求台账.csv"
MAILBOX = "领导信箱.jsonl"
GUIDES = "办事指南.jsonl"
NOTICES = "通知公告"

_MISFILED = 0.02
"""Share of the letters whose category cell is wrong; the truth has the right one."""

_TAKEN_FOR = {
    "城乡建设": "环境保护",
    "环境保护": "城乡建设",
    "交通运输": "城乡建设",
    "教育文体": "劳动和社会保障",
    "劳动和社会保障": "卫生计生",
    "商贸旅游": "交通运输",
    "卫生计生": "劳动和社会保障",
}
"""What a clerk in a hurry files a letter of each category under."""


class Place(NamedTuple):
    """Where a record stands; `row` as the file's own program counts from 1, None for a file of one text."""

    file: str
    sheet: str | None
    row: int | None


@dataclasses.dataclass(frozen=True)
class Row:
    """A record in its place. `lost`: columns whose number a spreadsheet has rounded beyond repair."""

    place: Place
    kind: str
    cells: dict[str, Passage]
    planned: Planned[Letter] | Planned[Notice] | Planned[Guide]
    original: Place | None = None
    own_id: str | None = None
    lost: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Table:
    """A sheet or a file of letters: header -> field, in the order of the columns.

    Args:
        share: of all letters.
        above: lines over the header; an empty one is an empty row.
        gap: how many rows from the top an empty row stands, if any.
        own_id: form of the records' own ids, if any.
    """

    file: str
    kind: str
    share: float
    columns: dict[str, str]
    sheet: str | None = None
    above: tuple[str, ...] = ()
    gap: int | None = None
    own_id: str | None = None

    def row_number(self, position: int) -> int:
        """Row of the record at this position from 0, as the file's own program shows it."""
        if self.file.endswith(".jsonl"):
            return position + 1
        shifted = self.gap is not None and position >= self.gap
        return len(self.above) + 2 + position + shifted


TABLES = (
    Table(
        file=WORKBOOK,
        sheet="一季度",
        kind="work_order",
        share=0.17,
        above=("岚溪市12345政务服务便民热线工单汇总表",),
        gap=5,
        own_id="GD2024{:06d}",
        columns={
            "工单编号": "id",
            "来电人": "person",
            "联系电话": "phone",
            "联系地址": "address",
            "诉求标题": "title",
            "诉求内容": "text",
            "诉求分类": "category",
            "承办单位": "office",
            "受理时间": "time",
            "处理结果": "reply",
        },
    ),
    Table(
        file=WORKBOOK,
        sheet="二季度",
        kind="work_order",
        share=0.16,
        own_id="RX24-{:05d}",
        columns={
            " 工单编号": "id",
            "姓名": "person",
            "身份证号": "id_number",
            "手机号　": "phone",
            "家庭住址": "address",
            "标题": "title",
            "诉求内容 ": "text",
            "类别": "category",
            "受理时间": "time",
            "办理结果": "reply",
        },
    ),
    Table(
        file=WORKBOOK,
        sheet="重点督办",
        kind="work_order",
        share=0.08,
        above=("重点督办件台账", ""),
        own_id="DB{:05d}",
        columns={
            "编号": "id",
            "投诉人": "person",
            "电话": "phone",
            "标题": "title",
            "反映内容": "text",
            "回复内容": "reply",
            "一级标签": "category",
            "登记时间": "time",
        },
    ),
    Table(
        file=REPLIES,
        kind="letter",
        share=0.22,
        own_id="LY{:06d}",
        columns={
            "留言编号": "id",
            "留言主题": "title",
            "留言时间": "time",
            "留言详情": "text",
            "答复单位": "office",
            "答复意见": "reply",
            "一级标签": "category",
        },
    ),
    Table(
        file=COMMUNITY,
        kind="work_order",
        share=0.14,
        columns={
            "姓名": "person",
            "身份证号": "id_number",
            "联系电话": "phone",
            "住址": "address",
            "标题": "title",
            "诉求内容": "text",
            "办理结果": "reply",
            "登记时间": "time",
        },
    ),
    Table(
        file=MAILBOX,
        kind="letter",
        share=0.23,
        own_id="{}",
        columns={
            "id": "id",
            "title": "title",
            "text": "text",
            "time": "time",
            "reply": "reply",
        },
    ),
)


def lay_out(rng: Random, plan: Plan) -> list[Row]:
    """Every planned record in a place of its own; originals stand anywhere among what derives from them."""
    return [*_letters(rng, plan.letters), *_notices(rng, plan.notices), *_guides(plan.guides)]


def _letters(rng: Random, letters: Sequence[Planned[Letter]]) -> list[Row]:
    order = rng.sample(range(len(letters)), len(letters))
    originals = {planned.original for planned in letters}
    places: dict[int, Place] = {}
    rows: dict[int, Row] = {}
    start = 0
    for table in TABLES:
        stop = len(order) if table is TABLES[-1] else start + max(1, round(len(order) * table.share))
        for position, index in enumerate(order[start:stop]):
            places[index] = Place(table.file, table.sheet, table.row_number(position))
            own_id = table.own_id.format(300001 + position) if table.own_id else None
            fields = _fields(rng, letters[index].content, own_id)
            cells = {header: fields[field] for header, field in table.columns.items()}
            rows[index] = Row(places[index], table.kind, cells, letters[index], own_id=own_id)
        start = stop
    unrelated = [
        i for i in order if letters[i].relation is None and i not in originals and places[i].file == COMMUNITY
    ]
    rows |= _precision_lost(rows, unrelated)
    return [_linked(rows[i], places) for i in order]


def _fields(rng: Random, letter: Letter, own_id: str | None) -> dict[str, Passage]:
    """Field -> how a clerk has written it down."""
    fields = {
        "id": Passage.of(own_id or ""),
        "title": _padded(rng, letter.title),
        "text": letter.text,
        "reply": letter.reply or Passage(),
        "office": Passage.of(letter.office),
        "time": Passage.of(letter.time.isoformat(" ")),
        "category": Passage.of(_clerks_category(rng, letter.category)),
        "person": Passage.of(rng.choice(banks.load("letters")["anonymous"])),
        "phone": Passage(),
        "address": Passage(),
        "id_number": Passage(),
    }
    sender = letter.sender
    if sender is None:
        if rng.random() < 0.2:
            fields["person"] = Passage.of(masked_name(rng), "PERSON_MASKED")
        return fields
    fields["person"] = _padded(rng, Passage.of(sender.name, "PERSON"))
    if rng.random() < 0.12:
        fields["person"] = Passage.of(honorific(rng, sender), "PERSON_HONORIFIC")
    if rng.random() < 0.9:
        fields["phone"] = _padded(rng, Passage.of(written_mobile(rng, sender.mobile), "CN_MOBILE"))
    if rng.random() < 0.7:
        fields["address"] = Passage.of(rng.choice([sender.address, sender.home]), "ADDRESS")
    if rng.random() < 0.8:
        fields["id_number"] = _padded(rng, Passage.of(written_id(rng, sender.id_number), "CN_RESIDENT_ID"))
    return fields


def _clerks_category(rng: Random, category: str) -> str:
    """The category as a clerk has filed it: now and then the one it is easily taken for."""
    return _TAKEN_FOR[category] if rng.random() < _MISFILED else category


def _precision_lost(rows: dict[int, Row], unrelated: Sequence[int]) -> dict[int, Row]:
    """A few rows with the phone or the identity number as a narrow Excel column shows it: 1.39E+10."""
    changed: dict[int, Row] = {}
    for header, decimals in (("联系电话", 2), ("身份证号", 5)):
        numbers = {i: rows[i].cells[header].text for i in unrelated if i not in changed}
        plain = [i for i, number in numbers.items() if number.isascii() and number.isdigit()]
        for i in plain[: max(1, len(rows) // 400)]:
            shown = Passage.of(f"{float(numbers[i]):.{decimals}E}")
            changed[i] = dataclasses.replace(rows[i], cells=rows[i].cells | {header: shown}, lost=(header,))
    return changed


def _linked(row: Row, places: Mapping[int, Place] | Sequence[Place]) -> Row:
    """The row with the place of its original."""
    original = row.planned.original
    return row if original is None else dataclasses.replace(row, original=places[original])


def _notices(rng: Random, notices: Sequence[Planned[Notice]]) -> list[Row]:
    order = rng.sample(range(1, len(notices) + 1), len(notices))
    places = [Place(f"{NOTICES}/{number:04d}.txt", None, None) for number in order]
    rows = [
        _linked(Row(place, "document", {"text": planned.content.text}, planned), places)
        for place, planned in zip(places, notices, strict=True)
    ]
    return sorted(rows, key=lambda row: row.place.file)


def _guides(guides: Sequence[Planned[Guide]]) -> list[Row]:
    return [
        Row(Place(GUIDES, None, number), "service_item", planned.content.fields, planned)
        for number, planned in enumerate(guides, 1)
    ]


def _padded(rng: Random, passage: Passage) -> Passage:
    """Now and then with the white space that forms leave around a value."""
    if rng.random() < 0.06:
        return Passage.of(rng.choice([" ", "  ", "　"])) + passage + Passage.of(rng.choice(["", " ", "\t"]))
    return passage
