"""Which column of a file is which field of a record: by recipe and `--map` first, then by known headers."""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import regex

HEADER_ROWS = 10
"""A header stands within this many rows of the top; what is above it is a title."""

HEADER_CHARACTERS = 40
"""A longer cell is not a header."""

ALIASES: dict[str, tuple[str, ...]] = {
    "text": (
        "text", "诉求内容", "来信内容", "信件内容", "留言详情", "留言内容", "反映内容", "投诉内容",
        "举报内容", "咨询内容", "求助内容", "建议内容", "来电内容", "工单内容", "事项内容", "问题描述",
        "诉求描述", "事件描述", "情况描述", "详细描述", "诉求详情", "问题内容", "主要内容", "具体内容",
        "公文内容", "文件内容", "通知内容", "公告内容", "正文", "正文内容", "内容", "全文", "详情", "问题",
        "提问", "content", "body", "message", "description", "question", "document",
    ),
    "title": (
        "title", "诉求标题", "留言主题", "留言标题", "来信标题", "信件标题", "来信主题", "信件主题",
        "工单标题", "投诉标题", "咨询标题", "问题标题", "事件标题", "诉求主题", "事项名称", "文件标题",
        "文件名称", "公文标题", "通知标题", "标题", "主题", "题目", "subject", "headline", "TASK_NAME",
        "matter_name",
    ),
    "reply": (
        "reply", "回复内容", "答复内容", "答复意见", "回复意见", "处理结果", "办理结果", "处理意见",
        "办理意见", "办理情况", "处理情况", "官方回复", "回复详情", "反馈内容", "答复", "回复", "回答",
        "answer", "response",
    ),
    "id": (
        "id", "工单编号", "工单号", "诉求编号", "留言编号", "信件编号", "来信编号", "受理编号", "办件编号",
        "业务编号", "事项编码", "事项编号", "记录编号", "流水号", "编号", "序号", "uid", "_id",
        "record_id",
    ),
    "person": (
        "person", "来电人", "来电人姓名", "诉求人", "诉求人姓名", "投诉人", "投诉人姓名", "举报人",
        "反映人", "申请人", "申请人姓名", "来信人", "来信人姓名", "写信人", "留言人", "留言用户",
        "市民姓名", "客户姓名", "联系人", "联系人姓名", "真实姓名", "姓名", "用户名", "网名", "昵称",
        "name", "user", "username",
    ),
    "phone": (
        "phone", "联系电话", "来电号码", "来电电话", "主叫号码", "联系人电话", "诉求人电话", "投诉人电话",
        "申请人电话", "市民电话", "手机号", "手机号码", "联系手机", "手机", "移动电话", "电话号码", "电话",
        "联系方式", "mobile", "telephone", "tel", "phone_number",
    ),
    "address": (
        "address", "联系地址", "家庭住址", "家庭地址", "居住地址", "现住址", "住址", "住所", "通讯地址",
        "户籍地址", "户籍所在地", "诉求人地址", "来电人地址", "申请人地址", "地址",
    ),
    "id_number": (
        "id_number", "身份证号", "身份证号码", "公民身份号码", "居民身份证号码", "证件号码", "证件号",
        "身份证", "id_card", "idcard",
    ),
    "original_time": (
        "original_time", "受理时间", "来电时间", "留言时间", "来信时间", "写信时间", "诉求时间",
        "投诉时间", "反映时间", "登记时间", "提交时间", "创建时间", "受理日期", "来信日期", "登记日期",
        "发布日期", "发布时间", "成文日期", "印发日期", "时间", "日期", "time", "date", "datetime",
        "created_at", "publish_date", "published", "version_date", "公布日期", "施行日期",
    ),
    "label": (
        "label", "诉求分类", "诉求类别", "问题分类", "问题类别", "工单分类", "一级分类", "一级标签",
        "类别", "分类", "标签", "category",
    ),
    "kind": ("kind",),
    # Published and never anonymised, so only a person may say which column they are.
    "source": (),
    "license": (),
}  # fmt: skip
"""Known headers per field; where several columns match, the earlier header wins."""

GUIDE = {
    "accept_standard": "受理条件",
    "material_intro": "办理材料",
    "handle_time": "法定办结时限",
    "handle_time_limit": "承诺办结时限",
    "handle_location": "办理地点",
    "consult_phone": "咨询电话",
    "complain_phone": "投诉电话",
    "service_object_name": "服务对象",
    "theme_category": "主题分类",
    "DEPT_NAME": "实施机关",
    "TASK_TYPE_TEXT": "事项类型",
}
"""Columns of a service guide under foreign names, and what they are called in the composed text."""

_GUIDE_MARKS = (
    "受理条件", "办理条件", "申请条件", "办理地点", "办理材料", "申请材料", "所需材料", "办理流程",
    "办理程序", "办理时限", "办结时限", "承诺办结时限", "法定办结时限", "accept_standard",
    "material_intro", "handle_location",
)  # fmt: skip
_NOTHING = frozenset({"", "无", "暂无", "null", "none", "nan", "/", "-", "—"})

_AROUND = regex.compile(r"^[\s*＊]+|(?:[\s:：*＊]|[(（\[【]必填[)）\]】])+$")
_HAN = regex.compile(r"\p{Han}")


@dataclass(frozen=True)
class Settings:
    """How the files of a run are read.

    Args:
        map: field to headers, tried before the built-in aliases; an empty tuple leaves the field unmapped.
        fields: the recipe's own category fields, mapped likewise (their own name is tried last).
        kind: kind of the records where the input has no valid `kind` column.
        source, license: for all records where no column was mapped to them.
    """

    map: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    fields: tuple[str, ...] = ()
    kind: str = "text"
    source: str | None = None
    license: str | None = None


@dataclass(frozen=True)
class Columns:
    """How one set of headers is read.

    Args:
        fields: field to header.
        guide: headers a service guide's text is composed of; empty where there is a text column.
        rest: the other headers, which go to `meta`.
    """

    fields: dict[str, str]
    guide: tuple[str, ...]
    rest: tuple[str, ...]

    @property
    def has_text(self) -> bool:
        return "text" in self.fields or bool(self.guide)


def map_columns(headers: Sequence[str], settings: Settings) -> Columns:
    """Decide the field of each header.

    Headers are compared without padding, inner white space, case, full width and marks of required columns.
    """
    by_name: dict[str, str] = {}
    for header in headers:
        by_name.setdefault(normalise(header), header)
    fields: dict[str, str] = {}
    for name, wanted in settings.map.items():
        found = next((by_name[key] for key in map(normalise, wanted) if key in by_name), None)
        if found is not None:
            fields[name] = found
    used = set(fields.values())
    for name in (*ALIASES, *settings.fields):
        if name in fields or settings.map.get(name) == ():
            continue
        for alias in ALIASES.get(name, (name,)):
            match = by_name.get(normalise(alias))
            if match is not None and match not in used:
                fields[name] = match
                used.add(match)
                break
    guide = () if "text" in fields else _guide(headers, by_name, fields, settings)
    taken = used.union(guide)
    return Columns(fields, guide, tuple(header for header in headers if header not in taken))


def find_columns(headers: Iterable[str], wanted: Iterable[str]) -> tuple[int, ...]:
    """Positions of all the headers that are one of `wanted`, compared as `map_columns` compares them."""
    names = set(map(normalise, wanted))
    return tuple(position for position, header in enumerate(headers) if normalise(header) in names)


def header_row(rows: Sequence[Sequence[str | None]], settings: Settings) -> int | None:
    """Index of the header among the first rows of a sheet; None when they are all empty.

    The row with a text column wins, then the one with the most known headers, then the first; where no
    header is known, the first row that is not empty.
    """
    known = _known(settings)
    text = {normalise(name) for name in (*settings.map.get("text", ()), *ALIASES["text"])}
    best, best_score = None, (False, 0)
    first = None
    for index, row in enumerate(rows[:HEADER_ROWS]):
        names = {normalise(cell) for cell in row if cell and len(cell) <= HEADER_CHARACTERS}
        if not any(row):
            continue
        first = index if first is None else first
        score = (not names.isdisjoint(text), len(names & known))
        if score > best_score:
            best, best_score = index, score
    return first if best is None else best


def unique(headers: Iterable[str | None]) -> tuple[str, ...]:
    """Headers without padding; an empty one is named by its position, a repeated one gets a suffix."""
    repeats: dict[str, int] = {}
    names: dict[str, None] = {}
    for position, header in enumerate(headers, start=1):
        candidate = name = (header or "").strip() or f"column_{position}"
        while candidate in names:
            repeats[name] = repeats.get(name, 1) + 1
            candidate = f"{name}_{repeats[name]}"
        names[candidate] = None
    return tuple(names)


def compose(labels_and_values: Iterable[tuple[str, Any]]) -> str | None:
    """The text of a service guide: a line `header：value` per column that says something."""
    lines = []
    for header, value in labels_and_values:
        said = "" if value is None else str(value).strip()
        if said.casefold() not in _NOTHING:
            lines.append(f"{GUIDE.get(header, header)}：{said}")
    return "\n".join(lines) or None


@functools.lru_cache(maxsize=4096)
def normalise(header: str) -> str:
    """The form in which headers are compared."""
    name = _AROUND.sub("", unicodedata.normalize("NFKC", header))
    return "".join(name.split()).casefold()


def _guide(
    headers: Sequence[str], by_name: Mapping[str, str], fields: Mapping[str, str], settings: Settings
) -> tuple[str, ...]:
    """The columns that describe a service item, if these headers are those of a service guide."""
    marked = any(normalise(mark) in by_name for mark in _GUIDE_MARKS)
    if "title" not in fields or not (marked or settings.kind == "service_item"):
        return ()
    taken = set(fields.values())
    return tuple(
        header for header in headers if header not in taken and (header in GUIDE or _HAN.search(header))
    )


def _known(settings: Settings) -> set[str]:
    names = {normalise(alias) for aliases in ALIASES.values() for alias in aliases}
    names |= {normalise(header) for headers in settings.map.values() for header in headers}
    names |= {normalise(name) for name in (*settings.fields, *GUIDE, *_GUIDE_MARKS)}
    return names
