"""Notices in the layout of GB/T 9704-2012, the texts about secrecy among them, and service-guide entries."""

from __future__ import annotations

import dataclasses
import datetime
from random import Random

from curation.samples import banks
from curation.samples.passage import Passage, fill
from curation.samples.people import Scene, draw


@dataclasses.dataclass(frozen=True)
class Notice:
    """A document that lies in a file of its own. `secret`: its heading carries a secrecy mark."""

    topic: str
    text: Passage
    secret: bool = False

    @property
    def text_fields(self) -> tuple[Passage, ...]:
        """What the document says."""
        return (self.text,)


@dataclasses.dataclass(frozen=True)
class Guide:
    """An entry of a service guide: header -> what it says, in the order of the columns."""

    topic: str
    fields: dict[str, Passage]

    @property
    def text_fields(self) -> tuple[Passage, ...]:
        """What the entry says."""
        return tuple(self.fields.values())


def notice(rng: Random) -> Notice:
    """A notice of one of the series; three in ten name somebody."""
    bank = banks.load("notices")
    series = rng.choice(bank["series"])
    personal = rng.random() < 0.3
    scene = Scene(rng, draw(rng) if personal else None)
    agency = series["agency"]
    paragraphs = rng.sample(series["paragraphs"], rng.randint(3, 5)) + rng.sample(
        bank["generic"], rng.randint(3, 4)
    )
    if personal:
        paragraphs.append(rng.choice(bank["personal"]))
    day = datetime.date(2024, 1, 8) + datetime.timedelta(days=rng.randrange(340))
    head = [
        f"{agency}文件",
        "",
        f"{series['code']}〔2024〕{{n:3-90}}号",
        "",
        series["title"],
        "",
        rng.choice(bank["addressees"]),
    ]
    numerals = rng.choice([[f"{numeral}、" for numeral in "一二三四五六七八九十"], [""] * 10])
    body = [f"　　{numeral}{each}" for numeral, each in zip(numerals, paragraphs, strict=False)]
    foot = [
        "",
        f"　　　　　　　　　　　　{agency}",
        f"　　　　　　　　　　　　2024年{day.month}月{day.day}日",
        "",
        "（此件公开发布）",
        "",
    ]
    return Notice(series["title"], fill(rng, "\n".join([*head, *body, *foot]), scene.slot))


def repost(rng: Random, original: Notice) -> Notice:
    """The same notice on another bureau's site: its line above and its name below, nothing else."""
    bureau = rng.choice(banks.load("notices")["reposts"])
    text = Passage.of(f"{bureau}转发\n\n") + original.text + Passage.of(f"{bureau}转载\n")
    return dataclasses.replace(original, text=text)


def secret_notice() -> Notice:
    """The one document that must be stopped."""
    return Notice("secret", Passage.of(banks.load("notices")["secret"]["text"]), secret=True)


def secrecy_notices(rng: Random) -> list[Notice]:
    """Harmless documents that speak of secrets."""
    texts = banks.load("notices")["about_secrecy"]
    return [Notice(each["title"], fill(rng, each["text"], Scene(rng).slot)) for each in texts]


def guide(rng: Random) -> Guide:
    """An entry on one of the matters. Its telephone is the office's own."""
    bank = banks.load("guides")
    matter = rng.choice(bank["matters"])
    conditions = rng.sample(matter["conditions"], rng.randint(1, 3)) + rng.sample(
        bank["common_conditions"], rng.randint(1, 4)
    )
    materials = rng.sample(matter["materials"], rng.randint(1, 3)) + rng.sample(
        bank["common_materials"], rng.randint(2, 4)
    )
    templates = {
        "事项名称": matter["name"],
        "实施主体": matter["office"],
        "受理条件": rng.choice([_numbered(conditions), "；".join(conditions) + "。", "无"]),
        "办理材料": _numbered(materials),
        "办理流程": "→".join(_in_order(rng, bank["steps"], rng.randint(3, 6))),
        "办理地点": f"{{road}}{{n:3-180}}号{rng.choice(bank['places'])}",
        "咨询电话": "{office_phone}",
        "办理时限": rng.choice(bank["limits"]),
        "办理时间": rng.choice(bank["hours"]),
        "办理形式": "、".join(rng.sample(bank["channels"], rng.randint(1, 3))),
        "收费标准": rng.choice(bank["fees"]),
        "备注": rng.choice(bank["notes"]),
    }
    scene = Scene(rng)
    return Guide(matter["name"], {header: fill(rng, each, scene.slot) for header, each in templates.items()})


def _in_order(rng: Random, bank: list[str], count: int) -> list[str]:
    return [bank[i] for i in sorted(rng.sample(range(len(bank)), count))]


def _numbered(lines: list[str]) -> str:
    return "；".join(f"{i}.{line}" for i, line in enumerate(lines, 1)) + "。"
