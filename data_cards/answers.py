"""`card.yaml`: what only people can say about a data set. An answer that is missing is shown as missing.

An answer is text, a list of texts, or `{zh: …, en: …}` of either; what was written in one language alone
stands in both cards. State secrets may not be here at all, so their levels are refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from curation.errors import UsageError
from curation.files import whole_file
from curation.lang import Lang
from curation.strict import first_fault, read_yaml
from data_cards.questions import QUESTIONS

ANSWERS = "card.yaml"

OTHERS = "*"
"""Stands for every source that `legal_basis` does not name."""

Level = Literal["general", "important", "core"]
"""Levels of GB/T 43697-2024."""

_LEVELS = {"一般": "general", "重要": "important", "核心": "core"}
_SECRET = re.compile(r"秘密|机密|绝密|secret|confidential", re.IGNORECASE)
_DAY = re.compile(r"\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?")


class Said(BaseModel):
    """What people answered, in both languages."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    zh: tuple[str, ...]
    en: tuple[str, ...]

    def lines(self, lang: Lang) -> tuple[str, ...]:
        return self.zh if lang == "zh" else self.en

    def text(self, lang: Lang) -> str:
        return ("；" if lang == "zh" else "; ").join(self.lines(lang))

    @model_validator(mode="before")
    @classmethod
    def _both(cls, given: Any) -> Any:
        """One language given stands for both."""
        if isinstance(given, Mapping):
            if _blank(given) or not set(given) <= {"zh", "en"}:
                raise ValueError("must be text, a list of texts, or {zh: ..., en: ...}")
            said = {lang: _texts(each) for lang, each in given.items() if not _blank(each)}
            return {lang: said.get(lang) or next(iter(said.values())) for lang in ("zh", "en")}
        return {"zh": _texts(given), "en": _texts(given)}


class Answers(BaseModel):
    """What people wrote; the questions stand in `data_cards.questions`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    owner: Said | None = None
    contact: Said | None = None
    purpose: Said | None = None
    uses: Said | None = None
    forbidden_uses: Said | None = None
    legal_basis: dict[str, Said] = Field(default_factory=dict)
    consent: Said | None = None
    level: Level | None = None
    networks: Said | None = None
    collection: Said | None = None
    annotation: Said | None = None
    annotators: Said | None = None
    limits: Said | None = None
    license: Said | None = None
    access: Said | None = None
    maintenance: Said | None = None
    retention: Said | None = None
    disposal: Said | None = None
    approval: Said | None = None
    support: Said | None = None
    version: Said | None = None
    citation: Said | None = None
    example: Said | None = None
    evaluation: Said | None = None
    baseline: Said | None = None
    cases: Said | None = None
    target_records: int | None = Field(default=None, gt=0, strict=True)
    target_period: tuple[str, str] | None = None

    def answered(self, field: str) -> bool:
        return getattr(self, field) not in (None, {})

    def basis_of(self, source: str) -> Said | None:
        """The legal basis of a source."""
        return self.legal_basis.get(source) or self.legal_basis.get(OTHERS)

    @model_validator(mode="before")
    @classmethod
    def _without_blanks(cls, given: Any) -> Any:
        """A key with nothing behind it is a question that nobody has answered yet."""
        if not isinstance(given, Mapping):
            return given
        return {key: value for key, value in given.items() if not _blank(value)}

    @field_validator("legal_basis", mode="before")
    @classmethod
    def _by_source(cls, given: Any) -> Any:
        if isinstance(given, Mapping) and not set(given) <= {"zh", "en"}:
            return {str(source): basis for source, basis in given.items() if not _blank(basis)}
        return {OTHERS: given}

    @field_validator("level", mode="before")
    @classmethod
    def _of_the_standard(cls, given: Any) -> Any:
        if not isinstance(given, str):
            return given
        if _SECRET.search(given):
            raise ValueError(
                "state secrets may not be here at all; stop, and hand the data to those in charge of secrecy"
            )
        level = _LEVELS.get(given.strip().removesuffix("数据"), given.strip().lower())
        if level not in get_args(Level):
            named = ", ".join(f"{zh}数据 ({en})" for zh, en in _LEVELS.items())
            raise ValueError(f"is none of the levels of GB/T 43697: {named}")
        return level

    @field_validator("target_period")
    @classmethod
    def _from_to(cls, given: tuple[str, str] | None) -> tuple[str, str] | None:
        if given is None:
            return given
        first, last = given
        if not (_DAY.fullmatch(first) and _DAY.fullmatch(last)) or first > last:
            raise ValueError('must be two dates in order, such as ["2021", "2025-06"]')
        return given


def read(folder: Path) -> Answers:
    """The answers beside a data set; empty ones where there is no file.

    Raises:
        UsageError: the file is not YAML, or holds an unknown key or a value that is no answer; file and key
            are named.
    """
    path = folder / ANSWERS
    if not path.is_file():
        return Answers()
    try:
        return Answers.model_validate(read_yaml(path))
    except ValidationError as error:
        raise UsageError(f"{path}: {first_fault(error, Answers)}") from None


def write_template(folder: Path) -> Path:
    """Write the questions to be answered, each with what is asked in both languages.

    Raises:
        UsageError: there is a `card.yaml` already, or no such folder.
    """
    path = folder / ANSWERS
    if not folder.is_dir():
        raise UsageError(f"{folder}: no such folder")
    if path.exists():
        raise UsageError(f"{path}: is there already; edit it, or move it away first")
    with whole_file(path) as unfinished:
        unfinished.write_text(template(), encoding="utf-8", newline="\n")
    return path


def template() -> str:
    """An empty `card.yaml`."""
    lines = [
        "# 数据卡中须由人填写的内容。回答可以是一句话、一个列表，或 {zh: 中文, en: 英文}；",
        "# 数字、日期和电话号码请加引号。未填写的，数据卡如实显示“未填写”。",
        "# What only people can say. An answer is text, a list, or {zh: ..., en: ...}; put numbers, dates",
        "# and telephone numbers in quotes. What is left empty is shown as not stated.",
    ]
    parts = {
        True: "# ==== 公开前须填写 / Needed before release ====",
        False: "# ==== 其他 / Further ====",
    }
    for before, part in parts.items():
        lines += ["", part]
        for each in QUESTIONS:
            if each.before_release == before:
                lines += ["", f"# {each.zh}：{each.ask_zh}", f"# {each.en}: {each.ask_en}", f"{each.field}:"]
    return "\n".join(lines) + "\n"


def _texts(given: Any) -> tuple[str, ...]:
    """Text or a list of texts, without what is blank."""
    texts = given if isinstance(given, list | tuple) else [given]
    for each in texts:
        if isinstance(each, Mapping) or each is None:
            raise ValueError("must be text, a list of texts, or {zh: ..., en: ...}")
        if not isinstance(each, str):
            raise ValueError("numbers, dates, yes and no must stand in quotes, to stay as written")
    return tuple(each.strip() for each in texts if each.strip())


def _blank(given: Any) -> bool:
    if isinstance(given, str):
        return not given.strip()
    if isinstance(given, Mapping):
        return set(given) <= {"zh", "en"} and all(map(_blank, given.values()))
    return given is None or (isinstance(given, list | tuple) and all(map(_blank, given)))
