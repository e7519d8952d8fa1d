"""How the shipped small taggers are made: from texts that may ship, and from nothing else.

Marked documents written for this project (their people, addresses and numbers are invented), each repeated
with other names, addresses and numbers in the same places; and unmarked public texts (laws, policies, service
guides) in which LAC's own places and organisations are the truth and there are no people but those it sees.

    python -m curation.anonymise.taggers.train LAWS.jsonl POLICIES.jsonl GUIDES.jsonl

Five minutes on one core. Nobody needs this to use the taggers; `govtune anonymise-adapt` adapts them.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from curation.anonymise import lexicon, marked, name_shapes
from curation.anonymise.taggers import crf, learn
from curation.anonymise.taggers.lac import Lac
from curation.samples import banks, letters

Spans = list[tuple[int, int, str]]

TEXTS = Path(__file__).with_name("texts")

COPIES, LETTERS, PUBLIC = 2, 600, 300_000
"""Times each marked document is used with other values, besides once as it is; generated letters; characters
of public texts, as many from each file."""


def main() -> None:
    parser = argparse.ArgumentParser(description="Make the shipped small taggers.")
    parser.add_argument("public", type=Path, nargs="+", metavar="PUBLIC", help="JSON lines of public texts")
    parser.add_argument("--texts", type=Path, default=TEXTS, help="folder of marked documents")
    parser.add_argument("--models", nargs="+", default=["characters", "judge"])
    parser.add_argument("--output", type=Path, default=crf.SHIPPED.parent)
    options = parser.parse_args()
    lac = Lac()
    documents = [one for path in sorted(options.texts.glob("*.txt")) for one in marked.read(path)]
    invented = [*examples(documents), *generated(LETTERS, seed=3)]
    taught = with_lac(invented, lac, people=False)
    taught += with_lac(list(public(options.public, PUBLIC, seed=5)), lac, people=True)
    print(f"{len(taught)} lines, {sum(len(line) for line, _ in taught)} characters")
    if "characters" in options.models:
        learn.fit(taught, progress=_told).save(options.output / crf.SHIPPED.name)
    if "judge" in options.models:
        told = lac.tags([line for line, _ in taught])
        learn.fit(taught, told, progress=_told).save(options.output / crf.JUDGE.name)


def _told(done: int, total: int) -> None:
    print(f"{done} of {total} rounds", flush=True)


def vary(text: str, spans: Spans, draw: random.Random) -> tuple[str, Spans]:
    """The text with other values in the places of its own; a value that stands twice is replaced alike."""
    known: dict[tuple[str, str], str] = {}
    parts: list[str] = []
    new: Spans = []
    at = length = 0
    for start, end, kind in spans:
        value = text[start:end]
        other = known.setdefault((kind, value), _other(kind, value, draw, known))
        parts += text[at:start], other
        length += start - at
        new.append((length, length + len(other), kind))
        length += len(other)
        at = end
    return "".join([*parts, text[at:]]), new


def _other(kind: str, value: str, draw: random.Random, known: dict[tuple[str, str], str]) -> str:
    if kind == "PERSON":
        return _name_like(value, draw)
    if kind == "PERSON_HONORIFIC":
        family = name_shapes.surname(value.lstrip("老小阿"))
        return value.replace(family, _surname(draw), 1) if family else value
    if kind == "ADDRESS":
        return _address_like(value, draw)
    return "".join(draw.choice("0123456789") if char.isdigit() else char for char in value)


def _surname(draw: random.Random) -> str:
    if draw.random() < 0.04:
        return draw.choice(lexicon.COMPOUND_SURNAMES)
    return draw.choice(_SURNAMES)


def _name_like(value: str, draw: random.Random) -> str:
    """Another name of the same kind; one in three stays, for names in the texts are truer than drawn ones."""
    if draw.random() < 0.3 or "\n" in value or " " in value:
        return value
    family = name_shapes.surname(value)
    given = value[len(family) :]
    if not family or len(given) > 2 or not given:
        return value
    count = len(given) if draw.random() < 0.8 else draw.choice((1, 2))
    return _surname(draw) + "".join(_given(draw) for _ in range(count))


def _given(draw: random.Random) -> str:
    return draw.choice(lexicon.GIVEN_CHARS[: 200 if draw.random() < 0.5 else None])


def _address_like(value: str, draw: random.Random) -> str:
    """Other numbers and, one time in two, other characters in the middle of its names."""
    out = [draw.choice("123456789") if char.isascii() and char.isdigit() else char for char in value]
    if draw.random() < 0.6:
        for at, char in enumerate(value):
            if "\u4e00" <= char <= "\u9fff" and char not in _UNITS and draw.random() < 0.5:
                out[at] = draw.choice(_PLACE_CHARS)
    return "".join(out)


_SURNAMES = lexicon.COMMON_SURNAMES * 4 + "".join(
    char for char in lexicon.RARE_SURNAMES if char not in lexicon.WEAK_SURNAMES
)
_UNITS = frozenset(
    "省市县区旗州盟镇乡村屯街道路巷弄里号楼栋幢座单元室层组队社院坊庄寨园苑府城湾庭门小大厦公寓花家新东西南北中"
    "一二三四五六七八九十第委会居自治壮族回维吾尔附之期"
)
_PLACE_CHARS = (
    "安宁和平光明兴隆福寿康泰龙凤山河江海湖泉石桥塘坪岭沟坡湾"
    "柳杨松竹梅桂云霞清河源永长丰金银玉翠华建设文化胜利团结"
)


def examples(
    documents: Sequence[marked.Marked], seed: int = 0, copies: int = COPIES
) -> Iterator[learn.Example]:
    """Lines and tags of marked documents, as they are and varied."""
    draw = random.Random(seed)
    for document in documents:
        versions = [(document.text, document.spans)]
        versions += [vary(document.text, document.spans, draw) for _ in range(copies)]
        for text, spans in versions:
            yield from learn.examples(text, spans)


def generated(count: int, seed: int) -> Iterator[learn.Example]:
    """Lines and tags of letters and replies from the project's own generator."""
    draw = random.Random(seed)
    categories = sorted(banks.load("topics"))
    for number in range(count):
        for passage in letters.compose(draw, categories[number % len(categories)]).text_fields:
            yield from learn.examples(passage.text, passage.spans)


def public(paths: Sequence[Path], characters: int, seed: int) -> Iterator[learn.Example]:
    """Lines of public texts (JSON lines), as many from each file, with nothing marked."""
    for path in paths:
        draw = random.Random(seed)
        texts = [text for row in map(json.loads, path.open(encoding="utf-8")) for text in _long_values(row)]
        left = characters // len(paths)
        while left > 0 and texts:
            text = draw.choice(texts)
            at = draw.randrange(max(len(text) - 800, 1))
            for example in learn.examples(text[at : at + 800], []):
                left -= len(example[0])
                yield example


def _long_values(row: dict[str, Any]) -> Iterator[str]:
    yield from (value for value in row.values() if isinstance(value, str) and len(value) >= 60)


def with_lac(examples: Sequence[learn.Example], lac: Lac, *, people: bool) -> list[learn.Example]:
    """The examples with LAC's places and organisations, and its people that look like names, where nothing is
    marked."""
    done: list[learn.Example] = []
    for (line, given), found in zip(examples, lac.tag([line for line, _ in examples]), strict=True):
        tags = list(given)
        for start, end, label, _ in found:
            if any(tags[start:end]) or (
                label == "PERSON" and not (people and name_shapes.is_likely(line, start, end))
            ):
                continue
            code = crf.code(label)
            tags[start:end] = [code] + [code + 1] * (end - start - 1)
        done.append((line, tags))
    return done


if __name__ == "__main__":
    main()
