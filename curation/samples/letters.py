"""Citizens' letters and hotline work orders: one complaint, told in many ways, with or without its author."""

from __future__ import annotations

import dataclasses
import datetime
from random import Random
from typing import Any

from curation.samples import banks
from curation.samples.passage import Passage, fill
from curation.samples.people import Person, Scene, draw


@dataclasses.dataclass(frozen=True)
class Letter:
    """A letter or a work order. `sender` is None when nobody gave a name."""

    category: str
    topic: str
    office: str
    time: datetime.datetime
    sender: Person | None
    title: Passage
    text: Passage
    reply: Passage | None

    @property
    def text_fields(self) -> tuple[Passage, ...]:
        """What people wrote, in the order of the record's fields."""
        return (self.title, self.text, *((self.reply,) if self.reply else ()))


def compose(rng: Random, category: str) -> Letter:
    """A letter on one of the category's topics.

    Two letters of three have a known sender; of these, one in seven shows it in the columns alone.
    """
    branch = banks.load("topics")[category]
    topic = rng.choice(branch["topics"])
    sender = draw(rng) if rng.random() < 0.66 else None
    scene = Scene(rng, sender)
    office = rng.choice(branch["offices"])
    named = sender is not None and rng.random() < 0.85
    text = _named_text(scene, topic) if named else _plain_text(scene, topic)
    answered = rng.random() < 0.75
    return Letter(
        category=category,
        topic=f"{category}/{topic['titles'][0]}",
        office=office,
        time=datetime.datetime(2024, 1, 1) + datetime.timedelta(seconds=rng.randrange(360 * 86400)),
        sender=sender,
        title=_title(scene, topic, named=named),
        text=text,
        reply=_reply(scene, office, branch["answers"], named=named) if answered else None,
    )


def reword(rng: Random, passage: Passage) -> Passage:
    """Two or three words changed, or a few added; no number and nobody's data touched."""
    bank = banks.load("letters")
    pairs = [pair for pair in bank["rewordings"] if passage.reworded(*pair) != passage]
    for old, new in rng.sample(pairs, min(len(pairs), rng.randint(1, 3))):
        passage = passage.reworded(old, new)
    if not pairs or rng.random() < 0.5:
        passage += Passage.of(rng.choice(bank["afterthoughts"]))
    return passage


def later(rng: Random, time: datetime.datetime) -> datetime.datetime:
    """Up to ten days after."""
    return time + datetime.timedelta(seconds=rng.randrange(3600, 10 * 86400))


def _plain_text(scene: Scene, topic: dict[str, Any]) -> Passage:
    rng, bank = scene.rng, banks.load("letters")
    plain = bank["plain"]
    parts = [
        rng.choice(bank["salutations"]),
        *_maybe(rng, 0.6, plain["intros"]),
        *_story(rng, topic, rng.sample(plain["asides"], rng.randint(0, 2))),
        *rng.sample(plain["impacts"], rng.randint(1, 2)),
        *_maybe(rng, 0.6, plain["tried"]),
        rng.choice([*topic["asks"], *plain["asks"]]),
        *_maybe(rng, 0.6, plain["closings"]),
    ]
    return _written(scene, parts)


def _named_text(scene: Scene, topic: dict[str, Any]) -> Passage:
    rng, bank = scene.rng, banks.load("letters")
    plain, personal = bank["plain"], bank["personal"]
    introduced = rng.random() < 0.6
    asides = rng.sample(personal["asides"], rng.choice([0, 1, 1, 2])) + _maybe(rng, 0.4, plain["asides"])
    contacts = rng.sample(personal["contacts"], 1 if not (introduced or asides) else rng.choice([0, 1, 1, 2]))
    parts = [
        rng.choice(bank["salutations"]),
        *([rng.choice(personal["intros"])] if introduced else _maybe(rng, 0.5, plain["intros"])),
        *_story(rng, topic, asides),
        *_maybe(rng, 0.7, plain["impacts"]),
        *(_maybe(rng, 0.5, personal["tried"]) or _maybe(rng, 0.5, plain["tried"])),
        rng.choice([*topic["asks"], *plain["asks"]]),
        *contacts,
        *([rng.choice(plain["closings"])] if contacts else _maybe(rng, 0.4, plain["closings"])),
        *(f"\n{signature}" for signature in _maybe(rng, 0.25, personal["signatures"])),
    ]
    return _written(scene, parts)


def _story(rng: Random, topic: dict[str, Any], asides: list[str]) -> list[str]:
    """Two to four facts in their order, the asides anywhere after the first."""
    chosen = sorted(rng.sample(range(len(topic["facts"])), rng.randint(2, 4)))
    parts = [topic["facts"][each] for each in chosen]
    for aside in asides:
        parts.insert(rng.randint(1, len(parts)), aside)
    return parts


def _written(scene: Scene, parts: list[str]) -> Passage:
    """The parts filled in and joined: as one paragraph, or broken into lines as in a form's text box."""
    passages = [fill(scene.rng, part, scene.slot) for part in parts if part]
    if scene.rng.random() < 0.3:
        passages[1:-1] = [
            each + Passage.of("\n") if each.text[-1] in "。？" else each for each in passages[1:-1]
        ]
    return Passage.join(passages)


def _title(scene: Scene, topic: dict[str, Any], *, named: bool) -> Passage:
    bank = banks.load("letters")
    title = fill(scene.rng, scene.rng.choice(topic["titles"]), scene.slot)
    frames = bank["personal_titles"] if named and scene.rng.random() < 0.1 else bank["titles"]
    return fill(
        scene.rng, scene.rng.choice(frames), lambda name: title if name == "title" else scene.slot(name)
    )


def _reply(scene: Scene, office: str, answers: list[str], *, named: bool) -> Passage:
    rng, bank = scene.rng, banks.load("letters")["replies"]
    parts = [
        rng.choice(bank["personal_openings"] if named and rng.random() < 0.4 else bank["openings"]),
        rng.choice(bank["middles"]),
        rng.choice(answers),
        *_maybe(rng, 0.7, bank["closings"]),
    ]
    return Passage.join(
        fill(rng, part, lambda name: Passage.of(office) if name == "office" else scene.slot(name))
        for part in parts
    )


def _maybe(rng: Random, chance: float, bank: list[str]) -> list[str]:
    return [rng.choice(bank)] if rng.random() < chance else []
